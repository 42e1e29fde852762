use std::time::Duration;

use crate::http::harness::*;

#[tokio::test]
async fn pipelined_requests_are_answered_in_their_order() {
    on_one_thread(async {
        let side = Side::doing(|mut raw, side| async move {
            while side.execute(&mut raw).await {
                let body = side.executed.borrow().last().expect("one").text();
                raw.send(format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                ))
                .await;
            }
        })
        .await;
        let gateway = Gateway::to(&[side.address]).await;
        let chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
                       3\r\ntwo\r\n0\r\n\r\n";
        let all = format!("{}{chunked}\r\n{}{}", post("one"), post("three"), post(""));
        for cut in 0..all.len() {
            let (first, second) = all.split_at(cut);
            let mut caller = gateway.call().await;
            caller.send(first).await;
            caller.send(second).await;
            caller.finish_sending().await;
            for expected in ["one", "two", "three", ""] {
                let answer = caller.message().await.expect("an answer");
                assert_eq!(answer.text(), expected, "cut at {cut}");
            }
            assert_eq!(caller.rest().await, (Vec::new(), true));
        }
    })
    .await;
}

#[tokio::test]
async fn a_caller_that_ends_its_direction_still_gets_the_answer() {
    on_one_thread(async {
        let side = Side::answering(OK).await;
        let gateway = Gateway::to(&[side.address]).await;
        let mut caller = gateway.call().await;
        caller.send(post("<a/>")).await;
        caller.finish_sending().await;
        assert_eq!(caller.rest().await, (OK.into(), true));
    })
    .await;
}

#[tokio::test]
async fn a_refused_request_is_answered_and_what_follows_it_is_never_a_request() {
    on_one_thread(async {
        let side = Side::answering(OK).await;
        let gateway = Gateway::to(&[side.address]).await;
        let mut caller = gateway.call().await;
        // The first leaves its traces in the memory that the second one uses.
        let before = "HEAD /before HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
        caller.send(before).await;
        caller.head().await.expect("an answer");
        caller
            .send(format!("GET / HTTP/1.1\r\n\r\n{}", post("<smuggled/>")))
            .await;
        caller.finish_sending().await;
        let answer = caller.message().await.expect("an answer");
        assert!(answer.head.starts_with("HTTP/1.1 400 Bad Request\r\n"));
        assert!(answer.says("Connection: close"));
        assert!(answer.text().contains("GW-400-HOST"), "{answer:?}");
        assert_eq!(caller.rest().await, (Vec::new(), true));
        assert_eq!(side.executed(), 1);
        assert_eq!(gateway.context.counters.requests_malformed.value(), 1);
    })
    .await;
}

#[tokio::test]
async fn garbage_is_answered_before_its_line_ends_and_without_a_trace_of_another_request() {
    on_one_thread(async {
        let side = Side::answering(OK).await;
        let gateway = Gateway::to(&[side.address]).await;
        gateway.call().await.ask(post("<a/>")).await;
        for garbage in [
            &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
            b"\0",
            b"\n",
            b"\r\n\r\n",
            b" GET / HTTP/1.1\r\n",
            b"GET / HTTP/1.1\n",
        ] {
            let mut caller = gateway.call().await;
            caller.send(garbage).await;
            let answer = caller.message().await.expect("an answer");
            assert!(answer.head.starts_with("HTTP/1.1 400 "), "{answer:?}");
            assert!(answer.head.contains("text/plain"), "{answer:?}");
        }
        assert_eq!(side.executed(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_head_that_does_not_come_in_time_is_answered_and_ended() {
    on_one_thread(async {
        let mut hasty = limits();
        hasty.header_timeout = Duration::from_millis(30);
        let gateway = Gateway::with(&[], hasty, false, Duration::from_secs(5)).await;
        let mut caller = gateway.call().await;
        caller.send("POST / HTTP/1.1\r\nHost: a\r\n").await;
        let answer = caller.message().await.expect("an answer");
        assert!(answer.head.starts_with("HTTP/1.1 408 "), "{answer:?}");
        caller.finish_sending().await;
        assert_eq!(caller.rest().await, (Vec::new(), true));
    })
    .await;
}

#[tokio::test]
async fn an_empty_line_is_no_beginning_of_a_request_so_the_connection_ends_without_a_word() {
    on_one_thread(async {
        let mut hasty = limits();
        hasty.header_timeout = Duration::from_millis(1);
        hasty.idle_timeout = Duration::from_millis(60);
        let gateway = Gateway::with(&[], hasty, false, Duration::from_secs(5)).await;
        let mut caller = gateway.call().await;
        caller.send("\r\n").await;
        assert_eq!(caller.rest().await, (Vec::new(), true));
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_is_idle_for_too_long_is_closed_without_a_word() {
    on_one_thread(async {
        let mut hasty = limits();
        hasty.idle_timeout = Duration::from_millis(30);
        let side = Side::answering(OK).await;
        let gateway = Gateway::with(&[side.address], hasty, false, Duration::from_secs(5)).await;
        let mut caller = gateway.call().await;
        assert_eq!(caller.ask(post("<a/>")).await.text(), "hi");
        assert_eq!(caller.rest().await, (Vec::new(), true));
    })
    .await;
}

#[tokio::test]
async fn a_head_larger_than_allowed_is_refused_before_it_is_complete() {
    on_one_thread(async {
        let gateway = Gateway::to(&[]).await;
        let mut caller = gateway.call().await;
        caller
            .try_send(format!("GET / HTTP/1.1\r\nA: {}", "a".repeat(9000)))
            .await;
        let answer = caller.message().await.expect("an answer");
        assert!(answer.head.starts_with("HTTP/1.1 431 "), "{answer:?}");
        assert!(answer.text().contains("GW-431-HEAD"), "{answer:?}");
    })
    .await;
}

#[tokio::test]
async fn after_a_fault_of_the_gateway_the_connection_goes_on() {
    on_one_thread(async {
        let nobody = nobody();
        let gateway = Gateway::to(&[nobody.address]).await;
        let mut caller = gateway.call().await;
        for _again in 0..3 {
            let answer = caller.ask(post("<a/>")).await;
            assert!(answer.text().contains("GW-503-UNREACHABLE"), "{answer:?}");
            assert!(answer.text().contains("outcome=\"not-sent\""), "{answer:?}");
            assert!(!answer.head.contains("Connection"), "{answer:?}");
        }
        let chunked = "POST / HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\nabc";
        for _again in 0..2 {
            let answer = caller.ask(chunked).await;
            assert!(answer.says("Connection: keep-alive"), "{answer:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_fault_for_a_body_that_has_not_come_ends_the_connection_after_the_caller_has_it() {
    on_one_thread(async {
        let nobody = nobody();
        let gateway = Gateway::to(&[nobody.address]).await;
        let mut caller = gateway.call().await;
        caller
            .try_send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4000000\r\n\r\n")
            .await;
        caller.try_send("x".repeat(4_000_000)).await;
        let answer = caller.message().await.expect("an answer");
        assert!(answer.says("Connection: close"), "{answer:?}");
        caller.finish_sending().await;
        assert_eq!(caller.rest().await, (Vec::new(), true));
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_is_asked_to_leave_finishes_its_exchange_and_says_so() {
    on_one_thread(async {
        let side = Side::doing(|mut raw, side| async move {
            while side.execute(&mut raw).await {
                while side.executed() < 2 {
                    tokio::task::yield_now().await;
                }
                raw.send(OK).await;
            }
        })
        .await;
        let gateway = Gateway::to(&[side.address]).await;
        let mut caller = gateway.call().await;
        caller.send(post("<a/>")).await;
        while side.executed() == 0 {
            tokio::task::yield_now().await;
        }
        gateway.roster.ask_to_leave(|_| true);
        let twice = side.executed.borrow().clone();
        side.executed.borrow_mut().extend(twice);
        let answer = caller.message().await.expect("an answer");
        assert!(answer.says("Connection: close"), "{answer:?}");
        caller.finish_sending().await;
        soon(gateway.roster.emptied()).await;
    })
    .await;
}

#[tokio::test]
async fn an_idle_connection_that_is_asked_to_leave_leaves_at_once() {
    on_one_thread(async {
        let side = Side::answering(OK).await;
        let gateway = Gateway::to(&[side.address]).await;
        let mut caller = gateway.call().await;
        caller.ask(post("<a/>")).await;
        gateway.roster.ask_to_leave(|_| true);
        gateway.roster.hasten();
        assert_eq!(caller.rest().await, (Vec::new(), true));
        soon(gateway.roster.emptied()).await;
    })
    .await;
}

#[tokio::test]
async fn exchanges_one_after_the_other_use_the_same_memory() {
    on_one_thread(async {
        let side = Side::answering(OK).await;
        let gateway = Gateway::to(&[side.address]).await;
        for _caller in 0..3 {
            let mut caller = gateway.call().await;
            for _again in 0..3 {
                caller.ask(post("<a/>")).await;
            }
        }
        assert_eq!(gateway.context.shelved(), 1);
    })
    .await;
}
