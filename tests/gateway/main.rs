//! System tests: a gateway with real sockets and real TLS between simulated SAP systems and
//! connectors, which share no code with it.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    missing_docs,
    unreachable_pub,
    dead_code,
    reason = "a test says no with a panic; helpers are shared by files that use some of them each"
)]

#[path = "../support/mod.rs"]
mod support;

mod broken_inputs;
mod crowds;
mod drain;
mod limits;
mod reload;
mod smoke;
mod watch;
