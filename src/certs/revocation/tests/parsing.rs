//! What is read of a list, and what makes it no list to go by.

use proptest::prelude::*;

use super::*;
use crate::certs::revocation::list::{Entry, Holders, Serial};
use crate::certs::revocation::parse::{ListDefect, parse};

fn refused(draft: &Draft, ca: &Authority) -> String {
    parse(&draft.signed_by(ca))
        .expect_err("refused")
        .to_string()
}

#[test]
fn a_list_says_what_it_was_made_with() {
    let ca = authority("Company CA");
    let gone = leaf(&ca, "gone.example");
    let spec = ListSpec {
        number: 4_711,
        ..ListSpec::revoking(&[&gone], now())
    };
    let made = ca.revocation_list(&spec).expect("a list");
    let list = parse(&made.der).expect("read");
    assert_eq!(list.issuer_name, "CN=Company CA,O=crmgate throw-away PKI");
    assert_eq!(list.this_update, spec.this_update);
    assert_eq!(list.next_update, Some(spec.next_update));
    assert_eq!(list.number.as_deref(), Some(&[0x12, 0x67][..]));
    assert!(list.key_id.is_some() && list.scope.points.is_none());
    let serial = Certificate::read(&gone.der).expect("a certificate");
    let entry = list
        .entries
        .of(Serial::of(serial.serial()))
        .expect("listed");
    assert_eq!(
        (entry.since, entry.reason),
        (spec.this_update, Reason::KeyCompromise)
    );
    assert_eq!(list.entries.len(), 1);
}

#[test]
fn an_entry_takes_32_bytes() {
    assert_eq!(size_of::<Entry>(), 32);
}

#[test]
fn a_list_of_version_1_is_read_and_has_no_extensions() {
    let ca = authority("CA");
    let old = Draft::of(&ca).version_1().entry(&[5], &[]);
    let list = parse(&old.signed_by(&ca)).expect("read");
    assert!(list.entries.of(Serial::of(&[5])).is_some());
    let said = "has a version that does not fit what is in it";
    let with_extension = Draft::of(&ca).version_1().extension(20, false, &[2, 1, 1]);
    assert_eq!(refused(&with_extension, &ca), said);
    let reason = extension(21, false, &[0x0a, 1, 1]);
    let with_reason = Draft::of(&ca).version_1().entry(&[5], &[reason]);
    assert_eq!(refused(&with_reason, &ca), said);
    let mut third = Draft::of(&ca);
    third.version = Some(2);
    assert_eq!(refused(&third, &ca), said);
}

#[test]
fn a_critical_extension_that_is_not_understood_refuses_the_list() {
    let ca = authority("CA");
    let of_list = Draft::of(&ca).extension(99, true, &[5, 0]);
    assert_eq!(
        refused(&of_list, &ca),
        "has the critical extension 2.5.29.99, which is not understood"
    );
    let of_number = Draft::of(&ca).extension(20, true, &[2, 1, 1]);
    assert_eq!(
        refused(&of_number, &ca),
        "marks its number as a critical extension, which the standard forbids"
    );
    let of_entry = Draft::of(&ca).entry(&[0x0a], &[extension(99, true, &[5, 0])]);
    assert_eq!(
        refused(&of_entry, &ca),
        "has, at the serial number 0a, the critical extension 2.5.29.99, which is not understood"
    );
    let harmless = Draft::of(&ca).extension(99, false, &[5, 0]);
    let harmless = harmless.entry(&[1], &[extension(99, false, &[5, 0])]);
    assert!(parse(&harmless.signed_by(&ca)).is_ok());
}

#[test]
fn an_extension_twice_refuses_the_list() {
    let ca = authority("CA");
    let number = || Draft::of(&ca).extension(20, false, &[2, 1, 1]);
    assert_eq!(
        refused(&number().extension(20, false, &[2, 1, 2]), &ca),
        "has the extension 2.5.29.20 twice"
    );
    let reason = || extension(21, false, &[0x0a, 1, 1]);
    let entry = Draft::of(&ca).entry(&[1], &[reason(), reason()]);
    assert_eq!(refused(&entry, &ca), "has the extension 2.5.29.21 twice");
}

#[test]
fn a_delta_list_and_an_indirect_one_are_refused() {
    let ca = authority("CA");
    let delta = Draft::of(&ca).extension(27, true, &[2, 1, 1]);
    assert_eq!(
        refused(&delta, &ca),
        "is a delta list: it says only what changed since another list"
    );
    let said = "is an indirect list: it is about certificates of other authorities";
    let indirect = Draft::of(&ca).extension(28, true, &element(0x30, &[0x84, 1, 0xff]));
    assert_eq!(refused(&indirect, &ca), said);
    let of_others = Draft::of(&ca).entry(&[1], &[extension(29, true, &element(0x30, &[]))]);
    assert_eq!(refused(&of_others, &ca), said);
}

#[test]
fn a_list_of_some_reasons_or_of_attribute_certificates_is_refused() {
    let ca = authority("CA");
    let point = |fields: &[u8]| Draft::of(&ca).extension(28, true, &element(0x30, fields));
    assert_eq!(
        refused(&point(&[0x83, 2, 5, 0x60]), &ca),
        "is a part only: of some of the reasons for a revocation"
    );
    assert_eq!(
        refused(&point(&[0x85, 1, 0xff]), &ca),
        "is about attribute certificates, which nobody shows here"
    );
    assert_eq!(
        refused(&point(&element(0xa0, &element(0xa1, &[]))), &ca),
        "names its distribution point by the end of a name only"
    );
}

#[test]
fn a_list_may_be_about_users_or_about_authorities_only() {
    let ca = authority("CA");
    let holders = |fields: &[u8]| {
        let draft = Draft::of(&ca).extension(28, true, &element(0x30, fields));
        parse(&draft.signed_by(&ca)).map(|list| list.scope.holders)
    };
    assert_eq!(holders(&[]), Ok(Holders::All));
    assert_eq!(holders(&[0x81, 1, 0xff]), Ok(Holders::Users));
    assert_eq!(holders(&[0x82, 1, 0xff]), Ok(Holders::Authorities));
    assert_eq!(holders(&[0x81, 1, 0xff, 0x82, 1, 0]), Ok(Holders::Users));
    let both = holders(&[0x81, 1, 0xff, 0x82, 1, 0xff]);
    assert_eq!(both, Err(ListDefect::NotAList));
}

#[test]
fn an_entry_that_only_a_delta_list_has_refuses_the_list() {
    let ca = authority("CA");
    let removed = Draft::of(&ca).entry(&[7], &[extension(21, false, &[0x0a, 1, 8])]);
    assert_eq!(
        refused(&removed, &ca),
        "has, at the serial number 07, the reason code 8, which no complete list has"
    );
}

#[test]
fn two_algorithms_for_one_signature_refuse_the_list() {
    let ca = authority("CA");
    let mut der = Draft::of(&ca).signed_by(&ca);
    let oid = memchr::memmem::rfind(&der, &[0xce, 0x3d, 4, 3, 2]).expect("an algorithm");
    der[oid + 4] = 3;
    assert_eq!(
        parse(&der).expect_err("refused").to_string(),
        "names two algorithms for its one signature"
    );
}

#[test]
fn damaged_bytes_and_trailing_ones_are_no_list() {
    let ca = authority("CA");
    let whole = Draft::of(&ca).entry(&[5], &[]).signed_by(&ca);
    let longer = [whole.clone(), vec![0]].concat();
    for damaged in [&whole[..whole.len() - 1], &longer, &[], ca.der()] {
        assert_eq!(
            parse(damaged).expect_err("refused").to_string(),
            "is damaged: it cannot be read as one"
        );
    }
}

#[test]
fn serial_numbers_are_told_apart_whatever_their_length_and_sign() {
    let long = [0x7f; 40];
    let mut longer = long;
    longer[39] = 0x7e;
    let different: [&[u8]; 8] = [
        &[0],
        &[1],
        &[0xff],
        &[0, 0xff],
        &[1, 0],
        &long[..21],
        &long,
        &longer,
    ];
    for (at, one) in different.iter().enumerate() {
        for (place, other) in different.iter().enumerate() {
            assert_eq!(Serial::of(one) == Serial::of(other), at == place);
        }
    }
    assert_eq!(Serial::of(&[0, 0, 5]), Serial::of(&[5]));
    assert_eq!(Serial::of(&[0xff, 0xff, 0x85]), Serial::of(&[0x85]));
    assert_ne!(Serial::of(&[0, 0x85]), Serial::of(&[0x85]));
}

proptest! {
    #[test]
    fn no_damage_makes_the_parser_panic(at in 0_usize..300, byte in any::<u8>()) {
        let ca = authority("CA");
        let draft = Draft::of(&ca).entry(&[5], &[extension(21, false, &[0x0a, 1, 1])]);
        let mut der = draft.extension(28, true, &element(0x30, &[0x81, 1, 0xff])).signed_by(&ca);
        if let Some(target) = der.get_mut(at) {
            *target = byte;
        }
        let _either = parse(&der).is_ok();
    }

    #[test]
    fn every_entry_is_found_and_no_other(
        listed in proptest::collection::btree_set(proptest::collection::vec(0_u8..128, 1..25), 0..40),
        other in proptest::collection::vec(0_u8..128, 1..25),
    ) {
        use crate::certs::revocation::list::Entries;
        let entry = |serial: &Vec<u8>| Entry {
            since: WallTime(0),
            serial: Serial::of(serial),
            reason: Reason::Unspecified,
        };
        let entries = Entries::new(listed.iter().map(entry).collect());
        for serial in &listed {
            prop_assert!(entries.of(Serial::of(serial)).is_some());
        }
        let same = |serial: &Vec<u8>| Serial::of(serial) == Serial::of(&other);
        prop_assert_eq!(entries.of(Serial::of(&other)).is_some(), listed.iter().any(same));
    }
}
