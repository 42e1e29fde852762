//! What a generation does, and what is wrong with it, in an operator's words.

use tracing::{error, info, warn};

use super::report::{far, url};
use super::snapshot::{Service, Snapshot};
use crate::certs::CertificateFacts;
use crate::certs::revocation::RevocationLists;
use crate::config::problem::{Problem, Problems, Severity};
use crate::model::{SystemName, WallTime};
use crate::telemetry::Flow;

/// What a generation does, one line a listener, and what its TLS comes down to.
pub(super) fn describe(snapshot: &Snapshot) -> Vec<String> {
    let mut lines = Vec::new();
    for plan in &snapshot.listeners {
        let security = match (&plan.service, &plan.acceptor) {
            (Service::StaticRoute(_), _) => "bytes untouched",
            (Service::Relay(route), _) if route.flow == Flow::Passthrough => "bytes untouched",
            (Service::Relay(_), Some(acceptor)) if acceptor.has_rules() => {
                "TLS, clients by rules, the inside unread"
            }
            (Service::Relay(_), Some(_)) => "TLS, the inside unread",
            (Service::Relay(_), None) => "plain bytes",
            (Service::Requests(_) | Service::Events(_), Some(acceptor)) if acceptor.has_rules() => {
                "TLS, clients by rules"
            }
            (Service::Requests(_) | Service::Events(_), Some(_)) => "TLS",
            (Service::Requests(_) | Service::Events(_), None) => "plain HTTP",
        };
        let goes_to = match &plan.service {
            Service::Requests(route) => match &route.side_b {
                Some(b) => format!("side A {} | side B {}", url(&route.side_a), url(b)),
                None => format!("side A {}", url(&route.side_a)),
            },
            Service::Relay(route) => match &route.side_b {
                Some(b) => format!("side A {} | side B {}", far(&route.side_a), far(b)),
                None => format!("side A {}", far(&route.side_a)),
            },
            Service::Events(route) => {
                let fixed = route.crm.iter().map(url);
                let named = route
                    .allowed
                    .iter()
                    .map(|crm| format!("{} (if named)", url(crm)));
                fixed.chain(named).collect::<Vec<_>>().join(", ")
            }
            Service::StaticRoute(route) => route.target.to_string(),
        };
        lines.push(format!(
            "{} {} {} ({security}) -> {goes_to}",
            plan.system,
            plan.service.name(),
            plan.listen
        ));
    }
    for (name, parts) in &snapshot.systems {
        if let Some(acceptor) = parts.acceptors.one() {
            lines.push(format!("{name} listeners: {}", acceptor.policy().summary()));
            let leaves: Vec<_> = acceptor.leaves().collect();
            lines.extend(own(&format!("{name} listeners"), &leaves));
            lines.extend(revocation(name, "listeners", acceptor.revocation()));
        }
        if let Some(connector) = &parts.connector {
            lines.push(format!(
                "{name} towards SAP and the sides: {}",
                connector.policy().summary()
            ));
            let leaves: Vec<_> = connector.leaves().collect();
            let role = format!("{name} towards SAP and the sides");
            lines.extend(own(&role, &leaves));
            lines.extend(revocation(
                name,
                "towards SAP and the sides",
                connector.revocation(),
            ));
        }
    }
    if let (Some(recording), Some(traces)) = (&snapshot.recording, &snapshot.settings.traces) {
        let (to, ratio) = (recording.collector.shown(), traces.ratio);
        lines.push(format!(
            "traces -> {to} as \"{}\" (ratio {ratio})",
            traces.service
        ));
    }
    lines
}

/// Which certificate is shown when, where one follows another.
fn own(role: &str, leaves: &[(Option<WallTime>, &CertificateFacts)]) -> Option<String> {
    let said = leaves.iter().map(|(from, leaf)| {
        let from = from.map_or_else(String::new, |from| format!("from {from} "));
        format!(
            "{from}\"{}\" (serial {}, ends at {})",
            leaf.subject, leaf.serial, leaf.not_after
        )
    });
    let said: Vec<String> = said.collect();
    (said.len() > 1).then(|| format!("{role}: certificate {}", said.join(", ")))
}

/// How many lists one role goes by.
fn revocation(name: &SystemName, role: &str, lists: Option<&RevocationLists>) -> Option<String> {
    let lists = lists?;
    let (count, revoked) = (lists.len(), lists.revoked());
    Some(format!(
        "{name} {role}: revocation lists: {count}; certificates on them: {revoked}"
    ))
}

/// Writes problems to the log, each with its place and hint.
pub(super) fn say(problems: &Problems) {
    for problem in problems {
        let Problem {
            severity,
            place,
            what,
            value,
            allowed,
            hint,
            fails_check: _,
            topic: _,
        } = problem;
        let (value, allowed) = (value.as_deref(), allowed.as_deref());
        match severity {
            Severity::Error => error!(at = %place, value, allowed, hint, "{what}"),
            Severity::Warning => warn!(at = %place, value, allowed, hint, "{what}"),
            Severity::Notice => info!(at = %place, value, allowed, hint, "{what}"),
        }
    }
}
