//! [`HandedSides`]: what the next process has to know of the sides, so that an upgrade is no reason
//! to move.
//!
//! Where traffic goes and what operators have ordered is handed over. How healthy the sides are is
//! not: the next process finds that out with its first probes, and until then both may be tried.

use std::sync::Arc;

use super::machine::Failover;
use crate::model::Side;

/// How a process leaves its sides to the next one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandedSides {
    /// The side that requests go to.
    pub active: Side,
    /// Where fail-back goes to.
    pub home: Side,
    /// `Preferred`, as it was then.
    pub preferred: Side,
    /// Who has drained side A, and side B.
    pub drained: [Option<Arc<str>>; 2],
}

impl Failover {
    /// For the next process.
    pub fn hand_over(&self) -> HandedSides {
        HandedSides {
            active: self.active,
            home: self.home,
            preferred: self.settings.preferred,
            drained: Side::BOTH.map(|side| self.member(side).drained.clone()),
        }
    }

    /// Goes on where another process has stopped. What its own configuration says wins: a changed
    /// `Preferred` is where fail-back goes, and what concerns a side B that is not there is nothing.
    pub fn take_over(&mut self, handed: &HandedSides) {
        if !self.has_b {
            return;
        }
        if handed.preferred == self.settings.preferred {
            self.home = handed.home;
        }
        self.active = handed.active;
        for side in Side::BOTH {
            let [a, b] = &handed.drained;
            let drained = if side == Side::A { a } else { b };
            self.member_mut(side).drained.clone_from(drained);
        }
    }
}
