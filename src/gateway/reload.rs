//! Reload: read, build, bind, publish. Any failure before the publication changes nothing.

use std::path::Path;
use std::sync::Arc;

use tracing::{error, info, warn};

use super::build::load_and_build;
use super::contain::{Panicked, contained_call};
use super::describe::say;
use super::run::{Gateway, StartError};
use super::snapshot::{Snapshot, SystemParts};
use super::viewer::{Attempt, Trigger};
use crate::config::problem::{Place, Problem, Problems, Severity};
use crate::model::{Generation, ListenAddr, Phase, Side, SystemName};
use crate::net::BindError;
use crate::requests::failover::{Event, Health};

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

impl Gateway {
    /// Reads the directory again and puts it in force, or keeps what is in force.
    pub async fn reload(&mut self) -> Result<ReloadReport, Problems> {
        self.reload_for(Trigger::System).await
    }

    /// The same, and says for whom.
    pub async fn reload_for(&mut self, trigger: Trigger) -> Result<ReloadReport, Problems> {
        if !self.step(Phase::Reloading) {
            info!(phase = %self.lifecycle.phase(), "reload ignored");
            return Ok(self.nothing_changed());
        }
        let result = self.try_reload().await;
        let at = self.workshop.clock.now();
        let attempt = match &result {
            Ok(report) => {
                self.workshop.counters.reloads_succeeded.inc();
                self.last_reload_failure = None;
                say(&report.problems);
                info!(
                    generation = %report.generation, opened = ?report.opened, closed = ?report.closed,
                    "reloaded: the new configuration is in force"
                );
                Attempt {
                    at,
                    trigger,
                    generation: Some(report.generation),
                    opened: report.opened.clone(),
                    closed: report.closed.clone(),
                    problems: report.problems.clone(),
                }
            }
            Err(problems) => {
                self.workshop.counters.reloads_failed.inc();
                self.last_reload_failure = Some(problems.to_string());
                say(problems);
                error!(
                    generation = %self.snapshot.generation, errors = problems.count(Severity::Error),
                    "reload refused: the configuration in force stays; correct what is named above and reload again"
                );
                Attempt {
                    at,
                    trigger,
                    generation: None,
                    opened: Vec::new(),
                    closed: Vec::new(),
                    problems: problems.clone(),
                }
            }
        };
        self.note(attempt);
        self.step(Phase::Serving);
        result
    }

    async fn try_reload(&mut self) -> Result<ReloadReport, Problems> {
        // Files are read and parsed in there, and what is in force shall outlive any of them.
        let read = || load_and_build(&self.dir, Some(&self.snapshot), &self.workshop);
        let draft = contained_call(read).map_err(|Panicked| {
            self.workshop.counters.panics.inc();
            defect_problem(&self.dir)
        })?;
        self.files = draft.files;
        let problems = draft.problems;
        let Some(snapshot) = draft.snapshot else {
            return Err(problems);
        };
        let next = Arc::new(snapshot);
        self.tell_what_waits(&next);
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

    /// Some settings are taken in at start only; nobody shall wonder why they do nothing.
    fn tell_what_waits(&self, next: &Snapshot) {
        let (log, next_log) = (&self.snapshot.settings.log, &next.settings.log);
        let (admin, next_admin) = (&self.snapshot.settings.admin, &next.settings.admin);
        let waits = [
            (
                "Threads",
                next.settings.runtime.threads != self.workers.len(),
            ),
            (
                "Sandbox",
                next.settings.runtime.sandbox != self.snapshot.settings.runtime.sandbox,
            ),
            ("Format", log.format != next_log.format),
            ("File", log.file != next_log.file),
            ("Access", log.access != next_log.access),
            ("Listen of [Admin]", admin.listen != next_admin.listen),
            ("TokenFile", admin.token_file != next_admin.token_file),
        ];
        for (key, _) in waits.into_iter().filter(|(_, changed)| *changed) {
            warn!(key, "this change takes effect at the next start");
        }
    }

    /// A side at another address is another machine: what was seen of the old one tells nothing.
    /// Other TLS files are a new chance for a side that is down, perhaps for want of them; one that
    /// is up has no need to prove itself again.
    pub(super) fn tell_replaced(&self, next: &Snapshot, system: &SystemName) {
        let (Some(before), Some(after)) =
            (self.snapshot.systems.get(system), next.systems.get(system))
        else {
            return;
        };
        let Some(sides) = &after.sides else { return };
        for side in Side::BOTH {
            let of = |parts: &SystemParts| parts.reached_by.get(side.index()).cloned().flatten();
            let (Some(old), Some(new)) = (of(before), of(after)) else {
                continue;
            };
            let moved = old.target != new.target || old.tls.is_some() != new.tls.is_some();
            let renewed = old.tls != new.tls && sides.health(side) == Health::Down;
            if moved || renewed {
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

fn defect_problem(dir: &Path) -> Problems {
    let what = "the configuration could not be read because of a defect in crmgate";
    let hint = "report what the log says of it; take back the last change meanwhile";
    Problem::error(Place::file(dir), what, hint).into()
}
