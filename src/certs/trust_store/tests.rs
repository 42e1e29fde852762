use super::*;
use crate::certs::issue::Authority;
use crate::certs::testdata::{self, authority, file, leaf, now, text};
use crate::config::problem::Severity;

fn load(content: &str) -> (Option<TrustStore>, Problems) {
    let dir = tempfile::tempdir().expect("a folder");
    TrustStore::load(&file(dir.path(), "ca.pem", content), now())
}

fn refused(content: &str) -> String {
    let (store, problems) = load(content);
    assert!(store.is_none() && problems.has_errors(), "{problems}");
    text(&problems)
}

fn from_days(name: &str, from: i64, to: i64) -> Authority {
    let at = |day: i64| WallTime(now().0 + day * 86_400 + 3_600);
    Authority::with_validity(name, at(from), at(to)).expect("made")
}

#[test]
fn a_bundle_is_read_and_a_certificate_in_it_twice_counts_once() {
    let (one, two) = (authority("One"), authority("Two"));
    let (store, problems) = load(&[one.pem(), two.pem(), one.pem()].concat());
    assert!(problems.is_empty(), "{problems}");
    let store = store.expect("usable");
    assert_eq!(store.anchors().len(), 2);
}

#[test]
fn nothing_and_garbage_are_errors() {
    assert!(refused("").contains("is empty"));
    assert!(refused("garbage").contains("no PEM block"));
    let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert!(refused(garbage).contains("line 1 that is not an X.509 certificate"));
    assert!(refused(testdata::PKCS7).contains("crmgate certs convert "));
    let half = format!("{}{garbage}", authority("CA").pem());
    assert!(refused(&half).contains("not an X.509 certificate"));
}

#[test]
fn an_expired_anchor_is_left_out_and_a_bundle_of_none_else_is_refused() {
    let (old, good) = (from_days("Old", -20, -10), authority("Good"));
    let (store, problems) = load(&[old.pem(), good.pem()].concat());
    assert_eq!(store.expect("usable").names_at(now()).len(), 1);
    assert!(text(&problems).contains("expired 9 days ago"), "{problems}");
    assert!(refused(&old.pem()).contains("expired"));
}

#[test]
fn an_anchor_that_expires_while_the_gateway_runs_is_named_to_nobody_from_then_on() {
    let (short, long) = (from_days("Short", -1, 2), authority("Long"));
    let store = load(&[short.pem(), long.pem()].concat()).0.expect("usable");
    let ends = store
        .anchors()
        .iter()
        .map(|anchor| anchor.facts().not_after);
    let end = ends.min().expect("one ends");
    assert_eq!(store.names_at(end).len(), 2);
    assert_eq!(store.names_at(WallTime(end.0 + 1)).len(), 1);
}

#[test]
fn a_leaf_in_ca_file_is_an_error_that_names_its_issuer() {
    let text = refused(&leaf(&authority("Company CA"), "side-a.example").certificate_pem);
    assert!(text.contains("not an authority's"), "{text}");
    assert!(text.contains("CN=Company CA"), "{text}");
}

#[test]
fn a_self_signed_leaf_is_accepted_with_a_warning() {
    let (store, problems) = load(testdata::CERTIFICATE);
    assert!(
        store.is_some() && text(&problems).contains("vouches for itself only"),
        "{problems}"
    );
}

#[test]
fn a_version_1_root_is_an_authority() {
    let (store, problems) = load(testdata::V1_CERTIFICATE);
    assert!(store.is_some() && problems.is_empty(), "{problems}");
}

#[test]
fn an_intermediate_is_an_authority_and_one_that_may_not_sign_is_refused() {
    let root = authority("Root");
    let (store, problems) = load(&root.intermediate("Middle").expect("made").pem());
    assert!(store.is_some() && problems.is_empty(), "{problems}");
    let unable = root.intermediate_with_usage("Unable", false).expect("made");
    assert!(refused(&unable.pem()).contains("does not allow to sign"));
}

#[test]
fn a_private_key_in_ca_file_is_told() {
    let ca = authority("CA");
    let key = leaf(&ca, "gw.example").key_pem;
    let (store, problems) = load(&format!("{}{key}", ca.pem()));
    assert!(
        store.is_some() && text(&problems).contains("holds a private key"),
        "{problems}"
    );
}

#[test]
fn a_revocation_list_in_ca_file_is_an_error_since_nothing_would_be_revoked() {
    let list = "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n";
    for content in [format!("{}{list}", authority("CA").pem()), list.to_owned()] {
        let text = refused(&content);
        assert!(text.contains("holds a revocation list in line "), "{text}");
        assert!(text.contains("name it with CRL_FILE"), "{text}");
    }
}

#[test]
fn the_policy_digest_ignores_order_and_sees_another_key_under_the_same_name() {
    let (one, two, twin) = (authority("One"), authority("Two"), authority("One"));
    let digest = |pems: &[&Authority]| {
        let text: String = pems.iter().map(|authority| authority.pem()).collect();
        load(&text).0.expect("usable").policy_digest()
    };
    assert_eq!(digest(&[&one, &two]), digest(&[&two, &one]));
    assert_ne!(digest(&[&one]), digest(&[&twin]));
    assert_ne!(digest(&[&one, &two]), digest(&[&one]));
    let keys = load(&one.pem()).0.expect("usable").key_digests();
    assert_eq!(keys.len(), 1);
}

#[test]
fn the_end_of_the_last_authority_is_worse_than_that_of_another() {
    let (first, last) = (from_days("First", -1, 10), from_days("Last", -1, 20));
    let dir = tempfile::tempdir().expect("a folder");
    let file = file(dir.path(), "ca.pem", [first.pem(), last.pem()].concat());
    let store = TrustStore::load(&file, now()).0.expect("usable");
    let on_day = |day: i64| {
        let due = store.due(&file, WallTime(now().0 + day * 86_400));
        due.into_iter()
            .map(|due| (due.step, due.problem.severity))
            .collect::<Vec<_>>()
    };
    let (warning, error) = (Severity::Warning, Severity::Error);
    assert_eq!(
        on_day(11),
        [(Step::Ended, warning), (Step::left(14), warning)]
    );
    assert_eq!(on_day(21), [(Step::Ended, error), (Step::Ended, error)]);
}
