//! The judgement of a peer, for both directions: its chain, and who it is.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

use crate::certs::inspect::CertificateFacts;
use crate::certs::path::{Certificate, Purpose};
use crate::certs::{RevocationLists, TrustStore};
use crate::config::settings::ClientAuth;
use crate::model::WallTime;
use crate::tls::attempt::{Attempt, Standing};
use crate::tls::handshake_signature::{verify_tls12, verify_tls13};
use crate::tls::path::{Paths, wall};
use crate::tls::verdicts::{Client, Span, Verdict, Verdicts, key_of};

/// Judges clients that come to our listeners.
#[derive(Debug)]
pub(super) struct ClientJudge {
    paths: Paths,
    algorithms: WebPkiSupportedAlgorithms,
    mode: ClientAuth,
    hints: Vec<DistinguishedName>,
    verdicts: Verdicts,
}

impl ClientJudge {
    /// A judge over these anchors and lists.
    pub(super) fn new(
        trust: TrustStore,
        revocation: Option<Arc<RevocationLists>>,
        mode: ClientAuth,
        provider: &CryptoProvider,
        now: WallTime,
    ) -> Self {
        let hints = trust.names_at(now);
        Self {
            paths: Paths::new(trust, revocation, Purpose::Client),
            algorithms: provider.signature_verification_algorithms,
            mode,
            hints,
            verdicts: Verdicts::default(),
        }
    }

    /// Says who the holder of a chain is, or why it is not accepted now.
    pub(super) fn judge(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        now: WallTime,
    ) -> Result<Verdict, Error> {
        let key = key_of(leaf, others);
        if let Some(verdict) = self.verdicts.get(&key, now) {
            return Ok(verdict);
        }
        let until = self.paths.prove(leaf, others, now)?.until;
        let facts = CertificateFacts::of(leaf).map_err(|_not_one| CertificateError::BadEncoding)?;
        let principal = Arc::new(facts.principal());
        let verdict = Verdict {
            client: Arc::new(Client::new(principal, leaf, others)),
            span: Span { from: now, until },
        };
        self.verdicts.put(key, verdict.clone());
        Ok(verdict)
    }
}

impl ClientCertVerifier for ClientJudge {
    fn offer_client_auth(&self) -> bool {
        self.mode != ClientAuth::None
    }

    fn client_auth_mandatory(&self) -> bool {
        self.mode == ClientAuth::Require
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Attempt::note_shown(end_entity);
        let since = wall(now);
        let verdict = self.judge(end_entity, intermediates, since)?;
        Attempt::note_standing(Standing {
            since,
            verdict: Some(verdict),
        });
        Ok(ClientCertVerified::assertion())
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

/// Judges the servers we connect to.
#[derive(Debug)]
pub(super) struct ServerJudge {
    paths: Paths,
    algorithms: WebPkiSupportedAlgorithms,
    legacy_cn_match: bool,
}

impl ServerJudge {
    /// A judge over these anchors and lists.
    pub(super) fn new(
        trust: TrustStore,
        revocation: Option<Arc<RevocationLists>>,
        legacy_cn_match: bool,
        provider: &CryptoProvider,
    ) -> Self {
        Self {
            paths: Paths::new(trust, revocation, Purpose::Server),
            algorithms: provider.signature_verification_algorithms,
            legacy_cn_match,
        }
    }

    /// Judges a chain and whether it is the host's.
    pub(super) fn judge(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        host: &ServerName<'_>,
        now: WallTime,
    ) -> Result<(), Error> {
        let proven = self.paths.prove(leaf, others, now)?;
        // The name is looked at last, so a mismatch means that the chain itself is good.
        let own = proven.path.first();
        if own.is_some_and(|own| own.is_for_host(host))
            || (self.legacy_cn_match && common_name_is(leaf, host))
        {
            return Ok(());
        }
        let mismatch = CertificateError::NotValidForNameContext {
            expected: host.to_owned(),
            presented: own.map(Certificate::hosts).unwrap_or_default(),
        };
        Err(mismatch.into())
    }
}

impl ServerCertVerifier for ServerJudge {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Attempt::note_shown(end_entity);
        self.judge(end_entity, intermediates, server_name, wall(now))?;
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

/// The rule of SAP's older API: the common name is the host's, if there is no other name at all.
fn common_name_is(leaf: &CertificateDer<'_>, host: &ServerName<'_>) -> bool {
    let Ok(facts) = CertificateFacts::of(leaf) else {
        return false;
    };
    let host = host.to_str();
    let same = |name: &str| name.eq_ignore_ascii_case(&host);
    !facts.has_alternative_names && facts.common_name().is_some_and(same)
}
