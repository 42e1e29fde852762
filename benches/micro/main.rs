//! The steps of the data path, one by one: what each of them costs, and how often it allocates.
//!
//! A whole request is measured by the other benches; these tell which step a difference comes from.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    missing_docs,
    reason = "it tries the steps as the tests do"
)]

mod client;
mod failover;
mod figures;
mod ground;
mod wire;

/// Counts what each step allocates, beside its time.
#[global_allocator]
static ALLOCATIONS: divan::AllocProfiler = divan::AllocProfiler::system();

fn main() {
    divan::main();
}
