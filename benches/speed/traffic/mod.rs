//! Traffic: clients of a process of their own, which call one listener and count what comes of it.
//!
//! ```text
//! Load       what is to be done, as it is said to the process
//! generator  does it: turns, the window that counts, the pace
//! slot       one client: connects, shakes hands, asks, reads the answer
//! tls        its certificate and its session
//! tally      what was counted
//! ```

mod generator;
mod load;
mod slot;
mod tally;
mod tls;

pub use generator::{READY, generate};
pub use load::{Course, Habit, Load, Secured, Target, Version};
pub use tally::{HANDSHAKES, Outcome};
pub use tls::certificates;
