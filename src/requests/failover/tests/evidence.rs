//! What makes a side up or down.

use std::time::Duration;

use super::super::{Cause, Event, Health, Order, SwitchReason, Watch, Witness};
use super::{Rig, secs, settings, switches};
use crate::config::settings::{Failback, FailoverSettings};
use crate::model::Side::{self, A, B};

#[test]
fn the_active_side_is_left_after_fall_failures_and_not_before() {
    let mut rig = Rig::probed();
    assert_eq!(rig.probes_fail(A, 2), []);
    let orders = rig.probes_fail(A, 1);
    let cause = Cause::Connect;
    let down = Order::SideDown {
        side: A,
        cause,
        witness: Witness::Probes,
        failures: 3,
    };
    let reason = SwitchReason::SideDown(cause);
    let switch = Order::Switch {
        from: A,
        to: B,
        reason,
    };
    assert_eq!(orders, [down, switch]);
}

#[test]
fn failed_requests_and_failed_probes_count_together() {
    let mut rig = Rig::probed();
    rig.request_fails(A, 2);
    let orders = rig.probes_fail(A, 1);
    assert!(matches!(
        orders.as_slice(),
        [
            Order::SideDown {
                witness: Witness::Both,
                ..
            },
            Order::Switch { to: B, .. }
        ]
    ));
}

#[test]
fn an_answered_request_takes_back_failed_requests_but_no_failed_probe() {
    let mut rig = Rig::probed();
    rig.request_answered(A);
    rig.request_fails(A, 2);
    rig.request_answered(A);
    assert_eq!(rig.machine.status(A).request_failures, 0);
    rig.probes_fail(A, 2);
    rig.request_answered(A);
    assert_eq!(switches(&rig.probes_fail(A, 1)).len(), 1);
}

#[test]
fn a_side_whose_requests_fail_goes_down_though_every_probe_is_good() {
    let mut rig = Rig::probed();
    let orders: Vec<_> = (0..3)
        .flat_map(|_| [rig.request_fails(A, 1), rig.probes_pass(A, 1)].concat())
        .collect();
    assert_eq!(switches(&orders).len(), 1);
    assert_eq!(rig.machine.health(A), Health::Down);
}

#[test]
fn good_probes_do_not_lift_a_side_they_were_blind_about_before_its_back_off_ends() {
    let mut rig = Rig::probed();
    rig.request_fails(A, 3);
    assert_eq!(rig.probes_pass(A, 50), []);
    assert!(rig.machine.status(A).back_off_until.is_some());
    assert_eq!(rig.wait(secs(9)), []);
    assert_eq!(rig.wait(secs(1)), [Order::SideUp(A)]);
}

#[test]
fn the_back_off_doubles_while_probes_stay_blind() {
    let mut rig = Rig::new(
        &FailoverSettings {
            failback: Failback::After(Duration::ZERO),
            max_switches: 100,
            ..settings()
        },
        Watch::Probes,
    );
    let mut waits = Vec::new();
    for _ in 0..4 {
        let fell = rig.now;
        rig.request_fails(A, 3);
        rig.probes_pass(A, 2);
        rig.probes_pass(B, 1);
        let wake = rig.machine.status(A).back_off_until.expect("backs off");
        waits.push(wake.saturating_sub(fell).as_secs());
        rig.now = wake;
        rig.wait(secs(10));
        assert_eq!(rig.machine.active(), A, "fail-back at once");
    }
    assert_eq!(waits, [10, 20, 40, 80]);
}

#[test]
fn a_fault_that_probes_see_after_all_needs_no_back_off() {
    let mut rig = Rig::probed();
    rig.request_fails(A, 3);
    rig.probes_fail(A, 1);
    assert_eq!(rig.probes_pass(A, 2), [Order::SideUp(A)]);
}

#[test]
fn requests_do_not_lift_a_side_whose_probes_still_fail() {
    let mut rig = Rig::probed();
    rig.probes_fail(A, 3);
    for _ in 0..20 {
        assert_eq!(rig.request_answered(A), []);
    }
    assert_eq!(rig.machine.health(A), Health::Down);
}

#[test]
fn two_sides_that_both_fail_requests_behind_good_probes_do_not_play_ping_pong() {
    let mut rig = Rig::new(
        &FailoverSettings {
            max_switches: 1_000,
            ..settings()
        },
        Watch::Probes,
    );
    let mut orders = Vec::new();
    for _ in 0..3_600 {
        orders.extend(rig.wait(secs(1)));
        for side in Side::BOTH {
            orders.extend(rig.probes_pass(side, 1));
        }
        let active = rig.machine.active();
        orders.extend(rig.request_fails(active, 5));
    }
    let count = switches(&orders).len();
    assert!((2..=24).contains(&count), "{count} switches in an hour");
}

#[test]
fn a_late_failure_of_a_request_from_before_the_fall_says_nothing_about_the_new_start() {
    let mut rig = Rig::probed();
    let began = rig.now;
    rig.probes_fail(A, 3);
    rig.probes_pass(A, 2);
    let cause = Cause::NoAnswer;
    let late = Event::RequestFailed {
        side: A,
        began,
        cause,
    };
    assert_eq!(rig.times(10, &late), []);
    assert_eq!(rig.machine.health(A), Health::Up);
}

#[test]
fn failures_hours_apart_are_not_in_a_row() {
    let mut rig = Rig::probed();
    rig.request_fails(A, 2);
    rig.wait(secs(601));
    assert_eq!(rig.probes_fail(A, 1), []);
    assert_eq!(rig.machine.health(A), Health::Untested);
}
