//! Long nights of random outages, operators and requests, each from a seed that repeats it.
//!
//! The world knows what is really the matter with a side; the machine sees only what probes and
//! requests show of it. After every step the invariants are checked.

mod weather;

use std::collections::VecDeque;
use std::time::Duration;

use super::{Cause, Event, Failover, Health, Moment, Order, SwitchReason, Watch};
use crate::config::settings::{Failback, FailoverSettings, TimeOfDay};
use crate::model::Side;

use self::weather::{Dice, Truth};

const STEPS: usize = 10_000;
const PROBE_INTERVAL: Duration = Duration::from_millis(500);
/// A probe is due so long after the last; the step that finds it due may be 200 ms late.
const PROBE_PAUSE: Duration = Duration::from_millis(300);
/// After so long a silent side has failed a request.
const HANG: Duration = Duration::from_secs(1);

struct World {
    dice: Dice,
    seed: u64,
    settings: FailoverSettings,
    watch: Watch,
    machine: Failover,
    now: Duration,
    truth: [Truth; 2],
    truth_since: [Duration; 2],
    drained: [bool; 2],
    next_probe: [Duration; 2],
    hanging: VecDeque<(Duration, Side)>,
    operator_at: Duration,
    active_since: Duration,
    alarm: bool,
    alarm_changed: Duration,
    automatic: Vec<Duration>,
    trace: Vec<(Duration, Order)>,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut dice = Dice(seed);
        let failback = match dice.below(3) {
            0 => Failback::Manual,
            1 => Failback::After(Duration::from_secs(dice.below(60))),
            _ => Failback::Window {
                from: TimeOfDay(u16::try_from(dice.below(1440)).expect("small")),
                to: TimeOfDay(u16::try_from(dice.below(1440)).expect("small")),
            },
        };
        let settings = FailoverSettings {
            preferred: dice.side(),
            fall: u32::try_from(1 + dice.below(5)).expect("small"),
            rise: u32::try_from(1 + dice.below(5)).expect("small"),
            min_hold: Duration::from_secs(dice.below(20)),
            failback,
            max_switches: u32::try_from(1 + dice.below(6)).expect("small"),
            flap_window: Duration::from_secs(10 + dice.below(110)),
            hang_limit: Duration::from_secs(2),
        };
        let watch = if dice.one_in(4) {
            Watch::RequestsOnly
        } else {
            Watch::Probes
        };
        Self {
            machine: Failover::new(&settings, true, watch),
            dice,
            seed,
            settings,
            watch,
            now: Duration::ZERO,
            truth: [Truth::Well; 2],
            truth_since: [Duration::ZERO; 2],
            drained: [false; 2],
            next_probe: [Duration::ZERO, PROBE_INTERVAL / 3],
            hanging: VecDeque::new(),
            operator_at: Duration::ZERO,
            active_since: Duration::ZERO,
            alarm: false,
            alarm_changed: Duration::ZERO,
            automatic: Vec::new(),
            trace: Vec::new(),
        }
    }

    fn run(mut self, steps: usize) -> Self {
        for _ in 0..steps {
            self.chaos();
            self.step();
        }
        self
    }

    /// How long probes may take to tell a dead side, and a good one, in the worst order.
    fn detection(&self) -> Duration {
        PROBE_INTERVAL * (self.settings.fall + self.settings.rise + 2)
    }

    /// How long the longest back-off keeps a side out.
    fn memory(&self) -> Duration {
        let first = self.settings.min_hold.max(Duration::from_secs(5));
        self.settings.flap_window.max(first)
    }

    fn set_truth(&mut self, side: Side, truth: Truth) {
        if self.truth[side.index()] != truth {
            self.truth[side.index()] = truth;
            self.truth_since[side.index()] = self.now;
        }
    }

    fn chaos(&mut self) {
        // Some seeds live in a storm, others see one fault in five minutes.
        let calm = [20, 200, 3_000][usize::try_from(self.seed % 3).expect("small")];
        if self.dice.one_in(calm) {
            let (side, truth) = (self.dice.side(), Truth::any(&mut self.dice));
            self.set_truth(side, truth);
        }
        if self.dice.one_in(1_500) {
            let side = self.dice.side();
            self.operator_at = self.now;
            match self.dice.below(3) {
                0 => {
                    self.drained[side.index()] = false;
                    let by = "ops".into();
                    self.tell(Event::SwitchTo { side, by });
                }
                1 => {
                    self.drained[side.index()] = true;
                    let by = "ops".into();
                    self.tell(Event::Drain { side, by });
                }
                _ => self.resume(side),
            }
        }
        if self.dice.one_in(400) {
            self.resume(Side::A);
            self.resume(Side::B);
        }
    }

    fn resume(&mut self, side: Side) {
        self.operator_at = self.now;
        self.drained[side.index()] = false;
        self.tell(Event::Resume { side });
    }

    /// Lets up to 200 ms pass, with the probes and requests that fall into it.
    fn step(&mut self) {
        let target = self.now + Duration::from_millis(1 + self.dice.below(200));
        self.sleep_until(target);
        for side in Side::BOTH {
            if self.watch == Watch::Probes && self.next_probe[side.index()] <= self.now {
                self.next_probe[side.index()] = self.now + PROBE_PAUSE;
                self.tell(match self.truth[side.index()].probe() {
                    None => Event::ProbePassed { side },
                    Some(cause) => Event::ProbeFailed { side, cause },
                });
            }
        }
        while let Some((began, side)) = self.hanging.front().copied() {
            if began + HANG > self.now {
                break;
            }
            self.hanging.pop_front();
            let cause = Cause::NoAnswer;
            self.tell(Event::RequestFailed { side, began, cause });
        }
        self.request();
        self.check();
    }

    /// One request, with the only replay rule: what was not sent may go to the other side.
    fn request(&mut self) {
        let (first, second) = self.machine.candidates();
        assert_eq!(first, self.machine.active());
        for side in [Some(first), second].into_iter().flatten() {
            let began = self.now;
            match self.truth[side.index()] {
                Truth::Well | Truth::Snubbed => {
                    if self.machine.wants_answers(side) {
                        self.tell(Event::RequestAnswered { side, began });
                    }
                    return;
                }
                Truth::Dead => {
                    let cause = Cause::Connect;
                    self.tell(Event::RequestFailed { side, began, cause });
                }
                Truth::Broken => {
                    let cause = Cause::Closed;
                    self.tell(Event::RequestFailed { side, began, cause });
                    return;
                }
                Truth::Hung => {
                    self.hanging.push_back((began, side));
                    return;
                }
            }
        }
    }

    /// Ticks where the machine asked for it, and makes sure that it asked often enough.
    fn sleep_until(&mut self, target: Duration) {
        while let Some(wake) = self.machine.wake_at(self.moment()) {
            assert!(wake > self.now, "seed {}: wakes in the past", self.seed);
            if wake > target {
                break;
            }
            self.now = wake;
            self.tell(Event::Tick);
        }
        self.now = target;
        // A window opens on the minute, which the machine learns only with the next event.
        if !matches!(self.settings.failback, Failback::Window { .. }) {
            let unasked = self.machine.clone().on(Event::Tick, self.moment());
            assert_eq!(unasked, [], "seed {}: a wake-up was missed", self.seed);
        }
    }

    fn moment(&self) -> Moment {
        let minutes = self.now.as_secs() / 60 % 1_440;
        Moment {
            at: self.now,
            time_of_day: TimeOfDay(u16::try_from(minutes).expect("small")),
        }
    }

    fn tell(&mut self, event: Event) {
        let before = self.machine.clone();
        let orders = self.machine.on(event, self.moment());
        for order in orders {
            self.judge(&before, &order);
            self.trace.push((self.now, order));
        }
        if self.machine.active() != before.active() {
            self.active_since = self.now;
        }
    }

    fn judge(&mut self, before: &Failover, order: &Order) {
        let seed = self.seed;
        match order {
            Order::Switch { from, to, reason } => {
                assert_eq!(
                    *from,
                    before.active(),
                    "seed {seed}: from a side not in use"
                );
                assert_eq!(*to, from.other());
                if reason.is_automatic() {
                    assert_ne!(
                        self.machine.health(*to),
                        Health::Down,
                        "seed {seed}: to a side known down"
                    );
                    assert!(!self.drained[to.index()], "seed {seed}: to a drained side");
                    self.count_switch();
                }
                match reason {
                    SwitchReason::SideDown(_) => {
                        assert_eq!(self.machine.health(*from), Health::Down, "seed {seed}");
                    }
                    SwitchReason::FailBack => {
                        assert_ne!(self.settings.failback, Failback::Manual, "seed {seed}");
                        assert_eq!(self.machine.health(*to), Health::Up, "seed {seed}");
                        assert!(
                            before
                                .active_since()
                                .is_none_or(|at| { self.now >= at + self.settings.min_hold }),
                            "seed {seed}: fail-back within the hold"
                        );
                    }
                    SwitchReason::Drained(_) => assert!(self.drained[from.index()]),
                    SwitchReason::Operator(_) => {}
                    SwitchReason::Removed => panic!("seed {seed}: nobody removed a side"),
                }
            }
            Order::FlapAlarm { until, .. } => {
                assert!(!self.alarm && *until > self.now, "seed {seed}");
                self.alarm = true;
                self.alarm_changed = self.now;
            }
            Order::FlapAlarmCleared => {
                assert!(self.alarm, "seed {seed}");
                self.alarm = false;
                self.alarm_changed = self.now;
            }
            Order::SideUp(_)
            | Order::SideDown { .. }
            | Order::SideUntested(_)
            | Order::DrainWaits(_) => {}
            Order::NoSuchSide(_) => panic!("seed {seed}: both sides are there"),
        }
    }

    fn count_switch(&mut self) {
        self.automatic.push(self.now);
        let window = self.settings.flap_window;
        let recent = self
            .automatic
            .iter()
            .rev()
            .take_while(|at| **at + window > self.now)
            .count();
        assert!(
            recent <= usize::try_from(self.settings.max_switches).expect("small"),
            "seed {}: {recent} switches within {window:?} at {:?}",
            self.seed,
            self.now
        );
    }

    /// Never idle beside a healthy side for longer than it takes to notice.
    fn check(&self) {
        let active = self.machine.active();
        let other = active.other();
        let exempt = self.alarm || self.drained[other.index()] || self.watch == Watch::RequestsOnly;
        if exempt || self.truth[other.index()] != Truth::Well {
            return;
        }
        let patience = match self.truth[active.index()] {
            Truth::Dead | Truth::Hung => self.detection(),
            // No probe sees it, so the other side may first have to wait out its own back-off.
            Truth::Broken => self.detection() + self.memory(),
            Truth::Well | Truth::Snubbed => return,
        };
        let since = [
            self.truth_since[0],
            self.truth_since[1],
            self.operator_at,
            self.active_since,
            self.alarm_changed,
        ];
        let settled = since.into_iter().max().unwrap_or_default();
        assert!(
            self.now <= settled + patience,
            "seed {}: still on side {active} at {:?}, {:?} since {settled:?}: {:?}",
            self.seed,
            self.now,
            self.truth,
            self.machine
        );
    }
}

#[test]
fn ten_thousand_random_steps_keep_every_invariant_for_each_of_many_seeds() {
    let mut switches = 0;
    let mut alarms = 0;
    for seed in 0..SEEDS {
        let world = World::new(seed).run(STEPS);
        switches += world.automatic.len();
        alarms += world
            .trace
            .iter()
            .filter(|(_, order)| matches!(order, Order::FlapAlarm { .. }))
            .count();
    }
    // A simulation in which nothing happens proves nothing.
    assert!(switches > 1_000, "only {switches} switches");
    assert!(alarms > 100, "only {alarms} alarms");
}

#[test]
fn after_the_last_fault_the_active_side_is_a_healthy_one() {
    for seed in 0..SEEDS {
        let mut world = World::new(seed).run(STEPS / 10);
        world.resume(Side::A);
        world.resume(Side::B);
        let ill = [Truth::Well, Truth::Dead, Truth::Hung, Truth::Broken];
        let (side, truth) = (world.dice.side(), ill[(seed % 4) as usize]);
        world.set_truth(side, truth);
        world.set_truth(side.other(), Truth::Well);
        let end = world.now + (world.memory() + world.settings.flap_window) * 2 + world.detection();
        while world.now < end {
            world.step();
        }
        let active = world.machine.active();
        assert_eq!(world.truth[active.index()], Truth::Well, "seed {seed}");
        assert_eq!(world.machine.health(active), Health::Up, "seed {seed}");
    }
}

#[test]
fn the_same_seed_tells_the_same_story() {
    for seed in 0..8 {
        let (one, two) = (World::new(seed).run(2_000), World::new(seed).run(2_000));
        assert!(!one.trace.is_empty());
        assert_eq!(one.trace, two.trace, "seed {seed}");
    }
}

/// Enough for every mixture of fail-back, watch and weather several times over.
const SEEDS: u64 = 96;
