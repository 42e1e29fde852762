//! [`Stage`]: everything that takes part, put up and taken down in order.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::DemoError;
use super::home::{Doors, Home, SYSTEM};
use super::report::{Excuse, Report};
use super::screen::{Screen, Tone};
use crate::admin::{Admin, Desk, Order, Orders};
use crate::cli::run::log_options;
use crate::config::problem::Problems;
use crate::gateway::{Gateway, StartError};
use crate::model::{Clock, Generation, HostPort, Side, SystemName};
use crate::simulate::{
    CaModel, CallerFigures, CrmProfile, EventPath, EventReceiver, EventSource, FileLayout,
    HttpVersion, ICM_IDLE, Ledger, Pace, Party, Pki, Port, SimConnector, SimCrm, TlsRange,
};
use crate::telemetry::{self, LogGuard};

/// The books of the three flows.
#[derive(Debug, Default)]
pub(super) struct Books {
    pub(super) requests: Ledger,
    pub(super) events: Ledger,
    pub(super) routed: Ledger,
}

/// Everything that takes part.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) home: Home,
    pub(super) doors: Doors,
    pub(super) books: Books,
    pub(super) gateway: Gateway,
    /// What is opened in a browser.
    console: String,
    orders: Orders,
    pub(super) side_a: SimConnector,
    side_b: SimConnector,
    /// SAP CRM's port for events, and the one behind the static route.
    receivers: [EventReceiver; 2],
    app_servers: [SimCrm; 2],
    events_of_a: Option<EventSource>,
    events_of_b: EventSource,
    events_on_route: Option<EventSource>,
    pki: Pki,
    clock: Clock,
    system: SystemName,
    agents: usize,
    /// The longest times without an answer, by what happened meanwhile.
    pub(super) gaps: Vec<(&'static str, Duration)>,
    pub(super) excuse: Excuse,
    /// Steps of the play that did not come to pass.
    pub(super) missed: Vec<&'static str>,
    /// The play went on to its end.
    pub(super) is_over: bool,
    log: LogGuard,
    _crm_ports: [Port; 2],
}

impl Stage {
    /// Puts up certificates, files, peers and the gateway. When it returns, traffic runs.
    pub(super) async fn build(agents: usize) -> Result<Self, DemoError> {
        let home = Home::new()?;
        let clock = Clock::system();
        let layout = FileLayout::CertificateFirst;
        let pki = Pki::create(home.path(), CaModel::One, layout, clock.now())?;
        let books = Books::default();
        let side = |side| {
            let tls = pki.peer(Party::Side(side));
            SimConnector::start(side, Port::reserve()?, Some(&tls), WORK, &books.requests)
                .map_err(DemoError::from)
        };
        let (side_a, side_b) = (side(Side::A)?, side(Side::B)?);
        let crm_ports = [Port::reserve()?, Port::reserve()?];
        let [direct, routed] = &crm_ports;
        let crm = pki.peer(Party::Crm);
        let receivers = [
            EventReceiver::start(direct, Some(&crm), ICM_IDLE, &books.events)?,
            EventReceiver::start(routed, Some(&crm), ICM_IDLE, &books.routed)?,
        ];
        let doors = Doors::reserve()?;
        let sides = [&side_a.endpoint(), &side_b.endpoint()];
        home.write(&pki, &doors, sides, [direct, routed])?;
        let (gateway, log) = start_gateway(home.path(), &clock).await?;
        let (console, orders) = open_console(home.path(), &gateway, &log)?;
        let app_servers = app_servers(&pki, &doors, agents, &books.requests)?;
        let events_of_a = events_of_a(&doors, &books)?;
        let named_crm = HostPort::from_addr(direct.addr());
        let path = EventPath::ForwardProxy(doors.events.addr(), named_crm);
        Ok(Self {
            events_of_a: Some(events_of_a),
            events_of_b: EventSource::start("B", &path, EVENTS, &books.events)?,
            events_on_route: None,
            home,
            doors,
            books,
            gateway,
            console,
            orders,
            side_a,
            side_b,
            receivers,
            app_servers,
            pki,
            clock,
            system: SYSTEM.parse().map_err(std::io::Error::other)?,
            agents,
            gaps: Vec::new(),
            excuse: Excuse::None,
            missed: Vec::new(),
            is_over: false,
            log,
            _crm_ports: crm_ports,
        })
    }

    /// Says who stands where.
    pub(super) fn introduce(&self, screen: &Screen) {
        let [direct, routed] = self.receivers.each_ref().map(EventReceiver::addr);
        let [direct, routed] = [direct, routed].map(|addr| addr.port());
        let (a, b) = (self.side_a.addr().port(), self.side_b.addr().port());
        let doors = [&self.doors.requests, &self.doors.events, &self.doors.route];
        let [requests, events, route] = doors.map(|door| door.addr().port());
        Screen::line(format_args!(
            "{}  {} agents, a throw-away PKI, every port on 127.0.0.1\n",
            screen.tone(Tone::Strong, "crmgate demo"),
            self.agents
        ));
        Screen::line(format_args!(
            "  requests      SAP CRM ==mTLS==> :{requests} ==mTLS==> side A :{a}, side B :{b}"
        ));
        Screen::line(format_args!(
            "  events        sides   ==http==> :{events} ==mTLS==> SAP CRM :{direct}"
        ));
        Screen::line(format_args!(
            "  static route  side B  ==mTLS==> :{route} ==same bytes==> SAP CRM :{routed}"
        ));
        Screen::line(format_args!("  console       {}\n", self.console));
    }

    /// What to open in a browser, with what makes an operator of whoever does.
    pub(super) fn console(&self) -> &str {
        &self.console
    }

    /// What somebody wants who looks at the console. The admin listener lives as long as the process,
    /// so there is always another one to wait for.
    pub(super) async fn next_order(&mut self) -> Order {
        match self.orders.recv().await {
            Some(order) => order,
            None => std::future::pending().await,
        }
    }

    /// Sets the level of the log.
    pub(super) fn set_log_level(&self, level: &str) -> Result<String, String> {
        let set = self.log.set_level_for_now(level);
        set.map_err(|error| error.to_string())
    }

    /// Side A's process dies, at the moment that is returned. Its events stop after the one in
    /// hand; its requests do not.
    pub(super) async fn kill_side_a(&mut self) -> Instant {
        if let Some(events) = self.events_of_a.take() {
            events.stop().await;
        }
        let moment = Instant::now();
        self.side_a.kill().await;
        moment
    }

    /// Side A's process is started again.
    pub(super) fn revive_side_a(&mut self) -> Result<(), DemoError> {
        self.side_a.restart()?;
        if self.events_of_a.is_none() {
            self.events_of_a = Some(events_of_a(&self.doors, &self.books)?);
        }
        Ok(())
    }

    /// Replaces the gateway's certificate on disk and reloads.
    pub(super) async fn renew_certificate(&mut self) -> Result<Generation, DemoError> {
        self.pki.renew(Party::Gateway, self.clock.now())?;
        let report = self.gateway.reload().await.map_err(refused)?;
        Ok(report.generation)
    }

    /// Side B sends events over the static route, too, with its own certificate.
    pub(super) fn open_route(&mut self) -> Result<(), DemoError> {
        let [_, routed] = &self.receivers;
        let path = EventPath::StaticRoute {
            route: self.doors.route.addr(),
            tls: self.pki.peer(Party::Side(Side::B)),
            crm: routed.addr(),
        };
        let source = EventSource::start("B", &path, EVENTS, &self.books.routed)?;
        self.events_on_route = Some(source);
        Ok(())
    }

    /// Events that came over the static route.
    pub(super) fn routed(&self) -> u64 {
        let [_, routed] = &self.receivers;
        routed.received()
    }

    /// An operator's order.
    pub(super) fn switch_to(&self, side: Side) {
        self.gateway.switch(&self.system, side, "the demo");
    }

    /// The side that the gateway uses now.
    pub(super) fn active(&self) -> Option<Side> {
        let status = self.gateway.status();
        status.sides.first().map(|(_, active, _)| *active)
    }

    /// Whether both application servers have been shown the gateway's certificate as it is on
    /// disk.
    pub(super) fn certificate_is_seen(&self) -> bool {
        let current = &self.pki.identity(Party::Gateway).der;
        self.app_servers
            .iter()
            .filter_map(|server| server.figures().server_certificate)
            .all(|seen| seen == *current)
    }

    /// What both application servers have counted.
    pub(super) fn callers(&self) -> [CallerFigures; 2] {
        self.app_servers.each_ref().map(SimCrm::figures)
    }

    /// Slows the traffic down to what a log can take for hours.
    pub(super) fn calm_down(&self) {
        for server in &self.app_servers {
            server.set_pace(CALM_CALLS);
        }
        let sources = [&self.events_of_a, &self.events_on_route];
        for source in sources.into_iter().flatten().chain([&self.events_of_b]) {
            source.set_pace(Pace::steady(0.5));
        }
    }

    /// Ends in order: senders finish what they have, the gateway drains, receivers close.
    pub(super) async fn strike(mut self) -> (Report, Home) {
        let [first, second] = self.app_servers;
        let callers = [first.stop().await, second.stop().await];
        let sources = [self.events_of_a, self.events_on_route];
        for source in sources.into_iter().flatten().chain([self.events_of_b]) {
            source.stop().await;
        }
        let generation = self.gateway.status().generation;
        let figures = self.gateway.figures();
        let limit = self.gateway.drain_timeout();
        let drained = self.gateway.drain(limit, std::future::pending()).await;
        let report = Report {
            requests: self.books.requests.tally(),
            events: self.books.events.tally(),
            routed: self.books.routed.tally(),
            out_of_order: self.receivers.iter().map(EventReceiver::out_of_order).sum(),
            excuse: self.excuse,
            missed: self.missed,
            is_over: self.is_over,
            callers,
            executed: [self.side_a.executed(), self.side_b.executed()],
            sides: [self.side_a.figures(), self.side_b.figures()],
            receivers: self.receivers.each_ref().map(EventReceiver::figures),
            gaps: self.gaps,
            figures,
            generation,
            cut: drained.cut.len(),
            lost_lines: self.log.lost_lines(),
        };
        self.side_a.stop().await;
        self.side_b.stop().await;
        for receiver in self.receivers {
            receiver.stop().await;
        }
        (report, self.home)
    }
}

/// How long a side works on a request: enough to have some in hand at any moment.
const WORK: Duration = Duration::from_millis(30);

/// A demo is short: calls of fifteen requests with a pause that outlasts [`IDLE`], so that
/// sessions are resumed as in a day's work, and close enough that a gap of milliseconds shows.
const CALLS: Pace = Pace {
    interval: Duration::from_millis(100),
    burst: 15,
    pause: Duration::from_secs(1),
};

/// A call every quarter of a minute for each agent.
const CALM_CALLS: Pace = Pace {
    interval: Duration::from_millis(200),
    burst: 8,
    pause: Duration::from_secs(15),
};

/// Ten events a second from each source.
const EVENTS: Pace = Pace {
    interval: Duration::from_millis(100),
    burst: u32::MAX,
    pause: Duration::ZERO,
};

/// ICM closes after 10 seconds; in a demo of a quarter of a minute, after half of one.
const IDLE: Duration = Duration::from_millis(500);

fn app_servers(
    pki: &Pki,
    doors: &Doors,
    agents: usize,
    ledger: &Ledger,
) -> Result<[SimCrm; 2], DemoError> {
    let server = |version, tls, agents| {
        let profile = CrmProfile {
            tls: Some(pki.peer(Party::Crm).speaking(tls)),
            version,
            agents,
            pace: CALLS,
            idle: IDLE,
            ..CrmProfile::new(doors.requests.addr())
        };
        SimCrm::start(&profile, ledger)
    };
    let half = agents / 2;
    Ok([
        server(HttpVersion::Http10, TlsRange::Only12, agents - half)?,
        server(HttpVersion::Http11, TlsRange::Only13, half)?,
    ])
}

fn events_of_a(doors: &Doors, books: &Books) -> Result<EventSource, DemoError> {
    let path = EventPath::Listener(doors.events.addr());
    Ok(EventSource::start("A", &path, EVENTS, &books.events)?)
}

async fn start_gateway(dir: &Path, clock: &Clock) -> Result<(Gateway, LogGuard), DemoError> {
    let loaded = crate::config::load(dir);
    let Some(settings) = loaded.settings else {
        return Err(refused(loaded.problems));
    };
    let log = telemetry::init(&log_options(&settings.log), clock)?;
    let access = log.access_log(settings.log.access);
    let gateway = Gateway::start(dir, clock, &access).await?;
    Ok((gateway, log))
}

/// The admin listener, and what leads into it.
fn open_console(
    dir: &Path,
    gateway: &Gateway,
    log: &LogGuard,
) -> Result<(String, Orders), DemoError> {
    let desk = Desk {
        viewer: gateway.viewer(),
        recent: log.recent(),
        dir: dir.to_owned(),
        handed: Arc::default(),
        token_file: None,
    };
    let opened = Admin::start(desk)?;
    let none = || std::io::Error::from(std::io::ErrorKind::AddrNotAvailable);
    let (admin, orders) = opened.ok_or_else(none)?;
    Ok((admin.console()?, orders))
}

/// The demo wrote these files itself, so a mistake in them is one of the program.
fn refused(problems: Problems) -> DemoError {
    DemoError::Start(StartError::Config(problems))
}
