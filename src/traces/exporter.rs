//! [`Exporter`]: the thread that takes spans out of the queue, posts them, and tries again.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use tracing::{info, warn};

use super::collector::{Collector, Kept, NotTaken, Taken};
use super::pace::Pace;
use crate::telemetry::Counters;
use crate::telemetry::trace::{Batch, Ids, SpanQueue};

/// Sends spans from a thread of its own, to the collector that it was told last.
#[derive(Debug)]
pub struct Exporter {
    plan: watch::Sender<Plan>,
    /// Ends when the thread is about to.
    ended: oneshot::Receiver<()>,
    thread: JoinHandle<()>,
    last: Duration,
}

/// What the thread is to do.
#[derive(Debug, Clone)]
struct Plan {
    collector: Arc<Collector>,
    /// Until when what is left may be sent, once no more comes.
    end: Option<Instant>,
}

impl Exporter {
    /// Begins to send what comes into the queue.
    pub fn start(
        queue: &SpanQueue,
        collector: &Arc<Collector>,
        counters: &Arc<Counters>,
        pace: Pace,
    ) -> io::Result<Self> {
        let (plan, orders) = watch::channel(Plan {
            collector: Arc::clone(collector),
            end: None,
        });
        let (ending, ended) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let courier = Courier {
            queue: queue.clone(),
            counters: Arc::clone(counters),
            pace,
            at: None,
            kept: None,
            held: None,
            failures: 0,
            not_before: None,
            said_at: None,
            unsaid: 0,
            ids: Ids::default(),
        };
        let thread = std::thread::Builder::new()
            .name("crmgate-traces".to_owned())
            .spawn(move || {
                runtime.block_on(courier.run(orders));
                // The system's resolver may take minutes; a stop does not wait for its threads.
                runtime.shutdown_background();
                let _nobody_waits = ending.send(());
            })?;
        Ok(Self {
            plan,
            ended,
            thread,
            last: pace.last,
        })
    }

    /// Sends to this collector from now on, also what has been waiting.
    pub fn follow(&self, collector: &Arc<Collector>) {
        self.plan
            .send_modify(|plan| plan.collector = Arc::clone(collector));
    }

    /// Ends by itself, once what is left has been sent, or soon. For whoever does not wait.
    pub fn leave(self) {
        self.end(self.last);
    }

    /// Sends what is left, within this time or a few seconds, whichever ends first, and ends. A
    /// moment is always there for it, which is enough for a collector in order.
    pub async fn finish(self, limit: Duration) {
        let deadline = self.end(limit.max(A_MOMENT)) + GRACE;
        let Self { ended, thread, .. } = self;
        if timeout_at(deadline, ended).await.is_ok() && thread.join().is_err() {
            warn!("the thread that sends spans ended with a panic; please report it");
        }
    }

    fn end(&self, limit: Duration) -> Instant {
        let end = Instant::now() + limit.min(self.last);
        self.plan.send_modify(|plan| plan.end = Some(end));
        end
    }
}

/// Whoever wants the end at once hardly notices it.
const A_MOMENT: Duration = Duration::from_millis(500);

/// For the thread to come to its end behind the last moment for a post.
const GRACE: Duration = Duration::from_secs(1);

/// The work of the thread.
struct Courier {
    queue: SpanQueue,
    counters: Arc<Counters>,
    pace: Pace,
    /// Who was posted to last, and the connection to him.
    at: Option<Arc<Collector>>,
    kept: Option<Kept>,
    /// What was posted in vain and is tried again, and since when.
    held: Option<(Batch, Instant)>,
    failures: u32,
    not_before: Option<Instant>,
    said_at: Option<Instant>,
    /// Posts that failed since something was said of it.
    unsaid: u64,
    ids: Ids,
}

impl Courier {
    async fn run(mut self, mut plan: watch::Receiver<Plan>) {
        while self.gather(&mut plan).await {
            let Plan { collector, end } = plan.borrow_and_update().clone();
            self.turn_to(&collector);
            self.not_before = None;
            let next = self.held.take();
            let next = next.or_else(|| Some((self.queue.take()?, Instant::now())));
            let Some((batch, since)) = next else {
                if end.is_some() {
                    break;
                }
                continue;
            };
            let posted = tokio::select! {
                posted = collector.post(&mut self.kept, &batch) => Some(posted),
                () = ended(&mut plan) => None,
            };
            match posted {
                Some(Ok(taken)) => self.delivered(&collector, &batch, taken),
                Some(Err(error)) => {
                    self.failed(&collector, (batch, since), &error);
                    if end.is_some() {
                        break;
                    }
                }
                None => {
                    self.held = Some((batch, since));
                    break;
                }
            }
        }
        self.give_up();
    }

    /// Whatever another collector has done is not this one's fault.
    fn turn_to(&mut self, collector: &Arc<Collector>) {
        if !self.is_at(collector) {
            self.at = Some(Arc::clone(collector));
            self.kept = None;
            self.failures = 0;
        }
    }

    fn is_at(&self, collector: &Arc<Collector>) -> bool {
        let at = self.at.as_ref();
        at.is_some_and(|at| Arc::ptr_eq(at, collector))
    }

    /// Whether something else is to be done than before. A change that came during a post does not
    /// count as news any more.
    fn is_news(&self, plan: &Plan) -> bool {
        plan.end.is_some() || !self.is_at(&plan.collector)
    }

    /// Waits until there is something to be posted, and it may be. `false` if nobody is there any
    /// more who has it posted.
    async fn gather(&self, plan: &mut watch::Receiver<Plan>) -> bool {
        let is_news = self.is_news(&plan.borrow());
        if is_news {
            return true;
        }
        let pause = async {
            match (self.not_before, &self.held) {
                (Some(at), _) => sleep_until(at).await,
                (None, Some(_)) => {}
                (None, None) if self.queue.has_full() => {}
                (None, None) => {
                    tokio::select! {
                        () = sleep(self.pace.gather) => {}
                        () = self.queue.filled() => {}
                    }
                }
            }
        };
        tokio::select! {
            () = pause => true,
            told = plan.changed() => told.is_ok(),
        }
    }

    fn delivered(&mut self, collector: &Collector, batch: &Batch, taken: Taken) {
        let refused = taken.rejected.as_ref().map_or(0, |rejected| rejected.spans);
        let refused = refused.min(batch.spans);
        self.counters.trace_spans_refused.add(refused);
        self.counters
            .trace_spans_sent
            .add(batch.spans.saturating_sub(refused));
        if self.failures > 0 {
            info!(
                collector = collector.shown(),
                failures = self.failures,
                "the collector takes spans again"
            );
        }
        self.failures = 0;
        if let Some(rejected) = taken.rejected
            && let Some(suppressed) = self.may_say()
        {
            let (collector, why) = (collector.shown(), &rejected.why);
            let hint = "look at what the collector says of it";
            warn!(
                collector,
                refused, why, hint, suppressed, "the collector has not taken all spans"
            );
        }
        self.tell_dropped(collector);
    }

    /// Says that spans were dropped although the collector takes what it is sent.
    fn tell_dropped(&mut self, collector: &Collector) {
        let dropped = self.queue.take_dropped();
        if dropped > 0
            && let Some(suppressed) = self.may_say()
        {
            let collector = collector.shown();
            let hint = "lower SampleRatio in [Traces], or see why the collector is slow";
            warn!(
                collector,
                dropped, hint, suppressed, "there are more spans than the collector takes"
            );
        }
    }

    fn failed(
        &mut self,
        collector: &Collector,
        (batch, since): (Batch, Instant),
        error: &NotTaken,
    ) {
        self.failures = self.failures.saturating_add(1);
        let pause = self.pace.pause(self.failures, self.ids.number());
        let pause = error.retry_after().map_or(pause, |asked| asked.max(pause));
        let pause = pause.min(LONGEST);
        let is_kept = error.may_pass() && since.elapsed() + pause <= self.pace.give_up;
        if let Some(suppressed) = self.may_say() {
            let (collector, hint) = (collector.shown(), error.hint());
            let waiting = self.queue.waiting().saturating_add(batch.spans);
            let dropped = self.queue.take_dropped();
            warn!(collector, %error, hint, waiting, dropped, suppressed, "spans cannot be delivered; traffic goes on without");
        }
        self.not_before = Some(Instant::now() + pause);
        if is_kept {
            self.held = Some((batch, since));
        } else if error.may_pass() {
            self.counters.trace_spans_undelivered.add(batch.spans);
        } else {
            self.counters.trace_spans_refused.add(batch.spans);
        }
    }

    /// Counts what is left, and says so.
    fn give_up(mut self) {
        self.queue.close();
        let mut left = self.held.take().map_or(0, |(batch, _)| batch.spans);
        while let Some(batch) = self.queue.take() {
            left = left.saturating_add(batch.spans);
        }
        self.counters.trace_spans_undelivered.add(left);
        if left > 0 {
            let hint = "see whether the collector is in order";
            warn!(
                spans = left,
                hint, "these spans were not delivered before the end"
            );
        }
    }

    /// Asks for a line about a collector: how many were held back since the last one, or `None` to
    /// hold this one back too.
    fn may_say(&mut self) -> Option<u64> {
        if self.said_at.is_some_and(|at| at.elapsed() < self.pace.say) {
            self.unsaid = self.unsaid.saturating_add(1);
            return None;
        }
        self.said_at = Some(Instant::now());
        Some(std::mem::take(&mut self.unsaid))
    }
}

/// Waits until nothing more may be posted.
async fn ended(plan: &mut watch::Receiver<Plan>) {
    let end = plan
        .wait_for(|plan| plan.end.is_some())
        .await
        .ok()
        .and_then(|plan| plan.end);
    if let Some(end) = end {
        sleep_until(end).await;
    }
}

/// Whatever a collector asks for: whoever is silent for longer is not in order.
const LONGEST: Duration = Duration::from_mins(10);
