//! Where finished lines go, and in which form.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tracing_appender::non_blocking::{ErrorCounter, NonBlocking};

use super::target::Shared;

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

/// Knows how many lines were lost. Clones know the same.
#[derive(Debug, Clone)]
pub(super) struct Losses {
    queue: ErrorCounter,
    target: Arc<Shared>,
}

impl Losses {
    /// The losses of a queue and of the target behind it.
    pub(super) const fn new(queue: ErrorCounter, target: Arc<Shared>) -> Self {
        Self { queue, target }
    }

    /// Lines lost so far: because the queue was full, or because the target could not be written.
    pub(super) fn lines(&self) -> u64 {
        let dropped = u64::try_from(self.queue.dropped_lines()).unwrap_or(u64::MAX);
        let unwritten = self.target.unwritten.load(Ordering::Relaxed);
        dropped.saturating_add(unwritten)
    }
}
