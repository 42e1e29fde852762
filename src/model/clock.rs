//! [`Clock`]: the only source of wall time.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Seconds since 1970, UTC: when certificates begin and end, and what log lines carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WallTime(pub i64);

impl WallTime {
    /// The time from `self` to `later` in whole days, negative once `later` has passed.
    pub const fn days_until(self, later: Self) -> i64 {
        later.0.saturating_sub(self.0).div_euclid(86_400)
    }

    /// Reads a date and a time of day as an operator writes them: `2026-12-01 06:00`, in the zone
    /// of this machine unless `Z` or an offset such as `+01:00` follows.
    ///
    /// A local time that the change to summer time leaves out is an hour later, one that comes
    /// twice is the first of the two. `None` for everything that is no date with a time.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split_whitespace().flat_map(|part| part.split('T'));
        let (date, time) = (parts.next()?, parts.next()?);
        let zone = parts.next().unwrap_or_default();
        // The library reads more than this, and would leave out the name of a zone.
        let is_plain = |text: &str| {
            text.bytes()
                .all(|b| b.is_ascii_digit() || b"-:+Zz".contains(&b))
        };
        if parts.next().is_some()
            || ![date, time, zone].into_iter().all(is_plain)
            || !time.contains(':')
        {
            return None;
        }
        let whole = format!("{date}T{time}{zone}");
        let moment = match whole.parse::<jiff::Timestamp>() {
            Ok(moment) => moment,
            Err(_) if !zone.is_empty() => return None,
            Err(_) => {
                let local: jiff::civil::DateTime = whole.parse().ok()?;
                local
                    .to_zoned(jiff::tz::TimeZone::system())
                    .ok()?
                    .timestamp()
            }
        };
        Some(Self(moment.as_second()))
    }

    /// Reads a date as HTTP writes it: `Sun, 06 Nov 1994 08:49:37 GMT`.
    pub fn parse_http(text: &str) -> Option<Self> {
        let moment = jiff::fmt::rfc2822::parse(text.trim()).ok()?;
        Some(Self(moment.timestamp().as_second()))
    }
}

impl fmt::Display for WallTime {
    /// Prints the date and time in UTC, such as `2027-03-01T00:00:00Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_second(self.0) {
            Ok(time) => time.fmt(f),
            Err(_out_of_range) => write!(f, "@{}", self.0),
        }
    }
}

/// Wall time, with an offset that tests can move.
///
/// Clones share the offset.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    offset: Arc<AtomicI64>,
}

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self::default()
    }

    /// Moves this clock and all its clones by so many seconds.
    pub fn shift(&self, seconds: i64) {
        self.offset.fetch_add(seconds, Ordering::Relaxed);
    }

    /// The time now.
    pub fn now(&self) -> WallTime {
        let since = self.since_epoch();
        WallTime(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
    }

    /// The time now, to the microsecond, for log lines.
    pub fn since_epoch(&self) -> Duration {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the one place that reads wall time"
        )]
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let offset = self.offset.load(Ordering::Relaxed);
        let shift = Duration::from_secs(offset.unsigned_abs());
        if offset < 0 {
            now.saturating_sub(shift)
        } else {
            now.saturating_add(shift)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_of_http_is_read_and_nothing_else_is() {
        let moment = WallTime::parse_http("Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(moment, Some(WallTime(784_111_777)));
        for other in ["", "yesterday", "1994-11-06 08:49:37"] {
            assert_eq!(WallTime::parse_http(other), None, "{other}");
        }
    }

    #[test]
    fn a_shifted_clock_shifts_its_clones() {
        let clock = Clock::system();
        let clone = clock.clone();
        let before = clone.now();
        clock.shift(8 * 86_400);
        assert_eq!(before.days_until(clone.now()), 8);
        clock.shift(-16 * 86_400);
        assert!(clone.now() < before);
    }

    #[test]
    fn days_left_are_negative_once_the_day_has_passed() {
        assert_eq!(WallTime(0).days_until(WallTime(86_399)), 0);
        assert_eq!(WallTime(86_400).days_until(WallTime(0)), -1);
    }

    #[test]
    fn a_time_prints_as_date_and_time_in_utc() {
        assert_eq!(WallTime(1_803_859_200).to_string(), "2027-03-01T00:00:00Z");
    }

    #[test]
    fn a_date_with_a_time_is_read_in_its_zone() {
        for text in [
            "2027-03-01 00:00Z",
            "2027-03-01T00:00:00Z",
            "2027-03-01 01:00 +01:00",
            "2027-02-28 19:00:00-05:00",
            "2027-03-01  00:00 z",
        ] {
            assert_eq!(
                WallTime::parse(text),
                Some(WallTime(1_803_859_200)),
                "{text}"
            );
        }
    }

    #[test]
    fn a_time_without_a_zone_is_the_time_on_this_machine() {
        let zone = jiff::tz::TimeZone::system();
        let local = jiff::civil::date(2027, 3, 1).at(6, 30, 0, 0).to_zoned(zone);
        let second = local.expect("a time").timestamp().as_second();
        assert_eq!(WallTime::parse("2027-03-01 06:30"), Some(WallTime(second)));
        assert_eq!(
            WallTime::parse("2027-03-01T06:30:00"),
            Some(WallTime(second))
        );
    }

    #[test]
    fn what_is_no_date_with_a_time_is_not_read() {
        for text in [
            "",
            "2027-03-01",
            "06:00",
            "2027-13-01 06:00",
            "2027-02-30 06:00",
            "2027-03-01 25:00",
            "01.03.2027 06:00",
            "2027-03-01 06:00 CET",
            "2027-03-01 06:00[Europe/Berlin]",
            "2027-03-01 06:00 +01:00 Z",
            "tomorrow 06:00",
        ] {
            assert_eq!(WallTime::parse(text), None, "{text}");
        }
    }
}
