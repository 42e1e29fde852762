//! How long a certificate lasts: a pure judgement of two dates and the time now.

use std::fmt;

use crate::model::WallTime;

/// Days before the end at which an operator is told, from the first hint to the last call.
///
/// Sixty days is what a certificate request takes in a company with a change board; the last steps
/// are for whoever is on duty.
pub const ALARM_DAYS: [i64; 5] = [60, 30, 14, 7, 1];

/// The same of a revocation list. It is followed by another one more often, and three days span a
/// week-end, so that somebody at work hears of it.
pub const LIST_ALARM_DAYS: [i64; 6] = [60, 30, 14, 7, 3, 1];

/// Where a certificate stands between its first and its last second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validity {
    /// More than the first of [`ALARM_DAYS`] is left.
    Good,
    /// It works, and an alarm step has been reached.
    EndsSoon {
        /// Whole days left.
        days_left: i64,
        /// The tightest of [`ALARM_DAYS`] that has been reached.
        step: i64,
    },
    /// Its last second has passed.
    Expired {
        /// Whole days since.
        days_ago: i64,
    },
    /// Its first second is still to come.
    NotYet,
}

impl Validity {
    /// Judges the dates of a certificate.
    pub fn judge(not_before: WallTime, not_after: WallTime, now: WallTime) -> Self {
        if now > not_after {
            return Self::Expired {
                days_ago: not_after.days_until(now),
            };
        }
        if now < not_before {
            return Self::NotYet;
        }
        let days_left = now.days_until(not_after);
        let left = not_after.0.saturating_sub(now.0);
        // To the second: with 60 days left the first step has been reached, a second before it has
        // not.
        ALARM_DAYS
            .into_iter()
            .filter(|step| left <= step.saturating_mul(DAY))
            .min()
            .map_or(Self::Good, |step| Self::EndsSoon { days_left, step })
    }

    /// Whether a peer would accept these dates now.
    pub const fn is_valid(self) -> bool {
        matches!(self, Self::Good | Self::EndsSoon { .. })
    }
}

impl fmt::Display for Validity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Good => f.write_str("is valid"),
            Self::EndsSoon { days_left: 0, .. } => f.write_str("expires within a day"),
            Self::EndsSoon { days_left: 1, .. } => f.write_str("expires in 1 day"),
            Self::EndsSoon { days_left, .. } => write!(f, "expires in {days_left} days"),
            Self::Expired { days_ago: 0 } => f.write_str("expired today"),
            Self::Expired { days_ago: 1 } => f.write_str("expired 1 day ago"),
            Self::Expired { days_ago } => write!(f, "expired {days_ago} days ago"),
            Self::NotYet => f.write_str("is not valid yet"),
        }
    }
}

const DAY: i64 = 86_400;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn judged(days_left: i64) -> Validity {
        Validity::judge(
            WallTime(0),
            WallTime(1_000 * DAY),
            WallTime((1_000 - days_left) * DAY),
        )
    }

    #[test]
    fn each_alarm_step_is_reached_with_exactly_so_many_days_left() {
        assert_eq!(judged(61), Validity::Good);
        let a_second_more = WallTime(940 * DAY - 1);
        let judge = |now| Validity::judge(WallTime(0), WallTime(1_000 * DAY), now);
        assert_eq!(judge(a_second_more), Validity::Good);
        for (days_left, step) in [
            (60, 60),
            (31, 60),
            (30, 30),
            (15, 30),
            (14, 14),
            (8, 14),
            (7, 7),
            (2, 7),
            (1, 1),
            (0, 1),
        ] {
            assert_eq!(judged(days_left), Validity::EndsSoon { days_left, step });
        }
    }

    #[test]
    fn a_certificate_is_valid_in_its_last_second_and_not_after_it() {
        let end = WallTime(10 * DAY);
        assert!(Validity::judge(WallTime(0), end, end).is_valid());
        let after = Validity::judge(WallTime(0), end, WallTime(10 * DAY + 1));
        assert_eq!(after, Validity::Expired { days_ago: 0 });
        assert_eq!(after.to_string(), "expired today");
    }

    #[test]
    fn a_certificate_from_the_future_is_not_valid_yet() {
        let early = Validity::judge(WallTime(DAY), WallTime(2 * DAY), WallTime(0));
        assert_eq!(early, Validity::NotYet);
    }

    proptest! {
        #[test]
        fn valid_means_between_the_two_dates(from in any::<i32>(), to in any::<i32>(), now in any::<i32>()) {
            let [from, to, now] = [from, to, now].map(|second| WallTime(second.into()));
            prop_assert_eq!(Validity::judge(from, to, now).is_valid(), from <= now && now <= to);
        }
    }
}
