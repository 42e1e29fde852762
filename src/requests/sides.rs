//! [`Sides`]: the shared handle around the failover machine.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use tracing::{error, field, info, warn};

use super::failover::{Event, Failover, HandedSides, Health, Moment, Order, SideStatus, Watch};
use crate::config::settings::{FailoverSettings, TimeOfDay};
use crate::model::{Clock, Side, SystemName};
use crate::telemetry::Counters;

/// What happened to a side, for those who have something under way there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SideEvent {
    /// It went down: exchanges that it has are told.
    Down(Side),
    /// It is no longer the active one: connections that are bound to it move.
    Left(Side),
}

/// Who wants to know it.
pub type SideEvents = Box<dyn Fn(SideEvent) + Send + Sync>;

/// How the pair of sides stands; times are those of [`Sides::elapsed`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// The side that requests go to.
    pub active: Side,
    /// The side that a fail-back goes to.
    pub home: Side,
    /// When the active side became it; `None` while it is still the one of the start.
    pub active_since: Option<Duration>,
    /// Until when the cap on switches holds, if it does.
    pub flap_alarm: Option<Duration>,
}

/// The two sides of one SAP system, shared by all threads and kept over reloads.
///
/// The usual request takes no lock: which side is active and whether an answer would tell anything
/// new stand in atomics beside the machine.
pub struct Sides {
    system: SystemName,
    clock: Clock,
    start: Instant,
    machine: Mutex<Failover>,
    /// See [`Picture`].
    picture: AtomicU8,
    wants_answers: [AtomicBool; 2],
    changed: Notify,
    counters: Arc<Counters>,
    on_event: SideEvents,
}

/// The machine's candidates in one byte: bit 0 is the active side, bit 1 says that the other one
/// may be tried.
#[derive(Debug, Clone, Copy)]
struct Picture(u8);

impl Picture {
    fn of(machine: &Failover) -> Self {
        let (first, second) = machine.candidates();
        Self(u8::from(first == Side::B) | (u8::from(second.is_some()) << 1))
    }

    const fn candidates(self) -> (Side, Option<Side>) {
        let first = if self.0 & 1 == 0 { Side::A } else { Side::B };
        (
            first,
            if self.0 & 2 == 0 {
                None
            } else {
                Some(first.other())
            },
        )
    }
}

impl Sides {
    /// Sides of which nothing is known yet.
    pub fn new(
        system: SystemName,
        (settings, has_b, watch): (&FailoverSettings, bool, Watch),
        clock: Clock,
        counters: Arc<Counters>,
        on_event: SideEvents,
    ) -> Self {
        let machine = Failover::new(settings, has_b, watch);
        let sides = Self {
            system,
            clock,
            start: Instant::now(),
            picture: AtomicU8::new(Picture::of(&machine).0),
            machine: Mutex::new(machine),
            wants_answers: [AtomicBool::new(true), AtomicBool::new(true)],
            changed: Notify::new(),
            counters,
            on_event,
        };
        sides.publish(&sides.lock());
        sides
    }

    /// The SAP system they serve.
    pub const fn system(&self) -> &SystemName {
        &self.system
    }

    /// The side to try first, and the one that may be tried if not one byte reached the first.
    pub fn candidates(&self) -> (Side, Option<Side>) {
        Picture(self.picture.load(Ordering::Acquire)).candidates()
    }

    /// The side that requests go to.
    pub fn active(&self) -> Side {
        self.candidates().0
    }

    /// How a side stands.
    pub fn health(&self, side: Side) -> Health {
        self.lock().health(side)
    }

    /// Everything about a side.
    pub fn status(&self, side: Side) -> SideStatus {
        self.lock().status(side)
    }

    /// Which side serves, and what stands about the pair of them.
    pub fn summary(&self) -> Summary {
        let machine = self.lock();
        Summary {
            active: machine.active(),
            home: machine.home(),
            active_since: machine.active_since(),
            flap_alarm: machine.flap_alarm(),
        }
    }

    /// The time as the machine counts it.
    pub fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// A side answered a request that was given to it at `began`. Usually free of charge.
    pub fn answered(&self, side: Side, began: Duration) {
        let interesting = self.wants_answers.get(side.index());
        if interesting.is_some_and(|wants| wants.load(Ordering::Relaxed)) {
            self.tell(Event::RequestAnswered { side, began });
        }
    }

    /// Takes in an event and carries out what follows.
    pub fn tell(&self, event: Event) {
        self.take_in(event, None);
    }

    /// The same for a failure, of which more is known than its cause: the line about a side that
    /// goes down says it.
    pub fn tell_failure(&self, event: Event, detail: &dyn fmt::Display) {
        self.take_in(event, Some(detail));
    }

    fn take_in(&self, event: Event, detail: Option<&dyn fmt::Display>) {
        let now = self.moment();
        let mut machine = self.lock();
        let orders = machine.on(event, now);
        self.publish(&machine);
        drop(machine);
        self.carry_out(&orders, now, detail);
        self.changed.notify_one();
    }

    /// Takes settings of a new generation; what is known of the sides stays.
    pub fn reconfigure(&self, settings: &FailoverSettings, has_b: bool, watch: Watch) {
        let now = self.moment();
        let mut machine = self.lock();
        let orders = machine.reconfigure(settings, has_b, watch, now);
        self.publish(&machine);
        drop(machine);
        self.carry_out(&orders, now, None);
        self.changed.notify_one();
    }

    /// Keeps the machine's own appointments: timed fail-back, the end of a flap alarm. Runs until
    /// it is dropped.
    pub async fn keep_time(&self) {
        loop {
            let now = self.moment();
            let wake_at = self.lock().wake_at(now);
            match wake_at {
                None => self.changed.notified().await,
                Some(at) => {
                    tokio::select! {
                        () = self.changed.notified() => continue,
                        () = tokio::time::sleep_until(self.start + at) => {}
                    }
                    self.tell(Event::Tick);
                }
            }
        }
    }

    /// For the process that takes our place.
    pub fn hand_over(&self) -> HandedSides {
        self.lock().hand_over()
    }

    /// Goes on where another process has stopped.
    pub fn take_over(&self, handed: &HandedSides) {
        let mut machine = self.lock();
        machine.take_over(handed);
        self.publish(&machine);
    }

    fn moment(&self) -> Moment {
        Moment {
            at: self.start.elapsed(),
            time_of_day: local_time_of_day(&self.clock),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Failover> {
        // The machine is consistent between two events whatever became of a thread.
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn publish(&self, machine: &Failover) {
        self.picture
            .store(Picture::of(machine).0, Ordering::Release);
        for side in Side::BOTH {
            if let Some(wants) = self.wants_answers.get(side.index()) {
                wants.store(machine.wants_answers(side), Ordering::Relaxed);
            }
        }
    }

    fn carry_out(&self, orders: &[Order], now: Moment, detail: Option<&dyn fmt::Display>) {
        let system = &self.system;
        for order in orders {
            match order {
                Order::Switch { from, to, reason } => {
                    if reason.is_automatic() {
                        self.counters.switches_automatic.inc();
                    } else {
                        self.counters.switches_ordered.inc();
                    }
                    let traffic = &self.counters.traffic;
                    traffic.switched(system, *to, reason.into());
                    warn!(%system, %from, %to, %reason, "switched to the other side");
                    (self.on_event)(SideEvent::Left(*from));
                }
                Order::SideUp(side) => info!(%system, %side, "side is up"),
                Order::SideDown {
                    side,
                    cause,
                    witness,
                    failures,
                } => {
                    let detail = detail.map(field::display);
                    warn!(%system, %side, %cause, seen_by = %witness, failures, detail, "side is down");
                    (self.on_event)(SideEvent::Down(*side));
                }
                Order::SideUntested(side) => info!(%system, %side, "side gets another chance"),
                Order::FlapAlarm { switches, until } => {
                    self.counters.flap_alarms.inc();
                    error!(
                        %system,
                        switches,
                        allowed_again_in_seconds = until.saturating_sub(now.at).as_secs(),
                        "the sides are flapping: MaxSwitches is reached within FlapWindow, so the gateway stays where it is; look at both sides"
                    );
                }
                Order::FlapAlarmCleared => {
                    info!(%system, "flapping has ended, switches are allowed again");
                }
                Order::DrainWaits(side) => {
                    warn!(%system, %side, "side is to be drained and stays in use, because the other one is not usable");
                }
                Order::NoSuchSide(side) => {
                    warn!(%system, %side, "there is no such side in the configuration");
                }
            }
        }
    }
}

impl fmt::Debug for Sides {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sides")
            .field("system", &self.system)
            .field("active", &self.active())
            .finish_non_exhaustive()
    }
}

/// The time of day on this machine's clock and zone: operators write a fail-back window in it.
fn local_time_of_day(clock: &Clock) -> TimeOfDay {
    let now = jiff::Timestamp::from_second(clock.now().0).unwrap_or_default();
    let time = now.to_zoned(jiff::tz::TimeZone::system()).time();
    let minutes = i16::from(time.hour()) * 60 + i16::from(time.minute());
    TimeOfDay(u16::try_from(minutes).unwrap_or_default())
}
