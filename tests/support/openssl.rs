//! [`OpenSsl`]: OpenSSL's own client, which keeps its session in a file and offers it again; and
//! [`OpenSslServer`].

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
use super::until;
use super::visitor::{Memory, Version, Visit, Way};

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
    pub async fn visit(
        &self,
        at: SocketAddr,
        name: Option<&str>,
        request: &str,
        memory: Memory,
    ) -> Visit {
        let arguments = self.arguments(at, name, Some(memory));
        let done = run("openssl", &arguments, request.as_bytes()).await;
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

    /// A connection that stays open.
    pub fn stay(&self, at: SocketAddr, memory: Option<Memory>) -> OpenLine {
        let mut child = Command::new("openssl")
            .args(self.arguments(at, None, memory))
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

    fn arguments(&self, at: SocketAddr, name: Option<&str>, memory: Option<Memory>) -> Vec<String> {
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
        let session = self.session();
        if memory.is_some_and(Memory::offers) && session.exists() {
            arguments.extend(["-sess_in".to_owned(), text(&session)]);
        }
        if memory.is_some_and(Memory::keeps) {
            arguments.extend(["-sess_out".to_owned(), text(&session)]);
        }
        arguments
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// The line that says why, of all that was said. What OpenSSL prints of a session may stand in front
/// of an answer on its line.
fn reason(said: &str, complained: &str) -> String {
    let status = said
        .find("HTTP/1.")
        .and_then(|at| said[at..].lines().next());
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

    /// Whether it began with a session, as the client says before the first answer.
    pub fn is_resumed(&self) -> bool {
        let said = self.said.lock().expect("whole");
        said.text.contains("\nReused, TLS")
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

/// OpenSSL's own server, which answers every `GET` with a page and closes.
#[derive(Debug)]
pub struct OpenSslServer {
    child: Child,
    _folder: TempDir,
}

impl OpenSslServer {
    /// A server that requires a certificate of this authority. It keeps its sessions in its cache,
    /// or in tickets.
    pub async fn start(at: SocketAddr, way: Way, own: &Issued, trusted: &str) -> Self {
        let folder = tempfile::tempdir().expect("a directory");
        let file = |name: &str| folder.path().join(name);
        private(&file("own.pem"), &own.combined_pem());
        private(&file("trusted.pem"), trusted);
        let said = file("said");
        let mut command = Command::new("openssl");
        command.current_dir(folder.path());
        command.args(["s_server", "-www", way.version.flag(), "-accept"]);
        command.arg(at.to_string());
        command.args(["-cert", "own.pem", "-key", "own.pem"]);
        command.args(["-CAfile", "trusted.pem", "-Verify", "2"]);
        command.arg("-verify_return_error");
        if !way.tickets {
            command.arg("-no_ticket");
        }
        let heard = std::fs::File::create(&said).expect("a file");
        command.stdin(Stdio::null()).stderr(Stdio::null());
        let server = Self {
            child: command.stdout(heard).spawn().expect("openssl runs"),
            _folder: folder,
        };
        server.listening(&said).await
    }

    /// A server of old settings: TLS 1.2 with these suites and no others, and no client certificates.
    pub async fn old(at: SocketAddr, own: &Issued, suites: &str) -> Self {
        let folder = tempfile::tempdir().expect("a directory");
        private(&folder.path().join("own.pem"), &own.combined_pem());
        let said = folder.path().join("said");
        let heard = std::fs::File::create(&said).expect("a file");
        let mut command = Command::new("openssl");
        command.current_dir(folder.path());
        command.args(["s_server", "-www", "-tls1_2", "-accept"]);
        command.arg(at.to_string());
        command.args(["-cert", "own.pem", "-key", "own.pem", "-cipher", suites]);
        command.stdin(Stdio::null()).stderr(Stdio::null());
        let server = Self {
            child: command.stdout(heard).spawn().expect("openssl runs"),
            _folder: folder,
        };
        server.listening(&said).await
    }

    async fn listening(self, said: &Path) -> Self {
        let listens = || std::fs::read_to_string(said).is_ok_and(|said| said.contains("ACCEPT"));
        until("OpenSSL listens", listens).await;
        self
    }
}

impl Drop for OpenSslServer {
    fn drop(&mut self) {
        // Ended already if it found its port taken.
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}
