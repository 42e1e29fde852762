//! What a generation does, in an operator's words.

use super::snapshot::{Service, Snapshot};

/// What a generation does, one line a listener, and what its TLS comes down to.
pub(super) fn describe(snapshot: &Snapshot) -> Vec<String> {
    let mut lines = Vec::new();
    for plan in &snapshot.listeners {
        let security = if plan.acceptor.is_some() {
            "TLS"
        } else {
            "plain"
        };
        let goes_to = match &plan.service {
            Service::Requests(route) => match &route.side_b {
                Some(b) => format!(
                    "side A {} | side B {}",
                    route.side_a.spec().target,
                    b.spec().target
                ),
                None => format!("side A {}", route.side_a.spec().target),
            },
            Service::Passthrough(route) => match &route.side_b {
                Some(b) => format!("side A {} | side B {b}", route.side_a),
                None => format!("side A {}", route.side_a),
            },
            Service::Events(route) => {
                let fixed = route.crm.iter().map(|crm| crm.spec().target.to_string());
                let named = route
                    .allowed
                    .iter()
                    .map(|crm| format!("{} (if named)", crm.spec().target));
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
        if let Some(acceptor) = &parts.acceptor {
            lines.push(format!("{name} listeners: {}", acceptor.policy().summary()));
        }
        if let Some(connector) = &parts.connector {
            lines.push(format!(
                "{name} towards SAP and the sides: {}",
                connector.policy().summary()
            ));
        }
    }
    lines
}
