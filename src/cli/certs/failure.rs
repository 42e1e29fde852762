//! [`Failure`]: why a command ends without having done what was asked for.

use std::fmt;
use std::path::Path;

use crate::certs::container::Unread;
use crate::cli::exit::Exit;

/// What went wrong, what to do, and the exit code.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) exit: Exit,
    what: String,
    hint: String,
}

impl Failure {
    pub(super) fn new(exit: Exit, what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            exit,
            what: what.into(),
            hint: hint.into(),
        }
    }

    /// The file is there already.
    pub(super) fn exists(path: &Path, hint: &str) -> Self {
        let what = format!("the file \"{}\" is there already", path.display());
        Self::new(Exit::CannotCreate, what, hint)
    }

    /// What was given is not what it has to be.
    pub(super) fn data(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(Exit::DataError, what, hint)
    }

    /// A file of certificates or keys could not be read.
    pub(super) fn unread(path: &Path, why: &Unread) -> Self {
        let file = path.display();
        match why {
            Unread::Unfit(problems) => {
                let first = problems.iter().next();
                let what = first.map_or_else(|| why.to_string(), |one| one.what.clone());
                let hint = first.map_or_else(String::new, |one| one.hint.clone());
                let exit = if path.exists() {
                    Exit::DataError
                } else {
                    Exit::NoInput
                };
                Self::new(exit, what, hint)
            }
            Unread::Locked | Unread::OtherPassphrase => Self::data(
                format!("the file \"{file}\" cannot be opened: {why}"),
                "put the passphrase into the first line of a file that you alone can read, and name \
                 it with --passphrase-file; or into CRMGATE_PASSPHRASE; or type it at a terminal",
            ),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n  hint: {}", self.what, self.hint)
    }
}
