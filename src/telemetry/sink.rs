//! Where finished lines go, and in which form.

use std::io::Write;

use tracing_appender::non_blocking::NonBlocking;

/// The form of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LogForm {
    /// For people: time, level, target, message, `key=value`.
    Text,
    /// One JSON object a line. An event's fields stand beside `timestamp`, `level` and `target`,
    /// so no field may have such a name.
    Json,
}

/// Takes finished lines; cheap to clone, never waits.
#[derive(Debug, Clone)]
pub(super) struct LineSink(NonBlocking);

impl LineSink {
    /// A way into this queue.
    pub(super) const fn new(queue: NonBlocking) -> Self {
        Self(queue)
    }

    /// Queues a line, or counts it as lost.
    pub(super) fn send(&self, line: &[u8]) {
        // A lossy queue has no error to report.
        let _counted = self.0.clone().write(line);
    }
}
