use std::rc::Rc;

use tokio::sync::Notify;

use crate::http::Pool;
use crate::http::harness::*;
use crate::net::Socket;
use crate::tls::Wire;

/// P2: the side closes an idle connection just before the next request.
#[tokio::test]
#[cfg_attr(
    windows,
    ignore = "under Wine 8 a socket is at times closed some time after it was told to"
)]
async fn a_connection_that_the_side_closed_meanwhile_is_never_given_a_request() {
    on_one_thread(async {
        let closed = Rc::new(Notify::new());
        let tell = Rc::clone(&closed);
        let side = Side::doing(move |mut raw, side| {
            let tell = Rc::clone(&tell);
            async move {
                side.execute(&mut raw).await;
                raw.send(OK).await;
                drop(raw);
                tell.notify_one();
            }
        })
        .await;
        let gateway = Gateway::to(&[side.address]).await;
        let mut caller = gateway.call().await;
        for _trial in 0..500 {
            assert_eq!(caller.ask(post("<dial/>")).await.text(), "hi");
            closed.notified().await;
        }
        assert_eq!(side.executed(), 500);
    })
    .await;
}

#[tokio::test]
async fn a_side_that_says_close_is_not_asked_again_on_that_connection() {
    on_one_thread(async {
        for answer in [
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi",
            "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi",
        ] {
            // It says so and then breaks its word.
            let side = Side::answering(answer).await;
            let gateway = Gateway::to(&[side.address]).await;
            let mut caller = gateway.call().await;
            for count in 1..=3 {
                assert_eq!(caller.ask(post("<a/>")).await.text(), "hi");
                assert_eq!(side.accepted(), count);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn callers_share_the_idle_connections_of_a_thread() {
    on_one_thread(async {
        for answer in [
            OK,
            "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nhi",
        ] {
            let side = Side::answering(answer).await;
            let gateway = Gateway::to(&[side.address]).await;
            for _caller in 0..5 {
                assert_eq!(gateway.call().await.ask(post("<a/>")).await.text(), "hi");
            }
            assert_eq!(side.accepted(), 1);
            assert_eq!(gateway.context.pool.borrow().len(), 1);
        }
    })
    .await;
}

async fn wire(side: &Side) -> Wire {
    let tcp = tokio::net::TcpStream::connect(side.address)
        .await
        .expect("connected");
    Wire::Plain(Socket::new(tcp, side.address))
}

#[tokio::test]
async fn a_retired_upstream_keeps_no_connection() {
    on_one_thread(async {
        let side = Side::answering(OK).await;
        let upstream = upstream(side.address, std::time::Duration::from_secs(1));
        let mut pool = Pool::default();
        pool.put(&upstream, wire(&side).await);
        assert_eq!(pool.len(), 1);
        upstream.retire();
        pool.put(&upstream, wire(&side).await);
        assert_eq!(pool.len(), 1);
        pool.forget(&upstream);
        assert!(pool.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_sweep_closes_what_the_side_has_closed_and_keeps_the_rest() {
    on_one_thread(async {
        let open = Side::answering(OK).await;
        let closing = Side::doing(|raw, _| async move { drop(raw) }).await;
        let mut pool = Pool::default();
        let second = std::time::Duration::from_secs(1);
        pool.put(&upstream(open.address, second), wire(&open).await);
        let closed = wire(&closing).await;
        while closed.socket().is_silent_and_open() {
            tokio::task::yield_now().await;
        }
        pool.put(&upstream(closing.address, second), closed);
        assert_eq!(pool.len(), 2);
        assert_eq!(pool.sweep(), 1);
    })
    .await;
}

#[tokio::test]
async fn connections_belong_to_the_upstream_they_were_made_for_and_to_no_namesake() {
    on_one_thread(async {
        let side = Side::answering(OK).await;
        let second = std::time::Duration::from_secs(1);
        let (before, after) = (
            upstream(side.address, second),
            upstream(side.address, second),
        );
        let mut pool = Pool::default();
        pool.put(&before, wire(&side).await);
        assert!(pool.take(&after, || ()).is_none());
        assert!(pool.take(&before, || ()).is_some());
        assert!(pool.take(&before, || ()).is_none());
    })
    .await;
}
