//! The judgement of a peer's chain, for both directions.
//!
//! The path is built and checked by rustls-webpki. On top of it stand the checks that it leaves
//! out and that nginx and OpenSSL make: an issuer has to be allowed to sign certificates, a key
//! identifier is never critical, and an anchor vouches for nobody once it has expired itself.

use std::sync::{Arc, PoisonError, RwLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore,
    SignatureScheme,
};

use crate::certs::TrustStore;
use crate::certs::inspect::{CertificateFacts, IssuingDefect, issuing_defect};
use crate::config::settings::ClientAuth;
use crate::model::{Principal, WallTime};
use crate::tls::attempt::{Attempt, Standing};
use crate::tls::verdicts::{Verdicts, key_of};

/// A verifier over the anchors that have not expired yet, made anew when one does.
#[derive(Debug)]
struct Current<V> {
    trust: TrustStore,
    build: fn(Arc<RootCertStore>, Arc<CryptoProvider>) -> Option<V>,
    provider: Arc<CryptoProvider>,
    state: RwLock<(Option<WallTime>, Option<V>)>,
}

impl<V: Clone> Current<V> {
    fn new(
        trust: TrustStore,
        provider: Arc<CryptoProvider>,
        now: WallTime,
        build: fn(Arc<RootCertStore>, Arc<CryptoProvider>) -> Option<V>,
    ) -> Self {
        let verifier = build(Arc::new(trust.roots_at(now)), Arc::clone(&provider));
        let state = RwLock::new((trust.next_expiry(now), verifier));
        Self {
            trust,
            build,
            provider,
            state,
        }
    }

    /// The verifier for this time; `None` once every anchor has expired.
    fn at(&self, now: WallTime) -> Option<V> {
        {
            let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
            let (until, verifier) = &*state;
            if until.is_none_or(|until| now <= until) {
                return verifier.clone();
            }
        }
        let roots = Arc::new(self.trust.roots_at(now));
        let verifier = (self.build)(roots, Arc::clone(&self.provider));
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        *state = (self.trust.next_expiry(now), verifier.clone());
        verifier
    }

    fn algorithms(&self) -> &WebPkiSupportedAlgorithms {
        &self.provider.signature_verification_algorithms
    }
}

/// Judges clients that come to our listeners.
#[derive(Debug)]
pub(super) struct ClientJudge {
    current: Current<Arc<dyn ClientCertVerifier>>,
    mode: ClientAuth,
    hints: Vec<DistinguishedName>,
    verdicts: Verdicts,
}

impl ClientJudge {
    /// A judge over these anchors.
    pub(super) fn new(
        trust: TrustStore,
        mode: ClientAuth,
        provider: Arc<CryptoProvider>,
        now: WallTime,
    ) -> Self {
        let hints = trust.roots_at(now).subjects();
        let current = Current::new(trust, provider, now, |roots, provider| {
            WebPkiClientVerifier::builder_with_provider(roots, provider)
                .build()
                .ok()
        });
        Self {
            current,
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
    ) -> Result<Arc<Principal>, Error> {
        let key = key_of(leaf, others);
        if let Some(principal) = self.verdicts.get(&key, now) {
            return Ok(principal);
        }
        let verifier = self
            .current
            .at(now)
            .ok_or(CertificateError::UnknownIssuer)?;
        let issuers = fit_issuers(leaf, others)?;
        verifier.verify_client_cert(leaf, &issuers, unix(now))?;
        let facts = CertificateFacts::of(leaf).map_err(|_not_one| CertificateError::BadEncoding)?;
        let ends = issuers
            .iter()
            .filter_map(|issuer| CertificateFacts::of(issuer).ok())
            .map(|facts| facts.not_after)
            .chain(self.current.trust.next_expiry(now));
        let until = ends.fold(facts.not_after, WallTime::min);
        let principal = Arc::new(facts.principal());
        self.verdicts.put(key, Arc::clone(&principal), now, until);
        Ok(principal)
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
        let principal = self.judge(end_entity, intermediates, since)?;
        let chain = std::iter::once(end_entity).chain(intermediates);
        Attempt::note_standing(Standing {
            since,
            chain: chain.map(|der| der.clone().into_owned()).collect(),
            principal: Some(principal),
        });
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, self.current.algorithms())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, self.current.algorithms())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.current.algorithms().supported_schemes()
    }
}

/// Judges the servers we connect to.
#[derive(Debug)]
pub(super) struct ServerJudge {
    current: Current<Arc<WebPkiServerVerifier>>,
    legacy_cn_match: bool,
}

impl ServerJudge {
    /// A judge over these anchors.
    pub(super) fn new(
        trust: TrustStore,
        legacy_cn_match: bool,
        provider: Arc<CryptoProvider>,
        now: WallTime,
    ) -> Self {
        let current = Current::new(trust, provider, now, |roots, provider| {
            WebPkiServerVerifier::builder_with_provider(roots, provider)
                .build()
                .ok()
        });
        Self {
            current,
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
        let verifier = self
            .current
            .at(now)
            .ok_or(CertificateError::UnknownIssuer)?;
        let issuers = fit_issuers(leaf, others)?;
        // The name is looked at last, so a mismatch means that the chain itself is good.
        match verifier.verify_server_cert(leaf, &issuers, host, &[], unix(now)) {
            Ok(_) => Ok(()),
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if self.legacy_cn_match && common_name_is(leaf, host) => Ok(()),
            Err(error) => Err(error),
        }
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
        verify_tls12_signature(message, cert, dss, self.current.algorithms())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, self.current.algorithms())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.current.algorithms().supported_schemes()
    }
}

/// The certificates that a peer sent along, without those that may not have issued any.
///
/// Leaving them out can only make a chain incomplete, never a bad one good.
fn fit_issuers<'a>(
    leaf: &CertificateDer<'_>,
    others: &[CertificateDer<'a>],
) -> Result<Vec<CertificateDer<'a>>, Error> {
    if issuing_defect(leaf) == Some(IssuingDefect::CriticalKeyIdentifier) {
        return Err(CertificateError::UnhandledCriticalExtension.into());
    }
    let fit = others
        .iter()
        .filter(|other| issuing_defect(other).is_none());
    Ok(fit.cloned().collect())
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

fn unix(time: WallTime) -> UnixTime {
    // Before 1970 no certificate is valid, and none at 1970 either.
    let seconds = u64::try_from(time.0).unwrap_or_default();
    UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds))
}

fn wall(time: UnixTime) -> WallTime {
    WallTime(i64::try_from(time.as_secs()).unwrap_or(i64::MAX))
}
