//! [`Denial`]: why somebody with a good certificate is not served.

use std::fmt;
use std::sync::Arc;

/// Why the rules of a listener do not admit a client.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Denial {
    /// There are rules that allow, and none of them is about this client.
    NotAllowed,
    /// A rule denies this client.
    Denied {
        /// The rule's key, as it stands in the file.
        rule: Arc<str>,
    },
}

impl Denial {
    /// The stable code, the same in log, figures and faults.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotAllowed => "GW-403-NOT-ALLOWED",
            Self::Denied { .. } => "GW-403-DENIED",
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
        }
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAllowed => f.write_str("no rule allows the client"),
            Self::Denied { rule } => write!(f, "the rule {rule} denies the client"),
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
        ];
        for (denial, code, text) in cases {
            assert_eq!((denial.code(), denial.to_string().as_str()), (code, text));
            assert!(denial.hint().starts_with("if the client should be served"));
        }
    }
}
