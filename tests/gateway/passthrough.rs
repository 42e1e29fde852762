//! `Mode=passthrough`: connections instead of requests, TLS untouched.

use std::net::SocketAddr;
use std::time::Duration;

use crmgate::gateway::Gateway;
use crmgate::model::{Endpoint, HostPort, Scheme, Side};
use crmgate::requests::failover::Health;
use crmgate::simulate::{Behaviour, Caller, Deployment, Ending, Party};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::support::halves::ask_and_close;
use crate::support::pair::{Legs, Pair, quick, unwatched};
use crate::support::{Daemon, PATIENCE, World, bound, free_address, until};

/// Two TLS sides behind a gateway that passes connections through.
async fn passthrough(keys: impl FnOnce(&mut Deployment)) -> Pair {
    Pair::start(Legs::Tls, |deployment| {
        deployment.system.set("Requests", "Mode", "passthrough");
        keys(deployment);
    })
    .await
}

fn shown_by(pair: &Pair, caller: &Caller) -> Side {
    let shown = caller.figures().server_certificate.expect("a certificate");
    let is = |side: &Side| pair.world.pki.identity(Party::Side(*side)).der == shown;
    let found = Side::BOTH.into_iter().find(is);
    found.expect("the certificate of a side")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_caller_meets_the_sides_own_certificate_and_the_side_the_callers() {
    let pair = passthrough(|_| {}).await;
    let mut caller = pair.caller();
    for _ in 0..3 {
        assert_eq!(caller.call().await, Ending::Answered);
    }
    assert_eq!(shown_by(&pair, &caller), Side::A);
    // The side asks for a certificate and would have refused any but the caller's.
    assert_eq!((pair.a.figures().full, pair.a.executed()), (1, 3));
    let figures = pair.gateway.figures();
    assert_eq!(figures.handshakes_inbound_full, 0);
    assert_eq!(figures.handshakes_outbound_full, 0);
    assert_eq!(figures.relayed_connections, 1);
    caller.hang_up().await;
    assert_eq!(caller.call().await, Ending::Answered);
    assert_eq!(caller.figures().resumed, 1, "sessions are the ends' own");
    pair.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_the_first_side_refuses_goes_to_the_other_one() {
    let mut pair = passthrough(unwatched).await;
    pair.a.kill().await;
    let mut caller = pair.caller();
    assert_eq!(caller.call().await, Ending::Answered);
    assert_eq!(shown_by(&pair, &caller), Side::B);
    assert_eq!(pair.active(), Side::A, "one refusal is not enough to move");
    assert_eq!(pair.gateway.figures().replays, 1);
    pair.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_went_to_the_other_side_comes_back_once_it_is_quiet() {
    let mut pair = passthrough(unwatched).await;
    pair.a.kill().await;
    let mut caller = pair.caller();
    assert_eq!(caller.call().await, Ending::Answered);
    assert_eq!(shown_by(&pair, &caller), Side::B);
    pair.a.restart().expect("the same port");
    until("the connection is closed", || {
        pair.gateway.figures().relayed_connections_open == 0
    })
    .await;
    caller.hang_up().await;
    assert_eq!(caller.call().await, Ending::Answered);
    assert_eq!(shown_by(&pair, &caller), Side::A);
    pair.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_side_that_is_killed_under_load_costs_only_requests_that_it_had() {
    let mut pair = passthrough(|_| {}).await;
    let latency = Behaviour::Serve(Duration::from_millis(20));
    pair.a.behave(latency);
    pair.b.behave(latency);
    let crm = pair.agents(20, 10.0);
    until("side A serves", || pair.a.executed() >= 100).await;
    pair.a.kill().await;
    until("side B serves", || pair.b.executed() >= 100).await;
    crm.stop().await;
    let tally = pair.tally();
    // In passthrough nobody can tell a caller what became of a request that broke.
    assert!(tally.lost.len() <= 20, "{tally:?}");
    assert!(
        tally.duplicated.is_empty() && tally.invented == 0,
        "{tally:?}"
    );
    assert_eq!(pair.active(), Side::B);
    pair.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_both_sides_dead_a_connection_is_reset_at_once() {
    let mut pair = passthrough(unwatched).await;
    pair.a.kill().await;
    pair.b.kill().await;
    // The reset may be there before connect returns.
    let read = async { TcpStream::connect(pair.at).await?.read_u8().await };
    let error = read.await.expect_err("nothing to read");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    until("it is counted", || {
        pair.gateway.figures().exchanges_passthrough_not_sent == 1
    })
    .await;
    pair.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operators_switch_moves_connections_that_are_open_as_soon_as_they_are_quiet() {
    let pair = passthrough(|_| {}).await;
    let mut caller = pair.caller();
    for _ in 0..3 {
        assert_eq!(caller.call().await, Ending::Answered);
    }
    pair.switch(Side::B);
    until("the connection is closed", || {
        pair.gateway.figures().relayed_connections_open == 0
    })
    .await;
    caller.hang_up().await;
    assert_eq!(caller.call().await, Ending::Answered);
    assert_eq!(shown_by(&pair, &caller), Side::B);
    pair.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_leave_a_side_whose_address_a_reload_changes_as_soon_as_they_are_quiet() {
    let mut pair = passthrough(|_| {}).await;
    let mut caller = pair.caller();
    assert_eq!(caller.call().await, Ending::Answered);
    let other = pair.world.tls_side(Side::A);
    pair.deployment
        .system
        .set("Requests", "SideA", other.endpoint());
    pair.reload().await;
    until("the connection is closed", || {
        pair.gateway.figures().relayed_connections_open == 0
    })
    .await;
    caller.hang_up().await;
    assert_eq!(caller.call().await, Ending::Answered);
    assert_eq!((pair.a.executed(), other.executed()), (1, 1));
    pair.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operators_switch_waits_for_slow_answers_also_on_connections_that_are_new() {
    let pair = passthrough(|_| {}).await;
    pair.a.behave(Behaviour::Serve(Duration::from_millis(1500)));
    // Each of these connections is a TLS handshake old, whose last word was the side's.
    let mut callers: Vec<_> = (0..8).map(|_| pair.caller()).collect();
    let mut calls = JoinSet::new();
    for mut caller in callers.drain(..) {
        calls.spawn(async move { caller.call().await });
    }
    until("side A has the requests", || pair.a.executed() == 8).await;
    pair.switch(Side::B);
    assert_eq!(calls.join_all().await, [const { Ending::Answered }; 8]);
    pair.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_whose_side_hangs_is_reset_long_before_the_response_timeout() {
    let pair = passthrough(|deployment| {
        quick(deployment);
        deployment.system.set("Probe", "Type", "tls");
    })
    .await;
    pair.until_health(Side::B, Health::Up).await;
    let (mut busy, mut quiet) = (pair.caller(), pair.caller());
    for caller in [&mut busy, &mut quiet] {
        assert_eq!(caller.call().await, Ending::Answered);
    }
    pair.a.behave(Behaviour::Hang);
    let begun = Instant::now();
    let ending = busy.call().await;
    assert!(matches!(ending, Ending::Broken(_)), "{ending:?}");
    assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
    until("the quiet one is closed too", || {
        pair.gateway.figures().relayed_connections_open == 0
    })
    .await;
    for caller in [&mut busy, &mut quiet] {
        caller.hang_up().await;
        assert_eq!(caller.call().await, Ending::Answered);
        assert_eq!(shown_by(&pair, caller), Side::B);
    }
    pair.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_carries_nothing_ends_after_the_response_timeout() {
    let pair = passthrough(|deployment| {
        let keys = &mut deployment.system;
        keys.set("Requests", "ResponseTimeout", "300ms");
    })
    .await;
    let mut silent = TcpStream::connect(pair.at).await.expect("connected");
    let begun = Instant::now();
    assert_eq!(silent.read(&mut [0]).await.expect("a farewell"), 0);
    assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
    pair.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tcp_and_tls_probes_watch_the_sides_of_a_passthrough() {
    for kind in ["tcp", "tls"] {
        let mut pair = passthrough(|deployment| {
            quick(deployment);
            deployment.system.set("Probe", "Type", kind);
        })
        .await;
        pair.until_health(Side::A, Health::Up).await;
        pair.until_health(Side::B, Health::Up).await;
        pair.a.kill().await;
        pair.until_active(Side::B).await;
        pair.a.restart().expect("the same port");
        pair.until_health(Side::A, Health::Up).await;
        pair.end().await;
    }
}

/// A gateway that passes connections through to a plain listener of the test.
async fn to_a_listener(world: &World) -> (Gateway, SocketAddr, TcpListener) {
    let side = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let endpoint = Endpoint {
        scheme: Scheme::Http,
        target: HostPort::from_addr(side.local_addr().expect("bound")),
    };
    let listen = free_address();
    let mut deployment = world.plain_deployment().requests(listen, &endpoint, None);
    deployment.system.set("Requests", "Mode", "passthrough");
    let gateway = world.serve(&deployment).await;
    let at = bound(&gateway, listen);
    (gateway, at, side)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_that_has_said_all_still_hears_the_other_one() {
    let world = World::new();
    let (gateway, at, side) = to_a_listener(&world).await;
    let mut caller = TcpStream::connect(at).await.expect("connected");
    let (mut taken, _) = side.accept().await.expect("accepted");
    let size = ask_and_close(&mut caller, &mut taken).await;
    // It is counted at its very end.
    until("it is over", || {
        gateway.figures().exchanges_passthrough_answered == 1
    })
    .await;
    let figures = gateway.figures();
    assert_eq!(figures.relayed_connections_open, 0);
    assert_eq!(figures.relayed_bytes_to_target, size);
    assert_eq!(figures.relayed_bytes_from_target, size);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_side_that_breaks_off_is_not_taken_for_one_that_has_said_all() {
    let world = World::new();
    let (_gateway, at, side) = to_a_listener(&world).await;
    let mut caller = TcpStream::connect(at).await.expect("connected");
    let (mut taken, _) = side.accept().await.expect("accepted");
    taken.write_all(b"half an ans").await.expect("written");
    let mut heard = [0; 11];
    caller.read_exact(&mut heard).await.expect("what it said");
    taken.set_zero_linger().expect("open");
    drop(taken);
    let error = caller.read_u8().await.expect_err("no more comes");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_side_that_breaks_off_with_a_question_open_has_not_answered_whatever_it_said_before() {
    let world = World::new();
    let (gateway, at, side) = to_a_listener(&world).await;
    let mut caller = TcpStream::connect(at).await.expect("connected");
    let (mut taken, _) = side.accept().await.expect("accepted");
    let mut word = [0; 8];
    caller.write_all(b"question").await.expect("written");
    taken.read_exact(&mut word).await.expect("the question");
    taken.write_all(b"answered").await.expect("written");
    caller.read_exact(&mut word).await.expect("the answer");
    caller.write_all(b"question").await.expect("written");
    taken.read_exact(&mut word).await.expect("the question");
    taken.set_zero_linger().expect("open");
    drop(taken);
    caller.read_u8().await.expect_err("no more comes");
    until("it is counted", || {
        gateway.figures().exchanges_passthrough_sent_no_answer == 1
    })
    .await;
    assert_eq!(gateway.figures().exchanges_passthrough_answered, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_lets_a_passed_through_exchange_finish_and_closes_idle_connections() {
    let mut pair = passthrough(|_| {}).await;
    let (mut busy, mut idle) = (pair.caller(), pair.caller());
    for caller in [&mut busy, &mut idle] {
        assert_eq!(caller.call().await, Ending::Answered);
    }
    pair.a.behave(Behaviour::Serve(Duration::from_millis(700)));
    let (a, gateway) = (&pair.a, &mut pair.gateway);
    let (ending, report) = tokio::join!(busy.call(), async {
        until("the side has the request", || a.executed() == 3).await;
        gateway
            .drain(Duration::from_secs(15), std::future::pending())
            .await
    });
    assert_eq!(ending, Ending::Answered);
    assert!(report.cut.is_empty(), "{report:?}");
    let refused = TcpStream::connect(pair.at).await.expect_err("closed");
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_names_a_passed_through_connection_that_it_has_to_cut() {
    let mut pair = passthrough(|_| {}).await;
    let mut caller = pair.caller();
    assert_eq!(caller.call().await, Ending::Answered);
    pair.a.behave(Behaviour::Serve(Duration::from_hours(1)));
    let (a, gateway) = (&pair.a, &mut pair.gateway);
    let (ending, report) = tokio::join!(caller.call(), async {
        until("the side has the request", || a.executed() == 2).await;
        gateway
            .drain(Duration::from_millis(300), std::future::pending())
            .await
    });
    assert!(matches!(ending, Ending::Broken(_)), "{ending:?}");
    let [cut] = report.cut.as_slice() else {
        panic!("{report:?}");
    };
    assert_eq!(cut.doing, "waiting for side A");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_passed_through_connection_leaves_one_access_line() {
    let world = World::new();
    let (a, b) = (world.tls_side(Side::A), world.tls_side(Side::B));
    let listen = free_address();
    let mut deployment = world
        .deployment()
        .requests(listen, &a.endpoint(), Some(&b.endpoint()));
    deployment.system.set("Requests", "Mode", "passthrough");
    deployment.write(world.path()).expect("files");
    let mut daemon = Daemon::serving(world.path()).await;
    let spec = world.crm(listen).caller().expect("a caller");
    let mut caller = Caller::new(spec, world.ledger.clone());
    assert_eq!(caller.call().await, Ending::Answered);
    caller.hang_up().await;
    daemon.until_said("flow=passthrough").await;
    let said = daemon.said();
    let line = said.lines().find(|line| line.contains("flow=passthrough"));
    let line = line.expect("a line");
    for field in [
        " side=A ",
        &format!(" upstream={} ", a.addr()),
        " tries=1 ",
        " outcome=answered ",
    ] {
        assert!(line.contains(field), "{field} in {line}");
    }
}
