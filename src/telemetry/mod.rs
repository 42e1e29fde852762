//! What the daemon says about itself: log lines, one line for each exchange, and figures.
//!
//! ```text
//!   tracing macros ──────► log.rs ──┐
//!                                   ├──► queue ──► target.rs ──► file or standard output
//!   AccessLog::write ──► access.rs ─┘   (bounded)  (own thread)
//!   Counters ──┬─► Snapshot             read by the status page, the demo and the tests
//!   Traffic  ──┴─► exposition::write    read by Prometheus
//!   Tracer   ────► trace::SpanQueue     sent by the room `traces`
//! ```
//!
//! Nothing here can stall or fail traffic: a full queue or a full disk costs lines, which are
//! counted, and nothing else. Whatever a peer sends stays on one line, and how many lines it can
//! cause is bounded by [`Throttle`].
//!
//! Not here: what is worth a line (each room decides), bodies (never logged), and the settings
//! (the gateway turns `[Log]` into [`LogOptions`]). Every room above may come in; this one knows
//! only the model.

mod access;
mod escape;
pub mod exposition;
mod figure;
mod flow;
mod histogram;
mod line;
mod log;
mod metrics;
mod operations;
mod process;
mod rotate;
mod sink;
mod stamp;
mod target;
mod throttle;
pub mod trace;
mod traffic;

pub use access::{AccessLine, AccessLog, TlsLeg};
pub use figure::{Counter, Gauge, Kind};
pub use flow::Flow;
pub use histogram::Histogram;
#[cfg(test)]
pub(crate) use log::parse_level;
pub use log::{LogError, LogGuard, LogOptions, Recent, Said, init};
pub use metrics::{Counters, Family, Series, Snapshot, TABLE};
pub use operations::{MOST_OPERATIONS, Operation, OperationNames};
pub use process::{ProcessFigures, host_name};
pub use rotate::Rotation;
pub use sink::LogForm;
pub use throttle::{Noise, Throttle, Verdict};
pub use traffic::{
    ExchangeKey, ExchangeTally, HandshakeEnd, HandshakeKey, Leg, PoolTally, StatusClass, Switched,
    SystemTally, Traffic, UpstreamRole, UpstreamTally,
};

#[cfg(test)]
#[path = "../../tests/support/otlp.rs"]
#[expect(
    unreachable_pub,
    reason = "the same file is a module of the system tests"
)]
pub(crate) mod otlp;
