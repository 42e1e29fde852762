//! [`run`] and [`run_in_force`]: going through the checklist.

use std::path::Path;

use tokio::time::Instant;

use crate::config::problem::Problems;
use crate::config::settings::TlsFiles;
use crate::config::{Settings, TlsRoles};
use crate::gateway::Viewer;
use crate::model::Clock;
use crate::preflight::own_checks::Owners;
use crate::preflight::plan::Plan;
use crate::preflight::{
    Options, Report, Unknown, config_checks, host_checks, listener_checks, own_checks, peer_checks,
    trace_checks, walk,
};

/// Runs the checklist on a configuration directory. Changes nothing but the limit of open files of
/// this process, which `run` raises as well.
pub async fn run(dir: &Path, options: &Options, clock: &Clock) -> Result<Report, Unknown> {
    let loaded = crate::config::load(dir);
    let found = crate::gateway::check(dir, clock);
    let subject = Subject {
        dir,
        settings: loaded.settings.as_ref(),
        problems: &found.problems,
        roles: &loaded.tls_roles,
    };
    subject.judged(options, clock).await
}

/// Runs the checklist on what a running gateway goes by, whatever has become of its ini files since.
/// The directory only says whose it is.
pub async fn run_in_force(
    dir: &Path,
    viewer: &Viewer,
    options: &Options,
) -> Result<Report, Unknown> {
    let in_force = viewer.in_force();
    let subject = Subject {
        dir,
        settings: Some(&in_force.settings),
        problems: &in_force.problems,
        roles: &[],
    };
    subject.judged(options, viewer.clock()).await
}

/// What is gone through.
#[derive(Debug, Clone, Copy)]
struct Subject<'a> {
    dir: &'a Path,
    /// None where the ini files are not understood.
    settings: Option<&'a Settings>,
    problems: &'a Problems,
    /// Roles of TLS that are known although the settings are not.
    roles: &'a [TlsRoles],
}

impl Subject<'_> {
    async fn judged(&self, options: &Options, clock: &Clock) -> Result<Report, Unknown> {
        let plan = Plan::new(options)?;
        let deadline = Instant::now() + options.wait;
        if let Some(settings) = self.settings {
            known_system(settings, options)?;
        }
        let mut report = Report::new(self.dir, options, clock.now());
        report.usable = !self.problems.has_errors();
        if let Some(settings) = self.settings {
            let host = host_checks::run(settings, options.phase, deadline).await;
            plan.add(&mut report, "this machine", host);
        }
        let config = config_checks::run(self.problems, self.settings);
        plan.add(&mut report, "configuration", config);
        let own = Owners::of(self.tls_files().collect(), clock.now());
        // Settings that are understood and have no TLS have no certificates either.
        if own.has_roles || self.settings.is_none() {
            let files = own_checks::run(self.problems, &own);
            plan.add(&mut report, "certificates", files);
        }
        if let Some(settings) = self.settings {
            let by = (clock, deadline);
            peers(&plan, &mut report, settings, options, by, &own).await;
            let traces = settings.traces.as_ref();
            if let Some(traces) = traces.filter(|_| plan.asks(trace_checks::CHECK)) {
                let judged = trace_checks::run(traces, clock, deadline).await;
                plan.add(&mut report, "collector of traces", judged);
            }
        }
        Ok(report)
    }

    /// The files of every role of TLS, as far as they are known.
    fn tls_files(&self) -> impl Iterator<Item = &TlsFiles> {
        let admin = self.settings.iter();
        let admin = admin.filter_map(|settings| settings.admin.tls.as_ref());
        let admin = admin.map(|tls| &tls.files);
        let understood = self.settings.iter().flat_map(|settings| &settings.systems);
        let understood = understood.map(|one| (&one.server_tls, &one.client_tls));
        let others = self.roles.iter().map(|one| (&one.server, &one.client));
        let of_systems = understood.chain(others).flat_map(|(server, client)| {
            let server = server.iter().map(|tls| &tls.files);
            server.chain(client.iter().map(|tls| &tls.files))
        });
        of_systems.chain(admin)
    }
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

/// Calls everybody who is configured, all at once, and then says of one after the other what that
/// showed.
async fn peers(
    plan: &Plan,
    report: &mut Report,
    settings: &Settings,
    options: &Options,
    (clock, deadline): (&Clock, Instant),
    own: &Owners,
) {
    let only = options.system.as_deref();
    let wanted = |name: &str| only.is_none_or(|only| only == name);
    let systems = settings.systems.iter();
    let systems: Vec<_> = systems.filter(|one| wanted(one.name.as_str())).collect();
    let called = systems.iter().filter(|_| plan.calls_somebody());
    let peers =
        called.flat_map(|system| crate::preflight::peers::of(system, settings, options, clock));
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
