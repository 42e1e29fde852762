//! `crmgate switch`, `drain` and `undrain`: what happens to the sides of a SAP system.

use serde_json::json;

use super::answers::{SidesChange, System};
use super::args::SideArgs;
use super::print_json;
use super::reach::{Reach, can_ask, is_wanted, understood};
use super::status::side_lines;
use super::trouble::Trouble;
use super::words::harmless;
use crate::admin::Call;
use crate::cli::args::Format;
use crate::cli::exit::Exit;
use crate::cli::output::{complain, say};
use crate::model::Side;

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    Switch,
    Drain,
    Undrain,
}

impl Deed {
    const fn word(self) -> &'static str {
        match self {
            Self::Switch => "switch",
            Self::Drain => "drain",
            Self::Undrain => "undrain",
        }
    }

    fn path(self, system: &str, side: Side) -> String {
        match self {
            Self::Switch => format!("/api/v1/systems/{system}/switch"),
            Self::Drain | Self::Undrain => {
                format!("/api/v1/systems/{system}/sides/{side}/{}", self.word())
            }
        }
    }

    /// What was done, or would be.
    fn told(self, system: &str, side: Side, is_done: bool) -> String {
        let would = if is_done { "" } else { "would be " };
        match self {
            Self::Switch => format!("{system}: {would}switched to side {side}"),
            Self::Drain => format!("{system}: side {side} {would}drained"),
            Self::Undrain => format!("{system}: side {side} {would}given back"),
        }
    }

    fn question(self, system: &str, side: Side) -> String {
        match self {
            Self::Switch => format!("Switch {system} to side {side}?"),
            Self::Drain => format!("Drain side {side} of {system}?"),
            Self::Undrain => format!("Give side {side} of {system} back?"),
        }
    }
}

/// Does it, or only tells what would be. Whoever sits at a terminal is shown that first, and asked.
pub(super) async fn change(args: &SideArgs, deed: Deed) -> Result<Exit, Trouble> {
    let reach = Reach::to(&args.which)?;
    let system = match &args.system {
        Some(system) => system.clone(),
        None => only_system(&reach).await?,
    };
    let path = deed.path(&segment(&system), args.side);
    let body = |is_dry: bool| match deed {
        Deed::Switch => {
            json!({ "side": args.side.to_string(), "reason": args.reason, "dry_run": is_dry })
        }
        Deed::Drain | Deed::Undrain => json!({ "reason": args.reason, "dry_run": is_dry }),
    };
    if !args.dry_run && !args.yes && can_ask() {
        let answer = reach.ask(Call::post(&path, body(true))).await?;
        let would: SidesChange = understood(answer)?;
        for remark in &would.remarks {
            complain(format_args!("  note: {}", harmless(remark)));
        }
        if !is_wanted(&deed.question(&system, args.side))? {
            complain("nothing was changed");
            return Ok(Exit::Refused);
        }
    }
    let answer = reach.ask(Call::post(&path, body(args.dry_run))).await?;
    let change: SidesChange = understood(answer.clone())?;
    match args.output.output {
        Format::Json => print_json(&answer),
        Format::Text => tell(&change, &deed.told(&system, args.side, !args.dry_run)),
    }
    Ok(Exit::Ok)
}

/// The system that is meant where none is named.
async fn only_system(reach: &Reach) -> Result<String, Trouble> {
    let systems: Vec<System> = reach.look("/api/v1/systems").await?;
    let with_sides = systems.into_iter().filter(|system| system.sides.is_some());
    let mut names: Vec<String> = with_sides.map(|system| system.name).collect();
    match (names.pop(), names.is_empty()) {
        (Some(only), true) => Ok(only),
        (Some(last), false) => {
            names.push(last);
            Err(Trouble::SeveralSystems(names))
        }
        (None, _) => Err(Trouble::NoSides),
    }
}

/// A name as one part of a path. What no system is called does not get past its first odd letter,
/// and the gateway says which names there are.
fn segment(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    name.chars()
        .map(|c| if is_plain(c) { c } else { '_' })
        .collect()
}

fn tell(change: &SidesChange, done: &str) {
    say(done);
    for remark in &change.remarks {
        say(format_args!("  note: {}", harmless(remark)));
    }
    if change.before.active != change.after.active {
        say(format_args!(
            "  active before: side {}",
            change.before.active
        ));
    }
    for line in side_lines(&change.after) {
        say(harmless(&line));
    }
}
