//! Which terms a certificate meets, and which names are nobody's.

use proptest::prelude::*;
use rcgen::string::{BmpString, Ia5String, PrintableString, TeletexString, UniversalString};
use rcgen::{CertificateParams, CustomExtension, DnType, DnValue, KeyPair, SanType};

use super::*;
use crate::certs::issue::{Issued, LeafSpec};
use crate::certs::testdata::{authority, now};
use crate::config::settings::{DnsPattern, IpRange, Term};
use crate::model::{DistinguishedName, folded};

const ORGANISATION: &[u64] = &[2, 5, 4, 10];
const COUNTRY: &[u64] = &[2, 5, 4, 6];

fn issued() -> Issued {
    let spec = LeafSpec {
        attributes: vec![
            (COUNTRY.to_vec(), "DE".to_owned()),
            (ORGANISATION.to_vec(), "Foo, Bar & Co".to_owned()),
        ],
        alternative_names: vec!["crm.example.com".to_owned(), "10.1.2.3".to_owned()],
        uris: vec!["SPIFFE://Company.Example/CRM".to_owned()],
        emails: vec!["SAP@Example.com".to_owned()],
        policies: vec![vec![1, 3, 6, 1, 4, 1, 99_999, 0], vec![2, 23, 140, 1, 2, 2]],
        ..LeafSpec::for_name("SAP  CRM", now())
    };
    authority("Company CA").issue(&spec).expect("issued")
}

fn name(text: &str) -> DistinguishedName {
    text.parse().expect("a name")
}

fn host(name: &str, any_label: bool) -> Term {
    let name = name.to_owned();
    Term::Dns(DnsPattern { any_label, name })
}

fn range(first: &str, prefix: u8) -> Term {
    let first = first.parse().expect("an address");
    Term::Ip(IpRange { first, prefix })
}

/// For every kind a term that the certificate meets, and the nearest one that it does not.
fn terms(issued: &Issued) -> Vec<(Term, Term)> {
    let facts = CertificateFacts::of(&issued.der).expect("a certificate");
    let digit = |digit: &u8| char::from(*digit).to_digit(16).expect("hexadecimal");
    let byte =
        |pair: &[u8]| u8::try_from((digit(&pair[0]) << 4) | digit(&pair[1])).expect("a byte");
    let mut number: Vec<u8> = facts.serial.as_bytes().chunks(2).map(byte).collect();
    let leading = number.iter().take_while(|byte| **byte == 0).count();
    number.drain(..leading);
    let other = [number.as_slice(), &[0]].concat();
    let cn = |name: &str| Term::CommonName(folded(name));
    let uri = |uri: &str| Term::Uri(uri.to_owned());
    vec![
        (
            Term::Subject(name("CN=sap crm, O=\"foo, bar & co\", C=de")),
            Term::Subject(name("O=\"foo, bar & co\", C=de")),
        ),
        (cn("Sap Crm"), cn("sapcrm")),
        (host("crm.example.com", false), host("example.com", false)),
        (host("example.com", true), host("crm.example.com", true)),
        (
            uri("spiffe://company.example/CRM"),
            uri("spiffe://company.example/crm"),
        ),
        (range("10.0.0.0", 8), range("10.1.2.2", 32)),
        (
            Term::Email("sap@example.com".to_owned()),
            Term::Email("example.com".to_owned()),
        ),
        (
            Term::Issuer(name("CN=Company CA, O=crmgate throw-away PKI")),
            Term::Issuer(name("CN=Company CA")),
        ),
        (Term::Serial(number), Term::Serial(other)),
        (
            Term::Certificate(facts.fingerprint),
            Term::Certificate(Fingerprint(facts.spki)),
        ),
        (
            Term::Key(Fingerprint(facts.spki)),
            Term::Key(facts.fingerprint),
        ),
        (
            Term::Policy("1.3.6.1.4.1.99999.0".to_owned()),
            Term::Policy("1.3.6.1.4.1.99999".to_owned()),
        ),
        (
            Term::Policy("2.23.140.1.2.2".to_owned()),
            Term::Policy("2.5.29.32.0".to_owned()),
        ),
    ]
}

#[test]
fn a_term_of_every_kind_is_met_by_what_the_certificate_says_and_by_nothing_near_it() {
    let issued = issued();
    let claims = Claims::of(&issued.der).expect("a certificate");
    for (met, near) in terms(&issued) {
        assert!(claims.meet(&met), "{met}");
        assert!(!claims.meet(&near), "{near}");
    }
}

#[test]
fn a_printed_name_is_never_what_is_compared() {
    let spec = LeafSpec::for_name("a\\, b", now());
    let issued = authority("CA").issue(&spec).expect("issued");
    let claims = Claims::of(&issued.der).expect("a certificate");
    assert!(claims.meet(&Term::CommonName("a\\, b".to_owned())));
    assert!(!claims.meet(&Term::CommonName("a, b".to_owned())));
    assert!(claims.meet(&Term::Subject(name("CN=\"a\\\\, b\""))));
    assert!(!claims.meet(&Term::Subject(name("CN=a\\, b"))));
}

/// A self-signed certificate whose common name is written in a string type.
fn written_as(value: DnValue) -> Vec<u8> {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, value);
    signed(&params)
}

fn signed(params: &CertificateParams) -> Vec<u8> {
    let key = KeyPair::generate().expect("a key");
    params.self_signed(&key).expect("signed").der().to_vec()
}

#[test]
fn a_name_is_the_same_in_every_string_type() {
    let types = [
        DnValue::Utf8String("Sap CRM".to_owned()),
        DnValue::PrintableString(PrintableString::try_from("Sap CRM").expect("plain")),
        DnValue::Ia5String(Ia5String::try_from("Sap CRM").expect("plain")),
        DnValue::TeletexString(TeletexString::try_from("Sap CRM").expect("plain")),
        DnValue::BmpString(BmpString::try_from("Sap CRM").expect("plain")),
        DnValue::UniversalString(UniversalString::try_from("Sap CRM").expect("plain")),
    ];
    for value in types {
        let said = format!("{value:?}");
        let claims = Claims::of(&written_as(value)).expect("a certificate");
        assert!(claims.meet(&Term::Subject(name("CN=SAP crm"))), "{said}");
        assert!(
            claims.meet(&Term::CommonName("sap crm".to_owned())),
            "{said}"
        );
    }
}

#[test]
fn a_list_of_names_or_policies_that_cannot_be_read_is_no_empty_one() {
    let with = |oid: &[u64], content: &[u8]| {
        let mut params = CertificateParams::default();
        let extension = CustomExtension::from_oid_content(oid, content.to_vec());
        params.custom_extensions.push(extension);
        Claims::of(&signed(&params)).is_ok()
    };
    let (names, policies, other) = (
        [2, 5, 29, 17],
        [2, 5, 29, 32],
        [1, 3, 6, 1, 4, 1, 99_999, 1],
    );
    for broken in [&b"\x30\x05ab"[..], b"\x04\x01a", b""] {
        assert!(!with(&names, broken), "{broken:?}");
        assert!(!with(&policies, broken), "{broken:?}");
        assert!(with(&other, broken), "{broken:?}");
    }
    assert!(with(&names, b"\x30\x03\x82\x01a"));
    assert!(with(&policies, b"\x30\x06\x30\x04\x06\x02\x2a\x03"));
}

#[test]
fn h3_a_nul_or_line_break_is_found_in_every_name_of_a_certificate() {
    let with = |change: &dyn Fn(&mut CertificateParams)| {
        let mut params = CertificateParams::default();
        change(&mut params);
        unfit_name(&signed(&params))
    };
    let text = |text: &str| Ia5String::try_from(text).expect("ASCII");
    for evil in ["a\0b", "a\nb", "a\rb"] {
        let subject = Some(UnfitName::Subject);
        assert_eq!(
            unfit_name(&written_as(DnValue::Utf8String(evil.to_owned()))),
            subject
        );
        let bmp = BmpString::try_from(evil).expect("plain");
        assert_eq!(unfit_name(&written_as(DnValue::BmpString(bmp))), subject);
        let names = [
            SanType::DnsName(text(evil)),
            SanType::Rfc822Name(text(evil)),
            SanType::URI(text(evil)),
            SanType::OtherName((vec![1, 3, 6, 1, 4, 1, 311, 20, 2, 3], evil.into())),
        ];
        for name in names {
            let found = with(&|params| params.subject_alt_names.push(name.clone()));
            assert_eq!(found, Some(UnfitName::AlternativeName), "{name:?}");
        }
    }
    assert_eq!(with(&|_| ()), None);
    assert_eq!(unfit_name(b"no certificate"), None);
    assert_eq!(unfit_name(&issued().der), None);
    let unfit = written_as(DnValue::Utf8String("a\0b".to_owned()));
    assert_eq!(holder(&unfit), Err(NoHolder::Unfit(UnfitName::Subject)));
    assert_eq!(holder(b"no certificate"), Err(NoHolder::NotACertificate));
    let zero_bytes = SanType::IpAddress([10, 0, 0, 10].into());
    let found = with(&|params| params.subject_alt_names.push(zero_bytes.clone()));
    assert_eq!(found, None, "an address is no text");
}

/// A self-signed certificate with alternative names that are no plain ASCII.
fn with_odd_names(name: &[u8]) -> Vec<u8> {
    let mut names = Vec::new();
    for tag in [0x81, 0x82, 0x86] {
        names.extend([tag, u8::try_from(name.len()).expect("short")]);
        names.extend_from_slice(name);
    }
    let mut list = vec![0x30, u8::try_from(names.len()).expect("short")];
    list.append(&mut names);
    let mut params = CertificateParams::default();
    let extension = CustomExtension::from_oid_content(&[2, 5, 29, 17], list);
    params.custom_extensions.push(extension);
    signed(&params)
}

#[test]
fn a_name_in_other_letters_than_ascii_meets_no_term_and_is_shown_escaped() {
    for (name, shown) in [
        ("ü@a.example".as_bytes(), "\\C3\\BC@a.example"),
        (b"\xfc@a.example", "\\FC@a.example"),
    ] {
        let der = with_odd_names(name);
        let claims = Claims::of(&der).expect("a certificate");
        assert!(!claims.meet(&host("example", true)));
        for text in ["ü@a.example", "\\C3\\BC@a.example", "\\FC@a.example"] {
            let text = text.to_owned();
            assert!(!claims.meet(&host(&text, false)));
            assert!(!claims.meet(&Term::Email(text.clone())) && !claims.meet(&Term::Uri(text)));
        }
        let facts = CertificateFacts::of(&der).expect("a certificate");
        assert_eq!(
            facts.alternative_names_line(),
            format!("email:{shown}, DNS:{shown}, URI:{shown}")
        );
        assert_eq!(unfit_name(&der), None);
    }
    for evil in ["ü\0", "ü\n", "ü\r"] {
        assert!(unfit_name(&with_odd_names(evil.as_bytes())).is_some());
    }
    assert!(unfit_name(&with_odd_names(b"\xfc\0")).is_some());
}

#[test]
fn an_unfit_name_says_which_one_it_is() {
    assert_eq!(
        UnfitName::Subject.to_string(),
        "the subject of its certificate holds a NUL or a line break"
    );
    assert_eq!(
        UnfitName::AlternativeName.to_string(),
        "an alternative name of its certificate holds a NUL or a line break"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_name_that_was_printed_is_a_rule_about_its_certificate(
        common_name in ".{1,30}",
        organisation in "[ ,+\"\\\\<>;=#a&]{1,12}",
        unknown in any::<String>(),
    ) {
        let spec = LeafSpec {
            attributes: vec![
                (ORGANISATION.to_vec(), organisation),
                (vec![1, 3, 6, 1, 4, 1, 99_999, 7], unknown),
            ],
            alternative_names: Vec::new(),
            ..LeafSpec::for_name(&common_name, now())
        };
        let issued = authority("CA").issue(&spec).expect("issued");
        let printed = CertificateFacts::of(&issued.der).expect("a certificate").subject;
        let claims = Claims::of(&issued.der).expect("a certificate");
        prop_assert!(claims.meet(&Term::Subject(name(&printed))), "{}", printed);
    }
}
