//! Servers: who takes part ([`Contestant`]), and one of them at work ([`Server`]).
//!
//! Each listens on free loopback ports, with files in a folder of its own, and ends with its value.
//! Services that a package brings are never touched.

mod envoy;
mod haproxy;
mod nginx;
mod ours;
pub mod process;

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crmgate::simulate::Ini;
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::Instant;

use crate::backend::Addresses;
use crate::machine::Cores;
use crate::programs::path_of;
use crate::support::group::Group;
use crate::support::pause;

/// What a server is, and how its files are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Make {
    /// crmgate, as this program.
    Ours {
        program: PathBuf,
        access_log: bool,
    },
    Nginx,
    HaProxy,
    Envoy {
        program: PathBuf,
    },
    /// No server: hands bytes on.
    Relay,
    /// Whatever this command starts.
    Command {
        template: String,
    },
}

/// One that takes part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contestant {
    pub name: String,
    /// Its own version, and that of its TLS library where it tells.
    pub version: String,
    pub make: Make,
    /// A folder with other libraries than the system's.
    pub libraries: Option<PathBuf>,
}

/// A listener of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// Requests over TLS with client certificates, RSA-2048 on both sides.
    Rsa,
    /// The same with P-256.
    P256,
    /// Requests without TLS.
    Plain,
    /// Events: without TLS here, with TLS and a certificate to SAP CRM, over kept connections.
    Events,
    /// The same, with a new connection to SAP CRM for each.
    EventsAnew,
}

impl Door {
    pub const ALL: [Self; 5] = [
        Self::Rsa,
        Self::P256,
        Self::Plain,
        Self::Events,
        Self::EventsAnew,
    ];

    /// How far behind the first of the ports.
    const fn offset(self) -> u16 {
        match self {
            Self::Rsa => 0,
            Self::P256 => 1,
            Self::Plain => 2,
            Self::Events => 3,
            Self::EventsAnew => 4,
        }
    }
}

impl Contestant {
    /// Whether it has such a listener.
    pub fn has(&self, door: Door) -> bool {
        match self.make {
            Make::Ours { .. } | Make::Nginx | Make::HaProxy => true,
            Make::Envoy { .. } | Make::Command { .. } => {
                matches!(door, Door::Rsa | Door::P256 | Door::Plain)
            }
            Make::Relay => door == Door::Plain,
        }
    }

    pub const fn is_ours(&self) -> bool {
        matches!(self.make, Make::Ours { .. })
    }
}

/// What a server is set up with.
#[derive(Debug, Clone)]
pub struct Setup<'a> {
    /// Certificates and keys.
    pub certs: &'a Path,
    /// The server's own folder.
    pub dir: PathBuf,
    pub backend: Addresses,
    /// The first of its ports.
    base: u16,
    pub threads: usize,
}

impl<'a> Setup<'a> {
    /// A folder below `root`, and free ports.
    pub fn new(
        root: &Path,
        certs: &'a Path,
        backend: Addresses,
        threads: usize,
    ) -> std::io::Result<Self> {
        let base = free_ports()?;
        let dir = root.join(format!("server-{base}"));
        std::fs::create_dir_all(&dir)?;
        Ok(Self {
            certs,
            dir,
            backend,
            base,
            threads,
        })
    }

    pub fn door(&self, door: Door) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.base + door.offset()))
    }

    fn cert(&self, name: &str) -> String {
        self.certs.join(name).display().to_string()
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.dir.join(name);
        std::fs::write(&path, text).expect("a file");
        path.display().to_string()
    }
}

/// Five ports in a row, below those that the system hands out to callers. Each search goes on where
/// the last one has ended.
fn free_ports() -> std::io::Result<u16> {
    use std::sync::atomic::{AtomicU16, Ordering};
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id() % 900).expect("small") * 10;
    for _ in 0..900 {
        let base = 20_000 + (start + NEXT.fetch_add(10, Ordering::Relaxed)) % 9_000;
        let is_free = |offset| TcpListener::bind((Ipv4Addr::LOCALHOST, base + offset)).is_ok();
        if (0..5).all(is_free) {
            return Ok(base);
        }
    }
    Err(std::io::ErrorKind::AddrInUse.into())
}

/// A server at work.
#[derive(Debug)]
pub struct Server {
    pub contestant: Contestant,
    base: u16,
    log: PathBuf,
    group: Group,
}

/// What a server writes to its terminal.
const LOG: &str = "server.log";

/// Longer than any of them takes to start or to reload.
const PATIENCE: Duration = Duration::from_secs(20);

impl Server {
    /// Starts it on these cores, and waits until it listens.
    pub async fn start(
        contestant: &Contestant,
        setup: &Setup<'_>,
        cores: &Cores,
    ) -> Result<Self, String> {
        let mut words = cores.prefix();
        if let Some(libraries) = &contestant.libraries {
            words.push("env".to_owned());
            words.push(format!("LD_LIBRARY_PATH={}", libraries.display()));
        }
        words.extend(contestant.command(setup));
        let program = path_of(&words[0]).ok_or_else(|| format!("{} is not there", words[0]))?;
        let log = setup.dir.join(LOG);
        let server = Self {
            contestant: contestant.clone(),
            base: setup.base,
            group: Group::start(&program, &words[1..], &log),
            log,
        };
        let doors = Door::ALL.into_iter().filter(|door| contestant.has(*door));
        for door in doors {
            let at = server.door(door);
            let listens = || TcpStream::connect(at).is_ok();
            server
                .until(&format!("it listens on {at}"), listens)
                .await?;
        }
        Ok(server)
    }

    pub fn door(&self, door: Door) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.base + door.offset()))
    }

    /// Its processes.
    pub fn pids(&self) -> Vec<u32> {
        process::tree(self.group.pid())
    }

    /// Has crmgate read its files again, and waits until it has.
    pub async fn reload(&self) -> Result<(), String> {
        let count = || self.said().matches("reloaded").count();
        let before = count();
        let pid = i32::try_from(self.group.pid()).ok().and_then(Pid::from_raw);
        let sent = kill_process(pid.ok_or("no process")?, Signal::HUP);
        sent.map_err(|error| error.to_string())?;
        self.until("it has reloaded", || count() > before).await
    }

    fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    async fn until(&self, what: &str, condition: impl Fn() -> bool) -> Result<(), String> {
        let deadline = Instant::now() + PATIENCE;
        while !condition() {
            if Instant::now() > deadline || process::has_ended(self.group.pid()) {
                let name = &self.contestant.name;
                return Err(format!(
                    "{name}: waited in vain until {what}:\n{}",
                    self.said()
                ));
            }
            pause(Duration::from_millis(5)).await;
        }
        Ok(())
    }
}

impl Contestant {
    /// Writes its files and says how it is started.
    fn command(&self, setup: &Setup<'_>) -> Vec<String> {
        match &self.make {
            Make::Ours {
                program,
                access_log,
            } => ours::command(program, *access_log, setup),
            Make::Nginx => nginx::command(setup),
            Make::HaProxy => haproxy::command(setup),
            Make::Envoy { program } => envoy::command(program, setup),
            Make::Relay => {
                let own = std::env::current_exe().expect("this program");
                let (at, to) = (setup.door(Door::Plain), setup.backend.a);
                [
                    own.display().to_string(),
                    "--role".to_owned(),
                    "relay".to_owned(),
                ]
                .into_iter()
                .chain([at, to].map(|address| address.to_string()))
                .collect()
            }
            Make::Command { template } => {
                let filled = template
                    .replace("{base}", &setup.base.to_string())
                    .replace("{backend}", &setup.backend.a.port().to_string())
                    .replace("{certs}", &setup.certs.display().to_string())
                    .replace("{threads}", &setup.threads.to_string());
                // A shell parts the words; `exec` has the command be the process that is measured.
                ["sh".to_owned(), "-c".to_owned(), format!("exec {filled}")].to_vec()
            }
        }
    }
}

/// One of crmgate's files.
fn put(setup: &Setup<'_>, name: &str, ini: &Ini) {
    setup.write(name, &ini.to_string());
}
