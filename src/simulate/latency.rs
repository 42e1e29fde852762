//! [`Latencies`]: how long answers took, in constant memory.

use std::time::Duration;

/// A histogram of durations with buckets that grow by a quarter of a power of two, so that a
/// percentile is at most 19 % above the truth whatever its size.
#[derive(Debug, Clone)]
pub(super) struct Latencies {
    buckets: [u64; BUCKETS],
    count: u64,
    longest: Duration,
}

impl Latencies {
    /// Counts one.
    pub(super) fn record(&mut self, taken: Duration) {
        if let Some(bucket) = self.buckets.get_mut(bucket_of(taken)) {
            *bucket = bucket.saturating_add(1);
        }
        self.count = self.count.saturating_add(1);
        self.longest = self.longest.max(taken);
    }

    /// The duration that so many of a hundred did not exceed; `None` while nothing was counted.
    pub(super) fn percentile(&self, percent: u32) -> Option<Duration> {
        if self.count == 0 {
            return None;
        }
        let rank = self
            .count
            .saturating_mul(u64::from(percent))
            .div_ceil(100)
            .max(1);
        let mut seen = 0_u64;
        for (index, bucket) in self.buckets.iter().enumerate() {
            seen = seen.saturating_add(*bucket);
            if seen >= rank {
                return Some(upper_end(index).min(self.longest));
            }
        }
        Some(self.longest)
    }

    /// The longest.
    pub(super) const fn longest(&self) -> Duration {
        self.longest
    }
}

impl Default for Latencies {
    fn default() -> Self {
        Self {
            buckets: [0; BUCKETS],
            count: 0,
            longest: Duration::ZERO,
        }
    }
}

/// Four buckets for each power of two from 1 microsecond to 2^31 (36 minutes), which is far more
/// than any time-out in here.
const BUCKETS: usize = 128;

fn bucket_of(taken: Duration) -> usize {
    let micros = u64::try_from(taken.as_micros()).unwrap_or(u64::MAX).max(1);
    let power = micros.ilog2();
    // The two bits behind the leading one tell the quarter.
    let quarter = if power >= 2 {
        (micros >> (power - 2)) & 3
    } else {
        (micros << (2 - power)) & 3
    };
    let index = u64::from(power) * 4 + quarter;
    usize::try_from(index).unwrap_or(BUCKETS).min(BUCKETS - 1)
}

fn upper_end(index: usize) -> Duration {
    let power = u32::try_from(index / 4).unwrap_or(31);
    let quarter = u64::try_from(index % 4).unwrap_or(3);
    Duration::from_micros((1_u64 << power).saturating_mul(5 + quarter).div_ceil(4))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_counted_has_no_percentile() {
        assert_eq!(Latencies::default().percentile(50), None);
    }

    #[test]
    fn the_last_percentile_is_the_longest() {
        let mut latencies = Latencies::default();
        for ms in [3, 90, 7] {
            latencies.record(Duration::from_millis(ms));
        }
        assert_eq!(latencies.percentile(100), Some(Duration::from_millis(90)));
        assert_eq!(latencies.longest(), Duration::from_millis(90));
    }

    proptest! {
        #[test]
        fn a_percentile_is_never_below_the_truth_and_at_most_a_quarter_above(
            mut micros in prop::collection::vec(4_u64..2_000_000_000, 1..200),
            percent in 1_u32..=100,
        ) {
            let mut latencies = Latencies::default();
            for micros in &micros {
                latencies.record(Duration::from_micros(*micros));
            }
            micros.sort_unstable();
            let rank = (micros.len() * percent as usize).div_ceil(100).max(1);
            let truth = micros[rank - 1];
            let said = latencies.percentile(percent).expect("counted").as_micros();
            prop_assert!(said >= u128::from(truth), "{said} < {truth}");
            prop_assert!(said <= u128::from(truth) * 5 / 4 + 1, "{said} > {truth} + 25 %");
        }
    }
}
