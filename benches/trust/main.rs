//! What a client may still do that is not trusted any more, at ours and at two other servers.
//!
//! Each row makes a server believe a client, takes the belief away, and looks at what the client
//! gets by the session or the connection it already has. Clients of rustls and of OpenSSL do so in
//! TLS 1.2 and 1.3. It ends with 0 if crmgate's column is what the documents promise.
//!
//! ```text
//! main   which servers, what is printed, how it ends
//! tools  the servers that are asked for, and their versions
//! ground the certificates, lists and clients of one trial
//! server one server at work: ours, nginx or HAProxy
//! rows   the trials
//! cell   what was seen, in words
//! ```
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    unreachable_pub,
    reason = "it tries servers as the system tests do"
)]

use std::process::ExitCode;

#[cfg(target_os = "linux")]
#[path = "../../tests/support/mod.rs"]
mod support;

#[cfg(target_os = "linux")]
mod cell;
#[cfg(target_os = "linux")]
mod ground;
#[cfg(target_os = "linux")]
#[path = "../programs/mod.rs"]
mod programs;
#[cfg(target_os = "linux")]
mod rows;
#[cfg(target_os = "linux")]
mod server;
#[cfg(target_os = "linux")]
mod tools;

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    eprintln!("nginx and HAProxy are tried side by side with crmgate on Linux only");
    ExitCode::FAILURE
}

#[cfg(target_os = "linux")]
#[tokio::main]
async fn main() -> ExitCode {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminated = signal(SignalKind::terminate()).expect("a signal handler");
    // Whichever way it ends, what it has started ends with it.
    tokio::select! {
        code = run() => code,
        _interrupted = tokio::signal::ctrl_c() => ExitCode::FAILURE,
        _terminated = terminated.recv() => ExitCode::FAILURE,
    }
}

#[cfg(target_os = "linux")]
async fn run() -> ExitCode {
    let products = match tools::asked_for(std::env::args().skip(1)) {
        Ok(products) => products,
        Err(why) => {
            eprintln!("{why}");
            return ExitCode::FAILURE;
        }
    };
    let versions = match tools::versions(&products) {
        Ok(versions) => versions,
        Err(why) => {
            eprintln!("{why}");
            return ExitCode::FAILURE;
        }
    };
    let table = rows::all(&products).await;
    println!("{}", table.markdown(&versions));
    let broken = table.broken_promises();
    if broken.is_empty() {
        return ExitCode::SUCCESS;
    }
    eprintln!("crmgate does not keep what is promised:");
    for promise in broken {
        eprintln!("- {promise}");
    }
    ExitCode::FAILURE
}
