//! A side dies, hangs, comes and goes: who notices, when, and what it costs.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::task::Poll;
use std::time::Duration;

use crmgate::model::{Endpoint, HostPort, Outcome, Scheme, Side};
use crmgate::requests::failover::Health;
use crmgate::simulate::{Behaviour, Caller, CrmProfile, Ending, Pace, SimConnector, SimCrm};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::support::pair::{Legs, Pair, active, health, quick};
use crate::support::wire::{ask, message, post};
use crate::support::{Daemon, PATIENCE, World, bound, free_address, soon, until};

/// 200 requests a second, each under way for 20 ms at the side: four are in flight at any time.
const AGENTS: usize = 40;
const PER_SECOND: f64 = 5.0;
const LATENCY: Duration = Duration::from_millis(20);

/// What a loaded machine may add to a time that is required.
const SLACK: Duration = Duration::from_secs(1);

fn busy(pair: &Pair) {
    pair.a.behave(Behaviour::Serve(LATENCY));
    pair.b.behave(Behaviour::Serve(LATENCY));
}

async fn until_executed(side: &SimConnector, more: u64) {
    let goal = side.executed() + more;
    until(
        format!("side {} has {more} more requests", side.side()),
        || side.executed() >= goal,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_side_that_is_killed_under_load_costs_only_requests_that_it_had() {
    let mut pair = Pair::start(Legs::TlsToGateway, |_| {}).await;
    busy(&pair);
    let crm = pair.agents(AGENTS, PER_SECOND);
    until_executed(&pair.a, 100).await;
    pair.world.ledger.watch_gap();
    let killed = Instant::now();
    pair.a.kill().await;
    until("a second has passed since", || killed.elapsed() >= SLACK).await;
    let window = pair.tally().reported_in_all();
    until_executed(&pair.b, 200).await;
    let gap = pair.world.ledger.end_gap().expect("watched");
    crm.stop().await;

    let tally = pair.tally();
    assert!(tally.is_clean(), "{tally:?}");
    assert_eq!(tally.reported[Outcome::NotSent.index()], 0, "{tally:?}");
    assert_eq!(tally.reported_in_all(), window, "an error after a second");
    assert!(window <= AGENTS as u64, "{tally:?}");
    assert!(gap < SLACK, "no answer for {gap:?}");
    assert_eq!(pair.active(), Side::B);
    pair.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_side_that_comes_back_and_is_switched_to_costs_nothing_more() {
    let mut pair = Pair::start(Legs::Tls, quick).await;
    busy(&pair);
    let crm = pair.agents(AGENTS, PER_SECOND);
    until_executed(&pair.a, 50).await;
    pair.a.kill().await;
    pair.until_active(Side::B).await;
    until_executed(&pair.b, 50).await;
    let before = pair.tally().reported_in_all();
    pair.a.restart().expect("the same port");
    pair.until_health(Side::A, Health::Up).await;
    pair.switch(Side::A);
    until_executed(&pair.a, 50).await;
    crm.stop().await;
    let tally = pair.tally();
    assert!(tally.is_clean(), "{tally:?}");
    assert_eq!(tally.reported_in_all(), before, "{tally:?}");
    pair.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operators_switch_under_load_loses_nothing() {
    let pair = Pair::start(Legs::TlsToGateway, |_| {}).await;
    busy(&pair);
    let crm = pair.agents(AGENTS, PER_SECOND);
    for _ in 0..3 {
        until_executed(&pair.a, 40).await;
        pair.switch(Side::B);
        until_executed(&pair.b, 40).await;
        pair.switch(Side::A);
    }
    crm.stop().await;
    let tally = pair.tally();
    assert!(tally.is_clean(), "{tally:?}");
    assert_eq!(tally.answered, tally.sent, "{tally:?}");
    assert_eq!(pair.gateway.figures().switches_ordered, 6);
    assert_eq!(pair.gateway.figures().switches_automatic, 0);
    pair.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_forced_flaps_cause_no_more_switches_than_configured() {
    let mut pair = Pair::start(Legs::TlsToGateway, quick).await;
    let crm = pair.agents(10, 10.0);
    pair.until_health(Side::A, Health::Up).await;
    pair.until_health(Side::B, Health::Up).await;
    for flap in 0..10 {
        let side = if flap % 2 == 0 { Side::A } else { Side::B };
        let flapping = match side {
            Side::A => &mut pair.a,
            Side::B => &mut pair.b,
        };
        flapping.kill().await;
        pair.until_health(side, Health::Down).await;
        // Its probes see it too, so they are believed when it is over.
        pair.until_probed(4).await;
        let flapping = match side {
            Side::A => &mut pair.a,
            Side::B => &mut pair.b,
        };
        flapping.restart().expect("the same port");
        pair.until_health(side, Health::Up).await;
    }
    crm.stop().await;
    let figures = pair.gateway.figures();
    assert_eq!(figures.switches_automatic, 4, "MaxSwitches as delivered");
    assert!(figures.flap_alarms >= 1);
    let tally = pair.tally();
    assert!(tally.is_clean(), "{tally:?}");
    assert_eq!(
        tally.reported[Outcome::NotSent.index()],
        0,
        "what was not sent went to the other side all the same: {tally:?}"
    );
    pair.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_side_that_hangs_is_left_within_two_seconds_with_the_settings_as_delivered() {
    let pair = Pair::start(Legs::TlsToGateway, |_| {}).await;
    let crm = pair.agents(AGENTS, PER_SECOND);
    until_executed(&pair.a, 100).await;
    pair.until_health(Side::B, Health::Up).await;
    pair.world.ledger.watch_gap();
    let hung = Instant::now();
    pair.a.behave(Behaviour::Hang);
    until_executed(&pair.b, 1).await;
    let took = hung.elapsed();
    until_executed(&pair.b, 100).await;
    let gap = pair.world.ledger.end_gap().expect("watched");
    crm.stop().await;
    assert!(took < Duration::from_secs(2) + SLACK, "{took:?}");
    assert!(gap < Duration::from_secs(2) + SLACK, "{gap:?}");
    let tally = pair.tally();
    assert!(tally.is_clean(), "{tally:?}");
    assert_eq!(
        tally.reported[Outcome::SentNoAnswer.index()],
        tally.reported_in_all(),
        "{tally:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_a_hanging_side_has_are_reported_long_before_the_response_timeout() {
    let pair = Pair::start(Legs::TlsToGateway, quick).await;
    pair.until_health(Side::B, Health::Up).await;
    let mut callers: Vec<_> = (0..5).map(|_| pair.caller()).collect();
    for caller in &mut callers {
        assert_eq!(caller.call().await, Ending::Answered);
    }
    // From here on it carries requests out and never answers, its probes neither.
    pair.a.behave(Behaviour::Serve(Duration::from_hours(1)));
    let begun = Instant::now();
    let endings = join_all(callers.iter_mut().map(Caller::call)).await;
    assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
    let side_down = Ending::Reported {
        code: "GW-504-SIDE-DOWN".to_owned(),
        outcome: Outcome::SentNoAnswer,
    };
    assert_eq!(endings, vec![side_down; 5]);
    assert_eq!(pair.active(), Side::B);
    for caller in &mut callers {
        assert_eq!(caller.call().await, Ending::Answered);
        assert_eq!(caller.figures().connections, 1, "the connection stays");
    }
    pair.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_given_to_a_side_that_was_down_already_has_its_full_time() {
    let mut pair = Pair::start(Legs::TlsToGateway, |deployment| {
        quick(deployment);
        deployment.system.set("Probe", "Timeout", "100ms");
        // Both callers on one thread, which tells one of them and must spare the other.
        deployment.gateway.set("Runtime", "Threads", 1);
    })
    .await;
    pair.b.kill().await;
    pair.until_health(Side::B, Health::Down).await;
    let (mut early, mut late) = (pair.caller(), pair.caller());
    for caller in [&mut early, &mut late] {
        assert_eq!(caller.call().await, Ending::Answered);
    }
    // Too slow for its probes, and all that is left.
    pair.a.behave(Behaviour::Serve(Duration::from_secs(2)));
    let (early, late) = tokio::join!(early.call(), async {
        pair.until_health(Side::A, Health::Down).await;
        late.call().await
    });
    assert!(
        matches!(&early, Ending::Reported { code, .. } if code == "GW-504-SIDE-DOWN"),
        "in flight as the side went down: {early:?}"
    );
    assert_eq!(late, Ending::Answered);
    pair.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_the_only_side_has_is_waited_for_although_the_side_counts_as_down() {
    let pair = Pair::start(Legs::TlsToGateway, |deployment| {
        quick(deployment);
        let keys = &mut deployment.system;
        keys.remove("Requests", "SideB")
            .set("Probe", "Type", "http")
            .set("Probe", "Timeout", "100ms")
            .set("Failover", "HangLimit", "100ms");
    })
    .await;
    // Too slow for its probes, and all that there is.
    pair.a.behave(Behaviour::Serve(Duration::from_secs(1)));
    let mut caller = pair.caller();
    let (ending, ()) = tokio::join!(caller.call(), pair.until_health(Side::A, Health::Down));
    assert_eq!(ending, Ending::Answered);
    pair.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_on_a_connection_of_a_system_that_was_renamed_is_reported_after_the_hang_limit() {
    let mut pair = Pair::start(Legs::TlsToGateway, quick).await;
    let mut caller = pair.caller();
    assert_eq!(caller.call().await, Ending::Answered);
    let ini = |name: &str| {
        pair.world
            .path()
            .join(format!("CRMConnectorSAP_{name}.ini"))
    };
    std::fs::rename(ini("SAP1"), ini("SAP2")).expect("renamed");
    pair.gateway.reload().await.expect("reloaded");
    pair.until_health(Side::B, Health::Up).await;
    assert_eq!(caller.call().await, Ending::Answered);
    pair.a.behave(Behaviour::Serve(Duration::from_hours(1)));
    let ending = soon(caller.call()).await;
    assert!(
        matches!(&ending, Ending::Reported { code, .. } if code == "GW-504-SIDE-DOWN"),
        "{ending:?}"
    );
    assert_eq!(caller.figures().connections, 1, "the connection stays");
    pair.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_side_that_hangs_during_a_drain_is_found_and_its_callers_are_told() {
    let mut pair = Pair::start(Legs::TlsToGateway, quick).await;
    pair.until_health(Side::B, Health::Up).await;
    let mut caller = pair.caller();
    assert_eq!(caller.call().await, Ending::Answered);
    pair.a.behave(Behaviour::Serve(Duration::from_hours(1)));
    let (a, gateway) = (&pair.a, &mut pair.gateway);
    let begun = Instant::now();
    let (ending, report) = tokio::join!(caller.call(), async {
        until("the side has the request", || a.executed() == 2).await;
        gateway.drain(PATIENCE * 2, std::future::pending()).await
    });
    assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
    assert!(report.cut.is_empty(), "{report:?}");
    assert!(
        matches!(&ending, Ending::Reported { code, .. } if code == "GW-504-SIDE-DOWN"),
        "{ending:?}"
    );
}

/// All of them at once, in one task.
async fn join_all<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut running: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    poll_fn(|cx| {
        for (future, done) in &mut running {
            if done.is_none()
                && let Poll::Ready(output) = future.as_mut().poll(cx)
            {
                *done = Some(output);
            }
        }
        if running.iter().all(|(_, done)| done.is_some()) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
    running.into_iter().filter_map(|(_, done)| done).collect()
}

/// Side A as the failover deployment has it: a gateway of its own in front of the connector.
fn gateway_of_side_a(world: &World, connector: &SimConnector, listen: SocketAddr) -> PathBuf {
    let dir = world.path().join("side-a");
    let certificates = dir.join("ssl");
    std::fs::create_dir_all(&certificates).expect("a directory");
    for entry in std::fs::read_dir(world.pki.folder()).expect("readable") {
        let entry = entry.expect("readable");
        std::fs::copy(entry.path(), certificates.join(entry.file_name())).expect("copied");
    }
    let deployment = world.deployment();
    let deployment = deployment.requests(listen, &connector.endpoint(), None);
    deployment.write(&dir).expect("files");
    dir
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_side_whose_process_is_killed_costs_only_requests_that_it_had() {
    let world = World::new();
    let (a, b) = (world.side(Side::A), world.side(Side::B));
    for side in [&a, &b] {
        side.behave(Behaviour::Serve(LATENCY));
    }
    let front = free_address();
    let dir = gateway_of_side_a(&world, &a, front);
    let process = Daemon::serving(&dir).await;
    let listen = free_address();
    let side_a = Endpoint {
        scheme: Scheme::Https,
        target: HostPort::from_addr(front),
    };
    let deployment = world.deployment();
    let deployment = deployment.requests(listen, &side_a, Some(&b.endpoint()));
    let gateway = world.serve(&deployment).await;
    let profile = CrmProfile {
        agents: AGENTS,
        pace: Pace::steady(PER_SECOND),
        ..world.crm(bound(&gateway, listen))
    };
    let crm = SimCrm::start(&profile, &world.ledger).expect("agents");
    until_executed(&a, 100).await;
    process.signal("KILL");
    until_executed(&b, 100).await;
    let process = Daemon::serving(&dir).await;
    until("the process is up again", || {
        health(&gateway, Side::A) == Health::Up
    })
    .await;
    let system = &gateway.status().sides[0].0;
    assert!(gateway.switch(system, Side::A, "a test"));
    until_executed(&a, 50).await;
    crm.stop().await;
    drop(process);
    let tally = world.ledger.tally();
    assert!(tally.is_clean(), "{tally:?}");
    assert_eq!(tally.reported[Outcome::NotSent.index()], 0, "{tally:?}");
    assert!(tally.reported_in_all() <= AGENTS as u64, "{tally:?}");
    assert_eq!(active(&gateway), Side::A);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_a_hanging_side_does_not_take_is_reported_as_partly_sent() {
    let pair = Pair::start(Legs::Plain, quick).await;
    pair.until_health(Side::A, Health::Up).await;
    pair.until_health(Side::B, Health::Up).await;
    pair.a.behave(Behaviour::Hang);
    let id = pair.world.ledger.sent();
    // More than the buffers of both machines hold.
    let request = post("text/xml", &message(id, 12 << 20));
    let mut caller = TcpStream::connect(pair.at).await.expect("connected");
    let answer = ask(&mut caller, &request).await.expect("a fault");
    assert_eq!(answer.status, 500);
    assert!(answer.body.contains("GW-504-SIDE-DOWN"), "{answer:?}");
    assert!(
        answer.body.contains("outcome=\"partly-sent\""),
        "{answer:?}"
    );
    assert_eq!(pair.active(), Side::B);
    assert_eq!(pair.a.executed() + pair.b.executed(), 0);
}
