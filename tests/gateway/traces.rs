//! Traces: what a collector gets to see of requests and events, what the far end is told, and that a
//! collector costs nobody anything.

use std::net::SocketAddr;
use std::time::Duration;

use crmgate::certs::issue::{Authority, LeafSpec};
use crmgate::gateway::Gateway;
use crmgate::simulate::{Deployment, Party};
use rustls::ServerConfig;
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::support::otlp::{Order, OtlpCollector, Seen};
use crate::support::raw::Raw;
use crate::support::recorder::Recorder;
use crate::support::{Daemon, World, free_address, soon, until};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const NOT_SAMPLED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

/// A gateway that records, with plain ways to and fro.
struct Scene {
    world: World,
    deployment: Deployment,
    listen: SocketAddr,
    side: Recorder,
    collector: OtlpCollector,
}

impl Scene {
    async fn new() -> Self {
        let world = World::new();
        let (listen, side) = (free_address(), Recorder::fine(None).await);
        let collector = OtlpCollector::start(None).await;
        let mut deployment = world
            .plain_deployment()
            .requests(listen, &side.endpoint(), None);
        deployment.system.set("Probe", "Type", "off");
        records_to(&mut deployment, &collector);
        Self {
            world,
            deployment,
            listen,
            side,
            collector,
        }
    }

    async fn serve(&self) -> Gateway {
        self.world.serve(&self.deployment).await
    }

    /// Asks once, with these fields.
    async fn ask(&self, fields: &str) -> u16 {
        ask(self.listen, fields).await
    }

    /// The spans, once there are so many.
    async fn spans(&self, count: usize) -> Vec<Seen> {
        spans(&self.collector, count).await
    }
}

fn records_to(deployment: &mut Deployment, collector: &OtlpCollector) {
    let endpoint = format!("http://{}", collector.addr);
    deployment.gateway.set("Traces", "Endpoint", endpoint);
}

async fn spans(collector: &OtlpCollector, count: usize) -> Vec<Seen> {
    until(format!("{count} spans have come"), || {
        collector.spans().len() >= count
    })
    .await;
    let spans = collector.spans();
    assert_eq!(spans.len(), count, "{spans:?}");
    spans
}

/// The span of the exchange, and those of its tries in their order.
fn parted(spans: Vec<Seen>) -> (Seen, Vec<Seen>) {
    let (mut servers, clients): (Vec<_>, Vec<_>) = spans.into_iter().partition(|one| one.kind == 2);
    assert_eq!(servers.len(), 1, "{servers:?}");
    let server = servers.remove(0);
    for client in &clients {
        assert_eq!((&client.trace, &client.parent), (&server.trace, &server.id));
        assert_eq!(client.kind, 3);
    }
    (server, clients)
}

async fn ask(listen: SocketAddr, fields: &str) -> u16 {
    let mut caller = Raw::plain(listen).await;
    let request = format!(
        "POST /ici/phone?secret=1 HTTP/1.1\r\nHost: gateway\r\nContent-Type: text/xml\r\n\
         SOAPAction: \"urn:ici#dial\"\r\n{fields}Content-Length: 4\r\n\r\n<a/>"
    );
    caller.send(request.as_bytes()).await.expect("sent");
    caller.answer().await.expect("an answer").status()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_its_caller_has_sampled_is_told_with_its_try_and_the_side_hears_of_it() {
    let mut scene = Scene::new().await;
    scene.deployment.gateway.set("Traces", "SampleRatio", "0");
    let mut gateway = scene.serve().await;
    let fields = format!("traceparent: {PARENT}\r\ntracestate: a=1\r\n");
    assert_eq!(scene.ask(&fields).await, 200);
    let (server, clients) = parted(scene.spans(2).await);
    let client = &clients[0];
    assert_eq!(
        (&*server.trace, &*server.parent),
        (TRACE, "b7ad6b7169203331")
    );
    assert_eq!((&*server.name, &*server.state), ("POST dial", "a=1"));
    for (key, value) in [
        ("http.request.method", "POST"),
        ("url.path", "/ici/phone"),
        ("url.scheme", "http"),
        ("http.response.status_code", "200"),
        ("client.address", "127.0.0.1"),
        ("network.protocol.version", "1.1"),
        ("crmgate.system", "SAP1"),
        ("crmgate.route", "request"),
        ("crmgate.side", "A"),
        ("crmgate.soap.action", "dial"),
        ("crmgate.outcome", "answered"),
        ("crmgate.generation", "1"),
    ] {
        assert_eq!(server.get(key), value, "{key}");
    }
    assert_eq!(client.get("server.address"), "127.0.0.1");
    assert_eq!(client.get("network.peer.address"), "127.0.0.1");
    assert_eq!(client.get("http.response.status_code"), "200");
    let at = scene.side.addr();
    assert_eq!(client.get("url.full"), format!("http://{at}/ici/phone"));
    assert!(server.began <= client.began && client.ended <= server.ended);
    let arrived = scene.side.only();
    let told = format!("00-{TRACE}-{}-01", client.id);
    assert_eq!(arrived.values("traceparent"), [told]);
    assert_eq!(arrived.values("tracestate"), ["a=1"]);
    gateway.drain(Duration::ZERO, std::future::ready(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_is_not_sampled_passes_untouched_and_without_a_span() {
    let mut scene = Scene::new().await;
    scene.deployment.gateway.set("Traces", "SampleRatio", "0");
    let mut gateway = scene.serve().await;
    let odd = "TraceParent: not one\r\ntracestate: b=2\r\n";
    let not_sampled = format!("traceparent: {NOT_SAMPLED}\r\ntracestate: a=1\r\n");
    let fields = ["", odd, &not_sampled, &format!("traceparent: {PARENT}\r\n")];
    for fields in fields {
        assert_eq!(scene.ask(fields).await, 200);
    }
    // What is recorded comes behind what would have come before it.
    assert_eq!(parted(scene.spans(2).await).0.trace, TRACE);
    let arrived = scene.side.requests();
    assert!(arrived[0].values("traceparent").is_empty());
    assert_eq!(arrived[1].values("traceparent"), ["not one"]);
    assert_eq!(arrived[1].values("tracestate"), ["b=2"]);
    assert_eq!(arrived[2].values("traceparent"), [NOT_SAMPLED]);
    assert_eq!(arrived[2].values("tracestate"), ["a=1"]);
    gateway.drain(Duration::ZERO, std::future::ready(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trace_that_begins_here_is_a_new_one_and_carries_nothing_of_another() {
    let scene = Scene::new().await;
    let mut gateway = scene.serve().await;
    let fields = format!("traceparent: {PARENT}\r\ntraceparent: {PARENT}\r\ntracestate: a=1\r\n");
    assert_eq!(scene.ask(&fields).await, 200);
    let (server, clients) = parted(scene.spans(2).await);
    assert_ne!(server.trace, TRACE);
    assert_eq!((&*server.parent, &*server.state), ("", ""));
    let arrived = scene.side.only();
    let told = format!("00-{}-{}-03", server.trace, clients[0].id);
    assert_eq!(arrived.values("traceparent"), [told]);
    assert!(arrived.values("tracestate").is_empty());
    gateway.drain(Duration::ZERO, std::future::ready(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_goes_to_the_other_side_has_two_tries_of_which_the_first_failed() {
    let scene = Scene::new().await;
    let world = World::new();
    let gone = format!("http://{}", free_address());
    let gone = gone.parse().expect("a URL");
    let listen = free_address();
    let mut deployment =
        world
            .plain_deployment()
            .requests(listen, &gone, Some(&scene.side.endpoint()));
    deployment.system.set("Probe", "Type", "off");
    records_to(&mut deployment, &scene.collector);
    let mut gateway = world.serve(&deployment).await;
    assert_eq!(ask(listen, "").await, 200);
    let (server, clients) = parted(scene.spans(3).await);
    let [first, second] = &clients[..] else {
        panic!("two tries: {clients:?}")
    };
    assert_eq!(first.get("crmgate.side"), "A");
    assert_eq!(first.get("error.type"), "GW-503-UNREACHABLE");
    assert_eq!(
        (first.status, first.get("http.response.status_code")),
        (2, "")
    );
    assert!(
        first.why.contains("refused the connection"),
        "{}",
        first.why
    );
    assert_eq!(second.get("crmgate.side"), "B");
    assert_eq!((second.status, second.get("error.type")), (0, ""));
    assert_eq!(second.get("http.request.resend_count"), "1");
    assert_eq!((server.status, server.get("crmgate.tries")), (0, "2"));
    let told = format!("00-{}-{}-03", server.trace, second.id);
    assert_eq!(scene.side.only().values("traceparent"), [told]);
    gateway.drain(Duration::ZERO, std::future::ready(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_no_side_can_be_reached_the_exchange_has_failed_by_the_code_that_the_caller_gets() {
    let mut scene = Scene::new().await;
    let gone = format!("http://{}", free_address());
    scene.deployment.system.set("Requests", "SideA", gone);
    let mut gateway = scene.serve().await;
    assert_eq!(scene.ask("").await, 500);
    let (server, clients) = parted(scene.spans(2).await);
    assert_eq!(clients.len(), 1);
    assert_eq!(server.status, 2);
    assert_eq!(server.get("error.type"), "GW-503-UNREACHABLE");
    assert_eq!(server.get("http.response.status_code"), "500");
    assert_eq!(server.get("crmgate.outcome"), "not-sent");
    gateway.drain(Duration::ZERO, std::future::ready(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_is_told_with_its_call_of_sap_crm_over_tls() {
    let world = World::new();
    let crm = Recorder::fine(Some(&world.pki.peer(Party::Crm))).await;
    let collector = OtlpCollector::start(None).await;
    let listen = free_address();
    let mut deployment = world.deployment().events(listen, &crm.endpoint());
    records_to(&mut deployment, &collector);
    let mut gateway = world.serve(&deployment).await;
    assert_eq!(
        ask(listen, &format!("traceparent: {PARENT}\r\n")).await,
        200
    );
    let (server, clients) = parted(spans(&collector, 2).await);
    assert_eq!(server.get("crmgate.route"), "event");
    assert_eq!(server.get("crmgate.side"), "");
    let client = &clients[0];
    let at = format!("https://{}/ici/phone", crm.addr());
    assert_eq!(client.get("url.full"), at);
    assert_eq!(client.get("tls.protocol.version"), "1.3");
    let told = format!("00-{TRACE}-{}-01", client.id);
    assert_eq!(crm.only().values("traceparent"), [told]);
    gateway.drain(Duration::ZERO, std::future::ready(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_called_over_tls_is_told() {
    let mut scene = Scene::new().await;
    let world = World::new();
    let mut deployment = world
        .deployment()
        .requests(scene.listen, &scene.side.endpoint(), None);
    records_to(&mut deployment, &scene.collector);
    scene.world = world;
    scene.deployment = deployment;
    let mut gateway = scene.serve().await;
    let crm = scene.world.pki.peer(Party::Crm).client().expect("a client");
    let mut caller = Raw::tls(scene.listen, &crm.into()).await.expect("let in");
    let request = "GET / HTTP/1.1\r\nHost: gateway\r\n\r\n";
    caller.send(request.as_bytes()).await.expect("sent");
    assert_eq!(caller.answer().await.expect("an answer").status(), 200);
    let (server, _) = parted(scene.spans(2).await);
    assert_eq!((&*server.name, server.get("url.scheme")), ("GET", "https"));
    assert_eq!(server.get("tls.protocol.version"), "1.3");
    assert_eq!(server.get("tls.resumed"), "false");
    assert!(
        server.get("tls.client.subject").contains("CN="),
        "{server:?}"
    );
    assert_eq!(server.get("tls.client.hash.sha256").len(), 64);
    gateway.drain(Duration::ZERO, std::future::ready(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_waits_for_a_collector_that_hangs_or_is_gone() {
    let mut scene = Scene::new().await;
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let silent_at = silent.local_addr().expect("bound");
    for endpoint in [silent_at, free_address()] {
        let endpoint = format!("http://{endpoint}");
        scene.deployment.gateway.set("Traces", "Endpoint", endpoint);
        let mut gateway = scene.serve().await;
        let began = Instant::now();
        let mut caller = Raw::plain(scene.listen).await;
        for _ in 0..2_000 {
            let request = "GET / HTTP/1.1\r\nHost: gateway\r\n\r\n";
            caller.send(request.as_bytes()).await.expect("sent");
            assert_eq!(caller.answer().await.expect("an answer").status(), 200);
        }
        assert!(began.elapsed() < Duration::from_secs(20));
        drop(caller);
        soon(gateway.drain(Duration::from_secs(5), std::future::pending())).await;
        let figures = gateway.figures();
        let lost = figures.trace_spans_undelivered + figures.trace_spans_dropped;
        assert_eq!(lost, 4_000, "every one is counted");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_turns_traces_on_to_another_collector_and_off() {
    let mut scene = Scene::new().await;
    let endpoint = format!("http://{}", scene.collector.addr);
    scene.deployment.gateway.remove("Traces", "Endpoint");
    let mut gateway = scene.serve().await;
    assert_eq!(scene.ask("").await, 200);
    scene.deployment.gateway.set("Traces", "Endpoint", endpoint);
    reload(&scene, &mut gateway).await;
    assert_eq!(scene.ask("").await, 200);
    let (server, _) = parted(scene.spans(2).await);
    assert_eq!(server.get("crmgate.generation"), "2");
    let other = OtlpCollector::start(None).await;
    let endpoint = format!("http://{}/else", other.addr);
    scene.deployment.gateway.set("Traces", "Endpoint", endpoint);
    scene
        .deployment
        .gateway
        .set("Traces", "ServiceName", "desk");
    reload(&scene, &mut gateway).await;
    assert_eq!(scene.ask("").await, 200);
    spans(&other, 2).await;
    let post = &other.posts()[0];
    assert_eq!(post.path, "POST /else");
    assert_eq!(post.resource()["service.name"], "desk");
    scene.deployment.gateway.remove("Traces", "Endpoint");
    reload(&scene, &mut gateway).await;
    assert_eq!(scene.ask(&format!("traceparent: {PARENT}\r\n")).await, 200);
    let arrived = scene.side.requests();
    let last = arrived.last().expect("four requests");
    assert_eq!(last.values("traceparent"), [PARENT], "untouched again");
    gateway.drain(Duration::ZERO, std::future::ready(())).await;
    assert_eq!((scene.collector.spans().len(), other.spans().len()), (2, 2));
}

async fn reload(scene: &Scene, gateway: &mut Gateway) {
    scene
        .deployment
        .write(scene.world.path())
        .expect("ini files");
    gateway.reload().await.expect("it is good");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_not_been_sent_is_sent_at_the_end() {
    let scene = Scene::new().await;
    // The first post is answered late enough for all others to wait for it.
    scene.collector.order(&[Order::Busy(503, "1")]);
    let mut gateway = scene.serve().await;
    assert_eq!(scene.ask("").await, 200);
    until("it was posted", || !scene.collector.posts().is_empty()).await;
    for _ in 0..20 {
        assert_eq!(scene.ask("").await, 200);
    }
    let limit = Duration::from_secs(10);
    soon(gateway.drain(limit, std::future::pending())).await;
    assert_eq!(scene.collector.spans().len(), 42);
    assert_eq!(gateway.figures().trace_spans_sent, 42);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_tells_once_that_spans_cannot_be_delivered_and_nothing_secret() {
    let mut scene = Scene::new().await;
    let world = &scene.world;
    let now = world.clock.now();
    let authority = Authority::new("Collector CA", now).expect("a CA");
    let own = authority.issue(&LeafSpec::for_name("127.0.0.1", now));
    let own = own.expect("issued");
    let key = PrivatePkcs8KeyDer::from(own.key_der.clone());
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![own.der.clone()], key.into());
    let collector = OtlpCollector::start(Some(config.expect("a pair"))).await;
    collector.order(&[Order::Status(503), Order::Status(503)]);
    world
        .pki
        .write("collector-ca.pem", &authority.pem())
        .expect("written");
    world
        .pki
        .write("otlp.headers", "Authorization: Bearer s3cret\n")
        .expect("written");
    scene
        .deployment
        .gateway
        .set("Log", "Level", "trace")
        .set(
            "Traces",
            "Endpoint",
            format!("https://{}/in?key=s3cret", collector.addr),
        )
        .set("Traces", "CaFile", "./ssl/collector-ca.pem")
        .set("Traces", "HeadersFile", "./ssl/otlp.headers");
    scene.deployment.write(world.path()).expect("ini files");
    let mut daemon = Daemon::serving(world.path()).await;
    assert_eq!(scene.ask("").await, 200);
    spans(&collector, 2).await;
    assert_eq!(collector.posts().len(), 3);
    let post = &collector.posts()[2];
    assert_eq!(post.path, "POST /in?key=s3cret");
    assert_eq!(post.field("authorization"), Some("Bearer s3cret"));
    daemon.until_said("the collector takes spans again").await;
    daemon.signal("TERM");
    assert!(daemon.ended().await.success());
    let said = daemon.said();
    let failed = said.matches("spans cannot be delivered").count();
    assert_eq!(failed, 1, "{said}");
    assert!(said.contains("lower SampleRatio"), "{said}");
    assert!(said.contains("traces -> https://"), "{said}");
    assert!(!said.contains("s3cret"), "{said}");
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_traces_there_is_no_thread_for_them() {
    for is_on in [false, true] {
        let mut scene = Scene::new().await;
        if !is_on {
            scene.deployment.gateway.remove("Traces", "Endpoint");
        }
        scene.deployment.write(scene.world.path()).expect("ini");
        let daemon = Daemon::serving(scene.world.path()).await;
        let threads = format!("/proc/{}/task", daemon.pid());
        let named = || -> bool {
            let tasks = std::fs::read_dir(&threads).expect("threads");
            let name = |task: std::io::Result<std::fs::DirEntry>| {
                let path = task.expect("a thread").path().join("comm");
                std::fs::read_to_string(path).unwrap_or_default()
            };
            tasks.map(name).any(|name| name.trim() == "crmgate-traces")
        };
        if is_on {
            until("it is there", named).await;
        } else {
            assert!(!named());
        }
    }
}
