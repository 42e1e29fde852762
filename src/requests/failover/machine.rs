//! [`Failover`]: the state machine itself. Its rules are on the door plate.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::cause::Cause;
use super::event::{Event, Moment, Watch};
use super::health::{Change, Health, Rules, SideHealth};
use super::order::{Order, SwitchReason};
use crate::config::settings::{Failback, FailoverSettings, TimeOfDay};
use crate::model::Side;

/// How one side stands, for status pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SideStatus {
    /// Up, down or untested.
    pub health: Health,
    /// Since when, as time since the process began.
    pub since: Duration,
    /// Failed requests in a row.
    pub request_failures: u32,
    /// Failed probes in a row.
    pub probe_failures: u32,
    /// Good probes in a row.
    pub good_probes: u32,
    /// Why it last went down.
    pub last_cause: Option<Cause>,
    /// Down, and kept down until then although its probes are good.
    pub back_off_until: Option<Duration>,
    /// Drained: who, and why.
    pub drained: Option<Arc<str>>,
}

/// A side as the machine keeps it.
#[derive(Debug, Clone)]
pub(super) struct Member {
    health: SideHealth,
    pub(super) drained: Option<Arc<str>>,
}

/// The state machine of one SAP system's two sides. See the module for its rules.
#[derive(Debug, Clone)]
pub struct Failover {
    rules: Rules,
    pub(super) settings: FailoverSettings,
    pub(super) has_b: bool,
    a: Member,
    b: Member,
    pub(super) active: Side,
    /// Where fail-back goes: `Preferred`, or where the operator last switched to.
    pub(super) home: Side,
    last_switch: Option<Duration>,
    /// Automatic switches within the flap window, oldest first; never more than `MaxSwitches`.
    automatic: VecDeque<Duration>,
    alarm_until: Option<Duration>,
}

impl Failover {
    /// A machine in which nothing has happened yet: the preferred side is active, both are
    /// untested. Without a side B everything else is side A's.
    pub fn new(settings: &FailoverSettings, has_b: bool, watch: Watch) -> Self {
        let preferred = if has_b { settings.preferred } else { Side::A };
        let member = Member {
            health: SideHealth::new(),
            drained: None,
        };
        Self {
            rules: Rules::new(settings, watch),
            settings: settings.clone(),
            has_b,
            a: member.clone(),
            b: member,
            active: preferred,
            home: preferred,
            last_switch: None,
            automatic: VecDeque::new(),
            alarm_until: None,
        }
    }

    /// Takes new settings and keeps what is known: a reload is no reason to move. A changed
    /// `Preferred` is where fail-back goes from now on.
    pub fn reconfigure(
        &mut self,
        settings: &FailoverSettings,
        has_b: bool,
        watch: Watch,
        now: Moment,
    ) -> Vec<Order> {
        let mut orders = Vec::new();
        if self.settings.preferred != settings.preferred {
            self.home = settings.preferred;
        }
        self.rules = Rules::new(settings, watch);
        self.settings = settings.clone();
        self.has_b = has_b;
        if !has_b {
            self.home = Side::A;
            self.b.drained = None;
            let _was_known = self.b.health.replace(now.at);
            if self.active == Side::B {
                self.switch(SwitchReason::Removed, now.at, &mut orders);
            }
        }
        self.decide(now, &mut orders);
        orders
    }

    /// Takes in one event and answers what follows from it, in order. Usually that is nothing,
    /// which costs no allocation. An event about a side B that is not there is ignored.
    pub fn on(&mut self, event: Event, now: Moment) -> Vec<Order> {
        let mut orders = Vec::new();
        let rules = self.rules;
        for side in Side::BOTH {
            let change = self.member_mut(side).health.ripen(now.at, &rules);
            announce(side, change, &mut orders);
        }
        self.take_in(event, now.at, &mut orders);
        self.decide(now, &mut orders);
        orders
    }

    /// The side that requests go to.
    pub const fn active(&self) -> Side {
        self.active
    }

    /// The side that fail-back returns to: the preferred one, or the operator's last choice.
    pub const fn home(&self) -> Side {
        self.home
    }

    /// When the active side became it; `None` while it is still the one of the start.
    pub const fn active_since(&self) -> Option<Duration> {
        self.last_switch
    }

    /// The side to try first, and the one that may be tried if not one byte reached the first.
    /// A drained side is not tried; one that is down is, since the request has failed otherwise.
    pub fn candidates(&self) -> (Side, Option<Side>) {
        let other = self.active.other();
        let open = self.has_b && self.member(other).drained.is_none();
        (self.active, open.then_some(other))
    }

    /// How a side stands.
    pub const fn health(&self, side: Side) -> Health {
        self.member(side).health.health
    }

    /// Whether an answered request would tell anything new, so that the usual one need not
    /// take a lock.
    pub fn wants_answers(&self, side: Side) -> bool {
        let health = &self.member(side).health;
        health.health != Health::Up || health.request_failures > 0 || !health.answered
    }

    /// Everything about a side, for status pages.
    pub fn status(&self, side: Side) -> SideStatus {
        let Member { health, drained } = self.member(side);
        SideStatus {
            health: health.health,
            since: health.since,
            request_failures: health.request_failures,
            probe_failures: health.probe_failures,
            good_probes: health.good_probes,
            last_cause: health.cause,
            back_off_until: health.wake(&self.rules),
            drained: drained.clone(),
        }
    }

    /// Until when the cap on switches holds, if it does.
    pub const fn flap_alarm(&self) -> Option<Duration> {
        self.alarm_until
    }

    /// When a [`Event::Tick`] is due if nothing else happens before, as time since the process
    /// began. Always later than `now`.
    pub fn wake_at(&self, now: Moment) -> Option<Duration> {
        let ripening = Side::BOTH.map(|side| self.member(side).health.wake(&self.rules));
        ripening
            .into_iter()
            .chain([self.alarm_until, self.next_wish(now)])
            .flatten()
            .filter(|at| *at > now.at)
            .min()
    }

    fn take_in(&mut self, event: Event, now: Duration, orders: &mut Vec<Order>) {
        let rules = self.rules;
        let Some(side) = event.side() else { return };
        if side == Side::B && !self.has_b {
            if matches!(event, Event::SwitchTo { .. } | Event::Drain { .. }) {
                orders.push(Order::NoSuchSide(side));
            }
            return;
        }
        let spared = side != self.active && self.member(self.active).health.is_gone();
        let member = self.member_mut(side);
        let change = match event {
            Event::RequestAnswered { began, .. } => {
                member.health.request_answered(began, now, &rules)
            }
            Event::RequestFailed { began, cause, .. } => {
                member.health.request_failed(began, cause, now, &rules)
            }
            Event::ProbePassed { .. } => member.health.probe_passed(spared, now, &rules),
            Event::ProbeFailed { cause, .. } => member.health.probe_failed(cause, now, &rules),
            Event::Drain { by, .. } => {
                member.drained = Some(by);
                if self.active == side && !self.is_usable(side.other()) {
                    orders.push(Order::DrainWaits(side));
                }
                None
            }
            Event::Resume { .. } => {
                member.drained = None;
                None
            }
            Event::Replaced { .. } => member.health.replace(now),
            Event::SwitchTo { by, .. } => {
                member.drained = None;
                announce(side, member.health.vouch(now), orders);
                self.home = side;
                if self.active != side {
                    self.switch(SwitchReason::Operator(by), now, orders);
                }
                None
            }
            Event::Tick => None,
        };
        announce(side, change, orders);
    }

    /// Moves if there is a reason to, and if the cap on switches allows it.
    fn decide(&mut self, now: Moment, orders: &mut Vec<Order>) {
        let at = now.at;
        if self.alarm_until.is_some_and(|until| at >= until) {
            self.alarm_until = None;
            orders.push(Order::FlapAlarmCleared);
        }
        let Some(reason) = self.wish(now) else { return };
        if !reason.is_automatic() {
            self.switch(reason, at, orders);
            return;
        }
        let window = self.settings.flap_window;
        while self
            .automatic
            .front()
            .is_some_and(|past| at.saturating_sub(*past) >= window)
        {
            self.automatic.pop_front();
        }
        let switches = u32::try_from(self.automatic.len()).unwrap_or(u32::MAX);
        if switches < self.settings.max_switches {
            self.automatic.push_back(at);
            self.switch(reason, at, orders);
        } else if self.alarm_until.is_none() {
            let oldest = self.automatic.front().copied().unwrap_or(at);
            let until = oldest.saturating_add(window);
            self.alarm_until = Some(until);
            orders.push(Order::FlapAlarm { switches, until });
        }
    }

    /// Why the other side should be active now, if it should.
    fn wish(&self, now: Moment) -> Option<SwitchReason> {
        let target = self.active.other();
        if !self.is_usable(target) {
            return None;
        }
        let active = self.member(self.active);
        if let Some(by) = &active.drained {
            return Some(SwitchReason::Drained(Arc::clone(by)));
        }
        let proven = self.health(target) == Health::Up;
        if let (Health::Down, Some(cause)) = (active.health.health, active.health.cause) {
            return (proven || now.at >= self.hold_ends()).then_some(SwitchReason::SideDown(cause));
        }
        let due = self.fail_back_at(now).is_some_and(|at| now.at >= at);
        due.then_some(SwitchReason::FailBack)
    }

    /// When [`Self::wish`] may turn out differently by the passing of time alone.
    fn next_wish(&self, now: Moment) -> Option<Duration> {
        if self.alarm_until.is_some() {
            return None;
        }
        if self.health(self.active) == Health::Down {
            let held = self.is_usable(self.active.other());
            return held.then(|| self.hold_ends());
        }
        self.fail_back_at(now)
    }

    /// When fail-back is due, provided that both sides stay as they are.
    fn fail_back_at(&self, now: Moment) -> Option<Duration> {
        let home = self.member(self.home);
        let ready = self.home != self.active
            && self.is_usable(self.home)
            && home.health.health == Health::Up;
        if !ready {
            return None;
        }
        let policy = match self.settings.failback {
            Failback::Manual => return None,
            Failback::After(hold) => home.health.since.saturating_add(hold),
            Failback::Window { from, to } => {
                now.at
                    .saturating_add(until_window(now.time_of_day, from, to))
            }
        };
        Some(policy.max(self.hold_ends()))
    }

    fn hold_ends(&self) -> Duration {
        self.last_switch.map_or(Duration::ZERO, |at| {
            at.saturating_add(self.settings.min_hold)
        })
    }

    /// Whether the gateway may move there at all.
    fn is_usable(&self, side: Side) -> bool {
        let member = self.member(side);
        (side == Side::A || self.has_b)
            && member.drained.is_none()
            && member.health.health != Health::Down
    }

    fn switch(&mut self, reason: SwitchReason, now: Duration, orders: &mut Vec<Order>) {
        let from = self.active;
        let to = from.other();
        self.active = to;
        self.last_switch = Some(now);
        orders.push(Order::Switch { from, to, reason });
    }

    pub(super) const fn member(&self, side: Side) -> &Member {
        match side {
            Side::A => &self.a,
            Side::B => &self.b,
        }
    }

    pub(super) const fn member_mut(&mut self, side: Side) -> &mut Member {
        match side {
            Side::A => &mut self.a,
            Side::B => &mut self.b,
        }
    }
}

fn announce(side: Side, change: Option<Change>, orders: &mut Vec<Order>) {
    orders.extend(change.map(|change| match change {
        Change::Up => Order::SideUp(side),
        Change::Untested => Order::SideUntested(side),
        Change::Down {
            cause,
            witness,
            failures,
        } => Order::SideDown {
            side,
            cause,
            witness,
            failures,
        },
    }));
}

/// How long until the window is open: zero inside. Two equal ends mean the whole day.
fn until_window(time: TimeOfDay, from: TimeOfDay, to: TimeOfDay) -> Duration {
    let inside = if from < to {
        from <= time && time < to
    } else {
        time >= from || time < to
    };
    if inside {
        return Duration::ZERO;
    }
    let minutes = (from.0 + MINUTES_A_DAY - time.0.min(MINUTES_A_DAY)) % MINUTES_A_DAY;
    Duration::from_secs(u64::from(minutes) * 60).min(LONGEST_SLEEP)
}

/// The local clock may be set, and summer time may begin, while we wait for the window.
const LONGEST_SLEEP: Duration = Duration::from_hours(1);

const MINUTES_A_DAY: u16 = 24 * 60;
