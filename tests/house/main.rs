//! The house rules, as tests: the floors, the doors, the sizes, the words, the documents and the
//! stories.
//!
//! Each rule reads the repository as it lies there and prints every place that breaks it, with what
//! to do. `CONTRIBUTING.md` gives the reasons; a rule that gets in the way is changed there and
//! here in one commit, never worked around.
//!
//! Not here: that `config/README.md` is what the table of keys says, and that every deployment of
//! `config/` loads. Those are in `tests/config`, beside the other cases of the configuration.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::unwrap_used,
    missing_docs,
    reason = "a test tells by panicking, and clippy does not know this crate as a test"
)]

mod commands;
mod documents;
mod doors;
mod floors;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod layout;
mod shape;
mod source;
mod stories;
mod texts;
mod tokens;
#[cfg(target_os = "linux")]
mod units;
mod words;

/// Fails with every breach of a rule, one a line, under what the rule asks for.
#[track_caller]
fn assert_none(breaches: &[String], rule: &str) {
    assert!(breaches.is_empty(), "{rule}:\n  {}", breaches.join("\n  "));
}
