use proptest::prelude::*;

use super::*;

const UTF8_STRING: u8 = 0x0c;
const PRINTABLE_STRING: u8 = 0x13;
const TELETEX_STRING: u8 = 0x14;
const IA5_STRING: u8 = 0x16;
const UNIVERSAL_STRING: u8 = 0x1c;
const BMP_STRING: u8 = 0x1e;

const CN: &[u8] = &[0x55, 4, 3];
const O: &[u8] = &[0x55, 4, 10];

/// Whether two names say the same.
fn same_name(a: &[u8], b: &[u8]) -> bool {
    canonical(a) == canonical(b)
}

fn tlv(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = u8::try_from(contents.len()).expect("short");
    assert!(length < 0x80, "short");
    [&[tag, length], contents].concat()
}

fn pair(kind: &[u8], tag: u8, value: &[u8]) -> Vec<u8> {
    tlv(
        der::SEQUENCE,
        &[tlv(der::OID, kind), tlv(tag, value)].concat(),
    )
}

fn name(parts: &[&[Vec<u8>]]) -> Vec<u8> {
    let parts = parts.iter().map(|part| tlv(der::SET, &part.concat()));
    tlv(der::SEQUENCE, &parts.collect::<Vec<_>>().concat())
}

fn common_name(tag: u8, value: &[u8]) -> Vec<u8> {
    name(&[&[pair(CN, tag, value)]])
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_be_bytes).collect()
}

fn utf32(text: &str) -> Vec<u8> {
    text.chars()
        .flat_map(|c| u32::from(c).to_be_bytes())
        .collect()
}

#[test]
fn the_type_of_string_does_not_matter() {
    let written = common_name(UTF8_STRING, "Old CA".as_bytes());
    for other in [
        common_name(PRINTABLE_STRING, b"Old CA"),
        common_name(IA5_STRING, b"Old CA"),
        common_name(TELETEX_STRING, b"Old CA"),
        common_name(BMP_STRING, &utf16("Old CA")),
        common_name(UNIVERSAL_STRING, &utf32("Old CA")),
    ] {
        assert!(same_name(&written, &other), "{other:?}");
    }
    let umlaut = common_name(UTF8_STRING, "Größe".as_bytes());
    assert!(same_name(
        &umlaut,
        &common_name(TELETEX_STRING, b"Gr\xf6\xdfe")
    ));
    assert!(same_name(
        &umlaut,
        &common_name(BMP_STRING, &utf16("GRÖßE"))
    ));
}

#[test]
fn capitals_and_blanks_do_not_matter_and_words_do() {
    let written = common_name(PRINTABLE_STRING, b"Good CA");
    let other = common_name(UTF8_STRING, b"  good \t  cA ");
    assert!(same_name(&written, &other));
    assert_eq!(canonical(&written), canonical(&other));
    assert!(!same_name(
        &written,
        &common_name(PRINTABLE_STRING, b"GoodCA")
    ));
    assert!(!same_name(
        &written,
        &common_name(PRINTABLE_STRING, b"Good CB")
    ));
}

#[test]
fn two_ways_to_write_an_accent_are_one_and_so_is_utf_8_of_any_type() {
    let written = common_name(UTF8_STRING, "M\u{fc}ller".as_bytes());
    let apart = common_name(UTF8_STRING, "Mu\u{308}LLER".as_bytes());
    let mistyped = common_name(PRINTABLE_STRING, "m\u{fc}ller".as_bytes());
    assert!(same_name(&written, &apart) && same_name(&written, &mistyped));
}

#[test]
fn a_name_in_a_rule_is_the_name_in_a_certificate() {
    let stored = name(&[
        &[pair(O, PRINTABLE_STRING, b"Foo, Bar")],
        &[pair(CN, BMP_STRING, &utf16("SAP  crm"))],
    ]);
    let rule = "cn=sap CRM, o=\"foo, bar\"".parse::<DistinguishedName>();
    assert_eq!(canonical(&stored), rule.expect("a name"));
    assert_eq!(canonical(&stored).to_string(), "CN=sap crm,O=foo\\, bar");
    assert_eq!(canonical(b"junk").to_string(), "#6a756e6b");
}

#[test]
fn the_order_of_parts_matters_and_the_order_within_a_part_does_not() {
    let (cn, o) = (pair(CN, UTF8_STRING, b"CA"), pair(O, UTF8_STRING, b"Org"));
    let apart = name(&[std::slice::from_ref(&cn), std::slice::from_ref(&o)]);
    let turned = name(&[std::slice::from_ref(&o), std::slice::from_ref(&cn)]);
    assert!(!same_name(&apart, &turned));
    let (one, other) = (name(&[&[cn.clone(), o.clone()]]), name(&[&[o, cn]]));
    assert!(same_name(&one, &other));
    assert!(!same_name(&one, &apart));
}

#[test]
fn another_attribute_of_the_same_text_is_another_name() {
    let other = name(&[&[pair(O, UTF8_STRING, b"CA")]]);
    assert!(!same_name(&common_name(UTF8_STRING, b"CA"), &other));
}

#[test]
fn what_is_no_text_is_compared_byte_by_byte() {
    let broken = common_name(PRINTABLE_STRING, b"a\xff");
    assert!(same_name(&broken, &broken.clone()));
    assert!(!same_name(&broken, &common_name(IA5_STRING, b"a\xff")));
    assert!(!same_name(
        &broken,
        &common_name(PRINTABLE_STRING, b"A\xff")
    ));
    assert!(same_name(b"junk", b"junk") && !same_name(b"junk", b"Junk"));
    // An odd number of bytes is no text of two bytes each, nor is half of a pair.
    for value in [&b"abc"[..], &[0xd8, 0]] {
        let (small, other) = (common_name(BMP_STRING, value), common_name(OTHER, value));
        assert!(!same_name(&small, &other));
    }
}

/// An octet string: no text.
const OTHER: u8 = der::OCTET_STRING;

#[test]
fn a_name_without_parts_is_empty_and_like_no_other() {
    let nothing = name(&[]);
    assert!(is_empty(&nothing) && same_name(&nothing, &nothing.clone()));
    let blank = common_name(UTF8_STRING, b"");
    assert!(!is_empty(&blank) && !same_name(&nothing, &blank));
}

#[test]
fn the_texts_of_one_attribute_are_found_wherever_they_stand() {
    let (cn, o) = (
        pair(CN, UTF8_STRING, b"CA"),
        pair(O, PRINTABLE_STRING, b"Org"),
    );
    let second = pair(CN, BMP_STRING, &utf16("Next"));
    let name = name(&[&[o, cn], &[second]]);
    let texts = texts_of(&name, CN).expect("read");
    assert_eq!(texts, [Ok("CA".into()), Ok("Next".into())]);
    assert!(texts_of(&name, &[0x55, 4, 6]).expect("read").is_empty());
    let broken = common_name(PRINTABLE_STRING, b"\xff");
    assert_eq!(texts_of(&broken, CN), Ok(vec![Err(&b"\xff"[..])]));
    assert_eq!(texts_of(b"junk", CN), Err(NotDer));
}

proptest! {
    #[test]
    fn no_bytes_make_the_comparison_panic(
        a in proptest::collection::vec(any::<u8>(), 0..64),
        b in proptest::collection::vec(any::<u8>(), 0..64),
    ) {
        prop_assert!(same_name(&a, &a.clone()));
        prop_assert_eq!(same_name(&a, &b), same_name(&b, &a));
        let _either = texts_of(&a, CN);
    }

    #[test]
    fn the_form_of_a_name_does_not_depend_on_how_it_is_written(
        text in "[a-zA-Z0-9 ]{0,24}",
        tag in proptest::sample::select(vec![PRINTABLE_STRING, IA5_STRING, TELETEX_STRING]),
    ) {
        let written = common_name(UTF8_STRING, text.as_bytes());
        let other = common_name(tag, text.to_uppercase().as_bytes());
        prop_assert!(same_name(&written, &other));
    }

    #[test]
    fn names_of_other_letters_are_other_names(a in "[a-z]{1,8}", b in "[a-z]{1,8}") {
        let (one, other) = (common_name(UTF8_STRING, a.as_bytes()), common_name(BMP_STRING, &utf16(&b)));
        prop_assert_eq!(same_name(&one, &other), a == b);
    }
}
