//! Settings and the previous snapshot to the next one. Reads certificate files, opens no socket,
//! changes nothing that is running.
//!
//! Identity by content: a part that would be built from the same bytes is not built again but
//! taken over, so health, pools and sessions outlive a reload that does not concern them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use super::snapshot::{ListenerPlan, ProbePlan, Service, Snapshot, SystemParts, UpstreamKey};
use crate::config::problem::{Problem, Problems};
use crate::config::settings::{
    ClientTls, EventSettings, ProbeKind, RequestMode, RequestSettings, ServerTls, Settings,
    SystemSettings,
};
use crate::events::{EventRoute, StaticRoute};
use crate::http::{Upstream, UpstreamSpec};
use crate::model::{Clock, Endpoint, Generation, HostPort, ListenAddr, Scheme, Side, SystemName};
use crate::net::Scope;
use crate::requests::failover::Watch;
use crate::requests::{PassthroughRoute, RequestRoute, SideEvents, Sides};
use crate::telemetry::Counters;
use crate::tls::{Acceptor, Connector, SessionVault};

/// What a build works with and what outlives it.
pub(super) struct Workshop {
    pub(super) clock: Clock,
    pub(super) vault: SessionVault,
    pub(super) counters: Arc<Counters>,
    /// Makes the listener to "side down" for a system's number.
    pub(super) side_events: Box<dyn Fn(u32) -> SideEvents + Send + Sync>,
}

impl std::fmt::Debug for Workshop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Workshop")
    }
}

/// What `crmgate check` found.
#[derive(Debug)]
pub struct Check {
    /// Everything that is wrong or worth a word.
    pub problems: Problems,
    /// What would run, in an operator's words; empty if it would not.
    pub effective: Vec<String>,
}

/// Judges a configuration directory exactly as start and reload do, and opens no socket.
pub fn check(dir: &Path, clock: &Clock) -> Check {
    let workshop = Workshop {
        clock: clock.clone(),
        vault: SessionVault::new(clock),
        counters: Arc::default(),
        side_events: Box::new(|_system| Box::new(|_side| ())),
    };
    let (snapshot, problems) = load_and_build(dir, None, &workshop);
    let effective = snapshot.as_ref().map(describe).unwrap_or_default();
    Check {
        problems,
        effective,
    }
}

/// Reads a directory and builds the generation that follows `previous`.
pub(super) fn load_and_build(
    dir: &Path,
    previous: Option<&Snapshot>,
    workshop: &Workshop,
) -> (Option<Snapshot>, Problems) {
    let loaded = crate::config::load(dir);
    let mut problems = loaded.problems;
    let Some(settings) = loaded.settings else {
        return (None, problems);
    };
    let (snapshot, more) = build(settings, previous, workshop);
    problems.extend(more);
    if problems.has_errors() {
        (None, problems)
    } else {
        (snapshot, problems)
    }
}

/// Builds one generation. `None` with at least one error among the problems, else a snapshot.
pub(super) fn build(
    settings: Settings,
    previous: Option<&Snapshot>,
    workshop: &Workshop,
) -> (Option<Snapshot>, Problems) {
    let mut build = Build {
        workshop,
        previous,
        problems: Problems::new(),
        listeners: Vec::new(),
        next_listener: previous.map_or(0, |snapshot| {
            snapshot
                .listeners
                .iter()
                .map(|plan| plan.scope.listener)
                .max()
                .map_or(0, |last| last + 1)
        }),
        next_system: previous.map_or(0, |snapshot| {
            snapshot
                .systems
                .values()
                .map(|parts| parts.id)
                .max()
                .map_or(0, |last| last + 1)
        }),
    };
    let mut systems = BTreeMap::new();
    for system in &settings.systems {
        if let Some(parts) = build.system(system) {
            systems.insert(system.name.clone(), parts);
        }
    }
    let Build {
        problems,
        listeners,
        ..
    } = build;
    if problems.has_errors() {
        return (None, problems);
    }
    let generation = previous.map_or(Generation::FIRST, |snapshot| snapshot.generation.next());
    (
        Some(Snapshot {
            generation,
            settings,
            systems,
            listeners,
        }),
        problems,
    )
}

struct Build<'a> {
    workshop: &'a Workshop,
    previous: Option<&'a Snapshot>,
    problems: Problems,
    listeners: Vec<ListenerPlan>,
    next_listener: u32,
    next_system: u32,
}

impl Build<'_> {
    fn system(&mut self, settings: &SystemSettings) -> Option<SystemParts> {
        let previous = self
            .previous
            .and_then(|snapshot| snapshot.systems.get(&settings.name));
        let id = previous.map_or_else(
            || {
                let id = self.next_system;
                self.next_system = id.saturating_add(1);
                id
            },
            |parts| parts.id,
        );
        let server = settings
            .server_tls
            .as_ref()
            .map(|tls| self.acceptor(tls, settings, previous));
        let client = settings
            .client_tls
            .as_ref()
            .map(|tls| self.connector(tls, previous));
        // Both roles are looked at before giving up, so that one run reports what is wrong in each.
        let acceptor = server.map_or(Some(None), |built| built.map(Some))?;
        let connector = client.map_or(Some(None), |built| built.map(Some))?;
        let mut parts = SystemParts {
            id,
            acceptor,
            connector,
            sides: None,
            upstreams: Vec::new(),
            probes: Vec::new(),
        };
        if let Some(requests) = &settings.requests {
            self.requests(settings, requests, previous, &mut parts);
        }
        if let Some(events) = &settings.events {
            self.events(settings, events, previous, &mut parts);
        }
        for route in &settings.static_routes {
            let service = Service::StaticRoute(Arc::new(StaticRoute {
                system: settings.name.clone(),
                target: route.target.clone(),
                connect_timeout: route.connect_timeout,
                idle_timeout: route.idle_timeout,
            }));
            self.listen(route.listen, &settings.name, id, service, None);
        }
        Some(parts)
    }

    fn acceptor(
        &mut self,
        tls: &ServerTls,
        settings: &SystemSettings,
        previous: Option<&SystemParts>,
    ) -> Option<Arc<Acceptor>> {
        let scope = settings.name.as_str();
        let (built, problems) =
            Acceptor::build(tls, scope, &self.workshop.clock, &self.workshop.vault);
        self.problems.extend(problems);
        let built = built?;
        let same = previous.and_then(|parts| parts.acceptor.as_ref());
        match same.filter(|own| own.fingerprint() == built.fingerprint()) {
            Some(own) => Some(Arc::clone(own)),
            None => Some(Arc::new(built)),
        }
    }

    fn connector(
        &mut self,
        tls: &ClientTls,
        previous: Option<&SystemParts>,
    ) -> Option<Arc<Connector>> {
        let (built, problems) = Connector::build(tls, &self.workshop.clock);
        self.problems.extend(problems);
        let built = built?;
        let same = previous.and_then(|parts| parts.connector.as_ref());
        match same.filter(|own| own.fingerprint() == built.fingerprint()) {
            Some(own) => Some(Arc::clone(own)),
            None => Some(Arc::new(built)),
        }
    }

    fn requests(
        &mut self,
        system: &SystemSettings,
        requests: &RequestSettings,
        previous: Option<&SystemParts>,
        parts: &mut SystemParts,
    ) {
        let has_b = requests.side_b.is_some();
        let watch = watch_of(&requests.probe.kind);
        let sides = match previous.and_then(|previous| previous.sides.as_ref()) {
            Some(sides) => Arc::clone(sides),
            None => Arc::new(Sides::new(
                system.name.clone(),
                &requests.failover,
                has_b,
                watch,
                self.workshop.clock.clone(),
                Arc::clone(&self.workshop.counters),
                (self.workshop.side_events)(parts.id),
            )),
        };
        parts.sides = Some(Arc::clone(&sides));
        let upstream_of = |endpoint: &Endpoint, parts: &mut SystemParts| {
            let key = UpstreamKey {
                target: endpoint.target.clone(),
                dialled: endpoint.target.clone(),
                // Passthrough leaves TLS to the ends; the upstream serves the probes only.
                tls: fingerprint(endpoint.scheme, parts)
                    .filter(|_| requests.mode == RequestMode::Terminate),
                connect_timeout: requests.connect_timeout,
                response_timeout: requests.response_timeout,
                pool_idle: requests.pool_idle,
            };
            upstream(key, previous, parts)
        };
        let side_a = upstream_of(&requests.side_a, parts);
        let side_b = requests
            .side_b
            .as_ref()
            .map(|endpoint| upstream_of(endpoint, parts));
        self.probes(requests, &side_a, side_b.as_ref(), parts);
        let service = match requests.mode {
            RequestMode::Terminate => Service::Requests(Arc::new(RequestRoute {
                sides,
                side_a,
                side_b,
                fault: requests.fault,
                dechunk: requests.dechunk,
                forwarded_for: requests.forwarded_for,
            })),
            RequestMode::Passthrough => Service::Passthrough(Arc::new(PassthroughRoute {
                sides,
                side_a: requests.side_a.target.clone(),
                side_b: requests
                    .side_b
                    .as_ref()
                    .map(|endpoint| endpoint.target.clone()),
                connect_timeout: requests.connect_timeout,
                idle_timeout: requests.response_timeout,
            })),
        };
        let acceptor = match requests.mode {
            RequestMode::Terminate => parts.acceptor.clone(),
            RequestMode::Passthrough => None,
        };
        for listen in &requests.listen {
            self.listen(
                *listen,
                &system.name,
                parts.id,
                service.clone(),
                acceptor.clone(),
            );
        }
    }

    fn probes(
        &mut self,
        requests: &RequestSettings,
        side_a: &Arc<Upstream>,
        side_b: Option<&Arc<Upstream>>,
        parts: &mut SystemParts,
    ) {
        let body = match &requests.probe.kind {
            ProbeKind::Off => return,
            ProbeKind::Soap {
                body: Some(file), ..
            } => match std::fs::read(&file.path) {
                Ok(bytes) => Bytes::from(bytes),
                Err(error) => {
                    let problem = Problem::error(
                        file.place.clone(),
                        format!("the body of the SOAP probe cannot be read: {error}"),
                        "name a readable file, or remove the key for an empty SOAP body",
                    );
                    self.problems.push(problem.value(&file.written));
                    return;
                }
            },
            ProbeKind::Tcp
            | ProbeKind::Tls
            | ProbeKind::Http { .. }
            | ProbeKind::Soap { body: None, .. } => Bytes::from_static(EMPTY_ENVELOPE),
        };
        let sides = [(Side::A, Some(side_a)), (Side::B, side_b)];
        for (side, upstream) in sides {
            if let Some(upstream) = upstream {
                parts.probes.push(ProbePlan {
                    side,
                    upstream: Arc::clone(upstream),
                    settings: requests.probe.clone(),
                    body: body.clone(),
                });
            }
        }
    }

    fn events(
        &mut self,
        system: &SystemSettings,
        events: &EventSettings,
        previous: Option<&SystemParts>,
        parts: &mut SystemParts,
    ) {
        let mut upstream_of = |target: &HostPort, scheme: Scheme| {
            let key = UpstreamKey {
                target: target.clone(),
                dialled: events.via.clone().unwrap_or_else(|| target.clone()),
                tls: fingerprint(scheme, parts),
                connect_timeout: events.connect_timeout,
                response_timeout: events.response_timeout,
                pool_idle: events.pool_idle,
            };
            upstream(key, previous, parts)
        };
        let crm = events
            .crm
            .as_ref()
            .map(|crm| upstream_of(&crm.target, crm.scheme));
        // The token SSL speaks for the whole system: what the forward-proxy form names is secured
        // in the same way as a fixed target.
        let scheme = if system.server_tls.is_some() {
            Scheme::Https
        } else {
            Scheme::Http
        };
        let allowed = events
            .allow
            .iter()
            .map(|target| upstream_of(target, scheme))
            .collect();
        let service = Service::Events(Arc::new(EventRoute {
            system: system.name.clone(),
            crm,
            allowed,
            fault: events.fault,
            client_protocol: events.client_protocol,
        }));
        let acceptor = if events.tls {
            parts.acceptor.clone()
        } else {
            None
        };
        for listen in &events.listen {
            self.listen(
                *listen,
                &system.name,
                parts.id,
                service.clone(),
                acceptor.clone(),
            );
        }
    }

    fn listen(
        &mut self,
        listen: ListenAddr,
        system: &SystemName,
        system_id: u32,
        service: Service,
        acceptor: Option<Arc<Acceptor>>,
    ) {
        let own = self.previous.and_then(|snapshot| snapshot.listener(listen));
        let listener = own.map_or_else(
            || {
                let id = self.next_listener;
                self.next_listener = id.saturating_add(1);
                id
            },
            |plan| plan.scope.listener,
        );
        let scope = Scope {
            system: system_id,
            listener,
        };
        self.listeners.push(ListenerPlan {
            listen,
            scope,
            system: system.clone(),
            service,
            acceptor,
        });
    }
}

/// What a SOAP probe sends unless a file says otherwise.
const EMPTY_ENVELOPE: &[u8] =
    b"<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body/></s:Envelope>";

/// Whether requests are the only witness.
pub(super) const fn watch_of(kind: &ProbeKind) -> Watch {
    match kind {
        ProbeKind::Off => Watch::RequestsOnly,
        ProbeKind::Tcp | ProbeKind::Tls | ProbeKind::Http { .. } | ProbeKind::Soap { .. } => {
            Watch::Probes
        }
    }
}

fn fingerprint(scheme: Scheme, parts: &SystemParts) -> Option<[u8; 32]> {
    match scheme {
        Scheme::Http => None,
        Scheme::Https => parts
            .connector
            .as_ref()
            .map(|connector| connector.fingerprint()),
    }
}

/// The previous generation's upstream if it was built from the same, else a new one.
fn upstream(
    key: UpstreamKey,
    previous: Option<&SystemParts>,
    parts: &mut SystemParts,
) -> Arc<Upstream> {
    let known = previous
        .map(|previous| previous.upstreams.as_slice())
        .unwrap_or_default();
    let own = known
        .iter()
        .chain(&parts.upstreams)
        .find(|(own, _)| *own == key);
    let upstream = own.map_or_else(
        || {
            let tls = key
                .tls
                .and(parts.connector.as_ref())
                .map(|connector| connector.for_upstream(&key.target));
            Arc::new(Upstream::new(UpstreamSpec {
                target: key.target.clone(),
                dialled: key.dialled.clone(),
                tls,
                connect_timeout: key.connect_timeout,
                response_timeout: key.response_timeout,
                pool_idle: key.pool_idle,
            }))
        },
        |(_, upstream)| Arc::clone(upstream),
    );
    parts.upstreams.push((key, Arc::clone(&upstream)));
    upstream
}

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
            lines.extend(
                acceptor
                    .describe()
                    .into_iter()
                    .map(|line| format!("{name} listeners: {line}")),
            );
        }
        if let Some(connector) = &parts.connector {
            lines.extend(
                connector
                    .describe()
                    .into_iter()
                    .map(|line| format!("{name} towards SAP and the sides: {line}")),
            );
        }
    }
    lines
}
