//! [`Budget`]: what the proof of one chain may cost.
//!
//! A stranger chooses what he sends, and everything in it may lead to everything else. So the
//! steps of the search, the signatures and the comparisons of names are counted, and a chain for
//! which they do not suffice is refused.

/// All that was allowed is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spent;

/// What is left.
#[derive(Debug)]
pub(super) struct Budget {
    steps: u32,
    signatures: u32,
    comparisons: u32,
}

impl Budget {
    /// Before another candidate is looked at.
    pub(super) fn step(&mut self) -> Result<(), Spent> {
        spend(&mut self.steps)
    }

    /// Before another signature is checked.
    pub(super) fn check_signature(&mut self) -> Result<(), Spent> {
        spend(&mut self.signatures)
    }

    /// Before a name is compared with a constraint.
    pub(super) fn compare(&mut self) -> Result<(), Spent> {
        spend(&mut self.comparisons)
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            // A chain of the greatest length takes a dozen; each costs less than a microsecond.
            steps: 500,
            // The longest chain has seven. What is more is for authorities that share a name.
            signatures: 16,
            // Only an authority that is believed can make these many.
            comparisons: 100_000,
        }
    }
}

fn spend(left: &mut u32) -> Result<(), Spent> {
    *left = left.checked_sub(1).ok_or(Spent)?;
    Ok(())
}
