//! [`Scrape`]: everything that an exposition is written from, as plain data.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::model::{Generation, Side, SystemName, WallTime};
use crate::telemetry::metrics::Snapshot;
use crate::telemetry::operations::OperationNames;
use crate::telemetry::process::ProcessFigures;
use crate::telemetry::traffic::SystemTally;

/// Everything that is known at one moment.
#[derive(Debug, Clone, Default)]
pub struct Scrape {
    /// The fixed figures of all threads.
    pub figures: Snapshot,
    /// The detailed ones.
    pub traffic: BTreeMap<SystemName, SystemTally>,
    /// What the operations in there are called.
    pub operations: Arc<OperationNames>,
    /// The version of the program.
    pub version: &'static str,
    /// The generation in force.
    pub generation: Option<Generation>,
    /// The last attempt to put another one in force, or the start.
    pub last_reload: Option<LastReload>,
    /// How the sides stand.
    pub sides: Vec<SideFigures>,
    /// Until when certificates are good.
    pub certificates: BTreeMap<Authentic, WallTime>,
    /// Until when revocation lists are; without those that name no end.
    pub lists: BTreeMap<Authentic, WallTime>,
    /// TLS sessions.
    pub sessions: SessionFigures,
    /// What responders have said about clients.
    pub responders: ResponderFigures,
    /// What the last preflight of the running gateway found, once there was one.
    pub preflight: Option<PreflightFigures>,
    /// What the operating system says.
    pub process: ProcessFigures,
}

impl Scrape {
    /// Notes until when something is good. Of two that carry the same labels, as the parts of a
    /// revocation list do, the one that ends first counts.
    pub fn note(known: &mut BTreeMap<Authentic, WallTime>, what: Authentic, until: WallTime) {
        let end = known.entry(what).or_insert(until);
        *end = until.min(*end);
    }
}

/// The last attempt to put a generation in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastReload {
    /// Whether it is in force.
    pub succeeded: bool,
    /// When the attempt was.
    pub at: WallTime,
    /// When the generation in force was put in force, unless too many attempts have failed since.
    pub published_at: Option<WallTime>,
}

/// How one side stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SideFigures {
    /// The SAP system.
    pub system: SystemName,
    /// The side.
    pub side: Side,
    /// `up`, `down` or `untested`.
    pub state: &'static str,
    /// Whether requests go there.
    pub is_active: bool,
    /// Whether an operator has taken it out of service.
    pub is_drained: bool,
}

/// A certificate or a revocation list, as figures name it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Authentic {
    /// What it is for: one of a closed list.
    pub role: &'static str,
    /// The SAP system; empty for the admin listener, which belongs to none.
    pub system: String,
    /// The subject, or the issuer of a list.
    pub name: String,
    /// The serial number of a certificate, in hexadecimal; empty for a list.
    pub serial: String,
}

/// What was asked of OCSP responders: how many answers and how many without one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ResponderFigures {
    /// Somebody is good.
    pub good: u64,
    /// Somebody was withdrawn.
    pub withdrawn: u64,
    /// Somebody is not known.
    pub unknown: u64,
    /// No answer, or none that can be believed.
    pub failed: u64,
}

/// What a preflight found, and when it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PreflightFigures {
    /// Findings of what does not work.
    pub errors: u64,
    /// Findings of what works for now.
    pub warnings: u64,
    /// When it began.
    pub at: WallTime,
}

/// TLS sessions of the listeners.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SessionFigures {
    /// Kept here, for clients that name theirs by id.
    pub kept: u64,
    /// Sessions that clients named and that were taken up again.
    pub found: u64,
    /// That are not known, or whose ticket no key opens any more.
    pub unknown: u64,
    /// That are known and whose client would not be let in now.
    pub refused: u64,
    /// How old the key was that sealed the latest ticket, when it did; the highest of all listeners.
    pub key_age: Duration,
    /// How long a key is to seal.
    pub key_rotation: Duration,
}
