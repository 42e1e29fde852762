use super::*;
use crate::certs::inspect::{Uses, is_signed_by};
use crate::certs::issue::{Authority, KeyChoice, fresh_key};
use crate::certs::request::{RequestSpec, name_der, write_request};
use crate::certs::testdata::{authority, now};
use crate::model::written_name;
use crate::tls::provider::{key_provider, randomness};

const DAY: i64 = 86_400;

/// The key of an authority of a trial.
fn key_of(authority: &Authority) -> Key {
    let pem = authority.key_pem();
    let file = crate::certs::container::named("key".as_ref());
    let read = crate::certs::container::Contents::of(&file, pem.as_bytes(), None);
    read.expect("a key").keys.remove(0)
}

fn signer(ca: &Authority) -> Signer {
    Signer::of(ca.der(), &key_of(ca), key_provider(), now()).expect("an authority")
}

/// A request of a new key.
fn request(subject: &str, names: &[AlternativeName]) -> Vec<u8> {
    let key = fresh_key(KeyChoice::P256).expect("a key").der;
    let parts = match subject {
        "" => Vec::new(),
        subject => written_name(subject).expect("a name"),
    };
    let spec = RequestSpec {
        subject: name_der(&parts),
        alternative_names: alternative_names_der(names),
    };
    let key = crate::certs::container::key_of(key);
    write_request(&spec, &key, key_provider()).expect("a request")
}

fn spec(purposes: Purposes) -> SignSpec {
    SignSpec {
        purposes,
        alternative_names: None,
        not_before: WallTime(now().0 - DAY),
        not_after: WallTime(now().0 + 90 * DAY),
    }
}

fn sign(ca: &Authority, asked: &[u8], spec: &SignSpec) -> Result<Signed, NotSigned> {
    signer(ca).sign(asked, spec, randomness())
}

fn host(name: &str) -> AlternativeName {
    AlternativeName::Dns(name.to_owned())
}

#[test]
fn of_a_request_subject_key_and_names_are_taken_and_purposes_from_who_signs() {
    let ca = authority("CA");
    let names = [
        host("gw.example.com"),
        AlternativeName::Ip([10, 0, 0, 5].into()),
    ];
    let asked = request("CN=gw.example.com,OU=B+OU=A,O=Müller,C=CH", &names);
    let of_request = RequestFacts::of(&asked).expect("a request");
    for (purposes, said) in [
        (Purposes::Server, &["serverAuth"][..]),
        (Purposes::Client, &["clientAuth"]),
        (Purposes::Both, &["serverAuth", "clientAuth"]),
    ] {
        let signed = sign(&ca, &asked, &spec(purposes)).expect("signed");
        let facts = CertificateFacts::of(&signed.der).expect("a certificate");
        assert_eq!(facts.subject_der(), of_request.subject_der);
        assert_eq!(facts.spki, of_request.spki);
        assert_eq!(facts.alternative_names, names);
        assert_eq!((facts.ca, facts.version), (Some(false), 3));
        assert!(is_signed_by(&signed.der, ca.der()));
        let uses = Uses::of(&signed.der).expect("uses");
        assert_eq!(uses.purposes.expect("purposes"), said);
        assert_eq!(uses.key_usage.expect("usage"), ["digitalSignature"]);
        assert_eq!(signed.left_out, []);
    }
}

#[test]
fn no_two_certificates_have_the_same_serial_number_and_each_is_of_sixteen_bytes() {
    let ca = authority("CA");
    let asked = request("CN=x", &[host("x.example")]);
    let serial = || {
        let signed = sign(&ca, &asked, &spec(Purposes::Both)).expect("signed");
        CertificateFacts::of(&signed.der)
            .expect("a certificate")
            .serial
    };
    let (one, other) = (serial(), serial());
    assert_ne!(one, other);
    assert_eq!(one.len(), 32, "{one}");
}

#[test]
fn names_that_are_given_take_the_place_of_those_of_the_request() {
    let ca = authority("CA");
    let given = SignSpec {
        alternative_names: Some(vec![host("other.example")]),
        ..spec(Purposes::Server)
    };
    let asked = request("CN=x", &[host("x.example")]);
    let signed = sign(&ca, &asked, &given).expect("signed");
    let facts = CertificateFacts::of(&signed.der).expect("a certificate");
    assert_eq!(facts.alternative_names, [host("other.example")]);
}

#[test]
fn a_request_that_was_changed_is_not_signed() {
    let ca = authority("CA");
    let mut asked = request("CN=gw.example", &[]);
    let at = asked
        .windows(2)
        .position(|two| two == b"gw")
        .expect("the name");
    asked[at] = b'x';
    let refused = sign(&ca, &asked, &spec(Purposes::Both)).expect_err("changed");
    assert_eq!(refused, NotSigned::Unproven);
}

#[test]
fn dates_are_written_with_two_digits_of_the_year_until_2049() {
    let of = |time: i64| date(WallTime(time));
    assert_eq!(
        of(1_800_000_000),
        [&[0x17, 13][..], b"270115080000Z"].concat()
    );
    assert_eq!(
        of(2_524_607_999),
        [&[0x17, 13][..], b"491231235959Z"].concat()
    );
    assert_eq!(
        of(2_524_608_000),
        [&[0x18, 15][..], b"20500101000000Z"].concat()
    );
}

#[test]
fn why_there_is_no_certificate_is_said_with_what_to_do() {
    let (ca, other) = (authority("CA"), authority("Other"));
    let leaf = ca.issue(&crate::certs::issue::LeafSpec::for_name("leaf", now()));
    let leaf = leaf.expect("a leaf");
    let leaf_key = crate::certs::container::key_of(leaf.key_der.clone());
    let of =
        |der: &Der, key: &Key, at| Signer::of(der, key, key_provider(), at).expect_err("unfit");
    let asked = |subject: &str| request(subject, &[]);
    let long = SignSpec {
        not_after: WallTime(now().0 + 4_000 * DAY),
        ..spec(Purposes::Both)
    };
    let odd = SignSpec {
        alternative_names: Some(vec![host("b\u{fc}ro.example")]),
        ..spec(Purposes::Both)
    };
    let both = spec(Purposes::Both);
    let own = signer(&ca).facts().subject_der().to_vec();
    let own = {
        let key = crate::certs::container::key_of(fresh_key(KeyChoice::P256).expect("a key").der);
        let spec = RequestSpec {
            subject: own,
            alternative_names: None,
        };
        write_request(&spec, &key, key_provider()).expect("a request")
    };
    let signed = |asked: &[u8], spec: &SignSpec| sign(&ca, asked, spec).expect_err("refused");
    for (why, said) in [
        (
            of(&leaf.der, &leaf_key, now()),
            "is not that of an authority that may sign others",
        ),
        (
            of(ca.der(), &key_of(&other), now()),
            "the private key is not that of the authority",
        ),
        (
            of(ca.der(), &key_of(&ca), WallTime(now().0 + 4_000 * DAY)),
            "is in force from",
        ),
        (
            signed(&asked("CN=x"), &long),
            "the certificate would end after the authority",
        ),
        (signed(b"hello", &both), "it is not a certificate request"),
        (
            signed(&asked(""), &both),
            "the request has neither a subject nor alternative names",
        ),
        (
            signed(&own, &both),
            "the request is in the name of the authority itself",
        ),
        (signed(&asked("CN=x"), &odd), "is not one of plain ASCII"),
        (
            NotSigned::Unproven,
            "the request is not signed by the key that it asks",
        ),
        (
            NotSigned::Key("x".to_owned()),
            "the key of the request is of no use: x",
        ),
        (NotSigned::Signing, "the certificate could not be signed"),
    ] {
        assert!(why.to_string().contains(said), "{why}");
        assert!(!why.hint().is_empty(), "{why}");
    }
}

#[test]
fn an_authority_below_another_one_signs_as_well() {
    let root = authority("Root");
    let between = root.intermediate("Between").expect("an authority");
    let asked = request("CN=x", &[host("x.example")]);
    let signed = sign(&between, &asked, &spec(Purposes::Both)).expect("signed");
    assert!(is_signed_by(&signed.der, between.der()));
}
