//! [`Failover`]: which side is active, when to move, when to move back.
//!
//! A pure state machine: an [`Event`] and a [`Moment`] go in, [`Order`]s come out. No clock, no
//! socket and no log is in here, so a night of outages is simulated in a millisecond.
//!
//! The rules, in the order in which they win:
//!
//! 1. Exactly one side is active. Without a usable side to go to (down, drained, or not there)
//!    the gateway stays where it is; if both are down, the one that comes up first serves.
//! 2. The operator is obeyed: a switch that was ordered happens, also to a side that is down
//!    (which then has to fail anew before it is left again), and that side becomes the one that
//!    fail-back returns to. A drained side is left and not chosen. Neither counts as flapping.
//! 3. A side that is down is left as soon as the other one is up. `MinHold` does not delay that:
//!    callers on a dead side help nobody. Only for a side that is merely untested it holds.
//! 4. `MaxSwitches` within `FlapWindow` is a hard cap on all automatic switches, also on those
//!    away from a dead side: then the gateway stays and raises the alarm until the window allows
//!    the next. A request that has not been sent still gets its try on the other side
//!    ([`Failover::candidates`]).
//! 5. The gateway stays on the side it moved to. Fail-back is as configured, never before
//!    `MinHold` has passed, and only to a side that is known to be up.
//!
//! What makes a side up or down is told in `health.rs`.

mod cause;
mod event;
mod health;
mod machine;
mod order;
#[cfg(test)]
mod simulation;
mod succession;
#[cfg(test)]
mod tests;

pub use cause::{Cause, Witness};
pub use event::{Event, Moment, Watch};
pub use health::Health;
pub use machine::{Failover, SideStatus};
pub use order::{Order, SwitchReason};
pub use succession::HandedSides;
