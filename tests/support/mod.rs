//! What system tests share: a world around a gateway, waiting for conditions, the real binary.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::wildcard_enum_match_arm,
    clippy::disallowed_methods,
    clippy::unchecked_time_subtraction,
    clippy::similar_names,
    missing_docs,
    unreachable_pub,
    dead_code,
    unused_imports,
    reason = "a test says no with a panic, and each target that shares this uses some of it"
)]

pub mod pair;
pub mod process;
pub mod wire;

use std::fmt::Display;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

pub use daemon::Daemon;

use crmgate::gateway::{Gateway, StartError};
use crmgate::model::{Clock, Endpoint, HostPort, ListenAddr, Scheme, Side};
use crmgate::net::BindError;
use crmgate::simulate::{
    CaModel, CrmProfile, Deployment, EventReceiver, FileLayout, ICM_IDLE, Ledger, Party, Pki, Port,
    SimConnector,
};
use crmgate::telemetry::AccessLog;
use tempfile::TempDir;
use tokio::time::Instant;

pub mod corpus;
pub mod crossing;
mod daemon;
#[cfg(target_os = "linux")]
pub mod group;
pub mod halves;
pub mod host;
pub mod message;
pub mod more_hostile;
#[cfg(target_os = "linux")]
pub mod notified;
pub mod openssl;
pub mod otlp;
pub mod raw;
pub mod recorder;
pub mod scene;
pub mod stage;
pub mod tool;
pub mod visitor;

/// Long enough for a loaded machine; a test that waits so long has failed.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until a condition holds, and says what it waited for if it never does.
pub async fn until(what: impl Display, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// What has to come soon; a test that waits longer fails instead of hanging.
pub async fn soon<T>(what: impl Future<Output = T>) -> T {
    let in_time = tokio::time::timeout(PATIENCE, what).await;
    in_time.expect("it comes in time")
}

/// How often a test repeats itself: `usually`, or `in_full` where `CRMGATE_SOAK` asks for it.
pub fn trials(usually: u32, in_full: u32) -> u32 {
    if soak() { in_full } else { usually }
}

/// Lets time pass between two things that a test does, as it passes between two writes of a slow
/// copy. Never to wait for the gateway: that is [`until`].
pub async fn pause(time: Duration) {
    tokio::time::sleep(time).await;
}

/// Whether the long variants of tests are asked for.
pub fn soak() -> bool {
    std::env::var_os("CRMGATE_SOAK").is_some()
}

/// A free loopback address. It is held until the tests end, so a gateway of this process, or of a
/// child, may listen on it, stop and listen again, and nobody else ever gets it.
pub fn free_address() -> SocketAddr {
    static HELD: Mutex<Vec<Port>> = Mutex::new(Vec::new());
    let port = Port::reserve().expect("a port");
    let addr = port.addr();
    HELD.lock().expect("no test panics in here").push(port);
    addr
}

/// A directory with certificates and a configuration, sides and a CRM around it.
pub struct World {
    /// Holds ini files and `ssl/`.
    pub dir: TempDir,
    /// The certificates.
    pub pki: Pki,
    /// What was sent, executed and answered.
    pub ledger: Ledger,
    /// What happened to events.
    pub events: Ledger,
    /// The gateway's wall time.
    pub clock: Clock,
}

impl World {
    /// A world with one CA and a combined PEM file.
    pub fn new() -> Self {
        Self::with(CaModel::One, FileLayout::CertificateFirst)
    }

    /// A world with these kinds of files.
    pub fn with(model: CaModel, layout: FileLayout) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let clock = Clock::system();
        let pki = Pki::create(dir.path(), model, layout, clock.now()).expect("certificates");
        Self {
            dir,
            pki,
            ledger: Ledger::new(),
            events: Ledger::new(),
            clock,
        }
    }

    /// The configuration directory.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// A plain connector side that answers at once.
    pub fn side(&self, side: Side) -> SimConnector {
        let port = Port::reserve().expect("a port");
        SimConnector::start(side, port, None, Duration::ZERO, &self.ledger).expect("a side")
    }

    /// A connector side with TLS that demands the gateway's certificate.
    pub fn tls_side(&self, side: Side) -> SimConnector {
        let port = Port::reserve().expect("a port");
        let tls = self.pki.peer(Party::Side(side));
        SimConnector::start(side, port, Some(&tls), Duration::ZERO, &self.ledger).expect("a side")
    }

    /// SAP CRM's event receiver with TLS that demands the gateway's certificate.
    pub fn receiver(&self) -> (EventReceiver, Endpoint) {
        let port = Port::reserve().expect("a port");
        let tls = self.pki.peer(Party::Crm);
        let receiver =
            EventReceiver::start(&port, Some(&tls), ICM_IDLE, &self.events).expect("a receiver");
        let target = HostPort::from_addr(receiver.addr());
        (
            receiver,
            Endpoint {
                scheme: Scheme::Https,
                target,
            },
        )
    }

    /// An empty deployment with TLS.
    pub fn deployment(&self) -> Deployment {
        let mut deployment = Deployment::new("SAP1").tls(&self.pki);
        // Two threads as on a real machine, and no reload but those that a test asks for. A machine
        // that stands still for a while costs nobody his handshake: tests have patience of their own.
        deployment
            .gateway
            .set("Runtime", "Threads", 2)
            .set("Runtime", "Watch", "no")
            .set("Limits", "HandshakeTimeout", "1m");
        deployment
    }

    /// An empty deployment whose listener for requests is plain HTTP.
    pub fn plain_deployment(&self) -> Deployment {
        let mut deployment = self.deployment();
        deployment.ssl = None;
        deployment.system.remove("Config", "TpiDllParameter");
        deployment
    }

    /// Writes a deployment and serves it in this process.
    pub async fn serve(&self, deployment: &Deployment) -> Gateway {
        deployment.write(self.path()).expect("ini files");
        started(self.path(), &self.clock).await
    }

    /// SAP CRM as it calls the gateway at this address: mTLS, HTTP/1.0.
    pub fn crm(&self, gateway: SocketAddr) -> CrmProfile {
        let mut profile = CrmProfile::new(gateway);
        profile.tls = Some(self.pki.peer(Party::Crm));
        profile
    }
}

/// Serves a directory in this process.
///
/// A process that another test starts holds a copy of every open socket until its program begins,
/// so the listener of a gateway that has ended may live on for a moment.
pub async fn started(dir: &Path, clock: &Clock) -> Gateway {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match Gateway::start(dir, clock, &AccessLog::off()).await {
            Ok(gateway) => return gateway,
            Err(StartError::Bind(BindError::InUse(_))) if Instant::now() < deadline => {
                tokio::task::yield_now().await;
            }
            Err(StartError::Config(problems)) => panic!("{problems}"),
            Err(error) => panic!("{error}"),
        }
    }
}

/// Where a gateway listens for what was configured as `listen`.
pub fn bound(gateway: &Gateway, listen: SocketAddr) -> SocketAddr {
    let status = gateway.status();
    let found = status
        .listeners
        .iter()
        .find(|(configured, _)| *configured == ListenAddr::new(listen));
    found.expect("a listener").1
}
