//! `systemctl`, and [`Standing`]: what it says of the unit.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::{SystemdError, UNIT};

/// Whether this machine was started by systemd.
pub(super) fn is_here() -> bool {
    Path::new("/run/systemd/system").is_dir()
}

/// Has systemd do something; `doing` says what, for people.
pub(super) fn call(doing: &'static str, arguments: &[&str]) -> Result<String, SystemdError> {
    let mut command = Command::new("systemctl");
    command
        .args(["--no-pager", "--no-ask-password"])
        .args(arguments)
        .stdin(Stdio::null());
    finished(doing, command.env("LC_ALL", "C").output())
}

/// Has another program of systemd do what stands in a text.
pub(super) fn feed(
    doing: &'static str,
    program: &str,
    arguments: &[&str],
    text: &str,
) -> Result<(), SystemdError> {
    let mut command = Command::new(program);
    command.args(arguments).arg("-").env("LC_ALL", "C");
    let started = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let output = started.and_then(|mut child| {
        // Closed when it is written, or the program would wait for more.
        if let Some(mut input) = child.stdin.take() {
            input.write_all(text.as_bytes())?;
        }
        child.wait_with_output()
    });
    finished(doing, output).map(drop)
}

fn finished(doing: &'static str, output: io::Result<Output>) -> Result<String, SystemdError> {
    let output = output.map_err(|error| {
        if error.kind() == io::ErrorKind::NotFound {
            return SystemdError::NotHere;
        }
        SystemdError::System {
            doing,
            said: error.to_string(),
        }
    })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(match output.status.code() {
        Some(NO_PERMISSION) => SystemdError::NotAllowed { doing },
        Some(NOT_INSTALLED) => SystemdError::NotInstalled,
        _ if is_refused(&said) => SystemdError::NotAllowed { doing },
        _ => SystemdError::System { doing, said },
    })
}

/// Some versions end with another code where polkit refuses.
fn is_refused(said: &str) -> bool {
    [
        "Access denied",
        "authentication required",
        "Permission denied",
    ]
    .iter()
    .any(|text| said.contains(text))
}

/// Exit codes of `systemctl`, as the Linux Standard Base has them.
const NO_PERMISSION: i32 = 4;
const NOT_INSTALLED: i32 = 5;

/// How the service stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    properties: HashMap<String, String>,
}

/// What is asked of it.
const PROPERTIES: &str = "LoadState,ActiveState,SubState,MainPID,UnitFileState,FragmentPath,User,ExecStart,\
     StatusText,Result,ExecMainStatus,ConditionResult,NRestarts,ActiveEnterTimestamp";

impl Standing {
    /// Asks systemd; anybody may.
    pub(super) fn now() -> Result<Self, SystemdError> {
        if !is_here() {
            return Err(SystemdError::NotHere);
        }
        let properties = format!("--property={PROPERTIES}");
        let text = call("looking at the service", &["show", &properties, UNIT])?;
        let standing = Self::read(&text);
        match standing.get("LoadState") {
            "not-found" => Err(SystemdError::NotInstalled),
            "masked" => Err(SystemdError::Masked),
            _ => Ok(standing),
        }
    }

    fn read(text: &str) -> Self {
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        let owned = pairs.map(|(key, value)| (key.to_owned(), value.to_owned()));
        Self {
            properties: owned.collect(),
        }
    }

    fn get(&self, key: &str) -> &str {
        self.properties.get(key).map_or("", String::as_str)
    }

    /// Whether it serves.
    pub fn is_running(&self) -> bool {
        matches!(self.get("ActiveState"), "active" | "reloading")
    }

    /// Its process, if it runs.
    pub fn process(&self) -> Option<u32> {
        let process = self.get("MainPID").parse().ok();
        process.filter(|process| *process != 0)
    }

    /// Whether there was nothing to start it with.
    pub(super) fn waits(&self) -> bool {
        !self.is_running() && self.get("ConditionResult") == "no"
    }

    /// What it ended with, if it ended by itself and not well.
    pub(super) fn exit_code(&self) -> Option<u8> {
        let is_one = self.get("Result") == "exit-code";
        let code = self.get("ExecMainStatus").parse().ok();
        code.filter(|code| is_one && *code != 0)
    }

    /// The unit's file.
    pub(super) fn file(&self) -> Option<PathBuf> {
        let path = self.get("FragmentPath");
        (!path.is_empty()).then(|| PathBuf::from(path))
    }

    /// The command line, out of how systemd shows it.
    fn command_line(&self) -> &str {
        let shown = self.get("ExecStart");
        let after = shown.split_once("argv[]=").map(|(_, after)| after);
        let line = after.and_then(|after| after.split_once(" ; "));
        line.map_or(shown, |(line, _)| line)
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.get("ActiveState") {
            "active" => "running",
            "inactive" if self.waits() => "waiting for a configuration of a SAP system",
            "inactive" => "stopped",
            "failed" => "stopped after a failure",
            "activating" => "starting",
            "deactivating" => "stopping",
            "reloading" => "reloading",
            other => other,
        };
        write!(f, "crmgate is {state}")?;
        if let Some(process) = self.process() {
            write!(f, " (process {process})")?;
        }
        let since = self.get("ActiveEnterTimestamp");
        if self.is_running() && !since.is_empty() {
            write!(f, " since {since}")?;
        }
        if let Some(code) = self.exit_code() {
            write!(f, "\n  ended   : with exit code {code}")?;
        }
        if !self.get("StatusText").is_empty() {
            write!(f, "\n  says    : {}", self.get("StatusText"))?;
        }
        let starts = match self.get("UnitFileState") {
            "enabled" | "enabled-runtime" => "with the machine",
            _ => "when it is asked to",
        };
        write!(f, "\n  starts  : {starts}")?;
        let restarts = self.get("NRestarts");
        if !matches!(restarts, "" | "0") {
            write!(f, ", and was started again {restarts} times")?;
        }
        let account = self.get("User");
        let account = if account.is_empty() { "root" } else { account };
        write!(f, "\n  account : {account}")?;
        write!(f, "\n  program : {}", self.command_line())?;
        write!(f, "\n  unit    : {}", self.get("FragmentPath"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUNNING: &str = "\
LoadState=loaded
ActiveState=active
MainPID=712
UnitFileState=enabled
FragmentPath=/lib/systemd/system/crmgate.service
User=crmgate
ExecStart={ path=/usr/bin/crmgate ; argv[]=/usr/bin/crmgate run --config /etc/crmgate ; ignore_errors=no ; start_time=[n/a] }
StatusText=SAP1: A active; 1 connection
Result=success
ExecMainStatus=0
ConditionResult=yes
NRestarts=2
ActiveEnterTimestamp=Sun 2026-11-22 20:00:00 UTC
";

    #[test]
    fn a_service_that_runs_is_told_with_what_it_says_and_where_it_comes_from() {
        let standing = Standing::read(RUNNING);
        assert!(standing.is_running() && !standing.waits());
        assert_eq!(
            (standing.process(), standing.exit_code()),
            (Some(712), None)
        );
        assert_eq!(
            standing.to_string(),
            "crmgate is running (process 712) since Sun 2026-11-22 20:00:00 UTC\n  \
               says    : SAP1: A active; 1 connection\n  \
               starts  : with the machine, and was started again 2 times\n  \
               account : crmgate\n  \
               program : /usr/bin/crmgate run --config /etc/crmgate\n  \
               unit    : /lib/systemd/system/crmgate.service"
        );
    }

    #[test]
    fn a_service_that_ended_with_an_error_is_told_with_its_exit_code() {
        let text = "ActiveState=failed\nMainPID=0\nResult=exit-code\nExecMainStatus=78\n";
        let standing = Standing::read(text);
        assert!(!standing.is_running());
        assert_eq!((standing.process(), standing.exit_code()), (None, Some(78)));
        let said = standing.to_string();
        assert!(
            said.starts_with("crmgate is stopped after a failure\n  ended   : with exit code 78\n")
        );
        assert!(said.contains("account : root"), "{said}");
    }

    #[test]
    fn a_service_without_a_configuration_waits() {
        let standing = Standing::read("ActiveState=inactive\nConditionResult=no\n");
        assert!(standing.waits());
        assert!(
            standing
                .to_string()
                .starts_with("crmgate is waiting for a configuration")
        );
    }

    #[test]
    fn what_polkit_refuses_is_for_root() {
        for said in [
            "Failed to stop crmgate.service: Access denied",
            "Failed to start crmgate.service: Interactive authentication required.",
        ] {
            assert!(is_refused(said), "{said}");
        }
        assert!(!is_refused("Job for crmgate.service failed."));
    }

    #[test]
    fn a_program_that_is_not_there_means_no_systemd() {
        let found = feed("trying it", "no-such-program-of-systemd", &[], "");
        assert!(matches!(found, Err(SystemdError::NotHere)), "{found:?}");
    }

    #[test]
    fn what_a_program_says_where_it_fails_is_told() {
        let found = feed(
            "trying it",
            "sh",
            &["-c", "echo it is wrong >&2; exit 1"],
            "",
        );
        let error = found.expect_err("it fails");
        assert_eq!(error.to_string(), "trying it failed: it is wrong");
        let found = feed("trying it", "sh", &["-c", "exit 4"], "");
        assert!(
            matches!(found, Err(SystemdError::NotAllowed { .. })),
            "{found:?}"
        );
    }
}
