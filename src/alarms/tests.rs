use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::certs::{Due, DueKind, Step};
use crate::config::problem::{Place, Problem};
use crate::config::settings::{WebhookSettings, WebhookUrl};
use crate::model::{Clock, HostPort, Scheme, Secret, WallTime};
use crate::net::DialError;

fn due() -> Due {
    let place = Place::file(Path::new("ssl.ini"))
        .line(3)
        .section("SSL")
        .key("PEM_FILE");
    Due {
        kind: DueKind::Own,
        subject: "CN=gw".to_owned(),
        ends: WallTime(30 * 86_400),
        item: [7; 32],
        step: Step::left(30),
        problem: Problem::warning(place, "it ends", "renew it"),
    }
}

/// A collector that answers one connection after the other with these statuses, and keeps what it was
/// told.
async fn collector(statuses: &'static [u16]) -> (WebhookSettings, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let target = HostPort::from_addr(listener.local_addr().expect("bound"));
    let told: Arc<Mutex<Vec<String>>> = Arc::default();
    let kept = Arc::clone(&told);
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move {
        for status in statuses {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut request = Vec::new();
            while !request.ends_with(b"}") {
                let mut part = [0; 1024];
                let count = stream.read(&mut part).await.expect("readable");
                request.extend(&part[..count]);
            }
            kept.lock()
                .expect("whole")
                .push(String::from_utf8(request).expect("text"));
            let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.expect("written");
        }
        // As long as the test: nobody else gets the port.
        std::future::pending::<()>().await;
    });
    tasks.detach_all();
    let settings = WebhookSettings {
        url: WebhookUrl {
            scheme: Scheme::Http,
            target,
            path: Secret::new("/hook/s3cret".to_owned()),
        },
        ca: None,
        timeout: Duration::from_secs(5),
        place: Place::default(),
    };
    (settings, told)
}

fn webhook(settings: &WebhookSettings) -> Arc<Webhook> {
    let (webhook, problems) = Webhook::build(settings, &Clock::system());
    assert!(problems.is_empty(), "{problems}");
    Arc::new(webhook.expect("a webhook"))
}

async fn delivered(courier: &mut Courier) {
    let waited = async {
        while courier.under_way() > 0 {
            tokio::task::yield_now().await;
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(10), waited).await;
    in_time.expect("it comes to an end");
}

fn quick() -> Courier {
    Courier::new(Pace::of(&[Duration::from_millis(1); 3]))
}

#[tokio::test]
async fn an_alarm_is_one_json_object_with_what_has_to_be_done_and_nothing_secret() {
    let (settings, told) = collector(&[204]).await;
    let mut courier = quick();
    courier.send(&webhook(&settings), Alarm::of(&due(), WallTime(0)));
    delivered(&mut courier).await;
    let told = told.lock().expect("whole").join("");
    let (head, body) = told.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("POST /hook/s3cret HTTP/1.1\r\n"), "{head}");
    let json: serde_json::Value = serde_json::from_str(body).expect("JSON");
    for (key, value) in [
        ("code", "GW-ALARM-CERT-30D"),
        ("kind", "certificate"),
        ("subject", "CN=gw"),
        ("ends", "1970-01-31T00:00:00Z"),
        ("key", "PEM_FILE"),
        ("text", "it ends"),
        ("hint", "renew it"),
    ] {
        assert_eq!(json[key], value, "{body}");
    }
    assert_eq!(
        (&json["days_left"], &json["step_days"]),
        (&30.into(), &30.into())
    );
    assert!(!body.contains("s3cret"), "{body}");
    assert!(!webhook(&settings).shown().contains("s3cret"));
}

#[tokio::test]
async fn a_post_that_fails_is_tried_again_and_then_no_more() {
    let (settings, told) = collector(&[503, 429, 200]).await;
    let mut courier = quick();
    courier.send(&webhook(&settings), Alarm::of(&due(), WallTime(0)));
    delivered(&mut courier).await;
    assert_eq!(told.lock().expect("whole").len(), 3);
    let (settings, told) = collector(&[500, 500, 500, 500, 500]).await;
    courier.send(&webhook(&settings), Alarm::of(&due(), WallTime(0)));
    delivered(&mut courier).await;
    assert_eq!(told.lock().expect("whole").len(), 4, "one more than pauses");
}

#[tokio::test]
async fn a_collector_that_does_not_want_it_is_not_asked_again() {
    let (settings, told) = collector(&[404, 200]).await;
    let mut courier = quick();
    courier.send(&webhook(&settings), Alarm::of(&due(), WallTime(0)));
    delivered(&mut courier).await;
    assert_eq!(told.lock().expect("whole").len(), 1);
}

#[tokio::test]
async fn nobody_waits_for_a_collector_that_hangs() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let (mut settings, _) = collector(&[]).await;
    settings.url.target = HostPort::from_addr(listener.local_addr().expect("bound"));
    settings.timeout = Duration::from_millis(50);
    let posted = webhook(&settings).post("{}").await;
    let error = posted.expect_err("silence");
    assert!(matches!(error, NotPosted::TimedOut(_)), "{error}");
    assert!(error.may_pass());
}

#[test]
fn why_an_alarm_was_not_posted_is_said_with_what_to_do() {
    let refused = DialError::Refused {
        address: ([127, 0, 0, 1], 9).into(),
    };
    for (error, text, hint) in [
        (
            NotPosted::Dial(refused),
            "127.0.0.1:9 refused the connection",
            "nothing listens there",
        ),
        (
            NotPosted::TimedOut(Duration::from_secs(10)),
            "it did not answer within 10 s",
            "the address of Webhook",
        ),
        (
            NotPosted::Status(404),
            "it answered with HTTP status 404",
            "the path behind the host",
        ),
        (
            NotPosted::Status(500),
            "it answered with HTTP status 500",
            "whether it is in order",
        ),
        (
            NotPosted::Request,
            "the request could not be written",
            "correct Webhook",
        ),
    ] {
        assert_eq!(error.to_string(), text);
        assert!(error.hint().contains(hint), "{}", error.hint());
    }
}

#[test]
fn without_an_authority_there_is_nobody_to_post_to() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = crate::certs::testdata::file(dir.path(), "ca.pem", "nothing");
    let settings = WebhookSettings {
        url: WebhookUrl {
            scheme: Scheme::Https,
            target: "alarms.example:443".parse().expect("a target"),
            path: Secret::new("/".to_owned()),
        },
        ca: Some(file),
        timeout: Duration::from_secs(1),
        place: Place::default(),
    };
    let (webhook, problems) = Webhook::build(&settings, &Clock::system());
    assert!(webhook.is_none() && problems.has_errors(), "{problems}");
}
