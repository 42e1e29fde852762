//! What to do about a failed handshake, and what the other end of it looks like in SAP.

use rustls::AlertDescription;

use crate::tls::failure::{Cause, Direction};

/// What to do next.
pub(super) fn hint(cause: &Cause, direction: Direction) -> &'static str {
    over_certificate(cause, direction)
        .or_else(|| over_chain(cause))
        .unwrap_or_else(|| over_connection(cause, direction))
}

/// What to do about a certificate of the peer's that was refused.
fn over_certificate(cause: &Cause, direction: Direction) -> Option<&'static str> {
    use Direction::{Inbound, Outbound};
    Some(match (cause, direction) {
        (Cause::NoClientCertificate, _) => {
            "SAP shows a certificate only if its issuer is among the authorities of our CA_FILE and \
             the SM59 destination uses a PSE that has one: check the PSE in STRUST (ANONYM has \
             none) and compare its issuer with CA_FILE; restart ICM after a PSE change"
        }
        (Cause::UnknownIssuer, Inbound) => {
            "put the authority that issued the client's certificate into CA_FILE (in the model with \
             separate authorities that is the other side's), with intermediates the client does \
             not send"
        }
        (Cause::UnknownIssuer, Outbound) => {
            "put the authority that issued the server's certificate into CA_FILE; an issuer that \
             nobody knows may be that of a TLS-inspecting proxy on the way"
        }
        (Cause::Expired { .. }, _) => {
            "have the peer's certificate renewed, or the one of its authority; if it is in date, \
             check the clocks of both hosts"
        }
        (Cause::NotYetValid { .. }, _) => "check the clocks of both hosts",
        (Cause::Revoked, _) => "the peer needs a new certificate; the old one must not be used",
        (Cause::RevocationUnknown, _) => {
            "put the current revocation list of that authority where CRL_FILE points, and reload; \
             CRL_COVERAGE and CRL_EXPIRED say what is let in without one"
        }
        (Cause::WrongPurpose, Inbound) => {
            "have the client's certificate issued with clientAuth (and serverAuth, since one \
             certificate serves both roles), or without any extended key usage"
        }
        (Cause::WrongPurpose, Outbound) => {
            "have the server's certificate issued with serverAuth (and clientAuth, since one \
             certificate serves both roles), or without any extended key usage"
        }
        (Cause::NameMismatch { .. }, _) => {
            "call the host by a name that its certificate holds, or have the name added to the \
             certificate's subject alternative names"
        }
        // Only then would the switch help.
        (
            Cause::NoAlternativeName {
                expected,
                common_name: Some(name),
            },
            _,
        ) if name.eq_ignore_ascii_case(expected) => {
            "have the certificate issued with the host as a subject alternative name; until then \
             LEGACY_CN_MATCH=1 in ssl.ini accepts its common name"
        }
        (Cause::NoAlternativeName { .. }, _) => {
            "call the host by the name that its certificate was issued for, or have one issued \
             with the host as a subject alternative name"
        }
        (Cause::UnfitName(_), _) => {
            "have the client's certificate issued again without control characters in its names; \
             if nobody knows why they are there, take it for an attack on whoever reads names"
        }
        (Cause::UnacceptableCertificate(_), _) => "inspect the peer's certificate",
        (Cause::StaleSession, Inbound) => "the client has to connect anew with a valid certificate",
        (Cause::StaleSession, Outbound) => {
            "the next connection is a full handshake, which shows the server's certificate of today"
        }
        _ => return None,
    })
}

/// What to do about a chain that was refused for what one of its certificates says or is signed
/// with, whoever the peer is.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "what is left has its advice elsewhere in this file"
)]
fn over_chain(cause: &Cause) -> Option<&'static str> {
    Some(match cause {
        Cause::BadSignature => {
            "the peer's key does not fit its certificate, or an authority of the same name with \
             another key is in CA_FILE"
        }
        Cause::WeakSignature => "have the peer's chain issued again with SHA-256 or better",
        Cause::WeakKey => {
            "have the peer's certificate issued again for an RSA key of 2048 bits or more, or for \
             P-256"
        }
        Cause::WrongKeyUsage => {
            "have the peer's certificate issued again with digitalSignature in its key usage, or \
             without any key usage"
        }
        Cause::AuthorityAsLeaf => {
            "the peer needs a certificate of its own; an authority's, or a self-signed one that \
             calls itself an authority, is not accepted as a host's"
        }
        Cause::UnfitIssuer => {
            "have the intermediate authority's certificate issued again: it lacks CA:TRUE or \
             keyCertSign, or it limits path length"
        }
        Cause::NameNotAllowed => {
            "have the certificate issued for names that its authority is allowed, or the limits of \
             the authority widened (name constraints)"
        }
        Cause::NoPolicy => {
            "have the certificate issued with a policy that its authority demands (policy \
             constraints)"
        }
        Cause::TangledChain => {
            "let the peer send its own certificate and its intermediates only, not a whole bundle \
             of authorities"
        }
        Cause::OldCertificateVersion => "have the peer's certificate issued as version 3",
        Cause::CriticalExtension | Cause::MalformedCertificate => {
            "have the peer's certificate issued again without the extension"
        }
        _ => return None,
    })
}

/// What to do about a connection that did not come to certificates, or was refused by the peer.
fn over_connection(cause: &Cause, direction: Direction) -> &'static str {
    use Direction::{Inbound, Outbound};
    match (cause, direction) {
        (Cause::NoCommonVersion, Inbound) => {
            "TLS 1.2 is the least: let SAP offer it with ssl/client_ciphersuites=150:... and \
             CommonCryptoLib 8.4.48 or later"
        }
        (Cause::NoCommonVersion, Outbound) => {
            "TLS 1.2 is the least: let SAP serve it with ssl/ciphersuites=135:... and \
             CommonCryptoLib 8.4.48 or later; check MIN_VERSION and MAX_VERSION as well"
        }
        (Cause::NoCommonSuite | Cause::NoCommonGroup | Cause::NoCommonSignature, _) => {
            "let the peer offer ECDHE with AES-GCM (PFS:HIGH in SAP's cipher string, curves \
             EC_P256 or EC_X25519), and see what CIPHERSUITES here comes down to"
        }
        (Cause::NotTls, Inbound) => {
            "the client speaks plain HTTP to a TLS port: switch SSL on in the SM59 destination, or \
             use https:// in its URL"
        }
        (Cause::NotTls, Outbound) => {
            "the port is no TLS port: use the HTTPS port of the host (SMICM, Services), or http:// \
             in the address"
        }
        (Cause::RefusedByPeer(alert), direction) => refused(*alert, direction),
        (Cause::ClosedByPeer | Cause::ResetByPeer, Inbound) => {
            "a port scan or a load balancer's check does this; if it is SAP, look into dev_icm for \
             the reason, most often that it does not trust our certificate"
        }
        (Cause::ClosedByPeer | Cause::ResetByPeer, Outbound) => {
            "the port may not be a TLS port, a router on the way may not have reached the host, or \
             the server wants another certificate; look into its log"
        }
        (Cause::TimedOut, _) => {
            "check the network between the hosts; a firewall that drops packets looks like this, \
             and so does a server that is stuck"
        }
        (Cause::ProtocolViolation(_), _) => {
            "check for a device on the way that changes or repeats data; report it if there is none"
        }
        (Cause::Io(_), _) => "check the operating system's limits and log",
        _ => "report this with the log around it",
    }
}

/// What to do when the peer refused us.
fn refused(alert: AlertDescription, direction: Direction) -> &'static str {
    match (alert, direction) {
        (AlertDescription::UnknownCA, Direction::Inbound) => {
            "import the authority of our certificate into the client PSE in STRUST and restart ICM"
        }
        (AlertDescription::UnknownCA, Direction::Outbound) => {
            "import the authority of our certificate into the server PSE in STRUST and restart ICM"
        }
        (
            AlertDescription::CertificateRequired | AlertDescription::HandshakeFailure,
            Direction::Outbound,
        ) => {
            "see whether the server trusts the authority of our certificate (STRUST, server PSE), \
             and whether it offers TLS 1.2 with ECDHE and AES-GCM"
        }
        (AlertDescription::CertificateExpired, _) => {
            "renew our certificate, or check the peer's clock"
        }
        (
            AlertDescription::BadCertificate
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnsupportedCertificate,
            _,
        ) => {
            "check that our certificate's names hold the host the peer calls, and that its extended \
             key usage has serverAuth and clientAuth"
        }
        (AlertDescription::ProtocolVersion | AlertDescription::InsufficientSecurity, _) => {
            "compare the TLS versions and the cipher strings of both ends"
        }
        (AlertDescription::UnrecognisedName, _) => {
            "call the server by the name it is configured with"
        }
        _ => "look into the peer's log (dev_icm in SAP) at the same second",
    }
}

/// What SAP shows, where the peer is SAP.
pub(super) fn seen_in_sap(cause: &Cause, direction: Direction) -> Option<&'static str> {
    use Direction::{Inbound, Outbound};
    Some(match (cause, direction) {
        (Cause::NotTls, Inbound) | (Cause::Io(_) | Cause::Internal(_), _) => return None,
        (Cause::RefusedByPeer(AlertDescription::UnknownCA), Inbound) => {
            "SSSLERR_PEER_CERT_UNTRUSTED (-102), ICM 421 SSL_PEER_CERT_UNTRUSTED"
        }
        (Cause::RefusedByPeer(AlertDescription::CertificateExpired), Inbound) => {
            "ICM 418 SSL_PEER_CERT_EXPIRED"
        }
        (Cause::RefusedByPeer(AlertDescription::BadCertificate), Inbound) => {
            "SSSLERR_SERVER_CERT_MISMATCH (-30), ICM 415 SSL_CERT_MISMATCH"
        }
        (
            Cause::RefusedByPeer(
                AlertDescription::CertificateRequired | AlertDescription::HandshakeFailure,
            ),
            Outbound,
        ) => "SSSLERR_NO_CLIENT_CERT (-20) or SSSLERR_SSL_ACCEPT (-56)",
        (Cause::RefusedByPeer(AlertDescription::UnknownCA), Outbound) => {
            "SSSLERR_PEER_CERT_UNTRUSTED (-102)"
        }
        (Cause::NotTls, Outbound) => "SSSLERR_HTTP_REQUEST (-26) or SSSLERR_NO_SSL_REQUEST (-25)",
        (Cause::ClosedByPeer | Cause::ResetByPeer, _) => "SSSLERR_CONN_CLOSED (-10)",
        (Cause::TimedOut, Inbound) => "ICM 402 TIMEOUT",
        (_, Inbound) => {
            "SSSLERR_SSL_CONNECT (-57) or, in TLSv1.3, SSSLERR_SSL_READ (-58); ICM 407 SSL_ERROR"
        }
        (_, Outbound) => "SSSLERR_SSL_ACCEPT (-56)",
    })
}
