use std::sync::Arc;

use rustls::pki_types::{ServerName, UnixTime};
use rustls::{OtherError, PeerIncompatible};

use super::*;
use crate::certs::path::Purpose;
use crate::certs::signature::KeyDefect;
use crate::certs::testdata::{self, authority, leaf};
use crate::model::WallTime;

fn tls(error: Error) -> HandshakeFailure {
    let io = io::Error::new(io::ErrorKind::InvalidData, error);
    HandshakeFailure::from_io(&io, Direction::Inbound)
}

fn refused(error: CertificateError) -> HandshakeFailure {
    tls(Error::InvalidCertificate(error))
}

fn path(reason: Reason) -> HandshakeFailure {
    let subject = "CN=Sub CA".to_owned();
    let refusal = Refusal { subject, reason };
    refused(CertificateError::Other(OtherError(Arc::new(refusal))))
}

/// One failure of every kind.
fn all() -> Vec<HandshakeFailure> {
    let time = UnixTime::since_unix_epoch(std::time::Duration::from_hours(501_072));
    let incompatible = |what| tls(Error::PeerIncompatible(what));
    let io = |kind| HandshakeFailure::from_io(&io::Error::from(kind), Direction::Inbound);
    vec![
        tls(Error::NoCertificatesPresented),
        refused(CertificateError::UnknownIssuer),
        refused(CertificateError::ExpiredContext {
            time,
            not_after: time,
        }),
        refused(CertificateError::NotValidYetContext {
            time,
            not_before: time,
        }),
        refused(CertificateError::Revoked),
        refused(CertificateError::InvalidPurpose),
        mismatch("side-a.example", &["other.example"]),
        mismatch("side-a.example", &[]).over(Some(&pem_leaf(testdata::SHA1_CERTIFICATE))),
        refused(CertificateError::BadSignature),
        refused(CertificateError::UnsupportedSignatureAlgorithmContext {
            signature_algorithm_id: vec![],
            supported_algorithms: vec![],
        }),
        refused(CertificateError::UnknownRevocationStatus),
        path(Reason::AuthorityAsLeaf),
        path(Reason::WrongKeyUsage(Purpose::Client)),
        path(Reason::TooManyBelow { limit: 0 }),
        path(Reason::OldVersion(1)),
        path(Reason::UnfitKey(KeyDefect::UnsupportedKind)),
        path(Reason::NameNotAllowed("gw.example".to_owned())),
        path(Reason::NoPolicy),
        path(Reason::TooManyPaths),
        refused(CertificateError::UnhandledCriticalExtension),
        refused(CertificateError::BadEncoding),
        refused(CertificateError::BadEncoding).over(Some(&leaf(&authority("CA"), "a\nb").der)),
        refused(CertificateError::ApplicationVerificationFailure),
        incompatible(PeerIncompatible::Tls12NotOffered),
        incompatible(PeerIncompatible::NoCipherSuitesInCommon),
        incompatible(PeerIncompatible::NoKxGroupsInCommon),
        incompatible(PeerIncompatible::NoSignatureSchemesInCommon),
        tls(Error::InvalidMessage(
            rustls::InvalidMessage::InvalidContentType,
        )),
        tls(Error::AlertReceived(AlertDescription::UnknownCA)),
        io(io::ErrorKind::UnexpectedEof),
        io(io::ErrorKind::ConnectionReset),
        HandshakeFailure::timed_out(Direction::Inbound),
        HandshakeFailure::new(Direction::Inbound, Cause::StaleSession),
        tls(Error::DecryptError),
        io(io::ErrorKind::OutOfMemory),
        tls(Error::FailedToGetRandomBytes),
    ]
}

fn mismatch(host: &'static str, presented: &[&str]) -> HandshakeFailure {
    refused(CertificateError::NotValidForNameContext {
        expected: ServerName::try_from(host).expect("a name"),
        presented: presented.iter().map(|name| (*name).to_owned()).collect(),
    })
}

fn pem_leaf(pem: &str) -> CertificateDer<'static> {
    use rustls::pki_types::pem::PemObject as _;
    CertificateDer::from_pem_slice(pem.as_bytes()).expect("PEM")
}

#[test]
fn every_cause_has_its_own_code_and_a_hint() {
    let all = all();
    let mut codes: Vec<_> = all.iter().map(HandshakeFailure::code).collect();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), all.len());
    for failure in &all {
        assert!(!failure.hint().is_empty());
        let text = failure.to_string();
        assert!(
            text.starts_with(char::is_lowercase) || text.starts_with("the "),
            "{text}"
        );
        assert!(!text.ends_with('.') && text.len() < 400, "{text}");
    }
}

#[test]
fn the_sentence_says_who_refused_whom_over_which_certificate_and_with_which_alert() {
    let issued = leaf(&authority("Foreign CA"), "sap.example");
    let failure = refused(CertificateError::UnknownIssuer).over(Some(&issued.der));
    let text = failure.to_string();
    for part in [
        "refused the client: no authority in CA_FILE issued its certificate",
        "certificate of \"CN=sap.example\", serial ",
        "issued by \"CN=Foreign CA,O=",
        "sent alert unknown_ca (48)",
    ] {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn h3_a_name_with_a_line_break_or_a_nul_is_refused_in_words_of_its_own() {
    let failure = |name: &str| {
        let issued = leaf(&authority("CA"), name);
        refused(CertificateError::BadEncoding).over(Some(&issued.der))
    };
    for name in ["a\nb", "a\rb", "a\0b"] {
        let failure = failure(name);
        let text = failure.to_string();
        assert_eq!(failure.code(), "unfit-name");
        assert!(
            text.starts_with(
                "refused the client: the subject of its certificate holds a NUL or a line break; \
                 certificate of \"CN=a\\0"
            ),
            "{text}"
        );
        assert!(text.ends_with("sent alert bad_certificate (42)"), "{text}");
        assert!(failure.hint().contains("issued again"));
    }
    assert_eq!(failure("a\tb").code(), "malformed-certificate");
}

#[test]
fn what_the_sentence_does_not_say_of_the_chain_is_added() {
    let shown = leaf(&authority("CA"), "sap.example").der;
    let told = |subject: &str, reason: Reason| {
        let subject = subject.to_owned();
        refused(CertificateError::Expired)
            .over(Some(&shown))
            .because(Some(Refusal { subject, reason }))
            .to_string()
    };
    let not_after = WallTime(0);
    let of_another = told("CN=Sub CA", Reason::Expired { not_after });
    assert!(
        of_another.contains(
            "; the certificate of \"CN=Sub CA\" is not accepted: it expired on \
             1970-01-01T00:00:00Z; sent alert certificate_expired (45)"
        ),
        "{of_another}"
    );
    // Of the peer's own the sentence has said so already.
    let of_its_own = told("CN=sap.example", Reason::Expired { not_after });
    assert!(!of_its_own.contains("is not accepted"), "{of_its_own}");
    let with_more = told(
        "CN=sap.example",
        Reason::UnknownCritical("1.2.3".to_owned()),
    );
    assert!(with_more.contains("its critical extension 1.2.3 is not understood"));
}

#[test]
fn a_missing_client_certificate_points_to_the_pse_and_the_authorities() {
    let failure = tls(Error::NoCertificatesPresented);
    assert!(failure.hint().contains("STRUST") && failure.hint().contains("CA_FILE"));
    assert_eq!(
        failure.alert(),
        Some(Alert::Sent(AlertDescription::CertificateRequired))
    );
}

#[test]
fn a_certificate_without_alternative_names_names_the_flag() {
    let leaf = pem_leaf(testdata::SHA1_CERTIFICATE);
    let failure = mismatch("sha1.example", &[]).over(Some(&leaf));
    assert_eq!(failure.code(), "no-alternative-name");
    assert!(
        failure
            .to_string()
            .contains("only the common name \"sha1.example\""),
        "{failure}"
    );
    assert!(failure.hint().contains("LEGACY_CN_MATCH=1"));
    // Where the common name is another host's the flag would not help, and is not mentioned.
    let failure = mismatch("side-a.example", &[]).over(Some(&leaf));
    assert!(!failure.hint().contains("LEGACY_CN_MATCH"));
    // With alternative names, even wrong ones, the flag would not help and is not mentioned.
    let failure =
        mismatch("side-a.example", &["gw.example"]).over(Some(&pem_leaf(testdata::CERTIFICATE)));
    assert!(!failure.hint().contains("LEGACY_CN_MATCH"));
}

#[test]
fn an_alert_of_the_peer_is_told_as_what_sap_shows() {
    let received = |alert, direction| {
        let io = io::Error::new(io::ErrorKind::InvalidData, Error::AlertReceived(alert));
        HandshakeFailure::from_io(&io, direction)
    };
    let untrusted = received(AlertDescription::UnknownCA, Direction::Inbound);
    assert!(
        untrusted
            .seen_in_sap()
            .is_some_and(|text| text.contains("-102") && text.contains("421"))
    );
    let missing = received(AlertDescription::CertificateRequired, Direction::Outbound);
    assert!(
        missing
            .seen_in_sap()
            .is_some_and(|text| text.contains("-20"))
    );
    assert_eq!(
        missing.to_string(),
        "the server refused us: it wants a certificate and got none; received alert \
         certificate_required (116)"
    );
}

#[test]
fn no_control_character_of_the_peer_reaches_a_text() {
    let failure = mismatch("side-a.example", &["a\r\nb\u{1b}[31m"]);
    assert!(
        !failure.to_string().chars().any(char::is_control),
        "{failure}"
    );
    let violation = tls(Error::General("x\ny".to_owned()));
    assert!(
        !violation.to_string().chars().any(char::is_control),
        "{violation}"
    );
}

#[test]
fn the_list_of_supported_algorithms_is_never_printed() {
    let failure = all()
        .into_iter()
        .find(|failure| failure.code() == "weak-signature");
    assert!(failure.is_some_and(|failure| failure.to_string().len() < 200));
}
