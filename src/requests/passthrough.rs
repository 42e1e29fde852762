//! `Mode=passthrough`: A/B for connections, TLS untouched.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tracing::warn;

use super::failover::{Cause, Event};
use super::sides::Sides;
use crate::http::{Context, RelayCaller};
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
    let (first, second) = route.sides.candidates();
    let mut tries = 0;
    let mut reached: Option<(Side, Socket)> = None;
    for side in [Some(first), second].into_iter().flatten() {
        tries += 1;
        match dial_side(&mut caller, &route, side).await {
            Ok(socket) => {
                reached = Some((side, socket));
                break;
            }
            Err(error) => {
                let system = route.sides.system();
                if let Some(suppressed) = context.may_say(Noise::RelayFailed) {
                    warn!(%system, %side, %error, hint = error.hint(), suppressed, "cannot reach the side");
                }
                if !error.blames_target() {
                    break;
                }
            }
        }
        if second.is_some() && side == first {
            context.counters.replays.inc();
        }
    }
    let Some((side, mut target)) = reached else {
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
                line.code = Some("GW-503-UNREACHABLE");
            },
        );
        return;
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

async fn dial_side(
    caller: &mut RelayCaller,
    route: &PassthroughRoute,
    side: Side,
) -> Result<Socket, DialError> {
    let began = route.sides.elapsed();
    let Some(target) = route.target(side) else {
        return Err(DialError::Unresolved {
            host: format!("side {side}"),
            reason: "not configured".to_owned(),
        });
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
        Err(error) if error.blames_target() => {
            let cause = match error {
                DialError::TimedOut { .. } => Cause::ConnectTimeout,
                DialError::Unresolved { .. }
                | DialError::Refused { .. }
                | DialError::Unreachable { .. }
                | DialError::Exhausted { .. } => Cause::Connect,
            };
            route
                .sides
                .tell(Event::RequestFailed { side, began, cause });
        }
        Err(_) => {}
    }
    result
}
