use std::time::Duration;

use super::*;
use crate::model::{ConnectionId, ExchangeId, Generation, Outcome, Side, SystemName, WallTime};
use crate::telemetry::{
    AccessLine, Counters, Flow, HandshakeEnd, HandshakeKey, Leg, PoolTally, ProcessFigures,
    Switched, UpstreamRole,
};

fn system() -> SystemName {
    "SAP1".parse().expect("a name")
}

fn exchange<'a>(system: &'a SystemName, flow: Flow, operation: Option<&'a [u8]>) -> AccessLine<'a> {
    AccessLine {
        flow,
        id: ExchangeId {
            connection: ConnectionId::of_thread(1, 7),
            number: 3,
        },
        system,
        listener: "10.0.0.1:8443".parse().expect("address"),
        peer: "[2001:db8::9]:50123".parse().expect("address"),
        principal: None,
        tls: None,
        method: None,
        target: None,
        operation,
        side: (flow == Flow::Request).then_some(Side::A),
        upstream: None,
        upstream_reused: true,
        tries: 1,
        outcome: Outcome::Answered,
        status: (!flow.is_relayed()).then_some(200),
        code: None,
        request_bytes: 800,
        response_bytes: 1_200,
        took: Duration::from_millis(3),
        generation: Generation::FIRST,
    }
}

/// A scrape in which every family has a sample.
pub(super) fn full() -> Scrape {
    let (counters, system) = (Counters::default(), system());
    let traffic = &counters.traffic;
    for (flow, operation) in [
        (Flow::Request, Some(&b"dial"[..])),
        (Flow::Event, None),
        (Flow::StaticRoute, None),
    ] {
        traffic.exchange(&exchange(&system, flow, operation));
        counters.exchanges(flow, Outcome::Answered).inc();
    }
    traffic.gateway_answer(&system, Flow::Request, "GW-503-UNREACHABLE");
    let listener = "10.0.0.1:8443".parse().expect("address");
    for (leg, end) in [
        (Leg::Inbound(listener), HandshakeEnd::Full),
        (
            Leg::Inbound(listener),
            HandshakeEnd::Failed("unknown-issuer"),
        ),
        (Leg::Outbound(UpstreamRole::Crm), HandshakeEnd::Resumed),
    ] {
        let version = (end != HandshakeEnd::Failed("unknown-issuer")).then_some("TLSv1.3");
        let key = HandshakeKey { leg, version, end };
        traffic.handshake(&system, key, Duration::from_millis(1));
    }
    traffic.probe(&system, Side::B, false, Duration::from_millis(1));
    traffic.switched(&system, Side::A, Switched::SideDown);
    let role = UpstreamRole::Side(Side::A);
    traffic.upstream(&system, role, |own| own.opened += 1);
    let stands = PoolTally { idle: 3, used: 1 };
    traffic.pools([(&system, role, stands)].into_iter());
    let mut scrape = Scrape {
        figures: counters.snapshot(),
        operations: std::sync::Arc::clone(traffic.names()),
        version: "1.2.3",
        generation: Some(Generation(4)),
        last_reload: Some(LastReload {
            succeeded: false,
            at: WallTime(20),
            published_at: Some(WallTime(10)),
        }),
        sides: vec![SideFigures {
            system: system.clone(),
            side: Side::A,
            state: "up",
            is_active: true,
            is_drained: false,
        }],
        preflight: Some(PreflightFigures {
            errors: 2,
            warnings: 1,
            at: WallTime(30),
        }),
        process: ProcessFigures {
            cpu_seconds: Some(0.5),
            resident_bytes: Some(1),
            open_fds: Some(2),
            max_fds: Some(3),
            started_at: Some(WallTime(4)),
        },
        ..Scrape::default()
    };
    traffic.add_to(&mut scrape.traffic);
    let authentic = Authentic {
        role: "listener",
        system: system.to_string(),
        name: "CN=\"odd\\name\",\nO=x".to_owned(),
        serial: "0a".to_owned(),
    };
    Scrape::note(&mut scrape.certificates, authentic.clone(), WallTime(7));
    Scrape::note(&mut scrape.lists, authentic, WallTime(8));
    scrape
}

#[test]
fn the_older_form_names_a_family_as_its_samples_are_named() {
    let text = write(&full(), Form::Text);
    for line in [
        "# HELP crmgate_exchanges_total Exchanges and relayed connections that ended.",
        "# TYPE crmgate_exchanges_total counter",
        "crmgate_exchanges_total{system=\"SAP1\",flow=\"request\",side=\"A\",operation=\"dial\",status=\"2xx\",outcome=\"answered\"} 1",
        "# TYPE crmgate_exchange_duration_seconds histogram",
        "crmgate_exchange_duration_seconds_bucket{system=\"SAP1\",flow=\"request\",side=\"A\",operation=\"dial\",le=\"0.0025\"} 0",
        "crmgate_exchange_duration_seconds_bucket{system=\"SAP1\",flow=\"request\",side=\"A\",operation=\"dial\",le=\"0.005\"} 1",
        "crmgate_exchange_duration_seconds_bucket{system=\"SAP1\",flow=\"request\",side=\"A\",operation=\"dial\",le=\"+Inf\"} 1",
        "crmgate_exchange_duration_seconds_sum{system=\"SAP1\",flow=\"request\",side=\"A\",operation=\"dial\"} 0.003",
        "crmgate_exchange_duration_seconds_count{system=\"SAP1\",flow=\"request\",side=\"A\",operation=\"dial\"} 1",
        "crmgate_handshakes_total{system=\"SAP1\",direction=\"inbound\",endpoint=\"10.0.0.1:8443\",version=\"unknown\",result=\"failed\",reason=\"unknown-issuer\"} 1",
        "crmgate_switches_total{system=\"SAP1\",to=\"A\",reason=\"side-down\"} 1",
        "crmgate_switches_total{system=\"SAP1\",to=\"A\",reason=\"operator\"} 0",
        "# TYPE crmgate_build_info gauge",
        "crmgate_build_info{version=\"1.2.3\"} 1",
        "crmgate_connections_open 0",
        "process_cpu_seconds_total 0.5",
    ] {
        assert!(text.lines().any(|own| own == line), "{line}\n{text}");
    }
    assert!(!text.contains("# UNIT") && !text.contains("# EOF"));
}

#[test]
fn openmetrics_names_a_counter_without_its_end_tells_units_and_ends_with_a_mark() {
    let text = write(&full(), Form::OpenMetrics);
    for line in [
        "# TYPE crmgate_exchanges counter",
        "# TYPE crmgate_exchange_duration_seconds histogram",
        "# UNIT crmgate_exchange_duration_seconds seconds",
        "# TYPE crmgate_exchange_bytes counter",
        "# UNIT crmgate_exchange_bytes bytes",
        "# TYPE crmgate_build info",
        "crmgate_build_info{version=\"1.2.3\"} 1",
        "crmgate_gateway_answers_total{system=\"SAP1\",flow=\"request\",code=\"GW-503-UNREACHABLE\"} 1",
    ] {
        assert!(text.lines().any(|own| own == line), "{line}\n{text}");
    }
    assert!(text.ends_with("\n# EOF\n"));
}

#[test]
fn a_label_with_quotes_backslashes_and_line_ends_stays_in_its_line() {
    let text = write(&full(), Form::Text);
    let line = "crmgate_crl_next_update_timestamp_seconds{role=\"listener\",system=\"SAP1\",\
                name=\"CN=\\\"odd\\\\name\\\",\\nO=x\"} 8";
    assert!(text.lines().any(|own| own == line), "{text}");
}

#[test]
fn no_series_comes_twice_and_every_family_of_a_full_scrape_has_one() {
    for form in [Form::Text, Form::OpenMetrics] {
        let text = write(&full(), form);
        let mut series: Vec<&str> = text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| line.rsplit_once(' ').expect("a value").0)
            .collect();
        let count = series.len();
        series.sort_unstable();
        series.dedup();
        assert_eq!(series.len(), count, "{text}");
        for family in described() {
            for sample in family.samples() {
                let is_there = series
                    .iter()
                    .any(|own| own.split('{').next() == Some(sample.as_str()));
                assert!(is_there, "{sample} of {}", family.name);
            }
        }
    }
}

#[test]
fn each_family_is_described_with_its_labels_and_under_one_name() {
    let all = described();
    let mut names: Vec<_> = all.iter().map(|family| family.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all.len());
    for family in &all {
        let is_clean = |name: &str| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        assert!(is_clean(family.name), "{}", family.name);
        assert!(family.help.ends_with('.') && !family.help.contains(['\\', '\n']));
        assert_eq!(
            family.name.ends_with("_total"),
            family.kind == "counter",
            "{}",
            family.name
        );
        for (label, meaning) in &family.labels {
            assert!(
                is_clean(label) && !meaning.is_empty(),
                "{} {label}",
                family.name
            );
        }
    }
    let text = reference();
    assert!(
        all.iter()
            .all(|family| text.contains(&format!("### `{}`", family.name)))
    );
}

#[test]
fn a_detailed_family_stands_for_a_fixed_one_of_the_same_kind_and_has_its_labels() {
    for detail in details() {
        let Some(fixed) = TABLE.iter().find(|family| family.name == detail.name) else {
            continue;
        };
        assert_eq!(detail.shape, fixed.kind.into(), "{}", detail.name);
        let text = write(&full(), Form::Text);
        let heads = text.matches(&format!("# TYPE {} ", detail.name)).count();
        assert_eq!(heads, 1, "{}", detail.name);
    }
}

#[test]
fn before_any_traffic_there_is_what_stands_and_nothing_is_made_up() {
    let text = write(&Scrape::default(), Form::Text);
    assert!(text.contains("crmgate_connections_accepted_total 0\n"));
    assert!(!text.contains("crmgate_exchanges_total{"));
    assert!(!text.contains("\ncrmgate_config_generation "));
    assert!(!text.contains("\nprocess_open_fds "));
}

#[test]
fn of_two_that_are_called_the_same_the_one_that_ends_first_is_told() {
    let mut known = std::collections::BTreeMap::new();
    let list = Authentic {
        role: "listener",
        system: system().to_string(),
        name: "CN=CA".to_owned(),
        serial: String::new(),
    };
    for until in [9, 7, 8] {
        Scrape::note(&mut known, list.clone(), WallTime(until));
    }
    assert_eq!(known[&list], WallTime(7));
    assert_eq!(known.len(), 1);
}
