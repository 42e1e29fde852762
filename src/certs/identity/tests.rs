use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
    date_time_ymd,
};

use super::*;
use crate::certs::issue::{Authority, KeyChoice, LeafSpec};
use crate::certs::testdata::{self, authority, file, leaf, now, text};
use crate::model::WallTime;

fn provider() -> &'static dyn KeyProvider {
    rustls::ServerConfig::builder()
        .crypto_provider()
        .key_provider
}

fn load(files: &IdentityFiles, passphrase: Option<&FileRef>) -> (Option<Identity>, Problems) {
    Identity::load(files, passphrase, provider(), When::Now(now()))
}

/// Loads a `PEM_FILE`; the folder lives as long as the call.
fn combined(content: &str) -> (Option<Identity>, Problems) {
    let dir = tempfile::tempdir().expect("a folder");
    load(
        &IdentityFiles::Combined(file(dir.path(), "gw.pem", content)),
        None,
    )
}

fn refused(content: &str) -> String {
    let (identity, problems) = combined(content);
    assert!(identity.is_none());
    assert!(problems.has_errors());
    text(&problems)
}

#[test]
fn certificate_and_key_may_stand_in_either_order() {
    let issued = leaf(&authority("CA"), "gw.example");
    for content in [
        format!("{}{}", issued.certificate_pem, issued.key_pem),
        format!("{}{}", issued.key_pem, issued.certificate_pem),
    ] {
        let (identity, problems) = combined(&content);
        assert!(problems.is_empty(), "{problems}");
        assert_eq!(identity.expect("usable").leaf().subject, "CN=gw.example");
    }
}

#[test]
fn the_two_files_may_be_apart() {
    let issued = leaf(&authority("CA"), "gw.example");
    let dir = tempfile::tempdir().expect("a folder");
    let files = IdentityFiles::Pair {
        certificate: file(dir.path(), "gw.crt", &issued.certificate_pem),
        key: file(dir.path(), "gw.key", &issued.key_pem),
    };
    let (identity, problems) = load(&files, None);
    assert!(identity.is_some() && problems.is_empty(), "{problems}");
}

#[test]
fn what_is_wrong_with_both_files_is_told_in_one_run() {
    let dir = tempfile::tempdir().expect("a folder");
    let files = IdentityFiles::Pair {
        certificate: file(dir.path(), "gw.crt", ""),
        key: file(dir.path(), "gw.key", "no key"),
    };
    let (_, problems) = load(&files, None);
    let text = text(&problems);
    assert!(
        text.contains("is empty") && text.contains("no PEM block"),
        "{text}"
    );
}

#[test]
fn pkcs1_sec1_and_pkcs8_keys_are_read() {
    for key in [testdata::SEC1_KEY, testdata::PKCS8_KEY] {
        let (identity, problems) = combined(&format!("{}{key}", testdata::CERTIFICATE));
        assert!(identity.is_some(), "{problems}");
    }
    let spec = LeafSpec {
        key: KeyChoice::Rsa2048,
        ..LeafSpec::for_name("gw.example", now())
    };
    let issued = authority("CA").issue(&spec).expect("issued");
    // PKCS#1 is what PKCS#8 wraps behind version and algorithm: 26 bytes for this size.
    let pkcs1 = pkcs8::der::Document::try_from(issued.key_der.get(26..).expect("wrapped"))
        .expect("DER")
        .to_pem("RSA PRIVATE KEY", pkcs8::LineEnding::LF)
        .expect("PEM");
    let (identity, problems) = combined(&format!("{}{pkcs1}", issued.certificate_pem));
    assert!(identity.is_some(), "{problems}");
}

#[test]
fn an_encrypted_key_opens_with_its_passphrase() {
    for key in [testdata::AES_KEY, testdata::SCRYPT_KEY, testdata::DES3_KEY] {
        let dir = tempfile::tempdir().expect("a folder");
        let content = format!("{}{key}", testdata::CERTIFICATE);
        let files = IdentityFiles::Combined(file(dir.path(), "gw.pem", content));
        let passphrase = format!("\u{feff}{}\r\n", testdata::PASSPHRASE);
        let right = file(dir.path(), "pass", passphrase);
        let (identity, problems) = load(&files, Some(&right));
        assert!(identity.is_some(), "{problems}");
    }
}

#[test]
fn a_missing_wrong_or_empty_passphrase_is_named() {
    let dir = tempfile::tempdir().expect("a folder");
    let content = format!("{}{}", testdata::CERTIFICATE, testdata::AES_KEY);
    let files = IdentityFiles::Combined(file(dir.path(), "gw.pem", content));
    let (_, missing) = load(&files, None);
    assert!(
        text(&missing).contains("name it in KEY_PASSPHRASE_FILE"),
        "{missing}"
    );
    let (_, wrong) = load(&files, Some(&file(dir.path(), "wrong", "open-sesam")));
    assert!(
        text(&wrong).contains("cannot be opened with the passphrase"),
        "{wrong}"
    );
    let (_, empty) = load(&files, Some(&file(dir.path(), "empty", "\n")));
    assert!(text(&empty).contains("holds no passphrase"), "{empty}");
}

#[test]
fn no_problem_prints_the_passphrase() {
    let dir = tempfile::tempdir().expect("a folder");
    let content = format!("{}{}", testdata::CERTIFICATE, testdata::AES_KEY);
    let files = IdentityFiles::Combined(file(dir.path(), "gw.pem", content));
    let (_, problems) = load(&files, Some(&file(dir.path(), "pass", "hunter2")));
    assert!(!format!("{problems}{problems:?}").contains("hunter2"));
}

#[test]
fn keys_in_forms_of_before_pkcs8_come_with_the_command_that_wraps_them_anew() {
    for key in [testdata::LEGACY_KEY, testdata::PBES1_KEY] {
        let dir = tempfile::tempdir().expect("a folder");
        let content = format!("{}{key}", testdata::CERTIFICATE);
        let files = IdentityFiles::Combined(file(dir.path(), "gw.pem", content));
        let pass = file(dir.path(), "pass", testdata::PASSPHRASE);
        let (identity, problems) = load(&files, Some(&pass));
        assert!(identity.is_none());
        assert!(text(&problems).contains("openssl pkcs8 -in "), "{problems}");
    }
}

#[test]
fn a_key_of_another_certificate_is_refused() {
    let ca = authority("CA");
    let (one, other) = (leaf(&ca, "one.example"), leaf(&ca, "other.example"));
    let text = refused(&format!("{}{}", one.certificate_pem, other.key_pem));
    assert!(
        text.contains("belongs to none of the certificates"),
        "{text}"
    );
    assert!(text.contains("CN=one.example"), "{text}");
}

#[test]
fn a_file_without_certificate_or_without_key_is_refused() {
    let issued = leaf(&authority("CA"), "gw.example");
    assert!(refused(&issued.key_pem).contains("holds no certificate"));
    assert!(refused(&issued.certificate_pem).contains("holds no private key"));
    let text = refused(&format!("{}{}", testdata::PKCS7, issued.key_pem));
    assert!(text.contains("crmgate certs convert "), "{text}");
}

#[test]
fn a_revocation_list_beside_the_own_certificate_is_refused() {
    let list = "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n";
    let own = leaf(&authority("CA"), "gw.example").combined_pem();
    let text = refused(&format!("{own}{list}"));
    assert!(text.contains("holds a revocation list in line "), "{text}");
}

#[test]
fn of_several_keys_the_one_that_belongs_is_taken() {
    let ca = authority("CA");
    let (one, other) = (leaf(&ca, "one.example"), leaf(&ca, "other.example"));
    let content = format!("{}{}{}", other.key_pem, one.key_pem, one.certificate_pem);
    let (identity, problems) = combined(&content);
    assert!(identity.is_some());
    assert!(
        text(&problems).contains("holds 2 private keys"),
        "{problems}"
    );
}

#[test]
fn the_chain_is_put_in_order_and_the_root_is_left_out() {
    let root = authority("Root");
    let middle = root.intermediate("Middle").expect("made");
    let low = middle.intermediate("Low").expect("made");
    let issued = leaf(&low, "gw.example");
    let shuffled = [
        root.pem(),
        middle.pem(),
        issued.key_pem,
        low.pem(),
        issued.certificate_pem,
    ];
    let (identity, problems) = combined(&shuffled.concat());
    assert!(problems.is_empty(), "{problems}");
    let identity = identity.expect("usable");
    let expected = [issued.der.clone(), low.der().clone(), middle.der().clone()];
    assert_eq!(identity.chain(), expected);
}

#[test]
fn certificates_that_do_not_belong_to_the_chain_are_not_sent() {
    let ca = authority("CA");
    let issued = leaf(&ca, "gw.example");
    let stranger = leaf(&authority("Other"), "stranger.example");
    let (identity, problems) = combined(&format!(
        "{}{}",
        issued.combined_pem(),
        stranger.certificate_pem
    ));
    assert_eq!(identity.expect("usable").chain().len(), 1);
    assert!(
        text(&problems).contains("1 certificate(s) that do not belong"),
        "{problems}"
    );
}

#[test]
fn a_root_that_is_not_sent_may_be_weak() {
    let content = [
        testdata::BELOW_OLD_ROOT,
        testdata::OLD_ROOT,
        testdata::PKCS8_KEY,
    ];
    let (identity, problems) = combined(&content.concat());
    assert!(problems.is_empty(), "{problems}");
    assert_eq!(identity.expect("usable").chain().len(), 1);
}

#[test]
fn a_root_that_is_not_sent_may_have_expired_and_that_is_a_notice() {
    let at = |day: i64| WallTime(now().0 + day * 86_400 + 3_600);
    let root = Authority::with_validity("Root", at(-20), at(-10)).expect("made");
    let issued = leaf(&root, "gw.example");
    let (identity, problems) = combined(&format!("{}{}", issued.combined_pem(), root.pem()));
    assert_eq!(identity.expect("usable").chain(), [issued.der]);
    assert!(
        text(&problems).starts_with("notice: the file") && problems.iter().count() == 1,
        "{problems}"
    );
    assert!(text(&problems).contains("expired 9 days ago"), "{problems}");
}

/// What stands in a certificate of an authority.
fn authority_params(name: &str, last_year: i32) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.use_authority_key_identifier_extension = true;
    params.not_before = date_time_ymd(2000, 1, 1);
    params.not_after = date_time_ymd(last_year, 1, 1);
    params
}

/// A certificate for a name and a key, signed by another name and its key.
fn signed((name, key): (&str, &KeyPair), by: (&str, &KeyPair), last_year: i32) -> String {
    let issuer = Issuer::new(authority_params(by.0, 2090), by.1);
    let made = authority_params(name, last_year).signed_by(key, &issuer);
    made.expect("made").pem().replace("\r\n", "\n")
}

/// A leaf with its key.
fn leaf_by(name: &str, key: &KeyPair) -> String {
    let own = new_key();
    let mut params = authority_params("gw.example", 2090);
    params.is_ca = IsCa::ExplicitNoCa;
    let issuer = Issuer::new(authority_params(name, 2090), key);
    let made = params.signed_by(&own, &issuer).expect("made");
    format!("{}{}", made.pem(), own.serialize_pem())
}

fn new_key() -> KeyPair {
    KeyPair::generate().expect("a key")
}

/// The certificates behind the leaf that are sent, in PEM.
fn sent_behind_leaf(content: &[&str]) -> (Vec<String>, Problems) {
    let (identity, problems) = combined(&content.concat());
    let identity = identity.unwrap_or_else(|| panic!("{problems}"));
    let behind = identity.chain().iter().skip(1);
    let in_pem = |der: &CertificateDer<'static>| {
        let document = pkcs8::der::Document::try_from(der.as_ref()).expect("DER");
        document
            .to_pem("CERTIFICATE", pkcs8::LineEnding::LF)
            .expect("PEM")
    };
    (behind.map(in_pem).collect(), problems)
}

#[test]
fn of_two_authorities_of_one_name_the_one_whose_key_signed_is_sent() {
    let (root, old, new) = (new_key(), new_key(), new_key());
    let by_root = |key| signed(("Issuing", key), ("Root", &root), 2090);
    let (of_old, of_new) = (by_root(&old), by_root(&new));
    for shuffled in [[&of_old, &of_new], [&of_new, &of_old]] {
        let leaf = leaf_by("Issuing", &new);
        let content = [shuffled[0], shuffled[1], &leaf].map(String::as_str);
        let (sent, problems) = sent_behind_leaf(&content);
        assert_eq!(sent, std::slice::from_ref(&of_new));
        assert!(
            text(&problems).contains("1 certificate(s) that do not belong"),
            "{problems}"
        );
    }
}

#[test]
fn of_two_certificates_of_one_authority_the_one_in_date_is_sent() {
    let (root, key) = (new_key(), new_key());
    let until = |last_year| signed(("Issuing", &key), ("Root", &root), last_year);
    let (expired, renewed) = (until(2001), until(2090));
    let (sent, problems) = sent_behind_leaf(&[&expired, &renewed, &leaf_by("Issuing", &key)]);
    assert_eq!(sent, [renewed]);
    assert!(!problems.has_errors(), "{problems}");
}

#[test]
fn an_authority_of_the_right_name_and_the_wrong_key_is_not_sent() {
    let (root, old, new) = (new_key(), new_key(), new_key());
    let of_old = signed(("Issuing", &old), ("Root", &root), 2090);
    let (sent, problems) = sent_behind_leaf(&[&leaf_by("Issuing", &new), &of_old]);
    assert_eq!(sent, Vec::<String>::new());
    assert!(
        text(&problems).contains("1 certificate(s) that do not belong"),
        "{problems}"
    );
}

#[test]
fn the_cross_certificate_of_an_authority_with_a_new_key_is_sent_and_its_roots_are_not() {
    let (old, new) = (new_key(), new_key());
    let leaf = leaf_by("Root", &new);
    let old_root = signed(("Root", &old), ("Root", &old), 2090);
    let new_root = signed(("Root", &new), ("Root", &new), 2090);
    let cross = signed(("Root", &new), ("Root", &old), 2090);
    for content in [
        [&leaf, &new_root, &cross, &old_root],
        [&old_root, &cross, &new_root, &leaf],
    ] {
        let (sent, problems) = sent_behind_leaf(&content.map(String::as_str));
        assert_eq!(sent, std::slice::from_ref(&cross));
        assert!(problems.is_empty(), "{problems}");
    }
}

#[test]
fn an_expired_or_future_certificate_is_refused_and_one_that_ends_soon_is_told() {
    let ca = authority("CA");
    let dated = |from: i64, to: i64| {
        let spec = LeafSpec {
            not_before: WallTime(now().0 + from * 86_400),
            not_after: WallTime(now().0 + to * 86_400 + 3_600),
            ..LeafSpec::for_name("gw.example", now())
        };
        combined(&ca.issue(&spec).expect("issued").combined_pem())
    };
    let (expired, problems) = dated(-10, -3);
    assert!(
        expired.is_none() && text(&problems).contains("expired 2 days ago"),
        "{problems}"
    );
    let (future, problems) = dated(1, 10);
    assert!(
        future.is_none() && text(&problems).contains("is not valid yet"),
        "{problems}"
    );
    let (soon, problems) = dated(-1, 5);
    assert!(
        soon.is_some() && text(&problems).contains("warning"),
        "{problems}"
    );
    assert!(text(&problems).contains("expires in 5 days"), "{problems}");
}

#[test]
fn weak_keys_weak_signatures_and_version_1_are_refused() {
    let rsa = refused(&format!(
        "{}{}",
        testdata::RSA1024_CERTIFICATE,
        testdata::RSA1024_KEY
    ));
    assert!(
        rsa.contains("not supported") || rsa.contains("RSA key of 1024 bits"),
        "{rsa}"
    );
    let sha1 = refused(&format!(
        "{}{}",
        testdata::SHA1_CERTIFICATE,
        testdata::PKCS8_KEY
    ));
    assert!(sha1.contains("signed with ecdsa-with-SHA1"), "{sha1}");
    let v1 = refused(&format!(
        "{}{}",
        testdata::V1_CERTIFICATE,
        testdata::PKCS8_KEY
    ));
    assert!(v1.contains("X.509 version 1"), "{v1}");
}

#[test]
fn a_leaf_that_calls_itself_an_authority_is_told() {
    let spec = LeafSpec {
        is_ca: true,
        ..LeafSpec::for_name("gw.example", now())
    };
    let issued = authority("CA").issue(&spec).expect("issued");
    let (identity, problems) = combined(&issued.combined_pem());
    assert!(
        identity.is_some() && text(&problems).contains("one of an authority"),
        "{problems}"
    );
}

#[cfg(unix)]
#[test]
fn the_digest_changes_with_the_files_and_only_then() {
    let ca = authority("CA");
    let one = leaf(&ca, "gw.example").combined_pem();
    let other = leaf(&ca, "gw.example").combined_pem();
    let digest = |content: &str| combined(content).0.expect("usable").digest();
    assert_eq!(digest(&one), digest(&one));
    assert_ne!(digest(&one), digest(&other));
}
