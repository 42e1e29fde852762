//! Health probes: what each of them finds, and what they leave alone.

#[cfg(target_os = "linux")]
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

#[cfg(target_os = "linux")]
use crmgate::model::{Endpoint, HostPort, Scheme};
use crmgate::model::{Outcome, Side};
use crmgate::requests::failover::Health;
use crmgate::simulate::{Behaviour, Caller, CrmProfile, Ending, HttpVersion, Ini, Ledger};
use tokio::net::TcpStream;

use crate::support::pair::{Legs, Pair, health, quick};
use crate::support::wire::CuttingSide;
use crate::support::{Daemon, World, free_address, pause, until};

/// A pair of sides whose probes are of a type, with these keys besides.
async fn probed(legs: Legs, kind: &str, keys: impl FnOnce(&mut Ini)) -> Pair {
    Pair::start(legs, |deployment| {
        quick(deployment);
        deployment.system.set("Probe", "Type", kind);
        keys(&mut deployment.system);
    })
    .await
}

async fn finds_a_death_and_a_return(legs: Legs, kind: &str) {
    let mut pair = probed(legs, kind, |_| {}).await;
    pair.until_health(Side::A, Health::Up).await;
    pair.until_health(Side::B, Health::Up).await;
    pair.a.kill().await;
    pair.until_health(Side::A, Health::Down).await;
    pair.until_active(Side::B).await;
    pair.a.restart().expect("the same port");
    pair.until_health(Side::A, Health::Up).await;
    assert_eq!(pair.health(Side::B), Health::Up);
    assert_eq!(pair.tally().sent, 0, "no request had to suffer for it");
    pair.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tcp_probe_finds_a_death_and_a_return() {
    finds_a_death_and_a_return(Legs::TlsToGateway, "tcp").await;
    finds_a_death_and_a_return(Legs::Tls, "tcp").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tls_probe_finds_a_death_and_a_return() {
    finds_a_death_and_a_return(Legs::Tls, "tls").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_http_probe_finds_a_death_and_a_return() {
    finds_a_death_and_a_return(Legs::TlsToGateway, "http").await;
    finds_a_death_and_a_return(Legs::Tls, "http").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_soap_probe_finds_a_death_and_a_return() {
    finds_a_death_and_a_return(Legs::TlsToGateway, "soap").await;
    finds_a_death_and_a_return(Legs::Tls, "soap").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_side_that_accepts_and_stays_silent_is_found_by_every_probe_above_tcp() {
    for (legs, kind) in [
        (Legs::TlsToGateway, "http"),
        (Legs::TlsToGateway, "soap"),
        (Legs::Tls, "tls"),
        (Legs::Tls, "http"),
    ] {
        let pair = probed(legs, kind, |_| {}).await;
        pair.until_health(Side::A, Health::Up).await;
        pair.a.behave(Behaviour::Hang);
        pair.until_health(Side::A, Health::Down).await;
        pair.a.behave(Behaviour::Serve(Duration::ZERO));
        pair.until_health(Side::A, Health::Up).await;
        pair.end().await;
    }
    let pair = probed(Legs::TlsToGateway, "tcp", |_| {}).await;
    pair.until_health(Side::A, Health::Up).await;
    pair.a.behave(Behaviour::Hang);
    pair.until_probed(20).await;
    assert_eq!(pair.health(Side::A), Health::Up, "all that TCP can tell");
    pair.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_status_that_does_not_mean_alive_takes_a_side_down() {
    for kind in ["http", "soap"] {
        let expect = |keys: &mut Ini| {
            keys.set("Probe", "ExpectStatus", "200,204");
        };
        let pair = probed(Legs::TlsToGateway, kind, expect).await;
        pair.until_health(Side::A, Health::Up).await;
        pair.a.behave(Behaviour::Fault);
        pair.until_health(Side::A, Health::Down).await;
        pair.a.behave(Behaviour::Serve(Duration::ZERO));
        pair.until_health(Side::A, Health::Up).await;
        pair.end().await;
    }
    let pair = probed(Legs::TlsToGateway, "http", |_| {}).await;
    pair.a.behave(Behaviour::Fault);
    pair.until_health(Side::A, Health::Up).await;
    pair.until_probed(20).await;
    assert_eq!(pair.health(Side::A), Health::Up, "any answer, as delivered");
    pair.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tls_probe_finds_a_certificate_that_is_not_trusted() {
    let (world, foreign) = (World::new(), World::new());
    let stranger = foreign.tls_side(Side::A);
    let b = world.tls_side(Side::B);
    let mut deployment =
        world
            .deployment()
            .requests(free_address(), &stranger.endpoint(), Some(&b.endpoint()));
    quick(&mut deployment);
    deployment.system.set("Probe", "Type", "tls");
    let gateway = world.serve(&deployment).await;
    until("side A is down and side B is up", || {
        (health(&gateway, Side::A), health(&gateway, Side::B)) == (Health::Down, Health::Up)
    })
    .await;
    assert!(gateway.figures().handshakes_outbound_failed >= 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_probe_asks_for_what_was_configured() {
    let world = World::new();
    let ledger = Ledger::new();
    let (a, b) = (CuttingSide::start(&ledger).await, world.side(Side::B));
    std::fs::write(world.path().join("probe.xml"), "<ping xmlns='urn:x'/>").expect("a file");
    let mut deployment =
        world
            .plain_deployment()
            .requests(free_address(), &a.endpoint(), Some(&b.endpoint()));
    quick(&mut deployment);
    deployment
        .system
        .set("Probe", "Type", "soap")
        .set("Probe", "Path", "/alive?deep=1")
        .set("Probe", "SoapAction", "urn:ping")
        .set("Probe", "SoapBodyFile", "probe.xml");
    let mut gateway = world.serve(&deployment).await;
    until("side A is up", || health(&gateway, Side::A) == Health::Up).await;
    let seen = a.last();
    let host = format!("\r\nhost: {}\r\n", a.addr());
    assert!(
        seen.starts_with("POST /alive?deep=1 HTTP/1.1\r\n"),
        "{seen}"
    );
    assert!(seen.contains("\r\nsoapaction: \"urn:ping\"\r\n"), "{seen}");
    assert!(seen.contains(&host), "{seen}");
    assert!(seen.ends_with("\r\n\r\n<ping xmlns='urn:x'/>"), "{seen}");

    for key in ["SoapAction", "SoapBodyFile"] {
        deployment.system.remove("Probe", key);
    }
    deployment
        .system
        .set("Probe", "Type", "http")
        .set("Probe", "Method", "OPTIONS");
    deployment.write(world.path()).expect("files");
    gateway.reload().await.expect("a good configuration");
    until("the other probe has come", || {
        a.last().starts_with("OPTIONS /alive?deep=1 HTTP/1.1\r\n")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn probes_and_requests_share_no_tls_session() {
    let pair = probed(Legs::Tls, "http", |keys| {
        // A connection for each request, so that every one of them could resume a session.
        keys.set("Requests", "PoolIdle", "0s");
    })
    .await;
    pair.until_probed(10).await;
    let before = pair.gateway.figures();
    assert!(before.handshakes_outbound_full >= 10);
    assert_eq!(before.handshakes_outbound_resumed, 0, "probes begin anew");
    assert_eq!(pair.a.figures().resumed, 0);
    let mut caller = pair.caller();
    for _ in 0..5 {
        assert_eq!(caller.call().await, Ending::Answered);
    }
    pair.until_probed(10).await;
    assert_eq!(
        pair.a.figures().resumed,
        4,
        "the first request finds no session that a probe has left, the others find its own"
    );
    assert_eq!(pair.gateway.figures().handshakes_outbound_resumed, 4);
    pair.end().await;
}

/// A host that lets packets fall, as far as a caller can tell: its queue is full and stays so.
#[cfg(target_os = "linux")]
fn deaf_host() -> (SocketAddr, Vec<std::net::TcpStream>, socket2::Socket) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
    let socket = socket.expect("a socket");
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    socket.bind(&any.into()).expect("loopback");
    socket.listen(0).expect("listening");
    let bound = socket.local_addr().expect("bound");
    let addr = bound.as_socket().expect("an address");
    let mut queue = Vec::new();
    while let Ok(caller) = std::net::TcpStream::connect_timeout(&addr, Duration::from_millis(100)) {
        queue.push(caller);
    }
    (addr, queue, socket)
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_host_is_told_from_a_connector_that_hangs_and_the_log_says_what_was_seen() {
    let world = World::new();
    let b = world.side(Side::B);
    b.behave(Behaviour::Hang);
    let (deaf, _queue, _socket) = deaf_host();
    let a = Endpoint {
        scheme: Scheme::Http,
        target: HostPort::from_addr(deaf),
    };
    let deployment = world.plain_deployment();
    let mut deployment = deployment.requests(free_address(), &a, Some(&b.endpoint()));
    quick(&mut deployment);
    deployment.system.set("Probe", "Timeout", "200ms");
    deployment.write(world.path()).expect("files");
    let mut daemon = Daemon::serving(world.path()).await;
    let dead = format!(
        "side=A cause=no connection in time seen_by=probes failures=2 detail={deaf} took no connection within 200 ms"
    );
    let hangs = "side=B cause=no answer in time seen_by=probes failures=2 detail=connected, and no answer within 200 ms";
    for seen in [dead.as_str(), hangs] {
        daemon
            .until_said(&format!("side is down system=SAP1 {seen}"))
            .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_side_that_requests_find_down_is_logged_with_what_they_met() {
    let world = World::new();
    let mut a = world.side(Side::A);
    let listen = free_address();
    let deployment = world.plain_deployment();
    let mut deployment = deployment.requests(listen, &a.endpoint(), None);
    deployment.system.set("Failover", "Fall", 1);
    deployment.write(world.path()).expect("files");
    let mut daemon = Daemon::serving(world.path()).await;
    a.kill().await;
    let spec = CrmProfile::new(listen).caller().expect("plain");
    let mut caller = Caller::new(spec, world.ledger.clone());
    assert!(matches!(caller.call().await, Ending::Reported { .. }));
    let seen = format!(
        "side=A cause=cannot connect seen_by=requests failures=1 detail=nothing was sent, because {} refused the connection",
        a.addr()
    );
    daemon
        .until_said(&format!("side is down system=SAP1 {seen}"))
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_without_descriptors_does_not_take_its_sides_for_dead() {
    let world = World::new();
    let (a, b) = (world.side(Side::A), world.side(Side::B));
    let listen = free_address();
    let mut deployment =
        world
            .plain_deployment()
            .requests(listen, &a.endpoint(), Some(&b.endpoint()));
    quick(&mut deployment);
    deployment.system.set("Requests", "PoolIdle", "0s");
    deployment.gateway.set("Runtime", "Threads", 1);
    deployment.write(world.path()).expect("files");
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -n 64; exec \"$0\" \"$@\""]);
    shell.arg(env!("CARGO_BIN_EXE_crmgate"));
    let mut daemon = Daemon::run_with(shell, world.path());
    daemon.until_said("serving").await;
    let profile = CrmProfile {
        version: HttpVersion::Http11,
        ..CrmProfile::new(listen)
    };
    let spec = profile.caller().expect("plain");
    let mut caller = Caller::new(spec, world.ledger.clone());
    assert_eq!(caller.call().await, Ending::Answered);

    let mut crowd = Vec::new();
    for _ in 0..80 {
        crowd.push(TcpStream::connect(listen).await.expect("in the backlog"));
    }
    daemon.until_said("no descriptors are left").await;
    let exhausted = Ending::Reported {
        code: "GW-503-EXHAUSTED".to_owned(),
        outcome: Outcome::NotSent,
    };
    let mut met = 0;
    while met < 10 {
        // A probe that ends gives its descriptor back, and a request may be the next to take it.
        match caller.call().await {
            Ending::Answered => {}
            ending => {
                assert_eq!(ending, exhausted);
                met += 1;
            }
        }
        // Two probes of each side, at least.
        pause(Duration::from_millis(100)).await;
    }
    drop(crowd);
    let mut ending = caller.call().await;
    while ending == exhausted {
        pause(Duration::from_millis(10)).await;
        ending = caller.call().await;
    }
    assert_eq!(ending, Ending::Answered);
    assert_eq!(b.executed(), 0);
    let said = daemon.said();
    assert!(
        !said.contains("side is down") && !said.contains("switched"),
        "{said}"
    );
    assert!(world.ledger.tally().is_clean());
}
