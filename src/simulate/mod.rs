//! The world around the gateway, simulated: SAP CRM, both connector sides, their certificates and
//! the ini files of a deployment.
//!
//! ```text
//!   SimCrm ──requests──► ┌─────────┐ ──► SimConnector A
//!                        │ gateway │ ──► SimConnector B
//!   EventReceiver ◄───── └─────────┘ ◄── EventSource
//!        every one of them writes into a Ledger, which finds what was lost or ran twice
//! ```
//!
//! | file | what it gives |
//! |---|---|
//! | `crm` | [`SimCrm`]: ICM's calling half with its agents |
//! | `receiver` | [`EventReceiver`]: ICM's listening half |
//! | `connector` | [`SimConnector`]: a side that can be killed, hang, fail, break off |
//! | `events` | [`EventSource`]: a connector's events, direct or over a static route |
//! | `ledger` | [`Ledger`]: the proof that nothing was lost and nothing ran twice |
//! | `pki` | [`Pki`]: throw-away certificates in the files that ini files name |
//! | `deployment` | [`Deployment`]: the ini files, with real ports |
//! | `port` | [`Port`]: an address that nobody else can take |
//! | `caller`, `crew`, `wire` | the HTTP client of both calling halves, and its pace |
//! | `server`, `reply`, `cord`, `activity` | the HTTP server of both listening halves |
//! | `peer_tls`, `envelope`, `latency` | TLS of the peers, SOAP texts, percentiles |
//!
//! Not here: the gateway. Nothing in this room uses its HTTP, its TLS or its rules; a peer that
//! shared a mistake with the gateway could not find it. The only common ground is `certs::issue`,
//! which makes the certificates.
//!
//! Who may come in: the demo, tests, load tests.

mod activity;
mod caller;
mod connector;
mod cord;
mod crew;
mod crm;
mod deployment;
mod envelope;
mod events;
mod latency;
mod ledger;
mod peer_tls;
mod pki;
mod port;
mod receiver;
mod reply;
mod server;
#[cfg(test)]
mod tests;
mod wire;

pub use caller::{Caller, CallerFigures, CallerSpec};
pub use connector::{Behaviour, SimConnector};
pub use crew::Pace;
pub use crm::{CrmProfile, SimCrm};
pub use deployment::{Deployment, Ini};
pub use events::{EventPath, EventSource};
pub use ledger::{Ending, Ledger, MessageId, Tally};
pub use peer_tls::{PeerTls, PeerTlsError, TlsRange};
pub use pki::{CaModel, FileLayout, Party, Pki, PkiError};
pub use port::Port;
pub use receiver::{EventReceiver, ICM_IDLE, PeerError};
pub use server::ServerFigures;
pub use wire::HttpVersion;
