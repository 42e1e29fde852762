//! [`Raw`]: a client that sends exactly the bytes it is given.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::PATIENCE;
use super::message::{Broken, Kind, Message, Stream, read_message};

/// One connection. Whatever takes longer than [`PATIENCE`] fails the test.
pub struct Raw {
    stream: Box<dyn Stream>,
    buffer: Vec<u8>,
    /// Whether its TLS handshake resumed a session.
    pub resumed: bool,
    /// The certificate that the server showed.
    pub server: Option<CertificateDer<'static>>,
}

impl std::fmt::Debug for Raw {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Raw")
    }
}

/// How a caller reaches a listener.
#[derive(Debug, Clone)]
pub struct Door {
    pub addr: SocketAddr,
    pub tls: Option<Arc<ClientConfig>>,
}

impl Door {
    /// A connection through this door.
    pub async fn open(&self) -> Raw {
        match &self.tls {
            None => Raw::plain(self.addr).await,
            Some(tls) => Raw::tls(self.addr, tls).await.expect("a handshake"),
        }
    }
}

impl Raw {
    /// A plain connection.
    pub async fn plain(addr: SocketAddr) -> Self {
        Self {
            stream: Box::new(dial(addr).await),
            buffer: Vec::new(),
            resumed: false,
            server: None,
        }
    }

    /// A TLS connection. With TLS 1.3 a server that refuses the client's certificate is noticed at
    /// the first read only.
    pub async fn tls(addr: SocketAddr, config: &Arc<ClientConfig>) -> io::Result<Self> {
        Self::tls_over(dial(addr).await, config).await
    }

    /// The same over a connection that stands already.
    pub async fn tls_over(tcp: TcpStream, config: &Arc<ClientConfig>) -> io::Result<Self> {
        let host = tcp.peer_addr()?.ip();
        Self::handshake(tcp, ServerName::from(host), config).await
    }

    /// A TLS connection that asks for a server by name.
    pub async fn tls_to(
        addr: SocketAddr,
        name: ServerName<'static>,
        config: &Arc<ClientConfig>,
    ) -> io::Result<Self> {
        Self::handshake(dial(addr).await, name, config).await
    }

    async fn handshake(
        tcp: TcpStream,
        name: ServerName<'static>,
        config: &Arc<ClientConfig>,
    ) -> io::Result<Self> {
        let connector = TlsConnector::from(Arc::clone(config));
        let connecting = connector.connect(name, tcp);
        let stream = timeout(PATIENCE, connecting)
            .await
            .expect("the handshake ends")?;
        let session = stream.get_ref().1;
        let resumed = session.handshake_kind() == Some(rustls::HandshakeKind::Resumed);
        let server = session
            .peer_certificates()
            .and_then(<[_]>::first)
            .cloned()
            .map(CertificateDer::into_owned);
        Ok(Self {
            stream: Box::new(stream),
            buffer: Vec::new(),
            resumed,
            server,
        })
    }

    /// Sends bytes.
    pub async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let sending = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        timeout(PATIENCE, sending).await.expect("the bytes leave")
    }

    /// Sends bytes one by one, as far as somebody takes them.
    pub async fn send_split(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if self.send(std::slice::from_ref(byte)).await.is_err() {
                return;
            }
            tokio::task::yield_now().await;
        }
    }

    /// Says that no more comes.
    pub async fn finish(&mut self) {
        let _gone_already = timeout(PATIENCE, self.stream.shutdown()).await;
    }

    /// The next complete answer.
    pub async fn answer(&mut self) -> Result<Message, Broken> {
        self.answer_to(false).await
    }

    /// The next complete answer, of which only the head comes if the request was a `HEAD`.
    pub async fn answer_to(&mut self, to_head: bool) -> Result<Message, Broken> {
        let kind = Kind::Answer { to_head };
        let reading = read_message(&mut self.stream, &mut self.buffer, kind);
        timeout(PATIENCE, reading)
            .await
            .expect("an answer or an end in time")
    }

    /// Everything up to the end of the connection, and whether it ended in order.
    pub async fn rest(&mut self) -> (Vec<u8>, bool) {
        let reading = async {
            loop {
                match self.stream.read_buf(&mut self.buffer).await {
                    Ok(0) => return true,
                    Ok(_) => {}
                    Err(_broken) => return false,
                }
            }
        };
        let in_order = timeout(PATIENCE, reading)
            .await
            .expect("the connection ends in time");
        (std::mem::take(&mut self.buffer), in_order)
    }

    /// Reads exactly so many bytes.
    pub async fn take(&mut self, count: usize) -> Vec<u8> {
        let reading = async {
            while self.buffer.len() < count {
                let read = self.stream.read_buf(&mut self.buffer).await;
                assert!(read.expect("bytes") > 0, "the connection ended early");
            }
        };
        timeout(PATIENCE, reading)
            .await
            .expect("the bytes come in time");
        self.buffer.drain(..count).collect()
    }
}

async fn dial(addr: SocketAddr) -> TcpStream {
    let tcp = timeout(PATIENCE, TcpStream::connect(addr))
        .await
        .expect("a connection in time")
        .expect("a connection");
    tcp.set_nodelay(true).expect("a live connection");
    tcp
}
