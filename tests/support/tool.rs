//! Programs of others, run by name.

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use tokio::time::Instant;

/// What a program has done.
#[derive(Debug)]
pub struct Done {
    pub success: bool,
    pub out: Vec<u8>,
    pub err: String,
}

impl Done {
    /// What it wrote, as text, if it was content.
    pub fn said(&self) -> String {
        let out = String::from_utf8_lossy(&self.out).into_owned();
        assert!(self.success, "{out}\n{}", self.err);
        out
    }
}

/// Longer than any of them takes; what takes longer is killed.
const LIMIT: Duration = Duration::from_secs(30);

/// Runs a program to its end. One that is not there fails the test: `.ci/run` installs them all.
pub async fn run<I, A>(program: &'static str, arguments: I, stdin: &[u8]) -> Done
where
    I: IntoIterator<Item = A>,
    A: AsRef<std::ffi::OsStr>,
{
    let spawned = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = spawned.unwrap_or_else(|error| {
        panic!(
            "{program} does not run ({error}): install the package \"{program}\", as .ci/run does"
        )
    });
    let (mut input, stdin) = (child.stdin.take().expect("piped"), stdin.to_vec());
    // A program that has heard enough closes early; then it shows in what it says.
    let feeder = thread::spawn(move || input.write_all(&stdin));
    let mut out = child.stdout.take().expect("piped");
    let mut err = child.stderr.take().expect("piped");
    let out = thread::spawn(move || {
        let mut bytes = Vec::new();
        out.read_to_end(&mut bytes).map(|_| bytes)
    });
    let err = thread::spawn(move || {
        let mut text = Vec::new();
        err.read_to_end(&mut text)
            .map(|_| String::from_utf8_lossy(&text).into_owned())
    });
    let deadline = Instant::now() + LIMIT;
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child") {
            break Some(status);
        }
        if Instant::now() > deadline {
            child.kill().expect("a child");
            child.wait().expect("a child");
            break None;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    let _closed_early = feeder.join().expect("no panic");
    let done = Done {
        success: status.is_some_and(|status| status.success()),
        out: out.join().expect("no panic").expect("output"),
        err: err.join().expect("no panic").expect("output"),
    };
    assert!(status.is_some(), "{program} did not end: {done:?}");
    done
}
