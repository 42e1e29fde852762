//! [`Peer`]: whom we call, on which way, and what may be asked there.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::config::Settings;
use crate::config::settings::{
    EventSettings, ProbeKind, ProbeSettings, RequestMode, RequestSettings, SystemSettings,
};
use crate::http::{HeadLimits, Upstream, UpstreamSpec};
use crate::model::{Clock, Endpoint, HostPort, Scheme, Side};
use crate::preflight::Options;
use crate::telemetry::UpstreamRole;
use crate::tls::{Connector, Trial};

/// What somebody is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Side,
    Crm,
    /// The far end of bytes that are not looked into.
    Untouched,
}

/// Whom we call.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) system: String,
    pub(super) title: String,
    pub(super) kind: Kind,
    pub(super) target: HostPort,
    /// Where TCP goes if not to the target.
    pub(super) via: Option<HostPort>,
    pub(super) speech: Speech,
    pub(super) connect_timeout: Duration,
    pub(super) response_timeout: Duration,
    /// What is asked there, if HTTP is ours to speak.
    pub(super) asked: Option<Asked>,
    pub(super) probe: Option<SoapProbe>,
    pub(super) limits: HeadLimits,
}

/// What is spoken on the way.
#[derive(Debug)]
pub(super) enum Speech {
    /// Nothing of ours.
    Unread,
    Plain,
    Tls(Trial),
    /// TLS, and there is no certificate to do it with, or no name to do it for.
    NoTls(String),
}

/// A request without effect, and which statuses are good.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) method: String,
    pub(super) path: String,
    /// Empty: any that does not speak of trouble.
    pub(super) expected: Vec<std::ops::RangeInclusive<u16>>,
}

/// A health probe as the running gateway sends it.
pub(super) struct SoapProbe {
    pub(super) upstream: Upstream,
    pub(super) settings: ProbeSettings,
    pub(super) body: Bytes,
}

impl fmt::Debug for SoapProbe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SoapProbe")
            .field(&self.settings.kind)
            .finish()
    }
}

impl Peer {
    pub(super) const fn speaks_tls(&self) -> bool {
        matches!(self.speech, Speech::Tls(_) | Speech::NoTls(_))
    }

    /// `Host`, as traffic writes it.
    pub(super) fn host(&self) -> String {
        self.target.to_string()
    }
}

/// Everybody whom a system calls.
pub(super) fn of(
    system: &SystemSettings,
    settings: &Settings,
    options: &Options,
    clock: &Clock,
) -> Vec<Peer> {
    let connector = system.client_tls.as_ref();
    let connector = connector
        .and_then(|tls| Connector::build(tls, clock).0)
        .map(Arc::new);
    let from = Source {
        system,
        options,
        connector,
        limits: HeadLimits {
            max_size: settings.limits.max_header_size,
            max_fields: settings.limits.max_headers,
        },
    };
    let mut peers = Vec::new();
    if let Some(requests) = &system.requests {
        peers.extend(from.sides(requests));
    }
    if options.side.is_some() {
        return peers;
    }
    if let Some(events) = &system.events {
        peers.extend(from.crms(events));
    }
    for route in &system.static_routes {
        peers.push(Peer {
            title: format!(
                "{} static route {} to {}",
                system.name, route.listen, route.target
            ),
            connect_timeout: route.connect_timeout,
            response_timeout: route.connect_timeout,
            ..from.peer(Kind::Untouched, &route.target, Speech::Unread)
        });
    }
    peers
}

struct Source<'a> {
    system: &'a SystemSettings,
    options: &'a Options,
    connector: Option<Arc<Connector>>,
    limits: HeadLimits,
}

impl Source<'_> {
    fn peer(&self, kind: Kind, target: &HostPort, speech: Speech) -> Peer {
        Peer {
            system: self.system.name.to_string(),
            title: String::new(),
            kind,
            target: target.clone(),
            via: None,
            speech,
            connect_timeout: Duration::ZERO,
            response_timeout: Duration::ZERO,
            asked: None,
            probe: None,
            limits: self.limits,
        }
    }

    fn speech(&self, scheme: Scheme, target: &HostPort) -> Speech {
        match (scheme, &self.connector) {
            (Scheme::Http, _) => Speech::Plain,
            (Scheme::Https, None) => {
                Speech::NoTls("our own certificate or CA_FILE cannot be used".to_owned())
            }
            (Scheme::Https, Some(connector)) => match connector.for_trial(target) {
                Ok(trial) => Speech::Tls(trial),
                Err(unfit) => Speech::NoTls(unfit.to_string()),
            },
        }
    }

    fn sides(&self, requests: &RequestSettings) -> Vec<Peer> {
        let sides = [
            (Side::A, Some(&requests.side_a)),
            (Side::B, requests.side_b.as_ref()),
        ];
        let wanted = |side: Side| self.options.side.is_none_or(|only| only == side);
        let sides = sides.into_iter().filter_map(|(side, at)| Some((side, at?)));
        let sides = sides.filter(|(side, _)| wanted(*side));
        sides
            .map(|(side, at)| self.side(side, at, requests))
            .collect()
    }

    fn side(&self, side: Side, at: &Endpoint, requests: &RequestSettings) -> Peer {
        let is_untouched = requests.mode == RequestMode::Passthrough;
        let speech = if is_untouched {
            Speech::Unread
        } else {
            self.speech(at.scheme, &at.target)
        };
        let kind = if is_untouched {
            Kind::Untouched
        } else {
            Kind::Side
        };
        let speaks_http = requests.mode == RequestMode::Terminate;
        Peer {
            title: format!("{} side {side} {at}", self.system.name),
            connect_timeout: requests.connect_timeout,
            response_timeout: requests.response_timeout,
            asked: speaks_http.then(|| asked_of_side(&requests.probe)),
            probe: self.probe(side, at, requests).filter(|_| speaks_http),
            ..self.peer(kind, &at.target, speech)
        }
    }

    /// The SOAP probe of a side, where it is to be sent.
    fn probe(&self, side: Side, at: &Endpoint, requests: &RequestSettings) -> Option<SoapProbe> {
        let ProbeKind::Soap { body, .. } = &requests.probe.kind else {
            return None;
        };
        if !self.options.active {
            return None;
        }
        let body = match body {
            Some(file) => Bytes::from(std::fs::read(&file.path).ok()?),
            None => Bytes::from_static(EMPTY_ENVELOPE),
        };
        let tls = match at.scheme {
            Scheme::Http => None,
            Scheme::Https => Some(self.connector.as_ref()?.for_probe(&at.target).ok()?),
        };
        let upstream = Upstream::new(UpstreamSpec {
            system: self.system.name.clone(),
            role: UpstreamRole::Side(side),
            target: at.target.clone(),
            dialled: at.target.clone(),
            tls: tls.clone(),
            probe_tls: tls,
            connect_timeout: requests.connect_timeout,
            response_timeout: requests.response_timeout,
            pool_idle: requests.pool_idle,
        });
        Some(SoapProbe {
            upstream,
            settings: requests.probe.clone(),
            body,
        })
    }

    fn crms(&self, events: &EventSettings) -> Vec<Peer> {
        let fixed = events.crm.iter().map(|crm| (crm.scheme, &crm.target));
        let named_scheme = if events.ssl {
            Scheme::Https
        } else {
            Scheme::Http
        };
        let named = events.allow.iter().map(|target| (named_scheme, target));
        let mut peers: Vec<Peer> = Vec::new();
        for (scheme, target) in fixed.chain(named) {
            if peers.iter().any(|peer| peer.target == *target) {
                continue;
            }
            let name = &self.system.name;
            let at = Endpoint {
                scheme,
                target: target.clone(),
            };
            let through = events.via.as_ref();
            let through = through.map_or_else(String::new, |via| format!(" through PROXY {via}"));
            peers.push(Peer {
                title: format!("{name} SAP CRM {at}{through}"),
                via: events.via.clone(),
                connect_timeout: events.connect_timeout,
                response_timeout: events.response_timeout,
                asked: Some(Asked {
                    method: "HEAD".to_owned(),
                    path: self.options.crm_path.clone(),
                    expected: Vec::new(),
                }),
                ..self.peer(Kind::Crm, target, self.speech(scheme, target))
            });
        }
        peers
    }
}

/// What a SOAP probe sends unless a file says otherwise.
const EMPTY_ENVELOPE: &[u8] =
    b"<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body/></s:Envelope>";

/// The probe's own request where it is one without effect; else the least that is HTTP.
fn asked_of_side(probe: &ProbeSettings) -> Asked {
    match &probe.kind {
        ProbeKind::Http { method, path } => Asked {
            method: method.clone(),
            path: path.clone(),
            expected: probe.expect_status.clone(),
        },
        ProbeKind::Off | ProbeKind::Tcp | ProbeKind::Tls | ProbeKind::Soap { .. } => Asked {
            method: "HEAD".to_owned(),
            path: "/".to_owned(),
            expected: Vec::new(),
        },
    }
}
