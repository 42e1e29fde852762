//! The way back: an answer from its first byte to the caller's last.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::config::settings::Limits;
use crate::http::answer_head::{Arrived, SMALL_ANSWER};
use crate::http::attempt::{Delivery, TryFailed};
use crate::http::caller::Caller;
use crate::http::context::Work;
use crate::http::copy::{Encode, End, Pump, Stop};
use crate::http::error::GatewayError;
use crate::http::exchange::Exchange;
use crate::http::framing::Framing;
use crate::http::head::Version;
use crate::http::refusal::BadAnswer;
use crate::http::response::AnswerFraming;
use crate::http::upstream::Upstream;
use crate::model::Outcome;
use crate::net::{Interrupt, Phase};
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

#[cfg(test)]
#[path = "tests/answer.rs"]
mod tests;
