//! [`Snapshot`]: everything derived from one generation of settings, immutable.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::recording::Recording;
use crate::alarms::Webhook;
use crate::certs::Due;
use crate::config::settings::{ProbeSettings, Settings};
use crate::events::{EventRoute, StaticRoute};
use crate::http::Upstream;
use crate::model::{Generation, HostPort, ListenAddr, Side, SystemName, TlsRole, WallTime};
use crate::net::Scope;
use crate::requests::{RelayRoute, RequestRoute, Sides};
use crate::telemetry::trace::Tracer;
use crate::telemetry::{Counters, Flow, UpstreamRole};
use crate::tls::nameless_uses::{Lack, NamelessUse};
use crate::tls::{Acceptor, Connector, TicketSource};

/// What a listener does with its connections.
#[derive(Debug, Clone)]
pub(super) enum Service {
    /// Requests of SAP CRM.
    Requests(Arc<RequestRoute>),
    /// Connections of SAP CRM: bytes to a side.
    Relay(Arc<RelayRoute>),
    /// Events of the connector.
    Events(Arc<EventRoute>),
    /// A static route.
    StaticRoute(Arc<StaticRoute>),
}

impl Service {
    /// In the operator's words.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Requests(_) => "requests",
            Self::Relay(route) if route.flow == Flow::Passthrough => "requests (passthrough)",
            Self::Relay(_) => "requests (relay)",
            Self::Events(_) => "events",
            Self::StaticRoute(_) => "static route",
        }
    }

    /// As what it ends TLS, if it does.
    pub(super) fn tls_role(&self) -> Option<TlsRole> {
        match self {
            Self::Requests(_) | Self::Relay(_) => Some(TlsRole::Requests),
            Self::Events(_) => Some(TlsRole::Events),
            Self::StaticRoute(_) => None,
        }
    }

    /// For whom it judges its clients, and what those lack that do not say who they are, behind
    /// what ends TLS. Nothing where whatever comes is passed on.
    pub(super) fn nameless(&self, acceptor: Option<&Arc<Acceptor>>) -> Option<(TlsRole, Lack)> {
        let is_passed_on = matches!(self, Self::Relay(route) if route.flow == Flow::Passthrough);
        let role = self.tls_role().filter(|_| !is_passed_on)?;
        Some((role, acceptor.map_or(Lack::Tls, |acceptor| acceptor.lack())))
    }

    /// Whether a connection that is bound to what this service leads to is wrong under the next.
    /// Requests and events are bound to nothing: each goes where the generation in force says.
    fn leads_elsewhere(&self, next: &Self) -> bool {
        match (self, next) {
            (Self::Relay(old), Self::Relay(new)) => {
                let differs = |side| old.target(side) != new.target(side);
                old.flow != new.flow || Side::BOTH.into_iter().any(differs)
            }
            (Self::StaticRoute(old), Self::StaticRoute(new)) => old.target != new.target,
            _ => std::mem::discriminant(self) != std::mem::discriminant(next),
        }
    }
}

/// One listener of a generation.
#[derive(Debug, Clone)]
pub(super) struct ListenerPlan {
    /// As configured.
    pub(super) listen: ListenAddr,
    /// Its numbers, kept over reloads.
    pub(super) scope: Scope,
    /// Its SAP system.
    pub(super) system: SystemName,
    /// What it does.
    pub(super) service: Service,
    /// TLS on it.
    pub(super) acceptor: Option<Arc<Acceptor>>,
    /// Where its clients are noted that do not say who they are; nothing where others judge them.
    pub(super) nameless: Option<Arc<NamelessUse>>,
}

impl ListenerPlan {
    /// Whether no connection that was let in under this plan may go on under the next: there is
    /// TLS now or there is none any more, their bytes mean something else, or they are bound to a
    /// far end that is no longer the one to go to.
    pub(super) fn must_leave_for(&self, next: &Self) -> bool {
        self.acceptor.is_some() != next.acceptor.is_some()
            || self.service.leads_elsewhere(&next.service)
    }
}

/// What an upstream was built from: equal means that the connections to it stay good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UpstreamKey {
    /// Two sides at one address are two all the same: figures tell them apart.
    pub(super) role: UpstreamRole,
    pub(super) target: HostPort,
    pub(super) dialled: HostPort,
    pub(super) tls: Option<[u8; 32]>,
    pub(super) connect_timeout: Duration,
    pub(super) response_timeout: Duration,
    pub(super) pool_idle: Duration,
}

/// A side to be probed.
#[derive(Debug, Clone)]
pub(super) struct ProbePlan {
    pub(super) side: Side,
    pub(super) upstream: Arc<Upstream>,
    pub(super) settings: ProbeSettings,
    pub(super) body: Bytes,
}

/// What ends TLS on the listeners of a system, where one of them does.
#[derive(Debug, Default)]
pub(super) struct Acceptors {
    pub(super) requests: Option<Arc<Acceptor>>,
    pub(super) events: Option<Arc<Acceptor>>,
}

impl Acceptors {
    /// The one of a role.
    pub(super) fn of(&self, role: TlsRole) -> Option<&Arc<Acceptor>> {
        match role {
            TlsRole::Requests => self.requests.as_ref(),
            TlsRole::Events => self.events.as_ref(),
        }
    }

    /// Each that there is.
    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<Acceptor>> {
        self.requests.iter().chain(&self.events)
    }

    /// One of them, for what they have in common: they differ in whom they serve and in their
    /// sessions, and not in certificates, authorities, lists and versions.
    pub(super) fn one(&self) -> Option<&Arc<Acceptor>> {
        self.all().next()
    }
}

/// One SAP system of a generation.
#[derive(Debug)]
pub(super) struct SystemParts {
    /// Kept over reloads.
    pub(super) id: u32,
    pub(super) acceptors: Acceptors,
    pub(super) connector: Option<Arc<Connector>>,
    pub(super) sides: Option<Arc<Sides>>,
    pub(super) upstreams: Vec<(UpstreamKey, Arc<Upstream>)>,
    /// What each side's upstream was built from.
    pub(super) reached_by: [Option<UpstreamKey>; 2],
    pub(super) probes: Vec<ProbePlan>,
}

/// Everything derived from one generation of settings.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) generation: Generation,
    pub(super) settings: Settings,
    pub(super) systems: BTreeMap<SystemName, SystemParts>,
    pub(super) listeners: Vec<ListenerPlan>,
    /// What ends TLS on the admin listener, where that can be reached from other machines.
    pub(super) admin: Option<Arc<Acceptor>>,
    pub(super) tickets: TicketSource,
    /// Who is told of what is about to end.
    pub(super) webhook: Option<Arc<Webhook>>,
    /// Who is sent traces; `None`: nobody, and nothing is recorded.
    pub(super) recording: Option<Recording>,
}

impl Snapshot {
    /// The listener on an address.
    pub(super) fn listener(&self, listen: ListenAddr) -> Option<&ListenerPlan> {
        self.listeners.iter().find(|plan| plan.listen == listen)
    }

    /// The listener that connections to an open address belong to: the one on that address, or
    /// one that covers it.
    ///
    /// When `127.0.0.1:8443` becomes `0.0.0.0:8443`, the open socket is kept and serves the new
    /// listener: the kernel gives it the connections to its address in any case, and closing it
    /// would reset those that arrive in that moment.
    pub(super) fn serving(&self, listen: ListenAddr) -> Option<&ListenerPlan> {
        let covering = || {
            self.listeners.iter().find(|plan| {
                plan.listen.addr().ip().is_unspecified() && plan.listen.collides_with(listen)
            })
        };
        self.listener(listen).or_else(covering)
    }

    /// Whether an upstream is in use in this generation.
    pub(super) fn uses(&self, upstream: &Arc<Upstream>) -> bool {
        self.upstreams().any(|own| Arc::ptr_eq(own, upstream))
    }

    /// The certificates and the revocation lists of both roles of every system that have reached a
    /// step towards their end.
    pub(super) fn due(&self, now: WallTime) -> Vec<Due> {
        let mut due = Vec::new();
        if let (Some(tls), Some(admin)) = (&self.settings.admin.tls, &self.admin) {
            due.extend(admin.due(&tls.files, now));
        }
        for system in &self.settings.systems {
            let Some(parts) = self.systems.get(&system.name) else {
                continue;
            };
            if let (Some(tls), Some(server)) = (&system.server_tls, parts.acceptors.one()) {
                due.extend(server.due(&tls.files, now));
            }
            if let (Some(tls), Some(client)) = (&system.client_tls, &parts.connector) {
                due.extend(client.due(&tls.files, now));
            }
        }
        due
    }

    /// Who records the traces of a thread that counts in here.
    pub(super) fn tracer(&self, counters: &Arc<Counters>) -> Option<Tracer> {
        let recording = self.recording.as_ref();
        recording.map(|own| own.tracer(counters))
    }

    /// Whatever ends TLS.
    pub(super) fn acceptors(&self) -> impl Iterator<Item = &Arc<Acceptor>> {
        let of_systems = self
            .systems
            .values()
            .flat_map(|parts| parts.acceptors.all());
        of_systems.chain(&self.admin)
    }

    /// All upstreams.
    pub(super) fn upstreams(&self) -> impl Iterator<Item = &Arc<Upstream>> {
        self.systems
            .values()
            .flat_map(|parts| parts.upstreams.iter().map(|(_, upstream)| upstream))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route_to(target: &str, idle: u64) -> ListenerPlan {
        let system: SystemName = "SAP1".parse().expect("a name");
        ListenerPlan {
            listen: "127.0.0.1:44300".parse().expect("an address"),
            scope: Scope {
                system: 0,
                listener: 0,
            },
            system: system.clone(),
            service: Service::StaticRoute(Arc::new(StaticRoute {
                system,
                target: target.parse().expect("a target"),
                connect_timeout: Duration::from_secs(1),
                idle_timeout: Duration::from_secs(idle),
            })),
            acceptor: None,
            nameless: None,
        }
    }

    #[test]
    fn a_relayed_connection_stays_unless_its_far_end_is_another_one() {
        let before = route_to("crm.example:44300", 60);
        assert!(!before.must_leave_for(&route_to("crm.example:44300", 90)));
        assert!(before.must_leave_for(&route_to("crm2.example:44300", 60)));
    }
}
