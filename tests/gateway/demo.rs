//! `crmgate demo`, the real binary.

use std::process::{Command, Stdio};

use crate::support::Daemon;

#[tokio::test]
async fn the_demo_loses_nothing_and_says_so_in_plain_text() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut demo = Daemon::start(dir.path(), &["demo", "--seconds", "6", "--agents", "12"]);
    let ended = demo.ended().await;
    let said = demo.said();
    assert!(ended.success(), "{said}");
    for text in [
        "side A is killed",
        "side B is active",
        "generation 2",
        "both application servers have met the new certificate",
        "side B's events take the static route",
        "the operator switches back to side A",
        "\n  nothing lost, nothing twice\n",
    ] {
        assert!(said.contains(text), "{text}\n{said}");
    }
    assert!(!said.contains(['\u{1b}', '\r']), "{said}");
}

#[tokio::test]
async fn a_demo_that_is_interrupted_ends_in_order_with_its_table() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut demo = Daemon::start(dir.path(), &["demo", "--seconds", "600", "--agents", "4"]);
    demo.until_said("agents at work").await;
    demo.signal("INT");
    let ended = demo.ended().await;
    let said = demo.said();
    assert!(ended.success(), "{said}");
    assert!(said.contains("nothing lost, nothing twice"), "{said}");
    assert!(said.ends_with("  ended before its time\n"), "{said}");
}

#[test]
fn a_demo_without_agents_is_refused_with_the_range() {
    let output = Command::new(env!("CARGO_BIN_EXE_crmgate"))
        .args(["demo", "--agents", "0"])
        .stdin(Stdio::null())
        .output()
        .expect("the binary");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("1..=500"), "{said}");
}
