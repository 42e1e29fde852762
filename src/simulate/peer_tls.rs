//! [`PeerTls`]: how a simulated peer proves who it is, and whom it believes.
//!
//! Straight from rustls and apart from the gateway's own TLS, so that a mistake there is not made
//! twice.

use std::sync::Arc;

use rustls::client::{ResolvesClientCert, Resumption};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, pem::PemObject as _};
use rustls::server::{ServerSessionMemoryCache, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{
    ClientConfig, DistinguishedName, RootCertStore, ServerConfig, SignatureScheme,
    SupportedProtocolVersion,
};

use crate::certs::issue::Issued;

/// Why the certificates of a simulated peer cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PeerTlsError {
    /// rustls does not take them.
    #[error("the certificates of the simulated peer cannot be used: {0}")]
    Tls(#[from] rustls::Error),
    /// The certificates that the peer should believe cannot verify a client.
    #[error("the simulated peer cannot verify clients: {0}")]
    Verifier(#[from] rustls::server::VerifierBuilderError),
}

/// Which versions of TLS a peer speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TlsRange {
    /// TLS 1.2: an older SAP kernel.
    Only12,
    /// TLS 1.3.
    Only13,
    /// Both.
    #[default]
    Both,
}

impl TlsRange {
    fn versions(self) -> &'static [&'static SupportedProtocolVersion] {
        match self {
            Self::Only12 => &ONLY_12,
            Self::Only13 => &ONLY_13,
            Self::Both => rustls::ALL_VERSIONS,
        }
    }
}

static ONLY_12: [&SupportedProtocolVersion; 1] = [&rustls::version::TLS12];
static ONLY_13: [&SupportedProtocolVersion; 1] = [&rustls::version::TLS13];

/// Certificate, key and trust of a simulated peer.
#[derive(Debug, Clone)]
pub struct PeerTls {
    chain: Vec<CertificateDer<'static>>,
    key: Arc<PrivatePkcs8KeyDer<'static>>,
    issuer: CertificateDer<'static>,
    trusted: Vec<CertificateDer<'static>>,
    versions: TlsRange,
}

impl PeerTls {
    /// A peer with this certificate. `issuer` is the authority at the top of its chain, `trusted`
    /// are the authorities whose peers it believes.
    pub fn new(
        identity: &Issued,
        issuer: &CertificateDer<'static>,
        trusted: &[&CertificateDer<'static>],
    ) -> Self {
        let intermediates = CertificateDer::pem_slice_iter(identity.chain_pem.as_bytes());
        Self {
            chain: std::iter::once(identity.der.clone())
                .chain(intermediates.filter_map(Result::ok))
                .collect(),
            key: Arc::new(PrivatePkcs8KeyDer::from(identity.key_der.clone())),
            issuer: issuer.clone(),
            trusted: trusted.iter().copied().cloned().collect(),
            versions: TlsRange::default(),
        }
    }

    /// The same peer with other versions of TLS.
    #[must_use]
    pub fn speaking(mut self, versions: TlsRange) -> Self {
        self.versions = versions;
        self
    }

    /// As a client: without server name indication, as ICM connects unless told otherwise, with
    /// its cache of sessions, and with a certificate that is shown only to a server whose request
    /// names the issuer.
    pub fn client(&self) -> Result<ClientConfig, PeerTlsError> {
        let builder = ClientConfig::builder_with_protocol_versions(self.versions.versions());
        let key = builder
            .crypto_provider()
            .key_provider
            .load_private_key(self.private_key())?;
        let shown = HintedIdentity {
            identity: Arc::new(CertifiedKey::new(self.chain.clone(), key)),
            issuer: roots(std::slice::from_ref(&self.issuer))?.subjects(),
        };
        let mut config = builder
            .with_root_certificates(roots(&self.trusted)?)
            .with_client_cert_resolver(Arc::new(shown));
        config.enable_sni = false;
        config.resumption = Resumption::in_memory_sessions(SESSIONS_OF_A_CLIENT);
        Ok(config)
    }

    /// As a server that requires the client's certificate.
    pub fn server(&self) -> Result<ServerConfig, PeerTlsError> {
        let verifier = WebPkiClientVerifier::builder(Arc::new(roots(&self.trusted)?)).build()?;
        let mut config = ServerConfig::builder_with_protocol_versions(self.versions.versions())
            .with_client_cert_verifier(verifier)
            .with_single_cert(self.chain.clone(), self.private_key())?;
        config.session_storage = ServerSessionMemoryCache::new(SESSIONS_OF_A_SERVER);
        Ok(config)
    }

    /// The peer's own certificate.
    pub fn certificate(&self) -> Option<&CertificateDer<'static>> {
        self.chain.first()
    }

    fn private_key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::Pkcs8(self.key.clone_key())
    }
}

/// `ssl/client_cache_size` of an ICM.
const SESSIONS_OF_A_CLIENT: usize = 1000;

/// `ssl/server_cache_size` of an ICM.
const SESSIONS_OF_A_SERVER: usize = 8000;

fn roots(certificates: &[CertificateDer<'static>]) -> Result<RootCertStore, rustls::Error> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots.add(certificate.clone())?;
    }
    Ok(roots)
}

/// A client certificate that is shown only if the server's list of authorities holds its issuer:
/// SAP's rule. An empty or wrong list is a server's mistake that this makes visible.
#[derive(Debug)]
struct HintedIdentity {
    identity: Arc<CertifiedKey>,
    issuer: Vec<DistinguishedName>,
}

impl ResolvesClientCert for HintedIdentity {
    fn resolve(
        &self,
        root_hint_subjects: &[&[u8]],
        _schemes: &[SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        self.issuer
            .iter()
            .any(|issuer| root_hint_subjects.contains(&issuer.as_ref()))
            .then(|| Arc::clone(&self.identity))
    }

    fn has_certs(&self) -> bool {
        true
    }
}
