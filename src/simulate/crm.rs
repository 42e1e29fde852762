//! [`SimCrm`]: the calling half of a SAP CRM application server, with its agents.

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

/// One application server: where its RFC destination points, and what its agents do.
#[derive(Debug, Clone)]
pub struct CrmProfile {
    /// The gateway's requests listener.
    pub gateway: SocketAddr,
    /// Certificate, trust and versions; `None` speaks plain HTTP.
    pub tls: Option<PeerTls>,
    /// The name that the gateway has to prove; `None` asks for the address itself.
    pub server_name: Option<ServerName<'static>>,
    /// The version of HTTP of the RFC destination.
    pub version: HttpVersion,
    /// Agents at work.
    pub agents: usize,
    /// How often an agent's work causes a request.
    pub pace: Pace,
    /// `icm/HTTP/client/keep_alive_timeout`.
    pub idle: Duration,
    /// How long the server waits for an answer.
    pub patience: Duration,
}

impl CrmProfile {
    /// A server as SAP delivers it: HTTP/1.0, connections closed after 10 seconds without use, 60
    /// seconds of patience. Ten agents send one request a second each.
    pub fn new(gateway: SocketAddr) -> Self {
        Self {
            gateway,
            tls: None,
            server_name: None,
            version: HttpVersion::Http10,
            agents: 10,
            pace: Pace::steady(1.0),
            idle: Duration::from_secs(10),
            patience: Duration::from_mins(1),
        }
    }

    /// What each of its agents calls with. Callers made from one value share the session cache.
    pub fn caller(&self) -> Result<CallerSpec, PeerTlsError> {
        let tls = match &self.tls {
            None => None,
            Some(tls) => {
                let name = self.server_name.clone();
                let name = name.unwrap_or_else(|| ServerName::from(self.gateway.ip()));
                Some((Arc::new(tls.client()?), name))
            }
        };
        Ok(CallerSpec {
            target: self.gateway,
            tls,
            version: self.version,
            path: "/ici".to_owned(),
            host: self.gateway.to_string(),
            idle: self.idle,
            patience: self.patience,
        })
    }
}

/// An application server at work. Dropping it ends its agents wherever they are.
#[derive(Debug)]
pub struct SimCrm {
    agents: Crew,
}

impl SimCrm {
    /// Lets the agents begin. What they send stands in the ledger.
    pub fn start(profile: &CrmProfile, ledger: &Ledger) -> Result<Self, PeerTlsError> {
        let wording: Wording = Arc::new(envelope::request);
        let caller = profile.caller()?;
        Ok(Self {
            agents: Crew::start(profile.agents, caller, profile.pace, ledger, &wording),
        })
    }

    /// From now on the pace is this one.
    pub fn set_pace(&self, pace: Pace) {
        self.agents.set_pace(pace);
    }

    /// What was counted so far.
    pub fn figures(&self) -> CallerFigures {
        self.agents.figures()
    }

    /// Lets every agent finish the request in hand, and closes the connections.
    pub async fn stop(self) -> CallerFigures {
        self.agents.stop().await
    }
}
