//! `crmgate service`: the service of the system, installed, removed and steered.
//!
//! | file | where |
//! |---|---|
//! | `windows` | by the service control manager |
//! | `elsewhere` | the system's own tools do it there, and are named |

#[cfg(not(windows))]
mod elsewhere;
#[cfg(windows)]
mod windows;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::args::{ConfigDir, RunArgs};
use super::exit::Exit;
use super::output::complain;
use crate::service::windows::ServiceError;
#[cfg(not(windows))]
use elsewhere as system;
#[cfg(windows)]
use windows as system;

/// What is to be done with the service.
#[derive(Debug, Subcommand)]
pub(super) enum ServiceCommand {
    /// Register the service, make its folders, and let no other user into them.
    Install(InstallArgs),
    /// Stop the service and remove it; configuration, keys and logs stay.
    Uninstall,
    /// Start the service, and wait until it serves.
    Start,
    /// Stop the service, and wait until what is in flight has finished.
    Stop,
    /// Have the service read its configuration and certificates again.
    Reload,
    /// Show how the service stands and how it is installed.
    Status,
    /// What the service control manager starts.
    #[command(hide = true)]
    Run(RunArgs),
}

/// Options of `service install`.
#[derive(Debug, Args)]
pub(super) struct InstallArgs {
    #[command(flatten)]
    pub(super) dir: ConfigDir,
    /// Run as this account, such as `DOMAIN\name`, `DOMAIN\name$` for a managed one, or `LocalService`;
    /// else as an account of the service's own that nobody can log on with.
    #[arg(long, value_name = "NAME")]
    pub(super) account: Option<String>,
    /// The first line of this file is the password of that account, if it has one.
    #[arg(long, value_name = "FILE", requires = "account")]
    pub(super) password_file: Option<PathBuf>,
}

/// Carries a verb out.
pub(super) fn service(command: ServiceCommand) -> Exit {
    let done = match command {
        ServiceCommand::Install(args) => system::install(&args),
        ServiceCommand::Uninstall => system::uninstall(),
        ServiceCommand::Start => system::start(),
        ServiceCommand::Stop => system::stop(),
        ServiceCommand::Reload => system::reload(),
        ServiceCommand::Status => system::status(),
        ServiceCommand::Run(args) => system::run(args),
    };
    done.unwrap_or_else(|error| {
        complain(format_args!("crmgate: {error}\n  hint: {}", error.hint()));
        exit_of(&error)
    })
}

/// How the command ends for it.
fn exit_of(error: &ServiceError) -> Exit {
    match error {
        ServiceError::NotHere
        | ServiceError::NotInstalled
        | ServiceError::NotRunning
        | ServiceError::Busy
        | ServiceError::Stuck
        | ServiceError::Disabled => Exit::Unavailable,
        ServiceError::NotAllowed { .. } | ServiceError::Logon => Exit::NoPermission,
        ServiceError::NoAccount(_) | ServiceError::NoManager => Exit::Usage,
        ServiceError::Folder { .. } => Exit::CannotCreate,
        ServiceError::GoingAway | ServiceError::Open { .. } | ServiceError::System { .. } => {
            Exit::Os
        }
        // What the service ended with says best why.
        ServiceError::Ended(code) => Exit::ALL
            .into_iter()
            .find(|exit| *exit != Exit::Ok && u32::from(exit.code()) == *code)
            .unwrap_or(Exit::Software),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_that_ended_is_told_by_the_exit_code_that_it_ended_with() {
        assert_eq!(exit_of(&ServiceError::Ended(78)), Exit::Config);
        assert_eq!(exit_of(&ServiceError::Ended(77)), Exit::NoPermission);
        assert_eq!(exit_of(&ServiceError::Ended(0)), Exit::Software);
    }

    #[test]
    fn what_an_administrator_may_do_and_where_there_is_nothing_are_told_apart() {
        let doing = "stopping the service";
        assert_eq!(exit_of(&ServiceError::NotAllowed { doing }).code(), 77);
        assert_eq!(exit_of(&ServiceError::NotInstalled).code(), 69);
        assert_eq!(exit_of(&ServiceError::NotHere).code(), 69);
    }
}
