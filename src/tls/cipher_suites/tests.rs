use proptest::prelude::*;
use rustls::NamedGroup::{X25519, secp256r1, secp384r1};

use super::*;

const V12: TlsVersion = TlsVersion::V1_2;
const V13: TlsVersion = TlsVersion::V1_3;

fn parsed(text: &str) -> Selection {
    Selection::parse(text).expect(text)
}

fn names(text: &str) -> Vec<&'static str> {
    parsed(text)
        .suites
        .iter()
        .map(|suite| suite.openssl)
        .collect()
}

fn notes(text: &str) -> String {
    let notes: Vec<_> = parsed(text)
        .notes
        .into_iter()
        .map(|note| note.text)
        .collect();
    notes.join("\n")
}

/// A string, its versions, the number of its suites, its curves.
type Case = (
    &'static str,
    &'static [TlsVersion],
    usize,
    &'static [NamedGroup],
);

/// Every string that SAP's own pages, hardening guides and customers' systems show.
#[test]
fn the_strings_seen_in_the_field_mean_what_their_notes_say() {
    let cases: [Case; 9] = [
        (
            "135:PFS:HIGH::EC_P256:EC_HIGH",
            &[V12, V13],
            9,
            &[secp256r1, X25519, secp384r1],
        ),
        (
            "150:PFS:HIGH::EC_P256:EC_HIGH",
            &[V12, V13],
            9,
            &[secp256r1, X25519, secp384r1],
        ),
        (
            "918:PFS:HIGH::EC_P256:EC_HIGH",
            &[V12],
            6,
            &[secp256r1, X25519, secp384r1],
        ),
        (
            "545:PFS:HIGH::EC_X25519:EC_P256:EC_HIGH",
            &[V12],
            6,
            &[X25519, secp256r1, secp384r1],
        ),
        (
            "1569:PFS:HIGH::EC_X25519:EC_P256:EC_HIGH",
            &[V12, V13],
            9,
            &[X25519, secp256r1, secp384r1],
        ),
        (
            "1174:PFS:HIGH::EC_X25519:EC_P256:EC_HIGH",
            &[V12, V13],
            9,
            &[X25519, secp256r1, secp384r1],
        ),
        (
            "1568:PFS:HIGH::EC_X25519:EC_P256:EC_HIGH",
            &[V12, V13],
            9,
            &[X25519, secp256r1, secp384r1],
        ),
        (
            "544:TLS_FALLBACK_SCSV:eAES_GCM:+eAES128:!kRSA::EC_X25519:EC_P256:EC_P384:EC_P521:+EC_OPT",
            &[V12],
            4,
            &[X25519, secp256r1, secp384r1],
        ),
        (
            "562:TLS_FALLBACK_SCSV:eAES_GCM:+eAES128:!kRSA::EC_X25519:EC_P256:EC_P384:EC_P521:+EC_OPT",
            &[V12],
            4,
            &[X25519, secp256r1, secp384r1],
        ),
    ];
    for (text, versions, suites, groups) in cases {
        let selection = parsed(text);
        assert_eq!(selection.versions.as_deref(), Some(versions), "{text}");
        assert_eq!(selection.suites.len(), suites, "{text}");
        assert_eq!(selection.groups.as_deref(), Some(groups), "{text}");
        assert!(
            selection.notes.iter().all(|note| !note.is_warning),
            "{text}"
        );
    }
}

#[test]
fn the_legacy_default_leaves_the_strong_suites() {
    let selection = parsed("HIGH:MEDIUM:+e3DES:!aNULL");
    assert_eq!(selection.versions, None);
    assert_eq!(selection.suites.len(), 9);
    assert_eq!(
        notes("HIGH:MEDIUM:+e3DES:!aNULL"),
        "names \"MEDIUM\": suites of that class are never served"
    );
}

#[test]
fn a_mask_without_a_served_version_is_refused() {
    assert_eq!(
        Selection::parse("117:PFS"),
        Err(SelectionError::NoVersion("SSLv3".to_owned()))
    );
    assert_eq!(
        Selection::parse("32"),
        Err(SelectionError::NoVersion("none".to_owned()))
    );
    assert_eq!(
        Selection::parse("416:PFS"),
        Err(SelectionError::NoVersion("TLSv1.0, TLSv1.1".to_owned()))
    );
    assert!(matches!(
        Selection::parse("99999999999:PFS"),
        Err(SelectionError::BadMask(_))
    ));
}

#[test]
fn old_versions_and_the_blind_bit_are_noted() {
    let notes = notes("150:PFS");
    assert!(
        notes.contains("asks for TLSv1.0, TLSv1.1, which are never served"),
        "{notes}"
    );
    assert!(
        notes.contains("whoever the server trusts, which is always done"),
        "{notes}"
    );
    assert!(parsed("2600:PFS").notes.iter().any(|note| note.is_warning));
}

#[test]
fn a_mask_alone_selects_every_suite_of_its_versions() {
    assert_eq!(parsed("545").suites.len(), 6);
    assert_eq!(parsed("1056").suites.len(), 3);
}

#[test]
fn a_plus_sign_moves_to_the_end() {
    let names = names("545:eAES_GCM:+eAES256");
    assert!(
        names.first().is_some_and(|name| name.contains("AES128")),
        "{names:?}"
    );
    assert!(
        names.last().is_some_and(|name| name.contains("AES256")),
        "{names:?}"
    );
}

#[test]
fn what_an_exclamation_mark_removes_stays_away_and_what_a_minus_removes_may_come_back() {
    assert!(
        !names("!eAES128:HIGH")
            .iter()
            .any(|name| name.contains("128"))
    );
    assert!(
        !names("HIGH:!aRSA")
            .iter()
            .any(|name| name.contains("-RSA-"))
    );
    assert!(
        names("HIGH:-eAES128:eAES128")
            .iter()
            .any(|name| name.contains("AES128"))
    );
    assert!(
        !names("HIGH:-eAES128")
            .iter()
            .any(|name| name.contains("AES128"))
    );
}

#[test]
fn a_kind_of_certificate_that_is_removed_leaves_the_suites_that_fit_either_kind() {
    for (text, gone) in [
        ("HIGH:!aRSA", "-RSA-"),
        ("HIGH:-aRSA", "-RSA-"),
        ("HIGH:!aECDSA", "-ECDSA-"),
        ("HIGH:!ECDSA", "-ECDSA-"),
    ] {
        let names = names(text);
        assert_eq!(names.len(), 6, "{text}: {names:?}");
        assert!(!names.iter().any(|name| name.contains(gone)), "{names:?}");
    }
    assert_eq!(names("aRSA").len(), 6);
}

#[test]
fn sha384_is_the_mac_of_suites_that_are_never_served_and_no_word_for_aes_256() {
    assert_eq!(names("HIGH:!SHA384"), names("HIGH"));
    assert!(parsed("HIGH:!SHA1:!SHA256:!SHA384").notes.is_empty());
    assert!(notes("HIGH:SHA384").contains("names \"SHA384\": suites with a separate MAC"));
}

#[test]
fn lists_in_the_manner_of_openssl_are_read() {
    assert_eq!(
        names("ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256"),
        [
            "TLS_AES_256_GCM_SHA384",
            "TLS_AES_128_GCM_SHA256",
            "TLS_CHACHA20_POLY1305_SHA256",
            "ECDHE-ECDSA-AES256-GCM-SHA384",
            "ECDHE-RSA-AES128-GCM-SHA256",
        ]
    );
    // The two of TLS 1.3 stay beside the two of ECDSA: they fit certificates of either kind. It
    // was two in all here, by accident: the word had removed those of TLS 1.3 too.
    assert_eq!(names("ECDHE+AESGCM, !aRSA @STRENGTH").len(), 4);
    assert_eq!(names("TLS_AES_128_GCM_SHA256"), ["TLS_AES_128_GCM_SHA256"]);
    assert_eq!(
        names("544:tls_ecdhe_rsa_with_aes_256_gcm_sha384"),
        ["ECDHE-RSA-AES256-GCM-SHA384"]
    );
}

#[test]
fn a_string_that_leaves_nothing_is_refused() {
    for text in [
        "kRSA",
        "545:kRSA",
        "545:MEDIUM",
        "545:HIGH:!HIGH",
        "HIGH:!PFS",
        "545:TLS_AES_128_GCM_SHA256",
        "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
        "+",
        "545:nonsense",
    ] {
        assert_eq!(
            Selection::parse(text),
            Err(SelectionError::NoSuite),
            "{text}"
        );
    }
    assert_eq!(
        Selection::parse("HIGH::EC_P521"),
        Err(SelectionError::NoCurve)
    );
    assert_eq!(Selection::parse(""), Err(SelectionError::Empty));
    assert_eq!(Selection::parse(":,: "), Err(SelectionError::Empty));
}

#[test]
fn what_is_never_served_is_told_apart_from_a_misspelling() {
    let told = parsed("HIGH:TLS_RSA_WITH_3DES_EDE_CBC_SHA:kRSA");
    assert_eq!(told.notes.len(), 2);
    assert!(told.notes.iter().all(|note| !note.is_warning));
    let warned = parsed("HIGH:!AES1238:HIHG");
    assert_eq!(warned.notes.len(), 2);
    assert!(warned.notes.iter().all(|note| note.is_warning));
    assert!(notes("HIGH:!AES1238").contains("is not known and removes nothing"));
}

#[test]
fn a_string_without_curves_leaves_the_choice_of_groups_open() {
    assert_eq!(parsed("545:PFS:HIGH").groups, None);
    assert_eq!(parsed("545:PFS:HIGH::").groups, None);
    assert_eq!(
        parsed("PFS::EC_HIGH:!EC_X25519:+EC_P256").groups,
        Some(vec![secp384r1, secp256r1])
    );
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in any::<String>()) {
        let _either = Selection::parse(&text).is_ok();
    }

    #[test]
    fn no_mixture_of_known_words_panics_or_selects_nothing(
        mask in proptest::option::of(0_u32..5_000),
        words in proptest::collection::vec("[+!-]?(PFS|HIGH|MEDIUM|eAES_GCM|eAES128|kRSA|aRSA|ECDHE\\+AESGCM|@STRENGTH|TLS_AES_128_GCM_SHA256)", 0..6),
        curves in proptest::collection::vec("[+!-]?(EC_P256|EC_HIGH|EC_X25519|EC_P521|EC_OPT)", 0..4),
    ) {
        let mask = mask.map(|mask| format!("{mask}:")).unwrap_or_default();
        let text = format!("{mask}{}::{}", words.join(":"), curves.join(":"));
        if let Ok(selection) = Selection::parse(&text) {
            prop_assert!(!selection.suites.is_empty());
            prop_assert!(selection.groups.is_none_or(|groups| !groups.is_empty()));
            let mut seen = Vec::new();
            for suite in &selection.suites {
                prop_assert!(!seen.contains(suite));
                seen.push(*suite);
                if let Some(versions) = &selection.versions {
                    prop_assert!(versions.contains(&suite.version));
                }
            }
        }
    }

    #[test]
    fn what_is_banned_is_never_selected(before in "(PFS|HIGH|eAES_GCM)", after in "(PFS|HIGH|eAES128)") {
        let text = format!("{before}:!eAES256:{after}");
        if let Ok(selection) = Selection::parse(&text) {
            prop_assert!(selection.suites.iter().all(|suite| suite.encryption != Encryption::Aes256Gcm));
        }
    }
}
