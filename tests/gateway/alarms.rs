//! Alarms: a line with a code in the log, and a post to a webhook, each once, over restarts too.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crmgate::certs::issue::{Authority, Issued, LeafSpec};
use crmgate::model::WallTime;
use crmgate::simulate::{Deployment, Party};
use rustls::ServerConfig;
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::support::{World, free_address, soon, started, until};

const DAY: i64 = 86_400;

/// What stands behind a webhook, and what it was told.
struct Collector {
    address: SocketAddr,
    told: Arc<Mutex<Vec<serde_json::Value>>>,
    /// Handshakes that the other end gave up.
    left: Arc<AtomicUsize>,
    _task: JoinSet<()>,
}

impl Collector {
    /// A collector in TLS that asks for no certificate.
    async fn start(own: &Issued) -> Self {
        let key = PrivatePkcs8KeyDer::from(own.key_der.clone());
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![own.der.clone()], key.into());
        let acceptor = TlsAcceptor::from(Arc::new(config.expect("a pair")));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let told: Arc<Mutex<Vec<serde_json::Value>>> = Arc::default();
        let kept = Arc::clone(&told);
        let left: Arc<AtomicUsize> = Arc::default();
        let gave_up = Arc::clone(&left);
        let mut task = JoinSet::new();
        task.spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.expect("a connection");
                // Who does not believe us leaves in the handshake.
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    gave_up.fetch_add(1, Ordering::Relaxed);
                    continue;
                };
                let mut request = Vec::new();
                while !request.ends_with(b"}") {
                    let mut part = [0; 4096];
                    let count = stream.read(&mut part).await.expect("readable");
                    assert!(count > 0, "a whole request");
                    request.extend(&part[..count]);
                }
                let text = String::from_utf8(request).expect("text");
                let (_, body) = text.split_once("\r\n\r\n").expect("a head");
                kept.lock()
                    .expect("whole")
                    .push(serde_json::from_str(body).expect("JSON"));
                let answer = b"HTTP/1.1 204 No Content\r\n\r\n";
                stream.write_all(answer).await.expect("written");
            }
        });
        Self {
            address,
            told,
            left,
            _task: task,
        }
    }

    fn codes(&self) -> Vec<String> {
        let told = self.told.lock().expect("whole");
        let codes = told.iter().map(|one| one["code"].as_str().expect("a code"));
        let mut codes: Vec<String> = codes.map(str::to_owned).collect();
        codes.sort();
        codes
    }
}

/// A gateway whose own certificate ends in 100 days and whose authority does not.
fn deployment(world: &World, webhook: &str) -> Deployment {
    let now = world.clock.now();
    let own = world.pki.authority(Party::Gateway).issue(&LeafSpec {
        alternative_names: vec!["127.0.0.1".to_owned()],
        not_after: WallTime(now.0 + 100 * DAY),
        ..LeafSpec::for_name("gateway", now)
    });
    let text = own.expect("issued").combined_pem();
    world.pki.write("gateway.pem", &text).expect("written");
    let side = "http://127.0.0.1:9".parse().expect("a URL");
    let mut deployment = world.deployment().requests(free_address(), &side, None);
    deployment.system.set("Probe", "Type", "off");
    deployment
        .gateway
        .set("Alarms", "Webhook", webhook)
        .set("Alarms", "WebhookCaFile", "./ssl/collector-ca.pem")
        .set("Runtime", "StateFile", "./kept.state");
    deployment
}

/// An authority, and what it has issued for the collector.
fn collector_pki(world: &World) -> (Authority, Issued) {
    let now = world.clock.now();
    let authority = Authority::new("Collector CA", now).expect("a CA");
    world
        .pki
        .write("collector-ca.pem", &authority.pem())
        .expect("written");
    let own = authority.issue(&LeafSpec::for_name("127.0.0.1", now));
    (authority, own.expect("issued"))
}

fn state(dir: &Path) -> String {
    std::fs::read_to_string(dir.join("kept.state")).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_step_is_posted_once_over_tls_and_over_restarts() {
    let world = World::new();
    let (_authority, own) = collector_pki(&world);
    let collector = Collector::start(&own).await;
    let webhook = format!("https://{}/hook", collector.address);
    let deployment = deployment(&world, &webhook);
    let mut gateway = world.serve(&deployment).await;
    assert!(gateway.tidy().is_empty());
    world.clock.shift(40 * DAY);
    assert_eq!(gateway.tidy().iter().count(), 1);
    until("the first step is posted", || {
        collector.codes() == ["GW-ALARM-CERT-60D"]
    })
    .await;
    gateway
        .drain(std::time::Duration::ZERO, std::future::pending())
        .await;
    drop(gateway);
    assert!(
        state(world.path()).contains("60D"),
        "{}",
        state(world.path())
    );
    // Another step is reached while nobody runs, and what was said is not said again.
    world.clock.shift(30 * DAY);
    let mut gateway = started(world.path(), &world.clock).await;
    assert!(gateway.tidy().is_empty(), "the start has raised it");
    until("the second step is posted", || {
        collector.codes() == ["GW-ALARM-CERT-30D", "GW-ALARM-CERT-60D"]
    })
    .await;
    gateway
        .drain(std::time::Duration::ZERO, std::future::pending())
        .await;
    drop(gateway);
    let mut gateway = started(world.path(), &world.clock).await;
    assert!(gateway.tidy().is_empty());
    world.clock.shift(16 * DAY);
    assert_eq!(gateway.tidy().iter().count(), 1);
    until("the third step is posted and nothing else", || {
        collector.codes()
            == [
                "GW-ALARM-CERT-14D",
                "GW-ALARM-CERT-30D",
                "GW-ALARM-CERT-60D",
            ]
    })
    .await;
    let told = collector.told.lock().expect("whole");
    let last = told.last().expect("an alarm");
    let mut said = String::new();
    write!(said, "{last}").expect("text");
    assert!(said.contains("gateway.pem"), "{said}");
    assert_eq!(last["days_left"], 14, "{said}");
    assert!(!said.contains("PRIVATE"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_another_authority_vouches_for_hears_nothing_and_nobody_waits_for_it() {
    let world = World::new();
    collector_pki(&world);
    let stranger = Authority::new("Collector CA", world.clock.now()).expect("a CA");
    let own = stranger.issue(&LeafSpec::for_name("127.0.0.1", world.clock.now()));
    let collector = Collector::start(&own.expect("issued")).await;
    let webhook = format!("https://{}/hook", collector.address);
    let mut gateway = world.serve(&deployment(&world, &webhook)).await;
    world.clock.shift(40 * DAY);
    assert_eq!(gateway.tidy().iter().count(), 1);
    until("somebody came and left in the handshake", || {
        collector.left.load(Ordering::Relaxed) > 0
    })
    .await;
    soon(gateway.drain(std::time::Duration::ZERO, std::future::pending())).await;
    assert_eq!(collector.codes(), Vec::<String>::new());
}
