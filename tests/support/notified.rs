//! A service manager as the daemon meets it: a socket for what it is told.

use std::ffi::OsString;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::support::until;

/// The socket, and all that came in.
pub struct Notified {
    name: OsString,
    heard: Arc<Mutex<Vec<(Instant, String)>>>,
    listening: JoinHandle<()>,
}

impl Notified {
    /// A socket that is a file.
    pub fn in_folder(folder: &Path) -> Self {
        let path = folder.join("notify.socket");
        let socket = UnixDatagram::bind(&path).expect("a socket");
        Self::of(socket, path.into())
    }

    /// One whose name is no file's.
    pub fn by_name(name: &str) -> Self {
        let addr = SocketAddr::from_abstract_name(name).expect("a name");
        let socket = UnixDatagram::bind_addr(&addr).expect("a socket");
        Self::of(socket, format!("@{name}").into())
    }

    fn of(socket: UnixDatagram, name: OsString) -> Self {
        socket.set_nonblocking(true).expect("an option");
        let socket = tokio::net::UnixDatagram::from_std(socket).expect("a socket");
        let heard: Arc<Mutex<Vec<_>>> = Arc::default();
        let to = Arc::clone(&heard);
        let listening = tokio::spawn(async move {
            let mut message = [0; 4096];
            loop {
                let length = socket.recv(&mut message).await.expect("a message");
                let text = String::from_utf8(message[..length].to_vec()).expect("UTF-8");
                let mut all = to.lock().expect("no panics in here");
                all.extend(text.lines().map(|line| (Instant::now(), line.to_owned())));
            }
        });
        Self {
            name,
            heard,
            listening,
        }
    }

    /// Has a program tell it how it stands.
    pub fn follows(&self, program: &mut Command) {
        program.env("NOTIFY_SOCKET", &self.name);
    }

    /// Everything so far, one assignment each.
    pub fn heard(&self) -> Vec<String> {
        let all = self.heard.lock().expect("no panics in here");
        all.iter().map(|(_, line)| line.clone()).collect()
    }

    /// The states among it, without what is said of them.
    pub fn states(&self) -> Vec<String> {
        let is_state = |line: &String| {
            ["READY=", "RELOADING=", "STOPPING="]
                .iter()
                .any(|state| line.starts_with(state))
        };
        self.heard().into_iter().filter(is_state).collect()
    }

    /// The last value that was given to a name.
    pub fn last(&self, name: &str) -> Option<String> {
        let heard = self.heard();
        let values = heard.iter().filter_map(|line| line.strip_prefix(name));
        values
            .filter_map(|rest| rest.strip_prefix('='))
            .map(str::to_owned)
            .next_back()
    }

    /// When such a line came in, each time.
    pub fn times(&self, line: &str) -> Vec<Instant> {
        let all = self.heard.lock().expect("no panics in here");
        let same = all.iter().filter(|(_, heard)| heard == line);
        same.map(|(at, _)| *at).collect()
    }

    /// Waits until these states, and no others, have been told.
    pub async fn until_states(&self, states: &[&str]) {
        until(format!("the states are {states:?}"), || {
            let told = self.states();
            assert!(told.len() <= states.len(), "{:?}", self.heard());
            told == states
        })
        .await;
    }
}

impl Drop for Notified {
    fn drop(&mut self) {
        self.listening.abort();
    }
}
