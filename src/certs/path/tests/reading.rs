//! What is no certificate, or none that may be used.

use proptest::prelude::*;
use rustls::pki_types::ServerName;

use super::forge::*;
use super::*;
use crate::certs::testdata;

/// A leaf of some authority, changed before it is signed.
fn changed(change: impl FnOnce(&mut Draft)) -> Result<Certificate, Malformed> {
    let mut draft = Draft::of_leaf("gw.example");
    change(&mut draft);
    Certificate::read(&Holder::new("CA").issue(&draft))
}

fn defect(change: impl FnOnce(&mut Draft)) -> String {
    changed(change).expect_err("malformed").to_string()
}

#[test]
fn a_certificate_is_read_to_its_last_field() {
    let read = changed(|_| {}).expect("a certificate");
    assert_eq!((read.version(), read.serial()), (3, &[7][..]));
    assert_eq!(read.issuer(), named("CA"));
    assert_eq!(read.subject(), named("gw.example"));
    assert_eq!(read.not_before(), WallTime(1_735_689_600));
    assert_eq!(read.not_after(), WallTime(1_798_761_600));
    assert!(!read.is_self_issued() && read.may_sign_lists() && !read.is_authority());
    assert!(read.extension(&[0x55, 0x1d, NAMES]).is_some());
    assert!(read.extension(&[0x55, 0x1d, BASIC]).is_none());
}

#[test]
fn bytes_before_within_or_after_it_make_it_none() {
    let good = Holder::new("CA").issue(&Draft::of_leaf("gw.example"));
    let mut longer = good.to_vec();
    longer.push(0);
    for der in [
        longer,
        good[..good.len() - 1].to_vec(),
        good[1..].to_vec(),
        Vec::new(),
    ] {
        let read = Certificate::read(&CertificateDer::from(der));
        assert_eq!(
            read.expect_err("malformed").to_string(),
            "it cannot be read as a certificate"
        );
    }
    let text = defect(|draft| draft.unique_ids = vec![0x04, 0]);
    assert_eq!(text, "it cannot be read as a certificate");
    let text = defect(|draft| draft.extensions = vec![seq(&[])]);
    assert_eq!(text, "it cannot be read as a certificate");
}

#[test]
fn there_are_three_versions_and_extensions_in_the_last_only() {
    let version = |number: u8| move |draft: &mut Draft| draft.version = vec![0xa0, 3, 2, 1, number];
    assert_eq!(
        defect(version(3)),
        "it is of a version of X.509 that does not exist"
    );
    for old in [0, 1] {
        assert_eq!(
            defect(version(old)),
            "it has extensions, and is not of version 3"
        );
        let bare = changed(|draft| {
            version(old)(draft);
            draft.extensions.clear();
        });
        assert_eq!(bare.expect("a certificate").version(), old + 1);
    }
    let unsaid = changed(|draft| {
        draft.version.clear();
        draft.extensions.clear();
    });
    assert_eq!(unsaid.expect("a certificate").version(), 1);
}

#[test]
fn a_serial_number_may_be_negative_and_not_longer_than_any() {
    let serial = |bytes: &[u8]| {
        let serial = tlv(2, &[bytes]);
        move |draft: &mut Draft| draft.serial = serial
    };
    for good in [&[0x80][..], &[0], &[0x7f; 20], &[0x7f; 21]] {
        assert_eq!(changed(serial(good)).expect("a certificate").serial(), good);
    }
    assert_eq!(defect(serial(&[0x7f; 22])), "its serial number is too long");
    for bad in [&[][..], &[0, 1]] {
        assert_eq!(defect(serial(bad)), "it cannot be read as a certificate");
    }
}

#[test]
fn both_signature_algorithms_are_one() {
    let text = defect(|draft| draft.outer_algorithm = seq(&[&[6, 1, 0x2a]]));
    assert_eq!(text, "it names two different signature algorithms");
}

#[test]
fn an_issuer_has_a_name_and_a_subject_one_of_some_kind() {
    let text = defect(|draft| draft.issuer = Some(seq(&[])));
    assert_eq!(text, "it does not name its issuer");
    let nobody = |draft: &mut Draft| draft.subject = seq(&[]);
    assert_eq!(defect(nobody), "it names no subject");
    let empty = extension(NAMES, true, &seq(&[]));
    let text = defect(|draft| {
        nobody(draft);
        draft.extensions = vec![empty];
    });
    assert_eq!(text, "it names no subject");
    let by_other_names = changed(|draft| {
        nobody(draft);
        let names = seq(&[&tlv(DNS, &[b"gw.example"])]);
        draft.extensions = vec![extension(NAMES, true, &names)];
    });
    assert_eq!(by_other_names.expect("a certificate").subject(), seq(&[]));
}

#[test]
fn it_does_not_end_before_it_begins() {
    let turned = |draft: &mut Draft| draft.dates = [date("270101000000Z"), date("250101000000Z")];
    assert_eq!(defect(turned), "it ends before it begins");
}

#[test]
fn no_extension_stands_there_twice_known_or_not() {
    for twice in [hosts(&["gw.example"]), extension(99, false, &[5, 0])] {
        let text = defect(|draft| draft.extensions = vec![twice.clone(), twice]);
        assert_eq!(text, "it has an extension twice");
    }
}

/// None of these values can be read as an extension of a kind.
fn cannot_be(number: u8, name: &str, values: &[Vec<u8>]) {
    for value in values {
        let text = defect(|draft| draft.extensions = vec![extension(number, false, value)]);
        assert_eq!(
            text,
            format!("its extension {name} cannot be read"),
            "{value:?}"
        );
    }
}

#[test]
fn an_extension_about_keys_and_their_use_is_read_to_its_end() {
    cannot_be(
        KEY_ID,
        "subjectKeyIdentifier",
        &[vec![], vec![4, 1, 7, 0], vec![5, 0]],
    );
    let usages = [
        vec![3, 1],
        vec![3, 2, 8, 0],
        vec![3, 4, 0, 1, 1, 1],
        vec![3, 0],
    ];
    cannot_be(KEY_USAGE, "keyUsage", &usages);
    let negative = seq(&[&[1, 1, 0xff], &[2, 1, 0x80]]);
    cannot_be(BASIC, "basicConstraints", &[seq(&[&[1, 1, 1]]), negative]);
    let key_ids = [seq(&[&[0x83, 0]]), vec![4, 0]];
    cannot_be(ISSUER_KEY_ID, "authorityKeyIdentifier", &key_ids);
    cannot_be(PURPOSES, "extendedKeyUsage", &[seq(&[]), seq(&[&[5, 0]])]);
}

#[test]
fn an_extension_about_names_is_read_to_its_end() {
    let host = tlv(DNS, &[b"gw.example"]);
    let names = [
        vec![5, 0],
        seq(&[&tlv(IP, &[&[1, 2, 3]])]),
        seq(&[&tlv(0x89, &[])]),
    ];
    cannot_be(NAMES, "subjectAltName", &names);
    let permitted = |trees: &[u8]| seq(&[&tlv(0xa0, &[trees])]);
    let mask = |bytes: &[u8]| permitted(&seq(&[&tlv(IP, &[bytes])]));
    let tree = tlv(0xa0, &[&seq(&[&host])]);
    let limits = [
        seq(&[]),
        permitted(&[]),
        seq(&[&tree, &tree]),
        permitted(&seq(&[&host, &[0x80, 1, 1]])),
        permitted(&seq(&[&tlv(MAIL, &["müller.example".as_bytes()])])),
        mask(&[10, 0, 0, 0]),
        mask(&[10, 0, 0, 0, 255, 0, 255, 0]),
    ];
    cannot_be(CONSTRAINTS, "nameConstraints", &limits);
}

#[test]
fn a_name_in_other_letters_than_ascii_makes_no_certificate_unreadable() {
    for name in [&b"m\xfcller@a.example"[..], "müller@a.example".as_bytes()] {
        let all = names(&[(MAIL, name), (DNS, name), (URI, name), (DNS, b"a.example")]);
        let read = changed(|draft| draft.extensions = vec![all]).expect("a certificate");
        assert_eq!(read.names().count(), 4);
        let is_for =
            |host: &str| read.is_for_host(&ServerName::try_from(host.to_owned()).expect("a host"));
        assert!(is_for("a.example") && !is_for("xn--mller-kva.example"));
        assert_eq!(read.hosts().len(), 2);
    }
}

#[test]
fn an_extension_about_policies_is_read_to_its_end() {
    let (one, any) = (tlv(6, &[&[0x2a, 3]]), tlv(6, &[&[0x55, 0x1d, 0x20, 0]]));
    let policy = seq(&[&one]);
    let lists = [seq(&[]), seq(&[&policy, &policy]), seq(&[&seq(&[])])];
    cannot_be(POLICIES, "certificatePolicies", &lists);
    let to_all = seq(&[&seq(&[&one, &any])]);
    let from_all = seq(&[&seq(&[&any, &one])]);
    cannot_be(MAPPINGS, "policyMappings", &[seq(&[]), to_all, from_all]);
    cannot_be(
        POLICY_LIMITS,
        "policyConstraints",
        &[seq(&[]), seq(&[&[0x80, 1, 0x80]])],
    );
    cannot_be(
        INHIBIT_ANY,
        "inhibitAnyPolicy",
        &[vec![2, 1, 0xff], vec![2, 0]],
    );
}

#[test]
fn the_certificates_of_real_issuers_are_read() {
    use rustls::pki_types::pem::PemObject as _;
    for pem in [
        testdata::CERTIFICATE,
        testdata::SHA1_CERTIFICATE,
        testdata::OLD_ROOT,
        testdata::BELOW_OLD_ROOT,
        testdata::V1_CERTIFICATE,
        testdata::RSA1024_CERTIFICATE,
    ] {
        let der = CertificateDer::from_pem_slice(pem.as_bytes()).expect("PEM");
        assert!(Certificate::read(&der).is_ok());
    }
}

proptest! {
    #[test]
    fn no_damage_makes_the_reader_panic(at in 0_usize..500, byte in any::<u8>()) {
        let mut der = Holder::new("CA").root().to_vec();
        if let Some(target) = der.get_mut(at) {
            *target = byte;
        }
        let der = CertificateDer::from(der);
        let _either = Certificate::read(&der).is_ok();
        let _either = prove(&[], &der, &[&der]).is_ok();
    }

    #[test]
    fn no_bytes_are_read_as_more_than_they_are(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let der = CertificateDer::from(bytes);
        prop_assert!(Certificate::read(&der).is_err());
    }
}
