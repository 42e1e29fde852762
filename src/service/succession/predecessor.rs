//! [`Predecessor`]: the process whose place this one takes, as this one sees it.

use std::io;
use std::net::TcpListener;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use rustix::process::{Signal, getppid, set_parent_process_death_signal};
use tokio::sync::{mpsc, oneshot};

use super::Left;
use super::letter::Letter;
use crate::gateway::Estate;
use crate::model::ListenAddr;
use crate::net::{HandedSocket, take};
use crate::service::sandbox::Bequest;
use crate::tls::HandedSessions;

/// In the environment of a process that is to take another one's place: the number of that one.
pub(super) const SUCCEEDS: &str = "CRMGATE_SUCCEEDS";

/// In the environment of a process that is to start the one that takes another's place.
pub(super) const BETWEEN: &str = "CRMGATE_BETWEEN";

/// In the environment of a process that was started by one in between: the number of that one.
const STARTED_BY: &str = "CRMGATE_STARTED_BY";

/// Starts the process that takes another one's place and waits for its end, if that is what this process
/// is for. To be called before anything else.
///
/// systemd waits for the end of its own children alone: of a process that was started by the one whose
/// place it takes it would not notice, and a stop would kill it at once. So one stands in between, which
/// is ended as soon as the new process could serve; then that has the parent that the old one has.
pub fn between() -> Option<io::Result<ExitStatus>> {
    std::env::var_os(BETWEEN)?;
    let started = std::env::current_exe().and_then(|program| {
        Command::new(program)
            .args(std::env::args_os().skip(1))
            .env_remove(BETWEEN)
            .env(STARTED_BY, std::process::id().to_string())
            .spawn()
    });
    Some(started.and_then(|mut child| child.wait()))
}

/// The process whose place this one takes.
#[derive(Debug)]
pub struct Predecessor {
    channel: UnixStream,
    version: String,
    sockets: Vec<HandedSocket>,
    estate: Estate,
    token_file: Option<PathBuf>,
    sandbox: Option<Bequest>,
}

/// Sessions that come while it drains.
#[derive(Debug)]
pub struct LateSessions(mpsc::UnboundedReceiver<HandedSessions>);

impl LateSessions {
    /// The next of them; never, once there are no more.
    pub async fn next(&mut self) -> HandedSessions {
        match self.0.recv().await {
            Some(sessions) => sessions,
            None => std::future::pending().await,
        }
    }
}

impl Predecessor {
    /// Whoever has started this process, if that was to be replaced by it, with all that it leaves.
    pub fn find() -> io::Result<Option<Self>> {
        if std::env::var_os(SUCCEEDS).is_none() {
            return Ok(None);
        }
        end_with_parent()?;
        let channel = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
        channel.set_read_timeout(Some(PATIENCE))?;
        let pid = std::process::id();
        Letter::Here { pid }.send(&channel)?;
        loop {
            let Letter::Will {
                version,
                sockets,
                estate,
                token_file,
                sandbox,
            } = Letter::receive(&channel)?
            else {
                continue;
            };
            let mut taken = Vec::new();
            for named in sockets {
                let socket: TcpListener = take(&channel)?;
                // An address that this version cannot read is one that it cannot serve.
                if let Ok(listen) = named.listen.parse::<ListenAddr>() {
                    taken.push(HandedSocket::of_predecessor(listen, socket, named.stays));
                }
            }
            return Ok(Some(Self {
                channel,
                version,
                sockets: taken,
                estate: *estate,
                token_file,
                sandbox,
            }));
        }
    }

    /// Its version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// What it was confined to, and so this process is.
    pub fn sandbox(&self) -> Option<&Bequest> {
        self.sandbox.as_ref()
    }

    /// What it has left.
    pub fn left(&mut self) -> Left {
        Left {
            sockets: std::mem::take(&mut self.sockets),
            estate: std::mem::take(&mut self.estate),
            token_file: self.token_file.take(),
        }
    }

    /// Says that this process could serve, and ends when it may: when the other one lets nobody in
    /// any more, or is gone. Its sessions until then are given to `more` before that.
    pub async fn succeed(self, more: impl Fn(&HandedSessions)) -> io::Result<LateSessions> {
        let (sessions, mut late) = mpsc::unbounded_channel();
        let (going, go) = oneshot::channel();
        // From now on the one in between is of no use, and is ended.
        set_parent_process_death_signal(None)?;
        Letter::Ready.send(&self.channel)?;
        self.channel.set_read_timeout(None)?;
        let thread = std::thread::Builder::new().name("crmgate-upgrade".into());
        thread.spawn(move || listen(&self.channel, &sessions, going))?;
        // Where the other process is gone its place is free.
        let _gone = go.await;
        while let Ok(before) = late.try_recv() {
            more(&before);
        }
        Ok(LateSessions(late))
    }
}

/// Ends this process with the one in between, so that nobody is left over where an upgrade is given up.
fn end_with_parent() -> io::Result<()> {
    let Ok(parent) = std::env::var(STARTED_BY) else {
        return Ok(());
    };
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // It may have ended before that.
    let is_there = getppid().is_some_and(|now| now.as_raw_nonzero().to_string() == parent);
    if is_there {
        Ok(())
    } else {
        Err(io::ErrorKind::BrokenPipe.into())
    }
}

/// What it has to say takes it no time: all of it is there.
const PATIENCE: Duration = Duration::from_secs(30);

fn listen(
    channel: &UnixStream,
    sessions: &mpsc::UnboundedSender<HandedSessions>,
    going: oneshot::Sender<()>,
) {
    let mut going = Some(going);
    // It ends with an error when the other process has ended.
    while let Ok(letter) = Letter::receive(channel) {
        match letter {
            Letter::Sessions { sessions: some } => {
                if sessions.send(some).is_err() {
                    return;
                }
            }
            Letter::Go => {
                let _asked = going.take().map(|going| going.send(()));
            }
            Letter::Will { .. } | Letter::Here { .. } | Letter::Ready | Letter::Unknown => {}
        }
    }
}
