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
    /// Between two messages of a call, from start to start, on average: each wait is up to a
    /// quarter shorter or longer, or callers would march in step. An answer that takes longer
    /// delays the next message: nobody sends two at once.
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
    orders: watch::Sender<Orders>,
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
        let (orders, told) = watch::channel(Orders {
            at_work: true,
            pace,
        });
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
                // Callers are at different places of their calls from the first moment on.
                sent: u32::try_from(number).unwrap_or(0) % pace.burst.max(1),
                wording: Arc::clone(wording),
            };
            callers.spawn(shift.work(begin, told.clone()));
            begin += pace.interval / parts;
        }
        Self {
            orders,
            callers,
            counts,
        }
    }

    pub(super) fn figures(&self) -> CallerFigures {
        self.counts.figures()
    }

    /// From the next message of each on, this is how often they send.
    pub(super) fn set_pace(&self, pace: Pace) {
        self.orders.send_modify(|orders| orders.pace = pace);
    }

    /// Lets everybody finish the message in hand and hang up.
    pub(super) async fn stop(mut self) -> CallerFigures {
        self.orders.send_modify(|orders| orders.at_work = false);
        while self.callers.join_next().await.is_some() {}
        self.counts.figures()
    }
}

#[derive(Debug, Clone, Copy)]
struct Orders {
    at_work: bool,
    pace: Pace,
}

struct Shift {
    caller: Caller,
    number: usize,
    sent: u32,
    wording: Wording,
}

impl Shift {
    async fn work(mut self, begin: Instant, mut told: watch::Receiver<Orders>) {
        let mut next = begin;
        loop {
            tokio::select! {
                () = self.caller.rest(next) => {}
                told = told.changed() => if told.is_err() {
                    return;
                },
            }
            let Orders { at_work, pace } = *told.borrow_and_update();
            if !at_work {
                break;
            }
            if Instant::now() >= next {
                next = self.turn(next, pace).await;
            }
        }
        self.caller.hang_up().await;
    }

    /// Sends one message that is due, and says when the next one is.
    async fn turn(&mut self, due: Instant, pace: Pace) -> Instant {
        let wording = Arc::clone(&self.wording);
        let number = self.number;
        let _in_the_ledger = self.caller.send(|id| wording(id, number)).await;
        self.sent = self.sent.saturating_add(1);
        let interval = pace.interval.mul_f64(stretch(number, self.sent));
        let next = Instant::now().max(due + interval);
        if self.sent.is_multiple_of(pace.burst.max(1)) {
            next + pace.pause
        } else {
            next
        }
    }
}

/// From three quarters to five quarters, without a pattern and the same in every run.
fn stretch(caller: usize, turn: u32) -> f64 {
    let seed = u64::try_from(caller).unwrap_or(0) << 32 | u64::from(turn);
    // The finalizer of SplitMix64, which spreads neighbouring numbers over all bits.
    let mixed = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    0.75 + f64::from(u16::try_from(mixed >> 48).unwrap_or(0)) / f64::from(u16::MAX) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn waits_are_the_interval_on_average() {
        let sum: f64 = (0..100)
            .flat_map(|caller| (0..100).map(move |turn| stretch(caller, turn)))
            .sum();
        assert!((sum / 10_000.0 - 1.0).abs() < 0.01, "{sum}");
    }

    proptest! {
        #[test]
        fn a_wait_is_at_most_a_quarter_shorter_or_longer(caller: usize, turn: u32) {
            let stretch = stretch(caller, turn);
            prop_assert!((0.75..=1.25).contains(&stretch), "{stretch}");
        }
    }
}
