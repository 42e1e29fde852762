//! [`Caller`]: an accepted connection, how it is written to, and how it ends.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use crate::config::settings::Limits;
use crate::http::context::Context;
use crate::model::{Denial, Generation, Principal};
use crate::net::{Interrupt, Waiter};
use crate::telemetry::TlsLeg;
use crate::tls::Wire;

/// What is known of a caller before its first request.
#[derive(Debug, Clone)]
pub struct CallerFacts {
    /// Our end.
    pub listener: SocketAddr,
    /// Who the caller proved to be.
    pub principal: Option<Arc<Principal>>,
    /// Why the rules of the listener do not admit the caller, if they do not.
    pub denial: Option<Denial>,
    /// How the caller's leg is secured.
    pub tls: Option<TlsLeg<'static>>,
    /// The generation that accepted it, then the one that each request is served under.
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

impl Caller {
    /// A connection after its handshake.
    pub const fn new(wire: Wire, waiter: Waiter, facts: CallerFacts) -> Self {
        Self {
            wire,
            waiter,
            facts,
            backlog: Vec::new(),
            requests: 0,
        }
    }

    /// Writes all of `bytes`, which the caller has to take at `MinBodyRate` at least.
    pub(super) async fn write(&mut self, bytes: &[u8], limits: &Limits) -> Result<(), CallerGone> {
        let started = Instant::now();
        let mut progress = started;
        let mut taken = 0_usize;
        let Self { wire, waiter, .. } = self;
        loop {
            let deadline = match (taken as u64).checked_div(limits.min_body_rate) {
                None => progress + limits.idle_timeout,
                Some(earned) => {
                    let in_all = started + Duration::from_secs(earned);
                    in_all.min(progress) + Limits::BODY_RATE_WINDOW
                }
            };
            let before = taken;
            let step = waiter
                .until(deadline, false, |cx| {
                    while let Some(rest) = bytes.get(taken..).filter(|rest| !rest.is_empty()) {
                        match Pin::new(&mut *wire).poll_write(cx, rest) {
                            Poll::Ready(Ok(count @ 1..)) => taken = taken.saturating_add(count),
                            Poll::Ready(Ok(_) | Err(_)) => return Poll::Ready(Err(CallerGone)),
                            Poll::Pending if taken == before => return Poll::Pending,
                            Poll::Pending => return Poll::Ready(Ok(Written::Some)),
                        }
                    }
                    let flushed = ready!(Pin::new(&mut *wire).poll_flush(cx));
                    Poll::Ready(flushed.map_or(Err(CallerGone), |()| Ok(Written::All)))
                })
                .await;
            match step {
                Ok(Ok(Written::All)) => return Ok(()),
                Ok(Ok(Written::Some)) => progress = Instant::now(),
                Ok(Err(gone)) => return Err(gone),
                Err(
                    Interrupt::Deadline
                    | Interrupt::Leaving
                    | Interrupt::Cut
                    | Interrupt::Abandoned,
                ) => return Err(CallerGone),
            }
        }
    }

    /// Says goodbye so that the caller gets the last answer whole: closes our direction, then
    /// takes in, for a while, what the caller still sends. A plain close with unread bytes in the
    /// socket would reset the connection and destroy the answer on its way.
    pub(super) async fn linger(&mut self, context: &Context) {
        let end = Instant::now() + LINGER_IN_ALL;
        let mut budget = LINGER_BYTES;
        let mut shut = false;
        let Self { wire, waiter, .. } = self;
        loop {
            let deadline = end.min(Instant::now() + LINGER_QUIET);
            let read = waiter
                .until(deadline, false, |cx| {
                    if !shut {
                        if ready!(Pin::new(&mut *wire).poll_shutdown(cx)).is_err() {
                            return Poll::Ready(0);
                        }
                        shut = true;
                    }
                    context.scratch.with(|buffer| {
                        let mut read = ReadBuf::new(buffer);
                        let result = ready!(Pin::new(&mut *wire).poll_read(cx, &mut read));
                        Poll::Ready(result.map_or(0, |()| read.filled().len()))
                    })
                })
                .await;
            match read {
                Ok(count @ 1..) if count < budget && Instant::now() < end => {
                    budget = budget.saturating_sub(count);
                    // Somebody who sends at full speed shall not have the thread for himself.
                    tokio::task::yield_now().await;
                }
                Ok(_) | Err(_) => return,
            }
        }
    }

    /// Closes a connection on which nothing is in flight.
    pub(super) async fn close(&mut self) {
        let deadline = Instant::now() + LINGER_QUIET;
        let Self { wire, waiter, .. } = self;
        let _whatever_ends_it = waiter
            .until(deadline, false, |cx| Pin::new(&mut *wire).poll_shutdown(cx))
            .await;
    }
}

/// The caller broke off, or does not take what it asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CallerGone;

enum Written {
    Some,
    All,
}

/// Long enough for an answer to cross any network that agents sit on.
const LINGER_QUIET: Duration = Duration::from_secs(2);

/// Enough to finish sending a large request that was answered before its end, as most clients do
/// before they look for an answer.
const LINGER_IN_ALL: Duration = Duration::from_secs(10);

/// What a caller may still send after it was told no.
const LINGER_BYTES: usize = 64 * 1024 * 1024;
