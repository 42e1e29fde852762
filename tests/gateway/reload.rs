//! A reload puts everything that can be written into the files in force, and costs no caller
//! anything.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use crmgate::certs::issue::Authority;
use crmgate::gateway::Gateway;
use crmgate::model::{Endpoint, ListenAddr, Side};
use crmgate::simulate::{Behaviour, Caller, Deployment, Ending, Pace, Party, SimConnector, SimCrm};
use tokio::net::TcpStream;

#[cfg(target_os = "linux")]
use crate::support::{Daemon, process, soak};
use crate::support::{World, bound, free_address, soon, until};

/// A gateway with one side, and what it was started from.
struct Stage {
    world: World,
    side: SimConnector,
    deployment: Deployment,
    gateway: Gateway,
    listen: SocketAddr,
}

impl Stage {
    async fn new() -> Self {
        let world = World::new();
        let side = world.side(Side::A);
        let listen = free_address();
        let deployment = world.deployment().requests(listen, &side.endpoint(), None);
        let gateway = world.serve(&deployment).await;
        Self {
            world,
            side,
            deployment,
            gateway,
            listen,
        }
    }

    fn caller(&self) -> Caller {
        self.caller_to(self.listen)
    }

    fn caller_to(&self, gateway: SocketAddr) -> Caller {
        let spec = self.world.crm(gateway).caller().expect("a caller");
        Caller::new(spec, self.world.ledger.clone())
    }

    /// Writes the deployment as it is now and puts it in force.
    async fn reload(&mut self) {
        let files = self.deployment.write(self.world.path());
        files.expect("ini files");
        let done = self.gateway.reload().await;
        done.unwrap_or_else(|problems| panic!("refused:\n{problems}"));
    }

    /// One more authority in the file of those that are believed.
    fn believe_another_authority(&self) {
        let now = self.world.clock.now();
        let another = Authority::new("Another CA", now).expect("an authority");
        let company = self.world.pki.authority(Party::Gateway).pem();
        let both = format!("{company}{}", another.pem());
        let written = self.world.pki.write("company-ca.pem", &both);
        written.expect("written");
    }

    async fn end(mut self) {
        self.gateway
            .drain(Duration::from_secs(5), std::future::pending())
            .await;
        let tally = self.world.ledger.tally();
        assert!(tally.is_clean(), "{tally:?}");
    }
}

/// A call that has to be answered.
async fn answered(caller: &mut Caller) {
    let ending = caller.call().await;
    assert_eq!(ending, Ending::Answered);
}

/// A call that has to be answered on a new connection.
async fn answered_anew(caller: &mut Caller) {
    caller.hang_up().await;
    answered(caller).await;
}

async fn is_open(listen: SocketAddr) -> bool {
    TcpStream::connect(listen).await.is_ok()
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reloads_with_new_certificates_under_load_fail_nothing_close_nothing_and_leak_nothing() {
    let mut world = World::new();
    let side = world.side(Side::A);
    let listen = free_address();
    let deployment = world.deployment().requests(listen, &side.endpoint(), None);
    deployment.write(world.path()).expect("ini files");
    let mut daemon = Daemon::serving(world.path()).await;
    let mut profile = world.crm(listen);
    (profile.agents, profile.pace) = (10, Pace::steady(20.0));
    let crm = SimCrm::start(&profile, &world.ledger).expect("agents");
    let mut visitor = Caller::new(profile.caller().expect("a caller"), world.ledger.clone());
    // Pools and session stores have their size once there was some traffic.
    let (warm, rounds) = (20, if soak() { 1_000 } else { 200 });
    let mut before = (0, 0);
    for round in 0..warm + rounds {
        let now = world.clock.now();
        world.pki.renew(Party::Gateway, now).expect("renewed");
        daemon.signal("HUP");
        daemon.until_said_again("reloaded:", round).await;
        // In force means: the very next connection sees it.
        answered_anew(&mut visitor).await;
        let shown = visitor.figures().server_certificate;
        assert_eq!(
            shown.as_ref(),
            Some(&world.pki.identity(Party::Gateway).der)
        );
        if round + 1 == warm {
            before = used(&daemon);
        }
    }
    visitor.hang_up().await;
    let after = used(&daemon);
    let figures = crm.stop().await;
    let tally = world.ledger.tally();
    assert!(
        tally.is_clean() && tally.answered == tally.sent,
        "{tally:?}"
    );
    assert_eq!((figures.connections, figures.failed), (10, 0));
    assert!(
        after.0 <= before.0 + SPARE_DESCRIPTORS,
        "{before:?}, then {after:?}"
    );
    assert!(
        after.1 <= before.1 + SPARE_MEMORY,
        "{before:?}, then {after:?}"
    );
    assert!(
        !daemon.said().contains("reload refused"),
        "{}",
        daemon.said()
    );
}

/// Descriptors and resident memory.
#[cfg(target_os = "linux")]
fn used(daemon: &Daemon) -> (usize, u64) {
    (
        process::descriptors(daemon.pid()),
        process::resident(daemon.pid()),
    )
}

/// A connection to the side may be open or not at the moment of counting.
#[cfg(target_os = "linux")]
const SPARE_DESCRIPTORS: usize = 8;

/// Allowed for a thousand reloads: the allocator's arenas breathe by as much.
#[cfg(target_os = "linux")]
const SPARE_MEMORY: u64 = 1024 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_in_flight_survives_a_reload_that_changes_everything() {
    let mut stage = Stage::new().await;
    stage.side.behave(Behaviour::Hang);
    let mut caller = stage.caller();
    let call = tokio::spawn(async move {
        let ending = caller.call().await;
        (caller, ending)
    });
    until("the side has the request", || {
        stage.side.figures().connections == 1
    })
    .await;
    stage.believe_another_authority();
    let now = stage.world.clock.now();
    stage.world.pki.renew(Party::Gateway, now).expect("renewed");
    let other = stage.world.side(Side::A);
    stage
        .deployment
        .system
        .set("Requests", "SideA", other.endpoint());
    stage
        .deployment
        .system
        .set("Requests", "Listen", free_address());
    stage.deployment.gateway.set("Limits", "MaxBodySize", 1024);
    stage.reload().await;
    stage.side.behave(Behaviour::Serve(Duration::ZERO));
    let (caller, ending) = call.await.expect("no panic");
    assert_eq!(ending, Ending::Answered);
    assert_eq!((stage.side.executed(), other.executed()), (1, 0));
    assert!(!caller.is_connected(), "its listener is gone");
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kept_connections_stay_over_a_renewal_of_the_certificate() {
    let mut stage = Stage::new().await;
    let mut caller = stage.caller();
    answered(&mut caller).await;
    for _ in 0..3 {
        let now = stage.world.clock.now();
        stage.world.pki.renew(Party::Gateway, now).expect("renewed");
        stage.reload().await;
        answered(&mut caller).await;
    }
    assert_eq!(caller.figures().connections, 1);
    drop(caller);
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kept_connections_stay_once_another_authority_is_believed_too() {
    let mut stage = Stage::new().await;
    let mut caller = stage.caller();
    answered(&mut caller).await;
    stage.believe_another_authority();
    stage.reload().await;
    answered(&mut caller).await;
    assert_eq!(caller.figures().connections, 1);
    drop(caller);
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_are_resumed_over_reloads_also_when_another_authority_is_believed() {
    let mut stage = Stage::new().await;
    let mut caller = stage.caller();
    answered(&mut caller).await;
    for resumed in 1..=3 {
        stage
            .deployment
            .gateway
            .set("Limits", "MaxHeaders", 100 + resumed);
        stage.reload().await;
        answered_anew(&mut caller).await;
        assert_eq!(
            (caller.figures().full, caller.figures().resumed),
            (1, resumed)
        );
    }
    stage.believe_another_authority();
    stage.reload().await;
    answered_anew(&mut caller).await;
    assert_eq!((caller.figures().full, caller.figures().resumed), (1, 4));
    drop(caller);
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_opens_added_listeners_and_closes_removed_ones() {
    let mut stage = Stage::new().await;
    let added = free_address();
    let both = format!("{},{added}", stage.listen);
    stage.deployment.system.set("Requests", "Listen", both);
    stage.reload().await;
    let (mut old, mut new) = (stage.caller(), stage.caller_to(added));
    answered(&mut old).await;
    answered(&mut new).await;
    stage.deployment.system.set("Requests", "Listen", added);
    stage.reload().await;
    // Each thread closes its share when it comes to it.
    soon(async { while is_open(stage.listen).await {} }).await;
    answered(&mut new).await;
    assert_eq!(new.figures().connections, 1);
    // Whoever came in by the old door is answered once more, and comes by the new one then.
    answered(&mut old).await;
    assert!(!old.is_connected());
    drop(new);
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_moves_between_one_address_and_all_on_the_same_port_under_load() {
    let mut stage = Stage::new().await;
    let mut profile = stage.world.crm(stage.listen);
    (profile.agents, profile.pace) = (4, Pace::steady(20.0));
    let crm = SimCrm::start(&profile, &stage.world.ledger).expect("agents");
    let all = SocketAddr::from((Ipv4Addr::UNSPECIFIED, stage.listen.port()));
    for listen in [all, stage.listen, all, stage.listen] {
        stage.deployment.system.set("Requests", "Listen", listen);
        stage.reload().await;
        let listeners = stage.gateway.status().listeners;
        assert_eq!(listeners, [(ListenAddr::new(listen), listen)]);
        answered(&mut stage.caller()).await;
        let sent = stage.world.ledger.tally().sent;
        let ledger = stage.world.ledger.clone();
        until("every agent went on", || ledger.tally().sent > sent + 8).await;
    }
    crm.stop().await;
    let tally = stage.world.ledger.tally();
    assert_eq!(tally.answered, tally.sent, "{tally:?}");
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_another_program_holds_refuses_the_reload_and_harms_nothing() {
    let mut stage = Stage::new().await;
    let foreign = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let held = foreign.local_addr().expect("bound");
    let fresh = free_address();
    let three = format!("{},{fresh},{held}", stage.listen);
    stage.deployment.system.set("Requests", "Listen", three);
    let files = stage.deployment.write(stage.world.path());
    files.expect("ini files");
    let problems = stage.gateway.reload().await.expect_err("held").to_string();
    assert!(
        problems.contains(&format!("the address {held} is in use")),
        "{problems}"
    );
    assert_eq!(stage.gateway.status().last_reload_failure, Some(problems));
    assert!(
        !is_open(fresh).await,
        "what was opened before is closed again"
    );
    answered(&mut stage.caller()).await;
    drop(foreign);
    stage.reload().await;
    assert_eq!(stage.gateway.status().last_reload_failure, None);
    answered(&mut stage.caller_to(held)).await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_that_cannot_open_every_address_lets_nobody_in_by_another_one() {
    let mut stage = Stage::new().await;
    let foreign = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let held = foreign.local_addr().expect("bound");
    let door = free_address();
    let mut listen = vec![stage.listen, door];
    listen.extend((0..20).map(|_| free_address()));
    listen.push(held);
    let listen: Vec<_> = listen.iter().map(SocketAddr::to_string).collect();
    let keys = &mut stage.deployment.system;
    keys.set("Requests", "Listen", listen.join(","));
    let files = stage.deployment.write(stage.world.path());
    files.expect("ini files");
    let knocking = tokio::spawn(async move {
        while !is_open(door).await {
            tokio::task::yield_now().await;
        }
    });
    for _ in 0..20 {
        stage.gateway.reload().await.expect_err("held");
    }
    assert!(!knocking.is_finished(), "somebody was let in");
    knocking.abort();
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_request_of_a_kept_connection_goes_to_the_side_that_a_reload_names() {
    let mut stage = Stage::new().await;
    let mut caller = stage.caller();
    answered(&mut caller).await;
    let other = stage.world.tls_side(Side::A);
    stage
        .deployment
        .system
        .set("Requests", "SideA", other.endpoint());
    stage.reload().await;
    answered(&mut caller).await;
    assert_eq!((stage.side.executed(), other.executed()), (1, 1));
    assert_eq!(caller.figures().connections, 1);
    drop(caller);
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_that_a_reload_changes_count_at_once_and_spare_who_is_inside() {
    let mut stage = Stage::new().await;
    let mut caller = stage.caller();
    answered(&mut caller).await;
    stage.deployment.gateway.set("Limits", "MaxConnections", 1);
    stage.reload().await;
    answered(&mut caller).await;
    let second = stage.caller().call().await;
    assert!(matches!(second, Ending::Broken(_)), "{second:?}");
    assert_eq!(stage.gateway.figures().connections_refused_total, 1);
    stage.deployment.gateway.set("Limits", "MaxConnections", 2);
    stage.reload().await;
    answered(&mut stage.caller()).await;
    answered(&mut caller).await;
    assert_eq!(caller.figures().connections, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_mode_lets_kept_connections_leave_and_new_ones_through() {
    let mut stage = Stage::new().await;
    let side = stage.world.tls_side(Side::A);
    stage
        .deployment
        .system
        .set("Requests", "SideA", side.endpoint());
    stage.reload().await;
    let mut caller = stage.caller();
    answered(&mut caller).await;
    let shown = |caller: &Caller| caller.figures().server_certificate;
    let (gateways, sides) = (
        stage.world.pki.identity(Party::Gateway).der.clone(),
        stage.world.pki.identity(Party::Side(Side::A)).der.clone(),
    );
    assert_eq!(shown(&caller).as_ref(), Some(&gateways));
    stage
        .deployment
        .system
        .set("Requests", "Mode", "passthrough");
    stage.reload().await;
    answered(&mut caller).await;
    assert!(!caller.is_connected());
    answered(&mut caller).await;
    assert_eq!(shown(&caller).as_ref(), Some(&sides), "TLS runs through");
    stage.deployment.system.set("Requests", "Mode", "terminate");
    stage.reload().await;
    answered_anew(&mut caller).await;
    assert_eq!(shown(&caller).as_ref(), Some(&gateways));
    caller.hang_up().await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_and_static_routes_come_and_go_with_reloads() {
    let mut stage = Stage::new().await;
    let (_receiver, crm) = stage.world.receiver();
    let (events, route) = (free_address(), free_address());
    let requests_only = stage.deployment.clone();
    let target = crm_address(&crm);
    stage.deployment = stage
        .deployment
        .clone()
        .events(events, &crm)
        .static_route(route, target);
    stage.reload().await;
    assert!(is_open(events).await && is_open(route).await);
    let local = [events, route].map(|listen| bound(&stage.gateway, listen));
    assert_eq!(local, [events, route]);
    stage.deployment = requests_only;
    stage.reload().await;
    assert!(!is_open(events).await && !is_open(route).await);
    answered(&mut stage.caller()).await;
    stage.end().await;
}

fn crm_address(crm: &Endpoint) -> SocketAddr {
    crm.target.to_string().parse().expect("an address")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_sap_system_comes_and_goes_and_the_first_does_not_notice() {
    let mut stage = Stage::new().await;
    let mut caller = stage.caller();
    answered(&mut caller).await;
    let (other, listen) = (stage.world.side(Side::A), free_address());
    let mut second = Deployment::new("SAP2");
    second.system.set("Config", "TpiDllParameter", "SSL");
    let second = second.requests(listen, &other.endpoint(), None);
    let file = stage.world.path().join("CRMConnectorSAP_SAP2.ini");
    std::fs::write(&file, second.system.to_string()).expect("written");
    stage.reload().await;
    let mut of_second = stage.caller_to(listen);
    answered(&mut of_second).await;
    assert_eq!((stage.side.executed(), other.executed()), (1, 1));
    std::fs::remove_file(&file).expect("removed");
    stage.reload().await;
    assert!(!is_open(listen).await);
    answered(&mut caller).await;
    assert_eq!(caller.figures().connections, 1);
    drop((caller, of_second));
    stage.end().await;
}
