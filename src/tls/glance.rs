//! [`Glance`]: what a server shows to whoever looks, whether or not it is to be believed.
//!
//! For commands that look into what stands at an address. Nothing is ever sent through such a
//! connection: the handshake is done, a moment is waited for what the server says to it, and that is
//! all. The judgement about the chain is made by whoever asked.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, Resumption};
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use tokio::io::AsyncReadExt as _;
use tokio_rustls::TlsConnector;

use crate::certs::Identity;
use crate::certs::inspect::name_words;
use crate::certs::path::Certificate;
use crate::config::settings::TlsVersion;
use crate::model::{Clock, HostPort};
use crate::net::Socket;
use crate::tls::anonymous::{NoConnection, whole_policy};
use crate::tls::clock::ClockTime;
use crate::tls::failure::{Direction, HandshakeFailure};
use crate::tls::handshake_signature::{verify_tls12, verify_tls13};
use crate::tls::outbound::server_name;
use crate::tls::wire::{suite_of, version_of};

/// What a server showed.
#[derive(Debug, Default)]
pub struct Glance {
    /// Its chain as it was sent, the leaf first.
    pub chain: Vec<CertificateDer<'static>>,
    /// The version and the suite, if the handshake came so far.
    pub agreed: Option<(TlsVersion, &'static str)>,
    /// Whom it says it believes, if it asked for a certificate; an empty list names nobody.
    pub asked: Option<Vec<String>>,
    /// Whether one was shown to it.
    pub shown: bool,
    /// Why the connection ended, if it did.
    pub failure: Option<HandshakeFailure>,
}

/// Looks at the server behind a socket, which is asked for as `host`.
pub async fn glance(
    socket: Socket,
    host: &HostPort,
    own: Option<&Identity>,
    clock: &Clock,
) -> Result<Glance, NoConnection> {
    let name = server_name(host)?;
    let seen: Arc<Mutex<Glance>> = Arc::default();
    let Some(config) = config(&seen, own, clock) else {
        return Ok(Glance::default());
    };
    let connector = TlsConnector::from(Arc::new(config));
    let (failure, agreed) = match connector.connect(name, socket).await {
        Ok(mut stream) => {
            let (_, connection) = stream.get_ref();
            let agreed = (version_of(connection), suite_of(connection));
            // In TLS 1.3 a server judges the client's certificate after this, and an alert is all it
            // says of it. A server that has nothing to say says nothing.
            let mut byte = [0; 1];
            let read = tokio::time::timeout(A_MOMENT, stream.read(&mut byte)).await;
            let failure = read.ok().and_then(Result::err);
            let failure = failure.and_then(|error| HandshakeFailure::in_stream(&error));
            (failure, Some(agreed))
        }
        Err(error) => {
            let failure = HandshakeFailure::from_io(&error, Direction::Outbound);
            (Some(failure), None)
        }
    };
    let mut glance = std::mem::take(&mut *lock(&seen));
    glance.failure = failure.map(|failure| failure.over(glance.chain.first()));
    glance.agreed = agreed;
    Ok(glance)
}

/// Whether a certificate names a host, as it is judged in a handshake.
pub fn is_for_host(certificate: &CertificateDer<'_>, host: &HostPort) -> bool {
    let read = Certificate::read(certificate);
    let name = server_name(host);
    read.is_ok_and(|certificate| name.is_ok_and(|name| certificate.is_for_host(&name)))
}

/// Longer than the way to any server and back.
const A_MOMENT: Duration = Duration::from_millis(700);

fn config(
    seen: &Arc<Mutex<Glance>>,
    own: Option<&Identity>,
    clock: &Clock,
) -> Option<ClientConfig> {
    let policy = whole_policy()?;
    let provider = policy.provider();
    let eye = Eye {
        algorithms: provider.signature_verification_algorithms,
        seen: Arc::clone(seen),
        own: own.map(Identity::certified_key),
    };
    let eye = Arc::new(eye);
    let verifier: Arc<Eye> = Arc::clone(&eye);
    let time = Arc::new(ClockTime(clock.clone()));
    let versioned = ClientConfig::builder_with_details(provider, time)
        .with_protocol_versions(&policy.versions());
    let mut config = versioned
        .ok()?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_client_cert_resolver(eye);
    config.resumption = Resumption::disabled();
    Some(config)
}

/// Notes what it is shown and judges nothing but who has the key.
struct Eye {
    algorithms: WebPkiSupportedAlgorithms,
    seen: Arc<Mutex<Glance>>,
    own: Option<Arc<CertifiedKey>>,
}

fn lock(seen: &Mutex<Glance>) -> std::sync::MutexGuard<'_, Glance> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Eye {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Eye")
    }
}

impl ServerCertVerifier for Eye {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let chain = std::iter::once(end_entity).chain(intermediates);
        let chain = chain.map(|der| der.clone().into_owned());
        lock(&self.seen).chain = chain.collect();
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

impl ResolvesClientCert for Eye {
    fn resolve(
        &self,
        root_hint_subjects: &[&[u8]],
        _schemes: &[SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        let mut seen = lock(&self.seen);
        let named = root_hint_subjects.iter().map(|name| name_words(name));
        seen.asked = Some(named.collect());
        seen.shown = self.own.is_some();
        self.own.clone()
    }

    fn has_certs(&self) -> bool {
        true
    }
}
