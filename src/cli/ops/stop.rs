//! `crmgate stop`: the gateway finishes what is in flight and ends.

use serde_json::json;

use super::args::StopArgs;
use super::print_json;
use super::reach::{Reach, can_ask, is_wanted};
use super::trouble::Trouble;
use crate::admin::Call;
use crate::cli::args::Format;
use crate::cli::exit::Exit;
use crate::cli::output::{complain, say};

/// Has it drained. Whoever sits at a terminal is asked.
pub(super) async fn stop(args: &StopArgs) -> Result<Exit, Trouble> {
    let reach = Reach::to(&args.which)?;
    let question = format!(
        "Stop the gateway at {}? Nobody is served there afterwards.",
        reach.client().url()
    );
    if !args.yes && can_ask() && !is_wanted(&question)? {
        complain("nothing was changed");
        return Ok(Exit::Refused);
    }
    let body = json!({ "reason": args.reason });
    let answer = reach.ask(Call::post("/api/v1/stop", body)).await?;
    match args.output.output {
        Format::Json => print_json(&answer),
        Format::Text => say(
            "the gateway drains: it takes no new connections, finishes what is in flight within \
             DrainTimeout and ends; stop again to cut what is left",
        ),
    }
    Ok(Exit::Ok)
}
