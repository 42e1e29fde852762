//! The files for Linux as they are shipped: systemd and `AppArmor` have nothing to say against them, and
//! they say the same as the program.

use std::fs;
use std::process::Command;

use tempfile::TempDir;

use crate::assert_none;
use crate::source::read;

const SERVICE: &str = "service/linux/crmgate.service";
const SOCKET: &str = "service/linux/crmgate.socket";

/// The worst that `systemd-analyze security` may say, in tenths: the exposure that any machine has
/// which may be called, with one capability for ports below 1024.
const MOST_EXPOSED: &str = "15";

/// The units in a folder, with the program where it was built instead of where it is installed.
fn units() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for path in [SERVICE, SOCKET] {
        let name = path.rsplit('/').next().expect("a name");
        let here = env!("CARGO_BIN_EXE_crmgate");
        let text = read(path).replace("ExecStart=/usr/bin/crmgate ", &format!("ExecStart={here} "));
        fs::write(folder.path().join(name), text).expect("a file");
    }
    folder
}

/// Runs a program of the system, and returns whether it was content and all that it said.
fn judged(program: &str, arguments: &[&str], folder: &TempDir) -> (bool, String) {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder.path());
    let done = command.output();
    let done = done.unwrap_or_else(|error| {
        panic!("{program} does not run ({error}): install it, as .ci/run does")
    });
    let said = [done.stdout, done.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    (done.status.success(), said)
}

/// Values of a key of a unit, one a line.
fn values(path: &str, key: &str) -> Vec<String> {
    let text = read(path);
    let lines = text.lines().filter_map(|line| line.strip_prefix(key));
    let values = lines.filter_map(|rest| rest.strip_prefix('='));
    values.map(str::to_owned).collect()
}

#[test]
fn systemd_understands_every_line_of_the_units() {
    let folder = units();
    let arguments = [
        "verify",
        "--man=no",
        "./crmgate.service",
        "./crmgate.socket",
    ];
    // It is content with keys that it does not know, and only warns of them.
    let (is_content, said) = judged("systemd-analyze", &arguments, &folder);
    assert!(is_content && said.is_empty(), "{said}");
}

#[test]
fn the_service_can_do_little_harm_to_its_machine() {
    let folder = units();
    let threshold = format!("--threshold={MOST_EXPOSED}");
    let arguments = [
        "security",
        "--offline=true",
        "--no-pager",
        &threshold,
        "./crmgate.service",
    ];
    let (is_content, said) = judged("systemd-analyze", &arguments, &folder);
    assert!(
        is_content && said.contains("Overall exposure level"),
        "{said}"
    );
}

#[test]
fn the_profile_for_apparmor_is_understood() {
    let folder = tempfile::tempdir().expect("a folder");
    let profile = folder.path().join("profile");
    fs::write(&profile, read("service/linux/apparmor.profile")).expect("a file");
    let arguments = ["--skip-kernel-load", "--skip-cache", "profile"];
    let (is_content, said) = judged("apparmor_parser", &arguments, &folder);
    assert!(is_content, "{said}");
}

#[test]
fn what_no_other_start_can_help_is_what_the_program_says_it_is() {
    let help = Command::new(env!("CARGO_BIN_EXE_crmgate"))
        .arg("--help")
        .output();
    let help = String::from_utf8(help.expect("it runs").stdout).expect("UTF-8");
    let codes = help.split("Exit codes:").nth(1).expect("the table");
    let documented: Vec<&str> = codes
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    let prevented = values(SERVICE, "RestartPreventExitStatus");
    let prevented: Vec<&str> = prevented.iter().flat_map(|line| line.split(' ')).collect();
    assert!(!prevented.is_empty());
    let unknown = prevented.iter().filter(|code| !documented.contains(code));
    let unknown: Vec<String> = unknown.map(ToString::to_string).collect();
    assert_none(&unknown, "give an exit code of src/cli/exit.rs");
}

#[test]
fn the_account_and_the_folders_of_the_unit_are_those_that_are_made() {
    let user = values(SERVICE, "User");
    let made = read("service/linux/sysusers.conf");
    assert!(made.contains(&format!("\nu {} ", user.join(" "))), "{made}");
    let credentials = values(SERVICE, "LoadCredential").join("");
    let folder = credentials.split(':').nth(1).expect("a folder");
    let made = read("service/linux/tmpfiles.conf");
    let line = made
        .lines()
        .find(|line| line.contains(&format!(" {folder} ")));
    let line = line.expect("the folder is made, or the unit does not start");
    assert!(line.contains(" 0700 root root"), "{line}");
}
