//! What is taken from the caller before anything is sent, or when nothing is sent at all.

use std::pin::Pin;
use std::task::{Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};

use crate::http::caller::Caller;
use crate::http::copy::{Encode, End, Pump, Stop};
use crate::http::error::GatewayError;
use crate::http::exchange::{BodyState, Exchange};
use crate::http::framing::Framing;
use crate::model::Outcome;
use crate::net::Interrupt;

impl Exchange<'_> {
    /// Collects a chunked body, so that it can be sent with its length.
    pub async fn collect_chunked_body(&mut self) -> Result<(), GatewayError> {
        if self.work.get().request.framing() != Framing::Chunked
            || self.body != BodyState::Untouched
        {
            return Ok(());
        }
        if self.work.get().early.is_empty() {
            self.say_continue(Outcome::NotSent).await?;
        }
        // From here on the bytes of the caller are taken apart: after a failure nobody can tell
        // where the next request begins.
        self.body = BodyState::Started;
        // To be collected gives no body the right to be larger than others.
        let buffered = self.limits.max_buffered_body as u64;
        let limit = buffered.min(self.limits.max_body_size);
        let mut pump = Pump::new(Framing::Chunked, Encode::Raw, limit, End::Source);
        let work = self.work.get();
        work.collected.clear();
        let mut input = work.early.as_slice();
        let fed = pump.feed(&mut input, &mut work.collected);
        let used = work.early.len().saturating_sub(input.len());
        work.early.drain(..used);
        fed.map_err(|stop| body_error(&stop, Outcome::NotSent))?;
        if !pump.source_is_done() {
            self.caller.wire.socket().acknowledge_now();
        }
        while !pump.source_is_done() {
            self.collect_more(&mut pump).await?;
        }
        self.caller.backlog.append(&mut self.work.get().early);
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
                    pump.moved();
                    work.early.extend_from_slice(bytes);
                    Poll::Ready(fed)
                })
            })
            .await;
        match step {
            Ok(fed) => fed.map_err(|stop| body_error(&stop, Outcome::NotSent)),
            Err(Interrupt::Deadline) => Err(GatewayError::BodyTooSlow(Outcome::NotSent)),
            Err(Interrupt::Leaving | Interrupt::Cut | Interrupt::Abandoned) => {
                Err(GatewayError::Cut(Outcome::NotSent))
            }
        }
    }

    /// Tells a caller that waits for it to send the body.
    pub(super) async fn say_continue(&mut self, outcome: Outcome) -> Result<(), GatewayError> {
        let request = &self.work.get().request;
        let waits = request.expects_continue()
            && !matches!(request.framing(), Framing::None | Framing::Length(0));
        if !waits {
            return Ok(());
        }
        let said = self.caller.write(CONTINUE, &self.limits).await;
        said.map_err(|_lost| GatewayError::BodyBrokeOff(outcome))
    }

    /// If all of the body came with the head, takes it off, so that the connection may stay.
    pub(super) fn settle_body(&mut self) -> bool {
        match self.body {
            BodyState::Finished | BodyState::Collected => true,
            BodyState::Started => false,
            BodyState::Untouched => {
                let limit = self.limits.max_body_size;
                let work = self.work.get();
                let framing = work.request.framing();
                let mut pump = Pump::new(framing, Encode::Raw, limit, End::Source);
                let mut input = work.early.as_slice();
                work.out.clear();
                let taken = pump.feed(&mut input, &mut work.out).is_ok();
                if taken && pump.source_is_done() {
                    self.caller.backlog.extend_from_slice(input);
                    self.body = BodyState::Finished;
                    true
                } else {
                    self.body = BodyState::Started;
                    false
                }
            }
        }
    }
}

/// What an expecting caller waits for.
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// What the caller is told when its body cannot be carried to its end.
pub(super) const fn body_error(stop: &Stop, outcome: Outcome) -> GatewayError {
    match stop {
        Stop::TooLarge => GatewayError::BodyTooLarge(outcome),
        Stop::BadChunk => GatewayError::BadChunk(outcome),
        Stop::SourceEnded | Stop::SourceBroken => GatewayError::BodyBrokeOff(outcome),
        Stop::SinkBroken => GatewayError::Lost(outcome),
    }
}
