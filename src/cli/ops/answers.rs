//! What the admin listener answers, as types. `openapi.json` describes the same; what a newer gateway
//! says beyond it is passed over.

use serde::Deserialize;

/// `/api/v1/status`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Status {
    pub(super) version: String,
    pub(super) phase: String,
    pub(super) ready: bool,
    pub(super) not_ready: Vec<String>,
    pub(super) generation: u64,
    pub(super) generation_since: Option<String>,
    pub(super) uptime_seconds: u64,
    pub(super) connections: u64,
    /// A gateway of an earlier version has none.
    pub(super) sandbox: Option<Sandbox>,
    pub(super) last_reload_failure: Option<String>,
    pub(super) systems: Vec<System>,
    pub(super) figures: Figures,
    pub(super) next_to_end: Option<Certificate>,
}

/// What the process has given up.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Sandbox {
    pub(super) state: String,
    pub(super) gaps: Vec<String>,
}

/// One SAP system.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct System {
    pub(super) name: String,
    pub(super) listeners: Vec<Listener>,
    pub(super) sides: Option<Sides>,
    pub(super) crm_proxy: Option<String>,
}

/// One listener.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Listener {
    pub(super) listen: String,
    pub(super) bound: Option<String>,
    pub(super) service: String,
    pub(super) tls: bool,
    pub(super) goes_to: Vec<String>,
}

/// The sides of a system.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Sides {
    pub(super) active: String,
    pub(super) home: String,
    pub(super) active_for_seconds: Option<u64>,
    pub(super) flap_alarm_seconds: Option<u64>,
    pub(super) a: Side,
    pub(super) b: Option<Side>,
}

impl Sides {
    /// Those that there are, by their letters.
    pub(super) fn each(&self) -> impl Iterator<Item = (&'static str, &Side)> {
        let b = self.b.as_ref().map(|side| ("B", side));
        [("A", &self.a)].into_iter().chain(b)
    }
}

/// One side.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Side {
    pub(super) url: String,
    pub(super) health: String,
    pub(super) for_seconds: u64,
    pub(super) last_cause: Option<String>,
    pub(super) back_off_seconds: Option<u64>,
    pub(super) drained: Option<String>,
}

impl Side {
    /// Whether requests fail there.
    pub(super) fn is_down(&self) -> bool {
        self.health == "down"
    }
}

/// Counters since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Figures {
    pub(super) connections_accepted: u64,
    pub(super) handshakes_full: u64,
    pub(super) handshakes_resumed: u64,
    pub(super) handshakes_failed: u64,
    pub(super) clients_not_admitted: u64,
    pub(super) requests_answered: u64,
    pub(super) requests_failed: u64,
    pub(super) events_answered: u64,
    pub(super) events_failed: u64,
    pub(super) relayed_open: u64,
    pub(super) relayed_bytes_to_target: u64,
    pub(super) relayed_bytes_from_target: u64,
    pub(super) replays: u64,
    pub(super) switches_automatic: u64,
    pub(super) switches_ordered: u64,
    pub(super) log_lines_lost: u64,
    pub(super) panics: u64,
}

/// A certificate or list in use.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Certificate {
    pub(super) kind: String,
    pub(super) system: Option<String>,
    pub(super) role: String,
    pub(super) subject: String,
    pub(super) not_after: String,
    pub(super) days_left: Option<i64>,
    pub(super) state: String,
    pub(super) has_successor: bool,
    pub(super) configured_at: String,
    pub(super) breaks: String,
}

/// The answer to a reload.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Reloaded {
    pub(super) in_force: bool,
    pub(super) attempt: Option<Attempt>,
}

/// A configuration that was read.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Attempt {
    pub(super) generation: Option<u64>,
    pub(super) opened: Vec<String>,
    pub(super) closed: Vec<String>,
    pub(super) problems: Vec<Problem>,
}

/// What was said about it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Problem {
    pub(super) severity: String,
    pub(super) at: String,
    pub(super) what: String,
    pub(super) value: Option<String>,
    pub(super) allowed: Option<String>,
    pub(super) hint: String,
}

/// The answer to a change of sides.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct SidesChange {
    pub(super) before: Sides,
    pub(super) after: Sides,
    pub(super) remarks: Vec<String>,
}

/// A warning or a refusal.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Said {
    pub(super) number: u64,
    pub(super) at: String,
    pub(super) level: String,
    pub(super) message: String,
    pub(super) fields: Vec<(String, String)>,
}

impl Said {
    /// A field of the line.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        let mut fields = self.fields.iter();
        let found = fields.find(|(field, _)| field == name);
        found.map(|(_, value)| value.as_str())
    }
}
