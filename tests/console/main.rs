//! The web console in a real Chromium, in front of the real program: what is drawn, what is pressed,
//! who can use it, and whom the page talks to.
//!
//! Pictures of it are left in `console/` of the target folder, for people to look at.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test says no with a panic"
)]

#[path = "../support/mod.rs"]
mod support;

mod browser;
mod demo;
mod everybody;
mod ground;
mod orders;
mod origins;
mod picture;
mod preflight;
