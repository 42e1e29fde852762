//! When the gateway moves by itself, and when it moves back.

use std::time::Duration;

use super::super::{Cause, Event, Order, SwitchReason};
use super::{Rig, secs, settings, switches};
use crate::config::settings::{Failback, FailoverSettings, TimeOfDay};
use crate::model::Side::{A, B};

#[test]
fn a_dead_side_is_left_for_a_healthy_one_within_the_minimum_hold() {
    let mut rig = Rig::after_a_failover(&settings());
    let orders = rig.probes_fail(B, 3);
    let reason = SwitchReason::SideDown(Cause::Connect);
    assert_eq!(switches(&orders), [(A, &reason)]);
}

#[test]
fn with_both_sides_down_the_gateway_stays_until_one_comes_up() {
    let mut rig = Rig::probed();
    rig.probes_fail(B, 3);
    assert_eq!(switches(&rig.probes_fail(A, 9)), []);
    assert_eq!(rig.machine.active(), A);
    let orders = rig.probes_pass(B, 2);
    assert_eq!(orders.first(), Some(&Order::SideUp(B)));
    assert_eq!(rig.machine.active(), B);
}

#[test]
fn the_cap_on_switches_holds_also_on_a_dead_side_and_is_announced_once() {
    let mut rig = Rig::after_a_failover(&settings());
    rig.probes_fail(B, 3);
    rig.probes_pass(B, 2);
    rig.probes_fail(A, 3);
    rig.probes_pass(A, 2);
    assert_eq!(rig.machine.active(), B);
    let orders = rig.probes_fail(B, 6);
    let until = rig.machine.flap_alarm().expect("alarm");
    assert!(orders.contains(&Order::FlapAlarm { switches: 3, until }));
    assert_eq!(orders.len(), 2, "{orders:?}");
    assert_eq!(rig.machine.wake_at(rig.moment()), Some(until));
    assert_eq!(rig.machine.candidates(), (B, Some(A)));
    rig.now = until;
    let orders = rig.machine.on(Event::Tick, rig.moment());
    assert_eq!(orders.first(), Some(&Order::FlapAlarmCleared));
    assert_eq!(rig.machine.active(), A);
}

#[test]
fn without_fail_back_the_gateway_stays_on_the_side_it_moved_to() {
    let mut rig = Rig::after_a_failover(&settings());
    assert_eq!(rig.machine.wake_at(rig.moment()), None);
    assert_eq!(rig.wait(Duration::from_hours(24)), []);
    assert_eq!(rig.machine.active(), B);
}

#[test]
fn fail_back_waits_until_the_preferred_side_has_been_up_for_the_whole_hold() {
    let mut rig = Rig::after_a_failover(&FailoverSettings {
        failback: Failback::After(secs(60)),
        ..settings()
    });
    rig.wait(secs(50));
    rig.probes_fail(A, 3);
    rig.probes_pass(A, 2);
    let up = rig.machine.status(A).since;
    assert_eq!(rig.machine.wake_at(rig.moment()), Some(up + secs(60)));
    assert_eq!(rig.wait(secs(59)), []);
    assert_eq!(switches(&rig.wait(secs(1))), [(A, &SwitchReason::FailBack)]);
}

#[test]
fn fail_back_happens_inside_a_window_that_crosses_midnight() {
    let (from, to) = (TimeOfDay(23 * 60), TimeOfDay(60));
    let mut rig = Rig::after_a_failover(&FailoverSettings {
        failback: Failback::Window { from, to },
        ..settings()
    });
    for outside in [12 * 60, 22 * 60 + 59, 60] {
        rig.time_of_day = TimeOfDay(outside);
        assert_eq!(rig.wait(secs(60)), []);
    }
    rig.time_of_day = TimeOfDay(22 * 60 + 30);
    let wake = rig.machine.wake_at(rig.moment()).expect("wakes");
    assert_eq!(wake, rig.now + secs(30 * 60));
    rig.time_of_day = TimeOfDay(59);
    assert_eq!(switches(&rig.wait(secs(1))), [(A, &SwitchReason::FailBack)]);
}

#[test]
fn fail_back_never_breaks_the_minimum_hold() {
    let mut rig = Rig::after_a_failover(&FailoverSettings {
        failback: Failback::After(Duration::ZERO),
        ..settings()
    });
    assert_eq!(rig.machine.active(), B);
    assert_eq!(rig.wait(secs(9)), []);
    assert_eq!(switches(&rig.wait(secs(1))).len(), 1);
}
