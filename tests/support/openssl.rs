//! [`OpenSsl`]: OpenSSL's own client, which keeps its session in a file and offers it again.

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use crmgate::certs::issue::Issued;
use tempfile::TempDir;

use super::host::private;
use super::tool::run;
use super::visitor::{Memory, REQUEST, Version, Visit};

/// One client with its files.
#[derive(Debug)]
pub struct OpenSsl {
    folder: TempDir,
    version: Version,
    has_certificate: bool,
}

impl OpenSsl {
    /// A client that believes these authorities, with a certificate of its own or without.
    pub fn new(version: Version, own: Option<&Issued>, trusted: &str) -> Self {
        let folder = tempfile::tempdir().expect("a directory");
        private(&folder.path().join("trusted.pem"), trusted);
        if let Some(own) = own {
            private(&folder.path().join("own.pem"), &own.combined_pem());
        }
        Self {
            folder,
            version,
            has_certificate: own.is_some(),
        }
    }

    /// One connection with one request.
    pub async fn visit(&self, at: SocketAddr, name: Option<&str>, memory: Memory) -> Visit {
        let mut arguments = self.arguments(at, name);
        let session = self.session();
        if memory.offers() && session.exists() {
            arguments.extend(["-sess_in".to_owned(), text(&session)]);
        }
        if memory.keeps() {
            arguments.extend(["-sess_out".to_owned(), text(&session)]);
        }
        let done = run("openssl", &arguments, REQUEST.as_bytes()).await;
        let said = String::from_utf8_lossy(&done.out);
        let answered = said.contains("HTTP/1.1 200 ");
        let name = self.version.name();
        if answered && said.contains(&format!("\nReused, {name},")) {
            Visit::Resumed
        } else if answered && said.contains(&format!("\nNew, {name},")) {
            Visit::Full
        } else {
            Visit::Refused(reason(&said, &done.err))
        }
    }

    /// A connection that stays open, begun with a full handshake.
    pub fn stay(&self, at: SocketAddr) -> OpenLine {
        let mut child = Command::new("openssl")
            .args(self.arguments(at, None))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("openssl runs");
        let input = child.stdin.take().expect("piped");
        let mut output = child.stdout.take().expect("piped");
        let said: Arc<Mutex<Heard>> = Arc::default();
        let ear = Arc::clone(&said);
        // It ends with the child, which the line ends at the latest.
        let _listening = thread::spawn(move || {
            let mut part = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut part) {
                let text = String::from_utf8_lossy(&part[..count]);
                ear.lock().expect("whole").text.push_str(&text);
            }
            ear.lock().expect("whole").is_over = true;
        });
        OpenLine { child, input, said }
    }

    fn session(&self) -> PathBuf {
        self.folder.path().join("session")
    }

    fn arguments(&self, at: SocketAddr, name: Option<&str>) -> Vec<String> {
        let file = |name: &str| text(&self.folder.path().join(name));
        let mut arguments: Vec<String> = ["s_client", self.version.flag(), "-ign_eof"]
            .map(str::to_owned)
            .to_vec();
        arguments.extend(["-connect".to_owned(), at.to_string()]);
        arguments.extend(["-CAfile".to_owned(), file("trusted.pem")]);
        arguments.push("-verify_return_error".to_owned());
        match name {
            Some(name) => arguments.extend(["-servername".to_owned(), name.to_owned()]),
            None => arguments.push("-noservername".to_owned()),
        }
        if self.has_certificate {
            let own = file("own.pem");
            arguments.extend([
                "-cert".to_owned(),
                own.clone(),
                "-key".to_owned(),
                own.clone(),
            ]);
            // Of the file it sends the first certificate, and by this option the others too.
            arguments.extend(["-cert_chain".to_owned(), own]);
        }
        arguments
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// The line that says why, of all that was said.
fn reason(said: &str, complained: &str) -> String {
    let status = said.lines().find(|line| line.starts_with("HTTP/1."));
    let alert = complained.lines().find(|line| line.contains("error:"));
    status
        .or(alert)
        .unwrap_or("closed without a word")
        .to_owned()
}

#[derive(Debug, Default)]
struct Heard {
    text: String,
    is_over: bool,
}

/// A connection of OpenSSL's client that stays open until it is dropped or ended by the far end.
#[derive(Debug)]
pub struct OpenLine {
    child: Child,
    input: ChildStdin,
    said: Arc<Mutex<Heard>>,
}

impl OpenLine {
    /// Sends a request. Whether it left; a far end that is gone may show later.
    pub fn send(&mut self, request: &str) -> bool {
        let sent = self.input.write_all(request.as_bytes());
        sent.and_then(|()| self.input.flush()).is_ok()
    }

    /// How many good answers have come.
    pub fn answers(&self) -> usize {
        let said = self.said.lock().expect("whole");
        said.text.matches("HTTP/1.1 200 ").count()
    }

    /// Whether the far end has ended it.
    pub fn is_over(&self) -> bool {
        self.said.lock().expect("whole").is_over
    }
}

impl Drop for OpenLine {
    fn drop(&mut self) {
        // Ended already where the far end has closed.
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}
