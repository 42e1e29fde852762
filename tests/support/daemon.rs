//! The real program at work.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use tokio::time::Instant;

use super::{PATIENCE, process, until};

/// The real binary at work; killed when dropped, and whoever has taken its place with it.
pub struct Daemon {
    child: Child,
    /// The process that has taken its place, after an upgrade.
    heir: Option<u32>,
    log: PathBuf,
}

impl Daemon {
    /// Starts `crmgate run` on a directory; what it says goes to `daemon.log` beside it.
    pub fn run(dir: &Path) -> Self {
        Self::run_with(Command::new(env!("CARGO_BIN_EXE_crmgate")), dir)
    }

    /// The same behind another command, such as a shell that sets limits.
    pub fn run_with(mut command: Command, dir: &Path) -> Self {
        command.args(["run", "--config"]).arg(dir);
        Self::spawn(command, dir)
    }

    /// Any other subcommand; what it says goes to `daemon.log` in `dir`.
    pub fn start(dir: &Path, arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_crmgate"));
        command.args(arguments);
        Self::spawn(command, dir)
    }

    /// Any program; what it says goes to `daemon.log` in `dir`.
    pub fn spawn(mut command: Command, dir: &Path) -> Self {
        let log = dir.join("daemon.log");
        let out = std::fs::File::create(&log).expect("a log file");
        let child = command
            .stdin(Stdio::null())
            .stdout(out.try_clone().expect("a handle"))
            .stderr(out)
            .spawn()
            .expect("the binary");
        Self {
            child,
            heir: None,
            log,
        }
    }

    /// Starts it and waits until it serves.
    pub async fn serving(dir: &Path) -> Self {
        let mut daemon = Self::run(dir);
        daemon.until_said("serving").await;
        daemon
    }

    /// Waits until the log holds a text. Fails at once if the daemon has ended.
    pub async fn until_said(&mut self, text: &str) {
        self.until_said_again(text, 0).await;
    }

    /// Waits until the log holds a text more often than `times`.
    pub async fn until_said_again(&mut self, text: &str, times: usize) {
        let what = format!("{text:?} is said once more than {times} times");
        self.until(what, |said| said.matches(text).count() > times)
            .await;
    }

    /// Waits until what it has said fulfils a condition. Fails at once if the daemon has ended.
    pub async fn until(&mut self, what: impl Display, condition: impl Fn(&str) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !condition(&self.said()) {
            assert!(
                !self.has_ended() && Instant::now() < deadline,
                "waited in vain until {what}:\n{}",
                self.said()
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// All lines that it has said. One that is being written is not among them.
    pub fn said(&self) -> String {
        let mut said = std::fs::read_to_string(&self.log).unwrap_or_default();
        said.truncate(said.rfind('\n').map_or(0, |end| end + 1));
        said
    }

    /// Its access lines.
    pub fn access_lines(&self) -> Vec<String> {
        let said = self.said();
        let lines = said.lines().filter(|line| line.contains(" access: "));
        lines.map(str::to_owned).collect()
    }

    /// Its process id: after an upgrade that of the new process.
    pub fn pid(&self) -> u32 {
        self.heir.unwrap_or_else(|| self.child.id())
    }

    fn has_ended(&mut self) -> bool {
        match self.heir {
            Some(pid) => !process::runs(pid),
            None => self.child.try_wait().expect("a child").is_some(),
        }
    }

    /// Asks for an upgrade, and waits until the new process serves and the old one has ended.
    pub async fn upgrade(&mut self) {
        let before = self.said().matches(HANDED_OVER).count();
        self.signal("USR2");
        self.until_said_again(HANDED_OVER, before).await;
        let old = (self.heir, self.pid());
        self.follow();
        match old {
            (None, _) => assert_eq!(self.ended().await.code(), Some(0), "{}", self.said()),
            (Some(_), pid) => until("the old process ends", || !process::runs(pid)).await,
        }
    }

    /// From now on this is the process that has taken its place.
    pub fn follow(&mut self) {
        let said = self.said();
        let line = said.lines().rfind(|line| line.contains(HANDED_OVER));
        let (_, pid) = line.expect("a line").split_once("pid=").expect("a number");
        let pid: String = pid.chars().take_while(char::is_ascii_digit).collect();
        self.heir = Some(pid.parse().expect("a number"));
    }

    /// What the process has taken of the processor since it began.
    pub fn processor_time(&self) -> Duration {
        process::processor_time(self.pid())
    }

    /// Sends it a signal by name (`HUP`, `TERM`, ...).
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args(["-s", name, &self.pid().to_string()])
            .status();
        assert!(
            sent.expect("kill").success(),
            "the daemon has ended:\n{}",
            self.said()
        );
    }

    /// Waits for its end.
    pub async fn ended(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return status;
            }
            assert!(
                Instant::now() < deadline,
                "it does not end:\n{}",
                self.said()
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Ended already, as most tests see to it.
        let _ended = self.child.kill();
        let _ended = self.child.wait();
        if let Some(heir) = self.heir {
            let _ended = Command::new("kill")
                .args(["-9", &heir.to_string()])
                .stderr(Stdio::null())
                .status();
        }
    }
}

/// What the old process says when it has handed over.
const HANDED_OVER: &str = "the new process serves";
