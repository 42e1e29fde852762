//! [`run`]: going through the checklist.

use std::path::Path;

use tokio::time::Instant;

use crate::config::settings::TlsFiles;
use crate::config::{Loaded, Settings};
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
    let plan = Plan::new(options)?;
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
    let own = Owners::of(tls_roles(&loaded).collect(), clock.now());
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
        if let Some(traces) = settings
            .traces
            .as_ref()
            .filter(|_| plan.asks(trace_checks::CHECK))
        {
            let judged = trace_checks::run(traces, clock, deadline).await;
            plan.add(&mut report, "collector of traces", judged);
        }
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
    let admin = loaded
        .settings
        .iter()
        .filter_map(|settings| settings.admin.tls.as_ref());
    let admin = admin.map(|tls| &tls.files);
    let understood = loaded
        .settings
        .iter()
        .flat_map(|settings| &settings.systems);
    let understood = understood.map(|one| (&one.server_tls, &one.client_tls));
    let others = loaded
        .tls_roles
        .iter()
        .map(|one| (&one.server, &one.client));
    let of_systems = understood.chain(others).flat_map(|(server, client)| {
        let server = server.iter().map(|tls| &tls.files);
        server.chain(client.iter().map(|tls| &tls.files))
    });
    of_systems.chain(admin)
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
