use crate::http::harness::*;
use crate::http::{Delivery, UpstreamFault};
use crate::model::Outcome;

const LENGTH: &str = "HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 5\r\n\r\nhello";
const CHUNKED: &str = "HTTP/1.1 200 OK\r\nX-A: b\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n";
const UNTIL_CLOSE: &str = "HTTP/1.1 200 OK\r\nX-A: b\r\n\r\nhello";

fn get(version: &str, connection: &str) -> String {
    format!("GET / HTTP/{version}\r\nHost: side\r\nConnection: {connection}\r\n\r\n")
}

/// Sends the request and returns everything that comes back until the gateway closes; where it
/// keeps the connection, until the caller ends it.
async fn conversation(answer: &str, request: &str) -> String {
    on_one_thread(async {
        let side = Side::answering_once(answer).await;
        let gateway = Gateway::to(&[side.address]).await;
        let mut caller = gateway.call().await;
        caller.send(request).await;
        caller.finish_sending().await;
        let (bytes, in_order) = caller.rest().await;
        assert!(in_order);
        assert_eq!(side.executed(), 1);
        String::from_utf8(bytes).expect("text")
    })
    .await
}

#[tokio::test]
async fn a_caller_of_http_1_1_gets_a_length_as_it_came_and_chunks_for_everything_else() {
    let chunks = [
        "HTTP/1.1 200 OK\r\nX-A: b\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX-A: b\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ];
    for (answer, expected) in [
        (
            LENGTH,
            "HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 5\r\n\r\nhello",
        ),
        (CHUNKED, chunks[0]),
        (UNTIL_CLOSE, chunks[1]),
    ] {
        assert_eq!(
            conversation(answer, &get("1.1", "keep-alive")).await,
            expected
        );
        let closing = expected.replacen("\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1);
        assert_eq!(conversation(answer, &get("1.1", "close")).await, closing);
    }
}

#[tokio::test]
async fn a_caller_of_http_1_0_gets_a_length_whatever_the_side_sends_and_never_chunks() {
    for answer in [LENGTH, CHUNKED, UNTIL_CLOSE] {
        let head = "HTTP/1.0 200 OK\r\nX-A: b\r\nContent-Length: 5\r\n";
        assert_eq!(
            conversation(answer, &get("1.0", "keep-alive")).await,
            format!("{head}Connection: keep-alive\r\n\r\nhello")
        );
        assert_eq!(
            conversation(answer, &get("1.0", "close")).await,
            format!("{head}Connection: close\r\n\r\nhello")
        );
    }
}

#[tokio::test]
async fn a_caller_of_http_1_0_gets_what_is_too_large_to_collect_until_the_connection_closes() {
    let body = "x".repeat(300_000);
    let answer = format!(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
        body.len()
    );
    let expected = format!("HTTP/1.0 200 OK\r\nConnection: close\r\n\r\n{body}");
    assert_eq!(
        conversation(&answer, &get("1.0", "keep-alive")).await,
        expected
    );
}

#[tokio::test]
async fn an_answer_that_never_has_a_body_keeps_the_connection_usable() {
    on_one_thread(async {
        for (method, answer) in [
            (
                "GET",
                "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
            ),
            (
                "GET",
                "HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n",
            ),
            ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"),
            (
                "HEAD",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            ),
        ] {
            let side = Side::answering(answer).await;
            let gateway = Gateway::to(&[side.address]).await;
            let mut caller = gateway.call().await;
            for _again in 0..2 {
                caller
                    .send(format!("{method} / HTTP/1.1\r\nHost: side\r\n\r\n"))
                    .await;
                assert!(caller.head().await.is_some(), "{answer}");
            }
            assert_eq!(side.accepted(), 1, "{answer}");
        }
    })
    .await;
}

#[tokio::test]
async fn interim_answers_end_at_the_gateway() {
    let answer =
        format!("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n{OK}");
    assert_eq!(conversation(&answer, &get("1.1", "keep-alive")).await, OK);
}

/// The broken answers of a side, each cut off or contradictory.
const BROKEN: &[&str] = &[
    "",
    "H",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nContent_Length: 5\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    "HTTP/1.1 200 OK\nContent-Length: 5\n\nhello",
    "HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
    "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
    "HTTP/1.1 200 OK\r\nA: b\0c\r\n\r\n",
    "HTTP/2 200 OK\r\n\r\n",
    "HTTP/1.1 999 Odd\r\n\r\n",
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
    "\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "SSH-2.0-OpenSSH_9.6\r\n",
    "<html>hello</html>\r\n\r\n",
];

#[tokio::test]
async fn a_broken_answer_becomes_a_fault_and_the_caller_may_go_on() {
    on_one_thread(async {
        for answer in BROKEN {
            let side = Side::answering_once(*answer).await;
            let gateway = Gateway::to(&[side.address]).await;
            let mut caller = gateway.call().await;
            for _again in 0..2 {
                let answered = caller.ask(post("<a/>")).await;
                assert!(
                    answered.head.starts_with("HTTP/1.1 500 "),
                    "{answer}: {answered:?}"
                );
                assert!(
                    answered.text().contains("outcome=\"sent-no-answer\""),
                    "{answer}: {answered:?}"
                );
                assert_eq!(gateway.tried().len(), 1, "{answer}");
            }
            assert_eq!(side.executed(), 2, "nothing is sent twice: {answer}");
        }
    })
    .await;
}

#[tokio::test]
async fn interim_answers_without_end_become_a_fault() {
    let many = "HTTP/1.1 102 Processing\r\n\r\n".repeat(17);
    let said = conversation(&many, &post("")).await;
    assert!(said.contains("GW-502-BAD-ANSWER"), "{said}");
}

#[tokio::test]
#[cfg_attr(
    windows,
    ignore = "under Wine 8 a socket of an event loop ends in order where a reset was asked for"
)]
async fn an_answer_that_breaks_off_after_the_caller_got_some_of_it_is_cut_and_never_looks_whole() {
    let long = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: 900000\r\n\r\n{}",
        "x".repeat(300_000)
    );
    for answer in [
        long.as_str(),
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
    ] {
        on_one_thread(async {
            let side = Side::answering_once(answer).await;
            let gateway = Gateway::to(&[side.address]).await;
            let mut caller = gateway.call().await;
            caller.send(get("1.1", "keep-alive")).await;
            let (bytes, in_order) = caller.rest().await;
            assert!(!in_order, "a reset tells the caller");
            assert!(!bytes.ends_with(b"0\r\n\r\n"));
            assert_eq!(gateway.tried(), [Tried::Delivered(Delivery::Truncated)]);
        })
        .await;
    }
}

#[tokio::test]
#[cfg_attr(
    windows,
    ignore = "under Wine 8 a socket of an event loop ends in order where a reset was asked for"
)]
async fn an_answer_until_the_close_that_ends_with_a_reset_never_looks_whole() {
    on_one_thread(async {
        let side = Side::doing(|mut raw, side| async move {
            side.execute(&mut raw).await;
            raw.send(UNTIL_CLOSE).await;
            // Not before the gateway has the bytes, which a reset might overtake.
            side.executed.borrow_mut().clear();
            while side.executed() == 0 {
                tokio::task::yield_now().await;
            }
            raw.reset();
        })
        .await;
        let gateway = Gateway::to(&[side.address]).await;
        let mut caller = gateway.call().await;
        caller.send(get("1.1", "keep-alive")).await;
        let head = caller.head().await.expect("a head");
        assert!(head.contains("chunked"), "{head}");
        let go = Message {
            head,
            body: Vec::new(),
        };
        side.executed.borrow_mut().push(go);
        let (bytes, in_order) = caller.rest().await;
        assert!(!in_order);
        assert!(!bytes.ends_with(b"0\r\n\r\n"), "{bytes:?}");
    })
    .await;
}

#[tokio::test]
async fn a_side_that_stays_silent_is_left_when_its_time_is_over() {
    on_one_thread(async {
        let side = Side::doing(|mut raw, side| async move {
            side.execute(&mut raw).await;
            let _until_the_gateway_leaves = raw.rest().await;
        })
        .await;
        let patience = std::time::Duration::from_millis(50);
        let gateway = Gateway::with(&[side.address], limits(), false, patience).await;
        let mut caller = gateway.call().await;
        let answered = caller.ask(post("<a/>")).await;
        assert!(answered.text().contains("GW-504-NO-ANSWER"), "{answered:?}");
        assert_eq!(
            gateway.tried(),
            [Tried::Failed(
                Outcome::SentNoAnswer,
                Some(UpstreamFault::NoAnswer)
            )]
        );
        assert_eq!(caller.ask(post("<a/>")).await.head, answered.head);
    })
    .await;
}

#[tokio::test]
async fn an_exchange_whose_side_is_declared_down_ends_with_a_fault_unless_its_answer_has_begun() {
    on_one_thread(async {
        let side = Side::doing(|mut raw, side| async move {
            while side.execute(&mut raw).await {
                if side.executed() == 2 {
                    raw.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                        .await;
                    while side.executed() < 3 {
                        tokio::task::yield_now().await;
                    }
                    raw.send("2\r\nhi\r\n0\r\n\r\n").await;
                }
            }
        })
        .await;
        let gateway = Gateway::to(&[side.address]).await;
        let mut caller = gateway.call().await;
        let down = || {
            let now = tokio::time::Instant::now();
            gateway
                .roster
                .abandon(0, crate::model::Side::A, now, std::time::Duration::ZERO);
        };

        caller.send(post("<a/>")).await;
        while side.executed() == 0 {
            tokio::task::yield_now().await;
        }
        down();
        let answered = caller.message().await.expect("an answer");
        assert!(answered.text().contains("GW-504-SIDE-DOWN"), "{answered:?}");

        caller.send(post("<a/>")).await;
        let head = caller.head().await.expect("the answer has begun");
        down();
        let again = side.executed.borrow().clone();
        side.executed.borrow_mut().extend(again);
        let whole = caller.bytes(12).await;
        assert_eq!(whole, b"2\r\nhi\r\n0\r\n\r\n", "{head}");
    })
    .await;
}

#[tokio::test]
#[cfg_attr(
    windows,
    ignore = "under Wine 8 a socket of an event loop ends in order where a reset was asked for"
)]
async fn an_answer_that_the_gateway_cuts_is_not_one_that_its_side_broke_off() {
    on_one_thread(async {
        let side = Side::doing(|mut raw, side| async move {
            side.execute(&mut raw).await;
            raw.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n")
                .await;
            let _until_the_gateway_leaves = raw.rest().await;
        })
        .await;
        let gateway = Gateway::to(&[side.address]).await;
        let mut caller = gateway.call().await;
        caller.send(post("<a/>")).await;
        caller.head().await.expect("the answer has begun");
        gateway.roster.cut(|_| true);
        let (_bytes, in_order) = caller.rest().await;
        assert!(!in_order, "a reset tells the caller");
        assert_eq!(gateway.tried(), [Tried::Delivered(Delivery::Cut)]);
    })
    .await;
}

#[tokio::test]
async fn bytes_behind_an_answer_cost_the_side_its_connection() {
    on_one_thread(async {
        let side = Side::answering(format!("{OK}HTTP/1.1 200 OK\r\n\r\nforged")).await;
        let gateway = Gateway::to(&[side.address]).await;
        let mut caller = gateway.call().await;
        for count in 1..=3 {
            assert_eq!(caller.ask(post("<a/>")).await.text(), "hi");
            assert_eq!(side.accepted(), count);
        }
    })
    .await;
}

#[tokio::test]
async fn a_large_answer_reaches_a_caller_that_reads_late() {
    on_one_thread(async {
        let body: Vec<u8> = (0..4_000_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        for head in [
            format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()),
            format!(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n",
                body.len()
            ),
        ] {
            let mut answer = head.clone().into_bytes();
            answer.extend_from_slice(&body);
            if head.contains("chunked") {
                answer.extend_from_slice(b"\r\n0\r\n\r\n");
            }
            let side = Side::answering(answer).await;
            let gateway = Gateway::to(&[side.address]).await;
            let mut caller = gateway.call().await;
            for _again in 0..2 {
                let answered = caller.ask(post("<a/>")).await;
                assert!(answered.body == body, "{}", answered.head);
            }
            assert_eq!(side.accepted(), 1);
        }
    })
    .await;
}

#[tokio::test]
#[cfg_attr(
    windows,
    ignore = "under Wine 8 a socket of an event loop ends in order where a reset was asked for"
)]
async fn a_caller_that_does_not_take_its_answer_is_cut() {
    on_one_thread(async {
        let body = vec![b'x'; 16_000_000];
        let mut answer =
            format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
        answer.extend_from_slice(&body);
        let side = Side::answering(answer).await;
        let mut small = limits();
        small.min_body_rate = 0;
        let patience = std::time::Duration::from_millis(50);
        let gateway = Gateway::with(&[side.address], small, false, patience).await;
        let mut caller = gateway.call().await;
        caller.send(post("<a/>")).await;
        assert!(caller.head().await.is_some(), "the answer has begun");
        soon(gateway.roster.emptied()).await;
        assert_eq!(gateway.tried(), [Tried::Delivered(Delivery::CallerLost)]);
        let (bytes, in_order) = caller.rest().await;
        assert!(!in_order);
        assert!(bytes.len() < body.len());
    })
    .await;
}
