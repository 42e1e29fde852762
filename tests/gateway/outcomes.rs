//! What the caller is told when a request fails: in his SOAP, with a code and with what became of
//! the request; and that log and figures say the same.

use std::net::SocketAddr;
use std::time::Duration;

use crmgate::model::{Endpoint, HostPort, Outcome, Scheme, Side};
use crmgate::simulate::{Behaviour, Caller, CrmProfile, Ending};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::support::pair::{Legs, Pair, unwatched};
use crate::support::wire::{Answer, Cut, CuttingSide, End, ask, message, post};
use crate::support::{Daemon, World, free_address, until};

const SOAP_11: &str = "text/xml; charset=utf-8";
const SOAP_12: &str = "application/soap+xml; charset=utf-8";

fn reported(code: &str, outcome: Outcome) -> Ending {
    Ending::Reported {
        code: code.to_owned(),
        outcome,
    }
}

/// Asks a gateway both of whose sides refuse the connection.
async fn ask_while_both_are_dead(fault: &str, content_type: &str) -> (Answer, Pair) {
    let mut pair = Pair::start(Legs::Plain, |deployment| {
        unwatched(deployment);
        deployment.system.set("Requests", "Fault", fault);
    })
    .await;
    pair.a.kill().await;
    pair.b.kill().await;
    let mut caller = TcpStream::connect(pair.at).await.expect("connected");
    let request = post(content_type, "<s:Envelope/>");
    let answer = ask(&mut caller, &request).await.expect("an answer");
    let again = ask(&mut caller, &request).await.expect("another answer");
    assert_eq!(again.status, answer.status, "the connection stays");
    (answer, pair)
}

fn names_both(text: &str, pair: &Pair) {
    let a = format!("side A: {} refused the connection", pair.a.addr());
    let b = format!("side B: {} refused the connection", pair.b.addr());
    assert!(text.contains(&a) && text.contains(&b), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_both_sides_dead_a_soap_1_1_caller_gets_a_fault_that_names_both() {
    let (answer, pair) = ask_while_both_are_dead("soap", SOAP_11).await;
    assert_eq!(answer.status, 500);
    assert_eq!(answer.field("Content-Type"), Some(SOAP_11));
    let body = &answer.body;
    assert!(body.contains("<faultcode>s:Server</faultcode>"), "{body}");
    assert!(body.contains("code=\"GW-503-UNREACHABLE\""), "{body}");
    assert!(body.contains("outcome=\"not-sent\""), "{body}");
    names_both(body, &pair);
    pair.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_both_sides_dead_a_soap_1_2_caller_gets_a_fault_that_names_both() {
    let (answer, pair) = ask_while_both_are_dead("soap", SOAP_12).await;
    assert_eq!(answer.status, 500);
    assert_eq!(answer.field("Content-Type"), Some(SOAP_12));
    let body = &answer.body;
    assert!(body.contains("<s:Value>s:Receiver</s:Value>"), "{body}");
    assert!(body.contains("code=\"GW-503-UNREACHABLE\""), "{body}");
    names_both(body, &pair);
    pair.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_both_sides_dead_a_plain_caller_gets_503_and_a_text_that_names_both() {
    let (answer, pair) = ask_while_both_are_dead("http", SOAP_11).await;
    assert_eq!(answer.status, 503);
    let text = answer.field("Content-Type");
    assert_eq!(text, Some("text/plain; charset=utf-8"));
    let body = &answer.body;
    assert!(body.contains("\ncode: GW-503-UNREACHABLE\n"), "{body}");
    assert!(body.contains("\noutcome: not-sent\n"), "{body}");
    names_both(body, &pair);
    pair.end().await;
}

/// Every outcome once, the last of them at a side that is dead.
async fn every_outcome(world: &World, a: &mut CuttingSide, at: SocketAddr) {
    let spec = CrmProfile::new(at).caller().expect("plain");
    let mut caller = Caller::new(spec, world.ledger.clone());
    assert_eq!(caller.call().await, Ending::Answered);
    a.cut(Cut::Whole, End::Close);
    let vanished = reported("GW-502-NO-ANSWER", Outcome::SentNoAnswer);
    assert_eq!(caller.call().await, vanished);
    a.cut(Cut::Body(20_000), End::Reset);
    let mut stream = TcpStream::connect(at).await.expect("connected");
    let large = post(SOAP_11, &message(world.ledger.sent(), 12 << 20));
    let answer = ask(&mut stream, &large).await.expect("a fault");
    assert!(
        answer.body.contains("outcome=\"partly-sent\""),
        "{answer:?}"
    );
    assert!(answer.body.contains("GW-502-PARTLY-SENT"), "{answer:?}");
    assert_eq!(answer.field("Connection"), Some("close"));
    a.stop().await;
    let refused = reported("GW-503-UNREACHABLE", Outcome::NotSent);
    assert_eq!(caller.call().await, refused);
    assert_eq!(caller.figures().connections, 1, "a fault is an answer");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_outcome_is_counted_as_what_it_is() {
    let world = World::new();
    let mut a = CuttingSide::start(&world.ledger).await;
    let listen = free_address();
    let deployment = world.plain_deployment();
    let deployment = deployment.requests(listen, &a.endpoint(), None);
    let gateway = world.serve(&deployment).await;
    every_outcome(&world, &mut a, listen).await;
    let counted = || {
        let figures = gateway.figures();
        [
            figures.exchanges_request_not_sent,
            figures.exchanges_request_partly_sent,
            figures.exchanges_request_sent_no_answer,
            figures.exchanges_request_answered,
        ]
    };
    until("all are counted", || counted() == [1; 4]).await;
    assert_eq!(gateway.figures().gateway_answers, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_outcome_stands_in_its_access_line() {
    let world = World::new();
    let mut a = CuttingSide::start(&world.ledger).await;
    let listen = free_address();
    let deployment = world.plain_deployment();
    let deployment = deployment.requests(listen, &a.endpoint(), None);
    deployment.write(world.path()).expect("files");
    let mut daemon = Daemon::serving(world.path()).await;
    every_outcome(&world, &mut a, listen).await;
    for line in [
        "outcome=answered status=200 request_bytes",
        "outcome=sent-no-answer status=500 code=GW-502-NO-ANSWER",
        "outcome=partly-sent status=500 code=GW-502-PARTLY-SENT",
        "outcome=not-sent status=500 code=GW-503-UNREACHABLE",
    ] {
        daemon.until_said(line).await;
    }
    let said = daemon.said();
    let lines: Vec<_> = said
        .lines()
        .filter(|line| line.contains(" access: flow=request"))
        .collect();
    assert_eq!(lines.len(), 4, "{said}");
    for line in lines {
        assert!(line.contains(" side=A "), "{line}");
        assert!(line.contains(&format!(" upstream={}", a.addr())), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_side_that_stays_silent_is_given_up_after_the_response_timeout() {
    let pair = Pair::start(Legs::TlsToGateway, |deployment| {
        unwatched(deployment);
        deployment
            .system
            .set("Requests", "ResponseTimeout", "300ms");
    })
    .await;
    pair.a.behave(Behaviour::Hang);
    let mut caller = pair.caller();
    let told = reported("GW-504-NO-ANSWER", Outcome::SentNoAnswer);
    assert_eq!(caller.call().await, told);
    pair.a.behave(Behaviour::Serve(Duration::ZERO));
    assert_eq!(caller.call().await, Ending::Answered);
    assert_eq!(caller.figures().connections, 1);
    pair.end().await;
}

async fn a_broken_answer_is_reported(legs: Legs) {
    let pair = Pair::start(legs, unwatched).await;
    let mut caller = pair.caller();
    for (behaviour, code) in [
        (Behaviour::Vanish, "GW-502-NO-ANSWER"),
        (Behaviour::BreakOff, "GW-502-BAD-ANSWER"),
    ] {
        pair.a.behave(behaviour);
        let told = reported(code, Outcome::SentNoAnswer);
        assert_eq!(caller.call().await, told, "{behaviour:?}");
        pair.a.behave(Behaviour::Serve(Duration::ZERO));
        assert_eq!(caller.call().await, Ending::Answered, "right after");
    }
    pair.a.behave(Behaviour::Fault);
    assert_eq!(caller.call().await, Ending::Faulted, "a side's own fault");
    assert_eq!(caller.figures().connections, 1);
    assert_eq!(pair.b.executed(), 0);
    assert!(pair.tally().is_clean());
    pair.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plain_side_that_vanishes_or_breaks_off_is_reported_and_never_passed_on_as_complete() {
    a_broken_answer_is_reported(Legs::Plain).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tls_side_that_vanishes_or_breaks_off_is_reported_and_never_passed_on_as_complete() {
    a_broken_answer_is_reported(Legs::Tls).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_answer_that_breaks_off_ends_in_a_reset_and_not_in_a_complete_answer() {
    let world = World::new();
    let side = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let endpoint = Endpoint {
        scheme: Scheme::Http,
        target: HostPort::from_addr(side.local_addr().expect("bound")),
    };
    let listen = free_address();
    let deployment = world.plain_deployment();
    let _gateway = world
        .serve(&deployment.requests(listen, &endpoint, None))
        .await;
    for head in ["Content-Length: 2000000", "Transfer-Encoding: chunked"] {
        let mut caller = TcpStream::connect(listen).await.expect("connected");
        let request = post(SOAP_11, "<s:Envelope/>");
        caller.write_all(&request).await.expect("sent");
        let (mut taken, _) = side.accept().await.expect("accepted");
        let mut byte = [0; 4096];
        let count = taken.read(&mut byte).await.expect("a request");
        assert_ne!(count, 0);
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n{head}\r\n\r\n100000\r\n{}",
            "x".repeat(1 << 20)
        );
        let mut got = Vec::new();
        let (end, ()) = tokio::join!(caller.read_to_end(&mut got), async {
            taken.write_all(answer.as_bytes()).await.expect("written");
            drop(taken);
        });
        assert!(got.starts_with(b"HTTP/1.1 200 OK\r\n"), "{head}");
        assert!(got.len() < answer.len() + 200, "{head}");
        assert!(!got.ends_with(b"\r\n0\r\n\r\n"), "{head}");
        let error = end.expect_err("a reset, since a close could be taken for the end");
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{head}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_side_that_shows_a_wrong_certificate_gets_nothing_and_the_other_one_serves() {
    let (world, foreign) = (World::new(), World::new());
    let mut stranger = foreign.tls_side(Side::A);
    let mut b = world.tls_side(Side::B);
    let listen = free_address();
    let mut deployment =
        world
            .deployment()
            .requests(listen, &stranger.endpoint(), Some(&b.endpoint()));
    unwatched(&mut deployment);
    let gateway = world.serve(&deployment).await;
    let spec = world.crm(listen).caller().expect("a caller");
    let mut caller = Caller::new(spec, world.ledger.clone());
    assert_eq!(caller.call().await, Ending::Answered);
    assert_eq!((stranger.executed(), b.executed()), (0, 1));
    let figures = gateway.figures();
    assert_eq!(
        (figures.replays, figures.handshakes_outbound_failed),
        (1, 1)
    );
    b.kill().await;
    let nothing_sent = reported("GW-503-UNREACHABLE", Outcome::NotSent);
    assert_eq!(caller.call().await, nothing_sent);
    stranger.kill().await;
    assert_eq!(caller.figures().connections, 1);
    assert!(world.ledger.tally().is_clean());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_side_that_accepts_and_never_shakes_hands_is_not_called_a_host_that_is_down() {
    let world = World::new();
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let endpoint = Endpoint {
        scheme: Scheme::Https,
        target: HostPort::from_addr(silent.local_addr().expect("bound")),
    };
    let listen = free_address();
    let mut deployment = world.deployment().requests(listen, &endpoint, None);
    unwatched(&mut deployment);
    let keys = &mut deployment.system;
    keys.remove("Config", "TpiDllParameter")
        .set("Requests", "ConnectTimeout", "200ms");
    let gateway = world.serve(&deployment).await;
    let mut caller = TcpStream::connect(listen).await.expect("connected");
    let answer = ask(&mut caller, &post(SOAP_11, "<s:Envelope/>")).await;
    let body = answer.expect("a fault").body;
    assert!(body.contains("GW-503-UNREACHABLE"), "{body}");
    let told = "the handshake with the server took too long";
    assert!(body.contains(told), "{body}");
    assert!(body.contains("a server that is stuck"), "{body}");
    assert_eq!(gateway.figures().handshakes_outbound_failed, 1);
}
