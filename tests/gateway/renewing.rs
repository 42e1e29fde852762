//! A CRM that renews its certificate and goes on taking up the sessions of the old one.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crmgate::certs::issue::{Issued, LeafSpec};
use crmgate::model::WallTime;
use crmgate::simulate::Party;
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::support::message::{Kind, read_message};
use crate::support::recorder::FINE;
use crate::support::wire::{ask, post};
use crate::support::{World, free_address};

/// Shows its old certificate, and the new one once it has been renewed.
#[derive(Debug)]
struct Renewing {
    keys: [Arc<CertifiedKey>; 2],
    renewed: AtomicBool,
    /// Handshakes in which a certificate was shown.
    full: AtomicU64,
}

impl ResolvesServerCert for Renewing {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.full.fetch_add(1, Ordering::Relaxed);
        let [old, new] = &self.keys;
        let renewed = self.renewed.load(Ordering::Relaxed);
        Some(Arc::clone(if renewed { new } else { old }))
    }
}

fn certified(issued: &Issued) -> Arc<CertifiedKey> {
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(issued.key_der.clone()));
    let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&key).expect("a key");
    Arc::new(CertifiedKey::new(vec![issued.der.clone()], key))
}

/// Serves until the set is dropped; every connection carries one request.
async fn serve(config: ServerConfig) -> (SocketAddr, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let at = listener.local_addr().expect("bound");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let Ok(mut tls) = acceptor.accept(tcp).await else {
                continue;
            };
            let mut buffer = Vec::new();
            if read_message(&mut tls, &mut buffer, Kind::Request)
                .await
                .is_ok()
            {
                let _gone = tls.write_all(FINE.as_bytes()).await;
                let _gone = tls.shutdown().await;
            }
        }
    });
    (at, tasks)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crm_that_renews_its_certificate_and_keeps_its_sessions_costs_no_event() {
    let world = World::new();
    let now = world.clock.now();
    let issue = |hours: i64| {
        let mut spec = LeafSpec::for_name("127.0.0.1", now);
        spec.not_after = WallTime(now.0 + hours * 3_600);
        let issued = world.pki.authority(Party::Crm).issue(&spec);
        certified(&issued.expect("issued"))
    };
    let keys = Arc::new(Renewing {
        keys: [issue(1), issue(1_000)],
        renewed: AtomicBool::default(),
        full: AtomicU64::default(),
    });
    let resolver: Arc<Renewing> = Arc::clone(&keys);
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_cert_resolver(resolver);
    let (at, _serving) = serve(config).await;
    let listen = free_address();
    let crm = format!("https://{at}").parse().expect("an endpoint");
    let gateway = world.serve(&world.deployment().events(listen, &crm)).await;
    let event = post("text/xml", "<ring/>");
    let send = async || {
        let mut connector = TcpStream::connect(listen).await.expect("connected");
        let answer = ask(&mut connector, &event).await.expect("an answer");
        assert_eq!(answer.status, 200, "{answer:?}");
    };
    send().await;
    send().await;
    keys.renewed.store(true, Ordering::Relaxed);
    send().await;
    assert_eq!(gateway.figures().handshakes_outbound_full, 1);
    // The certificate that the session rests on ends, and the server has long had another one.
    world.clock.shift(2 * 3_600);
    send().await;
    assert_eq!(gateway.figures().handshakes_outbound_full, 2);
}
