//! The ini files, and what the files that they name are said to hold: the problems of a load and a
//! build, sorted.

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
    let idle = settings.map_or_else(Vec::new, timeouts);
    let all = problems.as_checked();
    let of_time = all
        .iter()
        .filter(|problem| problem.topic == Topic::Timeouts);
    // Of what is not understood, nothing good is known either.
    let judged = |id, found: Vec<Finding>, evidence| {
        if settings.is_none() && found.is_empty() {
            Judged::unknown(id)
        } else {
            Judged::all(id, found, evidence)
        }
    };
    vec![
        Judged::all("config-files", findings(errors), evidence),
        judged("config-advice", findings(advice), Vec::new()),
        judged(
            "config-timeouts",
            of_time.map(Finding::from).collect(),
            idle,
        ),
    ]
}

/// What is to be compared with ICM's own.
fn timeouts(settings: &Settings) -> Vec<String> {
    let calls_in = settings
        .systems
        .iter()
        .any(|system| system.requests.is_some());
    let idle = calls_in.then(|| format!("IdleTimeout {:?}", settings.limits.idle_timeout));
    let events = settings.systems.iter().filter_map(|system| {
        let idle = system.events.as_ref()?.pool_idle;
        Some(format!("{}: PoolIdle of [Events] {idle:?}", system.name))
    });
    idle.into_iter().chain(events).collect()
}
