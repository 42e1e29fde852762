//! [`GatewayError`]: everything that can go wrong with an exchange, by who caused it.

use std::fmt;

use crate::http::refusal::{BadAnswer, Refusal};
use crate::model::{Denial, Outcome};

/// Who has to act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Blame {
    /// The one who called us.
    Caller,
    /// The side or the CRM.
    Upstream,
    /// This gateway or its machine.
    Gateway,
}

/// Why the gateway answers in place of a side or of the CRM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GatewayError {
    /// The request is malformed or ambiguous.
    Refused(Refusal),
    /// The head did not arrive within `HeaderTimeout`.
    HeaderTimeout,
    /// The body arrived slower than `MinBodyRate`.
    BodyTooSlow(Outcome),
    /// The body is larger than `MaxBodySize` (or `MaxBufferedBody` where it has to be collected).
    BodyTooLarge(Outcome),
    /// The chunked body is malformed.
    BadChunk(Outcome),
    /// The caller ended its body before it was complete.
    BodyBrokeOff(Outcome),
    /// The target of an event is not on the allow list.
    TargetNotAllowed,
    /// The rules of the listener do not admit the caller.
    NotAdmitted(Denial),
    /// No side (or the CRM) could be reached: nothing was sent. The text says what was tried.
    Unreachable(String),
    /// This machine has run out of descriptors, ports or memory: nothing was sent.
    Exhausted,
    /// The connection broke after the first byte and before an answer.
    Lost(Outcome),
    /// The upstream ended TLS with an alert in place of an answer: with TLS 1.3 it looks at our
    /// certificate after we have begun to send. The text says which alert and why.
    TlsRefused(String, Outcome),
    /// `ResponseTimeout` passed.
    TimedOut(Outcome),
    /// The side was declared down while it had the request, or a part of it.
    SideDown(Outcome),
    /// The answer cannot be passed on.
    BadAnswer(BadAnswer, Outcome),
    /// The gateway had to end the exchange, because it goes down or the caller lost his right.
    Cut(Outcome),
    /// A defect of the gateway, contained to this connection.
    Internal(Outcome),
}

impl GatewayError {
    /// The stable code in logs, faults and figures.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.code(),
            Self::HeaderTimeout => "GW-408-HEAD",
            Self::BodyTooSlow(_) => "GW-408-BODY",
            Self::BodyTooLarge(_) => "GW-413-BODY",
            Self::BadChunk(_) => "GW-400-CHUNK",
            Self::BodyBrokeOff(_) => "GW-400-BODY",
            Self::TargetNotAllowed => "GW-403-TARGET",
            Self::NotAdmitted(denial) => denial.code(),
            Self::Unreachable(_) => "GW-503-UNREACHABLE",
            Self::Exhausted => "GW-503-EXHAUSTED",
            Self::Lost(Outcome::PartlySent) => "GW-502-PARTLY-SENT",
            Self::Lost(_) => "GW-502-NO-ANSWER",
            Self::TlsRefused(..) => "GW-502-TLS-REFUSED",
            Self::TimedOut(_) => "GW-504-NO-ANSWER",
            Self::SideDown(_) => "GW-504-SIDE-DOWN",
            Self::BadAnswer(..) => "GW-502-BAD-ANSWER",
            Self::Cut(_) => "GW-503-CUT",
            Self::Internal(_) => "GW-500-INTERNAL",
        }
    }

    /// The HTTP status of a plain answer. A SOAP Fault for anything from 500 on goes out with
    /// 500, as SOAP 1.1 demands.
    pub const fn status(&self) -> u16 {
        match self {
            Self::Refused(refusal) => refusal.status(),
            Self::BadChunk(_) | Self::BodyBrokeOff(_) => 400,
            Self::HeaderTimeout | Self::BodyTooSlow(_) => 408,
            Self::BodyTooLarge(_) => 413,
            Self::TargetNotAllowed | Self::NotAdmitted(_) => 403,
            Self::Unreachable(_) | Self::Exhausted | Self::Cut(_) => 503,
            Self::Lost(_) | Self::TlsRefused(..) | Self::BadAnswer(..) => 502,
            Self::TimedOut(_) | Self::SideDown(_) => 504,
            Self::Internal(_) => 500,
        }
    }

    /// What became of the request.
    pub const fn outcome(&self) -> Outcome {
        match self {
            Self::Refused(_)
            | Self::HeaderTimeout
            | Self::TargetNotAllowed
            | Self::NotAdmitted(_)
            | Self::Unreachable(_)
            | Self::Exhausted => Outcome::NotSent,
            Self::BodyTooSlow(outcome)
            | Self::BodyTooLarge(outcome)
            | Self::BadChunk(outcome)
            | Self::BodyBrokeOff(outcome)
            | Self::Lost(outcome)
            | Self::TimedOut(outcome)
            | Self::SideDown(outcome)
            | Self::TlsRefused(_, outcome)
            | Self::BadAnswer(_, outcome)
            | Self::Cut(outcome)
            | Self::Internal(outcome) => *outcome,
        }
    }

    /// Who has to act.
    pub const fn blame(&self) -> Blame {
        match self {
            Self::Refused(_)
            | Self::HeaderTimeout
            | Self::BodyTooSlow(_)
            | Self::BodyTooLarge(_)
            | Self::BadChunk(_)
            | Self::BodyBrokeOff(_)
            | Self::TargetNotAllowed
            | Self::NotAdmitted(_) => Blame::Caller,
            Self::Unreachable(_)
            | Self::Lost(_)
            | Self::TlsRefused(..)
            | Self::TimedOut(_)
            | Self::SideDown(_)
            | Self::BadAnswer(..) => Blame::Upstream,
            Self::Exhausted | Self::Cut(_) | Self::Internal(_) => Blame::Gateway,
        }
    }
}

impl fmt::Display for GatewayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => refusal.fmt(f),
            Self::HeaderTimeout => f.write_str("the head of the request did not arrive in time"),
            Self::BodyTooSlow(_) => f.write_str("the body of the request arrived too slowly"),
            Self::BodyTooLarge(_) => f.write_str(
                "the body of the request is larger than MaxBodySize or MaxBufferedBody allow",
            ),
            Self::BadChunk(_) => f.write_str("the chunked body is malformed"),
            Self::BodyBrokeOff(_) => {
                f.write_str("the body of the request ended before it was complete")
            }
            Self::TargetNotAllowed => {
                f.write_str("the target of the event is not on the allow list")
            }
            // Which rule it is stands in the log and is nobody else's business.
            Self::NotAdmitted(_) => {
                f.write_str("the rules of this listener do not admit the caller")
            }
            Self::Unreachable(tried) => write!(f, "nothing was sent, because {tried}"),
            Self::Exhausted => f.write_str("the gateway has no descriptors or ports left"),
            Self::Lost(outcome) => write!(f, "the connection broke, and the request was {outcome}"),
            Self::TlsRefused(why, outcome) => write!(
                f,
                "TLS ended before an answer came, and the request was {outcome}: {why}"
            ),
            Self::TimedOut(outcome) => {
                write!(f, "no answer came in time, and the request was {outcome}")
            }
            Self::SideDown(outcome) => write!(
                f,
                "the side went down meanwhile, and the request was {outcome}"
            ),
            Self::BadAnswer(bad, _) => bad.fmt(f),
            Self::Cut(outcome) => write!(
                f,
                "the gateway had to end the connection, and the request was {outcome}"
            ),
            Self::Internal(_) => f.write_str("the gateway failed; its log says more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denied() -> Denial {
        Denial::Denied {
            rule: "DenyClient2".into(),
        }
    }

    fn all() -> Vec<GatewayError> {
        vec![
            GatewayError::Refused(Refusal::Host),
            GatewayError::HeaderTimeout,
            GatewayError::BodyTooSlow(Outcome::PartlySent),
            GatewayError::BodyTooLarge(Outcome::NotSent),
            GatewayError::BadChunk(Outcome::PartlySent),
            GatewayError::BodyBrokeOff(Outcome::PartlySent),
            GatewayError::TargetNotAllowed,
            GatewayError::NotAdmitted(Denial::NotAllowed),
            GatewayError::NotAdmitted(denied()),
            GatewayError::Unreachable("side A refused the connection".to_owned()),
            GatewayError::Exhausted,
            GatewayError::Lost(Outcome::PartlySent),
            GatewayError::Lost(Outcome::SentNoAnswer),
            GatewayError::TlsRefused("alert".to_owned(), Outcome::SentNoAnswer),
            GatewayError::TimedOut(Outcome::SentNoAnswer),
            GatewayError::SideDown(Outcome::SentNoAnswer),
            GatewayError::BadAnswer(BadAnswer::Head, Outcome::SentNoAnswer),
            GatewayError::Cut(Outcome::SentNoAnswer),
            GatewayError::Internal(Outcome::NotSent),
        ]
    }

    #[test]
    fn every_error_has_a_code_of_its_own_that_names_its_status() {
        let mut codes: Vec<_> = all().iter().map(GatewayError::code).collect();
        for error in all() {
            assert!(
                error.code().starts_with(&format!("GW-{}-", error.status())),
                "{error:?}"
            );
        }
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), all().len());
    }

    #[test]
    fn a_caller_that_is_not_admitted_is_not_told_of_the_rules() {
        let text = GatewayError::NotAdmitted(denied()).to_string();
        assert_eq!(text, "the rules of this listener do not admit the caller");
    }

    #[test]
    fn an_error_that_may_have_reached_a_side_never_says_not_sent() {
        for error in all() {
            let may_have_arrived = matches!(
                error,
                GatewayError::Lost(_)
                    | GatewayError::TlsRefused(..)
                    | GatewayError::TimedOut(_)
                    | GatewayError::SideDown(_)
                    | GatewayError::BadAnswer(..)
            );
            if may_have_arrived {
                assert!(!error.outcome().may_try_other_side(), "{error:?}");
            }
        }
    }
}
