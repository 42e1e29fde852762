//! `crmgate logs`: how much the gateway writes, and what it had to say lately.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::json;

use super::answers::Said;
use super::args::{ErrorsArgs, LevelArgs, LogsCommand};
use super::print_json;
use super::reach::{Reach, understood};
use super::trouble::Trouble;
use super::words::harmless;
use crate::admin::Call;
use crate::cli::args::Format;
use crate::cli::exit::Exit;
use crate::cli::output::{draw, say};

/// Does what is wanted of the log.
pub(super) async fn logs(command: &LogsCommand) -> Result<Exit, Trouble> {
    match command {
        LogsCommand::Level(args) => level(args).await,
        LogsCommand::Errors(args) => errors(args).await,
    }
}

async fn level(args: &LevelArgs) -> Result<Exit, Trouble> {
    let reach = Reach::to(&args.which)?;
    let body = json!({ "level": args.level });
    let answer = reach.ask(Call::put("/api/v1/log-level", body)).await?;
    match args.output.output {
        Format::Json => print_json(&answer),
        Format::Text => say(format_args!(
            "the log's level is {}, until the next reload or start; Level in [Log] keeps it",
            args.level
        )),
    }
    Ok(Exit::Ok)
}

async fn errors(args: &ErrorsArgs) -> Result<Exit, Trouble> {
    let reach = Reach::to(&args.which)?;
    let mut last = 0;
    loop {
        let path = format!("/api/v1/errors?since={last}");
        let answer = reach.ask(Call::get(&path)).await?;
        let said: Vec<Said> = understood(answer.clone())?;
        match (args.output.output, args.follow) {
            (Format::Json, false) => print_json(&answer),
            // One object a line, so that a program can read them as they come.
            (Format::Json, true) => {
                for each in answer.as_array().into_iter().flatten() {
                    say(each);
                }
            }
            (Format::Text, _) => said.iter().for_each(|each| draw(text(each))),
        }
        if !args.follow {
            if said.is_empty() && args.output.output == Format::Text {
                say("nothing was warned of and nobody was refused since the start");
            }
            return Ok(Exit::Ok);
        }
        last = said.last().map_or(last, |newest| newest.number);
        tokio::time::sleep(PACE).await;
    }
}

/// Of `--follow`.
const PACE: Duration = Duration::from_secs(1);

/// What was said, with what to do about it at the end.
fn text(said: &Said) -> String {
    let mut text = format!(
        "{} {:<5} {}\n",
        said.at,
        said.level,
        harmless(&said.message)
    );
    let is_last = |name: &str| LAST.iter().any(|(last, _)| *last == name);
    let details = said.fields.iter().filter(|(name, _)| !is_last(name));
    for (name, value) in details {
        let _infallible = writeln!(text, "  {name}: {}", harmless(value));
    }
    for (name, label) in LAST {
        if let Some(value) = said.field(name) {
            let _infallible = writeln!(text, "  {label}: {}", harmless(value));
        }
    }
    text
}

/// Fields that answer "and now?", and how they are called here.
const LAST: [(&str, &str); 2] = [("seen_in_sap", "SAP shows"), ("hint", "hint")];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_do_comes_last_and_what_sap_shows_before_it() {
        let said = Said {
            number: 1,
            at: "2026".to_owned(),
            level: "INFO".to_owned(),
            message: "TLS handshake\u{7} failed".to_owned(),
            fields: [
                ("hint", "import the root"),
                ("code", "unknown-issuer"),
                ("seen_in_sap", "SSSLERR_PEER_CERT_UNTRUSTED"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec(),
        };
        let expected = "2026 INFO  TLS handshake? failed\n  code: unknown-issuer\n  \
                        SAP shows: SSSLERR_PEER_CERT_UNTRUSTED\n  hint: import the root\n";
        assert_eq!(text(&said), expected);
    }
}
