//! One accepted connection, from its handshake to its flow.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::Instant;
use tracing::{debug, info};

use super::guests::{Guests, Visit};
use super::lane::HandshakeLane;
use super::snapshot::{ListenerPlan, Service};
use super::worker::Running;
use crate::config::settings::FaultStyle;
use crate::events::{EventFlow, carry};
use crate::http::{
    Caller, CallerFacts, Context, Delivery, Exchange, Flow, GatewayError, RelayCaller, Slot, serve,
};
use crate::model::{Denial, Generation, Principal, SystemName};
use crate::net::{Interrupt, Permit, Phase, Seat, Socket, Waiter};
use crate::requests::{RequestFlow, relay_to_side};
use crate::telemetry::{self, HandshakeEnd, HandshakeKey, Leg, Noise, TlsLeg};
use crate::tls::authority_uses::Arrival;
use crate::tls::failure::Cause;
use crate::tls::nameless_uses::NamelessPresence;
use crate::tls::policy::version_name;
use crate::tls::{Acceptor, Admitted, Direction, HandshakeFailure, SessionFacts, Wire};

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

/// A connection that is through its handshake.
struct Entered {
    wire: Wire,
    waiter: Waiter,
    facts: CallerFacts,
    plan: Rc<ListenerPlan>,
    flow: Option<Rc<Slot<HttpFlow>>>,
    permit: Permit,
    /// Kept until the connection ends.
    visit: Option<Visit>,
    /// Kept as long, of a client with TLS that does not say who it is.
    nameless: Option<NamelessPresence>,
}

/// Serves one connection to its end.
///
/// Most connections are idle most of the time, and a task is as large as its largest moment. So
/// what only some connections need, or for a moment only, is in boxes of its own.
pub(super) async fn connection(
    accepted: Box<Accepted>,
    context: Rc<Context>,
    lane: Rc<HandshakeLane>,
) {
    let Some(Entered {
        wire,
        waiter,
        facts,
        plan,
        flow,
        permit: _counted_until_the_end,
        visit: _here_until_the_end,
        nameless: _remembered_until_the_end,
    }) = Box::pin(enter(accepted, &context, &lane)).await
    else {
        return;
    };
    match (&plan.service, flow) {
        (Service::Requests(_) | Service::Events(_), Some(flow)) => {
            drop(plan);
            let mut caller = Caller::new(wire, waiter, facts);
            serve(&mut caller, context, flow).await;
        }
        (Service::Relay(route), _) => {
            let caller = RelayCaller::new(wire, waiter, facts);
            Box::pin(relay_to_side(caller, Arc::clone(route), context)).await;
        }
        (Service::StaticRoute(route), _) => {
            let caller = RelayCaller::new(wire, waiter, facts);
            Box::pin(carry(caller, Arc::clone(route), context)).await;
        }
        (Service::Requests(_) | Service::Events(_), None) => {}
    }
}

/// Does the handshake, where there is one, and finds out who has come. `None`: nobody who stays.
async fn enter(
    accepted: Box<Accepted>,
    context: &Context,
    lane: &HandshakeLane,
) -> Option<Entered> {
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
    } = *accepted;
    let socket = Socket::new(tcp, peer);
    let mut waiter = Waiter::new(seat);
    let (wire, principal, denial, tls, visit) = match &plan.acceptor {
        None => {
            let wire = match &plan.nameless {
                Some(uses) => Wire::called(socket, uses, guests.clock()),
                None => Wire::Plain(socket),
            };
            (wire, None, None, None, None)
        }
        Some(acceptor) => {
            let at = (&*plan, listener);
            let shaking = handshake(socket, acceptor, &mut waiter, context, lane, at);
            let (wire, facts, arrival) = shaking.await?;
            let leg = leg_of(&facts);
            let principal = facts.principal().map(Arc::clone);
            let who = (waiter.seat().id(), peer);
            let admitted = Admitted {
                certain: facts.certain,
                denial: facts.denial,
                arrival,
            };
            let (visit, denial) =
                match guests.enter(who, &running, acceptor, (facts.client, admitted)) {
                    Ok((visit, Some(denial))) => (visit, Some(denial)),
                    Ok((visit, None)) => {
                        let denial = confirmed(&guests, &running, &mut waiter).await.ok()?;
                        (visit, denial)
                    }
                    Err(failure) => {
                        say_failed(context, &plan, peer, &failure);
                        return None;
                    }
                };
            if let Some(denial) = &denial {
                say_denied(context, &plan, peer, (denial, principal.as_deref()));
            }
            (wire, principal, denial, Some(leg), Some(visit))
        }
    };
    // Whoever is not admitted has nothing to lose.
    let is_served_nameless = tls.is_some() && principal.is_none() && denial.is_none();
    let uses = plan.nameless.as_ref().filter(|_| is_served_nameless);
    let nameless = uses.map(|uses| uses.serve(guests.clock()));
    permit.handshake_done();
    waiter.seat().set_phase(Phase::Idle);
    let facts = CallerFacts {
        listener,
        principal,
        denial,
        tls,
        generation,
    };
    Some(Entered {
        wire,
        waiter,
        facts,
        plan,
        flow,
        permit,
        visit,
        nameless,
    })
}

/// What the access line says of TLS.
fn leg_of(facts: &SessionFacts) -> TlsLeg<'static> {
    TlsLeg {
        version: version_name(facts.version),
        resumed: facts.resumed,
    }
}

async fn handshake(
    socket: Socket,
    acceptor: &Acceptor,
    waiter: &mut Waiter,
    context: &Context,
    lane: &HandshakeLane,
    (plan, listener): (&ListenerPlan, SocketAddr),
) -> Option<(Wire, SessionFacts, Option<Arrival>)> {
    let began = Instant::now();
    let deadline = began + context.limits().handshake_timeout;
    let peer = socket.peer();
    let mut accepting = Box::pin(acceptor.accept(socket));
    let counters = &context.counters;
    let count = |version, end| {
        let leg = Leg::Inbound(listener);
        let key = HandshakeKey { leg, version, end };
        let traffic = &counters.traffic;
        traffic.handshake(&plan.system, key, began.elapsed());
    };
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
            let end = if facts.resumed {
                counters.handshakes_inbound_resumed.inc();
                HandshakeEnd::Resumed
            } else {
                counters.handshakes_inbound_full.inc();
                HandshakeEnd::Full
            };
            count(Some(version_name(facts.version)), end);
            debug!(
                system = %plan.system, %peer, version = version_name(facts.version), suite = facts.suite,
                resumed = facts.resumed,
                subject = facts.principal().map_or("-", |principal| principal.subject.as_str()),
                "TLS handshake done"
            );
            return Some((Wire::accepted(accepted.stream), facts, accepted.arrival));
        }
        Ok(Err(failure)) => failure,
        Err(Interrupt::Deadline) => HandshakeFailure::timed_out(Direction::Inbound),
        Err(Interrupt::Leaving | Interrupt::Cut | Interrupt::Abandoned) => return None,
    };
    counters.handshakes_inbound_failed.inc();
    count(None, HandshakeEnd::Failed(failure.code()));
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

/// Asks whether a client has been withdrawn, where somebody is to be asked, unless the connection
/// has to end before the answer is there.
async fn confirmed(
    guests: &Guests,
    running: &Running,
    waiter: &mut Waiter,
) -> Result<Option<Denial>, Interrupt> {
    let bench = running.bench();
    if !bench.is_some_and(|bench| bench.asks_a_responder()) {
        return Ok(None);
    }
    let mut asking = Box::pin(guests.confirm(waiter.seat().id()));
    // The question has its own limit, and those before it in the line have theirs.
    let deadline = Instant::now() + PATIENCE;
    waiter
        .until(deadline, true, |cx| asking.as_mut().poll(cx))
        .await
}

/// Longer than any answer may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// Counts a client that is not going to be served, and says why. Here and not with its first
/// request, since it may never send one.
fn say_denied(
    context: &Context,
    plan: &ListenerPlan,
    peer: SocketAddr,
    (denial, principal): (&Denial, Option<&Principal>),
) {
    context.counters.clients_not_admitted(denial).inc();
    if let Some(suppressed) = context.may_say(Noise::NotAdmitted) {
        let name = |of: fn(&Principal) -> &str| principal.map_or("-", |known| cut(of(known)));
        info!(
            system = %plan.system, %peer, listener = %plan.listen, code = denial.code(),
            subject = name(|known| &known.subject), issuer = name(|known| &known.issuer),
            serial = name(|known| &known.serial),
            fingerprint = principal.map(|known| tracing::field::display(known.fingerprint)),
            hint = denial.hint(), suppressed, "client not admitted: {denial}"
        );
    }
}

/// The beginning of a name: whoever asks for a certificate chooses how long its names are.
pub(super) fn cut(name: &str) -> &str {
    let end = name.floor_char_boundary(NAME_LIMIT);
    name.get(..end).unwrap_or(name)
}

/// As long as names in the access line.
const NAME_LIMIT: usize = 256;
