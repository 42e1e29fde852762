//! [`Caller`]: one caller with one connection that sends one message after the other.

use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, HandshakeKind};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_rustls::TlsConnector;

use super::envelope;
use super::ledger::{Ending, Ledger, MessageId};
use super::wire::{Breach, HttpVersion, RequestHead, Response, read_response};

/// Whom a caller calls, and how.
#[derive(Debug, Clone)]
pub struct CallerSpec {
    /// Where the TCP connection goes.
    pub target: SocketAddr,
    /// TLS, and the name that the server has to prove. Callers that share the configuration share
    /// its cache of sessions.
    pub tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    /// The version of HTTP.
    pub version: HttpVersion,
    /// The path, or a whole URL for the forward-proxy form.
    pub path: String,
    /// The `Host` field.
    pub host: String,
    /// A connection that was unused for so long is closed.
    pub idle: Duration,
    /// How long connecting, and how long the answer to a message may take.
    pub patience: Duration,
}

/// What callers have counted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CallerFigures {
    /// Connections that were opened.
    pub connections: u64,
    /// TLS handshakes from the beginning.
    pub full: u64,
    /// TLS handshakes that resumed a session.
    pub resumed: u64,
    /// Connections or handshakes that failed.
    pub failed: u64,
    /// The certificate that the server showed last.
    pub server_certificate: Option<CertificateDer<'static>>,
}

/// One caller. It never sends a message twice, whatever happens to the first attempt.
#[derive(Debug)]
pub struct Caller {
    spec: Arc<CallerSpec>,
    ledger: Ledger,
    counts: Arc<CallerCounts>,
    line: Option<Line>,
}

impl Caller {
    /// A caller without a connection yet, with figures of its own.
    pub fn new(spec: CallerSpec, ledger: Ledger) -> Self {
        Self::of_crew(Arc::new(spec), ledger, Arc::default())
    }

    pub(super) fn of_crew(
        spec: Arc<CallerSpec>,
        ledger: Ledger,
        counts: Arc<CallerCounts>,
    ) -> Self {
        Self {
            spec,
            ledger,
            counts,
            line: None,
        }
    }

    /// Sends an agent's request and returns what became of it, as it stands in the ledger.
    pub async fn call(&mut self) -> Ending {
        self.send(|id| envelope::request(id, 1)).await
    }

    /// Sends one message and enters it and its end in the ledger.
    pub(super) async fn send(&mut self, body: impl FnOnce(MessageId) -> String) -> Ending {
        let id = self.ledger.sent();
        let ending = match self.exchange(&body(id)).await {
            Ok(response) => judge(id, &response),
            Err(breach) => Ending::Broken(breach.to_string()),
        };
        self.ledger.ended(id, ending.clone());
        ending
    }

    /// Waits. Meanwhile the connection is watched: one that the far end closes is given up, one
    /// that is idle for too long is closed.
    pub(super) async fn rest(&mut self, until: Instant) {
        loop {
            let Some(line) = &mut self.line else {
                return sleep_until(until).await;
            };
            let idle_end = line.idle_since + self.spec.idle;
            let mut byte = [0];
            tokio::select! {
                () = sleep_until(until.min(idle_end)) => {
                    if until <= idle_end {
                        return;
                    }
                    self.hang_up().await;
                }
                _closed_or_out_of_turn = line.stream.read(&mut byte) => self.line = None,
            }
        }
    }

    /// Closes the connection in order.
    pub async fn hang_up(&mut self) {
        if let Some(mut line) = self.line.take() {
            let _gone_already = timeout(GOODBYE_LIMIT, line.stream.shutdown()).await;
        }
    }

    /// Whether there is a connection that the next message would use.
    pub const fn is_connected(&self) -> bool {
        self.line.is_some()
    }

    /// What was counted so far.
    pub fn figures(&self) -> CallerFigures {
        self.counts.figures()
    }

    async fn exchange(&mut self, body: &str) -> Result<Response, Breach> {
        let mut line = match self.line.take() {
            Some(line) => line,
            None => self.dial().await?,
        };
        let head = RequestHead {
            version: self.spec.version,
            target: &self.spec.path,
            host: &self.spec.host,
            body_length: body.len(),
        };
        let mut text = head.to_text();
        text.push_str(body);
        let exchange = async {
            line.stream
                .write_all(text.as_bytes())
                .await
                .map_err(Breach::Write)?;
            line.stream.flush().await.map_err(Breach::Write)?;
            read_response(&mut line.stream, &mut line.buffer, self.spec.version).await
        };
        let response = timeout(self.spec.patience, exchange)
            .await
            .map_err(|_elapsed| Breach::TimedOut)??;
        if response.keeps {
            line.idle_since = Instant::now();
            self.line = Some(line);
        } else {
            let _gone_already = timeout(GOODBYE_LIMIT, line.stream.shutdown()).await;
        }
        Ok(response)
    }

    async fn dial(&self) -> Result<Line, Breach> {
        let dialled = timeout(self.spec.patience, self.connect()).await;
        let result = dialled.unwrap_or(Err(Breach::TimedOut));
        let count = match &result {
            Ok(_) => &self.counts.connections,
            Err(_) => &self.counts.failed,
        };
        count.fetch_add(1, Ordering::Relaxed);
        result
    }

    async fn connect(&self) -> Result<Line, Breach> {
        let tcp = TcpStream::connect(self.spec.target)
            .await
            .map_err(Breach::Dial)?;
        tcp.set_nodelay(true).map_err(Breach::Dial)?;
        let Some((config, name)) = &self.spec.tls else {
            return Ok(Line::new(tcp));
        };
        let connector = TlsConnector::from(Arc::clone(config));
        let stream = connector
            .connect(name.clone(), tcp)
            .await
            .map_err(Breach::Handshake)?;
        let (_, session) = stream.get_ref();
        self.counts
            .handshake(session.handshake_kind(), session.peer_certificates());
        Ok(Line::new(stream))
    }
}

/// What the answer to a message means.
fn judge(id: MessageId, response: &Response) -> Ending {
    if let Some(fault) = envelope::gateway_fault_in(&response.body) {
        return Ending::Reported {
            code: fault.code,
            outcome: fault.outcome,
        };
    }
    match envelope::id_in(&response.body) {
        Some(named) if named != id => Ending::Broken(Breach::WrongId.to_string()),
        Some(_) if envelope::is_fault(&response.body) => Ending::Faulted,
        Some(_) if response.status == 200 => Ending::Answered,
        Some(_) | None => Ending::Broken(Breach::Foreign(response.status).to_string()),
    }
}

/// The close of a connection is a courtesy; nobody waits long for it.
const GOODBYE_LIMIT: Duration = Duration::from_secs(1);

/// Counts that several callers share.
#[derive(Debug, Default)]
pub(super) struct CallerCounts {
    connections: AtomicU64,
    full: AtomicU64,
    resumed: AtomicU64,
    failed: AtomicU64,
    server_certificate: Mutex<Option<CertificateDer<'static>>>,
}

impl CallerCounts {
    pub(super) fn figures(&self) -> CallerFigures {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let certificate = self.server_certificate.lock();
        CallerFigures {
            connections: read(&self.connections),
            full: read(&self.full),
            resumed: read(&self.resumed),
            failed: read(&self.failed),
            server_certificate: certificate.unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    fn handshake(&self, kind: Option<HandshakeKind>, chain: Option<&[CertificateDer<'static>]>) {
        let count = match kind {
            Some(HandshakeKind::Resumed) => &self.resumed,
            Some(HandshakeKind::Full | HandshakeKind::FullWithHelloRetryRequest) | None => {
                &self.full
            }
        };
        count.fetch_add(1, Ordering::Relaxed);
        if let Some(certificate) = chain.and_then(<[_]>::first) {
            let seen = self.server_certificate.lock();
            *seen.unwrap_or_else(PoisonError::into_inner) = Some(certificate.clone());
        }
    }
}

/// Plain or TLS: to a caller it is the same.
trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Sync + Unpin> Stream for S {}

struct Line {
    stream: Box<dyn Stream>,
    buffer: Vec<u8>,
    idle_since: Instant,
}

impl Line {
    fn new(stream: impl Stream + 'static) -> Self {
        Self {
            stream: Box::new(stream),
            buffer: Vec::new(),
            idle_since: Instant::now(),
        }
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Line")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(status: u16, body: &str) -> Ending {
        let response = Response {
            status,
            body: body.as_bytes().to_vec(),
            keeps: true,
        };
        judge(MessageId(7), &response)
    }

    #[test]
    fn only_a_good_answer_that_names_the_message_counts() {
        assert_eq!(judged(200, "<id>7</id>"), Ending::Answered);
        let broken = |text: &str| Ending::Broken(text.to_owned());
        assert_eq!(
            judged(200, "<id>8</id>"),
            broken("the answer names another message")
        );
        for (status, body) in [(502, "<html/>"), (502, "<id>7</id>")] {
            let expected =
                broken("the answer has status 502 and does not name the message as done");
            assert_eq!(judged(status, body), expected);
        }
    }

    #[test]
    fn a_report_of_the_gateway_is_told_from_a_fault_of_the_receiver() {
        let report = "<s:Fault><g:error code=\"GW-504-SIDE-DOWN\" outcome=\"partly-sent\"/>";
        let expected = Ending::Reported {
            code: "GW-504-SIDE-DOWN".to_owned(),
            outcome: crate::model::Outcome::PartlySent,
        };
        assert_eq!(judged(500, report), expected);
        assert_eq!(
            judged(500, "<s:Fault><id>7</id></s:Fault>"),
            Ending::Faulted
        );
    }
}
