//! [`Recording`]: what of a generation is about traces, and who sends them.

use std::sync::Arc;
use std::time::Duration;

use tracing::error;

use super::build::Build;
use super::run::Gateway;
use super::snapshot::Snapshot;
use crate::config::settings::TraceSettings;
use crate::model::{Clock, SampleRatio};
use crate::telemetry::Counters;
use crate::telemetry::trace::{SpanQueue, Tracer};
use crate::traces::{Collector, Exporter, Pace};

/// Traces are recorded, and sent to somebody.
#[derive(Debug)]
pub(super) struct Recording {
    pub(super) collector: Arc<Collector>,
    /// The same as in the generation before, so that no span is lost between the two.
    queue: SpanQueue,
    ratio: SampleRatio,
    clock: Clock,
}

impl Recording {
    /// Who records the traces of one thread.
    pub(super) fn tracer(&self, counters: &Arc<Counters>) -> Tracer {
        Tracer::new(self.queue.clone(), self.ratio, &self.clock, counters)
    }
}

impl Build<'_> {
    /// Who is sent traces.
    pub(super) fn recording(&mut self, settings: Option<&TraceSettings>) -> Option<Recording> {
        let settings = settings?;
        let clock = &self.workshop.clock;
        let (collector, problems) = Collector::build(settings, clock);
        self.problems.extend(problems);
        let before = self.previous.and_then(|before| before.recording.as_ref());
        Some(Recording {
            collector: Arc::new(collector?),
            queue: before.map_or_else(SpanQueue::default, |before| before.queue.clone()),
            ratio: settings.ratio,
            clock: clock.clone(),
        })
    }
}

impl Gateway {
    /// Has spans sent as the generation wants it: the threads record by it already.
    pub(super) fn send_spans(&mut self, next: &Snapshot) {
        match (&next.recording, self.exporter.take()) {
            (Some(recording), Some(exporter)) => {
                exporter.follow(&recording.collector);
                self.exporter = Some(exporter);
            }
            (Some(recording), None) => self.begin_to_send(recording),
            (None, Some(exporter)) => exporter.leave(),
            (None, None) => {}
        }
    }

    fn begin_to_send(&mut self, recording: &Recording) {
        let Recording {
            collector, queue, ..
        } = recording;
        let counters = &self.workshop.counters;
        match Exporter::start(queue, collector, counters, Pace::default()) {
            Ok(exporter) => self.exporter = Some(exporter),
            Err(error) => {
                let hint = "see the limit of processes of this account, and reload";
                error!(%error, hint, "no thread can be had that sends traces; traffic goes on without");
            }
        }
    }

    /// Has what is left sent, within this time and a few seconds at the most.
    pub(super) async fn send_last_spans(&mut self, limit: Duration) {
        if let Some(exporter) = self.exporter.take() {
            exporter.finish(limit).await;
        }
    }
}
