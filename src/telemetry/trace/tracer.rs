//! [`Tracer`]: which exchanges are recorded; [`Trace`]: one that is, from its head to its end.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::context::{SpanId, TraceParent};
use super::ids::Ids;
use super::queue::SpanQueue;
use super::span::{Outline, Reached, Served, Tried, write_served, write_tried};
use crate::model::{Clock, SampleRatio};
use crate::telemetry::access::AccessLine;
use crate::telemetry::metrics::Counters;
use crate::telemetry::operations::Operation;

/// Records the traces of one thread. Where there is none, nothing of this room is walked through.
pub struct Tracer {
    queue: SpanQueue,
    ratio: SampleRatio,
    clock: Clock,
    counters: Arc<Counters>,
    ids: Ids,
    /// Where a span is written before it is queued. It stays, so a span allocates nothing.
    buffer: RefCell<Vec<u8>>,
}

impl Tracer {
    /// One that records this part of the traces that begin here, besides those that callers want
    /// recorded.
    pub fn new(
        queue: SpanQueue,
        ratio: SampleRatio,
        clock: &Clock,
        counters: &Arc<Counters>,
    ) -> Self {
        Self {
            queue,
            ratio,
            clock: clock.clone(),
            counters: Arc::clone(counters),
            ids: Ids::default(),
            buffer: RefCell::default(),
        }
    }

    /// An exchange begins, with these fields from its caller; `None` if it is not recorded.
    ///
    /// What the caller has decided counts; where he says nothing, the ratio decides.
    #[expect(
        single_use_lifetimes,
        reason = "there is no way to leave it out inside of `impl Iterator`"
    )]
    pub fn begin<'a>(
        self: &Rc<Self>,
        traceparent: Option<&[u8]>,
        tracestate: impl Iterator<Item = &'a [u8]>,
    ) -> Option<Box<Trace>> {
        let parent = traceparent.and_then(TraceParent::read);
        let own = match parent {
            Some(parent) if parent.is_sampled() => parent.with_span(self.ids.span()),
            Some(_) => return None,
            None => {
                let (trace, random) = self.ids.trace();
                if !self.ratio.takes(random) {
                    return None;
                }
                TraceParent::new(trace, self.ids.span())
            }
        };
        let mut state = Vec::new();
        if parent.is_some() {
            for part in tracestate {
                if !state.is_empty() {
                    state.push(b',');
                }
                state.extend_from_slice(part);
            }
            // Half of an entry would be somebody else's.
            if state.len() > LONGEST_STATE {
                state.clear();
            }
        }
        Some(Box::new(Trace {
            tracer: Rc::clone(self),
            own,
            parent: parent.map(|parent| parent.span),
            state,
            began: self.clock.since_epoch(),
            started: Instant::now(),
            attempt: None,
        }))
    }

    fn queue(&self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut buffer = self.buffer.borrow_mut();
        buffer.clear();
        write(&mut buffer);
        if !self.queue.push(&buffer) {
            self.counters.trace_spans_dropped.inc();
        }
    }

    /// The name of an operation, as figures have it.
    fn operation(&self, name: Option<&[u8]>) -> Option<Operation> {
        let operation = self.counters.traffic.operation(name);
        (!operation.is_none()).then_some(operation)
    }

    fn text(&self, operation: Option<Operation>) -> Option<&str> {
        let names = self.counters.traffic.names();
        operation.map(|operation| names.text(operation))
    }
}

impl fmt::Debug for Tracer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tracer")
    }
}

/// An exchange that is recorded.
#[derive(Debug)]
pub struct Trace {
    tracer: Rc<Tracer>,
    /// The span of the exchange.
    own: TraceParent,
    /// The caller's.
    parent: Option<SpanId>,
    state: Vec<u8>,
    /// Since 1970.
    began: Duration,
    started: Instant,
    attempt: Option<Attempt>,
}

/// A try that is under way.
#[derive(Debug)]
struct Attempt {
    span: SpanId,
    started: Instant,
    reached: Option<Reached>,
}

/// What a far end is told of the trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PassedOn {
    /// In the place of what the caller has said.
    pub parent: TraceParent,
    /// The trace begins here, so what the caller says of another one is not passed on.
    pub begins_here: bool,
}

impl Trace {
    /// A try begins.
    pub fn attempt(&mut self) {
        self.attempt = Some(Attempt {
            span: self.tracer.ids.span(),
            started: Instant::now(),
            reached: None,
        });
    }

    /// What the far end of the try is told.
    pub fn passed_on(&self) -> PassedOn {
        let span = self.attempt.as_ref().map(|attempt| attempt.span);
        PassedOn {
            parent: span.map_or(self.own, |span| self.own.with_span(span)),
            begins_here: self.parent.is_none(),
        }
    }

    /// The try has got a connection.
    pub const fn reached(&mut self, reached: Reached) {
        if let Some(attempt) = &mut self.attempt {
            attempt.reached = Some(reached);
        }
    }

    /// The try has ended.
    pub fn tried(&mut self, tried: &Tried<'_>, is_tls: bool) {
        let Some(attempt) = self.attempt.take() else {
            return;
        };
        let operation = self.tracer.operation(tried.operation);
        let outline = Outline {
            own: self.own.with_span(attempt.span),
            parent: Some((self.own.span, false)),
            state: &self.state,
            method: tried.method,
            operation: self.tracer.text(operation),
            began: self.began + (attempt.started - self.started),
            took: attempt.started.elapsed(),
        };
        self.tracer
            .queue(|out| write_tried(out, &outline, tried, attempt.reached, is_tls));
    }

    /// The exchange has ended, over this version of HTTP.
    pub fn served(&self, line: &AccessLine<'_>, version: &'static str) {
        let operation = self.tracer.operation(line.operation);
        let outline = Outline {
            own: self.own,
            parent: self.parent.map(|parent| (parent, true)),
            state: &self.state,
            method: line.method.unwrap_or_default(),
            operation: self.tracer.text(operation),
            began: self.began,
            took: line.took,
        };
        let served = Served { line, version };
        self.tracer
            .queue(|out| write_served(out, &outline, &served));
    }
}

/// As much as the specification asks everybody to pass on.
const LONGEST_STATE: usize = 512;
