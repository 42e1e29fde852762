//! A static route: what arrives on port xy goes to port xy of the CRM host, byte for byte.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tracing::warn;

use crate::http::{Context, NoWayThrough, RelayCaller};
use crate::model::{HostPort, Outcome, SystemName};
use crate::net::{Inside, dial, relay};
use crate::telemetry::{self, Noise};
use crate::tls::Wire;

/// One static route.
#[derive(Debug)]
pub struct StaticRoute {
    /// The SAP system.
    pub system: SystemName,
    /// The CRM host and the port there.
    pub target: HostPort,
    /// For the dial.
    pub connect_timeout: Duration,
    /// No byte in either direction for so long ends a connection.
    pub idle_timeout: Duration,
}

/// Carries one connection. TLS runs through from the connector to the CRM.
pub async fn carry(mut caller: RelayCaller, route: Arc<StaticRoute>, context: Rc<Context>) {
    let started = Instant::now();
    let deadline = started + route.connect_timeout;
    let dialling = async { Ok(dial(&route.target, deadline).await.map(Wire::Plain)?) };
    let dialled = caller
        .dial(dialling, &route.target, route.connect_timeout)
        .await;
    let mut target = match dialled {
        Ok(target) => target,
        Err(error) => {
            if let NoWayThrough::Dial(error) = &error
                && let Some(suppressed) = context.may_say(Noise::RelayFailed)
            {
                let (system, upstream) = (&route.system, &route.target);
                warn!(%system, %upstream, %error, hint = error.hint(), suppressed, "cannot reach the CRM host");
            }
            caller.refuse();
            let upstream = Some(&route.target);
            caller.log(
                &context,
                telemetry::Flow::StaticRoute,
                &route.system,
                upstream,
                started,
                |line| {
                    line.tries = 1;
                    line.outcome = Outcome::NotSent;
                    line.code = Some(error.code());
                },
            );
            return;
        }
    };
    let report = caller
        .relayed(&context, None, |wire, waiter| {
            relay(
                wire,
                &mut target,
                waiter,
                &context.scratch,
                (Inside::Anything, route.idle_timeout),
            )
        })
        .await;
    let upstream = Some(&route.target);
    caller.log(
        &context,
        telemetry::Flow::StaticRoute,
        &route.system,
        upstream,
        started,
        |line| {
            line.tries = 1;
            line.of_relay(&report);
        },
    );
}
