//! What a trace is told of an exchange, where it is recorded.

use std::sync::Arc;

use crate::http::attempt::{Delivery, TryFailed};
use crate::http::exchange::Exchange;
use crate::http::upstream::Upstream;
use crate::model::Outcome;
use crate::telemetry::trace::{Trace, Tried};

impl Exchange<'_> {
    /// The trace that the exchange belongs to, if it is to be recorded.
    pub(super) fn begin_trace(&mut self) -> Option<Box<Trace>> {
        let tracer = self.context.tracer()?;
        let request = &self.work.get().request;
        tracer.begin(request.traceparent(), request.tracestate())
    }

    /// Tells what came of a try.
    pub(super) fn record_try(
        &mut self,
        upstream: &Arc<Upstream>,
        tried: &Result<Delivery, TryFailed>,
    ) {
        let Some(trace) = &mut self.trace else { return };
        let record = &self.record;
        let (status, failure) = match tried {
            // Of a caller who went away the far end knows nothing: its answer was good.
            Ok(Delivery::Complete { .. } | Delivery::CallerLost) => (record.status, None),
            Ok(Delivery::Truncated | Delivery::Cut) => {
                (record.status, record.code.map(|code| (code, String::new())))
            }
            Err(failed) => (None, Some((failed.error.code(), failed.error.to_string()))),
        };
        let outcome = match tried {
            Ok(_) => record.outcome.unwrap_or(Outcome::Answered),
            Err(failed) => failed.outcome(),
        };
        let work = self.work.get();
        let spec = upstream.spec();
        let known = |bytes: &&[u8]| !bytes.is_empty();
        let tried = Tried {
            system: &spec.system,
            side: record.side,
            target: &spec.target,
            method: work.request.method(),
            path: work.request.target(),
            operation: Some(work.operation.as_slice()).filter(known),
            number: record.tries,
            reused: record.reused,
            outcome,
            status,
            failure,
            request_bytes: record.request_bytes,
            response_bytes: record.response_bytes,
        };
        trace.tried(&tried, spec.tls.is_some());
    }
}
