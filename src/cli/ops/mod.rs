//! Commands for a running gateway: look at it, have it do something. All of them go through its admin
//! listener; nothing here opens the gateway's files but to find that.
//!
//! | file | command |
//! |---|---|
//! | `status` | `status`: one screen, or watched |
//! | `top/` | `top`: the same, live |
//! | `reload` | `reload` |
//! | `sides` | `switch`, `drain`, `undrain` |
//! | `logs` | `logs level`, `logs errors` |
//! | `stop`, `console` | `stop`, `console` |
//! | `reach` | which gateway, and how it is called |
//! | `answers` | what the admin listener answers, as types |
//! | `trouble` | why a command could not be carried out |

mod answers;
pub(super) mod args;
mod console;
mod logs;
mod reach;
mod reload;
mod sides;
mod status;
mod stop;
mod top;
mod trouble;
mod words;

use std::future::Future;

use serde_json::{Value, json};

use super::args::Format;
use super::exit::Exit;
use super::output::{complain, say};
use args::OpsCommand;
use trouble::Trouble;

/// Carries a command out.
pub(super) fn run(command: &OpsCommand) -> Exit {
    let form = command.form();
    let carried_out = match command {
        OpsCommand::Status(args) => block_on(status::status(args)),
        OpsCommand::Top(args) => block_on(top::top(args)),
        OpsCommand::Reload(args) => block_on(reload::reload(args)),
        OpsCommand::Switch(args) => block_on(sides::change(args, sides::Deed::Switch)),
        OpsCommand::Drain(args) => block_on(sides::change(args, sides::Deed::Drain)),
        OpsCommand::Undrain(args) => block_on(sides::change(args, sides::Deed::Undrain)),
        OpsCommand::Stop(args) => block_on(stop::stop(args)),
        OpsCommand::Logs(args) => block_on(logs::logs(args)),
        OpsCommand::Console(args) => block_on(console::console(args)),
    };
    carried_out.unwrap_or_else(|trouble| tell(&trouble, form))
}

fn block_on(command: impl Future<Output = Result<Exit, Trouble>>) -> Result<Exit, Trouble> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(Trouble::Runtime)?;
    let exit = runtime.block_on(command);
    // A resolver of the system that hangs is of no use to anybody any more.
    runtime.shutdown_background();
    exit
}

/// Why it was not done, for people or for a script.
fn tell(trouble: &Trouble, form: Format) -> Exit {
    let exit = trouble.exit();
    match form {
        Format::Text => complain(format_args!(
            "crmgate: {trouble}\n  hint: {}",
            trouble.hint()
        )),
        Format::Json => print_json(&json!({ "error": {
            "code": trouble.code(),
            "message": trouble.to_string(),
            "hint": trouble.hint(),
            "exit_code": exit.code(),
        }})),
    }
    exit
}

/// One object, as the gateway gave it or as it is put together here.
fn print_json(value: &Value) {
    say(format_args!("{value:#}"));
}
