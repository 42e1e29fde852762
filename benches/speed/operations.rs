//! The operations that are measured, in the order in which they are printed.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use crate::server::Door;
use crate::traffic::{Course, Habit, Load, Secured, Target, Version};

/// One kind of operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operation {
    /// How it is called on the command line, and in the raw data.
    pub word: &'static str,
    /// How it is called in the table.
    pub title: &'static str,
    pub door: Door,
    version: Version,
    pub habit: Habit,
    target: Target,
    clients: usize,
    /// Whether others do full handshakes meanwhile; it is measured for its latency then.
    pub storm: bool,
}

/// What most of them are: requests over kept connections.
const KEPT: Operation = Operation {
    word: "kept",
    title: "request on a kept connection (32 of them)",
    door: Door::Rsa,
    version: Version::Tls13,
    habit: Habit::Kept,
    target: Target::Soap,
    clients: 32,
    storm: false,
};

/// New connections come from so many clients at once.
const CALLERS: usize = 8;

/// Kept requests a second during a storm.
const STORM_RATE: u32 = 500;

/// All of them.
pub const ALL: [Operation; 13] = [
    Operation {
        word: "full",
        title: "full handshake and request, RSA-2048, TLS 1.3",
        habit: Habit::Full,
        clients: CALLERS,
        ..KEPT
    },
    Operation {
        word: "full-p256",
        title: "full handshake and request, P-256, TLS 1.3",
        door: Door::P256,
        habit: Habit::Full,
        clients: CALLERS,
        ..KEPT
    },
    Operation {
        word: "full-1.2",
        title: "full handshake and request, RSA-2048, TLS 1.2",
        version: Version::Tls12,
        habit: Habit::Full,
        clients: CALLERS,
        ..KEPT
    },
    Operation {
        word: "resumed",
        title: "resumed session and request, TLS 1.3",
        habit: Habit::Resumed,
        clients: CALLERS,
        ..KEPT
    },
    Operation {
        word: "resumed-1.2",
        title: "resumed session and request, TLS 1.2",
        version: Version::Tls12,
        habit: Habit::Resumed,
        clients: CALLERS,
        ..KEPT
    },
    KEPT,
    Operation {
        word: "plain",
        title: "the same without TLS",
        door: Door::Plain,
        ..KEPT
    },
    Operation {
        word: "plain-each",
        title: "connection and request without TLS",
        door: Door::Plain,
        habit: Habit::Full,
        clients: CALLERS,
        ..KEPT
    },
    Operation {
        word: "100k",
        title: "answer of 100 KB",
        target: Target::Large,
        clients: 16,
        ..KEPT
    },
    Operation {
        word: "5m",
        title: "answer of 5 MB",
        target: Target::Huge,
        clients: 4,
        ..KEPT
    },
    Operation {
        word: "event",
        title: "event to SAP, kept connection",
        door: Door::Events,
        ..KEPT
    },
    Operation {
        word: "event-resumed",
        title: "event to SAP, new connection with a resumed session",
        door: Door::EventsAnew,
        clients: CALLERS,
        ..KEPT
    },
    Operation {
        word: "storm",
        title: "kept request while 8 clients do full handshakes without pause",
        storm: true,
        ..KEPT
    },
];

/// The operation of this name.
pub fn named(word: &str) -> Option<&'static Operation> {
    ALL.iter().find(|operation| operation.word == word)
}

/// Certificates of good clients for this door.
pub fn secured(door: Door, certs: &Path, version: Version) -> Option<Secured> {
    let kind = match door {
        Door::Rsa => "rsa",
        Door::P256 => "ec",
        Door::Plain | Door::Events | Door::EventsAnew => return None,
    };
    Some(Secured {
        folder: certs.to_owned(),
        authority: format!("{kind}-ca"),
        client: format!("{kind}-client"),
        version,
    })
}

impl Operation {
    /// The same load for every server, at its own address.
    pub fn load(&self, to: SocketAddr, certs: &Path, counted: Duration) -> Load {
        let course = Course::Window {
            warm: (counted / 4).max(Duration::from_millis(50)),
            counted,
        };
        Load {
            tls: secured(self.door, certs, self.version),
            target: self.target,
            rate: self.storm.then_some(STORM_RATE),
            ..Load::plain(to, self.habit, self.clients, course)
        }
    }

    /// What goes on meanwhile, until it is stopped.
    pub fn storm_beside(&self, to: SocketAddr, certs: &Path) -> Option<Load> {
        let course = Course::Window {
            warm: Duration::ZERO,
            counted: Duration::from_hours(1),
        };
        self.storm.then(|| Load {
            tls: secured(self.door, certs, self.version),
            ..Load::plain(to, Habit::Full, CALLERS, course)
        })
    }

    /// Whether connections come about anew, and by a resumed session.
    pub fn resumes(&self) -> bool {
        self.habit == Habit::Resumed || self.door == Door::EventsAnew
    }
}
