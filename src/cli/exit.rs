//! Exit codes, documented once: the help and the man pages are made from what stands here. They
//! follow `sysexits.h`, so a service manager can tell a configuration that will never work from a
//! system that may work later.

use std::fmt::Write as _;
use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    /// As asked.
    Ok,
    /// `check` found errors.
    CheckFailed,
    /// `demo` lost something, or something ran twice.
    Unclean,
    /// `preflight --strict` found warnings and nothing worse.
    Warned,
    /// `status --exit-code` of a gateway that callers should not be sent to.
    NotReady,
    /// `service status` of a service that does not run.
    NotRunning,
    /// The gateway refused an order, or nobody wanted it after all.
    Refused,
    /// `certs` found something that somebody refuses, or that has ended or ends soon.
    Due,
    /// The command line is wrong.
    Usage,
    /// `certs watch --nagios`: something ends in a moment, or has ended.
    Critical,
    /// `certs watch --nagios`: the configuration cannot be used.
    Unknown,
    /// A file holds something else than what it has to.
    DataError,
    /// There is no configuration directory, or a file of the command line is of no use.
    NoInput,
    /// A listener cannot be opened, no gateway answers, or no service is installed or runs.
    Unavailable,
    /// A defect of the program.
    Software,
    /// The operating system refused something.
    Os,
    /// A file is there already, or cannot be made.
    CannotCreate,
    /// Not permitted: a port below 1024 without the privilege, a token that cannot be read, the service
    /// without an administrator's rights.
    NoPermission,
    /// The configuration cannot be used.
    Config,
}

impl Exit {
    /// All of them, by their numbers.
    pub(super) const ALL: [Self; 19] = [
        Self::Ok,
        Self::CheckFailed,
        Self::Unclean,
        Self::NotReady,
        Self::NotRunning,
        Self::Refused,
        Self::Due,
        Self::Usage,
        Self::Critical,
        Self::Warned,
        Self::Unknown,
        Self::DataError,
        Self::NoInput,
        Self::Unavailable,
        Self::Software,
        Self::Os,
        Self::CannotCreate,
        Self::NoPermission,
        Self::Config,
    ];

    /// The first one with a number.
    pub(super) fn of_code(code: i32) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|exit| i32::from(exit.code()) == code)
    }

    /// The number.
    pub(super) const fn code(self) -> u8 {
        self.row().0
    }

    /// What it means, for help and man pages.
    pub(super) const fn meaning(self) -> &'static str {
        self.row().1
    }

    /// The table.
    const fn row(self) -> (u8, &'static str) {
        match self {
            Self::Ok => (0, "done"),
            Self::CheckFailed => (
                1,
                "check or preflight found errors, or check somebody who would be refused",
            ),
            Self::Unclean => (1, "demo lost something"),
            Self::NotReady => (1, "status --exit-code: not ready"),
            Self::NotRunning => (1, "service status: it does not run"),
            Self::Refused => (1, "an order was not carried out"),
            Self::Due => (
                1,
                "certs found something that is refused, has ended or ends soon",
            ),
            Self::Usage => (2, "wrong usage"),
            Self::Critical => (2, "certs watch --nagios: CRITICAL"),
            Self::Unknown => (3, "certs watch --nagios: UNKNOWN"),
            Self::DataError => (65, "a file holds something else than what it has to"),
            Self::Warned => (3, "preflight --strict found warnings only"),
            Self::NoInput => (66, "no configuration, or no usable file"),
            Self::Unavailable => (
                69,
                "a listener cannot be opened, no gateway answers, or there is no such service",
            ),
            Self::Software => (70, "a defect"),
            Self::Os => (71, "the system refused"),
            Self::CannotCreate => (73, "a file is there already, or cannot be made"),
            Self::NoPermission => (
                77,
                "not permitted: a port, the token, a role, or the service",
            ),
            Self::Config => (78, "the configuration cannot be used"),
        }
    }

    /// Numbers and meanings, one number a row, as the help and the man pages show them.
    pub(super) fn rows() -> Vec<(u8, String)> {
        let mut rows: Vec<(u8, String)> = Vec::new();
        for exit in Self::ALL {
            match rows.last_mut() {
                Some((code, meaning)) if *code == exit.code() => {
                    meaning.push_str("; ");
                    meaning.push_str(exit.meaning());
                }
                _ => rows.push((exit.code(), exit.meaning().to_owned())),
            }
        }
        rows
    }

    /// The table as the help shows it.
    pub(super) fn help() -> String {
        let mut text = "Exit codes:".to_owned();
        for (code, meaning) in Self::rows() {
            // Below each other what one number may mean.
            let meaning = meaning.replace("; ", ";\n      ");
            let _infallible = write!(text, "\n  {code:>2}  {meaning}");
        }
        text
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_one_row_and_every_meaning_is_in_it() {
        let rows = Exit::rows();
        let numbers: Vec<u8> = rows.iter().map(|(code, _)| *code).collect();
        let mut sorted = numbers.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(numbers, sorted);
        for exit in Exit::ALL {
            let (_, meaning) = rows
                .iter()
                .find(|(code, _)| *code == exit.code())
                .expect("a row");
            assert!(meaning.contains(exit.meaning()), "{exit:?}");
        }
    }
}
