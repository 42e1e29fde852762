//! SAP systems: their listeners, sides and targets.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::{letter, seconds};
use crate::gateway::snapshot::{Service, SystemParts};
use crate::gateway::viewer::Face;
use crate::http::Upstream;
use crate::model::{Endpoint, Scheme, Side, SystemName};
use crate::requests::{FarEnd, Sides};

/// One SAP system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SystemReport {
    /// From the file's name.
    pub name: String,
    /// Where it listens.
    pub listeners: Vec<ListenerReport>,
    /// Sides A and B, where requests are served.
    pub sides: Option<SidesReport>,
    /// Where events go.
    pub crm: Vec<String>,
    /// Which proxy they pass, if any.
    pub crm_proxy: Option<String>,
}

/// One listener.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListenerReport {
    /// As configured.
    pub listen: String,
    /// As bound; none while it is being opened.
    pub bound: Option<String>,
    /// requests, requests (passthrough), requests (relay), events, static route.
    pub service: &'static str,
    /// Whether TLS ends here.
    pub tls: bool,
    /// Where its traffic goes.
    pub goes_to: Vec<String>,
}

/// Both sides, and which one serves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SidesReport {
    /// The side that requests go to.
    pub active: String,
    /// The side that a fail-back goes to.
    pub home: String,
    /// Since when; none since the start.
    pub active_for_seconds: Option<u64>,
    /// For how long the cap on switches still holds; none where it does not.
    pub flap_alarm_seconds: Option<u64>,
    /// Side A.
    pub a: SideReport,
    /// Side B, if there is one.
    pub b: Option<SideReport>,
}

/// One side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SideReport {
    /// Where it is.
    pub url: String,
    /// untested, up or down.
    pub health: String,
    /// For how long.
    pub for_seconds: u64,
    /// Failed requests in a row.
    pub request_failures: u32,
    /// Failed probes in a row.
    pub probe_failures: u32,
    /// Good probes in a row.
    pub good_probes: u32,
    /// Why it last went down.
    pub last_cause: Option<String>,
    /// Kept down for so long although its probes are good.
    pub back_off_seconds: Option<u64>,
    /// Who has drained it, and why.
    pub drained: Option<String>,
}

/// The systems of a generation.
pub(super) fn of(face: &Face) -> Vec<SystemReport> {
    let each = face.snapshot.systems.iter();
    each.map(|(name, parts)| system(face, name, parts))
        .collect()
}

fn system(face: &Face, name: &SystemName, parts: &SystemParts) -> SystemReport {
    let plans = face.snapshot.listeners.iter();
    let plans: Vec<_> = plans.filter(|plan| plan.system == *name).collect();
    let listeners = plans.iter().map(|plan| ListenerReport {
        listen: plan.listen.to_string(),
        bound: face.bound.get(&plan.listen).map(ToString::to_string),
        service: plan.service.name(),
        tls: plan.acceptor.is_some(),
        goes_to: goes_to(&plan.service),
    });
    let urls = plans.iter().find_map(|plan| urls(&plan.service));
    let events = plans.iter().find_map(|plan| match &plan.service {
        Service::Events(route) => Some(route),
        Service::Requests(_) | Service::Relay(_) | Service::StaticRoute(_) => None,
    });
    let crm = events.map(|route| route.crm.iter().chain(&route.allowed));
    let crm: Vec<&Arc<Upstream>> = crm.into_iter().flatten().collect();
    let proxied = crm
        .iter()
        .find(|crm| crm.spec().dialled != crm.spec().target);
    SystemReport {
        name: name.to_string(),
        listeners: listeners.collect(),
        sides: parts
            .sides
            .as_ref()
            .zip(urls)
            .map(|(sides, urls)| both(sides, urls)),
        crm_proxy: proxied.map(|crm| crm.spec().dialled.to_string()),
        crm: crm.into_iter().map(url).collect(),
    }
}

fn both(sides: &Sides, [a, b]: [Option<String>; 2]) -> SidesReport {
    let at = sides.elapsed();
    let summary = sides.summary();
    let passed = |since: Duration| seconds(at.saturating_sub(since));
    let left = |until: Duration| seconds(until.saturating_sub(at));
    let one = |side: Side, url: String| {
        let status = sides.status(side);
        SideReport {
            url,
            health: status.health.to_string(),
            for_seconds: passed(status.since),
            request_failures: status.request_failures,
            probe_failures: status.probe_failures,
            good_probes: status.good_probes,
            last_cause: status.last_cause.map(|cause| cause.to_string()),
            back_off_seconds: status.back_off_until.map(left),
            drained: status.drained.map(|by| by.to_string()),
        }
    };
    SidesReport {
        active: letter(summary.active),
        home: letter(summary.home),
        active_for_seconds: summary.active_since.map(passed),
        flap_alarm_seconds: summary.flap_alarm.map(left),
        a: one(Side::A, a.unwrap_or_default()),
        b: b.map(|url| one(Side::B, url)),
    }
}

fn urls(service: &Service) -> Option<[Option<String>; 2]> {
    match service {
        Service::Requests(route) => {
            Some([Some(url(&route.side_a)), route.side_b.as_ref().map(url)])
        }
        Service::Relay(route) => Some([Some(far(&route.side_a)), route.side_b.as_ref().map(far)]),
        Service::Events(_) | Service::StaticRoute(_) => None,
    }
}

fn goes_to(service: &Service) -> Vec<String> {
    match service {
        Service::Requests(_) | Service::Relay(_) => {
            urls(service).into_iter().flatten().flatten().collect()
        }
        Service::Events(route) => route.crm.iter().chain(&route.allowed).map(url).collect(),
        Service::StaticRoute(route) => vec![route.target.to_string()],
    }
}

/// Where the bytes of a connection go.
pub(in crate::gateway) fn far(end: &FarEnd) -> String {
    match end {
        FarEnd::Untouched(target) => target.to_string(),
        FarEnd::Upstream(upstream) => url(upstream),
    }
}

/// Where requests go, and whether they go there by TLS.
pub(in crate::gateway) fn url(upstream: &Arc<Upstream>) -> String {
    let spec = upstream.spec();
    let scheme = match spec.tls {
        Some(_) => Scheme::Https,
        None => Scheme::Http,
    };
    let target = spec.target.clone();
    Endpoint { scheme, target }.to_string()
}
