//! [`Upstream`]: one far end that requests go to, and how a connection to it is made.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use tracing::{field, warn};

use crate::model::{ExchangeId, HostPort, Side, SystemName};
use crate::net::{DialError, dial};
use crate::telemetry::{Counters, HandshakeEnd, HandshakeKey, Leg, UpstreamRole, UpstreamTally};
use crate::tls::policy::version_name;
use crate::tls::{Connected, Direction, HandshakeFailure, UpstreamTls, Wire};

/// What an upstream is made of.
#[derive(Debug)]
pub struct UpstreamSpec {
    /// The SAP system that it belongs to, for figures.
    pub system: SystemName,
    /// What it is there.
    pub role: UpstreamRole,
    /// Who is meant: the name in `Host` and in TLS.
    pub target: HostPort,
    /// Where the TCP connection goes: the target, or a proxy in front of it.
    pub dialled: HostPort,
    /// TLS towards the target; `None` is plain HTTP.
    pub tls: Option<UpstreamTls>,
    /// The same for health probes, which share no TLS session with requests.
    pub probe_tls: Option<UpstreamTls>,
    /// TCP and TLS together.
    pub connect_timeout: Duration,
    /// From the last byte of a request to the first of its answer, and between two bytes of it.
    pub response_timeout: Duration,
    /// How long an unused connection is kept.
    pub pool_idle: Duration,
}

/// One far end. Shared by all threads; connections to it belong to one thread each.
#[derive(Debug)]
pub struct Upstream {
    spec: UpstreamSpec,
    /// `Host` for callers that send none.
    host: String,
    id: UpstreamId,
    retired: AtomicBool,
}

/// Tells upstreams apart for the life of the process, so that a connection made to one is never
/// used for another that was configured in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct UpstreamId(u64);

/// Why there is no connection; nothing was sent.
#[derive(Debug)]
pub enum ConnectError {
    /// No TCP connection.
    Dial(DialError),
    /// No TLS.
    Tls(HandshakeFailure),
}

impl ConnectError {
    /// Whether the far end is to blame.
    pub const fn blames_target(&self) -> bool {
        match self {
            Self::Dial(error) => error.blames_target(),
            Self::Tls(_) => true,
        }
    }

    /// What an operator does next.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Dial(error) => error.hint(),
            Self::Tls(failure) => failure.hint(),
        }
    }

    /// What the administrator sees in SAP, if SAP is the far end.
    fn seen_in_sap(&self) -> Option<&'static str> {
        match self {
            Self::Dial(_) => None,
            Self::Tls(failure) => failure.seen_in_sap(),
        }
    }

    /// Says it in the log, for the one who can do something about it.
    pub(super) fn say(&self, spec: &UpstreamSpec, side: Option<Side>, id: ExchangeId, more: u64) {
        let seen_in_sap = self.seen_in_sap().filter(|_| side.is_none());
        warn!(
            %id, side = side.map(field::display), upstream = %spec.target, dialled = %spec.dialled,
            error = %self, hint = self.hint(), seen_in_sap, suppressed = more,
            "no connection, so nothing was sent"
        );
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dial(error) => error.fmt(f),
            Self::Tls(failure) => failure.fmt(f),
        }
    }
}

impl Upstream {
    /// An upstream of its own, even where another one has the same specification.
    pub fn new(spec: UpstreamSpec) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let default_port = if spec.tls.is_some() { 443 } else { 80 };
        let host = if spec.target.port() == default_port {
            let text = spec.target.to_string();
            text.rsplit_once(':')
                .map_or_else(String::new, |(host, _port)| host.to_owned())
        } else {
            spec.target.to_string()
        };
        let id = UpstreamId(NEXT.fetch_add(1, Ordering::Relaxed));
        Self {
            spec,
            host,
            id,
            retired: AtomicBool::new(false),
        }
    }

    /// What it is made of.
    pub const fn spec(&self) -> &UpstreamSpec {
        &self.spec
    }

    /// `Host` for callers that send none.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// No connection to it is kept any more; those in use finish.
    pub fn retire(&self) {
        self.retired.store(true, Ordering::Relaxed);
    }

    /// Whether it belongs to an earlier generation.
    pub fn is_retired(&self) -> bool {
        self.retired.load(Ordering::Relaxed)
    }

    pub(super) const fn id(&self) -> UpstreamId {
        self.id
    }

    /// A new connection, ready for a request, within `connect_timeout`.
    pub async fn connect(&self, counters: &Counters) -> Result<Wire, ConnectError> {
        let own = (self.spec.tls.as_ref(), Leg::Outbound(self.spec.role));
        self.connect_with(own, counters, || ()).await
    }

    /// A connection for a health probe: it shares no TLS session with requests. `host_answered` is
    /// called when there is a TCP connection: what fails later fails at a host that is alive.
    pub async fn connect_for_probe(
        &self,
        counters: &Counters,
        host_answered: impl FnMut(),
    ) -> Result<Wire, ConnectError> {
        let own = (self.spec.probe_tls.as_ref(), Leg::Probe(self.spec.role));
        self.connect_with(own, counters, host_answered).await
    }

    /// Notes something about the connections to it.
    pub(super) fn note(&self, counters: &Counters, note: impl FnOnce(&mut UpstreamTally)) {
        let UpstreamSpec { system, role, .. } = &self.spec;
        counters.traffic.upstream(system, *role, note);
    }

    async fn connect_with(
        &self,
        own: (Option<&UpstreamTls>, Leg),
        counters: &Counters,
        mut host_answered: impl FnMut(),
    ) -> Result<Wire, ConnectError> {
        let deadline = Instant::now() + self.spec.connect_timeout;
        match self
            .connect_once(own, counters, deadline, &mut host_answered)
            .await
        {
            // The server may have had a new certificate for long: a session does not show it. The
            // full handshake does, and nobody has to hear that there was a session in between.
            Err(ConnectError::Tls(failure)) if failure.is_of_a_stale_session() => {
                self.connect_once(own, counters, deadline, &mut host_answered)
                    .await
            }
            other => other,
        }
    }

    async fn connect_once(
        &self,
        (tls, leg): (Option<&UpstreamTls>, Leg),
        counters: &Counters,
        deadline: Instant,
        host_answered: &mut impl FnMut(),
    ) -> Result<Wire, ConnectError> {
        let socket = dial(&self.spec.dialled, deadline)
            .await
            .map_err(ConnectError::Dial)?;
        counters.upstream_opened.inc();
        self.note(counters, |own| match leg {
            Leg::Probe(_) => own.probed = own.probed.wrapping_add(1),
            Leg::Inbound(_) | Leg::Outbound(_) => own.opened = own.opened.wrapping_add(1),
        });
        host_answered();
        let Some(tls) = tls else {
            return Ok(Wire::Plain(socket));
        };
        let began = Instant::now();
        let shaken = match timeout_at(deadline, tls.connect(socket)).await {
            Ok(shaken) => shaken,
            // TCP is there, so the host is up and no firewall drops its packets.
            Err(_elapsed) => Err(HandshakeFailure::timed_out(Direction::Outbound)),
        };
        self.count_handshake(counters, leg, &shaken, began);
        match shaken {
            Ok(connected) => Ok(Wire::dialled(connected)),
            Err(failure) => Err(ConnectError::Tls(failure)),
        }
    }

    fn count_handshake(
        &self,
        counters: &Counters,
        leg: Leg,
        shaken: &Result<Connected, HandshakeFailure>,
        began: Instant,
    ) {
        let (count, end) = match shaken {
            Ok(connected) if connected.resumed => {
                (&counters.handshakes_outbound_resumed, HandshakeEnd::Resumed)
            }
            Ok(_) => (&counters.handshakes_outbound_full, HandshakeEnd::Full),
            Err(failure) => (
                &counters.handshakes_outbound_failed,
                HandshakeEnd::Failed(failure.code()),
            ),
        };
        count.inc();
        let version = shaken.as_ref().ok().map(|own| version_name(own.version));
        let key = HandshakeKey { leg, version, end };
        let traffic = &counters.traffic;
        traffic.handshake(&self.spec.system, key, began.elapsed());
    }
}
