//! [`SessionFacts`]: what a handshake showed.

use std::sync::Arc;

use tokio_rustls::server::TlsStream;

use crate::config::settings::TlsVersion;
use crate::model::{Denial, Principal, WallTime};
use crate::net::Socket;
use crate::tls::authority_uses::Arrival;
use crate::tls::verdicts::{Client, Span};

/// A connection that is through its handshake.
#[derive(Debug)]
pub struct Accepted {
    /// The connection.
    pub stream: TlsStream<Socket>,
    /// What the handshake showed.
    pub facts: SessionFacts,
    /// To be told whether the client is served, which then uses its authority as long as it is
    /// connected. There is none without a certificate, nor for whom the rules do not admit.
    pub arrival: Option<Arrival>,
}

/// What is said of a client with a good certificate, or without one where none is required.
#[derive(Debug)]
pub struct Admitted {
    /// How long the certificate is good without judging it again.
    pub certain: Span,
    /// Why the rules do not admit the client, if they do not.
    pub denial: Option<Denial>,
    /// To be taken in the place of the one before, as that of [`Accepted`].
    pub arrival: Option<Arrival>,
}

/// What a handshake showed; the same for a full and for a resumed one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionFacts {
    /// Who the client is. Always there where a certificate is required.
    pub client: Option<Arc<Client>>,
    /// How long that is certain without judging it again; for good where there is no certificate.
    pub certain: Span,
    /// Why the listener's rules do not admit the client, if they do not. Such a client is told so
    /// and served nothing.
    pub denial: Option<Denial>,
    /// When the client last proved itself with a full handshake.
    pub authenticated_at: WallTime,
    /// The protocol version.
    pub version: TlsVersion,
    /// The cipher suite by IANA's name.
    pub suite: &'static str,
    /// Whether a session was taken up again.
    pub resumed: bool,
    /// The host name that the client asked for; SAP often sends none.
    pub server_name: Option<Box<str>>,
}

impl SessionFacts {
    /// Who the client is.
    pub fn principal(&self) -> Option<&Arc<Principal>> {
        self.client.as_ref().map(|client| client.principal())
    }
}
