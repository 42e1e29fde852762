//! Events of the connector on their way to SAP CRM, and the CRM's own answer on its way back.

use std::sync::Arc;
use std::time::Duration;

use crmgate::gateway::Gateway;
use crmgate::model::{Endpoint, Side};
use crmgate::simulate::{Deployment, EventPath, EventSource, Pace, Party, Pki, Port};
use rustls::{ClientConfig, RootCertStore};

use crate::support::crossing::Crossing;
use crate::support::message::Message;
use crate::support::raw::{Door, Raw};
use crate::support::recorder::{FINE, Recorder, Step, always};
use crate::support::{Daemon, World, until};

/// A gateway with an events listener in front of a CRM that speaks TLS.
struct Scene {
    world: World,
    crm: Recorder,
    door: Door,
    gateway: Gateway,
    _port: Port,
}

async fn scene(adjust: impl FnOnce(&mut Deployment)) -> Scene {
    let world = World::new();
    let crm = Recorder::fine(Some(&world.pki.peer(Party::Crm))).await;
    let port = Port::reserve().expect("a port");
    let mut deployment = world.deployment().events(port.addr(), &crm.endpoint());
    adjust(&mut deployment);
    let gateway = world.serve(&deployment).await;
    let door = Door {
        addr: port.addr(),
        tls: None,
    };
    Scene {
        world,
        crm,
        door,
        gateway,
        _port: port,
    }
}

/// An event as a connector posts it to this target.
fn event(target: &str, host: &str) -> String {
    format!(
        "POST {target} HTTP/1.1\r\nHost: {host}\r\nContent-Type: text/xml; charset=utf-8\r\n\
         SOAPAction: \"\"\r\nContent-Length: 11\r\n\r\n<ring>1</r>"
    )
}

async fn ask(line: &mut Raw, request: &str) -> Message {
    line.send(request.as_bytes()).await.expect("sent");
    line.answer().await.expect("an answer")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_reaches_the_crm_under_the_crms_own_name_with_its_bytes_untouched() {
    let scene = scene(|_| {}).await;
    let mut line = scene.door.open().await;
    let answer = ask(
        &mut line,
        &event("/sap/bc/ici?sap-client=100", "gateway:8081"),
    )
    .await;
    assert_eq!(answer.status(), 200);
    let arrived = scene.crm.only();
    assert_eq!(arrived.start, "POST /sap/bc/ici?sap-client=100 HTTP/1.1");
    assert_eq!(arrived.value("host"), Some(&*scene.crm.addr().to_string()));
    assert_eq!(arrived.body, b"<ring>1</r>");
    assert_eq!(
        arrived.value("content-type"),
        Some("text/xml; charset=utf-8")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_connector_gets_the_crms_own_answer_whatever_it_is() {
    let scene = scene(|_| {}).await;
    let fault = "HTTP/1.1 500 Internal Server Error\r\nContent-Type: text/xml\r\n\
                 sap-perf-fesrec: 1234\r\nset-cookie: a=1\r\nSet-Cookie: b=2\r\n\
                 content-encoding: gzip\r\nContent-Length: 6\r\n\r\n\x1f\0\0\r\n\x01";
    scene.crm.answer(always(vec![Step::send(fault)]));
    let mut line = scene.door.open().await;
    for _ in 0..2 {
        let answer = ask(&mut line, &event("/ici", "gw")).await;
        assert_eq!(answer.start, "HTTP/1.1 500 Internal Server Error");
        assert_eq!(answer.value("sap-perf-fesrec"), Some("1234"));
        assert_eq!(answer.values("set-cookie"), ["a=1", "b=2"]);
        assert_eq!(answer.value("content-encoding"), Some("gzip"));
        assert_eq!(answer.body, b"\x1f\0\0\r\n\x01");
    }
    let counted = || scene.gateway.figures().exchanges_event_answered == 2;
    until("both are counted", counted).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_crm_is_told_once_that_the_connectors_leg_was_plain() {
    let scene = scene(|_| {}).await;
    let mut line = scene.door.open().await;
    let forged = event("/ici", "gw").replace(
        "Content-Type",
        "ClientProtocol: https\r\nConnection: clientprotocol\r\nContent-Type",
    );
    ask(&mut line, &forged).await;
    assert_eq!(scene.crm.only().values("clientprotocol"), ["http"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_crm_is_told_nothing_about_the_connectors_leg_if_so_configured() {
    let scene = scene(|deployment| {
        deployment.system.set("Events", "ClientProtocol", "no");
    })
    .await;
    ask(&mut scene.door.open().await, &event("/ici", "gw")).await;
    assert_eq!(scene.crm.only().value("clientprotocol"), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_forward_proxy_form_reaches_a_crm_that_is_allowed() {
    let world = World::new();
    let peer = world.pki.peer(Party::Crm);
    let (fixed, other) = (
        Recorder::fine(Some(&peer)).await,
        Recorder::fine(Some(&peer)).await,
    );
    let port = Port::reserve().expect("a port");
    let mut deployment = world.deployment().events(port.addr(), &fixed.endpoint());
    deployment.system.set("Events", "Allow", other.addr());
    let _gateway = world.serve(&deployment).await;
    let mut line = Raw::plain(port.addr()).await;
    for crm in [&fixed, &other] {
        let host = crm.addr().to_string();
        let answer = ask(&mut line, &event(&format!("http://{host}/a/b?c"), &host)).await;
        assert_eq!(answer.status(), 200);
        let arrived = crm.only();
        assert_eq!(arrived.start, "POST /a/b?c HTTP/1.1");
        assert_eq!(arrived.value("host"), Some(&*host));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_ssl_an_allowed_crm_is_reached_in_plain_although_a_side_speaks_tls() {
    let world = World::new();
    let (crm, side) = (Recorder::fine(None).await, world.tls_side(Side::A));
    let (requests, events) = (
        Port::reserve().expect("a port"),
        Port::reserve().expect("a port"),
    );
    let mut deployment = world
        .deployment()
        .requests(requests.addr(), &side.endpoint(), None);
    deployment
        .system
        .remove("Config", "TpiDllParameter")
        .set("Events", "Listen", events.addr())
        .set("Events", "Allow", crm.addr());
    let _gateway = world.serve(&deployment).await;
    let host = crm.addr().to_string();
    let mut line = Raw::plain(events.addr()).await;
    let answer = ask(&mut line, &event(&format!("http://{host}/ici"), &host)).await;
    assert_eq!(answer.status(), 200, "{}", answer.text());
    assert_eq!(crm.only().start, "POST /ici HTTP/1.1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_is_not_allowed_is_refused_with_403_and_nothing_is_dialled() {
    let scene = scene(|_| {}).await;
    let stranger = Recorder::fine(None).await;
    let mut line = scene.door.open().await;
    for host in [
        stranger.addr().to_string(),
        "localhost:1".to_owned(),
        "crm".to_owned(),
    ] {
        let answer = ask(&mut line, &event(&format!("http://{host}/ici"), &host)).await;
        assert_eq!(answer.status(), 403, "{answer:?}");
        let text = answer.text();
        assert!(
            text.contains("code=\"GW-403-TARGET\" outcome=\"not-sent\""),
            "{text}"
        );
        assert!(text.contains("<faultcode>s:Client</faultcode>"), "{text}");
    }
    assert_eq!((stranger.connections(), scene.crm.connections()), (0, 0));
    assert_eq!(scene.gateway.figures().requests_not_admitted, 3);
    // The connection survives: the next event may be in order.
    assert_eq!(ask(&mut line, &event("/ici", "gw")).await.status(), 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_fixed_crm_an_event_that_names_none_is_refused() {
    let scene = scene(|deployment| {
        let crm: Endpoint = "https://127.0.0.1:1".parse().expect("an endpoint");
        deployment
            .system
            .remove("Events", "Crm")
            .set("Events", "Allow", crm.target);
    })
    .await;
    let answer = ask(&mut scene.door.open().await, &event("/ici", "gw")).await;
    assert_eq!(answer.status(), 403);
    assert!(answer.text().contains("GW-403-TARGET"), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_proxy_the_connection_goes_there_and_the_name_stays_the_crms() {
    let world = World::new();
    let crm = Recorder::fine(Some(&world.pki.peer(Party::Crm))).await;
    let crossing = Crossing::to(crm.addr()).await;
    let port = Port::reserve().expect("a port");
    // A name that is in the CRM's certificate, and a port where nobody listens.
    let named = "https://localhost:1".parse().expect("an endpoint");
    let mut deployment = world.deployment().events(port.addr(), &named);
    let token = format!("SSL PROXY={}", crossing.addr());
    deployment.system.set("Config", "TpiDllParameter", token);
    let _gateway = world.serve(&deployment).await;
    let answer = ask(&mut Raw::plain(port.addr()).await, &event("/ici", "gw")).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(crossing.connections(), 1);
    assert_eq!(crm.only().value("host"), Some("localhost:1"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_a_proxy_a_certificate_of_another_host_is_not_believed() {
    let world = World::new();
    let crm = Recorder::fine(Some(&world.pki.peer(Party::Crm))).await;
    let crossing = Crossing::to(crm.addr()).await;
    let port = Port::reserve().expect("a port");
    let named = "https://crm.example.com:44300"
        .parse()
        .expect("an endpoint");
    let mut deployment = world.deployment().events(port.addr(), &named);
    let token = format!("SSL PROXY={}", crossing.addr());
    deployment.system.set("Config", "TpiDllParameter", token);
    let _gateway = world.serve(&deployment).await;
    let answer = ask(&mut Raw::plain(port.addr()).await, &event("/ici", "gw")).await;
    assert_eq!(answer.status(), 500);
    let text = answer.text();
    assert!(
        text.contains("GW-503-UNREACHABLE") && text.contains("crm.example.com"),
        "{text}"
    );
    assert_eq!(crm.bytes(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unused_connection_to_the_crm_is_closed_by_the_gateway_before_the_crm_does() {
    let scene = scene(|deployment| {
        deployment.system.set("Events", "PoolIdle", "300ms");
    })
    .await;
    let mut line = scene.door.open().await;
    for _ in 0..3 {
        ask(&mut line, &event("/ici", "gw")).await;
    }
    assert_eq!(scene.crm.connections_of_requests(), [1, 1, 1]);
    until("the gateway closes it", || scene.crm.closed() == 1).await;
    ask(&mut line, &event("/ici", "gw")).await;
    assert_eq!(scene.crm.connections_of_requests(), [1, 1, 1, 2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_sessions_towards_the_crm_are_resumed() {
    let world = World::new();
    let (receiver, endpoint) = world.receiver();
    let port = Port::reserve().expect("a port");
    let mut deployment = world.deployment().events(port.addr(), &endpoint);
    // Every event needs a connection of its own.
    deployment.system.set("Events", "PoolIdle", "0s");
    let gateway = world.serve(&deployment).await;
    let path = EventPath::Listener(port.addr());
    let source = EventSource::start("A", &path, Pace::steady(200.0), &world.events);
    let source = source.expect("a source");
    until("20 events arrived", || receiver.received() >= 20).await;
    source.stop().await;
    let (figures, seen) = (gateway.figures(), receiver.figures());
    assert!(
        world.events.tally().is_clean(),
        "{:?}",
        world.events.tally()
    );
    assert!(figures.handshakes_outbound_resumed >= 15, "{figures:?}");
    assert_eq!(seen.resumed, figures.handshakes_outbound_resumed);
    assert_eq!(receiver.out_of_order(), 0);
}

/// A client that believes the gateway and shows no certificate.
fn anonymous(pki: &Pki) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    let authority = pki.authority(Party::Gateway);
    roots.add(authority.der().clone()).expect("a root");
    let config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_events_listener_with_tls_lets_nobody_in_without_a_certificate() {
    let mut scene = scene(|deployment| {
        deployment.system.set("Events", "Tls", "yes");
    })
    .await;
    let pki = &scene.world.pki;
    if let Ok(mut line) = Raw::tls(scene.door.addr, &anonymous(pki)).await {
        let _gone = line.send(event("/ici", "gw").as_bytes()).await;
        line.answer()
            .await
            .expect_err("no answer without a certificate");
    }
    until("the refusal is counted", || {
        scene.gateway.figures().handshakes_inbound_failed == 1
    })
    .await;
    assert_eq!(scene.crm.connections(), 0);
    let of_side = pki.peer(Party::Side(Side::A)).client().expect("TLS");
    scene.door.tls = Some(Arc::new(of_side));
    let answer = ask(&mut scene.door.open().await, &event("/ici", "gw")).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(scene.crm.only().value("clientprotocol"), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crm_that_does_not_answer_leaves_the_event_sent_without_answer() {
    let scene = scene(|deployment| {
        deployment.system.set("Events", "ResponseTimeout", "300ms");
    })
    .await;
    let mut line = scene.door.open().await;
    for (steps, code) in [
        (vec![Step::Silence], "GW-504-NO-ANSWER"),
        (vec![Step::Reset], "GW-502-NO-ANSWER"),
        (vec![Step::Close], "GW-502-NO-ANSWER"),
    ] {
        scene.crm.answer(always(steps));
        let answer = ask(&mut line, &event("/ici", "gw")).await;
        let text = answer.text();
        assert_eq!(answer.status(), 500, "{text}");
        assert!(
            text.contains(&format!("code=\"{code}\" outcome=\"sent-no-answer\"")),
            "{text}"
        );
    }
    // Never again: each of the three went there once.
    assert_eq!(scene.crm.requests().len(), 3);
    let counted = || scene.gateway.figures().exchanges_event_sent_no_answer == 3;
    until("all three are counted", counted).await;
    scene.crm.answer(always(vec![Step::send(FINE)]));
    assert_eq!(ask(&mut line, &event("/ici", "gw")).await.status(), 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_for_a_crm_that_is_down_is_not_sent_and_fault_and_log_say_what_to_do() {
    let world = World::new();
    let (port, nobody) = (
        Port::reserve().expect("a port"),
        Port::reserve().expect("a port"),
    );
    let crm = format!("https://{}", nobody.addr())
        .parse()
        .expect("an endpoint");
    let deployment = world.deployment().events(port.addr(), &crm);
    deployment.write(world.path()).expect("ini files");
    let mut daemon = Daemon::serving(world.path()).await;
    let answer = ask(&mut Raw::plain(port.addr()).await, &event("/ici", "gw")).await;
    let text = answer.text();
    assert_eq!(answer.status(), 500, "{text}");
    assert!(
        text.contains("code=\"GW-503-UNREACHABLE\" outcome=\"not-sent\""),
        "{text}"
    );
    let refused = format!("{} refused the connection", nobody.addr());
    let advice = "start the service, or correct the port";
    assert!(text.contains(&refused) && text.contains(advice), "{text}");
    daemon.until_said("outcome=not-sent").await;
    let said = daemon.said();
    let warnings: Vec<_> = said
        .lines()
        .filter(|line| line.contains(" WARN ") && line.contains(" id="))
        .collect();
    let [warning] = warnings.as_slice() else {
        panic!("one thing happened, and is said once:\n{said}");
    };
    assert!(
        warning.contains("no connection, so nothing was sent")
            && warning.contains(&refused)
            && warning.contains(advice),
        "{warning}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crm_with_an_unknown_ca_is_refused_with_the_words_that_sap_would_show() {
    let world = World::new();
    let elsewhere = World::new();
    let crm = Recorder::fine(Some(&elsewhere.pki.peer(Party::Crm))).await;
    let port = Port::reserve().expect("a port");
    let deployment = world.deployment().events(port.addr(), &crm.endpoint());
    deployment.write(world.path()).expect("ini files");
    let mut daemon = Daemon::serving(world.path()).await;
    let answer = ask(&mut Raw::plain(port.addr()).await, &event("/ici", "gw")).await;
    assert_eq!(answer.status(), 500);
    daemon
        .until_said("no connection, so nothing was sent")
        .await;
    let said = daemon.said();
    assert!(said.contains("CA_FILE"), "{said}");
    assert_eq!(crm.bytes(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_are_carried_while_the_crm_restarts_without_one_being_sent_twice() {
    let world = World::new();
    let port = Port::reserve().expect("a port");
    let crm_port = Port::reserve().expect("a port");
    let endpoint = format!("https://{}", crm_port.addr())
        .parse()
        .expect("an endpoint");
    let start = || {
        let tls = world.pki.peer(Party::Crm);
        let idle = Duration::from_mins(1);
        crmgate::simulate::EventReceiver::start(&crm_port, Some(&tls), idle, &world.events)
            .expect("a receiver")
    };
    let first = start();
    let _gateway = world
        .serve(&world.deployment().events(port.addr(), &endpoint))
        .await;
    let path = EventPath::Listener(port.addr());
    let source = EventSource::start("A", &path, Pace::steady(200.0), &world.events);
    let source = source.expect("a source");
    until("events arrive", || first.received() >= 10).await;
    first.kill().await;
    let reported = || world.events.tally().reported_in_all() >= 3;
    until("the connector is told that the CRM is down", reported).await;
    let second = start();
    until("events arrive again", || second.received() >= 10).await;
    source.stop().await;
    let tally = world.events.tally();
    assert!(tally.is_clean(), "{tally:?}");
}
