//! The programs of others that a bench needs: found where they are, installed by name where they
//! are missing, and asked for their versions. Whatever bench puts crmgate beside others uses it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Has those programs installed that are not there, each from the package of its name. `otherwise`:
/// what can be done instead, for those who cannot install.
pub fn present(programs: &[&str], otherwise: &str) -> Result<(), String> {
    let is_missing = |program: &&&str| path_of(program).is_none();
    let missing: Vec<_> = programs.iter().filter(is_missing).copied().collect();
    if missing.is_empty() {
        return Ok(());
    }
    install(&missing, otherwise)
}

/// What a program says when it is asked in this way, on either of its outputs.
pub fn said(program: &str, option: &str) -> Result<String, String> {
    let path = path_of(program).ok_or_else(|| format!("{program} is not there"))?;
    let output = Command::new(path)
        .arg(option)
        .output()
        .map_err(|error| format!("{program} does not run: {error}"))?;
    let said = [output.stdout, output.stderr].concat();
    Ok(String::from_utf8_lossy(&said).into_owned())
}

/// The first number of a version in what a program says.
pub fn version_in(said: &str) -> String {
    let is_version =
        |word: &&str| word.contains('.') && word.contains(|c: char| c.is_ascii_digit());
    let number = said.split([' ', '/', '\n']).find(is_version);
    number.unwrap_or("?").to_owned()
}

/// Where a program lies. Servers lie where only root looks for programs.
pub fn path_of(program: &str) -> Option<PathBuf> {
    if Path::new(program).is_absolute() {
        return Some(PathBuf::from(program));
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders =
        std::env::split_paths(&path).chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
    folders
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
}

/// Installs packages by name, where the system is one that can.
fn install(packages: &[&str], otherwise: &str) -> Result<(), String> {
    let names = packages.join(" ");
    let advice = format!("install {names}, or {otherwise}");
    eprintln!("{names}: not there, so they are installed: apt-get install -y {names}");
    let Some(apt) = path_of("apt-get") else {
        return Err(format!("there is no apt-get here; {advice}"));
    };
    let mut commands = [
        vec!["update", "-q"],
        vec!["install", "-q", "-y", "--no-install-recommends"],
    ];
    commands[1].extend(packages);
    for arguments in commands {
        let mut command = as_root(&apt);
        command.args(&arguments).stdout(Stdio::null());
        let done = command.status().map_err(|error| error.to_string())?;
        if !done.success() {
            let what = arguments.join(" ");
            return Err(format!("apt-get {what} ends with {done}; {advice}"));
        }
    }
    Ok(())
}

/// A command that root has to give.
fn as_root(program: &Path) -> Command {
    let mut command = if is_root() {
        Command::new("env")
    } else {
        let mut command = Command::new("sudo");
        command.arg("env");
        command
    };
    command.arg("DEBIAN_FRONTEND=noninteractive").arg(program);
    command
}

/// Whether this process may do everything.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
