//! [`Rates`]: what happens in a second, from two looks at counters that only grow.

use std::time::Duration;

use crate::cli::ops::answers::{Figures, Status};
use crate::cli::ops::words::count;

/// One look at a gateway.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    figures: Figures,
    uptime: u64,
    /// Since the first look.
    at: Duration,
}

impl Look {
    pub(super) const fn new(status: &Status, at: Duration) -> Self {
        Self {
            figures: status.figures,
            uptime: status.uptime_seconds,
            at,
        }
    }
}

/// Something in tenths of a second's count, so that one request in two seconds is not none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct PerSecond(u64);

impl PerSecond {
    fn of(before: u64, after: u64, passed: Duration) -> Self {
        let more = u128::from(after.saturating_sub(before));
        let tenths = more.saturating_mul(10_000) / passed.as_millis().max(1);
        Self(u64::try_from(tenths).unwrap_or(u64::MAX))
    }

    /// Whole ones, for bytes.
    pub(super) const fn whole(self) -> u64 {
        self.0 / 10
    }

    pub(super) fn text(self) -> String {
        format!("{}.{}", count(self.0 / 10), self.0 % 10)
    }
}

/// What happens in a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rates {
    pub(super) accepted: PerSecond,
    pub(super) requests: PerSecond,
    pub(super) requests_failed: PerSecond,
    pub(super) events: PerSecond,
    pub(super) events_failed: PerSecond,
    pub(super) full: PerSecond,
    pub(super) resumed: PerSecond,
    pub(super) refused: PerSecond,
    pub(super) bytes_there: PerSecond,
    pub(super) bytes_back: PerSecond,
    /// Handshakes between the two looks: resumed, and full.
    pub(super) share: (u64, u64),
}

impl Rates {
    /// Between two looks; none where the gateway was started anew in between.
    pub(super) fn between(before: &Look, after: &Look) -> Option<Self> {
        let passed = after.at.checked_sub(before.at)?;
        if after.uptime < before.uptime || passed.is_zero() {
            return None;
        }
        let (old, new) = (&before.figures, &after.figures);
        let rate = |of: fn(&Figures) -> u64| PerSecond::of(of(old), of(new), passed);
        let more = |of: fn(&Figures) -> u64| of(new).saturating_sub(of(old));
        Some(Self {
            accepted: rate(|figures| figures.connections_accepted),
            requests: rate(|figures| figures.requests_answered),
            requests_failed: rate(|figures| figures.requests_failed),
            events: rate(|figures| figures.events_answered),
            events_failed: rate(|figures| figures.events_failed),
            full: rate(|figures| figures.handshakes_full),
            resumed: rate(|figures| figures.handshakes_resumed),
            refused: rate(|figures| figures.handshakes_failed + figures.clients_not_admitted),
            bytes_there: rate(|figures| figures.relayed_bytes_to_target),
            bytes_back: rate(|figures| figures.relayed_bytes_from_target),
            share: (
                more(|figures| figures.handshakes_resumed),
                more(|figures| figures.handshakes_full),
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(requests: u64, uptime: u64, at: u64) -> Look {
        let figures = Figures {
            requests_answered: requests,
            handshakes_full: requests / 4,
            handshakes_resumed: requests / 2,
            ..Figures::default()
        };
        Look {
            figures,
            uptime,
            at: Duration::from_millis(at),
        }
    }

    #[test]
    fn a_rate_is_a_difference_by_the_time_that_passed() {
        let rates = Rates::between(&look(100, 5, 1_000), &look(104, 7, 3_000)).expect("rates");
        assert_eq!(rates.requests.text(), "2.0");
        let rates = Rates::between(&look(0, 5, 0), &look(1, 7, 2_000)).expect("rates");
        assert_eq!(rates.requests.text(), "0.5");
        let rates = Rates::between(&look(0, 5, 0), &look(4_000, 6, 1_000)).expect("rates");
        assert_eq!(rates.requests.text(), "4,000.0");
        assert_eq!(rates.share, (2_000, 1_000));
    }

    #[test]
    fn a_gateway_that_was_started_anew_has_no_rates_yet() {
        assert_eq!(
            Rates::between(&look(100, 9, 1_000), &look(3, 1, 2_000)),
            None
        );
        assert_eq!(Rates::between(&look(1, 1, 1_000), &look(3, 1, 1_000)), None);
    }
}
