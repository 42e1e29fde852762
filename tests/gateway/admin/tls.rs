//! Over TLS: who is let in, for how long, and that sessions stay apart.

use std::sync::Arc;

use crmgate::certs::issue::{Authority, Issued, LeafSpec, ListSpec};
use crmgate::simulate::{Party, TlsRange};

use super::{Stage, World, get, issued, request, say};
use crate::support::host::private;
use crate::support::raw::Raw;

/// Puts a list of the company's authority in its place.
fn publish(world: &World, revoked: &[&Issued]) {
    let spec = ListSpec::revoking(revoked, world.clock.now());
    let list = world
        .pki
        .authority(Party::Gateway)
        .revocation_list(&spec)
        .expect("a list");
    private(&world.pki.folder().join("company-ca.crl"), &list.pem);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_is_revoked_meanwhile_ends_an_open_connection_with_the_next_request() {
    let mut stage = Stage::with(|world, deployment| {
        publish(world, &[]);
        let ssl = deployment.ssl.as_mut().expect("TLS");
        ssl.set("SSL_SERVER_CLIENT", "CRL_FILE", "./ssl/company-ca.crl");
    })
    .await;
    let gone = issued(&stage.world, "operator");
    let kept = issued(&stage.world, "reader");
    let client = stage.client(&gone);
    let mut gone_line = Raw::tls(stage.remote, &client).await.expect("a handshake");
    let mut kept_line = Raw::tls(stage.remote, &stage.client(&kept))
        .await
        .expect("a handshake");
    let look = get("/api/v1/status");
    assert_eq!(say(&mut gone_line, &look).await.status(), 200);
    assert_eq!(say(&mut kept_line, &look).await.status(), 200);
    publish(&stage.world, &[&gone]);
    stage.reload().await;
    let refused = say(&mut gone_line, &look).await;
    assert_eq!(refused.status(), 403, "{refused:?}");
    assert!(refused.text().contains("not-admitted"), "{refused:?}");
    let switch = "/api/v1/systems/SAP1/switch";
    let order = request(
        "POST",
        switch,
        "Content-Type: application/json\r\n",
        "{\"side\":\"B\"}",
    );
    assert_eq!(say(&mut gone_line, &order).await.status(), 403);
    assert_eq!(say(&mut kept_line, &look).await.status(), 200);
    // Neither a new handshake nor the session gets it in again.
    let mut again = match Raw::tls(stage.remote, &client).await {
        Ok(line) => line,
        Err(_refused) => return,
    };
    let _cut = again.send(look.as_bytes()).await;
    assert!(again.answer().await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_loses_the_rule_loses_the_role_with_the_next_request() {
    let mut stage = Stage::new().await;
    let door = stage.remote_door("operator");
    let mut line = door.open().await;
    let json = "Content-Type: application/json\r\n";
    let order = request("PUT", "/api/v1/log-level", json, "{\"level\":\"info\"}");
    assert_eq!(say(&mut line, &order).await.status(), 200);
    stage
        .deployment
        .gateway
        .set("Admin", "AllowOperator1", "cn=somebody-else");
    stage
        .deployment
        .gateway
        .set("Admin", "AllowReader2", "cn=operator");
    stage.write();
    stage.reload().await;
    let refused = say(&mut line, &order).await;
    assert_eq!(refused.status(), 403, "{refused:?}");
    assert!(
        refused
            .text()
            .contains("this needs the role operator, and you are reader"),
        "{refused:?}"
    );
    assert_eq!(say(&mut line, &get("/api/v1/status")).await.status(), 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_certificate_of_a_believed_authority_there_is_no_handshake() {
    let stage = Stage::new().await;
    let now = stage.world.clock.now();
    let other = Authority::new("Other CA", now).expect("an authority");
    let stranger = other
        .issue(&LeafSpec::for_name("operator", now))
        .expect("a certificate");
    let client = stage.client(&stranger);
    if let Ok(mut line) = Raw::tls(stage.remote, &client).await {
        // With TLS 1.3 the refusal comes with the first read.
        let _cut = line.send(get("/livez").as_bytes()).await;
        assert!(line.answer().await.is_err());
    }
    // And no TLS is no way in either.
    let mut plain = Raw::plain(stage.remote).await;
    plain.send(get("/livez").as_bytes()).await.expect("sent");
    assert!(plain.answer().await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r10_no_session_of_another_listener_is_taken_up_here_nor_one_of_here_there() {
    for tickets in ["yes", "no"] {
        let stage = Stage::with(|_, deployment| {
            let ssl = deployment.ssl.as_mut().expect("TLS");
            ssl.set("SSL_SERVER_CLIENT", "SESSION_TICKETS", tickets);
        })
        .await;
        for range in [TlsRange::Only12, TlsRange::Only13] {
            // SAP CRM may operate as well, so only its session can tell the two apart.
            let crm = stage.world.pki.peer(Party::Crm).speaking(range);
            let crm = Arc::new(crm.client().expect("a client"));
            let visit = async |at| {
                let mut line = Raw::tls(at, &crm).await.expect("a handshake");
                // A request without a body, which each of them answers somehow.
                line.send(get("/livez").as_bytes()).await.expect("sent");
                line.answer().await.expect("an answer");
                line.resumed
            };
            let (traffic, admin) = (stage.listen, stage.remote);
            let what = format!("{range:?}, tickets: {tickets}");
            assert!(!visit(traffic).await, "{what}");
            assert!(
                visit(traffic).await,
                "{what}: it would be resumed where it belongs"
            );
            assert!(
                !visit(admin).await,
                "{what}: from the traffic to the admin listener"
            );
            assert!(
                visit(admin).await,
                "{what}: the admin listener resumes its own"
            );
            assert!(
                !visit(traffic).await,
                "{what}: from the admin listener to the traffic"
            );
        }
    }
}
