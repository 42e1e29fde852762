//! `Mode=passthrough`: A/B for connections, TLS untouched.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tracing::warn;

use super::failover::{Cause, Event};
use super::sides::Sides;
use crate::http::{Context, NoWayThrough, RelayCaller};
use crate::model::{HostPort, Outcome, Side};
use crate::net::{DialError, Socket, dial, relay};
use crate::telemetry::{self, Noise};

/// Where the connections of one SAP system go.
#[derive(Debug)]
pub struct PassthroughRoute {
    /// Which side is active.
    pub sides: Arc<Sides>,
    /// Side A.
    pub side_a: HostPort,
    /// Side B, if there is one.
    pub side_b: Option<HostPort>,
    /// For one dial.
    pub connect_timeout: Duration,
    /// No byte in either direction for so long ends a connection.
    pub idle_timeout: Duration,
}

impl PassthroughRoute {
    /// The target of a side.
    pub const fn target(&self, side: Side) -> Option<&HostPort> {
        match side {
            Side::A => Some(&self.side_a),
            Side::B => self.side_b.as_ref(),
        }
    }
}

/// Carries one connection to the active side. The other side is dialled if the first cannot be
/// reached: then not one byte was sent. A connection keeps its side; after a switch it is closed
/// as soon as it is quiet, so that the caller opens the next one to the side that serves now.
pub async fn pass_through(
    mut caller: RelayCaller,
    route: Arc<PassthroughRoute>,
    context: Rc<Context>,
) {
    let started = Instant::now();
    let mut tries = 0;
    let reached = reach_a_side(&mut caller, &route, &context, &mut tries).await;
    let (side, mut target) = match reached {
        Ok(reached) => reached,
        Err((first, error)) => {
            caller.refuse();
            let upstream = route.target(first);
            caller.log(
                &context,
                telemetry::Flow::Passthrough,
                route.sides.system(),
                upstream,
                started,
                |line| {
                    line.side = Some(first);
                    line.tries = tries;
                    line.outcome = Outcome::NotSent;
                    line.code = Some(error.code());
                },
            );
            return;
        }
    };
    let report = caller
        .relayed(&context, Some(side), |socket, waiter| {
            relay(
                socket,
                &mut target,
                waiter,
                &context.scratch,
                route.idle_timeout,
            )
        })
        .await;
    let upstream = route.target(side);
    caller.log(
        &context,
        telemetry::Flow::Passthrough,
        route.sides.system(),
        upstream,
        started,
        |line| {
            line.side = Some(side);
            line.tries = tries;
            line.of_relay(&report);
        },
    );
}

/// Dials the active side and, if that one is to blame that there is no connection, the other one.
/// Fails with the side that was meant and the last error.
async fn reach_a_side(
    caller: &mut RelayCaller,
    route: &PassthroughRoute,
    context: &Context,
    tries: &mut u8,
) -> Result<(Side, Socket), (Side, NoWayThrough)> {
    let (first, second) = route.sides.candidates();
    *tries = 1;
    let error = match dial_side(caller, route, context, first).await {
        Ok(socket) => return Ok((first, socket)),
        Err(error) => error,
    };
    let Some(second) = second.filter(|_| error.blames_target()) else {
        return Err((first, error));
    };
    context.counters.replays.inc();
    *tries = 2;
    match dial_side(caller, route, context, second).await {
        Ok(socket) => Ok((second, socket)),
        Err(error) => Err((first, error)),
    }
}

/// Dials one side, tells the failover machine what came of it, and says it in the log if it is
/// something that an operator can do something about.
async fn dial_side(
    caller: &mut RelayCaller,
    route: &PassthroughRoute,
    context: &Context,
    side: Side,
) -> Result<Socket, NoWayThrough> {
    let began = route.sides.elapsed();
    let Some(target) = route.target(side) else {
        let host = format!("side {side}");
        let reason = "not configured".to_owned();
        return Err(DialError::Unresolved { host, reason }.into());
    };
    let result = caller
        .dial(
            dial(target, Instant::now() + route.connect_timeout),
            target,
            route.connect_timeout,
        )
        .await;
    match &result {
        Ok(_) => route.sides.answered(side, began),
        Err(NoWayThrough::Cut) => {}
        Err(NoWayThrough::Dial(error)) => {
            let system = route.sides.system();
            if let Some(suppressed) = context.may_say(Noise::RelayFailed) {
                warn!(%system, %side, %error, hint = error.hint(), suppressed, "cannot reach the side");
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
const fn cause_of(error: &DialError) -> Option<Cause> {
    match error {
        DialError::TimedOut { .. } => Some(Cause::ConnectTimeout),
        DialError::Unresolved { .. }
        | DialError::Refused { .. }
        | DialError::Unreachable { .. } => Some(Cause::Connect),
        DialError::Exhausted { .. } => None,
    }
}
