//! [`rehearse`]: who of those that were seen lately would be refused by what is on the disk now.
//!
//! Whoever changes an authority, a revocation list or a rule wants to know beforehand whom that shuts
//! out. So everybody whom the state file remembers is proven by the generation that a reload would
//! put in force, by the same functions that its traffic would walk. Of clients that showed no
//! certificate it is known that there were some, and they are judged together. Nothing is opened and nobody is
//! asked: not the peers, and no responder.
//!
//! What is not here: addresses, versions and cipher suites. A peer that was seen is taken to find the
//! way, and to agree on these, as before.

pub(super) mod judgement;
mod play;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use self::judgement::Objection;
use self::play::Play;
use super::build::{Workshop, load_and_build};
use super::ca_guard::Stage;
use super::state_file::{self, Memory, Recalled};
use crate::model::{Clock, Fingerprint, HostPort, Side, TlsRole, WallTime};
use crate::tls::nameless_uses::Lack;

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rehearsal {
    /// Who was not seen since then is not looked at.
    pub since: WallTime,
    /// The state file, and when it was written where it says so; nothing where there is none, or
    /// none that is understood.
    pub file: Option<(PathBuf, Option<WallTime>)>,
    /// Who would be refused.
    pub refused: Vec<Refused>,
    /// How many would go on.
    pub go_on: usize,
    /// Of whom it is not known.
    pub unknown: Vec<Unknown>,
    /// Servers that were called with TLS and would not be any more, by their systems.
    pub not_called: Vec<(String, HostPort)>,
    /// Systems that ask a responder about clients, which has not been asked here.
    pub responder_not_asked: Vec<String>,
}

/// Somebody who would be refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Who.
    pub peer: Peer,
    /// Why.
    pub objection: Objection,
    /// The code by which the gateway refused it already when the state file was written: then the
    /// change is not to blame.
    pub already: Option<String>,
    /// The serial number of another certificate of the same subject in the same role, which was
    /// seen later and would go on.
    pub followed_by: Option<String>,
}

/// Somebody who was seen, in one role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// The SAP system.
    pub system: String,
    /// As what it was there.
    pub part: Part,
    /// Who it is, as far as it said.
    pub who: Who,
    /// When it was there last.
    pub last: WallTime,
}

/// Who a peer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// Whoever has this certificate.
    Known(Holder),
    /// All clients that lacked the same, since one cannot be told from another.
    Nameless(Lack),
}

/// Whoever has a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Its subject.
    pub subject: String,
    /// Its issuer, where that is known.
    pub issuer: Option<String>,
    /// Its serial number.
    pub serial: String,
    /// SHA-256 of it.
    pub fingerprint: Fingerprint,
}

impl Who {
    /// Whoever has shown a certificate.
    pub const fn holder(&self) -> Option<&Holder> {
        match self {
            Self::Known(holder) => Some(holder),
            Self::Nameless(_) => None,
        }
    }

    /// Tells it from others of the same part.
    fn key(&self) -> String {
        match self {
            Self::Known(holder) => holder.fingerprint.to_string(),
            Self::Nameless(lack) => lack.code().to_owned(),
        }
    }
}

/// As what a peer was there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// It called; nothing where the state file does not say for what.
    Client(Option<TlsRole>),
    /// It was called.
    Server {
        /// By this name.
        target: HostPort,
        /// As this side; nothing for SAP CRM.
        side: Option<Side>,
    },
}

impl Part {
    /// Whether SAP CRM plays it.
    const fn is_sap(&self) -> bool {
        match self {
            Self::Client(role) => !matches!(role, Some(TlsRole::Events)),
            Self::Server { side, .. } => side.is_none(),
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client(Some(role)) => write!(f, "client for {role}"),
            Self::Client(None) => f.write_str("client"),
            Self::Server { target, side: None } => write!(f, "server {target}"),
            Self::Server {
                target,
                side: Some(side),
            } => write!(f, "server {target} (side {side})"),
        }
    }
}

/// Some of whom it is not known whether they would be refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// The SAP system.
    pub system: String,
    /// How many.
    pub count: usize,
    /// Who, and why.
    pub who: WhoIsUnknown,
}

/// Who is not known, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum WhoIsUnknown {
    /// More clients of an authority than the state file lists.
    Unlisted {
        /// Its name.
        authority: String,
    },
    /// What they showed is not remembered.
    NoChain,
    /// A side would end their TLS, and judge them by itself.
    JudgedBySide,
    /// For what they called is not remembered, and it makes a difference.
    NoRole,
    /// A server that is to be called, and was not.
    NotSeen {
        /// By this name.
        target: HostPort,
    },
}

impl WhoIsUnknown {
    /// Clients of one authority that the state file lists.
    pub const LISTED: usize = state_file::MOST_CLIENTS;

    /// The stable word.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unlisted { .. } => "unlisted",
            Self::NoChain => "no-chain",
            Self::JudgedBySide => "judged-by-side",
            Self::NoRole => "no-role",
            Self::NotSeen { .. } => "not-seen",
        }
    }
}

impl Rehearsal {
    /// Whether somebody would be refused who is served today.
    pub fn shuts_out(&self) -> bool {
        self.refused.iter().any(|one| one.already.is_none())
    }
}

/// Proves whoever was seen within a time by what is on the disk. `None` if that cannot be used for
/// another reason than an authority that is missed: `check` says what is wrong with it.
pub fn rehearse(dir: &Path, within: Duration, clock: &Clock) -> Option<Rehearsal> {
    // That somebody would miss an authority is what is to be told here, by the names of all.
    let workshop = Workshop::of_its_own(clock, Stage::Start);
    let snapshot = load_and_build(dir, None, &workshop).snapshot?;
    let within = i64::try_from(within.as_secs()).unwrap_or(i64::MAX);
    let since = WallTime(clock.now().0.saturating_sub(within));
    // What is wrong with the file is among the problems of a check.
    let known = state_file::known(dir, &snapshot.settings).ok().flatten();
    let (file, memory) = match known {
        Some((path, Recalled { written, memory })) => (Some((path, written)), memory),
        None => (None, Memory::default()),
    };
    let mut play = Play::new(&snapshot, since);
    for one in &memory.uses {
        play.clients_of(one);
    }
    for one in &memory.nameless {
        play.nameless(one);
    }
    for server in &memory.servers {
        play.server(server);
    }
    play.servers_not_seen(&memory.servers);
    Some(play.end(file))
}
