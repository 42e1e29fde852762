//! stub
mod wire;
use crate::net::Socket;
pub use wire::Wire;
/// x
#[derive(Debug)]
pub struct UpstreamTls;
/// x
#[derive(Debug)]
pub struct Connected {
    /// x
    pub stream: tokio_rustls::client::TlsStream<Socket>,
    /// x
    pub resumed: bool,
}
impl UpstreamTls {
    /// x
    pub async fn connect(&self, _s: Socket) -> Result<Connected, HandshakeFailure> {
        Err(HandshakeFailure)
    }
    /// x
    pub fn for_probe(&self) -> Self {
        Self
    }
}
/// x
#[derive(Debug)]
pub struct HandshakeFailure;
impl std::fmt::Display for HandshakeFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("x")
    }
}
