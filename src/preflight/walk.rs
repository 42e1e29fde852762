//! [`all`]: calling everybody at once, on the way that traffic takes.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use crate::http::{Glance, NoGlance, Question, glance, refusal};
use crate::model::{Clock, HostPort, WallTime};
use crate::net::{DialError, Socket, dial};
use crate::preflight::peers::{Peer, Speech};
use crate::requests::probe_once;
use crate::telemetry::Counters;
use crate::tls::{Connected, Direction, HandshakeFailure, Shown, Trial, Wire};

/// What became of calling somebody.
#[derive(Debug)]
pub(super) struct SeenPeer {
    pub(super) peer: Arc<Peer>,
    /// On the way that traffic takes.
    pub(super) way: Way,
    /// Past PROXY, where there is one: who answers there.
    pub(super) direct: Option<Way>,
}

/// What became of one way, as far as it went.
#[derive(Debug, Default)]
pub(super) struct Way {
    pub(super) dialled: Option<Result<Dialled, DialError>>,
    pub(super) hand: Option<Result<Hand, HandshakeFailure>>,
    pub(super) shown: Option<Shown>,
    pub(super) answer: Option<Result<Answer, NoGlance>>,
    /// Whether a second connection took the session up; none if there was no second one.
    pub(super) resumed: Option<bool>,
    /// What the SOAP probe said.
    pub(super) probe: Option<Result<(), String>>,
}

/// A TCP connection.
#[derive(Debug)]
pub(super) struct Dialled {
    pub(super) address: std::net::SocketAddr,
    pub(super) took: Duration,
}

/// A TLS handshake.
#[derive(Debug)]
pub(super) struct Hand {
    pub(super) version: crate::config::settings::TlsVersion,
    pub(super) suite: &'static str,
    pub(super) took: Duration,
}

/// An answer of HTTP, and when it came.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) glance: Glance,
    pub(super) at: WallTime,
    pub(super) took: Duration,
}

/// Calls everybody, each at the same time as the others; in the order of the peers.
pub(super) async fn all(peers: Vec<Peer>, clock: &Clock, deadline: Instant) -> Vec<SeenPeer> {
    let peers: Vec<Arc<Peer>> = peers.into_iter().map(Arc::new).collect();
    let mut calls = JoinSet::new();
    for (index, peer) in peers.iter().enumerate() {
        let (peer, clock) = (Arc::clone(peer), clock.clone());
        calls.spawn(async move { (index, call(&peer, &clock, deadline).await) });
    }
    let mut ways: Vec<(usize, Ways)> = Vec::new();
    while let Some(called) = calls.join_next().await {
        ways.extend(called);
    }
    let each = peers.into_iter().enumerate();
    let seen = each.map(|(index, peer)| {
        let at = ways.iter().position(|(number, _)| *number == index);
        let (way, direct) = at.map(|at| ways.swap_remove(at).1).unwrap_or_default();
        SeenPeer { peer, way, direct }
    });
    seen.collect()
}

/// The way of traffic, and the one past PROXY.
type Ways = (Way, Option<Way>);

async fn call(peer: &Peer, clock: &Clock, deadline: Instant) -> Ways {
    let Some(via) = &peer.via else {
        return (walk(peer, &peer.target, clock, deadline).await, None);
    };
    let direct = async {
        let mut way = Way::default();
        // Behind a PROXY nobody has to be reachable directly, so nobody is waited for long.
        let soon = deadline.min(Instant::now() + peer.connect_timeout);
        let _wire = connect(peer, &peer.target, soon, &mut way).await;
        way
    };
    let (way, direct) = tokio::join!(walk(peer, via, clock, deadline), direct);
    (way, Some(direct))
}

async fn walk(peer: &Peer, to: &HostPort, clock: &Clock, deadline: Instant) -> Way {
    let mut way = Way::default();
    let soon = deadline.min(Instant::now() + peer.connect_timeout);
    let Some(mut wire) = connect(peer, to, soon, &mut way).await else {
        return way;
    };
    if let Some(asked) = &peer.asked {
        let begun = Instant::now();
        let question = Question {
            method: &asked.method,
            path: &asked.path,
            host: &peer.host(),
            limits: peer.limits,
        };
        let limit = deadline.min(begun + peer.response_timeout);
        let answer = glance(&mut wire, question, limit).await;
        let (at, took) = (clock.now(), begun.elapsed());
        way.answer = Some(answer.map(|glance| Answer { glance, at, took }));
    } else if wire.is_tls() {
        let limit = deadline.min(Instant::now() + CONSENT);
        let refused = refusal(&mut wire, limit).await;
        way.answer = refused.map(|refused| Err(NoGlance::Refused(refused)));
    }
    drop(wire);
    if let (Speech::Tls(trial), Some(Ok(_))) = (&peer.speech, &way.answer) {
        let soon = deadline.min(Instant::now() + peer.connect_timeout);
        way.resumed = again(trial, to, soon).await;
    }
    if let (Some(probe), Some(Ok(_))) = (&peer.probe, &way.answer) {
        let counters = Counters::default();
        let probed = probe_once(
            &probe.upstream,
            &probe.settings,
            probe.body.clone(),
            &counters,
        );
        let probed = timeout_at(deadline, probed).await;
        way.probe = Some(match probed {
            Ok(result) => result.map_err(|error| error.to_string()),
            Err(_elapsed) => Err("no answer in time".to_owned()),
        });
    }
    way
}

/// A server that does not like a certificate says so at once.
const CONSENT: Duration = Duration::from_secs(1);

/// Dials, and speaks TLS where it is to be spoken.
async fn connect(peer: &Peer, to: &HostPort, deadline: Instant, way: &mut Way) -> Option<Wire> {
    let begun = Instant::now();
    let socket = match dial(to, deadline).await {
        Ok(socket) => socket,
        Err(error) => {
            way.dialled = Some(Err(error));
            return None;
        }
    };
    way.dialled = Some(Ok(Dialled {
        address: socket.peer(),
        took: begun.elapsed(),
    }));
    match &peer.speech {
        Speech::Unread | Speech::NoTls(_) => None,
        Speech::Plain => Some(Wire::Plain(socket)),
        Speech::Tls(trial) => {
            let begun = Instant::now();
            let connected = shake_hands(trial, socket, deadline).await;
            way.shown = Some(trial.shown());
            match connected {
                Ok(connected) => {
                    way.hand = Some(Ok(Hand {
                        version: connected.version,
                        suite: connected.suite,
                        took: begun.elapsed(),
                    }));
                    Some(Wire::dialled(connected))
                }
                Err(failure) => {
                    way.hand = Some(Err(failure));
                    None
                }
            }
        }
    }
}

async fn shake_hands(
    trial: &Trial,
    socket: Socket,
    deadline: Instant,
) -> Result<Connected, HandshakeFailure> {
    let connecting = timeout_at(deadline, trial.connect(socket)).await;
    connecting.unwrap_or_else(|_elapsed| Err(HandshakeFailure::timed_out(Direction::Outbound)))
}

/// Whether a second connection takes the session of the first one up.
async fn again(trial: &Trial, to: &HostPort, deadline: Instant) -> Option<bool> {
    let socket = dial(to, deadline).await.ok()?;
    let connected = shake_hands(trial, socket, deadline).await.ok()?;
    Some(connected.resumed)
}
