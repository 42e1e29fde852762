//! [`EventReceiver`]: the listening half of a SAP CRM application server.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use hyper::Request;

use super::envelope;
use super::ledger::{Ledger, MessageId};
use super::peer_tls::{PeerTls, PeerTlsError};
use super::port::Port;
use super::reply::Reply;
use super::server::{Answerer, Server, ServerCounts, ServerFigures};

/// Why a simulated peer did not start.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// Its certificates cannot be used.
    #[error(transparent)]
    Tls(#[from] PeerTlsError),
    /// Its port cannot be opened.
    #[error("the simulated peer cannot listen on {0}: {1}")]
    Listen(SocketAddr, io::Error),
}

/// `icm/keep_alive_timeout`: ICM closes what was idle for so long.
pub const ICM_IDLE: Duration = Duration::from_mins(1);

/// Receives events, and enters them in the ledger. Dropping it ends it at once.
#[derive(Debug)]
pub struct EventReceiver {
    addr: SocketAddr,
    server: Server,
    desk: Arc<Desk>,
    counts: Arc<ServerCounts>,
}

impl EventReceiver {
    /// Opens the port. With TLS, whoever shows no certificate of a trusted authority stays out.
    pub fn start(
        port: &Port,
        tls: Option<&PeerTls>,
        idle: Duration,
        ledger: &Ledger,
    ) -> Result<Self, PeerError> {
        let tls = tls.map(PeerTls::server).transpose()?.map(Arc::new);
        let desk = Arc::new(Desk {
            ledger: ledger.clone(),
            arrivals: Mutex::default(),
        });
        let counts = Arc::default();
        let server = Server::start(port, tls, idle, Arc::clone(&desk), Arc::clone(&counts))
            .map_err(|error| PeerError::Listen(port.addr(), error))?;
        Ok(Self {
            addr: port.addr(),
            server,
            desk,
            counts,
        })
    }

    /// Where it listens.
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Connections and handshakes so far.
    pub fn figures(&self) -> ServerFigures {
        self.counts.figures()
    }

    /// Events of all sources so far.
    pub fn received(&self) -> u64 {
        self.desk.arrivals().received
    }

    /// Events that came after a later one of the same source.
    pub fn out_of_order(&self) -> u64 {
        self.desk.arrivals().out_of_order
    }

    /// Answers what it has and closes.
    pub async fn stop(self) {
        self.server.stop().await;
    }

    /// Resets every connection and closes the port.
    pub async fn kill(self) {
        self.server.kill().await;
    }
}

#[derive(Debug)]
struct Desk {
    ledger: Ledger,
    arrivals: Mutex<Arrivals>,
}

#[derive(Debug, Default)]
struct Arrivals {
    received: u64,
    out_of_order: u64,
    last_of: HashMap<String, MessageId>,
}

impl Desk {
    fn arrivals(&self) -> std::sync::MutexGuard<'_, Arrivals> {
        self.arrivals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, id: MessageId, source: &str) {
        self.ledger.executed(id);
        let mut arrivals = self.arrivals();
        arrivals.received = arrivals.received.saturating_add(1);
        let last = arrivals.last_of.insert(source.to_owned(), id);
        if last.is_some_and(|last| last > id) {
            arrivals.out_of_order = arrivals.out_of_order.saturating_add(1);
        }
    }
}

impl Answerer for Desk {
    async fn ready(&self) {}

    async fn answer(&self, request: Request<Bytes>) -> Reply {
        let id = envelope::id_in(request.body());
        if let Some(id) = id {
            self.enter(id, envelope::source_in(request.body()).unwrap_or_default());
        }
        Reply::Whole(Reply::soap(200, envelope::answer(id, "CRM")))
    }
}
