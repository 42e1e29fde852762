//! What can be wrong with the answer of a peer that is reached.

use crmgate::model::Side;
use crmgate::simulate::Behaviour;

use super::fakes::Fake;
use super::{Yard, issued};
use crate::support::recorder::{Recorder, Step, always};

#[tokio::test]
async fn an_answer_that_events_cannot_work_with_is_told_by_its_status() {
    for (answer, part) in [
        (
            "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n",
            "401: it wants a user",
        ),
        (
            "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
            "403: the service is not active",
        ),
        (
            "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
            "404: there is no such service",
        ),
        (
            "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n",
            "500: the server failed",
        ),
        (
            "HTTP/1.1 302 Found\r\nLocation: https://logon.example/\r\nContent-Length: 0\r\n\r\n",
            "a redirect to \"https://logon.example/\"",
        ),
    ] {
        let mut yard = Yard::without_crm();
        let config = yard.server(&issued(yard.company(), &yard.server_spec()));
        let crm = yard.crm_answering(config, answer).await;
        let report = yard.finds("peer-http", part).await;
        assert!(
            report.to_text(true).contains("/sap/bc/soap/ici"),
            "{answer}"
        );
        assert_eq!(crm.requests().len(), 1, "nothing is asked twice");
    }
}

#[tokio::test]
async fn a_clock_that_is_an_hour_off_is_told() {
    let mut yard = Yard::without_crm();
    let config = yard.server(&issued(yard.company(), &yard.server_spec()));
    let answer =
        "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 0\r\n\r\n";
    let _crm = yard.crm_answering(config, answer).await;
    yard.finds("peer-clock", "behind ours").await;
}

#[tokio::test]
async fn a_server_that_hangs_behind_the_handshake_or_the_request_is_told() {
    let mut yard = Yard::without_crm();
    let config = yard.server(&issued(yard.company(), &yard.server_spec()));
    let crm = Recorder::with(Some(config), always(vec![Step::Silence]), None).await;
    yard.point_at(&crm.endpoint());
    yard.deployment
        .system
        .set("Events", "ResponseTimeout", "1s");
    yard.finds("peer-answers", "got no answer in time: the server hangs")
        .await;
}

#[tokio::test]
async fn a_side_that_hangs_is_told() {
    let mut yard = Yard::without_crm();
    let fake = Fake::silent().await;
    let side = format!("http://{}", fake.at);
    yard.deployment.system.set("Requests", "SideA", side);
    yard.deployment
        .system
        .set("Requests", "ResponseTimeout", "1s");
    yard.finds("peer-answers", "the server hangs").await;
}

#[tokio::test]
async fn what_is_no_http_and_a_close_without_an_answer_are_told() {
    for (says, part) in [
        (&b"220 mail.example ESMTP\r\n\r\n"[..], "is no HTTP"),
        (b"", "without an answer"),
    ] {
        let fake = Fake::saying(says).await;
        let mut yard = Yard::without_crm();
        let side = format!("http://{}", fake.at);
        yard.deployment.system.set("Requests", "SideA", side);
        yard.finds("peer-answers", part).await;
    }
}

#[tokio::test]
async fn a_probe_of_http_that_is_answered_otherwise_than_expected_is_told() {
    let mut yard = Yard::without_crm();
    let side = Recorder::start(
        None,
        super::script("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"),
    )
    .await;
    let system = &mut yard.deployment.system;
    system.set("Requests", "SideA", side.endpoint());
    system
        .set("Probe", "Type", "http")
        .set("Probe", "Path", "/alive");
    system.set("Probe", "ExpectStatus", "200-299");
    yard.finds("peer-http", "HEAD /alive is answered with 503")
        .await;
}

#[tokio::test]
async fn a_soap_probe_is_sent_only_when_it_is_asked_for() {
    let world = crate::support::World::new();
    let side = world.side(Side::A);
    side.behave(Behaviour::Fault);
    let mut yard = Yard::around(world);
    let system = &mut yard.deployment.system;
    system.set("Requests", "SideA", side.endpoint());
    system
        .set("Probe", "Type", "soap")
        .set("Probe", "ExpectStatus", "200");
    yard.finds("peer-http", "500: the server failed").await;
    yard.options.active = true;
    let report = yard.report().await;
    let found = super::found(&report);
    assert!(
        found
            .iter()
            .any(|(id, what)| *id == "peer-probe" && what.contains("500")),
        "{found:?}"
    );
}

#[tokio::test]
async fn an_answer_is_awaited_no_longer_than_is_said() {
    let mut yard = Yard::new().await;
    let silent = Fake::silent().await;
    yard.point_at_tls(silent.at);
    yard.options.wait = std::time::Duration::from_millis(300);
    let begun = tokio::time::Instant::now();
    let report = yard.report().await;
    assert!(begun.elapsed() < std::time::Duration::from_secs(5));
    assert_eq!(super::found(&report).len(), 1, "{}", report.to_text(false));
}
