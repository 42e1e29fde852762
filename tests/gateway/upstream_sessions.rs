//! Sessions that servers have granted us, at servers of rustls and of OpenSSL, in both versions of
//! TLS, from the cache of the server and by ticket.

use std::net::SocketAddr;
use std::time::Duration;

use crmgate::certs::issue::{Authority, Issued, LeafSpec};
use crmgate::gateway::Gateway;
use crmgate::simulate::{Deployment, Party, PeerTls, TlsRange};
use rustls::crypto::aws_lc_rs::Ticketer;

use crate::support::crossing::Crossing;
use crate::support::openssl::OpenSslServer;
use crate::support::recorder::{Recorder, Step, always};
use crate::support::visitor::{Library, Version, Visit, Visitor, Way};
use crate::support::{World, free_address, until};

/// What a server says that closes behind it. Without the word the next request could be on its way in a
/// connection that is just being closed.
const LAST: &str = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nfine";

/// A server that would take up any session of its own, whoever offers it.
enum Server {
    Rustls(Recorder),
    OpenSsl(SocketAddr, OpenSslServer),
}

impl Server {
    async fn start(way: Way, own: &Issued, authority: &Authority) -> Self {
        if way.library == Library::OpenSsl {
            let at = free_address();
            let server = OpenSslServer::start(at, way, own, &authority.pem()).await;
            return Self::OpenSsl(at, server);
        }
        let range = match way.version {
            Version::Tls12 => TlsRange::Only12,
            Version::Tls13 => TlsRange::Only13,
        };
        let peer = PeerTls::new(own, authority.der(), &[authority.der()]).speaking(range);
        let mut config = peer.server().expect("TLS");
        if way.tickets {
            config.ticketer = Ticketer::new().expect("keys");
        }
        let script = always(vec![Step::send(LAST), Step::Close]);
        Self::Rustls(Recorder::with(Some(config), script, None).await)
    }

    fn addr(&self) -> SocketAddr {
        match self {
            Self::Rustls(recorder) => recorder.addr(),
            Self::OpenSsl(at, _server) => *at,
        }
    }
}

/// A gateway in front of one server, which sees a connection for every request.
struct Stage {
    world: World,
    server: Server,
    deployment: Deployment,
    gateway: Gateway,
    listen: SocketAddr,
    crm: Visitor,
}

impl Stage {
    async fn set(way: Way) -> Self {
        let world = World::new();
        let spec = LeafSpec {
            alternative_names: ["127.0.0.1", "localhost"].map(str::to_owned).to_vec(),
            ..LeafSpec::for_name("server", world.clock.now())
        };
        let company = world.pki.authority(Party::Gateway);
        let own = company.issue(&spec).expect("a certificate");
        let server = Server::start(way, &own, company).await;
        let listen = free_address();
        let side = format!("https://{}", server.addr());
        let side = side.parse().expect("an endpoint");
        let mut deployment = world.deployment().requests(listen, &side, None);
        deployment.system.set("Probe", "Type", "off");
        let gateway = world.serve(&deployment).await;
        let identity = world.pki.identity(Party::Crm);
        let mut crm = Visitor::new(
            Library::Rustls,
            Version::Tls13,
            Some(identity),
            company.pem(),
        );
        crm.send("GET / HTTP/1.1\r\nHost: gw\r\nConnection: close\r\n\r\n");
        Self {
            world,
            server,
            deployment,
            gateway,
            listen,
            crm,
        }
    }

    async fn reload(&mut self) {
        self.deployment.write(self.world.path()).expect("files");
        let done = self.gateway.reload().await;
        done.unwrap_or_else(|problems| panic!("refused:\n{problems}"));
    }

    /// Handshakes with the server so far: from the beginning, and with a session.
    fn handshakes(&self) -> (u64, u64) {
        let figures = self.gateway.figures();
        (
            figures.handshakes_outbound_full,
            figures.handshakes_outbound_resumed,
        )
    }

    /// How two requests, one after the other, come to the server.
    async fn ask_twice(&self) -> (u64, u64) {
        let (full, resumed) = self.handshakes();
        for _ in 0..2 {
            let visit = self.crm.leave(self.listen, 1).await;
            assert_eq!(visit, Visit::Full);
        }
        let now = self.handshakes();
        (now.0 - full, now.1 - resumed)
    }

    /// Leads the requests to the same server by another address.
    async fn side(&mut self, side: String) {
        self.deployment.system.set("Requests", "SideA", side);
        self.reload().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r8_a_session_is_offered_to_no_other_port_or_name_and_under_no_other_certificate_or_trust()
{
    const ANEW: (u64, u64) = (1, 1);
    const BY_SESSION: (u64, u64) = (0, 2);
    for way in Way::all(false).into_iter().chain(Way::all(true)) {
        let mut stage = Stage::set(way).await;
        assert_eq!(stage.ask_twice().await, ANEW, "{way:?}");
        stage.reload().await;
        assert_eq!(stage.ask_twice().await, BY_SESSION, "{way:?}: unchanged");
        let crossing = Crossing::to(stage.server.addr()).await;
        let port = crossing.addr().port();
        stage.side(format!("https://127.0.0.1:{port}")).await;
        assert_eq!(stage.ask_twice().await, ANEW, "{way:?}: another port");
        stage.side(format!("https://localhost:{port}")).await;
        assert_eq!(stage.ask_twice().await, ANEW, "{way:?}: another name");
        let now = stage.world.clock.now();
        stage.world.pki.renew(Party::Gateway, now).expect("renewed");
        stage.reload().await;
        assert_eq!(stage.ask_twice().await, ANEW, "{way:?}: our certificate");
        let more = Authority::new("More CA", now).expect("an authority");
        let company = stage.world.pki.authority(Party::Gateway).pem();
        let both = format!("{company}{}", more.pem());
        stage.world.pki.write("both.pem", &both).expect("a file");
        let ssl = stage.deployment.ssl.as_mut().expect("TLS");
        ssl.set("SSL_CLIENT", "CA_FILE", "./ssl/both.pem");
        stage.reload().await;
        assert_eq!(stage.ask_twice().await, ANEW, "{way:?}: whom we trust");
        assert_eq!(stage.ask_twice().await, BY_SESSION, "{way:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r8_a_probe_takes_up_no_session_of_a_request_and_leaves_none() {
    for way in Way::all(false).into_iter().chain(Way::all(true)) {
        let mut stage = Stage::set(way).await;
        let keys = &mut stage.deployment.system;
        keys.set("Probe", "Type", "tls");
        keys.set("Probe", "Interval", "50ms");
        stage.reload().await;
        let probed = async |stage: &Stage| {
            let passed = || stage.gateway.figures().probes_passed;
            let goal = passed() + 3;
            until("three more probes have passed", || passed() >= goal).await;
        };
        probed(&stage).await;
        assert_eq!(stage.handshakes().1, 0, "{way:?}: of a probe by a probe");
        assert_eq!(stage.ask_twice().await.1, 1, "{way:?}: by requests");
        probed(&stage).await;
        assert_eq!(stage.handshakes().1, 1, "{way:?}: by a probe");
        assert_eq!(stage.ask_twice().await.1, 2, "{way:?}: by requests");
        let limit = Duration::from_secs(5);
        let drained = stage.gateway.drain(limit, std::future::pending()).await;
        assert!(drained.cut.is_empty(), "{drained:?}");
    }
}
