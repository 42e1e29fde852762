//! What a kept request asks of the kernel. Counted by `strace`, so no clock decides.
#![cfg(target_os = "linux")]

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;

use crmgate::simulate::{Deployment, Party};

use crate::support::pair::unwatched;
use crate::support::raw::Raw;
use crate::support::recorder::Recorder;
use crate::support::wire::post;
use crate::support::{Daemon, World, free_address};

const REQUESTS: usize = 1_000;

/// One caller asks again and again; says how often each call was made.
async fn calls(world: &World, mut deployment: Deployment, is_tls: bool) -> HashMap<String, usize> {
    let listen = free_address();
    let side = Recorder::fine(None).await;
    deployment = deployment.requests(listen, &side.endpoint(), None);
    unwatched(&mut deployment);
    deployment.gateway.set("Log", "Access", "no");
    deployment.write(world.path()).expect("ini files");
    let log = world.path().join("calls");
    let mut tracer = Command::new("strace");
    tracer
        .args(["-D", "-f", "--seccomp-bpf", "-qq", "-o"])
        .arg(&log);
    // Without read(2) and write(2), which are for files here.
    tracer.args(["-e", "trace=network,readv,writev"]);
    tracer.arg(env!("CARGO_BIN_EXE_crmgate"));
    let mut daemon = Daemon::run_with(tracer, world.path());
    daemon.until_said("serving").await;
    let mut caller = if is_tls {
        let config = world.pki.peer(Party::Crm).client().expect("a client");
        Raw::tls(listen, &config.into()).await.expect("let in")
    } else {
        Raw::plain(listen).await
    };
    for _ in 0..REQUESTS {
        caller.send(&post("text/xml", "<a/>")).await.expect("sent");
        assert_eq!(caller.answer().await.expect("an answer").status(), 200);
    }
    drop(caller);
    daemon.signal("TERM");
    assert!(daemon.ended().await.success());
    counted(&log)
}

/// By the name of the call; of a thread's number, which stands before it, nothing is known.
fn counted(log: &Path) -> HashMap<String, usize> {
    let mut calls = HashMap::new();
    for line in std::fs::read_to_string(log).expect("a log").lines() {
        let call = line.split_once('(').map_or("", |(before, _)| before);
        let name = call.rsplit(' ').next().unwrap_or_default();
        *calls.entry(name.to_owned()).or_default() += 1;
    }
    calls
}

/// Two reads and two writes for each request, and little more for all that comes before and after.
fn judge(calls: &HashMap<String, usize>) {
    let of = |names: &[&str]| -> usize { names.iter().filter_map(|name| calls.get(*name)).sum() };
    let reads = of(&["recvfrom", "recvmsg", "readv"]);
    let writes = of(&["sendto", "sendmsg", "writev"]);
    let expected = 2 * REQUESTS..2 * REQUESTS + REQUESTS / 4;
    assert!(expected.contains(&reads), "{reads} reads: {calls:?}");
    assert!(expected.contains(&writes), "{writes} writes: {calls:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_request_costs_two_reads_and_two_writes() {
    let world = World::new();
    judge(&calls(&world, world.plain_deployment(), false).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_request_over_tls_costs_two_reads_and_two_writes() {
    let world = World::new();
    judge(&calls(&world, world.deployment(), true).await);
}
