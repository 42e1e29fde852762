//! [`Successor`]: the process that is to take this one's place, as this one sees it.

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::oneshot;

use super::letter::{Letter, NamedSocket};
use super::predecessor::{BETWEEN, SUCCEEDS};
use super::{SuccessionError, Will};
use crate::net::pass;
use crate::service::sandbox::Bequest;
use crate::tls::HandedSessions;

/// A process that was started to take this one's place.
///
/// A thread of its own talks to it: what is handed over may be large, and callers shall not wait
/// for it.
#[derive(Debug)]
pub struct Successor {
    pid: Arc<OnceLock<u32>>,
    /// Whoever was started to start it.
    between: u32,
    ready: oneshot::Receiver<Result<(), SuccessionError>>,
    letters: Sender<Letter>,
}

/// As long as a service manager waits for a start, by its own habit.
const READY_WITHIN: Duration = Duration::from_secs(90);

impl Successor {
    /// Starts the program file with the arguments of this process.
    pub fn start(program: &Path, will: Will) -> Result<Self, SuccessionError> {
        let (here, there) = UnixStream::pair()?;
        let child = child(program, there)?;
        let between = child.id();
        let pid = Arc::new(OnceLock::new());
        let (letters, inbox) = channel();
        let (said, ready) = oneshot::channel();
        let known = Arc::clone(&pid);
        let talk = move || attend(child, (&here, &known), will, said, &inbox);
        let thread = std::thread::Builder::new().name("crmgate-upgrade".into());
        thread.spawn(talk)?;
        Ok(Self {
            pid,
            between,
            ready,
            letters,
        })
    }

    /// Its number, or until that is known the one of the process that starts it.
    pub fn pid(&self) -> u32 {
        *self.pid.get().unwrap_or(&self.between)
    }

    /// Ends when it could serve, or when it is clear that it never will.
    pub async fn ready(&mut self) -> Result<(), SuccessionError> {
        let gone = || Err(io::Error::from(io::ErrorKind::BrokenPipe).into());
        (&mut self.ready)
            .await
            .unwrap_or_else(|_thread_gone| gone())
    }

    /// Hands over what came since.
    pub fn hand_over(&self, sessions: HandedSessions) {
        let _ended = self.letters.send(Letter::Sessions { sessions });
    }

    /// From now on it may let callers in.
    pub fn go(&self) {
        let _ended = self.letters.send(Letter::Go);
    }

    /// It is not to take this one's place after all.
    pub fn give_up(self) {
        end(self.pid());
    }
}

fn end(pid: u32) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ended_already = kill_process(pid, Signal::KILL);
    }
}

/// It finds the socket in the place of its standard input, the one descriptor besides its output
/// that a process gets from its parent by an interface that is safe.
fn child(program: &Path, channel: UnixStream) -> Result<Child, SuccessionError> {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let started = Command::new(program)
        .args(arguments)
        .env(SUCCEEDS, std::process::id().to_string())
        .env(BETWEEN, "1")
        // These say whom they are meant for, and that is this process.
        .env_remove("WATCHDOG_PID")
        .env_remove("LISTEN_PID")
        .env_remove("LISTEN_FDS")
        .env_remove("LISTEN_FDNAMES")
        .stdin(Stdio::from(OwnedFd::from(channel)))
        .spawn();
    started.map_err(|source| SuccessionError::Start {
        program: program.display().to_string(),
        source,
    })
}

/// Talks to it until nobody has anything to say any more.
fn attend(
    mut child: Child,
    (channel, known): (&UnixStream, &OnceLock<u32>),
    will: Will,
    said: oneshot::Sender<Result<(), SuccessionError>>,
    letters: &Receiver<Letter>,
) {
    let read = leave(channel, will).and_then(|()| wait_until_ready(channel, known));
    if let Err(error) = read {
        let is_late = matches!(
            error.kind(),
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
        );
        let why = if is_late {
            known.get().copied().into_iter().for_each(end);
            let _ended_meanwhile = child.kill();
            let _status = child.wait();
            SuccessionError::Late(READY_WITHIN)
        } else {
            // It closes its end with its own end, and not before.
            let status = child.wait();
            status.map_or(SuccessionError::Broken(error), SuccessionError::Ended)
        };
        let _nobody_waits = said.send(Err(why));
        return;
    }
    // It is on its own from now on. An earlier version has nobody in between.
    if known.get().is_some_and(|pid| *pid != child.id()) {
        let _ended_by_itself = child.kill();
        let _status = child.wait();
    }
    if said.send(Ok(())).is_err() {
        return;
    }
    for letter in letters {
        if letter.send(channel).is_err() {
            return;
        }
    }
}

fn leave(channel: &UnixStream, will: Will) -> io::Result<()> {
    channel.set_write_timeout(Some(READY_WITHIN))?;
    let sockets = will.sockets.iter().map(|lent| NamedSocket {
        listen: lent.listen.to_string(),
        stays: lent.stays,
    });
    let letter = Letter::Will {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        sockets: sockets.collect(),
        estate: Box::new(will.estate),
        token_file: will.token_file,
        sandbox: Bequest::of_this_process(),
    };
    letter.send(channel)?;
    for lent in &will.sockets {
        pass(channel, &lent.socket)?;
    }
    Ok(())
}

fn wait_until_ready(channel: &UnixStream, known: &OnceLock<u32>) -> io::Result<()> {
    channel.set_read_timeout(Some(READY_WITHIN))?;
    loop {
        match Letter::receive(channel)? {
            Letter::Here { pid } => {
                let _said_once = known.set(pid);
            }
            Letter::Ready => return Ok(()),
            Letter::Will { .. } | Letter::Sessions { .. } | Letter::Go | Letter::Unknown => {}
        }
    }
}
