//! What is pressed: who may, what it would do, why, and what came of it.

use serde_json::json;

use crate::browser::Page;
use crate::ground::{Ground, drawn, says};

/// A script: the focus is on a button of this order.
fn on(order: &str, side: &str) -> String {
    format!("document.activeElement.matches('[data-order={order}][data-side={side}]')")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_switch_over_goes_by_keyboard_alone_with_its_dry_run_and_its_reason() {
    let ground = Ground::new().await;
    let mut page = ground.operator().await;
    page.until("side A serves", &drawn("A", "active", "yes"))
        .await;
    page.tab_to("the switch-over", &on("switch", "B")).await;
    page.press("Enter").await;
    page.until(
        "a dry run tells",
        &says("order-remarks", "requests under way finish where they are"),
    )
    .await;
    page.picture("switch-over", false).await;
    assert!(ground.audit().is_empty(), "a dry run changes nothing");
    page.until(
        "its reason is asked for",
        "document.activeElement.id === 'order-reason'",
    )
    .await;

    // Without a reason nothing happens.
    page.press("Enter").await;
    page.until("it stays open", "document.getElementById('order').open")
        .await;
    page.type_in("maintenance of side A").await;
    page.tab_to(
        "the confirmation",
        "document.activeElement.id === 'order-yes'",
    )
    .await;
    page.press("Enter").await;
    page.until("side B serves", &drawn("B", "active", "yes"))
        .await;
    page.until("it is closed", "!document.getElementById('order').open")
        .await;
    page.until("it is told", &says("news", "Your order was carried out"))
        .await;
    let audit = ground.audit();
    assert_eq!(audit.len(), 1, "{audit:?}");
    assert!(audit[0].contains("maintenance of side A"), "{audit:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_side_is_drained_and_given_back_and_an_order_that_is_left_changes_nothing() {
    let ground = Ground::new().await;
    let mut page = ground.operator().await;
    page.click("[data-order=drain][data-side=B]").await;
    page.until("it is open", "document.getElementById('order').open")
        .await;
    page.press("Escape").await;
    page.until("it is closed", "!document.getElementById('order').open")
        .await;
    assert!(ground.audit().is_empty());

    page.click("[data-order=drain][data-side=A]").await;
    page.until("a dry run tells", &says("order-remarks", "A dry run says"))
        .await;
    page.type_in("new disks").await;
    page.press("Enter").await;
    page.until("it is told", &says("cards", "new disks")).await;
    page.until("side B serves", &drawn("B", "active", "yes"))
        .await;
    // The last side stays: the gateway says why, and nothing can be confirmed.
    page.click("[data-order=drain][data-side=B]").await;
    page.until(
        "it is refused",
        &says("order-fault", "side A is drained already"),
    )
    .await;
    assert_eq!(
        page.evaluate("document.getElementById('order-yes').disabled")
            .await,
        json!(true)
    );
    page.click("#order-no").await;
    page.click("[data-order=undrain][data-side=A]").await;
    page.until(
        "it can be confirmed",
        "!document.getElementById('order-yes').disabled",
    )
    .await;
    page.press("Enter").await;
    page.until(
        "it is back",
        "!document.querySelector('[data-order=undrain]')",
    )
    .await;
    assert_eq!(ground.audit().len(), 2, "{:?}", ground.audit());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_is_clicked_and_its_result_is_shown_a_good_one_and_a_refused_one() {
    let mut ground = Ground::new().await;
    let mut page = ground.operator().await;
    let reload = async |page: &mut Page| {
        page.click("[data-order=reload]").await;
        page.until("it is open", "document.getElementById('order').open")
            .await;
        page.type_in("a new address").await;
        page.press("Enter").await;
    };
    reload(&mut page).await;
    page.until(
        "it is in force",
        "document.querySelector('[data-reloaded=yes]')",
    )
    .await;
    page.until("which one", &says("reloaded", "in force as generation 2"))
        .await;
    page.until("the head tells", &says("state", "generation 2"))
        .await;

    ground
        .deployment
        .system
        .set("Requests", "SideA", "httpx://nowhere");
    ground
        .deployment
        .write(ground.world.path())
        .expect("ini files");
    reload(&mut page).await;
    page.until(
        "it is refused",
        "document.querySelector('[data-reloaded=no]')",
    )
    .await;
    for (id, text) in [
        ("reloaded", "httpx"),
        ("attempts", "refused, all stays as it was"),
        (
            "notes",
            "The last reload was refused; generation 2 stays in force.",
        ),
        ("news", "A reload was refused."),
    ] {
        page.until(text, &says(id, text)).await;
    }
    page.picture("reload-refused", true).await;
    assert_eq!(ground.audit().len(), 2, "{:?}", ground.audit());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_only_looks_is_asked_for_the_token_and_a_wrong_one_opens_nothing() {
    let ground = Ground::new().await;
    let mut page = ground.reader().await;
    page.until("it may only look", &says("state", "reader"))
        .await;
    page.click("[data-order=switch]").await;
    page.until(
        "the token is asked for",
        "document.getElementById('token').open",
    )
    .await;
    page.until("its file is named", &says("token-text", "admin.token"))
        .await;
    page.type_in("0123").await;
    page.press("Enter").await;
    page.until(
        "it is wrong",
        &says("token-fault", "not the token of this run"),
    )
    .await;
    let kept = page
        .evaluate("sessionStorage.getItem('crmgate-token')")
        .await;
    assert_eq!(kept, json!(null));
    page.evaluate("document.getElementById('token-value').value = ''")
        .await;
    page.evaluate("document.getElementById('token-value').focus()")
        .await;
    page.type_in(&ground.token()).await;
    page.press("Enter").await;
    page.until(
        "the order goes on",
        &says("order-remarks", "A dry run says"),
    )
    .await;
    page.until("it is an operator", &says("state", "operator"))
        .await;
}
