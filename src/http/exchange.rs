//! [`Exchange`]: one request from its head to the last byte of its answer.

use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use crate::config::settings::Limits;
use crate::http::caller::Caller;
use crate::http::context::{Borrowed, Context, Work};
use crate::http::copy::{Encode, End, Pump, Stop};
use crate::http::error::GatewayError;
use crate::http::framing::Framing;
use crate::http::refusal::Refusal;
use crate::http::request::{RequestHead, RequestRewrite};
use crate::http::upstream::{ConnectError, Upstream};
use crate::model::{ExchangeId, Outcome, Principal, Side};
use crate::net::{DialError, Interrupt, Phase};
use crate::tls::Wire;

/// One request with its answer.
#[derive(Debug)]
pub struct Exchange<'a> {
    pub(super) context: &'a Rc<Context>,
    pub(super) caller: &'a mut Caller,
    pub(super) work: &'a mut Borrowed,
    pub(super) limits: Rc<Limits>,
    pub(super) id: ExchangeId,
    pub(super) record: Record,
    /// The request's body as far as it has come.
    pub(super) body: BodyState,
}

/// What the access line will say.
#[derive(Debug, Default)]
pub(super) struct Record {
    pub(super) side: Option<Side>,
    pub(super) upstream: Option<Arc<Upstream>>,
    pub(super) reused: bool,
    pub(super) tries: u8,
    pub(super) outcome: Option<Outcome>,
    pub(super) status: Option<u16>,
    pub(super) code: Option<&'static str>,
    pub(super) request_bytes: u64,
    pub(super) response_bytes: u64,
}

/// How far the request's body was read from the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyState {
    /// Nothing beyond what came with the head.
    Untouched,
    /// All of it lies in the work.
    Collected,
    /// Some of it was sent on.
    Started,
    /// All of it was taken from the caller.
    Finished,
}

/// What has become of an answer that began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// All of it reached the caller's connection, which stays open if both agree.
    Complete {
        /// Whether another request may follow.
        keep_alive: bool,
    },
    /// It broke off at the upstream; the caller's connection was cut so that he knows.
    Truncated,
    /// The caller went away.
    CallerLost,
}

/// A try that gave no answer.
#[derive(Debug)]
pub struct TryFailed {
    /// What the caller would be told.
    pub error: GatewayError,
    /// What the upstream did wrong, so that its health suffers; `None` if it is not to blame.
    pub fault: Option<UpstreamFault>,
}

/// What an upstream did wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpstreamFault {
    /// It cannot be reached.
    Connect,
    /// It did not answer the dial in time.
    ConnectTimeout,
    /// No TLS came about.
    Handshake,
    /// It closed before it answered.
    Closed,
    /// It kept silent.
    NoAnswer,
    /// It answered something that is no answer.
    BadAnswer,
}

impl TryFailed {
    fn caller(error: GatewayError) -> Self {
        Self { error, fault: None }
    }

    /// A failure that the upstream is to blame for.
    pub(super) fn upstream(error: GatewayError, fault: UpstreamFault) -> Self {
        Self {
            error,
            fault: Some(fault),
        }
    }

    /// What became of the request in this try.
    pub const fn outcome(&self) -> Outcome {
        self.error.outcome()
    }
}

impl Exchange<'_> {
    /// The request's head.
    pub fn request(&mut self) -> &RequestHead {
        &self.work.get().request
    }

    /// The exchange's id.
    pub const fn id(&self) -> ExchangeId {
        self.id
    }

    /// Who calls, if he proved it.
    pub fn principal(&self) -> Option<&Principal> {
        self.caller.facts.principal.as_deref()
    }

    /// From where.
    pub fn peer(&self) -> SocketAddr {
        self.caller.waiter.seat().peer()
    }

    /// Whether the caller's leg is in TLS.
    pub const fn caller_uses_tls(&self) -> bool {
        self.caller.wire.is_tls()
    }

    /// Notes that the request goes to the other side.
    pub fn count_replay(&self) {
        self.context.counters.replays.inc();
    }

    /// Collects a chunked body, so that it can be sent with its length.
    pub async fn collect_chunked_body(&mut self) -> Result<(), GatewayError> {
        if self.work.get().request.framing() != Framing::Chunked
            || self.body != BodyState::Untouched
        {
            return Ok(());
        }
        self.say_continue().await?;
        let limit = self.limits.max_buffered_body as u64;
        let mut pump = Pump::new(Framing::Chunked, Encode::Raw, limit, End::Source);
        let work = self.work.get();
        let early = std::mem::take(&mut work.early);
        let mut input = early.as_slice();
        let fed = pump.feed(&mut input, &mut work.collected);
        let surplus = input.to_vec();
        work.early = surplus;
        fed.map_err(|stop| body_error(&stop))?;
        while !pump.source_is_done() {
            self.collect_more(&mut pump).await?;
        }
        let work = self.work.get();
        self.caller.backlog.append(&mut work.early);
        self.body = BodyState::Collected;
        Ok(())
    }

    async fn collect_more(&mut self, pump: &mut Pump) -> Result<(), GatewayError> {
        let deadline = pump.deadline(self.limits.idle_timeout, self.limits.min_body_rate);
        let Self {
            caller,
            work,
            context,
            ..
        } = self;
        let Caller { wire, waiter, .. } = &mut **caller;
        let work = work.get();
        let step = waiter
            .until(deadline, false, |cx| {
                context.scratch.with(|buffer| {
                    let mut read = ReadBuf::new(buffer);
                    if ready!(Pin::new(&mut *wire).poll_read(cx, &mut read)).is_err() {
                        return Poll::Ready(Err(Stop::SourceBroken));
                    }
                    let mut bytes = read.filled();
                    if bytes.is_empty() {
                        return Poll::Ready(Err(Stop::SourceEnded));
                    }
                    let fed = pump.feed(&mut bytes, &mut work.collected);
                    work.early.extend_from_slice(bytes);
                    Poll::Ready(fed)
                })
            })
            .await;
        match step {
            Ok(fed) => fed.map_err(|stop| body_error(&stop)),
            Err(Interrupt::Deadline) => Err(GatewayError::BodyTooSlow),
            Err(Interrupt::Leaving | Interrupt::Cut | Interrupt::Abandoned) => {
                Err(GatewayError::Lost(Outcome::NotSent))
            }
        }
    }

    /// Tells a caller that waits for it to send the body.
    async fn say_continue(&mut self) -> Result<(), GatewayError> {
        let work = self.work.get();
        let waits = work.request.expects_continue()
            && self.body == BodyState::Untouched
            && work.early.is_empty()
            && !matches!(work.request.framing(), Framing::None | Framing::Length(0));
        if !waits {
            return Ok(());
        }
        let rate = self.limits.min_body_rate;
        let said = self
            .caller
            .write(CONTINUE, rate, Limits::BODY_RATE_WINDOW)
            .await;
        said.map_err(|_lost| GatewayError::Lost(Outcome::NotSent))
    }

    /// One try: sends the request to `upstream` and passes its answer on.
    ///
    /// A pooled connection that turns out dead before the first byte was sent is replaced by a
    /// new one; that is no try, because nothing was sent. After an error the caller still waits
    /// for an answer, unless the answer had begun.
    pub async fn forward(
        &mut self,
        upstream: &Arc<Upstream>,
        side: Option<Side>,
        rewrite: &RequestRewrite<'_>,
    ) -> Result<Delivery, TryFailed> {
        self.record.tries = self.record.tries.saturating_add(1);
        self.record.side = side;
        self.record.upstream = Some(Arc::clone(upstream));
        loop {
            let stale = || self.context.counters.upstream_stale.inc();
            let pooled = self.context.pool.borrow_mut().take(upstream, stale);
            let reused = pooled.is_some();
            let mut wire = match pooled {
                Some(wire) => {
                    self.context.counters.upstream_reused.inc();
                    wire
                }
                None => self.connect(upstream).await?,
            };
            self.record.reused = reused;
            match self.send(upstream, &mut wire, side, rewrite).await {
                Ok(()) => return self.receive(upstream, wire).await,
                Err(failed)
                    if reused
                        && failed.fault.is_some()
                        && failed.outcome().may_try_other_side() =>
                {
                    self.context.counters.upstream_stale.inc();
                }
                Err(failed) => return Err(failed),
            }
        }
    }

    async fn connect(&mut self, upstream: &Arc<Upstream>) -> Result<Wire, TryFailed> {
        // Boxed: most exchanges find a pooled connection, and their future shall stay small.
        let mut dialling = Box::pin(upstream.connect(&self.context.counters));
        let deadline = Instant::now() + upstream.spec().connect_timeout * 2;
        let connected = self
            .caller
            .waiter
            .until(deadline, false, |cx| dialling.as_mut().poll(cx))
            .await;
        match connected {
            Ok(Ok(wire)) => Ok(wire),
            Ok(Err(error)) if error.blames_target() => {
                self.context.counters.upstream_failed.inc();
                let fault = match &error {
                    ConnectError::Dial(DialError::TimedOut { .. }) => UpstreamFault::ConnectTimeout,
                    ConnectError::Dial(_) => UpstreamFault::Connect,
                    ConnectError::Tls(_) => UpstreamFault::Handshake,
                };
                Err(TryFailed::upstream(
                    GatewayError::Unreachable(error.to_string()),
                    fault,
                ))
            }
            Ok(Err(_exhausted)) => Err(TryFailed::caller(GatewayError::Exhausted)),
            Err(_interrupt) => Err(TryFailed::caller(GatewayError::Lost(Outcome::NotSent))),
        }
    }

    /// Sends head and body. `Ok`: the request is complete at the upstream, or the upstream has
    /// begun to answer.
    async fn send(
        &mut self,
        upstream: &Upstream,
        wire: &mut Wire,
        side: Option<Side>,
        rewrite: &RequestRewrite<'_>,
    ) -> Result<(), TryFailed> {
        let before = wire.socket().written();
        let mut pump = self.prepare(rewrite)?;
        self.caller.waiter.seat().set_phase(Phase::Busy);
        let outcome_of =
            |wire: &Wire, complete: bool| match (wire.socket().written() > before, complete) {
                (false, _) => Outcome::NotSent,
                (true, false) => Outcome::PartlySent,
                (true, true) => Outcome::SentNoAnswer,
            };
        let deadline = Instant::now() + upstream.spec().response_timeout;
        let mut taken = 0_usize;
        let work = self.work.get();
        let out = &work.out;
        let written = self
            .caller
            .waiter
            .until(deadline, false, |cx| {
                poll_write_all(cx, wire, out, &mut taken)
            })
            .await;
        let complete = pump.is_done();
        match written {
            Ok(Ok(())) => {}
            Ok(Err(_broken)) => {
                let outcome = outcome_of(wire, false);
                if outcome == Outcome::NotSent {
                    let why = "the connection broke before the first byte".to_owned();
                    return Err(TryFailed::upstream(
                        GatewayError::Unreachable(why),
                        UpstreamFault::Closed,
                    ));
                }
                // It may have answered before it closed, as servers do that refuse a request.
                return self.answered_early(wire, outcome).await;
            }
            Err(Interrupt::Deadline) => {
                let error = GatewayError::TimedOut(outcome_of(wire, false));
                return Err(TryFailed::upstream(error, UpstreamFault::NoAnswer));
            }
            Err(_interrupt) => {
                return Err(TryFailed::caller(GatewayError::Lost(outcome_of(
                    wire, false,
                ))));
            }
        }
        self.commit(&pump);
        if !complete {
            self.say_continue().await.map_err(TryFailed::caller)?;
            self.body = BodyState::Started;
            self.stream_body(upstream, wire, &mut pump).await?;
        }
        self.record.request_bytes = pump.carried().max(self.work.get().collected.len() as u64);
        if pump.source_is_done() {
            self.body = BodyState::Finished;
        }
        let phase = side.map_or(Phase::Busy, |side| Phase::Waiting(side, Instant::now()));
        self.caller.waiter.seat().set_phase(phase);
        Ok(())
    }

    /// Makes what is written first: the head and what is there of the body.
    fn prepare(&mut self, rewrite: &RequestRewrite<'_>) -> Result<Pump, TryFailed> {
        let limit = self.limits.max_body_size;
        let collected = self.body == BodyState::Collected;
        let Work {
            request,
            early,
            collected: body,
            out,
            ..
        } = self.work.get();
        out.clear();
        let framing = if collected {
            Framing::None
        } else {
            request.framing()
        };
        let encode = if framing == Framing::Chunked {
            Encode::Chunked
        } else {
            Encode::Raw
        };
        if let Framing::Length(length) = framing
            && length > limit
        {
            return Err(TryFailed::caller(GatewayError::BodyTooLarge));
        }
        let length = collected.then_some(body.len() as u64);
        request.write_to(
            out,
            &RequestRewrite {
                collected_length: length,
                ..*rewrite
            },
        );
        out.extend_from_slice(body);
        let mut pump = Pump::new(framing, encode, limit, End::Source);
        let mut input = early.as_slice();
        pump.feed(&mut input, out)
            .map_err(|stop| TryFailed::caller(body_error(&stop)))?;
        Ok(pump)
    }

    /// The first write went through: what lies behind this request belongs to the next one.
    fn commit(&mut self, pump: &Pump) {
        if self.body != BodyState::Untouched {
            return;
        }
        let Work { request, early, .. } = self.work.get();
        let surplus = match request.framing() {
            Framing::None => early.as_slice(),
            Framing::Length(_) => {
                let used = usize::try_from(pump.carried()).unwrap_or(usize::MAX);
                early.get(used..).unwrap_or_default()
            }
            Framing::Chunked | Framing::UntilClose => {
                // Chunks were taken apart: the decoder says where the body ends.
                let mut again = Pump::new(Framing::Chunked, Encode::Raw, u64::MAX, End::Source);
                let mut input = early.as_slice();
                let mut unused = Vec::new();
                match again.feed(&mut input, &mut unused) {
                    Ok(()) => input,
                    Err(_judged_before) => &[],
                }
            }
        };
        self.caller.backlog.extend_from_slice(surplus);
        early.clear();
    }

    /// Streams the rest of the body; ends early, with success, when the upstream answers already.
    async fn stream_body(
        &mut self,
        upstream: &Upstream,
        wire: &mut Wire,
        pump: &mut Pump,
    ) -> Result<(), TryFailed> {
        let patience = upstream.spec().response_timeout;
        let rate = self.limits.min_body_rate;
        loop {
            // Who is waited for may change meanwhile, so one look a window at least.
            let deadline = pump
                .deadline(patience, rate)
                .min(Instant::now() + Limits::BODY_RATE_WINDOW);
            let Self {
                caller,
                work,
                context,
                ..
            } = self;
            let Caller {
                wire: source,
                waiter,
                backlog,
                ..
            } = &mut **caller;
            let answer = &mut work.get().answer_early;
            let step = waiter
                .until(deadline, false, |cx| {
                    if let Poll::Ready(end) = pump.poll(cx, source, wire, &context.scratch, backlog)
                    {
                        return Poll::Ready(BodyStep::Pumped(end));
                    }
                    context
                        .scratch
                        .with(|buffer| poll_early_answer(cx, wire, buffer, answer))
                })
                .await;
            match step {
                Ok(BodyStep::Pumped(Ok(())) | BodyStep::Answering) => return Ok(()),
                Ok(BodyStep::Pumped(Err(Stop::SinkBroken))) => {
                    return self.answered_early(wire, Outcome::PartlySent).await;
                }
                Ok(BodyStep::Closed) => {
                    let error = GatewayError::Lost(Outcome::PartlySent);
                    return Err(TryFailed::upstream(error, UpstreamFault::Closed));
                }
                Ok(BodyStep::Pumped(Err(stop))) => {
                    return Err(TryFailed::caller(body_error(&stop)));
                }
                Err(Interrupt::Deadline) if pump.deadline(patience, rate) > Instant::now() => {}
                Err(Interrupt::Deadline) if !pump.waits_for_caller() => {
                    let error = GatewayError::TimedOut(Outcome::PartlySent);
                    return Err(TryFailed::upstream(error, UpstreamFault::NoAnswer));
                }
                Err(Interrupt::Deadline) => {
                    return Err(TryFailed::caller(GatewayError::BodyTooSlow));
                }
                Err(_interrupt) => {
                    return Err(TryFailed::caller(GatewayError::Lost(Outcome::PartlySent)));
                }
            }
        }
    }

    /// The upstream takes no more: perhaps it has answered. Reads once, without waiting long.
    async fn answered_early(&mut self, wire: &mut Wire, outcome: Outcome) -> Result<(), TryFailed> {
        let deadline = Instant::now() + EARLY_ANSWER;
        let Self {
            caller,
            work,
            context,
            ..
        } = self;
        let answer = &mut work.get().answer_early;
        let step = caller
            .waiter
            .until(deadline, false, |cx| {
                context
                    .scratch
                    .with(|buffer| poll_early_answer(cx, wire, buffer, answer))
            })
            .await;
        match step {
            Ok(BodyStep::Answering) => {
                self.body = BodyState::Started;
                Ok(())
            }
            _ => Err(TryFailed::upstream(
                GatewayError::Lost(outcome),
                UpstreamFault::Closed,
            )),
        }
    }
}

/// One step of sending a body.
enum BodyStep {
    Pumped(Result<(), Stop>),
    /// The upstream has begun to answer.
    Answering,
    /// The upstream has closed without a word.
    Closed,
}

/// What an expecting caller waits for.
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// An answer that was sent before the connection broke is in the socket already.
const EARLY_ANSWER: std::time::Duration = std::time::Duration::from_millis(200);

fn poll_early_answer(
    cx: &mut TaskContext<'_>,
    wire: &mut Wire,
    buffer: &mut [u8],
    answer: &mut Vec<u8>,
) -> Poll<BodyStep> {
    let mut read = ReadBuf::new(buffer);
    match ready!(Pin::new(wire).poll_read(cx, &mut read)) {
        Ok(()) if !read.filled().is_empty() => {
            answer.extend_from_slice(read.filled());
            Poll::Ready(BodyStep::Answering)
        }
        Ok(()) | Err(_) => Poll::Ready(BodyStep::Closed),
    }
}

fn poll_write_all(
    cx: &mut TaskContext<'_>,
    wire: &mut Wire,
    bytes: &[u8],
    taken: &mut usize,
) -> Poll<std::io::Result<()>> {
    while let Some(rest) = bytes.get(*taken..).filter(|rest| !rest.is_empty()) {
        match ready!(Pin::new(&mut *wire).poll_write(cx, rest))? {
            0 => return Poll::Ready(Err(std::io::ErrorKind::WriteZero.into())),
            count => *taken = taken.saturating_add(count),
        }
    }
    Pin::new(wire).poll_flush(cx)
}

fn body_error(stop: &Stop) -> GatewayError {
    match stop {
        Stop::TooLarge => GatewayError::BodyTooLarge,
        Stop::BadChunk => GatewayError::Refused(Refusal::Chunk),
        Stop::SourceEnded | Stop::SourceBroken | Stop::SinkBroken => {
            GatewayError::Lost(Outcome::PartlySent)
        }
    }
}
