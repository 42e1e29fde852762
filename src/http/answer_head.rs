//! What an upstream says first: heads until a final one, also while its request is being sent.

use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::Instant;

use crate::http::attempt::{TryFailed, UpstreamFault};
use crate::http::context::Work;
use crate::http::error::GatewayError;
use crate::http::exchange::Exchange;
use crate::http::framing::{BadChunk, Chunk, ChunkDecoder, Framing};
use crate::http::head::HeadLimits;
use crate::http::lines::find_end;
use crate::http::refusal::BadAnswer;
use crate::net::Interrupt;
use crate::tls::{HandshakeFailure, Wire};

impl Exchange<'_> {
    /// Reads heads until a final one; interim answers are ours to ask for, so they end here.
    pub(super) async fn read_head(
        &mut self,
        wire: &mut Wire,
        patience: Duration,
    ) -> Result<(), TryFailed> {
        let deadline = Instant::now() + patience;
        loop {
            self.read_one_head(wire, deadline).await?;
            if !self.work.get().answer.is_interim() {
                return Ok(());
            }
            self.count_interim()?;
        }
    }

    async fn read_one_head(&mut self, wire: &mut Wire, deadline: Instant) -> Result<(), TryFailed> {
        let limits = self.limits.head();
        let mut seen = 0;
        loop {
            let Work {
                request,
                answer,
                answer_early,
                ..
            } = self.work.get();
            match head_end(answer_early, seen, limits) {
                Ok(Some(end)) => {
                    let head = answer_early.get(..end).unwrap_or_default();
                    let judged = answer.take(head, limits, request.is_head());
                    answer_early.drain(..end);
                    return judged.map_err(|bad| self.bad(bad));
                }
                Ok(None) => {
                    if seen == 0 && !answer_early.is_empty() {
                        wire.socket().acknowledge_now();
                    }
                    seen = answer_early.len();
                }
                Err(bad) => return Err(self.bad(bad)),
            }
            match self.read_more(wire, deadline).await? {
                Arrived::Bytes => {}
                Arrived::End => return Err(self.broke_off(None)),
                Arrived::Break(refused) => return Err(self.broke_off(refused)),
            }
        }
    }

    /// Takes in what an upstream says while its request is being sent. Whether there is nothing to
    /// wait for: the answer is whole, or sending on cannot make it so.
    pub(super) fn hear(&mut self, arrived: Arrived) -> Result<bool, TryFailed> {
        match arrived {
            Arrived::Bytes => self.is_answered(),
            // The end may be that of an answer without a length.
            Arrived::End if !self.work.get().answer_early.is_empty() => Ok(true),
            Arrived::End => Err(self.broke_off(None)),
            Arrived::Break(refused) => Err(self.broke_off(refused)),
        }
    }

    /// Takes off interim answers, and looks whether the final one is whole before its request is.
    ///
    /// An upstream may begin its answer and wait for the rest of the request before it goes on, so
    /// half an answer does not stop the request. One that is too large to be kept until then does,
    /// and so does a malformed one: who reads the answer will say what is wrong with it.
    pub(super) fn is_answered(&mut self) -> Result<bool, TryFailed> {
        let limits = self.limits.head();
        let kept = SMALL_ANSWER.min(self.limits.max_buffered_body);
        loop {
            let Work {
                request,
                answer,
                answer_early,
                ..
            } = self.work.get();
            let end = match head_end(answer_early, 0, limits) {
                Ok(Some(end)) => end,
                Ok(None) => return Ok(false),
                Err(_malformed) => return Ok(true),
            };
            let (head, body) = answer_early.split_at_checked(end).unwrap_or_default();
            if answer.take(head, limits, request.is_head()).is_err() {
                return Ok(true);
            }
            if !answer.is_interim() {
                return Ok(body.len() > kept || is_whole(answer.framing(), body));
            }
            answer_early.drain(..end);
            self.count_interim()?;
        }
    }

    fn count_interim(&mut self) -> Result<(), TryFailed> {
        self.interim = self.interim.saturating_add(1);
        if self.interim < INTERIM_AT_MOST {
            Ok(())
        } else {
            Err(self.bad(BadAnswer::Interim))
        }
    }

    /// Reads once from the upstream, behind what is there of the answer.
    pub(super) async fn read_more(
        &mut self,
        wire: &mut Wire,
        deadline: Instant,
    ) -> Result<Arrived, TryFailed> {
        self.arrival(wire, deadline)
            .await
            .map_err(|interrupt| match interrupt {
                Interrupt::Deadline => TryFailed::upstream(
                    GatewayError::TimedOut(self.sent()),
                    UpstreamFault::NoAnswer,
                ),
                Interrupt::Abandoned => TryFailed::upstream(
                    GatewayError::SideDown(self.sent()),
                    UpstreamFault::NoAnswer,
                ),
                Interrupt::Leaving | Interrupt::Cut => {
                    TryFailed::blameless(GatewayError::Cut(self.sent()))
                }
            })
    }

    /// The same without a judgement of what keeps it from coming.
    pub(super) async fn arrival(
        &mut self,
        wire: &mut Wire,
        deadline: Instant,
    ) -> Result<Arrived, Interrupt> {
        let Self {
            caller,
            work,
            context,
            ..
        } = self;
        let early = &mut work.get().answer_early;
        caller
            .waiter
            .until(deadline, false, |cx| {
                context
                    .scratch
                    .with(|buffer| poll_arrival(cx, wire, buffer, early))
            })
            .await
    }

    /// What it comes to that the upstream ended the connection before a whole head.
    pub(super) fn broke_off(&mut self, refused: Option<Box<HandshakeFailure>>) -> TryFailed {
        if !self.work.get().answer_early.is_empty() {
            return self.bad(BadAnswer::Truncated);
        }
        let outcome = self.sent();
        match refused {
            Some(refused) => {
                let error = GatewayError::TlsRefused(refused.to_string(), outcome);
                TryFailed::upstream(error, UpstreamFault::Handshake)
            }
            None => TryFailed::upstream(GatewayError::Lost(outcome), UpstreamFault::Closed),
        }
    }

    pub(super) const fn bad(&self, answer: BadAnswer) -> TryFailed {
        TryFailed::bad_answer(answer, self.sent())
    }
}

/// What a read from the upstream gave.
#[derive(Debug)]
pub(super) enum Arrived {
    Bytes,
    /// The connection ended in order.
    End,
    /// It was reset, or its TLS was cut off; what the far end's TLS had to say, if anything.
    Break(Option<Box<HandshakeFailure>>),
}

/// Reads once, behind what is there.
pub(super) fn poll_arrival(
    cx: &mut TaskContext<'_>,
    wire: &mut Wire,
    buffer: &mut [u8],
    early: &mut Vec<u8>,
) -> Poll<Arrived> {
    let mut read = ReadBuf::new(buffer);
    let result = ready!(Pin::new(wire).poll_read(cx, &mut read));
    early.extend_from_slice(read.filled());
    Poll::Ready(match result {
        Ok(()) if read.filled().is_empty() => Arrived::End,
        Ok(()) => Arrived::Bytes,
        Err(broken) => Arrived::Break(HandshakeFailure::in_stream(&broken).map(Box::new)),
    })
}

/// Where the first head ends, once all of it is there.
pub(super) fn head_end(
    early: &[u8],
    seen: usize,
    limits: HeadLimits,
) -> Result<Option<usize>, BadAnswer> {
    match find_end(early, seen) {
        Ok(Some(end)) if end <= limits.max_size => Ok(Some(end)),
        Ok(None) if early.len() <= limits.max_size => Ok(None),
        Ok(_) => Err(BadAnswer::HeadTooLarge),
        Err(_bare_lf) => Err(BadAnswer::Head),
    }
}

/// Whether all of a body is there. Its end may also be that it is malformed.
fn is_whole(framing: Framing, mut body: &[u8]) -> bool {
    match framing {
        Framing::None => true,
        Framing::Length(length) => body.len() as u64 >= length,
        Framing::UntilClose => false,
        Framing::Chunked => {
            let mut decoder = ChunkDecoder::new();
            loop {
                match decoder.next(&mut body) {
                    Ok(Chunk::Data(_)) => {}
                    Ok(Chunk::More) => return false,
                    Ok(Chunk::End) | Err(BadChunk) => return true,
                }
            }
        }
    }
}

/// Nobody needs more interim answers than this; a side that sends them without end is broken.
const INTERIM_AT_MOST: usize = 16;

/// Nearly all SOAP answers are smaller. To wait for so few bytes costs the caller nothing that it
/// would notice, and a busy gateway no memory worth counting.
pub(super) const SMALL_ANSWER: usize = 64 * 1024;
