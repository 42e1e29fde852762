//! [`Denial`]: why somebody with a good certificate is not served.

use std::fmt;
use std::sync::Arc;

use crate::model::WallTime;

/// Why a listener does not admit a client.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Denial {
    /// There are rules that allow, and none of them is about this client.
    NotAllowed,
    /// A rule denies this client.
    Denied {
        /// The rule's key, as it stands in the file.
        rule: Arc<str>,
    },
    /// Its issuer has withdrawn its certificate, as the responder says.
    Withdrawn {
        /// Since when.
        since: WallTime,
    },
    /// Its issuer does not know its certificate, as the responder says.
    NotIssued,
    /// The responder says nothing, and then nobody is served.
    Unconfirmed,
}

impl Denial {
    /// The stable code, the same in log, figures and faults.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotAllowed => "GW-403-NOT-ALLOWED",
            Self::Denied { .. } => "GW-403-DENIED",
            Self::Withdrawn { .. } => "GW-403-WITHDRAWN",
            Self::NotIssued => "GW-403-NOT-ISSUED",
            Self::Unconfirmed => "GW-403-UNCONFIRMED",
        }
    }

    /// What to do, if the client should be served.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::NotAllowed => {
                "if the client should be served, add a rule AllowClient<n> that is about it, such \
                 as its subject or the fingerprint of its certificate"
            }
            Self::Denied { .. } => {
                "if the client should be served, remove the rule or make it narrower; a rule that \
                 denies counts more than any that allows"
            }
            Self::Withdrawn { .. } => {
                "if the client should be served, it needs a new certificate; ask whoever runs the \
                 authority why this one was withdrawn"
            }
            Self::NotIssued => {
                "if the client should be served, see that OCSP_RESPONDER names the responder of its \
                 issuer; if it does, somebody may have forged the certificate"
            }
            Self::Unconfirmed => {
                "if the client should be served, see why the responder of OCSP_RESPONDER gives no \
                 answer, or write OCSP_UNANSWERED=serve until it does"
            }
        }
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAllowed => f.write_str("no rule allows the client"),
            Self::Denied { rule } => write!(f, "the rule {rule} denies the client"),
            Self::Withdrawn { since } => {
                write!(f, "the client's certificate was withdrawn on {since}")
            }
            Self::NotIssued => f.write_str("its issuer does not know the client's certificate"),
            Self::Unconfirmed => {
                f.write_str("whether the client's certificate was withdrawn is not known")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_denial_names_its_rule_and_says_what_to_do() {
        let denied = Denial::Denied {
            rule: "DenyClient2".into(),
        };
        let cases = [
            (
                Denial::NotAllowed,
                "GW-403-NOT-ALLOWED",
                "no rule allows the client",
            ),
            (
                denied,
                "GW-403-DENIED",
                "the rule DenyClient2 denies the client",
            ),
            (
                Denial::Withdrawn { since: WallTime(0) },
                "GW-403-WITHDRAWN",
                "the client's certificate was withdrawn on 1970-01-01T00:00:00Z",
            ),
            (
                Denial::NotIssued,
                "GW-403-NOT-ISSUED",
                "its issuer does not know the client's certificate",
            ),
            (
                Denial::Unconfirmed,
                "GW-403-UNCONFIRMED",
                "whether the client's certificate was withdrawn is not known",
            ),
        ];
        for (denial, code, text) in cases {
            assert_eq!((denial.code(), denial.to_string().as_str()), (code, text));
            assert!(denial.hint().starts_with("if the client should be served"));
        }
    }
}
