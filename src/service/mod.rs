//! The daemon as a guest of the operating system.
//!
//! What is here: what the system asks of the daemon, what it is told, and what it hands over at the
//! start. All of it is a small vocabulary that is the same everywhere; where systems differ, there is a
//! file for each with the same function names.
//!
//! | file | what it gives |
//! |---|---|
//! | `journal` | whether the journal reads what this process prints |
//! | `requests` | what the system asks for ([`Request`]), and where that comes from ([`Requests`]) |
//! | `host` | who started the daemon, where its orders come from, and who hears how it goes ([`Host`]) |
//! | `herald/` | what the service manager is told, in an order that holds ([`Herald`]) |
//! | `succession/` | another process takes the place of this one |
//! | `sandbox/` | what the daemon gives up of its own accord ([`sandbox::enter`]) |
//! | `watchdog` | signs of life, for as long as every worker thread gives one |
//! | `sockets` | listening sockets that were handed over at the start |
//! | `systemd/` | the verbs of `crmgate service`, by systemd |
//! | `windows/` | the service of Windows: its protocol, its folders, its events, its installation |
//!
//! What is not here: what becomes of a request, which is the command line's affair, and unit files and
//! packages, which lie in `service/`. Only the command line comes in.

mod herald;
mod host;
mod journal;
mod requests;
pub mod sandbox;
mod sockets;
mod succession;
#[cfg(not(windows))]
pub mod systemd;
mod watchdog;
pub mod windows;

pub use herald::Herald;
pub use host::{Host, Told};
pub use journal::is_read_by_journal;
pub use requests::{Request, Requests};
pub use sockets::handed_over;
pub use succession::{LateSessions, Left, Predecessor, SuccessionError, Successor, Will, between};
pub use watchdog::feed_watchdog;
