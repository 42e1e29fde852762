//! [`SideHealth`]: what the evidence says about one side. It knows neither the other side nor who
//! is active.
//!
//! Two witnesses speak, and neither overrules the other:
//!
//! - A failed request and a failed probe both count towards `fall`, together. A request that was
//!   answered takes back the failed requests only, a good probe the failed probes only: a side
//!   that hangs for its probes goes down although an odd request still gets through, and a side
//!   whose port is open but whose requests fail goes down although every TCP probe is good.
//! - A side comes up when `rise` probes, or `rise` requests, in a row were good and the other
//!   witness does not object. Where probes saw nothing of a fault ("blind"), their word alone is
//!   not enough: the side first waits out a back-off that doubles each time it fails again.

use std::fmt;
use std::time::Duration;

use super::cause::{Cause, Witness};
use super::event::Watch;
use crate::config::settings::FailoverSettings;

/// What is known about a side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Health {
    /// Nothing yet, or nothing since it was last given a chance: usable until it fails.
    Untested,
    /// It answers.
    Up,
    /// It failed `fall` times in a row.
    Down,
}

impl Health {
    /// The stable word for log lines and figures.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Untested => "untested",
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// The thresholds, in the form the evidence is judged by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    /// Failures in a row until a side is down; at least 1.
    pub(super) fall: u32,
    /// Good ones in a row until it is up; at least 1.
    pub(super) rise: u32,
    /// Whether probes run.
    pub(super) probed: bool,
    /// The first back-off of a side that only requests gave away.
    pub(super) first_back_off: Duration,
    /// The longest one, and how long a failed request is remembered.
    pub(super) memory: Duration,
}

impl Rules {
    pub(super) fn new(settings: &FailoverSettings, watch: Watch) -> Self {
        let first_back_off = settings.min_hold.max(SHORTEST_BACK_OFF);
        Self {
            fall: settings.fall.max(1),
            rise: settings.rise.max(1),
            probed: watch == Watch::Probes,
            first_back_off,
            memory: settings.flap_window.max(first_back_off),
        }
    }
}

/// A change that the rest of the house should hear of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Up,
    Down {
        cause: Cause,
        witness: Witness,
        failures: u32,
    },
    Untested,
}

/// The evidence about one side, and the verdict.
#[derive(Debug, Clone)]
pub(super) struct SideHealth {
    pub(super) health: Health,
    /// When `health` last changed.
    pub(super) since: Duration,
    pub(super) request_failures: u32,
    pub(super) probe_failures: u32,
    pub(super) good_probes: u32,
    /// Why it last went down.
    pub(super) cause: Option<Cause>,
    /// Earliest end of the back-off.
    pub(super) retry_at: Duration,
    good_requests: u32,
    last_request_failure: Duration,
    /// A request that began earlier met the side in its former state and says nothing any more.
    judged_from: Duration,
    /// Down, and no probe has noticed.
    blind: bool,
    /// Falls that probes were blind to; the exponent of the back-off.
    strikes: u32,
    /// A request was answered since it last came up.
    pub(super) answered: bool,
}

impl SideHealth {
    pub(super) const fn new() -> Self {
        Self {
            health: Health::Untested,
            since: Duration::ZERO,
            request_failures: 0,
            probe_failures: 0,
            good_probes: 0,
            cause: None,
            retry_at: Duration::ZERO,
            good_requests: 0,
            last_request_failure: Duration::ZERO,
            judged_from: Duration::ZERO,
            blind: false,
            strikes: 0,
            answered: false,
        }
    }

    /// Down, and its probes agree.
    pub(super) fn is_gone(&self) -> bool {
        self.health == Health::Down && !self.blind
    }

    pub(super) fn request_answered(
        &mut self,
        began: Duration,
        now: Duration,
        rules: &Rules,
    ) -> Option<Change> {
        if began < self.judged_from {
            return None;
        }
        self.request_failures = 0;
        self.answered = true;
        if self.probe_failures > 0 {
            return None;
        }
        match self.health {
            Health::Up => None,
            Health::Untested => Some(self.rise(now)),
            Health::Down => {
                self.good_requests = self.good_requests.saturating_add(1);
                (self.good_requests >= rules.rise).then(|| self.rise(now))
            }
        }
    }

    pub(super) fn request_failed(
        &mut self,
        began: Duration,
        cause: Cause,
        now: Duration,
        rules: &Rules,
    ) -> Option<Change> {
        if began < self.judged_from {
            return None;
        }
        self.forget(now, rules);
        self.last_request_failure = now;
        self.request_failures = self.request_failures.saturating_add(1);
        self.good_requests = 0;
        self.good_probes = 0;
        self.fall(cause, now, rules)
    }

    /// `spared`: the back-off does not count, because the side in use is certainly worse.
    pub(super) fn probe_passed(
        &mut self,
        spared: bool,
        now: Duration,
        rules: &Rules,
    ) -> Option<Change> {
        self.probe_failures = 0;
        self.good_probes = self.good_probes.saturating_add(1);
        match self.health {
            Health::Up => None,
            Health::Untested => {
                let undisputed = self.request_failures == 0 || self.good_probes >= rules.rise;
                undisputed.then(|| self.rise(now))
            }
            Health::Down => {
                let vouched = !self.blind || spared || now >= self.retry_at;
                (vouched && self.good_probes >= rules.rise).then(|| self.rise(now))
            }
        }
    }

    pub(super) fn probe_failed(
        &mut self,
        cause: Cause,
        now: Duration,
        rules: &Rules,
    ) -> Option<Change> {
        self.forget(now, rules);
        self.probe_failures = self.probe_failures.saturating_add(1);
        self.good_probes = 0;
        self.good_requests = 0;
        if self.health == Health::Down && self.blind {
            // The probes see it after all, so they will also see when it is over.
            self.blind = false;
            self.strikes = self.strikes.saturating_sub(1);
        }
        self.fall(cause, now, rules)
    }

    /// What the mere passing of time changes.
    pub(super) fn ripen(&mut self, now: Duration, rules: &Rules) -> Option<Change> {
        if self.wake(rules).is_none_or(|at| now < at) {
            return None;
        }
        if rules.probed {
            Some(self.rise(now))
        } else {
            self.restart(now);
            Some(Change::Untested)
        }
    }

    /// When [`Self::ripen`] will have something to say.
    pub(super) fn wake(&self, rules: &Rules) -> Option<Duration> {
        let waits = self.health == Health::Down
            && (!rules.probed || (self.blind && self.good_probes >= rules.rise));
        waits.then_some(self.retry_at)
    }

    /// A clean sheet: somebody who knows better says that what was seen no longer counts.
    pub(super) fn vouch(&mut self, now: Duration) -> Option<Change> {
        self.strikes = 0;
        let news = self.health == Health::Down;
        if self.health == Health::Up {
            self.request_failures = 0;
            self.probe_failures = 0;
        } else {
            self.restart(now);
        }
        news.then_some(Change::Untested)
    }

    /// Like [`Self::vouch`], for a side that is another machine from now on.
    pub(super) fn replace(&mut self, now: Duration) -> Option<Change> {
        let news = self.health != Health::Untested;
        self.strikes = 0;
        self.restart(now);
        news.then_some(Change::Untested)
    }

    fn rise(&mut self, now: Duration) -> Change {
        self.turn(Health::Up, now);
        Change::Up
    }

    fn restart(&mut self, now: Duration) {
        self.turn(Health::Untested, now);
        self.judged_from = now;
    }

    fn fall(&mut self, cause: Cause, now: Duration, rules: &Rules) -> Option<Change> {
        let failures = self.request_failures.saturating_add(self.probe_failures);
        if self.health == Health::Down || failures < rules.fall {
            return None;
        }
        let witness = match (self.request_failures, self.probe_failures) {
            (_, 0) => Witness::Requests,
            (0, _) => Witness::Probes,
            _ => Witness::Both,
        };
        if self.answered && now.saturating_sub(self.since) >= rules.memory {
            self.strikes = 0;
        }
        let probe_failures = self.probe_failures;
        self.turn(Health::Down, now);
        self.probe_failures = probe_failures;
        self.cause = Some(cause);
        self.blind = witness == Witness::Requests;
        if self.blind {
            let doubled = 1_u32.checked_shl(self.strikes).unwrap_or(u32::MAX);
            let back_off = rules.first_back_off.saturating_mul(doubled);
            self.retry_at = now.saturating_add(back_off.min(rules.memory));
            self.strikes = self.strikes.saturating_add(1);
        } else {
            self.retry_at = now;
        }
        Some(Change::Down {
            cause,
            witness,
            failures,
        })
    }

    fn turn(&mut self, health: Health, now: Duration) {
        if self.health == Health::Down || health == Health::Down {
            self.judged_from = now;
        }
        self.health = health;
        self.since = now;
        self.request_failures = 0;
        self.probe_failures = 0;
        self.good_requests = 0;
        self.good_probes = 0;
        self.blind = false;
        self.answered = health == Health::Up && self.answered;
    }

    /// Failures that lie further apart than the memory are not "in a row".
    fn forget(&mut self, now: Duration, rules: &Rules) {
        if now.saturating_sub(self.last_request_failure) > rules.memory {
            self.request_failures = 0;
        }
    }
}

/// A back-off never begins shorter: a connector service that is restarted needs about so long,
/// and every further try costs callers a failed request.
const SHORTEST_BACK_OFF: Duration = Duration::from_secs(5);
