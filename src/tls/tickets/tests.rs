use proptest::prelude::*;

use super::*;

const HOUR: Duration = Duration::from_hours(1);

fn source(secrets: &[&str]) -> Arc<TicketSource> {
    Arc::new(TicketSource {
        secrets: secrets
            .iter()
            .map(|text| Secret::new(text.as_bytes().to_vec()))
            .collect(),
        rotation: HOUR,
    })
}

fn keys_of(secrets: &[&str]) -> TicketKeys {
    TicketKeys::new([1; 32], source(secrets))
}

fn keys() -> TicketKeys {
    keys_of(&[])
}

fn sealed(keys: &TicketKeys, at: i64) -> Vec<u8> {
    keys.seal(b"session", WallTime(at), HOUR).expect("sealed")
}

fn opens(keys: &TicketKeys, ticket: &[u8], at: i64) -> bool {
    let plain = keys.open(ticket, WallTime(at), HOUR);
    plain.is_some_and(|plain| plain == b"session")
}

#[test]
fn what_is_sealed_opens_and_does_not_show() {
    let keys = keys();
    let ticket = sealed(&keys, 0);
    assert!(!ticket.windows(7).any(|window| window == b"session"));
    assert!(opens(&keys, &ticket, 1));
}

#[test]
fn a_ticket_of_other_keys_or_with_any_bit_changed_does_not_open() {
    let one = keys();
    let ticket = sealed(&one, 0);
    assert!(!opens(&keys(), &ticket, 0));
    for index in 0..ticket.len() {
        let mut forged = ticket.clone();
        forged[index] ^= 1;
        assert!(!opens(&one, &forged, 0), "byte {index}");
    }
}

#[test]
fn another_key_seals_after_every_rotation_and_each_opens_for_one_lifetime_more() {
    for keys in [keys(), keys_of(&["one"])] {
        let first = sealed(&keys, 3_599);
        let second = sealed(&keys, 3_600);
        assert_ne!(first[..NAME_LEN], second[..NAME_LEN]);
        assert!(opens(&keys, &first, 3_599 + 3_600));
        assert!(opens(&keys, &second, 3_599 + 3_600));
        let gone = 3_600 + 3_600 + MAX_CLOCK_SKEW;
        assert!(!opens(&keys, &first, gone));
        assert!(opens(&keys, &second, gone));
    }
}

#[test]
fn the_key_of_the_latest_ticket_is_as_old_as_its_rotation_is_long_at_the_most() {
    for keys in [keys(), keys_of(&["one"])] {
        assert_eq!(keys.sealed_with_age(), Duration::ZERO);
        for (at, age) in [(3_599, 3_599), (3_600, 0), (10_000, 2_800)] {
            sealed(&keys, at);
            assert_eq!(keys.sealed_with_age().as_secs(), age);
        }
    }
}

#[test]
fn after_a_long_silence_no_old_key_is_left() {
    let keys = keys();
    let ticket = sealed(&keys, 0);
    assert!(!opens(&keys, &ticket, 100_000));
}

#[test]
fn a_clock_that_goes_back_loses_no_ticket() {
    let keys = keys();
    let ticket = sealed(&keys, 10_000);
    sealed(&keys, -100_000);
    assert!(opens(&keys, &ticket, -100_000));
}

#[test]
fn a_key_from_a_clock_that_was_ahead_does_not_seal_for_years() {
    let keys = keys();
    let ahead = sealed(&keys, 1_000_000_000);
    let now = sealed(&keys, 0);
    assert_ne!(ahead[..NAME_LEN], now[..NAME_LEN]);
    assert_ne!(now[..NAME_LEN], sealed(&keys, 3_600)[..NAME_LEN]);
}

#[test]
fn gateways_with_the_same_secret_open_each_others_tickets_over_any_restart() {
    let ticket = sealed(&keys_of(&["one"]), 50_000);
    assert!(opens(&keys_of(&["one"]), &ticket, 50_000 + 3_600));
    assert!(!opens(&keys_of(&["two"]), &ticket, 50_000));
    let other_policy = TicketKeys::new([2; 32], source(&["one"]));
    assert!(!opens(&other_policy, &ticket, 50_000));
}

#[test]
fn clocks_may_differ_by_five_minutes_at_the_turn_of_a_key() {
    let (ahead, behind) = (keys_of(&["one"]), keys_of(&["one"]));
    let ticket = sealed(&ahead, 36_000);
    assert!(opens(&behind, &ticket, 36_000 - MAX_CLOCK_SKEW));
    assert!(!opens(&behind, &ticket, 36_000 - MAX_CLOCK_SKEW - 1));
    let ticket = sealed(&behind, 36_000 - 1);
    assert!(opens(&ahead, &ticket, 36_000 - 1 + 3_600 + MAX_CLOCK_SKEW));
}

#[test]
fn a_secret_is_replaced_without_losing_a_ticket_while_both_stand_side_by_side() {
    let (one, other) = (keys_of(&["old"]), keys_of(&["old"]));
    let before = sealed(&one, 0);
    // First every gateway learns the new secret, then it seals, then the old one goes.
    one.draw_from(&source(&["old", "new"]));
    other.draw_from(&source(&["new", "old"]));
    let meanwhile = sealed(&other, 10);
    assert!(opens(&one, &meanwhile, 10) && opens(&other, &before, 10));
    one.draw_from(&source(&["new"]));
    assert!(opens(&one, &meanwhile, 20));
    assert!(!opens(&one, &before, 20));
}

#[test]
fn what_was_sealed_with_random_keys_opens_after_a_secret_has_come() {
    let keys = keys();
    let ticket = sealed(&keys, 0);
    keys.draw_from(&source(&["one"]));
    assert!(opens(&keys, &ticket, 10));
    assert!(opens(&keys_of(&["one"]), &sealed(&keys, 10), 10));
}

#[test]
fn the_next_process_opens_and_makes_the_tickets_of_this_one() {
    let (here, there) = (keys(), keys());
    let old = sealed(&here, 0);
    let ticket = sealed(&here, 3_600);
    there.take_over(&here.hand_over());
    assert!(opens(&there, &ticket, 3_700) && opens(&there, &old, 3_700));
    assert_eq!(sealed(&there, 3_700)[..NAME_LEN], ticket[..NAME_LEN]);
    assert!(opens(&here, &sealed(&there, 3_700), 3_700));
}

#[test]
fn keys_are_handed_over_once_and_live_no_longer_than_here() {
    let (here, there) = (keys(), keys());
    let ticket = sealed(&here, 0);
    there.take_over(&here.hand_over());
    there.take_over(&here.hand_over());
    assert_eq!(there.len(), 1);
    assert!(!opens(&there, &ticket, 100_000));
}

#[test]
fn what_comes_of_a_shared_secret_is_not_handed_over() {
    let here = keys_of(&["one"]);
    sealed(&here, 0);
    assert_eq!(here.hand_over(), []);
}

#[test]
fn what_is_handed_over_and_no_key_is_passed_over() {
    let there = keys();
    let material = Secret::new(vec![1; NAME_LEN]);
    there.take_over(&[HandedKey { epoch: 0, material }]);
    assert_eq!(there.len(), 0);
}

proptest! {
    #[test]
    fn no_bytes_make_opening_panic(bytes in any::<Vec<u8>>()) {
        prop_assert!(keys().open(&bytes, WallTime(0), HOUR).is_none());
    }
}
