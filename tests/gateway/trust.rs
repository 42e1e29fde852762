//! Whom the gateway believes changes while clients are connected: exactly those who would not be
//! let in any more are sent away.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use crmgate::certs::issue::{Authority, LeafSpec};
use crmgate::gateway::Gateway;
use crmgate::model::WallTime;
use crmgate::simulate::{Deployment, Party, PeerTls, TlsRange};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::support::raw::Raw;
use crate::support::recorder::{FINE, Recorder, Step, always};
use crate::support::{World, free_address, until};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: gw\r\n\r\n";

/// How long a client that is not believed any more may stay.
const OUT: Duration = Duration::from_secs(2);

/// What a listener does with what is inside of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Http,
    Bytes,
}

impl Mode {
    const BOTH: [Self; 2] = [Self::Http, Self::Bytes];

    fn set(self, deployment: &mut Deployment) {
        if self == Self::Bytes {
            deployment.system.set("Requests", "Mode", "relay");
        }
    }
}

/// A gateway that believes two authorities, and a client of each.
struct Stage {
    world: World,
    side: Recorder,
    gateway: Gateway,
    listen: SocketAddr,
    other: Authority,
    innocent: Arc<ClientConfig>,
    outcast: Arc<ClientConfig>,
}

impl Stage {
    async fn set(mode: Mode, range: TlsRange) -> Self {
        Self::with(mode, range, |_| {}).await
    }

    async fn with(mode: Mode, range: TlsRange, keys: impl FnOnce(&mut Deployment)) -> Self {
        let world = World::new();
        let now = world.clock.now();
        let other = Authority::new("Other CA", now).expect("an authority");
        let outcast = client(&world, &other, &LeafSpec::for_name("outcast", now), range);
        let innocent = world.pki.peer(Party::Crm).speaking(range);
        let side = Recorder::fine(None).await;
        let listen = free_address();
        let mut deployment = unguarded(&world).requests(listen, &side.endpoint(), None);
        mode.set(&mut deployment);
        keys(&mut deployment);
        believe(&world, &[&other]);
        let gateway = world.serve(&deployment).await;
        Self {
            side,
            gateway,
            listen,
            other,
            innocent: Arc::new(innocent.client().expect("a client")),
            outcast,
            world,
        }
    }

    async fn open(&self, who: &Arc<ClientConfig>) -> Raw {
        let mut line = Raw::tls(self.listen, who).await.expect("a handshake");
        line.send(REQUEST).await.expect("sent");
        line.answer().await.expect("an answer");
        line
    }

    async fn refuses(&self, who: &Arc<ClientConfig>) -> bool {
        let Ok(mut line) = Raw::tls(self.listen, who).await else {
            return true;
        };
        line.send(REQUEST).await.is_err() || line.answer().await.is_err()
    }

    /// Serves the same side at another address.
    async fn listen_at(&mut self, mode: Mode, listen: SocketAddr) {
        let side = self.side.endpoint();
        let mut deployment = unguarded(&self.world).requests(listen, &side, None);
        mode.set(&mut deployment);
        deployment.write(self.world.path()).expect("files");
        self.gateway.reload().await.expect("a reload");
    }

    /// Somebody to whom bytes flow without end.
    async fn flood(&self, who: &Arc<ClientConfig>) -> Raw {
        let flood = Step::Flood(vec![b'x'; 4_096]);
        self.side.answer(always(vec![flood]));
        let opened = Raw::tls(self.listen, who).await;
        let mut line = opened.expect("a handshake");
        line.send(REQUEST).await.expect("sent");
        line.take(10_000).await;
        line
    }

    /// Serves nothing but events to the same system from now on.
    async fn serve_events_alone(&mut self, tls: bool) {
        let crm = Recorder::fine(Some(&self.world.pki.peer(Party::Crm))).await;
        let deployment = unguarded(&self.world);
        let mut deployment = deployment.events(free_address(), &crm.endpoint());
        if tls {
            deployment.system.set("Events", "Tls", "yes");
        }
        deployment.write(self.world.path()).expect("files");
        let done = self.gateway.reload().await;
        done.unwrap_or_else(|problems| panic!("refused:\n{problems}"));
    }

    /// From now on only the company's own authority is believed.
    async fn drop_the_other(&mut self) {
        believe(&self.world, &[]);
        let done = self.gateway.reload().await;
        done.unwrap_or_else(|problems| panic!("refused:\n{problems}"));
    }
}

/// A deployment in which an authority may go although its clients are at work.
fn unguarded(world: &World) -> Deployment {
    let mut deployment = world.deployment();
    let ssl = deployment.ssl.as_mut().expect("TLS");
    ssl.set("SSL_SERVER_CLIENT", "CA_DROP_GUARD", 0);
    deployment
}

/// Writes whom the gateway believes beside the company's authority.
fn believe(world: &World, others: &[&Authority]) {
    let mut pem = world.pki.authority(Party::Gateway).pem();
    for other in others {
        pem.push_str(&other.pem());
    }
    world.pki.write("company-ca.pem", &pem).expect("a file");
}

fn client(
    world: &World,
    authority: &Authority,
    leaf: &LeafSpec,
    range: TlsRange,
) -> Arc<ClientConfig> {
    let issued = authority.issue(leaf).expect("issued");
    let company = world.pki.authority(Party::Gateway).der();
    let peer = PeerTls::new(&issued, authority.der(), &[company]).speaking(range);
    Arc::new(peer.client().expect("a client"))
}

fn without_certificate(world: &World) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    let company = world.pki.authority(Party::Gateway).der().clone();
    roots.add(company).expect("an authority");
    let client = ClientConfig::builder().with_root_certificates(roots);
    Arc::new(client.with_no_client_auth())
}

/// Waits until the gateway has closed a connection.
async fn is_sent_away(line: &mut Raw) {
    let begun = Instant::now();
    let (bytes, _) = timeout(OUT, line.rest())
        .await
        .expect("it is closed in time");
    assert!(bytes.is_empty(), "{bytes:?} after {:?}", begun.elapsed());
}

/// Waits until the gateway has cut a connection on which bytes flow.
async fn is_cut(line: &mut Raw) {
    let (_bytes, in_order) = timeout(OUT, line.rest()).await.expect("in time");
    assert!(!in_order, "what was cut is not taken for complete");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn v1_a_client_whose_authority_is_dropped_is_sent_away_and_the_others_notice_nothing() {
    for mode in Mode::BOTH {
        for range in [TlsRange::Only12, TlsRange::Only13] {
            let mut stage = Stage::set(mode, range).await;
            let mut innocent = stage.open(&stage.innocent).await;
            let mut outcast = stage.open(&stage.outcast).await;
            stage.drop_the_other().await;
            is_sent_away(&mut outcast).await;
            assert_eq!(stage.gateway.figures().clients_sent_away, 1);
            innocent.send(REQUEST).await.expect("sent");
            innocent.answer().await.expect("still served");
            assert!(stage.refuses(&stage.outcast).await, "{mode:?} {range:?}");
            assert!(stage.open(&stage.innocent).await.resumed);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn v1_an_exchange_in_flight_is_answered_before_its_client_is_sent_away() {
    for mode in Mode::BOTH {
        let mut stage = Stage::set(mode, TlsRange::Both).await;
        let mut outcast = stage.open(&stage.outcast).await;
        // It takes longer than anybody may stay for whom nothing is in flight.
        let (first, rest) = FINE.as_bytes().split_at(1);
        let late = Step::Drip(first.to_vec(), OUT + OUT / 4);
        let steps = vec![late, Step::Send(rest.to_vec())];
        stage.side.answer(always(steps));
        let had = stage.side.requests().len();
        outcast.send(REQUEST).await.expect("sent");
        until("the side has it", || stage.side.requests().len() > had).await;
        stage.drop_the_other().await;
        until("it is judged", || {
            stage.gateway.figures().clients_sent_away == 1
        })
        .await;
        outcast.answer().await.expect("answered all the same");
        is_sent_away(&mut outcast).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn v1_a_flow_of_bytes_that_never_rests_is_cut() {
    let mut stage = Stage::set(Mode::Bytes, TlsRange::Both).await;
    let mut outcast = stage.flood(&stage.outcast).await;
    stage.drop_the_other().await;
    is_cut(&mut outcast).await;
}

/// Its connection may stay after the listener as long as bytes flow, and as it is believed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn v1_a_client_whose_listener_is_removed_is_cut_by_the_reload_that_drops_its_authority() {
    for at_once in [true, false] {
        let mut stage = Stage::set(Mode::Bytes, TlsRange::Both).await;
        let mut innocent = stage.flood(&stage.innocent).await;
        let mut outcast = stage.flood(&stage.outcast).await;
        if !at_once {
            stage.listen_at(Mode::Bytes, free_address()).await;
            outcast.take(10_000).await;
        }
        believe(&stage.world, &[]);
        stage.listen_at(Mode::Bytes, free_address()).await;
        is_cut(&mut outcast).await;
        assert_eq!(stage.gateway.figures().clients_sent_away, 1);
        innocent.take(10_000).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn v1_a_client_whose_listener_ends_no_tls_any_more_is_cut_with_its_authority() {
    let mut stage = Stage::set(Mode::Bytes, TlsRange::Both).await;
    let mut innocent = stage.flood(&stage.innocent).await;
    let mut outcast = stage.flood(&stage.outcast).await;
    // Events alone end TLS from now on, with rules that are not for callers.
    believe(&stage.world, &[]);
    stage.serve_events_alone(true).await;
    is_cut(&mut outcast).await;
    assert_eq!(stage.gateway.figures().clients_sent_away, 1);
    innocent.take(10_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn v1_a_client_whose_system_has_no_tls_any_more_is_cut_when_its_certificate_ends() {
    let mut stage = Stage::set(Mode::Bytes, TlsRange::Both).await;
    let now = stage.world.clock.now();
    let mut leaf = LeafSpec::for_name("short", now);
    leaf.not_after = WallTime(now.0 + 3_600);
    let short = client(&stage.world, &stage.other, &leaf, TlsRange::Both);
    let mut innocent = stage.flood(&stage.innocent).await;
    let mut short = stage.flood(&short).await;
    stage.serve_events_alone(false).await;
    stage.world.clock.shift(2 * 3_600);
    is_cut(&mut short).await;
    innocent.take(10_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn v1_a_client_in_its_handshake_is_judged_by_whom_the_reload_believes() {
    for mode in Mode::BOTH {
        let mut stage = Stage::set(mode, TlsRange::Both).await;
        let accepted = stage.gateway.figures().connections_accepted;
        let tcp = TcpStream::connect(stage.listen).await.expect("connected");
        let gateway = &stage.gateway;
        until("it is accepted", || {
            gateway.figures().connections_accepted > accepted
        })
        .await;
        stage.drop_the_other().await;
        let shaken = Raw::tls_over(tcp, &stage.outcast).await;
        if let Ok(mut line) = shaken {
            let _gone = line.send(REQUEST).await;
            assert!(line.answer().await.is_err(), "{mode:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn v1_a_client_whose_certificate_ends_while_it_is_connected_is_sent_away() {
    for mode in Mode::BOTH {
        let stage = Stage::set(mode, TlsRange::Both).await;
        let now = stage.world.clock.now();
        let mut leaf = LeafSpec::for_name("short", now);
        leaf.not_after = WallTime(now.0 + 3_600);
        let short = client(&stage.world, &stage.other, &leaf, TlsRange::Both);
        let mut innocent = stage.open(&stage.innocent).await;
        let mut short = stage.open(&short).await;
        stage.world.clock.shift(2 * 3_600);
        is_sent_away(&mut short).await;
        innocent.send(REQUEST).await.expect("sent");
        innocent.answer().await.expect("still served");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn v1_a_client_without_a_certificate_is_sent_away_when_one_is_required() {
    for mode in Mode::BOTH {
        let ask = |ini: &mut Deployment| {
            let ssl = ini.ssl.as_mut().expect("TLS");
            ssl.set("SSL_SERVER_CLIENT", "CLIENT_AUTH", "request");
        };
        let mut stage = Stage::with(mode, TlsRange::Both, ask).await;
        let nobody = without_certificate(&stage.world);
        let mut innocent = stage.open(&stage.innocent).await;
        let mut nobody = stage.open(&nobody).await;
        stage.listen_at(mode, stage.listen).await;
        is_sent_away(&mut nobody).await;
        innocent.send(REQUEST).await.expect("sent");
        innocent.answer().await.expect("still served");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn v1_a_client_whose_listener_moved_meanwhile_is_sent_away_as_well() {
    for mode in Mode::BOTH {
        let mut stage = Stage::set(mode, TlsRange::Both).await;
        let mut innocent = stage.open(&stage.innocent).await;
        let mut outcast = stage.open(&stage.outcast).await;
        let all = SocketAddr::from((Ipv4Addr::UNSPECIFIED, stage.listen.port()));
        stage.listen_at(mode, all).await;
        outcast.send(REQUEST).await.expect("sent");
        outcast.answer().await.expect("still believed");
        stage.drop_the_other().await;
        is_sent_away(&mut outcast).await;
        innocent.send(REQUEST).await.expect("sent");
        innocent.answer().await.expect("still served");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn v1_a_caller_that_never_stops_asking_is_cut_after_an_answer() {
    let mut stage = Stage::set(Mode::Bytes, TlsRange::Both).await;
    let mut outcast = stage.open(&stage.outcast).await;
    let asking = tokio::spawn(async move {
        while outcast.send(REQUEST).await.is_ok() && outcast.answer().await.is_ok() {}
    });
    stage.drop_the_other().await;
    let out = timeout(OUT + OUT / 2, asking).await;
    out.expect("cut in time").expect("no panic");
}
