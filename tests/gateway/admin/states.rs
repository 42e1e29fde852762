//! What is said while the gateway starts, reloads and ends.

use std::net::TcpListener;

use crmgate::simulate::Behaviour;
use serde_json::json;

use super::{Stage, get, until};
use crate::support::{Daemon, World, free_address};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_draining_it_is_alive_and_not_ready_and_can_be_looked_at() {
    let mut stage = Stage::new().await;
    assert_eq!(stage.get("/readyz").await.status(), 200);
    stage.sides[0].behave(Behaviour::Hang);
    let mut caller = stage.caller();
    let before = stage.sides[0].figures().connections;
    let call = tokio::spawn(async move { caller.call().await });
    until("the side has the call", || {
        stage.sides[0].figures().connections > before
    })
    .await;
    stage.daemon.signal("TERM");
    stage.daemon.until_said("draining").await;
    for (path, code, text) in [
        ("/livez", 200, "alive\n"),
        ("/readyz", 503, "the gateway is draining\n"),
        ("/healthz", 503, "the gateway is draining\n"),
    ] {
        let answer = stage.get(path).await;
        assert_eq!(
            (answer.status(), answer.text().as_str()),
            (code, text),
            "{path}"
        );
    }
    let status = stage.json("/api/v1/status").await;
    assert_eq!(
        (&status["phase"], &status["ready"]),
        (&json!("draining"), &json!(false))
    );
    for path in [
        "/api/v1/reload",
        "/api/v1/preflight",
        "/api/v1/systems/SAP1/switch",
        "/api/v1/systems/SAP1/sides/A/drain",
    ] {
        let body = if path.ends_with("switch") {
            "{\"side\":\"B\"}"
        } else {
            "{}"
        };
        let refused = stage.order("POST", path, body).await;
        assert_eq!(refused.status(), 409, "{refused:?}");
        assert!(
            refused.text().contains("\"code\": \"draining\""),
            "{refused:?}"
        );
    }
    assert!(!call.is_finished());
    stage.daemon.signal("QUIT");
    assert_eq!(stage.daemon.ended().await.code(), Some(0));
    call.await.expect("no panic");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_without_a_side_is_not_ready_but_for_who_leaves_the_sides_out() {
    let stage = Stage::with(|_, deployment| {
        for (key, port) in [("SideA", 9), ("SideB", 10)] {
            let side = format!("http://127.0.0.1:{port}");
            deployment.system.set("Requests", key, side);
        }
    })
    .await;
    loop {
        let ready = stage.get("/readyz").await;
        if ready.status() == 503 {
            assert_eq!(ready.text(), "no side of SAP1 is up\n");
            break;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(stage.get("/readyz?sides=0").await.status(), 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn status_is_answered_all_the_while_the_configuration_is_reloaded() {
    let mut stage = Stage::new().await;
    let door = stage.local_door();
    let (stop, mut stopped) = tokio::sync::oneshot::channel::<()>();
    let looks = tokio::spawn(async move {
        let mut looks = 0_u32;
        let mut line = door.open().await;
        while stopped.try_recv().is_err() {
            let answer = super::say(&mut line, &get("/api/v1/status")).await;
            assert_eq!(answer.status(), 200);
            looks += 1;
        }
        looks
    });
    for round in 0..10 {
        stage
            .deployment
            .gateway
            .set("Limits", "MaxHeaders", 100 + round);
        stage.write();
        stage.reload().await;
    }
    stop.send(()).expect("it looks");
    assert!(looks.await.expect("no panic") >= 10);
    assert_eq!(stage.json("/api/v1/status").await["generation"], 11);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn generations_tell_of_a_refused_reload_with_who_where_and_why() {
    let mut stage = Stage::new().await;
    stage
        .deployment
        .system
        .set("Requests", "SidB", "http://127.0.0.1:1");
    stage.write();
    let answer = stage
        .order("POST", "/api/v1/reload", "{\"reason\":\"a try\"}")
        .await;
    assert_eq!(answer.status(), 200, "{answer:?}");
    let generations = stage.json("/api/v1/generations").await;
    let (latest, first) = (&generations[0], &generations[1]);
    assert_eq!(
        (&first["generation"], &first["trigger"]),
        (&json!(1), &json!("start"))
    );
    assert_eq!(latest["generation"], json!(null));
    assert_eq!(latest["trigger"], "operator local");
    let problem = &latest["problems"][0];
    assert_eq!(
        (&problem["severity"], &problem["hint"]),
        (&json!("error"), &json!("did you mean SideB?"))
    );
    assert!(
        problem["at"]
            .as_str()
            .expect("a place")
            .ends_with("[Requests] SidB")
    );
    assert!(
        problem["allowed"]
            .as_str()
            .expect("names")
            .contains("SideB")
    );
    let status = stage.json("/api/v1/status").await;
    assert_eq!(status["generation"], 1);
    assert!(
        status["last_reload_failure"]
            .as_str()
            .expect("why")
            .contains("a key is not known")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_configuration_is_told_with_its_lines_and_without_secrets() {
    let mut stage = Stage::new().await;
    let ssl = stage.deployment.ssl.as_mut().expect("TLS");
    // Written there by mistake, by people in a hurry.
    ssl.set("SSL_SERVER_CLIENT", "KEY_PASSPHRASE_FILE", "hunter2")
        .set("SSL_SERVER_CLIENT", "KEY_PASSWORD", "hunter3");
    stage
        .deployment
        .system
        .set("Requests", "SideA", "http://user:hunter4@127.0.0.1:1");
    stage.write();
    let answer = stage.get("/api/v1/configuration").await;
    assert!(!answer.text().contains("hunter"), "{}", answer.text());
    let told: serde_json::Value = serde_json::from_slice(&answer.body).expect("JSON");
    let all = told.as_array().expect("keys");
    let key = |name: &str| all.iter().find(|each| each["key"] == name).expect("told");
    assert_eq!(key("KEY_PASSPHRASE_FILE")["value"], json!(null));
    assert_eq!(key("SideA")["value"], "http://***@127.0.0.1:1");
    assert_eq!(key("AllowReader1")["value"], "cn=reader");
    assert!(key("AllowReader1")["line"].is_u64());
    assert_eq!(
        (&key("DrainTimeout")["origin"], &key("DrainTimeout")["line"]),
        (&json!("default"), &json!(null))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_change_is_written_down_with_who_what_before_and_after() {
    let stage = Stage::new().await;
    for (method, path, body) in [
        (
            "POST",
            "/api/v1/systems/SAP1/sides/A/drain",
            "{\"reason\":\"patch day\"}",
        ),
        ("POST", "/api/v1/systems/SAP1/sides/A/undrain", "{}"),
        ("POST", "/api/v1/systems/SAP1/switch", "{\"side\":\"A\"}"),
        ("PUT", "/api/v1/log-level", "{\"level\":\"error\"}"),
        ("PUT", "/api/v1/log-level", "{\"level\":\"info\"}"),
        ("POST", "/api/v1/reload", "{\"reason\":\"new list\"}"),
    ] {
        let answer = stage.order(method, path, body).await;
        assert_eq!(answer.status(), 200, "{answer:?}");
    }
    let mut daemon = stage.daemon;
    daemon.until_said_again("changed by an operator", 5).await;
    let said = daemon.said();
    let lines = said
        .lines()
        .filter(|line| line.contains("changed by an operator"));
    let lines: Vec<&str> = lines.collect();
    let expected = [
        "action=\"drain\" reason=\"patch day\" before=\"SAP1: A active\" after=\"SAP1: B active, A drained\"",
        "action=\"undrain\" reason=\"\" before=\"SAP1: B active, A drained\" after=\"SAP1: B active\"",
        "action=\"switch\" reason=\"\" before=\"SAP1: B active\" after=\"SAP1: A active\"",
        "action=\"log level\" reason=\"\" before=\"info\" after=\"error\"",
        "action=\"log level\" reason=\"\" before=\"error\" after=\"info\"",
        "action=\"reload\" reason=\"new list\" before=\"generation 1\" after=\"generation 2, in force\"",
    ];
    assert_eq!(lines.len(), expected.len(), "{said}");
    for (line, part) in lines.iter().zip(expected) {
        assert!(line.contains(part), "{part}: {line}");
        assert!(
            line.contains("who=local role=operator from=127.0.0.1:"),
            "{line}"
        );
    }
}

/// A daemon that cannot have its admin listener, and what it said.
async fn refused(world: &World, keys: &[(&str, &str, String)]) -> (Option<i32>, String) {
    let side = "http://127.0.0.1:9".parse().expect("a URL");
    let mut deployment = world.deployment().requests(free_address(), &side, None);
    for (section, key, value) in keys {
        deployment.gateway.set(section, key, value);
    }
    deployment.write(world.path()).expect("ini files");
    let mut daemon = Daemon::run(world.path());
    let ended = daemon.ended().await;
    (ended.code(), daemon.said())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_taken_address_ends_the_start_with_69_and_says_how_to_find_who_has_it() {
    let world = World::new();
    let other = TcpListener::bind("127.0.0.1:0").expect("a port");
    let held = other.local_addr().expect("bound");
    let (code, said) = refused(&world, &[("Admin", "Listen", held.to_string())]).await;
    assert_eq!(code, Some(69), "{said}");
    assert!(
        said.contains(&format!("the address {held} is in use by another program")),
        "{said}"
    );
    assert!(
        said.contains("hint: see who it is with: ss -ltnp"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_cannot_be_written_ends_the_start_with_77_and_names_the_file() {
    let world = World::new();
    let listen = free_address().to_string();
    // The folder is missing, which a start survives without an admin listener.
    let keys = [
        ("Admin", "Listen", listen),
        ("Runtime", "StateFile", "./nowhere/crmgate.state".to_owned()),
    ];
    let (code, said) = refused(&world, &keys).await;
    assert_eq!(code, Some(77), "{said}");
    assert!(
        said.contains("the token of the admin listener cannot be written to \""),
        "{said}"
    );
    assert!(said.contains("with TokenFile in [Admin]"), "{said}");
}
