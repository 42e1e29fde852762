use proptest::prelude::*;

use rustls::pki_types::CertificateDer;

use super::*;
use crate::certs::issue::{KeyChoice, LeafSpec};
use crate::certs::testdata::{authority, leaf, now};

#[test]
fn the_facts_of_a_leaf_are_those_it_was_issued_with() {
    let spec = LeafSpec {
        alternative_names: vec!["gw.example".to_owned(), "10.0.0.5".to_owned()],
        key: KeyChoice::Rsa2048,
        ..LeafSpec::for_name("gw.example", now())
    };
    let issued = authority("CA").issue(&spec).expect("issued");
    let facts = CertificateFacts::of(&issued.der).expect("a certificate");
    assert_eq!(facts.subject, "CN=gw.example");
    assert_eq!(facts.issuer, "CN=CA,O=crmgate throw-away PKI");
    assert_eq!(facts.common_name(), Some("gw.example"));
    assert_eq!(
        facts.alternative_names_line(),
        "DNS:gw.example, IP:10.0.0.5"
    );
    assert_eq!(facts.key, KeyKind::Rsa(2048));
    assert_eq!(facts.version, 3);
    assert!(!facts.self_issued);
    assert_eq!(facts.not_after, spec.not_after);
    assert!(!facts.signature_is_weak);
}

#[test]
fn an_authority_names_itself_and_what_it_issued_names_it() {
    let ca = authority("CA");
    let own = CertificateFacts::of(ca.der()).expect("a certificate");
    let issued = CertificateFacts::of(&leaf(&ca, "x").der).expect("a certificate");
    assert!(own.self_issued && own.ca == Some(true));
    assert_eq!(own.may_sign_certificates, Some(true));
    assert!(issued.names_as_issuer(&own) && !own.names_as_issuer(&issued));
}

#[test]
fn the_key_that_signed_is_told_from_another_under_the_same_name() {
    let (ca, twin) = (authority("CA"), authority("CA"));
    let issued = leaf(&ca, "x").der;
    assert!(is_signed_by(&issued, ca.der()) && !is_signed_by(&issued, twin.der()));
    assert!(is_signed_by(ca.der(), ca.der()));
    let facts = |der| CertificateFacts::of(der).expect("a certificate");
    let issued = facts(&issued);
    assert!(issued.names_as_issuer(&facts(twin.der())));
    assert_eq!(issued.names_key_of(&facts(ca.der())), Some(true));
    assert_eq!(issued.names_key_of(&facts(twin.der())), Some(false));
    assert!(facts(ca.der()).is_root() && !issued.is_root());
}

#[test]
fn the_principal_carries_subject_issuer_serial_and_fingerprint() {
    let issued = leaf(&authority("CA"), "agent.example");
    let principal = holder(&issued.der).expect("a certificate");
    assert_eq!(principal.subject, "CN=agent.example");
    assert_eq!(principal.issuer, "CN=CA,O=crmgate throw-away PKI");
    assert_eq!(principal.fingerprint, Fingerprint(sha256(&issued.der)));
    assert!(principal.serial.bytes().all(|b| b.is_ascii_hexdigit()));
}

#[test]
fn a_name_with_a_line_break_prints_on_one_line() {
    let mut spec = LeafSpec::for_name("gw.example", now());
    spec.common_name = "evil\r\nlevel=info, CN=other".to_owned();
    let issued = authority("CA").issue(&spec).expect("issued");
    let facts = CertificateFacts::of(&issued.der).expect("a certificate");
    assert_eq!(facts.subject, "CN=evil\\0D\\0Alevel=info\\, CN=other");
    assert_eq!(
        facts.common_name(),
        Some("evil\\0D\\0Alevel=info, CN=other")
    );
}

#[test]
fn trailing_bytes_make_it_no_certificate() {
    let mut der = leaf(&authority("CA"), "x").der.to_vec();
    der.push(0);
    assert_eq!(CertificateFacts::of(&der), Err(NotACertificate));
}

proptest! {
    #[test]
    fn no_damage_makes_the_parser_panic(at in 0_usize..600, byte in any::<u8>()) {
        let mut der = leaf(&authority("CA"), "gw.example").der.to_vec();
        if let Some(target) = der.get_mut(at) {
            *target = byte;
        }
        let _either = CertificateFacts::of(&der).is_ok();
        let der = CertificateDer::from(der);
        let _either = is_signed_by(&der, &der);
    }
}

#[test]
fn bytes_that_begin_with_another_tag_than_a_sequence_are_no_certificate() {
    let issued = leaf(&authority("CA"), "gw.example");
    let mut bytes = issued.der.to_vec();
    assert!(CertificateFacts::of(&bytes).is_ok());
    bytes[0] = 0xd0;
    assert_eq!(CertificateFacts::of(&bytes), Err(NotACertificate));
}
