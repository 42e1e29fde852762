//! What a running gateway says, after traffic of every kind.

use std::net::SocketAddr;
use std::time::Duration;

use crmgate::gateway::{Gateway, Viewer};
use crmgate::model::Side;
use crmgate::simulate::{Behaviour, Caller, Ending, EventReceiver, SimConnector};
use crmgate::telemetry::exposition::{Form, write};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::support::pair::{Legs, Pair, quick, unwatched};
use crate::support::raw::{Door, Raw};
use crate::support::scene::{Keeping, Scene, end};
use crate::support::tool::run;
use crate::support::{World, bound, free_address, soon, until};

/// The sum of the samples of a name whose labels hold all of these.
fn sum(text: &str, name: &str, labels: &[&str]) -> f64 {
    let of_name = text.lines().filter(|line| {
        let rest = line.strip_prefix(name);
        rest.is_some_and(|rest| rest.starts_with(['{', ' ']))
    });
    let picked = of_name.filter(|line| labels.iter().all(|label| line.contains(label)));
    let values = picked.map(|line| {
        let (_, value) = line.rsplit_once(' ').expect("a value");
        value.parse::<f64>().expect("a number")
    });
    values.sum()
}

fn text(viewer: &Viewer) -> String {
    write(&viewer.scrape(), Form::Text)
}

/// Whether a sum is so much; these are whole numbers, which a float holds exactly.
fn is(text: &str, name: &str, labels: &[&str], expected: u32) -> bool {
    (sum(text, name, labels) - f64::from(expected)).abs() < 0.5
}

#[track_caller]
fn assert_is(text: &str, name: &str, labels: &[&str], expected: u32) {
    assert!(
        is(text, name, labels, expected),
        "{name} {labels:?} is not {expected}:\n{text}"
    );
}

/// Waits until a sum is so much. An exchange is counted when its answer has gone, so whoever has read
/// the answer may be a moment early.
async fn until_is(viewer: &Viewer, name: &str, labels: &[&str], expected: u32) -> String {
    let what = format!("{name} {labels:?} is {expected}");
    until(what, || is(&text(viewer), name, labels, expected)).await;
    text(viewer)
}

fn soap(operation: &str) -> String {
    format!(
        "POST /ici HTTP/1.1\r\nHost: gateway\r\nContent-Type: text/xml\r\n\
         SOAPAction: \"urn:ici#{operation}\"\r\nContent-Length: 4\r\n\r\n<a/>"
    )
}

/// A gateway with requests and events in TLS and a static route, after some of each.
struct Busy {
    gateway: Gateway,
    /// Where SAP CRM calls.
    at: SocketAddr,
    _world: World,
    _ends: (SimConnector, SimConnector, EventReceiver),
}

impl Busy {
    async fn new() -> Self {
        let world = World::new();
        let (a, b) = (world.tls_side(Side::A), world.tls_side(Side::B));
        let (receiver, crm) = world.receiver();
        let [requests, events, route] = [(); 3].map(|()| free_address());
        let target = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let far = target.local_addr().expect("bound");
        let mut deployment = world
            .deployment()
            .requests(requests, &a.endpoint(), Some(&b.endpoint()))
            .events(events, &crm)
            .static_route(route, far);
        quick(&mut deployment);
        let gateway = world.serve(&deployment).await;
        let at = bound(&gateway, requests);
        let spec = world.crm(at).caller().expect("a caller");
        let mut caller = Caller::new(spec, world.ledger.clone());
        for _ in 0..3 {
            let ending = caller.call().await;
            assert!(matches!(ending, Ending::Answered), "{ending:?}");
            caller.hang_up().await;
        }
        let mut line = Raw::plain(bound(&gateway, events)).await;
        line.send(soap("ring").as_bytes()).await.expect("sent");
        let _answer = line.answer().await.expect("an answer");
        relay_some(bound(&gateway, route), &target).await;
        // Nobody speaks TLS here.
        let mut stranger = Raw::plain(at).await;
        let plain = stranger.send(b"GET / HTTP/1.0\r\n\r\n").await;
        plain.expect("sent");
        let _refused = stranger.rest().await;
        let viewer = gateway.viewer();
        let refused = ["reason=\"not-tls\""];
        until_is(&viewer, "crmgate_handshakes_total", &refused, 1).await;
        let has_ended = || gateway.figures().exchanges_static_route_answered == 1;
        until("the routed connection has ended", has_ended).await;
        Self {
            gateway,
            at,
            _world: world,
            _ends: (a, b, receiver),
        }
    }
}

/// Five bytes there and three back.
async fn relay_some(route: SocketAddr, target: &TcpListener) {
    let mut through = TcpStream::connect(route).await.expect("connected");
    let (mut far, _) = soon(target.accept()).await.expect("dialled");
    through.write_all(b"12345").await.expect("sent");
    far.read_exact(&mut [0; 5]).await.expect("arrived");
    far.write_all(b"abc").await.expect("sent");
    through.read_exact(&mut [0; 3]).await.expect("arrived");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_traffic_of_every_kind_each_is_counted_under_what_it_was() {
    let busy = Busy::new().await;
    let viewer = busy.gateway.viewer();
    let event = ["flow=\"event\"", "operation=\"ring\""];
    let text = until_is(&viewer, "crmgate_exchanges_total", &event, 1).await;
    let requests =
        "system=\"SAP1\" flow=\"request\" side=\"A\" status=\"2xx\" outcome=\"answered\"";
    let listener = format!("direction=\"inbound\" endpoint=\"{}\"", busy.at);
    for (name, labels, expected) in [
        ("crmgate_exchanges_total", requests, 3),
        (
            "crmgate_exchange_duration_seconds_count",
            "flow=\"request\" side=\"A\"",
            3,
        ),
        (
            "crmgate_exchanges_total",
            "flow=\"event\" side=\"none\" operation=\"ring\" status=\"2xx\"",
            1,
        ),
        (
            "crmgate_relayed_bytes_total",
            "flow=\"static-route\" direction=\"to-target\"",
            5,
        ),
        ("crmgate_tls_session_lookups_total", "result=\"found\"", 2),
    ] {
        let labels: Vec<_> = labels.split(' ').collect();
        assert_is(&text, name, &labels, expected);
    }
    for (end, expected) in [
        ("result=\"full\"", 1),
        ("result=\"resumed\"", 2),
        ("reason=\"not-tls\"", 1),
    ] {
        let labels: Vec<_> = listener.split(' ').chain([end]).collect();
        assert_is(&text, "crmgate_handshakes_total", &labels, expected);
    }
    let outbound = "direction=\"outbound\" endpoint=\"A\" result=\"full\"";
    let outbound: Vec<_> = outbound.split(' ').collect();
    let shaken = sum(&text, "crmgate_handshakes_total", &outbound);
    assert!(shaken > 0.5, "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn how_everything_stands_is_told_from_the_sides_to_the_certificates_of_peers() {
    let busy = Busy::new().await;
    let viewer = busy.gateway.viewer();
    let pool = "crmgate_upstream_connections_open";
    let has_pool = || sum(&text(&viewer), pool, &["idle"]) > 0.5;
    until("a worker has told how its pool stands", has_pool).await;
    let up = ["state=\"up\""];
    let text = until_is(&viewer, "crmgate_side_state", &up, 2).await;
    for (name, label, expected) in [
        ("crmgate_side_active", "side=\"A\"", 1),
        ("crmgate_side_active", "side=\"B\"", 0),
        ("crmgate_side_drained", "", 0),
        ("crmgate_config_generation", "", 1),
        ("crmgate_config_last_reload_successful", "", 1),
    ] {
        assert_is(&text, name, &[label], expected);
    }
    let good = ["result=\"passed\"", "side=\"B\""];
    assert!(sum(&text, "crmgate_probe_duration_seconds_count", &good) > 0.5);
    for role in ["listener", "connector", "authority", "client", "server"] {
        let role = format!("role=\"{role}\"");
        let name = "crmgate_certificate_not_after_timestamp_seconds";
        // A time in this century.
        assert!(sum(&text, name, &[&role]) > 1e9, "{role}:\n{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_detailed_figures_add_up_to_the_fixed_ones() {
    let busy = Busy::new().await;
    let viewer = busy.gateway.viewer();
    // Probes go on meanwhile, so the two are compared when none came in between.
    until("both say the same", || {
        let before = busy.gateway.figures();
        let scrape = viewer.scrape();
        let text = write(&scrape, Form::Text);
        let same = |name: &str, labels: &[&str], fixed: u64| {
            is(&text, name, labels, u32::try_from(fixed).expect("few"))
        };
        let result = |result: &str| format!("result=\"{result}\"");
        before == busy.gateway.figures()
            && same(
                "crmgate_exchanges_total",
                &["flow=\"request\""],
                before.exchanges_request_answered,
            )
            && same(
                "crmgate_exchange_bytes_total",
                &["direction=\"request\""],
                before.exchange_request_bytes,
            )
            && same(
                "crmgate_exchange_bytes_total",
                &["direction=\"response\""],
                before.exchange_response_bytes,
            )
            && same(
                "crmgate_relayed_bytes_total",
                &["from-target"],
                before.relayed_bytes_from_target,
            )
            && same(
                "crmgate_handshakes_total",
                &["inbound", &result("full")],
                before.handshakes_inbound_full,
            )
            && same(
                "crmgate_handshakes_total",
                &["inbound", &result("resumed")],
                before.handshakes_inbound_resumed,
            )
            && same(
                "crmgate_handshakes_total",
                &["inbound", &result("failed")],
                before.handshakes_inbound_failed,
            )
            && same("crmgate_probes_total", &["passed"], before.probes_passed)
            && same(
                "crmgate_upstream_connections_total",
                &[&result("reused")],
                before.upstream_reused,
            )
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn promtool_has_nothing_to_say_against_what_a_gateway_says() {
    let busy = Busy::new().await;
    let text = text(&busy.gateway.viewer());
    let judged = run("promtool", ["check", "metrics"], text.as_bytes()).await;
    assert!(judged.success, "{}\n{text}", judged.err);
    assert_eq!(judged.err, "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn however_many_operations_a_caller_makes_up_there_are_as_many_figures_as_places() {
    let pair = Pair::start(Legs::Plain, unwatched).await;
    let door = Door {
        addr: pair.at,
        tls: None,
    };
    let mut line = door.open().await;
    for number in 0..300 {
        let request = soap(&format!("operation{number}"));
        line.send(request.as_bytes()).await.expect("sent");
        let _answer = line.answer().await.expect("an answer");
    }
    let viewer = pair.gateway.viewer();
    let name = "crmgate_exchange_duration_seconds_count";
    let text = until_is(&viewer, name, &[], 300).await;
    let name = "crmgate_exchange_duration_seconds_count{";
    let series = text.lines().filter(|line| line.starts_with(name));
    assert_eq!(series.count(), 65, "{text}");
    let other = ["operation=\"_other\""];
    assert_is(
        &text,
        "crmgate_exchange_duration_seconds_count",
        &other,
        236,
    );
    pair.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_switch_and_a_reload_that_is_refused_are_seen() {
    let mut pair = Pair::start(Legs::Plain, unwatched).await;
    pair.switch(Side::B);
    pair.until_active(Side::B).await;
    pair.deployment
        .system
        .set("Requests", "SideA", "not a target");
    pair.deployment.write(pair.world.path()).expect("files");
    assert!(pair.gateway.reload().await.is_err());
    let text = text(&pair.gateway.viewer());
    assert_is(
        &text,
        "crmgate_switches_total",
        &["to=\"B\"", "reason=\"operator\""],
        1,
    );
    assert_is(
        &text,
        "crmgate_switches_total",
        &["reason=\"side-down\""],
        0,
    );
    assert_is(&text, "crmgate_side_active", &["side=\"B\""], 1);
    assert_is(&text, "crmgate_config_last_reload_successful", &[], 0);
    assert_is(&text, "crmgate_config_generation", &[], 1);
    assert_is(&text, "crmgate_reloads_total", &["result=\"failed\""], 1);
    pair.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_of_the_gateways_own_counts_under_its_code_and_what_came_back_as_nothing() {
    let mut pair = Pair::start(Legs::Plain, unwatched).await;
    pair.a.kill().await;
    pair.b.kill().await;
    let mut line = Raw::plain(pair.at).await;
    line.send(soap("dial").as_bytes()).await.expect("sent");
    assert_eq!(line.answer().await.expect("a fault").status(), 500);
    let viewer = pair.gateway.viewer();
    let lost = [
        "operation=\"dial\"",
        "status=\"5xx\"",
        "outcome=\"not-sent\"",
    ];
    let text = until_is(&viewer, "crmgate_exchanges_total", &lost, 1).await;
    let code = ["flow=\"request\"", "code=\"GW-503-UNREACHABLE\""];
    assert_is(&text, "crmgate_gateway_answers_total", &code, 1);
    for side in ["upstream=\"A\"", "upstream=\"B\""] {
        assert_is(
            &text,
            "crmgate_upstream_connections_total",
            &[side, "result=\"failed\""],
            1,
        );
    }
    pair.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_carries_a_request_is_told_as_used_and_then_as_idle() {
    let pair = Pair::start(Legs::Plain, unwatched).await;
    let viewer = pair.gateway.viewer();
    pair.a.behave(Behaviour::Hang);
    let mut line = Raw::plain(pair.at).await;
    line.send(soap("dial").as_bytes()).await.expect("sent");
    let open = |state: &str, count| {
        let state = format!("state=\"{state}\"");
        let labels = ["upstream=\"A\"", state.as_str()];
        is(
            &text(&viewer),
            "crmgate_upstream_connections_open",
            &labels,
            count,
        )
    };
    until("it is in use", || open("used", 1) && open("idle", 0)).await;
    pair.a.behave(Behaviour::Serve(Duration::ZERO));
    assert_eq!(line.answer().await.expect("an answer").status(), 200);
    until("it is kept", || open("used", 0) && open("idle", 1)).await;
    pair.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_whose_client_has_been_revoked_is_told_apart_from_one_that_nobody_knows() {
    for keeping in [Keeping::Cache, Keeping::Tickets] {
        let mut scene = Scene::new(keeping).await;
        let own = scene.issue(scene.company(), "crm");
        scene.publish(&[]);
        let mut gateway = scene.serve().await;
        let viewer = gateway.viewer();
        let clients = scene.visitors(Some(&own), &scene.company().pem());
        scene.let_in(&clients).await;
        let lookups = "crmgate_tls_session_lookups_total";
        let refused = ["result=\"refused\""];
        let before = text(&viewer);
        assert_is(&before, lookups, &refused, 0);
        let found = sum(&before, lookups, &["result=\"found\""]);
        assert!(found > 0.5, "{before}");
        scene.publish(&[&own]);
        scene.reload(&mut gateway).await;
        scene.are_shut_out(&clients).await;
        let after = text(&viewer);
        assert!(sum(&after, lookups, &refused) > 0.5, "{after}");
        let list = ["role=\"listener\"", "system=\"SAP1\""];
        let name = "crmgate_crl_next_update_timestamp_seconds";
        assert!(sum(&after, name, &list) > 1e9, "{after}");
        end(gateway).await;
    }
}
