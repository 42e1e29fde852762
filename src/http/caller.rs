//! [`Caller`]: an accepted connection, and the heads that arrive on it.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use crate::http::context::{Borrowed, Context};
use crate::http::head::{BareLf, find_end};
use crate::http::refusal::Refusal;
use crate::model::{Generation, Principal};
use crate::net::{Interrupt, Phase, Waiter};
use crate::telemetry::TlsLeg;
use crate::tls::Wire;

/// What is known of a caller before its first request.
#[derive(Debug, Clone)]
pub struct CallerFacts {
    /// Our end.
    pub listener: SocketAddr,
    /// Who the caller proved to be.
    pub principal: Option<Arc<Principal>>,
    /// How the caller's leg is secured.
    pub tls: Option<TlsLeg<'static>>,
    /// The generation that accepted it.
    pub generation: Generation,
}

/// An accepted connection.
#[derive(Debug)]
pub struct Caller {
    pub(super) wire: Wire,
    pub(super) waiter: Waiter,
    pub(super) facts: CallerFacts,
    /// Bytes that were read and belong to the next request.
    pub(super) backlog: Vec<u8>,
    /// Requests so far.
    pub(super) requests: u32,
}

/// Why no further request comes.
#[derive(Debug)]
pub(super) enum Goodbye {
    /// The caller closed, was idle too long, or was asked to leave: nothing to say.
    Silent,
    /// It broke off or was cut: nothing can be said.
    Broken,
    /// It has to be told. The work holds what was understood, for the log.
    Refused(Refusal, Box<Borrowed>),
    /// The head did not arrive in time.
    HeaderTimeout(Box<Borrowed>),
}

/// What a look at the bytes gave.
enum Look {
    /// A whole head, and how many bytes it took.
    Head(Borrowed, usize),
    /// More has to come.
    Incomplete,
    Refused(Refusal, Borrowed),
}

impl Caller {
    /// A connection after its handshake.
    pub fn new(wire: Wire, waiter: Waiter, facts: CallerFacts) -> Self {
        Self {
            wire,
            waiter,
            facts,
            backlog: Vec::new(),
            requests: 0,
        }
    }

    /// The next request's head; what was read behind it is in the work.
    pub(super) async fn next_head(&mut self, context: &Rc<Context>) -> Result<Borrowed, Goodbye> {
        let limits = context.limits();
        let begun = Instant::now();
        let mut seen = 0;
        if !self.backlog.is_empty() {
            // A pipelined request, or a part of one.
            let backlog = std::mem::take(&mut self.backlog);
            match look(&backlog, &mut seen, context) {
                Look::Head(work, length) => return Ok(with_rest(work, &backlog, length)),
                Look::Refused(refusal, work) => {
                    return Err(Goodbye::Refused(refusal, Box::new(work)));
                }
                Look::Incomplete => self.backlog = backlog,
            }
        }
        let mut deadline = begun + limits.idle_timeout;
        let mut fresh = self.backlog.is_empty();
        self.waiter
            .seat()
            .set_phase(if fresh { Phase::Idle } else { Phase::Busy });
        if !fresh {
            deadline = begun + limits.header_timeout;
        }
        loop {
            let Self {
                wire,
                backlog,
                waiter,
                ..
            } = self;
            let look = waiter
                .until(deadline, fresh, |cx| {
                    context.scratch.with(|buffer| {
                        let mut read = ReadBuf::new(buffer);
                        ready!(Pin::new(&mut *wire).poll_read(cx, &mut read))?;
                        Poll::Ready(look_at(read.filled(), backlog, &mut seen, context))
                    })
                })
                .await;
            match look {
                Ok(Ok(Some(Look::Head(work, _taken)))) => {
                    self.waiter.seat().set_phase(Phase::Busy);
                    return Ok(work);
                }
                Ok(Ok(Some(Look::Refused(refusal, work)))) => {
                    return Err(Goodbye::Refused(refusal, Box::new(work)));
                }
                Ok(Ok(Some(Look::Incomplete))) => {
                    if fresh {
                        fresh = false;
                        deadline = Instant::now() + limits.header_timeout;
                        self.waiter.seat().set_phase(Phase::Busy);
                    }
                }
                // The end: in order between two requests, else the caller broke off.
                Ok(Ok(None)) if fresh => return Err(Goodbye::Silent),
                Ok(Ok(None) | Err(_)) => return Err(Goodbye::Broken),
                Err(Interrupt::Deadline) if !fresh => {
                    return Err(Goodbye::HeaderTimeout(Box::new(context.borrow_work())));
                }
                Err(Interrupt::Deadline | Interrupt::Leaving) => return Err(Goodbye::Silent),
                Err(Interrupt::Cut | Interrupt::Abandoned) => return Err(Goodbye::Broken),
            }
        }
    }

    /// Writes all of `bytes`; at least `rate` bytes a second have to be taken.
    pub(super) async fn write(
        &mut self,
        bytes: &[u8],
        rate: u64,
        window: Duration,
    ) -> Result<(), WriteEnd> {
        let started = Instant::now();
        let mut progress = started;
        let mut taken = 0_usize;
        let Self { wire, waiter, .. } = self;
        loop {
            let earned = Duration::from_secs(
                (taken as u64)
                    .checked_div(rate)
                    .unwrap_or(u64::from(u16::MAX)),
            );
            let deadline = (started + window + earned).min(progress + window);
            let before = taken;
            let step = waiter
                .until(deadline, false, |cx| {
                    while let Some(rest) = bytes.get(taken..).filter(|rest| !rest.is_empty()) {
                        match Pin::new(&mut *wire).poll_write(cx, rest) {
                            Poll::Ready(Ok(0)) => return Poll::Ready(Err(WriteEnd::Broken)),
                            Poll::Ready(Ok(count)) => taken = taken.saturating_add(count),
                            Poll::Ready(Err(_broken)) => return Poll::Ready(Err(WriteEnd::Broken)),
                            Poll::Pending if taken == before => return Poll::Pending,
                            Poll::Pending => return Poll::Ready(Ok(false)),
                        }
                    }
                    Pin::new(&mut *wire)
                        .poll_flush(cx)
                        .map(|flushed| flushed.map(|()| true).map_err(|_| WriteEnd::Broken))
                })
                .await;
            match step {
                Ok(Ok(true)) => return Ok(()),
                Ok(Ok(false)) => progress = Instant::now(),
                Ok(Err(end)) => return Err(end),
                Err(Interrupt::Deadline) => return Err(WriteEnd::TooSlow),
                Err(Interrupt::Leaving | Interrupt::Cut | Interrupt::Abandoned) => {
                    return Err(WriteEnd::Broken);
                }
            }
        }
    }

    /// Says goodbye so that the caller gets the last answer whole: closes our direction, then
    /// takes in, for a moment, what the caller still sends. A plain close with unread bytes in
    /// the socket would reset the connection and destroy the answer on its way.
    pub(super) async fn linger(&mut self, context: &Context) {
        let deadline = Instant::now() + LINGER;
        let mut budget = LINGER_BYTES;
        let Self { wire, waiter, .. } = self;
        let mut shut = false;
        let _whatever_ends_it = waiter
            .until(deadline, false, |cx| {
                if !shut {
                    if ready!(Pin::new(&mut *wire).poll_shutdown(cx)).is_err() {
                        return Poll::Ready(());
                    }
                    shut = true;
                }
                loop {
                    let count = context.scratch.with(|buffer| {
                        let mut read = ReadBuf::new(buffer);
                        let result = ready!(Pin::new(&mut *wire).poll_read(cx, &mut read));
                        Poll::Ready(result.map(|()| read.filled().len()))
                    });
                    match ready!(count) {
                        Ok(0) | Err(_) => return Poll::Ready(()),
                        Ok(count) if count > budget => return Poll::Ready(()),
                        Ok(count) => budget = budget.saturating_sub(count),
                    }
                }
            })
            .await;
    }

    /// Closes in order; the caller has nothing in flight.
    pub(super) async fn close(&mut self) {
        let deadline = Instant::now() + LINGER;
        let Self { wire, waiter, .. } = self;
        let _whatever_ends_it = waiter
            .until(deadline, false, |cx| Pin::new(&mut *wire).poll_shutdown(cx))
            .await;
    }
}

/// How a write to the caller ended early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WriteEnd {
    Broken,
    TooSlow,
}

/// Long enough for an answer to cross any network that agents sit on.
const LINGER: Duration = Duration::from_secs(2);

/// What a caller may still send after it was told no.
const LINGER_BYTES: usize = 1024 * 1024;

/// Looks at what was read, behind what is kept from before. `None` is the end of the stream.
fn look_at(
    read: &[u8],
    backlog: &mut Vec<u8>,
    seen: &mut usize,
    context: &Rc<Context>,
) -> io::Result<Option<Look>> {
    if read.is_empty() {
        return Ok(None);
    }
    if backlog.is_empty() {
        // The usual case: all of the head in one read, looked at where it lies.
        return Ok(Some(match look(read, seen, context) {
            Look::Head(work, length) => Look::Head(with_rest(work, read, length), length),
            Look::Incomplete => {
                backlog.extend_from_slice(read);
                Look::Incomplete
            }
            refused @ Look::Refused(..) => refused,
        }));
    }
    backlog.extend_from_slice(read);
    Ok(Some(match look(backlog, seen, context) {
        Look::Head(work, length) => {
            let bytes = std::mem::take(backlog);
            Look::Head(with_rest(work, &bytes, length), length)
        }
        other => other,
    }))
}

fn with_rest(mut work: Borrowed, bytes: &[u8], length: usize) -> Borrowed {
    work.get()
        .early
        .extend_from_slice(bytes.get(length..).unwrap_or_default());
    work
}

/// Looks for a whole head at the start of `bytes`; `seen` bytes were looked at before.
fn look(bytes: &[u8], seen: &mut usize, context: &Rc<Context>) -> Look {
    let limits = context.limits().head();
    // One empty line before a request is forgiven, as the standard asks for old clients' sake.
    let skip = if bytes.starts_with(b"\r\n") { 2 } else { 0 };
    let head = bytes.get(skip..).unwrap_or_default();
    if let Some(first) = head.first()
        && !first.is_ascii_alphabetic()
        && !(skip == 0 && *first == b'\r' && head.len() == 1)
    {
        // Most likely TLS on a plain listener; there is no use in waiting for a line end.
        return Look::Refused(Refusal::RequestLine, context.borrow_work());
    }
    let from = seen.saturating_sub(skip);
    let end = match find_end(head, from) {
        Ok(Some(length)) => length,
        Ok(None) if head.len() > limits.max_size => {
            return Look::Refused(Refusal::HeadTooLarge, context.borrow_work());
        }
        Ok(None) => {
            *seen = bytes.len();
            return Look::Incomplete;
        }
        Err(BareLf) => return Look::Refused(Refusal::LineEnd, context.borrow_work()),
    };
    let mut work = context.borrow_work();
    if end > limits.max_size {
        return Look::Refused(Refusal::HeadTooLarge, work);
    }
    match work
        .get()
        .request
        .take(head.get(..end).unwrap_or_default(), limits)
    {
        Ok(()) => Look::Head(work, end.saturating_add(skip)),
        Err(refusal) => Look::Refused(refusal, work),
    }
}
