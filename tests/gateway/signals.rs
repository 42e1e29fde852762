//! Every signal in every state, each with the real program.
#![cfg(target_os = "linux")]

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crmgate::model::Side;
use crmgate::simulate::{Behaviour, Caller, Ending, SimConnector};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::support::notified::Notified;
use crate::support::{Daemon, World, free_address, process, until};

const READY: &str = "READY=1";
const RELOADING: &str = "RELOADING=1";
const STOPPING: &str = "STOPPING=1";

/// The program in one of its states.
struct Stage {
    world: World,
    side: SimConnector,
    listen: SocketAddr,
    notified: Notified,
    daemon: Daemon,
    /// A call that the side has and does not answer.
    call: Option<JoinHandle<Ending>>,
}

impl Stage {
    /// Begun, with a file that is slow to read.
    async fn starting() -> Self {
        const HUP: u32 = 1;
        let stage = Self::begun("CRMConnectorSAP_SAP1.ini");
        let pid = stage.daemon.pid();
        until("signals are received", || process::catches(pid, HUP)).await;
        stage
    }

    /// Serving, after a call that was answered.
    async fn serving() -> Self {
        let stage = Self::begun("nothing");
        stage.notified.until_states(&[READY]).await;
        stage.answers().await;
        stage
    }

    /// In a reload with a new file that is slow to read.
    async fn reloading() -> Self {
        let stage = Self::begun("CRMConnectorSAP_SLOW.ini");
        stage.notified.until_states(&[READY]).await;
        let slow = stage.world.path().join("CRMConnectorSAP_SLOW.ini");
        let route = format!(
            "[StaticRoutes]\nBind=127.0.0.1\n{}=crm.example.com\n",
            free_address().port()
        );
        std::fs::write(slow, route).expect("a file");
        stage.daemon.signal("HUP");
        stage.notified.until_states(&[READY, RELOADING]).await;
        stage
    }

    /// In a drain that waits for a call.
    async fn draining() -> Self {
        let mut stage = Self::begun("nothing");
        stage.notified.until_states(&[READY]).await;
        stage.side.behave(Behaviour::Hang);
        let mut caller = stage.caller();
        stage.call = Some(tokio::spawn(async move { caller.call().await }));
        until("the side has the call", || {
            stage.side.figures().connections == 1
        })
        .await;
        stage.daemon.signal("TERM");
        stage.notified.until_states(&[READY, STOPPING]).await;
        stage
    }

    fn begun(slow: &str) -> Self {
        let world = World::new();
        let side = world.side(Side::A);
        let listen = free_address();
        let deployment = world.deployment().requests(listen, &side.endpoint(), None);
        deployment.write(world.path()).expect("ini files");
        let notified = Notified::in_folder(world.path());
        let mut program = slow_to_read(&world.path().join(slow), world.path());
        notified.follows(&mut program);
        let daemon = Daemon::run_with(program, world.path());
        Self {
            world,
            side,
            listen,
            notified,
            daemon,
            call: None,
        }
    }

    fn caller(&self) -> Caller {
        let spec = self.world.crm(self.listen).caller().expect("a caller");
        Caller::new(spec, self.world.ledger.clone())
    }

    async fn answers(&self) {
        assert_eq!(self.caller().call().await, Ending::Answered);
    }

    /// Sends a signal when these states, and no others, have been told.
    fn told(&self, signal: &str, states: &[&str]) {
        assert_eq!(self.notified.states(), states, "too late for the signal");
        self.daemon.signal(signal);
    }

    /// The same, and none has been told meanwhile: the disk keeps it where it is.
    fn told_meanwhile(&self, signal: &str, states: &[&str]) {
        self.told(signal, states);
        assert_eq!(self.notified.states(), states, "the signal came too late");
    }

    async fn ends(&mut self) {
        let ended = self.daemon.ended().await;
        assert_eq!(ended.code(), Some(0), "{}", self.daemon.said());
    }

    /// Goes on and serves.
    async fn serves(&self, states: &[&str]) {
        self.notified.until_states(states).await;
        self.answers().await;
    }

    /// Another process takes its place and serves.
    async fn is_succeeded(&mut self, states: &[&str]) {
        let old = self.daemon.pid();
        self.daemon.until_said("the new process serves").await;
        self.daemon.follow();
        self.serves(states).await;
        assert_ne!(self.daemon.pid(), old);
        until("the old process ends", || !process::runs(old)).await;
    }

    /// The drain goes on as if nothing had been asked for, until its call is answered.
    async fn drains_to_its_end(mut self) {
        self.side.behave(Behaviour::Serve(Duration::ZERO));
        let call = self.call.take().expect("a call");
        assert_eq!(call.await.expect("no panic"), Ending::Answered);
        self.ends().await;
        assert_eq!(self.notified.states(), [READY, STOPPING]);
    }

    /// The drain is cut short, and its caller told.
    async fn ends_cut_short(mut self) {
        self.ends().await;
        let said = self.daemon.said();
        assert!(said.contains("asked to stop a second time"), "{said}");
        let call = self.call.take().expect("a call");
        assert!(matches!(call.await, Ok(Ending::Reported { .. })));
        assert_eq!(self.notified.states(), [READY, STOPPING]);
    }
}

/// The program on a disk that takes its time over the first reading of one file.
fn slow_to_read(file: &Path, folder: &Path) -> Command {
    let mut tracer = Command::new("strace");
    tracer.args(["-D", "-f", "--seccomp-bpf", "-qq", "-o"]);
    tracer.arg(folder.join("calls")).arg("-P").arg(file);
    tracer.args(["-e", "trace=?open,openat"]);
    tracer.args(["-e", "inject=?open,openat:delay_enter=2000000:when=1"]);
    tracer.arg(env!("CARGO_BIN_EXE_crmgate"));
    tracer
}

const NOT_YET: [&str; 0] = [];

mod starting {
    use super::*;

    async fn ends_without_having_been_of_use(signal: &str) {
        let mut stage = Stage::starting().await;
        stage.told_meanwhile(signal, &NOT_YET);
        stage.ends().await;
        let said = stage.daemon.said();
        assert!(said.contains("stopped cut=0"), "{said}");
        assert!(TcpStream::connect(stage.listen).await.is_err());
        assert_eq!(stage.notified.states(), [READY, STOPPING]);
    }

    async fn serves_all_the_same(signal: &str) -> Stage {
        let stage = Stage::starting().await;
        stage.told_meanwhile(signal, &NOT_YET);
        stage.serves(&[READY]).await;
        stage
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn hup_reloads_once_it_serves() {
        let stage = Stage::starting().await;
        stage.told_meanwhile("HUP", &NOT_YET);
        stage.serves(&[READY, RELOADING, READY]).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn term_ends_it_once_the_start_is_over() {
        ends_without_having_been_of_use("TERM").await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn int_ends_it_once_the_start_is_over() {
        ends_without_having_been_of_use("INT").await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn quit_ends_it_once_the_start_is_over() {
        ends_without_having_been_of_use("QUIT").await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn usr1_harms_nothing() {
        serves_all_the_same("USR1").await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn usr2_upgrades_once_it_serves() {
        let mut stage = Stage::starting().await;
        stage.told_meanwhile("USR2", &NOT_YET);
        stage.is_succeeded(&[READY, READY]).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn pipe_is_ignored() {
        serves_all_the_same("PIPE").await;
    }
}

mod serving {
    use super::*;

    async fn ends_in_order(signal: &str) {
        let mut stage = Stage::serving().await;
        stage.told(signal, &[READY]);
        stage.ends().await;
        stage.notified.until_states(&[READY, STOPPING]).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn hup_reloads() {
        let mut stage = Stage::serving().await;
        stage.daemon.signal("HUP");
        stage.serves(&[READY, RELOADING, READY]).await;
        stage.daemon.until_said("reloaded: ").await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn term_ends_it() {
        ends_in_order("TERM").await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn int_ends_it() {
        ends_in_order("INT").await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn quit_ends_it() {
        ends_in_order("QUIT").await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn usr1_opens_the_log_again_and_nothing_else() {
        let stage = Stage::serving().await;
        stage.told("USR1", &[READY]);
        stage.serves(&[READY]).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn usr2_upgrades() {
        let mut stage = Stage::serving().await;
        stage.told("USR2", &[READY]);
        stage.is_succeeded(&[READY, READY]).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn pipe_is_ignored() {
        let stage = Stage::serving().await;
        stage.told("PIPE", &[READY]);
        stage.serves(&[READY]).await;
    }
}

mod reloading {
    use super::*;

    const IN_A_RELOAD: [&str; 2] = [READY, RELOADING];

    async fn ends_once_the_reload_is_over(signal: &str) {
        let mut stage = Stage::reloading().await;
        stage.told_meanwhile(signal, &IN_A_RELOAD);
        stage.ends().await;
        stage
            .notified
            .until_states(&[READY, RELOADING, READY, STOPPING])
            .await;
    }

    async fn reloads_all_the_same(signal: &str) -> Stage {
        let stage = Stage::reloading().await;
        stage.told_meanwhile(signal, &IN_A_RELOAD);
        stage.serves(&[READY, RELOADING, READY]).await;
        stage
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn hup_reloads_once_more() {
        let stage = Stage::reloading().await;
        stage.told_meanwhile("HUP", &IN_A_RELOAD);
        stage
            .serves(&[READY, RELOADING, READY, RELOADING, READY])
            .await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn term_ends_it_once_the_reload_is_over() {
        ends_once_the_reload_is_over("TERM").await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn int_ends_it_once_the_reload_is_over() {
        ends_once_the_reload_is_over("INT").await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn quit_ends_it_once_the_reload_is_over() {
        ends_once_the_reload_is_over("QUIT").await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn usr1_harms_nothing() {
        reloads_all_the_same("USR1").await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn usr2_upgrades_once_the_reload_is_over() {
        let mut stage = Stage::reloading().await;
        stage.told_meanwhile("USR2", &IN_A_RELOAD);
        stage.is_succeeded(&[READY, RELOADING, READY, READY]).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn pipe_is_ignored() {
        reloads_all_the_same("PIPE").await;
    }
}

mod draining {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn hup_comes_too_late() {
        let mut stage = Stage::draining().await;
        stage.daemon.signal("HUP");
        stage
            .daemon
            .until_said("draining: no reload any more")
            .await;
        stage.drains_to_its_end().await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_second_term_cuts_it_short() {
        let stage = Stage::draining().await;
        stage.daemon.signal("TERM");
        stage.ends_cut_short().await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn int_cuts_it_short() {
        let stage = Stage::draining().await;
        stage.daemon.signal("INT");
        stage.ends_cut_short().await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn quit_cuts_it_short() {
        let stage = Stage::draining().await;
        stage.daemon.signal("QUIT");
        stage.ends_cut_short().await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn usr1_harms_nothing() {
        let stage = Stage::draining().await;
        stage.daemon.signal("USR1");
        stage.drains_to_its_end().await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn usr2_comes_too_late() {
        let mut stage = Stage::draining().await;
        stage.daemon.signal("USR2");
        stage
            .daemon
            .until_said("draining: no upgrade any more")
            .await;
        stage.drains_to_its_end().await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn pipe_is_ignored() {
        let stage = Stage::draining().await;
        stage.daemon.signal("PIPE");
        stage.drains_to_its_end().await;
    }
}
