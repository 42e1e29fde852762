//! [`EventSource`]: the calling half of a connector, which tells SAP CRM what happens at its end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;

use super::caller::{CallerFigures, CallerSpec};
use super::crew::{Crew, Pace, Wording};
use super::envelope;
use super::ledger::Ledger;
use super::peer_tls::{PeerTls, PeerTlsError};
use super::wire::HttpVersion;
use crate::model::HostPort;

/// The way that events take.
#[derive(Debug, Clone)]
pub enum EventPath {
    /// Plain HTTP to the gateway's events listener, which knows the CRM.
    Listener(SocketAddr),
    /// Plain HTTP to the gateway's events listener in the forward-proxy form, which names the CRM.
    ForwardProxy(SocketAddr, HostPort),
    /// TLS with the connector's own certificate to the CRM itself, over a static route of the
    /// gateway.
    StaticRoute {
        /// The gateway's end of the route.
        route: SocketAddr,
        /// The connector's certificate and trust.
        tls: PeerTls,
        /// The CRM, whose name its certificate has to prove.
        crm: SocketAddr,
    },
}

impl EventPath {
    /// What a source calls with on this way: HTTP/1.1, connections closed after 20 seconds without
    /// use, 60 seconds of patience.
    pub fn caller(&self) -> Result<CallerSpec, PeerTlsError> {
        let (target, path, host, tls) = match self {
            Self::Listener(gateway) => (*gateway, NODE.to_owned(), gateway.to_string(), None),
            Self::ForwardProxy(gateway, crm) => (
                *gateway,
                format!("http://{crm}{NODE}"),
                crm.to_string(),
                None,
            ),
            Self::StaticRoute { route, tls, crm } => {
                let tls = (Arc::new(tls.client()?), ServerName::from(crm.ip()));
                (*route, NODE.to_owned(), crm.to_string(), Some(tls))
            }
        };
        Ok(CallerSpec {
            target,
            tls,
            version: HttpVersion::Http11,
            path,
            host,
            idle: Duration::from_secs(20),
            patience: Duration::from_mins(1),
        })
    }
}

/// The ICF node of the events.
const NODE: &str = "/sap/bc/soap/ici";

/// A connector's events at work. Dropping it ends them wherever they are.
#[derive(Debug)]
pub struct EventSource {
    crew: Crew,
}

impl EventSource {
    /// Lets the connector begin. One event goes after the other, so their order is known; the
    /// `name` tells sources apart.
    pub fn start(
        name: &str,
        path: &EventPath,
        pace: Pace,
        ledger: &Ledger,
    ) -> Result<Self, PeerTlsError> {
        let name = name.to_owned();
        let wording: Wording = Arc::new(move |id, _| envelope::event(id, &name));
        Ok(Self {
            crew: Crew::start(1, path.caller()?, pace, ledger, &wording),
        })
    }

    /// From now on the pace is this one.
    pub fn set_pace(&self, pace: Pace) {
        self.crew.set_pace(pace);
    }

    /// What was counted so far.
    pub fn figures(&self) -> CallerFigures {
        self.crew.figures()
    }

    /// Lets the event in hand finish, and closes the connection.
    pub async fn stop(self) -> CallerFigures {
        self.crew.stop().await
    }
}
