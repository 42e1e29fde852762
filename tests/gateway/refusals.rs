//! Requests that two servers could read in two ways are refused, and nothing of them reaches a
//! side or SAP CRM; odd ones that mean one thing pass.

use crate::support::corpus::{GOOD, HOSTILE};
use crate::support::message::{Broken, Message};
use crate::support::more_hostile;
use crate::support::raw::Raw;
use crate::support::stage::Stage;
use crate::support::until;

/// A request that has to be refused.
struct Hostile {
    what: &'static str,
    text: &'static [u8],
    status: u16,
}

/// Whether a corpus entry is about its chunks: a side may have seen the head in front of them.
fn is_about_chunks(name: &str) -> bool {
    name.starts_with("GW-400-CHUNK/")
}

/// A code begins with its status.
fn status_of(code: &str) -> u16 {
    let status = code.split('-').nth(1).expect("a status");
    status.parse().expect("a number")
}

fn all(of_corpus: impl Fn(&str) -> bool, more: &[(&'static str, &'static [u8])]) -> Vec<Hostile> {
    let corpus = HOSTILE.iter().filter(|(name, _)| of_corpus(name));
    let corpus = corpus.map(|(what, text)| Hostile {
        what,
        text,
        status: status_of(what),
    });
    let more = more.iter().map(|(what, text)| Hostile {
        what,
        text,
        status: 400,
    });
    corpus.chain(more).collect()
}

fn hostile_heads() -> Vec<Hostile> {
    all(|name| !is_about_chunks(name), more_hostile::HEADS)
}

fn hostile_bodies() -> Vec<Hostile> {
    all(is_about_chunks, more_hostile::BODIES)
}

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
    assert!(hostile_heads().len() >= 60);
    assert!(GOOD.len() >= 40);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_hostile_head_is_refused_at_every_door_and_nothing_of_it_comes_through() {
    let stage = Stage::set().await;
    for (place, door) in &stage.doors {
        for hostile in hostile_heads() {
            let mut line = door.open().await;
            line.send(hostile.text).await.expect("sent");
            assert_refused(&mut line, &hostile, place).await;
        }
    }
    assert_eq!(stage.came_through(), (0, 0));
    let refused = (stage.doors.len() * hostile_heads().len()) as u64;
    let counted = || stage.gateway.figures().requests_malformed == refused;
    until("every refusal is counted", counted).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hostile_head_that_arrives_byte_by_byte_is_refused_as_well() {
    let stage = Stage::set().await;
    for (place, door) in &stage.doors {
        for hostile in hostile_heads() {
            let mut line = door.open().await;
            line.send_split(hostile.text).await;
            assert_refused(&mut line, &hostile, place).await;
        }
    }
    assert_eq!(stage.came_through(), (0, 0));
}

/// A request that nobody could object to.
const FLAWLESS: &str = "POST /ici HTTP/1.1\r\nHost: gw\r\nContent-Type: text/xml\r\n\
                        Content-Length: 4\r\n\r\ngood";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hostile_head_right_behind_a_good_request_is_refused_and_the_good_one_is_served() {
    let stage = Stage::set().await;
    for (place, door) in &stage.doors {
        for hostile in hostile_heads() {
            let mut line = door.open().await;
            let both = [FLAWLESS.as_bytes(), hostile.text].concat();
            line.send(&both).await.expect("sent");
            let first = line.answer().await.expect("an answer to the good one");
            assert_eq!(first.status(), 200, "{}, {place}", hostile.what);
            assert_refused(&mut line, &hostile, place).await;
        }
    }
    let good = stage.complete();
    assert_eq!(good.len(), stage.doors.len() * hostile_heads().len());
    for request in good {
        assert_eq!(request.body, b"good");
        assert_eq!(request.start, "POST /ici HTTP/1.1");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chunked_body_that_is_malformed_never_becomes_a_complete_request_of_a_side() {
    let stage = Stage::set().await;
    for (place, door) in &stage.doors {
        for hostile in hostile_bodies() {
            for split in [false, true] {
                let mut line = door.open().await;
                if split {
                    line.send_split(hostile.text).await;
                } else {
                    line.send(hostile.text).await.expect("sent");
                }
                assert_refused(&mut line, &hostile, place).await;
            }
        }
    }
    assert_eq!(stage.complete(), Vec::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_odd_request_that_means_one_thing_passes_and_its_body_arrives_whole() {
    let stage = Stage::set().await;
    for (place, door) in [&stage.doors[0], &stage.doors[2]] {
        for (what, text, length) in GOOD {
            for split in [false, true] {
                let mut line = door.open().await;
                if split {
                    line.send_split(text).await;
                } else {
                    line.send(text).await.expect("sent");
                }
                let to_head = text.starts_with(b"HEAD ");
                let answer = final_answer(&mut line, to_head).await;
                let answer = answer.unwrap_or_else(|broken| panic!("{what}, {place}: {broken:?}"));
                assert_eq!(answer.status(), 200, "{what}, {place}: {answer:?}");
                let request = stage.side.only();
                assert_eq!(request.body.len(), *length, "{what}, {place}: {request:?}");
                stage.side.forget();
            }
        }
    }
}

async fn final_answer(line: &mut Raw, to_head: bool) -> Result<Message, Broken> {
    loop {
        let answer = line.answer_to(to_head).await?;
        if answer.status() >= 200 {
            return Ok(answer);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_beyond_the_limits_is_refused_with_the_status_that_says_so() {
    let stage = Stage::set().await;
    let many = "X-Many: a\r\n".repeat(101);
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
