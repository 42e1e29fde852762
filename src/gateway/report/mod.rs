//! [`Report`]: how a running gateway stands, as data for consoles, command lines and scripts.
//!
//! Field names are part of what is versioned: they are the keys of the admin listener's JSON. Times
//! are text in UTC, spans are seconds, and what does not apply is left out.

mod certificates;
mod line;
mod sessions;
mod systems;

use std::time::Duration;

use serde::Serialize;

pub use certificates::{CertificateReport, CertificateState, CertificateUse};
pub use sessions::{
    ListenerSessions, SessionLookups, SessionsReport, SweepReport, UpstreamSessions,
};
pub use systems::{ListenerReport, SideReport, SidesReport, SystemReport};
pub(super) use systems::{far, url};

use super::viewer::{Attempt, Viewer};
use crate::config::problem::{Problem, Severity};
use crate::model::{Phase, Side, WallTime};
use crate::requests::failover::Health;
use crate::telemetry::Snapshot as Figures;

/// How the gateway stands.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// `crmgate`'s version.
    pub version: &'static str,
    /// starting, serving, reloading, draining, stopped.
    pub phase: String,
    /// Whether it is worth sending callers here.
    pub ready: bool,
    /// Why not.
    pub not_ready: Vec<String>,
    /// The generation in force.
    pub generation: u64,
    /// Since when.
    pub generation_since: Option<String>,
    /// The time of this report.
    pub now: String,
    /// When it was started: another time is another process.
    pub started: String,
    /// How long it has been running.
    pub uptime_seconds: u64,
    /// Accepted connections that are open.
    pub connections: usize,
    /// Why the last reload was refused; gone after the next success.
    pub last_reload_failure: Option<String>,
    /// The SAP systems.
    pub systems: Vec<SystemReport>,
    /// The figures that a console draws.
    pub figures: FiguresReport,
    /// The certificate or list that ends first.
    pub next_to_end: Option<CertificateReport>,
}

/// Counters since the start, of all systems and threads together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct FiguresReport {
    /// Connections that were accepted.
    pub connections_accepted: u64,
    /// Full handshakes of callers.
    pub handshakes_full: u64,
    /// Resumed handshakes of callers.
    pub handshakes_resumed: u64,
    /// Handshakes of callers that failed.
    pub handshakes_failed: u64,
    /// Clients with a good certificate that rules or the responder did not admit.
    pub clients_not_admitted: u64,
    /// Requests that were answered.
    pub requests_answered: u64,
    /// Requests that were not.
    pub requests_failed: u64,
    /// Events that were answered.
    pub events_answered: u64,
    /// Events that were not.
    pub events_failed: u64,
    /// Connections of static routes and relays that are open.
    pub relayed_open: u64,
    /// Bytes of static routes and relays towards the target.
    pub relayed_bytes_to_target: u64,
    /// Bytes of static routes and relays from the target.
    pub relayed_bytes_from_target: u64,
    /// Requests that went to the other side, since nothing of them had been sent.
    pub replays: u64,
    /// Switches that the gateway decided.
    pub switches_automatic: u64,
    /// Switches that an operator ordered.
    pub switches_ordered: u64,
    /// Log lines that could not be written.
    pub log_lines_lost: u64,
    /// Contained panics; each is a defect.
    pub panics: u64,
}

impl FiguresReport {
    fn of(figures: &Figures) -> Self {
        let not_admitted = [
            figures.clients_not_allowed,
            figures.clients_denied,
            figures.clients_withdrawn,
            figures.clients_not_issued,
            figures.clients_unconfirmed,
        ];
        let requests_failed = [
            figures.exchanges_request_not_sent,
            figures.exchanges_request_partly_sent,
            figures.exchanges_request_sent_no_answer,
        ];
        let events_failed = [
            figures.exchanges_event_not_sent,
            figures.exchanges_event_partly_sent,
            figures.exchanges_event_sent_no_answer,
        ];
        Self {
            connections_accepted: figures.connections_accepted,
            handshakes_full: figures.handshakes_inbound_full,
            handshakes_resumed: figures.handshakes_inbound_resumed,
            handshakes_failed: figures.handshakes_inbound_failed,
            clients_not_admitted: not_admitted.iter().sum(),
            requests_answered: figures.exchanges_request_answered,
            requests_failed: requests_failed.iter().sum(),
            events_answered: figures.exchanges_event_answered,
            events_failed: events_failed.iter().sum(),
            relayed_open: figures.relayed_connections_open,
            relayed_bytes_to_target: figures.relayed_bytes_to_target,
            relayed_bytes_from_target: figures.relayed_bytes_from_target,
            replays: figures.replays,
            switches_automatic: figures.switches_automatic,
            switches_ordered: figures.switches_ordered,
            log_lines_lost: figures.log_lines_lost,
            panics: figures.panics,
        }
    }
}

/// A configuration that was read, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AttemptReport {
    /// When.
    pub at: String,
    /// Who or what asked for it.
    pub trigger: String,
    /// The generation that came into force; none where it was refused.
    pub generation: Option<u64>,
    /// Listeners that were opened.
    pub opened: Vec<String>,
    /// Listeners that were closed.
    pub closed: Vec<String>,
    /// What was said about it.
    pub problems: Vec<ProblemReport>,
}

/// Something about a configuration that is wrong or worth a word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProblemReport {
    /// error, warning or notice.
    pub severity: &'static str,
    /// File, line, section and key.
    pub at: String,
    /// What.
    pub what: String,
    /// The value as it is written.
    pub value: Option<String>,
    /// What would be accepted.
    pub allowed: Option<String>,
    /// What to do.
    pub hint: String,
}

impl ProblemReport {
    /// The same as data.
    pub fn of(problem: &Problem) -> Self {
        Self {
            severity: match problem.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Notice => "notice",
            },
            at: problem.place.to_string(),
            what: problem.what.clone(),
            value: problem.value.clone(),
            allowed: problem.allowed.clone(),
            hint: problem.hint.clone(),
        }
    }
}

impl AttemptReport {
    fn of(attempt: &Attempt) -> Self {
        Self {
            at: attempt.at.to_string(),
            trigger: attempt.trigger.to_string(),
            generation: attempt.generation.map(|generation| generation.0),
            opened: attempt.opened.iter().map(ToString::to_string).collect(),
            closed: attempt.closed.iter().map(ToString::to_string).collect(),
            problems: attempt.problems.iter().map(ProblemReport::of).collect(),
        }
    }
}

impl Viewer {
    /// How it stands.
    pub fn report(&self) -> Report {
        let face = self.face();
        let now = self.clock().now();
        let certificates = self.certificates();
        let systems = systems::of(&face);
        let not_ready = not_ready(face.phase, &systems, &certificates);
        let in_force = face.history.iter().rev();
        let since = in_force.filter(|attempt| attempt.generation.is_some());
        let ends = certificates.iter().filter(|each| each.ends_at.is_some());
        Report {
            version: env!("CARGO_PKG_VERSION"),
            phase: face.phase.to_string(),
            ready: not_ready.is_empty(),
            not_ready,
            generation: face.snapshot.generation.0,
            generation_since: since.map(|attempt| attempt.at.to_string()).next(),
            now: now.to_string(),
            started: self.started_at().to_string(),
            uptime_seconds: self.uptime().as_secs(),
            connections: self.connections(),
            last_reload_failure: face.last_reload_failure.clone(),
            figures: FiguresReport::of(&self.figures()),
            next_to_end: ends.min_by_key(|each| each.ends_at).cloned(),
            systems,
        }
    }

    /// The configurations that were read, the latest first.
    pub fn attempt_reports(&self) -> Vec<AttemptReport> {
        let face = self.face();
        face.history.iter().rev().map(AttemptReport::of).collect()
    }

    /// Every certificate and revocation list in use.
    pub fn certificates(&self) -> Vec<CertificateReport> {
        certificates::of(&self.face().snapshot, self.clock().now())
    }
}

/// Why nobody should be sent here now. That both sides are down is no reason by itself: SAP has to
/// get a fault that says so, from this gateway or from another; a load balancer has nothing better
/// only where another gateway reaches a side.
fn not_ready(
    phase: Phase,
    systems: &[SystemReport],
    certificates: &[CertificateReport],
) -> Vec<String> {
    let mut reasons = Vec::new();
    if !matches!(phase, Phase::Serving | Phase::Reloading) {
        reasons.push(format!("the gateway is {phase}"));
    }
    for system in systems {
        let Some(sides) = &system.sides else { continue };
        let both = [Some(&sides.a), sides.b.as_ref()];
        let serves = |side: &SideReport| side.health != Health::Down.to_string();
        if !both.into_iter().flatten().any(serves) {
            let name = &system.name;
            reasons.push(format!("no side of {name} is up"));
        }
    }
    let own = |each: &&CertificateReport| each.kind == CertificateUse::Own && !each.has_successor;
    for each in certificates.iter().filter(own) {
        if each.state == CertificateState::Ended || each.state == CertificateState::NotYet {
            let (subject, at) = (&each.subject, &each.not_after);
            reasons.push(format!(
                "our certificate \"{subject}\" is not valid now (ends {at})"
            ));
        }
    }
    reasons
}

/// A span from now, in whole seconds.
fn seconds(span: Duration) -> u64 {
    span.as_secs()
}

/// Which side, as one letter.
fn letter(side: Side) -> String {
    side.to_string()
}

/// Whole days until then, rounded down.
fn days_left(now: WallTime, end: WallTime) -> i64 {
    now.days_until(end)
}
