//! A gateway in a process of its own, whose allocations are counted.
//!
//! Callers and sides stay in the process of the test, so what they allocate counts nowhere. The
//! other process is this test program once more, told to run the one test below that is a gateway.

use std::alloc::System;
use std::env;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use crmgate::gateway::Gateway;
use crmgate::model::Clock;
use crmgate::simulate::Deployment;
use crmgate::telemetry::{self, LogForm, LogOptions, Rotation};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

use crate::support::{Daemon, PATIENCE, World};

/// Counts each block that is allocated, and each that is made larger or smaller.
#[global_allocator]
static HEAP: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Where the gateway reads its ini files.
const FOLDER: &str = "CRMGATE_COUNTED_FOLDER";

/// Whom the gateway tells its figures.
const LISTENER: &str = "CRMGATE_COUNTED_LISTENER";

/// A gateway that says what it has allocated.
pub(crate) struct Counted {
    figures: TcpStream,
    gateway: Daemon,
}

impl Counted {
    /// Writes a deployment and serves it.
    pub(crate) async fn serve(world: &World, deployment: &Deployment) -> Self {
        deployment.write(world.path()).expect("ini files");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("bound").to_string();
        let mut command = Command::new(env::current_exe().expect("this program"));
        command
            .args(["--exact", "counted::the_gateway_itself", "--ignored"])
            .arg("--nocapture")
            .env(FOLDER, world.path())
            .env(LISTENER, address);
        let mut gateway = Daemon::spawn(command, world.path());
        gateway.until_said("serving").await;
        let (figures, _) = listener.accept().expect("the gateway calls");
        let limit = figures.set_read_timeout(Some(PATIENCE));
        limit.expect("a live connection");
        Self { figures, gateway }
    }

    /// How often it has allocated or reallocated since it began.
    pub(crate) fn allocations(&mut self) -> u64 {
        let mut figure = [0; 8];
        self.figures.write_all(b"?").expect("asked");
        self.figures.read_exact(&mut figure).expect("a figure");
        u64::from_be_bytes(figure)
    }

    /// Waits until it has written so many access lines, and no more.
    pub(crate) async fn until_logged(&mut self, lines: u64) {
        let what = format!("{lines} access lines are written");
        let count = |said: &str| said.matches(" access: ").count() as u64;
        self.gateway.until(what, |said| count(said) == lines).await;
    }
}

/// Answers each question with the figure of that moment, and allocates nothing for it. Returns when
/// the test has gone.
fn tell(mut line: TcpStream) {
    while line.read_exact(&mut [0]).is_ok() {
        let stats = HEAP.stats();
        let made = (stats.allocations + stats.reallocations) as u64;
        line.write_all(&made.to_be_bytes()).expect("told");
    }
}

#[tokio::test]
#[ignore = "the gateway of the other tests: they start it"]
async fn the_gateway_itself() {
    let folder = PathBuf::from(env::var_os(FOLDER).expect("a test has started it"));
    let listener = env::var(LISTENER).expect("a test has started it");
    serve(&folder, TcpStream::connect(listener).expect("the test")).await;
}

/// As `crmgate run` does it, for as long as the test is there.
async fn serve(folder: &Path, figures: TcpStream) {
    let loaded = crmgate::config::load(folder);
    let settings = loaded.settings;
    let wanted = settings
        .unwrap_or_else(|| panic!("{}", loaded.problems))
        .log;
    let options = LogOptions {
        form: LogForm::Text,
        level: wanted.level.clone(),
        file: wanted.file.clone(),
        rotation: Rotation::default(),
        is_journal: false,
    };
    let clock = Clock::system();
    let log = telemetry::init(&options, &clock).expect("a log");
    let access = log.access_log(wanted.access);
    let started = Gateway::start(folder, &clock, &access).await;
    let _gateway = started.expect("a gateway");
    let telling = tokio::task::spawn_blocking(|| tell(figures));
    telling.await.expect("the test has gone");
}
