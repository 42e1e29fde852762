use std::cell::Cell;
use std::fmt::Write;
use std::rc::Rc;
use std::time::Duration;

use super::nothing_sent;
use crate::http::UpstreamFault;
use crate::http::harness::*;
use crate::model::Outcome;
use crate::tls::{Direction, HandshakeFailure};

const CHUNKED_HEAD: &str = "POST /ici HTTP/1.1\r\nHost: side\r\nTransfer-Encoding: chunked\r\n\r\n";

#[tokio::test]
async fn a_body_reaches_the_side_byte_for_byte_however_it_is_framed_and_cut() {
    on_one_thread(async {
        let side = Side::answering(OK).await;
        let gateway = Gateway::to(&[side.address]).await;
        let mut caller = gateway.call().await;
        let body: String = ('a'..='z').cycle().take(1000).collect();
        let mut chunks = String::new();
        for part in body.as_bytes().chunks(7) {
            let text = std::str::from_utf8(part).expect("ASCII");
            write!(chunks, "{:x};x=\"y\"\r\n{text}\r\n", part.len()).expect("written");
        }
        for request in [
            post(&body),
            format!("{CHUNKED_HEAD}{chunks}0\r\nTrailer: dropped\r\n\r\n"),
        ] {
            for cut in (1..request.len()).step_by(97) {
                let (first, second) = request.split_at(cut);
                caller.send(first).await;
                caller.send(second).await;
                assert_eq!(caller.message().await.expect("an answer").text(), "hi");
            }
        }
        for message in &*side.executed.borrow() {
            assert_eq!(message.text(), body);
        }
        assert_eq!(side.accepted(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_large_body_waits_for_a_side_that_reads_late() {
    on_one_thread(async {
        let side = Side::answering(OK).await;
        let gateway = Gateway::to(&[side.address]).await;
        let body = "0123456789abcdef".repeat(250_000);
        for request in [
            post(&body),
            format!("{CHUNKED_HEAD}{:x}\r\n{body}\r\n0\r\n\r\n", body.len()),
        ] {
            let mut caller = gateway.call().await;
            assert_eq!(caller.ask(request).await.text(), "hi");
            let taken = side.executed.take();
            assert!(taken.iter().all(|message| message.text() == body));
            assert_eq!(taken.len(), 1);
        }
    })
    .await;
}

#[tokio::test]
async fn a_chunked_body_is_sent_with_its_length_where_the_side_cannot_read_chunks() {
    on_one_thread(async {
        let side = Side::answering(OK).await;
        let gateway = Gateway::with(&[side.address], limits(), true, Duration::from_secs(5)).await;
        let mut caller = gateway.call().await;
        let request = format!("{CHUNKED_HEAD}2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n");
        for cut in 1..request.len() {
            let (first, second) = request.split_at(cut);
            caller.send(first).await;
            caller.send(second).await;
            assert_eq!(caller.message().await.expect("an answer").text(), "hi");
        }
        for message in side.executed.take() {
            assert!(message.says("Content-Length: 5"), "{message:?}");
            assert!(!message.head.contains("chunked"), "{message:?}");
            assert_eq!(message.text(), "hello");
        }
    })
    .await;
}

#[tokio::test]
async fn what_follows_a_collected_body_that_was_too_large_is_never_taken_for_a_request() {
    on_one_thread(async {
        let side = Side::answering(OK).await;
        let gateway = Gateway::with(&[side.address], limits(), true, Duration::from_secs(5)).await;
        let mut caller = gateway.call().await;
        let hidden = format!("0\r\n\r\n{}", post("<smuggled/>"));
        caller
            .try_send(format!("{CHUNKED_HEAD}{:x}\r\n", 200_000))
            .await;
        caller.try_send("x".repeat(150_000)).await;
        caller.try_send(&hidden).await;
        let answer = caller.message().await.expect("an answer");
        assert!(answer.text().contains("GW-413-BODY"), "{answer:?}");
        assert!(answer.text().contains("outcome=\"not-sent\""), "{answer:?}");
        assert!(answer.says("Connection: close"), "{answer:?}");
        caller.finish_sending().await;
        assert_eq!(caller.rest().await.0, b"");
        assert_eq!(side.accepted(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_collected_body_may_be_no_larger_than_any_other() {
    on_one_thread(async {
        let side = Side::answering(OK).await;
        let mut small = limits();
        small.max_body_size = 4;
        let gateway = Gateway::with(&[side.address], small, true, SOON).await;
        for (chunk, status) in [("4\r\nfour", " 200 "), ("5\r\nfives", " 413 ")] {
            let mut caller = gateway.call().await;
            let answer = caller
                .ask(format!("{CHUNKED_HEAD}{chunk}\r\n0\r\n\r\n"))
                .await;
            assert!(answer.head.contains(status), "{answer:?}");
        }
        assert_eq!(side.executed(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_body_that_is_announced_too_large_costs_the_side_nothing() {
    on_one_thread(async {
        let side = Side::answering(OK).await;
        let gateway = Gateway::to(&[side.address]).await;
        let mut caller = gateway.call().await;
        let answer = caller
            .ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999999\r\n\r\n<a/>")
            .await;
        assert!(answer.head.starts_with("HTTP/1.1 413 "), "{answer:?}");
        assert!(answer.text().contains("outcome=\"not-sent\""), "{answer:?}");
        assert_eq!(side.accepted(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_caller_that_waits_for_a_word_gets_it_and_the_side_never_sees_the_question() {
    on_one_thread(async {
        for dechunk in [false, true] {
            let side = Side::answering(OK).await;
            let gateway =
                Gateway::with(&[side.address], limits(), dechunk, Duration::from_secs(5)).await;
            let mut caller = gateway.call().await;
            for (framing, body) in [
                ("Content-Length: 5", "hello"),
                ("Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n"),
            ] {
                caller
                    .send(format!(
                        "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\n{framing}\r\n\r\n"
                    ))
                    .await;
                let word = caller.head().await;
                assert_eq!(word.as_deref(), Some("HTTP/1.1 100 Continue\r\n\r\n"));
                assert_eq!(caller.ask(body).await.text(), "hi");
            }
            for message in side.executed.take() {
                assert_eq!(message.text(), "hello");
                assert!(!message.head.to_lowercase().contains("expect"));
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_caller_that_sends_its_body_at_once_is_not_told_to() {
    on_one_thread(async {
        let side = Side::answering(OK).await;
        let gateway = Gateway::to(&[side.address]).await;
        let mut caller = gateway.call().await;
        for version in ["1.0", "1.1"] {
            let answer = caller
                .ask(format!(
                    "POST / HTTP/{version}\r\nHost: a\r\nConnection: keep-alive\r\n\
                     Expect: 100-continue\r\nContent-Length: 2\r\n\r\nhi"
                ))
                .await;
            assert!(answer.head.contains(" 200 OK"), "{answer:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn an_answer_that_comes_before_the_body_is_whole_reaches_the_caller_and_ends_both_connections()
 {
    on_one_thread(async {
        let side = Side::doing(|mut raw, _| async move {
            let head = raw.head().await.expect("a head");
            if head.contains("100000") {
                raw.send("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
                    .await;
            } else {
                raw.send(OK).await;
            }
            // It keeps the connection, and takes what comes for the rest of the body.
            let _the_rest = raw.rest().await;
        })
        .await;
        let gateway = Gateway::to(&[side.address]).await;
        let mut caller = gateway.call().await;
        caller
            .send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nsome")
            .await;
        let answer = caller.message().await.expect("an answer");
        assert!(
            answer.head.starts_with("HTTP/1.1 413 Too Large\r\n"),
            "{answer:?}"
        );
        assert!(answer.says("Connection: close"), "{answer:?}");
        caller.try_send(post("<smuggled/>")).await;
        caller.finish_sending().await;
        assert_eq!(caller.rest().await, (Vec::new(), true));
        let mut second = gateway.call().await;
        let answer = second.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert_eq!(answer.text(), "hi");
        assert_eq!(side.accepted(), 2, "the half-used connection was given up");
    })
    .await;
}

/// A side that says something before it takes the next byte of a body, and answers when it has all
/// of it; and how often it did.
async fn talkative(word: &'static str) -> (Side, Rc<Cell<usize>>) {
    let said = Rc::new(Cell::new(0));
    let tell = Rc::clone(&said);
    let side = Side::doing(move |mut raw, side| {
        let tell = Rc::clone(&tell);
        async move {
            while let Some(head) = raw.head().await {
                let mut body = Vec::new();
                while body.len() < DIGITS.len() {
                    raw.send(word).await;
                    tell.set(tell.get() + 1);
                    body.extend(raw.bytes(1).await);
                }
                side.executed.borrow_mut().push(Message { head, body });
                raw.send(OK).await;
            }
        }
    })
    .await;
    (side, said)
}

const DIGITS: &str = "0123456789";

#[tokio::test]
async fn interim_answers_do_not_stop_a_body_that_is_on_its_way() {
    on_one_thread(async {
        for word in [
            "HTTP/1.1 100 Continue\r\n\r\n",
            "HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n",
        ] {
            let (side, said) = talkative(word).await;
            let gateway = Gateway::to(&[side.address]).await;
            let mut caller = gateway.call().await;
            for _again in 0..2 {
                said.set(0);
                let request = post(DIGITS);
                let (head, digits) = request.split_at(request.len() - DIGITS.len());
                caller.send(head).await;
                for (at, digit) in digits.bytes().enumerate() {
                    while said.get() <= at {
                        tokio::task::yield_now().await;
                    }
                    caller.send([digit]).await;
                }
                let answer = caller.message().await.expect("an answer");
                assert_eq!(format!("{}{}", answer.head, answer.text()), OK);
            }
            for message in side.executed.take() {
                assert_eq!(message.text(), DIGITS);
            }
            assert_eq!(side.accepted(), 1, "both connections stay");
        }
    })
    .await;
}

/// A side that says one thing when it has the first half of a body, and another one when it has
/// all of it. It resets the connection in place of an empty word.
async fn halting(first: String, second: String) -> Side {
    let words = Rc::new((first, second));
    Side::doing(move |mut raw, side| {
        let words = Rc::clone(&words);
        async move {
            let head = raw.head().await.expect("a head");
            let mut body = raw.bytes(5).await;
            raw.send(&words.0).await;
            let half = Message {
                head: head.clone(),
                body: body.clone(),
            };
            side.executed.borrow_mut().push(half);
            body.extend(raw.bytes(5).await);
            if words.1.is_empty() {
                return raw.reset();
            }
            raw.send(&words.1).await;
            let _until_the_gateway_leaves = raw.rest().await;
        }
    })
    .await
}

/// Sends ten bytes of a body of this length: five, and the others when the side has spoken.
async fn ask_halting(gateway: &Gateway, side: &Side, length: usize) -> Message {
    let mut caller = gateway.call().await;
    let (first, second) = DIGITS.split_at(5);
    caller
        .send(format!(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{first}"
        ))
        .await;
    while side.executed() == 0 {
        tokio::task::yield_now().await;
    }
    caller.send(second).await;
    caller.message().await.expect("an answer")
}

#[tokio::test]
async fn interim_answers_count_together_whether_they_come_before_the_end_of_the_request_or_after() {
    on_one_thread(async {
        let interim = "HTTP/1.1 102 Processing\r\n\r\n".repeat(8);
        let side = halting(interim.clone(), interim + OK).await;
        let gateway = Gateway::to(&[side.address]).await;
        let answer = ask_halting(&gateway, &side, 10).await;
        assert!(answer.text().contains("GW-502-BAD-ANSWER"), "{answer:?}");
        assert!(answer.text().contains("interim"), "{answer:?}");
    })
    .await;
}

#[tokio::test]
async fn a_side_that_begins_its_answer_early_and_ends_it_late_gets_all_of_the_request() {
    on_one_thread(async {
        let long = "x".repeat(300_000);
        for (framing, body, connections) in [
            ("Content-Length: 2", "hi".to_owned(), 1),
            ("Content-Length: 300000", long.clone(), 1),
            (
                "Transfer-Encoding: chunked",
                "2\r\nhi\r\n0\r\n\r\n".to_owned(),
                1,
            ),
            ("Connection: close", long, 2),
        ] {
            let head = Rc::new(format!("HTTP/1.1 200 OK\r\n{framing}\r\n\r\n"));
            let rest = Rc::new(body.clone());
            let side = Side::doing(move |mut raw, side| {
                let (head, rest) = (Rc::clone(&head), Rc::clone(&rest));
                async move {
                    while let Some(request) = raw.head().await {
                        let (status, fields) = head.split_at(20);
                        raw.send(status).await;
                        let mut taken = raw.bytes(100).await;
                        raw.send(fields).await;
                        taken.extend(raw.bytes(4_000_000 - 100).await);
                        side.executed.borrow_mut().push(Message {
                            head: request,
                            body: taken,
                        });
                        raw.send(&*rest).await;
                        if head.contains("close") {
                            return;
                        }
                    }
                }
            })
            .await;
            let gateway = Gateway::to(&[side.address]).await;
            for _again in 0..2 {
                let mut caller = gateway.call().await;
                let request = DIGITS.repeat(400_000);
                let answer = caller.ask(post(&request)).await;
                let expected = body.strip_prefix("2\r\n").map_or(body.as_str(), |_| "hi");
                assert!(answer.text() == expected, "{framing}: {}", answer.head);
                let taken = side.executed.take();
                assert!(taken.iter().all(|message| message.text() == request));
                assert_eq!(taken.len(), 1, "{framing}");
            }
            assert_eq!(side.accepted(), connections, "{framing}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_caller_that_stops_in_its_body_is_to_blame_also_if_its_answer_has_begun() {
    on_one_thread(async {
        let side = Side::doing(|mut raw, _| async move {
            raw.head().await;
            raw.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nh")
                .await;
            let _until_the_gateway_leaves = raw.rest().await;
        })
        .await;
        let mut patient = limits();
        patient.min_body_rate = 0;
        let gateway =
            Gateway::with(&[side.address], patient, false, Duration::from_millis(100)).await;
        let mut caller = gateway.call().await;
        let answer = caller
            .ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello")
            .await;
        assert!(answer.text().contains("GW-408-BODY"), "{answer:?}");
        assert_eq!(gateway.tried(), [Tried::Failed(Outcome::PartlySent, None)]);
    })
    .await;
}

#[tokio::test]
#[cfg_attr(
    windows,
    ignore = "under Wine 8 a socket of an event loop ends in order where a reset was asked for"
)]
async fn an_early_answer_that_is_reset_before_its_end_never_looks_whole() {
    on_one_thread(async {
        for answer in [
            "HTTP/1.1 200 OK\r\nContent-Le",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel",
            "HTTP/1.1 200 OK\r\n\r\nhello",
        ] {
            let side = halting(answer.to_owned(), String::new()).await;
            let gateway = Gateway::to(&[side.address]).await;
            let told = ask_halting(&gateway, &side, 11).await;
            assert!(told.text().contains("GW-502-BAD-ANSWER"), "{told:?}");
            assert!(told.text().contains("partly-sent"), "{told:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_side_that_answers_and_closes_without_reading_on_is_heard() {
    on_one_thread(async {
        let side = Side::doing(|mut raw, _| async move {
            raw.head().await;
            raw.send("HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno")
                .await;
        })
        .await;
        let gateway = Gateway::to(&[side.address]).await;
        for _again in 0..20 {
            let mut caller = gateway.call().await;
            caller
                .try_send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8000000\r\n\r\n")
                .await;
            caller.try_send("x".repeat(8_000_000)).await;
            let answer = caller.message().await.expect("an answer");
            assert!(answer.head.starts_with("HTTP/1.1 413 "), "{answer:?}");
        }
    })
    .await;
}

#[test]
fn an_alert_before_the_first_byte_is_named_and_leaves_the_request_to_another_try() {
    let refused = HandshakeFailure::timed_out(Direction::Outbound);
    let text = refused.to_string();
    let failed = nothing_sent(Some(Box::new(refused)));
    assert!(failed.outcome().may_try_other_side());
    assert_eq!(failed.fault, Some(UpstreamFault::Handshake));
    assert!(failed.error.to_string().contains(&text), "{}", failed.error);
}

#[tokio::test]
async fn a_caller_that_stops_in_its_body_is_told_and_the_side_is_not_blamed() {
    on_one_thread(async {
        let side = Side::answering(OK).await;
        let mut patient = limits();
        patient.min_body_rate = 0;
        let gateway =
            Gateway::with(&[side.address], patient, false, Duration::from_millis(50)).await;
        let mut caller = gateway.call().await;
        let answer = caller
            .ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello")
            .await;
        assert!(answer.text().contains("GW-408-BODY"), "{answer:?}");
        assert!(answer.says("Connection: close"), "{answer:?}");
        assert_eq!(gateway.tried(), [Tried::Failed(Outcome::PartlySent, None)]);
        assert_eq!(side.executed(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_caller_that_ends_in_its_body_is_told_and_the_side_gets_no_whole_request() {
    on_one_thread(async {
        let side = Side::answering(OK).await;
        let gateway = Gateway::to(&[side.address]).await;
        for request in [
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello".to_owned(),
            format!("{CHUNKED_HEAD}5\r\nhello\r\n"),
        ] {
            let mut caller = gateway.call().await;
            caller.send(request).await;
            caller.finish_sending().await;
            let answer = caller.message().await.expect("an answer");
            assert!(answer.text().contains("GW-400-BODY"), "{answer:?}");
            assert_eq!(gateway.tried(), [Tried::Failed(Outcome::PartlySent, None)]);
        }
        assert_eq!(side.executed(), 0);
    })
    .await;
}

#[tokio::test]
async fn malformed_chunks_are_refused_with_the_outcome_that_is_true() {
    on_one_thread(async {
        let side = Side::answering(OK).await;
        let gateway = Gateway::to(&[side.address]).await;
        for (first, second, outcome) in [
            ("zz\r\n", "", Outcome::NotSent),
            ("5\r\nhello\r\n", "zz\r\n", Outcome::PartlySent),
        ] {
            let mut caller = gateway.call().await;
            caller.send(format!("{CHUNKED_HEAD}{first}")).await;
            if !second.is_empty() {
                while side.accepted() == 0 {
                    tokio::task::yield_now().await;
                }
                caller.send(second).await;
            }
            let answer = caller.message().await.expect("an answer");
            assert!(answer.text().contains("GW-400-CHUNK"), "{answer:?}");
            assert!(answer.text().contains(outcome.code()), "{answer:?}");
            assert!(answer.says("Connection: close"), "{answer:?}");
            assert_eq!(gateway.tried(), [Tried::Failed(outcome, None)]);
        }
    })
    .await;
}
