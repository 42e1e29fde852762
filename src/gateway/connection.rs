//! One accepted connection, from its handshake to its flow.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Waker};

use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::Instant;
use tracing::{debug, info};

use super::guests::Guests;
use super::snapshot::{ListenerPlan, Service};
use super::worker::Running;
use crate::config::settings::FaultStyle;
use crate::events::{EventFlow, carry};
use crate::http::{
    Caller, CallerFacts, Context, Delivery, Exchange, Flow, GatewayError, RelayCaller, Slot, serve,
};
use crate::model::{Generation, SystemName};
use crate::net::{Interrupt, Permit, Phase, Seat, Socket, Waiter};
use crate::requests::{RequestFlow, relay_to_side};
use crate::telemetry::{self, Noise, TlsLeg};
use crate::tls::failure::Cause;
use crate::tls::policy::version_name;
use crate::tls::{Acceptor, Direction, HandshakeFailure, SessionFacts, Wire};

/// A listener that speaks HTTP has one of these flows.
#[derive(Debug)]
pub(super) enum HttpFlow {
    Requests(RequestFlow),
    Events(EventFlow),
}

impl HttpFlow {
    /// The flow of a service, if it speaks HTTP.
    pub(super) fn of(service: &Service) -> Option<Self> {
        match service {
            Service::Requests(route) => Some(Self::Requests(RequestFlow::new(Arc::clone(route)))),
            Service::Events(route) => Some(Self::Events(EventFlow::new(Arc::clone(route)))),
            Service::Relay(_) | Service::StaticRoute(_) => None,
        }
    }
}

impl Flow for HttpFlow {
    fn fault_style(&self) -> FaultStyle {
        match self {
            Self::Requests(flow) => flow.fault_style(),
            Self::Events(flow) => flow.fault_style(),
        }
    }

    fn kind(&self) -> telemetry::Flow {
        match self {
            Self::Requests(flow) => flow.kind(),
            Self::Events(flow) => flow.kind(),
        }
    }

    fn system(&self) -> &SystemName {
        match self {
            Self::Requests(flow) => flow.system(),
            Self::Events(flow) => flow.system(),
        }
    }

    async fn handle(&self, exchange: &mut Exchange<'_>) -> Result<Delivery, GatewayError> {
        match self {
            Self::Requests(flow) => flow.handle(exchange).await,
            Self::Events(flow) => flow.handle(exchange).await,
        }
    }
}

/// A connection that was let in.
pub(super) struct Accepted {
    pub(super) tcp: TcpStream,
    pub(super) peer: SocketAddr,
    pub(super) listener: SocketAddr,
    pub(super) plan: Rc<ListenerPlan>,
    pub(super) flow: Option<Rc<Slot<HttpFlow>>>,
    /// Its listener, as it stands now and later.
    pub(super) running: Rc<Running>,
    pub(super) guests: Guests,
    pub(super) generation: Generation,
    pub(super) permit: Permit,
    pub(super) seat: Seat,
}

/// Serves one connection to its end.
pub(super) async fn connection(accepted: Accepted, context: Rc<Context>, lane: Rc<HandshakeLane>) {
    let Accepted {
        tcp,
        peer,
        listener,
        plan,
        flow,
        running,
        guests,
        generation,
        mut permit,
        seat,
    } = accepted;
    let socket = Socket::new(tcp, peer);
    let mut waiter = Waiter::new(seat);
    let (wire, principal, tls, _visit) = match &plan.acceptor {
        None => (Wire::Plain(socket), None, None, None),
        Some(acceptor) => {
            // Boxed: what a handshake needs is not kept for the life of the connection.
            let shaken = Box::pin(handshake(
                socket,
                acceptor,
                &mut waiter,
                &context,
                &lane,
                &plan,
            ))
            .await;
            let Some((wire, facts)) = shaken else { return };
            let leg = TlsLeg {
                version: version_name(facts.version),
                resumed: facts.resumed,
            };
            let principal = facts.principal().map(Arc::clone);
            let who = (waiter.seat().id(), peer);
            let known = (facts.client, facts.certain);
            match guests.enter(who, &running, acceptor, known) {
                Ok(visit) => (wire, principal, Some(leg), Some(visit)),
                Err(failure) => {
                    say_failed(&context, &plan, peer, &failure);
                    return;
                }
            }
        }
    };
    drop((running, guests));
    permit.handshake_done();
    waiter.seat().set_phase(Phase::Idle);
    let facts = CallerFacts {
        listener,
        principal,
        tls,
        generation,
    };
    match (&plan.service, flow) {
        (Service::Requests(_) | Service::Events(_), Some(flow)) => {
            drop(plan);
            serve(Caller::new(wire, waiter, facts), context, flow).await;
        }
        (Service::Relay(route), _) => {
            let caller = RelayCaller::new(wire, waiter, facts);
            relay_to_side(caller, Arc::clone(route), context).await;
        }
        (Service::StaticRoute(route), _) => {
            let caller = RelayCaller::new(wire, waiter, facts);
            carry(caller, Arc::clone(route), context).await;
        }
        (Service::Requests(_) | Service::Events(_), None) => {}
    }
}

async fn handshake(
    socket: Socket,
    acceptor: &Acceptor,
    waiter: &mut Waiter,
    context: &Context,
    lane: &HandshakeLane,
    plan: &ListenerPlan,
) -> Option<(Wire, SessionFacts)> {
    let deadline = Instant::now() + context.limits().handshake_timeout;
    let peer = socket.peer();
    let mut accepting = Box::pin(acceptor.accept(socket));
    let counters = &context.counters;
    // Whoever is not through its handshake when a drain gets impatient has sent no request yet.
    let result = waiter
        .until(deadline, true, |cx| {
            if lane.poll_turn(cx).is_pending() {
                return Poll::Pending;
            }
            accepting.as_mut().poll(cx)
        })
        .await;
    drop(accepting);
    let failure = match result {
        Ok(Ok(accepted)) => {
            let facts = accepted.facts;
            if facts.resumed {
                counters.handshakes_inbound_resumed.inc();
            } else {
                counters.handshakes_inbound_full.inc();
            }
            debug!(
                system = %plan.system, %peer, version = version_name(facts.version), suite = facts.suite,
                resumed = facts.resumed,
                subject = facts.principal().map_or("-", |principal| principal.subject.as_str()),
                "TLS handshake done"
            );
            return Some((Wire::accepted(accepted.stream), facts));
        }
        Ok(Err(failure)) => failure,
        Err(Interrupt::Deadline) => HandshakeFailure::timed_out(Direction::Inbound),
        Err(Interrupt::Leaving | Interrupt::Cut | Interrupt::Abandoned) => return None,
    };
    counters.handshakes_inbound_failed.inc();
    if *failure.cause() == Cause::ClosedByPeer {
        // A port check that closes without a word is no handshake that failed.
        debug!(system = %plan.system, %peer, listener = %plan.listen, code = failure.code(), %failure, "no TLS handshake");
    } else {
        say_failed(context, plan, peer, &failure);
    }
    None
}

/// Says in the log who was not let in, and why.
fn say_failed(
    context: &Context,
    plan: &ListenerPlan,
    peer: SocketAddr,
    failure: &HandshakeFailure,
) {
    if let Some(suppressed) = context.may_say(Noise::HandshakeFailed) {
        info!(
            system = %plan.system, %peer, listener = %plan.listen, code = failure.code(), %failure,
            hint = failure.hint(), seen_in_sap = failure.seen_in_sap(), suppressed, "TLS handshake failed"
        );
    }
}

/// Lets one handshake step run between two looks at the network.
///
/// A step may take most of a millisecond (one RSA signature). If many callers arrive at once,
/// their steps would queue in front of the next request of every kept connection; so after each
/// step the event loop is asked for news before the next one has its turn.
#[derive(Debug, Default)]
pub(super) struct HandshakeLane {
    taken: Cell<bool>,
    waiting: RefCell<VecDeque<Waker>>,
    used: Notify,
}

impl HandshakeLane {
    /// Ready once in a round of the event loop.
    fn poll_turn(&self, cx: &TaskContext<'_>) -> Poll<()> {
        if self.taken.replace(true) {
            self.waiting.borrow_mut().push_back(cx.waker().clone());
            return Poll::Pending;
        }
        self.used.notify_one();
        Poll::Ready(())
    }

    /// Opens the lane again after each round. Runs for the life of the thread.
    pub(super) async fn keep_open(&self) {
        loop {
            self.used.notified().await;
            loop {
                tokio::task::yield_now().await;
                self.taken.set(false);
                // A waiter may have gone meanwhile, so the next one is called a round later.
                let next = self.waiting.borrow_mut().pop_front();
                match next {
                    Some(waiter) => waiter.wake(),
                    None => break,
                }
            }
        }
    }
}
