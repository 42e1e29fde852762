//! From the errors of the TLS library, path validation and the operating system to a [`Cause`].

use std::io;

use rustls::{CertificateError, Error, InvalidMessage, OtherError, PeerIncompatible};

use crate::certs::path::{Reason, Refusal};
use crate::model::WallTime;
use crate::tls::failure::Cause;

impl Cause {
    pub(super) fn of_io(error: &io::Error) -> Self {
        use io::ErrorKind;
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "the standard library's list is open"
        )]
        match error.kind() {
            ErrorKind::UnexpectedEof => Self::ClosedByPeer,
            ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
            | ErrorKind::NotConnected => Self::ResetByPeer,
            ErrorKind::TimedOut => Self::TimedOut,
            _ => Self::Io(plain(&error.to_string())),
        }
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the library's list is open; whatever is left is the peer's or the library's fault"
    )]
    pub(super) fn of_tls(error: &Error) -> Self {
        match error {
            Error::NoCertificatesPresented => Self::NoClientCertificate,
            Error::InvalidCertificate(refused) => Self::of_certificate(refused),
            Error::AlertReceived(alert) => Self::RefusedByPeer(*alert),
            Error::InvalidMessage(
                InvalidMessage::InvalidContentType
                | InvalidMessage::UnknownProtocolVersion
                | InvalidMessage::MessageTooLarge
                | InvalidMessage::InvalidEmptyPayload,
            )
            | Error::PeerSentOversizedRecord => Self::NotTls,
            Error::PeerIncompatible(incompatible) => Self::of_incompatible(incompatible),
            Error::InvalidMessage(_)
            | Error::InappropriateMessage { .. }
            | Error::InappropriateHandshakeMessage { .. }
            | Error::DecryptError
            | Error::PeerMisbehaved(_)
            | Error::NoApplicationProtocol => Self::ProtocolViolation(plain(&error.to_string())),
            other => Self::Internal(plain(&other.to_string())),
        }
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the library's list is open, and two of its entries are deprecated"
    )]
    fn of_certificate(refused: &CertificateError) -> Self {
        match refused {
            CertificateError::UnknownIssuer => Self::UnknownIssuer,
            CertificateError::Expired => Self::Expired { since: None },
            CertificateError::ExpiredContext { not_after, .. } => Self::Expired {
                since: wall(not_after.as_secs()),
            },
            CertificateError::NotValidYet => Self::NotYetValid { from: None },
            CertificateError::NotValidYetContext { not_before, .. } => Self::NotYetValid {
                from: wall(not_before.as_secs()),
            },
            CertificateError::Revoked => Self::Revoked,
            CertificateError::UnknownRevocationStatus
            | CertificateError::ExpiredRevocationListContext { .. } => Self::RevocationUnknown,
            CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
                Self::WrongPurpose
            }
            CertificateError::NotValidForNameContext {
                expected,
                presented,
            } => Self::NameMismatch {
                expected: expected.to_str().into_owned(),
                presented: presented
                    .iter()
                    .map(|name| plain(name))
                    .collect::<Vec<_>>()
                    .join(", "),
            },
            CertificateError::BadSignature => Self::BadSignature,
            CertificateError::UnsupportedSignatureAlgorithmContext { .. }
            | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
                Self::WeakSignature
            }
            CertificateError::UnhandledCriticalExtension => Self::CriticalExtension,
            CertificateError::BadEncoding => Self::MalformedCertificate,
            CertificateError::Other(other) => Self::of_path(other),
            other => Self::UnacceptableCertificate(plain(&other.to_string())),
        }
    }

    /// What path validation says beyond the TLS library's own list.
    fn of_path(OtherError(error): &OtherError) -> Self {
        match error.downcast_ref::<Refusal>() {
            Some(refusal) => Self::of_reason(&refusal.reason),
            None => Self::UnacceptableCertificate(plain(&innermost(error.as_ref()))),
        }
    }

    fn of_reason(reason: &Reason) -> Self {
        match reason {
            Reason::AuthorityAsLeaf => Self::AuthorityAsLeaf,
            Reason::WrongKeyUsage(_) => Self::WrongKeyUsage,
            Reason::OldVersion(_) => Self::OldCertificateVersion,
            Reason::UnfitKey(_) => Self::WeakKey,
            Reason::NotAnAuthority | Reason::MayNotSign | Reason::TooManyBelow { .. } => {
                Self::UnfitIssuer
            }
            Reason::NameNotAllowed(_) => Self::NameNotAllowed,
            Reason::NoPolicy => Self::NoPolicy,
            Reason::ChainTooLong { .. } | Reason::TooManyPaths => Self::TangledChain,
            Reason::UnknownIssuer
            | Reason::Expired { .. }
            | Reason::NotYetValid { .. }
            | Reason::Malformed(_)
            | Reason::UnknownCritical(_)
            | Reason::ForbiddenCritical(_)
            | Reason::WrongPurpose(_)
            | Reason::Signature(_)
            | Reason::Revocation(_) => Self::UnacceptableCertificate(plain(&reason.to_string())),
        }
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the library's list is open; the rest is the peer's fault"
    )]
    fn of_incompatible(incompatible: &PeerIncompatible) -> Self {
        match incompatible {
            PeerIncompatible::Tls12NotOffered
            | PeerIncompatible::Tls12NotOfferedOrEnabled
            | PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
            | PeerIncompatible::SupportedVersionsExtensionRequired => Self::NoCommonVersion,
            PeerIncompatible::NoCipherSuitesInCommon => Self::NoCommonSuite,
            PeerIncompatible::NoKxGroupsInCommon
            | PeerIncompatible::KeyShareExtensionRequired
            | PeerIncompatible::NamedGroupsExtensionRequired
            | PeerIncompatible::NoEcPointFormatsInCommon
            | PeerIncompatible::EcPointsExtensionRequired
            | PeerIncompatible::UncompressedEcPointsRequired => Self::NoCommonGroup,
            PeerIncompatible::NoSignatureSchemesInCommon
            | PeerIncompatible::NoCertificateRequestSignatureSchemesInCommon
            | PeerIncompatible::SignatureAlgorithmsExtensionRequired => Self::NoCommonSignature,
            other => Self::ProtocolViolation(format!("{other:?}")),
        }
    }
}

fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

/// Without control characters, and not longer than a line.
fn plain(text: &str) -> String {
    text.chars()
        .take(200)
        .flat_map(char::escape_debug)
        .collect()
}

fn wall(seconds: u64) -> Option<WallTime> {
    i64::try_from(seconds).ok().map(WallTime)
}
