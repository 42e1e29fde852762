//! [`Ground`]: the real program with an admin listener, at work between SAP CRM and two sides.

use std::net::SocketAddr;
use std::path::Path;

use crmgate::model::Side;
use crmgate::simulate::{
    CrmProfile, Deployment, EventPath, EventReceiver, EventSource, Pace, SimConnector, SimCrm,
};

use crate::browser::Page;
use crate::support::pair::quick;
use crate::support::{Daemon, World, free_address};

/// A gateway whose console is looked at, with traffic.
pub(crate) struct Ground {
    pub(crate) world: World,
    pub(crate) a: SimConnector,
    _b: SimConnector,
    pub(crate) deployment: Deployment,
    pub(crate) admin: SocketAddr,
    pub(crate) daemon: Daemon,
    pub(crate) requests: SocketAddr,
    _crm: SimCrm,
    _receiver: EventReceiver,
    _events: EventSource,
}

impl Ground {
    /// Sets it up. When it returns, messages flow.
    pub(crate) async fn new() -> Self {
        let world = World::new();
        let (a, b) = (world.tls_side(Side::A), world.tls_side(Side::B));
        let (receiver, crm) = world.receiver();
        let [requests, events, route, admin] = [(); 4].map(|()| free_address());
        let mut deployment = world
            .deployment()
            .requests(requests, &a.endpoint(), Some(&b.endpoint()))
            .events(events, &crm)
            .static_route(route, receiver.addr());
        quick(&mut deployment);
        deployment
            .gateway
            .set("Admin", "Listen", admin)
            .set("Admin", "TokenFile", "./admin.token");
        deployment.write(world.path()).expect("ini files");
        let daemon = looked_at(world.path()).await;
        let profile = CrmProfile {
            agents: 4,
            pace: Pace::steady(5.0),
            ..world.crm(requests)
        };
        let agents = SimCrm::start(&profile, &world.ledger).expect("agents");
        let path = EventPath::Listener(events);
        let source = EventSource::start("A", &path, Pace::steady(4.0), &world.events);
        Self {
            a,
            _b: b,
            deployment,
            admin,
            daemon,
            requests,
            _crm: agents,
            _receiver: receiver,
            _events: source.expect("events"),
            world,
        }
    }

    /// Where somebody looks.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.admin)
    }

    /// What makes an operator.
    pub(crate) fn token(&self) -> String {
        let file = self.world.path().join("admin.token");
        let token = std::fs::read_to_string(file).expect("a token");
        token.trim().to_owned()
    }

    /// The console in front of somebody who only looks.
    pub(crate) async fn reader(&self) -> Page {
        Page::open(&self.url()).await
    }

    /// The console in front of an operator.
    pub(crate) async fn operator(&self) -> Page {
        let mut page = Page::open(&format!("{}#token={}", self.url(), self.token())).await;
        page.until(
            "it is an operator",
            "document.querySelector('#state').innerText.includes('operator')",
        )
        .await;
        page
    }

    /// What operators have changed, as the log tells it.
    pub(crate) fn audit(&self) -> Vec<String> {
        let said = self.daemon.said();
        let lines = said
            .lines()
            .filter(|line| line.contains("changed by an operator"));
        lines.map(str::to_owned).collect()
    }
}

/// The program on a directory, once its console can be looked at.
pub(crate) async fn looked_at(dir: &Path) -> Daemon {
    let mut daemon = Daemon::serving(dir).await;
    daemon.until_said("the admin listener is open").await;
    daemon
}

/// A script: the side of this letter is drawn like that.
pub(crate) fn drawn(side: &str, what: &str, how: &str) -> String {
    format!("document.querySelector('.topology [data-side={side}]').dataset.{what} === '{how}'")
}

/// A script: a part of the page can be seen and says this.
pub(crate) fn says(id: &str, text: &str) -> String {
    let part = format!("document.getElementById('{id}')");
    format!("{part}.checkVisibility() && {part}.innerText.includes(`{text}`)")
}
