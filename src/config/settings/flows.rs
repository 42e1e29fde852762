//! What the flows are configured with: requests, failover, probes, events, static routes.

use std::time::Duration;

use super::FileRef;
use crate::model::{Endpoint, HostPort, ListenAddr, Side};

/// What the gateway does with requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RequestMode {
    /// TLS ends here; HTTP is understood, judged and sent on.
    Terminate,
    /// TCP only: TLS runs through to the side, untouched.
    Passthrough,
    /// TLS ends here; what is inside goes to the side and is not understood.
    Relay,
}

impl RequestMode {
    /// The word for it in the file.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Terminate => "terminate",
            Self::Passthrough => "passthrough",
            Self::Relay => "relay",
        }
    }

    /// Whether TLS ends at the listener, if there is TLS at all.
    pub const fn ends_tls(self) -> bool {
        match self {
            Self::Terminate | Self::Relay => true,
            Self::Passthrough => false,
        }
    }
}

/// How an answer that the gateway makes itself looks on a SOAP route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FaultStyle {
    /// A SOAP Fault in the caller's SOAP version (1.1: HTTP 500 `text/xml`).
    Soap,
    /// Plain 502, 503 or 504 with a short text.
    Http,
}

/// `[Requests]`: one listener, one or two sides.
#[derive(Debug, Clone, PartialEq)]
pub struct RequestSettings {
    /// `Listen`: one address or several.
    pub listen: Vec<ListenAddr>,
    /// `Mode`.
    pub mode: RequestMode,
    /// `SideA`.
    pub side_a: Endpoint,
    /// `SideB`; without it there is no failover.
    pub side_b: Option<Endpoint>,
    /// `ConnectTimeout`: TCP and TLS to a side, in all, before the other one is tried.
    pub connect_timeout: Duration,
    /// `ResponseTimeout`: from the last byte of the request to the first of the answer.
    pub response_timeout: Duration,
    /// `PoolIdle`: how long a connection to a side is kept unused.
    pub pool_idle: Duration,
    /// `Fault`.
    pub fault: FaultStyle,
    /// `Dechunk`: collect a chunked request and send it with `Content-Length`.
    pub dechunk: bool,
    /// `ForwardedFor`: tell the side the caller's address in `X-Forwarded-For`.
    pub forwarded_for: bool,
    /// `[Failover]`.
    pub failover: FailoverSettings,
    /// `[Probe]`.
    pub probe: ProbeSettings,
}

/// A time of day on the gateway's own clock and zone, in minutes since midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TimeOfDay(pub u16);

/// When the gateway goes back to the preferred side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Failback {
    /// Never by itself.
    Manual,
    /// Once the preferred side has been healthy for so long.
    After(Duration),
    /// As soon as the preferred side is healthy, within a daily window (it may cross midnight).
    Window {
        /// First minute of the window.
        from: TimeOfDay,
        /// First minute after the window.
        to: TimeOfDay,
    },
}

/// `[Failover]`: when to move, and when to move back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailoverSettings {
    /// `Preferred`: the side that is active at start.
    pub preferred: Side,
    /// `Fall`: failures in a row, of requests or probes, until a side counts as down.
    pub fall: u32,
    /// `Rise`: good probes in a row until a side counts as up.
    pub rise: u32,
    /// `MinHold`: shortest time between two switches.
    pub min_hold: Duration,
    /// `Failback`, `FailbackHold`, `FailbackWindow`.
    pub failback: Failback,
    /// `MaxSwitches`: automatic switches within `FlapWindow` before the gateway stays and alarms.
    pub max_switches: u32,
    /// `FlapWindow`.
    pub flap_window: Duration,
    /// `HangLimit`: once a side is down, how long a request that it has may have waited before
    /// the caller is told.
    pub hang_limit: Duration,
}

/// What a health probe does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProbeKind {
    /// No probe; only requests tell.
    Off,
    /// A TCP connection.
    Tcp,
    /// A TCP connection and a TLS handshake with our certificate.
    Tls,
    /// An HTTP request; any well-formed answer with an expected status counts.
    Http {
        /// `Method`.
        method: String,
        /// `Path`.
        path: String,
    },
    /// A SOAP call; the answer has to be well-formed HTTP with an expected status.
    Soap {
        /// `Path`.
        path: String,
        /// `SoapAction`.
        action: String,
        /// `SoapBodyFile`; `None` sends an empty SOAP 1.1 body.
        body: Option<FileRef>,
    },
}

/// `[Probe]`: how the sides are watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeSettings {
    /// `Type` with its own keys.
    pub kind: ProbeKind,
    /// `Interval`.
    pub interval: Duration,
    /// `Timeout`: from the dial to the end of the answer's head.
    pub timeout: Duration,
    /// `ExpectStatus`: the HTTP statuses that mean "alive"; empty means any.
    pub expect_status: Vec<std::ops::RangeInclusive<u16>>,
}

/// `[Events]`: the connector's events on their way to SAP CRM.
#[derive(Debug, Clone, PartialEq)]
pub struct EventSettings {
    /// `Listen`.
    pub listen: Vec<ListenAddr>,
    /// `Tls`: the connector speaks TLS to this listener and shows a certificate.
    pub tls: bool,
    /// `Crm`: where every event goes; `None` leaves only the forward-proxy form.
    pub crm: Option<Endpoint>,
    /// `Allow`: targets that the forward-proxy form (`POST http://crm:port/...`) may name.
    pub allow: Vec<HostPort>,
    /// `SSL` of `TpiDllParameter`: what `Allow` names is dialled with TLS.
    pub ssl: bool,
    /// `PROXY=host:port` of `TpiDllParameter`: where the TCP connection goes. TLS still ends at,
    /// and names, the CRM host.
    pub via: Option<HostPort>,
    /// `ConnectTimeout`.
    pub connect_timeout: Duration,
    /// `ResponseTimeout`.
    pub response_timeout: Duration,
    /// `PoolIdle`: shorter than ICM keeps an idle connection, so that we close first.
    pub pool_idle: Duration,
    /// `ClientProtocol`: tell ICM (header `ClientProtocol`) when the connector's leg had another
    /// scheme than ours.
    pub client_protocol: bool,
    /// `Fault`.
    pub fault: FaultStyle,
}

/// One line of `[StaticRoutes]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaticRouteSettings {
    /// The port here (and `Bind`).
    pub listen: ListenAddr,
    /// The CRM host and the port there.
    pub target: HostPort,
    /// `ConnectTimeout`.
    pub connect_timeout: Duration,
    /// `IdleTimeout`: no byte in either direction for so long ends the connection.
    pub idle_timeout: Duration,
}
