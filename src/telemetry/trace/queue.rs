//! [`SpanQueue`]: the way of finished spans to the thread that sends them.
//!
//! Spans stand one behind the other as they are sent, so one costs a copy and no system call. A
//! thread that serves traffic never waits: what finds no room is told to be dropped.

use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// Takes finished spans. Cheap to clone.
#[derive(Clone, Default)]
pub struct SpanQueue(Arc<Queue>);

#[derive(Default)]
struct Queue {
    state: Mutex<State>,
    /// A batch is full.
    news: Notify,
}

#[derive(Default)]
struct State {
    full: VecDeque<Batch>,
    open: Batch,
    dropped: u64,
    is_closed: bool,
}

/// Spans that are sent together.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// How many.
    pub spans: u64,
    /// One behind the other, as fields of the message that they are sent in.
    pub bytes: Vec<u8>,
}

impl SpanQueue {
    /// Queues a span. `false` if there is no room for it.
    pub(super) fn push(&self, span: &[u8]) -> bool {
        let mut state = self.state();
        let is_last = state.open.bytes.len().saturating_add(span.len()) > BATCH;
        if state.is_closed || (is_last && state.full.len() >= MOST_FULL) {
            state.dropped = state.dropped.saturating_add(1);
            return false;
        }
        if is_last {
            let full = mem::take(&mut state.open);
            state.full.push_back(full);
            self.0.news.notify_one();
        }
        state.open.bytes.extend_from_slice(span);
        state.open.spans = state.open.spans.saturating_add(1);
        true
    }

    /// Takes the oldest spans; none where there are none.
    pub fn take(&self) -> Option<Batch> {
        let mut state = self.state();
        match state.full.pop_front() {
            Some(full) => Some(full),
            None if state.open.spans == 0 => None,
            None => Some(mem::take(&mut state.open)),
        }
    }

    /// Takes no more: what comes later is dropped.
    pub fn close(&self) {
        self.state().is_closed = true;
    }

    /// Whether there is a batch to which nothing is added any more.
    pub fn has_full(&self) -> bool {
        !self.state().full.is_empty()
    }

    /// How many wait.
    pub fn waiting(&self) -> u64 {
        let state = self.state();
        let full: u64 = state.full.iter().map(|batch| batch.spans).sum();
        full.saturating_add(state.open.spans)
    }

    /// How many found no room since this was asked last.
    pub fn take_dropped(&self) -> u64 {
        mem::take(&mut self.state().dropped)
    }

    /// Waits until a batch is full.
    pub async fn filled(&self) {
        self.0.news.notified().await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Whatever became of a thread, a span is queued whole or not at all.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for SpanQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SpanQueue")
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("spans", &self.spans)
            .finish_non_exhaustive()
    }
}

/// Some hundred spans; every collector takes ten times as much in one request.
const BATCH: usize = 512 * 1024;

/// With the one that is being filled 4 MiB: several thousand spans, which is a minute of a busy
/// gateway that records a part of its traces.
const MOST_FULL: usize = 7;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_taken_in_batches_in_the_order_in_which_they_came() {
        let queue = SpanQueue::default();
        assert_eq!(queue.take(), None);
        assert!(queue.push(b"one") && queue.push(b"two"));
        assert_eq!(queue.waiting(), 2);
        let large = vec![b'x'; BATCH];
        assert!(queue.push(&large));
        assert_eq!(queue.waiting(), 3);
        let first = queue.take().expect("a batch");
        assert_eq!((first.spans, first.bytes.as_slice()), (2, &b"onetwo"[..]));
        assert_eq!(queue.take().expect("another").bytes, large);
        assert_eq!(queue.take(), None);
    }

    #[test]
    fn what_finds_no_room_is_dropped_and_told_once() {
        let queue = SpanQueue::default();
        let large = vec![b'x'; BATCH];
        let taken = (0..20).filter(|_| queue.push(&large)).count();
        assert_eq!(taken, MOST_FULL + 1);
        assert_eq!((queue.take_dropped(), queue.take_dropped()), (12, 0));
        assert!(queue.take().is_some());
        assert!(queue.push(&large), "there is room again");
    }

    #[test]
    fn a_closed_queue_gives_what_it_has_and_takes_no_more() {
        let queue = SpanQueue::default();
        assert!(queue.push(b"one"));
        queue.close();
        assert!(!queue.push(b"two"));
        assert_eq!((queue.take_dropped(), queue.waiting()), (1, 1));
    }

    #[tokio::test]
    async fn a_full_batch_wakes_whoever_waits_for_it() {
        let queue = SpanQueue::default();
        queue.push(&vec![b'x'; BATCH]);
        assert!(queue.push(b"next"));
        let waited = tokio::time::timeout(std::time::Duration::from_secs(5), queue.filled());
        waited.await.expect("woken");
    }
}
