//! Who is told that something is about to end, besides the log.
//!
//! What is here: [`Alarm`], what is said of one step of one certificate or list; [`Webhook`], where it
//! is posted to; [`Courier`], who carries it there and tries again.
//!
//! What is not here: what is due, and whether it has been said. That is `certs::due` and the gateway.
//!
//! Who may come in: the gateway. Nothing that serves traffic waits for anything in here: a collector
//! that hangs costs a task and a few bytes, and after some minutes a line in the log.

mod courier;
mod message;
#[cfg(test)]
mod tests;
mod webhook;

pub use courier::{Courier, Pace};
pub use message::Alarm;
pub use webhook::{NotPosted, Webhook};
