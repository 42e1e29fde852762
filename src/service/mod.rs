//! The daemon as a guest of the operating system.
//!
//! What is here: what the system asks of the daemon, as one small vocabulary ([`Request`]), where those
//! requests come from ([`Requests`]), who hears how it goes ([`Host`]), and the service of Windows
//! ([`windows`]). Only the command line comes in. Units and installers have their place in the outer
//! room of this name.

mod host;
mod requests;
pub mod windows;

pub use host::{Host, Told};
pub use requests::{Request, Requests};
