//! Flow 1: SAP CRM to connector side A or B.
//!
//! ```text
//! http::serve -> exchange.rs -> sides.rs (failover says A)
//!                    |              ^
//!                    v              |  what requests and probes saw
//!             Exchange::forward ----+---- probe.rs
//! ```
//!
//! | file | what it gives |
//! |---|---|
//! | `failover/` | the pure state machine: which side is active, when to move, when to move back |
//! | `sides` | the shared handle around it: picks, reports, carries out its orders |
//! | `probe` | health probes that feed it |
//! | `exchange` | one request from its head to its outcome; the only replay rule |
//! | `relay` | A/B for a connection instead of a request: TLS untouched, or ended here and its inside unread |
//!
//! Only the gateway comes in. Events have a room of their own and know no sides.

pub mod failover;

mod exchange;
mod probe;
mod relay;
mod sides;

pub use exchange::{RequestFlow, RequestRoute};
pub use probe::{ProbeError, probe_once, watch_side};
pub use relay::{FarEnd, RelayRoute, relay_to_side};
pub use sides::{SideEvent, SideEvents, Sides, Summary};
