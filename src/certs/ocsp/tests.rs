use proptest::prelude::*;
use rcgen::{
    CertificateParams, CustomExtension, ExtendedKeyUsagePurpose, KeyUsagePurpose, date_time_ymd,
};

use super::drafts::{Ca, Draft, date};
use super::*;
use crate::certs::ocsp::request::key_bits;
use crate::certs::path::{Certificate, Revocation};
use crate::certs::testdata::now;
use crate::certs::{RevocationLists, der};
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

/// What is made of the answer of somebody with such a certificate, by the lists that there are.
fn answered_by(
    ca: &Ca,
    lists: impl FnOnce(&Certificate) -> Option<RevocationLists>,
    change: impl FnOnce(&mut CertificateParams),
) -> Result<(), String> {
    let client = ca.client();
    let purpose = ExtendedKeyUsagePurpose::OcspSigning;
    let (responder, key) = ca.issue_with("responder", purpose, change);
    let answer = Draft::good(ca, &client).by(&responder).signed(&key);
    let lists = lists(&responder);
    let lists = lists.as_ref().map(|lists| lists as &dyn Revocation);
    let read = ca.read_by(&answer, &client, lists);
    read.map(drop).map_err(|defect| defect.to_string())
}

fn extension(last: u64, content: &[u8], is_critical: bool) -> CustomExtension {
    let oid = [1, 3, 6, 1, 5, 5, 7, 48, 1, last];
    let mut extension = CustomExtension::from_oid_content(&oid, content.to_vec());
    extension.set_criticality(is_critical);
    extension
}

/// The issuer says that the certificate need not be looked up.
fn no_check(params: &mut CertificateParams) {
    params.custom_extensions.push(extension(5, &[5, 0], false));
}

#[test]
fn of_somebody_whom_the_issuer_has_named_the_certificate_is_judged_and_what_is_wrong_is_said() {
    let ca = Ca::new("CA");
    let said = |change: fn(&mut CertificateParams)| {
        let refused = answered_by(&ca, |_| None, change).expect_err("not believed");
        let begin = "it is signed by \"CN=responder\", whose certificate is not accepted: ";
        refused.strip_prefix(begin).map(str::to_owned)
    };
    let unknown = said(|params| params.custom_extensions.push(extension(77, b"x", true)));
    let text = "its critical extension 1.3.6.1.5.5.7.48.1.77 is not understood";
    assert_eq!(unknown.as_deref(), Some(text));
    let usage = said(|params| params.key_usages = vec![KeyUsagePurpose::KeyEncipherment]);
    let text = "its key usage does not allow digital signatures";
    assert_eq!(usage.as_deref(), Some(text));
    let over = said(|params| params.not_after = date_time_ymd(2020, 1, 1));
    assert_eq!(over.as_deref(), Some("it expired on 2020-01-01T00:00:00Z"));
    let early = said(|params| params.not_before = date_time_ymd(3000, 1, 1));
    let text = "it is not valid before 3000-01-01T00:00:00Z";
    assert_eq!(early.as_deref(), Some(text));
    let fine: [fn(&mut CertificateParams); 3] = [
        |params| params.key_usages = vec![KeyUsagePurpose::DigitalSignature],
        |params| params.custom_extensions.push(extension(77, b"x", false)),
        no_check,
    ];
    for change in fine {
        assert_eq!(answered_by(&ca, |_| None, change), Ok(()));
    }
}

#[test]
fn whom_a_list_names_revoked_is_not_believed_whatever_his_certificate_says() {
    let ca = Ca::new("CA");
    let plain: fn(&mut CertificateParams) = |_| {};
    for change in [plain, no_check] {
        let refused = answered_by(&ca, |own| Some(ca.list(&[own], 2999)), change);
        let refused = refused.expect_err("revoked");
        let text = "it was revoked by \"CN=CA\" on 2020-01-01T00:00:00Z";
        assert!(refused.contains(text), "{refused}");
        let other = |_: &Certificate| Some(ca.list(&[&ca.client()], 2999));
        assert_eq!(answered_by(&ca, other, change), Ok(()));
    }
}

#[test]
fn a_list_past_its_end_disproves_whom_the_issuer_has_not_excepted() {
    let ca = Ca::new("CA");
    let refused = answered_by(&ca, |_| Some(ca.list(&[], 2021)), |_| {});
    let refused = refused.expect_err("nobody knows");
    let text = "the revocation list of its authority \"CN=CA\" expired on 2021-01-01T00:00:00Z";
    assert!(refused.contains(text), "{refused}");
    assert_eq!(
        answered_by(&ca, |_| Some(ca.list(&[], 2021)), no_check),
        Ok(())
    );
    let strange = |params: &mut CertificateParams| {
        params.custom_extensions.push(extension(5, b"x", false));
    };
    let refused = answered_by(&ca, |_| Some(ca.list(&[], 2021)), strange);
    assert!(refused.is_err(), "what is no NULL says nothing");
}

#[test]
fn without_a_list_of_the_issuer_whom_it_has_named_is_believed_until_his_certificate_ends() {
    let (ca, other) = (Ca::new("CA"), Ca::new("Other CA"));
    let of_other = answered_by(&ca, |_| Some(other.list(&[], 2999)), |_| {});
    assert_eq!(of_other, Ok(()));
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
