//! The daemon as a service of Windows.
//!
//! What is decided is pure and tried on every system; what calls Windows is thin and only there.
//!
//! | file | what it is for |
//! |---|---|
//! | `protocol` | what the service control manager asks, and what it is answered, step by step |
//! | `installation` | what `service install` asks for: command line, account, recovery, folders, access lists |
//! | `events` | the ids of the event log, and what is written under each |
//! | `access_list` | who an access list lets in besides those whom it should |
//! | `error` | why a verb was not carried out, and what to do |
//! | `live` | a process under the service control manager (Windows only) |
//! | `verbs` | install, uninstall, start, stop, reload, status (Windows only) |
//! | `event_log` | the event log and its registration (Windows only) |
//! | `icacls` | the system's own program for access lists (Windows only) |
//!
//! The command line comes in, and brings the daemon with it.

pub mod error;
pub mod events;
pub mod installation;
pub mod protocol;

#[cfg(windows)]
mod event_log;
#[cfg(windows)]
mod icacls;
#[cfg(windows)]
mod live;
#[cfg(windows)]
mod verbs;

pub use error::ServiceError;
pub use installation::{Account, Installation};
#[cfg(windows)]
pub use live::{dispatch, live};
#[cfg(windows)]
pub use verbs::{Installed, Standing, install, reload, start, status, stop, uninstall};

/// What the service is called, and its source in the event log.
pub const NAME: &str = "crmgate";
