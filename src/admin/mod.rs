//! The operator's own listener: status, orders, metrics and the console.
//!
//! ```text
//! browser, crmgate status, Prometheus
//!        |  server.rs     a thread of its own, so that a busy data path cannot blind the operator
//!        |  access.rs     who is it: reader, operator, or nobody
//!        v  routes.rs     the one table of what can be asked; openapi.json describes the same
//!   console/              the page for a browser, and the files that it is made of
//!   answers.rs            reads the gateway::Viewer, which asks nobody
//!   checklist.rs          has the preflight gone through, on a thread of its own
//!   orders.rs             changes: sides at once, all else through an Order to the main thread
//! ```
//!
//! The other end of it is client.rs: the command line's way in.
//!
//! Who is on this machine may look, over a loopback address; who can read the token file may
//! operate. Everybody else comes over TLS with a certificate that a rule names. Every change is
//! written down with who, what, before and after, and every attempt that is refused is counted and
//! warned of (`refusals.rs`). To look without a token is no attempt.
//!
//! What is not here: how the gateway stands (that is [`crate::gateway::Report`]), and the traffic.
//! Nothing of this listener is on the way of a request, and its TLS shares no session with any other.
//!
//! Who may come in: the command line only.

mod access;
mod answers;
mod bodies;
mod call_error;
mod checklist;
mod client;
mod console;
mod dispatch;
mod orders;
mod refusals;
mod routes;
mod server;
mod token;

pub use call_error::CallError;
pub use client::{Call, Client};
pub use orders::{Order, Orders, Refused, Reloaded};
pub use server::{Admin, AdminError, Desk};
