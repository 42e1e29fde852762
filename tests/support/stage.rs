//! [`Stage`]: one gateway with every way in that speaks HTTP.

use std::sync::Arc;

use crmgate::gateway::Gateway;
use crmgate::simulate::{Deployment, Party, Port};

use super::World;
use super::message::Message;
use super::raw::Door;
use super::recorder::{FINE, Recorder, Script, Step};

/// A gateway with all four ways in: requests and events, plain and TLS. One far end stands behind
/// each flow.
pub struct Stage {
    pub world: World,
    /// Requests and events over TLS, then both in plain.
    pub doors: Vec<(&'static str, Door)>,
    pub side: Recorder,
    /// Behind the plain and behind the TLS events listener.
    pub crms: [Recorder; 2],
    pub gateway: Gateway,
    _ports: Vec<Port>,
}

/// Answers a `HEAD` without a body, as every server does.
pub fn polite() -> Script {
    Arc::new(|request| {
        let body = if request.start.starts_with("HEAD ") {
            FINE.trim_end_matches("fine")
        } else {
            FINE
        };
        vec![Step::send(body)]
    })
}

impl Stage {
    /// Sets it up.
    pub async fn set() -> Self {
        let world = World::new();
        let ports: Vec<Port> = (0..4).map(|_| Port::reserve().expect("a port")).collect();
        let side = Recorder::start(None, polite()).await;
        let crm = Recorder::start(None, polite()).await;
        let tls_crm = Recorder::start(Some(&world.pki.peer(Party::Crm)), polite()).await;
        let mut secure = world
            .deployment()
            .requests(ports[0].addr(), &side.endpoint(), None)
            .events(ports[1].addr(), &tls_crm.endpoint());
        secure.system.set("Events", "Tls", "yes");
        secure.write(world.path()).expect("ini files");
        let plain = Deployment::new("PLAIN")
            .requests(ports[2].addr(), &side.endpoint(), None)
            .events(ports[3].addr(), &crm.endpoint());
        let mut plain = plain;
        plain.gateway = secure.gateway.clone();
        let gateway = world.serve(&plain).await;
        let of_crm = Arc::new(world.pki.peer(Party::Crm).client().expect("TLS"));
        let door = |port: usize, tls: bool| Door {
            addr: ports[port].addr(),
            tls: tls.then(|| Arc::clone(&of_crm)),
        };
        let doors = vec![
            ("requests over TLS", door(0, true)),
            ("events over TLS", door(1, true)),
            ("requests", door(2, false)),
            ("events", door(3, false)),
        ];
        Self {
            world,
            doors,
            side,
            crms: [crm, tls_crm],
            gateway,
            _ports: ports,
        }
    }

    fn far_ends(&self) -> impl Iterator<Item = &Recorder> {
        std::iter::once(&self.side).chain(&self.crms)
    }

    /// Bytes and connections that came through to any far end.
    pub fn came_through(&self) -> (u64, usize) {
        let bytes = self.far_ends().map(Recorder::bytes).sum();
        let connections = self.far_ends().map(Recorder::connections).sum();
        (bytes, connections)
    }

    /// Complete requests that came through to any far end.
    pub fn complete(&self) -> Vec<Message> {
        self.far_ends().flat_map(Recorder::requests).collect()
    }

    /// Forgets what has come through.
    pub fn forget(&self) {
        self.far_ends().for_each(Recorder::forget);
    }
}
