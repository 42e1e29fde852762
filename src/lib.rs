//! crmgate: a mutual-TLS SOAP gateway between SAP CRM and a contact-centre connector.
//!
//! This is the floor plan. The program is `src/main.rs`, which only calls [`cli::main`]; everything
//! else is a room of this library, so that tests walk the same corridors as the program.
//!
//! ```text
//! requests      SAP CRM ==mTLS==> crmgate ==http or mTLS==> connector, side A or B
//! events        connector ==http or mTLS==> crmgate ==mTLS==> SAP CRM
//! static route  any TCP on a port here ==> the same port of the CRM host, bytes untouched
//! ```
//!
//! # The floors
//!
//! A room imports from lower floors only, never from its own or from above. `tests/house` enforces
//! it, together with the one door that each foreign crate has.
//!
//! ```text
//! floor 9  cli                   what an operator types
//! floor 8  admin                 the operator's own listener
//! floor 7  simulate   service    preflight
//!                                the peers, played; the system's requests; the checklist
//! floor 6  gateway               builds a generation, swaps it, drains it
//! floor 5  requests   events     the flows
//! floor 4  http       alarms     traces
//!                                HTTP/1 on the wire; who is told that something ends; who is sent spans
//! floor 3  tls                   handshakes both ways, sessions that stay true
//! floor 2  certs      net        identities and trust; sockets and ways out
//! floor 1  config     telemetry  explain      settings; what the daemon says; what a code means
//! floor 0  model                 the words of the product, pure values
//! ```
//!
//! | to see | go to |
//! |---|---|
//! | what a request passes on its way | [`requests`], then [`http`] |
//! | who decides which side serves | [`requests::failover`] |
//! | how settings are read, and what each means | [`config`], [`config::KEYS`] |
//! | how a reload swaps what is in force | [`gateway`] |
//! | why a resumed session is as good as a new one | [`tls`] |
//! | which figures are counted | [`telemetry::TABLE`], [`telemetry::exposition`] |
//!
//! # What holds everywhere
//!
//! - A request of which a byte may have reached a side is never sent again.
//! - What is ambiguous is refused; nothing is repaired by guessing.
//! - A file that cannot be used never weakens what is in force.
//! - Nothing that changes is global; wall time comes from [`model::Clock`] only.
//! - No peer can end the process, fill the log, or hold more than its share.
//!
//! `ARCHITECTURE.md` tells the same at length, `CONTRIBUTING.md` how to change it.

pub mod admin;
pub mod alarms;
pub mod certs;
pub mod cli;
pub mod config;
pub mod events;
pub mod explain;
pub mod gateway;
pub mod http;
pub mod model;
pub mod net;
pub mod preflight;
pub mod requests;
pub mod service;
pub mod simulate;
pub mod telemetry;
pub mod tls;
pub mod traces;
