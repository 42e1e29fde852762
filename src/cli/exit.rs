//! Exit codes, documented once. They follow `sysexits.h`, so a service manager can tell a
//! configuration that will never work from a system that may work later.

use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    /// As asked.
    Ok,
    /// `check` found errors, or `certs` something that is refused or ends soon.
    CheckFailed,
    /// `demo` lost something, or something ran twice.
    Unclean,
    /// The command line is wrong.
    Usage,
    /// A file holds something else than what it has to.
    DataError,
    /// There is no configuration directory, or no such file.
    NoInput,
    /// A listener cannot be opened.
    Unavailable,
    /// A defect of the program.
    Software,
    /// The operating system refused something.
    Os,
    /// A file is there already, or cannot be made.
    CannotCreate,
    /// Not permitted: a port below 1024 without the privilege, for example.
    NoPermission,
    /// The configuration cannot be used.
    Config,
    /// Monitoring: something is critical.
    Critical,
    /// Monitoring: nothing is known.
    Unknown,
}

impl Exit {
    /// The number.
    pub(super) const fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::CheckFailed | Self::Unclean => 1,
            Self::Usage | Self::Critical => 2,
            Self::Unknown => 3,
            Self::DataError => 65,
            Self::NoInput => 66,
            Self::Unavailable => 69,
            Self::Software => 70,
            Self::Os => 71,
            Self::CannotCreate => 73,
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
