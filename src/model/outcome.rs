//! [`Outcome`]: what became of a request.

use std::fmt;

/// What became of a request at the side it was meant for.
///
/// It decides whether the other side may be tried (only [`Outcome::NotSent`]) and it stands in the
/// access line, the fault and the figures. "Sent" counts the first byte that was handed to the
/// operating system: from there on nobody can know what the side has done with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// Not one byte reached a side: sending it again is safe.
    NotSent,
    /// Some bytes, not all: the side cannot have understood it, but nobody can be sure.
    PartlySent,
    /// All of it was sent and no answer came: the side may have done what was asked.
    SentNoAnswer,
    /// The side answered.
    Answered,
}

impl Outcome {
    /// All four, in order.
    pub const ALL: [Self; 4] = [
        Self::NotSent,
        Self::PartlySent,
        Self::SentNoAnswer,
        Self::Answered,
    ];

    /// The stable code that logs, faults and figures carry.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotSent => "not-sent",
            Self::PartlySent => "partly-sent",
            Self::SentNoAnswer => "sent-no-answer",
            Self::Answered => "answered",
        }
    }

    /// A dense index, for arrays of counters.
    pub const fn index(self) -> usize {
        match self {
            Self::NotSent => 0,
            Self::PartlySent => 1,
            Self::SentNoAnswer => 2,
            Self::Answered => 3,
        }
    }

    /// The only replay rule's question: may the request go to the other side?
    pub const fn may_try_other_side(self) -> bool {
        matches!(self, Self::NotSent)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotSent => "not sent",
            Self::PartlySent => "partly sent",
            Self::SentNoAnswer => "sent without answer",
            Self::Answered => "answered",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_request_of_which_nothing_was_sent_may_go_to_the_other_side() {
        let replayable: Vec<_> = Outcome::ALL
            .into_iter()
            .filter(|o| o.may_try_other_side())
            .collect();
        assert_eq!(replayable, [Outcome::NotSent]);
    }
}
