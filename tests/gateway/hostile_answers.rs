//! Broken answers of a side: nobody waits beyond the limit, no broken answer becomes a complete
//! one, and the next request is served right.

use std::time::Duration;

use crmgate::gateway::Gateway;
use crmgate::model::Side;
use crmgate::simulate::{Party, Port};
use tokio::time::Instant;

use crate::support::message::Message;
use crate::support::raw::{Door, Raw};
use crate::support::recorder::{FINE, Recorder, Step, always};
use crate::support::{World, until};

/// `ResponseTimeout` here.
const PATIENCE_WITH_SIDES: &str = "700ms";

/// No exchange may take longer. Generous, for a loaded machine, and far from the 60 s that it
/// would be without the limit.
const AT_MOST: Duration = Duration::from_secs(8);

/// What a side does to a request, by name.
type Hostile = (&'static str, Vec<Step>);

fn says(what: &'static str, text: &str) -> Hostile {
    (what, vec![Step::send(text), Step::Close])
}

/// Answers whose first line or fields are wrong.
fn broken_heads() -> Vec<Hostile> {
    vec![
        says(
            "two lengths",
            "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nfineX",
        ),
        says(
            "one length twice",
            "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\nfine",
        ),
        says(
            "length and chunked",
            "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfine\r\n0\r\n\r\n",
        ),
        says(
            "a length that is none",
            "HTTP/1.1 200 OK\r\nContent-Length: four\r\n\r\nfine",
        ),
        says(
            "a negative length",
            "HTTP/1.1 200 OK\r\nContent-Length: -4\r\n\r\nfine",
        ),
        says(
            "an unknown coding",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nfine",
        ),
        says(
            "chunked twice",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfine\r\n0\r\n\r\n",
        ),
        says(
            "a look-alike of chunked",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n4\r\nfine\r\n0\r\n\r\n",
        ),
        says(
            "a continued line",
            "HTTP/1.1 200 OK\r\nX-A: b\r\n c\r\nContent-Length: 4\r\n\r\nfine",
        ),
        says(
            "a NUL",
            "HTTP/1.1 200 OK\r\nX-A: b\0c\r\nContent-Length: 4\r\n\r\nfine",
        ),
        says(
            "a bare line feed",
            "HTTP/1.1 200 OK\nContent-Length: 4\n\nfine",
        ),
        says(
            "a bare carriage return",
            "HTTP/1.1 200 OK\r\nX-A: b\rSet-Cookie: evil\r\nContent-Length: 4\r\n\r\nfine",
        ),
        says(
            "a blank in a name",
            "HTTP/1.1 200 OK\r\nContent Length: 4\r\n\r\nfine",
        ),
        says(
            "a blank behind a name",
            "HTTP/1.1 200 OK\r\nContent-Length : 4\r\n\r\nfine",
        ),
        says(
            "HTTP/2 in words",
            "HTTP/2 200\r\nContent-Length: 4\r\n\r\nfine",
        ),
        says(
            "a status that is none",
            "HTTP/1.1 OK\r\nContent-Length: 4\r\n\r\nfine",
        ),
        says(
            "a status of two digits",
            "HTTP/1.1 20 OK\r\nContent-Length: 4\r\n\r\nfine",
        ),
        says(
            "a status beyond all",
            "HTTP/1.1 999 OK\r\nContent-Length: 4\r\n\r\nfine",
        ),
        says("another protocol", "SSH-2.0-OpenSSH_9.2\r\n"),
        says("an answer without a head", "fine"),
        says(
            "a switch of protocol",
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nfine",
        ),
    ]
}

/// Answers that do not end as they said.
fn broken_ends() -> Vec<Hostile> {
    let half =
        "HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n".to_owned() + &"x".repeat(100_000);
    vec![
        says("half a head", "HTTP/1.1 200 OK\r\nContent-Le"),
        says(
            "half a body",
            "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nfine",
        ),
        says("half a large body", &half),
        says(
            "no last chunk",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfine\r\n",
        ),
        says(
            "half a chunk",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nfine",
        ),
        says(
            "half an end of chunks",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfine\r\n0\r\n",
        ),
        says(
            "a size that is none",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfour\r\nfine\r\n0\r\n\r\n",
        ),
        says(
            "a chunk longer than its size",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nfine\r\n0\r\n\r\n",
        ),
        says(
            "a size beyond any integer",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nfine\r\n0\r\n\r\n",
        ),
        ("a close without an answer", vec![Step::Close]),
        ("a reset without an answer", vec![Step::Reset]),
        (
            "a reset in the body",
            vec![
                Step::send("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nfine"),
                Step::Reset,
            ],
        ),
        (
            "a reset in a chunk",
            vec![
                Step::send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nfine"),
                Step::Reset,
            ],
        ),
    ]
}

/// Answers that do not end at all.
fn endless() -> Vec<Hostile> {
    let pause = Duration::from_millis(200);
    vec![
        (
            "interim answers without end",
            vec![Step::Flood(b"HTTP/1.1 100 Continue\r\n\r\n".to_vec())],
        ),
        (
            "a head without end",
            vec![
                Step::send("HTTP/1.1 200 OK\r\n"),
                Step::Flood(b"X-More: and more\r\n".to_vec()),
            ],
        ),
        (
            "a field without end",
            vec![
                Step::send("HTTP/1.1 200 OK\r\nX-More: "),
                Step::Flood(vec![b'x'; 1024]),
            ],
        ),
        ("silence", vec![Step::Silence]),
        (
            "silence in the head",
            vec![Step::send("HTTP/1.1 200 OK\r\nContent-"), Step::Silence],
        ),
        (
            "silence in the body",
            vec![
                Step::send("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nfine"),
                Step::Silence,
            ],
        ),
        (
            "silence in a chunk",
            vec![
                Step::send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nfine"),
                Step::Silence,
            ],
        ),
        ("a head that drips", vec![Step::Drip(FINE.into(), pause)]),
    ]
}

/// A complete answer with something behind it that nobody asked for.
fn surplus() -> Vec<Hostile> {
    let second = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
    vec![
        (
            "bytes behind the body",
            vec![Step::send(&format!("{FINE}evil"))],
        ),
        (
            "a second answer",
            vec![Step::send(&format!("{FINE}{second}"))],
        ),
    ]
}

struct Scene {
    _world: World,
    side: Recorder,
    door: Door,
    _gateway: Gateway,
    _port: Port,
}

async fn scene(tls: bool) -> Scene {
    let world = World::new();
    let peer = world.pki.peer(Party::Side(Side::A));
    let side = Recorder::fine(tls.then_some(&peer)).await;
    let port = Port::reserve().expect("a port");
    let mut deployment = world
        .deployment()
        .requests(port.addr(), &side.endpoint(), None);
    deployment.system.remove("Config", "TpiDllParameter").set(
        "Requests",
        "ResponseTimeout",
        PATIENCE_WITH_SIDES,
    );
    let gateway = world.serve(&deployment).await;
    let door = Door {
        addr: port.addr(),
        tls: None,
    };
    Scene {
        _world: world,
        side,
        door,
        _gateway: gateway,
        _port: port,
    }
}

fn request(version: &str) -> String {
    format!(
        "POST /ici HTTP/{version}\r\nHost: gw\r\nContent-Type: text/xml\r\n\
         Connection: keep-alive\r\nContent-Length: 4\r\n\r\ncall"
    )
}

/// A broken answer becomes a fault of the gateway that says so, or a connection that breaks too.
async fn assert_no_answer_is_made_of(line: &mut Raw, what: &str) {
    // Whatever the caller got is no complete answer unless it is the gateway's own.
    if let Ok(answer) = line.answer().await {
        assert!(answer.status() >= 500, "{what}: {answer:?}");
        let text = answer.text();
        assert!(text.contains("code=\"GW-50"), "{what}: {text}");
        assert!(
            text.contains("outcome=\"sent-no-answer\""),
            "{what}: {text}"
        );
    }
}

fn assert_fine(answer: &Message, what: &str) {
    assert_eq!(answer.status(), 200, "{what}: {answer:?}");
    assert_eq!(answer.body, b"fine", "{what}");
}

async fn all_are_survived(scene: &Scene, hostile: &[Hostile], version: &str) {
    let request = request(version);
    for (what, steps) in hostile {
        scene.side.answer(always(steps.clone()));
        let mut line = scene.door.open().await;
        let started = Instant::now();
        line.send(request.as_bytes()).await.expect("sent");
        assert_no_answer_is_made_of(&mut line, what).await;
        let took = started.elapsed();
        assert!(took < AT_MOST, "{what} took {took:?}");
        scene.side.answer(always(vec![Step::send(FINE)]));
        let mut next = scene.door.open().await;
        for _ in 0..3 {
            next.send(request.as_bytes()).await.expect("sent");
            assert_fine(&next.answer().await.expect(what), what);
        }
    }
}

#[test]
fn there_are_more_hostile_answers_than_were_asked_for() {
    let all = broken_heads().len() + broken_ends().len() + endless().len() + surplus().len();
    assert!(all >= 19);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_with_a_broken_head_is_passed_on() {
    for tls in [false, true] {
        let scene = scene(tls).await;
        for version in ["1.0", "1.1"] {
            all_are_survived(&scene, &broken_heads(), version).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_that_breaks_off_is_passed_on_as_a_complete_one() {
    for tls in [false, true] {
        let scene = scene(tls).await;
        for version in ["1.0", "1.1"] {
            all_are_survived(&scene, &broken_ends(), version).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_waits_for_an_answer_without_end() {
    let (plain, secure) = tokio::join!(scene(false), scene(true));
    let hostile = endless();
    tokio::join!(
        all_are_survived(&plain, &hostile, "1.0"),
        all_are_survived(&secure, &hostile, "1.1"),
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_drips_is_cut_by_its_rate() {
    let scene = scene(false).await;
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n";
    let drip = Step::Drip(vec![b'x'; 1000], Duration::from_millis(100));
    scene.side.answer(always(vec![Step::send(head), drip]));
    let mut line = scene.door.open().await;
    line.send(request("1.1").as_bytes()).await.expect("sent");
    let started = Instant::now();
    line.answer().await.expect_err("an answer that is cut");
    assert!(started.elapsed() < Duration::from_secs(15));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_behind_an_answer_is_never_taken_for_the_next_one() {
    for tls in [false, true] {
        let scene = scene(tls).await;
        let request = request("1.1");
        for (what, steps) in surplus() {
            let mut line = scene.door.open().await;
            for _ in 0..3 {
                scene.side.answer(always(steps.clone()));
                line.send(request.as_bytes()).await.expect("sent");
                assert_fine(&line.answer().await.expect(what), what);
            }
            scene.side.answer(always(vec![Step::send(FINE)]));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_side_that_says_something_unasked_on_an_idle_connection_loses_it() {
    for tls in [false, true] {
        let scene = scene(tls).await;
        let request = request("1.1");
        let evil = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
        let unasked = Step::Drip(evil.into(), Duration::from_millis(1));
        scene
            .side
            .answer(always(vec![Step::send(FINE), unasked, Step::Silence]));
        let mut line = scene.door.open().await;
        line.send(request.as_bytes()).await.expect("sent");
        assert_fine(&line.answer().await.expect("an answer"), "the first");
        let lost = || scene.side.closed() == 1;
        until("the gateway gives the connection up", lost).await;
        scene.side.answer(always(vec![Step::send(FINE)]));
        line.send(request.as_bytes()).await.expect("sent");
        assert_fine(&line.answer().await.expect("an answer"), "the second");
        assert_eq!(scene.side.connections(), 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tls_side_that_drops_its_connection_without_a_farewell_has_not_finished_its_answer() {
    let scene = scene(true).await;
    let until_close = "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n\r\nfine";
    for version in ["1.0", "1.1"] {
        let request = request(version);
        scene
            .side
            .answer(always(vec![Step::send(until_close), Step::Close]));
        let mut line = scene.door.open().await;
        line.send(request.as_bytes()).await.expect("sent");
        assert_fine(&line.answer().await.expect("an answer"), version);
        scene
            .side
            .answer(always(vec![Step::send(until_close), Step::Drop]));
        let mut line = scene.door.open().await;
        line.send(request.as_bytes()).await.expect("sent");
        assert_no_answer_is_made_of(&mut line, version).await;
    }
}
