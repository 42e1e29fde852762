//! `crmgate check`: the same reading and building as `run`, without a socket; and a rehearsal with
//! whoever was seen.

use std::time::Duration;

use serde_json::json;

use super::against_seen;
use super::args::{CheckArgs, Format};
use super::exit::Exit;
use super::output::say;
use crate::config::problem::{Problem, Severity};
use crate::gateway::{Check, Rehearsal, check as judge, rehearse};
use crate::model::Clock;

/// Judges a directory and prints what it found.
pub(super) fn check(args: &CheckArgs) -> Exit {
    let (dir, clock) = (&args.dir.config, Clock::system());
    let found = judge(dir, &clock);
    let hours = args.against_seen.map(u64::from).map(Duration::from_hours);
    let seen = hours.map(|within| rehearse(dir, within, &clock));
    match args.format {
        Format::Text => {
            print_text(&found);
            if let Some(seen) = &seen {
                against_seen::print(seen.as_ref());
            }
        }
        Format::Json => print_json(&found, seen.as_ref()),
    }
    let problems = found.problems.as_checked();
    let warned = args.deny_warnings && problems.count(Severity::Warning) > 0;
    let shuts_out = seen.flatten().is_some_and(|seen| seen.shuts_out());
    if problems.has_errors() || warned || shuts_out {
        Exit::CheckFailed
    } else {
        Exit::Ok
    }
}

fn print_text(found: &Check) {
    let problems = found.problems.as_checked();
    for problem in &problems {
        say(format_args!("{problem}\n"));
    }
    for line in &found.effective {
        say(format_args!("would run: {line}"));
    }
    let count = |severity: Severity| {
        let count = problems.count(severity);
        let plural = if count == 1 { "" } else { "s" };
        format!("{count} {severity}{plural}")
    };
    say(format_args!(
        "{}: {}, {}, {}",
        match (found.problems.has_errors(), problems.has_errors()) {
            (true, _) => "not usable",
            (false, true) => "usable, and overdue",
            (false, false) => "usable",
        },
        count(Severity::Error),
        count(Severity::Warning),
        count(Severity::Notice)
    ));
}

fn print_json(found: &Check, seen: Option<&Option<Rehearsal>>) {
    let problems = found.problems.as_checked();
    let problems: Vec<_> = problems.iter().map(problem_json).collect();
    let mut told = json!({
        "usable": !found.problems.has_errors(),
        "problems": problems,
        "would_run": found.effective,
    });
    if let (Some(seen), Some(fields)) = (seen, told.as_object_mut()) {
        let seen = seen.as_ref().map(against_seen::as_json);
        fields.insert("against_seen".to_owned(), seen.into());
    }
    say(told);
}

fn problem_json(problem: &Problem) -> serde_json::Value {
    json!({
        "severity": problem.severity.to_string(),
        "file": problem.place.file.display().to_string(),
        "line": problem.place.line,
        "section": problem.place.section,
        "key": problem.place.key,
        "what": problem.what,
        "value": problem.value,
        "allowed": problem.allowed,
        "hint": problem.hint,
    })
}
