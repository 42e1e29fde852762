//! [`Scene`]: gateways of one listener or more, and clients of both libraries in both versions.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crmgate::certs::issue::{Authority, Issued, LeafSpec, ListSpec};
use crmgate::gateway::Gateway;
use crmgate::simulate::{Deployment, Party};

use super::host::private;
use super::message::Message;
use super::recorder::{FINE, Recorder, Step};
use super::visitor::{Visit, Visitor, Way};
use super::{World, free_address};

/// Where a gateway keeps what its sessions need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeping {
    /// In its cache.
    Cache,
    /// In tickets under keys of its own.
    Tickets,
    /// In tickets under keys from a secret that others share.
    SharedTickets,
}

impl Keeping {
    pub const ALL: [Self; 3] = [Self::Cache, Self::Tickets, Self::SharedTickets];

    pub const fn tickets(self) -> bool {
        !matches!(self, Self::Cache)
    }
}

/// A gateway of one system or more, each with a listener of its own, in front of one side.
pub struct Scene {
    pub world: World,
    pub side: Recorder,
    keeping: Keeping,
    pub deployment: Deployment,
    pub listen: SocketAddr,
}

impl Scene {
    pub async fn new(keeping: Keeping) -> Self {
        let world = World::new();
        let side = Recorder::start(None, Arc::new(polite)).await;
        let listen = free_address();
        let mut deployment = world.deployment().requests(listen, &side.endpoint(), None);
        let tickets = if keeping.tickets() { "yes" } else { "no" };
        let ssl = deployment.ssl.as_mut().expect("TLS");
        ssl.set("SSL_SERVER_CLIENT", "SESSION_TICKETS", tickets);
        // What is tried here is what happens once an authority is dropped.
        ssl.set("SSL_SERVER_CLIENT", "CA_DROP_GUARD", "0");
        if keeping == Keeping::SharedTickets {
            let secret = "q0m5vGZyJx8rC1nT4bWkL7sHdF2uPaE9iOYQ6tNVh3M=";
            private(&world.pki.folder().join("tickets.secret"), secret);
            let file = "./ssl/tickets.secret";
            deployment.gateway.set("Sessions", "TicketSecretFile", file);
        }
        Self {
            world,
            side,
            keeping,
            deployment,
            listen,
        }
    }

    pub fn company(&self) -> &Authority {
        self.world.pki.authority(Party::Gateway)
    }

    /// A client's certificate.
    pub fn issue(&self, authority: &Authority, name: &str) -> Issued {
        let spec = LeafSpec::for_name(name, self.world.clock.now());
        authority.issue(&spec).expect("a certificate")
    }

    /// Clients of every library and version, with the same certificate.
    pub fn visitors(&self, own: Option<&Issued>, trusted: &str) -> Vec<(Way, Visitor)> {
        let ways = Way::all(self.keeping.tickets()).into_iter();
        ways.map(|way| (way, Visitor::new(way.library, way.version, own, trusted)))
            .collect()
    }

    /// SAP CRM in every library and version.
    pub fn crm(&self) -> Vec<(Way, Visitor)> {
        let own = self.world.pki.identity(Party::Crm);
        self.visitors(Some(own), &self.company().pem())
    }

    /// Everybody comes in by a full handshake, and once more by the session.
    pub async fn let_in(&self, who: impl IntoIterator<Item = &(Way, Visitor)>) {
        for (way, client) in who {
            assert_eq!(client.leave(self.listen, 2).await, Visit::Full, "{way:?}");
            assert_eq!(client.renew(self.listen).await, Visit::Resumed, "{way:?}");
        }
    }

    /// Nobody of them comes in any more, by whatever session.
    pub async fn are_shut_out(&self, who: &[(Way, Visitor)]) {
        for (way, client) in who {
            let visit = client.offer(self.listen).await;
            assert!(visit.is_refused(), "{way:?}, {:?}: {visit:?}", self.keeping);
        }
    }

    /// All of them take up their sessions.
    pub async fn resume(&self, who: &[(Way, Visitor)]) {
        for (way, client) in who {
            let visit = client.offer(self.listen).await;
            assert_eq!(visit, Visit::Resumed, "{way:?}, {:?}", self.keeping);
        }
    }

    /// Says something of the listeners of all systems, or of one system's.
    pub fn set(&mut self, system: &str, key: &str, value: &str) {
        let section = match system {
            "" => "SSL_SERVER_CLIENT".to_owned(),
            system => format!("SSL_SERVER {system}"),
        };
        let ssl = self.deployment.ssl.as_mut().expect("TLS");
        ssl.set(&section, key, value);
    }

    /// Another SAP system, to be served by the same gateway.
    pub fn add(&self, system: &str) -> SocketAddr {
        let listen = free_address();
        let mut files = Deployment::new(system).requests(listen, &self.side.endpoint(), None);
        files.system.set("Config", "TpiDllParameter", "SSL");
        let name = format!("CRMConnectorSAP_{system}.ini");
        let written = std::fs::write(self.world.path().join(name), files.system.to_string());
        written.expect("written");
        listen
    }

    /// A listener with TLS for events as well, and SAP CRM behind it.
    pub async fn with_events(&mut self) -> (SocketAddr, Recorder) {
        let crm = self.world.pki.peer(Party::Crm);
        let crm = Recorder::start(Some(&crm), Arc::new(polite)).await;
        let listen = free_address();
        self.deployment = self.deployment.clone().events(listen, &crm.endpoint());
        self.deployment.system.set("Events", "Tls", "yes");
        (listen, crm)
    }

    /// Has the listener go by lists of the company's authority, which revoke these.
    pub fn publish(&mut self, revoked: &[&Issued]) {
        let spec = ListSpec::revoking(revoked, self.world.clock.now());
        self.publish_as(&spec);
    }

    /// The same by a list that says this.
    pub fn publish_as(&mut self, spec: &ListSpec) {
        let list = self.company().revocation_list(spec).expect("a list");
        self.put("company-ca.crl", &list.pem);
        self.set("", "CRL_FILE", "./ssl/company-ca.crl");
    }

    pub async fn serve(&self) -> Gateway {
        self.world.serve(&self.deployment).await
    }

    pub async fn reload(&self, gateway: &mut Gateway) {
        let files = self.deployment.write(self.world.path());
        files.expect("ini files");
        let done = gateway.reload().await;
        done.unwrap_or_else(|problems| panic!("refused:\n{problems}"));
    }

    /// Writes a file beside the certificates.
    pub fn put(&self, name: &str, text: &str) {
        private(&self.world.pki.folder().join(name), text);
    }
}

pub async fn end(mut gateway: Gateway) {
    let limit = Duration::from_secs(5);
    gateway.drain(limit, std::future::pending()).await;
}

/// Answers, and closes where it is asked to. Of a request that the gateway has read it is not
/// asked, of one that was relayed it is.
fn polite(request: &Message) -> Vec<Step> {
    let mut steps = vec![Step::send(FINE)];
    if request.value("connection") == Some("close") {
        steps.push(Step::Close);
    }
    steps
}
