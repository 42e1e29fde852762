//! `crmgate console`: the console's address, for a browser. Nothing is opened.

use serde_json::{Value, json};

use super::args::ConsoleArgs;
use super::print_json;
use super::reach::Reach;
use super::trouble::Trouble;
use crate::admin::Call;
use crate::cli::args::Format;
use crate::cli::exit::Exit;
use crate::cli::output::say;

/// Prints it, once the gateway has taken the token. What follows `#` stays in the browser: it is in
/// no request and in no log.
pub(super) async fn console(args: &ConsoleArgs) -> Result<Exit, Trouble> {
    let reach = Reach::to(&args.which)?;
    let who = reach.ask(Call::get_as_operator("/api/v1/whoami")).await?;
    let mut url = reach.client().url();
    if let Some(token) = reach.client().token()? {
        url.push_str("#token=");
        url.push_str(&token);
    }
    match args.output.output {
        Format::Json => {
            let role = who.get("role").cloned().unwrap_or(Value::Null);
            print_json(&json!({ "url": url, "role": role }));
        }
        Format::Text => say(url),
    }
    Ok(Exit::Ok)
}
