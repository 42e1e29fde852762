//! `crmgate reload`: the configuration on disk comes into force, or everything stays and the reason
//! is shown as `check` shows it.

use serde_json::json;

use super::answers::{Attempt, Reloaded};
use super::args::OrderArgs;
use super::print_json;
use super::reach::{Reach, understood};
use super::trouble::Trouble;
use super::words::{many, problem};
use crate::admin::Call;
use crate::cli::args::Format;
use crate::cli::exit::Exit;
use crate::cli::output::say;

/// Has it reloaded.
pub(super) async fn reload(args: &OrderArgs) -> Result<Exit, Trouble> {
    let reach = Reach::to(&args.which)?;
    let body = json!({ "reason": args.reason });
    let answer = reach.ask(Call::post("/api/v1/reload", body)).await?;
    let reloaded: Reloaded = understood(answer.clone())?;
    match args.output.output {
        Format::Json => print_json(&answer),
        Format::Text => tell(&reloaded),
    }
    Ok(if reloaded.in_force {
        Exit::Ok
    } else {
        Exit::Config
    })
}

fn tell(reloaded: &Reloaded) {
    let Some(attempt) = &reloaded.attempt else {
        say("nothing is known of the reload");
        return;
    };
    for each in &attempt.problems {
        say(problem(each));
    }
    for (word, listeners) in [("opened", &attempt.opened), ("closed", &attempt.closed)] {
        for listener in listeners {
            say(format_args!("{word}: {listener}"));
        }
    }
    say(verdict(attempt));
}

fn verdict(attempt: &Attempt) -> String {
    let so_many = |severity: &str| {
        let all = attempt.problems.iter();
        let such = all.filter(|problem| problem.severity == severity).count();
        u64::try_from(such).unwrap_or(u64::MAX)
    };
    match attempt.generation {
        Some(generation) => format!(
            "reloaded: generation {generation} is in force, {}, {}",
            many(so_many("warning"), "warning", "warnings"),
            many(so_many("notice"), "notice", "notices")
        ),
        None => format!(
            "refused: {}; what was in force before stays",
            many(so_many("error"), "error", "errors")
        ),
    }
}
