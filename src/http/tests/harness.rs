//! A gateway of one flow over real loopback sockets.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::{LocalSet, spawn_local};
use tokio::time::timeout;

use crate::config::settings::{FaultStyle, Limits};
pub(super) use crate::http::peers::*;
use crate::http::*;
use crate::model::{self, ConnectionId, Generation, HostPort, Outcome, SystemName};
use crate::net::{Roster, Scope, Socket, Waiter};
use crate::telemetry::{self, AccessLog, Counters, UpstreamRole};
use crate::tls::Wire;

/// Runs a test where tasks of one thread can be spawned, as they are in the gateway.
pub(super) async fn on_one_thread<T>(test: impl Future<Output = T>) -> T {
    let all = LocalSet::new();
    timeout(SOON * 6, all.run_until(test))
        .await
        .expect("the test ends")
}

pub(super) fn limits() -> Limits {
    Limits {
        max_connections: 100,
        max_connections_per_address: 100,
        max_handshakes: 10,
        max_handshakes_per_address: 10,
        handshake_timeout: SOON,
        header_timeout: SOON,
        idle_timeout: SOON,
        max_header_size: 8192,
        max_headers: 100,
        max_body_size: 16 * 1024 * 1024,
        max_buffered_body: 100_000,
        min_body_rate: 240,
    }
}

/// What a try came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Tried {
    Delivered(Delivery),
    Failed(Outcome, Option<UpstreamFault>),
}

/// A flow that tries one upstream after the other, by the product's own replay rule.
pub(super) struct Forward {
    pub(super) upstreams: Vec<Arc<Upstream>>,
    pub(super) dechunk: bool,
    system: SystemName,
    tried: Rc<RefCell<Vec<Tried>>>,
}

impl Flow for Forward {
    fn fault_style(&self) -> FaultStyle {
        FaultStyle::Soap
    }

    fn kind(&self) -> telemetry::Flow {
        telemetry::Flow::Request
    }

    fn system(&self) -> &SystemName {
        &self.system
    }

    async fn handle(&self, exchange: &mut Exchange<'_>) -> Result<Delivery, GatewayError> {
        if self.dechunk {
            exchange.collect_chunked_body().await?;
        }
        let mut last = GatewayError::Exhausted;
        for upstream in &self.upstreams {
            let rewrite = RequestRewrite {
                host_if_missing: "side",
                ..RequestRewrite::default()
            };
            match exchange
                .forward(upstream, Some(model::Side::A), &rewrite)
                .await
            {
                Ok(delivery) => {
                    self.tried.borrow_mut().push(Tried::Delivered(delivery));
                    return Ok(delivery);
                }
                Err(failed) => {
                    let (outcome, fault) = (failed.outcome(), failed.fault);
                    self.tried.borrow_mut().push(Tried::Failed(outcome, fault));
                    last = failed.error;
                    if fault.is_none() || !outcome.may_try_other_side() {
                        break;
                    }
                }
            }
        }
        Err(last)
    }
}

/// A gateway with one listener.
pub(super) struct Gateway {
    pub(super) address: SocketAddr,
    pub(super) context: Rc<Context>,
    pub(super) roster: Roster,
    tried: Rc<RefCell<Vec<Tried>>>,
}

impl Gateway {
    pub(super) async fn to(sides: &[SocketAddr]) -> Self {
        Self::with(sides, limits(), false, SOON).await
    }

    pub(super) async fn with(
        sides: &[SocketAddr],
        limits: Limits,
        dechunk: bool,
        response_timeout: Duration,
    ) -> Self {
        let tried = Rc::new(RefCell::new(Vec::new()));
        let flow = Forward {
            upstreams: sides
                .iter()
                .map(|side| upstream(*side, response_timeout))
                .collect(),
            dechunk,
            system: "T01".parse().expect("a name"),
            tried: Rc::clone(&tried),
        };
        let gateway = Self::running(flow, &limits, Roster::new()).await;
        Self { tried, ..gateway }
    }

    /// A gateway with another flow.
    pub(super) async fn running<F: Flow + 'static>(
        flow: F,
        limits: &Limits,
        roster: Roster,
    ) -> Self {
        let counters = Arc::new(Counters::default());
        let context = Rc::new(Context::new(limits, counters, AccessLog::off(), 10));
        let slot = Rc::new(Slot::new(flow, Generation(1)));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        let address = listener.local_addr().expect("bound");
        let gateway = Self {
            address,
            context: Rc::clone(&context),
            roster: roster.clone(),
            tried: Rc::default(),
        };
        spawn_local(async move {
            for number in 1.. {
                let (tcp, peer) = listener.accept().await.expect("accepted");
                let scope = Scope {
                    system: 0,
                    listener: 0,
                };
                let waiter = Waiter::new(roster.seat(ConnectionId(number), peer, scope));
                let facts = CallerFacts {
                    listener: address,
                    principal: None,
                    denial: None,
                    tls: None,
                    generation: Generation(1),
                };
                let mut caller = Caller::new(Wire::Plain(Socket::new(tcp, peer)), waiter, facts);
                let (context, slot) = (Rc::clone(&context), Rc::clone(&slot));
                spawn_local(async move { serve(&mut caller, context, slot).await });
            }
        });
        gateway
    }

    pub(super) async fn call(&self) -> Raw {
        Raw::connect(self.address).await
    }

    /// What the tries so far came to; forgets them.
    pub(super) fn tried(&self) -> Vec<Tried> {
        self.tried.take()
    }
}

pub(super) fn upstream(side: SocketAddr, response_timeout: Duration) -> Arc<Upstream> {
    let target = HostPort::parse_with_default(&side.to_string(), None).expect("an address");
    Arc::new(Upstream::new(UpstreamSpec {
        system: "SAP1".parse().expect("a name"),
        role: UpstreamRole::Side(model::Side::A),
        dialled: target.clone(),
        target,
        tls: None,
        probe_tls: None,
        connect_timeout: SOON,
        response_timeout,
        pool_idle: SOON,
    }))
}
