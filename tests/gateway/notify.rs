//! What the real program tells a service manager, and in which order.
#![cfg(target_os = "linux")]

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use crmgate::model::Side;
use crmgate::simulate::{Behaviour, Caller, Deployment, Ending, SimConnector};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::support::notified::Notified;
use crate::support::{Daemon, World, free_address, until};

const READY: &str = "READY=1";
const RELOADING: &str = "RELOADING=1";
const STOPPING: &str = "STOPPING=1";
const ALIVE: &str = "WATCHDOG=1";

/// The program at work with one side and somebody whom it tells how it stands.
struct Stage {
    world: World,
    side: SimConnector,
    deployment: Deployment,
    listen: SocketAddr,
    notified: Notified,
    daemon: Daemon,
}

impl Stage {
    async fn new() -> Self {
        let world = World::new();
        let notified = Notified::in_folder(world.path());
        Self::told(world, notified, crmgate()).await
    }

    /// Starts it as `program`, which runs crmgate, and waits until it is ready.
    async fn told(world: World, notified: Notified, mut program: Command) -> Self {
        let side = world.side(Side::A);
        let listen = free_address();
        let deployment = world.deployment().requests(listen, &side.endpoint(), None);
        deployment.write(world.path()).expect("ini files");
        notified.follows(&mut program);
        let daemon = Daemon::run_with(program, world.path());
        notified.until_states(&[READY]).await;
        Self {
            world,
            side,
            deployment,
            listen,
            notified,
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

    async fn until_status(&self, text: &str) {
        until(format!("the status has {text:?}"), || {
            let status = self.notified.last("STATUS");
            status.is_some_and(|status| status.contains(text))
        })
        .await;
    }

    async fn ends_in_order(&mut self) {
        let ended = self.daemon.ended().await;
        assert_eq!(ended.code(), Some(0), "{}", self.daemon.said());
    }
}

fn crmgate() -> Command {
    Command::new(env!("CARGO_BIN_EXE_crmgate"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_life_is_told_in_order_to_a_socket_of_either_kind() {
    for is_file in [true, false] {
        let world = World::new();
        let name = format!("crmgate-test-{}", world.path().display());
        let notified = if is_file {
            Notified::in_folder(world.path())
        } else {
            Notified::by_name(&name)
        };
        let mut stage = Stage::told(world, notified, crmgate()).await;
        TcpStream::connect(stage.listen).await.expect("it is ready");
        stage.daemon.signal("HUP");
        let reloaded = [READY, RELOADING, READY];
        stage.notified.until_states(&reloaded).await;
        stage.daemon.signal("TERM");
        stage.ends_in_order().await;
        let stopped = [READY, RELOADING, READY, STOPPING];
        stage.notified.until_states(&stopped).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_is_told_with_the_time_at_which_it_began() {
    let stage = Stage::new().await;
    stage.daemon.signal("HUP");
    stage
        .notified
        .until_states(&[READY, RELOADING, READY])
        .await;
    let heard = stage.notified.heard();
    let reloading = heard.iter().position(|line| line == RELOADING);
    let behind = &heard[reloading.expect("a reload") + 1];
    let time = behind.strip_prefix("MONOTONIC_USEC=").expect("the time");
    let time = Duration::from_micros(time.parse().expect("a number"));
    let text = std::fs::read_to_string("/proc/uptime").expect("Linux says so");
    let now = text.split_whitespace().next().expect("a number");
    let now = Duration::from_secs_f64(now.parse().expect("a number"));
    let ago = now.abs_diff(time);
    assert!(ago < Duration::from_mins(1), "{ago:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_status_names_sides_connections_and_the_certificate_that_ends_first() {
    let stage = Stage::new().await;
    let mut caller = stage.caller();
    assert_eq!(caller.call().await, Ending::Answered);
    stage.until_status("SAP1: A active; 1 connection; ").await;
    stage.until_status("the first certificate ends in ").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_that_is_refused_ends_in_ready_and_the_status_says_so_until_one_succeeds() {
    let mut stage = Stage::new().await;
    let good = stage.deployment.clone();
    stage.deployment.gateway.set("Runtime", "Threads", "many");
    let bad = stage.deployment.write(stage.world.path());
    bad.expect("ini files");
    stage.daemon.signal("HUP");
    stage
        .notified
        .until_states(&[READY, RELOADING, READY])
        .await;
    let refused = "the last reload was refused and generation 1 stays";
    stage.until_status(refused).await;
    good.write(stage.world.path()).expect("ini files");
    stage.daemon.signal("HUP");
    let both = [READY, RELOADING, READY, RELOADING, READY];
    stage.notified.until_states(&both).await;
    stage.until_status("SAP1: ").await;
    let status = stage.notified.last("STATUS").expect("a status");
    assert!(!status.contains("refused"), "{status}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_asks_for_time_again_and_again_and_nothing_is_ready_after_its_begin() {
    let mut stage = Stage::new().await;
    let call = stage.waiting_call().await;
    stage.daemon.signal("TERM");
    stage.until_status("draining: 1 connection left").await;
    stage.daemon.signal("HUP");
    until("time is asked for three times", || {
        stage.notified.times("EXTEND_TIMEOUT_USEC=15000000").len() > 2
    })
    .await;
    stage.side.behave(Behaviour::Serve(Duration::ZERO));
    assert_eq!(call.await.expect("no panic"), Ending::Answered);
    stage.ends_in_order().await;
    assert_eq!(stage.notified.states(), [READY, STOPPING]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_that_fails_says_why_and_is_never_ready() {
    let world = World::new();
    let notified = Notified::in_folder(world.path());
    let mut program = crmgate();
    notified.follows(&mut program);
    let mut daemon = Daemon::run_with(program, world.path());
    assert_eq!(daemon.ended().await.code(), Some(78));
    until("a status", || notified.last("STATUS").is_some()).await;
    assert_eq!(
        notified.heard(),
        ["STATUS=the configuration cannot be used: crmgate check says why"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_watchdog_nobody_is_sent_signs_of_life() {
    let mut stage = Stage::new().await;
    stage.daemon.signal("TERM");
    stage.ends_in_order().await;
    assert_eq!(stage.notified.times(ALIVE), []);
}

/// The limit of the watchdog in these tests.
const LIMIT: Duration = Duration::from_millis(900);

fn watched(mut program: Command) -> Command {
    program.env("WATCHDOG_USEC", LIMIT.as_micros().to_string());
    program
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_watchdog_is_fed_while_it_serves_reloads_and_drains() {
    let world = World::new();
    let notified = Notified::in_folder(world.path());
    let mut stage = Stage::told(world, notified, watched(crmgate())).await;
    let more = async |stage: &Stage| {
        let before = stage.notified.times(ALIVE).len();
        until("more signs of life come", || {
            stage.notified.times(ALIVE).len() > before + 2
        })
        .await;
    };
    more(&stage).await;
    stage.daemon.signal("HUP");
    more(&stage).await;
    let call = stage.waiting_call().await;
    stage.daemon.signal("TERM");
    stage.until_status("draining").await;
    more(&stage).await;
    stage.side.behave(Behaviour::Serve(Duration::ZERO));
    assert_eq!(call.await.expect("no panic"), Ending::Answered);
    stage.ends_in_order().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_worker_that_hangs_stops_the_signs_of_life_and_they_come_back_with_it() {
    let world = World::new();
    let notified = Notified::in_folder(world.path());
    // The thread that takes the first caller stands still in the middle of it.
    let mut tracer = Command::new("strace");
    tracer.args(["-D", "-f", "--seccomp-bpf", "-qq", "-o"]);
    tracer.arg(world.path().join("calls"));
    tracer.args(["-e", "trace=accept4"]);
    tracer.args(["-e", "inject=accept4:delay_exit=3000000:when=1"]);
    tracer.arg(env!("CARGO_BIN_EXE_crmgate"));
    let mut stage = Stage::told(world, notified, watched(tracer)).await;
    until("it is fed", || !stage.notified.times(ALIVE).is_empty()).await;
    let _caller = TcpStream::connect(stage.listen).await.expect("open");
    stage
        .daemon
        .until_said("worker threads do not answer: the watchdog is not fed")
        .await;
    stage
        .daemon
        .until_said("all worker threads answer again")
        .await;
    let before = stage.notified.times(ALIVE).len();
    until("it is fed again", || {
        stage.notified.times(ALIVE).len() > before
    })
    .await;
    let times = stage.notified.times(ALIVE);
    let longest = times.windows(2).map(|pair| pair[1] - pair[0]).max();
    let longest = longest.expect("some");
    assert!(longest > LIMIT, "it was fed all the time: {longest:?}");
    let said = stage.daemon.said();
    let one = said.contains("threads=[0]") || said.contains("threads=[1]");
    assert!(one, "{said}");
}
