//! [`Exchange`]: one request from its head to the last byte of its answer.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use tokio::time::Instant;

use crate::config::settings::Limits;
use crate::http::attempt::{Delivery, TryFailed, UpstreamFault};
use crate::http::caller::Caller;
use crate::http::context::{Borrowed, Context};
use crate::http::error::GatewayError;
use crate::http::request::{RequestHead, RequestRewrite};
use crate::http::upstream::{ConnectError, Upstream};
use crate::model::{ExchangeId, Outcome, Principal, Side};
use crate::net::{DialError, Interrupt, Phase};
use crate::telemetry::Noise;
use crate::telemetry::trace::{Reached, Trace};
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
    /// The request's body as far as it was taken from the caller.
    pub(super) body: BodyState,
    /// The request's body as far as it went to the upstream.
    pub(super) sent_whole: bool,
    /// Interim answers of this try.
    pub(super) interim: usize,
    /// There if it is recorded. Boxed, since most are not.
    pub(super) trace: Option<Box<Trace>>,
}

/// What the access line will say.
#[derive(Debug, Default)]
pub(super) struct Record {
    pub(super) side: Option<Side>,
    pub(super) upstream: Option<Arc<Upstream>>,
    pub(super) reused: bool,
    pub(super) tries: u8,
    /// Why there is no connection has been said in the log, with what to do about it.
    pub(super) dial_explained: bool,
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
    /// Some of it was taken, and where the rest ends is not known yet.
    Started,
    /// All of it was taken from the caller.
    Finished,
}

impl<'a> Exchange<'a> {
    /// An exchange whose head lies in `work`.
    pub(super) fn open(
        caller: &'a mut Caller,
        context: &'a Rc<Context>,
        work: &'a mut Borrowed,
    ) -> Self {
        let id = ExchangeId {
            connection: caller.waiter.seat().id(),
            number: caller.requests,
        };
        Self {
            limits: context.limits(),
            context,
            caller,
            work,
            id,
            record: Record::default(),
            body: BodyState::Untouched,
            sent_whole: false,
            interim: 0,
            trace: None,
        }
    }

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

    /// One try: sends the request to `upstream` and passes its answer on.
    ///
    /// A pooled connection that turns out dead before the first byte was sent is replaced by
    /// another one; that is no try, because nothing was sent. After an error the caller still
    /// waits for an answer. An error with [`Outcome::NotSent`] leaves the request whole, so that
    /// it can be tried again elsewhere.
    pub async fn forward(
        &mut self,
        upstream: &Arc<Upstream>,
        side: Option<Side>,
        rewrite: &RequestRewrite<'_>,
    ) -> Result<Delivery, TryFailed> {
        self.record.tries = self.record.tries.saturating_add(1);
        self.record.side = side;
        self.record.upstream = Some(Arc::clone(upstream));
        if let Some(trace) = &mut self.trace {
            trace.attempt();
        }
        let tried = self.try_at(upstream, side, rewrite).await;
        self.record_try(upstream, &tried);
        tried
    }

    async fn try_at(
        &mut self,
        upstream: &Arc<Upstream>,
        side: Option<Side>,
        rewrite: &RequestRewrite<'_>,
    ) -> Result<Delivery, TryFailed> {
        // Judged before a connection is taken: a body that is too large costs the side nothing.
        let mut pump = self.prepare(rewrite)?;
        loop {
            let stale = || count_stale(self.context, upstream);
            let pooled = self.context.pool.borrow_mut().take(upstream, stale);
            let reused = pooled.is_some();
            let mut wire = match pooled {
                Some(wire) => {
                    self.context.counters.upstream_reused.inc();
                    upstream.note(&self.context.counters, |own| {
                        own.reused = own.reused.wrapping_add(1);
                    });
                    wire
                }
                None => self.connect(upstream).await?,
            };
            let _in_use = self.context.pool.borrow_mut().lend(upstream);
            self.record.reused = reused;
            if let Some(trace) = &mut self.trace {
                trace.reached(Reached {
                    peer: wire.socket().peer(),
                    tls: wire.tls_version(),
                });
            }
            pump.rewind();
            let sent = self.send(upstream, &mut wire, side, &mut pump).await;
            self.record.request_bytes = pump.carried().max(self.work.get().collected.len() as u64);
            match sent {
                Ok(()) => {
                    self.work.get().out = pump.into_buffer();
                    return self.receive(upstream, wire).await;
                }
                Err(failed)
                    if reused
                        && failed.fault.is_some()
                        && failed.outcome().may_try_other_side() =>
                {
                    count_stale(self.context, upstream);
                }
                Err(failed) => return Err(failed),
            }
        }
    }

    async fn connect(&mut self, upstream: &Arc<Upstream>) -> Result<Wire, TryFailed> {
        // Whoever had a part in a try before this one has none in it: his end is no reason to stop.
        self.caller.waiter.seat().set_phase(Phase::Busy);
        // Boxed: most exchanges find a pooled connection, and their future shall stay small.
        let mut dialling = Box::pin(upstream.connect(&self.context.counters));
        let deadline = Instant::now() + upstream.spec().connect_timeout * 2;
        let connected = self
            .caller
            .waiter
            .until(deadline, false, |cx| dialling.as_mut().poll(cx))
            .await;
        if let Ok(Err(error)) = &connected {
            self.record.dial_explained = true;
            if let Some(suppressed) = self.context.may_say(Noise::UpstreamFailed) {
                error.say(upstream.spec(), self.record.side, self.id, suppressed);
            }
        }
        match connected {
            Ok(Ok(wire)) => Ok(wire),
            Ok(Err(error)) if error.blames_target() => {
                self.context.counters.upstream_failed.inc();
                upstream.note(&self.context.counters, |own| {
                    own.failed = own.failed.wrapping_add(1);
                });
                let fault = match &error {
                    ConnectError::Dial(DialError::TimedOut { .. }) => UpstreamFault::ConnectTimeout,
                    ConnectError::Dial(_) => UpstreamFault::Connect,
                    ConnectError::Tls(_) => UpstreamFault::Handshake,
                };
                let why = format!("{error} ({})", error.hint());
                Err(TryFailed::upstream(GatewayError::Unreachable(why), fault))
            }
            Ok(Err(_exhausted)) => Err(TryFailed::blameless(GatewayError::Exhausted)),
            Err(Interrupt::Deadline) => {
                // The dial keeps its own time, with the resolver and the handshake in it; this is
                // for one that forgets to.
                let why = format!("{} did not answer in time", upstream.spec().dialled);
                Err(TryFailed::upstream(
                    GatewayError::Unreachable(why),
                    UpstreamFault::ConnectTimeout,
                ))
            }
            Err(Interrupt::Leaving | Interrupt::Cut | Interrupt::Abandoned) => {
                Err(TryFailed::blameless(GatewayError::Cut(Outcome::NotSent)))
            }
        }
    }

    /// What became of a request whose answer has not come.
    pub(super) const fn sent(&self) -> Outcome {
        if self.sent_whole {
            Outcome::SentNoAnswer
        } else {
            Outcome::PartlySent
        }
    }

    /// Whether the caller's connection can carry another request after this one.
    pub(super) fn caller_stays(&mut self) -> bool {
        let all_taken = self.body != BodyState::Started;
        all_taken && self.work.get().request.keep_alive() && !self.caller.waiter.seat().is_leaving()
    }
}

/// A kept connection was no good any more.
fn count_stale(context: &Context, upstream: &Upstream) {
    context.counters.upstream_stale.inc();
    upstream.note(&context.counters, |own| {
        own.stale = own.stale.wrapping_add(1);
    });
}

#[cfg(test)]
#[path = "tests/replay.rs"]
mod tests;
