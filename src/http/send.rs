//! The way there: a request from its first byte to its last, or to an answer that comes earlier.

use std::task::Poll;
use std::time::Duration;

use tokio::time::Instant;

use crate::config::settings::Limits;
use crate::http::answer_head::{Arrived, poll_arrival};
use crate::http::attempt::{TryFailed, UpstreamFault};
use crate::http::caller::Caller;
use crate::http::collect::body_error;
use crate::http::context::Work;
use crate::http::copy::{Encode, End, Pump, Stop};
use crate::http::error::GatewayError;
use crate::http::exchange::{BodyState, Exchange};
use crate::http::framing::Framing;
use crate::http::request::RequestRewrite;
use crate::http::upstream::Upstream;
use crate::model::{Outcome, Side};
use crate::net::{Interrupt, Phase};
use crate::tls::{HandshakeFailure, Wire};

impl Exchange<'_> {
    /// Makes what is written first, the head and what is there of the body, and lays it into the
    /// pump that carries the rest. Nothing is taken away: a try that sends nothing can be repeated.
    pub(super) fn prepare(&mut self, rewrite: &RequestRewrite<'_>) -> Result<Pump, TryFailed> {
        let limit = self.limits.max_body_size;
        let collected = self.body == BodyState::Collected;
        let trace = self.trace.as_ref().map(|trace| trace.passed_on());
        let Work {
            request,
            early,
            early_used,
            collected: body,
            out,
            ..
        } = self.work.get();
        let framing = if collected {
            Framing::None
        } else {
            request.framing()
        };
        if matches!(framing, Framing::Length(length) if length > limit) {
            let error = GatewayError::BodyTooLarge(Outcome::NotSent);
            return Err(TryFailed::blameless(error));
        }
        let encode = if framing == Framing::Chunked {
            Encode::Chunked
        } else {
            Encode::Raw
        };
        out.clear();
        request.write_to(
            out,
            &RequestRewrite {
                collected_length: collected.then_some(body.len() as u64),
                trace,
                ..*rewrite
            },
        );
        if collected {
            out.extend_from_slice(body);
        }
        let mut pump = Pump::new(framing, encode, limit, End::Source);
        let mut input = early.as_slice();
        pump.feed(&mut input, out)
            .map_err(|stop| TryFailed::blameless(body_error(&stop, Outcome::NotSent)))?;
        *early_used = early.len().saturating_sub(input.len());
        pump.preload(std::mem::take(out));
        Ok(pump)
    }

    /// Sends head and body. `Ok`: the request is complete at the upstream, or the upstream has
    /// answered before it was.
    pub(super) async fn send(
        &mut self,
        upstream: &Upstream,
        wire: &mut Wire,
        side: Option<Side>,
        pump: &mut Pump,
    ) -> Result<(), TryFailed> {
        let phase = side.map_or(Phase::Busy, |side| Phase::Sending(side, Instant::now()));
        self.caller.waiter.seat().set_phase(phase);
        self.sent_whole = false;
        // What another connection said before it broke is none of this one's words.
        self.work.get().answer_early.clear();
        self.interim = 0;
        let complete = pump.source_is_done();
        let before = wire.socket().written();
        let mut progress = self.send_first(upstream, wire, pump, before).await?;
        self.commit();
        if !complete && progress == Progress::Sent {
            if pump.carried() == 0 {
                self.say_continue(Outcome::PartlySent)
                    .await
                    .map_err(TryFailed::blameless)?;
            }
            self.body = BodyState::Started;
            self.caller.wire.socket().acknowledge_now();
            let streamed = self.stream_body(upstream, wire, pump).await;
            self.settle(pump);
            progress = streamed?;
        }
        self.settle(pump);
        self.sent_whole = progress == Progress::Sent;
        if self.sent_whole {
            let phase = side.map_or(Phase::Busy, |side| Phase::Waiting(side, Instant::now()));
            self.caller.waiter.seat().set_phase(phase);
        }
        Ok(())
    }

    /// Writes the head and what came with it, until the kernel has all of it. Only in here can a
    /// try end with nothing sent.
    async fn send_first(
        &mut self,
        upstream: &Upstream,
        wire: &mut Wire,
        pump: &mut Pump,
        before: u64,
    ) -> Result<Progress, TryFailed> {
        let patience = upstream.spec().response_timeout;
        loop {
            let Self {
                caller,
                work,
                context,
                ..
            } = self;
            let answer = &mut work.get().answer_early;
            let step = caller
                .waiter
                .until(pump.deadline(patience, 0), false, |cx| {
                    if let Poll::Ready(end) = pump.poll_preloaded(cx, wire) {
                        return Poll::Ready(Step::Sent(end));
                    }
                    context
                        .scratch
                        .with(|buffer| poll_arrival(cx, wire, buffer, answer))
                        .map(Step::Heard)
                })
                .await;
            let outcome = if wire.socket().written() > before {
                Outcome::PartlySent
            } else {
                Outcome::NotSent
            };
            return match step {
                Ok(Step::Sent(Ok(()))) => Ok(Progress::Sent),
                Ok(Step::Sent(Err(_)) | Step::Heard(Arrived::End))
                    if outcome == Outcome::NotSent =>
                {
                    Err(nothing_sent(None))
                }
                Ok(Step::Heard(Arrived::Break(refused))) if outcome == Outcome::NotSent => {
                    Err(nothing_sent(refused))
                }
                // It may have answered before it closed, as servers do that refuse a request.
                Ok(Step::Sent(Err(_))) => self.answered_early(wire).await,
                Ok(Step::Heard(arrived)) => {
                    if self.hear(arrived)? {
                        Ok(Progress::Answered)
                    } else {
                        continue;
                    }
                }
                Err(Interrupt::Deadline) if pump.deadline(patience, 0) > Instant::now() => continue,
                Err(Interrupt::Deadline) => Err(TryFailed::upstream(
                    GatewayError::TimedOut(outcome),
                    UpstreamFault::NoAnswer,
                )),
                Err(Interrupt::Abandoned) => Err(side_down(outcome)),
                Err(Interrupt::Leaving | Interrupt::Cut) => {
                    Err(TryFailed::blameless(GatewayError::Cut(outcome)))
                }
            };
        }
    }

    /// The first write went through: what came with the head is used up, and what lies behind the
    /// request belongs to the next one.
    fn commit(&mut self) {
        let Work {
            early, early_used, ..
        } = self.work.get();
        let surplus = early.get(*early_used..).unwrap_or_default();
        self.caller.backlog.extend_from_slice(surplus);
        early.clear();
        *early_used = 0;
    }

    /// Notes how much of the body was taken from the caller.
    fn settle(&mut self, pump: &Pump) {
        self.body = if pump.source_is_done() {
            BodyState::Finished
        } else {
            BodyState::Started
        };
    }

    /// Streams the rest of the body; ends early, with success, when the upstream has answered
    /// already. Interim answers, and half of a final one, end nothing.
    async fn stream_body(
        &mut self,
        upstream: &Upstream,
        wire: &mut Wire,
        pump: &mut Pump,
    ) -> Result<Progress, TryFailed> {
        let patience = upstream.spec().response_timeout;
        let rate = self.limits.min_body_rate;
        pump.restart_clock();
        loop {
            // Who is waited for may change meanwhile, so one look a pause or a window at least.
            let deadline = pump
                .deadline(patience, rate)
                .min(Instant::now() + patience.min(Limits::BODY_RATE_WINDOW));
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
                        return Poll::Ready(Step::Sent(end));
                    }
                    context
                        .scratch
                        .with(|buffer| poll_arrival(cx, wire, buffer, answer))
                        .map(Step::Heard)
                })
                .await;
            match step {
                Ok(Step::Sent(Ok(()))) => return Ok(Progress::Sent),
                Ok(Step::Sent(Err(Stop::SinkBroken))) => return self.answered_early(wire).await,
                Ok(Step::Sent(Err(
                    end
                    @ (Stop::SourceEnded | Stop::SourceBroken | Stop::BadChunk | Stop::TooLarge),
                ))) => {
                    return Err(TryFailed::blameless(body_error(&end, Outcome::PartlySent)));
                }
                Ok(Step::Heard(arrived)) => {
                    if self.hear(arrived)? {
                        return Ok(Progress::Answered);
                    }
                }
                Err(Interrupt::Deadline) if pump.deadline(patience, rate) > Instant::now() => {}
                Err(Interrupt::Deadline) if pump.waits_for_caller() => {
                    let error = GatewayError::BodyTooSlow(Outcome::PartlySent);
                    return Err(TryFailed::blameless(error));
                }
                Err(Interrupt::Deadline) => {
                    let error = GatewayError::TimedOut(Outcome::PartlySent);
                    return Err(TryFailed::upstream(error, UpstreamFault::NoAnswer));
                }
                // It waits for the caller's next bytes, and with them the side may still be back.
                Err(Interrupt::Abandoned) if pump.waits_for_caller() => {
                    waiter.seat().set_phase(Phase::Busy);
                }
                Err(Interrupt::Abandoned) => return Err(side_down(Outcome::PartlySent)),
                Err(Interrupt::Leaving | Interrupt::Cut) => {
                    let error = GatewayError::Cut(Outcome::PartlySent);
                    return Err(TryFailed::blameless(error));
                }
            }
        }
    }

    /// The upstream takes no more: perhaps it has answered. Does not wait long for the beginning.
    async fn answered_early(&mut self, wire: &mut Wire) -> Result<Progress, TryFailed> {
        let deadline = Instant::now() + EARLY_ANSWER;
        while self.work.get().answer_early.is_empty() {
            match self.arrival(wire, deadline).await {
                Ok(Arrived::Bytes) => {
                    let _whole = self.is_answered()?;
                }
                Ok(Arrived::End) | Err(_) => return Err(self.broke_off(None)),
                Ok(Arrived::Break(refused)) => return Err(self.broke_off(refused)),
            }
        }
        Ok(Progress::Answered)
    }
}

/// How far sending came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// All of it is with the kernel.
    Sent,
    /// The upstream has answered before it had all of it, or has begun to and takes no more.
    Answered,
}

/// One step of sending.
enum Step {
    Sent(Result<(), Stop>),
    /// The upstream has said something, or has closed.
    Heard(Arrived),
}

/// An answer that was sent before the connection broke is in the socket already, or one round
/// trip away.
const EARLY_ANSWER: Duration = Duration::from_millis(200);

/// The connection broke before the first byte; what the far end's TLS had to say, if anything.
fn nothing_sent(refused: Option<Box<HandshakeFailure>>) -> TryFailed {
    let (why, fault) = match refused {
        Some(refused) => (
            format!("{refused} ({})", refused.hint()),
            UpstreamFault::Handshake,
        ),
        None => (
            "the connection broke before the first byte".to_owned(),
            UpstreamFault::Closed,
        ),
    };
    TryFailed::upstream(GatewayError::Unreachable(why), fault)
}

fn side_down(outcome: Outcome) -> TryFailed {
    TryFailed::upstream(GatewayError::SideDown(outcome), UpstreamFault::NoAnswer)
}

#[cfg(test)]
#[path = "tests/send.rs"]
mod tests;
