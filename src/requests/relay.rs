//! `Mode=passthrough` and `Mode=relay`: A/B for connections, whose bytes are not understood.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tracing::warn;

use super::failover::{Cause, Event};
use super::sides::Sides;
use crate::http::{Context, NoWayThrough, RelayCaller, Upstream};
use crate::model::{Denial, HostPort, Outcome, Side};
use crate::net::{DialError, Inside, RelayReport, dial, relay};
use crate::telemetry::{Counters, Flow, Noise};
use crate::tls::Wire;

/// A side, as the bytes of a connection get there.
#[derive(Debug)]
pub enum FarEnd {
    /// As they come, TLS included.
    Untouched(HostPort),
    /// Out of the caller's TLS, and with TLS of our own where the side has it.
    Upstream(Arc<Upstream>),
}

impl FarEnd {
    /// Where it is.
    pub fn target(&self) -> &HostPort {
        match self {
            Self::Untouched(target) => target,
            Self::Upstream(upstream) => &upstream.spec().target,
        }
    }

    async fn connect(&self, deadline: Instant, counters: &Counters) -> Result<Wire, NoWayThrough> {
        match self {
            Self::Untouched(target) => Ok(dial(target, deadline).await.map(Wire::Plain)?),
            Self::Upstream(upstream) => Ok(upstream.connect(counters).await?),
        }
    }
}

/// Where the connections of one SAP system go.
#[derive(Debug)]
pub struct RelayRoute {
    /// Under which name it is logged and counted: whether TLS was ended here.
    pub flow: Flow,
    /// Which side is active.
    pub sides: Arc<Sides>,
    /// Side A.
    pub side_a: FarEnd,
    /// Side B, if there is one.
    pub side_b: Option<FarEnd>,
    /// For one dial.
    pub connect_timeout: Duration,
    /// No byte in either direction for so long ends a connection.
    pub idle_timeout: Duration,
}

impl RelayRoute {
    const fn far_end(&self, side: Side) -> Option<&FarEnd> {
        match side {
            Side::A => Some(&self.side_a),
            Side::B => self.side_b.as_ref(),
        }
    }

    /// The target of a side.
    pub fn target(&self, side: Side) -> Option<&HostPort> {
        self.far_end(side).map(FarEnd::target)
    }

    const fn inside(&self) -> Inside {
        match self.flow {
            Flow::Relay => Inside::Talk,
            Flow::Passthrough | Flow::StaticRoute | Flow::Request | Flow::Event => Inside::Anything,
        }
    }
}

/// Carries one connection to the active side. The other side is dialled if the first cannot be
/// reached: then not one byte was sent. A connection keeps its side; if that is not the active one,
/// after a switch or from the beginning, it is closed as soon as it is quiet, so that the caller
/// opens the next one to the side that serves now.
pub async fn relay_to_side(mut caller: RelayCaller, route: Arc<RelayRoute>, context: Rc<Context>) {
    let started = Instant::now();
    let carried = carry(&mut caller, &route, &context).await;
    if carried.result.is_err() {
        // There are no words for bytes that are not understood; the log has them.
        caller.refuse();
    }
    caller.log(
        &context,
        route.flow,
        route.sides.system(),
        carried.side.and_then(|side| route.target(side)),
        started,
        |line| {
            line.side = carried.side;
            line.tries = carried.tries;
            match carried.result {
                Ok(report) => line.of_relay(&report),
                Err(code) => {
                    line.outcome = Outcome::NotSent;
                    line.code = Some(code);
                }
            }
        },
    );
}

/// What became of a connection.
struct Carried {
    /// The side that it went to or was meant for, if it came so far.
    side: Option<Side>,
    tries: u8,
    /// What went through, or the code of what stood in the way.
    result: Result<RelayReport, &'static str>,
}

/// Takes a connection to a side, and stays until it has ended.
async fn carry(caller: &mut RelayCaller, route: &RelayRoute, context: &Context) -> Carried {
    if let Some(code) = caller.denial().map(Denial::code) {
        return Carried {
            side: None,
            tries: 0,
            result: Err(code),
        };
    }
    let mut tries = 0;
    let reached = reach_a_side(caller, route, context, &mut tries).await;
    let (side, mut target) = match reached {
        Ok(reached) => reached,
        Err((first, error)) => {
            return Carried {
                side: Some(first),
                tries,
                result: Err(error.code()),
            };
        }
    };
    let relayed = caller.relayed(context, Some(side), |wire, waiter| {
        // A switch from here on asks this connection, as it asks all that stand; one before it
        // could not, and nobody switches away from a side that is not the active one.
        if route.sides.active() != side {
            waiter.seat().leave_when_idle();
        }
        relay(
            wire,
            &mut target,
            waiter,
            &context.scratch,
            (route.inside(), route.idle_timeout),
        )
    });
    Carried {
        side: Some(side),
        tries,
        result: Ok(relayed.await),
    }
}

/// Dials the active side and, if that one is to blame that there is no connection, the other one.
/// Fails with the side that was meant and the last error.
async fn reach_a_side(
    caller: &mut RelayCaller,
    route: &RelayRoute,
    context: &Context,
    tries: &mut u8,
) -> Result<(Side, Wire), (Side, NoWayThrough)> {
    let (first, second) = route.sides.candidates();
    *tries = 1;
    let error = match dial_side(caller, route, context, first).await {
        Ok(wire) => return Ok((first, wire)),
        Err(error) => error,
    };
    let Some(second) = second.filter(|_| error.blames_target()) else {
        return Err((first, error));
    };
    context.counters.replays.inc();
    *tries = 2;
    match dial_side(caller, route, context, second).await {
        Ok(wire) => Ok((second, wire)),
        Err(error) => Err((first, error)),
    }
}

/// Dials one side, tells the failover machine what came of it, and says it in the log if it is
/// something that an operator can do something about.
async fn dial_side(
    caller: &mut RelayCaller,
    route: &RelayRoute,
    context: &Context,
    side: Side,
) -> Result<Wire, NoWayThrough> {
    let began = route.sides.elapsed();
    let Some(far_end) = route.far_end(side) else {
        let host = format!("side {side}");
        let reason = "not configured".to_owned();
        return Err(DialError::Unresolved { host, reason }.into());
    };
    let result = caller
        .dial(
            far_end.connect(Instant::now() + route.connect_timeout, &context.counters),
            far_end.target(),
            route.connect_timeout,
        )
        .await;
    match &result {
        Ok(_) => route.sides.answered(side, began),
        Err(error) => {
            let system = route.sides.system();
            if let Some(hint) = error.hint()
                && let Some(suppressed) = context.may_say(Noise::RelayFailed)
            {
                warn!(%system, %side, %error, hint, suppressed, "cannot reach the side");
            }
            if let Some(cause) = cause_of(error) {
                let failed = Event::RequestFailed { side, began, cause };
                route.sides.tell(failed);
            }
        }
    }
    result
}

/// What a failed dial says against the side, if anything.
const fn cause_of(error: &NoWayThrough) -> Option<Cause> {
    let error = match error {
        NoWayThrough::Dial(error) => error,
        NoWayThrough::Tls(_) => return Some(Cause::Handshake),
        NoWayThrough::Cut => return None,
    };
    match error {
        DialError::TimedOut { .. } => Some(Cause::ConnectTimeout),
        DialError::Unresolved { .. }
        | DialError::Refused { .. }
        | DialError::Unreachable { .. } => Some(Cause::Connect),
        DialError::Exhausted { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use tokio::io::AsyncReadExt;
    use tokio::net::{TcpListener, TcpStream};
    use tokio::task::{LocalSet, spawn_blocking, spawn_local, yield_now};
    use tokio::time::timeout;

    use super::*;
    use crate::config::settings::{Failback, FailoverSettings, Limits};
    use crate::http::CallerFacts;
    use crate::model::{Clock, ConnectionId, Generation};
    use crate::net::{Roster, Scope, Socket, Waiter};
    use crate::requests::failover::Watch;
    use crate::telemetry::{AccessLog, Counters};

    const SOON: Duration = Duration::from_secs(10);

    fn sides() -> Arc<Sides> {
        let settings = FailoverSettings {
            preferred: Side::A,
            fall: 2,
            rise: 2,
            min_hold: Duration::ZERO,
            failback: Failback::Manual,
            max_switches: 4,
            flap_window: SOON,
            hang_limit: SOON,
        };
        Arc::new(Sides::new(
            "T01".parse().expect("a name"),
            (&settings, true, Watch::RequestsOnly),
            Clock::system(),
            Arc::default(),
            Box::new(|_event| ()),
        ))
    }

    fn context() -> Rc<Context> {
        let limits = Limits {
            max_connections: 1,
            max_connections_per_address: 1,
            max_handshakes: 1,
            max_handshakes_per_address: 1,
            handshake_timeout: SOON,
            header_timeout: SOON,
            idle_timeout: SOON,
            max_header_size: 1,
            max_headers: 1,
            max_body_size: 1,
            max_buffered_body: 1,
            min_body_rate: 1,
        };
        let counters = Arc::new(Counters::default());
        Rc::new(Context::new(&limits, counters, AccessLog::off(), 10))
    }

    /// A caller's end, and the connection as the gateway has it.
    async fn connection(roster: &Roster) -> (TcpStream, RelayCaller) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        let at = listener.local_addr().expect("bound");
        let (caller, accepted) = tokio::join!(TcpStream::connect(at), listener.accept());
        let (accepted, peer) = accepted.expect("accepted");
        let scope = Scope {
            system: 1,
            listener: 1,
        };
        let waiter = Waiter::new(roster.seat(ConnectionId(1), peer, scope));
        let wire = Wire::Plain(Socket::new(accepted, peer));
        let facts = CallerFacts {
            listener: at,
            principal: None,
            denial: None,
            tls: None,
            generation: Generation::FIRST,
        };
        let relayed = RelayCaller::new(wire, waiter, facts);
        (caller.expect("connected"), relayed)
    }

    /// Side A is dialled while `meanwhile` happens; then the connection stands and is quiet.
    async fn is_closed_soon(meanwhile: impl FnOnce(&Sides, &Roster)) -> bool {
        let side_a = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        let at = side_a.local_addr().expect("bound");
        let (sides, roster) = (sides(), Roster::new());
        let route = Arc::new(RelayRoute {
            flow: Flow::Passthrough,
            sides: Arc::clone(&sides),
            side_a: FarEnd::Untouched(HostPort::new("localhost", at.port()).expect("valid")),
            side_b: Some(FarEnd::Untouched(HostPort::from_addr(at))),
            connect_timeout: SOON,
            idle_timeout: SOON * 6,
        });
        let (mut caller, relayed) = connection(&roster).await;
        // The resolver's only thread is taken, so the dial lasts as long as it has to.
        let (end, taken) = mpsc::channel::<()>();
        let _thread = spawn_blocking(move || taken.recv());
        spawn_local(relay_to_side(relayed, route, context()));
        yield_now().await;
        meanwhile(&sides, &roster);
        drop(end);
        let _reached = side_a.accept().await.expect("accepted");
        let farewell = timeout(Duration::from_secs(2), caller.read(&mut [0])).await;
        farewell.is_ok_and(|read| matches!(read, Ok(0)))
    }

    fn on_one_thread(test: impl Future<Output = ()>) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(1)
            .build()
            .expect("a runtime");
        LocalSet::new().block_on(&runtime, test);
    }

    #[test]
    fn a_connection_whose_side_is_left_while_it_is_dialled_moves_once_it_is_quiet() {
        on_one_thread(async {
            assert!(!is_closed_soon(|_, _| ()).await, "side A is active");
            let switch = |sides: &Sides, roster: &Roster| {
                sides.tell(Event::SwitchTo {
                    side: Side::B,
                    by: "a test".into(),
                });
                roster.leave_side(1, Side::A);
            };
            assert!(is_closed_soon(switch).await, "side B is active");
        });
    }
}
