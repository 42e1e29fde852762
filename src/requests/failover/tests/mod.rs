//! One rule, one sentence, one test. The rig they share is here.

use std::time::Duration;

use super::{Cause, Event, Failover, Health, Moment, Order, SwitchReason, Watch};
use crate::config::settings::{Failback, FailoverSettings, TimeOfDay};
use crate::model::Side::{self, A, B};

mod evidence;
mod operator;
mod succession;
mod switching;

const NOON: TimeOfDay = TimeOfDay(12 * 60);

fn settings() -> FailoverSettings {
    FailoverSettings {
        preferred: A,
        fall: 3,
        rise: 2,
        min_hold: secs(10),
        failback: Failback::Manual,
        max_switches: 3,
        flap_window: secs(600),
        hang_limit: secs(2),
    }
}

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// The machine with a clock that only the test moves.
struct Rig {
    machine: Failover,
    now: Duration,
    time_of_day: TimeOfDay,
}

impl Rig {
    fn new(settings: &FailoverSettings, watch: Watch) -> Self {
        Self {
            machine: Failover::new(settings, true, watch),
            now: secs(100),
            time_of_day: NOON,
        }
    }

    fn probed() -> Self {
        Self::new(&settings(), Watch::Probes)
    }

    fn moment(&self) -> Moment {
        Moment {
            at: self.now,
            time_of_day: self.time_of_day,
        }
    }

    fn on(&mut self, event: Event) -> Vec<Order> {
        self.now += Duration::from_millis(1);
        self.machine.on(event, self.moment())
    }

    fn times(&mut self, n: u32, event: &Event) -> Vec<Order> {
        (0..n).flat_map(|_| self.on(event.clone())).collect()
    }

    fn request_fails(&mut self, side: Side, n: u32) -> Vec<Order> {
        (0..n)
            .flat_map(|_| {
                let (began, cause) = (self.now, Cause::Closed);
                self.on(Event::RequestFailed { side, began, cause })
            })
            .collect()
    }

    fn request_answered(&mut self, side: Side) -> Vec<Order> {
        let began = self.now;
        self.on(Event::RequestAnswered { side, began })
    }

    fn probes_fail(&mut self, side: Side, n: u32) -> Vec<Order> {
        let cause = Cause::Connect;
        self.times(n, &Event::ProbeFailed { side, cause })
    }

    fn probes_pass(&mut self, side: Side, n: u32) -> Vec<Order> {
        self.times(n, &Event::ProbePassed { side })
    }

    fn wait(&mut self, time: Duration) -> Vec<Order> {
        self.now += time;
        self.machine.on(Event::Tick, self.moment())
    }

    /// Both sides up, B active because A fell.
    fn after_a_failover(settings: &FailoverSettings) -> Self {
        let mut rig = Self::new(settings, Watch::Probes);
        rig.probes_pass(B, 1);
        rig.probes_fail(A, 3);
        rig.probes_pass(A, 2);
        assert_eq!(rig.machine.health(A), Health::Up);
        rig
    }
}

fn switches(orders: &[Order]) -> Vec<(Side, &SwitchReason)> {
    orders
        .iter()
        .filter_map(|order| {
            let Order::Switch { to, reason, .. } = order else {
                return None;
            };
            Some((*to, reason))
        })
        .collect()
}

fn order_to(side: Side) -> Event {
    let by = "jane: patch day".into();
    Event::SwitchTo { side, by }
}

fn drain(side: Side) -> Event {
    let by = "jane".into();
    Event::Drain { side, by }
}
