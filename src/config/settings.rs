//! [`Settings`]: what is meant, with every value in range by construction.
//!
//! Two types keep what was written apart from what is meant: a
//! `Document` holds the operator's text with its places, these structs
//! hold values. Nothing behind this room reads ini text again.

use std::path::PathBuf;
use std::time::Duration;

use crate::config::problem::Place;
use crate::model::{Endpoint, HostPort, ListenAddr, Side, SystemName};

/// One configuration directory, read and understood.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// One entry for each `CRMConnectorSAP_<name>.ini`, ordered by name.
    pub systems: Vec<SystemSettings>,
    /// Threads, drain, file watch.
    pub runtime: RuntimeSettings,
    /// What is written to the log, and how.
    pub log: LogSettings,
    /// What one peer, and all of them, may take.
    pub limits: Limits,
    /// Every ini file that was read, so that a change of one is noticed.
    pub sources: Vec<PathBuf>,
}

impl Settings {
    /// Every file that a generation is read from: the ini files and what they name.
    pub fn files(&self) -> Vec<PathBuf> {
        let mut files = self.sources.clone();
        for system in &self.systems {
            let server = system.server_tls.as_ref().map(|tls| &tls.files);
            let client = system.client_tls.as_ref().map(|tls| &tls.files);
            for tls in server.into_iter().chain(client) {
                files.extend(tls.paths());
            }
            if let Some(RequestSettings {
                probe: ProbeSettings { kind, .. },
                ..
            }) = &system.requests
                && let ProbeKind::Soap {
                    body: Some(body), ..
                } = kind
            {
                files.push(body.path.clone());
            }
        }
        files.sort_unstable();
        files.dedup();
        files
    }
}

/// One SAP system: its own listeners, sides, identity and trust.
#[derive(Debug, Clone, PartialEq)]
pub struct SystemSettings {
    /// From the file's name.
    pub name: SystemName,
    /// The file.
    pub source: PathBuf,
    /// How connections from SAP CRM (and from a connector, where the event listener asks for it)
    /// are secured. `None`: `TpiDllParameter` lacks `SSL`, so the listeners speak plain HTTP.
    pub server_tls: Option<ServerTls>,
    /// How connections to the CRM and to `https://` sides are secured. `None` when there is none.
    pub client_tls: Option<ClientTls>,
    /// Flow 1: SAP CRM to the connector.
    pub requests: Option<RequestSettings>,
    /// Flow 2: the connector's events to SAP CRM.
    pub events: Option<EventSettings>,
    /// Flow 2 over a proxy host: bytes of port xy to port xy of the CRM host.
    pub static_routes: Vec<StaticRouteSettings>,
}

/// A file that a key names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRef {
    /// The value as written.
    pub written: String,
    /// The path it resolves to.
    pub path: PathBuf,
    /// The key, for messages about the file's content.
    pub place: Place,
}

/// Certificate and key of the gateway, as files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdentityFiles {
    /// `PEM_FILE`: both in one file, in either order.
    Combined(FileRef),
    /// `CRT_FILE` and `KEY_FILE`.
    Pair {
        /// `CRT_FILE`: the certificate, then any intermediates.
        certificate: FileRef,
        /// `KEY_FILE`: the private key.
        key: FileRef,
    },
}

/// Files that one TLS role needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// `CA_FILE`: whom to believe. A bundle is allowed.
    pub ca: FileRef,
    /// Who we are.
    pub identity: IdentityFiles,
    /// `KEY_PASSPHRASE_FILE`: opens an encrypted key.
    pub passphrase: Option<FileRef>,
}

impl TlsFiles {
    /// The files' paths.
    fn paths(&self) -> impl Iterator<Item = PathBuf> {
        let identity = match &self.identity {
            IdentityFiles::Combined(pem) => [Some(pem), None],
            IdentityFiles::Pair { certificate, key } => [Some(certificate), Some(key)],
        };
        let all = identity
            .into_iter()
            .flatten()
            .chain([&self.ca])
            .chain(&self.passphrase);
        all.map(|file| file.path.clone())
    }
}

/// A TLS protocol version that is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TlsVersion {
    /// TLS 1.2.
    V1_2,
    /// TLS 1.3.
    V1_3,
}

/// Protocol versions and cipher suites of one role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsParameters {
    /// `MIN_VERSION`.
    pub min: TlsVersion,
    /// `MAX_VERSION`.
    pub max: TlsVersion,
    /// `CIPHERSUITES` in SAP's own syntax, with its place; `None` means all that are safe.
    pub cipher_suites: Option<(String, Place)>,
}

/// Whether a client has to show a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClientAuth {
    /// No certificate, no connection (SAP: `VCLIENT=2`).
    Require,
    /// A certificate is asked for; one that is shown has to be valid (SAP: `VCLIENT=1`).
    Request,
    /// No certificate is asked for (SAP: `VCLIENT=0`).
    None,
}

/// Session resumption on our listeners.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionSettings {
    /// How long a session may be resumed.
    pub lifetime: Duration,
    /// Sessions kept for clients that resume by session id.
    pub cache_size: usize,
    /// Whether stateless tickets are handed out.
    pub tickets: bool,
}

/// The listening role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerTls {
    /// Certificate, key, trust.
    pub files: TlsFiles,
    /// Versions and suites.
    pub parameters: TlsParameters,
    /// `CLIENT_AUTH`.
    pub client_auth: ClientAuth,
    /// Session resumption.
    pub session: SessionSettings,
}

/// The dialling role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientTls {
    /// Certificate, key, trust.
    pub files: TlsFiles,
    /// Versions and suites.
    pub parameters: TlsParameters,
    /// `LEGACY_CN_MATCH`: accept a server certificate without any subject alternative name whose
    /// common name is the host's. Off unless asked for; loud when on.
    pub legacy_cn_match: bool,
}

/// What the gateway does with requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RequestMode {
    /// TLS ends here; HTTP is understood, judged and sent on.
    Terminate,
    /// TCP only: TLS runs through to the side, untouched.
    Passthrough,
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

/// `[Runtime]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuntimeSettings {
    /// `Threads`.
    pub threads: usize,
    /// `DrainTimeout`: how long a stop waits for what is in flight.
    pub drain_timeout: Duration,
    /// `Watch`: reload by itself when a file has changed.
    pub watch: bool,
    /// `WatchInterval`: files are read again so often even if the system reported no change.
    pub watch_interval: Duration,
}

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// `[Log]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    /// `Format`.
    pub format: LogFormat,
    /// `Level`: a level, or a filter in the syntax of `tracing`.
    pub level: String,
    /// `File`; `None` is standard output.
    pub file: Option<PathBuf>,
    /// `Access`: one line for each exchange or relayed connection.
    pub access: bool,
    /// `Throttle`: lines a second that one kind of network event may cause.
    pub throttle: u32,
}

/// `[Limits]`: what one peer, and all of them, may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// `MaxConnections`: accepted connections in all.
    pub max_connections: usize,
    /// `MaxConnectionsPerAddress`.
    pub max_connections_per_address: usize,
    /// `MaxHandshakes`: TLS handshakes in progress in all.
    pub max_handshakes: usize,
    /// `MaxHandshakesPerAddress`.
    pub max_handshakes_per_address: usize,
    /// `HandshakeTimeout`: from the accept to the end of the handshake.
    pub handshake_timeout: Duration,
    /// `HeaderTimeout`: from the first byte of a request to the end of its head.
    pub header_timeout: Duration,
    /// `IdleTimeout`: how long a kept connection may stay without a request.
    pub idle_timeout: Duration,
    /// `MaxHeaderSize`: bytes of a head.
    pub max_header_size: usize,
    /// `MaxHeaders`: fields in a head.
    pub max_headers: usize,
    /// `MaxBodySize`: bytes of a request's body.
    pub max_body_size: u64,
    /// `MaxBufferedBody`: bytes that are collected where a length has to be known first.
    pub max_buffered_body: usize,
    /// `MinBodyRate`: bytes a second, over [`Limits::BODY_RATE_WINDOW`], below which a body that
    /// is sent to us, or an answer that is taken from us, is cut. 0 switches it off.
    pub min_body_rate: u64,
}

impl Limits {
    /// Over how long the rate of a body is judged: long enough for one lost segment and its
    /// retransmissions, short enough that a trickle cannot hold a connection.
    pub const BODY_RATE_WINDOW: Duration = Duration::from_secs(8);
}
