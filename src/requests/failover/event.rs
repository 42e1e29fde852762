//! [`Event`]: what the state machine is told, and [`Moment`]: when.

use std::sync::Arc;
use std::time::Duration;

use super::cause::Cause;
use crate::config::settings::TimeOfDay;
use crate::model::Side;

/// When something happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Time since the process began; never runs backwards.
    pub at: Duration,
    /// The local time of day, for the fail-back window; a minute of delay does no harm.
    pub time_of_day: TimeOfDay,
}

/// Whether there is another witness than the requests themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Watch {
    /// Probes run for both sides.
    Probes,
    /// `Type=off`: a side that is down gets another chance when its back-off has passed.
    RequestsOnly,
}

/// What the machine is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A side answered a request, whatever the HTTP status.
    RequestAnswered {
        /// The side.
        side: Side,
        /// When the request was given to it.
        began: Duration,
    },
    /// A side failed a request: no connection, no TLS, or no answer.
    RequestFailed {
        /// The side.
        side: Side,
        /// When the request was given to it.
        began: Duration,
        /// In which way.
        cause: Cause,
    },
    /// A probe was good.
    ProbePassed {
        /// The side.
        side: Side,
    },
    /// A probe failed.
    ProbeFailed {
        /// The side.
        side: Side,
        /// In which way.
        cause: Cause,
    },
    /// The operator makes a side the active one. Ends a drain of that side.
    SwitchTo {
        /// The side.
        side: Side,
        /// Who, and why: what an audit wants to read.
        by: Arc<str>,
    },
    /// The operator takes a side out of service.
    Drain {
        /// The side.
        side: Side,
        /// Who, and why.
        by: Arc<str>,
    },
    /// The operator gives a drained side back.
    Resume {
        /// The side.
        side: Side,
    },
    /// A reload gave the side another address or other TLS files: what was seen no longer counts.
    Replaced {
        /// The side.
        side: Side,
    },
    /// Nothing but time has passed; due at [`super::Failover::wake_at`].
    Tick,
}

impl Event {
    /// The side it is about.
    pub(super) const fn side(&self) -> Option<Side> {
        match self {
            Self::RequestAnswered { side, .. }
            | Self::RequestFailed { side, .. }
            | Self::ProbePassed { side }
            | Self::ProbeFailed { side, .. }
            | Self::SwitchTo { side, .. }
            | Self::Drain { side, .. }
            | Self::Resume { side }
            | Self::Replaced { side } => Some(*side),
            Self::Tick => None,
        }
    }
}
