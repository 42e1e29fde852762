//! [`Paths`]: the way from a peer's certificate to an authority that we believe.
//!
//! The path is built and checked by rustls-webpki. On top of it stand the checks that it leaves
//! out and that nginx and OpenSSL make: an issuer has to be allowed to sign certificates, a key
//! identifier is never critical, and an anchor vouches for nobody once it has expired itself.

use std::cell::Cell;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, TrustAnchor, UnixTime};
use rustls::{CertificateError, Error, ExtendedKeyPurpose, OtherError};
use webpki::{EndEntityCert, KeyUsage, VerifiedPath};

use crate::certs::TrustStore;
use crate::certs::inspect::{CertificateFacts, IssuingDefect, issuing_defect};
use crate::model::WallTime;
use crate::tls::authority_uses::{Authority, AuthorityKey};

/// What a peer wants to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A client that comes to us.
    Client,
    /// A server that we go to.
    Server,
}

/// Judges chains by one set of authorities, for one purpose.
#[derive(Debug)]
pub(super) struct Paths {
    trust: TrustStore,
    purpose: Purpose,
    algorithms: WebPkiSupportedAlgorithms,
    current: RwLock<Current>,
}

/// A path that was found.
#[derive(Debug)]
pub(super) struct Proven {
    /// When the first of its certificates ends, or the next of our anchors.
    pub(super) until: WallTime,
    /// Where it ends.
    pub(super) authority: Authority,
}

/// The authorities of a span of time.
#[derive(Debug)]
struct Current {
    from: WallTime,
    until: Option<WallTime>,
    authorities: Arc<[TrustAnchor<'static>]>,
}

impl Current {
    fn of(trust: &TrustStore, now: WallTime) -> Self {
        Self {
            from: now,
            until: trust.next_expiry(now),
            authorities: trust.authorities_at(now).into(),
        }
    }

    /// A clock may also be set back: then authorities that had expired have not.
    fn holds_at(&self, now: WallTime) -> bool {
        self.from <= now && self.until.is_none_or(|until| now <= until)
    }
}

impl Paths {
    /// Paths to these authorities.
    pub(super) fn new(
        trust: TrustStore,
        purpose: Purpose,
        algorithms: WebPkiSupportedAlgorithms,
        now: WallTime,
    ) -> Self {
        let current = RwLock::new(Current::of(&trust, now));
        Self {
            trust,
            purpose,
            algorithms,
            current,
        }
    }

    /// The signatures that are understood.
    pub(super) fn algorithms(&self) -> &WebPkiSupportedAlgorithms {
        &self.algorithms
    }

    /// Whom they lead to.
    pub(super) fn trust(&self) -> &TrustStore {
        &self.trust
    }

    /// Finds a path, and says until when it is as good as now and where it ends.
    pub(super) fn prove(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        now: WallTime,
    ) -> Result<Proven, Error> {
        if issuing_defect(leaf) == Some(IssuingDefect::CriticalKeyIdentifier) {
            return Err(CertificateError::UnhandledCriticalExtension.into());
        }
        let own = self.trust.own_anchor_of(leaf, now);
        let authorities = match own {
            Some(own) => Arc::from([own]),
            None => self.authorities_at(now),
        };
        let defect = Cell::new(None);
        let fit = |path: &VerifiedPath<'_>| {
            let found = path
                .intermediate_certificates()
                .find_map(|issuer| issuing_defect(&issuer.der()));
            if found.is_none() {
                return Ok(());
            }
            defect.set(found);
            // Any error makes the path builder look for another path.
            Err(webpki::Error::UnknownIssuer)
        };
        let certificate = EndEntityCert::try_from(leaf).map_err(|error| as_tls_error(&error))?;
        let proven = certificate.verify_for_usage(
            self.algorithms.all,
            &authorities,
            others,
            unix(now),
            self.purpose.usage(),
            None,
            Some(&fit),
        );
        let path = proven.map_err(|error| match defect.get() {
            Some(defect) => other(defect),
            None => self.explain(&error, leaf, others, now),
        })?;
        let anchor = self.trust.anchor_of(path.anchor());
        let facts = anchor.ok_or(CertificateError::UnknownIssuer)?.facts();
        Ok(Proven {
            until: self.end_of(&path, leaf, now)?,
            authority: Authority {
                key: AuthorityKey(facts.spki),
                name: facts.subject.clone(),
                not_after: facts.not_after,
            },
        })
    }

    fn authorities_at(&self, now: WallTime) -> Arc<[TrustAnchor<'static>]> {
        {
            let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
            if current.holds_at(now) {
                return Arc::clone(&current.authorities);
            }
        }
        let fresh = Current::of(&self.trust, now);
        let authorities = Arc::clone(&fresh.authorities);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        authorities
    }

    /// When the first of a path's certificates ends, or the next of our anchors.
    fn end_of(
        &self,
        path: &VerifiedPath<'_>,
        leaf: &CertificateDer<'_>,
        now: WallTime,
    ) -> Result<WallTime, Error> {
        let end = |der: &[u8]| CertificateFacts::of(der).map(|facts| facts.not_after);
        let leaf_end = end(leaf).map_err(|_not_one| CertificateError::BadEncoding)?;
        let issuers = path.intermediate_certificates();
        let others = issuers.filter_map(|issuer| end(&issuer.der()).ok());
        let others = others.chain(self.trust.next_expiry(now));
        Ok(others.fold(leaf_end, WallTime::min))
    }

    /// That nobody is known who issued a certificate has two reasons, and only one of them is
    /// that the authority is missing.
    fn explain(
        &self,
        error: &webpki::Error,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        now: WallTime,
    ) -> Error {
        if !matches!(error, webpki::Error::UnknownIssuer) {
            return as_tls_error(error);
        }
        let facts = std::iter::once(leaf).chain(others);
        let facts = facts.filter_map(|der| CertificateFacts::of(der).ok());
        let expired = facts
            .filter_map(|facts| self.trust.expired_by(facts.issuer_der(), now))
            .max();
        match expired {
            Some(end) => CertificateError::ExpiredContext {
                time: unix(now),
                not_after: unix(end),
            }
            .into(),
            None => CertificateError::UnknownIssuer.into(),
        }
    }
}

impl Purpose {
    fn usage(self) -> KeyUsage {
        match self {
            Self::Client => KeyUsage::client_auth(),
            Self::Server => KeyUsage::server_auth(),
        }
    }
}

/// The path builder's words in the TLS library's, which choose the alert.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the library's list is open; what is not told apart here is passed on as it is"
)]
fn as_tls_error(error: &webpki::Error) -> Error {
    use webpki::Error as Webpki;
    match error {
        Webpki::BadDer | Webpki::BadDerTime | Webpki::TrailingData(_) => {
            CertificateError::BadEncoding
        }
        Webpki::CertNotValidYet { time, not_before } => CertificateError::NotValidYetContext {
            time: *time,
            not_before: *not_before,
        },
        Webpki::CertExpired { time, not_after } => CertificateError::ExpiredContext {
            time: *time,
            not_after: *not_after,
        },
        Webpki::InvalidCertValidity => CertificateError::Expired,
        Webpki::UnknownIssuer => CertificateError::UnknownIssuer,
        Webpki::CertRevoked => CertificateError::Revoked,
        Webpki::InvalidSignatureForPublicKey => CertificateError::BadSignature,
        Webpki::UnsupportedSignatureAlgorithmContext(context) => {
            CertificateError::UnsupportedSignatureAlgorithmContext {
                signature_algorithm_id: context.signature_algorithm_id.clone(),
                supported_algorithms: context.supported_algorithms.clone(),
            }
        }
        Webpki::UnsupportedSignatureAlgorithmForPublicKeyContext(context) => {
            CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext {
                signature_algorithm_id: context.signature_algorithm_id.clone(),
                public_key_algorithm_id: context.public_key_algorithm_id.clone(),
            }
        }
        Webpki::RequiredEkuNotFoundContext(context) => CertificateError::InvalidPurposeContext {
            required: purpose_of(context.required.oid_values()),
            presented: context
                .present
                .iter()
                .map(|values| purpose_of(values.iter().copied()))
                .collect(),
        },
        rest => return other(rest.clone()),
    }
    .into()
}

fn purpose_of(values: impl Iterator<Item = usize>) -> ExtendedKeyPurpose {
    /// id-kp-serverAuth and id-kp-clientAuth differ in their last number.
    const KEY_PURPOSE: [usize; 8] = [1, 3, 6, 1, 5, 5, 7, 3];
    let values: Vec<usize> = values.collect();
    match values.split_last() {
        Some((1, before)) if *before == KEY_PURPOSE => ExtendedKeyPurpose::ServerAuth,
        Some((2, before)) if *before == KEY_PURPOSE => ExtendedKeyPurpose::ClientAuth,
        _ => ExtendedKeyPurpose::Other(values),
    }
}

fn other(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    CertificateError::Other(OtherError(Arc::new(error))).into()
}

/// A time as the TLS library counts it.
pub(super) fn unix(time: WallTime) -> UnixTime {
    // Before 1970 no certificate is valid, and none at 1970 either.
    let seconds = u64::try_from(time.0).unwrap_or_default();
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

/// A time of the TLS library.
pub(super) fn wall(time: UnixTime) -> WallTime {
    WallTime(i64::try_from(time.as_secs()).unwrap_or(i64::MAX))
}
