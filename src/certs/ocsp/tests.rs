use proptest::prelude::*;
use rcgen::ExtendedKeyUsagePurpose;

use super::drafts::{Ca, Draft, date};
use super::*;
use crate::certs::der;
use crate::certs::ocsp::request::key_bits;
use crate::certs::testdata::now;
use crate::model::WallTime;

#[test]
fn the_issuers_own_word_is_believed() {
    let ca = Ca::new("CA");
    let client = ca.client();
    let mut draft = Draft::good(&ca, &client);
    let answer = ca.read(&draft.signed_by(&ca), &client);
    assert_eq!(
        answer,
        Ok(Answer {
            standing: Standing::Good,
            from: draft.from,
            until: draft.until
        })
    );
    let bits = key_bits(ca.certificate.spki()).expect("a key");
    let hash = crate::certs::digest::sha1_for_names(bits);
    draft.responder = der::element(0xa2, &der::element(der::OCTET_STRING, &hash));
    assert!(ca.read(&draft.signed_by(&ca), &client).is_ok());
}

#[test]
fn a_certificate_may_be_withdrawn_or_not_known() {
    let ca = Ca::new("CA");
    let client = ca.client();
    let since = WallTime(now().0 - 60);
    let mut draft = Draft::good(&ca, &client);
    draft.status = der::element(0xa1, &date(since));
    let standing = |draft: &Draft| {
        let answer = ca.read(&draft.signed_by(&ca), &client);
        answer.expect("believed").standing
    };
    assert_eq!(standing(&draft), Standing::Revoked { since });
    let reason = [date(since), der::element(0xa0, &[0x0a, 1, 1])].concat();
    draft.status = der::element(0xa1, &reason);
    assert_eq!(standing(&draft), Standing::Revoked { since });
    draft.status = vec![0x82, 0];
    assert_eq!(standing(&draft), Standing::Unknown);
}

#[test]
fn somebody_whom_the_issuer_has_named_for_it_is_believed_and_nobody_else() {
    let (ca, other) = (Ca::new("CA"), Ca::new("CA"));
    let client = ca.client();
    let draft = || Draft::good(&ca, &client);
    let (responder, key) = ca.issue("responder", ExtendedKeyUsagePurpose::OcspSigning);
    let answer = ca.read(&draft().by(&responder).signed(&key), &client);
    assert_eq!(answer.map(|answer| answer.standing), Ok(Standing::Good));

    let (host, key) = ca.issue("host", ExtendedKeyUsagePurpose::ServerAuth);
    let answer = ca.read(&draft().by(&host).signed(&key), &client);
    assert_eq!(
        answer,
        Err(OcspDefect::NotNamed),
        "named for something else"
    );

    let (stranger, key) = other.issue("responder", ExtendedKeyUsagePurpose::OcspSigning);
    let answer = ca.read(&draft().by(&stranger).signed(&key), &client);
    assert_eq!(answer, Err(OcspDefect::NotNamed), "named by another key");

    let mut nobody = draft().by(&responder);
    nobody.certificates = Vec::new();
    let answer = ca.read(&nobody.signed(&key), &client);
    assert_eq!(answer, Err(OcspDefect::NotNamed));
    assert_eq!(
        OcspDefect::NotNamed.to_string(),
        "it is signed by somebody whom the issuer has not named for that"
    );
}

#[test]
fn a_signature_of_another_key_is_not_believed() {
    let (ca, other) = (Ca::new("CA"), Ca::new("CA"));
    let client = ca.client();
    let answer = ca.read(&Draft::good(&ca, &client).signed_by(&other), &client);
    let defect = answer.expect_err("forged");
    assert_eq!(
        defect.to_string(),
        "its signature cannot be believed: its signature does not fit the key of its issuer"
    );
}

#[test]
fn an_answer_about_another_certificate_is_no_answer() {
    let ca = Ca::new("CA");
    let (client, other) = (ca.client(), ca.client());
    let answer = ca.read(&Draft::good(&ca, &other).signed_by(&ca), &client);
    assert_eq!(answer, Err(OcspDefect::AboutAnother));
    assert_eq!(
        OcspDefect::AboutAnother.to_string(),
        "it is not about the certificate that was asked about"
    );
}

#[test]
fn an_answer_holds_in_its_time_give_or_take_five_minutes() {
    let ca = Ca::new("CA");
    let client = ca.client();
    let read = |from: i64, until: Option<i64>| {
        let at = |seconds: i64| WallTime(now().0 + seconds);
        let mut draft = Draft::good(&ca, &client);
        (draft.from, draft.until) = (at(from), until.map(at));
        ca.read(&draft.signed_by(&ca), &client)
    };
    for (from, until) in [(-600, None), (-600, Some(-240)), (240, Some(600))] {
        assert!(read(from, until).is_ok(), "{from} {until:?}");
    }
    for (from, until) in [
        (-600, Some(-400)),
        (400, Some(600)),
        (400, None),
        (-1_000, None),
    ] {
        let defect = read(from, until).expect_err("not now");
        assert!(matches!(defect, OcspDefect::NotNow { .. }), "{defect:?}");
    }
    let defect = OcspDefect::NotNow {
        from: WallTime(0),
        until: WallTime(60),
    };
    assert_eq!(
        defect.to_string(),
        "it was good from 1970-01-01T00:00:00Z to 1970-01-01T00:01:00Z"
    );
}

#[test]
fn a_critical_extension_that_is_not_known_makes_an_answer_useless() {
    let ca = Ca::new("CA");
    let client = ca.client();
    let with = |critical: &[u8]| {
        let extension = der::sequence(&[
            &der::element(der::OID, &[0x2b, 1]),
            critical,
            &der::element(der::OCTET_STRING, b"x"),
        ]);
        let mut draft = Draft::good(&ca, &client);
        draft.extensions = der::element(0xa1, &der::sequence(&[&extension]));
        ca.read(&draft.signed_by(&ca), &client)
    };
    assert!(with(&[]).is_ok());
    let defect = with(&[1, 1, 0xff]).expect_err("critical");
    assert_eq!(
        defect.to_string(),
        "it has a critical extension that is not known"
    );
}

#[test]
fn a_responder_that_refuses_is_quoted() {
    let ca = Ca::new("CA");
    let client = ca.client();
    let refused = ca.read(&der::sequence(&[&[0x0a, 1, 3]]), &client);
    assert_eq!(
        refused.expect_err("refused").to_string(),
        "the responder says \"try later\""
    );
    let garbage = ca.read(b"<html>", &client).expect_err("a page");
    assert_eq!(garbage.to_string(), "it is not an OCSP response");
}

proptest! {
    #[test]
    fn no_bytes_make_reading_an_answer_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        place in any::<proptest::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let ca = Ca::new("CA");
        let client = ca.client();
        prop_assert!(ca.read(&bytes, &client).is_err());
        let mut answer = Draft::good(&ca, &client).signed_by(&ca);
        let place = place.index(answer.len());
        let changed = answer[place] != byte;
        answer[place] = byte;
        let read = ca.read(&answer, &client);
        prop_assert!(!changed || read.is_err(), "{read:?}");
    }
}
