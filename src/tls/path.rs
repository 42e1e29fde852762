//! [`Paths`]: the way from a peer's certificate to an authority that we believe.
//!
//! Whether there is one is decided in [`crate::certs::path`]. Here its refusals become the TLS
//! library's, which choose the alert, and are noted for the operator.

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::{CertificateError, Error, OtherError};

use crate::certs::TrustStore;
use crate::certs::path::{Proven, Purpose, Question, Reason, Refusal, Revocation};
use crate::certs::revocation::{RevocationLists, RevocationRefusal};
use crate::certs::signature::SignatureDefect;
use crate::model::WallTime;
use crate::tls::attempt::Attempt;

/// Judges chains by one set of authorities, for one purpose.
#[derive(Debug)]
pub(super) struct Paths {
    trust: TrustStore,
    revocation: Option<Arc<RevocationLists>>,
    purpose: Purpose,
    by_common_name: bool,
}

impl Paths {
    /// Paths to these authorities, of certificates that they have not revoked.
    pub(super) fn new(
        trust: TrustStore,
        revocation: Option<Arc<RevocationLists>>,
        purpose: Purpose,
    ) -> Self {
        Self {
            trust,
            revocation,
            purpose,
            by_common_name: false,
        }
    }

    /// The same, for servers that may be known by their common names.
    pub(super) fn by_common_name(self, by_common_name: bool) -> Self {
        Self {
            by_common_name,
            ..self
        }
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
        let question = Question {
            anchors: self.trust.authorities(),
            purpose: self.purpose,
            by_common_name: self.by_common_name,
            revocation: self
                .revocation
                .as_deref()
                .map(|lists| lists as &dyn Revocation),
            now,
        };
        question.prove(leaf, others).map_err(|refusal| {
            let error = as_tls_error(&refusal, now);
            Attempt::note_refusal(refusal);
            error.into()
        })
    }
}

/// A refusal in the TLS library's words, which choose the alert. What it has no words for is passed
/// on as it is.
fn as_tls_error(refusal: &Refusal, now: WallTime) -> CertificateError {
    let time = unix(now);
    match &refusal.reason {
        Reason::UnknownIssuer => CertificateError::UnknownIssuer,
        Reason::Expired { not_after } => CertificateError::ExpiredContext {
            time,
            not_after: unix(*not_after),
        },
        Reason::NotYetValid { not_before } => CertificateError::NotValidYetContext {
            time,
            not_before: unix(*not_before),
        },
        Reason::Malformed(_) => CertificateError::BadEncoding,
        Reason::UnknownCritical(_) | Reason::ForbiddenCritical(_) => {
            CertificateError::UnhandledCriticalExtension
        }
        Reason::WrongPurpose(_) => CertificateError::InvalidPurpose,
        Reason::Signature(SignatureDefect::Wrong) => CertificateError::BadSignature,
        Reason::Signature(
            SignatureDefect::UnsupportedAlgorithm | SignatureDefect::ShortKey { .. },
        ) => CertificateError::UnsupportedSignatureAlgorithmContext {
            signature_algorithm_id: Vec::new(),
            supported_algorithms: Vec::new(),
        },
        Reason::Revocation(RevocationRefusal::Revoked { .. }) => CertificateError::Revoked,
        Reason::Revocation(RevocationRefusal::ListExpired { next_update, .. }) => {
            CertificateError::ExpiredRevocationListContext {
                time,
                next_update: unix(*next_update),
            }
        }
        Reason::Revocation(
            RevocationRefusal::ListMissing { .. }
            | RevocationRefusal::ListNotYetValid { .. }
            | RevocationRefusal::ListUnproven { .. }
            | RevocationRefusal::MayNotSignLists { .. },
        ) => CertificateError::UnknownRevocationStatus,
        Reason::OldVersion(_)
        | Reason::AuthorityAsLeaf
        | Reason::WrongKeyUsage(_)
        | Reason::UnfitKey(_)
        | Reason::NotAnAuthority
        | Reason::MayNotSign
        | Reason::TooManyBelow { .. }
        | Reason::NameNotAllowed(_)
        | Reason::NoPolicy
        | Reason::ChainTooLong { .. }
        | Reason::TooManyPaths => CertificateError::Other(OtherError(Arc::new(refusal.clone()))),
    }
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
