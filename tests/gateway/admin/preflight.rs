//! The checklist of the running gateway: who has it gone through, what it goes by, what it tells.

use serde_json::{Value, json};

use super::{Stage, assert_described};
use crate::preflight::fakes::Fake;
use crate::preflight::{few, https};
use crate::support::free_address;

const PATH: &str = "/api/v1/preflight";

/// The lines of a report with one of these names.
fn lines<'r>(report: &'r Value, id: &str) -> Vec<&'r Value> {
    let sections = report["sections"].as_array().expect("sections").iter();
    let lines = sections.flat_map(|section| section["lines"].as_array().expect("lines"));
    lines.filter(|line| line["id"] == id).collect()
}

/// With SAP CRM at somebody who says nothing.
async fn with_a_silent_crm() -> (Stage, Fake) {
    let silent = Fake::silent().await;
    let at = silent.at;
    let stage = Stage::with(|_, deployment| {
        *deployment = deployment.clone().events(free_address(), &https(at));
        few(deployment);
    })
    .await;
    (stage, silent)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_it_finds_is_answered_kept_counted_and_written_down_with_who_and_why() {
    let stage = Stage::with(|_, deployment| {
        few(deployment);
        let nobody = format!("http://{}", free_address());
        deployment.system.set("Requests", "SideB", nobody);
    })
    .await;
    let before = stage.json(PATH).await;
    assert_eq!(before, json!({"under_way": null, "last": null}));
    assert!(
        !stage
            .get("/metrics")
            .await
            .text()
            .contains("\ncrmgate_preflight_findings{")
    );

    let answer = stage
        .order("POST", PATH, "{\"reason\":\"before golive\"}")
        .await;
    assert_eq!(answer.status(), 200, "{answer:?}");
    let ended: Value = serde_json::from_slice(&answer.body).expect("JSON");
    assert_eq!(
        (&ended["by"], &ended["generation"], &ended["failed"]),
        (&json!("local"), &json!(1), &json!(1)),
        "{ended:#}"
    );
    let report = &ended["report"];
    assert_eq!(report["phase"], "daily");
    let ports = lines(report, "peer-port");
    let failed: Vec<_> = ports
        .iter()
        .filter(|line| line["status"] == "failed")
        .collect();
    assert_eq!(failed.len(), 1, "{report:#}");
    for step in ["here", "there"] {
        let said = failed[0]["findings"][0][step].as_str();
        assert!(said.is_some_and(|said| said.len() > 10), "{failed:?}");
    }
    assert_eq!(
        stage.json(PATH).await,
        json!({"under_way": null, "last": ended})
    );
    let figures = stage.get("/metrics").await.text();
    assert!(figures.contains("\ncrmgate_preflight_findings{severity=\"error\"} 1\n"));
    assert!(figures.contains("\ncrmgate_preflight_timestamp_seconds "));
    let said = stage.daemon.said();
    let audit = said
        .lines()
        .filter(|line| line.contains("changed by an operator"));
    let audit: Vec<_> = audit
        .filter(|line| line.contains("before golive"))
        .collect();
    assert_eq!(audit.len(), 2, "{audit:?}");
    assert!(audit[0].contains("none so far"), "{audit:?}");
    assert!(audit[1].contains("1 failed"), "{audit:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_goes_by_what_is_in_force_and_not_by_what_has_become_of_its_ini_files() {
    let mut stage = Stage::with(|_, deployment| {
        few(deployment);
        deployment.gateway.set("Runtime", "Watch", "no");
    })
    .await;
    stage
        .deployment
        .system
        .set("Requests", "SideA", "httpx://x");
    stage.write();
    let answer = stage.order("POST", PATH, "{}").await;
    let ended: Value = serde_json::from_slice(&answer.body).expect("JSON");
    let report = &ended["report"];
    assert_eq!(report["usable"], json!(true), "{report:#}");
    let files = lines(report, "config-files");
    assert_eq!(files[0]["status"], "passed", "{report:#}");
    assert_eq!(lines(report, "peer-port").len(), 2, "{report:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_is_gone_through_at_a_time_and_the_second_is_told_who_has_begun_the_first() {
    let (stage, silent) = with_a_silent_crm().await;
    let (door, token) = (stage.local_door(), stage.token());
    let first = tokio::spawn(async move {
        let fields = format!("{token}Content-Type: application/json\r\n");
        super::ask(&door, &super::request("POST", PATH, &fields, "{}")).await
    });
    let under_way = loop {
        let told = stage.json(PATH).await;
        if told["under_way"] != Value::Null {
            break told["under_way"].clone();
        }
        assert!(!first.is_finished(), "{told:#}");
    };
    let second = stage.order("POST", PATH, "{}").await;
    assert_eq!(second.status(), 409, "{second:?}");
    let fault: Value = serde_json::from_slice(&second.body).expect("JSON");
    assert_eq!(fault["code"], "preflight-under-way");
    let since = under_way["since"].as_str().expect("a time");
    let who = format!("a preflight is under way, begun by local at {since}");
    assert_eq!(fault["message"], json!(who));
    // Others are answered meanwhile.
    assert_eq!(stage.get("/livez").await.status(), 200);
    drop(silent);
    let ended = first.await.expect("no panic");
    assert_eq!(ended.status(), 200, "{ended:?}");
    assert_eq!(stage.order("POST", PATH, "{}").await.status(), 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_says_nothing_is_waited_for_no_longer_than_was_asked_for() {
    let (stage, _silent) = with_a_silent_crm().await;
    let answer = stage.order("POST", PATH, "{\"wait_seconds\":1}").await;
    assert_eq!(answer.status(), 200, "{answer:?}");
    let ended: Value = serde_json::from_slice(&answer.body).expect("JSON");
    let took = ended["took_seconds"].as_f64().expect("seconds");
    assert!((1.0..5.0).contains(&took), "{took}");
    assert_eq!(ended["failed"], json!(1), "{ended:#}");
    for wrong in ["{\"wait_seconds\":0}", "{\"wait_seconds\":121}"] {
        let refused = stage.order("POST", PATH, wrong).await;
        assert_eq!(refused.status(), 400, "{refused:?}");
        assert!(refused.text().contains("has to be from 1 to 120"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_told_is_what_the_description_says() {
    let stage = Stage::with(|_, deployment| few(deployment)).await;
    assert_eq!(stage.order("POST", PATH, "{}").await.status(), 200);
    let description = stage.json("/api/v1/openapi.json").await;
    let told = stage.json(PATH).await;
    assert_described(&description, PATH, &told);
}
