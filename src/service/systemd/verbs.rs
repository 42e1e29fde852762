//! The verbs of `crmgate service`, carried out by systemd.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::systemctl::{Standing, call, feed};
use super::unit::{ACCOUNT, FIRST_LINE, Unit};
use super::{SystemdError, UNIT};

/// Where an administrator's units lie.
const OWN_UNITS: &str = "/etc/systemd/system";

/// What came of an installation.
#[derive(Debug, PartialEq, Eq)]
pub enum Installed {
    /// A package had brought the unit, which starts with the machine now.
    Enabled(PathBuf),
    /// The unit was written.
    Written {
        /// Where.
        file: PathBuf,
        /// Whether one of ours was there before.
        was_there: bool,
    },
}

/// Has systemd start the service with the machine, by the unit of a package or by one that runs this
/// program with this configuration. One of ours that is there is brought up to date.
pub fn install(program: &Path, config: &Path) -> Result<Installed, SystemdError> {
    let doing = "installing the service";
    let file = Path::new(OWN_UNITS).join(UNIT);
    let there = match Standing::now() {
        Ok(standing) => standing.file(),
        Err(SystemdError::NotInstalled) => None,
        Err(error) => return Err(error),
    };
    if let Some(packaged) = there.filter(|there| *there != file) {
        call(doing, &["enable", UNIT])?;
        return Ok(Installed::Enabled(packaged));
    }
    let was_there = is_ours(&file)?;
    let unit = Unit::of(program, config)?;
    feed("making the account", "systemd-sysusers", &[], ACCOUNT)?;
    feed(
        "making the folders",
        "systemd-tmpfiles",
        &["--create"],
        &unit.folders,
    )?;
    fs::write(&file, unit.text).map_err(|cause| of_file(doing, "written", &file, cause))?;
    call(doing, &["daemon-reload"])?;
    call(doing, &["enable", UNIT])?;
    Ok(Installed::Written { file, was_there })
}

/// Stops the service and removes its unit. Says whether there was one.
pub fn uninstall() -> Result<bool, SystemdError> {
    let doing = "removing the service";
    let there = match Standing::now() {
        Ok(standing) => standing.file(),
        Err(SystemdError::NotInstalled) => None,
        Err(error) => return Err(error),
    };
    let Some(file) = there else { return Ok(false) };
    if !file.starts_with(OWN_UNITS) {
        return Err(SystemdError::Packaged(file));
    }
    is_ours(&file)?;
    call(doing, &["disable", "--now", UNIT])?;
    fs::remove_file(&file).map_err(|cause| of_file(doing, "removed", &file, cause))?;
    call(doing, &["daemon-reload"])?;
    Ok(true)
}

/// Starts the service and waits until it serves. Says whether it had to.
pub fn start() -> Result<bool, SystemdError> {
    if Standing::now()?.is_running() {
        return Ok(false);
    }
    let started = call("starting the service", &["start", UNIT]);
    let standing = Standing::now()?;
    match started {
        Ok(_) if standing.waits() => Err(SystemdError::Waiting),
        Ok(_) => Ok(true),
        Err(error @ SystemdError::System { .. }) => {
            Err(standing.exit_code().map_or(error, SystemdError::Ended))
        }
        Err(error) => Err(error),
    }
}

/// Stops the service and waits until what was in flight has finished. Says whether it ran.
pub fn stop() -> Result<bool, SystemdError> {
    let ran = Standing::now()?.is_running();
    // Also one that starts, or that waits to be started again.
    call("stopping the service", &["stop", UNIT])?;
    Ok(ran)
}

/// Has the service read its configuration and certificates again.
pub fn reload() -> Result<(), SystemdError> {
    running()?;
    call("reloading the service", &["reload", UNIT]).map(drop)
}

/// How the service stands.
pub fn status() -> Result<Standing, SystemdError> {
    Standing::now()
}

/// Has the program file take over from the process that runs, with no caller refused, and waits until it
/// has. Returns the numbers of both processes.
pub async fn upgrade() -> Result<(u32, u32), SystemdError> {
    let before = running()?;
    call(
        "upgrading the service",
        &["kill", "--kill-who=main", "--signal=SIGUSR2", UNIT],
    )?;
    let end = Instant::now() + LONGEST;
    let mut was_begun = false;
    let mut over_for = 0_u32;
    loop {
        let standing = Standing::now()?;
        match standing.process() {
            Some(process) if process != before && standing.is_running() => {
                return Ok((before, process));
            }
            None if !standing.is_running() => return Err(SystemdError::NotRunning),
            _ => {}
        }
        let goes_on = has_child(before);
        // For a moment nobody is there either when the new process has just been let go.
        let is_over = was_begun && !goes_on && standing.process() == Some(before);
        over_for = if is_over {
            over_for.saturating_add(1)
        } else {
            0
        };
        if over_for > LET_GO || Instant::now() >= end {
            return Err(SystemdError::NotUpgraded(before));
        }
        was_begun |= goes_on;
        sleep(PACE).await;
    }
}

/// Longer than the daemon waits for its successor.
const LONGEST: Duration = Duration::from_secs(100);

/// So many looks without a new process mean that it has failed.
const LET_GO: u32 = 10;

/// How often systemd is asked meanwhile.
const PACE: Duration = Duration::from_millis(100);

/// Whether a process has started another one that is still there; not known everywhere.
fn has_child(process: u32) -> bool {
    let children = fs::read_to_string(format!("/proc/{process}/task/{process}/children"));
    children.is_ok_and(|children| !children.trim().is_empty())
}

/// The process that runs.
fn running() -> Result<u32, SystemdError> {
    let standing = Standing::now()?;
    let process = standing.process().filter(|_| standing.is_running());
    process.ok_or(SystemdError::NotRunning)
}

/// Whether our unit is there; one of somebody else is an error.
fn is_ours(file: &Path) -> Result<bool, SystemdError> {
    match fs::read_to_string(file) {
        Ok(text) if text.starts_with(FIRST_LINE) => Ok(true),
        Ok(_) => Err(SystemdError::Foreign(file.to_owned())),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(cause) => Err(of_file("looking at the unit", "read", file, cause)),
    }
}

fn of_file(doing: &'static str, done: &'static str, path: &Path, cause: io::Error) -> SystemdError {
    if cause.kind() == io::ErrorKind::PermissionDenied {
        return SystemdError::NotAllowed { doing };
    }
    SystemdError::File {
        done,
        path: path.to_owned(),
        cause,
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_unit_of_ours_is_told_from_somebody_elses() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join(UNIT);
        assert!(!is_ours(&file).expect("nothing there"));
        fs::write(&file, format!("{FIRST_LINE}\n[Unit]\n")).expect("a file");
        assert!(is_ours(&file).expect("ours"));
        fs::write(&file, "[Unit]\nDescription=mine\n").expect("a file");
        let error = is_ours(&file).expect_err("not ours");
        assert!(matches!(error, SystemdError::Foreign(_)), "{error}");
    }

    #[test]
    fn a_process_that_has_started_another_is_known() {
        let mut shell = Command::new("sh")
            .args(["-c", "cat; exit"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("started");
        let mut input = shell.stdin.take().expect("piped");
        input.write_all(b"x").expect("written");
        let mut echo = [0];
        let output = shell.stdout.as_mut().expect("piped");
        output.read_exact(&mut echo).expect("the other one runs");
        assert!(has_child(shell.id()));
        drop(input);
        shell.wait().expect("gone");
        assert!(!has_child(shell.id()));
    }
}
