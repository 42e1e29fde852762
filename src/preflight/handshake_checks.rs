//! Which check a failed handshake is about.

use crate::certs::CertificateFacts;
use crate::preflight::inspection;
use crate::preflight::own_checks::Owners;
use crate::preflight::peers::Peer;
use crate::preflight::verdict::Finding;
use crate::preflight::walk::Way;
use crate::tls::HandshakeFailure;
use crate::tls::failure::Cause;

/// A failed handshake with what is known besides.
pub(super) struct Case<'a> {
    pub(super) failure: &'a HandshakeFailure,
    pub(super) peer: &'a Peer,
    pub(super) way: &'a Way,
    pub(super) direct: Option<&'a Way>,
    pub(super) own: &'a Owners,
}

impl Case<'_> {
    /// The check that it is about, and what to say there.
    pub(super) fn finding(&self) -> (&'static str, Finding) {
        let id = self.check();
        let what = match (id, self.leaf()) {
            ("peer-inspection", Some(leaf)) => {
                let sign = inspection::sign(&leaf).or_else(|| self.other_directly());
                format!("{}; {}", self.failure, sign.unwrap_or_default())
            }
            ("peer-chain", Some(leaf)) => format!(
                "{}; the server sends its own certificate alone, and not that of \"{}\", which issued it",
                self.failure, leaf.issuer
            ),
            ("proxy-route", _) => self.astray(),
            _ => self.failure.to_string(),
        };
        let finding = Finding::error(what);
        let finding = match id {
            // The entries of these checks say more than the advice of a single failure.
            "proxy-route" | "peer-inspection" | "peer-chain" => finding,
            _ => finding.here(self.failure.hint()),
        };
        (id, self.in_sap(id, finding))
    }

    /// What is said about SAP's end.
    fn in_sap(&self, id: &str, finding: Finding) -> Finding {
        let is_our_refusal = id == "peer-accepts-us";
        match self.failure.seen_in_sap().filter(|_| is_our_refusal) {
            Some(seen) => finding.there(format!(
                "STRUST, SSL server Standard: add the root of the gateway's certificate to the \
                 certificate list, save, restart ICM in SMICM; dev_icm shows {seen}"
            )),
            None => finding,
        }
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "what is left is listed one by one in of_cause"
    )]
    fn check(&self) -> &'static str {
        if self.peer.via.is_some() && self.is_led_astray() {
            return "proxy-route";
        }
        match self.failure.cause() {
            Cause::UnknownIssuer => self.without_issuer(),
            Cause::RefusedByPeer(alert) => self.refused(u8::from(*alert)),
            Cause::ClosedByPeer | Cause::ResetByPeer if self.was_asked() => "peer-accepts-us",
            cause => of_cause(cause),
        }
    }

    /// Whether the far end was through with itself and had only us left to judge.
    fn was_asked(&self) -> bool {
        let shown = self.way.shown.as_ref();
        shown.is_some_and(|shown| shown.asked().is_some() && !shown.certificates().is_empty())
    }

    fn refused(&self, alert: u8) -> &'static str {
        match alert {
            PROTOCOL_VERSION => "peer-tls-version",
            UNRECOGNIZED_NAME => "peer-name",
            HANDSHAKE_FAILURE | INSUFFICIENT_SECURITY if !self.was_asked() => "peer-suite",
            HANDSHAKE_FAILURE | INSUFFICIENT_SECURITY => "peer-accepts-us",
            alert if OVER_CERTIFICATE.contains(&alert) => "peer-accepts-us",
            _ => "peer-tls",
        }
    }

    /// Nobody whom we believe has issued it: because something is missing, or because it is another's.
    fn without_issuer(&self) -> &'static str {
        let Some(leaf) = self.leaf() else {
            return "peer-trust";
        };
        let is_alone = self
            .way
            .shown
            .as_ref()
            .is_some_and(|shown| shown.certificates().len() == 1);
        let issued_it = |known: &CertificateFacts| {
            leaf.names_as_issuer(known) && leaf.names_key_of(known) != Some(false)
        };
        if is_alone && self.own.intermediates().any(issued_it) {
            "peer-chain"
        } else if inspection::sign(&leaf).is_some() || self.other_directly().is_some() {
            "peer-inspection"
        } else {
            "peer-trust"
        }
    }

    fn leaf(&self) -> Option<CertificateFacts> {
        self.way.shown.as_ref()?.certificates().into_iter().next()
    }

    /// That the host shows another certificate, which is good, where nothing stands in between.
    fn other_directly(&self) -> Option<String> {
        let direct = self.direct.filter(|way| matches!(way.hand, Some(Ok(_))))?;
        let there = direct.shown.as_ref()?.certificates().into_iter().next()?;
        let here = self.leaf()?;
        (there.fingerprint != here.fingerprint).then(|| {
            format!(
                "called directly, the host shows a certificate of \"{}\" that is good",
                there.issuer
            )
        })
    }

    /// Whether it is the way through PROXY that is wrong, and not the host behind it.
    fn is_led_astray(&self) -> bool {
        let same_directly = self.direct.and_then(|way| way.hand.as_ref()).is_some_and(
            |hand| matches!(hand, Err(failure) if failure.code() == self.failure.code()),
        );
        let is_of_the_way = matches!(
            self.failure.cause(),
            Cause::NameMismatch { .. }
                | Cause::NoAlternativeName { .. }
                | Cause::NotTls
                | Cause::ClosedByPeer
                | Cause::ResetByPeer
                | Cause::TimedOut
        );
        is_of_the_way && !same_directly && !self.was_refused_late()
    }

    /// A close behind our certificate is about that.
    fn was_refused_late(&self) -> bool {
        matches!(
            self.failure.cause(),
            Cause::ClosedByPeer | Cause::ResetByPeer
        ) && self.was_asked()
    }

    fn astray(&self) -> String {
        let via = self
            .peer
            .via
            .as_ref()
            .map_or_else(String::new, ToString::to_string);
        let directly = match self.direct.and_then(|way| way.hand.as_ref()) {
            Some(Ok(_)) => "called directly, the host answers as it should",
            Some(Err(_)) => "called directly, the host answers in another way",
            None => {
                "directly the host cannot be reached from here, which is in order behind a PROXY"
            }
        };
        format!("through PROXY {via}: {}; {directly}", self.failure)
    }
}

const HANDSHAKE_FAILURE: u8 = 40;
const PROTOCOL_VERSION: u8 = 70;
const INSUFFICIENT_SECURITY: u8 = 71;
const UNRECOGNIZED_NAME: u8 = 112;

/// Alerts with which a server says that it does not like our certificate, or misses one.
const OVER_CERTIFICATE: [u8; 8] = [42, 43, 44, 45, 46, 48, 49, 116];

fn of_cause(cause: &Cause) -> &'static str {
    match cause {
        Cause::UnknownIssuer | Cause::BadSignature => "peer-trust",
        Cause::Expired { .. } | Cause::NotYetValid { .. } | Cause::StaleSession => "peer-dates",
        Cause::Revoked | Cause::RevocationUnknown => "peer-revocation",
        Cause::WrongPurpose | Cause::WrongKeyUsage => "peer-purpose",
        Cause::NameMismatch { .. } | Cause::NoAlternativeName { .. } => "peer-name",
        Cause::WeakSignature
        | Cause::WeakKey
        | Cause::AuthorityAsLeaf
        | Cause::UnfitIssuer
        | Cause::NameNotAllowed
        | Cause::NoPolicy
        | Cause::TangledChain
        | Cause::OldCertificateVersion
        | Cause::CriticalExtension
        | Cause::MalformedCertificate
        | Cause::UnfitName(_)
        | Cause::UnacceptableCertificate(_) => "peer-strength",
        Cause::NoCommonVersion => "peer-tls-version",
        Cause::NoCommonSuite | Cause::NoCommonGroup | Cause::NoCommonSignature => "peer-suite",
        Cause::NoClientCertificate | Cause::RefusedByPeer(_) => "peer-accepts-us",
        Cause::NotTls
        | Cause::ClosedByPeer
        | Cause::ResetByPeer
        | Cause::TimedOut
        | Cause::ProtocolViolation(_)
        | Cause::Io(_)
        | Cause::Internal(_) => "peer-tls",
    }
}
