//! The way back: an answer from its first byte to the caller's last.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::Instant;

use crate::config::settings::Limits;
use crate::http::caller::{Caller, WriteEnd};
use crate::http::context::Work;
use crate::http::copy::{Encode, End, Pump, Stop};
use crate::http::error::GatewayError;
use crate::http::exchange::{BodyState, Delivery, Exchange, TryFailed, UpstreamFault};
use crate::http::framing::Framing;
use crate::http::head::{HeadLimits, Version, find_end};
use crate::http::refusal::BadAnswer;
use crate::http::response::AnswerFraming;
use crate::http::upstream::Upstream;
use crate::model::Outcome;
use crate::net::Interrupt;
use crate::tls::Wire;

impl Exchange<'_> {
    /// Reads the answer and passes it on. An error means that the caller has heard nothing yet.
    pub(super) async fn receive(
        &mut self,
        upstream: &Arc<Upstream>,
        mut wire: Wire,
    ) -> Result<Delivery, TryFailed> {
        let patience = upstream.spec().response_timeout;
        self.read_head(&mut wire, patience).await?;
        let answer = &self.work.get().answer;
        let (framing, upstream_stays, status) =
            (answer.framing(), answer.keep_alive(), answer.status());
        let version = self.work.get().request.version();
        let unknown_length = matches!(framing, Framing::Chunked | Framing::UntilClose);
        let encode = match version {
            Version::Http11 if unknown_length => Encode::Chunked,
            Version::Http10 | Version::Http11 => Encode::Raw,
        };
        let mut pump = Pump::new(framing, encode, u64::MAX, End::Sink);
        let collected = if unknown_length && version == Version::Http10 {
            Some(self.collect_answer(&mut wire, &mut pump, patience).await?)
        } else {
            None
        };
        let out_framing = match (collected, encode) {
            (Some(Collected::All), _) => AnswerFraming::Length(pump.carried()),
            (Some(Collected::TooMuch), _) => AnswerFraming::UntilClose,
            (None, Encode::Chunked) => AnswerFraming::Chunked,
            (None, Encode::Raw) => AnswerFraming::AsIs,
        };
        self.record.status = Some(status);
        self.record.outcome = Some(Outcome::Answered);
        let keep_alive = out_framing != AnswerFraming::UntilClose && self.caller_stays();
        let surplus = self.write_head(&mut pump, out_framing, keep_alive)?;
        let delivery = self.deliver(&mut wire, &mut pump, patience, surplus).await;
        self.record.response_bytes = pump.carried();
        match delivery {
            Ok(clean) => {
                if clean && upstream_stays && self.body != BodyState::Started {
                    self.context.pool.borrow_mut().put(upstream, wire);
                }
                Ok(Delivery::Complete { keep_alive })
            }
            Err(broken) => {
                self.caller.wire.socket().reset_on_close();
                Ok(broken)
            }
        }
    }

    /// Whether the caller's connection can carry another request after this one.
    pub(super) fn caller_stays(&mut self) -> bool {
        let all_taken = self.body != BodyState::Started;
        all_taken && self.work.get().request.keep_alive() && !self.caller.waiter.seat().is_leaving()
    }

    /// Reads heads until a final one; interim answers are ours to ask for, so they end here.
    async fn read_head(&mut self, wire: &mut Wire, patience: Duration) -> Result<(), TryFailed> {
        let deadline = Instant::now() + patience;
        let limits = self.limits.head();
        let to_head = self.work.get().request.is_head();
        for _interim in 0..INTERIM_AT_MOST {
            self.read_one_head(wire, deadline, limits, to_head).await?;
            if !self.work.get().answer.is_interim() {
                return Ok(());
            }
        }
        Err(bad(BadAnswer::Interim))
    }

    async fn read_one_head(
        &mut self,
        wire: &mut Wire,
        deadline: Instant,
        limits: HeadLimits,
        to_head: bool,
    ) -> Result<(), TryFailed> {
        let mut seen = 0;
        loop {
            let Work {
                answer,
                answer_early,
                ..
            } = self.work.get();
            match find_end(answer_early, seen) {
                Ok(Some(end)) if end <= limits.max_size => {
                    let head = answer_early.get(..end).unwrap_or_default();
                    answer.take(head, limits, to_head).map_err(bad)?;
                    answer_early.drain(..end);
                    return Ok(());
                }
                Ok(None) if answer_early.len() <= limits.max_size => seen = answer_early.len(),
                Ok(_) => return Err(bad(BadAnswer::HeadTooLarge)),
                Err(_bare_lf) => return Err(bad(BadAnswer::Head)),
            }
            self.read_more(wire, deadline).await?;
        }
    }

    /// Reads once from the upstream, behind what is there of the answer.
    async fn read_more(&mut self, wire: &mut Wire, deadline: Instant) -> Result<(), TryFailed> {
        let Self {
            caller,
            work,
            context,
            ..
        } = self;
        let early = &mut work.get().answer_early;
        let read = caller
            .waiter
            .until(deadline, false, |cx| {
                context.scratch.with(|buffer| {
                    let mut read = ReadBuf::new(buffer);
                    let result = ready!(Pin::new(&mut *wire).poll_read(cx, &mut read));
                    early.extend_from_slice(read.filled());
                    Poll::Ready(result.map(|()| read.filled().len()))
                })
            })
            .await;
        let begun = !self.work.get().answer_early.is_empty();
        match read {
            Ok(Ok(1..)) => Ok(()),
            Ok(Ok(0) | Err(_)) if begun => Err(bad(BadAnswer::Truncated)),
            Ok(Ok(_) | Err(_)) => Err(TryFailed::upstream(
                GatewayError::Lost(self.sent()),
                UpstreamFault::Closed,
            )),
            Err(Interrupt::Deadline) => Err(TryFailed::upstream(
                GatewayError::TimedOut(self.sent()),
                UpstreamFault::NoAnswer,
            )),
            Err(Interrupt::Abandoned) => Err(TryFailed::upstream(
                GatewayError::SideDown,
                UpstreamFault::NoAnswer,
            )),
            Err(Interrupt::Leaving | Interrupt::Cut) => Err(TryFailed {
                error: GatewayError::Lost(self.sent()),
                fault: None,
            }),
        }
    }

    /// What became of a request whose answer has not come.
    fn sent(&self) -> Outcome {
        if self.body == BodyState::Started {
            Outcome::PartlySent
        } else {
            Outcome::SentNoAnswer
        }
    }

    /// Collects an answer of unknown length for a caller of HTTP/1.0, who has to be told a length
    /// if his connection is to stay.
    async fn collect_answer(
        &mut self,
        wire: &mut Wire,
        pump: &mut Pump,
        patience: Duration,
    ) -> Result<Collected, TryFailed> {
        let limit = self.limits.max_buffered_body;
        self.work.get().collected.clear();
        loop {
            let Work {
                answer_early,
                collected,
                ..
            } = self.work.get();
            let mut input = answer_early.as_slice();
            let fed = pump.feed(&mut input, collected);
            let used = answer_early.len().saturating_sub(input.len());
            answer_early.drain(..used);
            fed.map_err(|_stop| bad(BadAnswer::Chunk))?;
            if pump.source_is_done() {
                return Ok(Collected::All);
            }
            if collected.len() > limit {
                return Ok(Collected::TooMuch);
            }
            let ended = self.read_more(wire, Instant::now() + patience).await;
            match ended {
                Ok(()) => {}
                Err(_closed_in_order) if pump.is_until_close() && self.ended_in_order(wire) => {
                    pump.finish();
                    return Ok(Collected::All);
                }
                Err(TryFailed {
                    error: GatewayError::Lost(_),
                    ..
                }) => return Err(bad(BadAnswer::Truncated)),
                Err(failed) => return Err(failed),
            }
        }
    }

    /// Whether the upstream closed in order. A TLS connection that ends without its farewell may
    /// have been cut by anybody on the way.
    fn ended_in_order(&self, wire: &mut Wire) -> bool {
        let mut byte = [0; 1];
        let mut buffer = ReadBuf::new(&mut byte);
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        matches!(
            Pin::new(wire).poll_read(&mut cx, &mut buffer),
            Poll::Ready(Ok(()))
        ) && buffer.filled().is_empty()
    }

    /// Makes what the caller gets first: the head and what is there of the body. Returns whether
    /// bytes lie behind the answer, which nobody asked for.
    fn write_head(
        &mut self,
        pump: &mut Pump,
        framing: AnswerFraming,
        keep_alive: bool,
    ) -> Result<bool, TryFailed> {
        let Work {
            request,
            answer,
            answer_early,
            collected,
            out,
            ..
        } = self.work.get();
        out.clear();
        answer.write_to(out, request.version(), framing, keep_alive);
        if matches!(
            framing,
            AnswerFraming::Length(_) | AnswerFraming::UntilClose
        ) {
            out.extend_from_slice(collected);
        }
        let mut input = answer_early.as_slice();
        pump.feed(&mut input, out)
            .map_err(|_stop| bad(BadAnswer::Chunk))?;
        let surplus = !input.is_empty();
        answer_early.clear();
        Ok(surplus)
    }

    /// Writes what is ready and streams the rest. `Ok(true)`: the upstream's connection is clean.
    async fn deliver(
        &mut self,
        wire: &mut Wire,
        pump: &mut Pump,
        patience: Duration,
        surplus: bool,
    ) -> Result<bool, Delivery> {
        let rate = self.limits.min_body_rate;
        let out = std::mem::take(&mut self.work.get().out);
        let written = self
            .caller
            .write(&out, rate, Limits::BODY_RATE_WINDOW)
            .await;
        self.work.get().out = out;
        match written {
            Ok(()) => {}
            Err(WriteEnd::Broken | WriteEnd::TooSlow) => return Err(self.caller_lost()),
        }
        let mut behind = Vec::new();
        while !pump.is_done() {
            let deadline = pump
                .deadline(patience, rate)
                .min(Instant::now() + Limits::BODY_RATE_WINDOW);
            let Self {
                caller, context, ..
            } = self;
            let Caller {
                wire: sink, waiter, ..
            } = &mut **caller;
            let step = waiter
                .until(deadline, false, |cx| {
                    pump.poll(cx, wire, sink, &context.scratch, &mut behind)
                })
                .await;
            match step {
                Ok(Ok(())) => break,
                Ok(Err(Stop::SinkBroken)) => return Err(self.caller_lost()),
                Ok(Err(Stop::SourceEnded | Stop::SourceBroken)) => {
                    return Err(self.truncated("GW-502-TRUNCATED"));
                }
                Ok(Err(Stop::BadChunk | Stop::TooLarge)) => {
                    return Err(self.truncated("GW-502-BAD-ANSWER"));
                }
                Err(Interrupt::Deadline) if pump.deadline(patience, rate) > Instant::now() => {}
                Err(Interrupt::Deadline) if pump.waits_for_caller() => {
                    return Err(self.caller_lost());
                }
                Err(Interrupt::Deadline | Interrupt::Abandoned) => {
                    return Err(self.truncated("GW-504-STALLED"));
                }
                Err(Interrupt::Leaving | Interrupt::Cut) => {
                    return Err(self.truncated("GW-503-CUT"));
                }
            }
        }
        Ok(!surplus && behind.is_empty())
    }

    fn caller_lost(&mut self) -> Delivery {
        self.record.code = Some("GW-499-CALLER-LOST");
        Delivery::CallerLost
    }

    fn truncated(&mut self, code: &'static str) -> Delivery {
        self.record.code = Some(code);
        Delivery::Truncated
    }
}

/// How an answer of unknown length was collected.
#[derive(Debug, Clone, Copy)]
enum Collected {
    All,
    TooMuch,
}

/// Nobody needs more interim answers than this; a side that sends them without end is broken.
const INTERIM_AT_MOST: usize = 16;

fn bad(answer: BadAnswer) -> TryFailed {
    TryFailed::upstream(GatewayError::BadAnswer(answer), UpstreamFault::BadAnswer)
}
