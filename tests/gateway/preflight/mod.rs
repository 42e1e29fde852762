//! The checklist against one fake of each failure: it finds what is wrong, and nothing else. And
//! where all is well, nothing.

mod answers;
mod collector;
pub(crate) mod fakes;
mod files;
mod good;
mod ways;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crmgate::certs::issue::{Authority, Issued, LeafSpec};
use crmgate::explain::Dictionary;
use crmgate::model::{Endpoint, HostPort, Scheme, Side};
use crmgate::preflight::{Options, Report, run};
use crmgate::simulate::{Deployment, Party, PeerTls, SimConnector};
use rustls::ServerConfig;

use crate::support::recorder::{FINE, Recorder, Step, always};
use crate::support::{World, free_address};

/// A deployment of which everything is in order: one side, and SAP CRM.
pub(crate) struct Yard {
    pub(crate) world: World,
    pub(crate) deployment: Deployment,
    pub(crate) options: Options,
    _side: SimConnector,
    crm: Option<Recorder>,
}

impl Yard {
    /// With SAP CRM behind the events.
    pub(crate) async fn new() -> Self {
        let mut yard = Self::without_crm();
        let crm = Recorder::fine(Some(&yard.world.pki.peer(Party::Crm))).await;
        yard.point_at(&crm.endpoint());
        yard.crm = Some(crm);
        yard
    }

    /// With a side in plain HTTP alone, so that nobody else is concerned by certificates.
    pub(crate) fn without_crm() -> Self {
        Self::around(World::new())
    }

    pub(crate) fn around(world: World) -> Self {
        let side = world.side(Side::A);
        let mut deployment = world
            .deployment()
            .requests(free_address(), &side.endpoint(), None);
        few(&mut deployment);
        Self {
            options: Options {
                wait: Duration::from_secs(10),
                ..Options::default()
            },
            world,
            deployment,
            _side: side,
            crm: None,
        }
    }

    /// SAP CRM is at this address from now on.
    pub(crate) fn point_at(&mut self, crm: &Endpoint) {
        self.deployment = self.deployment.clone().events(free_address(), crm);
    }

    pub(crate) fn point_at_tls(&mut self, crm: SocketAddr) {
        self.point_at(&https(crm));
    }

    /// The way to SAP CRM goes through this address.
    pub(crate) fn through(&mut self, proxy: SocketAddr) {
        let value = format!("SSL PROXY={proxy}");
        self.deployment
            .system
            .set("Config", "TpiDllParameter", value);
    }

    pub(crate) fn company(&self) -> &Authority {
        self.world.pki.authority(Party::Gateway)
    }

    /// A server's certificate for the address that is called.
    pub(crate) fn server_spec(&self) -> LeafSpec {
        let now = self.world.clock.now();
        LeafSpec {
            alternative_names: vec!["127.0.0.1".to_owned()],
            ..LeafSpec::for_name("sap-crm", now)
        }
    }

    /// A server with this certificate that demands ours.
    pub(crate) fn server(&self, own: &Issued) -> ServerConfig {
        let company = self.company().der();
        PeerTls::new(own, company, &[company])
            .server()
            .expect("a certificate")
    }

    /// SAP CRM with a server set up by the test; it answers every request.
    pub(crate) async fn crm_with(&mut self, config: ServerConfig) -> Recorder {
        self.crm_answering(config, FINE).await
    }

    pub(crate) async fn crm_answering(&mut self, config: ServerConfig, answer: &str) -> Recorder {
        let script = always(vec![Step::send(answer)]);
        let crm = Recorder::with(Some(config), script, None).await;
        self.point_at(&crm.endpoint());
        crm
    }

    pub(crate) async fn report(&self) -> Report {
        self.deployment.write(self.world.path()).expect("ini files");
        let report = run(self.world.path(), &self.options, &self.world.clock).await;
        report.expect("checks that there are")
    }

    /// Finds exactly this: the check's name, and a part of what is said.
    pub(crate) async fn finds(&self, id: &str, part: &str) -> Report {
        self.finds_all(&[(id, part)]).await
    }

    pub(crate) async fn finds_all(&self, wanted: &[(&str, &str)]) -> Report {
        let report = self.report().await;
        let found: Vec<(&str, &str)> = found(&report);
        let text = report.to_text(false);
        assert_eq!(found.len(), wanted.len(), "{text}");
        for ((id, what), (wanted_id, part)) in found.iter().zip(wanted) {
            assert_eq!(id, wanted_id, "{text}");
            assert!(what.contains(part), "{part:?} is not said of {id}:\n{text}");
        }
        says_what_to_do(&report);
        report
    }
}

/// No more connections than any machine has descriptors for.
pub(crate) fn few(deployment: &mut Deployment) {
    let limits = &mut deployment.gateway;
    limits.set("Limits", "MaxConnections", 100);
    limits.set("Limits", "MaxConnectionsPerAddress", 50);
}

/// What was found, check by check.
pub(crate) fn found(report: &Report) -> Vec<(&str, &str)> {
    let findings = report
        .lines()
        .flat_map(|line| line.findings.iter().map(|one| (line.id, one.what.as_str())));
    findings.collect()
}

/// Every finding has a step here, a step in SAP, and an entry of its check.
fn says_what_to_do(report: &Report) {
    let dictionary = Dictionary::new();
    for line in report.lines() {
        for finding in &line.findings {
            for step in [&finding.here, &finding.there] {
                let step = step.as_deref().unwrap_or_default();
                assert!(step.len() > 10, "{}: {finding:?}", line.id);
            }
            assert!(dictionary.get(line.id).is_some(), "{}", line.id);
        }
    }
}

pub(crate) fn https(at: SocketAddr) -> Endpoint {
    Endpoint {
        scheme: Scheme::Https,
        target: HostPort::from_addr(at),
    }
}

pub(crate) fn issued(authority: &Authority, spec: &LeafSpec) -> Issued {
    authority.issue(spec).expect("a certificate")
}

pub(crate) fn script(answer: &str) -> crate::support::recorder::Script {
    let answer = answer.to_owned();
    Arc::new(move |_| vec![Step::send(&answer)])
}
