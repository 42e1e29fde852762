//! The verbs under systemd.

use super::{InstallArgs, exit_of_code, whole};
use crate::cli::exit::Exit;
use crate::cli::output::say;
use crate::service::systemd::{self, Installed, SystemdError};

type Done = Result<Exit, SystemdError>;

pub(super) fn install(args: &InstallArgs) -> Done {
    let doing = "installing the service";
    let unknown = |cause: std::io::Error| SystemdError::System {
        doing,
        said: cause.to_string(),
    };
    let program = std::env::current_exe().map_err(unknown)?;
    let config = whole(&args.dir.config).map_err(unknown)?;
    match systemd::install(&program, &config)? {
        Installed::Enabled(unit) => say(format_args!(
            "the service starts with the machine, by the unit {} of its package",
            unit.display()
        )),
        Installed::Written { file, was_there } => say(format_args!(
            "{}: {} runs {} with the files in {}\nstart it: crmgate service start",
            if was_there {
                "the service was there and is up to date"
            } else {
                "the service is installed"
            },
            file.display(),
            program.display(),
            config.display()
        )),
    }
    Ok(Exit::Ok)
}

pub(super) fn uninstall() -> Done {
    say(if systemd::uninstall()? {
        "the service is removed; configuration, keys, state and logs are where they were"
    } else {
        "no service was installed"
    });
    Ok(Exit::Ok)
}

pub(super) fn start() -> Done {
    say(if systemd::start()? {
        "the service serves"
    } else {
        "the service runs already"
    });
    Ok(Exit::Ok)
}

pub(super) fn stop() -> Done {
    say(if systemd::stop()? {
        "the service has stopped"
    } else {
        "the service did not run"
    });
    Ok(Exit::Ok)
}

pub(super) fn reload() -> Done {
    systemd::reload()?;
    say(
        "the service was told to reload; crmgate service status says what came of it, and crmgate \
         reload waits for it",
    );
    Ok(Exit::Ok)
}

pub(super) fn upgrade() -> Done {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|cause| SystemdError::System {
        doing: "upgrading the service",
        said: cause.to_string(),
    })?;
    let (before, now) = runtime.block_on(systemd::upgrade())?;
    say(format_args!(
        "process {now} serves; process {before} finishes what it has"
    ));
    Ok(Exit::Ok)
}

pub(super) fn status() -> Done {
    let standing = systemd::status()?;
    say(&standing);
    Ok(if standing.is_running() {
        Exit::Ok
    } else {
        Exit::NotRunning
    })
}

/// How the command ends for it.
pub(super) fn exit_of(error: &SystemdError) -> Exit {
    match error {
        SystemdError::NotHere | SystemdError::NotInstalled | SystemdError::NotRunning => {
            Exit::Unavailable
        }
        SystemdError::NotAllowed { .. } => Exit::NoPermission,
        SystemdError::Waiting => Exit::NoInput,
        SystemdError::Ended(code) => exit_of_code(u32::from(*code)),
        SystemdError::Masked
        | SystemdError::Packaged(_)
        | SystemdError::Foreign(_)
        | SystemdError::NotUpgraded(_) => Exit::Refused,
        SystemdError::OutOfSight { .. } => Exit::Usage,
        SystemdError::File { .. } => Exit::CannotCreate,
        SystemdError::System { .. } => Exit::Os,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_root_may_do_and_where_there_is_nothing_are_told_apart() {
        let doing = "stopping the service";
        assert_eq!(exit_of(&SystemdError::NotAllowed { doing }).code(), 77);
        assert_eq!(exit_of(&SystemdError::NotInstalled).code(), 69);
        assert_eq!(exit_of(&SystemdError::Waiting).code(), 66);
        assert_eq!(exit_of(&SystemdError::Ended(78)), Exit::Config);
    }
}
