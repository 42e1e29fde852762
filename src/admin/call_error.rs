//! [`CallError`]: why a gateway gives no answer, and what to do about it.

use std::io;
use std::path::PathBuf;

use crate::config::Problems;
use crate::tls::HandshakeFailure;
use crate::tls::failure::Cause;

/// Why there is no answer. Each text is a clause; [`CallError::hint`] goes with it.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The configuration has no listener for this machine.
    #[error("the configuration has no admin listener on a loopback address")]
    NoListener,
    /// Nobody answers there.
    #[error("no gateway answers at {at}: {source}")]
    Unreachable {
        /// Where.
        at: String,
        /// What the system says.
        source: io::Error,
    },
    /// The token cannot be read.
    #[error("the token of the admin listener cannot be read from \"{}\": {source}", path.display())]
    Token {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Something else than a gateway answers.
    #[error("what answers at {at} is no crmgate: {what}")]
    NotUs {
        /// Where.
        at: String,
        /// What is wrong.
        what: String,
    },
    /// The certificates for the way there are of no use.
    #[error("{0}")]
    Files(Problems),
    /// The URL names nobody who could have a certificate.
    #[error("\"{0}\" is no address of an admin listener")]
    Url(String),
    /// The two did not agree on TLS.
    #[error("no TLS connection to {at}: {failure}")]
    Tls {
        /// Where.
        at: String,
        /// Why.
        failure: HandshakeFailure,
    },
    /// The gateway refuses.
    #[error("{message}")]
    Refused {
        /// A stable word.
        code: String,
        /// What is wrong.
        message: String,
        /// What to do.
        hint: String,
    },
}

impl CallError {
    /// A stable word for scripts; of a refusal it is the gateway's own.
    pub fn code(&self) -> &str {
        match self {
            Self::NoListener => "no-listener",
            Self::Unreachable { .. } => "no-gateway",
            Self::Token { .. } => "token",
            Self::NotUs { .. } => "not-a-gateway",
            Self::Files(_) => "files",
            Self::Url(_) => "url",
            Self::Tls { failure, .. } => failure.code(),
            Self::Refused { code, .. } => code,
        }
    }

    /// What to do next.
    pub fn hint(&self) -> &str {
        match self {
            Self::NoListener => {
                "write Listen=127.0.0.1:9440 into [Admin] of crmgate.ini and start the gateway anew, or \
                 name the gateway with --url, --pem and --ca"
            }
            Self::Unreachable { .. } => {
                "see whether it runs, and with this configuration: its log says where \"the admin \
                 listener is open\"; a change of Listen in [Admin] takes effect at a start only"
            }
            Self::Token { .. } => "run this as root or as the account that runs crmgate",
            Self::NotUs { .. } => {
                "see who listens there, and compare it with Listen in [Admin] of crmgate.ini"
            }
            Self::Files(_) => "put these files right, or name others with --pem and --ca",
            Self::Url(_) => "write https://host:9440, without a path",
            Self::Tls { failure, .. } => failure.hint(),
            Self::Refused { hint, .. } => hint,
        }
    }

    /// Whether it is for want of a right: another account or another certificate may do it.
    pub fn is_for_want_of_a_right(&self) -> bool {
        match self {
            Self::Token { .. } => true,
            Self::Refused { code, .. } => {
                matches!(code.as_str(), "role" | "not-admitted" | "wrong-token")
            }
            Self::Tls { failure, .. } => matches!(failure.cause(), Cause::RefusedByPeer(_)),
            Self::NoListener
            | Self::Unreachable { .. }
            | Self::NotUs { .. }
            | Self::Files(_)
            | Self::Url(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_says_what_is_wrong_and_what_to_do() {
        let at = || "127.0.0.1:9440".to_owned();
        let gone = || io::Error::from(io::ErrorKind::ConnectionRefused);
        let all = [
            (
                CallError::NoListener,
                "no admin listener on a loopback",
                "Listen=127.0.0.1:9440",
            ),
            (
                CallError::Unreachable {
                    at: at(),
                    source: gone(),
                },
                "no gateway answers at 127.0.0.1:9440: connection refused",
                "see whether it runs",
            ),
            (
                CallError::Token {
                    path: "a.token".into(),
                    source: io::ErrorKind::PermissionDenied.into(),
                },
                "cannot be read from \"a.token\": permission denied",
                "run this as root",
            ),
            (
                CallError::NotUs {
                    at: at(),
                    what: "no JSON".to_owned(),
                },
                "what answers at 127.0.0.1:9440 is no crmgate: no JSON",
                "see who listens there",
            ),
            (
                CallError::Url("https://".to_owned()),
                "\"https://\" is no address of an admin listener",
                "write https://host:9440",
            ),
            (
                CallError::Tls {
                    at: at(),
                    failure: HandshakeFailure::timed_out(crate::tls::Direction::Outbound),
                },
                "no TLS connection to 127.0.0.1:9440: ",
                "",
            ),
            (
                CallError::Refused {
                    code: "role".to_owned(),
                    message: "this needs more".to_owned(),
                    hint: "ask".to_owned(),
                },
                "this needs more",
                "ask",
            ),
        ];
        for (error, text, hint) in all {
            assert!(error.to_string().contains(text), "{error}");
            assert!(
                error.hint().starts_with(hint) || error.hint().contains(hint),
                "{error}"
            );
            assert!(
                !error.hint().is_empty() && !error.code().is_empty(),
                "{error}"
            );
        }
    }
}
