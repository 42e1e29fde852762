//! The report: what was measured, as Markdown that can stand in a document.

use std::fmt::Write as _;

use crate::agents::Agents;
use crate::figures::{Figures, Whom};
use crate::goals;
use crate::operations;
use crate::traffic::Outcome;

/// The tables, below a line that says what they are of.
pub fn markdown(figures: &Figures, head: &str) -> String {
    let mut text = format!("{head}\n\n");
    let shown = shown(figures);
    push_head(&mut text, figures, &shown);
    for operation in operations::ALL.iter().filter(|operation| !operation.storm) {
        push_row(&mut text, operation.title, &shown, |who| {
            let cost = number(figures.cost(operation.word, who)?);
            let of = Outcome::cost;
            Some(with_ratio(figures, &cost, operation.word, who, of))
        });
    }
    push_row(
        &mut text,
        "**resumed, of those that offered a session**",
        &shown,
        |who| {
            let words = ["resumed", "resumed-1.2", "event-resumed"];
            let shares = words.map(|word| figures.share_resumed(word, who));
            let shares = shares.iter().flatten().map(|share| format!("{share:.0} %"));
            let shares = shares.collect::<Vec<_>>().join(" / ");
            (!shares.is_empty()).then_some(shares)
        },
    );
    push_row(
        &mut text,
        "**kept request during a storm of handshakes, p50 / p99, ms**",
        &shown,
        |who| {
            let ms = |of: fn(&Outcome) -> f64| Some(figures.median("storm", who, of)? * 1e3);
            let times = format!("{:.1} / {:.1}", ms(|o| o.p50)?, ms(|o| o.p99)?);
            Some(with_ratio(figures, &times, "storm", who, |o| o.p50))
        },
    );
    push_row(
        &mut text,
        "**memory of an idle connection with mTLS, KB**",
        &shown,
        |who| Some(format!("{:.1}", figures.memory_of(who)?.each / 1024.0)),
    );
    push_row(
        &mut text,
        "**memory without a connection, MB**",
        &shown,
        |who| Some(format!("{:.1}", bytes(figures.memory_of(who)?.base) / MB)),
    );
    for (title, of) in AGENT_ROWS {
        push_row(&mut text, title, &shown, |who| {
            Some(thousands(of(&Agents::of(figures, who)?)))
        });
    }
    text.push('\n');
    text.push_str(&goals::markdown(figures));
    text
}

type OfAgents = fn(&Agents) -> f64;

const AGENT_ROWS: [(&str, OfAgents); 4] = [
    ("**agents per core, kept connections**", |agents| {
        agents.kept
    }),
    ("**agents per core, mixed habit**", |agents| agents.mixed),
    ("**agents per core, kept, without TLS**", |agents| {
        agents.plain_kept
    }),
    ("**agents per core, mixed, without TLS**", |agents| {
        agents.plain_mixed
    }),
];

/// Those that have a column: crmgate with its log is there for one goal alone.
fn shown(figures: &Figures) -> Vec<usize> {
    let hidden = figures.find(Whom::OursLogging);
    let all = 0..figures.contestants.len();
    let is_there = |who: &usize| figures.samples.iter().any(|sample| sample.who == *who);
    all.filter(|who| Some(*who) != hidden && is_there(who))
        .collect()
}

fn push_head(text: &mut String, figures: &Figures, shown: &[usize]) {
    text.push_str("| processor time of an operation, µs |");
    for &who in shown {
        let one = &figures.contestants[who];
        let named = format!(" {} {}", one.name, one.version);
        write!(text, "{} |", named.trim_end()).expect("a text grows");
    }
    text.push_str("\n|---|");
    text.push_str(&"---|".repeat(shown.len()));
    text.push('\n');
}

/// A row, unless there is nothing in it.
fn push_row(
    text: &mut String,
    title: &str,
    shown: &[usize],
    cell: impl Fn(usize) -> Option<String>,
) {
    let cells: Vec<_> = shown.iter().map(|&who| cell(who)).collect();
    if cells.iter().all(Option::is_none) {
        return;
    }
    write!(text, "| {title} |").expect("a text grows");
    for cell in cells {
        write!(text, " {} |", cell.as_deref().unwrap_or("-")).expect("a text grows");
    }
    text.push('\n');
}

/// A figure, and in brackets what it is of nginx's.
fn with_ratio(
    figures: &Figures,
    figure: &str,
    word: &str,
    who: usize,
    of: impl Fn(&Outcome) -> f64,
) -> String {
    let nginx = figures.find(Whom::Nginx);
    let ratio = nginx.and_then(|nginx| figures.ratio((word, who), (word, nginx), of));
    match ratio {
        Some(ratio) if Some(who) != nginx => format!("{figure} ({ratio:.2})"),
        _ => figure.to_owned(),
    }
}

/// As many digits as mean something.
pub fn number(number: f64) -> String {
    if number < 100.0 {
        format!("{number:.1}")
    } else {
        thousands(number)
    }
}

/// As KB are counted here, and by whoever sells memory: in steps of 1024.
const MB: f64 = 1024.0 * 1024.0;

/// A whole number with commas.
fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[expect(clippy::cast_precision_loss, reason = "bytes of one process are few")]
const fn bytes(count: u64) -> f64 {
    count as f64
}
