//! The daemon as a service of systemd: the verbs of `crmgate service`.
//!
//! A package brings the unit along; where there is none, `install` writes it. Everything else is asked of
//! `systemctl`, which knows what it may do for whom.
//!
//! | file | what it is for |
//! |---|---|
//! | `unit` | the unit for a program and a configuration that lie elsewhere than a package puts them |
//! | `systemctl` | the system's own program, and what it says of a unit |
//! | `verbs` | install, uninstall, start, stop, reload, upgrade, status |
//! | `error` | why a verb was not carried out, and what to do |

mod error;
mod systemctl;
mod unit;
mod verbs;

pub use error::SystemdError;
pub use systemctl::Standing;
pub use verbs::{Installed, install, reload, start, status, stop, uninstall, upgrade};

/// What the service is called.
const NAME: &str = "crmgate";

/// What systemd calls it.
const UNIT: &str = "crmgate.service";
