//! Chance, and what it does to a side.

use super::super::Cause;
use crate::model::Side;

/// `SplitMix64`: small, and the same on every machine.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.roll() % bound
    }

    pub(super) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    pub(super) fn side(&mut self) -> Side {
        if self.one_in(2) { Side::A } else { Side::B }
    }
}

/// What is really the matter with a side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Truth {
    Well,
    /// The port is closed.
    Dead,
    /// It accepts and stays silent.
    Hung,
    /// Probes are good, requests fail.
    Broken,
    /// Requests succeed, probes fail.
    Snubbed,
}

impl Truth {
    pub(super) fn probe(self) -> Option<Cause> {
        match self {
            Self::Well | Self::Broken => None,
            Self::Dead => Some(Cause::Connect),
            Self::Hung => Some(Cause::NoAnswer),
            Self::Snubbed => Some(Cause::Status(503)),
        }
    }

    pub(super) fn any(dice: &mut Dice) -> Self {
        match dice.below(8) {
            0 | 1 => Self::Dead,
            2 => Self::Hung,
            3 => Self::Broken,
            4 => Self::Snubbed,
            _ => Self::Well,
        }
    }
}
