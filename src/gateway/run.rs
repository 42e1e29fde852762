//! [`Gateway`]: start, reload, drain.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tracing::info;

use super::announce::Announcements;
use super::build::{Workshop, load_and_build};
use super::ca_guard::Stage;
use super::describe::{describe, say};
use super::routes::watch_of;
use super::snapshot::Snapshot;
use super::state_file::{StateFile, recall_alarms};
use super::supervise::Supervisor;
use super::turning::Turning;
use super::worker::{self, Command, WorkerHandle, WorkerSpec};
use crate::alarms::Courier;
use crate::config::problem::Problems;
use crate::model::{Clock, Generation, Lifecycle, ListenAddr, Phase, Side, SystemName};
use crate::net::{Admission, BindError, BoundListener, reserve};
use crate::requests::failover::{Event, Health};
use crate::telemetry::{AccessLog, Snapshot as Figures};
use crate::tls::SessionVault;
use crate::tls::authority_uses::{AuthorityKey, Chain};

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

/// A running gateway.
#[derive(Debug)]
pub struct Gateway {
    pub(super) dir: PathBuf,
    pub(super) workshop: Workshop,
    pub(super) admission: Admission,
    access: AccessLog,
    pub(super) workers: Vec<WorkerHandle>,
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) bound: HashMap<ListenAddr, SocketAddr>,
    pub(super) supervisor: Supervisor,
    pub(super) lifecycle: Lifecycle,
    pub(super) last_reload_failure: Option<String>,
    pub(super) announcements: Announcements,
    pub(super) courier: Courier,
    /// What the last attempt to read the directory was about, whatever became of it.
    pub(super) files: Vec<PathBuf>,
    state_file: StateFile,
    turning: Turning,
}

impl Gateway {
    /// Reads a configuration directory and serves it.
    pub async fn start(dir: &Path, clock: &Clock, access: &AccessLog) -> Result<Self, StartError> {
        let outbox: Arc<std::sync::OnceLock<Vec<mpsc::UnboundedSender<Command>>>> = Arc::default();
        let workshop = Workshop {
            clock: clock.clone(),
            vault: SessionVault::new(),
            uses: Arc::default(),
            stage: Stage::Start,
            counters: Arc::default(),
            side_events: side_events(Arc::clone(&outbox)),
        };
        let draft = load_and_build(dir, None, &workshop);
        let problems = draft.problems;
        let Some(snapshot) = draft.snapshot else {
            return Err(StartError::Config(problems));
        };
        say(&problems);
        let settings = &snapshot.settings;
        let admission = Admission::new(&settings.limits);
        let mut announcements = Announcements::default();
        announcements.remember(recall_alarms(dir, settings));
        let mut workers = Vec::new();
        for index in 0..settings.runtime.threads {
            let spec = WorkerSpec {
                index: u16::try_from(index).unwrap_or(u16::MAX),
                threads: u32::try_from(settings.runtime.threads).unwrap_or(u32::MAX),
                limits: settings.limits.clone(),
                throttle: settings.log.throttle,
                counters: Arc::default(),
                access: access.clone(),
                admission: admission.clone(),
                clock: clock.clone(),
            };
            workers.push(worker::spawn(spec).map_err(StartError::Thread)?);
        }
        let _set_once = outbox.set(
            workers
                .iter()
                .map(|worker| worker.commands.clone())
                .collect(),
        );
        let mut gateway = Self {
            dir: dir.to_owned(),
            workshop,
            admission,
            access: access.clone(),
            workers,
            snapshot: Arc::new(snapshot),
            bound: HashMap::new(),
            supervisor: Supervisor::default(),
            lifecycle: Lifecycle::starting(),
            last_reload_failure: None,
            announcements,
            courier: Courier::default(),
            files: draft.files,
            state_file: StateFile::of(dir),
            turning: Turning::default(),
        };
        let next = Arc::clone(&gateway.snapshot);
        let opened = match gateway.bind_new(&next) {
            Ok(opened) => opened,
            Err(error) => {
                gateway.stop_workers();
                return Err(error.into());
            }
        };
        gateway.publish(next, opened).await?;
        gateway.lifecycle.step(Phase::Serving);
        for line in describe(&gateway.snapshot) {
            info!("{line}");
        }
        info!(generation = %gateway.snapshot.generation, threads = gateway.workers.len(), "serving");
        Ok(gateway)
    }

    /// Opens addresses that are not open yet. If one cannot be had, none is opened: a caller who
    /// was let in meanwhile would be thrown out again.
    pub(super) fn bind_new(
        &self,
        next: &Snapshot,
    ) -> Result<Vec<(ListenAddr, BoundListener)>, BindError> {
        let mut fresh: Vec<(ListenAddr, BoundListener)> = Vec::new();
        for plan in &next.listeners {
            if self.bound.contains_key(&plan.listen) {
                continue;
            }
            let over_own = self.bound.keys().any(|own| own.collides_with(plan.listen));
            fresh.push((
                plan.listen,
                reserve(plan.listen, self.workers.len(), over_own)?,
            ));
        }
        for (_, taken) in &fresh {
            taken.listen()?;
        }
        Ok(fresh)
    }

    /// Puts a generation in force on every worker. Nothing in here depends on the configuration.
    pub(super) async fn publish(
        &mut self,
        next: Arc<Snapshot>,
        fresh: Vec<(ListenAddr, BoundListener)>,
    ) -> Result<(), StartError> {
        self.admission.set_limits(&next.settings.limits);
        self.bound
            .retain(|listen, _| next.serving(*listen).is_some());
        let mut shares: Vec<HashMap<ListenAddr, std::net::TcpListener>> =
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
        let universes = next
            .systems
            .values()
            .flat_map(|parts| parts.acceptors.all());
        self.workshop.vault.publish(
            universes.flat_map(|acceptor| {
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
        Ok(())
    }

    /// Writes down what has to be known after a restart, at once or when it is time again.
    pub(super) fn remember(&mut self, at_once: bool) {
        let Workshop { uses, clock, .. } = &self.workshop;
        let now = clock.now();
        let roles = self.snapshot.systems.iter();
        let roles = roles.filter_map(|(name, parts)| Some((name, parts.acceptors.one()?)));
        // What has left with an operator's consent has left: nobody is asked a second time.
        let believed: HashSet<_> = roles
            .flat_map(|(name, acceptor)| {
                // Also those that have expired: the clock may be wrong, and may be set right.
                let each = acceptor.trust().anchors().iter();
                each.map(|anchor| (name.as_str(), AuthorityKey(anchor.facts().spki)))
            })
            .collect();
        let vouching = |role: &str, chain: &Chain| {
            let mut systems = self.snapshot.systems.iter();
            let (_, parts) = systems.find(|(name, _)| name.as_str() == role)?;
            parts.acceptors.one()?.vouching(chain)
        };
        let has_changed = uses.keep(&believed, vouching);
        let settings = &self.snapshot.settings;
        let alarms = self.announcements.said();
        if at_once || has_changed {
            self.state_file.write(settings, uses, alarms, now);
        } else {
            self.state_file.keep_up(settings, uses, alarms, now);
        }
    }

    /// How it stands.
    pub fn status(&self) -> Status {
        let mut listeners: Vec<_> = self
            .bound
            .iter()
            .filter(|(listen, _)| self.snapshot.listener(**listen).is_some())
            .map(|(listen, local)| (*listen, *local))
            .collect();
        listeners.sort_unstable();
        let sides = self.snapshot.systems.iter().filter_map(|(name, parts)| {
            let sides = parts.sides.as_ref()?;
            Some((
                name.clone(),
                sides.active(),
                Side::BOTH.map(|side| sides.health(side)),
            ))
        });
        Status {
            phase: self.lifecycle.phase(),
            generation: self.snapshot.generation,
            listeners,
            sides: sides.collect(),
            last_reload_failure: self.last_reload_failure.clone(),
        }
    }

    /// The figures of all threads together.
    pub fn figures(&self) -> Figures {
        let own = std::iter::once(self.workshop.counters.snapshot());
        let workers = self.workers.iter().map(|worker| worker.counters.snapshot());
        Figures {
            log_lines_lost: self.access.lost_lines(),
            ..own.chain(workers).sum()
        }
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

/// Every worker hears of a side that went down or was left.
fn side_events(
    outbox: Arc<std::sync::OnceLock<Vec<mpsc::UnboundedSender<Command>>>>,
) -> Box<dyn Fn(u32) -> crate::requests::SideEvents + Send + Sync> {
    Box::new(move |system| {
        let outbox = Arc::clone(&outbox);
        Box::new(move |event| {
            for commands in outbox.get().into_iter().flatten() {
                let _ended = commands.send(Command::Side { system, event });
            }
        })
    })
}
