//! [`SimConnector`]: one side, with everything that can go wrong with it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use hyper::Request;
use rustls::ServerConfig;
use tokio::sync::watch;

use super::envelope;
use super::ledger::Ledger;
use super::peer_tls::PeerTls;
use super::port::Port;
use super::receiver::PeerError;
use super::reply::Reply;
use super::server::{Answerer, Server, ServerCounts, ServerFigures};
use crate::model::{Endpoint, HostPort, Scheme, Side};

/// How a side behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// It carries every request out and answers after so long.
    Serve(Duration),
    /// It accepts connections and requests and stays silent, until it behaves otherwise; then it
    /// goes on with what it has.
    Hang,
    /// It carries requests out with a bad result: a SOAP Fault of its own.
    Fault,
    /// It carries requests out and breaks its answers off in the middle.
    BreakOff,
    /// It carries requests out and closes the connection without an answer.
    Vanish,
}

/// One connector installation. Dropping it ends it at once.
#[derive(Debug)]
pub struct SimConnector {
    port: Port,
    scheme: Scheme,
    tls: Option<Arc<ServerConfig>>,
    desk: Arc<Desk>,
    counts: Arc<ServerCounts>,
    server: Option<Server>,
}

impl SimConnector {
    /// Starts a side on a port, plain or with TLS and the gateway's certificate required. Both
    /// sides of a pair share the ledger: that is how a message that ran twice is found.
    pub fn start(
        side: Side,
        port: Port,
        tls: Option<&PeerTls>,
        latency: Duration,
        ledger: &Ledger,
    ) -> Result<Self, PeerError> {
        let (behaviour, _) = watch::channel(Behaviour::Serve(latency));
        let mut connector = Self {
            scheme: tls.map_or(Scheme::Http, |_| Scheme::Https),
            tls: tls.map(PeerTls::server).transpose()?.map(Arc::new),
            port,
            desk: Arc::new(Desk {
                side,
                ledger: ledger.clone(),
                behaviour,
                executed: AtomicU64::new(0),
            }),
            counts: Arc::default(),
            server: None,
        };
        connector.restart()?;
        Ok(connector)
    }

    /// Comes back at the same address after [`SimConnector::kill`]. One that runs goes on running.
    pub fn restart(&mut self) -> Result<(), PeerError> {
        if self.server.is_none() {
            let (tls, desk) = (self.tls.clone(), Arc::clone(&self.desk));
            let server = Server::start(&self.port, tls, IDLE, desk, Arc::clone(&self.counts));
            let server = server.map_err(|error| PeerError::Listen(self.addr(), error))?;
            self.server = Some(server);
        }
        Ok(())
    }

    /// Dies: every connection is reset, whatever it was doing, and the port is closed.
    pub async fn kill(&mut self) {
        if let Some(server) = self.server.take() {
            server.kill().await;
        }
    }

    /// Ends in order: what it has is answered first.
    pub async fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop().await;
        }
    }

    /// From now on it behaves like this, also towards requests that it has already.
    pub fn behave(&self, behaviour: Behaviour) {
        self.desk.behaviour.send_replace(behaviour);
    }

    /// Which side it is.
    pub fn side(&self) -> Side {
        self.desk.side
    }

    /// Where it listens.
    pub const fn addr(&self) -> SocketAddr {
        self.port.addr()
    }

    /// As `SideA` or `SideB` of an ini file.
    pub fn endpoint(&self) -> Endpoint {
        Endpoint {
            scheme: self.scheme,
            target: HostPort::from_addr(self.addr()),
        }
    }

    /// Whether it runs.
    pub const fn is_running(&self) -> bool {
        self.server.is_some()
    }

    /// Messages that it carried out.
    pub fn executed(&self) -> u64 {
        self.desk.executed.load(Ordering::Relaxed)
    }

    /// Connections and handshakes, over all its lives.
    pub fn figures(&self) -> ServerFigures {
        self.counts.figures()
    }
}

/// Longer than the gateway keeps an unused connection to a side, so the gateway closes first.
const IDLE: Duration = Duration::from_mins(2);

#[derive(Debug)]
struct Desk {
    side: Side,
    ledger: Ledger,
    behaviour: watch::Sender<Behaviour>,
    executed: AtomicU64,
}

impl Desk {
    /// Waits until it does not hang, and says how it behaves then.
    async fn awake(&self) -> Behaviour {
        let mut behaviour = self.behaviour.subscribe();
        let awake = behaviour.wait_for(|behaviour| *behaviour != Behaviour::Hang);
        // The sender is a field of this value, so it cannot be gone.
        awake.await.map_or(Behaviour::Vanish, |awake| *awake)
    }
}

impl Answerer for Desk {
    async fn ready(&self) {
        self.awake().await;
    }

    async fn answer(&self, request: Request<Bytes>) -> Reply {
        let behaviour = self.awake().await;
        let id = envelope::id_in(request.body());
        if let Some(id) = id {
            // Before the answer is on its way: from here on a second attempt would do harm.
            self.ledger.executed(id);
            self.executed.fetch_add(1, Ordering::Relaxed);
        }
        let side = self.side.to_string();
        match behaviour {
            Behaviour::Serve(latency) => {
                if !latency.is_zero() {
                    tokio::time::sleep(latency).await;
                }
                Reply::Whole(Reply::soap(200, envelope::answer(id, &side)))
            }
            Behaviour::Fault => Reply::Whole(Reply::soap(500, envelope::fault(id, &side))),
            Behaviour::BreakOff => Reply::Half(Reply::soap(200, envelope::answer(id, &side))),
            Behaviour::Vanish | Behaviour::Hang => Reply::Nothing,
        }
    }
}
