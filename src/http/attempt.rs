//! [`Delivery`] and [`TryFailed`]: what came of handing a request to an upstream.

use crate::http::error::GatewayError;
use crate::http::refusal::BadAnswer;
use crate::model::Outcome;

/// What has become of an answer that began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// All of it reached the caller's connection, which stays open if both agree.
    Complete {
        /// Whether another request may follow.
        keep_alive: bool,
    },
    /// It broke off at the upstream; the caller's connection was cut so that he knows.
    Truncated,
    /// The caller went away.
    CallerLost,
    /// The gateway had to end the connection in the middle of it.
    Cut,
}

/// A try that gave no answer.
#[derive(Debug)]
pub struct TryFailed {
    /// What the caller would be told.
    pub error: GatewayError,
    /// What the upstream did wrong, so that its health suffers; `None` if it is not to blame.
    pub fault: Option<UpstreamFault>,
}

/// What an upstream did wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpstreamFault {
    /// It cannot be reached.
    Connect,
    /// It did not answer the dial in time.
    ConnectTimeout,
    /// No TLS came about.
    Handshake,
    /// It closed before it answered.
    Closed,
    /// It kept silent.
    NoAnswer,
    /// It answered something that is no answer.
    BadAnswer,
}

impl TryFailed {
    /// A failure that the upstream is not to blame for.
    pub(super) const fn blameless(error: GatewayError) -> Self {
        Self { error, fault: None }
    }

    /// A failure that the upstream is to blame for.
    pub(super) const fn upstream(error: GatewayError, fault: UpstreamFault) -> Self {
        Self {
            error,
            fault: Some(fault),
        }
    }

    /// The upstream answered something that cannot be passed on.
    pub(super) const fn bad_answer(answer: BadAnswer, outcome: Outcome) -> Self {
        Self::upstream(
            GatewayError::BadAnswer(answer, outcome),
            UpstreamFault::BadAnswer,
        )
    }

    /// What became of the request in this try.
    pub const fn outcome(&self) -> Outcome {
        self.error.outcome()
    }
}
