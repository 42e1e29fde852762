//! Bytes on a wire, without a client that corrects them: raw TCP, and raw TLS with a chosen
//! version and a chosen certificate.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crmgate::simulate::{PeerTls, TlsRange};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, HandshakeKind};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::PATIENCE;

/// A connection on which a test writes and reads what it likes.
pub struct Raw<S> {
    stream: S,
    unread: Vec<u8>,
}

impl Raw<TcpStream> {
    /// Connects.
    pub async fn tcp(to: SocketAddr) -> Self {
        let stream = patiently(TcpStream::connect(to)).await.expect("connected");
        stream.set_nodelay(true).expect("a live socket");
        Self::over(stream)
    }

    /// Closes with a reset instead of an end.
    pub fn reset(self) {
        self.stream.set_zero_linger().expect("a live socket");
    }
}

impl Raw<TlsStream<TcpStream>> {
    /// Whether the handshake resumed a session.
    pub fn is_resumed(&self) -> bool {
        self.stream.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed)
    }

    /// The certificate that the server showed.
    pub fn server_certificate(&self) -> Vec<u8> {
        let (_, session) = self.stream.get_ref();
        session.peer_certificates().expect("a certificate")[0].to_vec()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Raw<S> {
    /// Takes over a stream.
    pub fn over(stream: S) -> Self {
        Self {
            stream,
            unread: Vec::new(),
        }
    }

    /// Writes.
    pub async fn write(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        patiently(self.stream.write_all(bytes.as_ref())).await?;
        patiently(self.stream.flush()).await
    }

    /// Says that nothing more follows; reading goes on.
    pub async fn finish(&mut self) -> io::Result<()> {
        patiently(self.stream.shutdown()).await
    }

    /// Reads until these bytes have come, and returns everything up to their end.
    pub async fn read_until(&mut self, end: impl AsRef<[u8]>) -> io::Result<Vec<u8>> {
        let end = end.as_ref();
        loop {
            let found = self.unread.windows(end.len()).position(|part| part == end);
            if let Some(at) = found {
                return Ok(self.unread.drain(..at + end.len()).collect());
            }
            if self.fill().await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Reads one answer that has a `Content-Length`: head and body as text.
    pub async fn answer(&mut self) -> io::Result<(String, String)> {
        let head = self.read_until("\r\n\r\n").await?;
        let head = String::from_utf8_lossy(&head).into_owned();
        let length = head
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .and_then(|(_, value)| value.trim().parse().ok());
        let length: usize = length.unwrap_or_default();
        while self.unread.len() < length {
            if self.fill().await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let body: Vec<u8> = self.unread.drain(..length).collect();
        Ok((head, String::from_utf8_lossy(&body).into_owned()))
    }

    /// Reads to the end. A reset is an end too, as a far end that closes with unread data makes it.
    pub async fn read_to_end(&mut self) -> Vec<u8> {
        while self.fill().await.is_ok_and(|count| count > 0) {}
        std::mem::take(&mut self.unread)
    }

    /// Whether nothing comes for so long and the connection stays open: for what must *not*
    /// happen, where there is no condition to wait for.
    pub async fn stays_silent_for(&mut self, time: Duration) -> bool {
        self.unread.is_empty()
            && timeout(time, self.stream.read_buf(&mut self.unread))
                .await
                .is_err()
    }

    async fn fill(&mut self) -> io::Result<usize> {
        patiently(self.stream.read_buf(&mut self.unread)).await
    }
}

/// A client of one certificate, with its session cache.
#[derive(Clone)]
pub struct RawTls(Arc<ClientConfig>);

impl RawTls {
    /// A client as this peer, in these versions of TLS.
    pub fn new(peer: PeerTls, versions: TlsRange) -> Self {
        Self::from_config(peer.speaking(versions).client().expect("a client"))
    }

    /// A client of any other making.
    pub fn from_config(config: ClientConfig) -> Self {
        Self(Arc::new(config))
    }

    /// Connects and shakes hands. In TLS 1.3 a client is done before the server has judged its
    /// certificate: a refusal may only show at the first read.
    pub async fn connect(&self, to: SocketAddr) -> io::Result<Raw<TlsStream<TcpStream>>> {
        let tcp = patiently(TcpStream::connect(to)).await?;
        tcp.set_nodelay(true)?;
        let connector = TlsConnector::from(Arc::clone(&self.0));
        let stream = patiently(connector.connect(ServerName::from(to.ip()), tcp)).await?;
        Ok(Raw::over(stream))
    }
}

/// A SOAP request as ICM writes it, byte for byte.
pub fn icm_request(body: &str) -> String {
    format!(
        "POST /ici HTTP/1.0\r\nhost: gateway\r\ncontent-type: text/xml; charset=utf-8\r\n\
         soapaction: \"\"\r\nconnection: Keep-Alive\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Waits as long as a loaded machine may take, and not longer.
async fn patiently<T>(future: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(PATIENCE, future)
        .await
        .unwrap_or_else(|_late| Err(io::ErrorKind::TimedOut.into()))
}
