//! [`Order`]: what the state machine wants done or said.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::cause::{Cause, Witness};
use crate::model::Side;
use crate::telemetry::Switched;

/// Why the active side changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SwitchReason {
    /// The active side went down.
    SideDown(Cause),
    /// The preferred side is healthy again.
    FailBack,
    /// The active side is being drained; carries who and why.
    Drained(Arc<str>),
    /// An operator ordered it; carries who and why.
    Operator(Arc<str>),
    /// A reload took side B out of the configuration.
    Removed,
}

impl SwitchReason {
    /// Whether the gateway decided by itself: only such switches count as flapping.
    pub const fn is_automatic(&self) -> bool {
        matches!(self, Self::SideDown(_) | Self::FailBack)
    }
}

/// As figures tell it: without whom and what.
impl From<&SwitchReason> for Switched {
    fn from(reason: &SwitchReason) -> Self {
        match reason {
            SwitchReason::SideDown(_) => Self::SideDown,
            SwitchReason::FailBack => Self::FailBack,
            SwitchReason::Drained(_) => Self::Drained,
            SwitchReason::Operator(_) => Self::Operator,
            SwitchReason::Removed => Self::Removed,
        }
    }
}

impl fmt::Display for SwitchReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SideDown(cause) => write!(f, "side down: {cause}"),
            Self::FailBack => f.write_str("fail-back to the preferred side"),
            Self::Drained(by) => write!(f, "drained by {by}"),
            Self::Operator(by) => write!(f, "ordered by {by}"),
            Self::Removed => f.write_str("side removed from the configuration"),
        }
    }
}

/// What the machine wants done, or said. The switch itself has already happened in here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// New requests go to the other side from now on.
    Switch {
        /// The side that was active.
        from: Side,
        /// The side that is.
        to: Side,
        /// Why.
        reason: SwitchReason,
    },
    /// A side came up.
    SideUp(Side),
    /// A side went down.
    SideDown {
        /// The side.
        side: Side,
        /// The last failure.
        cause: Cause,
        /// Whose failures they were.
        witness: Witness,
        /// How many in a row.
        failures: u32,
    },
    /// A side that was down may be used again, though nothing proves yet that it is well.
    SideUntested(Side),
    /// A switch is needed and `MaxSwitches` forbids it.
    FlapAlarm {
        /// Automatic switches within the window.
        switches: u32,
        /// When the window allows the next, as time since the process began.
        until: Duration,
    },
    /// The window allows automatic switches again.
    FlapAlarmCleared,
    /// The drained side stays in use, because the other one is not usable.
    DrainWaits(Side),
    /// There is no side B to switch to or to drain.
    NoSuchSide(Side),
}
