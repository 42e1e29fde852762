//! Another process takes the place of a running one, and no caller notices.
#![cfg(target_os = "linux")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crmgate::model::Side;
use crmgate::simulate::{Behaviour, Caller, Deployment, Ending, Pace, SimConnector, SimCrm};
use tokio::task::JoinHandle;

use crate::support::notified::Notified;
use crate::support::{Daemon, World, free_address, process, soak, until};

struct Stage {
    world: World,
    _sides: [SimConnector; 2],
    deployment: Deployment,
    listen: SocketAddr,
    daemon: Daemon,
}

impl Stage {
    async fn new() -> Self {
        Self::with(|_, _| ()).await
    }

    async fn with(differ: impl FnOnce(&World, &mut Deployment)) -> Self {
        let world = World::new();
        let sides = [world.side(Side::A), world.side(Side::B)];
        let listen = free_address();
        let [a, b] = &sides;
        let mut deployment = world.deployment();
        deployment = deployment.requests(listen, &a.endpoint(), Some(&b.endpoint()));
        differ(&world, &mut deployment);
        deployment.write(world.path()).expect("ini files");
        let daemon = Daemon::serving(world.path()).await;
        Self {
            world,
            _sides: sides,
            deployment,
            listen,
            daemon,
        }
    }

    fn caller(&self) -> Caller {
        caller_of(&self.world, self.listen)
    }

    async fn answers(&self) {
        assert_eq!(self.caller().call().await, Ending::Answered);
    }

    /// Callers that open a connection for each call, one after the other, until they are told to stop.
    fn comers_and_goers(&self, count: usize) -> Crowd {
        let stop = Arc::new(AtomicBool::new(false));
        let one = || {
            let (mut caller, stop) = (self.caller(), Arc::clone(&stop));
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    assert_eq!(caller.call().await, Ending::Answered);
                    caller.hang_up().await;
                }
                caller
            })
        };
        let callers = (0..count).map(|_| one()).collect();
        Crowd { stop, callers }
    }
}

/// A gateway with one side, which has a request and does not answer it, after an upgrade.
struct InFlight {
    world: World,
    side: SimConnector,
    listen: SocketAddr,
    call: JoinHandle<Ending>,
    old: u32,
    daemon: Daemon,
}

impl InFlight {
    async fn upgraded() -> Self {
        let world = World::new();
        let side = world.side(Side::A);
        let listen = free_address();
        let deployment = world.deployment().requests(listen, &side.endpoint(), None);
        deployment.write(world.path()).expect("ini files");
        let mut daemon = Daemon::serving(world.path()).await;
        side.behave(Behaviour::Hang);
        let mut caller = caller_of(&world, listen);
        let call = tokio::spawn(async move { caller.call().await });
        until("the side has it", || side.figures().connections == 1).await;
        let old = daemon.pid();
        daemon.signal("USR2");
        daemon.until_said("the new process serves").await;
        daemon.follow();
        Self {
            world,
            side,
            listen,
            call,
            old,
            daemon,
        }
    }
}

fn caller_of(world: &World, listen: SocketAddr) -> Caller {
    let spec = world.crm(listen).caller().expect("a caller");
    Caller::new(spec, world.ledger.clone())
}

struct Crowd {
    stop: Arc<AtomicBool>,
    callers: Vec<JoinHandle<Caller>>,
}

impl Crowd {
    /// How many handshakes there were from the beginning, and how many that resumed a session.
    async fn leave(self) -> (u64, u64) {
        self.stop.store(true, Ordering::Relaxed);
        let (mut full, mut resumed) = (0, 0);
        for caller in self.callers {
            let figures = caller.await.expect("no panic").figures();
            assert_eq!(figures.failed, 0, "refused or reset");
            full += figures.full;
            resumed += figures.resumed;
        }
        (full, resumed)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn upgrades_under_load_refuse_nobody_lose_nothing_and_cost_no_full_handshake() {
    let mut stage = Stage::new().await;
    let mut profile = stage.world.crm(stage.listen);
    (profile.agents, profile.pace) = (10, Pace::steady(20.0));
    let comers = stage.comers_and_goers(4);
    let agents = SimCrm::start(&profile, &stage.world.ledger).expect("agents");
    for _round in 0..if soak() { 20 } else { 3 } {
        stage.daemon.upgrade().await;
    }
    let (full, resumed) = comers.leave().await;
    let figures = agents.stop().await;
    let tally = stage.world.ledger.tally();
    assert!(
        tally.is_clean() && tally.answered == tally.sent,
        "{tally:?}"
    );
    assert_eq!(figures.failed, 0);
    // Each caller has no session at first.
    assert_eq!(full, 4, "and {resumed} resumed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_that_are_kept_here_are_taken_up_by_the_next_process() {
    let mut stage = Stage::with(|_, deployment| {
        let ssl = deployment.ssl.as_mut().expect("TLS");
        ssl.set("SSL_SERVER_CLIENT", "SESSION_TICKETS", "no");
    })
    .await;
    let mut caller = stage.caller();
    for _process in 0..3 {
        assert_eq!(caller.call().await, Ending::Answered);
        caller.hang_up().await;
        stage.daemon.upgrade().await;
    }
    assert_eq!(caller.call().await, Ending::Answered);
    let figures = caller.figures();
    assert_eq!((figures.full, figures.resumed), (1, 3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_in_flight_is_answered_by_the_process_that_has_it() {
    let scene = InFlight::upgraded().await;
    scene.side.behave(Behaviour::Serve(Duration::ZERO));
    let mut next = caller_of(&scene.world, scene.listen);
    assert_eq!(next.call().await, Ending::Answered);
    assert_eq!(scene.call.await.expect("no panic"), Ending::Answered);
    until("the old process ends", || !process::runs(scene.old)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_new_process_is_no_child_of_the_old_one_as_soon_as_it_serves() {
    let scene = InFlight::upgraded().await;
    assert!(process::runs(scene.old), "it has a request in flight");
    assert_ne!(process::parent(scene.daemon.pid()), scene.old);
    assert!(process::children(scene.old).is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_configuration_that_cannot_be_used_leaves_everything_as_it_was() {
    let mut stage = Stage::new().await;
    let mut broken = stage.deployment.clone();
    broken.system.set("Requests", "SideA", "nonsense://");
    broken.write(stage.world.path()).expect("ini files");
    stage.daemon.signal("USR2");
    stage.daemon.until_said("the upgrade has failed").await;
    let said = stage.daemon.said();
    assert!(
        said.contains("exit status: 78") && said.contains("nonsense"),
        "{said}"
    );
    stage.answers().await;
    stage
        .deployment
        .write(stage.world.path())
        .expect("ini files");
    stage.daemon.upgrade().await;
    stage.answers().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_number_of_threads_serves_every_queue() {
    let mut stage = Stage::with(|_, deployment| {
        deployment.gateway.set("Runtime", "Threads", 3);
    })
    .await;
    for threads in [1, 2, 4] {
        stage.deployment.gateway.set("Runtime", "Threads", threads);
        stage
            .deployment
            .write(stage.world.path())
            .expect("ini files");
        stage.daemon.upgrade().await;
        for _ in 0..20 {
            stage.answers().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_that_a_reload_removes_afterwards_is_closed() {
    let mut stage = Stage::new().await;
    stage.daemon.upgrade().await;
    let moved_to = free_address();
    stage.deployment.system.set("Requests", "Listen", moved_to);
    stage
        .deployment
        .write(stage.world.path())
        .expect("ini files");
    stage.daemon.signal("HUP");
    stage.daemon.until_said("reloaded: ").await;
    tokio::net::TcpStream::connect(moved_to)
        .await
        .expect("open");
    let gone = tokio::net::TcpStream::connect(stage.listen).await;
    gone.expect_err("closed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_ends_a_new_process_that_has_not_taken_over_yet() {
    let mut stage = Stage::new().await;
    // Nothing else holds it up for as long as a test needs to see it.
    let file = stage.world.path().join("CRMConnectorSAP_SLOW.ini");
    let made = std::process::Command::new("mkfifo").arg(&file).status();
    assert!(made.expect("mkfifo").success());
    let old = stage.daemon.pid();
    stage.daemon.signal("USR2");
    until("there is a new process", || {
        !process::children(old).is_empty()
    })
    .await;
    // The first one is there to start the other.
    let between = process::children(old)[0];
    until("it has started another one", || {
        !process::children(between).is_empty()
    })
    .await;
    let new = process::children(between)[0];
    stage.daemon.signal("TERM");
    assert_eq!(stage.daemon.ended().await.code(), Some(0));
    until("the new one has ended too", || !process::runs(new)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_manager_is_told_whom_to_watch_before_the_new_process_speaks() {
    let world = World::new();
    let side = world.side(Side::A);
    let listen = free_address();
    let deployment = world.deployment().requests(listen, &side.endpoint(), None);
    deployment.write(world.path()).expect("ini files");
    let notified = Notified::in_folder(world.path());
    let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_crmgate"));
    notified.follows(&mut program);
    let mut daemon = Daemon::run_with(program, world.path());
    daemon.until_said("serving").await;
    daemon.upgrade().await;
    let main_pid = format!("MAINPID={}", daemon.pid());
    until("the new process is ready", || {
        let heard = notified.heard();
        let at = heard.iter().position(|line| *line == main_pid);
        at.is_some_and(|at| heard[at..].iter().any(|line| line == "READY=1"))
    })
    .await;
    assert!(!notified.heard().iter().any(|line| line == "STOPPING=1"));
}
