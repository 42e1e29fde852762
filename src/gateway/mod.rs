//! Assembles the flows, swaps them, drains them.
//!
//! ```text
//! config::load -> Settings -> build.rs -> Snapshot -> workers (one thread a core)
//!                                 ^            |
//!                                 | same Arc where nothing changed
//!                                 +------------+
//! ```
//!
//! | file | what it gives |
//! |---|---|
//! | `snapshot` | everything derived from one generation of settings, immutable |
//! | `build` | settings and the previous snapshot to the next; no side effects |
//! | `routes` | one SAP system's upstreams, sides and probes |
//! | `describe` | a generation in an operator's words |
//! | `worker` | one thread: its listeners, connections, pools |
//! | `connection` | one accepted connection from its handshake to its flow |
//! | `supervise` | tasks beside the traffic: probes, fail-back timers |
//! | `run` | [`Gateway`]: start, reload, drain |
//! | `watch` | reload by itself when a file has changed |
//!
//! Reading opens nothing, building binds nothing, publishing cannot fail. A reload that goes wrong
//! anywhere leaves the running generation as it was, and stays visible until the next success.

mod build;
mod connection;
mod describe;
mod routes;
mod run;
mod snapshot;
mod supervise;
mod watch;
mod worker;

pub use build::{Check, check};
pub use run::{CutConnection, DrainReport, Gateway, ReloadReport, StartError, Status};
pub use watch::FileWatch;
