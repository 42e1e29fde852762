//! The verbs on Windows, and the function that the service control manager calls.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use clap::Parser as _;

use super::{InstallArgs, ServiceCommand, exit_of_code, whole};
use crate::cli::args::{Args, Command, RunArgs};
use crate::cli::exit::Exit;
use crate::cli::output::{complain, say};
use crate::cli::run::run_for;
use crate::service::windows::installation::DRAIN_UNKNOWN;
use crate::service::windows::{self as service, Account, Installation, ServiceError};

type Done = Result<Exit, ServiceError>;

pub(super) fn install(args: &InstallArgs) -> Done {
    let Some(account) = account(args) else {
        return Ok(Exit::NoInput);
    };
    let program = std::env::current_exe();
    let program = program.map_err(|cause| ServiceError::System {
        doing: "finding the program",
        cause,
    })?;
    let config = whole(&args.dir.config).map_err(|cause| ServiceError::Folder {
        path: args.dir.config.clone(),
        cause,
    })?;
    let drain = drain_of(&config);
    let installation = Installation::new(program, config, account, drain);
    let done = service::install(&installation)?;
    for warning in &done.warnings {
        complain(format_args!("warning: {warning}"));
    }
    say(format_args!(
        "{}: it runs as {} with the files in {}",
        if done.was_there {
            "the service was there and is up to date"
        } else {
            "the service is installed"
        },
        installation.account.name,
        installation.config.display()
    ));
    Ok(Exit::Ok)
}

pub(super) fn uninstall() -> Done {
    say(if service::uninstall()? {
        "the service is removed; configuration, keys and logs are where they were"
    } else {
        "no service was installed"
    });
    Ok(Exit::Ok)
}

pub(super) fn start() -> Done {
    say(if service::start()? {
        "the service serves"
    } else {
        "the service runs already"
    });
    Ok(Exit::Ok)
}

pub(super) fn stop() -> Done {
    say(if service::stop()? {
        "the service has stopped"
    } else {
        "the service did not run"
    });
    Ok(Exit::Ok)
}

pub(super) fn reload() -> Done {
    service::reload()?;
    say("the service was told to reload; its log says what came of it, and so does crmgate status");
    Ok(Exit::Ok)
}

pub(super) fn status() -> Done {
    let standing = service::status()?;
    say(&standing);
    Ok(if standing.is_running {
        Exit::Ok
    } else {
        Exit::NotRunning
    })
}

/// The service control manager calls back; the options are read again there, since what it calls is
/// given nothing of ours.
pub(super) fn run(_args: RunArgs) -> Done {
    service::dispatch(called_by_windows)?;
    Ok(Exit::Ok)
}

windows_service::define_windows_service!(called_by_windows, live);

fn live(_words_of_whoever_starts_it: Vec<OsString>) {
    let Ok(Args {
        command: Command::Service(ServiceCommand::Run(args)),
    }) = Args::try_parse()
    else {
        return;
    };
    service::live(move |host| run_for(&args.dir.config, host).code());
}

/// Who it is to run as; nothing where the file with the password cannot be read, which is told.
fn account(args: &InstallArgs) -> Option<Account> {
    let Some(name) = &args.account else {
        return Some(Account::of_the_service());
    };
    let password = match &args.password_file {
        None => None,
        Some(file) => match std::fs::read_to_string(file) {
            Ok(text) => Some(text.lines().next().unwrap_or_default().into()),
            Err(cause) => {
                complain(format_args!(
                    "crmgate: the file \"{}\" with the password cannot be read: {cause}\n  hint: name \
                     a file whose first line is the password with --password-file",
                    file.display()
                ));
                return None;
            }
        },
    };
    Some(Account::named(name, password))
}

/// How the command ends for it.
pub(super) fn exit_of(error: &ServiceError) -> Exit {
    match error {
        ServiceError::NotInstalled
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
        ServiceError::Ended(code) => exit_of_code(*code),
    }
}

/// How long the configuration lets a stop take, if there is one yet.
fn drain_of(dir: &Path) -> Duration {
    let settings = crate::config::load(dir).settings;
    settings.map_or(DRAIN_UNKNOWN, |settings| settings.runtime.drain_timeout)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_administrator_may_do_and_where_there_is_nothing_are_told_apart() {
        let doing = "stopping the service";
        assert_eq!(exit_of(&ServiceError::NotAllowed { doing }).code(), 77);
        assert_eq!(exit_of(&ServiceError::NotInstalled).code(), 69);
    }
}
