//! Static routes: port xy here is port xy of the CRM host, byte for byte.

use std::net::SocketAddr;
use std::time::Duration;

use crmgate::gateway::Gateway;
use crmgate::model::Side;
use crmgate::simulate::{Caller, Deployment, EventPath, EventSource, Pace, Party, Port};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

use crate::support::raw::Raw;
use crate::support::recorder::Recorder;
use crate::support::{World, soon, until};

/// Routes from each port to its target, and nothing else.
fn routes(pairs: &[(&Port, SocketAddr)]) -> Deployment {
    let mut deployment = Deployment::new("SAP1");
    deployment.gateway.set("Runtime", "Threads", 2);
    for (port, target) in pairs {
        deployment = deployment.static_route(port.addr(), *target);
    }
    deployment
}

fn ports<const N: usize>() -> [Port; N] {
    std::array::from_fn(|_| Port::reserve().expect("a port"))
}

/// A target that is played by the test itself.
async fn target() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let addr = listener.local_addr().expect("bound");
    (listener, addr)
}

/// A route with both of its ends open.
struct Ends {
    caller: TcpStream,
    target: TcpStream,
    gateway: Gateway,
    _world: World,
    _port: Port,
}

async fn ends(adjust: impl FnOnce(&mut Deployment)) -> Ends {
    let world = World::new();
    let [port] = ports();
    let (listener, addr) = target().await;
    let mut deployment = routes(&[(&port, addr)]);
    adjust(&mut deployment);
    let gateway = world.serve(&deployment).await;
    let caller = TcpStream::connect(port.addr()).await.expect("a connection");
    let (target, _) = soon(listener.accept()).await.expect("dialled");
    Ends {
        caller,
        target,
        gateway,
        _world: world,
        _port: port,
    }
}

/// Bytes without a pattern.
fn noise(count: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    std::iter::repeat_with(next).take(count).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tls_session_runs_through_and_the_connector_sees_the_crms_own_certificate() {
    let world = World::new();
    let (receiver, endpoint) = world.receiver();
    let [port] = ports();
    let gateway = world.serve(&routes(&[(&port, receiver.addr())])).await;
    let path = EventPath::StaticRoute {
        route: port.addr(),
        tls: world.pki.peer(Party::Side(Side::A)),
        crm: receiver.addr(),
    };
    let mut connector = Caller::new(path.caller().expect("a caller"), world.events.clone());
    for _ in 0..3 {
        connector.call().await;
        connector.hang_up().await;
    }
    let figures = connector.figures();
    let of_crm = &world.pki.identity(Party::Crm).der;
    assert_eq!(figures.server_certificate.as_ref(), Some(of_crm));
    assert_eq!((figures.full, figures.resumed), (1, 2));
    assert_eq!(receiver.figures().resumed, 2);
    let tally = world.events.tally();
    assert!(tally.is_clean() && tally.answered == 3, "{tally:?}");
    let counted = gateway.figures();
    assert_eq!(
        counted.handshakes_inbound_full + counted.handshakes_outbound_full,
        0
    );
    assert_eq!(endpoint.target.port(), receiver.addr().port());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn megabytes_in_both_directions_at_once_arrive_as_they_were_sent() {
    let mut ends = ends(|_| {}).await;
    let there = noise(3_000_000);
    let back: Vec<u8> = there.iter().rev().copied().collect();
    let (mut from_caller, mut to_target) = ends.caller.split();
    let (mut from_target, mut to_caller) = ends.target.split();
    let mut got_there = vec![0; there.len()];
    let mut got_back = vec![0; back.len()];
    let (sent, answered, arrived, returned) = soon(async {
        tokio::join!(
            to_target.write_all(&there),
            to_caller.write_all(&back),
            from_target.read_exact(&mut got_there),
            from_caller.read_exact(&mut got_back),
        )
    })
    .await;
    sent.and(answered).expect("sent");
    arrived.and(returned).expect("arrived");
    assert!(got_there == there && got_back == back);
    drop((ends.caller, ends.target));
    let counted = || {
        let figures = ends.gateway.figures();
        let bytes = (
            figures.relayed_bytes_to_target,
            figures.relayed_bytes_from_target,
        );
        bytes == (there.len() as u64, back.len() as u64)
            && figures.relayed_connections_open == 0
            && figures.exchanges_static_route_answered == 1
    };
    until("the route has counted every byte", counted).await;
    assert_eq!(ends.gateway.figures().relayed_connections, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_that_has_finished_sending_still_gets_all_that_the_other_one_says() {
    for caller_finishes_first in [true, false] {
        let Ends {
            caller,
            target,
            gateway,
            _world,
            _port,
        } = ends(|_| {}).await;
        let (mut first, mut second) = if caller_finishes_first {
            (caller, target)
        } else {
            (target, caller)
        };
        first.write_all(b"my last word").await.expect("sent");
        first.shutdown().await.expect("half-closed");
        let mut heard = Vec::new();
        soon(second.read_to_end(&mut heard)).await.expect("the end");
        assert_eq!(heard, b"my last word");
        let long = noise(500_000);
        let mut echo = Vec::new();
        let (said, got) = soon(async {
            tokio::join!(
                async {
                    second.write_all(&long).await?;
                    second.shutdown().await
                },
                first.read_to_end(&mut echo),
            )
        })
        .await;
        said.expect("sent");
        got.expect("arrived");
        assert!(echo == long);
        let closed = || gateway.figures().relayed_connections_open == 0;
        until("the route is free", closed).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reset_of_one_end_is_a_reset_for_the_other() {
    for caller_breaks in [true, false] {
        let Ends {
            mut caller,
            mut target,
            gateway: _gateway,
            _world,
            _port,
        } = ends(|_| {}).await;
        caller.write_all(b"a").await.expect("sent");
        assert_eq!(soon(target.read_u8()).await.expect("arrived"), b'a');
        let (breaks, mut stays) = if caller_breaks {
            (caller, target)
        } else {
            (target, caller)
        };
        let socket = socket2::SockRef::from(&breaks);
        socket.set_linger(Some(Duration::ZERO)).expect("a socket");
        drop(breaks);
        let error = soon(stays.read_u8()).await.expect_err("nothing more comes");
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_route_on_which_nothing_moves_is_closed_after_its_limit_and_one_that_moves_is_not() {
    let limit = Duration::from_millis(600);
    let mut ends = ends(|deployment| {
        deployment
            .system
            .set("StaticRoutes", "IdleTimeout", "600ms");
    })
    .await;
    let started = Instant::now();
    while started.elapsed() < limit * 2 {
        // Bytes in one direction alone keep it open. Each round trip takes its own time.
        ends.target.write_all(b"x").await.expect("sent");
        assert_eq!(soon(ends.caller.read_u8()).await.expect("arrived"), b'x');
        tokio::task::yield_now().await;
    }
    let quiet = Instant::now();
    let mut rest = Vec::new();
    soon(ends.caller.read_to_end(&mut rest))
        .await
        .expect("closed");
    assert!(rest.is_empty());
    // The last byte left a moment before the clock was started.
    assert!(quiet.elapsed() > limit / 2);
    assert!(quiet.elapsed() < Duration::from_secs(10));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_routes_to_several_crms_each_reach_their_own() {
    let world = World::new();
    let ports: [Port; 12] = ports();
    let mut crms = Vec::new();
    for _ in 0..3 {
        crms.push(Recorder::fine(None).await);
    }
    let pairs: Vec<(&Port, SocketAddr)> = ports
        .iter()
        .zip(crms.iter().cycle())
        .map(|(port, crm)| (port, crm.addr()))
        .collect();
    let gateway = world.serve(&routes(&pairs)).await;
    for (number, port) in ports.iter().enumerate() {
        let mut line = Raw::plain(port.addr()).await;
        let request = format!("GET /{number} HTTP/1.1\r\nHost: x\r\n\r\n");
        line.send(request.as_bytes()).await.expect("sent");
        assert_eq!(line.answer().await.expect("an answer").status(), 200);
        let arrived = crms[number % 3].requests();
        let last = arrived.last().expect("a request");
        assert_eq!(last.start, format!("GET /{number} HTTP/1.1"));
        assert_eq!(last.fields, [("Host".to_owned(), "x".to_owned())]);
    }
    assert_eq!(gateway.status().listeners.len(), 12);
    let figures = gateway.figures();
    assert_eq!(figures.relayed_connections, 12);
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_alone_goes_to_the_same_port_of_the_crm_host() {
    let world = World::new();
    let [port] = ports();
    let crm = SocketAddr::from(([127, 0, 0, 2], port.addr().port()));
    let listener = TcpListener::bind(crm).await.expect("the same port");
    let mut deployment = routes(&[(&port, crm)]);
    let number = port.addr().port().to_string();
    deployment.system.set("StaticRoutes", &number, crm.ip());
    let _gateway = world.serve(&deployment).await;
    let mut line = Raw::plain(port.addr()).await;
    let (mut dialled, _) = soon(listener.accept()).await.expect("dialled");
    dialled.write_all(b"crm").await.expect("sent");
    assert_eq!(line.take(3).await, b"crm");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_leave_a_target_that_a_reload_changes_as_soon_as_they_are_quiet() {
    let world = World::new();
    let [port] = ports();
    let (old, new) = (target().await, target().await);
    let mut gateway = world.serve(&routes(&[(&port, old.1)])).await;
    let mut caller = TcpStream::connect(port.addr()).await.expect("connected");
    let (mut dialled, _) = soon(old.0.accept()).await.expect("dialled");
    caller.write_all(b"an event").await.expect("sent");
    let mut event = [0; 8];
    soon(dialled.read_exact(&mut event)).await.expect("arrived");
    let files = routes(&[(&port, new.1)]).write(world.path());
    files.expect("ini files");
    gateway.reload().await.expect("reloaded");
    // What is in flight comes to its end first.
    dialled.write_all(b"an answer").await.expect("answered");
    let mut heard = Vec::new();
    soon(caller.read_to_end(&mut heard)).await.expect("closed");
    assert_eq!(heard, b"an answer");
    let _caller = TcpStream::connect(port.addr()).await.expect("connected");
    soon(new.0.accept()).await.expect("dialled");
}

/// The reset may come so early that the connect itself sees it.
async fn assert_reset(route: SocketAddr) {
    let connected = TcpStream::connect(route).await;
    let error = match connected {
        Ok(mut tcp) => soon(tcp.read_u8()).await.expect_err("nobody is there"),
        Err(error) => error,
    };
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crm_that_cannot_be_reached_resets_the_caller_and_counts_as_not_sent() {
    let world = World::new();
    let [port, nobody] = ports();
    let gateway = world.serve(&routes(&[(&port, nobody.addr())])).await;
    assert_reset(port.addr()).await;
    let counted = || gateway.figures().exchanges_static_route_not_sent == 1;
    until("it is counted", counted).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_over_a_route_survive_the_death_of_the_gateways_other_connections() {
    let world = World::new();
    let (receiver, _) = world.receiver();
    let [port, dead, other] = ports();
    let pairs = [(&port, receiver.addr()), (&other, dead.addr())];
    let _gateway = world.serve(&routes(&pairs)).await;
    let path = EventPath::StaticRoute {
        route: port.addr(),
        tls: world.pki.peer(Party::Side(Side::B)),
        crm: receiver.addr(),
    };
    let source = EventSource::start("B", &path, Pace::steady(100.0), &world.events);
    let source = source.expect("a source");
    for _ in 0..20 {
        assert_reset(other.addr()).await;
    }
    until("events arrive", || receiver.received() >= 20).await;
    let figures = source.stop().await;
    let tally = world.events.tally();
    assert!(
        tally.is_clean() && tally.reported_in_all() == 0,
        "{tally:?}"
    );
    assert_eq!((figures.connections, receiver.out_of_order()), (1, 0));
}
