//! [`Anonymous`]: TLS to a server that need not know who we are.
//!
//! For what stands beside the traffic. The server is judged as every other one is; what is left out
//! is our own certificate, which proves to SAP who the gateway is and is nobody else's business.

use std::fmt;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::client::Resumption;
use rustls::pki_types::CertificateDer;
use tokio_rustls::TlsConnector;

use crate::certs::TrustStore;
use crate::config::problem::{Place, Problem, Problems};
use crate::config::settings::{FileRef, TlsParameters, TlsVersion};
use crate::model::{Clock, HostPort};
use crate::net::Socket;
use crate::tls::attempt::Attempt;
use crate::tls::clock::ClockTime;
use crate::tls::failure::{Direction, HandshakeFailure};
use crate::tls::judge::ServerJudge;
use crate::tls::outbound::{Connected, UnfitHost, server_name};
use crate::tls::policy::{Role, TlsPolicy};
use crate::tls::stream::Wire;
use crate::tls::wire::{suite_of, version_of};

/// Originates TLS without showing a certificate. Every handshake is a full one.
#[derive(Clone)]
pub struct Anonymous(Arc<ClientConfig>);

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum NoConnection {
    /// No certificate could be the host's.
    #[error(transparent)]
    Host(#[from] UnfitHost),
    /// The handshake failed.
    #[error("{0}")]
    Handshake(HandshakeFailure),
}

impl Anonymous {
    /// TLS to servers for which one of these vouches; `None` if the TLS library refuses it.
    pub fn new(trust: TrustStore, clock: &Clock) -> Option<Self> {
        let policy = whole_policy()?;
        let judge = ServerJudge::new(trust, None, false, &policy.provider());
        let time = Arc::new(ClockTime(clock.clone()));
        let versioned = ClientConfig::builder_with_details(policy.provider(), time)
            .with_protocol_versions(&policy.versions());
        let mut config = versioned
            .ok()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(judge))
            .with_no_client_auth();
        config.resumption = Resumption::disabled();
        Some(Self(Arc::new(config)))
    }

    /// TLS to a host for which the authorities of a file vouch, or where none is named, those of this
    /// machine. The place is that of the host, and the key that which names the file, for messages.
    pub fn towards(
        ca: Option<&FileRef>,
        (place, key): (&Place, &str),
        clock: &Clock,
    ) -> (Option<Self>, Problems) {
        let (trust, mut problems) = match ca {
            Some(file) => TrustStore::load(file, clock.now()),
            None => of_the_machine(place, key),
        };
        let tls = trust.and_then(|trust| Self::new(trust, clock));
        if tls.is_none() && !problems.has_errors() {
            let what = "the TLS library refuses every version and suite, so nobody would be told";
            problems.push(Problem::error(place.clone(), what, "report this"));
        }
        (tls, problems)
    }

    /// Does the handshake. There is no deadline in here.
    pub async fn connect(&self, target: &HostPort, socket: Socket) -> Result<Wire, NoConnection> {
        let name = server_name(target)?;
        let handshake = TlsConnector::from(Arc::clone(&self.0)).connect(name, socket);
        let (result, attempt) = Attempt::run(handshake).await;
        let stream = result.map_err(|error| {
            let failure = HandshakeFailure::from_io(&error, Direction::Outbound)
                .over(attempt.shown.as_ref())
                .because(attempt.refusal);
            NoConnection::Handshake(failure)
        })?;
        let (_, connection) = stream.get_ref();
        Ok(Wire::dialled(Connected {
            resumed: false,
            version: version_of(connection),
            suite: suite_of(connection),
            presence: None,
            stream,
        }))
    }
}

impl fmt::Debug for Anonymous {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Anonymous")
    }
}

/// The authorities that this machine believes, or why there is none.
fn of_the_machine(place: &Place, key: &str) -> (Option<TrustStore>, Problems) {
    let (trust, unread) = authorities_of_the_machine();
    if !trust.anchors().is_empty() {
        return (Some(trust), Problems::new());
    }
    let why = unread.first().map_or("none was found", String::as_str);
    let what = format!(
        "the authorities that this machine believes cannot be read, so nobody would be told: {why}"
    );
    let hint =
        format!("install the package ca-certificates, or name the collector's authority in {key}");
    (None, Problem::error(place.clone(), what, hint).into())
}

/// Every version and suite that is safe.
pub(super) fn whole_policy() -> Option<TlsPolicy> {
    let parameters = TlsParameters {
        min: TlsVersion::V1_2,
        max: TlsVersion::V1_3,
        cipher_suites: None,
    };
    TlsPolicy::build(&parameters, Role::Client).0
}

/// The authorities that this machine believes, and why some of them could not be read.
fn authorities_of_the_machine() -> (TrustStore, Vec<String>) {
    let found = rustls_native_certs::load_native_certs();
    let certificates: Vec<CertificateDer<'static>> = found.certs;
    let problems = found.errors.iter().map(ToString::to_string);
    (
        TrustStore::of_the_machine(&certificates),
        problems.collect(),
    )
}
