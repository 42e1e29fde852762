//! Whether a certificate is in force, by the lists that count.

use super::*;
use crate::certs::signature::SignatureDefect;

fn subject_of(refusal: Result<Option<WallTime>, RevocationRefusal>) -> String {
    refusal.expect_err("refused").to_string()
}

#[test]
fn a_revoked_certificate_is_named_with_authority_date_and_reason() {
    let ca = authority("Company CA");
    let (gone, kept) = (leaf(&ca, "gone.example"), leaf(&ca, "kept.example"));
    let lists = Desk::new()
        .with("a.crl", revoking(&ca, &[&gone]))
        .lists(&[&ca]);
    let serial = crate::certs::CertificateFacts::of(&gone.der)
        .expect("facts")
        .serial;
    let since = ListSpec::empty(now()).this_update;
    let said = subject_of(ask(&lists, &gone, &[&ca], now()));
    assert_eq!(
        said,
        format!(
            "it was revoked by \"CN=Company CA,O=crmgate throw-away PKI\" on {since} \
             (keyCompromise), under the serial number {serial}"
        )
    );
    assert!(ask(&lists, &kept, &[&ca], now()).is_ok());
}

#[test]
fn an_answer_holds_until_the_list_ends() {
    let ca = authority("CA");
    let own = leaf(&ca, "x");
    let spec = ListSpec::empty(now());
    let desk = Desk::new().with("a.crl", list(&ca, &spec));
    let refusing = desk.lists(&[&ca]);
    assert_eq!(
        ask(&refusing, &own, &[&ca], now()),
        Ok(Some(spec.next_update))
    );
    assert!(ask(&refusing, &own, &[&ca], spec.next_update).is_ok());
    let after = WallTime(spec.next_update.0 + 1);
    let desk = desk.expired(ExpiredLists::Grace(Duration::from_hours(2)));
    let lenient = desk.lists(&[&ca]);
    let end_of_grace = WallTime(spec.next_update.0 + 2 * HOUR);
    assert_eq!(ask(&lenient, &own, &[&ca], after), Ok(Some(end_of_grace)));
    let desk = desk.expired(ExpiredLists::Ignore);
    assert_eq!(ask(&desk.lists(&[&ca]), &own, &[&ca], after), Ok(None));
}

#[test]
fn v2_a_list_that_has_ended_is_gone_by_as_the_policy_says() {
    let ca = authority("CA");
    let (gone, kept) = (leaf(&ca, "gone"), leaf(&ca, "kept"));
    let desk = Desk::new().with("a.crl", revoking(&ca, &[&gone]));
    let end = ListSpec::empty(now()).next_update;
    let hour = |hours: i64| WallTime(end.0 + hours * HOUR);
    let outcomes = |lists: &RevocationLists, own: &Issued| {
        [hour(0), hour(1), hour(3)].map(|at| ask(lists, own, &[&ca], at).is_ok())
    };
    let grace = ExpiredLists::Grace(Duration::from_hours(2));
    for (policy, expected) in [
        (ExpiredLists::Refuse, [true, false, false]),
        (grace, [true, true, false]),
        (ExpiredLists::Ignore, [true, true, true]),
    ] {
        let (lists, _) = Desk::new()
            .expired(policy)
            .with("a.crl", revoking(&ca, &[&gone]))
            .load(&[&ca], now());
        let lists = lists.expect("lists");
        assert_eq!(outcomes(&lists, &kept), expected, "{policy:?}");
        assert_eq!(outcomes(&lists, &gone), [false; 3], "{policy:?}");
    }
    let lists = desk.lists(&[&ca]);
    let said = subject_of(ask(&lists, &kept, &[&ca], hour(1)));
    assert_eq!(
        said,
        format!(
            "the revocation list of its authority \"CN=CA,O=crmgate throw-away PKI\" expired on {end}"
        )
    );
}

#[test]
fn v3_a_missing_list_is_asked_for_as_the_coverage_says_and_names_the_authority() {
    let root = authority("Root");
    let sub = root.intermediate("Sub CA").expect("an intermediate");
    let own = leaf(&sub, "x");
    let of_sub = Certificate::read(sub.der()).expect("a certificate");
    let only_root = |coverage| {
        Desk::new()
            .coverage(coverage)
            .with("root.crl", revoking(&root, &[]))
            .lists(&[&root])
    };
    let leaf_level = |lists: &RevocationLists| ask(lists, &own, &[&sub, &root], now());
    for (coverage, is_let_in) in [
        (ListCoverage::Leaf, false),
        (ListCoverage::Chain, false),
        (ListCoverage::Any, true),
    ] {
        assert_eq!(
            leaf_level(&only_root(coverage)).is_ok(),
            is_let_in,
            "{coverage:?}"
        );
    }
    let said = subject_of(leaf_level(&only_root(ListCoverage::Leaf)));
    assert_eq!(
        said,
        "CRL_FILE has no revocation list of its authority \"CN=Sub CA,O=crmgate throw-away PKI\" \
         that covers it"
    );
    // The other way round: the level above the leaf has none.
    for (coverage, is_let_in) in [
        (ListCoverage::Leaf, true),
        (ListCoverage::Chain, false),
        (ListCoverage::Any, true),
    ] {
        let desk = Desk::new()
            .coverage(coverage)
            .with("sub.crl", revoking(&sub, &[]));
        let lists = desk.lists(&[&root]);
        let answer = ask_about(&lists, &of_sub, false, &[&root], &[], now());
        assert_eq!(answer.is_ok(), is_let_in, "{coverage:?}");
    }
}

#[test]
fn a_revoked_intermediate_is_refused_whatever_has_to_be_covered() {
    let root = authority("Root");
    let sub = root.intermediate("Sub CA").expect("an intermediate");
    let spec = ListSpec {
        revoked: vec![sub.der().clone()],
        ..ListSpec::empty(now())
    };
    for coverage in [ListCoverage::Leaf, ListCoverage::Chain, ListCoverage::Any] {
        let lists = Desk::new()
            .coverage(coverage)
            .with("r.crl", list(&root, &spec))
            .lists(&[&root]);
        let of_sub = Certificate::read(sub.der()).expect("a certificate");
        let said = subject_of(ask_about(&lists, &of_sub, false, &[&root], &[], now()));
        assert!(said.starts_with("it was revoked by \"CN=Root,O="), "{said}");
    }
}

#[test]
fn v4_an_empty_list_revokes_nobody() {
    let ca = authority("CA");
    let lists = Desk::new().with("a.crl", revoking(&ca, &[])).lists(&[&ca]);
    assert!(ask(&lists, &leaf(&ca, "x"), &[&ca], now()).is_ok());
    assert_eq!(
        (lists.len(), lists.revoked(), lists.is_empty()),
        (1, 0, false)
    );
}

#[test]
fn the_newest_list_that_has_begun_has_the_last_word() {
    let ca = authority("CA");
    let (held, gone) = (leaf(&ca, "held"), leaf(&ca, "gone"));
    let dated = |hours: i64, number: u64, revoked: &[&Issued]| ListSpec {
        this_update: at(-hours * HOUR),
        number,
        ..ListSpec::revoking(revoked, now())
    };
    let old = list(&ca, &dated(48, 1, &[&held]));
    let new = list(&ca, &dated(24, 2, &[&gone]));
    for bundle in [format!("{old}{new}"), format!("{new}{old}")] {
        let lists = Desk::new().with("a.crl", bundle).lists(&[&ca]);
        assert!(
            ask(&lists, &held, &[&ca], now()).is_ok(),
            "taken off the list"
        );
        assert!(ask(&lists, &gone, &[&ca], now()).is_err());
    }
    // Of two with one date the greater number counts.
    let twin = list(&ca, &dated(24, 300, &[&held]));
    let lists = Desk::new()
        .with("a.crl", format!("{new}{twin}"))
        .lists(&[&ca]);
    assert!(
        ask(&lists, &gone, &[&ca], now()).is_ok() && ask(&lists, &held, &[&ca], now()).is_err()
    );
}

#[test]
fn an_older_list_that_lasts_longer_does_not_hide_what_a_newer_one_says() {
    let ca = authority("CA");
    let (gone, kept) = (leaf(&ca, "gone"), leaf(&ca, "kept"));
    let newer = ListSpec {
        next_update: at(HOUR),
        ..ListSpec::revoking(&[&gone], now())
    };
    let older = ListSpec {
        this_update: at(-DAY),
        ..ListSpec::empty(now())
    };
    let both = format!("{}{}", list(&ca, &newer), list(&ca, &older));
    let lists = Desk::new().with("a.crl", both).lists(&[&ca]);
    assert!(ask(&lists, &gone, &[&ca], at(2 * HOUR)).is_err());
    assert!(ask(&lists, &kept, &[&ca], at(2 * HOUR)).is_ok());
}

#[test]
fn a_list_from_the_future_counts_once_it_has_begun() {
    let ca = authority("CA");
    let own = leaf(&ca, "x");
    let spec = ListSpec {
        this_update: at(DAY),
        ..ListSpec::revoking(&[&own], now())
    };
    let lists = Desk::new().with("a.crl", list(&ca, &spec)).lists(&[&ca]);
    let said = subject_of(ask(&lists, &own, &[&ca], now()));
    assert_eq!(
        said,
        format!(
            "the revocation list of its authority \"CN=CA,O=crmgate throw-away PKI\" is not valid \
             before {}",
            spec.this_update
        )
    );
    let a_little_before = WallTime(spec.this_update.0 - 300);
    let said = subject_of(ask(&lists, &own, &[&ca], a_little_before));
    assert!(said.contains("was revoked by"), "{said}");
    // Until then another list may let it in, and no longer.
    let both = format!("{}{}", list(&ca, &spec), revoking(&ca, &[]));
    let lists = Desk::new().with("a.crl", both).lists(&[&ca]);
    let until = WallTime(spec.this_update.0 - 301);
    assert_eq!(ask(&lists, &own, &[&ca], now()), Ok(Some(until)));
}

#[test]
fn one_bad_signature_among_good_ones_counts_for_nothing() {
    let root = authority("Root");
    let sub = root.intermediate("Sub CA").expect("an intermediate");
    let twin = authority("Sub CA");
    let own = leaf(&sub, "x");
    let forged = ListSpec {
        this_update: at(-60),
        number: 99,
        ..ListSpec::revoking(&[&own], now())
    };
    let both = format!("{}{}", list(&twin, &forged), revoking(&sub, &[]));
    let lists = Desk::new().with("a.crl", both).lists(&[&root]);
    assert!(ask(&lists, &own, &[&sub, &root], now()).is_ok());
}

#[test]
fn a_list_that_nobody_known_signed_lets_nobody_in() {
    let root = authority("Root");
    let sub = root.intermediate("Sub CA").expect("an intermediate");
    let own = leaf(&sub, "x");
    for coverage in [ListCoverage::Leaf, ListCoverage::Any] {
        let forged = revoking(&authority("Sub CA"), &[]);
        let lists = Desk::new()
            .coverage(coverage)
            .with("a.crl", forged)
            .lists(&[&root]);
        let refusal = ask(&lists, &own, &[&sub, &root], now()).expect_err("refused");
        let defect = SignatureDefect::Wrong;
        let issuer = "CN=Sub CA,O=crmgate throw-away PKI".to_owned();
        assert_eq!(refusal, RevocationRefusal::ListUnproven { issuer, defect });
        assert_eq!(
            refusal.to_string(),
            "the revocation list of its authority \"CN=Sub CA,O=crmgate throw-away PKI\" is not \
             believed: its signature does not fit the key of its issuer"
        );
        // Remembered, and the same again.
        assert_eq!(ask(&lists, &own, &[&sub, &root], now()), Err(refusal));
    }
}

#[test]
fn an_authority_that_may_not_sign_lists_is_not_believed() {
    let root = authority("Root");
    let unable = root.intermediate_without_lists("Sub CA");
    let list = Draft::of(&unable).signed_by(&unable);
    let lists = Desk::new().with("a.crl", &list).lists(&[&root]);
    let own = leaf(&unable, "x");
    assert_eq!(
        subject_of(ask(&lists, &own, &[&unable, &root], now())),
        "the revocation list of its authority \"CN=Sub CA,O=crmgate throw-away PKI\" is not \
         believed: the key usage of that authority does not allow to sign lists"
    );
    // Nor is its key believed as the one for the lists of another key of the same name.
    let able = root.intermediate("Sub CA").expect("an intermediate");
    let own = Certificate::read(&leaf(&able, "x").der).expect("a certificate");
    let pool = [certificate(&unable)];
    assert!(ask_about(&lists, &own, true, &[&able, &root], &pool, now()).is_err());
    // As an anchor it is found out when it is loaded.
    let (none, problems) = Desk::new().with("a.crl", &list).load(&[&unable], now());
    assert!(none.is_none(), "{problems}");
    assert!(
        problems
            .to_string()
            .contains("whose key usage does not allow to sign lists")
    );
}

/// An intermediate with two keys, one for certificates and one for lists.
struct TwoKeys {
    root: Authority,
    for_certificates: Authority,
    for_lists: Authority,
}

impl TwoKeys {
    fn new() -> Self {
        let root = authority("Root");
        let make = || root.intermediate("Sub CA").expect("an intermediate");
        let (for_certificates, for_lists) = (make(), make());
        Self {
            root,
            for_certificates,
            for_lists,
        }
    }

    /// Whether a leaf that is on no list, and one that is, get in.
    fn outcomes(&self, desk: Desk, extra_root_list: bool, pool: &[Certificate]) -> [bool; 2] {
        let (kept, gone) = (
            leaf(&self.for_certificates, "kept"),
            leaf(&self.for_certificates, "gone"),
        );
        let mut bundle = revoking(&self.for_lists, &[&gone]);
        if extra_root_list {
            let spec = ListSpec {
                revoked: vec![self.for_lists.der().clone()],
                ..ListSpec::empty(now())
            };
            bundle.push_str(&list(&self.root, &spec));
        }
        let lists = desk.with("a.crl", bundle).lists(&[&self.root]);
        [kept, gone].map(|own| {
            let own = Certificate::read(&own.der).expect("a certificate");
            let path = [&self.for_certificates, &self.root];
            ask_about(&lists, &own, true, &path, pool, now()).is_ok()
        })
    }
}

#[test]
fn a_list_signed_with_a_key_of_its_own_counts_if_that_keys_certificate_is_at_hand() {
    let keys = TwoKeys::new();
    let nowhere = keys.outcomes(Desk::new(), false, &[]);
    assert_eq!(nowhere, [false, false]);
    let sent = [certificate(&keys.for_lists)];
    assert_eq!(keys.outcomes(Desk::new(), false, &sent), [true, false]);
    let bundle = format!("{}{}", keys.for_lists.pem(), revoking(&keys.root, &[]));
    let beside = Desk::new().with("signer.pem", bundle);
    assert_eq!(keys.outcomes(beside, false, &[]), [true, false]);
}

#[test]
fn the_certificate_of_a_key_for_lists_may_be_revoked_itself() {
    let keys = TwoKeys::new();
    let sent = [certificate(&keys.for_lists)];
    assert_eq!(keys.outcomes(Desk::new(), true, &sent), [false, false]);
}

#[test]
fn an_answer_holds_no_longer_than_what_is_known_of_the_key_that_signed_the_list() {
    let keys = TwoKeys::new();
    let of_root = ListSpec {
        next_update: at(DAY),
        ..ListSpec::empty(now())
    };
    let bundle = format!(
        "{}{}",
        revoking(&keys.for_lists, &[]),
        list(&keys.root, &of_root)
    );
    let lists = Desk::new().with("a.crl", bundle).lists(&[&keys.root]);
    let own = leaf(&keys.for_certificates, "x");
    let own = Certificate::read(&own.der).expect("a certificate");
    let pool = [certificate(&keys.for_lists)];
    let path = [&keys.for_certificates, &keys.root];
    let answer = ask_about(&lists, &own, true, &path, &pool, now());
    assert_eq!(answer, Ok(Some(at(DAY))));
}

#[test]
fn a_key_for_lists_whose_certificate_has_expired_signs_nothing_any_more() {
    let keys = TwoKeys::new();
    let mut draft = Draft::of(&keys.for_lists);
    draft.next_update = None;
    let desk = Desk::new().with("a.crl", draft.signed_by(&keys.for_lists));
    let lists = desk.lists(&[&keys.root]);
    let own = leaf(&keys.for_certificates, "x");
    let own = Certificate::read(&own.der).expect("a certificate");
    let pool = [certificate(&keys.for_lists)];
    let end = pool[0].not_after();
    let ask = |now| {
        let path = [&keys.for_certificates, &keys.root];
        ask_about(&lists, &own, true, &path, &pool, now)
    };
    assert_eq!(ask(end), Ok(Some(end)));
    assert!(ask(WallTime(end.0 + 1)).is_err());
}

#[test]
fn the_list_of_a_new_key_may_be_the_only_one_that_could_name_that_keys_certificate() {
    // The authority has certified its new key under the old one, and signs lists with the new.
    let root = authority("Root");
    let sub = root.intermediate("Sub CA").expect("an intermediate");
    let renewed = sub.intermediate("Sub CA").expect("an intermediate");
    let bundle = format!("{}{}", revoking(&root, &[]), revoking(&renewed, &[]));
    let desk = Desk::new().coverage(ListCoverage::Chain);
    let lists = desk.with("a.crl", bundle).lists(&[&root]);
    let pool = [certificate(&renewed), certificate(&sub)];
    let below_old = Certificate::read(&leaf(&sub, "x").der).expect("a certificate");
    for (own, is_leaf) in [(&below_old, true), (&pool[0], false)] {
        let answer = ask_about(&lists, own, is_leaf, &[&sub, &root], &pool, now());
        assert!(answer.is_ok(), "{answer:?}");
    }
}

#[test]
fn a_key_for_lists_has_to_stand_below_the_same_anchor() {
    let keys = TwoKeys::new();
    let other_root = authority("Other root");
    let stranger = other_root.intermediate("Sub CA").expect("an intermediate");
    let own = Certificate::read(&leaf(&keys.for_certificates, "x").der).expect("a certificate");
    let desk = Desk::new().with("a.crl", revoking(&stranger, &[]));
    let lists = desk.lists(&[&keys.root, &other_root]);
    let path = [&keys.for_certificates, &keys.root];
    let answer = ask_about(&lists, &own, true, &path, &[certificate(&stranger)], now());
    assert!(answer.is_err());
}

#[test]
fn the_list_of_the_key_that_signed_a_certificate_goes_before_that_of_its_successor() {
    // An authority has changed its key, and both are in CA_FILE. Each list knows the certificates
    // of its own key; the newer one must not wash the older one's clean.
    let (old, new) = (authority("CA"), authority("CA"));
    let gone = leaf(&old, "gone");
    let newer = ListSpec {
        this_update: at(-60),
        number: 9,
        ..ListSpec::empty(now())
    };
    let both = format!("{}{}", revoking(&old, &[&gone]), list(&new, &newer));
    let lists = Desk::new().with("a.crl", both).lists(&[&old, &new]);
    assert!(ask(&lists, &gone, &[&old], now()).is_err());
    assert!(ask(&lists, &leaf(&new, "x"), &[&new], now()).is_ok());
}

#[test]
fn the_list_of_a_key_that_has_gone_does_not_hide_what_the_authority_says_now() {
    // The last list of the old key never ends, and all that is revoked later is on the new one's.
    let (old, new) = (authority("CA"), authority("CA"));
    let (gone, there) = (leaf(&old, "gone"), leaf(&old, "there"));
    let last = ListSpec {
        next_update: at(1_000_000),
        ..ListSpec::empty(now())
    };
    let both = format!("{}{}", list(&old, &last), revoking(&new, &[&gone]));
    let lists = Desk::new().with("a.crl", both).lists(&[&old, &new]);
    assert!(ask(&lists, &gone, &[&old], now()).is_err());
    assert!(ask(&lists, &there, &[&old], now()).is_ok());
}

#[test]
fn v4_a_list_of_a_distribution_point_is_about_the_certificates_that_name_it() {
    let ca = authority("CA");
    let point = |name: &str| {
        let full = element(0xa0, &element(0x86, name.as_bytes()));
        element(0xa0, &full)
    };
    let own = |uri: &str| {
        let der = ca.issue_listed_at("x", uri);
        Certificate::read(&der).expect("a certificate")
    };
    let [first, second] = ["http://pki.example/1.crl", "http://pki.example/2.crl"];
    let (of_first, of_second) = (own(first), own(second));
    let part = |name: &str, revoked: &Certificate| {
        let scope = element(0x30, &point(name));
        let draft = Draft::of(&ca).entry(revoked.serial(), &[]);
        draft.extension(28, true, &scope).signed_by(&ca)
    };
    let answer = |lists: &RevocationLists, own: &Certificate| {
        ask_about(lists, own, true, &[&ca], &[], now())
    };
    // Each list names the certificate of the other point, about which it says nothing.
    let wrong = Desk::new().with("1.crl", part(first, &of_second));
    let lists = wrong.with("2.crl", part(second, &of_first)).lists(&[&ca]);
    assert!(answer(&lists, &of_first).is_ok() && answer(&lists, &of_second).is_ok());
    let right = Desk::new().with("1.crl", part(first, &of_first));
    let lists = right.lists(&[&ca]);
    assert!(subject_of(answer(&lists, &of_first)).starts_with("it was revoked by"));
    for other in [
        of_second,
        Certificate::read(&leaf(&ca, "y").der).expect("a certificate"),
    ] {
        let said = subject_of(answer(&lists, &other));
        assert!(
            said.starts_with("CRL_FILE has no revocation list of"),
            "{said}"
        );
    }
}

#[test]
fn v4_a_list_of_users_says_nothing_of_authorities() {
    let root = authority("Root");
    let sub = root.intermediate("Sub CA").expect("an intermediate");
    let of_sub = Certificate::read(sub.der()).expect("a certificate");
    let users_only = |draft: Draft| draft.extension(28, true, &element(0x30, &[0x81, 1, 0xff]));
    let draft = users_only(Draft::of(&root).entry(of_sub.serial(), &[]));
    let lists = Desk::new()
        .coverage(ListCoverage::Chain)
        .with("a.crl", draft.signed_by(&root))
        .lists(&[&root]);
    let said = subject_of(ask_about(&lists, &of_sub, false, &[&root], &[], now()));
    assert!(
        said.starts_with("CRL_FILE has no revocation list of"),
        "{said}"
    );
    assert!(ask_about(&lists, &of_sub, true, &[&root], &[], now()).is_err());
}

#[test]
fn names_that_differ_in_capitals_and_blanks_are_one_authority() {
    let ca = authority("Company CA");
    let gone = leaf(&ca, "gone");
    let shouting = authority("COMPANY  ca ");
    let serial = Certificate::read(&gone.der)
        .expect("a certificate")
        .serial()
        .to_vec();
    let mut draft = Draft::of(&ca).entry(&serial, &[]);
    draft.issuer = certificate(&shouting).subject().to_vec();
    let lists = Desk::new()
        .with("a.crl", draft.signed_by(&ca))
        .lists(&[&ca]);
    assert!(ask(&lists, &gone, &[&ca], now()).is_err());
    assert!(ask(&lists, &leaf(&ca, "kept"), &[&ca], now()).is_ok());
}

#[test]
fn a_list_without_an_end_lasts_for_good() {
    let ca = authority("CA");
    let mut draft = Draft::of(&ca);
    draft.next_update = None;
    let lists = Desk::new()
        .with("a.crl", draft.signed_by(&ca))
        .lists(&[&ca]);
    assert_eq!(
        ask(&lists, &leaf(&ca, "x"), &[&ca], at(3_000 * DAY)),
        Ok(None)
    );
}

#[test]
fn a_hundred_thousand_entries_are_read_and_found() {
    let ca = authority("CA");
    let own = leaf(&ca, "x");
    let mut draft = Draft::of(&ca);
    for number in 0..100_000_u32 {
        draft = draft.entry(&[&[1], number.to_be_bytes().as_slice()].concat(), &[]);
    }
    let der = draft.signed_by(&ca);
    let begun = tokio::time::Instant::now();
    let lists = Desk::new().with("a.crl", der).lists(&[&ca]);
    let loaded = begun.elapsed();
    assert_eq!(lists.revoked(), 100_000);
    let begun = tokio::time::Instant::now();
    assert!(ask(&lists, &own, &[&ca], now()).is_ok());
    // Generous, for a build without optimisation on a machine at work.
    assert!(loaded < Duration::from_secs(10) && begun.elapsed() < Duration::from_secs(1));
}
