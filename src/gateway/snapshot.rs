//! [`Snapshot`]: everything derived from one generation of settings, immutable.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::config::settings::{ProbeSettings, Settings};
use crate::events::{EventRoute, StaticRoute};
use crate::http::Upstream;
use crate::model::{Generation, HostPort, ListenAddr, Side, SystemName};
use crate::net::Scope;
use crate::requests::{PassthroughRoute, RequestRoute, Sides};
use crate::tls::{Acceptor, Connector};

/// What a listener does with its connections.
#[derive(Debug, Clone)]
pub(super) enum Service {
    /// Requests of SAP CRM.
    Requests(Arc<RequestRoute>),
    /// Connections of SAP CRM, untouched.
    Passthrough(Arc<PassthroughRoute>),
    /// Events of the connector.
    Events(Arc<EventRoute>),
    /// A static route.
    StaticRoute(Arc<StaticRoute>),
}

impl Service {
    /// In the operator's words.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Requests(_) => "requests",
            Self::Passthrough(_) => "requests (passthrough)",
            Self::Events(_) => "events",
            Self::StaticRoute(_) => "static route",
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
}

/// What an upstream was built from: equal means that the connections to it stay good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UpstreamKey {
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

/// One SAP system of a generation.
#[derive(Debug)]
pub(super) struct SystemParts {
    /// Kept over reloads.
    pub(super) id: u32,
    pub(super) acceptor: Option<Arc<Acceptor>>,
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

    /// All upstreams.
    pub(super) fn upstreams(&self) -> impl Iterator<Item = &Arc<Upstream>> {
        self.systems
            .values()
            .flat_map(|parts| parts.upstreams.iter().map(|(_, upstream)| upstream))
    }
}
