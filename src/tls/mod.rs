//! Handshakes, both ways.
//!
//! What is here: [`Acceptor`] terminates TLS on our listeners, [`Connector`] originates it towards
//! the CRM and the sides, [`SessionVault`] keeps resumption alive over reloads and apart by policy,
//! [`HandshakeFailure`] says why a connection did not come about, [`TlsPolicy`] and
//! [`cipher_suites`] decide what is offered, [`AuthorityUses`] remembers which authority let in whom, [`NamelessUses`]
//! which listeners serve clients that show no certificate, [`ServerUses`] what the servers showed that we called, [`Succession`] hands sessions to the next process. [`Anonymous`] calls whom nobody has to know us, and
//! [`glance()`] looks at what a server shows.
//!
//! What is not here: files and keys (`certs`), sockets (`net`), deadlines (the caller's).
//!
//! Who may come in: every room from floor 4 up.
//!
//! One rule holds throughout: **a session is worth as much as its certificate is worth now.** A
//! resumed connection is judged like a new one, by the verifier in force and by the clock, before
//! anybody sees it; a session that does not pass is not found, and the peer gets a full handshake.
//!
//! The path of an accepted connection:
//!
//! ```text
//! Acceptor::accept -> Attempt::run { tokio-rustls }
//!                         |  new      -> ClientJudge (judge.rs), noted in the Attempt
//!                         |  resumed  -> Admission (admission.rs) -> Universe (sessions.rs,
//!                         |              tickets/) -> ClientJudge again
//!                         v
//!                     SessionFacts, or HandshakeFailure over the certificate that was shown
//! ```

mod admission;
pub mod anonymous;
mod attempt;
pub mod authority_uses;
pub mod cipher_suites;
mod clock;
mod face;
mod facts;
pub mod failure;
pub mod glance;
mod handshake_signature;
pub mod inbound;
mod judge;
pub mod nameless_uses;
mod ocsp;
pub mod outbound;
mod own;
mod path;
pub mod policy;
pub mod provider;
mod recent;
mod rules;
pub mod server_uses;
mod session_store;
pub mod sessions;
mod stream;
mod succession;
mod tickets;
mod trial;
mod turns;
mod upstream_sessions;
mod verdicts;
mod wire;

pub use anonymous::{Anonymous, NoConnection};
pub use authority_uses::AuthorityUses;
pub use facts::{Accepted, Admitted, SessionFacts};
pub use failure::{Direction, HandshakeFailure};
pub use glance::{Glance, glance, is_for_host};
pub use inbound::Acceptor;
pub use nameless_uses::NamelessUses;
pub use outbound::{Connected, Connector, UnfitHost, UpstreamTls};
pub use policy::TlsPolicy;
pub use server_uses::ServerUses;
pub use sessions::{PolicyId, SessionVault, Swept, UniverseId};
pub use stream::{Called, Secured, Wire};
pub use succession::{HandedSessions, Succession};
pub use tickets::TicketSource;
pub use trial::{Asked, OwnStanding, Shown, Trial};
pub use verdicts::{Client, Span};

#[cfg(test)]
mod tests;
