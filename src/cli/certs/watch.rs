//! `crmgate certs watch`: what ends soon, once, for as long as it runs, or for a monitoring system.

use std::collections::HashMap;
use std::time::Duration;

use super::args::WatchArgs;
use super::failure::Failure;
use super::settings;
use crate::certs::Step;
use crate::certs::inventory::{Entry, Inventory, inventory};
use crate::cli::exit::Exit;
use crate::cli::output::{complain, say};
use crate::model::{Clock, Fingerprint, WallTime};
use crate::tls::provider::key_provider;

/// Looks, and says what has reached a step.
pub(super) fn watch(args: &WatchArgs) -> Result<Exit, Failure> {
    let clock = Clock::system();
    if args.nagios {
        return Ok(for_monitoring(args, clock.now()));
    }
    if args.once {
        let found = look(args, clock.now())?;
        let due = due(&found, clock.now());
        tell(&due, clock.now());
        if due.is_empty() && !found.problems.has_errors() {
            say("nothing ends within 60 days");
            return Ok(Exit::Ok);
        }
        return Ok(Exit::Due);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|cause| {
        let what = format!("the system gives no event queue: {cause}");
        Failure::new(Exit::Os, what, "look once with --once")
    })?;
    runtime.block_on(stay(args, &clock))
}

/// Says each step of each once, until it is told to stop.
async fn stay(args: &WatchArgs, clock: &Clock) -> Result<Exit, Failure> {
    let mut said: HashMap<Fingerprint, Step> = HashMap::new();
    let mut is_first = true;
    let pause = Duration::from_mins(u64::from(args.every));
    loop {
        match look(args, clock.now()) {
            Ok(found) => {
                let mut news = due(&found, clock.now());
                news.retain(|(entry, step)| {
                    let before = said.insert(entry.fingerprint(), *step);
                    before.is_none_or(|before| before < *step)
                });
                tell(&news, clock.now());
            }
            // The first look shows whether the directory is the one that was meant; later it may
            // just be written.
            Err(failure) if is_first => return Err(failure),
            Err(failure) => complain(format_args!("crmgate: {failure}")),
        }
        is_first = false;
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _asked = tokio::signal::ctrl_c() => return Ok(Exit::Ok),
        }
    }
}

fn look(args: &WatchArgs, now: WallTime) -> Result<Inventory, Failure> {
    let settings = settings(&args.dir.config)?;
    let found = inventory(&settings, key_provider(), now);
    for problem in &found.problems {
        complain(format_args!("{problem}\n"));
    }
    Ok(found)
}

/// What has reached a step, what is nearest to its end in front.
fn due(found: &Inventory, now: WallTime) -> Vec<(&Entry, Step)> {
    let each = found.entries.iter();
    each.filter_map(|entry| Some((entry, Step::of(entry.validity(now))?)))
        .collect()
}

fn tell(due: &[(&Entry, Step)], now: WallTime) {
    for (entry, step) in due {
        let what = match step {
            Step::Left(days) => format!("ends within {} days", days.0),
            Step::Ended | Step::GraceEnded => "HAS ENDED".to_owned(),
        };
        let ends = entry.ends().map(|end| end.to_string()).unwrap_or_default();
        say(format_args!(
            "{what}: {} \"{}\", {ends}, {} days left, {}",
            entry.part.word(),
            entry.subject(),
            entry.ends().map_or(0, |end| now.days_until(end)),
            entry.file.display()
        ));
        for (used_by, place) in &entry.uses {
            say(format_args!("  {used_by}, by {place}"));
        }
    }
}

/// One line, and the code of a plug-in.
fn for_monitoring(args: &WatchArgs, now: WallTime) -> Exit {
    let settings = match settings(&args.dir.config) {
        Ok(settings) => settings,
        Err(failure) => {
            let text = failure.to_string();
            let first = text.lines().next().unwrap_or_default();
            say(format_args!("CRMGATE CERTS UNKNOWN - {first}"));
            return Exit::Unknown;
        }
    };
    let found = inventory(&settings, key_provider(), now);
    let days = |entry: &Entry| entry.ends().map(|end| now.days_until(end));
    let (warn, crit) = (i64::from(args.warn), i64::from(args.crit));
    let within = |limit: i64| {
        let each = found.entries.iter();
        each.filter(move |entry| {
            !entry.validity(now).is_valid() || days(entry).is_some_and(|left| left < limit)
        })
        .count()
    };
    let (critical, warned) = (within(crit), within(warn.max(crit)));
    let (word, exit) = if critical > 0 || found.problems.has_errors() {
        ("CRITICAL", Exit::Critical)
    } else if warned > 0 {
        ("WARNING", Exit::Due)
    } else {
        ("OK", Exit::Ok)
    };
    let first = found.entries.first();
    let nearest = first.map_or_else(
        || "the configuration uses no certificate".to_owned(),
        |entry| {
            format!(
                "{} \"{}\" in {} ends in {} days",
                entry.part.word(),
                entry.subject(),
                entry.file.display(),
                days(entry).unwrap_or_default()
            )
        },
    );
    let unread = if found.problems.has_errors() {
        ", and a file cannot be read"
    } else {
        ""
    };
    let left = first.and_then(days).unwrap_or_default();
    let count = found.entries.len();
    say(format_args!(
        "CRMGATE CERTS {word} - {nearest}{unread}; {warned} of {count} are due | days_left={left};{warn};{crit}"
    ));
    exit
}
