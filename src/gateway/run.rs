//! [`Gateway`]: start, reload, drain.

use std::collections::{HashMap, VecDeque};
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
use super::viewer::{Attempt, Face, REMEMBERED, Status, Trigger, Viewer};
use super::worker::{self, Command, WorkerHandle, WorkerSpec};
use crate::alarms::Courier;
use crate::config::problem::Problems;
use crate::config::settings::Settings;
use crate::model::{Clock, Lifecycle, ListenAddr, Phase, Side, SystemName};
use crate::net::{Admission, BindError, BoundListener, Share, reserve};
use crate::requests::failover::Event;
use crate::telemetry::{AccessLog, Counters, Snapshot as Figures};
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
    history: VecDeque<Attempt>,
    viewer: Viewer,
    pub(super) announcements: Announcements,
    pub(super) courier: Courier,
    /// What the last attempt to read the directory was about, whatever became of it.
    pub(super) files: Vec<PathBuf>,
    pub(super) state_file: StateFile,
    turning: Turning,
    /// There if traces are recorded.
    pub(super) exporter: Option<Exporter>,
}

impl Gateway {
    /// Reads a configuration directory and serves it.
    pub async fn start(dir: &Path, clock: &Clock, access: &AccessLog) -> Result<Self, StartError> {
        let outbox: Arc<std::sync::OnceLock<Vec<mpsc::UnboundedSender<Command>>>> = Arc::default();
        let workshop = Workshop {
            clock: clock.clone(),
            vault: Arc::default(),
            uses: Arc::default(),
            servers: Arc::default(),
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
        let admission = Admission::new(&snapshot.settings.limits);
        let mut announcements = Announcements::default();
        announcements.remember(recall_alarms(dir, &snapshot.settings));
        let workers = workers_of(&snapshot.settings, access, &admission, &workshop)?;
        let commands = workers.iter().map(|worker| worker.commands.clone());
        let _set_once = outbox.set(commands.collect());
        let snapshot = Arc::new(snapshot);
        let lifecycle = Lifecycle::starting();
        let counters = workers.iter().map(|worker| Arc::clone(&worker.counters));
        let counters = counters.chain([Arc::clone(&workshop.counters)]).collect();
        let viewer = Viewer::new(&snapshot, &workshop, counters, &admission, access);
        let mut gateway = Self {
            dir: dir.to_owned(),
            workshop,
            admission,
            workers,
            snapshot,
            bound: HashMap::new(),
            supervisor: Supervisor::default(),
            lifecycle,
            last_reload_failure: None,
            history: VecDeque::new(),
            viewer,
            announcements,
            courier: Courier::default(),
            files: draft.files,
            state_file: StateFile::of(dir),
            turning: Turning::default(),
            exporter: None,
        };
        let next = Arc::clone(&gateway.snapshot);
        let opened = match gateway.bind_new(&next) {
            Ok(opened) => opened,
            Err(error) => {
                gateway.stop_workers();
                return Err(error.into());
            }
        };
        let addresses = opened.iter().map(|(listen, _)| *listen).collect();
        gateway.publish(next, opened).await?;
        gateway.note(Attempt {
            at: clock.now(),
            trigger: Trigger::Start,
            generation: Some(gateway.snapshot.generation),
            opened: addresses,
            closed: Vec::new(),
            problems,
        });
        gateway.step(Phase::Serving);
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

/// As many threads as the settings ask for.
fn workers_of(
    settings: &Settings,
    access: &AccessLog,
    admission: &Admission,
    workshop: &Workshop,
) -> Result<Vec<WorkerHandle>, StartError> {
    let threads = settings.runtime.threads;
    let names = workshop.counters.traffic.names();
    let each = (0..threads).map(|index| {
        worker::spawn(WorkerSpec {
            index: u16::try_from(index).unwrap_or(u16::MAX),
            threads: u32::try_from(threads).unwrap_or(u32::MAX),
            limits: settings.limits.clone(),
            throttle: settings.log.throttle,
            counters: Arc::new(Counters::of(names)),
            access: access.clone(),
            admission: admission.clone(),
            clock: workshop.clock.clone(),
        })
    });
    each.collect::<Result<_, _>>().map_err(StartError::Thread)
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
