//! Requests that two servers could read in two ways are refused, and nothing of them reaches a
//! side or SAP CRM; odd ones that mean one thing pass.

use crate::support::corpus::{CHUNKED_HEAD, HOSTILE_BODIES, HOSTILE_HEADS, Hostile, LEGAL};
use crate::support::message::{Broken, Message};
use crate::support::raw::Raw;
use crate::support::stage::Stage;

/// What has to come back for a hostile request: a refusal of the right status, and then the end.
async fn assert_refused(line: &mut Raw, hostile: &Hostile, place: &str) {
    let what = hostile.what;
    let answer = line.answer().await;
    let answer = answer.unwrap_or_else(|broken| panic!("{what}, {place}: {broken:?}"));
    assert_eq!(
        answer.status(),
        hostile.status,
        "{what}, {place}: {answer:?}"
    );
    assert_eq!(answer.value("connection"), Some("close"), "{what}, {place}");
    let (rest, in_order) = line.rest().await;
    assert!(rest.is_empty() && in_order, "{what}, {place}: {rest:?}");
}

#[test]
fn the_corpus_is_as_large_as_it_was_promised() {
    assert!(HOSTILE_HEADS.len() + HOSTILE_BODIES.len() >= 60);
    assert!(LEGAL.len() >= 40);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_hostile_head_is_refused_at_every_door_and_nothing_of_it_comes_through() {
    let stage = Stage::set().await;
    for (place, door) in &stage.doors {
        for hostile in HOSTILE_HEADS {
            let mut line = door.open().await;
            line.send(hostile.text).await.expect("sent");
            assert_refused(&mut line, hostile, place).await;
        }
    }
    assert_eq!(stage.came_through(), (0, 0));
    let refused = (stage.doors.len() * HOSTILE_HEADS.len()) as u64;
    assert_eq!(stage.gateway.figures().requests_malformed, refused);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hostile_head_that_arrives_byte_by_byte_is_refused_as_well() {
    let stage = Stage::set().await;
    for (place, door) in &stage.doors {
        for hostile in HOSTILE_HEADS {
            let mut line = door.open().await;
            line.send_split(hostile.text).await;
            assert_refused(&mut line, hostile, place).await;
        }
    }
    assert_eq!(stage.came_through(), (0, 0));
}

/// A request that nobody could object to.
const GOOD: &str =
    "POST /ici HTTP/1.1\r\nHost: gw\r\nContent-Type: text/xml\r\nContent-Length: 4\r\n\r\ngood";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hostile_head_right_behind_a_good_request_is_refused_and_the_good_one_is_served() {
    let stage = Stage::set().await;
    for (place, door) in &stage.doors {
        for hostile in HOSTILE_HEADS {
            let mut line = door.open().await;
            let both = [GOOD.as_bytes(), hostile.text].concat();
            line.send(&both).await.expect("sent");
            let first = line.answer().await.expect("an answer to the good one");
            assert_eq!(first.status(), 200, "{}, {place}", hostile.what);
            assert_refused(&mut line, hostile, place).await;
        }
    }
    let good = stage.complete();
    assert_eq!(good.len(), 4 * HOSTILE_HEADS.len());
    for request in good {
        assert_eq!(request.body, b"good");
        assert_eq!(request.start, "POST /ici HTTP/1.1");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chunked_body_that_is_malformed_never_becomes_a_complete_request_of_a_side() {
    let stage = Stage::set().await;
    for (place, door) in &stage.doors {
        for (what, body) in HOSTILE_BODIES {
            for split in [false, true] {
                let mut line = door.open().await;
                if split {
                    line.send(CHUNKED_HEAD).await.expect("sent");
                    line.send_split(body).await;
                } else {
                    let whole = [CHUNKED_HEAD, body].concat();
                    line.send(&whole).await.expect("sent");
                }
                let answer = line.answer().await.expect(what);
                assert_eq!(answer.status(), 400, "{what}, {place}: {answer:?}");
                assert!(answer.text().contains("GW-400-CHUNK"), "{what}: {answer:?}");
                let (rest, _) = line.rest().await;
                assert!(rest.is_empty(), "{what}, {place}: {rest:?}");
            }
        }
    }
    assert_eq!(stage.complete(), Vec::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_odd_request_that_means_one_thing_passes_and_its_body_arrives_whole() {
    let stage = Stage::set().await;
    for (place, door) in [&stage.doors[0], &stage.doors[2]] {
        for legal in LEGAL {
            for split in [false, true] {
                let mut line = door.open().await;
                if split {
                    line.send_split(legal.text).await;
                } else {
                    line.send(legal.text).await.expect("sent");
                }
                let what = legal.what;
                let answer = final_answer(&mut line).await;
                let answer = answer.unwrap_or_else(|broken| panic!("{what}, {place}: {broken:?}"));
                assert_eq!(answer.status(), 200, "{what}, {place}: {answer:?}");
                let request = stage.side.only();
                assert_eq!(request.body, legal.body, "{what}, {place}: {request:?}");
                stage.side.forget();
            }
        }
    }
}

async fn final_answer(line: &mut Raw) -> Result<Message, Broken> {
    loop {
        let answer = line.answer().await?;
        if answer.status() >= 200 {
            return Ok(answer);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_beyond_the_limits_is_refused_with_the_status_that_says_so() {
    let stage = Stage::set().await;
    let many: String = (0..101)
        .map(|number| format!("X-{number}: a\r\n"))
        .collect();
    let large = format!("X-Large: {}\r\n", "a".repeat(40_000));
    for fields in [many, large] {
        for (place, door) in &stage.doors {
            let mut line = door.open().await;
            let text = format!("POST /ici HTTP/1.1\r\nHost: gw\r\n{fields}\r\n");
            line.send(text.as_bytes()).await.expect("sent");
            let answer = line.answer().await.expect("a refusal");
            assert_eq!(answer.status(), 431, "{place}: {answer:?}");
        }
    }
    assert_eq!(stage.came_through(), (0, 0));
}
