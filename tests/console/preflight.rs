//! The checklist: ordered, gone through, and shown with what to do at each desk.

use crate::ground::{Ground, says};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_checklist_is_gone_through_by_keyboard_and_shows_what_to_do_in_sap() {
    let mut ground = Ground::new().await;
    let mut page = ground.operator().await;
    page.until(
        "none was gone through",
        &says("findings", "not been gone through since the start"),
    )
    .await;
    ground.a.kill().await;
    page.tab_to(
        "the checklist",
        "document.activeElement.matches('[data-order=preflight]')",
    )
    .await;
    page.press("Enter").await;
    page.until("it is open", "document.getElementById('order').open")
        .await;
    page.type_in("side A is gone <img src=x>").await;
    page.press("Enter").await;
    page.until("it is closed", "!document.getElementById('order').open")
        .await;
    page.until(
        "it has ended",
        &says(
            "checked",
            "It has been gone through; below is what was found.",
        ),
    )
    .await;
    let failed = "[data-check=peer-port].bad";
    page.until(
        "side A is found",
        &format!("document.querySelector('{failed}').innerText.includes('127.0.0.1')"),
    )
    .await;
    for step in ["at the gateway", "in SAP"] {
        let told = format!("document.querySelector('{failed}').innerText.includes('{step}')");
        page.until(step, &told).await;
    }
    page.until(
        "how it ended",
        "document.querySelector('[data-preflight=bad]')",
    )
    .await;
    page.picture("preflight", true).await;
    let audit = ground.audit();
    assert_eq!(audit.len(), 2, "{audit:?}");
    assert!(audit[0].contains("side A is gone"), "{audit:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_cannot_have_it_gone_through_is_told_why_in_its_section() {
    let ground = Ground::new().await;
    let mut page = ground.operator().await;
    // The gateway was asked, and ends before it can answer.
    page.click("[data-order=preflight]").await;
    page.until("it is open", "document.getElementById('order').open")
        .await;
    ground.daemon.signal("KILL");
    page.press("Enter").await;
    page.until(
        "it is told",
        &says("checked", "the gateway does not answer"),
    )
    .await;
}
