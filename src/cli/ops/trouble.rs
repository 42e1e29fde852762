//! [`Trouble`]: why a command for a running gateway could not be carried out.

use std::io;
use std::path::PathBuf;

use crate::admin::CallError;
use crate::cli::exit::Exit;

/// Why, as a clause; [`Trouble::hint`] goes with it.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    /// The gateway gives no answer, or refuses.
    #[error(transparent)]
    Call(#[from] CallError),
    /// There is no such directory.
    #[error("there is no configuration directory \"{}\"", .0.display())]
    NoDirectory(PathBuf),
    /// It is not clear which SAP system is meant.
    #[error("more than one SAP system has sides: {}", .0.join(", "))]
    SeveralSystems(Vec<String>),
    /// There is nothing to switch.
    #[error("no SAP system of this gateway has sides")]
    NoSides,
    /// An answer is not what it has to be.
    #[error("the gateway's answer is not understood: {0}")]
    Answer(serde_json::Error),
    /// Nothing can be waited for.
    #[error("the system gives no event queue: {0}")]
    Runtime(io::Error),
    /// The terminal cannot be read or written.
    #[error("the terminal cannot be used: {0}")]
    Terminal(io::Error),
}

impl Trouble {
    /// A stable word for scripts.
    pub(super) fn code(&self) -> &str {
        match self {
            Self::Call(error) => error.code(),
            Self::NoDirectory(_) => "no-directory",
            Self::SeveralSystems(_) => "several-systems",
            Self::NoSides => "no-sides",
            Self::Answer(_) => "answer",
            Self::Runtime(_) | Self::Terminal(_) => "system",
        }
    }

    /// What to do next.
    pub(super) fn hint(&self) -> &str {
        match self {
            Self::Call(error) => error.hint(),
            Self::NoDirectory(_) => {
                "name it with --config DIR, or CRMGATE_CONFIG in the environment"
            }
            Self::SeveralSystems(_) => "say which one with --system NAME",
            Self::NoSides => "sides are those of [Requests] in CRMConnectorSAP_<name>.ini",
            Self::Answer(_) => {
                "the gateway may be of another version: use the crmgate that it was started from"
            }
            Self::Runtime(_) => "the system may be short of descriptors",
            Self::Terminal(_) => "use --once, or status --watch",
        }
    }

    /// How the command ends.
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Call(error) if error.is_for_want_of_a_right() => Exit::NoPermission,
            Self::Call(error) => match error {
                CallError::NoListener => Exit::Config,
                CallError::Files(_) => Exit::NoInput,
                CallError::Url(_) => Exit::Usage,
                CallError::Refused { .. } => Exit::Refused,
                CallError::Unreachable { .. }
                | CallError::NotUs { .. }
                | CallError::Tls { .. }
                | CallError::Token { .. } => Exit::Unavailable,
            },
            Self::NoDirectory(_) => Exit::NoInput,
            Self::SeveralSystems(_) => Exit::Usage,
            Self::NoSides => Exit::Refused,
            Self::Answer(_) => Exit::Unavailable,
            Self::Runtime(_) | Self::Terminal(_) => Exit::Os,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_says_what_is_wrong_and_what_to_do_and_ends_with_its_own_code() {
        let answer = serde_json::from_str::<u8>("x").expect_err("no number");
        let system = || io::Error::from(io::ErrorKind::OutOfMemory);
        let names = vec!["SAP1".to_owned(), "SAP2".to_owned()];
        let all = [
            (
                Trouble::NoDirectory("x".into()),
                "directory \"x\"",
                "--config",
                66,
            ),
            (Trouble::SeveralSystems(names), "SAP1, SAP2", "--system", 2),
            (Trouble::NoSides, "no SAP system", "[Requests]", 1),
            (
                Trouble::Answer(answer),
                "not understood: expected",
                "version",
                69,
            ),
            (
                Trouble::Runtime(system()),
                "no event queue",
                "descriptors",
                71,
            ),
            (Trouble::Terminal(system()), "terminal cannot", "--once", 71),
            (
                Trouble::Call(CallError::NoListener),
                "no admin listener",
                "[Admin]",
                78,
            ),
        ];
        for (trouble, text, hint, code) in all {
            assert!(trouble.to_string().contains(text), "{trouble}");
            assert!(trouble.hint().contains(hint), "{trouble}");
            assert_eq!(trouble.exit().code(), code, "{trouble}");
            assert!(!trouble.code().is_empty());
        }
    }
}
