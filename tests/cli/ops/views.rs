//! To look.

use crmgate::model::Side;
use crmgate::simulate::{Caller, Ending};

use super::Stage;
use crate::support::{World, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn status_shows_phase_systems_sides_figures_and_the_next_certificate_to_end() {
    let stage = Stage::new().await;
    stage.sides_are_up().await;
    let spec = stage.world.crm(stage.listen).caller().expect("a caller");
    let mut caller = Caller::new(spec, stage.world.ledger.clone());
    assert_eq!(caller.call().await, Ending::Answered);
    let [a, b] = stage
        .sides
        .each_ref()
        .map(|side| side.endpoint().to_string());
    let shown = stage.says(&["status"]);
    shown.is(
        0,
        &[
            &format!(
                "crmgate {} at http://{}/: serving, ready",
                env!("CARGO_PKG_VERSION"),
                stage.admin
            ),
            "generation 1 since 20",
            "1 connection open",
            &format!("requests     {}, TLS -> {a}, {b}", stage.listen),
            "* side A  up for ",
            "  side B  up for ",
            "requests    1 answered, 0 failed",
            "handshakes  1 full, 0 resumed (0 %)",
            "next to end   in 36",
            "PEM_FILE",
        ],
    );
    assert_eq!(shown.err, "");
    let told = stage.says_json(&["status"]);
    assert_eq!(told["phase"], "serving");
    assert_eq!(told["figures"]["requests_answered"], 1);
    assert_eq!(told["systems"][0]["sides"]["a"]["url"], a);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn status_ends_with_1_for_a_gateway_that_is_not_ready_only_when_asked_for_that() {
    let stage = Stage::with(|_, deployment| {
        // Nobody is there.
        for (key, port) in [("SideA", 9), ("SideB", 10)] {
            let side = format!("http://127.0.0.1:{port}");
            deployment.system.set("Requests", key, side);
        }
    })
    .await;
    stage.until_side("a", "down").await;
    stage.says(&["status"]).is(
        0,
        &["serving, NOT READY", "not ready: no side of SAP1 is up"],
    );
    stage.says(&["status", "--exit-code"]).is(1, &["NOT READY"]);
    let json = stage.says(&["status", "--exit-code", "--output", "json"]);
    assert_eq!((json.code, &json.json()["ready"]), (1, &false.into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ready_gateway_ends_status_with_0() {
    let stage = Stage::new().await;
    stage.sides_are_up().await;
    stage
        .says(&["status", "--exit-code"])
        .is(0, &["serving, ready"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn top_prints_one_picture_where_there_is_no_terminal() {
    let stage = Stage::new().await;
    stage.sides_are_up().await;
    for line in [&["top"][..], &["top", "--once"]] {
        let shown = stage.says(line);
        shown.is(
            0,
            &[
                "serving, ready",
                "per second   since the start",
                "requests               0.0 (0.0 failed)   0 answered, 0 failed",
                "side B  up for ",
            ],
        );
        assert!(!shown.out.contains('\u{1b}'), "{shown:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_are_shown_with_the_hint_and_with_what_sap_shows() {
    let stage = Stage::new().await;
    stage.sides_are_up().await;
    let nothing = stage.says(&["logs", "errors"]);
    nothing.is(0, &["nothing was warned of"]);
    // A client of another company.
    let strangers = World::new();
    let spec = strangers.crm(stage.listen).caller().expect("a caller");
    let mut stranger = Caller::new(spec, strangers.ledger.clone());
    assert_ne!(stranger.call().await, Ending::Answered);
    until("the refusal is told", || {
        stage.says_json(&["logs", "errors"]) != serde_json::json!([])
    })
    .await;
    let shown = stage.says(&["logs", "errors"]);
    shown.is(
        0,
        &[
            "TLS handshake failed",
            "\n  SAP shows: ",
            "\n  hint: ",
            "\n  code: ",
        ],
    );
    let told = stage.says_json(&["logs", "errors"]);
    assert_eq!(told[0]["message"], "TLS handshake failed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_are_followed_as_they_come() {
    let mut stage = Stage::new().await;
    stage.sides_are_up().await;
    let mut follower = super::command(stage.world.path(), &["logs", "errors", "--follow"]);
    let dir = tempfile::tempdir().expect("a folder");
    let seen = dir.path().join("seen");
    let file = std::fs::File::create(&seen).expect("a file");
    let mut follower = follower.stdout(file).spawn().expect("the binary");
    stage.sides = Side::BOTH.map(|side| stage.world.side(side));
    until("the side that has gone is told of", || {
        let seen = std::fs::read_to_string(&seen).expect("text");
        seen.contains("side is down") && seen.contains("127.0.0.1")
    })
    .await;
    follower.kill().expect("it runs");
    follower.wait().expect("a child");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_console_is_printed_with_a_token_that_the_gateway_takes() {
    let stage = Stage::new().await;
    let token = std::fs::read_to_string(stage.world.path().join("admin.token")).expect("a token");
    let url = format!("http://{}/#token={}", stage.admin, token.trim());
    let shown = stage.says(&["console"]);
    assert_eq!((shown.code, shown.out), (0, format!("{url}\n")));
    let told = stage.says_json(&["console"]);
    assert_eq!(told, serde_json::json!({ "url": url, "role": "operator" }));
}
