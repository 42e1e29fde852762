//! The time at the head of a line: UTC, to the microsecond.

use std::cell::RefCell;
use std::fmt::Write;
use std::time::Duration;

use crate::model::WallTime;

/// The date and time down to the second changes once a second and is kept until then.
#[derive(Debug, Default)]
struct Kept {
    second: Option<u64>,
    text: String,
    seconds_len: usize,
}

thread_local! {
    static KEPT: RefCell<Kept> = RefCell::default();
}

/// Hands a time such as `2027-03-01T00:00:00.000250Z` to `take`, which must not log.
pub(super) fn with<T>(since_epoch: Duration, take: impl FnOnce(&str) -> T) -> T {
    KEPT.with_borrow_mut(|kept| {
        let second = since_epoch.as_secs();
        if kept.second != Some(second) {
            kept.second = Some(second);
            kept.text = WallTime(i64::try_from(second).unwrap_or(i64::MAX)).to_string();
            kept.seconds_len = kept.text.trim_end_matches('Z').len();
        }
        kept.text.truncate(kept.seconds_len);
        let micros = since_epoch.subsec_micros();
        // Writing to a string cannot fail.
        let _infallible = write!(kept.text, ".{micros:06}Z");
        take(&kept.text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_utc_with_microseconds_also_when_the_second_is_the_one_before() {
        let day = Duration::from_hours(501_072);
        for (time, text) in [
            (day, "2027-03-01T00:00:00.000000Z"),
            (
                day + Duration::from_micros(250),
                "2027-03-01T00:00:00.000250Z",
            ),
            (
                day + Duration::from_millis(1_999),
                "2027-03-01T00:00:01.999000Z",
            ),
            (day, "2027-03-01T00:00:00.000000Z"),
        ] {
            assert_eq!(with(time, str::to_owned), text);
        }
    }

    #[test]
    fn a_clock_beyond_the_calendar_still_gives_a_stamp() {
        let stamp = with(Duration::from_secs(u64::MAX), str::to_owned);
        assert!(stamp.ends_with(".000000Z"), "{stamp}");
    }
}
