//! The backend: what stands behind every server, as the connector and, with TLS, as SAP CRM.
//!
//! One thread; the same answers to everybody. It prints its addresses, and ends with its input.

use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::server::{ServerSessionMemoryCache, WebPkiClientVerifier};
use rustls::{Connection, HandshakeKind, RootCertStore, ServerConfig, ServerConnection};

use crate::suites;
use crate::traffic::{HANDSHAKES, Target, certificates};
use crate::wire::{Channel, Poll, Scratch, head};

/// Where the backend listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    /// The connector's side A.
    pub a: SocketAddr,
    /// Its side B, which nobody should need.
    pub b: SocketAddr,
    /// SAP CRM's receiver of events, with TLS in both directions.
    pub crm: SocketAddr,
}

impl Addresses {
    /// Reads what the backend has printed.
    pub fn read(line: &str) -> Option<Self> {
        let mut all = line.split_whitespace().map(str::parse);
        let mut next = || all.next()?.ok();
        Some(Self {
            a: next()?,
            b: next()?,
            crm: next()?,
        })
    }
}

/// Serves for ever, with certificates of this folder.
pub fn serve(folder: &Path) -> io::Result<()> {
    let mut listeners = Vec::new();
    for _ in 0..3 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        listeners.push(listener);
    }
    let mut out = io::stdout().lock();
    for listener in &listeners {
        write!(out, "{} ", listener.local_addr()?)?;
    }
    writeln!(out)?;
    out.flush()?;
    drop(out);
    Backend {
        listeners,
        poll: Poll::new()?,
        peers: Vec::new(),
        free: Vec::new(),
        common: Common {
            answers: [Target::Soap, Target::Large, Target::Huge].map(Target::answer),
            scratch: Scratch::new(),
            handshakes: [0, 0],
        },
        tls: Arc::new(crm(folder)),
    }
    .run()
}

/// SAP CRM's TLS: it asks for a certificate, and lets its callers resume.
fn crm(folder: &Path) -> ServerConfig {
    let mut roots = RootCertStore::empty();
    for authority in certificates(&folder.join("rsa-ca.pem")) {
        roots.add(authority).expect("an authority");
    }
    let provider = suites::provider();
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build();
    let key = PrivateKeyDer::from_pem_file(folder.join("rsa-server.key")).expect("a key");
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("both versions")
        .with_client_cert_verifier(verifier.expect("a verifier"))
        .with_single_cert(certificates(&folder.join("rsa-server.pem")), key)
        .expect("a certificate and its key");
    config.session_storage = ServerSessionMemoryCache::new(SESSIONS);
    config.ticketer = Ticketer::new().expect("keys");
    config
}

/// `ssl/server_cache_size` of an ICM.
const SESSIONS: usize = 8000;

#[derive(Debug)]
struct Backend {
    listeners: Vec<TcpListener>,
    poll: Poll,
    peers: Vec<Option<Peer>>,
    free: Vec<usize>,
    common: Common,
    tls: Arc<ServerConfig>,
}

/// What all connections share.
#[derive(Debug)]
struct Common {
    answers: [Vec<u8>; 3],
    scratch: Scratch,
    /// Full ones and resumed ones.
    handshakes: [u64; 2],
}

impl Backend {
    fn run(mut self) -> io::Result<()> {
        for (number, listener) in self.listeners.iter().enumerate() {
            self.poll.add_input(listener, number)?;
        }
        let mut ready = Vec::new();
        loop {
            self.poll.wait(None, &mut ready)?;
            for &number in &ready {
                match number.checked_sub(self.listeners.len()) {
                    None => self.accept(number)?,
                    Some(at) => self.wake(at),
                }
            }
        }
    }

    fn accept(&mut self, listener: usize) -> io::Result<()> {
        // The last one is SAP CRM's.
        let is_tls = listener + 1 == self.listeners.len();
        while let Ok((tcp, _from)) = self.listeners[listener].accept() {
            tcp.set_nonblocking(true)?;
            tcp.set_nodelay(true)?;
            let at = self.free.pop().unwrap_or(self.peers.len());
            if at == self.peers.len() {
                self.peers.push(None);
            }
            self.poll.add(&tcp, at + self.listeners.len())?;
            self.peers[at] = Some(Peer::new(tcp, is_tls.then_some(&self.tls)));
        }
        Ok(())
    }

    fn wake(&mut self, at: usize) {
        let Some(peer) = &mut self.peers[at] else {
            return;
        };
        peer.channel.awake();
        let goes_on = peer.serve(&mut self.common);
        if !goes_on.unwrap_or(false) {
            self.peers[at] = None;
            self.free.push(at);
        }
    }
}

/// One connection.
#[derive(Debug)]
struct Peer {
    channel: Channel,
    is_new: bool,
    head: Vec<u8>,
    /// Bytes of a request's body that are still to come.
    left: u64,
    answer: Option<Answer>,
    sent: usize,
}

#[derive(Debug, Clone)]
enum Answer {
    /// One of the common ones.
    Common(usize),
    /// To whoever looks after its health.
    Own(Vec<u8>),
    /// After it the connection ends.
    Last(Vec<u8>),
}

impl Peer {
    fn new(tcp: TcpStream, tls: Option<&Arc<ServerConfig>>) -> Self {
        let tls = tls.map(|config| {
            let connection = ServerConnection::new(Arc::clone(config));
            Connection::from(connection.expect("a configuration that is whole"))
        });
        Self {
            channel: Channel::new(tcp, tls),
            is_new: true,
            head: Vec::new(),
            left: 0,
            answer: None,
            sent: 0,
        }
    }

    /// Goes on as far as it can without waiting. `false`: the connection is over.
    fn serve(&mut self, common: &mut Common) -> io::Result<bool> {
        if self.is_new {
            if !self.channel.handshake(&mut common.scratch)? {
                return Ok(true);
            }
            self.is_new = false;
            match self.channel.handshake_kind() {
                None => {}
                Some(HandshakeKind::Resumed) => common.handshakes[1] += 1,
                Some(_) => common.handshakes[0] += 1,
            }
        }
        loop {
            if let Some(answer) = &self.answer {
                let bytes = match answer {
                    Answer::Common(which) => &common.answers[*which],
                    Answer::Own(bytes) | Answer::Last(bytes) => bytes,
                };
                if !self.channel.send(bytes, &mut self.sent)? {
                    return Ok(true);
                }
                if matches!(answer, Answer::Last(_)) {
                    return Ok(false);
                }
                (self.answer, self.sent) = (None, 0);
            }
            let Some(count) = self.channel.receive(&mut common.scratch)? else {
                return Ok(true);
            };
            if count == 0 {
                return Ok(false);
            }
            self.take(count, common);
        }
    }

    /// Takes what has come. Callers wait for the answer before they ask again.
    fn take(&mut self, count: usize, common: &Common) {
        if self.left > 0 {
            self.left = self.left.saturating_sub(count as u64);
        } else {
            self.head.extend_from_slice(common.scratch.received(count));
            let Some(end) = head::end(&self.head) else {
                return;
            };
            let body = (self.head.len() - end) as u64;
            let length = head::content_length(&self.head[..end]).unwrap_or(0);
            self.left = length.saturating_sub(body);
        }
        if self.left == 0 {
            self.answer = Some(answer_to(&self.head, common.handshakes));
            self.head.clear();
        }
    }
}

fn answer_to(request: &[u8], handshakes: [u64; 2]) -> Answer {
    let path = head::path(request);
    if path == HANDSHAKES.as_bytes() {
        let [full, resumed] = handshakes;
        let text = format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{full} {resumed}");
        return Answer::Last(text.into_bytes());
    }
    if request.starts_with(b"HEAD ") {
        let text = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        return Answer::Own(text.to_vec());
    }
    Answer::Common(match Target::of(path) {
        Target::Soap => 0,
        Target::Large => 1,
        Target::Huge => 2,
    })
}
