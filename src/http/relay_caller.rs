//! [`RelayCaller`]: an accepted connection whose bytes are relayed and not understood.

use std::time::Duration;

use tokio::time::Instant;
use tracing::info;

use crate::http::caller::CallerFacts;
use crate::http::context::Context;
use crate::http::error::GatewayError;
use crate::http::upstream::ConnectError;
use crate::model::{Denial, ExchangeId, HostPort, Outcome, Side, SystemName};
use crate::net::{DialError, Interrupt, Phase, RelayEnd, RelayReport, Waiter};
use crate::telemetry::{AccessLine, Flow, Noise};
use crate::tls::{HandshakeFailure, Wire};

/// Why there is no way through for a connection; nothing was sent.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum NoWayThrough {
    /// The dial came to nothing.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// The far end has no TLS for us.
    #[error(transparent)]
    Tls(#[from] HandshakeFailure),
    /// The connection had to end while the dial was under way: nobody's fault.
    #[error("the gateway had to end the connection")]
    Cut,
}

impl NoWayThrough {
    /// Whether the far end is to blame.
    pub const fn blames_target(&self) -> bool {
        match self {
            Self::Dial(error) => error.blames_target(),
            Self::Tls(_) => true,
            Self::Cut => false,
        }
    }

    /// What an operator does next; `None` where nothing is wrong.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Dial(error) => Some(error.hint()),
            Self::Tls(failure) => Some(failure.hint()),
            Self::Cut => None,
        }
    }

    /// The stable code for the access line, the same as requests have it.
    pub fn code(&self) -> &'static str {
        let same = match self {
            Self::Dial(error) if error.blames_target() => GatewayError::Unreachable(String::new()),
            Self::Tls(_) => GatewayError::Unreachable(String::new()),
            Self::Dial(_exhausted) => GatewayError::Exhausted,
            Self::Cut => GatewayError::Cut(Outcome::NotSent),
        };
        same.code()
    }
}

impl From<ConnectError> for NoWayThrough {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Dial(error) => Self::Dial(error),
            ConnectError::Tls(failure) => Self::Tls(failure),
        }
    }
}

/// An accepted connection whose bytes are relayed.
#[derive(Debug)]
pub struct RelayCaller {
    wire: Wire,
    waiter: Waiter,
    facts: CallerFacts,
}

impl RelayCaller {
    /// A connection as it was accepted.
    pub fn new(wire: Wire, waiter: Waiter, facts: CallerFacts) -> Self {
        waiter.seat().is_to_be_relayed();
        Self {
            wire,
            waiter,
            facts,
        }
    }

    /// Why the rules of the listener do not admit the caller, if they do not.
    pub const fn denial(&self) -> Option<&Denial> {
        self.facts.denial.as_ref()
    }

    /// Waits for a dial, unless this connection has to end before.
    pub async fn dial(
        &mut self,
        dialling: impl Future<Output = Result<Wire, NoWayThrough>>,
        target: &HostPort,
        limit: Duration,
    ) -> Result<Wire, NoWayThrough> {
        self.waiter.seat().set_phase(Phase::Busy);
        let mut dialling = Box::pin(dialling);
        let deadline = Instant::now() + limit * 2;
        let dialled = self
            .waiter
            .until(deadline, false, |cx| dialling.as_mut().poll(cx))
            .await;
        match dialled {
            Ok(dialled) => dialled,
            // The dial keeps its own time; this is for one that forgets to.
            Err(Interrupt::Deadline) => Err(NoWayThrough::Dial(DialError::TimedOut {
                target: target.clone(),
            })),
            Err(Interrupt::Leaving | Interrupt::Cut | Interrupt::Abandoned) => {
                Err(NoWayThrough::Cut)
            }
        }
    }

    /// Tells the caller with a reset that there is no way through; a plain close could be taken
    /// for an empty answer.
    pub fn refuse(&self) {
        self.wire.socket().reset_on_close();
    }

    /// Relays, to a side or to somebody else, and counts what went through.
    pub async fn relayed<'a, F>(
        &'a mut self,
        context: &Context,
        side: Option<Side>,
        relay: impl FnOnce(&'a mut Wire, &'a mut Waiter) -> F,
    ) -> RelayReport
    where
        F: Future<Output = RelayReport>,
    {
        self.waiter.seat().set_phase(Phase::Relaying(side));
        context.counters.relayed_connections.inc();
        context.counters.relayed_connections_open.inc();
        let report = relay(&mut self.wire, &mut self.waiter).await;
        context.counters.relayed_connections_open.dec();
        context
            .counters
            .relayed_bytes_to_target
            .add(report.to_target);
        context
            .counters
            .relayed_bytes_from_target
            .add(report.to_caller);
        report
    }

    /// Counts the connection and writes its access line, throttled where nothing came back.
    #[expect(
        clippy::too_many_arguments,
        reason = "each is a fact of the line that only the flow knows"
    )]
    pub fn log(
        &self,
        context: &Context,
        flow: Flow,
        system: &SystemName,
        upstream: Option<&HostPort>,
        started: Instant,
        fill: impl FnOnce(&mut AccessLine<'_>),
    ) {
        let seat = self.waiter.seat();
        let mut line = AccessLine {
            flow,
            id: ExchangeId {
                connection: seat.id(),
                number: 1,
            },
            system,
            listener: self.facts.listener,
            peer: seat.peer(),
            principal: self.facts.principal.as_deref(),
            tls: self.facts.tls,
            method: None,
            target: None,
            operation: None,
            side: None,
            upstream,
            upstream_reused: false,
            tries: 0,
            outcome: Outcome::NotSent,
            status: None,
            code: None,
            request_bytes: 0,
            response_bytes: 0,
            took: started.elapsed(),
            generation: self.facts.generation,
        };
        fill(&mut line);
        context.counters.exchanges(flow, line.outcome).inc();
        context.counters.traffic.exchange(&line);
        if line.response_bytes > 0 || !context.access.is_on() {
            context.access.write(&line);
            return;
        }
        // Anybody can open connections and say nothing, so these may not fill the disk.
        if let Some(suppressed) = context.may_say(Noise::RelayEmpty) {
            context.access.write(&line);
            if suppressed > 0 {
                info!(
                    %system, %flow, suppressed,
                    "relayed connections on which nothing came back were counted and not logged one by one"
                );
            }
        }
    }
}

impl AccessLine<'_> {
    /// Takes over what went through a relayed connection. Bytes that came back are an answer,
    /// unless something was asked after them and the connection broke off.
    pub fn of_relay(&mut self, report: &RelayReport) {
        self.request_bytes = report.to_target;
        self.response_bytes = report.to_caller;
        self.outcome = match (report.to_target, report.to_caller) {
            (0, 0) => Outcome::NotSent,
            (_, 1..) if !report.unanswered => Outcome::Answered,
            (_, _) => Outcome::SentNoAnswer,
        };
        self.code = match report.end {
            RelayEnd::Closed | RelayEnd::Drained => None,
            other @ (RelayEnd::CallerLost
            | RelayEnd::TargetLost
            | RelayEnd::Idle
            | RelayEnd::Cut) => Some(other.code()),
        };
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    #[test]
    fn a_line_without_a_way_through_names_whom_it_was_for_want_of() {
        let refused = DialError::Refused {
            address: SocketAddr::from(([192, 0, 2, 7], 8443)),
        };
        let exhausted = DialError::Exhausted {
            reason: "too many open files".to_owned(),
        };
        for (error, code) in [
            (NoWayThrough::Dial(refused), "GW-503-UNREACHABLE"),
            (NoWayThrough::Dial(exhausted), "GW-503-EXHAUSTED"),
            (NoWayThrough::Cut, "GW-503-CUT"),
        ] {
            assert_eq!(error.code(), code, "{error}");
        }
        assert_eq!(
            NoWayThrough::Cut.to_string(),
            "the gateway had to end the connection"
        );
    }
}
