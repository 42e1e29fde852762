//! The routes of one SAP system: upstreams, sides, probes, and what its listeners do.

use std::sync::Arc;

use bytes::Bytes;

use super::build::Build;
use super::snapshot::{ProbePlan, Service, SystemParts, UpstreamKey};
use crate::config::problem::{Place, Problem};
use crate::config::sandbox::{self, Rights};
use crate::config::settings::{
    EventSettings, ProbeKind, RequestMode, RequestSettings, SystemSettings,
};
use crate::events::EventRoute;
use crate::http::{Upstream, UpstreamSpec};
use crate::model::{Endpoint, HostPort, Scheme, Side};
use crate::requests::failover::Watch;
use crate::requests::{FarEnd, RelayRoute, RequestRoute, Sides};
use crate::telemetry::{Flow, UpstreamRole};
use crate::tls::UpstreamTls;
use crate::tls::outbound::UnfitHost;

impl Build<'_> {
    pub(super) fn requests(
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
                (&requests.failover, has_b, watch),
                self.workshop.clock.clone(),
                Arc::clone(&self.workshop.counters),
                (self.workshop.side_events)(parts.id),
            )),
        };
        parts.sides = Some(Arc::clone(&sides));
        let key_of = |side: Side, endpoint: &Endpoint, parts: &SystemParts| UpstreamKey {
            role: UpstreamRole::Side(side),
            target: endpoint.target.clone(),
            dialled: endpoint.target.clone(),
            // In passthrough TLS is the ends' own; only a TLS probe speaks it here.
            tls: fingerprint(endpoint.scheme, parts)
                .filter(|_| requests.mode.ends_tls() || requests.probe.kind == ProbeKind::Tls),
            connect_timeout: requests.connect_timeout,
            response_timeout: requests.response_timeout,
            pool_idle: requests.pool_idle,
        };
        let key_a = key_of(Side::A, &requests.side_a, parts);
        let key_b = requests
            .side_b
            .as_ref()
            .map(|endpoint| key_of(Side::B, endpoint, parts));
        parts.reached_by = [Some(key_a.clone()), key_b.clone()];
        let Some(side_a) = self.upstream(key_a, system, previous, parts) else {
            return;
        };
        let side_b = key_b.and_then(|key| self.upstream(key, system, previous, parts));
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
            RequestMode::Passthrough => Service::Relay(Arc::new(RelayRoute {
                flow: Flow::Passthrough,
                sides,
                side_a: FarEnd::Untouched(requests.side_a.target.clone()),
                side_b: requests
                    .side_b
                    .as_ref()
                    .map(|endpoint| FarEnd::Untouched(endpoint.target.clone())),
                connect_timeout: requests.connect_timeout,
                idle_timeout: requests.response_timeout,
            })),
            RequestMode::Relay => Service::Relay(Arc::new(RelayRoute {
                flow: Flow::Relay,
                sides,
                side_a: FarEnd::Upstream(side_a),
                side_b: side_b.map(FarEnd::Upstream),
                connect_timeout: requests.connect_timeout,
                idle_timeout: requests.response_timeout,
            })),
        };
        let acceptor = if requests.mode.ends_tls() {
            parts.acceptors.requests.clone()
        } else {
            None
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
                    let hint = "name a readable file, or remove the key for an empty SOAP body";
                    let (why, hint) = sandbox::why(&file.path, Rights::Read, &error, hint);
                    let what = format!("the body of the SOAP probe cannot be read: {why}");
                    let problem = Problem::error(file.place.clone(), what, hint);
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

    pub(super) fn events(
        &mut self,
        system: &SystemSettings,
        events: &EventSettings,
        previous: Option<&SystemParts>,
        parts: &mut SystemParts,
    ) {
        let key_of = |target: &HostPort, scheme: Scheme, parts: &SystemParts| UpstreamKey {
            role: UpstreamRole::Crm,
            target: target.clone(),
            dialled: events.via.clone().unwrap_or_else(|| target.clone()),
            tls: fingerprint(scheme, parts),
            connect_timeout: events.connect_timeout,
            response_timeout: events.response_timeout,
            pool_idle: events.pool_idle,
        };
        let mut crm = None;
        if let Some(fixed) = &events.crm {
            let key = key_of(&fixed.target, fixed.scheme, parts);
            crm = self.upstream(key, system, previous, parts);
        }
        // The token SSL speaks for the whole system: what the forward-proxy form names is secured
        // in the same way as a fixed target. That there is a connector says nothing: a side may
        // be what needs it.
        let scheme = if events.ssl {
            Scheme::Https
        } else {
            Scheme::Http
        };
        let mut allowed = Vec::new();
        for target in &events.allow {
            let key = key_of(target, scheme, parts);
            allowed.extend(self.upstream(key, system, previous, parts));
        }
        let service = Service::Events(Arc::new(EventRoute {
            system: system.name.clone(),
            crm,
            allowed,
            fault: events.fault,
            client_protocol: events.client_protocol,
        }));
        let acceptor = parts.acceptors.events.clone();
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

    /// The previous generation's upstream if it was built from the same, else a new one.
    fn upstream(
        &mut self,
        key: UpstreamKey,
        system: &SystemSettings,
        previous: Option<&SystemParts>,
        parts: &mut SystemParts,
    ) -> Option<Arc<Upstream>> {
        let known = previous
            .map(|previous| previous.upstreams.as_slice())
            .unwrap_or_default();
        let own = known
            .iter()
            .chain(&parts.upstreams)
            .find(|(own, _)| *own == key);
        let upstream = match own {
            Some((_, upstream)) => Arc::clone(upstream),
            None => match self.new_upstream(&key, system, parts) {
                Ok(upstream) => Arc::new(upstream),
                Err(unfit) => {
                    let place = Place::file(&system.source);
                    let hint =
                        "name the host as its certificate does, in ASCII (xn--...) where needed";
                    self.problems
                        .push(Problem::error(place, unfit.to_string(), hint));
                    return None;
                }
            },
        };
        parts.upstreams.push((key, Arc::clone(&upstream)));
        Some(upstream)
    }

    fn new_upstream(
        &self,
        key: &UpstreamKey,
        system: &SystemSettings,
        parts: &SystemParts,
    ) -> Result<Upstream, UnfitHost> {
        let connector = key.tls.and(parts.connector.as_ref());
        let uses = connector.map(|_| {
            let servers = &self.workshop.servers;
            servers.of(system.name.as_str(), &key.target)
        });
        let noted = |tls: UpstreamTls| match &uses {
            Some(uses) => tls.noted_in(Arc::clone(uses)),
            None => tls,
        };
        let tls = connector.map(|connector| connector.for_upstream(&key.target));
        let probe_tls = connector.map(|connector| connector.for_probe(&key.target));
        Ok(Upstream::new(UpstreamSpec {
            system: system.name.clone(),
            role: key.role,
            target: key.target.clone(),
            dialled: key.dialled.clone(),
            tls: tls.transpose()?.map(noted),
            probe_tls: probe_tls.transpose()?.map(noted),
            connect_timeout: key.connect_timeout,
            response_timeout: key.response_timeout,
            pool_idle: key.pool_idle,
        }))
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
