//! Who is sent the spans that traffic has left behind: a collector of OpenTelemetry.
//!
//! ```text
//!   telemetry::trace::SpanQueue ──► Exporter (own thread) ──► Collector::post ──► OTLP over HTTP
//! ```
//!
//! What is here: [`Collector`], where spans are posted to and what it takes to know it; [`Exporter`],
//! the thread that takes spans out of the queue, posts them and tries again.
//!
//! What is not here: what a span says, and whether an exchange has one. That is `telemetry::trace`.
//!
//! Who may come in: the gateway, and the checklist, which asks a collector one question. Nothing that
//! serves traffic waits for anything in here: a collector that hangs costs spans, which are counted.
//! OpenTelemetry's own exporter is not used: it wants a runtime and an HTTP client of its own, and
//! hides what it drops.

mod collector;
mod exporter;
mod fields;
mod pace;
mod partial;
#[cfg(test)]
mod tests;

pub use collector::{Collector, Kept, NotTaken, Taken};
pub use exporter::Exporter;
pub use pace::Pace;
pub use partial::Rejected;
