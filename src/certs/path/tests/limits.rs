//! For whose names an authority may vouch, and under which policies.

use super::forge::*;
use super::*;
use crate::certs::CertificateFacts;
use crate::certs::revocation::RevocationRefusal;

/// One kind of name, as an authority limits it and as a certificate carries it.
struct Form {
    tag: u8,
    base: Vec<u8>,
    within: Vec<u8>,
    outside: Vec<u8>,
}

fn forms() -> Vec<Form> {
    let form = |tag: u8, base: &[u8], within: &[u8], outside: &[u8]| Form {
        tag,
        base: base.to_vec(),
        within: within.to_vec(),
        outside: outside.to_vec(),
    };
    let org = |name: &[u8]| seq(&[&part(O, UTF8, name)]);
    let inner = seq(&[&part(O, PRINTABLE, b"SOME ORG"), &part(CN, UTF8, b"x")]);
    vec![
        form(DNS, b"example.com", b"a.example.com", b"a.example.org"),
        form(MAIL, b"example.com", b"a@example.com", b"a@example.org"),
        form(
            URI,
            b".example.com",
            b"https://a.example.com/",
            b"https://example.org/",
        ),
        form(
            IP,
            &[10, 0, 0, 0, 255, 0, 0, 0],
            &[10, 1, 2, 3],
            &[11, 1, 2, 3],
        ),
        form(DIRECTORY, &org(b"Some Org"), &inner, &org(b"Other Org")),
    ]
}

/// A leaf without any name but one, below an authority with constraints, below a root.
fn judge(limits: &[u8], tag: u8, name: &[u8]) -> Result<Proven, Refusal> {
    let (root, sub) = (Holder::new("Root"), Holder::new("Sub"));
    let sub_der = root.issue(&Draft::of_authority(&sub).with(limits.to_vec()));
    let leaf = Draft {
        subject: seq(&[]),
        extensions: vec![extension(NAMES, true, &seq(&[&tlv(tag, &[name])]))],
        ..Draft::of_leaf("unused")
    };
    prove(&[&root.root()], &sub.issue(&leaf), &[&sub_der])
}

#[test]
fn a_name_lies_within_what_is_permitted() {
    for Form {
        tag,
        base,
        within,
        outside,
    } in forms()
    {
        let limits = constraints(&[(tag, &base)], &[]);
        assert!(judge(&limits, tag, &within).is_ok(), "{tag:x}");
        let refusal = judge(&limits, tag, &outside).expect_err("refused");
        assert!(
            matches!(refusal.reason, Reason::NameNotAllowed(_)),
            "{tag:x}: {refusal}"
        );
    }
}

#[test]
fn a_name_lies_outside_of_what_is_excluded_even_where_that_is_permitted() {
    for Form {
        tag,
        base,
        within,
        outside,
    } in forms()
    {
        for limits in [
            constraints(&[], &[(tag, &base)]),
            constraints(&[(tag, &base)], &[(tag, &base)]),
        ] {
            let Err(refusal) = judge(&limits, tag, &within) else {
                panic!("{tag:x} is accepted");
            };
            assert!(
                matches!(refusal.reason, Reason::NameNotAllowed(_)),
                "{tag:x}: {refusal}"
            );
        }
        assert!(
            judge(&constraints(&[], &[(tag, &base)]), tag, &outside).is_ok(),
            "{tag:x}"
        );
    }
}

#[test]
fn one_of_several_permitted_is_enough_and_other_forms_are_free() {
    let limits = constraints(&[(DNS, b"example.org"), (DNS, b"example.com")], &[]);
    assert!(judge(&limits, DNS, b"a.example.com").is_ok());
    assert!(judge(&limits, MAIL, b"a@example.net").is_ok());
}

#[test]
fn a_form_that_nobody_can_compare_is_refused_where_it_is_limited() {
    for limits in [
        constraints(&[(REGISTERED, &[0x2a, 3])], &[]),
        constraints(&[], &[(REGISTERED, &[0x2a, 3])]),
    ] {
        assert_eq!(
            judge(&limits, REGISTERED, &[0x2a, 3])
                .expect_err("refused")
                .to_string(),
            "the certificate of \"serial 07\" is not accepted: an authority above it may not vouch \
             for the name \"a name of a form without words\""
        );
        assert!(judge(&limits, DNS, b"a.example.com").is_ok());
    }
}

#[test]
fn a_name_that_cannot_be_read_is_refused_where_its_form_is_limited_and_nowhere_else() {
    let odd = b"m\xfcller@a.example.com";
    for (tag, base) in [
        (MAIL, &b"a.example.com"[..]),
        (DNS, b"example.com"),
        (URI, b"a.example.com"),
    ] {
        for limits in [
            constraints(&[(tag, base)], &[]),
            constraints(&[], &[(tag, base)]),
        ] {
            let refusal = judge(&limits, tag, odd).expect_err("refused");
            let name = "m\\FCller@a.example.com".to_owned();
            assert_eq!(refusal.reason, Reason::NameNotAllowed(name), "{tag:x}");
        }
        let other = if tag == DNS { MAIL } else { DNS };
        assert!(judge(&constraints(&[(other, b"example.com")], &[]), tag, odd).is_ok());
    }
}

#[test]
fn a_mail_address_of_the_subject_that_cannot_be_read_is_refused_where_addresses_are_limited() {
    let root = Holder::new("Root");
    let judged = |limits: &[u8], kind: &[u8]| {
        let root_der = root.issue(&Draft::of_authority(&root).with(limits.to_vec()));
        let subject = seq(&[&part(kind, IA5, b"m\xfcller@example.com")]);
        let draft = Draft {
            subject,
            ..Draft::of_leaf("gw.example.com")
        };
        prove_as(Purpose::Server, &[&root_der], &root.issue(&draft), &[], NOW)
    };
    let (hosts, mail) = ((DNS, &b"example.com"[..]), (MAIL, &b"example.com"[..]));
    assert!(judged(&constraints(&[hosts], &[]), EMAIL).is_ok());
    assert!(judged(&constraints(&[], &[mail]), EMAIL).is_err());
    assert!(judged(&constraints(&[hosts], &[mail]), CN).is_ok());
}

#[test]
fn the_subject_is_a_directory_name_and_its_mail_address_a_mail_address() {
    let root = Holder::new("Root");
    let judged = |limits: &[u8], subject: &[u8]| {
        let root_der = root.issue(&Draft::of_authority(&root).with(limits.to_vec()));
        let draft = Draft {
            subject: subject.to_vec(),
            ..Draft::of_leaf("gw.example")
        };
        prove(&[&root_der], &root.issue(&draft.without(NAMES)), &[])
    };
    let org = |name: &[u8]| seq(&[&part(O, UTF8, name), &part(CN, UTF8, b"x")]);
    let limits = constraints(&[(DIRECTORY, &seq(&[&part(O, UTF8, b"Org")]))], &[]);
    assert!(judged(&limits, &org(b"org")).is_ok());
    assert_eq!(
        judged(&limits, &org(b"Other")).expect_err("refused").reason,
        Reason::NameNotAllowed("CN=x,O=Other".to_owned())
    );
    let limits = constraints(&[(MAIL, b"example.com")], &[]);
    let address = |address: &[u8]| seq(&[&part(CN, UTF8, b"x"), &part(EMAIL, IA5, address)]);
    assert!(judged(&limits, &address(b"a@example.com")).is_ok());
    assert_eq!(
        judged(&limits, &address(b"a@example.org"))
            .expect_err("refused")
            .reason,
        Reason::NameNotAllowed("a@example.org".to_owned())
    );
}

#[test]
fn the_common_name_of_a_server_is_a_host_where_nothing_else_names_one() {
    let root = Holder::new("Root");
    let root_der = root.issue(&Draft::of_authority(&root).with(constraints(
        &[(DNS, b"example.com"), (IP, &[10, 0, 0, 0, 255, 0, 0, 0])],
        &[],
    )));
    let judged = |purpose, common_name: &str, extensions: Vec<Vec<u8>>| {
        let draft = Draft {
            extensions,
            ..Draft::of_leaf(common_name)
        };
        prove_as(purpose, &[&root_der], &root.issue(&draft), &[], NOW).is_ok()
    };
    for (common_name, is_within) in [
        ("a.example.com", true),
        ("a.example.org", false),
        ("10.0.0.1", true),
        ("11.0.0.1", false),
        ("fd00::1", false),
        ("Some Server", true),
        ("localhost", true),
    ] {
        assert_eq!(
            judged(Purpose::Server, common_name, vec![]),
            is_within,
            "{common_name}"
        );
        assert!(
            judged(Purpose::Client, common_name, vec![]),
            "{common_name}"
        );
    }
    assert!(judged(
        Purpose::Server,
        "a.example.org",
        vec![hosts(&["a.example.com"])]
    ));
}

#[test]
fn a_server_that_is_known_by_its_common_name_has_one_that_lies_within() {
    let root = Holder::new("Root");
    let limits = constraints(&[(DNS, b"example.com")], &[]);
    let root_der = root.issue(&Draft::of_authority(&root).with(limits));
    let judged = |by_common_name, names: &[&str], extensions: Vec<Vec<u8>>| {
        let parts: Vec<_> = names
            .iter()
            .map(|name| part(CN, UTF8, name.as_bytes()))
            .collect();
        let leaf = root.issue(&Draft {
            subject: seq(&[&parts.concat()]),
            extensions,
            ..Draft::of_leaf("unused")
        });
        let question = Question {
            anchors: &Anchors::new(vec![Certificate::read(&root_der).expect("an anchor")]),
            purpose: Purpose::Server,
            by_common_name,
            revocation: None,
            now: NOW,
        };
        question.prove(&leaf, &[]).is_ok()
    };
    for names in [&["gateway"][..], &["a.example.com", "gateway"]] {
        assert!(judged(false, names, vec![]));
        assert!(!judged(true, names, vec![]), "{names:?}");
    }
    // A server is known by the last of them only, and by what can be a host's name.
    for names in [
        &["a.example.com"][..],
        &["Company", "a.example.com"],
        &["Some Server"],
    ] {
        assert!(judged(true, names, vec![]), "{names:?}");
    }
    assert!(!judged(true, &["a.example.org", "a.example.com"], vec![]));
    assert!(judged(true, &["gateway"], vec![hosts(&["a.example.com"])]));
}

#[test]
fn a_string_in_several_pieces_is_nobodys_name() {
    /// A UTF-8 string of which the encoding says that it is made of others.
    const PIECES: u8 = 0x2c;
    let draft = Draft {
        subject: seq(&[&part(CN, PIECES, b"gateway")]),
        ..Draft::of_leaf("unused")
    };
    let leaf = Holder::new("Root").issue(&draft);
    let facts = CertificateFacts::of(&leaf).expect("a certificate");
    assert_eq!(facts.common_name(), None);
}

#[test]
fn the_limits_of_each_authority_above_hold_for_all_below() {
    let [root, sub, last] = ["Root", "Sub", "Last"].map(Holder::new);
    let chain = |root_limits: &[u8], sub_limits: &[u8], host: &str| {
        let limited = |holder: &Holder, limits: &[u8]| {
            let mut draft = Draft::of_authority(holder);
            draft
                .extensions
                .extend((!limits.is_empty()).then(|| limits.to_vec()));
            draft
        };
        let root_der = root.issue(&limited(&root, root_limits));
        let sub_der = root.issue(&limited(&sub, sub_limits));
        let last_der = sub.issue(&Draft::of_authority(&last));
        let leaf = last.issue(&Draft::of_leaf(host));
        prove(&[&root_der], &leaf, &[&sub_der, &last_der]).is_ok()
    };
    let wide = constraints(&[(DNS, b"example.com")], &[]);
    let narrow = constraints(&[(DNS, b"a.example.com")], &[]);
    for (root_limits, sub_limits) in [(&wide, &narrow), (&narrow, &wide)] {
        assert!(chain(root_limits, sub_limits, "x.a.example.com"));
        assert!(!chain(root_limits, sub_limits, "x.b.example.com"));
    }
    assert!(!chain(&wide, &[], "example.org") && !chain(&[], &wide, "example.org"));
    // An authority's own name has to lie within as well.
    let outside = constraints(&[(DIRECTORY, &named("gw.example"))], &[]);
    assert!(!chain(&outside, &[], "gw.example") && !chain(&[], &outside, "gw.example"));
}

#[test]
fn what_an_authority_says_to_its_own_new_key_is_not_limited() {
    let (root, old, new) = (Holder::new("Root"), Holder::new("Sub"), Holder::new("Sub"));
    let limits = constraints(&[(DIRECTORY, &named("gw.example"))], &[]);
    let old_der = root.issue(&Draft::of_authority(&old).with(limits));
    let new_der = old.issue(&Draft::of_authority(&new));
    let judged = |name: &str| {
        let leaf = new.issue(&Draft::of_leaf(name));
        prove(&[&root.root()], &leaf, &[&old_der, &new_der]).is_ok()
    };
    assert!(judged("gw.example") && !judged("other.example"));
    // The leaf is no such thing, although it bears the authority's name.
    let leaf = new.issue(&Draft {
        subject: named("Sub"),
        ..Draft::of_leaf("x")
    });
    assert!(prove(&[&root.root()], &leaf, &[&old_der, &new_der]).is_err());
}

fn policy(number: u8) -> Vec<u8> {
    tlv(6, &[&[0x2a, number]])
}

fn any() -> Vec<u8> {
    tlv(6, &[&[0x55, 0x1d, 0x20, 0]])
}

fn policies(all: &[Vec<u8>]) -> Vec<u8> {
    let each: Vec<_> = all.iter().map(|one| seq(&[one])).collect();
    extension(POLICIES, true, &seq(&[&each.concat()]))
}

fn mapping(from: u8, to: u8) -> Vec<u8> {
    extension(MAPPINGS, true, &seq(&[&seq(&[&policy(from), &policy(to)])]))
}

fn demand(after: u8) -> Vec<u8> {
    extension(POLICY_LIMITS, true, &seq(&[&[0x80, 1, after]]))
}

fn no_mapping(after: u8) -> Vec<u8> {
    extension(
        POLICY_LIMITS,
        true,
        &seq(&[&[0x80, 1, 0], &[0x81, 1, after]]),
    )
}

/// A chain of root, two authorities and a leaf with these extensions.
fn governed(first: &[Vec<u8>], second: &[Vec<u8>], leaf: &[Vec<u8>]) -> Result<Proven, Refusal> {
    let [root, sub, last] = ["Root", "Sub", "Last"].map(Holder::new);
    let with = |mut draft: Draft, extensions: &[Vec<u8>]| {
        draft.extensions.extend_from_slice(extensions);
        draft
    };
    let first = root.issue(&with(Draft::of_authority(&sub), first));
    let second = sub.issue(&with(Draft::of_authority(&last), second));
    let leaf = last.issue(&with(Draft::of_leaf("gw.example"), leaf));
    prove(&[&root.root()], &leaf, &[&first, &second])
}

#[test]
fn nobody_needs_a_policy_unless_it_is_demanded() {
    assert!(governed(&[], &[], &[]).is_ok());
    assert!(governed(&[policies(&[policy(1)])], &[], &[policies(&[policy(2)])]).is_ok());
}

#[test]
fn a_policy_that_is_demanded_holds_all_the_way() {
    let one = policies(&[policy(1)]);
    let two = policies(&[policy(2)]);
    let each = std::slice::from_ref(&one);
    assert!(governed(&[demand(0), one.clone()], each, each).is_ok());
    for (second, leaf) in [
        (vec![], vec![one.clone()]),
        (vec![one.clone()], vec![]),
        (vec![one.clone()], vec![two.clone()]),
        (vec![two.clone()], vec![two]),
    ] {
        assert_eq!(
            governed(&[demand(0), one.clone()], &second, &leaf)
                .expect_err("refused")
                .to_string(),
            "the certificate of \"CN=gw.example\" is not accepted: an authority above it demands a \
             certificate policy, and it has none that holds"
        );
    }
    // The demand may begin below, and a leaf may make one of its own.
    assert!(governed(&[], &[], &[demand(0)]).is_err());
    assert!(governed(&[demand(3)], &[], &[]).is_ok());
    assert!(governed(&[demand(1)], &[], &[]).is_err());
}

#[test]
fn the_policy_that_stands_for_all_holds_until_it_is_forbidden() {
    let one = policies(&[policy(1)]);
    let all = policies(&[any()]);
    let (all, own) = (std::slice::from_ref(&all), std::slice::from_ref(&one));
    let chain = |first: &[Vec<u8>]| governed(first, all, own);
    assert!(chain(&[demand(0), one.clone()]).is_ok());
    let forbid = |after: u8| extension(INHIBIT_ANY, true, &[2, 1, after]);
    assert!(chain(&[demand(0), one.clone(), forbid(1)]).is_ok());
    assert!(chain(&[demand(0), one.clone(), forbid(0)]).is_err());
}

#[test]
fn a_policy_goes_on_under_the_name_it_is_mapped_to() {
    let (one, two) = (policies(&[policy(1)]), policies(&[policy(2)]));
    let chain = |first: &[Vec<u8>], leaf: &Vec<u8>| {
        governed(
            first,
            std::slice::from_ref(&two),
            std::slice::from_ref(leaf),
        )
    };
    let mapped = [demand(0), one.clone(), mapping(1, 2)];
    assert!(chain(&mapped, &two).is_ok() && chain(&mapped, &one).is_err());
    let all_mapped = [demand(0), policies(&[any()]), mapping(1, 2)];
    assert!(chain(&all_mapped, &two).is_ok());
    // Mappings that are forbidden from here on make what is mapped hold no more.
    let in_second = |limit: u8, leaf: &Vec<u8>| {
        let second = [one.clone(), mapping(1, 2)];
        governed(
            &[no_mapping(limit), one.clone()],
            &second,
            std::slice::from_ref(leaf),
        )
    };
    assert!(in_second(1, &two).is_ok());
    assert!(in_second(0, &two).is_err() && in_second(0, &one).is_err());
}

/// Somebody who knows about revocation, by the names of subjects.
#[derive(Debug)]
struct Known {
    revoked: Vec<u8>,
    until: Option<WallTime>,
    asked: std::sync::Mutex<Vec<(String, bool)>>,
}

impl Revocation for Known {
    fn judge(&self, link: &Link<'_>, now: WallTime) -> Result<Option<WallTime>, RevocationRefusal> {
        assert_eq!(now, NOW);
        assert!(link.certificate.check_signature(link.issuer.spki).is_ok());
        // The anchor is the last of those above, or the issuer itself.
        let above = link.issuer.above.last();
        let anchor = above.map_or(link.issuer.subject, |anchor| anchor.subject);
        assert_eq!(anchor, named("Root"));
        let words = link.certificate.words();
        self.asked
            .lock()
            .expect("not poisoned")
            .push((words, link.is_leaf));
        if link.certificate.subject() == self.revoked {
            let issuer = "CN=Root".to_owned();
            return Err(RevocationRefusal::ListMissing { issuer });
        }
        Ok(self.until)
    }
}

#[test]
fn each_certificate_of_a_path_is_asked_about_leaf_first() {
    let (root, sub) = (Holder::new("Root"), Holder::new("Sub"));
    let sub_der = root.issue(&Draft::of_authority(&sub));
    let leaf = sub.issue(&Draft::of_leaf("gw.example"));
    let judged = |revoked: &str, until: Option<WallTime>| {
        let known = Known {
            revoked: named(revoked),
            until,
            asked: std::sync::Mutex::default(),
        };
        let anchors = Anchors::new(vec![Certificate::read(&root.root()).expect("an anchor")]);
        let question = Question {
            anchors: &anchors,
            purpose: Purpose::Client,
            by_common_name: false,
            revocation: Some(&known),
            now: NOW,
        };
        let outcome = question.prove(&leaf, std::slice::from_ref(&sub_der));
        (outcome, known.asked.into_inner().expect("not poisoned"))
    };
    let soon = WallTime(NOW.0 + 60);
    let (outcome, asked) = judged("nobody", Some(soon));
    assert_eq!(outcome.expect("proven").until, soon);
    assert_eq!(
        asked,
        [
            ("CN=gw.example".to_owned(), true),
            ("CN=Sub".to_owned(), false)
        ]
    );
    assert_eq!(
        judged("Sub", None).0.expect_err("refused").to_string(),
        "the certificate of \"CN=Sub\" is not accepted: CRL_FILE has no revocation list of its \
         authority \"CN=Root\" that covers it"
    );
}
