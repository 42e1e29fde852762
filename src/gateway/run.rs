//! [`Gateway`]: bind, publish, and how it stands.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::announce::Announcements;
use super::build::Workshop;
use super::routes::watch_of;
use super::snapshot::Snapshot;
use super::state_file::StateFile;
use super::supervise::Supervisor;
use super::turning::Turning;
use super::viewer::{Attempt, Face, REMEMBERED, Status, Viewer};
use super::worker::{Command, WorkerHandle};
use crate::alarms::Courier;
use crate::config::problem::Problems;
use crate::model::{Lifecycle, ListenAddr, Phase, Side, SystemName};
use crate::net::{Admission, BindError, BoundListener, HandedSockets, Share};
use crate::requests::failover::Event;
use crate::telemetry::Snapshot as Figures;
use crate::traces::Exporter;

/// Why the gateway did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration cannot be used.
    #[error("the configuration cannot be used")]
    Config(Problems),
    /// A listener cannot be opened.
    #[error("{0}")]
    Bind(#[from] BindError),
    /// The system gives no thread or event queue.
    #[error("a worker thread cannot be started: {0}")]
    Thread(std::io::Error),
    /// A worker has ended.
    #[error("a worker thread has ended unexpectedly")]
    WorkerLost,
}

/// A running gateway.
#[derive(Debug)]
pub struct Gateway {
    pub(super) dir: PathBuf,
    pub(super) workshop: Workshop,
    pub(super) admission: Admission,
    pub(super) workers: Vec<WorkerHandle>,
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) bound: HashMap<ListenAddr, SocketAddr>,
    pub(super) supervisor: Supervisor,
    pub(super) lifecycle: Lifecycle,
    pub(super) last_reload_failure: Option<String>,
    pub(super) history: VecDeque<Attempt>,
    pub(super) viewer: Viewer,
    pub(super) announcements: Announcements,
    pub(super) courier: Courier,
    /// What the last attempt to read the directory was about, whatever became of it.
    pub(super) files: Vec<PathBuf>,
    pub(super) state_file: StateFile,
    pub(super) turning: Turning,
    pub(super) handed: Arc<HandedSockets>,
    /// There if traces are recorded.
    pub(super) exporter: Option<Exporter>,
}

impl Gateway {
    /// Puts a generation in force on every worker. Nothing in here depends on the configuration.
    pub(super) async fn publish(
        &mut self,
        next: Arc<Snapshot>,
        fresh: Vec<(ListenAddr, BoundListener)>,
    ) -> Result<(), StartError> {
        self.admission.set_limits(&next.settings.limits);
        self.bound
            .retain(|listen, _| next.serving(*listen).is_some());
        let mut shares: Vec<HashMap<ListenAddr, Share>> =
            self.workers.iter().map(|_| HashMap::new()).collect();
        for (listen, bound) in fresh {
            self.bound.insert(listen, bound.local);
            for (own, share) in shares.iter_mut().zip(bound.shares) {
                own.insert(listen, share);
            }
        }
        for system in &next.settings.systems {
            let sides = next
                .systems
                .get(&system.name)
                .and_then(|parts| parts.sides.as_ref());
            if let (Some(requests), Some(sides)) = (&system.requests, sides) {
                let watch = watch_of(&requests.probe.kind);
                sides.reconfigure(&requests.failover, requests.side_b.is_some(), watch);
                self.tell_replaced(&next, &system.name);
            }
        }
        self.workshop.vault.draw_from(&next.tickets);
        let mut answers = Vec::new();
        for (worker, shares) in self.workers.iter().zip(shares) {
            let (done, answer) = oneshot::channel();
            let snapshot = Arc::clone(&next);
            let sent = worker.commands.send(Command::Publish {
                snapshot,
                shares,
                done,
            });
            sent.map_err(|_ended| StartError::WorkerLost)?;
            answers.push(answer);
        }
        for answer in answers {
            answer.await.map_err(|_ended| StartError::WorkerLost)?;
        }
        self.supervisor.follow(&next, &self.workshop.counters);
        self.send_spans(&next);
        self.workshop.vault.publish(
            next.acceptors().flat_map(|acceptor| {
                let (policy, lifetime) = (acceptor.policy_id(), acceptor.session_lifetime());
                let each = acceptor.universes();
                each.map(move |universe| (universe, policy, lifetime))
            }),
            &next.tickets,
            self.workshop.clock.now(),
        );
        self.snapshot = next;
        let has_news = !self.raise().is_empty();
        self.remember(has_news);
        self.turning.look(&self.snapshot);
        self.show();
        Ok(())
    }

    /// Takes a step of its life, and shows it. `false` if it is none that may be taken now.
    pub(super) fn step(&mut self, to: Phase) -> bool {
        let is_legal = self.lifecycle.step(to);
        self.show();
        is_legal
    }

    /// Remembers what became of a configuration.
    pub(super) fn note(&mut self, attempt: Attempt) {
        if self.history.len() == REMEMBERED {
            self.history.pop_front();
        }
        self.history.push_back(attempt);
        self.show();
    }

    /// Has everybody who looks see how it stands now.
    fn show(&self) {
        self.viewer.show(Face {
            phase: self.lifecycle.phase(),
            snapshot: Arc::clone(&self.snapshot),
            bound: self.bound.clone(),
            last_reload_failure: self.last_reload_failure.clone(),
            history: self.history.clone(),
        });
    }

    /// For those who look at it from another thread.
    pub fn viewer(&self) -> Viewer {
        self.viewer.clone()
    }

    /// How it stands.
    pub fn status(&self) -> Status {
        self.viewer.status()
    }

    /// The figures of all threads together.
    pub fn figures(&self) -> Figures {
        self.viewer.figures()
    }

    /// Makes a side the active one, as an operator would.
    pub fn switch(&self, system: &SystemName, side: Side, by: &str) -> bool {
        let sides = self
            .snapshot
            .systems
            .get(system)
            .and_then(|parts| parts.sides.as_ref());
        if let Some(sides) = sides {
            sides.tell(Event::SwitchTo {
                side,
                by: by.into(),
            });
        }
        sides.is_some()
    }

    /// Puts away what time has made useless, and says what has become due; to be called every few
    /// seconds. Returns what it said.
    pub fn tidy(&mut self) -> Problems {
        let now = self.workshop.clock.now();
        self.workshop.vault.sweep(now);
        self.turning.look(&self.snapshot);
        let due = self.raise();
        self.remember(!due.is_empty());
        let mut news = Problems::new();
        for one in due {
            news.extend(one.problem.into());
        }
        news
    }

    /// Whether every worker is alive. One that is not has left its connections behind.
    pub fn is_whole(&self) -> bool {
        self.workers
            .iter()
            .all(|worker| !worker.thread.is_finished())
    }

    /// The configuration directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// How long a stop waits for what is in flight.
    pub fn drain_timeout(&self) -> Duration {
        self.snapshot.settings.runtime.drain_timeout
    }

    /// `Level` of the generation in force.
    pub fn log_level(&self) -> &str {
        &self.snapshot.settings.log.level
    }

    /// `Watch` of the generation in force.
    pub fn watches(&self) -> bool {
        self.snapshot.settings.runtime.watch
    }

    /// `WatchInterval` in force, and every file that was read last or was to be read: of a reload
    /// that was refused one has to change.
    pub fn watched(&self) -> (Duration, Vec<PathBuf>) {
        let runtime = &self.snapshot.settings.runtime;
        (runtime.watch_interval, self.files.clone())
    }
}
