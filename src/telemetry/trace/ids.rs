//! [`Ids`]: numbers for traces and spans that nobody else has.

use std::cell::Cell;
use std::fmt;
use std::hash::{BuildHasher as _, RandomState};

use super::context::{SpanId, TraceId};

/// Numbers that cannot be told from random ones, for one thread.
///
/// The keyed hash of the standard library over a count: its keys come from the system, once for each
/// thread, so a number costs neither a system call nor a lock. It guards no secret.
pub struct Ids {
    keys: RandomState,
    drawn: Cell<u64>,
}

impl Default for Ids {
    fn default() -> Self {
        Self {
            keys: RandomState::new(),
            drawn: Cell::new(0),
        }
    }
}

impl Ids {
    /// The next number.
    pub fn number(&self) -> u64 {
        let drawn = self.drawn.get().wrapping_add(1);
        self.drawn.set(drawn);
        self.keys.hash_one(drawn)
    }

    /// The id of a new trace, and a number by which it may be decided whether it is recorded: it is a
    /// part of the id, so that others come to the same end.
    pub(super) fn trace(&self) -> (TraceId, u64) {
        let (high, low) = (self.number(), self.number().max(1));
        let id = (u128::from(high) << u64::BITS) | u128::from(low);
        (TraceId(id.to_be_bytes()), low)
    }

    /// The id of a new span.
    pub(super) fn span(&self) -> SpanId {
        SpanId(self.number().max(1).to_be_bytes())
    }
}

impl fmt::Debug for Ids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ids")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn threads_draw_numbers_that_no_other_has_and_that_are_spread_over_all_there_are() {
        let drawn: Vec<u64> = std::thread::scope(|scope| {
            let draw = || {
                let ids = Ids::default();
                (0..1_000).map(|_| ids.number()).collect::<Vec<_>>()
            };
            let threads = [0; 4].map(|_| scope.spawn(draw));
            let each = threads.into_iter();
            each.flat_map(|thread| thread.join().expect("done"))
                .collect()
        });
        assert_eq!(drawn.iter().collect::<HashSet<_>>().len(), 4_000);
        let low = drawn.iter().filter(|number| **number < u64::MAX / 4);
        let share = low.count();
        assert!((800..1_200).contains(&share), "{share} of 1,000");
    }
}
