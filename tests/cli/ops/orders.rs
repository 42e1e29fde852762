//! To have something done.

use std::time::Duration;

use crmgate::simulate::{Behaviour, Caller, Deployment};
use serde_json::json;

use super::Stage;
use crate::support::{free_address, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reload_tells_what_was_opened_and_closed_and_what_is_to_be_said() {
    let mut stage = Stage::new().await;
    let other = free_address();
    stage.deployment.system.set("Requests", "Listen", other);
    stage.deployment.gateway.set("Limits", "IdleTimeout", "5s");
    stage
        .deployment
        .write(stage.world.path())
        .expect("ini files");
    stage.says(&["reload", "--reason", "ticket 7"]).is(
        0,
        &[
            &format!("opened: {other}\n"),
            &format!("closed: {}\n", stage.listen),
            "warning: ",
            "\n  at:      ",
            "\n  hint:    ",
            "reloaded: generation 2 is in force, 1 warning, 0 notices",
        ],
    );
    stage.daemon.until_said("reason=\"ticket 7\"").await;
    let told = stage.says_json(&["reload"]);
    assert_eq!(told["in_force"], true);
    assert_eq!(told["attempt"]["generation"], 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_that_is_refused_ends_with_78_and_says_where_and_what_to_do() {
    let mut stage = Stage::new().await;
    stage
        .deployment
        .system
        .set("Requests", "SidB", "http://127.0.0.1:1");
    stage
        .deployment
        .write(stage.world.path())
        .expect("ini files");
    let refused = stage.says(&["reload"]);
    refused.is(
        78,
        &[
            "error: a key is not known\n  at:      ",
            "[Requests] SidB\n  allowed: ",
            "  hint:    did you mean SideB?",
            "refused: 1 error; what was in force before stays",
        ],
    );
    let refused = stage.says(&["reload", "--output", "json"]);
    assert_eq!(
        (refused.code, &refused.json()["in_force"]),
        (78, &json!(false))
    );
    stage
        .says(&["status"])
        .is(0, &["generation 1 ", "the last reload was refused"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dry_run_tells_what_would_be_and_changes_nothing() {
    let stage = Stage::new().await;
    stage.sides_are_up().await;
    stage.says(&["switch", "B", "--dry-run"]).is(
        0,
        &[
            "SAP1: would be switched to side B",
            "note: requests under way finish where they are",
            "* side A",
        ],
    );
    stage
        .says(&["drain", "A", "--dry-run"])
        .is(0, &["SAP1: side A would be drained"]);
    let told = stage.says_json(&["drain", "A", "--dry-run"]);
    assert_eq!(told["done"], false);
    assert_eq!(stage.active(), "A");
    assert_eq!(stage.sides()["a"]["drained"], json!(null));
    assert!(!stage.daemon.said().contains("changed by an operator"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_switch_is_done_at_once_and_written_down_with_before_and_after() {
    let mut stage = Stage::new().await;
    stage.sides_are_up().await;
    stage.says(&["switch", "b", "--reason", "maintenance"]).is(
        0,
        &[
            "SAP1: switched to side B",
            "active before: side A",
            "* side B  up for ",
        ],
    );
    assert_eq!(stage.active(), "B");
    let told = stage.says_json(&["switch", "A", "--system", "SAP1"]);
    assert_eq!(
        (&told["done"], &told["after"]["active"]),
        (&json!(true), &json!("A"))
    );
    let change = "changed by an operator";
    stage.daemon.until_said_again(change, 1).await;
    let said = stage.daemon.said();
    let line = said
        .lines()
        .find(|line| line.contains("changed by an operator"));
    let line = line.expect("it is written down");
    for part in [
        "who=local role=operator from=127.0.0.1:",
        "action=\"switch\" reason=\"maintenance\"",
        "before=\"SAP1: A active\" after=\"SAP1: B active\"",
    ] {
        assert!(line.contains(part), "{part}: {line}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_switch_to_a_side_that_is_down_is_done_and_says_so() {
    let stage = Stage::with(|_, deployment| {
        deployment
            .system
            .set("Requests", "SideB", "http://127.0.0.1:9");
    })
    .await;
    stage.until_side("b", "down").await;
    let shown = stage.says(&["switch", "B"]);
    shown.is(
        0,
        &[
            "SAP1: switched to side B",
            "note: side B is down (cannot connect): requests will fail",
        ],
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_side_is_drained_and_given_back_and_the_last_one_cannot_be_drained() {
    let stage = Stage::new().await;
    stage.sides_are_up().await;
    stage.says(&["drain", "A", "--reason", "patch day"]).is(
        0,
        &[
            "SAP1: side A drained",
            "drained by local: patch day",
            "* side B",
        ],
    );
    assert_eq!(stage.active(), "B");
    let last = stage.says(&["drain", "B"]);
    last.is(
        1,
        &["crmgate: side A is drained already\n  hint: give it back first"],
    );
    let last = stage.says(&["drain", "B", "--output", "json"]);
    assert_eq!(last.code, 1);
    assert_eq!(last.json()["error"]["code"], "last-side");
    assert_eq!(last.json()["error"]["exit_code"], 1);
    stage
        .says(&["undrain", "A"])
        .is(0, &["SAP1: side A given back"]);
    stage
        .says(&["undrain", "A"])
        .is(0, &["note: side A is not drained"]);
    assert_eq!(
        stage.says_json(&["undrain", "A"])["after"]["a"]["drained"],
        json!(null)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_several_systems_have_sides_one_has_to_be_named() {
    let stage = Stage::with(|world, _| {
        let mut other = Deployment::new("SAP2");
        for (key, port) in [("SideA", 9), ("SideB", 10)] {
            let side = format!("http://127.0.0.1:{port}");
            other.system.set("Requests", key, side);
        }
        other.system.set("Requests", "Listen", free_address());
        let file = world.path().join("CRMConnectorSAP_SAP2.ini");
        std::fs::write(file, other.system.to_string()).expect("written");
    })
    .await;
    let which = stage.says(&["switch", "B"]);
    which.is(
        2,
        &[
            "more than one SAP system has sides: SAP1, SAP2",
            "--system NAME",
        ],
    );
    stage
        .says(&["switch", "B", "--system", "SAP2"])
        .is(0, &["SAP2: switched to side B"]);
    let unknown = stage.says(&["switch", "B", "--system", "SAP/3"]);
    unknown.is(1, &["no SAP system \"SAP_3\"", "use one of: SAP1, SAP2"]);
    assert_eq!(stage.active(), "A");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_level_of_the_log_is_set_and_no_level_hides_who_changed_what() {
    let mut stage = Stage::new().await;
    stage
        .says(&["logs", "level", "off"])
        .is(0, &["the log's level is off"]);
    let told = stage.says_json(&["logs", "level", "info,crmgate::tls=debug"]);
    assert_eq!(told, json!({ "level": "info,crmgate::tls=debug" }));
    for change in [
        "before=\"info\" after=\"off\"",
        "before=\"off\" after=\"info,crmgate::tls=debug\"",
    ] {
        stage.daemon.until_said(change).await;
    }
    let wrong = stage.says(&["logs", "level", "inof"]);
    wrong.is(1, &["\"inof\" is no log level; use off, error"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_drains_can_be_looked_at_and_takes_no_order_but_to_end_at_once() {
    let mut stage = Stage::new().await;
    stage.sides_are_up().await;
    for side in &stage.sides {
        side.behave(Behaviour::Hang);
    }
    let spec = stage.world.crm(stage.listen).caller().expect("a caller");
    let mut caller = Caller::new(spec, stage.world.ledger.clone());
    let before = stage.sides[0].figures().connections;
    let call = tokio::spawn(async move { caller.call().await });
    until("the side has the call", || {
        stage.sides[0].figures().connections > before
    })
    .await;
    stage
        .says(&["stop", "--reason", "new host"])
        .is(0, &["the gateway drains"]);
    stage.daemon.until_said("draining").await;
    stage
        .says(&["status", "--exit-code"])
        .is(1, &["draining, NOT READY", "the gateway is draining"]);
    for order in [
        &["reload"][..],
        &["switch", "B"],
        &["drain", "A"],
        &["undrain", "A"],
    ] {
        let refused = stage.says(order);
        refused.is(
            1,
            &[
                "the gateway is draining and takes no orders",
                "start it again",
            ],
        );
    }
    let begun = tokio::time::Instant::now();
    assert_eq!(stage.says_json(&["stop"]), json!({ "draining": true }));
    let ended = stage.daemon.ended().await;
    assert_eq!(ended.code(), Some(0));
    // DrainTimeout is 30 s.
    assert!(begun.elapsed() < Duration::from_secs(10));
    call.await.expect("no panic");
}
