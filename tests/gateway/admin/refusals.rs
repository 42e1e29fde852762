//! Whoever is refused at the admin listener leaves a trace: a warning that names him, and a figure.

use std::sync::Arc;

use crmgate::simulate::{Party, PeerTls};

use super::{Stage, ask, get, issued, request, status};
use crate::support::World;
use crate::support::raw::Raw;

const REFUSED: &str = "refused at the admin listener: ";

const JSON: &str = "Content-Type: application/json\r\n";

impl Stage {
    /// The line of the log that tells of a refusal with this code.
    async fn line_of(&mut self, code: &str) -> String {
        let word = format!("code=\"{code}\"");
        let is_it = |line: &&str| line.contains(REFUSED) && line.contains(&word);
        self.daemon
            .until(format!("{code} is told"), |said| {
                said.lines().any(|line| is_it(&line))
            })
            .await;
        let said = self.daemon.said();
        said.lines().find(is_it).expect("a line").to_owned()
    }

    /// How many were refused for a reason.
    async fn refused(&self, reason: &str) -> u64 {
        let text = self.get("/metrics").await.text();
        let name = format!("crmgate_admin_refused_total{{reason=\"{reason}\"}} ");
        let value = text.lines().find_map(|line| line.strip_prefix(&name));
        value.expect("the figure").parse().expect("a number")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_token_is_warned_of_with_who_tried_it_where_and_what_to_do() {
    let mut stage = Stage::new().await;
    let wrong = "Authorization: Bearer secret-of-yesterday\r\n";
    let answer = ask(
        &stage.local_door(),
        &request("GET", "/api/v1/status", wrong, ""),
    )
    .await;
    assert_eq!(answer.status(), 401);
    let line = stage.line_of("wrong-token").await;
    for part in [
        "WARN",
        "the token is not the one of this run of the daemon",
        "peer=127.0.0.1:",
        "method=GET",
        "path=\"/api/v1/status\"",
        "admin.token",
        "suppressed=0",
    ] {
        assert!(line.contains(part), "{part}: {line}");
    }
    assert!(!line.contains("secret-of-yesterday"), "{line}");
    assert_eq!(stage.refused("wrong-token").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_may_not_do_what_it_asks_for_is_warned_of_by_its_subject() {
    let mut stage = Stage::new().await;
    let order = request("POST", "/api/v1/reload", JSON, "{}");
    let answer = ask(&stage.remote_door("reader"), &order).await;
    assert_eq!(answer.status(), 403);
    let line = stage.line_of("role").await;
    for part in [
        "this needs the role operator, and you are reader",
        "CN=reader",
        "method=POST",
        "path=\"/api/v1/reload\"",
        "AllowOperator in [Admin]",
    ] {
        assert!(line.contains(part), "{part}: {line}");
    }
    let answer = ask(&stage.remote_door("stranger"), &get("/api/v1/status")).await;
    assert_eq!(answer.status(), 403);
    let line = stage.line_of("not-admitted").await;
    assert!(
        line.contains("CN=stranger") && line.contains("AllowReader"),
        "{line}"
    );
    let figures = (
        stage.refused("role").await,
        stage.refused("not-admitted").await,
    );
    assert_eq!(figures, (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_without_the_token_is_warned_of() {
    let mut stage = Stage::new().await;
    let order = request("POST", "/api/v1/reload", JSON, "{}");
    assert_eq!(ask(&stage.local_door(), &order).await.status(), 403);
    let line = stage.line_of("role").await;
    assert!(line.contains("send the token of"), "{line}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_page_of_another_site_asks_for_is_warned_of() {
    let mut stage = Stage::new().await;
    let door = stage.local_door();
    let led_here = "GET /api/v1/status HTTP/1.1\r\nHost: evil.example\r\n\r\n";
    assert_eq!(ask(&door, led_here).await.status(), 421);
    let line = stage.line_of("foreign-host").await;
    assert!(line.contains("evil.example"), "{line}");
    let fields = format!("{}{JSON}Origin: http://evil.example\r\n", stage.token());
    let order = request("POST", "/api/v1/reload", &fields, "{}");
    assert_eq!(ask(&door, &order).await.status(), 403);
    stage.line_of("foreign-origin").await;
    let fields = format!("{}Content-Type: text/plain\r\n", stage.token());
    let order = request("POST", "/api/v1/reload", &fields, "{}");
    assert_eq!(ask(&door, &order).await.status(), 415);
    stage.line_of("not-json").await;
    for reason in ["foreign-host", "foreign-origin", "not-json"] {
        assert_eq!(stage.refused(reason).await, 1, "{reason}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_console_that_is_opened_without_a_token_and_a_slip_of_the_pen_are_no_attempts() {
    let stage = Stage::new().await;
    let door = stage.local_door();
    for path in [
        "/",
        "/page.js",
        "/api/v1/whoami",
        "/api/v1/status",
        "/nowhere",
    ] {
        let _whatever = status(&door, &get(path)).await;
    }
    let fields = format!("{}{JSON}", stage.token());
    let order = request("POST", "/api/v1/reload", &fields, "[}");
    assert_eq!(ask(&door, &order).await.status(), 400);
    let text = stage.get("/metrics").await.text();
    let figures = text
        .lines()
        .filter(|line| line.starts_with("crmgate_admin_refused_total{"));
    let values: Vec<_> = figures.filter_map(|line| line.rsplit(' ').next()).collect();
    assert_eq!(values, ["0"; 7]);
    assert!(!stage.daemon.said().contains(REFUSED));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tab_with_the_token_of_yesterday_does_not_fill_the_log() {
    let stage = Stage::new().await;
    let door = stage.local_door();
    let wrong = request("GET", "/api/v1/status", "Authorization: Bearer old\r\n", "");
    for _second in 0..40 {
        assert_eq!(ask(&door, &wrong).await.status(), 401);
    }
    assert_eq!(stage.refused("wrong-token").await, 40);
    assert_eq!(stage.daemon.said().matches(REFUSED).count(), 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handshake_that_fails_at_the_admin_listener_is_warned_of_and_a_port_check_is_not() {
    let mut stage = Stage::new().await;
    drop(Raw::plain(stage.remote).await);
    // An authority of the company's name, with another key.
    let other = World::new();
    let own = issued(&other, "operator");
    let issuer = other.pki.authority(Party::Gateway).der();
    let company = stage.world.pki.authority(Party::Gateway).der();
    let peer = PeerTls::new(&own, issuer, &[company]);
    let tls = Arc::new(peer.client().expect("a client"));
    if let Ok(mut line) = Raw::tls(stage.remote, &tls).await {
        let _gone = line.send(get("/").as_bytes()).await;
        line.answer().await.expect_err("not without a certificate");
    }
    stage
        .daemon
        .until_said("TLS handshake failed at the admin listener")
        .await;
    let said = stage.daemon.said();
    let line = said
        .lines()
        .find(|line| line.contains("at the admin listener"));
    let line = line.expect("a line");
    for part in [
        "WARN",
        "code=\"bad-signature\"",
        "CN=operator",
        "peer=127.0.0.1:",
    ] {
        assert!(line.contains(part), "{part}: {line}");
    }
    assert_eq!(stage.refused("handshake").await, 1);
}
