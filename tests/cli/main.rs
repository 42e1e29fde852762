//! What an operator types and reads: the real program, its words and its exit codes.
//!
//! `<name>.txt` holds a command line, what it prints and how it ends. The directory is written as
//! `DIR`, the version as `VERSION`. `CRMGATE_BLESS=1 cargo test --test cli` writes what came out;
//! read the difference before committing it.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::disallowed_methods,
    reason = "a test says no with a panic"
)]

#[path = "../support/mod.rs"]
mod support;

#[cfg(unix)]
mod certs;
mod exit_codes;
// Paths and the system's own words differ elsewhere.
#[cfg(unix)]
mod golden;
// Signals, accounts and terminals are told apart there.
#[cfg(unix)]
mod ops;

#[cfg(unix)]
use std::fmt::Write as _;
#[cfg(unix)]
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crmgate::model::{Endpoint, HostPort, Scheme};
use crmgate::simulate::Deployment;

use support::World;

/// The program, with nothing of the surroundings in its environment.
fn crmgate() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_crmgate"));
    command.env_remove("CRMGATE_CONFIG").stdin(Stdio::null());
    command
}

/// Requests on a fixed port to a side on another. Nobody listens on either.
fn requests(world: &World) -> Deployment {
    let side = Endpoint {
        scheme: Scheme::Http,
        target: HostPort::from_addr(([127, 0, 0, 1], 8080).into()),
    };
    let listen = ([127, 0, 0, 1], 8443).into();
    world.deployment().requests(listen, &side, None)
}

/// A command line, what it printed and how it ended, as it stands in a golden file.
#[cfg(unix)]
fn session(dir: &Path, line: &[&str]) -> String {
    let output = crmgate()
        .args(
            line.iter()
                .map(|word| word.replace("DIR", &dir.display().to_string())),
        )
        .output()
        .expect("the binary");
    let mut text = format!("$ crmgate {}\n", line.join(" "));
    for (name, bytes) in [("", output.stdout), ("standard error:\n", output.stderr)] {
        let said = String::from_utf8(bytes).expect("text");
        if !said.is_empty() {
            let said = said.replace(&dir.display().to_string(), "DIR");
            let _infallible = write!(text, "{name}{said}");
        }
    }
    let code = output.status.code().expect("no signal ended it");
    let _infallible = writeln!(text, "exit code: {code}");
    text.replace(env!("CARGO_PKG_VERSION"), "VERSION")
}

/// Compares a session with its golden file.
#[cfg(unix)]
fn shows(name: &str, dir: &Path, line: &[&str]) {
    let actual = session(dir, line);
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/cli/{name}.txt"));
    if std::env::var_os("CRMGATE_BLESS").is_some() {
        std::fs::write(&path, &actual).expect("written");
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        expected == actual,
        "{name}.txt is out of step; bless it if this is meant:\n{actual}"
    );
}
