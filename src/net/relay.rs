//! Bytes both ways between two connections: nothing is changed, nothing is looked at.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use crate::net::roster::Phase;
use crate::net::scratch::Scratch;
use crate::net::socket::Socket;
use crate::net::wait::{Interrupt, Waiter};

/// One end of a relayed connection: a socket, or TLS on one.
pub trait RelayEndpoint: AsyncRead + AsyncWrite + Unpin {
    /// Makes the close that follows a reset: what went through is not complete.
    fn reset_on_close(&self);
}

impl RelayEndpoint for Socket {
    fn reset_on_close(&self) {
        Self::reset_on_close(self);
    }
}

/// How a relayed connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelayEnd {
    /// Both ends closed in order.
    Closed,
    /// The one who dialled us broke off.
    CallerLost,
    /// The one whom we dialled broke off.
    TargetLost,
    /// No byte in either direction for the idle limit.
    Idle,
    /// A drain ended it between two exchanges.
    Drained,
    /// A drain ended it at its deadline.
    Cut,
}

impl RelayEnd {
    /// Whether it came before the two ends had done. Where both close in order the caller's last
    /// word is mostly a farewell, and no question.
    const fn is_early(self) -> bool {
        match self {
            Self::CallerLost | Self::TargetLost | Self::Idle | Self::Cut => true,
            Self::Closed | Self::Drained => false,
        }
    }

    /// The stable code for logs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::CallerLost => "caller-lost",
            Self::TargetLost => "target-lost",
            Self::Idle => "idle",
            Self::Drained => "drained",
            Self::Cut => "cut",
        }
    }
}

/// What went through a relayed connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RelayReport {
    /// Bytes from the caller to the target.
    pub to_target: u64,
    /// Bytes from the target to the caller.
    pub to_caller: u64,
    /// How it ended.
    pub end: RelayEnd,
    /// It broke off while the target owed the caller an answer.
    pub unanswered: bool,
}

/// What may be inside of the bytes, as far as it matters for when nothing is in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inside {
    /// Anything, TLS between the two ends included.
    Anything,
    /// What was in the TLS that ended here: no other handshake.
    Talk,
}

/// Relays until both ends have closed, one breaks off, or nothing moves for `idle`.
///
/// An end that closes its sending direction only (half-close) still receives all that the other
/// one sends. When one end is reset the other is reset too, so that neither takes a broken
/// transfer for a complete one. A drain waits for silence after an answer. A connection whose side
/// was declared down is reset if it waits for an answer.
pub async fn relay(
    caller: &mut impl RelayEndpoint,
    target: &mut impl RelayEndpoint,
    waiter: &mut Waiter,
    scratch: &Scratch,
    (inside, idle): (Inside, Duration),
) -> RelayReport {
    let mut out = Pipe::default();
    let mut back = Pipe::default();
    let mut last_progress = Instant::now();
    let mut talk = Talk::default();
    let end = loop {
        let leaving = waiter.seat().leaves_when_idle();
        let may_leave = !leaving;
        let limit = if leaving {
            talk.quiet(inside).map_or(idle, |quiet| quiet.min(idle))
        } else {
            idle
        };
        let before = (out.moved, back.moved);
        let step = waiter
            .until(last_progress + limit, may_leave, |cx| {
                // First what comes back: so it cannot be the answer to what goes out now.
                let here = back.poll(cx, target, caller, scratch);
                let there = out.poll(cx, caller, target, scratch);
                match (there, here) {
                    (Poll::Ready(Err(broken)), _) => Poll::Ready(Some(broken.end(true))),
                    (_, Poll::Ready(Err(broken))) => Poll::Ready(Some(broken.end(false))),
                    (Poll::Ready(Ok(())), Poll::Ready(Ok(()))) => {
                        Poll::Ready(Some(RelayEnd::Closed))
                    }
                    _ if (out.moved, back.moved) != before => Poll::Ready(None),
                    _ => Poll::Pending,
                }
            })
            .await;
        if step.is_ok() {
            talk.moved(out.moved != before.0, back.moved != before.1);
        }
        match step {
            Ok(Some(end)) => break end,
            Ok(None) => {
                last_progress = Instant::now();
                if let Some(side) = waiter.seat().relays_to() {
                    waiter.seat().set_phase(if talk.is_owed {
                        Phase::Waiting(side, last_progress)
                    } else {
                        Phase::Relaying(Some(side))
                    });
                }
            }
            Err(Interrupt::Leaving) => {}
            Err(Interrupt::Deadline) if leaving => break RelayEnd::Drained,
            Err(Interrupt::Deadline) => break RelayEnd::Idle,
            Err(Interrupt::Abandoned) => break RelayEnd::TargetLost,
            Err(Interrupt::Cut) => break RelayEnd::Cut,
        }
    };
    if matches!(
        end,
        RelayEnd::CallerLost | RelayEnd::TargetLost | RelayEnd::Cut
    ) {
        caller.reset_on_close();
        target.reset_on_close();
    }
    RelayReport {
        to_target: out.moved,
        to_caller: back.moved,
        end,
        unanswered: talk.is_owed && end.is_early(),
    }
}

/// Who spoke when: all that bytes which are not understood tell about what is in flight.
#[derive(Debug, Default)]
struct Talk {
    /// The caller spoke last.
    is_owed: bool,
    /// How often the target spoke after the caller.
    answers: u32,
}

impl Talk {
    /// Bytes went through. What came back in the same step came before what went out.
    const fn moved(&mut self, out: bool, back: bool) {
        if back && self.is_owed {
            self.is_owed = false;
            self.answers = self.answers.saturating_add(1);
        }
        if out {
            self.is_owed = true;
        }
    }

    /// How long a silence means that nothing is in flight; `None` while an answer is owed. Only a
    /// connection that has to leave asks.
    const fn quiet(&self, inside: Inside) -> Option<Duration> {
        match (self, inside) {
            (Self { is_owed: true, .. }, _) => None,
            (Self { answers, .. }, Inside::Anything)
                if 1 <= *answers && *answers <= HANDSHAKE_ANSWERS =>
            {
                Some(QUIET_AT_FIRST)
            }
            (Self { .. }, _) => Some(QUIET),
        }
    }
}

/// After an answer, so long a silence means that the exchange is over.
const QUIET: Duration = Duration::from_millis(500);

/// The same where the answer may have been the end of a TLS handshake: in TLS 1.3 the session
/// tickets come when the first request is on its way already. Longer than nearly all SOAP answers
/// take, and a small part of the time that a stop may take.
const QUIET_AT_FIRST: Duration = Duration::from_secs(3);

/// A TLS handshake is at most two answers, and a third one where the key exchange is retried.
const HANDSHAKE_ANSWERS: u32 = 3;

/// Which end of a pipe broke.
#[derive(Debug, Clone, Copy)]
enum Broken {
    Source,
    Sink,
}

impl Broken {
    const fn end(self, towards_target: bool) -> RelayEnd {
        match (self, towards_target) {
            (Self::Source, true) | (Self::Sink, false) => RelayEnd::CallerLost,
            (Self::Source, false) | (Self::Sink, true) => RelayEnd::TargetLost,
        }
    }
}

/// One direction.
#[derive(Debug, Default)]
struct Pipe {
    /// What was read and could not be written at once.
    pending: Vec<u8>,
    taken: usize,
    /// The sink has taken bytes that it may not have sent on: TLS makes a record of them first.
    unflushed: bool,
    ended: bool,
    shut: bool,
    moved: u64,
}

impl Pipe {
    /// Moves what can be moved. Ready when the source has ended and the sink knows it.
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        source: &mut impl RelayEndpoint,
        sink: &mut impl RelayEndpoint,
        scratch: &Scratch,
    ) -> Poll<Result<(), Broken>> {
        for _turn in 0..TURNS {
            ready!(self.poll_pending(cx, sink))?;
            if self.ended {
                if !self.shut {
                    // A sink that is gone already needs no goodbye.
                    let _gone = ready!(Pin::new(&mut *sink).poll_shutdown(cx));
                    self.shut = true;
                }
                return Poll::Ready(Ok(()));
            }
            ready!(scratch.with(|buffer| self.poll_through(cx, source, sink, buffer)))?;
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn poll_pending(
        &mut self,
        cx: &mut Context<'_>,
        sink: &mut impl RelayEndpoint,
    ) -> Poll<Result<(), Broken>> {
        while let Some(rest) = self
            .pending
            .get(self.taken..)
            .filter(|rest| !rest.is_empty())
        {
            let count = ready!(poll_write(cx, sink, rest))?;
            self.unflushed = true;
            self.taken = self.taken.saturating_add(count);
            self.moved = self.moved.saturating_add(count as u64);
        }
        self.pending = Vec::new();
        self.taken = 0;
        Poll::Ready(Ok(()))
    }

    /// Reads once and writes what was read; the rest is kept.
    fn poll_through(
        &mut self,
        cx: &mut Context<'_>,
        source: &mut impl RelayEndpoint,
        sink: &mut impl RelayEndpoint,
        buffer: &mut [u8],
    ) -> Poll<Result<(), Broken>> {
        let mut read = ReadBuf::new(buffer);
        match Pin::new(source).poll_read(cx, &mut read) {
            Poll::Ready(read) => read.map_err(|_broken| Broken::Source)?,
            Poll::Pending => {
                // Nothing follows at once, so what is there has to go now.
                ready!(self.poll_flush(cx, sink))?;
                return Poll::Pending;
            }
        }
        let bytes = read.filled();
        if bytes.is_empty() {
            self.ended = true;
            return Poll::Ready(Ok(()));
        }
        let count = match poll_write(cx, sink, bytes) {
            Poll::Ready(count) => count?,
            Poll::Pending => 0,
        };
        self.unflushed |= count > 0;
        self.moved = self.moved.saturating_add(count as u64);
        self.pending
            .extend_from_slice(bytes.get(count..).unwrap_or_default());
        Poll::Ready(Ok(()))
    }

    fn poll_flush(
        &mut self,
        cx: &mut Context<'_>,
        sink: &mut impl RelayEndpoint,
    ) -> Poll<Result<(), Broken>> {
        if self.unflushed {
            ready!(Pin::new(sink).poll_flush(cx)).map_err(|_broken| Broken::Sink)?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }
}

/// Reads of one direction before the other one and other connections get their turn.
const TURNS: usize = 8;

fn poll_write(
    cx: &mut Context<'_>,
    sink: &mut impl RelayEndpoint,
    bytes: &[u8],
) -> Poll<Result<usize, Broken>> {
    match ready!(Pin::new(sink).poll_write(cx, bytes)) {
        Ok(0) => Poll::Ready(Err(Broken::Sink)),
        Ok(count) => Poll::Ready(Ok(count)),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Poll::Ready(Ok(0)),
        Err(_broken) => Poll::Ready(Err(Broken::Sink)),
    }
}

#[cfg(test)]
#[path = "tests/relay.rs"]
mod tests;
