//! [`Due`]: what is about to end, said before it is too late.

use std::cmp::Reverse;

use crate::certs::expiry::Validity;
use crate::config::problem::Problem;

/// How far something is from its end, the nearest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// It works for no more than so many days.
    Left(Reverse<i64>),
    /// It has ended.
    Ended,
    /// The grace that it was given has ended too.
    GraceEnded,
}

impl Step {
    /// No more than so many days are left.
    pub const fn left(days: i64) -> Self {
        Self::Left(Reverse(days))
    }

    /// The step that a certificate has reached, if any.
    pub const fn of(validity: Validity) -> Option<Self> {
        match validity {
            Validity::EndsSoon { step, .. } => Some(Self::left(step)),
            Validity::Expired { .. } => Some(Self::Ended),
            Validity::Good | Validity::NotYet => None,
        }
    }
}

/// A certificate or a revocation list of which the next one is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// What tells it from every other one.
    pub item: [u8; 32],
    /// How far it is from its end.
    pub step: Step,
    /// The same in an operator's words.
    pub problem: Problem,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certs::expiry::ALARM_DAYS;

    #[test]
    fn a_step_that_is_nearer_to_the_end_is_greater() {
        let each = ALARM_DAYS.map(Step::left);
        assert!(each.is_sorted());
        assert!(each.iter().all(|step| *step < Step::Ended));
        assert!(Step::Ended < Step::GraceEnded);
    }
}
