//! A gateway between SAP CRM and two sides: what failover is about.

use std::net::SocketAddr;
use std::time::Duration;

use crmgate::certs::issue::Authority;
use crmgate::gateway::Gateway;
use crmgate::model::Side;
use crmgate::requests::failover::Health;
use crmgate::simulate::{Caller, CrmProfile, Deployment, Pace, SimConnector, SimCrm, Tally};

use super::{World, bound, free_address, until};

/// How the legs of a [`Pair`] are secured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Legs {
    /// Plain HTTP everywhere: for tests that look at bytes.
    Plain,
    /// mTLS from SAP CRM, plain HTTP to the sides.
    TlsToGateway,
    /// mTLS everywhere.
    Tls,
}

/// A gateway with two sides.
pub struct Pair {
    pub world: World,
    pub a: SimConnector,
    pub b: SimConnector,
    pub gateway: Gateway,
    /// What was written; set keys and call [`Pair::reload`].
    pub deployment: Deployment,
    /// Where SAP CRM connects.
    pub at: SocketAddr,
    legs: Legs,
}

impl Pair {
    /// Starts both sides, and the gateway with these keys added.
    pub async fn start(legs: Legs, keys: impl FnOnce(&mut Deployment)) -> Self {
        let world = World::new();
        // An authority that has signed nobody here, for tests about trust.
        let stranger = Authority::new("Stranger CA", world.clock.now()).expect("a CA");
        let written = world.pki.write("stranger.pem", &stranger.pem());
        written.expect("a file");
        let (a, b) = match legs {
            Legs::Plain | Legs::TlsToGateway => (world.side(Side::A), world.side(Side::B)),
            Legs::Tls => (world.tls_side(Side::A), world.tls_side(Side::B)),
        };
        let listen = free_address();
        let deployment = match legs {
            Legs::Plain => world.plain_deployment(),
            Legs::TlsToGateway | Legs::Tls => world.deployment(),
        };
        let mut deployment = deployment.requests(listen, &a.endpoint(), Some(&b.endpoint()));
        keys(&mut deployment);
        let gateway = world.serve(&deployment).await;
        let at = bound(&gateway, listen);
        Self {
            world,
            a,
            b,
            gateway,
            deployment,
            at,
            legs,
        }
    }

    /// SAP CRM as it calls this gateway.
    pub fn crm(&self) -> CrmProfile {
        match self.legs {
            Legs::Plain => CrmProfile::new(self.at),
            Legs::TlsToGateway | Legs::Tls => self.world.crm(self.at),
        }
    }

    /// One caller.
    pub fn caller(&self) -> Caller {
        let spec = self.crm().caller().expect("a caller");
        Caller::new(spec, self.world.ledger.clone())
    }

    /// So many agents who send so many requests a second each.
    pub fn agents(&self, agents: usize, per_second: f64) -> SimCrm {
        let profile = CrmProfile {
            agents,
            pace: Pace::steady(per_second),
            ..self.crm()
        };
        SimCrm::start(&profile, &self.world.ledger).expect("agents")
    }

    /// The books.
    pub fn tally(&self) -> Tally {
        self.world.ledger.tally()
    }

    /// The active side.
    pub fn active(&self) -> Side {
        active(&self.gateway)
    }

    /// How a side stands.
    pub fn health(&self, side: Side) -> Health {
        health(&self.gateway, side)
    }

    /// Makes a side the active one, as an operator would.
    pub fn switch(&self, side: Side) {
        let system = &self.gateway.status().sides[0].0;
        assert!(self.gateway.switch(system, side, "a test"));
    }

    /// Waits until a side stands like this.
    pub async fn until_health(&self, side: Side, health: Health) {
        until(format!("side {side} is {health}"), || {
            self.health(side) == health
        })
        .await;
    }

    /// Waits until a side is the active one.
    pub async fn until_active(&self, side: Side) {
        until(format!("side {side} is active"), || self.active() == side).await;
    }

    /// Waits until so many more probes have ended in one way or the other.
    pub async fn until_probed(&self, more: u64) {
        let done = || {
            let figures = self.gateway.figures();
            figures.probes_passed + figures.probes_failed
        };
        let goal = done() + more;
        until(format!("{more} more probes"), || done() >= goal).await;
    }

    /// Puts the deployment, as it stands now, in force.
    pub async fn reload(&mut self) {
        self.deployment.write(self.world.path()).expect("files");
        let report = self.gateway.reload().await;
        assert!(report.is_ok(), "{report:?}");
    }

    /// Ends the gateway in order; nobody may have to be cut.
    pub async fn end(mut self) {
        let report = self
            .gateway
            .drain(Duration::from_secs(15), std::future::pending())
            .await;
        assert!(report.cut.is_empty(), "{report:?}");
    }
}

/// The active side.
pub fn active(gateway: &Gateway) -> Side {
    gateway.status().sides[0].1
}

/// How a side stands.
pub fn health(gateway: &Gateway, side: Side) -> Health {
    gateway.status().sides[0].2[side.index()]
}

/// Probes fast enough for a test, and no hold between two switches.
pub fn quick(deployment: &mut Deployment) {
    let keys = &mut deployment.system;
    keys.set("Probe", "Interval", "50ms")
        .set("Failover", "MinHold", "0s");
}

/// Only requests tell how the sides stand, and not even many failures take one down: a test can
/// look at one request after the other.
pub fn unwatched(deployment: &mut Deployment) {
    let keys = &mut deployment.system;
    keys.set("Probe", "Type", "off")
        .set("Failover", "Fall", 100);
}
