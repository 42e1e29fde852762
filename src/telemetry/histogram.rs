//! [`Histogram`]: how long things took, by buckets that never change.

use std::time::Duration;

/// Durations, counted by buckets.
///
/// The bounds are those that OpenTelemetry gives to HTTP servers, and two below them: a gateway
/// beside its peers answers within a millisecond, and would otherwise be in the first bucket only.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Histogram {
    counts: [u64; BOUNDS.len() + 1],
    sum_nanos: u64,
}

/// A bound, as it is compared and as it is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bound {
    nanos: u64,
    /// In seconds. One spelling in all forms: a label that changed its value with the form would be
    /// another series.
    pub(super) text: &'static str,
}

const fn bound(micros: u64, text: &'static str) -> Bound {
    Bound {
        nanos: micros * 1_000,
        text,
    }
}

/// The upper bounds, each of them inside of its bucket.
pub(super) const BOUNDS: [Bound; 16] = [
    bound(1_000, "0.001"),
    bound(2_500, "0.0025"),
    bound(5_000, "0.005"),
    bound(10_000, "0.01"),
    bound(25_000, "0.025"),
    bound(50_000, "0.05"),
    bound(75_000, "0.075"),
    bound(100_000, "0.1"),
    bound(250_000, "0.25"),
    bound(500_000, "0.5"),
    bound(750_000, "0.75"),
    bound(1_000_000, "1.0"),
    bound(2_500_000, "2.5"),
    bound(5_000_000, "5.0"),
    bound(7_500_000, "7.5"),
    bound(10_000_000, "10.0"),
];

impl Histogram {
    /// Takes one in.
    pub fn observe(&mut self, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let place = BOUNDS.partition_point(|bound| bound.nanos < nanos);
        if let Some(count) = self.counts.get_mut(place) {
            *count = count.wrapping_add(1);
        }
        // 584 years of waiting fit in.
        self.sum_nanos = self.sum_nanos.wrapping_add(nanos);
    }

    /// Takes in what another one has seen.
    pub fn add(&mut self, other: &Self) {
        for (own, more) in self.counts.iter_mut().zip(other.counts) {
            *own = own.wrapping_add(more);
        }
        self.sum_nanos = self.sum_nanos.wrapping_add(other.sum_nanos);
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// How long all of them took together.
    pub const fn sum(&self) -> Duration {
        Duration::from_nanos(self.sum_nanos)
    }

    /// How many took no longer than each bound, and at last how many there were.
    pub(super) fn up_to(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let texts = BOUNDS.iter().map(|bound| bound.text);
        let mut sum = 0_u64;
        texts
            .chain(std::iter::once("+Inf"))
            .zip(self.counts)
            .map(move |(text, count)| {
                sum = sum.wrapping_add(count);
                (text, sum)
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_its_bucket_and_a_nanosecond_more_to_the_next() {
        let mut histogram = Histogram::default();
        histogram.observe(Duration::from_millis(5));
        histogram.observe(Duration::from_millis(5) + Duration::from_nanos(1));
        let up_to: Vec<_> = histogram.up_to().collect();
        assert_eq!(up_to[1..4], [("0.0025", 0), ("0.005", 1), ("0.01", 2)]);
    }

    #[test]
    fn what_takes_longer_than_every_bound_is_counted_behind_the_last() {
        let mut histogram = Histogram::default();
        histogram.observe(Duration::from_secs(11));
        histogram.observe(Duration::ZERO);
        let last: Vec<_> = histogram.up_to().skip(15).collect();
        assert_eq!(last, [("10.0", 1), ("+Inf", 2)]);
        assert_eq!(histogram.sum(), Duration::from_secs(11));
    }

    #[test]
    fn the_text_of_a_bound_is_its_number_and_the_bounds_rise() {
        for bound in BOUNDS {
            let seconds: f64 = bound.text.parse().expect("a number");
            let nanos = Duration::from_secs_f64(seconds).as_nanos();
            assert_eq!(nanos, u128::from(bound.nanos), "{}", bound.text);
        }
        assert!(BOUNDS.is_sorted_by_key(|bound| bound.nanos));
    }

    #[test]
    fn two_together_hold_what_each_has_seen() {
        let (mut one, mut other) = (Histogram::default(), Histogram::default());
        one.observe(Duration::from_millis(3));
        other.observe(Duration::from_millis(4));
        one.add(&other);
        assert_eq!((one.count(), one.sum()), (2, Duration::from_millis(7)));
    }
}
