//! The loop of one accepted connection: read a head, judge it, hand it to its flow, answer.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;

use tokio::time::Instant;
use tracing::{info, warn};

use crate::config::settings::FaultStyle;
use crate::http::arrival::Goodbye;
use crate::http::attempt::Delivery;
use crate::http::caller::Caller;
use crate::http::context::{Borrowed, Context};
use crate::http::error::{Blame, GatewayError};
use crate::http::exchange::{BodyState, Exchange};
use crate::http::fault::{Reply, write_error};
use crate::http::operation::operation_name;
use crate::http::refusal::Refusal;
use crate::http::request::Soap;
use crate::model::{Generation, Outcome, SystemName};
use crate::net::Phase;
use crate::telemetry::{self, AccessLine, Counter, Counters, Noise};

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
pub struct Slot<F> {
    flow: RefCell<Rc<F>>,
    generation: Cell<Generation>,
}

impl<F> Slot<F> {
    /// A slot with a generation's flow.
    pub fn new(flow: F, generation: Generation) -> Self {
        Self {
            flow: RefCell::new(Rc::new(flow)),
            generation: Cell::new(generation),
        }
    }

    /// Puts another generation's flow in force.
    pub fn replace(&self, flow: F, generation: Generation) {
        *self.flow.borrow_mut() = Rc::new(flow);
        self.generation.set(generation);
    }

    /// The flow in force now.
    pub fn current(&self) -> Rc<F> {
        Rc::clone(&self.flow.borrow())
    }
}

impl<F> fmt::Debug for Slot<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Slot")
    }
}

/// Serves a connection until it ends.
pub async fn serve<F: Flow>(caller: &mut Caller, context: Rc<Context>, slot: Rc<Slot<F>>) {
    loop {
        let next = caller.next_head(&context).await;
        let flow = slot.current();
        caller.facts.generation = slot.generation.get();
        caller.requests = caller.requests.saturating_add(1);
        let stays = match next {
            Ok(mut work) => match caller.facts.denial.clone() {
                None => exchange(caller, &context, &mut work, &*flow).await,
                Some(denial) => {
                    let error = GatewayError::NotAdmitted(denial);
                    say_no(caller, &context, &mut work, &*flow, &error).await
                }
            },
            Err(Goodbye::Silent) => return caller.close().await,
            Err(Goodbye::Broken) => return,
            Err(Goodbye::Refused(refusal, mut work)) => {
                let error = GatewayError::Refused(refusal);
                say_no(caller, &context, &mut work, &*flow, &error).await
            }
            Err(Goodbye::HeaderTimeout(mut work)) => {
                let error = GatewayError::HeaderTimeout;
                say_no(caller, &context, &mut work, &*flow, &error).await
            }
        };
        match stays {
            Stays::Yes => {}
            Stays::No => return caller.linger(&context).await,
            Stays::Broken => return,
        }
    }
}

/// What becomes of the caller's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stays {
    Yes,
    /// To be closed, as soon as the caller has the answer.
    No,
    Broken,
}

async fn exchange<F: Flow>(
    caller: &mut Caller,
    context: &Rc<Context>,
    work: &mut Borrowed,
    flow: &F,
) -> Stays {
    let started = Instant::now();
    let own = work.get();
    let name = operation_name(&own.request, &own.early).unwrap_or_default();
    own.operation.extend_from_slice(name);
    let mut exchange = Exchange::open(caller, context, work);
    exchange.trace = exchange.begin_trace();
    let stays = match flow.handle(&mut exchange).await {
        Ok(Delivery::Complete { keep_alive: true }) => Stays::Yes,
        Ok(Delivery::Complete { keep_alive: false }) => Stays::No,
        Ok(Delivery::Truncated | Delivery::CallerLost | Delivery::Cut) => Stays::Broken,
        Err(error) => {
            exchange.explain(&error, flow);
            exchange.tell(&error, flow).await
        }
    };
    exchange.note(started, flow, true);
    stays
}

/// Answers a request that was not understood, or whose caller is not admitted, and ends the
/// connection.
async fn say_no<F: Flow>(
    caller: &mut Caller,
    context: &Rc<Context>,
    work: &mut Borrowed,
    flow: &F,
    error: &GatewayError,
) -> Stays {
    let started = Instant::now();
    let mut exchange = Exchange::open(caller, context, work);
    // Whatever follows cannot be told from the body of what was refused.
    exchange.body = BodyState::Started;
    let told = exchange.tell(error, flow).await;
    let noise = if matches!(error, GatewayError::HeaderTimeout) {
        Noise::Abuse
    } else if matches!(error, GatewayError::NotAdmitted(_)) {
        Noise::NotAdmitted
    } else {
        Noise::Malformed
    };
    // Anybody can send garbage, so garbage may not fill the disk.
    let is_on = context.access.is_on();
    let suppressed = is_on.then(|| context.may_say(noise)).flatten();
    exchange.note(started, flow, suppressed.is_some());
    if let Some(suppressed) = suppressed.filter(|count| *count > 0) {
        info!(
            system = %flow.system(), suppressed, code = error.code(),
            "refused requests were counted and not logged one by one"
        );
    }
    told
}

/// Under which reason a refused request counts; `None` where the caller is not to blame.
const fn counter_of<'c>(error: &GatewayError, counters: &'c Counters) -> Option<&'c Counter> {
    match error {
        GatewayError::Refused(Refusal::HeadTooLarge | Refusal::TooManyFields)
        | GatewayError::BodyTooLarge(_) => Some(&counters.requests_too_large),
        GatewayError::Refused(_) | GatewayError::BadChunk(_) | GatewayError::BodyBrokeOff(_) => {
            Some(&counters.requests_malformed)
        }
        GatewayError::HeaderTimeout | GatewayError::BodyTooSlow(_) => {
            Some(&counters.requests_too_slow)
        }
        GatewayError::TargetNotAllowed | GatewayError::NotAdmitted(_) => {
            Some(&counters.requests_not_admitted)
        }
        GatewayError::Unreachable(_)
        | GatewayError::Exhausted
        | GatewayError::Lost(_)
        | GatewayError::TlsRefused(..)
        | GatewayError::TimedOut(_)
        | GatewayError::SideDown(_)
        | GatewayError::BadAnswer(..)
        | GatewayError::Cut(_)
        | GatewayError::Internal(_) => None,
    }
}

impl Exchange<'_> {
    /// Says why the gateway answers itself, of which the access line has only the code.
    fn explain<F: Flow>(&self, error: &GatewayError, flow: &F) {
        let said = error.outcome() == Outcome::NotSent && self.record.dial_explained;
        if error.blame() == Blame::Caller || said {
            return;
        }
        if let Some(suppressed) = self.context.may_say(Noise::UpstreamFailed) {
            warn!(
                system = %flow.system(), flow = %flow.kind(), id = %self.id, code = error.code(),
                outcome = error.outcome().code(), %error, suppressed, "answered with a fault"
            );
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
        if let Some(counter) = counter_of(error, &self.context.counters) {
            counter.inc();
        }
        let traffic = &self.context.counters.traffic;
        traffic.gateway_answer(flow.system(), flow.kind(), error.code());
        let out = std::mem::take(&mut work.out);
        // A word that the side is down has been heard; it must not interrupt what is said of it.
        self.caller.waiter.seat().set_phase(Phase::Busy);
        let written = self.caller.write(&out, &self.limits).await;
        self.work.get().out = out;
        match (written, keep_alive) {
            (Err(_gone), _) => Stays::Broken,
            (Ok(()), true) => Stays::Yes,
            (Ok(()), false) => Stays::No,
        }
    }

    /// Counts the exchange, and writes its access line if it is to be written.
    fn note<F: Flow>(&mut self, started: Instant, flow: &F, is_written: bool) {
        let record = &self.record;
        let facts = &self.caller.facts;
        let work = self.work.get();
        // A request that was refused early has neither method nor target.
        let known = |bytes: &'_ [u8]| !bytes.is_empty();
        let line = AccessLine {
            flow: flow.kind(),
            id: self.id,
            generation: facts.generation,
            system: flow.system(),
            listener: facts.listener,
            peer: self.caller.waiter.seat().peer(),
            principal: facts.principal.as_deref(),
            tls: facts.tls,
            method: Some(work.request.method()).filter(|text| known(text)),
            target: Some(work.request.target()).filter(|text| known(text)),
            operation: Some(work.operation.as_slice()).filter(|text| known(text)),
            side: record.side,
            upstream: record.upstream.as_ref().map(|up| &up.spec().target),
            upstream_reused: record.reused,
            tries: record.tries,
            outcome: record.outcome.unwrap_or(Outcome::NotSent),
            status: record.status,
            code: record.code,
            request_bytes: record.request_bytes,
            response_bytes: record.response_bytes,
            took: started.elapsed(),
        };
        let counters = &self.context.counters;
        counters.exchanges(line.flow, line.outcome).inc();
        counters.exchange_request_bytes.add(line.request_bytes);
        counters.exchange_response_bytes.add(line.response_bytes);
        counters.traffic.exchange(&line);
        if let Some(trace) = &self.trace {
            trace.served(&line, work.request.version().number());
        }
        if is_written {
            self.context.access.write(&line);
        }
    }
}

#[cfg(test)]
#[path = "tests/server.rs"]
mod tests;
