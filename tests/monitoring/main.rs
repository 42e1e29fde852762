//! What `monitoring/` ships, against what a gateway says: every name that a dashboard or an alert
//! uses exists, every alert fires on its fault, and the exposition of a running gateway is one that
//! Prometheus' own tool has nothing to say against.
//!
//! `CRMGATE_BLESS=1 cargo test --test monitoring` writes the list of figures in
//! `monitoring/README.md`. Read the difference before you commit it.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test says no with a panic"
)]

#[path = "../support/mod.rs"]
mod support;

mod document;
mod exposition;
mod names;
mod rules;
mod scraped;

use std::path::PathBuf;

/// The folder, or a file in it.
fn monitoring(file: &str) -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    root.join("monitoring").join(file)
}

/// A file of the folder.
fn read(file: &str) -> String {
    std::fs::read_to_string(monitoring(file)).expect(file)
}
