//! What is drawn: the sides as they are, and what happens while somebody looks.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use crate::ground::{Ground, drawn, looked_at, says};
use crate::support::{Daemon, World};

/// As long as a change may take to be seen.
const SEEN: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_side_that_dies_is_seen_in_the_picture_within_two_seconds() {
    let mut ground = Ground::new().await;
    let mut page = ground.reader().await;
    page.until("side A serves", &drawn("A", "active", "yes"))
        .await;
    page.until(
        "requests flow",
        "document.querySelector('[data-line=to-A].good')",
    )
    .await;
    page.until(
        "events flow",
        "document.querySelector('[data-line=events-out].good')",
    )
    .await;
    let killed = Instant::now();
    ground.a.kill().await;
    page.until("side A is down", &drawn("A", "health", "down"))
        .await;
    page.until("side B serves", &drawn("B", "active", "yes"))
        .await;
    let taken = killed.elapsed();
    assert!(taken < SEEN, "seen after {taken:?}");
    for text in [
        "Side A of SAP1 is down",
        "Side B of SAP1 is the active one now",
    ] {
        page.until(text, &says("news", text)).await;
    }
    let label = "document.querySelector('.topology').getAttribute('aria-label')";
    let words = page.text(label).await;
    assert!(words.contains("Side B is active and up."), "{words}");
    // In each chart, and what it stands for below them.
    page.until(
        "each chart has a mark",
        "document.querySelectorAll('.plot .mark').length === 4",
    )
    .await;
    page.until("it is explained", &says("plots", "SAP1 to side B"))
        .await;
    page.until(
        "requests flow to side B",
        "document.querySelector('[data-line=to-B].good')",
    )
    .await;
    page.picture("side-a-is-down", false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_is_gone_is_told_with_the_time_and_its_return_is_noticed() {
    let mut ground = Ground::new().await;
    let mut page = ground.operator().await;
    drop(std::mem::replace(
        &mut ground.daemon,
        Daemon::start(ground.world.path(), &["--version"]),
    ));
    page.until("it says so", &says("notes", "Not connected since"))
        .await;
    page.until("nothing moves", "document.body.classList.contains('stale')")
        .await;
    page.picture("not-connected", false).await;
    ground.daemon = looked_at(ground.world.path()).await;
    page.until(
        "it is connected",
        "!document.body.classList.contains('stale')",
    )
    .await;
    page.until(
        "it says that",
        &says("news", "The gateway was started anew."),
    )
    .await;
    // Its token is another one, so the old one opens nothing and is not shown again.
    page.until(
        "it may only look",
        "!document.getElementById('operate').hidden",
    )
    .await;
    let kept = page
        .evaluate("sessionStorage.getItem('crmgate-token')")
        .await;
    assert_eq!(kept, json!(null));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_refusals_latencies_and_the_configuration_are_told() {
    let ground = Ground::new().await;
    let mut page = ground.reader().await;
    for (id, text) in [
        ("timeline", "364 days, until"),
        ("papers", "ICM_HTTP_SSL_PEER_CERT_EXPIRED"),
        ("attempts", "in force as generation 1"),
        ("settings", "SideA"),
    ] {
        page.until(text, &says(id, text)).await;
    }
    page.until(
        "latencies are there",
        "document.querySelectorAll('#operations tbody tr').length > 0",
    )
    .await;
    page.evaluate("document.getElementById('filter').value = 'admin.token'")
        .await;
    page.evaluate("document.getElementById('filter').dispatchEvent(new Event('input'))")
        .await;
    page.until(
        "one line is left",
        "document.querySelectorAll('#settings tbody tr').length === 1",
    )
    .await;

    // A caller of another company's authority.
    let stranger = World::new();
    let caller = stranger.crm(ground.requests).caller().expect("a caller");
    for _ in 0..3 {
        let ending = crmgate::simulate::Caller::new(caller.clone(), stranger.ledger.clone())
            .call()
            .await;
        assert!(
            !matches!(ending, crmgate::simulate::Ending::Answered),
            "{ending:?}"
        );
    }
    page.until("it was refused", &says("said", "TLS handshake failed"))
        .await;
    for text in ["why", "SAP shows", "what to do"] {
        page.until(text, &says("said", text)).await;
    }
    assert_eq!(page.complaints().await, Vec::<String>::new());
    page.picture("whole", true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_latency_is_read_between_the_bounds_of_its_bucket() {
    let ground = Ground::new().await;
    let mut page = ground.reader().await;
    let script = r#"(async () => {
        const { parse, operations, quantile, since } = await import('/assets/exposition.js');
        const labels = (le) => `{system="S\"1",flow="request",side="A",operation="dial",le="${le}"}`;
        const text = (a, b, all) => `# HELP x y
            crmgate_exchange_duration_seconds_bucket${labels('0.1')} ${a}
            crmgate_exchange_duration_seconds_bucket${labels('0.2')} ${b}
            crmgate_exchange_duration_seconds_bucket${labels('+Inf')} ${all}
            crmgate_exchange_duration_seconds_count{flow="request",operation="dial"} ${all}`.replaceAll('\n            ', '\n');
        const read = (...counts) => operations(parse(text(...counts))).get('request dial');
        const own = read(50, 100, 100);
        const later = since(own, read(50, 110, 110));
        return [quantile(0.5, own), quantile(0.75, own), quantile(0.99, read(0, 0, 7)), quantile(0.5, later), later.count];
    })()"#;
    let read = page.evaluate(script).await;
    let expected = [0.1, 0.15, 0.2, 0.15, 10.0];
    let read: Vec<f64> = serde_json::from_value(read).expect("numbers");
    assert!(
        read.iter()
            .zip(expected)
            .all(|(own, other)| (own - other).abs() < 1e-9)
            && read.len() == 5,
        "{read:?}"
    );
}
