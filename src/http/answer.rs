//! The way back: an answer from its first byte to the caller's last.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::Instant;

use crate::config::settings::Limits;
use crate::http::attempt::{Delivery, TryFailed, UpstreamFault};
use crate::http::caller::Caller;
use crate::http::context::Work;
use crate::http::copy::{Encode, End, Pump, Stop};
use crate::http::error::GatewayError;
use crate::http::exchange::Exchange;
use crate::http::framing::Framing;
use crate::http::head::{HeadLimits, Version};
use crate::http::lines::find_end;
use crate::http::refusal::BadAnswer;
use crate::http::response::AnswerFraming;
use crate::http::upstream::Upstream;
use crate::model::Outcome;
use crate::net::{Interrupt, Phase};
use crate::tls::{HandshakeFailure, Wire};

impl Exchange<'_> {
    /// Reads the answer and passes it on. An error means that the caller has heard nothing yet.
    pub(super) async fn receive(
        &mut self,
        upstream: &Arc<Upstream>,
        mut wire: Wire,
    ) -> Result<Delivery, TryFailed> {
        let patience = upstream.spec().response_timeout;
        self.read_head(&mut wire, patience).await?;
        // From here on the answer is on its way: a word that its side is down comes too late.
        self.caller.waiter.seat().set_phase(Phase::Busy);
        let answer = &self.work.get().answer;
        let (framing, upstream_stays, status) =
            (answer.framing(), answer.keep_alive(), answer.status());
        let (mut pump, encode) = self.pump_for(framing);
        let collected = self.collect_answer(&mut wire, &mut pump, patience).await?;
        let out_framing = match (collected, framing, encode) {
            (Collected::TooMuch, ..) => AnswerFraming::UntilClose,
            (Collected::All, Framing::Chunked | Framing::UntilClose, _) => {
                AnswerFraming::Length(pump.carried())
            }
            (Collected::Nothing, _, Encode::Chunked) => AnswerFraming::Chunked,
            (Collected::All | Collected::Nothing, ..) => AnswerFraming::AsIs,
        };
        let keep_alive = out_framing != AnswerFraming::UntilClose && self.caller_stays();
        let surplus = self.write_head(&mut pump, out_framing, keep_alive)?;
        self.record.status = Some(status);
        self.record.outcome = Some(Outcome::Answered);
        let delivery = self.deliver(&mut wire, &mut pump, patience).await;
        self.record.response_bytes = pump.carried();
        self.work.get().out = pump.into_buffer();
        match delivery {
            Ok(behind) => {
                let clean = !surplus && behind.is_empty();
                if clean && upstream_stays && self.sent_whole {
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
        Err(self.bad(BadAnswer::Interim))
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
                    let judged = answer.take(head, limits, to_head);
                    answer_early.drain(..end);
                    return judged.map_err(|bad| self.bad(bad));
                }
                Ok(None) if answer_early.len() <= limits.max_size => {
                    if seen == 0 && !answer_early.is_empty() {
                        wire.socket().acknowledge_now();
                    }
                    seen = answer_early.len();
                }
                Ok(_) => return Err(self.bad(BadAnswer::HeadTooLarge)),
                Err(_bare_lf) => return Err(self.bad(BadAnswer::Head)),
            }
            match self.read_more(wire, deadline).await? {
                Arrived::Bytes => {}
                Arrived::Break(Some(refused)) if self.work.get().answer_early.is_empty() => {
                    let error = GatewayError::TlsRefused(refused.to_string());
                    return Err(TryFailed::upstream(error, UpstreamFault::Handshake));
                }
                Arrived::End | Arrived::Break(_) if self.work.get().answer_early.is_empty() => {
                    return Err(TryFailed::upstream(
                        GatewayError::Lost(self.sent()),
                        UpstreamFault::Closed,
                    ));
                }
                Arrived::End | Arrived::Break(_) => return Err(self.bad(BadAnswer::Truncated)),
            }
        }
    }

    /// Reads once from the upstream, behind what is there of the answer.
    async fn read_more(
        &mut self,
        wire: &mut Wire,
        deadline: Instant,
    ) -> Result<Arrived, TryFailed> {
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
                    Poll::Ready(match result {
                        Ok(()) if read.filled().is_empty() => Arrived::End,
                        Ok(()) => Arrived::Bytes,
                        Err(broken) => {
                            Arrived::Break(HandshakeFailure::in_stream(&broken).map(Box::new))
                        }
                    })
                })
            })
            .await;
        match read {
            Ok(arrived) => Ok(arrived),
            Err(Interrupt::Deadline) => Err(TryFailed::upstream(
                GatewayError::TimedOut(self.sent()),
                UpstreamFault::NoAnswer,
            )),
            Err(Interrupt::Abandoned) => Err(TryFailed::upstream(
                GatewayError::SideDown(self.sent()),
                UpstreamFault::NoAnswer,
            )),
            Err(Interrupt::Leaving | Interrupt::Cut) => {
                Err(TryFailed::blameless(GatewayError::Cut(self.sent())))
            }
        }
    }

    fn pump_for(&mut self, framing: Framing) -> (Pump, Encode) {
        let unknown_length = matches!(framing, Framing::Chunked | Framing::UntilClose);
        let encode = match self.work.get().request.version() {
            Version::Http11 if unknown_length => Encode::Chunked,
            Version::Http10 | Version::Http11 => Encode::Raw,
        };
        (Pump::new(framing, encode, u64::MAX, End::Sink), encode)
    }

    /// Collects the body before anything is written, where that is worth it: an answer of unknown
    /// length for a caller of HTTP/1.0, who has to be told a length if his connection is to stay,
    /// and a small one that is not all there yet, so that a side that breaks off becomes a fault
    /// that the caller can read instead of a cut connection.
    async fn collect_answer(
        &mut self,
        wire: &mut Wire,
        pump: &mut Pump,
        patience: Duration,
    ) -> Result<Collected, TryFailed> {
        let Work {
            request,
            answer,
            answer_early,
            collected,
            ..
        } = self.work.get();
        collected.clear();
        let buffered = self.limits.max_buffered_body;
        let worth_it = match answer.framing() {
            Framing::None => false,
            Framing::Length(length) => {
                let all_here = answer_early.len() as u64 >= length;
                !all_here && length <= SMALL_ANSWER.min(buffered) as u64
            }
            Framing::Chunked | Framing::UntilClose => request.version() == Version::Http10,
        };
        if !worth_it {
            return Ok(Collected::Nothing);
        }
        pump.restart_clock();
        wire.socket().acknowledge_now();
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
            let length = collected.len();
            fed.map_err(|_stop| self.bad(BadAnswer::Chunk))?;
            if pump.source_is_done() {
                return Ok(Collected::All);
            }
            if length > buffered {
                return Ok(Collected::TooMuch);
            }
            pump.waits();
            let deadline = pump.deadline(patience, self.limits.min_body_rate);
            match self.read_more(wire, deadline).await? {
                Arrived::Bytes => pump.moved(),
                Arrived::End if pump.is_until_close() => {
                    pump.finish();
                    return Ok(Collected::All);
                }
                // A TLS connection that ends without its farewell may have been cut by anybody on
                // the way, so that breaks even a body which only the end of the connection ends.
                Arrived::End | Arrived::Break(_) => return Err(self.bad(BadAnswer::Truncated)),
            }
        }
    }

    /// Makes what the caller gets first, the head and what is there of the body, and lays it into
    /// the pump. Returns whether bytes lie behind the answer, which nobody asked for.
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
        out.extend_from_slice(collected);
        let mut input = answer_early.as_slice();
        let fed = pump.feed(&mut input, out);
        let surplus = !input.is_empty();
        answer_early.clear();
        pump.preload(std::mem::take(out));
        fed.map_err(|_stop| self.bad(BadAnswer::Chunk))?;
        Ok(surplus)
    }

    /// Writes what is ready and streams the rest. Returns what came behind the answer.
    async fn deliver(
        &mut self,
        wire: &mut Wire,
        pump: &mut Pump,
        patience: Duration,
    ) -> Result<Vec<u8>, Delivery> {
        let rate = self.limits.min_body_rate;
        let mut behind = Vec::new();
        pump.restart_clock();
        if !pump.source_is_done() {
            wire.socket().acknowledge_now();
        }
        loop {
            // Who is waited for may change meanwhile, so one look a pause or a window at least.
            let deadline = pump
                .deadline(patience, rate)
                .min(Instant::now() + patience.min(Limits::BODY_RATE_WINDOW));
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
                Ok(Ok(())) => return Ok(behind),
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
                    return Err(self.cut());
                }
            }
        }
    }

    const fn bad(&self, answer: BadAnswer) -> TryFailed {
        TryFailed::bad_answer(answer, self.sent())
    }

    fn caller_lost(&mut self) -> Delivery {
        self.record.code = Some("GW-499-CALLER-LOST");
        Delivery::CallerLost
    }

    fn cut(&mut self) -> Delivery {
        self.record.code = Some(GatewayError::Cut(Outcome::Answered).code());
        Delivery::Cut
    }

    fn truncated(&mut self, code: &'static str) -> Delivery {
        self.record.code = Some(code);
        Delivery::Truncated
    }
}

/// How much of an answer was collected before it is passed on.
#[derive(Debug, Clone, Copy)]
enum Collected {
    /// It is streamed.
    Nothing,
    All,
    /// More than may be kept; the rest is streamed.
    TooMuch,
}

/// What a read from the upstream gave.
#[derive(Debug)]
enum Arrived {
    Bytes,
    /// The connection ended in order.
    End,
    /// It was reset, or its TLS was cut off; what the far end's TLS had to say, if anything.
    Break(Option<Box<HandshakeFailure>>),
}

/// Nobody needs more interim answers than this; a side that sends them without end is broken.
const INTERIM_AT_MOST: usize = 16;

/// Nearly all SOAP answers are smaller. To wait for so few bytes costs the caller nothing that it
/// would notice, and a busy gateway no memory worth counting.
const SMALL_ANSWER: usize = 64 * 1024;

#[cfg(test)]
#[path = "tests/answer.rs"]
mod tests;
