//! The loop of one accepted connection: read a head, judge it, hand it to its flow, answer.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use tokio::time::Instant;

use crate::config::settings::{FaultStyle, Limits};
use crate::http::caller::{Caller, Goodbye};
use crate::http::context::{Borrowed, Context};
use crate::http::copy::{Encode, End, Pump};
use crate::http::error::GatewayError;
use crate::http::exchange::{BodyState, Delivery, Exchange, Record};
use crate::http::fault::{Reply, write_error};
use crate::http::framing::Framing;
use crate::http::operation::operation_name;
use crate::http::request::Soap;
use crate::model::{ExchangeId, Outcome, SystemName};
use crate::telemetry::{self, AccessLine};

/// A flow: what is done with each request of a listener.
pub trait Flow {
    /// How the gateway's own answers look here.
    fn fault_style(&self) -> FaultStyle;

    /// For the access line.
    fn kind(&self) -> telemetry::Flow;

    /// The SAP system, for the access line.
    fn system(&self) -> &SystemName;

    /// Deals with one request. An error is what the caller is told; then nothing of an answer may
    /// have been sent.
    fn handle(
        &self,
        exchange: &mut Exchange<'_>,
    ) -> impl Future<Output = Result<Delivery, GatewayError>>;
}

/// A listener's flow, as the generation in force has it. Connections look at it for every
/// request, so a reload reaches the next request of a kept connection.
pub struct Slot<F>(RefCell<Rc<F>>);

impl<F> Slot<F> {
    /// A slot with a flow.
    pub fn new(flow: F) -> Self {
        Self(RefCell::new(Rc::new(flow)))
    }

    /// Puts another generation's flow in force.
    pub fn replace(&self, flow: F) {
        *self.0.borrow_mut() = Rc::new(flow);
    }

    /// The flow in force now.
    pub fn current(&self) -> Rc<F> {
        Rc::clone(&self.0.borrow())
    }
}

impl<F> fmt::Debug for Slot<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Slot")
    }
}

/// Serves a connection until it ends.
pub async fn serve<F: Flow>(mut caller: Caller, context: Rc<Context>, slot: Rc<Slot<F>>) {
    loop {
        let next = caller.next_head(&context).await;
        let flow = slot.current();
        caller.requests = caller.requests.saturating_add(1);
        match next {
            Ok(mut work) => {
                let stays = exchange(&mut caller, &context, &mut work, &*flow).await;
                drop(work);
                match stays {
                    Stays::Yes => {}
                    Stays::No => return caller.close().await,
                    Stays::Unread => return caller.linger(&context).await,
                    Stays::Broken => return,
                }
            }
            Err(Goodbye::Silent) => return caller.close().await,
            Err(Goodbye::Broken) => return,
            Err(Goodbye::Refused(refusal, work)) => {
                context.counters.requests_malformed.inc();
                return say_no(
                    &mut caller,
                    &context,
                    *work,
                    &*flow,
                    GatewayError::Refused(refusal),
                )
                .await;
            }
            Err(Goodbye::HeaderTimeout(work)) => {
                return say_no(
                    &mut caller,
                    &context,
                    *work,
                    &*flow,
                    GatewayError::HeaderTimeout,
                )
                .await;
            }
        }
    }
}

/// What becomes of the caller's connection.
enum Stays {
    Yes,
    No,
    /// To be closed, and the caller may still be sending.
    Unread,
    Broken,
}

async fn exchange<F: Flow>(
    caller: &mut Caller,
    context: &Rc<Context>,
    work: &mut Borrowed,
    flow: &F,
) -> Stays {
    let started = Instant::now();
    let operation = if context.access.is_on() {
        let work = work.get();
        operation_name(&work.request, &work.early)
    } else {
        None
    };
    let mut exchange = open(caller, context, work);
    let stays = match flow.handle(&mut exchange).await {
        Ok(Delivery::Complete { keep_alive: true }) => {
            exchange.settle_body();
            Stays::Yes
        }
        Ok(Delivery::Complete { keep_alive: false }) if exchange.body == BodyState::Started => {
            Stays::Unread
        }
        Ok(Delivery::Complete { keep_alive: false }) => Stays::No,
        Ok(Delivery::Truncated | Delivery::CallerLost) => Stays::Broken,
        Err(error) => exchange.tell(&error, flow).await,
    };
    exchange.close(started, operation.as_deref(), flow);
    stays
}

/// Answers a request that was not understood, and ends the connection.
async fn say_no<F: Flow>(
    caller: &mut Caller,
    context: &Rc<Context>,
    mut work: Borrowed,
    flow: &F,
    error: GatewayError,
) {
    let started = Instant::now();
    let mut exchange = open(caller, context, &mut work);
    // Whatever follows cannot be told from the body of what was refused.
    exchange.body = BodyState::Started;
    let told = exchange.tell(&error, flow).await;
    exchange.close(started, None, flow);
    if !matches!(told, Stays::Broken) {
        caller.linger(context).await;
    }
}

fn open<'a>(
    caller: &'a mut Caller,
    context: &'a Rc<Context>,
    work: &'a mut Borrowed,
) -> Exchange<'a> {
    let id = ExchangeId {
        connection: caller.waiter.seat().id(),
        number: caller.requests,
    };
    Exchange {
        limits: context.limits(),
        context,
        caller,
        work,
        id,
        record: Record::default(),
        body: BodyState::Untouched,
    }
}

impl Exchange<'_> {
    /// If all of the body came with the head, takes it off, so that the connection may stay.
    fn settle_body(&mut self) -> bool {
        match self.body {
            BodyState::Finished | BodyState::Collected => true,
            BodyState::Started => false,
            BodyState::Untouched => {
                let work = self.work.get();
                let framing = work.request.framing();
                let mut pump =
                    Pump::new(framing, Encode::Raw, self.limits.max_body_size, End::Source);
                let mut input = work.early.as_slice();
                let mut unused = Vec::new();
                let taken = framing == Framing::None || pump.feed(&mut input, &mut unused).is_ok();
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

    /// Answers with an error of the gateway.
    async fn tell<F: Flow>(&mut self, error: &GatewayError, flow: &F) -> Stays {
        let body_taken = self.settle_body();
        let keep_alive =
            body_taken && !matches!(error, GatewayError::Refused(_)) && self.caller_stays();
        let work = self.work.get();
        let request = &work.request;
        let soap = request
            .soap()
            .or_else(|| (request.method() == b"POST").then_some(Soap::V1_1));
        let reply = Reply {
            version: request.version(),
            soap: soap.filter(|_| {
                !matches!(
                    error,
                    GatewayError::Refused(_) | GatewayError::HeaderTimeout
                )
            }),
            style: flow.fault_style(),
            id: self.id,
            keep_alive,
            to_head: request.is_head(),
        };
        work.out.clear();
        let status = write_error(&mut work.out, error, &reply);
        self.record.status = Some(status);
        self.record.code = Some(error.code());
        self.record.outcome = Some(error.outcome());
        self.context.counters.gateway_answers.inc();
        let out = std::mem::take(&mut work.out);
        let rate = self.limits.min_body_rate;
        let written = self
            .caller
            .write(&out, rate, Limits::BODY_RATE_WINDOW)
            .await;
        self.work.get().out = out;
        match (written, keep_alive) {
            (Err(_lost), _) => Stays::Broken,
            (Ok(()), true) => Stays::Yes,
            (Ok(()), false) if body_taken => Stays::No,
            (Ok(()), false) => Stays::Unread,
        }
    }

    /// Counts the exchange and writes its access line.
    fn close<F: Flow>(&mut self, started: Instant, operation: Option<&str>, flow: &F) {
        let outcome = self.record.outcome.unwrap_or(Outcome::NotSent);
        let counters = &self.context.counters;
        counters.exchanges(flow.kind(), outcome).inc();
        counters
            .exchange_request_bytes
            .add(self.record.request_bytes);
        counters
            .exchange_response_bytes
            .add(self.record.response_bytes);
        if !self.context.access.is_on() {
            return;
        }
        let facts = &self.caller.facts;
        let upstream = self
            .record
            .upstream
            .as_ref()
            .map(|upstream| &upstream.spec().target);
        let request = &self.work.get().request;
        let line = AccessLine {
            flow: flow.kind(),
            id: self.id,
            generation: facts.generation,
            system: flow.system(),
            listener: facts.listener,
            peer: self.caller.waiter.seat().peer(),
            principal: facts.principal.as_deref(),
            tls: facts.tls,
            method: Some(request.method()),
            target: Some(request.target()),
            operation: operation.map(str::as_bytes),
            side: self.record.side,
            upstream,
            upstream_reused: self.record.reused,
            tries: self.record.tries,
            outcome,
            status: self.record.status,
            code: self.record.code,
            request_bytes: self.record.request_bytes,
            response_bytes: self.record.response_bytes,
            took: started.elapsed(),
        };
        self.context.access.write(&line);
    }
}
