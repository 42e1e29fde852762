//! [`Crew`]: callers that work side by side until they are told to stop.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::caller::{Caller, CallerCounts, CallerFigures, CallerSpec};
use super::ledger::{Ledger, MessageId};

/// How often a caller sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Between two messages of a call, from start to start. An answer that takes longer delays
    /// the next message: nobody sends two at once.
    pub interval: Duration,
    /// Messages of a call.
    pub burst: u32,
    /// Between two calls, on top of the interval.
    pub pause: Duration,
}

impl Pace {
    /// So many messages a second, without pauses.
    pub fn steady(per_second: f64) -> Self {
        Self {
            interval: Duration::from_secs_f64(1.0 / per_second.max(0.001)),
            burst: u32::MAX,
            pause: Duration::ZERO,
        }
    }
}

/// Makes the text of a message for the caller of a number.
pub(super) type Wording = Arc<dyn Fn(MessageId, usize) -> String + Send + Sync>;

/// Callers at work. Dropping it ends them wherever they are.
#[derive(Debug)]
pub(super) struct Crew {
    on_duty: watch::Sender<bool>,
    callers: JoinSet<()>,
    counts: Arc<CallerCounts>,
}

impl Crew {
    /// Starts `size` callers, spread evenly over the first interval.
    pub(super) fn start(
        size: usize,
        spec: CallerSpec,
        pace: Pace,
        ledger: &Ledger,
        wording: &Wording,
    ) -> Self {
        let (on_duty, told) = watch::channel(true);
        let counts: Arc<CallerCounts> = Arc::default();
        let spec = Arc::new(spec);
        let mut callers = JoinSet::new();
        let parts = u32::try_from(size).unwrap_or(u32::MAX).max(1);
        let mut begin = Instant::now();
        for number in 0..size {
            let caller = Caller::of_crew(Arc::clone(&spec), ledger.clone(), Arc::clone(&counts));
            let shift = Shift {
                caller,
                number,
                pace,
                // Callers are at different places of their calls from the first moment on.
                sent: u32::try_from(number).unwrap_or(0) % pace.burst.max(1),
                wording: Arc::clone(wording),
            };
            callers.spawn(shift.work(begin, told.clone()));
            begin += pace.interval / parts;
        }
        Self {
            on_duty,
            callers,
            counts,
        }
    }

    pub(super) fn figures(&self) -> CallerFigures {
        self.counts.figures()
    }

    /// Lets everybody finish the message in hand and hang up.
    pub(super) async fn stop(mut self) -> CallerFigures {
        self.on_duty.send_replace(false);
        while self.callers.join_next().await.is_some() {}
        self.counts.figures()
    }
}

struct Shift {
    caller: Caller,
    number: usize,
    pace: Pace,
    sent: u32,
    wording: Wording,
}

impl Shift {
    async fn work(mut self, begin: Instant, mut told: watch::Receiver<bool>) {
        let mut next = begin;
        loop {
            tokio::select! {
                () = self.caller.rest(next) => {}
                _told_to_stop = told.changed() => break,
            }
            let wording = Arc::clone(&self.wording);
            let number = self.number;
            let _in_the_ledger = self.caller.send(|id| wording(id, number)).await;
            next = Instant::now().max(next + self.pace.interval);
            self.sent = self.sent.saturating_add(1);
            if self.sent.is_multiple_of(self.pace.burst.max(1)) {
                next += self.pace.pause;
            }
            if !*told.borrow() {
                break;
            }
        }
        self.caller.hang_up().await;
    }
}
