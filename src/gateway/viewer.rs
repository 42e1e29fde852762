//! [`Viewer`]: a running gateway as others see it, from any thread and at any time.
//!
//! It asks nobody: what it shows stands in atomics, behind short locks, or in the face that the
//! gateway shows after every step. So an operator sees how a reload or a drain goes while it goes.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::build::Workshop;
use super::scrape::ClientCertificates;
use super::snapshot::Snapshot;
use crate::config::problem::Problems;
use crate::config::settings::Settings;
use crate::model::{Clock, Generation, ListenAddr, Phase, Side, SystemName, WallTime};
use crate::net::Admission;
use crate::requests::Sides;
use crate::requests::failover::Health;
use crate::telemetry::{AccessLog, Counters, Snapshot as Figures};
use crate::tls::{Acceptor, AuthorityUses, SessionVault};

/// What the gateway shows of itself after every step that it takes.
#[derive(Debug, Clone)]
pub(super) struct Face {
    pub(super) phase: Phase,
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) bound: HashMap<ListenAddr, SocketAddr>,
    pub(super) last_reload_failure: Option<String>,
    pub(super) history: VecDeque<Attempt>,
}

/// How the gateway stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Where the daemon is in its life.
    pub phase: Phase,
    /// The generation in force.
    pub generation: Generation,
    /// Where it listens: as configured, and as bound.
    pub listeners: Vec<(ListenAddr, SocketAddr)>,
    /// The active side and both sides' health, for each SAP system that has sides.
    pub sides: Vec<(SystemName, Side, [Health; 2])>,
    /// Why the last reload failed; gone after the next success.
    pub last_reload_failure: Option<String>,
}

/// Who or what had the configuration read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trigger {
    /// The start of the process.
    Start,
    /// The system or the service manager: SIGHUP, a control code.
    System,
    /// A file that was read has changed.
    FileChange,
    /// An operator, by his name.
    Operator(Arc<str>),
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start => f.write_str("start"),
            Self::System => f.write_str("signal"),
            Self::FileChange => f.write_str("a file has changed"),
            Self::Operator(name) => write!(f, "operator {name}"),
        }
    }
}

/// A configuration that was read, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// When.
    pub at: WallTime,
    /// Why.
    pub trigger: Trigger,
    /// The generation that came into force; `None` where it was refused.
    pub generation: Option<Generation>,
    /// Listeners that were opened.
    pub opened: Vec<ListenAddr>,
    /// Listeners that were closed.
    pub closed: Vec<ListenAddr>,
    /// What was said about it: why it was refused, or what it is warned of.
    pub problems: Problems,
}

/// So many attempts are remembered, the latest last.
pub(super) const REMEMBERED: usize = 50;

/// Reads a running gateway. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Viewer(pub(super) Arc<Inner>);

#[derive(Debug)]
pub(super) struct Inner {
    face: watch::Sender<Arc<Face>>,
    clock: Clock,
    /// The gateway's own and those of each worker.
    pub(super) counters: Vec<Arc<Counters>>,
    /// Its own, which are among them.
    own: Arc<Counters>,
    admission: Admission,
    access: AccessLog,
    pub(super) vault: Arc<SessionVault>,
    pub(super) uses: Arc<AuthorityUses>,
    pub(super) clients: ClientCertificates,
    /// When this gateway began.
    pub(super) started_at: WallTime,
    started: Instant,
}

impl Viewer {
    pub(super) fn new(
        snapshot: &Arc<Snapshot>,
        workshop: &Workshop,
        counters: Vec<Arc<Counters>>,
        admission: &Admission,
        access: &AccessLog,
    ) -> Self {
        let face = Face {
            phase: Phase::Starting,
            snapshot: Arc::clone(snapshot),
            bound: HashMap::new(),
            last_reload_failure: None,
            history: VecDeque::new(),
        };
        Self(Arc::new(Inner {
            face: watch::Sender::new(Arc::new(face)),
            clock: workshop.clock.clone(),
            counters,
            own: Arc::clone(&workshop.counters),
            admission: admission.clone(),
            access: access.clone(),
            vault: Arc::clone(&workshop.vault),
            uses: Arc::clone(&workshop.uses),
            clients: ClientCertificates::default(),
            started_at: workshop.clock.now(),
            started: Instant::now(),
        }))
    }

    pub(super) fn show(&self, face: Face) {
        self.0.face.send_replace(Arc::new(face));
    }

    pub(super) fn face(&self) -> Arc<Face> {
        Arc::clone(&self.0.face.borrow())
    }

    /// Waits for the next step of the gateway: a generation, a phase, a reload that was refused.
    pub async fn changed(&self) {
        let mut steps = self.0.face.subscribe();
        // The sender lives as long as this viewer.
        let _never_closed = steps.changed().await;
    }

    /// How it stands.
    pub fn status(&self) -> Status {
        let face = self.face();
        let Face {
            phase,
            snapshot,
            bound,
            last_reload_failure,
            history: _,
        } = &*face;
        let mut listeners: Vec<_> = bound
            .iter()
            .filter(|(listen, _)| snapshot.listener(**listen).is_some())
            .map(|(listen, local)| (*listen, *local))
            .collect();
        listeners.sort_unstable();
        let sides = snapshot.systems.iter().filter_map(|(name, parts)| {
            let sides = parts.sides.as_ref()?;
            let health = Side::BOTH.map(|side| sides.health(side));
            Some((name.clone(), sides.active(), health))
        });
        Status {
            phase: *phase,
            generation: snapshot.generation,
            listeners,
            sides: sides.collect(),
            last_reload_failure: last_reload_failure.clone(),
        }
    }

    /// The figures of all threads together.
    pub fn figures(&self) -> Figures {
        let each = self.0.counters.iter().map(|counters| counters.snapshot());
        Figures {
            log_lines_lost: self.0.access.lost_lines(),
            ..each.sum()
        }
    }

    /// The settings in force.
    pub fn settings(&self) -> Settings {
        self.face().snapshot.settings.clone()
    }

    /// The gateway's own figures, for what is counted beside the traffic.
    pub fn counters(&self) -> &Counters {
        &self.0.own
    }

    /// What ends TLS on the admin listener in the generation in force.
    pub fn admin_acceptor(&self) -> Option<Arc<Acceptor>> {
        self.face().snapshot.admin.clone()
    }

    /// The configurations that were read, the latest last.
    pub fn attempts(&self) -> Vec<Attempt> {
        self.face().history.iter().cloned().collect()
    }

    /// Accepted connections that are open now.
    pub fn connections(&self) -> usize {
        self.0.admission.connections()
    }

    /// When this gateway began.
    pub(super) fn started_at(&self) -> WallTime {
        self.0.started_at
    }

    /// Since the gateway was started.
    pub fn uptime(&self) -> Duration {
        self.0.started.elapsed()
    }

    /// The clock that everything here goes by.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// The sides of a SAP system, if it has any.
    pub fn sides(&self, system: &SystemName) -> Option<Arc<Sides>> {
        self.face().snapshot.systems.get(system)?.sides.clone()
    }
}
