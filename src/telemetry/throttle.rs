//! [`Throttle`]: no network peer can make the log grow without bound.

use std::time::Duration;

/// What strangers on the network can cause, by kind. The kinds are fixed, so the memory is too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Noise {
    /// `accept` itself failed, for want of descriptors for example.
    AcceptFailed,
    /// A connection was closed because a limit was reached.
    LimitReached,
    /// An inbound TLS handshake failed.
    HandshakeFailed,
    /// A peer with a valid certificate that no rule admits.
    NotAdmitted,
    /// A request that is no correct HTTP.
    Malformed,
    /// A peer that was too slow, or sent too much.
    Abuse,
    /// A request or an event that the other end did not take or answer.
    UpstreamFailed,
    /// A relayed connection that could not be made or was cut.
    RelayFailed,
    /// A relayed connection on which nothing came back.
    RelayEmpty,
    /// A panic that was contained.
    Panicked,
}

impl Noise {
    /// All kinds, in order.
    pub const ALL: [Self; 10] = [
        Self::AcceptFailed,
        Self::LimitReached,
        Self::HandshakeFailed,
        Self::NotAdmitted,
        Self::Malformed,
        Self::Abuse,
        Self::UpstreamFailed,
        Self::RelayFailed,
        Self::RelayEmpty,
        Self::Panicked,
    ];

    /// The stable word for logs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::AcceptFailed => "accept-failed",
            Self::LimitReached => "limit-reached",
            Self::HandshakeFailed => "handshake-failed",
            Self::NotAdmitted => "not-admitted",
            Self::Malformed => "malformed",
            Self::Abuse => "abuse",
            Self::UpstreamFailed => "upstream-failed",
            Self::RelayFailed => "relay-failed",
            Self::RelayEmpty => "relay-empty",
            Self::Panicked => "panicked",
        }
    }
}

/// Whether to write a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// Write it.
    Say {
        /// Lines of this kind that were held back since the last one; worth a field in this one.
        suppressed_before: u64,
    },
    /// Hold it back.
    Stay,
}

/// A token bucket for each kind of noise. Pure: the time comes from the caller, as time since the
/// process began.
///
/// A bucket holds what one second yields, so the first lines of a burst are always there to tell
/// what it is about.
#[derive(Debug, Clone)]
pub struct Throttle {
    per_second: u32,
    buckets: [Bucket; Noise::ALL.len()],
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    /// In billionths of a line, so that refilling in small steps loses nothing.
    tokens: u128,
    filled_at: Duration,
    suppressed: u64,
}

impl Throttle {
    /// So many lines a second for each kind; 0 holds everything back.
    pub fn new(per_second: u32) -> Self {
        let bucket = Bucket {
            tokens: u128::from(per_second) * LINE,
            filled_at: Duration::ZERO,
            suppressed: 0,
        };
        Self {
            per_second,
            buckets: [bucket; Noise::ALL.len()],
        }
    }

    /// Puts another rate in force; what was held back is still told.
    pub const fn set_rate(&mut self, per_second: u32) {
        self.per_second = per_second;
    }

    /// Asks for one line of a kind.
    pub fn allow(&mut self, kind: Noise, now: Duration) -> Verdict {
        let per_second = self.per_second;
        let bucket = self.bucket(kind);
        bucket.fill(per_second, now);
        if let Some(left) = bucket.tokens.checked_sub(LINE) {
            bucket.tokens = left;
            Verdict::Say {
                suppressed_before: std::mem::take(&mut bucket.suppressed),
            }
        } else {
            bucket.suppressed = bucket.suppressed.saturating_add(1);
            Verdict::Stay
        }
    }

    /// Takes the number of lines of a kind that were held back and not yet told, if the kind has
    /// calmed down. Without it nobody would hear of the tail of a burst. The line that tells it is
    /// one of its kind like any other.
    pub fn settle(&mut self, kind: Noise, now: Duration) -> Option<u64> {
        let per_second = self.per_second;
        let bucket = self.bucket(kind);
        bucket.fill(per_second, now);
        if bucket.suppressed == 0 {
            return None;
        }
        bucket.tokens = bucket.tokens.checked_sub(LINE)?;
        Some(std::mem::take(&mut bucket.suppressed))
    }

    fn bucket(&mut self, kind: Noise) -> &mut Bucket {
        let [
            accept,
            limit,
            handshake,
            admission,
            malformed,
            abuse,
            upstream,
            relay,
            empty,
            panic,
        ] = &mut self.buckets;
        match kind {
            Noise::AcceptFailed => accept,
            Noise::LimitReached => limit,
            Noise::HandshakeFailed => handshake,
            Noise::NotAdmitted => admission,
            Noise::Malformed => malformed,
            Noise::Abuse => abuse,
            Noise::UpstreamFailed => upstream,
            Noise::RelayFailed => relay,
            Noise::RelayEmpty => empty,
            Noise::Panicked => panic,
        }
    }
}

impl Bucket {
    fn fill(&mut self, per_second: u32, now: Duration) {
        let passed = now.saturating_sub(self.filled_at).as_nanos();
        self.filled_at = self.filled_at.max(now);
        let full = u128::from(per_second) * LINE;
        // A nanosecond yields so many billionths of a line as the rate has lines a second.
        let gained = passed.saturating_mul(u128::from(per_second));
        self.tokens = self.tokens.saturating_add(gained).min(full);
    }
}

/// One line, in the unit of a bucket.
const LINE: u128 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn millis(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    const fn say(suppressed_before: u64) -> Verdict {
        Verdict::Say { suppressed_before }
    }

    #[test]
    fn a_burst_gets_one_seconds_worth_and_the_next_line_tells_what_was_held_back() {
        let mut throttle = Throttle::new(2);
        let kind = Noise::HandshakeFailed;
        assert_eq!(throttle.allow(kind, millis(0)), say(0));
        assert_eq!(throttle.allow(kind, millis(0)), say(0));
        for _ in 0..1_000 {
            assert_eq!(throttle.allow(kind, millis(499)), Verdict::Stay);
        }
        assert_eq!(throttle.allow(kind, millis(500)), say(1_000));
    }

    #[test]
    fn one_kind_does_not_silence_another() {
        let mut throttle = Throttle::new(1);
        for kind in Noise::ALL {
            assert_eq!(throttle.allow(kind, millis(0)), say(0));
            assert_eq!(throttle.allow(kind, millis(0)), Verdict::Stay);
        }
    }

    #[test]
    fn the_tail_of_a_burst_is_told_once_it_is_over() {
        let mut throttle = Throttle::new(1);
        let kind = Noise::Malformed;
        assert_eq!(throttle.allow(kind, millis(0)), say(0));
        assert_eq!(throttle.allow(kind, millis(0)), Verdict::Stay);
        assert_eq!(throttle.settle(kind, millis(999)), None);
        assert_eq!(throttle.settle(kind, millis(1_000)), Some(1));
        assert_eq!(throttle.settle(kind, millis(2_000)), None);
    }

    #[test]
    fn the_line_that_tells_of_a_tail_counts_as_one_of_its_kind() {
        let mut throttle = Throttle::new(1);
        let kind = Noise::Malformed;
        assert_eq!(throttle.allow(kind, millis(0)), say(0));
        assert_eq!(throttle.allow(kind, millis(0)), Verdict::Stay);
        assert_eq!(throttle.settle(kind, millis(1_000)), Some(1));
        assert_eq!(throttle.allow(kind, millis(1_500)), Verdict::Stay);
    }

    #[test]
    fn every_kind_has_a_word_of_its_own() {
        let mut words = Noise::ALL.map(Noise::code).to_vec();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), Noise::ALL.len());
    }

    #[test]
    fn a_rate_of_nothing_holds_everything_back() {
        let mut throttle = Throttle::new(0);
        let much_later = Duration::from_hours(1_000);
        assert_eq!(throttle.allow(Noise::Abuse, much_later), Verdict::Stay);
    }

    proptest! {
        #[test]
        fn lines_never_exceed_the_rate_and_every_one_is_said_or_counted(
            rate in 1_u32..50,
            steps in proptest::collection::vec(0_u64..300, 1..400),
        ) {
            let mut throttle = Throttle::new(rate);
            let (mut now, mut said, mut told) = (0, 0_u64, 0);
            for step in &steps {
                now += step;
                let verdict = throttle.allow(Noise::Abuse, millis(now));
                if let Verdict::Say { suppressed_before } = verdict {
                    said += 1;
                    told += suppressed_before;
                }
            }
            let rate = u64::from(rate);
            prop_assert!(said <= rate + rate * now / 1_000);
            let end = millis(now) + Duration::from_secs(1);
            let tail = throttle.settle(Noise::Abuse, end).unwrap_or_default();
            prop_assert_eq!(said + told + tail, steps.len() as u64);
        }
    }
}
