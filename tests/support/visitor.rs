//! [`Visitor`]: a client that keeps its session, and offers it at whichever door a test tells it
//! to, with rustls or with OpenSSL.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use crmgate::certs::issue::Issued;
use rustls::client::{
    ClientSessionStore, Resumption, Tls12ClientSessionValue, Tls13ClientSessionValue,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, NamedGroup, RootCertStore, SupportedProtocolVersion};
use tokio::time::{Instant, timeout};

use super::openssl::{OpenLine, OpenSsl};
use super::raw::Raw;
use super::until;

/// One version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    Tls12,
    Tls13,
}

impl Version {
    /// As OpenSSL names it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tls12 => "TLSv1.2",
            Self::Tls13 => "TLSv1.3",
        }
    }

    /// How OpenSSL is told to speak it alone.
    pub const fn flag(self) -> &'static str {
        match self {
            Self::Tls12 => "-tls1_2",
            Self::Tls13 => "-tls1_3",
        }
    }

    fn only(self) -> &'static [&'static SupportedProtocolVersion] {
        match self {
            Self::Tls12 => &ONLY_12,
            Self::Tls13 => &ONLY_13,
        }
    }
}

static ONLY_12: [&SupportedProtocolVersion; 1] = [&rustls::version::TLS12];
static ONLY_13: [&SupportedProtocolVersion; 1] = [&rustls::version::TLS13];

/// Whose TLS a client is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Library {
    Rustls,
    OpenSsl,
}

/// How a client takes up its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Way {
    pub library: Library,
    pub version: Version,
    /// Whether the server hands out tickets; else it keeps the sessions itself.
    pub tickets: bool,
}

impl Way {
    /// Both libraries in both versions, at a server with tickets or without.
    pub fn all(tickets: bool) -> [Self; 4] {
        let way = |library, version| Self {
            library,
            version,
            tickets,
        };
        [
            way(Library::Rustls, Version::Tls12),
            way(Library::Rustls, Version::Tls13),
            way(Library::OpenSsl, Version::Tls12),
            way(Library::OpenSsl, Version::Tls13),
        ]
    }
}

/// What became of a connection with one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Visit {
    /// Answered after a handshake from the beginning.
    Full,
    /// Answered after a session was taken up.
    Resumed,
    /// Not answered, and what was seen instead.
    Refused(String),
}

impl Visit {
    pub const fn is_refused(&self) -> bool {
        matches!(self, Self::Refused(_))
    }
}

/// What a client does with its session at a visit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Memory {
    /// Offers none, and keeps what it gets.
    Leave,
    /// Offers the one it has, and keeps nothing.
    Offer,
    /// Offers the one it has, and keeps what it gets.
    Renew,
}

impl Memory {
    pub const fn offers(self) -> bool {
        matches!(self, Self::Offer | Self::Renew)
    }

    pub const fn keeps(self) -> bool {
        matches!(self, Self::Leave | Self::Renew)
    }
}

/// What every visitor asks for.
pub const REQUEST: &str = "POST /ici HTTP/1.1\r\nHost: gw\r\nContent-Type: text/xml\r\n\
                           Connection: close\r\nContent-Length: 9\r\n\r\n<status/>";

/// The same on a connection that stays.
const REQUEST_AND_STAY: &str = "POST /ici HTTP/1.1\r\nHost: gw\r\nContent-Type: text/xml\r\n\
                                Content-Length: 9\r\n\r\n<status/>";

/// One client.
#[derive(Debug)]
pub struct Visitor {
    name: Option<String>,
    request: String,
    client: Client,
}

#[derive(Debug)]
enum Client {
    Rustls(Arc<ClientConfig>, Arc<Pocket>),
    OpenSsl(OpenSsl),
}

impl Visitor {
    /// A client that believes these authorities. Its certificate, if it has one, is shown to every
    /// server that asks, whomever the server names.
    pub fn new(
        library: Library,
        version: Version,
        own: Option<&Issued>,
        trusted: impl AsRef<str>,
    ) -> Self {
        let trusted = trusted.as_ref();
        let client = match library {
            Library::OpenSsl => Client::OpenSsl(OpenSsl::new(version, own, trusted)),
            Library::Rustls => {
                let pocket = Arc::new(Pocket::default());
                let store: Arc<Pocket> = Arc::clone(&pocket);
                let mut config = config(version, own, trusted);
                config.resumption = Resumption::store(store);
                Client::Rustls(Arc::new(config), pocket)
            }
        };
        Self {
            name: None,
            request: REQUEST.to_owned(),
            client,
        }
    }

    /// From now on it asks for this server name, or for none.
    pub fn ask_for(&mut self, name: Option<&str>) {
        self.name = name.map(str::to_owned);
    }

    /// From now on it sends this request at a visit. It has to ask for a close, as the usual one.
    pub fn send(&mut self, request: impl Into<String>) {
        self.request = request.into();
    }

    /// Forgets the sessions that it has and fetches new ones, to be offered so many times. What the
    /// last handshake came to is the answer.
    pub async fn leave(&self, at: SocketAddr, times: usize) -> Visit {
        if let Client::Rustls(_, pocket) = &self.client {
            pocket.empty();
        }
        let mut visit = self.visit(at, Memory::Leave).await;
        if let Client::Rustls(_, pocket) = &self.client {
            // A ticket of TLS 1.3 is for one use; OpenSSL offers the one in its file again.
            while visit == Visit::Full && pocket.is_short_of(times) {
                visit = self.visit(at, Memory::Leave).await;
            }
        }
        visit
    }

    /// Offers a session and keeps nothing of what comes.
    pub async fn offer(&self, at: SocketAddr) -> Visit {
        self.visit(at, Memory::Offer).await
    }

    /// Offers a session and keeps the one that comes.
    pub async fn renew(&self, at: SocketAddr) -> Visit {
        self.visit(at, Memory::Renew).await
    }

    /// One connection with one request.
    pub async fn visit(&self, at: SocketAddr, memory: Memory) -> Visit {
        match &self.client {
            Client::OpenSsl(client) => {
                let name = self.name.as_deref();
                client.visit(at, name, &self.request, memory).await
            }
            Client::Rustls(config, pocket) => {
                pocket.open(Some(memory));
                match self.ask(at, config).await {
                    Ok(resumed) if resumed => Visit::Resumed,
                    Ok(_) => Visit::Full,
                    Err(why) => Visit::Refused(why),
                }
            }
        }
    }

    /// Whether the answered connection resumed, or why there was no answer.
    async fn ask(&self, at: SocketAddr, config: &Arc<ClientConfig>) -> Result<bool, String> {
        let name = self.name.clone().map_or_else(
            || ServerName::from(at.ip()),
            |name| ServerName::try_from(name).expect("a name"),
        );
        let connected = Raw::tls_to(at, name, config).await;
        let mut line = connected.map_err(|error| error.to_string())?;
        let sent = line.send(self.request.as_bytes()).await;
        sent.map_err(|error| error.to_string())?;
        let answer = line
            .answer()
            .await
            .map_err(|broken| format!("{broken:?}"))?;
        let _in_order = line.rest().await;
        if answer.start.starts_with("HTTP/1.1 200 ") {
            Ok(line.resumed)
        } else {
            Err(answer.start)
        }
    }

    /// A connection that stays open, begun with a full handshake, on which one request was answered.
    pub async fn stay(&self, at: SocketAddr) -> Stay {
        self.begin(at, None).await
    }

    /// The same, begun with the session that it has.
    pub async fn stay_on(&self, at: SocketAddr) -> Stay {
        self.begin(at, Some(Memory::Offer)).await
    }

    async fn begin(&self, at: SocketAddr, memory: Option<Memory>) -> Stay {
        let mut stay = match &self.client {
            Client::OpenSsl(client) => Stay::OpenSsl(client.stay(at, memory)),
            Client::Rustls(config, pocket) => {
                pocket.open(memory);
                let name = ServerName::from(at.ip());
                let line = Raw::tls_to(at, name, config).await;
                Stay::Rustls(Box::new(line.expect("a handshake")))
            }
        };
        assert!(stay.ask().await, "the first request is answered");
        assert_eq!(stay.is_resumed(), memory.is_some_and(Memory::offers));
        stay
    }
}

/// A connection that stays open.
#[derive(Debug)]
pub enum Stay {
    Rustls(Box<Raw>),
    OpenSsl(OpenLine),
}

impl Stay {
    /// Whether it began with a session. Known once a request was answered.
    fn is_resumed(&self) -> bool {
        match self {
            Self::Rustls(line) => line.resumed,
            Self::OpenSsl(line) => line.is_resumed(),
        }
    }

    /// Whether one more request is answered.
    pub async fn ask(&mut self) -> bool {
        match self {
            Self::Rustls(line) => {
                let sent = line.send(REQUEST_AND_STAY.as_bytes()).await;
                let answer = line.answer().await;
                sent.is_ok() && answer.is_ok_and(|answer| answer.start.contains(" 200 "))
            }
            Self::OpenSsl(line) => {
                let before = line.answers();
                let sent = line.send(REQUEST_AND_STAY);
                until("an answer or the end has come", || {
                    !sent || line.is_over() || line.answers() > before
                })
                .await;
                line.answers() > before
            }
        }
    }

    /// After what time the far end ends the connection, if it does so within the limit.
    pub async fn ended_within(&mut self, limit: Duration) -> Option<Duration> {
        let since = Instant::now();
        let ended = match self {
            Self::Rustls(line) => timeout(limit, line.rest()).await.is_ok(),
            Self::OpenSsl(line) => {
                let over = until("the connection is over", || line.is_over());
                timeout(limit, over).await.is_ok()
            }
        };
        ended.then(|| since.elapsed())
    }
}

fn config(version: Version, own: Option<&Issued>, trusted: &str) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_slice_iter(trusted.as_bytes()) {
        roots.add(root.expect("PEM")).expect("a root");
    }
    let builder =
        ClientConfig::builder_with_protocol_versions(version.only()).with_root_certificates(roots);
    let Some(own) = own else {
        return builder.with_no_client_auth();
    };
    let mut chain = vec![own.der.clone()];
    let others = CertificateDer::pem_slice_iter(own.chain_pem.as_bytes());
    chain.extend(others.map(|der| der.expect("PEM")));
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(own.key_der.clone()));
    builder.with_client_auth_cert(chain, key).expect("a key")
}

/// The sessions of one rustls client. Whose they are does not count: a client that offers them
/// elsewhere is what the tests are about.
#[derive(Debug, Default)]
struct Pocket(Mutex<Sessions>);

#[derive(Debug, Default)]
struct Sessions {
    memory: Option<Memory>,
    tls12: Option<Tls12ClientSessionValue>,
    tls13: Vec<Tls13ClientSessionValue>,
}

impl Pocket {
    /// What is done with sessions at the next visit. `None`: nothing at all.
    fn open(&self, memory: Option<Memory>) {
        self.lock().memory = memory;
    }

    fn empty(&self) {
        *self.lock() = Sessions::default();
    }

    fn is_short_of(&self, times: usize) -> bool {
        let sessions = self.lock();
        sessions.tls12.is_none() && sessions.tls13.len() < times
    }

    fn lock(&self) -> MutexGuard<'_, Sessions> {
        self.0.lock().expect("whole")
    }
}

impl Sessions {
    fn offers(&self) -> bool {
        self.memory.is_some_and(Memory::offers)
    }

    fn keeps(&self) -> bool {
        self.memory.is_some_and(Memory::keeps)
    }
}

impl ClientSessionStore for Pocket {
    fn set_kx_hint(&self, _server: ServerName<'static>, _group: NamedGroup) {}

    fn kx_hint(&self, _server: &ServerName<'_>) -> Option<NamedGroup> {
        None
    }

    fn set_tls12_session(&self, _server: ServerName<'static>, value: Tls12ClientSessionValue) {
        let mut sessions = self.lock();
        if sessions.keeps() {
            sessions.tls12 = Some(value);
        }
    }

    fn tls12_session(&self, _server: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        let sessions = self.lock();
        sessions.tls12.clone().filter(|_| sessions.offers())
    }

    fn remove_tls12_session(&self, _server: &ServerName<'static>) {}

    fn insert_tls13_ticket(&self, _server: ServerName<'static>, value: Tls13ClientSessionValue) {
        let mut sessions = self.lock();
        if sessions.keeps() {
            sessions.tls13.push(value);
        }
    }

    fn take_tls13_ticket(&self, _server: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        let mut sessions = self.lock();
        if sessions.offers() {
            sessions.tls13.pop()
        } else {
            None
        }
    }
}
