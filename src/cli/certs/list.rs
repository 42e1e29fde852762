//! `crmgate certs`: one table of everything the configuration uses.

use serde_json::json;

use super::args::{ListArgs, Output};
use super::failure::Failure;
use super::settings;
use crate::certs::expiry::Validity;
use crate::certs::inventory::{Entry, Part, Thing, inventory};
use crate::cli::exit::Exit;
use crate::cli::output::{complain, say};
use crate::model::{Clock, WallTime};
use crate::tls::provider::key_provider;

/// Prints the table. Something that has ended makes it fail.
pub(super) fn list(args: &ListArgs) -> Result<Exit, Failure> {
    let now = Clock::system().now();
    let settings = settings(&args.dir.config)?;
    let found = inventory(&settings, key_provider(), now);
    match args.output {
        Output::Text => {
            print(&found.entries, now);
            for problem in &found.problems {
                complain(format_args!("{problem}\n"));
            }
        }
        Output::Json => {
            let entries = found.entries.iter().map(|entry| as_json(entry, now));
            let problems = found.problems.iter().map(|problem| problem.what.clone());
            say(json!({
                "now": now.to_string(),
                "entries": entries.collect::<Vec<_>>(),
                "problems": problems.collect::<Vec<_>>(),
            }));
        }
    }
    let is_refused = |entry: &Entry| !entry.validity(now).is_valid();
    if found.problems.has_errors() || found.entries.iter().any(is_refused) {
        return Ok(Exit::Due);
    }
    Ok(Exit::Ok)
}

fn print(entries: &[Entry], now: WallTime) {
    if entries.is_empty() {
        say("the configuration uses no certificate");
        return;
    }
    let rows: Vec<[String; 5]> = entries.iter().map(|entry| row(entry, now)).collect();
    let titles = ["", "left", "ends", "subject", "issuer"].map(str::to_owned);
    let all = || std::iter::once(&titles).chain(&rows);
    let width = |column: usize| {
        let cells = all().filter_map(|row| row.get(column));
        let widest = cells.map(|cell| cell.chars().count()).max();
        widest.unwrap_or_default().min(WIDEST)
    };
    let widths = [0, 1, 2, 3, 4].map(width);
    let mut lines = all().map(|row| {
        let cells = row.iter().zip(widths);
        let cells: Vec<String> = cells
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        cells.join("  ").trim_end().to_owned()
    });
    if let Some(title) = lines.next() {
        say(title);
    }
    for (entry, line) in entries.iter().zip(lines) {
        say(line);
        if let Thing::Certificate(facts) = &entry.thing
            && !facts.alternative_names.is_empty()
            && entry.part != Part::Authority
        {
            say(format_args!("    names {}", facts.alternative_names_line()));
        }
        for (used_by, place) in &entry.uses {
            say(format_args!("    {used_by}, by {place}"));
        }
    }
}

/// A subject may be longer; then its line is as well.
const WIDEST: usize = 48;

fn row(entry: &Entry, now: WallTime) -> [String; 5] {
    let ends = entry
        .ends()
        .map_or_else(|| "never".to_owned(), |end| end.to_string());
    let part = match entry.part {
        Part::Next(from) => format!("next, from {from}"),
        Part::Own | Part::Intermediate | Part::Authority | Part::List => {
            entry.part.word().to_owned()
        }
    };
    [
        part,
        left(entry, now),
        ends,
        entry.subject().to_owned(),
        entry.issuer().to_owned(),
    ]
}

/// How long it lasts, in few letters.
pub(super) fn left(entry: &Entry, now: WallTime) -> String {
    let Some(end) = entry.ends() else {
        return "-".to_owned();
    };
    let days = now.days_until(end);
    match entry.validity(now) {
        Validity::Expired { .. } => "ENDED".to_owned(),
        Validity::NotYet => "not yet".to_owned(),
        Validity::EndsSoon { .. } => format!("{days} d !"),
        Validity::Good => format!("{days} d"),
    }
}

/// An entry for programs.
pub(super) fn as_json(entry: &Entry, now: WallTime) -> serde_json::Value {
    let uses = entry.uses.iter().map(|(used_by, place)| {
        json!({
            "by": used_by,
            "file": place.file.display().to_string(),
            "line": place.line,
            "section": place.section,
            "key": place.key,
        })
    });
    let names = match &entry.thing {
        Thing::Certificate(facts) => {
            let names = facts.alternative_names.iter();
            names.map(ToString::to_string).collect::<Vec<_>>()
        }
        Thing::List(_) => Vec::new(),
    };
    json!({
        "part": entry.part.word(),
        "subject": entry.subject(),
        "issuer": entry.issuer(),
        "names": names,
        "ends": entry.ends().map(|end| end.to_string()),
        "days_left": entry.ends().map(|end| now.days_until(end)),
        "valid": entry.validity(now).is_valid(),
        "sha256": entry.fingerprint().to_string(),
        "file": entry.file.display().to_string(),
        "uses": uses.collect::<Vec<_>>(),
    })
}
