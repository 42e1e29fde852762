use super::*;
use crate::model::{ConnectionId, ExchangeId, Generation, Outcome};
use crate::telemetry::{MOST_OPERATIONS, TlsLeg};

fn line<'a>(system: &'a SystemName, operation: &'a [u8]) -> AccessLine<'a> {
    AccessLine {
        flow: Flow::Request,
        id: ExchangeId {
            connection: ConnectionId::of_thread(1, 7),
            number: 3,
        },
        system,
        listener: "10.0.0.1:8443".parse().expect("address"),
        peer: "[2001:db8::9]:50123".parse().expect("address"),
        principal: None,
        tls: Some(TlsLeg {
            version: "TLSv1.3",
            resumed: true,
        }),
        method: Some(b"POST"),
        target: Some(b"/ici/phone"),
        operation: Some(operation),
        side: Some(Side::B),
        upstream: None,
        upstream_reused: true,
        tries: 1,
        outcome: Outcome::Answered,
        status: Some(200),
        code: None,
        request_bytes: 800,
        response_bytes: 1_200,
        took: Duration::from_millis(3),
        generation: Generation::FIRST,
    }
}

fn name(text: &str) -> SystemName {
    text.parse().expect("a name")
}

fn seen(each: &[&Traffic]) -> BTreeMap<SystemName, SystemTally> {
    let mut sum = BTreeMap::new();
    for traffic in each {
        traffic.add_to(&mut sum);
    }
    sum
}

#[test]
fn an_exchange_counts_under_its_system_flow_side_operation_status_and_outcome() {
    let traffic = Traffic::default();
    let (one, two) = (name("SAP1"), name("SAP2"));
    traffic.exchange(&line(&one, b"dial"));
    traffic.exchange(&AccessLine {
        status: Some(503),
        outcome: Outcome::NotSent,
        ..line(&one, b"dial")
    });
    traffic.exchange(&line(&two, b"dial"));
    let sum = seen(&[&traffic]);
    let tally = &sum[&one];
    let (key, exchanges) = tally.exchanges.first_key_value().expect("one");
    assert_eq!((key.flow, key.side), (Flow::Request, Some(Side::B)));
    assert_eq!(traffic.names().text(key.operation), "dial");
    let ended: Vec<_> = exchanges.ended().collect();
    assert_eq!(
        ended,
        [
            (StatusClass::Success, Outcome::Answered, 1),
            (StatusClass::ServerError, Outcome::NotSent, 1)
        ]
    );
    assert_eq!(exchanges.took.count(), 2);
    assert_eq!(tally.bytes[&Flow::Request], [1_600, 2_400]);
    assert_eq!(sum[&two].exchanges.len(), 1);
}

#[test]
fn a_relayed_connection_counts_its_bytes_under_its_listener_and_no_duration() {
    let (traffic, system) = (Traffic::default(), name("SAP1"));
    let relayed = AccessLine {
        flow: Flow::StaticRoute,
        operation: None,
        side: None,
        status: None,
        ..line(&system, b"")
    };
    traffic.exchange(&relayed);
    let tally = &seen(&[&traffic])[&system];
    let route = (Flow::StaticRoute, relayed.listener);
    assert_eq!(tally.relayed[&route], [800, 1_200]);
    assert!(tally.bytes.is_empty());
    let exchanges = tally.exchanges.values().next().expect("one");
    assert_eq!((exchanges.ended().count(), exchanges.took.count()), (1, 0));
}

#[test]
fn ten_thousand_operations_on_two_threads_make_no_more_figures_than_there_are_places() {
    let names = Arc::<OperationNames>::default();
    let threads = [0, 1].map(|_| Traffic::new(Arc::clone(&names)));
    let system = name("SAP1");
    for number in 0..10_000 {
        let operation = format!("operation{number}");
        threads[number % 2].exchange(&line(&system, operation.as_bytes()));
    }
    let tally = &seen(&[&threads[0], &threads[1]])[&system];
    assert_eq!(tally.exchanges.len(), MOST_OPERATIONS + 1);
    let counts = tally.exchanges.values().map(|one| one.took.count());
    assert_eq!(counts.sum::<u64>(), 10_000);
}

#[test]
fn what_two_threads_have_seen_is_added_up() {
    let names = Arc::<OperationNames>::default();
    let threads = [0, 1].map(|_| Traffic::new(Arc::clone(&names)));
    let system = name("SAP1");
    let full = HandshakeKey {
        leg: Leg::Outbound(UpstreamRole::Crm),
        version: Some("TLSv1.3"),
        end: HandshakeEnd::Full,
    };
    for traffic in &threads {
        traffic.exchange(&line(&system, b"dial"));
        traffic.gateway_answer(&system, Flow::Event, "GW-503-UNREACHABLE");
        traffic.handshake(&system, full, Duration::from_millis(1));
        traffic.probe(&system, Side::A, true, Duration::from_millis(1));
        traffic.switched(&system, Side::B, Switched::Operator);
        traffic.upstream(&system, UpstreamRole::Crm, |own| own.opened += 2);
        let stands = PoolTally { idle: 3, used: 1 };
        traffic.pools([(&system, UpstreamRole::Crm, stands)].into_iter());
    }
    let tally = &seen(&[&threads[0], &threads[1]])[&system];
    let exchanges = tally.exchanges.values().next().expect("one");
    assert_eq!(exchanges.took.count(), 2);
    assert_eq!(tally.bytes[&Flow::Request], [1_600, 2_400]);
    assert_eq!(tally.answers[&(Flow::Event, "GW-503-UNREACHABLE")], 2);
    assert_eq!(tally.handshakes[&full].count(), 2);
    assert_eq!(tally.probes[&(Side::A, true)].count(), 2);
    assert_eq!(tally.switches[&(Side::B, Switched::Operator)], 2);
    let upstream = tally.upstreams[&UpstreamRole::Crm];
    assert_eq!((upstream.opened, upstream.pool.idle), (4, 6));
}

#[test]
fn how_a_pool_stands_takes_the_place_of_how_it_stood() {
    let (traffic, system) = (Traffic::default(), name("SAP1"));
    let role = UpstreamRole::Side(Side::A);
    let stands = |idle| (&system, role, PoolTally { idle, used: 0 });
    traffic.pools([stands(5), stands(1)].into_iter());
    assert_eq!(seen(&[&traffic])[&system].upstreams[&role].pool.idle, 6);
    traffic.pools([stands(2)].into_iter());
    assert_eq!(seen(&[&traffic])[&system].upstreams[&role].pool.idle, 2);
    traffic.pools(std::iter::empty());
    assert_eq!(seen(&[&traffic])[&system].upstreams[&role].pool.idle, 0);
}

#[test]
fn every_status_has_a_class_and_every_class_a_word_of_its_own() {
    for (status, code) in [
        (None, "none"),
        (Some(200), "2xx"),
        (Some(302), "3xx"),
        (Some(404), "4xx"),
        (Some(500), "5xx"),
        (Some(999), "odd"),
    ] {
        assert_eq!(StatusClass::of(status).code(), code);
    }
    let places = StatusClass::ALL.map(|class| class as usize);
    assert!(places.iter().enumerate().all(|(at, place)| at == *place));
}
