//! Programs that write a head and its body one after the other, with Nagle's algorithm on: their
//! system holds the second write back until the first one is acknowledged, and ours acknowledges
//! at leisure (40 ms) unless it is told that somebody waits for it.
#![cfg(target_os = "linux")]

use std::net::SocketAddr;
use std::time::Duration;

use crmgate::model::Endpoint;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::support::recorder::{Recorder, Step, always};
use crate::support::{World, bound, free_address};

/// Below this no system waits with its acknowledgement.
const AT_LEISURE: Duration = Duration::from_millis(30);

/// The median time of requests on one kept connection, each of which is written in these pieces.
async fn median_time(at: SocketAddr, pieces: &[&str]) -> Duration {
    let mut caller = TcpStream::connect(at).await.expect("connected");
    let mut times = Vec::new();
    let mut buffer = [0; 4_096];
    // A young connection is acknowledged at once in any case.
    for _ in 0..40 {
        let began = Instant::now();
        for piece in pieces {
            caller.write_all(piece.as_bytes()).await.expect("written");
        }
        let mut answer = Vec::new();
        while !answer.ends_with(b"</done>") {
            let count = caller.read(&mut buffer).await.expect("an answer");
            assert_ne!(count, 0, "{}", String::from_utf8_lossy(&answer));
            answer.extend_from_slice(&buffer[..count]);
        }
        times.push(began.elapsed());
    }
    times.sort_unstable();
    times[times.len() / 2]
}

/// A side that writes its answers in pieces, and leaves Nagle's algorithm as it is by default.
struct Hesitant {
    endpoint: Endpoint,
    _accepts: JoinSet<()>,
}

impl Hesitant {
    async fn answering(pieces: [&str; 2]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let addr = listener.local_addr().expect("bound");
        let pieces = pieces.map(ToOwned::to_owned);
        let mut accepts = JoinSet::new();
        accepts.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((tcp, _)) = listener.accept().await {
                connections.spawn(answer(tcp, pieces.clone()));
            }
        });
        let endpoint = format!("http://{addr}").parse().expect("an endpoint");
        Self {
            endpoint,
            _accepts: accepts,
        }
    }
}

async fn answer(mut tcp: TcpStream, pieces: [String; 2]) {
    let mut buffer = [0; 4_096];
    let mut request = Vec::new();
    while let Ok(count @ 1..) = tcp.read(&mut buffer).await {
        request.extend_from_slice(&buffer[..count]);
        if request.ends_with(b"ping") {
            request.clear();
            for piece in &pieces {
                tcp.write_all(piece.as_bytes()).await.expect("written");
            }
        }
    }
}

const REQUEST: &str = "POST /ici HTTP/1.1\r\nHost: gw\r\nContent-Length: 4\r\n\r\nping";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_written_in_small_pieces_is_not_held_up() {
    let large = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: 100007\r\n\r\n{}",
        "x".repeat(99_000)
    );
    let rest = "y".repeat(1_000) + "</done>";
    for pieces in [
        ["HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n", "</done>"],
        ["HTTP/1.1 200 OK\r\n", "Content-Length: 7\r\n\r\n</done>"],
        [&large, &rest],
    ] {
        let side = Hesitant::answering(pieces).await;
        let world = World::new();
        let listen = free_address();
        let deployment = world.plain_deployment();
        let deployment = deployment.requests(listen, &side.endpoint, None);
        let gateway = world.serve(&deployment).await;
        let took = median_time(bound(&gateway, listen), &[REQUEST]).await;
        assert!(took < AT_LEISURE, "{took:?} for {:.40}", pieces[0]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_is_written_in_small_pieces_is_not_held_up() {
    let fine = Step::send("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n</done>");
    let side = Recorder::start(None, always(vec![fine])).await;
    let world = World::new();
    let listen = free_address();
    let deployment = world.plain_deployment();
    let deployment = deployment.requests(listen, &side.endpoint(), None);
    let gateway = world.serve(&deployment).await;
    let at = bound(&gateway, listen);
    let (line, rest) = REQUEST.split_at(20);
    let (head, body) = REQUEST.split_at(REQUEST.len() - 4);
    for pieces in [[line, rest], [head, body]] {
        let took = median_time(at, &pieces).await;
        assert!(took < AT_LEISURE, "{took:?} for {pieces:?}");
    }
}
