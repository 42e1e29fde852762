//! [`frame()`]: the picture of a moment as lines, without a terminal.

use super::rates::{PerSecond, Rates};
use crate::cli::ops::answers::{Figures, Said, Status, System};
use crate::cli::ops::status::side_lines;
use crate::cli::ops::words::{bytes, count, harmless, many, percent, span};

/// What a line means; the colour follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    /// Headings.
    Strong,
    /// What may be read over.
    Quiet,
    /// As it should be.
    Good,
    /// Somebody has to act.
    Bad,
}

/// A line of the picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) tone: Tone,
    pub(super) text: String,
}

/// What is known at a moment.
#[derive(Debug)]
pub(super) struct Moment<'a> {
    pub(super) url: &'a str,
    pub(super) status: &'a Status,
    pub(super) rates: Option<Rates>,
    /// The latest, the oldest first.
    pub(super) errors: &'a [Said],
    /// Counts on for ever; the systems take turns.
    pub(super) system: usize,
    /// Why there is no newer picture.
    pub(super) trouble: Option<&'a str>,
}

/// The picture, at most so wide and so high. What does not fit is left out from the latest errors up.
pub(super) fn frame(moment: &Moment<'_>, (width, height): (usize, usize), keys: bool) -> Vec<Line> {
    let mut lines = head(moment);
    lines.push(line(Tone::Plain, String::new()));
    lines.extend(traffic(moment));
    lines.push(line(Tone::Plain, String::new()));
    lines.extend(systems(moment));
    let foot = usize::from(keys);
    lines.truncate(height.saturating_sub(foot));
    // The heading and at least one of them, or none.
    let room = height.saturating_sub(lines.len() + foot);
    if room >= 3 {
        lines.push(line(Tone::Plain, String::new()));
        lines.extend(latest(moment.errors, room - 1));
    }
    if keys {
        lines.resize_with(height.saturating_sub(foot), || {
            line(Tone::Plain, String::new())
        });
        lines.push(line(Tone::Quiet, "q quit   s next SAP system"));
    }
    for line in &mut lines {
        line.text = line.text.chars().take(width).collect();
    }
    lines
}

fn line(tone: Tone, text: impl AsRef<str>) -> Line {
    let text = harmless(text.as_ref());
    Line { tone, text }
}

fn head(moment: &Moment<'_>) -> Vec<Line> {
    let status = moment.status;
    let (tone, verdict) = match (moment.trouble, status.ready) {
        (Some(_), _) => (Tone::Bad, "no answer any more".to_owned()),
        (None, true) => (Tone::Good, format!("{}, ready", status.phase)),
        (None, false) => (Tone::Bad, format!("{}, NOT READY", status.phase)),
    };
    let mut lines = vec![
        line(
            tone,
            format!("crmgate {} at {}: {verdict}", status.version, moment.url),
        ),
        line(
            Tone::Plain,
            format!(
                "generation {}, up {}, {} open",
                status.generation,
                span(status.uptime_seconds),
                many(status.connections, "connection", "connections")
            ),
        ),
    ];
    if let Some(trouble) = moment.trouble {
        lines.push(line(Tone::Bad, trouble));
    }
    for reason in &status.not_ready {
        lines.push(line(Tone::Bad, format!("not ready: {reason}")));
    }
    if let Some(why) = &status.last_reload_failure {
        let first = why.lines().next().unwrap_or_default();
        lines.push(line(Tone::Bad, format!("last reload refused: {first}")));
    }
    if let Some(next) = status
        .next_to_end
        .as_ref()
        .filter(|next| next.state != "good")
    {
        let text = format!(
            "{} ends at {}: {}",
            next.subject, next.not_after, next.breaks
        );
        lines.push(line(Tone::Bad, text));
    }
    lines
}

/// A row for each kind of traffic: a second, and since the start.
fn traffic(moment: &Moment<'_>) -> Vec<Line> {
    let (figures, rates) = (&moment.status.figures, moment.rates.as_ref());
    let rate = |of: fn(&Rates) -> String| rates.map_or_else(|| "-".to_owned(), of);
    let heading = format!("{:<12} {:>26}   {}", "", "per second", "since the start");
    let mut lines = vec![line(Tone::Strong, heading)];
    lines.push(row(
        "requests",
        &rate(|rates| with_failed(rates.requests, rates.requests_failed)),
        &answered(figures.requests_answered, figures.requests_failed),
    ));
    lines.push(row(
        "events",
        &rate(|rates| with_failed(rates.events, rates.events_failed)),
        &answered(figures.events_answered, figures.events_failed),
    ));
    lines.push(row(
        "connections",
        &rate(|rates| rates.accepted.text()),
        &format!("{} accepted", count(figures.connections_accepted)),
    ));
    lines.extend(handshakes(figures, rates));
    let (there, back) = (
        bytes(figures.relayed_bytes_to_target),
        bytes(figures.relayed_bytes_from_target),
    );
    lines.push(row(
        "relayed",
        &rate(|rates| {
            let (there, back) = (rates.bytes_there.whole(), rates.bytes_back.whole());
            format!("{} there, {} back", bytes(there), bytes(back))
        }),
        &format!(
            "{there} there, {back} back, {} open",
            count(figures.relayed_open)
        ),
    ));
    let (itself, ordered) = (figures.switches_automatic, figures.switches_ordered);
    lines.push(row(
        "switches",
        "",
        &format!("{} by itself, {} ordered", count(itself), count(ordered)),
    ));
    lines
}

/// How many begin anew, how many take up a session, and how many do not get in.
fn handshakes(figures: &Figures, rates: Option<&Rates>) -> [Line; 3] {
    let unknown = || "-".to_owned();
    let rate = |of: fn(&Rates) -> String| rates.map_or_else(unknown, of);
    let (full, resumed) = (figures.handshakes_full, figures.handshakes_resumed);
    let refused = figures.handshakes_failed + figures.clients_not_admitted;
    let now = rates.and_then(|rates| percent(rates.share.0, rates.share.1));
    [
        row(
            "handshakes",
            &rate(|rates| {
                format!(
                    "{} full, {} resumed",
                    rates.full.text(),
                    rates.resumed.text()
                )
            }),
            &format!("{} full, {} resumed", count(full), count(resumed)),
        ),
        row(
            "  resumed",
            &now.unwrap_or_else(unknown),
            &percent(resumed, full).unwrap_or_else(unknown),
        ),
        row(
            "  refused",
            &rate(|rates| rates.refused.text()),
            &count(refused),
        ),
    ]
}

fn row(name: &str, second: &str, start: &str) -> Line {
    line(Tone::Plain, format!("{name:<12} {second:>26}   {start}"))
}

fn with_failed(rate: PerSecond, failed: PerSecond) -> String {
    format!("{} ({} failed)", rate.text(), failed.text())
}

fn answered(answered: u64, failed: u64) -> String {
    format!("{} answered, {} failed", count(answered), count(failed))
}

/// The system whose turn it is.
fn systems(moment: &Moment<'_>) -> Vec<Line> {
    let all = &moment.status.systems;
    let Some(turn) = moment.system.checked_rem(all.len()) else {
        return Vec::new();
    };
    let Some(system) = all.get(turn) else {
        return Vec::new();
    };
    let which = if all.len() > 1 {
        format!("  ({} of {})", turn + 1, all.len())
    } else {
        String::new()
    };
    let mut lines = vec![line(Tone::Strong, format!("{}{which}", system.name))];
    lines.extend(sides(system));
    lines.extend(system.listeners.iter().map(|listener| {
        let at = listener.bound.as_ref().unwrap_or(&listener.listen);
        let text = format!(
            "    {at} {} -> {}",
            listener.service,
            listener.goes_to.join(", ")
        );
        line(Tone::Quiet, text)
    }));
    lines
}

fn sides(system: &System) -> Vec<Line> {
    let Some(sides) = &system.sides else {
        return Vec::new();
    };
    let tone = |text: &str| {
        let of = |letter: &str| text.contains(&format!("side {letter}  "));
        let side = sides.each().find(|(letter, _)| of(letter));
        match side {
            Some((_, side)) if side.is_down() || side.drained.is_some() => Tone::Bad,
            Some((_, side)) if side.health == "up" => Tone::Good,
            Some(_) | None => Tone::Plain,
        }
    };
    let lines = side_lines(sides).into_iter();
    lines.map(|text| line(tone(&text), text)).collect()
}

/// The newest of them, as many as fit, each with what to do where there is room.
fn latest(errors: &[Said], room: usize) -> Vec<Line> {
    let mut shown: Vec<Vec<Line>> = Vec::new();
    let mut used = 1;
    for said in errors.iter().rev() {
        let each = told(said);
        if used + each.len() > room {
            break;
        }
        used += each.len();
        shown.push(each);
    }
    let heading = if errors.is_empty() {
        "nothing was warned of and nobody was refused"
    } else {
        "latest warnings and refusals, the newest first"
    };
    let mut lines = vec![line(Tone::Strong, heading)];
    lines.extend(shown.into_iter().flatten());
    lines
}

fn told(said: &Said) -> Vec<Line> {
    // The date of today is known.
    let time = said.at.split('T').nth(1).unwrap_or(&said.at);
    let time = time.get(..8).unwrap_or(time);
    let tone = if said.level == "INFO" {
        Tone::Plain
    } else {
        Tone::Bad
    };
    let of = ["system", "side", "peer", "code"].into_iter();
    let of: Vec<&str> = of.filter_map(|name| said.field(name)).collect();
    let of = if of.is_empty() {
        String::new()
    } else {
        format!(" ({})", of.join(", "))
    };
    let mut lines = vec![line(tone, format!("{time} {}{of}", said.message))];
    let more = [("SAP shows", "seen_in_sap"), ("hint", "hint")];
    for (label, name) in more {
        if let Some(value) = said.field(name) {
            lines.push(line(Tone::Quiet, format!("         {label}: {value}")));
        }
    }
    lines
}
