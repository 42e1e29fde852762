//! Whom the page talks to, and who can talk to the gateway through a browser.

use serde_json::json;

use crate::browser::Page;
use crate::ground::Ground;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_leaves_the_gateway_and_the_browser_has_nothing_against_the_page() {
    let ground = Ground::new().await;
    let mut page = ground.operator().await;
    page.click("[data-order=switch]").await;
    page.until("a dialog is open", "document.getElementById('order').open")
        .await;
    page.click("#order-no").await;
    page.click("#theme").await;
    page.until(
        "figures came",
        "document.querySelectorAll('.series').length > 8",
    )
    .await;
    let asked = page.asked_for();
    let own = ground.url();
    assert!(asked.len() > 20, "{asked:?}");
    let foreign: Vec<_> = asked.iter().filter(|url| !url.starts_with(&own)).collect();
    assert!(foreign.is_empty(), "{foreign:?}");
    assert_eq!(page.complaints().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_in_the_address_is_gone_at_once_and_never_sent_in_one() {
    let ground = Ground::new().await;
    let mut page = ground.operator().await;
    assert_eq!(page.text("location.href").await, ground.url());
    let token = ground.token();
    // The first one names what a person has typed; what is sent has no fragment.
    let told = page.asked_for().into_iter().skip(1);
    assert_eq!(told.filter(|url| url.contains(&token)).count(), 0);
    for store in ["document.cookie", "JSON.stringify(localStorage)"] {
        assert!(!page.text(store).await.contains(&token), "{store}");
    }
    assert!(!ground.daemon.said().contains(&token));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_another_origin_changes_nothing_even_with_the_token() {
    let ground = Ground::new().await;
    let mut page = Page::empty().await;
    let (url, token) = (ground.url(), ground.token());
    let order = format!("{url}api/v1/systems/SAP1/switch");
    for (mode, kind, more) in [
        (
            "cors",
            "application/json",
            format!(", Authorization: 'Bearer {token}'"),
        ),
        ("no-cors", "text/plain", String::new()),
    ] {
        let sent = page
            .evaluate(&format!(
                "fetch('{order}', {{method: 'POST', mode: '{mode}', body: '{{\"side\":\"B\"}}',\
                 headers: {{'Content-Type': '{kind}'{more}}}}}).then((answer) => answer.type, () => 'refused')"
            ))
            .await;
        assert!(
            sent == json!("refused") || sent == json!("opaque"),
            "{mode}: {sent}"
        );
    }
    assert!(ground.audit().is_empty(), "{:?}", ground.audit());
    let status = format!("fetch('{url}api/v1/status').then(() => 'read', () => 'refused')");
    assert_eq!(page.evaluate(&status).await, json!("refused"));
}
