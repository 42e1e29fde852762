//! Every deployment, with every kind of files, carries requests and events from end to end.

use std::path::Path;

use crmgate::gateway::Gateway;
use crmgate::model::{Endpoint, HostPort, Scheme, Side};
use crmgate::simulate::{
    CaModel, Caller, CallerSpec, CrmProfile, Deployment, Ending, EventPath, EventReceiver,
    EventSource, FileLayout, ICM_IDLE, Ledger, Pace, Party, Pki, Port, SimConnector,
};
use rustls::pki_types::CertificateDer;
use tempfile::TempDir;

use crate::support::host::{Host, Meets, private, serve};
use crate::support::{World, until};

/// Both models of CAs, each with every layout of files.
const KINDS: [(CaModel, FileLayout); 6] = [
    (CaModel::One, FileLayout::CertificateFirst),
    (CaModel::One, FileLayout::KeyFirst),
    (CaModel::One, FileLayout::Pair),
    (CaModel::Separate, FileLayout::CertificateFirst),
    (CaModel::Separate, FileLayout::KeyFirst),
    (CaModel::Separate, FileLayout::Pair),
];

/// A connector host: the connector itself, and a gateway in front of it with its own certificate.
struct ConnectorHost {
    side: SimConnector,
    requests: Port,
    events: Port,
    _host: Host,
    gateway: Gateway,
}

impl ConnectorHost {
    /// `events_over`: the proxy host whose static route events take.
    async fn start(world: &World, side: Side, crm: &Endpoint, events_over: Option<&Port>) -> Self {
        let connector = world.side(side);
        let [requests, events] = ports();
        let layout = world.pki.layout();
        let host = Host::of(&world.pki, Party::Side(side), layout);
        // SAP CRM itself calls here, or the proxy for it.
        let mut deployment = Host::deployment(&world.pki, layout, Meets::Both, Meets::Crm)
            .requests(requests.addr(), &connector.endpoint(), None)
            .events(events.addr(), crm);
        if let Some(proxy) = events_over {
            let token = format!("SSL PROXY={}", proxy.addr());
            deployment.system.set("Config", "TpiDllParameter", token);
        }
        let gateway = host.serve(&deployment).await;
        Self {
            side: connector,
            requests,
            events,
            _host: host,
            gateway,
        }
    }

    /// As a side of a proxy's ini file.
    fn endpoint(&self) -> Endpoint {
        Endpoint {
            scheme: Scheme::Https,
            target: HostPort::from_addr(self.requests.addr()),
        }
    }
}

fn ports<const N: usize>() -> [Port; N] {
    std::array::from_fn(|_| Port::reserve().expect("a port"))
}

/// How SAP CRM calls here.
fn crm_of(pki: &Pki, gateway: &Port) -> CallerSpec {
    let mut profile = CrmProfile::new(gateway.addr());
    profile.tls = Some(pki.peer(Party::Crm));
    profile.caller().expect("a caller")
}

/// Three requests of SAP CRM, over two connections, whose server shows this certificate.
async fn assert_requests_pass(spec: CallerSpec, ledger: &Ledger, shown: &CertificateDer<'static>) {
    let mut caller = Caller::new(spec, ledger.clone());
    for call in 0..3 {
        let ending = caller.call().await;
        assert_eq!(ending, Ending::Answered);
        if call == 1 {
            caller.hang_up().await;
        }
    }
    let figures = caller.figures();
    assert_eq!((figures.full, figures.resumed), (1, 1));
    assert_eq!(figures.server_certificate.as_ref(), Some(shown));
}

/// Three events of a connector, on this way.
async fn assert_events_pass(
    name: &str,
    path: &EventPath,
    receiver: &EventReceiver,
    ledger: &Ledger,
) {
    let before = receiver.received();
    let source = EventSource::start(name, path, Pace::steady(200.0), ledger).expect("a source");
    until(format!("events of {name} arrive"), || {
        receiver.received() >= before + 3
    })
    .await;
    source.stop().await;
    let tally = ledger.tally();
    assert!(
        tally.is_clean() && tally.reported_in_all() == 0,
        "{tally:?}"
    );
}

async fn direct(world: &World) {
    let (receiver, crm) = world.receiver();
    let host = ConnectorHost::start(world, Side::A, &crm, None).await;
    let shown = &world.pki.identity(Party::Side(Side::A)).der;
    assert_requests_pass(crm_of(&world.pki, &host.requests), &world.ledger, shown).await;
    let path = EventPath::Listener(host.events.addr());
    assert_events_pass("A", &path, &receiver, &world.events).await;
    assert!(host.side.executed() == 3 && host.gateway.is_whole());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_direct_deployment_carries_requests_and_events() {
    for (model, layout) in KINDS {
        direct(&World::with(model, layout)).await;
    }
}

/// A proxy host in front of both connector hosts.
struct Proxy {
    requests: Port,
    _host: Host,
    gateway: Gateway,
}

impl Proxy {
    async fn start(
        world: &World,
        sides: [&ConnectorHost; 2],
        adjust: impl FnOnce(Deployment) -> Deployment,
    ) -> Self {
        let [requests] = ports();
        let layout = world.pki.layout();
        let host = Host::of(&world.pki, Party::Gateway, layout);
        let [a, b] = sides;
        let mut deployment = Host::deployment(&world.pki, layout, Meets::Crm, Meets::Company)
            .requests(requests.addr(), &a.endpoint(), Some(&b.endpoint()));
        deployment.system.set("Probe", "Type", "tcp");
        let gateway = host.serve(&adjust(deployment)).await;
        Self {
            requests,
            _host: host,
            gateway,
        }
    }

    /// Makes side B the active one, as an operator does.
    async fn switch_to_b(&self) {
        let system = "SAP1".parse().expect("a name");
        assert!(self.gateway.switch(&system, Side::B, "a test"));
        let is_b = || self.gateway.status().sides[0].1 == Side::B;
        until("side B is active", is_b).await;
    }
}

async fn failover(world: &World, passthrough: bool) {
    let (receiver, crm) = world.receiver();
    let a = ConnectorHost::start(world, Side::A, &crm, None).await;
    let b = ConnectorHost::start(world, Side::B, &crm, None).await;
    let proxy = Proxy::start(world, [&a, &b], |mut deployment| {
        if passthrough {
            deployment.system.set("Requests", "Mode", "passthrough");
        }
        deployment
    })
    .await;
    let shown = |party: Party| {
        // In passthrough SAP CRM meets the side itself.
        let party = if passthrough { party } else { Party::Gateway };
        world.pki.identity(party).der.clone()
    };
    let spec = || crm_of(&world.pki, &proxy.requests);
    assert_requests_pass(spec(), &world.ledger, &shown(Party::Side(Side::A))).await;
    proxy.switch_to_b().await;
    assert_requests_pass(spec(), &world.ledger, &shown(Party::Side(Side::B))).await;
    assert_eq!((a.side.executed(), b.side.executed()), (3, 3));
    for (name, host) in [("A", &a), ("B", &b)] {
        let path = EventPath::Listener(host.events.addr());
        assert_events_pass(name, &path, &receiver, &world.events).await;
    }
    let tally = world.ledger.tally();
    assert!(tally.is_clean() && tally.answered == 6, "{tally:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_failover_deployment_carries_requests_to_the_active_side_and_events_past_the_proxy() {
    for (model, layout) in KINDS {
        failover(&World::with(model, layout), false).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_failover_deployment_in_passthrough_lets_sap_crm_meet_the_side_itself() {
    for (model, layout) in KINDS {
        failover(&World::with(model, layout), true).await;
    }
}

async fn static_route(world: &World) {
    let (receiver, _) = world.receiver();
    let [route] = ports();
    // The name that TLS has to prove; the port is that of the route on the proxy host.
    let crm = format!("https://localhost:{}", route.addr().port());
    let crm: Endpoint = crm.parse().expect("an endpoint");
    let a = ConnectorHost::start(world, Side::A, &crm, Some(&route)).await;
    let b = ConnectorHost::start(world, Side::B, &crm, Some(&route)).await;
    let proxy = Proxy::start(world, [&a, &b], |deployment| {
        deployment.static_route(route.addr(), receiver.addr())
    })
    .await;
    let shown = world.pki.identity(Party::Gateway).der.clone();
    assert_requests_pass(crm_of(&world.pki, &proxy.requests), &world.ledger, &shown).await;
    for (name, host) in [("A", &a), ("B", &b)] {
        let path = EventPath::Listener(host.events.addr());
        assert_events_pass(name, &path, &receiver, &world.events).await;
    }
    // Each connector's TLS ended at the CRM: the proxy relayed and shook no hands for it.
    let figures = proxy.gateway.figures();
    assert_eq!(
        (
            figures.relayed_connections,
            figures.exchanges_event_answered
        ),
        (2, 0)
    );
    assert_eq!(receiver.figures().full + receiver.figures().resumed, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_static_route_deployment_carries_events_through_the_proxy_host() {
    for (model, layout) in KINDS {
        static_route(&World::with(model, layout)).await;
    }
}

/// Adds a second SAP system, with its own CA, certificate and section of `ssl.ini`, to a world.
fn second_system(world: &World, first: &mut Deployment) -> (World, Deployment) {
    let other = World::with(CaModel::One, FileLayout::KeyFirst);
    let folder = world.path().join("ssl2");
    std::fs::create_dir(&folder).expect("a folder");
    private(
        &folder.join("ca.pem"),
        &other.pki.authority(Party::Gateway).pem(),
    );
    let identity = other.pki.identity(Party::Gateway);
    private(&folder.join("own.pem"), &identity.combined_pem());
    let ssl = first.ssl.as_mut().expect("TLS");
    let section = "SSL_SERVER_CLIENT SAP2";
    ssl.set(section, "CA_FILE", "./ssl2/ca.pem");
    ssl.set(section, "PEM_FILE", "./ssl2/own.pem");
    let mut second = Deployment::new("SAP2");
    second.system.set("Config", "TpiDllParameter", "SSL");
    second.gateway = first.gateway.clone();
    second.ssl.clone_from(&first.ssl);
    (other, second)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_sap_systems_in_one_process_have_their_own_ports_certificates_and_trust() {
    let one = World::new();
    let mut first = one.deployment();
    let (two, second) = second_system(&one, &mut first);
    let [to_one, to_two, events_one, events_two] = ports();
    let ((crm_one, at_one), (crm_two, at_two)) = (one.receiver(), two.receiver());
    let (side_one, side_two) = (one.side(Side::A), two.side(Side::A));
    first
        .requests(to_one.addr(), &side_one.endpoint(), None)
        .events(events_one.addr(), &at_one)
        .write(one.path())
        .expect("ini files");
    let second = second
        .requests(to_two.addr(), &side_two.endpoint(), None)
        .events(events_two.addr(), &at_two);
    let gateway = one.serve(&second).await;
    for (world, port) in [(&one, &to_one), (&two, &to_two)] {
        let shown = &world.pki.identity(Party::Gateway).der;
        assert_requests_pass(crm_of(&world.pki, port), &world.ledger, shown).await;
    }
    for (world, port, crm) in [(&one, &events_one, &crm_one), (&two, &events_two, &crm_two)] {
        let path = EventPath::Listener(port.addr());
        assert_events_pass("A", &path, crm, &world.events).await;
    }
    // Each system's CRM is a stranger at the other system's door.
    for (world, port) in [(&one, &to_two), (&two, &to_one)] {
        let strangers = Ledger::new();
        let mut caller = Caller::new(crm_of(&world.pki, port), strangers.clone());
        assert!(matches!(caller.call().await, Ending::Broken(_)));
        assert_eq!(strangers.tally().executions, 0);
    }
    assert_eq!((side_one.executed(), side_two.executed()), (3, 3));
    assert_eq!(gateway.status().sides.len(), 2);
}

/// A shipped folder in a directory of its own, with other addresses. Every replacement has to find
/// its text, so that a change of a shipped file does not go past the test.
struct Shipped {
    dir: TempDir,
}

impl Shipped {
    fn copy(folder: &str, replacements: &[(&str, String)]) -> Self {
        let from = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("config")
            .join(folder);
        let mut ini =
            std::fs::read_to_string(from.join("CRMConnectorSAP_SAP1.ini")).expect("a shipped file");
        for (shipped, own) in replacements {
            assert_eq!(ini.matches(shipped).count(), 1, "{shipped:?} in {folder}");
            ini = ini.replace(shipped, own);
        }
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::write(dir.path().join("CRMConnectorSAP_SAP1.ini"), ini).expect("a file");
        for name in ["ssl.ini", "crmgate.ini"] {
            std::fs::copy(from.join(name), dir.path().join(name)).expect("a shipped file");
        }
        std::fs::create_dir(dir.path().join("ssl")).expect("a folder");
        Self { dir }
    }

    /// Puts files under the names that the shipped `ssl.ini` gives them.
    fn put(&self, name: &str, text: &str) {
        private(&self.dir.path().join("ssl").join(name), text);
    }

    async fn serve(&self) -> Gateway {
        let named = crmgate::config::load(self.dir.path());
        assert!(named.problems.is_empty(), "{}", named.problems);
        serve(self.dir.path()).await
    }
}

const COMPANY_CA: &str = "(Company CA Certificate).pem";
const CRM_CA: &str = "(CRM Side CA Certificate).pem";
const OF_PROXY: &str = "(Connects for SAP Certificate Proxy).pem";

/// Requests and events through one of the two shipped folders for a connector host.
async fn shipped_connector_host(world: &World, folder: &str, put: impl FnOnce(&Shipped)) {
    let (receiver, crm) = world.receiver();
    let side = world.side(Side::A);
    let [requests, events] = ports();
    let shipped = Shipped::copy(
        folder,
        &[
            ("0.0.0.0:8443", requests.addr().to_string()),
            ("http://127.0.0.1:8080", side.endpoint().to_string()),
            ("127.0.0.1:8081", events.addr().to_string()),
            ("https://crm.example.com:44300", crm.to_string()),
        ],
    );
    put(&shipped);
    let _gateway = shipped.serve().await;
    let shown = &world.pki.identity(Party::Gateway).der;
    assert_requests_pass(crm_of(&world.pki, &requests), &world.ledger, shown).await;
    let path = EventPath::Listener(events.addr());
    assert_events_pass("A", &path, &receiver, &world.events).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_shipped_folder_direct_runs_and_carries_requests_and_events() {
    let world = World::new();
    shipped_connector_host(&world, "direct", |shipped| {
        shipped.put(COMPANY_CA, &world.pki.authority(Party::Gateway).pem());
        let identity = world.pki.identity(Party::Gateway);
        shipped.put(
            "(Connects for SAP Certificate).pem",
            &identity.combined_pem(),
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_shipped_folder_separate_ca_runs_and_carries_requests_and_events() {
    let world = World::with(CaModel::Separate, FileLayout::Pair);
    shipped_connector_host(&world, "separate-ca", |shipped| {
        shipped.put(CRM_CA, &world.pki.authority(Party::Crm).pem());
        let identity = world.pki.identity(Party::Gateway);
        let name = |what: &str| format!("(Connects for SAP Certificate \u{2013} {what} file).pem");
        shipped.put(&name("cert"), &identity.certificate_pem);
        shipped.put(&name("key"), &identity.key_pem);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_shipped_folder_failover_runs_and_carries_requests_to_either_side() {
    let world = World::new();
    let (a, b) = (world.tls_side(Side::A), world.tls_side(Side::B));
    let [requests] = ports();
    let shipped = Shipped::copy(
        "failover",
        &[
            ("0.0.0.0:8443", requests.addr().to_string()),
            ("https://side-a.example:8443", a.endpoint().to_string()),
            ("https://side-b.example:8443", b.endpoint().to_string()),
        ],
    );
    shipped.put(COMPANY_CA, &world.pki.authority(Party::Gateway).pem());
    let identity = world.pki.identity(Party::Gateway);
    shipped.put(OF_PROXY, &identity.combined_pem());
    let gateway = shipped.serve().await;
    for side in [Side::A, Side::B] {
        let system = "SAP1".parse().expect("a name");
        assert!(gateway.switch(&system, side, "a test"));
        until("the side is active", || gateway.status().sides[0].1 == side).await;
        let spec = crm_of(&world.pki, &requests);
        assert_requests_pass(spec, &world.ledger, &identity.der).await;
    }
    assert_eq!((a.executed(), b.executed()), (3, 3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_shipped_folder_static_route_runs_and_carries_requests_and_events() {
    let world = World::with(CaModel::Separate, FileLayout::CertificateFirst);
    let (a, b) = (world.tls_side(Side::A), world.tls_side(Side::B));
    let [requests, route, crm] = ports();
    let receiver = {
        let tls = world.pki.peer(Party::Crm);
        EventReceiver::start(&crm, Some(&tls), ICM_IDLE, &world.events).expect("a receiver")
    };
    let line = format!("{}={}\nBind=127.0.0.1", route.addr().port(), crm.addr());
    let shipped = Shipped::copy(
        "static-route",
        &[
            ("0.0.0.0:8443", requests.addr().to_string()),
            ("https://side-a.example:8443", a.endpoint().to_string()),
            ("https://side-b.example:8443", b.endpoint().to_string()),
            ("44300=crm.example.com", line),
        ],
    );
    shipped.put(CRM_CA, &world.pki.authority(Party::Crm).pem());
    shipped.put(COMPANY_CA, &world.pki.authority(Party::Gateway).pem());
    let identity = world.pki.identity(Party::Gateway);
    shipped.put(OF_PROXY, &identity.combined_pem());
    let _gateway = shipped.serve().await;
    assert_requests_pass(crm_of(&world.pki, &requests), &world.ledger, &identity.der).await;
    let path = EventPath::StaticRoute {
        route: route.addr(),
        tls: world.pki.peer(Party::Side(Side::A)),
        crm: crm.addr(),
    };
    assert_events_pass("A", &path, &receiver, &world.events).await;
    assert_eq!((a.executed(), b.executed()), (3, 0));
}
