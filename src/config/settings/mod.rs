//! [`Settings`]: what is meant, with every value in range by construction.
//!
//! Two types keep what was written apart from what is meant: a
//! `Document` holds the operator's text with its places, these structs
//! hold values. Nothing behind this room reads ini text again.

use std::path::PathBuf;
use std::time::Duration;

use crate::model::{ListenAddr, SystemName};

mod alarms;
mod flows;
mod rules;
mod tls;
mod traces;

pub use alarms::{AlarmSettings, WebhookSettings, WebhookUrl};
pub use flows::{
    EventSettings, Failback, FailoverSettings, FaultStyle, ProbeKind, ProbeSettings, RequestMode,
    RequestSettings, StaticRouteSettings, TimeOfDay,
};
pub use rules::{ClientRule, ClientRules, DnsPattern, IpRange, Term, folded_uri};
pub use tls::{
    ClientAuth, ClientTls, DropGuard, ExpiredLists, FileRef, IdentityFiles, KeyDigest,
    ListCoverage, OcspSettings, ResponderUrl, Retired, RevocationSettings, ServerTls,
    SessionSettings, Successor, TlsFiles, TlsParameters, TlsVersion, Unanswered,
};
pub use traces::TraceSettings;

/// One configuration directory, read and understood.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// One entry for each `CRMConnectorSAP_<name>.ini`, ordered by name.
    pub systems: Vec<SystemSettings>,
    /// The operator's own listener.
    pub admin: AdminSettings,
    /// Session tickets that gateways share.
    pub tickets: TicketSettings,
    /// Who is told when something is about to end.
    pub alarms: AlarmSettings,
    /// Who is sent what became of exchanges; `None`: nobody, and nothing is recorded.
    pub traces: Option<TraceSettings>,
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
    /// Every address that is listened on, the operator's own included.
    pub fn addresses(&self) -> Vec<ListenAddr> {
        let mut addresses = self.admin.listen.clone();
        for system in &self.systems {
            let requests = system.requests.iter().flat_map(|flow| &flow.listen);
            let events = system.events.iter().flat_map(|flow| &flow.listen);
            let routes = system.static_routes.iter().map(|route| &route.listen);
            addresses.extend(requests.chain(events).chain(routes));
        }
        addresses
    }

    /// Every file that a generation is read from: the ini files and what they name.
    pub fn files(&self) -> Vec<PathBuf> {
        let mut files = self.sources.clone();
        files.extend(self.tickets.secret.iter().map(|file| file.path.clone()));
        if let Some(tls) = &self.admin.tls {
            files.extend(tls.files.all().map(|file| file.path.clone()));
        }
        let webhook = self.alarms.webhook.iter();
        let ca = webhook.filter_map(|webhook| webhook.ca.as_ref());
        files.extend(ca.map(|file| file.path.clone()));
        let traces = self.traces.iter();
        let traces = traces.flat_map(|traces| traces.ca.iter().chain(&traces.headers));
        files.extend(traces.map(|file| file.path.clone()));
        for system in &self.systems {
            let server = system.server_tls.as_ref().map(|tls| &tls.files);
            let client = system.client_tls.as_ref().map(|tls| &tls.files);
            for tls in server.into_iter().chain(client) {
                files.extend(tls.all().map(|file| file.path.clone()));
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

/// `[Admin]`.
#[derive(Debug, Clone, PartialEq)]
pub struct AdminSettings {
    /// `Listen`; empty where there is no admin listener.
    pub listen: Vec<ListenAddr>,
    /// TLS on the addresses that are not loopback ones; there if and only if there is such a one.
    pub tls: Option<ServerTls>,
    /// `TokenFile`; `None` is a place that the system offers.
    pub token_file: Option<FileRef>,
    /// `AllowReader<n>`: who may look, over TLS.
    pub readers: Vec<ClientRule>,
    /// `AllowOperator<n>`: who may look and change, over TLS.
    pub operators: Vec<ClientRule>,
}

/// `[Sessions]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketSettings {
    /// `TicketSecretFile`: what all gateways behind one address know.
    pub secret: Option<FileRef>,
    /// `TicketRotation`: how long one key seals.
    pub rotation: Duration,
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
    /// `StateFile`: what has to be known after a restart; `None` is a place that the system offers.
    pub state_file: Option<FileRef>,
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
    /// `RotateSize`: the file is moved away before it has more bytes than this.
    pub rotate_size: Option<u64>,
    /// `RotateAge`: the file is moved away when it was begun so long ago.
    pub rotate_age: Option<Duration>,
    /// `RotateKeep`: so many of the old files stay.
    pub rotate_keep: usize,
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
    /// is sent to us, or an answer that is taken from us, is cut. A side and the CRM have their
    /// `ResponseTimeout` besides. 0 switches it off.
    pub min_body_rate: u64,
}

impl Limits {
    /// Over how long the rate of a body is judged: long enough for one lost segment and its
    /// retransmissions, short enough that a trickle cannot hold a connection.
    pub const BODY_RATE_WINDOW: Duration = Duration::from_secs(8);
}
