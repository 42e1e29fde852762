//! Traces: what became of one exchange, told in the form of OpenTelemetry.
//!
//! ```text
//!   Tracer::begin ──► Trace ──┬─► tried   a span for each try at a far end ──┐
//!   (sampled, or None)        └─► served  a span for the exchange ───────────┴─► SpanQueue ──► traces
//! ```
//!
//! One that is not recorded costs a look at one field. One that is recorded costs the exchange the
//! writing of its spans into memory that is kept, and never a wait.
//!
//! Not here: who sends the spans on, which is the room `traces`.

mod context;
mod ids;
mod queue;
mod request;
mod span;
#[cfg(test)]
mod tests;
mod tracer;
mod wire;

pub use context::{SpanId, TraceId, TraceParent};
pub use ids::Ids;
pub use queue::{Batch, SpanQueue};
pub use request::{Resource, request};
pub use span::{Reached, Tried};
pub use tracer::{PassedOn, Trace, Tracer};

/// The field of spans in the message around them.
const SPANS: u32 = 2;
