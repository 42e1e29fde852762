//! What the log says, and how much of it, in the words and keys that an operator searches for.

use std::net::SocketAddr;

#[cfg(target_os = "linux")]
use crmgate::gateway::Gateway;
use crmgate::model::Side;
use crmgate::simulate::{Caller, CrmProfile, Deployment, Ending, SimConnector};
#[cfg(target_os = "linux")]
use crmgate::telemetry::{self, LogForm, LogOptions, Rotation};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

#[cfg(target_os = "linux")]
use crate::support::until;
use crate::support::{Daemon, World, free_address, soon};

/// The keys of one JSON object as they stand in its text: a parser would keep one of two that are
/// the same.
fn keys(json: &str) -> Vec<&str> {
    let mut keys = Vec::new();
    let mut rest = json;
    while let Some((_, text)) = rest.split_once('"') {
        let mut escaped = false;
        let end = text.find(|c| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        });
        let end = end.expect("a string ends");
        rest = &text[end + 1..];
        if rest.starts_with(':') {
            keys.push(&text[..end]);
        }
    }
    keys
}

/// Files of a gateway in front of one side, without TLS.
struct Plain {
    world: World,
    side: SimConnector,
    listen: SocketAddr,
}

impl Plain {
    fn with(keys: impl FnOnce(&mut Deployment)) -> Self {
        let world = World::new();
        let side = world.side(Side::A);
        let listen = free_address();
        let deployment = world.plain_deployment();
        let mut deployment = deployment.requests(listen, &side.endpoint(), None);
        keys(&mut deployment);
        deployment.write(world.path()).expect("files");
        Self {
            world,
            side,
            listen,
        }
    }

    async fn serve(&self) -> Daemon {
        Daemon::serving(self.world.path()).await
    }

    fn caller(&self) -> Caller {
        let spec = CrmProfile::new(self.listen).caller().expect("plain");
        Caller::new(spec, self.world.ledger.clone())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_line_of_a_json_log_has_a_key_twice() {
    let route = free_address();
    let mut plain = Plain::with(|deployment| {
        *deployment = deployment.clone().static_route(route, free_address());
        deployment.gateway.set("Log", "Format", "json");
    });
    let mut daemon = plain.serve().await;
    let mut caller = plain.caller();
    assert_eq!(caller.call().await, Ending::Answered);
    plain.side.kill().await;
    assert!(matches!(caller.call().await, Ending::Reported { .. }));
    // The reset may be there before connect returns.
    let read = async { TcpStream::connect(route).await?.read_u8().await };
    read.await.expect_err("nobody is behind the route");
    for said in [
        "\"flow\":\"request\"",
        "\"flow\":\"static-route\"",
        "no connection, so nothing was sent",
        "cannot reach the CRM host",
    ] {
        daemon.until_said(said).await;
    }
    for line in daemon.said().lines() {
        let mut keys = keys(line);
        let count = keys.len();
        keys.sort_unstable();
        keys.dedup();
        assert!(count > 3 && keys.len() == count, "{line}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_access_line_names_the_generation_that_its_request_was_served_under() {
    let plain = Plain::with(|_| {});
    let mut daemon = plain.serve().await;
    let mut caller = plain.caller();
    for generation in 1..=3 {
        assert_eq!(caller.call().await, Ending::Answered);
        let line = |said: &str| said.matches(" access: flow=request").count() == generation;
        daemon.until("the call has its line", line).await;
        daemon.signal("HUP");
        daemon.until_said_again("reloaded:", generation - 1).await;
    }
    assert_eq!(caller.figures().connections, 1);
    let lines = daemon.access_lines();
    let lines = lines.iter();
    let named: Vec<_> = lines.filter_map(|line| line.rsplit(' ').next()).collect();
    assert_eq!(named, ["generation=1", "generation=2", "generation=3"]);
}

/// Strangers who speak no HTTP, one after the other.
async fn strangers(count: u32, at: SocketAddr) {
    for _ in 0..count {
        let mut stranger = TcpStream::connect(at).await.expect("connected");
        stranger
            .write_all(b"knock knock\r\n\r\n")
            .await
            .expect("said");
        let mut told = Vec::new();
        soon(stranger.read_to_end(&mut told)).await.expect("told");
        assert!(told.starts_with(b"HTTP/1.1 400 "), "{told:?}");
    }
}

fn refused(said: &str) -> usize {
    said.matches(" code=GW-400-REQUEST-LINE ").count()
}

/// Of how many lines a log says that they were held back.
fn held_back(said: &str) -> usize {
    said.split_whitespace()
        .filter_map(|word| word.strip_prefix("suppressed=")?.parse::<usize>().ok())
        .sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_cause_no_more_lines_than_throttle_allows_to_all_threads_together() {
    let plain = Plain::with(|deployment| {
        deployment.gateway.set("Log", "Throttle", 8);
        deployment.gateway.set("Runtime", "Threads", 4);
    });
    let mut daemon = plain.serve().await;
    let begun = Instant::now();
    strangers(200, plain.listen).await;
    // A burst of one second's worth, and what the time since then yields.
    let allowed = 8 * (1_000 + begun.elapsed().as_millis()) / 1_000;
    // Whatever was said is written before this.
    daemon.signal("HUP");
    daemon.until_said("reloaded:").await;
    let lines = refused(&daemon.said());
    assert!(lines >= 2 && lines as u128 <= allowed, "{lines}, {allowed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tail_of_a_burst_is_told_once_it_is_over() {
    let plain = Plain::with(|deployment| {
        deployment.gateway.set("Log", "Throttle", 1);
        deployment.gateway.set("Runtime", "Threads", 1);
    });
    let mut daemon = plain.serve().await;
    strangers(5, plain.listen).await;
    let all = |said: &str| refused(said) + held_back(said) == 5;
    daemon.until("all five are told of", all).await;
    let said = daemon.said();
    assert!(
        said.contains(" WARN ") && said.contains("kind=\"malformed\" suppressed="),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn relayed_connections_that_brought_nothing_back_are_throttled_and_counted() {
    const STRANGERS: usize = 60;
    let target = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let (route, crm) = (free_address(), target.local_addr().expect("bound"));
    let plain = Plain::with(|deployment| {
        *deployment = deployment.clone().static_route(route, crm);
        deployment.gateway.set("Log", "Throttle", 8);
    });
    let mut daemon = plain.serve().await;
    let begun = Instant::now();
    for _ in 0..STRANGERS {
        drop(TcpStream::connect(route).await.expect("connected"));
        drop(soon(target.accept()).await.expect("dialled"));
    }
    let lines = |said: &str| said.matches(" access: flow=static-route ").count();
    let all = |said: &str| lines(said) + held_back(said) == STRANGERS;
    daemon.until("all of them are told of", all).await;
    let allowed = 8 * (1_000 + begun.elapsed().as_millis()) / 1_000;
    let lines = lines(&daemon.said());
    assert!(lines >= 2 && lines as u128 <= allowed, "{lines}, {allowed}");
    // One that an answer came back on has its line, whoever was there before.
    let mut caller = TcpStream::connect(route).await.expect("connected");
    let (mut dialled, _) = soon(target.accept()).await.expect("dialled");
    dialled.write_all(b"an answer").await.expect("written");
    drop(dialled);
    let mut heard = Vec::new();
    soon(caller.read_to_end(&mut heard)).await.expect("closed");
    drop(caller);
    daemon.until_said(" response_bytes=9 ").await;
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_that_cannot_be_written_are_counted_among_the_figures() {
    let plain = Plain::with(|_| {});
    let world = &plain.world;
    // A disk that is full. No other test of this process starts the log, and none is heard in it.
    let options = LogOptions {
        form: LogForm::Text,
        level: "off".to_owned(),
        file: Some("/dev/full".into()),
        rotation: Rotation::default(),
        is_journal: false,
    };
    let log = telemetry::init(&options, &world.clock).expect("a log");
    let access = log.access_log(true);
    let gateway = Gateway::start(world.path(), &world.clock, &access).await;
    let gateway = gateway.expect("a gateway");
    let mut caller = plain.caller();
    for _ in 0..3 {
        assert_eq!(caller.call().await, Ending::Answered);
    }
    let lost = || gateway.figures().log_lines_lost;
    until("every access line is counted", || lost() == 3).await;
    assert_eq!(log.lost_lines(), 3);
}
