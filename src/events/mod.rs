//! Flow 2: the connector's events to SAP CRM.
//!
//! ```text
//! direct         connector ==http==> direct.rs ==mTLS==> SAP CRM (or PROXY in between)
//! static route   connector ==any TCP, port xy==> static_route.rs ==same bytes==> CRM host, port xy
//! ```
//!
//! An event is a synchronous SOAP call: the connector gets the CRM's own answer. There is one CRM
//! and no failover; an event that may have arrived is never sent again.
//!
//! Only the gateway comes in. Sides are the other room's business.

mod direct;
mod static_route;

pub use direct::{EventFlow, EventRoute};
pub use static_route::{StaticRoute, carry};
