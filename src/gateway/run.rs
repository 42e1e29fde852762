//! [`Gateway`]: start, reload, drain.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};
use tracing::{error, info, warn};

use super::build::{Workshop, load_and_build};
use super::describe::describe;
use super::routes::watch_of;
use super::snapshot::Snapshot;
use super::supervise::Supervisor;
use super::worker::{self, Command, WorkerHandle, WorkerSpec};
use crate::config::problem::{Place, Problem, Problems, Severity};
use crate::model::{Clock, Generation, Lifecycle, ListenAddr, Phase, Side, SystemName};
use crate::net::{Admission, BindError, BoundListener, bind};
use crate::requests::failover::{Event, Health};
use crate::telemetry::{AccessLog, Snapshot as Figures};
use crate::tls::SessionVault;

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

/// What a successful reload did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReloadReport {
    /// The generation in force now.
    pub generation: Generation,
    /// Listeners that were opened.
    pub opened: Vec<ListenAddr>,
    /// Listeners that were closed.
    pub closed: Vec<ListenAddr>,
    /// Warnings and notices about the configuration.
    pub problems: Problems,
}

/// What a drain came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DrainReport {
    /// Connections that did not finish within the limit.
    pub cut: Vec<CutConnection>,
}

/// A connection that a drain had to cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CutConnection {
    /// Who it was.
    pub peer: SocketAddr,
    /// What it was doing.
    pub doing: String,
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
    dir: PathBuf,
    workshop: Workshop,
    admission: Admission,
    workers: Vec<WorkerHandle>,
    snapshot: Arc<Snapshot>,
    bound: HashMap<ListenAddr, SocketAddr>,
    supervisor: Supervisor,
    lifecycle: Lifecycle,
    last_reload_failure: Option<String>,
}

impl Gateway {
    /// Reads a configuration directory and serves it.
    pub async fn start(dir: &Path, clock: &Clock, access: &AccessLog) -> Result<Self, StartError> {
        let outbox: Arc<std::sync::OnceLock<Vec<mpsc::UnboundedSender<Command>>>> = Arc::default();
        let workshop = Workshop {
            clock: clock.clone(),
            vault: SessionVault::new(),
            counters: Arc::default(),
            side_events: side_events(Arc::clone(&outbox)),
        };
        let (snapshot, problems) = load_and_build(dir, None, &workshop);
        let Some(snapshot) = snapshot else {
            return Err(StartError::Config(problems));
        };
        say(&problems);
        let settings = &snapshot.settings;
        let admission = Admission::new(&settings.limits);
        let mut workers = Vec::new();
        for index in 0..settings.runtime.threads {
            let spec = WorkerSpec {
                index: u16::try_from(index).unwrap_or(u16::MAX),
                limits: settings.limits.clone(),
                throttle: settings.log.throttle,
                counters: Arc::default(),
                access: access.clone(),
                admission: admission.clone(),
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
            workers,
            snapshot: Arc::new(snapshot),
            bound: HashMap::new(),
            supervisor: Supervisor::default(),
            lifecycle: Lifecycle::starting(),
            last_reload_failure: None,
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

    /// Reads the directory again and puts it in force, or keeps what is in force.
    pub async fn reload(&mut self) -> Result<ReloadReport, Problems> {
        if !self.lifecycle.step(Phase::Reloading) {
            info!(phase = %self.lifecycle.phase(), "reload ignored");
            return Ok(self.nothing_changed());
        }
        let result = self.try_reload().await;
        self.lifecycle.step(Phase::Serving);
        match &result {
            Ok(report) => {
                self.workshop.counters.reloads_succeeded.inc();
                self.last_reload_failure = None;
                say(&report.problems);
                info!(
                    generation = %report.generation, opened = ?report.opened, closed = ?report.closed,
                    "reloaded: the new configuration is in force"
                );
            }
            Err(problems) => {
                self.workshop.counters.reloads_failed.inc();
                self.last_reload_failure = Some(problems.to_string());
                say(problems);
                error!(
                    generation = %self.snapshot.generation, errors = problems.count(Severity::Error),
                    "reload refused: the configuration in force stays; correct what is named above and reload again"
                );
            }
        }
        result
    }

    async fn try_reload(&mut self) -> Result<ReloadReport, Problems> {
        let (snapshot, problems) = load_and_build(&self.dir, Some(&self.snapshot), &self.workshop);
        let Some(snapshot) = snapshot else {
            return Err(problems);
        };
        let next = Arc::new(snapshot);
        if next.settings.runtime.threads != self.workers.len() {
            warn!(
                running = self.workers.len(),
                configured = next.settings.runtime.threads,
                "Threads takes effect at the next start"
            );
        }
        let fresh = self
            .bind_new(&next)
            .map_err(|error| bind_problem(&self.dir, &error))?;
        let opened = fresh.iter().map(|(listen, _)| *listen).collect();
        let before = Arc::clone(&self.snapshot);
        let closed = before
            .listeners
            .iter()
            .map(|plan| plan.listen)
            .filter(|listen| next.listener(*listen).is_none())
            .collect();
        let generation = next.generation;
        self.publish(next, fresh)
            .await
            .map_err(|error| lost_problem(&self.dir, &error))?;
        Ok(ReloadReport {
            generation,
            opened,
            closed,
            problems,
        })
    }

    /// Opens addresses that are not open yet. If one fails, all of them are closed again.
    fn bind_new(&self, next: &Snapshot) -> Result<Vec<(ListenAddr, BoundListener)>, BindError> {
        let mut fresh: Vec<(ListenAddr, BoundListener)> = Vec::new();
        for plan in &next.listeners {
            if self.bound.contains_key(&plan.listen) {
                continue;
            }
            let over_own = self.bound.keys().any(|own| own.collides_with(plan.listen));
            fresh.push((
                plan.listen,
                bind(plan.listen, self.workers.len(), over_own)?,
            ));
        }
        Ok(fresh)
    }

    /// Puts a generation in force on every worker. Nothing in here depends on the configuration.
    async fn publish(
        &mut self,
        next: Arc<Snapshot>,
        fresh: Vec<(ListenAddr, BoundListener)>,
    ) -> Result<(), StartError> {
        self.admission.set_limits(&next.settings.limits);
        self.bound
            .retain(|listen, _| next.listener(*listen).is_some());
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
            .filter_map(|parts| parts.acceptor.as_ref());
        self.workshop
            .vault
            .retain(universes.map(|acceptor| acceptor.universe()));
        self.snapshot = next;
        Ok(())
    }

    /// A side with another address or other TLS files: what was seen of the old one tells nothing.
    fn tell_replaced(&self, next: &Snapshot, system: &SystemName) {
        let (Some(before), Some(after)) =
            (self.snapshot.systems.get(system), next.systems.get(system))
        else {
            return;
        };
        let Some(sides) = &after.sides else { return };
        for side in Side::BOTH {
            let of = |parts: &super::snapshot::SystemParts| {
                parts
                    .probes
                    .iter()
                    .find(|plan| plan.side == side)
                    .map(|plan| Arc::clone(&plan.upstream))
            };
            if let (Some(old), Some(new)) = (of(before), of(after))
                && !Arc::ptr_eq(&old, &new)
                && old.spec().target != new.spec().target
            {
                sides.tell(Event::Replaced { side });
            }
        }
    }

    fn nothing_changed(&self) -> ReloadReport {
        ReloadReport {
            generation: self.snapshot.generation,
            opened: Vec::new(),
            closed: Vec::new(),
            problems: Problems::new(),
        }
    }

    /// Accepts no more, lets everybody finish within `limit`, then cuts and names the rest.
    /// `hurry` ends the wait at once.
    pub async fn drain(&mut self, limit: Duration, hurry: impl Future<Output = ()>) -> DrainReport {
        self.lifecycle.step(Phase::Draining);
        self.supervisor.stop();
        let deadline = Instant::now() + limit;
        info!(
            limit_seconds = limit.as_secs(),
            connections = self.admission.connections(),
            "draining"
        );
        let waits: Vec<_> = self
            .workers
            .iter()
            .filter_map(|worker| {
                let (empty, wait) = oneshot::channel();
                worker
                    .commands
                    .send(Command::Drain { empty })
                    .ok()
                    .map(|()| wait)
            })
            .collect();
        let all = async {
            for wait in waits {
                let _worker_ended = wait.await;
            }
        };
        let finished = tokio::select! {
            finished = timeout_at(deadline, all) => finished.is_ok(),
            () = hurry => false,
        };
        let mut report = DrainReport::default();
        if !finished {
            report.cut = self.cut().await;
        }
        self.stop_workers();
        self.lifecycle.step(Phase::Stopped);
        for cut in &report.cut {
            warn!(peer = %cut.peer, doing = cut.doing, "cut at the end of the drain");
        }
        info!(cut = report.cut.len(), "stopped");
        report
    }

    async fn cut(&self) -> Vec<CutConnection> {
        let mut all = Vec::new();
        for worker in &self.workers {
            let (cut, wait) = oneshot::channel();
            if worker.commands.send(Command::Cut { cut }).is_ok()
                && let Ok(connections) = wait.await
            {
                all.extend(connections.into_iter().map(|(peer, doing)| CutConnection {
                    peer,
                    doing: doing.to_string(),
                }));
            }
        }
        all
    }

    fn stop_workers(&mut self) {
        for worker in self.workers.drain(..) {
            let _ended_already = worker.commands.send(Command::Stop);
            if worker.thread.join().is_err() {
                error!("a worker thread ended with a panic");
            }
        }
    }

    /// How it stands.
    pub fn status(&self) -> Status {
        let mut listeners: Vec<_> = self
            .bound
            .iter()
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
        own.chain(self.workers.iter().map(|worker| worker.counters.snapshot()))
            .sum()
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

    /// `Watch` and `WatchInterval`, with every file that the generation in force was read from.
    pub fn watched(&self) -> (bool, Duration, Vec<PathBuf>) {
        let runtime = &self.snapshot.settings.runtime;
        (
            runtime.watch,
            runtime.watch_interval,
            self.snapshot.settings.files(),
        )
    }
}

/// Every worker hears of a side that went down.
fn side_events(
    outbox: Arc<std::sync::OnceLock<Vec<mpsc::UnboundedSender<Command>>>>,
) -> Box<dyn Fn(u32) -> crate::requests::SideEvents + Send + Sync> {
    Box::new(move |system| {
        let outbox = Arc::clone(&outbox);
        Box::new(move |side| {
            for commands in outbox.get().into_iter().flatten() {
                let _ended = commands.send(Command::SideDown { system, side });
            }
        })
    })
}

fn bind_problem(dir: &Path, error: &BindError) -> Problems {
    let place = Place::file(dir);
    Problem::error(place, error.to_string(), error.hint()).into()
}

fn lost_problem(dir: &Path, error: &StartError) -> Problems {
    let place = Place::file(dir);
    Problem::error(
        place,
        error.to_string(),
        "restart the service and report this",
    )
    .into()
}

/// Writes problems to the log, each with its place and hint.
fn say(problems: &Problems) {
    for problem in problems {
        let Problem {
            severity,
            place,
            what,
            value,
            allowed,
            hint,
        } = problem;
        let (value, allowed) = (value.as_deref(), allowed.as_deref());
        match severity {
            Severity::Error => error!(at = %place, value, allowed, hint, "{what}"),
            Severity::Warning => warn!(at = %place, value, allowed, hint, "{what}"),
            Severity::Notice => info!(at = %place, value, allowed, hint, "{what}"),
        }
    }
}
