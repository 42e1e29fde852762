//! The main job in its shortest form.

use std::net::SocketAddr;
use std::sync::Arc;

use crmgate::gateway::Gateway;
use crmgate::model::{Outcome, Side};
use crmgate::simulate::{Caller, Deployment, Ending, Party, SimConnector, TlsRange};

use crate::support::raw::Raw;
use crate::support::{Daemon, World, bound, free_address};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_of_sap_crm_reaches_the_connector_and_its_answer_comes_back() {
    let world = World::new();
    let side = world.side(Side::A);
    let listen = free_address();
    let mut gateway = world
        .serve(&world.deployment().requests(listen, &side.endpoint(), None))
        .await;
    let spec = world
        .crm(bound(&gateway, listen))
        .caller()
        .expect("a caller");
    let mut caller = Caller::new(spec, world.ledger.clone());
    for _ in 0..3 {
        assert!(
            matches!(caller.call().await, Ending::Answered),
            "{:?}",
            world.ledger.tally()
        );
    }
    assert_eq!(side.executed(), 3);
    gateway
        .drain(std::time::Duration::from_secs(5), std::future::pending())
        .await;
}

/// A gateway in front of a side with certificates from a CA of the same name and another key: we
/// are told to believe it, and it does not believe us.
async fn before_a_stranger(
    world: &World,
    differ: impl FnOnce(&mut Deployment),
) -> (Gateway, SocketAddr, SimConnector) {
    let stranger = World::new();
    let side = stranger.tls_side(Side::A);
    let listen = free_address();
    let mut deployment = world.deployment().requests(listen, &side.endpoint(), None);
    let theirs = std::fs::read(stranger.path().join("ssl/company-ca.pem")).expect("their CA");
    std::fs::write(world.path().join("ssl/stranger-ca.pem"), theirs).expect("written");
    let ssl = deployment.ssl.as_mut().expect("TLS");
    ssl.set("SSL_CLIENT", "CA_FILE", "./ssl/stranger-ca.pem");
    differ(&mut deployment);
    let gateway = world.serve(&deployment).await;
    let at = bound(&gateway, listen);
    (gateway, at, side)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_side_that_does_not_trust_our_certificate_is_named_in_the_fault_with_its_alert() {
    let world = World::new();
    let (_gateway, at, side) = before_a_stranger(&world, |_| ()).await;
    let spec = world.crm(at).caller().expect("a caller");
    let ending = Caller::new(spec, world.ledger.clone()).call().await;
    let Ending::Reported { code, outcome } = ending else {
        panic!("{ending:?}")
    };
    assert_eq!(
        (code.as_str(), outcome),
        ("GW-502-TLS-REFUSED", Outcome::SentNoAnswer)
    );
    assert_eq!(side.executed(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alert_is_named_as_well_if_it_comes_while_the_request_is_being_sent() {
    let world = World::new();
    let plain = |deployment: &mut Deployment| {
        deployment.system.remove("Config", "TpiDllParameter");
    };
    let (_gateway, at, side) = before_a_stranger(&world, plain).await;
    let mut line = Raw::plain(at).await;
    line.send(
        b"POST /ici HTTP/1.1\r\nHost: gateway\r\nContent-Type: text/xml\r\n\
          Content-Length: 1000\r\n\r\n<half/>",
    )
    .await
    .expect("sent");
    let answer = line.answer().await.expect("a fault");
    let text = answer.text();
    assert!(text.contains("code=\"GW-502-TLS-REFUSED\""), "{text}");
    assert!(text.contains("outcome=\"partly-sent\""), "{text}");
    assert!(text.contains("and the request was partly sent: "), "{text}");
    assert!(text.contains("alert"), "{text}");
    assert_eq!(side.executed(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_real_binary_resumes_a_session_and_answers_http_1_0_byte_for_byte() {
    let world = World::new();
    let side = world.side(Side::A);
    let listen = free_address();
    let deployment = world.deployment().requests(listen, &side.endpoint(), None);
    deployment.write(world.path()).expect("ini files");
    let mut daemon = Daemon::serving(world.path()).await;
    let crm = world.pki.peer(Party::Crm).speaking(TlsRange::Only12);
    let crm = Arc::new(crm.client().expect("a client"));
    for resumed in [false, true] {
        let mut line = Raw::tls(listen, &crm).await.expect("a handshake");
        assert_eq!(line.resumed, resumed);
        for _ in 0..2 {
            line.send(ICM_REQUEST).await.expect("sent");
            let answer = line.answer().await.expect("an answer");
            assert_eq!(answer.start, "HTTP/1.0 200 OK");
            assert_eq!(answer.value("connection"), Some("keep-alive"), "{answer:?}");
            assert!(answer.text().contains("<by>A</by>"), "{answer:?}");
        }
    }
    let mut plain = Raw::plain(listen).await;
    plain.send(ICM_REQUEST).await.expect("sent");
    let (said, _) = plain.rest().await;
    assert!(
        !said.starts_with(b"HTTP/"),
        "plain HTTP is not served on a TLS listener"
    );
    daemon.signal("TERM");
    assert!(daemon.ended().await.success(), "{}", daemon.said());
}

/// As ICM writes it.
const ICM_REQUEST: &[u8] = b"POST /ici HTTP/1.0\r\nhost: gateway\r\n\
    content-type: text/xml; charset=utf-8\r\nsoapaction: \"\"\r\nconnection: Keep-Alive\r\n\
    content-length: 7\r\n\r\n<call/>";
