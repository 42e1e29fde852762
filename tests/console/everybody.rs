//! Who can use it: on a phone, by keyboard, in the dark, without seeing it, in German, on paper.

use serde_json::{Value, json};

use crate::browser::Page;
use crate::ground::{Ground, drawn, says};

/// Texts whose colour is too near to what is behind them.
const CONTRAST: &str = include_str!("contrast.js");

/// What has to have a name for somebody who does not see it.
const NAMED: [&str; 9] = [
    "button",
    "link",
    "textbox",
    "searchbox",
    "checkbox",
    "image",
    "dialog",
    "region",
    "log",
];

async fn assert_named(page: &mut Page) {
    let all = page.accessible().await;
    let controls = all
        .iter()
        .filter(|(role, _)| NAMED.contains(&role.as_str()));
    assert!(controls.count() > 10, "{all:?}");
    let nameless: Vec<_> = all
        .iter()
        .filter(|(role, name)| NAMED.contains(&role.as_str()) && name.trim().is_empty())
        .collect();
    assert!(nameless.is_empty(), "{nameless:?}");
}

async fn assert_readable(page: &mut Page) {
    let found = page.evaluate(CONTRAST).await;
    let least = found["texts"].as_u64().expect("a number");
    assert!(least > 60, "{least} texts are judged");
    assert_eq!(found["faint"], json!([]), "{found:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_control_has_a_name_headings_are_in_order_and_no_id_is_there_twice() {
    let ground = Ground::new().await;
    let mut page = ground.operator().await;
    page.until("all is drawn", &says("papers", "CN=")).await;
    assert_named(&mut page).await;
    let levels = "[...document.querySelectorAll('h1, h2, h3, h4')].filter((head) => head.checkVisibility()).map((head) => Number(head.localName[1]))";
    let levels: Vec<u64> = serde_json::from_value(page.evaluate(levels).await).expect("levels");
    assert_eq!(levels[0], 1);
    assert!(
        levels.windows(2).all(|two| two[1] <= two[0] + 1),
        "{levels:?}"
    );
    let twice = "[...document.querySelectorAll('[id]')].map((one) => one.id).filter((id, index, all) => all.indexOf(id) !== index)";
    assert_eq!(page.evaluate(twice).await, json!([]));
    let unlabelled = "[...document.querySelectorAll('input')].filter((input) => input.labels.length === 0).length";
    assert_eq!(page.evaluate(unlabelled).await, json!(0));
    page.click("[data-order=switch]").await;
    page.until("a dry run tells", &says("order-remarks", "A dry run says"))
        .await;
    let dialog: Vec<_> = page.accessible().await;
    let dialog = dialog.iter().find(|(role, _)| role == "dialog");
    assert_eq!(
        dialog.map(|(_, name)| name.as_str()),
        Some("Switch SAP1 to side B")
    );
    assert_readable_dialog(&mut page).await;
}

async fn assert_readable_dialog(page: &mut Page) {
    let found = page.evaluate(CONTRAST).await;
    assert_eq!(found["faint"], json!([]), "{found:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_text_can_be_read_by_day_and_by_night_whatever_state_it_tells() {
    let mut ground = Ground::new().await;
    let mut page = ground.operator().await;
    ground.a.kill().await;
    page.until("side A is down", &drawn("A", "health", "down"))
        .await;
    page.until("it is told below", &says("said", "side is down"))
        .await;
    for scheme in ["light", "dark"] {
        page.prefer("prefers-color-scheme", scheme).await;
        assert_readable(&mut page).await;
        page.picture(&format!("wide-{scheme}"), false).await;
    }
    // The switch wins over what the system prefers, and is kept.
    page.click("#theme").await;
    assert_eq!(
        page.text("document.documentElement.dataset.theme").await,
        "light"
    );
    page.go(&ground.url()).await;
    assert_eq!(
        page.text("document.documentElement.dataset.theme").await,
        "light"
    );
    let ground_of = "getComputedStyle(document.body).backgroundColor";
    assert_eq!(page.text(ground_of).await, "rgb(243, 245, 248)");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_shows_all_of_it_without_going_sideways() {
    let ground = Ground::new().await;
    let mut page = Page::empty().await;
    page.resize(390, 844).await;
    page.go(&ground.url()).await;
    page.until("all is drawn", &says("papers", "CN=")).await;
    page.until(
        "the picture stands upright",
        "document.querySelector('.topology').viewBox.baseVal.height > 370",
    )
    .await;
    for (width, height) in [(390, 844), (320, 640)] {
        page.resize(width, height).await;
        let sideways = page
            .evaluate("document.documentElement.scrollWidth - innerWidth")
            .await;
        assert!(sideways.as_i64() <= Some(0), "{width}: {sideways}");
    }
    page.resize(390, 844).await;
    // A finger needs some room.
    let small = "[...document.querySelectorAll('button')].filter((button) => button.checkVisibility() && button.getBoundingClientRect().height < 40).length";
    assert_eq!(page.evaluate(small).await, json!(0));
    page.picture("phone", false).await;
    page.picture("phone-whole", true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tabulator_reaches_every_control_and_the_focus_outlives_what_is_drawn_anew() {
    let ground = Ground::new().await;
    let mut page = ground.operator().await;
    page.until("all is drawn", &says("papers", "CN=")).await;
    let wanted = "[...document.querySelectorAll('a[href], button, input')].filter((one) => one.checkVisibility() && !one.disabled).length";
    let wanted = page.evaluate(wanted).await.as_u64().expect("a number");
    let begin = "window.met = new Set(); document.addEventListener('focusin', (event) => { if (event.target.matches('a[href], button, input')) met.add(event.target); })";
    page.evaluate(begin).await;
    let mut presses = 0;
    while page.evaluate("met.size").await.as_u64() < Some(wanted) {
        presses += 1;
        assert!(presses < 120, "the tabulator does not reach everything");
        page.press("Tab").await;
    }
    page.evaluate("document.querySelector('[data-order=switch]').focus()")
        .await;
    let mark = "document.activeElement.same = true; window.first = document.querySelector('.chip:nth-child(4)').innerText";
    page.evaluate(mark).await;
    page.until(
        "the page was drawn anew",
        "document.querySelector('.chip:nth-child(4)').innerText !== first",
    )
    .await;
    assert_eq!(
        page.evaluate("document.activeElement.same === true").await,
        json!(true)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_moves_stands_still_for_whom_it_would_disturb() {
    let ground = Ground::new().await;
    let mut page = ground.reader().await;
    page.until(
        "requests flow",
        "document.querySelector('[data-line=to-A] .dashes:not(.still)')",
    )
    .await;
    let moves =
        "getComputedStyle(document.querySelector('[data-line=to-A] .dashes')).animationName";
    page.until("it moves", &format!("{moves} === 'flow'")).await;
    page.prefer("prefers-reduced-motion", "reduce").await;
    assert_eq!(page.text(moves).await, "none");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_german_browser_gets_german_and_paper_gets_no_buttons() {
    let ground = Ground::new().await;
    let mut page = Page::empty().await;
    let agent = page.evaluate("navigator.userAgent").await;
    let german = json!({"userAgent": agent, "acceptLanguage": "de-DE"});
    page.call("Emulation.setUserAgentOverride", german).await;
    page.go(&ground.url()).await;
    for (id, text) in [
        ("sides", "Seiten und Umschaltung"),
        ("state", "bereit"),
        ("timeline", "eigenes"),
    ] {
        page.until(text, &says(id, text)).await;
    }
    assert_eq!(page.text("document.documentElement.lang").await, "de");
    page.picture("german", false).await;
    page.call("Emulation.setEmulatedMedia", json!({"media": "print"}))
        .await;
    let shown = "[...document.querySelectorAll('button, input, nav')].filter((one) => one.checkVisibility()).length";
    assert_eq!(page.evaluate(shown).await, json!(0));
    page.picture("paper", true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_scripts_the_page_says_where_the_same_stands_as_text() {
    let ground = Ground::new().await;
    let mut page = Page::empty().await;
    page.call(
        "Emulation.setScriptExecutionDisabled",
        json!({"value": true}),
    )
    .await;
    page.call("Page.navigate", json!({"url": ground.url()}))
        .await;
    let names: Vec<Value> = loop {
        let all = page.accessible().await;
        let links = all.into_iter().filter(|(role, _)| role == "link");
        let names: Vec<_> = links.map(|(_, name)| json!(name)).collect();
        if !names.is_empty() {
            break names;
        }
    };
    assert!(
        names.contains(&json!("how the gateway stands")),
        "{names:?}"
    );
}
