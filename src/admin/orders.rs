//! Orders: what an operator has done, by whom it is carried out, and what is written down of it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};
use tracing::info;

use super::access::Guest;
use super::bodies::Fault;
use crate::gateway::{AttemptReport, SidesReport, Viewer};
use crate::model::{Phase, Side, SystemName};
use crate::requests::failover::{Event, Health};

/// What only the main thread can do: it owns the gateway.
#[derive(Debug)]
pub enum Order {
    /// Read the configuration again.
    Reload {
        /// Who wants it.
        by: Arc<str>,
        /// What became of it.
        reply: oneshot::Sender<Reloaded>,
    },
    /// Set the level of the log until the next reload.
    LogLevel {
        /// As in `Level` of `[Log]`.
        level: String,
        /// The level before it, or why nothing was set.
        reply: oneshot::Sender<Result<String, String>>,
    },
    /// Drain the gateway and end the process.
    Stop {
        /// Who wants it.
        by: Arc<str>,
    },
}

/// What became of a reload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reloaded {
    /// It was tried; the latest attempt tells the rest.
    Tried,
    /// The gateway is draining.
    Refused(Refused),
}

/// Why nothing was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The gateway is on its way out.
    Draining,
}

/// Where the main thread gets its orders from.
pub type Orders = mpsc::Receiver<Order>;

/// `POST .../switch`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SwitchBody {
    pub(super) side: String,
    #[serde(default)]
    pub(super) reason: String,
    #[serde(default)]
    pub(super) dry_run: bool,
}

/// `POST .../drain` and `.../undrain`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DrainBody {
    #[serde(default)]
    pub(super) reason: String,
    #[serde(default)]
    pub(super) dry_run: bool,
}

/// `POST /reload` and `/stop`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReasonBody {
    #[serde(default)]
    pub(super) reason: String,
}

/// `PUT /log-level`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LevelBody {
    pub(super) level: String,
}

/// What a change of sides came to, or would come to.
#[derive(Debug, Serialize)]
pub(super) struct SidesChange {
    pub(super) system: String,
    /// Whether anything was changed.
    pub(super) done: bool,
    pub(super) before: SidesReport,
    /// As they stand now; of a dry run the same as before.
    pub(super) after: SidesReport,
    /// What is to be known before, or was known then.
    pub(super) remarks: Vec<String>,
}

/// What a reload came to.
#[derive(Debug, Serialize)]
pub(super) struct ReloadAnswer {
    /// Whether the configuration on disk is in force now.
    pub(super) in_force: bool,
    pub(super) attempt: Option<AttemptReport>,
}

/// What is done to the sides of a system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    Switch,
    Drain,
    Undrain,
}

impl Deed {
    const fn word(self) -> &'static str {
        match self {
            Self::Switch => "switch",
            Self::Drain => "drain",
            Self::Undrain => "undrain",
        }
    }
}

/// Carries out, or only looks at, a change of the sides of a system.
pub(super) fn change_sides(
    viewer: &Viewer,
    guest: &Guest,
    system: &str,
    (deed, side, reason, is_dry): (Deed, Side, &str, bool),
) -> Result<SidesChange, Fault> {
    if matches!(viewer.status().phase, Phase::Draining | Phase::Stopped) {
        return Err(Fault::draining());
    }
    let reports = viewer.report().systems;
    let known: Vec<String> = reports
        .iter()
        .filter(|report| report.sides.is_some())
        .map(|report| report.name.clone())
        .collect();
    let unknown = || Fault::unknown_system(system, &known);
    let name: SystemName = system.parse().map_err(|_bad| unknown())?;
    let sides = viewer.sides(&name).ok_or_else(unknown)?;
    let before = sides_of(viewer, system).ok_or_else(unknown)?;
    let remarks = remarks(&before, deed, side)?;
    if !is_dry {
        let by: Arc<str> = match reason.trim() {
            "" => Arc::clone(&guest.name),
            reason => format!("{}: {reason}", guest.name).into(),
        };
        sides.tell(match deed {
            Deed::Switch => Event::SwitchTo { side, by },
            Deed::Drain => Event::Drain { side, by },
            Deed::Undrain => Event::Resume { side },
        });
    }
    let after = sides_of(viewer, system).ok_or_else(unknown)?;
    if !is_dry {
        let stand = |report: &SidesReport| format!("{system}: {}", stand(report));
        audit(guest, deed.word(), reason, &stand(&before), &stand(&after));
    }
    Ok(SidesChange {
        system: system.to_owned(),
        done: !is_dry,
        before,
        after,
        remarks,
    })
}

/// Which side serves and which ones are drained, for the audit.
fn stand(report: &SidesReport) -> String {
    let mut text = format!("{} active", report.active);
    for (letter, side) in [("A", Some(&report.a)), ("B", report.b.as_ref())] {
        if side.is_some_and(|side| side.drained.is_some()) {
            text.push_str(", ");
            text.push_str(letter);
            text.push_str(" drained");
        }
    }
    text
}

fn sides_of(viewer: &Viewer, system: &str) -> Option<SidesReport> {
    let mut reports = viewer.report().systems.into_iter();
    reports.find(|report| report.name == system)?.sides
}

/// What somebody who is about to do this should know; an error where it cannot be done.
fn remarks(before: &SidesReport, deed: Deed, side: Side) -> Result<Vec<String>, Fault> {
    let mut remarks = Vec::new();
    let of = |side: Side| match side {
        Side::A => Some(&before.a),
        Side::B => before.b.as_ref(),
    };
    let letter = side.to_string();
    let Some(target) = of(side) else {
        return Err(Fault::new(
            409,
            "no-such-side",
            "this SAP system has no side B".to_owned(),
            "add SideB to [Requests] and reload",
        ));
    };
    let is_down = |health: &str| health == Health::Down.to_string();
    match deed {
        Deed::Switch => {
            if before.active == letter {
                remarks.push(format!("side {side} is the active one already"));
            }
            if is_down(&target.health) {
                let cause = target.last_cause.as_deref().unwrap_or("no reason known");
                remarks.push(format!(
                    "side {side} is down ({cause}): requests will fail there until it is up, or move \
                     back as failover decides"
                ));
            } else if target.health == Health::Untested.to_string() {
                remarks.push(format!("side {side} has not been tried yet"));
            }
            if let Some(by) = &target.drained {
                remarks.push(format!(
                    "side {side} is drained by {by}: the switch ends that"
                ));
            }
            remarks.push(
                "requests under way finish where they are; new ones go to the other side, each on a \
                 connection of its own there; fail-back goes to this side from now on"
                    .to_owned(),
            );
        }
        Deed::Drain => match of(side.other()) {
            None => {
                return Err(Fault::new(
                    409,
                    "last-side",
                    "the only side cannot be drained".to_owned(),
                    "to end all traffic in order, stop the gateway",
                ));
            }
            Some(other) if other.drained.is_some() => {
                return Err(Fault::new(
                    409,
                    "last-side",
                    format!("side {} is drained already", side.other()),
                    "give it back first: somebody has to serve",
                ));
            }
            Some(other) if is_down(&other.health) => remarks.push(format!(
                "side {} is down: with side {side} drained no side is left that serves",
                side.other()
            )),
            Some(_) => {}
        },
        Deed::Undrain if target.drained.is_none() => {
            remarks.push(format!("side {side} is not drained"));
        }
        Deed::Undrain => {}
    }
    Ok(remarks)
}

/// Writes down who changed what.
pub(super) fn audit(guest: &Guest, action: &str, reason: &str, before: &str, after: &str) {
    info!(
        who = %guest.name, role = %guest.role, from = %guest.peer, action, reason, before, after,
        "changed by an operator"
    );
}
