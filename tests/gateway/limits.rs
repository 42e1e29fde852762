//! Every limit of `crmgate.ini`: what goes beyond it is told so and ends, and all others go on.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crmgate::gateway::Gateway;
use crmgate::model::{Endpoint, HostPort, Scheme, Side};
use crmgate::simulate::{Behaviour, Caller, CrmProfile, Deployment, Ending, Party, SimConnector};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
#[cfg(target_os = "linux")]
use tokio::net::TcpSocket;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;

use crate::support::{PATIENCE, World, free_address, pause, until};

/// A gateway with limits and one side. Plain, unless a test is about TLS.
struct Stage {
    world: World,
    side: SimConnector,
    listen: SocketAddr,
    gateway: Gateway,
}

impl Stage {
    async fn plain(limits: &[(&str, &str)]) -> Self {
        let world = World::new();
        let side = world.side(Side::A);
        let endpoint = side.endpoint();
        let mut plain = Deployment::new("SAP1");
        plain.gateway.set("Runtime", "Watch", "no");
        Self::start(world, side, &endpoint, plain, limits).await
    }

    async fn tls(limits: &[(&str, &str)]) -> Self {
        let world = World::new();
        let side = world.side(Side::A);
        let (endpoint, secured) = (side.endpoint(), world.deployment());
        Self::start(world, side, &endpoint, secured, limits).await
    }

    async fn start(
        world: World,
        side: SimConnector,
        endpoint: &Endpoint,
        mut deployment: Deployment,
        limits: &[(&str, &str)],
    ) -> Self {
        let listen = free_address();
        for (key, value) in limits {
            deployment.gateway.set("Limits", key, value);
        }
        let deployment = deployment.requests(listen, endpoint, None);
        let gateway = world.serve(&deployment).await;
        Self {
            world,
            side,
            listen,
            gateway,
        }
    }

    /// A caller that speaks plain HTTP.
    fn caller(&self) -> Caller {
        self.of(&CrmProfile::new(self.listen))
    }

    /// A caller with SAP CRM's certificate.
    fn tls_caller(&self) -> Caller {
        self.of(&self.world.crm(self.listen))
    }

    fn of(&self, profile: &CrmProfile) -> Caller {
        Caller::new(
            profile.caller().expect("a caller"),
            self.world.ledger.clone(),
        )
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.listen).await.expect("connected")
    }

    /// A connection from another address of this machine.
    #[cfg(target_os = "linux")]
    async fn connect_from_another_address(&self) -> TcpStream {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket
            .bind(SocketAddr::from(([127, 0, 0, 2], 0)))
            .expect("ours");
        socket.connect(self.listen).await.expect("connected")
    }

    /// A connection after its handshake with SAP CRM's certificate.
    async fn secured(
        &self,
        tcp: TcpStream,
    ) -> std::io::Result<impl AsyncRead + AsyncWrite + Unpin> {
        let config = self.world.pki.peer(Party::Crm).client().expect("TLS");
        let name = rustls::pki_types::ServerName::from(self.listen.ip());
        TlsConnector::from(Arc::new(config))
            .connect(name, tcp)
            .await
    }
}

/// Sends bytes and returns the answer, up to the end of the connection.
async fn told(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), bytes: &[u8]) -> String {
    stream.write_all(bytes).await.expect("written");
    rest_of(stream).await
}

async fn rest_of(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut answer = Vec::new();
    let read = timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
    // A reset behind the answer is an end as well.
    let _either = read.expect("the connection does not end");
    String::from_utf8_lossy(&answer).into_owned()
}

const HEAD: &str = "POST /ici HTTP/1.1\r\nHost: gw\r\nContent-Type: text/xml\r\n";

/// Whether an answer has a status and says that the connection ends.
fn ends_with_status(answer: &str, status: u16) -> bool {
    answer.starts_with(&format!("HTTP/1.1 {status} "))
        && answer.to_lowercase().contains("connection: close")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_larger_than_allowed_is_refused_and_a_smaller_one_served() {
    let stage = Stage::plain(&[("MaxHeaderSize", "4096")]).await;
    let head = |length: usize| {
        let cookie = "c".repeat(length);
        format!("{HEAD}Connection: close\r\nContent-Length: 0\r\nCookie: {cookie}\r\n\r\n")
    };
    let answer = told(&mut stage.connect().await, head(3_900).as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let answer = told(&mut stage.connect().await, head(4_100).as_bytes()).await;
    assert!(ends_with_status(&answer, 431), "{answer}");
    assert!(answer.contains("GW-431-HEAD"), "{answer}");
    assert_eq!(stage.side.figures().connections, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_that_never_ends_is_refused_at_the_limit() {
    let stage = Stage::plain(&[("MaxHeaderSize", "4096")]).await;
    let endless = format!("{HEAD}Cookie: {}", "c".repeat(10_000));
    let answer = told(&mut stage.connect().await, endless.as_bytes()).await;
    assert!(ends_with_status(&answer, 431), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_fields_than_allowed_are_refused() {
    let stage = Stage::plain(&[("MaxHeaders", "16")]).await;
    let head = |extra: usize| {
        let fields = "X-A: b\r\n".repeat(extra);
        format!("{HEAD}Connection: close\r\nContent-Length: 0\r\n{fields}\r\n")
    };
    let answer = told(&mut stage.connect().await, head(12).as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let answer = told(&mut stage.connect().await, head(13).as_bytes()).await;
    assert!(ends_with_status(&answer, 431), "{answer}");
    assert!(answer.contains("GW-431-FIELDS"), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_is_announced_larger_than_allowed_is_refused_before_it_is_sent() {
    let stage = Stage::plain(&[("MaxBodySize", "1024")]).await;
    let head = format!("{HEAD}Content-Length: 1025\r\n\r\n");
    let answer = told(&mut stage.connect().await, head.as_bytes()).await;
    assert!(answer.contains("GW-413-BODY"), "{answer}");
    assert_eq!(stage.side.figures().connections, 0);
    let small = format!(
        "{HEAD}Connection: close\r\nContent-Length: 1024\r\n\r\n{}",
        "x".repeat(1024)
    );
    let answer = told(&mut stage.connect().await, small.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chunked_body_that_grows_larger_than_allowed_never_reaches_a_side_as_a_whole() {
    let stage = Stage::plain(&[("MaxBodySize", "1024")]).await;
    let chunk = format!("200\r\n{}\r\n", "x".repeat(0x200));
    let body = format!("{}0\r\n\r\n", chunk.repeat(3));
    let request = format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n{body}");
    let answer = told(&mut stage.connect().await, request.as_bytes()).await;
    assert!(answer.contains("GW-413-BODY"), "{answer}");
    assert_eq!(stage.gateway.figures().exchanges_request_answered, 0);
    let body = format!("{}0\r\n\r\n", chunk.repeat(2));
    let request = format!("{HEAD}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
    let answer = told(&mut stage.connect().await, request.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_refused_is_counted_by_its_reason() {
    let limits = [
        ("MaxHeaderSize", "4096"),
        ("MaxHeaders", "16"),
        ("MaxBodySize", "1024"),
        ("HeaderTimeout", "400ms"),
    ];
    let stage = Stage::plain(&limits).await;
    let of_head = format!("{HEAD}Cookie: {}", "c".repeat(5_000));
    let of_fields = format!("{HEAD}{}\r\n", "X-A: b\r\n".repeat(20));
    let of_body = format!("{HEAD}Content-Length: 1025\r\n\r\n");
    let of_chunk = format!("{HEAD}Transfer-Encoding: chunked\r\n\r\nhuge\r\n");
    for refused in [&of_head, &of_fields, &of_body, &of_chunk, HEAD] {
        told(&mut stage.connect().await, refused.as_bytes()).await;
    }
    let counted = || {
        let figures = stage.gateway.figures();
        [
            figures.requests_too_large,
            figures.requests_malformed,
            figures.requests_too_slow,
        ]
    };
    until("each is counted once", || counted() == [3, 1, 1]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_beyond_the_limit_are_closed_at_once_and_a_place_that_is_left_is_taken() {
    let stage = Stage::plain(&[("MaxConnections", "2"), ("MaxConnectionsPerAddress", "2")]).await;
    let (mut first, mut second) = (stage.caller(), stage.caller());
    assert_eq!(first.call().await, Ending::Answered);
    assert_eq!(second.call().await, Ending::Answered);
    assert_eq!(rest_of(&mut stage.connect().await).await, "");
    assert_eq!(stage.gateway.figures().connections_refused_total, 1);
    second.hang_up().await;
    until("the place is free", || {
        stage.gateway.figures().connections_open == 1
    })
    .await;
    assert_eq!(stage.caller().call().await, Ending::Answered);
    assert_eq!(first.call().await, Ending::Answered);
    assert_eq!(first.figures().connections, 1);
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_address_cannot_take_the_connections_of_the_others() {
    let stage = Stage::plain(&[("MaxConnectionsPerAddress", "3")]).await;
    let _greedy = [
        stage.connect().await,
        stage.connect().await,
        stage.connect().await,
    ];
    until("all are in", || {
        stage.gateway.figures().connections_open == 3
    })
    .await;
    assert_eq!(rest_of(&mut stage.connect().await).await, "");
    assert_eq!(stage.gateway.figures().connections_refused_address, 1);
    let request = format!("{HEAD}Connection: close\r\nContent-Length: 0\r\n\r\n");
    let mut other = stage.connect_from_another_address().await;
    let answer = told(&mut other, request.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_address_cannot_take_the_handshakes_of_the_others() {
    let stage = Stage::tls(&[("MaxHandshakesPerAddress", "2")]).await;
    let mut kept = stage.tls_caller();
    assert_eq!(kept.call().await, Ending::Answered);
    let _half_open = [stage.connect().await, stage.connect().await];
    until("both are in", || {
        stage.gateway.figures().connections_open == 3
    })
    .await;
    assert_eq!(rest_of(&mut stage.connect().await).await, "");
    assert_eq!(stage.gateway.figures().connections_refused_handshakes, 1);
    let other = stage.connect_from_another_address().await;
    assert!(stage.secured(other).await.is_ok());
    // Who is through his handshake takes no place of one.
    assert_eq!(kept.call().await, Ending::Answered);
    assert_eq!(kept.figures().connections, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handshakes_in_all_are_limited() {
    let stage = Stage::tls(&[("MaxHandshakes", "1"), ("MaxHandshakesPerAddress", "1")]).await;
    let half_open = stage.connect().await;
    until("it is in", || stage.gateway.figures().connections_open == 1).await;
    assert_eq!(rest_of(&mut stage.connect().await).await, "");
    assert_eq!(stage.gateway.figures().connections_refused_handshakes, 1);
    drop(half_open);
    until("it is gone", || {
        stage.gateway.figures().connections_open == 0
    })
    .await;
    assert_eq!(stage.tls_caller().call().await, Ending::Answered);
}

/// Shorter than any default, longer than a step on a loaded machine.
const SHORT: Duration = Duration::from_millis(400);

/// How long an end took that should have come after [`SHORT`].
async fn ends_in_time(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let begun = Instant::now();
    let answer = rest_of(stream).await;
    let took = begun.elapsed();
    // The clock of the gateway began a little before ours. Every default is 8 s or more.
    assert!(
        took > SHORT / 2 && took < Duration::from_secs(6),
        "{took:?}"
    );
    answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handshake_that_does_not_end_is_cut() {
    let stage = Stage::tls(&[("HandshakeTimeout", "400ms")]).await;
    let mut silent = stage.connect().await;
    let mut stuck = stage.connect().await;
    stuck
        .write_all(&[0x16, 3, 1, 2, 0, 1, 0])
        .await
        .expect("written");
    let (of_silent, of_stuck) = tokio::join!(ends_in_time(&mut silent), ends_in_time(&mut stuck));
    assert_eq!((of_silent.as_str(), of_stuck.as_str()), ("", ""));
    // Counted a moment after the end that the caller sees.
    let failed = || stage.gateway.figures().handshakes_inbound_failed;
    until("each is counted", || failed() == 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_that_does_not_end_in_time_is_answered_and_ended() {
    let stage = Stage::plain(&[("HeaderTimeout", "400ms")]).await;
    let mut slow = stage.connect().await;
    slow.write_all(HEAD.as_bytes()).await.expect("written");
    let answer = ends_in_time(&mut slow).await;
    assert!(ends_with_status(&answer, 408), "{answer}");
    assert!(answer.contains("GW-408-HEAD"), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_that_trickles_is_cut_all_the_same() {
    let stage = Stage::plain(&[("HeaderTimeout", "400ms")]).await;
    let (mut read, mut write) = stage.connect().await.into_split();
    let trickle = tokio::spawn(async move {
        // Each byte is progress; only the end of the head counts.
        for byte in HEAD.as_bytes() {
            let _cut = write.write_all(&[*byte]).await;
            pause(Duration::from_millis(50)).await;
        }
    });
    let answer = ends_in_time(&mut read).await;
    assert!(ends_with_status(&answer, 408), "{answer}");
    trickle.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_connection_is_closed_without_a_word() {
    let stage = Stage::plain(&[("IdleTimeout", "400ms")]).await;
    let mut fresh = stage.connect().await;
    let mut used = stage.connect().await;
    let request = format!("{HEAD}Content-Length: 0\r\n\r\n");
    used.write_all(request.as_bytes()).await.expect("written");
    let mut byte = [0; 1];
    used.read_exact(&mut byte).await.expect("an answer");
    let (of_fresh, of_used) = tokio::join!(ends_in_time(&mut fresh), ends_in_time(&mut used));
    assert_eq!(of_fresh, "");
    let answers = of_used.matches("HTTP/1.1 ").count();
    // Its first letter was read above.
    assert!(
        answers == 0 && of_used.starts_with("TTP/1.1 200 "),
        "{of_used}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_side_that_does_not_answer_in_time_is_given_up_and_its_caller_told() {
    let mut stage = Stage::plain(&[]).await;
    let path = stage.world.path().join("CRMConnectorSAP_SAP1.ini");
    let text = std::fs::read_to_string(&path).expect("a file");
    let text = text.replace("[Requests]", "[Requests]\nResponseTimeout=400ms");
    std::fs::write(&path, text).expect("written");
    stage.gateway.reload().await.expect("reloaded");
    stage.side.behave(Behaviour::Hang);
    let begun = Instant::now();
    let ending = stage.caller().call().await;
    let took = begun.elapsed();
    assert!(took >= SHORT && took < Duration::from_secs(6), "{took:?}");
    let Ending::Reported { code, outcome } = ending else {
        panic!("{ending:?}");
    };
    assert_eq!(
        (code.as_str(), outcome.code()),
        ("GW-504-NO-ANSWER", "sent-no-answer")
    );
}

/// Over how long the pace of a body is judged.
const WINDOW: Duration = Duration::from_secs(8);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_trickles_is_cut_and_its_caller_told() {
    let stage = Stage::plain(&[]).await;
    let (mut read, mut write) = stage.connect().await.into_split();
    let head = format!("{HEAD}Content-Length: 4000\r\n\r\n");
    write.write_all(head.as_bytes()).await.expect("written");
    let begun = Instant::now();
    let trickle = tokio::spawn(async move {
        // Each byte is progress; only the pace is not enough.
        while write.write_all(b"x").await.is_ok() {
            pause(Duration::from_millis(250)).await;
        }
    });
    let answer = rest_of(&mut read).await;
    let took = begun.elapsed();
    assert!(took >= WINDOW - SHORT && took < WINDOW * 2, "{took:?}");
    assert!(answer.contains("GW-408-BODY"), "{answer}");
    assert_eq!(stage.side.executed(), 0);
    drop(read);
    trickle.await.expect("no panic");
}

/// A side that answers with more than any buffer holds.
async fn talkative() -> (Endpoint, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let target = HostPort::from_addr(listener.local_addr().expect("bound"));
    let talk = tokio::spawn(async move {
        while let Ok((mut tcp, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = [0; 4096];
                let _some = tcp.read(&mut request).await;
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {LENGTH}\r\n\r\n");
                let _gone = tcp.write_all(head.as_bytes()).await;
                let _gone = tcp.write_all(&vec![b'x'; LENGTH]).await;
            });
        }
    });
    let scheme = Scheme::Http;
    (Endpoint { scheme, target }, talk)
}

const LENGTH: usize = 64 << 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_does_not_take_its_answer_is_cut_and_costs_no_memory() {
    let (endpoint, talk) = talkative().await;
    let world = World::new();
    let side = world.side(Side::A);
    let stage = Stage::start(world, side, &endpoint, Deployment::new("SAP1"), &[]).await;
    let mut slow = stage.connect().await;
    let request = format!("{HEAD}Content-Length: 0\r\n\r\n");
    slow.write_all(request.as_bytes()).await.expect("written");
    let begun = Instant::now();
    let mut some = [0; 1024];
    slow.read_exact(&mut some).await.expect("the beginning");
    until("it is cut", || {
        stage.gateway.figures().connections_open == 0
    })
    .await;
    let took = begun.elapsed();
    assert!(took >= WINDOW - SHORT && took < WINDOW * 2, "{took:?}");
    // What came through lies in the system's buffers.
    let through = stage.gateway.figures().exchange_response_bytes;
    assert!(through < LENGTH as u64 / 2, "{through}");
    let mut fast = stage.connect().await;
    let request = format!("{HEAD}Connection: close\r\nContent-Length: 0\r\n\r\n");
    let answer = told(&mut fast, request.as_bytes()).await;
    assert!(answer.len() > LENGTH, "{}", answer.len());
    talk.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plain_http_on_a_tls_listener_ends_at_once() {
    let stage = Stage::tls(&[]).await;
    let begun = Instant::now();
    let mut stray = stage.connect().await;
    stray.write_all(HEAD.as_bytes()).await.expect("written");
    rest_of(&mut stray).await;
    // HandshakeTimeout is a minute.
    assert!(
        begun.elapsed() < Duration::from_secs(4),
        "{:?}",
        begun.elapsed()
    );
    // Counted a moment after the end that the caller sees.
    let failed = || stage.gateway.figures().handshakes_inbound_failed;
    until("each is counted", || failed() == 1).await;
    assert_eq!(stage.tls_caller().call().await, Ending::Answered);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_on_a_plain_listener_ends_at_once() {
    let stage = Stage::plain(&[]).await;
    let begun = Instant::now();
    let stray = stage.connect().await;
    let refused = timeout(PATIENCE, stage.secured(stray)).await;
    assert!(refused.expect("it ends").is_err());
    // HeaderTimeout is 8 s.
    assert!(
        begun.elapsed() < Duration::from_secs(4),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(stage.caller().call().await, Ending::Answered);
}
