//! System calls that fail: `strace` makes every second one of a kind fail, up to a number, while
//! requests come in. Whatever it is, the daemon lives on, and nobody waits for ever.
#![cfg(target_os = "linux")]

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::pair::unwatched;
use crate::support::recorder::{Recorder, Script, Step, always};
use crate::support::wire::{ask, post};
use crate::support::{Daemon, World, free_address, soon};

/// What fails, how, and how many of the requests are answered all the same.
struct Fault {
    call: &'static str,
    error: &'static str,
    answered: usize,
}

const fn fault(call: &'static str, error: &'static str, answered: usize) -> Fault {
    Fault {
        call,
        error,
        answered,
    }
}

const REQUESTS: usize = 30;

/// Nothing was sent yet: another attempt, or the other side, gets the request through.
const BEFORE_ANYTHING_IS_SENT: [Fault; 9] = [
    fault("connect", "ECONNREFUSED", 28),
    fault("connect", "ETIMEDOUT", 28),
    fault("connect", "ENETUNREACH", 28),
    fault("connect", "EACCES", 28),
    fault("connect", "EADDRNOTAVAIL", 28),
    fault("connect", "ENOBUFS", 28),
    fault("connect", "EMFILE", 28),
    fault("getsockopt", "EINVAL", 28),
    fault("getsockopt", "ENOBUFS", 28),
];

/// The call has done nothing, and is made again.
const NOTHING_HAPPENED: [Fault; 6] = [
    fault("accept4", "EINTR", REQUESTS),
    fault("accept4", "ECONNABORTED", REQUESTS),
    fault("accept4", "ENOMEM", REQUESTS),
    fault("recvfrom", "EINTR", REQUESTS),
    fault("sendto", "EINTR", REQUESTS),
    fault("epoll_wait", "EINTR", REQUESTS),
];

/// Connections are lost, and only those.
const CONNECTIONS_ARE_LOST: [Fault; 5] = [
    fault("accept4", "EMFILE", 0),
    fault("recvfrom", "ECONNRESET", 0),
    fault("recvfrom", "ENOMEM", 0),
    fault("sendto", "EPIPE", 0),
    fault("sendto", "ENOMEM", 0),
];

/// A daemon whose first sixty calls of a kind fail by turns on each thread, in front of two sides
/// that close after every answer. `-D`: it is our child and not the tracer's.
async fn traced(fault: &Fault) -> (Daemon, SocketAddr, World, [Recorder; 2]) {
    let answer = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nfine";
    let script = always(vec![Step::send(answer), Step::Close]);
    let sides = [
        Recorder::start(None, Script::clone(&script)).await,
        Recorder::start(None, script).await,
    ];
    let world = World::new();
    let listen = free_address();
    let deployment = world.plain_deployment();
    let [a, b] = sides.each_ref().map(Recorder::endpoint);
    let mut deployment = deployment.requests(listen, &a, Some(&b));
    unwatched(&mut deployment);
    deployment.write(world.path()).expect("ini files");
    let Fault { call, error, .. } = fault;
    let mut tracer = Command::new("strace");
    tracer
        .args(["-D", "-f", "-qq", "-o"])
        .arg(world.path().join("calls"))
        .arg("-e")
        .arg(format!("trace={call}"))
        .arg("-e")
        .arg(format!("inject={call}:error={error}:when=1..60+2"))
        .arg(env!("CARGO_BIN_EXE_crmgate"));
    let mut daemon = Daemon::run_with(tracer, world.path());
    daemon.until_said("serving").await;
    (daemon, listen, world, sides)
}

/// Whether a request on a connection of its own is answered; that it hangs is a failure.
async fn is_answered(at: SocketAddr, what: &str) -> bool {
    let asked = async {
        let mut caller = TcpStream::connect(at).await.ok()?;
        ask(&mut caller, &post("text/xml", "<s:Envelope/>")).await
    };
    let answer = timeout(Duration::from_secs(10), asked).await;
    let answer = answer.unwrap_or_else(|_| panic!("a request hangs: {what}"));
    answer.is_some_and(|answer| answer.status == 200)
}

async fn is_survived(fault: &Fault) {
    let what = format!("{} fails with {}", fault.call, fault.error);
    let (daemon, at, world, _sides) = traced(fault).await;
    let mut answered = 0;
    for _ in 0..REQUESTS {
        answered += usize::from(is_answered(at, &what).await);
    }
    let said = daemon.said();
    assert!(
        answered >= fault.answered,
        "{what}: {answered} of {REQUESTS}\n{said}"
    );
    let calls = std::fs::read_to_string(world.path().join("calls")).expect("what was traced");
    assert!(calls.contains("INJECTED"), "{what}: it never did\n{calls}");
    // Whatever is left of the faults is used up, and then everything is as before.
    let mut in_a_row = 0;
    soon(async {
        while in_a_row < 20 {
            in_a_row = if is_answered(at, &what).await {
                in_a_row + 1
            } else {
                0
            };
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_before_anything_is_sent_costs_no_request() {
    for fault in &BEFORE_ANYTHING_IS_SENT {
        is_survived(fault).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_has_done_nothing_is_made_again() {
    for fault in &NOTHING_HAPPENED {
        is_survived(fault).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_that_costs_connections_costs_nothing_else() {
    for fault in &CONNECTIONS_ARE_LOST {
        is_survived(fault).await;
    }
}
