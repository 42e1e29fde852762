//! Exit codes, documented once. They follow `sysexits.h`, so a service manager can tell a
//! configuration that will never work from a system that may work later.

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
    /// The command line is wrong.
    Usage,
    /// There is no configuration directory.
    NoInput,
    /// A listener cannot be opened.
    Unavailable,
    /// A defect of the program.
    Software,
    /// The operating system refused something.
    Os,
    /// Not permitted: a port below 1024 without the privilege, for example.
    NoPermission,
    /// The configuration cannot be used.
    Config,
}

impl Exit {
    /// The number.
    pub(super) const fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::CheckFailed | Self::Unclean => 1,
            Self::Usage => 2,
            Self::Warned => 3,
            Self::NoInput => 66,
            Self::Unavailable => 69,
            Self::Software => 70,
            Self::Os => 71,
            Self::NoPermission => 77,
            Self::Config => 78,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
