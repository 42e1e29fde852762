//! `crmgate service`: the service of the system, installed, removed and steered.
//!
//! | file | where |
//! |---|---|
//! | `windows` | by the service control manager |
//! | `linux` | by systemd |

#[cfg(not(windows))]
mod linux;
#[cfg(windows)]
mod windows;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::args::ConfigDir;
#[cfg(windows)]
use super::args::RunArgs;
use super::exit::Exit;
use super::output::complain;
#[cfg(not(windows))]
use linux as system;
#[cfg(windows)]
use windows as system;

/// What is to be done with the service.
#[derive(Debug, Subcommand)]
pub(super) enum ServiceCommand {
    /// Have the system start the service with the machine, make its folders, and let no other user into them.
    Install(InstallArgs),
    /// Stop the service and remove it; configuration, keys and logs stay.
    Uninstall,
    /// Start the service, and wait until it serves.
    Start,
    /// Stop the service, and wait until what is in flight has finished.
    Stop,
    /// Have the service read its configuration and certificates again.
    Reload,
    /// Have the program file take over from the process that runs, with no caller refused.
    #[cfg(not(windows))]
    Upgrade,
    /// Show how the service stands and how it is installed.
    Status,
    /// What the service control manager starts.
    #[cfg(windows)]
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
    #[cfg(windows)]
    #[arg(long, value_name = "NAME")]
    pub(super) account: Option<String>,
    /// The first line of this file is the password of that account, if it has one.
    #[cfg(windows)]
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
        #[cfg(not(windows))]
        ServiceCommand::Upgrade => system::upgrade(),
        ServiceCommand::Status => system::status(),
        #[cfg(windows)]
        ServiceCommand::Run(args) => system::run(args),
    };
    done.unwrap_or_else(|error| {
        complain(format_args!("crmgate: {error}\n  hint: {}", error.hint()));
        system::exit_of(&error)
    })
}

/// A service that ended: what it ended with says best why.
fn exit_of_code(code: u32) -> Exit {
    let found = i32::try_from(code).ok().and_then(Exit::of_code);
    found
        .filter(|exit| *exit != Exit::Ok)
        .unwrap_or(Exit::Software)
}

/// The whole path: a service begins in a folder of the system.
fn whole(dir: &Path) -> std::io::Result<PathBuf> {
    std::path::absolute(dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_that_ended_is_told_by_the_exit_code_that_it_ended_with() {
        assert_eq!(exit_of_code(78), Exit::Config);
        assert_eq!(exit_of_code(77), Exit::NoPermission);
        assert_eq!(exit_of_code(0), Exit::Software);
    }
}
