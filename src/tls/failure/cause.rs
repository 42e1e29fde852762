//! [`Cause`]: the closed list of what can go wrong in a handshake.

use std::fmt;

use rustls::AlertDescription;

use crate::certs::inspect::UnfitName;
use crate::model::WallTime;

/// What went wrong in a handshake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// A client showed no certificate where one is required.
    NoClientCertificate,
    /// No trusted authority issued the certificate.
    UnknownIssuer,
    /// The certificate's last second has passed.
    Expired {
        /// That second, where it is known.
        since: Option<WallTime>,
    },
    /// The certificate's first second is still to come.
    NotYetValid {
        /// That second, where it is known.
        from: Option<WallTime>,
    },
    /// The certificate has been revoked.
    Revoked,
    /// Whether the certificate has been revoked is not known, and has to be.
    RevocationUnknown,
    /// The extended key usage lacks the role in which the certificate was shown.
    WrongPurpose,
    /// The key usage allows nothing that a peer's key does in a handshake.
    WrongKeyUsage,
    /// The certificate names other hosts.
    NameMismatch {
        /// The host that was called.
        expected: String,
        /// The hosts the certificate names, escaped.
        presented: String,
    },
    /// The certificate has no subject alternative name at all.
    NoAlternativeName {
        /// The host that was called.
        expected: String,
        /// The common name, escaped.
        common_name: Option<String>,
    },
    /// A signature does not fit the key that is said to have made it.
    BadSignature,
    /// A certificate is signed with SHA-1 or with an algorithm that is not supported.
    WeakSignature,
    /// The certificate's key is too short, or of a kind that is not supported.
    WeakKey,
    /// An authority's own certificate was shown as a host's.
    AuthorityAsLeaf,
    /// A certificate of an issuer is not an authority's, or may not have issued this one.
    UnfitIssuer,
    /// A certificate carries a name that an authority above it may not vouch for.
    NameNotAllowed,
    /// An authority demands a certificate policy, and none holds for the whole chain.
    NoPolicy,
    /// The chain is too long, or has too many certificates that could belong together.
    TangledChain,
    /// The certificate is X.509 version 1.
    OldCertificateVersion,
    /// The certificate has a critical extension that is not understood.
    CriticalExtension,
    /// The certificate cannot be read.
    MalformedCertificate,
    /// A name of the certificate may be read in two ways.
    UnfitName(UnfitName),
    /// The certificate was refused for another reason.
    UnacceptableCertificate(String),
    /// No protocol version in common.
    NoCommonVersion,
    /// No cipher suite in common.
    NoCommonSuite,
    /// No curve in common.
    NoCommonGroup,
    /// No signature algorithm in common.
    NoCommonSignature,
    /// What arrived is not TLS.
    NotTls,
    /// The peer refused with an alert.
    RefusedByPeer(AlertDescription),
    /// The peer closed the connection in the middle, without an alert.
    ClosedByPeer,
    /// The connection was reset.
    ResetByPeer,
    /// It took too long.
    TimedOut,
    /// A resumed session rests on a certificate that is not accepted any more.
    StaleSession,
    /// The peer broke the protocol.
    ProtocolViolation(String),
    /// The operating system failed.
    Io(String),
    /// The TLS library failed here.
    Internal(String),
}

impl Cause {
    /// A stable short code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoClientCertificate => "no-client-certificate",
            Self::UnknownIssuer => "unknown-issuer",
            Self::Expired { .. } => "certificate-expired",
            Self::NotYetValid { .. } => "certificate-not-yet-valid",
            Self::Revoked => "certificate-revoked",
            Self::RevocationUnknown => "revocation-unknown",
            Self::WrongPurpose => "wrong-purpose",
            Self::WrongKeyUsage => "wrong-key-usage",
            Self::NameMismatch { .. } => "name-mismatch",
            Self::NoAlternativeName { .. } => "no-alternative-name",
            Self::BadSignature => "bad-signature",
            Self::WeakSignature => "weak-signature",
            Self::WeakKey => "weak-key",
            Self::AuthorityAsLeaf => "authority-as-leaf",
            Self::UnfitIssuer => "unfit-issuer",
            Self::NameNotAllowed => "name-not-allowed",
            Self::NoPolicy => "no-policy",
            Self::TangledChain => "tangled-chain",
            Self::OldCertificateVersion => "old-certificate-version",
            Self::CriticalExtension => "critical-extension",
            Self::MalformedCertificate => "malformed-certificate",
            Self::UnfitName(_) => "unfit-name",
            Self::UnacceptableCertificate(_) => "unacceptable-certificate",
            Self::NoCommonVersion => "no-common-version",
            Self::NoCommonSuite => "no-common-suite",
            Self::NoCommonGroup => "no-common-group",
            Self::NoCommonSignature => "no-common-signature",
            Self::NotTls => "not-tls",
            Self::RefusedByPeer(_) => "refused-by-peer",
            Self::ClosedByPeer => "closed-by-peer",
            Self::ResetByPeer => "reset-by-peer",
            Self::TimedOut => "timed-out",
            Self::StaleSession => "stale-session",
            Self::ProtocolViolation(_) => "protocol-violation",
            Self::Io(_) => "io",
            Self::Internal(_) => "internal",
        }
    }

    /// Writes the sentence; the peer is a client or a server.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "what is left are refusals of ours, and they are listed one by one below"
    )]
    pub(super) fn describe(&self, peer: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCommonVersion => write!(f, "no TLS version in common with the {peer}"),
            Self::NoCommonSuite => write!(f, "no cipher suite in common with the {peer}"),
            Self::NoCommonGroup => write!(f, "no elliptic curve in common with the {peer}"),
            Self::NoCommonSignature => {
                write!(f, "no signature algorithm in common with the {peer}")
            }
            Self::NotTls => write!(f, "what the {peer} sent is not TLS"),
            Self::RefusedByPeer(alert) => {
                write!(f, "the {peer} refused us: {}", alert_words(*alert).1)
            }
            Self::ClosedByPeer => {
                write!(f, "the {peer} closed the connection during the handshake")
            }
            Self::ResetByPeer => write!(f, "the {peer} reset the connection during the handshake"),
            Self::TimedOut => write!(f, "the handshake with the {peer} took too long"),
            Self::ProtocolViolation(how) => write!(f, "the {peer} broke the protocol ({how})"),
            Self::Io(how) => write!(f, "the handshake with the {peer} failed ({how})"),
            Self::Internal(how) => write!(f, "the TLS library failed ({how})"),
            refusal => {
                write!(f, "refused the {peer}: ")?;
                refusal.describe_refusal(peer, f)
            }
        }
    }

    /// Writes why we refused the peer; nothing for the causes that are no refusal of ours.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "what is left is listed one by one right below"
    )]
    fn describe_refusal(&self, peer: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fixed = match self {
            Self::Expired { since: Some(since) } => {
                return write!(
                    f,
                    "its certificate, or one of its chain, expired on {since}"
                );
            }
            Self::NotYetValid { from: Some(from) } => {
                return write!(f, "its certificate is not valid before {from}");
            }
            Self::WrongPurpose => {
                return write!(
                    f,
                    "its certificate's extended key usage does not allow {peer} authentication"
                );
            }
            Self::NameMismatch {
                expected,
                presented,
            } => {
                return write!(
                    f,
                    "\"{expected}\" was called, and its certificate is for \"{presented}\""
                );
            }
            Self::NoAlternativeName {
                expected,
                common_name,
            } => {
                let common_name = common_name.as_deref().unwrap_or_default();
                return write!(
                    f,
                    "\"{expected}\" was called, and its certificate names no host in a subject \
                     alternative name, only the common name \"{common_name}\""
                );
            }
            Self::UnfitName(name) => return write!(f, "{name}"),
            Self::UnacceptableCertificate(why) => {
                return write!(f, "its certificate is not acceptable ({why})");
            }
            Self::NoClientCertificate => "it showed no certificate",
            Self::UnknownIssuer => "no authority in CA_FILE issued its certificate",
            Self::Expired { since: None } => "its certificate, or one of its chain, has expired",
            Self::NotYetValid { from: None } => "its certificate is not valid yet",
            Self::Revoked => "its certificate, or one of its chain, has been revoked",
            Self::RevocationUnknown => {
                "whether its certificate, or one of its chain, has been revoked is not known"
            }
            Self::StaleSession => {
                "the session it resumed rests on a certificate that is not accepted any more"
            }
            other => return f.write_str(other.words_over_chain()),
        };
        f.write_str(fixed)
    }

    /// Why we refused the chain for what one of its certificates says or is signed with; nothing
    /// for the causes that are no refusal of ours.
    fn words_over_chain(&self) -> &'static str {
        match self {
            Self::BadSignature => "a signature does not fit the key of its certificate",
            Self::WeakSignature => {
                "a certificate of its chain is signed with an algorithm that is not accepted"
            }
            Self::WeakKey => "the key of its certificate is not accepted",
            Self::WrongKeyUsage => {
                "the key usage of its certificate does not allow what its key has to do here"
            }
            Self::AuthorityAsLeaf => "it showed an authority's certificate as its own",
            Self::UnfitIssuer => "a certificate of its chain was not allowed to issue the next one",
            Self::NameNotAllowed => {
                "a certificate of its chain carries a name that an authority above it may not \
                 vouch for"
            }
            Self::NoPolicy => {
                "an authority demands a certificate policy, and none holds for its whole chain"
            }
            Self::TangledChain => {
                "its chain is too long, or has too many certificates that could belong together"
            }
            Self::OldCertificateVersion => "its certificate is X.509 version 1",
            Self::CriticalExtension => {
                "its certificate, or one of its chain, has a critical extension that is not \
                 understood"
            }
            Self::MalformedCertificate => "a certificate of its chain cannot be read",
            Self::NoClientCertificate
            | Self::UnknownIssuer
            | Self::Expired { .. }
            | Self::NotYetValid { .. }
            | Self::Revoked
            | Self::RevocationUnknown
            | Self::UnfitName(_)
            | Self::WrongPurpose
            | Self::NameMismatch { .. }
            | Self::NoAlternativeName { .. }
            | Self::UnacceptableCertificate(_)
            | Self::StaleSession
            | Self::NoCommonVersion
            | Self::NoCommonSuite
            | Self::NoCommonGroup
            | Self::NoCommonSignature
            | Self::NotTls
            | Self::RefusedByPeer(_)
            | Self::ClosedByPeer
            | Self::ResetByPeer
            | Self::TimedOut
            | Self::ProtocolViolation(_)
            | Self::Io(_)
            | Self::Internal(_) => "",
        }
    }
}

/// The standard's name of an alert.
pub(super) fn alert_name(alert: AlertDescription) -> &'static str {
    alert_words(alert).0
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the list of alerts is open, and the obsolete ones need no words of their own"
)]
fn alert_words(alert: AlertDescription) -> (&'static str, &'static str) {
    match alert {
        AlertDescription::CloseNotify => ("close_notify", "it ended the connection"),
        AlertDescription::UnexpectedMessage => {
            ("unexpected_message", "it was surprised by a message")
        }
        AlertDescription::BadRecordMac => ("bad_record_mac", "a record arrived damaged"),
        AlertDescription::RecordOverflow => ("record_overflow", "a record was too large"),
        AlertDescription::HandshakeFailure => (
            "handshake_failure",
            "nothing that both sides can do, or no certificate from us where it wants one",
        ),
        AlertDescription::BadCertificate => {
            ("bad_certificate", "our certificate is not acceptable to it")
        }
        AlertDescription::UnsupportedCertificate => (
            "unsupported_certificate",
            "our certificate is of a kind or for a purpose that it does not accept",
        ),
        AlertDescription::CertificateRevoked => {
            ("certificate_revoked", "our certificate is revoked")
        }
        AlertDescription::CertificateExpired => (
            "certificate_expired",
            "our certificate is out of date by its clock",
        ),
        AlertDescription::CertificateUnknown => (
            "certificate_unknown",
            "our certificate is not acceptable to it",
        ),
        AlertDescription::IllegalParameter => ("illegal_parameter", "a value was out of its range"),
        AlertDescription::UnknownCA => (
            "unknown_ca",
            "it does not trust the authority that issued our certificate",
        ),
        AlertDescription::AccessDenied => {
            ("access_denied", "our certificate is good and not admitted")
        }
        AlertDescription::DecodeError => ("decode_error", "it could not read a message"),
        AlertDescription::DecryptError => ("decrypt_error", "a signature or a checksum was wrong"),
        AlertDescription::ProtocolVersion => {
            ("protocol_version", "it does not speak our TLS versions")
        }
        AlertDescription::InsufficientSecurity => {
            ("insufficient_security", "it wants stronger cipher suites")
        }
        AlertDescription::InternalError => ("internal_error", "it failed inside"),
        AlertDescription::InappropriateFallback => (
            "inappropriate_fallback",
            "the version was lowered on the way",
        ),
        AlertDescription::UserCanceled => ("user_canceled", "it gave up"),
        AlertDescription::MissingExtension => ("missing_extension", "it missed an extension"),
        AlertDescription::UnsupportedExtension => (
            "unsupported_extension",
            "it was sent an extension it did not ask for",
        ),
        AlertDescription::UnrecognisedName => (
            "unrecognized_name",
            "it does not know the host name we called",
        ),
        AlertDescription::CertificateRequired => (
            "certificate_required",
            "it wants a certificate and got none",
        ),
        AlertDescription::NoApplicationProtocol => (
            "no_application_protocol",
            "it wants another application protocol",
        ),
        _ => ("other", "for a reason that has no common name"),
    }
}
