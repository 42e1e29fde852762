//! Orders, drains, and what a reload brings.

use std::time::Duration;

use super::super::{Event, Failover, Health, Order, SwitchReason, Watch};
use super::{Rig, drain, order_to, secs, settings, switches};
use crate::config::settings::{Failback, FailoverSettings};
use crate::model::Side::{self, A, B};

#[test]
fn an_ordered_switch_is_carried_out_with_its_reason_and_does_not_count_as_flapping() {
    let mut rig = Rig::probed();
    rig.probes_pass(B, 1);
    for _ in 0..5 {
        for to in [B, A] {
            let orders = rig.on(order_to(to));
            let reason = SwitchReason::Operator("jane: patch day".into());
            assert_eq!(switches(&orders), [(to, &reason)]);
        }
    }
    assert_eq!(switches(&rig.probes_fail(A, 3)).len(), 1);
    assert_eq!(rig.machine.flap_alarm(), None);
}

#[test]
fn an_order_to_a_side_that_is_down_stands_until_that_side_fails_anew() {
    let mut rig = Rig::probed();
    rig.probes_pass(A, 1);
    rig.probes_fail(B, 3);
    let orders = rig.on(order_to(B));
    assert_eq!(orders.first(), Some(&Order::SideUntested(B)));
    assert_eq!(rig.probes_fail(B, 2), []);
    assert_eq!(rig.machine.active(), B);
    rig.probes_fail(B, 1);
    assert_eq!(rig.machine.active(), A);
}

#[test]
fn fail_back_does_not_undo_an_ordered_switch() {
    let mut rig = Rig::new(
        &FailoverSettings {
            failback: Failback::After(secs(60)),
            ..settings()
        },
        Watch::Probes,
    );
    for side in Side::BOTH {
        rig.probes_pass(side, 1);
    }
    rig.on(order_to(B));
    assert_eq!(rig.wait(Duration::from_hours(9)), []);
    assert_eq!(rig.machine.home(), B);
}

#[test]
fn a_drained_side_is_left_at_once_and_not_chosen_again() {
    let mut rig = Rig::probed();
    rig.probes_pass(A, 1);
    let reason = SwitchReason::Drained("jane".into());
    assert_eq!(switches(&rig.on(drain(A))), [(B, &reason)]);
    assert_eq!(rig.machine.candidates(), (B, None));
    assert_eq!(switches(&rig.probes_fail(B, 3)), []);
    rig.on(Event::Resume { side: A });
    assert_eq!(rig.machine.active(), A);
}

#[test]
fn a_drain_waits_while_the_other_side_is_down() {
    let mut rig = Rig::probed();
    rig.probes_fail(B, 3);
    assert_eq!(rig.on(drain(A)), [Order::DrainWaits(A)]);
    assert_eq!(rig.machine.active(), A);
    rig.probes_pass(B, 2);
    assert_eq!(rig.machine.active(), B);
}

#[test]
fn without_probes_a_side_gets_a_chance_after_its_back_off_when_the_other_fails_too() {
    let mut rig = Rig::new(&settings(), Watch::RequestsOnly);
    rig.request_fails(A, 3);
    rig.request_fails(B, 3);
    assert_eq!(rig.machine.active(), B);
    let wake = rig.machine.wake_at(rig.moment()).expect("wakes");
    rig.now = wake;
    let orders = rig.machine.on(Event::Tick, rig.moment());
    assert_eq!(orders.first(), Some(&Order::SideUntested(A)));
    assert_eq!(rig.machine.active(), A);
    assert_eq!(rig.request_answered(A), [Order::SideUp(A)]);
}

#[test]
fn requests_that_the_other_side_answers_bring_it_up() {
    let mut rig = Rig::new(&settings(), Watch::RequestsOnly);
    rig.request_fails(B, 3);
    rig.request_fails(A, 3);
    assert_eq!(rig.request_answered(B), []);
    let orders = rig.request_answered(B);
    assert_eq!(orders.first(), Some(&Order::SideUp(B)));
    assert_eq!(rig.machine.active(), B);
}

#[test]
fn a_single_side_never_switches_and_says_so_when_ordered_to() {
    let only_a = FailoverSettings {
        preferred: B,
        ..settings()
    };
    let mut rig = Rig::probed();
    rig.machine = Failover::new(&only_a, false, Watch::Probes);
    assert_eq!(rig.machine.candidates(), (A, None));
    assert_eq!(switches(&rig.probes_fail(A, 9)), []);
    assert_eq!(rig.on(order_to(B)), [Order::NoSuchSide(B)]);
    assert_eq!(rig.probes_pass(B, 9), []);
    assert_eq!(rig.machine.active(), A);
}

#[test]
fn a_reload_keeps_the_side_that_serves_and_what_is_known() {
    let mut rig = Rig::after_a_failover(&settings());
    let slower = FailoverSettings {
        fall: 9,
        ..settings()
    };
    let now = rig.moment();
    let orders = rig.machine.reconfigure(&slower, true, Watch::Probes, now);
    assert_eq!(orders, []);
    assert_eq!(rig.machine.active(), B);
    assert_eq!(rig.machine.health(A), Health::Up);
    assert_eq!(rig.probes_fail(B, 8), []);
}

#[test]
fn a_reload_without_side_b_goes_to_side_a() {
    let mut rig = Rig::after_a_failover(&settings());
    let now = rig.moment();
    let orders = rig
        .machine
        .reconfigure(&settings(), false, Watch::Probes, now);
    assert_eq!(switches(&orders), [(A, &SwitchReason::Removed)]);
    assert_eq!(rig.machine.candidates(), (A, None));
}

#[test]
fn a_side_with_a_new_address_starts_untested() {
    let mut rig = Rig::probed();
    rig.probes_fail(B, 3);
    assert_eq!(
        rig.on(Event::Replaced { side: B }),
        [Order::SideUntested(B)]
    );
    assert_eq!(rig.machine.health(B), Health::Untested);
}

#[test]
fn an_answer_is_wanted_only_where_it_changes_something() {
    let mut rig = Rig::probed();
    assert!(rig.machine.wants_answers(A));
    rig.request_answered(A);
    assert!(!rig.machine.wants_answers(A));
    rig.request_fails(A, 1);
    assert!(rig.machine.wants_answers(A));
}
