//! Programs of others, run by name.

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::path::Path;
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

/// What Debian calls the package of a program.
fn package_of(program: &str) -> &str {
    match program {
        "promtool" => "prometheus",
        same => same,
    }
}

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
        let package = package_of(program);
        panic!(
            "{program} does not run ({error}): install the package \"{package}\", as .ci/run does"
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

/// OpenSSL's own client with a certificate, which sends one request; its session goes to or comes
/// from a file with `-sess_out` or `-sess_in` among the arguments.
pub async fn s_client(at: SocketAddr, authority: &Path, certificate: &Path, more: &[&str]) -> Done {
    let path = |path: &Path| path.to_str().expect("UTF-8").to_owned();
    let mut arguments = vec!["s_client".to_owned(), "-connect".to_owned(), at.to_string()];
    arguments.extend(["-CAfile".to_owned(), path(authority), "-ign_eof".to_owned()]);
    arguments.extend([
        "-cert".to_owned(),
        path(certificate),
        "-key".to_owned(),
        path(certificate),
    ]);
    arguments.extend(more.iter().map(|&word| word.to_owned()));
    let request = "POST /ici HTTP/1.1\r\nHost: gw\r\nConnection: close\r\n\
                   Content-Type: text/xml\r\nContent-Length: 9\r\n\r\n<status/>";
    run("openssl", arguments, request.as_bytes()).await
}

/// What became of a connection of [`s_client`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Came {
    /// It was answered after a full handshake.
    New,
    /// It was answered, and its session was taken up.
    Resumed,
    /// It got no answer.
    Refused,
}

impl Came {
    /// Reads it off what the client printed.
    pub fn of(done: &Done) -> Self {
        let said = String::from_utf8_lossy(&done.out);
        match (
            said.contains("HTTP/1.1 200 OK"),
            said.contains("\nReused, TLS"),
        ) {
            (true, true) => Self::Resumed,
            (true, false) => Self::New,
            (false, _) => Self::Refused,
        }
    }
}
