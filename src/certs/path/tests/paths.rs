//! Which chains lead to an authority, and which certificate is to blame if one does not.

use super::forge::*;
use super::*;
use crate::certs::signature::SignatureDefect;

/// A root, an authority below it, and what both are called.
fn family() -> (
    Holder,
    Holder,
    CertificateDer<'static>,
    CertificateDer<'static>,
) {
    let (root, sub) = (Holder::new("Root"), Holder::new("Sub"));
    let (root_der, sub_der) = (root.root(), root.issue(&Draft::of_authority(&sub)));
    (root, sub, root_der, sub_der)
}

/// What is wrong with a chain of root, authority and leaf of which the authority is changed.
fn with_sub(change: impl FnOnce(Draft) -> Draft) -> Result<Proven, Refusal> {
    let (root, sub, root_der, _) = family();
    let sub_der = root.issue(&change(Draft::of_authority(&sub)));
    let leaf = sub.issue(&Draft::of_leaf("gw.example"));
    prove(&[&root_der], &leaf, &[&sub_der])
}

/// What is wrong with a chain of root and leaf of which the leaf is changed.
fn with_leaf(change: impl FnOnce(Draft) -> Draft) -> Result<Proven, Refusal> {
    let root = Holder::new("Root");
    let leaf = root.issue(&change(Draft::of_leaf("gw.example")));
    prove(&[&root.root()], &leaf, &[])
}

/// What is wrong with a chain of root and leaf of which the root is changed.
fn with_root(change: impl FnOnce(Draft) -> Draft) -> Result<Proven, Refusal> {
    let root = Holder::new("Root");
    let root_der = root.issue(&change(Draft::of_authority(&root)));
    let leaf = root.issue(&Draft::of_leaf("gw.example"));
    prove(&[&root_der], &leaf, &[])
}

fn why(outcome: Result<Proven, Refusal>) -> String {
    outcome.expect_err("refused").to_string()
}

#[test]
fn a_chain_is_proven_in_whatever_order_and_with_whatever_beside_it() {
    let (_, sub, root, sub_der) = family();
    let leaf = sub.issue(&Draft::of_leaf("gw.example"));
    let stranger = Holder::new("Stranger").root();
    let broken = CertificateDer::from(vec![0x30, 0]);
    let others = [&stranger, &broken, &root, &sub_der, &leaf];
    let proven = prove(&[&root], &leaf, &others).expect("proven");
    let path: Vec<_> = proven.path.iter().map(Certificate::der).collect();
    assert_eq!(path, [&leaf, &sub_der]);
    assert_eq!(proven.until, WallTime(1_798_761_600));
}

#[test]
fn it_is_as_good_as_the_first_of_its_certificates_to_end() {
    let early = |draft: Draft| draft.dated("250101000000Z", "260601000000Z");
    let june = WallTime(1_780_272_000);
    assert_eq!(with_leaf(early).expect("proven").until, june);
    assert_eq!(with_sub(early).expect("proven").until, june);
    assert_eq!(with_root(early).expect("proven").until, june);
}

#[test]
fn a_date_that_has_passed_or_is_to_come_is_told_with_the_certificate() {
    let old = |draft: Draft| draft.dated("250101000000Z", "251231235959Z");
    let new = |draft: Draft| draft.dated("260101000001Z", "270101000000Z");
    for (outcome, name) in [
        (with_leaf(old), "gw.example"),
        (with_sub(old), "Sub"),
        (with_root(old), "Root"),
    ] {
        assert_eq!(
            why(outcome),
            format!(
                "the certificate of \"CN={name}\" is not accepted: it expired on 2025-12-31T23:59:59Z"
            )
        );
    }
    for (outcome, name) in [
        (with_leaf(new), "gw.example"),
        (with_sub(new), "Sub"),
        (with_root(new), "Root"),
    ] {
        assert_eq!(
            why(outcome),
            format!(
                "the certificate of \"CN={name}\" is not accepted: it is not valid before \
                 2026-01-01T00:00:01Z"
            )
        );
    }
    let to_the_second = |draft: Draft| draft.dated("260101000000Z", "260101000000Z");
    assert!(with_leaf(to_the_second).is_ok());
}

#[test]
fn nobody_known_issued_a_certificate() {
    let (root, sub, root_der, _) = family();
    let leaf = sub.issue(&Draft::of_leaf("gw.example"));
    assert_eq!(
        refused(&[&root_der], &leaf, &[]),
        "the certificate of \"CN=gw.example\" is not accepted: no authority issued it"
    );
    // The chain goes on, and ends before an anchor.
    let sub_der = root.issue(&Draft::of_authority(&sub));
    assert_eq!(
        refused(&[], &leaf, &[&sub_der]),
        "the certificate of \"CN=Sub\" is not accepted: no authority issued it"
    );
}

#[test]
fn a_root_that_was_sent_and_is_not_known_is_not_to_blame_for_what_it_is() {
    let (other, root) = (Holder::new("Other Root"), Holder::new("Root").root());
    let leaf = other.issue(&Draft::of_leaf("gw.example"));
    let old = Draft::of_authority(&other).dated("240101000000Z", "241231000000Z");
    let old = other.issue(&old);
    assert_eq!(
        refused(&[&root], &leaf, &[&old]),
        "the certificate of \"CN=gw.example\" is not accepted: no authority issued it"
    );
    assert_eq!(
        refused(&[&root], &leaf, &[&other.root()]),
        "the certificate of \"CN=Other Root\" is not accepted: no authority issued it"
    );
}

#[test]
fn the_missing_link_may_be_one_that_cannot_be_read() {
    let (_, sub, root, sub_der) = family();
    let leaf = sub.issue(&Draft::of_leaf("gw.example"));
    let cut = CertificateDer::from(sub_der[..sub_der.len() - 1].to_vec());
    assert_eq!(
        refused(&[&root], &leaf, &[&cut]),
        "the certificate of \"(not readable)\" is not accepted: it cannot be read as a certificate"
    );
}

#[test]
fn a_signature_that_does_not_hold_is_told_with_the_certificate() {
    let forged = |draft: Draft| Draft {
        is_forged: true,
        ..draft
    };
    let words = "is not accepted: its signature does not fit the key of its issuer";
    assert_eq!(
        why(with_leaf(forged)),
        format!("the certificate of \"CN=gw.example\" {words}")
    );
    assert_eq!(
        why(with_sub(forged)),
        format!("the certificate of \"CN=Sub\" {words}")
    );
    // An anchor is believed, whatever its signature.
    assert!(with_root(forged).is_ok());
}

#[test]
fn an_algorithm_that_is_not_served_is_told_from_a_wrong_signature() {
    let other = |draft: Draft| {
        let algorithm = seq(&[&tlv(6, &[&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1]])]);
        Draft {
            algorithm: algorithm.clone(),
            outer_algorithm: algorithm,
            ..draft
        }
    };
    let refusal = with_leaf(other).expect_err("refused");
    assert_eq!(
        refusal.reason,
        Reason::Signature(SignatureDefect::UnsupportedAlgorithm)
    );
}

#[test]
fn two_authorities_of_one_name_are_tried_one_after_the_other() {
    let (root, twin) = (Holder::new("Root"), Holder::new("Root"));
    let leaf = twin.issue(&Draft::of_leaf("gw.example"));
    assert!(prove(&[&root.root(), &twin.root()], &leaf, &[]).is_ok());
    // And the same below an anchor.
    let (sub, other) = (Holder::new("Sub"), Holder::new("Sub"));
    let subs = [&sub, &other].map(|one| root.issue(&Draft::of_authority(one)));
    let leaf = other.issue(&Draft::of_leaf("gw.example"));
    assert!(prove(&[&root.root()], &leaf, &[&subs[0], &subs[1]]).is_ok());
}

#[test]
fn a_named_key_decides_about_the_order_only() {
    let root = Holder::new("Root");
    let wrong = extension(KEY_ID, false, &tlv(4, &[b"one"]));
    let root_der = root.issue(&Draft::of_authority(&root).with(wrong));
    let named = extension(ISSUER_KEY_ID, false, &seq(&[&tlv(0x80, &[b"two"])]));
    let leaf = root.issue(&Draft::of_leaf("gw.example").with(named));
    assert!(prove(&[&root_der], &leaf, &[]).is_ok());
}

#[test]
fn an_expired_certificate_of_an_authority_does_not_hide_its_current_one() {
    let (root, sub, root_der, sub_der) = family();
    let old = root.issue(&Draft::of_authority(&sub).dated("240101000000Z", "241231000000Z"));
    let leaf = sub.issue(&Draft::of_leaf("gw.example"));
    assert!(prove(&[&root_der], &leaf, &[&old, &sub_der]).is_ok());
    assert!(refused(&[&root_der], &leaf, &[&old]).contains("it expired on 2024-12-31"));
}

#[test]
fn a_cross_certificate_leads_to_the_root_that_is_known() {
    let (old, new) = (Holder::new("Old Root"), Holder::new("New Root"));
    let cross = old.issue(&Draft::of_authority(&new));
    let leaf = new.issue(&Draft::of_leaf("gw.example"));
    assert!(prove(&[&old.root()], &leaf, &[&new.root(), &cross]).is_ok());
    assert!(prove(&[&new.root()], &leaf, &[&cross]).is_ok());
}

#[test]
fn an_intermediate_authority_may_be_believed_without_its_root() {
    let (_, sub, _, sub_der) = family();
    let leaf = sub.issue(&Draft::of_leaf("gw.example"));
    assert!(prove(&[&sub_der], &leaf, &[]).is_ok());
}

#[test]
fn who_issues_is_an_authority_and_may_sign_certificates() {
    let no_authority = "the certificate of \"CN=Sub\" is not accepted: it is not one of an \
                        authority, and issued another";
    assert_eq!(why(with_sub(|draft| draft.without(BASIC))), no_authority);
    let no_ca = extension(BASIC, true, &seq(&[]));
    assert_eq!(
        why(with_sub(|draft| draft.without(BASIC).with(no_ca))),
        no_authority
    );
    let lists_only = |draft: Draft| draft.without(KEY_USAGE).with(key_usage(SIGN_LISTS));
    let may_not_sign = "is not accepted: its key usage does not allow to sign certificates";
    assert_eq!(
        why(with_sub(lists_only)),
        format!("the certificate of \"CN=Sub\" {may_not_sign}")
    );
    assert_eq!(
        why(with_root(lists_only)),
        format!("the certificate of \"CN=Root\" {may_not_sign}")
    );
    assert!(with_sub(|draft| draft.without(KEY_USAGE)).is_ok());
}

#[test]
fn an_anchor_of_version_3_is_an_authority_by_one_of_two_extensions() {
    assert!(with_root(|draft| draft.without(BASIC)).is_ok());
    assert!(with_root(|draft| draft.without(KEY_USAGE)).is_ok());
    let neither = with_root(|draft| draft.without(BASIC).without(KEY_USAGE));
    assert_eq!(neither.expect_err("refused").reason, Reason::UnknownIssuer);
    let host = with_root(|draft| draft.without(BASIC).with(extension(BASIC, true, &seq(&[]))));
    assert_eq!(host.expect_err("refused").reason, Reason::UnknownIssuer);
}

#[test]
fn version_1_is_for_anchors_only() {
    let old = |draft: Draft| Draft {
        version: Vec::new(),
        extensions: Vec::new(),
        ..draft
    };
    assert!(with_root(old).is_ok());
    let words = "is not accepted: it is of X.509 version 1, and 3 is the least";
    assert_eq!(
        why(with_leaf(old)),
        format!("the certificate of \"CN=gw.example\" {words}")
    );
    assert_eq!(
        why(with_sub(old)),
        format!("the certificate of \"CN=Sub\" {words}")
    );
}

#[test]
fn the_length_of_a_path_is_limited_by_each_of_its_authorities() {
    let (root, sub, last) = (Holder::new("Root"), Holder::new("Sub"), Holder::new("Last"));
    let leaf = last.issue(&Draft::of_leaf("gw.example"));
    let chain = |root_limit: Option<u8>, sub_limit: Option<u8>| {
        let limited = |holder, limit| {
            Draft::of_authority(holder)
                .without(BASIC)
                .with(authority(limit))
        };
        let root_der = root.issue(&limited(&root, root_limit));
        let sub_der = root.issue(&limited(&sub, sub_limit));
        let last_der = sub.issue(&limited(&last, Some(0)));
        prove(&[&root_der], &leaf, &[&sub_der, &last_der])
    };
    assert!(chain(Some(2), Some(1)).is_ok() && chain(None, None).is_ok());
    assert_eq!(
        why(chain(None, Some(0))),
        "the certificate of \"CN=Sub\" is not accepted: more authorities stand below it than the 0 \
         that it allows"
    );
    assert_eq!(
        why(chain(Some(1), None)),
        "the certificate of \"CN=Root\" is not accepted: more authorities stand below it than the \
         1 that it allows"
    );
}

#[test]
fn what_an_authority_says_to_its_own_new_key_counts_for_no_length() {
    let (root, old) = (Holder::new("Root"), Holder::new("Sub"));
    let new = Holder::new("Sub");
    let limited = |holder| {
        Draft::of_authority(holder)
            .without(BASIC)
            .with(authority(Some(0)))
    };
    let old_der = root.issue(&limited(&old));
    let new_der = old.issue(&limited(&new));
    let leaf = new.issue(&Draft::of_leaf("gw.example"));
    assert!(prove(&[&root.root()], &leaf, &[&old_der, &new_der]).is_ok());
}

#[test]
fn a_purpose_is_asked_of_all_that_was_sent_and_not_of_the_anchor() {
    let client = |draft: Draft| draft.with(purposes(&[2]));
    let server = |draft: Draft| draft.with(purposes(&[1]));
    let mail = |draft: Draft| draft.with(purposes(&[4]));
    assert!(with_leaf(client).is_ok() && with_sub(client).is_ok() && with_root(mail).is_ok());
    let words = "is not accepted: its extended key usage does not allow client authentication";
    assert_eq!(
        why(with_leaf(server)),
        format!("the certificate of \"CN=gw.example\" {words}")
    );
    assert_eq!(
        why(with_sub(mail)),
        format!("the certificate of \"CN=Sub\" {words}")
    );
    // Any purpose is none of the two.
    let any = seq(&[&tlv(6, &[&[0x55, 0x1d, 37, 0]])]);
    let any = with_leaf(|draft| draft.with(extension(PURPOSES, false, &any)));
    assert_eq!(
        any.expect_err("refused").reason,
        Reason::WrongPurpose(Purpose::Client)
    );
}

#[test]
fn a_server_needs_the_purpose_of_a_server() {
    let root = Holder::new("Root");
    let judged = |number: u8| {
        let leaf = root.issue(&Draft::of_leaf("gw.example").with(purposes(&[number])));
        prove_as(Purpose::Server, &[&root.root()], &leaf, &[], NOW)
    };
    assert!(judged(1).is_ok());
    assert!(why(judged(2)).contains("does not allow server authentication"));
}

#[test]
fn a_key_usage_that_is_there_allows_what_the_peer_does() {
    let words = |purpose, bits| {
        let root = Holder::new("Root");
        let leaf = root.issue(&Draft::of_leaf("gw.example").with(key_usage(bits)));
        let outcome = prove_as(purpose, &[&root.root()], &leaf, &[], NOW);
        outcome.err().map(|refusal| refusal.to_string())
    };
    let prefix = "the certificate of \"CN=gw.example\" is not accepted: its key usage";
    let client =
        format!("{prefix} has neither digitalSignature nor keyAgreement, and a client's needs one");
    let server = format!(
        "{prefix} has none of digitalSignature, keyEncipherment and keyAgreement, and a server's \
         needs one"
    );
    for (bits, fits_client, fits_server) in [
        (DIGITAL_SIGNATURE, true, true),
        (KEY_AGREEMENT, true, true),
        (KEY_ENCIPHERMENT, false, true),
        (KEY_ENCIPHERMENT | DIGITAL_SIGNATURE, true, true),
        (SIGN_CERTIFICATES | SIGN_LISTS, false, false),
        (0b0101_0001, false, false),
        (0, false, false),
    ] {
        let expected = (!fits_client).then(|| client.clone());
        assert_eq!(words(Purpose::Client, bits), expected, "{bits:08b}");
        let expected = (!fits_server).then(|| server.clone());
        assert_eq!(words(Purpose::Server, bits), expected, "{bits:08b}");
    }
    let without_any = with_leaf(|draft| draft);
    assert!(without_any.is_ok());
}

#[test]
fn a_critical_extension_is_understood_or_refused() {
    let unknown = |draft: Draft| draft.with(extension(99, true, &[5, 0]));
    let words = "is not accepted: its critical extension 2.5.29.99 is not understood";
    for (outcome, name) in [
        (with_leaf(unknown), "gw.example"),
        (with_sub(unknown), "Sub"),
        (with_root(unknown), "Root"),
    ] {
        assert_eq!(
            why(outcome),
            format!("the certificate of \"CN={name}\" {words}")
        );
    }
    assert!(with_leaf(|draft| draft.with(extension(99, false, &[5, 0]))).is_ok());
    let policy = seq(&[&seq(&[&tlv(6, &[&[0x2a, 3]])])]);
    assert!(with_leaf(|draft| draft.with(extension(POLICIES, true, &policy))).is_ok());
}

#[test]
fn some_extensions_are_never_critical() {
    let critical = |draft: Draft| draft.with(extension(KEY_ID, true, &tlv(4, &[b"id"])));
    assert_eq!(
        why(with_leaf(critical)),
        "the certificate of \"CN=gw.example\" is not accepted: its extension subjectKeyIdentifier \
         is marked critical, which the standard forbids"
    );
    let named = |draft: Draft| draft.with(extension(ISSUER_KEY_ID, true, &seq(&[])));
    let reason = with_sub(named).expect_err("refused").reason;
    assert_eq!(reason, Reason::ForbiddenCritical("authorityKeyIdentifier"));
}

#[test]
fn an_authority_is_no_client() {
    let (_, sub, root, sub_der) = family();
    let words = "is not accepted: it is one of an authority, shown as a host's or a client's";
    for anchors in [vec![&root], vec![&root, &sub_der], vec![&sub_der]] {
        assert_eq!(
            refused(&anchors, &sub_der, &[]),
            format!("the certificate of \"CN=Sub\" {words}")
        );
    }
    drop(sub);
}

#[test]
fn a_host_that_is_believed_itself_vouches_for_itself_alone() {
    let host = Holder::new("gw.example");
    let own = host.issue(&Draft::of_authority(&host).without(BASIC).without(KEY_USAGE));
    assert!(prove(&[&own], &own, &[]).is_ok());
    let other = host.issue(&Draft::of_leaf("other.example"));
    let reason = |others: &[_]| prove(&[&own], &other, others).expect_err("refused").reason;
    assert_eq!(reason(&[]), Reason::UnknownIssuer);
    assert_eq!(reason(&[&own]), Reason::UnknownIssuer);
    let old = Draft::of_authority(&host).without(BASIC).without(KEY_USAGE);
    let old = host.issue(&old.dated("240101000000Z", "241231000000Z"));
    assert!(refused(&[&old], &old, &[]).contains("it expired on 2024-12-31"));
}

#[test]
fn a_key_that_can_prove_nothing_is_told() {
    let odd_key = seq(&[&seq(&[&tlv(6, &[&[0x2a, 3]])]), &[3, 2, 0, 0]]);
    assert_eq!(
        why(with_leaf(|draft| Draft {
            spki: odd_key,
            ..draft
        })),
        "the certificate of \"CN=gw.example\" is not accepted: its key is of a kind that is not \
         accepted"
    );
}

#[test]
fn names_of_issuers_are_compared_by_what_they_say() {
    let root = Holder::new("Old  Company CA");
    let root_der = root.root();
    for written in [
        seq(&[&part(CN, PRINTABLE, b"Old Company CA")]),
        seq(&[&part(CN, IA5, b" old company ca ")]),
    ] {
        let leaf = Draft::of_leaf("gw.example");
        let leaf = root.issue(&Draft {
            issuer: Some(written),
            ..leaf
        });
        assert!(prove(&[&root_der], &leaf, &[]).is_ok());
    }
    let other = Some(seq(&[&part(O, PRINTABLE, b"Old Company CA")]));
    let leaf = root.issue(&Draft {
        issuer: other,
        ..Draft::of_leaf("gw.example")
    });
    assert_eq!(
        prove(&[&root_der], &leaf, &[]).expect_err("refused").reason,
        Reason::UnknownIssuer
    );
}

#[test]
fn unique_identifiers_of_old_times_are_passed_over() {
    let with_ids = |draft: Draft| Draft {
        unique_ids: vec![0x81, 2, 0, 1, 0x82, 2, 0, 2],
        ..draft
    };
    assert!(with_leaf(with_ids).is_ok() && with_sub(with_ids).is_ok());
}

#[test]
fn a_chain_longer_than_any_is_refused() {
    let holders: Vec<_> = (0..9).map(|at| Holder::new(&format!("CA {at}"))).collect();
    let pairs = holders.windows(2);
    let ders: Vec<_> = pairs
        .map(|pair| pair[0].issue(&Draft::of_authority(&pair[1])))
        .collect();
    let root = holders[0].root();
    let judge = |last: usize| {
        let leaf = holders[last].issue(&Draft::of_leaf("gw.example"));
        prove(&[&root], &leaf, &ders.iter().collect::<Vec<_>>())
    };
    assert_eq!(judge(6).expect("proven").path.len(), 7);
    assert_eq!(
        why(judge(7)),
        "the certificate of \"CN=gw.example\" is not accepted: the chain above it is longer than 6 \
         certificates"
    );
}
