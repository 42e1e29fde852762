//! [`Host`]: who started the daemon, where its orders come from, and who hears how it goes.

use std::fmt;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use super::{Herald, Requests};
use crate::telemetry::Said;

/// How it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// Why it does not start, or what somebody has to know before there is a log.
    Complaint(String),
    /// All listeners are open.
    Serving,
    /// Nobody new is let in; what is in flight has so long to finish.
    Draining(Duration),
}

/// Whoever started the daemon: a person at a terminal, or the system.
pub struct Host {
    /// What is asked of the daemon; where there is nothing, the system's own signals.
    pub requests: Option<Requests>,
    /// Hears how it goes, where it is told by messages.
    pub herald: Herald,
    /// Hears how it goes, where it is told by function calls.
    pub tell: Box<dyn Fn(Told) + Send>,
    /// Gets each warning and error of the log as well.
    pub news: Option<SyncSender<Said>>,
    /// Whether somebody reads standard output; else the log goes to a file.
    pub has_output: bool,
}

impl Host {
    /// Says why it does not start.
    pub fn complain(&self, text: String) {
        (self.tell)(Told::Complaint(text));
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host")
            .field("requests", &self.requests)
            .field("has_output", &self.has_output)
            .finish_non_exhaustive()
    }
}
