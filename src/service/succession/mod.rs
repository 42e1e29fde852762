//! One process of the daemon takes the place of another, and no caller notices.
//!
//! The process that is to be replaced starts the program file anew and hands it the listening
//! sockets, sessions and sides over a socket between the two. Nothing changes until the new process
//! has read its configuration, built everything and said so; if it ends instead, the old one goes
//! on. Then the old one lets nobody in any more, and only after that the new one begins to: callers
//! wait in the kernel's queues meanwhile, which both have.
//!
//! ```text
//! old                                     new
//!  |  <-----------------------------  Here  |
//!  | Will: sockets, sessions, sides  ---->  |
//!  | serves                                 | reads, builds, takes the sockets
//!  |  <----------------------------  Ready  |
//!  | lets nobody in any more                |
//!  | Sessions that came meanwhile, Go ----> | lets callers in
//!  | drains, and sends Sessions      ---->  |
//!  | ends                                   | serves
//! ```
//!
//! The old process starts one that starts the new one and is ended when that is ready, so that the new
//! process has the parent of the old one: a service manager has to be told of its end.
//!
//! `letter` is what is said; `successor` is the end of the old process, `predecessor` that of the new
//! one. Only Unix passes sockets to another process; elsewhere there is nobody to start and nobody
//! to succeed.

#[cfg(any(unix, test))]
mod letter;
#[cfg(unix)]
mod predecessor;
#[cfg(unix)]
mod successor;

#[cfg(not(unix))]
mod elsewhere;

#[cfg(not(unix))]
pub use elsewhere::{LateSessions, Predecessor, Successor, between};
#[cfg(unix)]
pub use predecessor::{LateSessions, Predecessor, between};
#[cfg(unix)]
pub use successor::Successor;

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use crate::gateway::{Estate, LentSocket};
use crate::net::HandedSocket;

/// What a process leaves to the one that takes its place.
#[derive(Debug)]
pub struct Will {
    /// Listening sockets.
    pub sockets: Vec<LentSocket>,
    /// Sessions and sides.
    pub estate: Estate,
    /// Where the token of the admin listener stands.
    pub token_file: Option<PathBuf>,
}

/// What the next process has of it.
#[derive(Debug, Default)]
pub struct Left {
    /// Listening sockets.
    pub sockets: Vec<HandedSocket>,
    /// Sessions and sides.
    pub estate: Estate,
    /// Where the token of the admin listener stands.
    pub token_file: Option<PathBuf>,
}

/// Why no other process has taken this one's place.
#[derive(Debug, thiserror::Error)]
pub enum SuccessionError {
    /// The program file cannot be started.
    #[error("\"{program}\" cannot be started: {source}")]
    Start {
        /// The file.
        program: String,
        /// What the system says.
        source: io::Error,
    },
    /// It ended before it could serve.
    #[error(
        "the new process has ended before it could serve, with {0}; its lines before this one say why"
    )]
    Ended(ExitStatus),
    /// It was not ready in time.
    #[error("the new process was not ready within {} s and was ended", .0.as_secs())]
    Late(Duration),
    /// The socket between the two does not work.
    #[error("nothing can be handed to the new process: {0}")]
    Broken(#[from] io::Error),
    /// This system has no way to do it.
    #[error("this system cannot pass listening sockets to another process")]
    NotHere,
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

    use super::*;

    #[test]
    fn each_reason_says_what_became_of_the_new_process() {
        let broken = io::Error::from(io::ErrorKind::BrokenPipe);
        let said = |error: SuccessionError| error.to_string();
        assert_eq!(
            said(SuccessionError::Ended(ExitStatus::from_raw(78 << 8))),
            "the new process has ended before it could serve, with exit status: 78; its lines before this one say why"
        );
        assert_eq!(
            said(SuccessionError::Late(Duration::from_secs(90))),
            "the new process was not ready within 90 s and was ended"
        );
        assert_eq!(
            said(SuccessionError::Broken(broken)),
            "nothing can be handed to the new process: broken pipe"
        );
        assert_eq!(
            said(SuccessionError::NotHere),
            "this system cannot pass listening sockets to another process"
        );
        let (program, source) = (
            "/usr/bin/crmgate".to_owned(),
            io::ErrorKind::NotFound.into(),
        );
        assert_eq!(
            said(SuccessionError::Start { program, source }),
            "\"/usr/bin/crmgate\" cannot be started: entity not found"
        );
    }
}
