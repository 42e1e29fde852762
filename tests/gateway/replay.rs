//! The only replay rule, seen from outside: a request runs at most once over both sides, and it
//! goes to the other side if and only if the first one got nothing of it.

use std::time::Duration;

use crmgate::gateway::Gateway;
use crmgate::model::{Endpoint, HostPort, Outcome, Scheme, Side};
use crmgate::simulate::{Caller, CrmProfile, Ending, SimConnector};
use tokio::net::TcpListener;

use crate::support::pair::{Legs, Pair, unwatched};
use crate::support::wire::{Cut, CuttingSide, End};
use crate::support::{World, bound, free_address, pause, trials, until};

/// A gateway whose side A breaks off where it is told to.
struct Cutting {
    world: World,
    a: CuttingSide,
    b: SimConnector,
    gateway: Gateway,
    caller: Caller,
}

impl Cutting {
    async fn start(pool_idle: &str) -> Self {
        let world = World::new();
        let a = CuttingSide::start(&world.ledger).await;
        let b = world.side(Side::B);
        let listen = free_address();
        let mut deployment =
            world
                .plain_deployment()
                .requests(listen, &a.endpoint(), Some(&b.endpoint()));
        unwatched(&mut deployment);
        deployment.system.set("Requests", "PoolIdle", pool_idle);
        let gateway = world.serve(&deployment).await;
        let spec = CrmProfile::new(bound(&gateway, listen)).caller();
        let caller = Caller::new(spec.expect("plain"), world.ledger.clone());
        Self {
            world,
            a,
            b,
            gateway,
            caller,
        }
    }

    /// One request to a side that breaks off; what became of it has to fit what the side saw.
    async fn cut(&mut self, cut: Cut, end: End) {
        let elsewhere = self.b.executed();
        self.a.cut(cut, end);
        let ending = self.caller.call().await;
        let replayed = self.b.executed() - elsewhere;
        let seen = self.a.seen();
        let what = format!("{cut:?} {end:?}, {seen} bytes seen: {ending:?}");
        match &ending {
            Ending::Answered => assert_eq!((seen, replayed), (0, 1), "{what}"),
            Ending::Reported { outcome, .. } => {
                assert_eq!(replayed, 0, "{what}");
                assert_ne!(*outcome, Outcome::NotSent, "{what}");
                if matches!(cut, Cut::Whole | Cut::Answering(_)) {
                    assert_eq!(*outcome, Outcome::SentNoAnswer, "{what}");
                }
            }
            Ending::Faulted | Ending::Broken(_) => panic!("{what}"),
        }
    }
}

const CUTS: [Cut; 14] = [
    Cut::Accepted,
    Cut::After(1),
    Cut::After(2),
    Cut::After(17),
    Cut::After(100),
    Cut::HeadEnd,
    Cut::Body(1),
    Cut::Body(50),
    Cut::Body(200),
    Cut::BeforeLast,
    Cut::Whole,
    Cut::Answering(1),
    Cut::Answering(17),
    Cut::Answering(60),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wherever_the_first_side_breaks_off_a_request_runs_at_most_once() {
    let mut cutting = Cutting::start("0s").await;
    for _ in 0..trials(5, 500) {
        // Not every request in a row fails, so the side stays the active one.
        cutting.a.cut(Cut::Never, End::Close);
        assert_eq!(cutting.caller.call().await, Ending::Answered);
        for cut in CUTS {
            for end in [End::Reset, End::Close] {
                cutting.cut(cut, end).await;
            }
        }
    }
    let tally = cutting.world.ledger.tally();
    assert!(tally.is_clean(), "{tally:?}");
    assert_eq!(
        cutting.caller.figures().connections,
        1,
        "a fault is an answer"
    );
    assert_eq!(cutting.gateway.figures().replays, cutting.b.executed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_connection_that_breaks_off_in_a_request_is_not_taken_for_a_stale_one() {
    let mut cutting = Cutting::start("10s").await;
    for _ in 0..trials(5, 500) {
        for cut in CUTS.into_iter().filter(|cut| *cut != Cut::Accepted) {
            for end in [End::Reset, End::Close] {
                cutting.a.cut(Cut::Never, end);
                assert_eq!(cutting.caller.call().await, Ending::Answered);
                let opened = cutting.a.connections();
                cutting.cut(cut, end).await;
                assert_eq!(cutting.a.connections(), opened, "{cut:?} {end:?}");
            }
        }
    }
    let tally = cutting.world.ledger.tally();
    assert!(tally.is_clean(), "{tally:?}");
    assert_eq!(cutting.b.executed(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_in_the_backlog_of_a_side_that_dies_is_not_sent_elsewhere() {
    let world = World::new();
    let a = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let b = world.side(Side::B);
    let listen = free_address();
    let side_a = Endpoint {
        scheme: Scheme::Http,
        target: HostPort::from_addr(a.local_addr().expect("bound")),
    };
    let mut deployment = world
        .plain_deployment()
        .requests(listen, &side_a, Some(&b.endpoint()));
    unwatched(&mut deployment);
    let gateway = world.serve(&deployment).await;
    let spec = CrmProfile::new(bound(&gateway, listen)).caller();
    let mut caller = Caller::new(spec.expect("plain"), world.ledger.clone());
    let (ending, ()) = tokio::join!(caller.call(), async {
        // Never taken out of the backlog by the side, but looked at by the test.
        let (taken, _) = a.accept().await.expect("accepted");
        let there = taken.peek(&mut [0; 64]).await.expect("open");
        assert_ne!(there, 0, "the request is there");
        taken.set_zero_linger().expect("open");
        drop((taken, a));
    });
    let lost = Ending::Reported {
        code: "GW-502-NO-ANSWER".to_owned(),
        outcome: Outcome::SentNoAnswer,
    };
    assert_eq!(ending, lost);
    assert_eq!(b.executed(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_side_that_refuses_the_connection_costs_no_request() {
    let mut pair = Pair::start(Legs::TlsToGateway, unwatched).await;
    pair.a.kill().await;
    let mut caller = pair.caller();
    for _ in 0..20 {
        assert_eq!(caller.call().await, Ending::Answered);
    }
    assert_eq!(pair.b.executed(), 20);
    assert_eq!(pair.gateway.figures().replays, 20);
    assert!(pair.tally().is_clean());
    pair.end().await;
}

/// A side closes what is idle, and 0 to 50 ms later the next request comes.
async fn stale_connections_cost_nothing(legs: Legs) {
    let mut pair = Pair::start(legs, unwatched).await;
    let mut caller = pair.caller();
    for trial in 0..trials(150, 5_000) {
        assert_eq!(caller.call().await, Ending::Answered, "trial {trial}");
        pair.a.stop().await;
        pair.a.restart().expect("the same port");
        // 7919 is prime to 50,000, so the times are spread over all of them.
        pause(Duration::from_micros(u64::from(trial * 7_919 % 50_000))).await;
    }
    let tally = pair.tally();
    assert!(tally.is_clean(), "{tally:?}");
    assert_eq!(tally.answered, tally.sent);
    assert_eq!(pair.b.executed(), 0, "nor did the other side have to help");
    assert!(pair.gateway.figures().upstream_stale > 0);
    pair.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plain_side_that_closes_idle_connections_never_costs_a_request() {
    stale_connections_cost_nothing(Legs::Plain).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tls_side_that_closes_idle_connections_never_costs_a_request() {
    stale_connections_cost_nothing(Legs::Tls).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_close_that_crosses_a_request_on_its_way_never_makes_it_run_twice() {
    let mut pair = Pair::start(Legs::TlsToGateway, unwatched).await;
    let mut caller = pair.caller();
    for trial in 0..trials(100, 5_000) {
        assert_eq!(caller.call().await, Ending::Answered, "trial {trial}");
        let a = &mut pair.a;
        let (crossing, ()) = tokio::join!(caller.call(), async {
            pause(Duration::from_micros(u64::from(trial * 7 % 500))).await;
            a.stop().await;
        });
        match crossing {
            Ending::Answered => {}
            Ending::Reported { outcome, .. } => assert_ne!(outcome, Outcome::NotSent),
            Ending::Faulted | Ending::Broken(_) => panic!("trial {trial}: {crossing:?}"),
        }
        a.restart().expect("the same port");
    }
    let tally = pair.tally();
    assert!(tally.is_clean(), "{tally:?}");
    until("every connection is given back", || {
        pair.gateway.figures().connections_open == 1
    })
    .await;
}
