//! What the next process takes over.

use super::super::succession::HandedSides;
use super::super::{Event, Failover, Health, Moment, Watch};
use super::{A, B, NOON, Side, secs, settings};
use crate::config::settings::FailoverSettings;

fn noon() -> Moment {
    Moment {
        at: secs(100),
        time_of_day: NOON,
    }
}

fn machine(preferred: Side, has_b: bool) -> Failover {
    let settings = FailoverSettings {
        preferred,
        ..settings()
    };
    Failover::new(&settings, has_b, Watch::Probes)
}

fn after(event: Event) -> HandedSides {
    let mut machine = machine(A, true);
    let _orders = machine.on(event, noon());
    machine.hand_over()
}

fn switched_to_b() -> HandedSides {
    let by = "operator".into();
    after(Event::SwitchTo { side: B, by })
}

#[test]
fn the_next_process_serves_where_this_one_did_and_falls_back_to_the_same_side() {
    let mut next = machine(A, true);
    next.take_over(&switched_to_b());
    assert_eq!((next.active(), next.home()), (B, B));
    assert_eq!(next.health(B), Health::Untested);
    assert_eq!(next.on(Event::Tick, noon()), []);
}

#[test]
fn a_drained_side_stays_drained_and_keeps_who_did_it() {
    let by = "ann: patch".into();
    let mut next = machine(A, true);
    next.take_over(&after(Event::Drain { side: B, by }));
    assert_eq!(next.status(B).drained.as_deref(), Some("ann: patch"));
    assert_eq!(next.candidates(), (A, None));
}

#[test]
fn another_preferred_side_in_the_configuration_is_where_fail_back_goes() {
    let mut handed = switched_to_b();
    handed.home = A;
    let mut next = machine(B, true);
    next.take_over(&handed);
    assert_eq!((next.active(), next.home()), (B, B));
}

#[test]
fn without_a_side_b_nothing_is_taken_over() {
    let mut next = machine(A, false);
    next.take_over(&switched_to_b());
    assert_eq!((next.active(), next.home()), (A, A));
}
