//! [`Prepared`]: a gateway that has all it needs and has let nobody in yet.

use std::collections::{HashMap, VecDeque};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use tokio::sync::mpsc;
use tracing::info;

use super::announce::Announcements;
use super::build::{Workshop, load_and_build};
use super::ca_guard::Stage;
use super::describe::{describe, say};
use super::run::{Gateway, StartError};
use super::state_file::{StateFile, recall_alarms};
use super::succession::Estate;
use super::supervise::Supervisor;
use super::turning::Turning;
use super::viewer::{Attempt, Trigger, Viewer};
use super::worker::{self, Command, WorkerHandle, WorkerSpec};
use crate::alarms::Courier;
use crate::config::problem::Problems;
use crate::config::settings::Settings;
use crate::model::{Clock, Lifecycle, ListenAddr, Phase};
use crate::net::{Admission, BoundListener, HandedSockets};
use crate::telemetry::{AccessLog, Counters};
use crate::tls::HandedSessions;

/// What a gateway starts with besides its configuration.
#[derive(Debug, Default)]
pub struct Inheritance {
    /// Listening sockets that were opened before this process began.
    pub sockets: Arc<HandedSockets>,
    /// What the process whose place this one takes leaves to it.
    pub estate: Estate,
}

/// A gateway that has all it needs and has let nobody in yet: what can go wrong has gone wrong by now.
#[derive(Debug)]
pub struct Prepared {
    gateway: Gateway,
    opened: Vec<(ListenAddr, BoundListener)>,
    problems: Problems,
}

impl Gateway {
    /// Reads a configuration directory and serves it.
    pub async fn start(dir: &Path, clock: &Clock, access: &AccessLog) -> Result<Self, StartError> {
        let prepared = Prepared::of(dir, clock, access, Inheritance::default())?;
        prepared.serve().await
    }
}

impl Prepared {
    /// Reads a configuration directory, builds everything, and takes the addresses.
    pub fn of(
        dir: &Path,
        clock: &Clock,
        access: &AccessLog,
        inheritance: Inheritance,
    ) -> Result<Self, StartError> {
        let outbox: Arc<OnceLock<Vec<mpsc::UnboundedSender<Command>>>> = Arc::default();
        let workshop = Workshop {
            clock: clock.clone(),
            vault: Arc::default(),
            uses: Arc::default(),
            nameless: Arc::default(),
            servers: Arc::default(),
            stage: Stage::Start,
            counters: Arc::default(),
            side_events: side_events(Arc::clone(&outbox)),
        };
        let Inheritance { sockets, estate } = inheritance;
        // Before anything is built: listeners find their sessions there.
        estate.leave_sessions(&workshop.vault);
        let draft = load_and_build(dir, None, &workshop);
        let problems = draft.problems;
        let Some(snapshot) = draft.snapshot else {
            return Err(StartError::Config(problems));
        };
        estate.leave_sides(&snapshot);
        say(&problems);
        let admission = Admission::new(&snapshot.settings.limits);
        let mut announcements = Announcements::default();
        announcements.remember(recall_alarms(dir, &snapshot.settings));
        let workers = workers_of(&snapshot.settings, access, &admission, &workshop)?;
        let commands = workers.iter().map(|worker| worker.commands.clone());
        let _set_once = outbox.set(commands.collect());
        let snapshot = Arc::new(snapshot);
        let counters = workers.iter().map(|worker| Arc::clone(&worker.counters));
        let counters = counters.chain([Arc::clone(&workshop.counters)]).collect();
        let viewer = Viewer::new(&snapshot, &workshop, counters, &admission, access);
        let mut gateway = Gateway {
            dir: dir.to_owned(),
            workshop,
            admission,
            workers,
            snapshot,
            bound: HashMap::new(),
            supervisor: Supervisor::default(),
            lifecycle: Lifecycle::starting(),
            last_reload_failure: None,
            history: VecDeque::new(),
            viewer,
            announcements,
            courier: Courier::default(),
            files: draft.files,
            state_file: StateFile::of(dir),
            turning: Turning::default(),
            handed: sockets,
            exporter: None,
        };
        let next = Arc::clone(&gateway.snapshot);
        match gateway.bind_new(&next) {
            Ok(opened) => Ok(Self {
                gateway,
                opened,
                problems,
            }),
            Err(error) => {
                gateway.stop_workers();
                Err(error.into())
            }
        }
    }

    /// Takes over sessions that have come to the process before.
    pub fn take_over(&self, sessions: &HandedSessions) {
        self.gateway.take_over(sessions);
    }

    /// Lets callers in.
    pub async fn serve(self) -> Result<Gateway, StartError> {
        let Self {
            mut gateway,
            opened,
            problems,
        } = self;
        let addresses = opened.iter().map(|(listen, _)| *listen).collect();
        let first = Arc::clone(&gateway.snapshot);
        gateway.publish(first, opened).await?;
        gateway.note(Attempt {
            at: gateway.workshop.clock.now(),
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

    /// For those who look at it from another thread.
    pub fn viewer(&self) -> Viewer {
        self.gateway.viewer()
    }

    /// Ends it. Nobody has been let in.
    pub fn give_up(mut self) {
        self.gateway.stop_workers();
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
    outbox: Arc<OnceLock<Vec<mpsc::UnboundedSender<Command>>>>,
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
