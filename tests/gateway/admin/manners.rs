//! What a browser may be made to send, and what nobody in his right mind does.

use std::time::Duration;

use crmgate::simulate::Ending;
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::{Stage, ask, get, request, say};
use crate::support::{free_address, soon};

fn generation(status: &serde_json::Value) -> u64 {
    status["generation"].as_u64().expect("a number")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_under_another_name_can_neither_look_nor_change() {
    let stage = Stage::new().await;
    for host in [
        "evil.example",
        "localhost.evil.example:9440",
        "10.0.0.1",
        "",
    ] {
        let look = format!("GET /api/v1/status HTTP/1.1\r\nHost: {host}\r\n\r\n");
        let answer = ask(&stage.local_door(), &look).await;
        assert_eq!(answer.status(), 421, "{host}: {answer:?}");
        assert!(answer.text().contains("foreign-host"), "{answer:?}");
        let token = stage.token();
        let change = format!(
            "POST /api/v1/reload HTTP/1.1\r\nHost: {host}\r\n{token}Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}"
        );
        assert_eq!(ask(&stage.local_door(), &change).await.status(), 421);
    }
    assert_eq!(generation(&stage.json("/api/v1/status").await), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_another_origin_and_a_form_change_nothing_even_with_the_token() {
    let stage = Stage::new().await;
    let json = "Content-Type: application/json\r\n";
    for (fields, code, word) in [
        (
            format!("{json}Origin: http://evil.example\r\n"),
            403,
            "foreign-origin",
        ),
        (format!("{json}Origin: null\r\n"), 403, "foreign-origin"),
        (
            format!("{json}Origin: http://127.0.0.1:1\r\n"),
            403,
            "foreign-origin",
        ),
        (
            format!("{json}Sec-Fetch-Site: cross-site\r\n"),
            403,
            "foreign-origin",
        ),
        (
            "Content-Type: application/x-www-form-urlencoded\r\n".to_owned(),
            415,
            "not-json",
        ),
        ("Content-Type: text/plain\r\n".to_owned(), 415, "not-json"),
        (String::new(), 415, "not-json"),
    ] {
        let fields = format!("{fields}{}", stage.token());
        for (method, path) in [("POST", "/api/v1/reload"), ("POST", "/api/v1/stop")] {
            let answer = ask(&stage.local_door(), &request(method, path, &fields, "{}")).await;
            assert_eq!(answer.status(), code, "{fields}: {answer:?}");
            assert!(answer.text().contains(word), "{fields}: {answer:?}");
        }
    }
    let status = stage.json("/api/v1/status").await;
    assert_eq!(
        (generation(&status), &status["phase"]),
        (1, &"serving".into())
    );
    // The console's own page may.
    let fields = format!(
        "{json}{}Origin: http://127.0.0.1\r\nSec-Fetch-Site: same-origin\r\n",
        stage.token()
    );
    let answer = ask(
        &stage.local_door(),
        &request("POST", "/api/v1/reload", &fields, "{}"),
    )
    .await;
    assert_eq!(answer.status(), 200, "{answer:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_is_kept_framed_or_lets_another_site_read_it() {
    let stage = Stage::new().await;
    let fields = "Origin: http://evil.example\r\n";
    let answer = ask(
        &stage.local_door(),
        &request("GET", "/api/v1/status", fields, ""),
    )
    .await;
    assert_eq!(answer.value("access-control-allow-origin"), None);
    assert_eq!(answer.value("cache-control"), Some("no-store"));
    assert_eq!(answer.value("x-frame-options"), Some("DENY"));
    let policy = answer.value("content-security-policy").expect("a policy");
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn head_is_get_without_a_body_and_a_wrong_method_is_told_the_right_ones() {
    let stage = Stage::new().await;
    let mut line = stage.local_door().open().await;
    let look = request("HEAD", "/api/v1/status", "", "");
    line.send(look.as_bytes()).await.expect("sent");
    let head = line.answer_to(true).await.expect("an answer");
    let length: usize = head
        .value("content-length")
        .expect("a length")
        .parse()
        .expect("a number");
    assert!(head.status() == 200 && length > 100, "{head:?}");
    // Nothing stands between it and the next answer.
    assert_eq!(say(&mut line, &get("/livez")).await.text(), "alive\n");
    for (method, path, allowed) in [
        ("GET", "/api/v1/reload", "POST"),
        ("DELETE", "/api/v1/status", "GET"),
        ("POST", "/api/v1/log-level", "PUT"),
    ] {
        let answer = ask(&stage.local_door(), &request(method, path, "", "")).await;
        assert_eq!(
            (answer.status(), answer.value("allow")),
            (405, Some(allowed)),
            "{answer:?}"
        );
    }
    let nothing = ask(&stage.local_door(), &get("/api/v2/status")).await;
    assert_eq!(nothing.status(), 404, "{nothing:?}");
    assert!(
        nothing.text().contains("/api/v1/openapi.json lists"),
        "{nothing:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_is_too_large_or_not_understood_is_refused_and_changes_nothing() {
    let stage = Stage::new().await;
    let long = format!("{{\"reason\":\"{}\"}}", "x".repeat(5_000));
    let switch = "/api/v1/systems/SAP1/switch";
    for (path, body, part) in [
        ("/api/v1/reload", long.as_str(), "cut off or too large"),
        ("/api/v1/reload", "{\"reasn\":\"\"}", "unknown field"),
        (switch, "{}", "missing field `side`"),
        (
            switch,
            "{\"side\":\"C\"}",
            "\\\"C\\\" is no side: use A or B",
        ),
        (switch, "side=A", "the body is not understood"),
    ] {
        let answer = stage.order("POST", path, body).await;
        assert_eq!(answer.status(), 400, "{answer:?}");
        assert!(answer.text().contains(part), "{part}: {answer:?}");
    }
    let unknown = stage
        .order("POST", "/api/v1/systems/SAP9/switch", "{\"side\":\"A\"}")
        .await;
    assert_eq!(unknown.status(), 404, "{unknown:?}");
    assert!(unknown.text().contains("use one of: SAP1"), "{unknown:?}");
    assert_eq!(generation(&stage.json("/api/v1/status").await), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_that_never_ends_is_cut() {
    let stage = Stage::new().await;
    let begun = Instant::now();
    let mut slow = stage.local_door().open().await;
    slow.send(b"GET /api/v1/status HTTP/1.1\r\nHost: 127")
        .await
        .expect("sent");
    let (_, _ended) = slow.rest().await;
    let took = begun.elapsed();
    assert!(
        (Duration::from_secs(5)..Duration::from_secs(18)).contains(&took),
        "{took:?}"
    );
    let mut large = stage.local_door().open().await;
    let fields = format!("X: {}\r\n", "x".repeat(40_000));
    let _closed_early = large
        .send(request("GET", "/livez", &fields, "").as_bytes())
        .await;
    let answer = large.answer_to(true).await;
    assert!(answer.is_err() || answer.is_ok_and(|answer| answer.status() == 431));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_at_one_address_holds_up_neither_the_traffic_nor_another_address() {
    let second = free_address();
    let stage = Stage::with(|_, deployment| {
        let listen = deployment.gateway.to_string();
        let listen = listen.lines().find_map(|line| line.strip_prefix("Listen="));
        let both = format!("{},{second}", listen.expect("an address"));
        deployment.gateway.set("Admin", "Listen", both);
    })
    .await;
    let mut crowd = Vec::new();
    for _ in 0..70 {
        crowd.push(TcpStream::connect(stage.local).await.expect("a connection"));
    }
    let mut caller = stage.caller();
    for _ in 0..20 {
        assert_eq!(soon(caller.call()).await, Ending::Answered);
    }
    let door = super::Door {
        addr: second,
        tls: None,
    };
    assert_eq!(ask(&door, &get("/livez")).await.status(), 200);
    // Those who were too many were closed and hold nothing.
    let mut last = crowd.pop().expect("a connection");
    let mut byte = [0];
    let read = tokio::io::AsyncReadExt::read(&mut last, &mut byte);
    assert!(!matches!(soon(read).await, Ok(1..)));
    drop(crowd);
    soon(async {
        loop {
            let mut line = stage.local_door().open().await;
            let sent = line.send(get("/livez").as_bytes()).await;
            if sent.is_ok() && line.answer().await.is_ok() {
                return;
            }
        }
    })
    .await;
}
