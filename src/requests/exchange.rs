//! One request from its head to its outcome, and the only replay rule of the product.

use std::sync::Arc;

use super::failover::{Cause, Event};
use super::sides::Sides;
use crate::config::settings::FaultStyle;
use crate::http::{
    Delivery, Exchange, Flow, GatewayError, RequestRewrite, TryFailed, Upstream, UpstreamFault,
};
use crate::model::{Side, SystemName};
use crate::telemetry;

/// Where the requests of one SAP system go. The same for all threads.
#[derive(Debug)]
pub struct RequestRoute {
    /// Which side is active.
    pub sides: Arc<Sides>,
    /// Side A.
    pub side_a: Arc<Upstream>,
    /// Side B, if there is one.
    pub side_b: Option<Arc<Upstream>>,
    /// How faults look.
    pub fault: FaultStyle,
    /// Whether chunked requests are collected and sent with their length.
    pub dechunk: bool,
    /// Whether sides are told the caller's address.
    pub forwarded_for: bool,
}

impl RequestRoute {
    /// The upstream of a side.
    pub fn upstream(&self, side: Side) -> Option<&Arc<Upstream>> {
        match side {
            Side::A => Some(&self.side_a),
            Side::B => self.side_b.as_ref(),
        }
    }
}

/// The flow of a requests listener.
#[derive(Debug, Clone)]
pub struct RequestFlow {
    route: Arc<RequestRoute>,
}

impl RequestFlow {
    /// A flow over this route.
    pub const fn new(route: Arc<RequestRoute>) -> Self {
        Self { route }
    }

    /// Gives the request to a side and tells the failover machine what came of it.
    async fn try_side(
        &self,
        exchange: &mut Exchange<'_>,
        side: Side,
    ) -> Result<Delivery, TryFailed> {
        let sides = &self.route.sides;
        let Some(upstream) = self.route.upstream(side) else {
            let why = format!("side {side} is not configured");
            return Err(TryFailed {
                error: GatewayError::Unreachable(why),
                fault: None,
            });
        };
        let began = sides.elapsed();
        let address = self
            .route
            .forwarded_for
            .then(|| exchange.peer().ip().to_canonical());
        let rewrite = RequestRewrite {
            host_if_missing: upstream.host(),
            forwarded_for: address,
            ..RequestRewrite::default()
        };
        let result = exchange.forward(upstream, Some(side), &rewrite).await;
        match &result {
            Ok(Delivery::Complete { .. }) => sides.answered(side, began),
            Ok(Delivery::Truncated) => {
                sides.tell(Event::RequestFailed {
                    side,
                    began,
                    cause: Cause::Closed,
                });
            }
            Ok(Delivery::CallerLost | Delivery::Cut) => {}
            Err(failed) => {
                if let Some(fault) = failed.fault {
                    let cause = cause_of(fault);
                    let event = Event::RequestFailed { side, began, cause };
                    sides.tell_failure(event, &failed.error);
                }
            }
        }
        result.map_err(|failed| name_side(failed, side))
    }
}

impl Flow for RequestFlow {
    fn fault_style(&self) -> FaultStyle {
        self.route.fault
    }

    fn kind(&self) -> telemetry::Flow {
        telemetry::Flow::Request
    }

    fn system(&self) -> &SystemName {
        self.route.sides.system()
    }

    /// The replay rule: the other side is tried if and only if not one byte of the request
    /// reached the first, and the first is to blame. What SAP CRM asks for (dial, transfer) must
    /// not happen twice.
    async fn handle(&self, exchange: &mut Exchange<'_>) -> Result<Delivery, GatewayError> {
        if self.route.dechunk {
            exchange.collect_chunked_body().await?;
        }
        let (first, second) = self.route.sides.candidates();
        let failed = match self.try_side(exchange, first).await {
            Ok(delivery) => return Ok(delivery),
            Err(failed) => failed,
        };
        match second {
            Some(second) if failed.fault.is_some() && failed.outcome().may_try_other_side() => {
                exchange.count_replay();
                self.try_side(exchange, second)
                    .await
                    .map_err(|again| both(failed.error, again.error))
            }
            Some(_) | None => Err(failed.error),
        }
    }
}

/// What the caller is told when both sides failed: the second error, with the first one's words
/// if neither side got a byte.
fn both(first: GatewayError, second: GatewayError) -> GatewayError {
    match (first, second) {
        (GatewayError::Unreachable(first), GatewayError::Unreachable(second)) => {
            GatewayError::Unreachable(format!("{first}; {second}"))
        }
        (_, second) => second,
    }
}

fn name_side(mut failed: TryFailed, side: Side) -> TryFailed {
    if let GatewayError::Unreachable(why) = &mut failed.error {
        *why = format!("side {side}: {why}");
    }
    failed
}

const fn cause_of(fault: UpstreamFault) -> Cause {
    match fault {
        UpstreamFault::Connect => Cause::Connect,
        UpstreamFault::ConnectTimeout => Cause::ConnectTimeout,
        UpstreamFault::Handshake => Cause::Handshake,
        UpstreamFault::Closed => Cause::Closed,
        UpstreamFault::NoAnswer => Cause::NoAnswer,
        UpstreamFault::BadAnswer => Cause::BadAnswer,
    }
}
