//! [`Pace`]: how long spans are gathered, and how long is waited after a post that failed.

use std::time::Duration;

/// How spans are sent.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// How long spans are gathered before they are sent together.
    pub gather: Duration,
    /// The pause after the first post that fails; each later one is twice as long.
    pub first: Duration,
    /// The longest pause, unless the collector asks for more.
    pub longest: Duration,
    /// For how long the same spans are tried.
    pub give_up: Duration,
    /// How often it is said in the log that spans cannot be delivered.
    pub say: Duration,
    /// How long a stop waits for what is left.
    pub last: Duration,
}

impl Default for Pace {
    /// A second is soon enough for whoever looks at a trace; the rest is what OpenTelemetry's own
    /// collectors do among themselves. A stop is not to be held up.
    fn default() -> Self {
        Self {
            gather: Duration::from_secs(1),
            first: Duration::from_secs(1),
            longest: Duration::from_secs(30),
            give_up: Duration::from_mins(5),
            say: Duration::from_mins(5),
            last: Duration::from_secs(3),
        }
    }
}

impl Pace {
    /// How long to wait after so many posts that failed. `random` spreads it over the second half,
    /// so that a collector that is back is not asked by everybody at once.
    pub(super) fn pause(&self, failures: u32, random: u64) -> Duration {
        let doubled = 1_u32.checked_shl(failures.saturating_sub(1));
        let whole = self.first.saturating_mul(doubled.unwrap_or(u32::MAX));
        let half = whole.min(self.longest) / 2;
        let [.., part] = random.to_le_bytes();
        half + half * u32::from(part) / u32::from(u8::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_are_spread_over_their_second_half() {
        let pace = Pace::default();
        let seconds = |failures, random| pace.pause(failures, random).as_secs_f32();
        for (failures, longest) in [(1, 1.0), (2, 2.0), (5, 16.0), (6, 30.0), (99, 30.0)] {
            assert!((seconds(failures, u64::MAX) - longest).abs() < 0.01);
            assert!((seconds(failures, 0) - longest / 2.0).abs() < 0.01);
        }
    }
}
