//! `crmgate explain`: what a code or a pasted line means, and what to do.

use std::io::Read as _;

use serde_json::json;

use super::args::Format;
use super::exit::Exit;
use super::output::{complain, say};
use crate::explain::{Dictionary, Entry, Family, Found};

/// Options of `explain`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ExplainArgs {
    /// A code, a number, or a whole line of a log; - reads standard input. In front of a line that
    /// begins with a dash write --.
    #[arg(
        value_name = "CODE|TEXT",
        required_unless_present = "list",
        allow_negative_numbers = true
    )]
    pub(super) text: Vec<String>,
    /// List all codes that are known.
    #[arg(long, conflicts_with = "text")]
    pub(super) list: bool,
    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(super) output: Format,
}

const EXAMPLES: &str = "Examples:
  crmgate explain SSSLERR_PEER_CERT_UNTRUSTED
  crmgate explain -102
  crmgate explain GW-502-NO-ANSWER
  crmgate explain 'received fatal alert: handshake_failure'
  crmgate explain - < dev_icm
  crmgate explain --list

Exit codes: 0 explained, 1 nothing known was found in the text, 2 wrong usage";

/// Prints what is known.
pub(super) fn explain(args: &ExplainArgs) -> Exit {
    let dictionary = Dictionary::new();
    if args.list {
        list(&dictionary, args.output);
        return Exit::Ok;
    }
    let text = args.text.join(" ");
    let text = if text == "-" { standard_input() } else { text };
    let found = dictionary.find(&text);
    match args.output {
        Format::Text => print_text(&found),
        Format::Json => say(json!({ "entries": found.entries, "nearest": found.nearest })),
    }
    if found.entries.is_empty() {
        Exit::CheckFailed
    } else {
        Exit::Ok
    }
}

/// As much of a pasted log as anybody reads.
fn standard_input() -> String {
    let mut bytes = Vec::new();
    let mut input = std::io::stdin().lock().take(MOST_BYTES);
    if let Err(error) = input.read_to_end(&mut bytes) {
        complain(format_args!("crmgate: standard input ends early: {error}"));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

const MOST_BYTES: u64 = 4 * 1024 * 1024;

fn list(dictionary: &Dictionary, output: Format) {
    if output == Format::Json {
        return say(json!({ "entries": dictionary.entries() }));
    }
    let mut family: Option<Family> = None;
    for entry in dictionary.entries() {
        if family != Some(entry.family) {
            let gap = if family.is_some() { "\n" } else { "" };
            say(format_args!("{gap}{}", entry.family.words()));
            family = Some(entry.family);
        }
        say(format_args!("  {}: {}", entry.code, entry.means));
    }
}

fn print_text(found: &Found<'_>) {
    for (index, entry) in found.entries.iter().enumerate() {
        if index > 0 {
            say("");
        }
        print_entry(entry);
    }
    if !found.entries.is_empty() {
        return;
    }
    say("nothing known was found in this text");
    if found.nearest.is_empty() {
        say("  hint: crmgate explain --list shows all codes");
    } else {
        say(format_args!("  did you mean: {}", found.nearest.join(", ")));
    }
}

fn print_entry(entry: &Entry) {
    let also = if entry.also.is_empty() {
        String::new()
    } else {
        format!(", also {}", entry.also.join(", "))
    };
    say(format_args!(
        "{} ({}{also})",
        entry.code,
        entry.family.words()
    ));
    say(format_args!("  means    : {}", entry.means));
    say(format_args!("  seen by  : {}", entry.seen));
    for (index, cause) in entry.causes.iter().enumerate() {
        let label = if index == 0 {
            "causes   :"
        } else {
            "          "
        };
        say(format_args!("  {label} {}. {cause}", index + 1));
    }
    say(format_args!("  fix here : {}", entry.here));
    say(format_args!("  fix there: {}", entry.there));
    if let Some(unsure) = &entry.unsure {
        say(format_args!("  not sure : {unsure}"));
    }
    if !entry.see.is_empty() {
        say(format_args!("  see also : {}", entry.see.join(", ")));
    }
}
