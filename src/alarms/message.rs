//! [`Alarm`]: one step of one certificate or list, for the log and for a collector.

use serde_json::json;

use crate::certs::{Due, DueKind, Step};
use crate::config::problem::Severity;
use crate::model::WallTime;

/// An alarm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alarm {
    /// The code; never to be changed again.
    pub code: String,
    /// The same as one JSON object. Names, dates and places; no key, no passphrase.
    pub json: String,
}

impl Alarm {
    /// What is to be told of something that is due.
    pub fn of(due: &Due, now: WallTime) -> Self {
        let place = &due.problem.place;
        let kind = match due.kind {
            DueKind::Own => "certificate",
            DueKind::Authority => "authority",
            DueKind::List => "revocation-list",
        };
        let step = match due.step {
            Step::Left(days) => Some(days.0),
            Step::Ended | Step::GraceEnded => None,
        };
        let json = json!({
            "code": due.code(),
            "kind": kind,
            "step_days": step,
            "has_ended": step.is_none(),
            "severity": if due.problem.severity == Severity::Error { "error" } else { "warning" },
            "subject": due.subject,
            "id_sha256": crate::model::Fingerprint(due.item).to_string(),
            "ends": due.ends.to_string(),
            "days_left": now.days_until(due.ends),
            "file": place.file.display().to_string(),
            "line": place.line,
            "section": place.section,
            "key": place.key,
            "text": due.problem.what,
            "hint": due.problem.hint,
            "at": now.to_string(),
            "from": concat!("crmgate ", env!("CARGO_PKG_VERSION")),
        });
        Self {
            code: due.code(),
            json: json.to_string(),
        }
    }
}
