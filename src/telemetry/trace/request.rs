//! [`request`]: the message in which spans are sent, with who sends them.

use super::queue::Batch;
use super::span::attribute;
use super::wire::Message;

/// Who sends spans.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// Under which name it is known.
    pub service: String,
    /// The machine.
    pub host: Option<String>,
}

/// The message that a collector of OTLP takes.
pub fn request(resource: &Resource, batch: &Batch) -> Vec<u8> {
    let mut out = Vec::with_capacity(batch.bytes.len().saturating_add(ROOM));
    Message::behind(&mut out).within(1, |of_resource| {
        of_resource.within(1, |own| {
            attribute(own, 1, "service.name", |any| {
                any.bytes(1, resource.service.as_bytes());
            });
            attribute(own, 1, "service.version", |any| {
                any.bytes(1, VERSION.as_bytes());
            });
            if let Some(host) = &resource.host {
                attribute(own, 1, "host.name", |any| any.bytes(1, host.as_bytes()));
            }
        });
        of_resource.within(2, |of_scope| {
            of_scope.within(1, |scope| {
                scope.bytes(1, b"crmgate");
                scope.bytes(2, VERSION.as_bytes());
            });
            of_scope.raw(&batch.bytes);
            of_scope.bytes(3, SCHEMA.as_bytes());
        });
    });
    out
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The version of the semantic conventions by which attributes are named.
const SCHEMA: &str = "https://opentelemetry.io/schemas/1.44.0";

/// For what stands around the spans.
const ROOM: usize = 512;
