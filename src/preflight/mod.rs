//! The checklist: what has to be so before SAP CRM, the gateway and the sides work together, tried
//! one by one.
//!
//! ```text
//! config::load, gateway::check --> config_checks, own_checks ----+
//! net::reserve, net::dial -------> host_checks ------------------+--> plan --> Report
//! Connector, dial, glance -------> walk --> peer_checks ---------+    (skips what cannot matter)
//! ```
//!
//! | file | what it gives |
//! |---|---|
//! | `check` | [`Check`]: each question with its id, what it needs, and when it is asked |
//! | `verdict` | what came of one: good, a [`Finding`], or not known |
//! | `plan` | which checks are asked for, and what is left out because of another one |
//! | `host_checks` | this machine: ports, open files |
//! | `config_checks` | the ini files, and what the files that they name are said to hold |
//! | `own_checks` | our certificate by our own authorities and lists |
//! | `listener_checks` | what SAP meets when it calls |
//! | `peers`, `walk` | whom we call, on which way; and calling them |
//! | `peer_checks`, `handshake_checks` | what that showed |
//! | `inspection` | signs of a device that reads along |
//! | `report/` | [`Report`] and its forms |
//!
//! **It has no network code of its own**: it dials, shakes hands and speaks HTTP with the functions
//! that traffic uses, so what passes here passes there. It sends no credentials, follows no redirect,
//! and no business message unless it is told to. Everything is bounded in time; whoever is called is
//! called at the same time as the others, and the order of the report is always the same.
//!
//! What to do about a finding is written once, in [`crate::explain`], under the check's id.
//!
//! Who may come in: `cli`, and whoever offers the checklist elsewhere.

mod check;
mod config_checks;
mod handshake_checks;
mod host_checks;
mod inspection;
mod listener_checks;
mod own_checks;
mod peer_checks;
mod peers;
mod plan;
mod report;
#[cfg(test)]
mod tests;
mod verdict;
mod walk;

use std::path::Path;
use std::time::Duration;

use tokio::time::Instant;

use crate::config::settings::TlsFiles;
use crate::config::{Loaded, Settings};
use crate::model::{Clock, Side};

pub use check::{CHECKS, Check, Phase};
pub use plan::Unknown;
pub use report::{Line, Report, Section, Status};
pub use verdict::{Finding, Weight};

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Options {
    /// Only these checks, by their ids; empty for all.
    pub only: Vec<String>,
    /// All but these.
    pub skip: Vec<String>,
    /// Only this SAP system.
    pub system: Option<String>,
    /// Only this side.
    pub side: Option<Side>,
    /// When it is asked.
    pub phase: Phase,
    /// How long anybody is waited for, in all.
    pub wait: Duration,
    /// SAP's cipher string, where it is not the one that SAP recommends.
    pub sap_ciphers: Option<String>,
    /// The path that SAP CRM is asked for.
    pub crm_path: String,
    /// Whether the SOAP probe of the configuration may be sent to the sides.
    pub active: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            only: Vec::new(),
            skip: Vec::new(),
            system: None,
            side: None,
            phase: Phase::BeforeStart,
            wait: Duration::from_secs(30),
            sap_ciphers: None,
            crm_path: CRM_PATH.to_owned(),
            active: false,
        }
    }
}

/// The ICF node that takes the connector's events.
const CRM_PATH: &str = "/sap/bc/soap/ici";

/// Runs the checklist on a configuration directory. Changes nothing but the limit of open files of
/// this process, which `run` raises as well.
pub async fn run(dir: &Path, options: &Options, clock: &Clock) -> Result<Report, Unknown> {
    let plan = plan::Plan::new(options)?;
    let deadline = Instant::now() + options.wait;
    let loaded = crate::config::load(dir);
    let found = crate::gateway::check(dir, clock);
    let settings = loaded.settings.as_ref();
    if let Some(settings) = settings {
        known_system(settings, options)?;
    }
    let mut report = Report::new(dir, options, clock.now());
    report.usable = !found.problems.has_errors();
    if let Some(settings) = settings {
        let host = host_checks::run(settings, options.phase, deadline).await;
        plan.add(&mut report, "this machine", host);
    }
    let config = config_checks::run(&found.problems, settings);
    plan.add(&mut report, "configuration", config);
    let own = own_checks::Owners::of(tls_roles(&loaded), clock.now());
    // Settings that are understood and have no TLS have no certificates either.
    if own.has_roles || settings.is_none() {
        let files = own_checks::run(&found.problems, &own);
        plan.add(&mut report, "certificates", files);
    }
    if let Some(settings) = settings {
        peers(
            &plan,
            &mut report,
            settings,
            options,
            (clock, deadline),
            &own,
        )
        .await;
    }
    Ok(report)
}

fn known_system(settings: &Settings, options: &Options) -> Result<(), Unknown> {
    let known: Vec<String> = settings
        .systems
        .iter()
        .map(|one| one.name.to_string())
        .collect();
    match &options.system {
        Some(name) if !known.contains(name) => Err(Unknown::System {
            name: name.clone(),
            known,
        }),
        Some(_) | None => Ok(()),
    }
}

/// The files of every role of TLS, as far as they are known.
fn tls_roles(loaded: &Loaded) -> impl Iterator<Item = &TlsFiles> {
    let understood = loaded
        .settings
        .iter()
        .flat_map(|settings| &settings.systems);
    let understood = understood.map(|one| (&one.server_tls, &one.client_tls));
    let others = loaded
        .tls_roles
        .iter()
        .map(|one| (&one.server, &one.client));
    understood.chain(others).flat_map(|(server, client)| {
        let server = server.iter().map(|tls| &tls.files);
        server.chain(client.iter().map(|tls| &tls.files))
    })
}

/// Calls everybody who is configured, all at once, and then says of one after the other what that
/// showed.
async fn peers(
    plan: &plan::Plan,
    report: &mut Report,
    settings: &Settings,
    options: &Options,
    (clock, deadline): (&Clock, Instant),
    own: &own_checks::Owners,
) {
    let wanted = |name: &str| {
        options
            .system
            .as_deref()
            .is_none_or(|wanted| wanted == name)
    };
    let systems = settings
        .systems
        .iter()
        .filter(|one| wanted(one.name.as_str()));
    let systems: Vec<_> = systems.collect();
    let peers = systems
        .iter()
        .flat_map(|system| peers::of(system, settings, options, clock));
    let seen = walk::all(peers.collect(), clock, deadline).await;
    for system in systems {
        let name = system.name.as_str();
        let of_system: Vec<_> = seen.iter().filter(|one| one.peer.system == name).collect();
        let listeners = listener_checks::run(system, options, &of_system, clock.now());
        if !listeners.is_empty() {
            plan.add(report, &format!("{name} listeners"), listeners);
        }
        for one in of_system {
            let judged = peer_checks::run(one, own, clock.now());
            plan.add(report, &one.peer.title, judged);
        }
    }
}
