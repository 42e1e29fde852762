//! stub, replaced when the TLS room lands
mod wire;
use crate::config::{problem::Problems, settings::*};
use crate::model::*;
use crate::net::Socket;
use std::sync::Arc;
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
impl HandshakeFailure {
    /// x
    pub fn timed_out() -> Self {
        Self
    }
    /// x
    pub fn is_noise(&self) -> bool {
        true
    }
    /// x
    pub fn code(&self) -> &'static str {
        ""
    }
    /// x
    pub fn hint(&self) -> &'static str {
        ""
    }
}
impl std::fmt::Display for HandshakeFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("x")
    }
}
/// x
#[derive(Debug)]
pub struct SessionVault;
impl SessionVault {
    /// x
    pub fn new(_c: &Clock) -> Self {
        Self
    }
    /// x
    pub fn retain(&self, _d: &[[u8; 32]]) {}
}
/// x
#[derive(Debug)]
pub struct Facts {
    /// x
    pub principal: Option<Arc<Principal>>,
    /// x
    pub resumed: bool,
    /// x
    pub suite: &'static str,
}
impl Facts {
    /// x
    pub fn version_text(&self) -> &'static str {
        ""
    }
}
/// x
#[derive(Debug)]
pub struct Accepted {
    /// x
    pub stream: tokio_rustls::server::TlsStream<Socket>,
    /// x
    pub facts: Facts,
}
/// x
#[derive(Debug)]
pub struct Acceptor;
impl Acceptor {
    /// x
    pub fn build(
        _t: &ServerTls,
        _s: &str,
        _c: &Clock,
        _v: &SessionVault,
    ) -> (Option<Self>, Problems) {
        (None, Problems::new())
    }
    /// x
    pub async fn accept(&self, _s: Socket) -> Result<Accepted, HandshakeFailure> {
        Err(HandshakeFailure)
    }
    /// x
    pub fn fingerprint(&self) -> [u8; 32] {
        [0; 32]
    }
    /// x
    pub fn trust_digest(&self) -> [u8; 32] {
        [0; 32]
    }
    /// x
    pub fn universe_digest(&self) -> [u8; 32] {
        [0; 32]
    }
    /// x
    pub fn describe(&self) -> Vec<String> {
        vec![]
    }
}
/// x
#[derive(Debug)]
pub struct Connector;
impl Connector {
    /// x
    pub fn build(_t: &ClientTls, _c: &Clock) -> (Option<Self>, Problems) {
        (None, Problems::new())
    }
    /// x
    pub fn fingerprint(&self) -> [u8; 32] {
        [0; 32]
    }
    /// x
    pub fn for_upstream(&self, _h: &HostPort) -> UpstreamTls {
        UpstreamTls
    }
    /// x
    pub fn describe(&self) -> Vec<String> {
        vec![]
    }
}
