//! Stopping, and every signal in every state, with the real program.
#![cfg(unix)]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crmgate::model::{Endpoint, HostPort, Scheme, Side};
use crmgate::simulate::{
    Behaviour, Caller, Deployment, Ending, MessageId, Pace, SimConnector, SimCrm,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::support::wire::{ask, post};
use crate::support::{Daemon, World, free_address, process, until};

/// The program at work with one side.
struct Stage {
    world: World,
    side: SimConnector,
    listen: SocketAddr,
    daemon: Daemon,
}

impl Stage {
    async fn new() -> Self {
        Self::with(|_| ()).await
    }

    async fn with(differ: impl FnOnce(&mut Deployment)) -> Self {
        let world = World::new();
        let side = world.side(Side::A);
        let listen = free_address();
        let mut deployment = world.deployment().requests(listen, &side.endpoint(), None);
        differ(&mut deployment);
        deployment.write(world.path()).expect("ini files");
        let daemon = Daemon::serving(world.path()).await;
        Self {
            world,
            side,
            listen,
            daemon,
        }
    }

    fn caller(&self) -> Caller {
        let spec = self.world.crm(self.listen).caller().expect("a caller");
        Caller::new(spec, self.world.ledger.clone())
    }

    /// A call that the side has and does not answer.
    async fn waiting_call(&self) -> JoinHandle<Ending> {
        self.side.behave(Behaviour::Hang);
        let mut caller = self.caller();
        let call = tokio::spawn(async move { caller.call().await });
        until("the side has the call", || {
            self.side.figures().connections == 1
        })
        .await;
        call
    }

    async fn ends_in_order(&mut self) {
        let ended = self.daemon.ended().await;
        assert_eq!(ended.code(), Some(0), "{}", self.daemon.said());
    }

    /// Ends in order without any of the long waits that are configured; returns what was said.
    async fn ends_soon_after(&mut self, signal: &str) -> String {
        let begun = Instant::now();
        self.daemon.signal(signal);
        self.ends_in_order().await;
        let took = begun.elapsed();
        assert!(took < Duration::from_secs(5), "{took:?}");
        self.daemon.said()
    }
}

/// Calls until it cannot, and says why.
async fn calls_until_the_end(mut caller: Caller) -> Ending {
    loop {
        match caller.call().await {
            Ending::Answered => {}
            other => return other,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_under_load_fails_no_request_that_was_sent() {
    let mut stage = Stage::new().await;
    stage
        .side
        .behave(Behaviour::Serve(Duration::from_millis(20)));
    let callers: Vec<_> = (0..16)
        .map(|_| tokio::spawn(calls_until_the_end(stage.caller())))
        .collect();
    let ledger = stage.world.ledger.clone();
    until("there is load", || ledger.tally().answered > 200).await;
    stage.daemon.signal("TERM");
    for caller in callers {
        let Ending::Broken(why) = caller.await.expect("no panic") else {
            panic!("a request was answered with a fault: {:?}", ledger.tally());
        };
        assert!(why.contains("the connection cannot be opened"), "{why}");
    }
    stage.ends_in_order().await;
    assert!(
        stage.daemon.said().contains("stopped cut=0"),
        "{}",
        stage.daemon.said()
    );
    let tally = ledger.tally();
    assert_eq!(tally.executions, tally.answered, "{tally:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_closes_the_door_at_once_and_answers_what_is_inside() {
    let mut stage = Stage::new().await;
    let call = stage.waiting_call().await;
    stage.daemon.signal("TERM");
    stage.daemon.until_said("draining").await;
    let mut open = true;
    while open {
        open = TcpStream::connect(stage.listen).await.is_ok();
    }
    assert!(!call.is_finished());
    stage.side.behave(Behaviour::Serve(Duration::ZERO));
    assert_eq!(call.await.expect("no panic"), Ending::Answered);
    stage.ends_in_order().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_idle_or_half_open_hold_no_stop_up() {
    let mut stage = Stage::new().await;
    let mut idle = stage.caller();
    assert_eq!(idle.call().await, Ending::Answered);
    let mut half_open = TcpStream::connect(stage.listen).await.expect("connected");
    half_open.write_all(&[0x16, 3, 1]).await.expect("written");
    // HandshakeTimeout alone is a minute.
    let said = stage.ends_soon_after("TERM").await;
    assert!(said.contains("stopped cut=0"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_the_drain_cuts_what_is_left_names_it_and_tells_the_caller() {
    let mut stage = Stage::with(|deployment| {
        deployment.gateway.set("Runtime", "DrainTimeout", "1s");
    })
    .await;
    let call = stage.waiting_call().await;
    let begun = Instant::now();
    stage.daemon.signal("TERM");
    stage.ends_in_order().await;
    assert!(begun.elapsed() >= Duration::from_secs(1));
    let said = stage.daemon.said();
    let named = said
        .lines()
        .find(|line| line.contains("cut at the end of the drain"));
    let named = named.unwrap_or_else(|| panic!("nobody is named:\n{said}"));
    assert!(named.contains("peer=127.0.0.1:"), "{named}");
    assert!(named.contains("waiting for side A"), "{named}");
    assert!(said.contains("stopped cut=1"), "{said}");
    let ending = call.await.expect("no panic");
    let Ending::Reported { code, outcome } = ending else {
        panic!("{ending:?}");
    };
    assert_eq!(
        (code.as_str(), outcome.code()),
        ("GW-503-CUT", "sent-no-answer")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_request_to_stop_ends_the_wait() {
    for second in ["TERM", "INT", "QUIT"] {
        let mut stage = Stage::new().await;
        let call = stage.waiting_call().await;
        stage.daemon.signal("TERM");
        stage.daemon.until_said("draining").await;
        // DrainTimeout is 30 s.
        let said = stage.ends_soon_after(second).await;
        assert!(
            said.contains("asked to stop a second time"),
            "{second}:\n{said}"
        );
        assert!(matches!(call.await, Ok(Ending::Reported { .. })));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_to_quit_waits_for_nobody() {
    let mut stage = Stage::new().await;
    let call = stage.waiting_call().await;
    let said = stage.ends_soon_after("QUIT").await;
    assert!(said.contains("stopped cut=1"), "{said}");
    assert!(matches!(call.await, Ok(Ending::Reported { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_or_a_rotation_asked_for_during_a_drain_harms_nothing() {
    let mut stage = Stage::new().await;
    let call = stage.waiting_call().await;
    stage.daemon.signal("TERM");
    stage.daemon.until_said("draining").await;
    for round in 0..3 {
        stage.daemon.signal("USR1");
        stage.daemon.signal("HUP");
        stage
            .daemon
            .until_said_again("no reload any more", round)
            .await;
    }
    assert!(!call.is_finished());
    stage.side.behave(Behaviour::Serve(Duration::ZERO));
    assert_eq!(call.await.expect("no panic"), Ending::Answered);
    stage.ends_in_order().await;
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signals_during_the_start_are_obeyed_once_it_serves() {
    const HUP: u32 = 1;
    let stage = Stage::new().await;
    let mut second = stage.world.deployment();
    let listen = free_address();
    second = second.requests(listen, &stage.side.endpoint(), None);
    second.write(stage.world.path()).expect("ini files");
    for asked in ["HUP", "USR1", "TERM"] {
        let mut daemon = Daemon::run(stage.world.path());
        let pid = daemon.pid();
        until("signals are received", || process::catches(pid, HUP)).await;
        daemon.signal(asked);
        daemon.until_said("serving").await;
        match asked {
            "HUP" => daemon.until_said("reloaded:").await,
            "TERM" => assert_eq!(daemon.ended().await.code(), Some(0)),
            _ => assert!(TcpStream::connect(listen).await.is_ok()),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_reloads_and_rotations_under_load_harms_nobody() {
    let mut stage = Stage::new().await;
    let mut profile = stage.world.crm(stage.listen);
    (profile.agents, profile.pace) = (8, Pace::steady(50.0));
    let crm = SimCrm::start(&profile, &stage.world.ledger).expect("agents");
    for _ in 0..100 {
        stage.daemon.signal("HUP");
        stage.daemon.signal("USR1");
    }
    let ledger = stage.world.ledger.clone();
    until("all go on", || ledger.tally().answered > 200).await;
    let figures = crm.stop().await;
    assert_eq!(figures.connections, 8);
    let tally = ledger.tally();
    assert!(
        tally.is_clean() && tally.answered == tally.sent,
        "{tally:?}"
    );
    stage.daemon.signal("INT");
    stage.ends_in_order().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotated_log_file_is_let_go_of_and_no_line_is_lost() {
    for asked in ["USR1", "HUP"] {
        let world = World::new();
        let side = world.side(Side::A);
        let listen = free_address();
        let mut deployment = world.deployment().requests(listen, &side.endpoint(), None);
        deployment.gateway.set("Log", "File", "./crmgate.log");
        deployment.write(world.path()).expect("ini files");
        let log = world.path().join("crmgate.log");
        let mut daemon = Daemon::run(world.path());
        until("it serves", || text(&log).contains("serving")).await;
        let spec = world.crm(listen).caller().expect("a caller");
        let mut caller = Caller::new(spec, world.ledger.clone());
        let mut kept = Vec::new();
        for round in 0..4 {
            for _ in 0..25 {
                assert_eq!(caller.call().await, Ending::Answered);
            }
            let rotated = world.path().join(format!("crmgate.log.{round}"));
            std::fs::rename(&log, &rotated).expect("rotated");
            daemon.signal(asked);
            until("the file is opened anew", || log.exists()).await;
            kept.push(rotated);
        }
        daemon.signal("TERM");
        assert_eq!(daemon.ended().await.code(), Some(0));
        kept.push(log);
        let lines = kept
            .iter()
            .map(|file| text(file).matches(" access: ").count());
        assert_eq!(lines.sum::<usize>(), 100, "{asked}");
    }
}

fn text(file: &PathBuf) -> String {
    std::fs::read_to_string(file).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_routed_connection_may_finish_within_the_drain_and_one_without_answer_is_named() {
    let crm = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let target = crm.local_addr().expect("bound");
    let route = free_address();
    let mut stage = Stage::with(|deployment| {
        *deployment = deployment.clone().static_route(route, target);
        deployment.gateway.set("Runtime", "DrainTimeout", "2s");
    })
    .await;
    let mut finishing = TcpStream::connect(route).await.expect("connected");
    let (mut of_finishing, _) = crm.accept().await.expect("accepted");
    let mut staying = TcpStream::connect(route).await.expect("connected");
    let (mut of_staying, _) = crm.accept().await.expect("accepted");
    staying.write_all(b"question").await.expect("written");
    let mut question = [0; 8];
    of_staying.read_exact(&mut question).await.expect("read");
    stage.daemon.signal("TERM");
    stage.daemon.until_said("draining").await;
    finishing.write_all(b"last words").await.expect("written");
    finishing.shutdown().await.expect("closed");
    let mut heard = Vec::new();
    of_finishing.read_to_end(&mut heard).await.expect("read");
    assert_eq!(heard, b"last words");
    drop(of_finishing);
    stage.ends_in_order().await;
    let said = stage.daemon.said();
    let peer = staying.local_addr().expect("connected");
    assert!(said.contains("stopped cut=1"), "{said}");
    let named = format!("cut at the end of the drain peer={peer} doing=\"relaying\"");
    assert!(said.contains(&named), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_gateway_leaves_its_address_to_the_next_one_at_once() {
    let mut stage = Stage::new().await;
    for _ in 0..5 {
        assert_eq!(stage.caller().call().await, Ending::Answered);
        stage.daemon.signal("TERM");
        stage.ends_in_order().await;
        stage.daemon = Daemon::serving(stage.world.path()).await;
    }
    assert_eq!(stage.caller().call().await, Ending::Answered);
    assert_eq!(
        stage.world.ledger.tally().duplicated,
        Vec::<MessageId>::new()
    );
}

/// The program with a resolver that never comes back: what the C library asks for aliases of hosts
/// is a pipe that nobody writes to.
#[cfg(target_os = "linux")]
async fn without_resolver(deployment: &Deployment, world: &World) -> Daemon {
    deployment.write(world.path()).expect("ini files");
    let pipe = world.path().join("aliases");
    let made = Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo").success());
    let mut program = Command::new(env!("CARGO_BIN_EXE_crmgate"));
    program.env("HOSTALIASES", pipe);
    let mut daemon = Daemon::run_with(program, world.path());
    daemon.until_said("serving").await;
    daemon
}

/// A side whose address only a resolver knows.
fn named(host: &str) -> Endpoint {
    Endpoint {
        scheme: Scheme::Http,
        target: HostPort::new(host, 8080).expect("valid"),
    }
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_resolver_that_hangs_holds_up_neither_a_request_nor_the_stop() {
    let world = World::new();
    let listen = free_address();
    let (a, b) = (named("side-a"), named("side-b"));
    let mut deployment = world.plain_deployment().requests(listen, &a, Some(&b));
    let keys = &mut deployment.system;
    keys.set("Requests", "ConnectTimeout", "200ms");
    let mut daemon = without_resolver(&deployment, &world).await;
    let mut caller = TcpStream::connect(listen).await.expect("connected");
    let answer = ask(&mut caller, &post("text/xml", "<s:Envelope/>")).await;
    let body = answer.expect("a fault").body;
    let silent = "does not resolve: the resolver did not answer in time";
    assert!(body.contains(silent), "{body}");
    daemon.signal("TERM");
    assert_eq!(daemon.ended().await.code(), Some(0));
    assert!(daemon.said().contains("stopped"), "{}", daemon.said());
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_is_cut_while_its_side_is_dialled_says_so_and_blames_nobody() {
    let world = World::new();
    let listen = free_address();
    let mut deployment = world
        .plain_deployment()
        .requests(listen, &named("side-a"), None);
    let keys = &mut deployment.system;
    keys.set("Requests", "Mode", "passthrough")
        .set("Requests", "ConnectTimeout", "30s")
        .set("Failover", "Fall", 1);
    deployment.gateway.set("Runtime", "DrainTimeout", "1s");
    let mut daemon = without_resolver(&deployment, &world).await;
    let mut caller = TcpStream::connect(listen).await.expect("connected");
    daemon.signal("TERM");
    let error = caller.read_u8().await.expect_err("a reset");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    assert_eq!(daemon.ended().await.code(), Some(0));
    let said = daemon.said();
    assert!(said.contains("outcome=not-sent code=GW-503-CUT"), "{said}");
    for lie in ["cannot reach the side", "side is down"] {
        assert!(!said.contains(lie), "{said}");
    }
}
