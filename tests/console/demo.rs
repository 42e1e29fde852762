//! The demo, watched in its console.

use crate::browser::Page;
use crate::ground::{drawn, says};
use crate::support::Daemon;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_prints_its_console_which_shows_its_switch_over_as_it_happens() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut demo = Daemon::start(
        dir.path(),
        &["demo", "--seconds", "12", "--agents", "8", "--keep"],
    );
    demo.until_said("agents at work").await;
    let said = demo.said();
    let url = said
        .lines()
        .find_map(|line| line.trim().strip_prefix("console "))
        .expect("an address");
    let mut page = Page::open(url.trim()).await;
    page.until("it is an operator", &says("state", "operator"))
        .await;
    page.until("side B took over", &drawn("B", "active", "yes"))
        .await;
    page.until(
        "the new certificate is in force",
        &says("state", "generation 2"),
    )
    .await;
    page.until("side A serves again", &drawn("A", "active", "yes"))
        .await;
    page.picture("demo", false).await;
    demo.until_said("everything goes on, slower").await;
    assert_eq!(
        demo.said().matches(url.trim()).count(),
        2,
        "at the end again"
    );
    // Orders are carried out here as well.
    page.click("[data-order=reload]").await;
    page.until("it is open", "document.getElementById('order').open")
        .await;
    page.press("Enter").await;
    page.until(
        "it is in force",
        "document.querySelector('[data-reloaded=yes]')",
    )
    .await;
    demo.signal("INT");
    let ended = demo.ended().await;
    assert!(ended.success(), "{}", demo.said());
}

/// `cargo test --test console -- --ignored`, after a change that one sees.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes the picture of the README, which is for people to look at"]
async fn the_picture_of_the_readme_is_taken_of_the_demo() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut demo = Daemon::start(dir.path(), &["demo", "--seconds", "60"]);
    demo.until_said("agents at work").await;
    let said = demo.said();
    let url = said
        .lines()
        .find_map(|line| line.trim().strip_prefix("console "))
        .expect("an address");
    let mut page = Page::empty().await;
    page.resize(1280, 1330).await;
    page.go(url.trim()).await;
    demo.until_said("the operator switches back to side A")
        .await;
    page.until("side A serves", &drawn("A", "active", "yes"))
        .await;
    page.until(
        "requests flow to side A",
        "document.querySelector('[data-line=to-A].good') && document.querySelector('[data-line=to-B].idle')",
    )
    .await;
    page.picture("readme", false).await;
    let taken = crate::browser::folder().join("readme.png");
    let place = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("service/console.png");
    std::fs::copy(taken, place).expect("written");
}
