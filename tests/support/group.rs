//! [`Group`]: a program of others that stays at work, with every process that it starts.

use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::time::Instant;

use super::process::children;
use super::until;

/// The program with its processes; they end with this value.
#[derive(Debug)]
pub struct Group {
    child: Child,
}

/// How long a server with nothing to save takes to end at most.
const LAST_WORDS: Duration = Duration::from_secs(2);

impl Group {
    /// Starts it. What it says goes to this file.
    pub fn start(program: &Path, arguments: &[String], log: &Path) -> Self {
        let log = File::create(log).expect("a log file");
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a handle"))
            .stderr(log)
            .process_group(0)
            .spawn();
        Self {
            child: child.expect("it starts"),
        }
    }

    /// Its first process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Has its first process replace the others by a signal, and waits until those are gone.
    pub async fn renew(&self, signal: Signal) {
        let before = children(self.child.id());
        kill_process(Pid::from_child(&self.child), signal).expect("it has not ended by itself");
        until("others are at work", || {
            let now = children(self.child.id());
            !now.is_empty() && before.iter().all(|child| !now.contains(child))
        })
        .await;
    }
}

impl Drop for Group {
    #[expect(
        clippy::disallowed_methods,
        reason = "nothing can be awaited where a value is dropped"
    )]
    fn drop(&mut self) {
        let first = Pid::from_child(&self.child);
        // It sees to the others if it is asked. Whoever has ended already is not there to be told.
        let _gone = kill_process(first, Signal::TERM);
        let deadline = Instant::now() + LAST_WORDS;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(5));
        }
        let _gone = kill_process_group(first, Signal::KILL);
        let _ended = self.child.wait();
    }
}
