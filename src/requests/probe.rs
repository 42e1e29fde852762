//! Health probes: the corridor that requests walk, walked by the gateway itself.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, timeout};
use tracing::debug;

use super::failover::{Cause, Event, Health};
use super::sides::Sides;
use crate::config::settings::{ProbeKind, ProbeSettings};
use crate::http::{ConnectError, Upstream};
use crate::model::Side;
use crate::net::{DialError, dial};
use crate::telemetry::Counters;
use crate::tls::Wire;

/// Why a probe failed.
#[derive(Debug)]
pub enum ProbeError {
    /// This machine has run out of something: says nothing about the side.
    Exhausted,
    /// The side is to blame.
    Side(Cause, String),
}

impl fmt::Display for ProbeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exhausted => f.write_str("this machine cannot open another connection"),
            Self::Side(cause, detail) => write!(f, "{cause}: {detail}"),
        }
    }
}

/// Probes one side for ever and tells what it saw.
pub async fn watch_side(
    sides: Arc<Sides>,
    side: Side,
    upstream: Arc<Upstream>,
    settings: ProbeSettings,
    body: Bytes,
    counters: Arc<Counters>,
) -> Infallible {
    loop {
        let begun = Instant::now();
        let mut again_at = begun + settings.interval;
        let probed = probe_once(&upstream, &settings, body.clone(), &counters).await;
        if !matches!(probed, Err(ProbeError::Exhausted)) {
            let traffic = &counters.traffic;
            traffic.probe(sides.system(), side, probed.is_ok(), begun.elapsed());
        }
        match probed {
            Ok(()) => {
                counters.probes_passed.inc();
                sides.tell(Event::ProbePassed { side });
            }
            Err(ProbeError::Exhausted) => {}
            Err(ProbeError::Side(cause, detail)) => {
                counters.probes_failed.inc();
                debug!(system = %sides.system(), %side, %cause, detail, "probe failed");
                sides.tell_failure(Event::ProbeFailed { side, cause }, &detail);
                if sides.health(side) != Health::Down {
                    // A suspicion is settled at once; a side that hangs has to be left within 2 s.
                    again_at = Instant::now() + SUSPICION.min(settings.interval);
                }
            }
        }
        tokio::time::sleep_until(again_at).await;
    }
}

/// Between a failed probe and the next, while the side still counts as up.
const SUSPICION: Duration = Duration::from_millis(50);

/// One probe, within the probe's own time-out.
pub async fn probe_once(
    upstream: &Upstream,
    settings: &ProbeSettings,
    body: Bytes,
    counters: &Counters,
) -> Result<(), ProbeError> {
    let alive = AtomicBool::new(false);
    let walk = walk(upstream, settings, body, counters, &alive);
    match timeout(settings.timeout, walk).await {
        Ok(result) => result,
        Err(_elapsed) => Err(silence(upstream, settings.timeout, &alive)),
    }
}

/// What silence means: a host that is dead, or a connector that hangs on one that is alive.
fn silence(upstream: &Upstream, limit: Duration, alive: &AtomicBool) -> ProbeError {
    let limit = limit.as_millis();
    if alive.load(Ordering::Relaxed) {
        let detail = format!("connected, and no answer within {limit} ms");
        ProbeError::Side(Cause::NoAnswer, detail)
    } else {
        let host = &upstream.spec().dialled;
        let detail = format!("{host} took no connection within {limit} ms");
        ProbeError::Side(Cause::ConnectTimeout, detail)
    }
}

async fn walk(
    upstream: &Upstream,
    settings: &ProbeSettings,
    body: Bytes,
    counters: &Counters,
    alive: &AtomicBool,
) -> Result<(), ProbeError> {
    let connect = async || {
        let host_answered = || alive.store(true, Ordering::Relaxed);
        let connected = upstream.connect_for_probe(counters, host_answered).await;
        connected.map_err(|error| match error {
            ConnectError::Dial(DialError::TimedOut { .. }) => {
                silence(upstream, upstream.spec().connect_timeout, alive)
            }
            ConnectError::Dial(error) => from_dial(&error),
            ConnectError::Tls(failure) => ProbeError::Side(Cause::Handshake, failure.to_string()),
        })
    };
    match &settings.kind {
        ProbeKind::Off => Ok(()),
        ProbeKind::Tcp => {
            let deadline = Instant::now() + settings.timeout;
            let dialled = dial(&upstream.spec().dialled, deadline).await;
            dialled.map(drop).map_err(|error| from_dial(&error))
        }
        ProbeKind::Tls => connect().await.map(drop),
        ProbeKind::Http { method, path } => {
            let request = hyper::Request::builder()
                .method(method.as_str())
                .uri(path.as_str());
            ask(connect().await?, upstream, request, Bytes::new(), settings).await
        }
        ProbeKind::Soap { path, action, .. } => {
            let request = hyper::Request::post(path.as_str())
                .header("Content-Type", "text/xml; charset=utf-8")
                .header("SOAPAction", format!("\"{action}\""));
            ask(connect().await?, upstream, request, body, settings).await
        }
    }
}

async fn ask(
    wire: Wire,
    upstream: &Upstream,
    request: hyper::http::request::Builder,
    body: Bytes,
    settings: &ProbeSettings,
) -> Result<(), ProbeError> {
    let bad = |error: &dyn fmt::Display| ProbeError::Side(Cause::BadAnswer, error.to_string());
    let request = request
        .header("Host", upstream.host())
        .header("User-Agent", "crmgate-probe")
        .header("Connection", "close")
        .body(Full::new(body))
        .map_err(|error| bad(&error))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(wire))
        .await
        .map_err(|error| bad(&error))?;
    let answer = sender.send_request(request);
    tokio::pin!(answer);
    let answer = tokio::select! {
        biased;
        answer = &mut answer => answer,
        // The connection may end in the same moment in which it delivered the answer.
        _ended = connection => answer.await,
    };
    let status = match answer {
        Ok(answer) => answer.status().as_u16(),
        Err(error) if error.is_parse() => return Err(bad(&error)),
        Err(error) => return Err(ProbeError::Side(Cause::Closed, error.to_string())),
    };
    let expected = &settings.expect_status;
    if expected.is_empty() || expected.iter().any(|range| range.contains(&status)) {
        Ok(())
    } else {
        Err(ProbeError::Side(
            Cause::Status(status),
            format!("HTTP status {status}"),
        ))
    }
}

fn from_dial(error: &DialError) -> ProbeError {
    match error {
        DialError::Exhausted { .. } => ProbeError::Exhausted,
        DialError::TimedOut { .. } => ProbeError::Side(Cause::ConnectTimeout, error.to_string()),
        DialError::Unresolved { .. }
        | DialError::Refused { .. }
        | DialError::Unreachable { .. } => ProbeError::Side(Cause::Connect, error.to_string()),
    }
}
