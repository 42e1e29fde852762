//! The daemon as a guest of the operating system.
//!
//! What is here: what the system asks of the daemon, as one small vocabulary ([`Request`]), and
//! where those requests come from ([`Requests`]). Only the command line comes in. Units, installers
//! and the Windows service have their place in this room.

mod requests;

pub use requests::{Request, Requests};
