//! The ini files, and what the files that they name are said to hold: the problems of a load and a
//! build, sorted.

use std::time::Duration;

use crate::config::Settings;
use crate::config::problem::{Problems, Severity, Topic};
use crate::preflight::verdict::{Finding, Judged};

/// What is to be said of the ini files.
pub(super) fn run(problems: &Problems, settings: Option<&Settings>) -> Vec<Judged> {
    let (errors, advice): (Vec<_>, Vec<_>) = problems
        .as_checked()
        .iter()
        .filter(|problem| problem.topic == Topic::Settings)
        .filter(|problem| problem.severity != Severity::Notice)
        .map(|problem| (problem.severity, Finding::from(problem)))
        .partition(|(severity, _)| *severity == Severity::Error);
    let findings = |of: Vec<(Severity, Finding)>| of.into_iter().map(|(_, one)| one).collect();
    let files = match settings {
        Some(settings) => settings.sources.iter(),
        None => [].iter(),
    };
    let evidence = files.map(|file| file.display().to_string()).collect();
    let timeouts = match settings {
        Some(settings) => timeouts(settings),
        None => Judged::unknown("config-timeouts"),
    };
    vec![
        Judged::all("config-files", findings(errors), evidence),
        Judged::all("config-advice", findings(advice), Vec::new()),
        timeouts,
    ]
}

/// ICM closes an idle connection that it opened after `icm/HTTP/client/keep_alive_timeout`. A gateway
/// that closes first does so while SAP may be sending.
const ICM_CLIENT_IDLE: Duration = Duration::from_secs(10);

/// ICM closes an idle connection that it accepted after `icm/keep_alive_timeout`; ports of old releases
/// had 30 s.
const ICM_SERVER_IDLE: Duration = Duration::from_mins(1);

fn timeouts(settings: &Settings) -> Judged {
    let mut found = Vec::new();
    let mut evidence = Vec::new();
    let calls_in = settings
        .systems
        .iter()
        .any(|system| system.requests.is_some());
    let idle = settings.limits.idle_timeout;
    if calls_in {
        evidence.push(format!(
            "IdleTimeout {idle:?}, ICM as a client {ICM_CLIENT_IDLE:?} unless it was changed"
        ));
    }
    if calls_in && idle <= ICM_CLIENT_IDLE {
        let what = format!(
            "IdleTimeout of [Limits] is {idle:?}, and ICM closes after {ICM_CLIENT_IDLE:?}: the \
             gateway closes connections that SAP is about to use"
        );
        let there =
            "or RZ11: icm/HTTP/client/keep_alive_timeout shorter than that (10 is the default)";
        found.push(
            Finding::warning(what)
                .here("IdleTimeout=65s in [Limits] of crmgate.ini")
                .there(there),
        );
    }
    for system in &settings.systems {
        let Some(events) = &system.events else {
            continue;
        };
        let (name, idle) = (&system.name, events.pool_idle);
        evidence.push(format!(
            "{name}: PoolIdle of [Events] {idle:?}, ICM as a server {ICM_SERVER_IDLE:?} unless it was changed"
        ));
        if idle >= ICM_SERVER_IDLE {
            let what = format!(
                "PoolIdle of [Events] of {name} is {idle:?}, and ICM closes after \
                 {ICM_SERVER_IDLE:?}: an event may meet a connection that is just being closed"
            );
            let here = format!("PoolIdle=20s in [Events] of CRMConnectorSAP_{name}.ini");
            let there = "or RZ11: icm/keep_alive_timeout, and TIMEOUT of icm/server_port_<n>, longer than that";
            found.push(Finding::warning(what).here(here).there(there));
        }
    }
    Judged::all("config-timeouts", found, evidence)
}
