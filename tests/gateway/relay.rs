//! `Mode=relay`: TLS ends at the gateway, and what is inside goes to a side unread.

use std::net::SocketAddr;
use std::sync::Arc;

use crmgate::gateway::Gateway;
use crmgate::model::{Endpoint, HostPort, Scheme, Side};
use crmgate::simulate::{Caller, Deployment, Ending, Party, PeerTls, TlsRange};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::support::halves::ask_and_close;
use crate::support::pair::{Legs, Pair, unwatched};
use crate::support::raw::Raw;
use crate::support::{Daemon, World, bound, free_address, until};

/// Two sides behind a gateway that relays the inside of TLS.
async fn relaying(legs: Legs, keys: impl FnOnce(&mut Deployment)) -> Pair {
    Pair::start(legs, |deployment| {
        deployment.system.set("Requests", "Mode", "relay");
        keys(deployment);
    })
    .await
}

/// A gateway that relays to a listener of the test.
struct Bytes {
    world: World,
    gateway: Gateway,
    at: SocketAddr,
    side: TcpListener,
}

impl Bytes {
    async fn start() -> Self {
        let world = World::new();
        let side = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let endpoint = Endpoint {
            scheme: Scheme::Http,
            target: HostPort::from_addr(side.local_addr().expect("bound")),
        };
        let listen = free_address();
        let mut deployment = world.deployment().requests(listen, &endpoint, None);
        deployment.system.set("Requests", "Mode", "relay");
        let gateway = world.serve(&deployment).await;
        let at = bound(&gateway, listen);
        Self {
            world,
            gateway,
            at,
            side,
        }
    }

    async fn open(&self) -> (TlsStream<TcpStream>, TcpStream) {
        let config = self.world.pki.peer(Party::Crm).client().expect("a client");
        let connector = TlsConnector::from(Arc::new(config));
        let tcp = TcpStream::connect(self.at).await.expect("connected");
        let shaking = connector.connect(ServerName::from(self.at.ip()), tcp);
        let (shaken, taken) = tokio::join!(shaking, self.side.accept());
        (shaken.expect("a handshake"), taken.expect("accepted").0)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_ends_here_also_towards_sides_with_tls_of_their_own() {
    for (legs, outbound) in [(Legs::TlsToGateway, 0), (Legs::Tls, 1)] {
        let pair = relaying(legs, unwatched).await;
        let mut caller = pair.caller();
        for _ in 0..3 {
            assert_eq!(caller.call().await, Ending::Answered);
        }
        let shown = caller.figures().server_certificate.expect("a certificate");
        assert_eq!(shown, pair.world.pki.identity(Party::Gateway).der);
        let figures = pair.gateway.figures();
        assert_eq!(figures.handshakes_inbound_full, 1);
        assert_eq!(figures.handshakes_outbound_full, outbound);
        caller.hang_up().await;
        assert_eq!(caller.call().await, Ending::Answered);
        assert_eq!(caller.figures().resumed, 1);
        pair.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_the_first_side_refuses_is_relayed_to_the_other_one() {
    for legs in [Legs::TlsToGateway, Legs::Tls] {
        let mut pair = relaying(legs, unwatched).await;
        pair.a.kill().await;
        let mut caller = pair.caller();
        assert_eq!(caller.call().await, Ending::Answered);
        assert_eq!((pair.a.executed(), pair.b.executed()), (0, 1));
        pair.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_of_tls_that_has_said_all_still_hears_the_other_one() {
    let bytes = Bytes::start().await;
    let (mut caller, mut taken) = bytes.open().await;
    let size = ask_and_close(&mut caller, &mut taken).await;
    let gateway = &bytes.gateway;
    until("it is over", || {
        gateway.figures().relayed_connections_open == 0
    })
    .await;
    let figures = gateway.figures();
    assert_eq!(figures.relayed_bytes_to_target, size);
    assert_eq!(figures.relayed_bytes_from_target, size);
    assert_eq!(figures.exchanges_relay_answered, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_side_that_breaks_off_inside_of_tls_is_not_taken_for_one_that_has_said_all() {
    let bytes = Bytes::start().await;
    let (mut caller, mut taken) = bytes.open().await;
    taken.write_all(b"half an ans").await.expect("written");
    let mut heard = [0; 11];
    caller.read_exact(&mut heard).await.expect("what it said");
    taken.set_zero_linger().expect("open");
    drop(taken);
    caller.read_u8().await.expect_err("no farewell");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_breaks_off_without_a_farewell_is_not_taken_for_one_that_has_said_all() {
    let bytes = Bytes::start().await;
    let (mut caller, mut taken) = bytes.open().await;
    caller.write_all(b"half a ques").await.expect("written");
    caller.flush().await.expect("sent");
    let mut heard = [0; 11];
    taken.read_exact(&mut heard).await.expect("what it said");
    // TLS makes no farewell when the socket alone is closed.
    let (tcp, _tls) = caller.into_inner();
    drop(tcp);
    taken.read_u8().await.expect_err("a reset");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn v5_a_relay_refuses_exactly_whom_http_refuses() {
    let world = World::new();
    let stranger = World::new();
    for mode in ["terminate", "relay"] {
        let side = world.side(Side::A);
        let listen = free_address();
        let mut deployment = world.deployment().requests(listen, &side.endpoint(), None);
        deployment.system.set("Requests", "Mode", mode);
        let gateway = world.serve(&deployment).await;
        let at = bound(&gateway, listen);
        for range in [TlsRange::Only12, TlsRange::Only13] {
            for (whose, is_let_in) in [(&world, true), (&stranger, false)] {
                // The stranger's authority has the same name and another key.
                let own = whose.pki.identity(Party::Crm);
                let issuer = whose.pki.authority(Party::Crm).der();
                let company = world.pki.authority(Party::Gateway).der();
                let peer = PeerTls::new(own, issuer, &[company]).speaking(range);
                let config = peer.client().expect("a client");
                assert_eq!(is_served(at, config).await, is_let_in, "{mode} {range:?}");
            }
        }
        assert_eq!(side.executed(), 0, "no request had a message");
    }
}

async fn is_served(at: SocketAddr, config: ClientConfig) -> bool {
    let Ok(mut line) = Raw::tls(at, &Arc::new(config)).await else {
        return false;
    };
    let asked = line.send(b"GET / HTTP/1.1\r\nHost: gw\r\n\r\n").await;
    asked.is_ok() && line.answer().await.is_ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_access_line_of_a_relayed_connection_names_the_client() {
    let world = World::new();
    let side = world.side(Side::A);
    let listen = free_address();
    let mut deployment = world.deployment().requests(listen, &side.endpoint(), None);
    deployment.system.set("Requests", "Mode", "relay");
    deployment.write(world.path()).expect("files");
    let mut daemon = Daemon::serving(world.path()).await;
    let spec = world.crm(listen).caller().expect("a caller");
    let mut caller = Caller::new(spec, world.ledger.clone());
    assert_eq!(caller.call().await, Ending::Answered);
    caller.hang_up().await;
    daemon.until_said("flow=relay").await;
    let said = daemon.said();
    let line = said.lines().find(|line| line.contains("flow=relay"));
    let line = line.expect("a line");
    assert!(
        line.contains("CN=sap-crm") && line.contains("tls=TLSv1.3"),
        "{line}"
    );
    assert!(line.contains("outcome=answered"), "{line}");
}
