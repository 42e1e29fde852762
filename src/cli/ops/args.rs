//! Commands for a running gateway and their options, with their help.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand, builder::TypedValueParser as _};

use crate::cli::args::{ConfigDir, Format};
use crate::model::{Endpoint, Side};

/// What is wanted of a running gateway.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum OpsCommand {
    /// Show how a running gateway stands, on one screen.
    Status(StatusArgs),
    /// Show a running gateway live: rates, sides, handshakes, latest errors.
    Top(TopArgs),
    /// Have a running gateway read its configuration and certificates again.
    Reload(OrderArgs),
    /// Make a side the active one.
    Switch(SideArgs),
    /// Take a side out of service, until `undrain` or a switch to it.
    Drain(SideArgs),
    /// Give a drained side back.
    Undrain(SideArgs),
    /// Have a running gateway finish what is in flight and end; a second one cuts what is left.
    Stop(StopArgs),
    /// Set the level of a running gateway's log, or show its latest warnings and refusals.
    #[command(subcommand)]
    Logs(LogsCommand),
    /// Print the address of a running gateway's console, with the token that lets a browser operate.
    Console(ConsoleArgs),
}

impl OpsCommand {
    /// How its answers and errors are printed.
    pub(super) fn form(&self) -> Format {
        match self {
            Self::Status(args) => args.output.output,
            // Frames are for eyes.
            Self::Top(_) => Format::Text,
            Self::Reload(args) => args.output.output,
            Self::Switch(args) | Self::Drain(args) | Self::Undrain(args) => args.output.output,
            Self::Stop(args) => args.output.output,
            Self::Logs(LogsCommand::Level(args)) => args.output.output,
            Self::Logs(LogsCommand::Errors(args)) => args.output.output,
            Self::Console(args) => args.output.output,
        }
    }
}

/// How the answer is printed.
#[derive(Debug, Args)]
pub(super) struct Output {
    /// How to print the answer.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(super) output: Format,
}

/// Which gateway is meant.
#[derive(Debug, Args)]
pub(super) struct Which {
    #[command(flatten)]
    pub(super) dir: ConfigDir,
    /// A gateway on another machine: its admin listener, such as <https://gateway:9440>.
    #[arg(long, value_name = "URL", requires_all = ["pem", "ca"], help_heading = ELSEWHERE)]
    pub(super) url: Option<Endpoint>,
    /// Your certificate and key, by which the gateway knows you and what you may do.
    #[arg(long, value_name = "FILE", requires = "url", help_heading = ELSEWHERE)]
    pub(super) pem: Option<PathBuf>,
    /// The file with the passphrase of that key, if it has one.
    #[arg(long, value_name = "FILE", requires = "pem", help_heading = ELSEWHERE)]
    pub(super) pem_passphrase: Option<PathBuf>,
    /// The authorities that may have issued the gateway's certificate.
    #[arg(long, value_name = "FILE", requires = "url", help_heading = ELSEWHERE)]
    pub(super) ca: Option<PathBuf>,
}

const ELSEWHERE: &str = "A gateway on another machine";

/// Options of `status`.
#[derive(Debug, Args)]
pub(in crate::cli) struct StatusArgs {
    #[command(flatten)]
    pub(super) which: Which,
    #[command(flatten)]
    pub(super) output: Output,
    /// Show it again every two seconds, until interrupted.
    #[arg(long)]
    pub(super) watch: bool,
    /// End with 1 where callers should not be sent to this gateway.
    #[arg(long)]
    pub(super) exit_code: bool,
}

/// Options of `top`.
#[derive(Debug, Args)]
pub(in crate::cli) struct TopArgs {
    #[command(flatten)]
    pub(super) which: Which,
    /// Print one picture as text and end, as where the output is no terminal.
    #[arg(long)]
    pub(super) once: bool,
    /// Seconds from one picture to the next.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=60))]
    pub(super) interval: u16,
}

/// Options of an order that needs no more words.
#[derive(Debug, Args)]
pub(in crate::cli) struct OrderArgs {
    #[command(flatten)]
    pub(super) which: Which,
    #[command(flatten)]
    pub(super) output: Output,
    /// Why; it stands in the gateway's log.
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    pub(super) reason: String,
}

/// Options of `stop`.
#[derive(Debug, Args)]
pub(in crate::cli) struct StopArgs {
    #[command(flatten)]
    pub(super) which: Which,
    #[command(flatten)]
    pub(super) output: Output,
    /// Why; it stands in the gateway's log.
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    pub(super) reason: String,
    /// Do not ask, also at a terminal.
    #[arg(long)]
    pub(super) yes: bool,
}

/// Options of `switch`, `drain` and `undrain`.
#[derive(Debug, Args)]
pub(in crate::cli) struct SideArgs {
    /// The side.
    #[arg(value_name = "SIDE", ignore_case = true,
          value_parser = PossibleValuesParser::new(["A", "B"]).map(|letter| side(&letter)))]
    pub(super) side: Side,
    /// The SAP system; needed only where more than one has sides.
    #[arg(long, value_name = "NAME")]
    pub(super) system: Option<String>,
    /// Only tell what would be and what is to be known.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Why; it stands in the gateway's log and status.
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    pub(super) reason: String,
    /// Do not ask, also at a terminal. Without a terminal nothing is asked.
    #[arg(long)]
    pub(super) yes: bool,
    #[command(flatten)]
    pub(super) which: Which,
    #[command(flatten)]
    pub(super) output: Output,
}

/// What of the log.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum LogsCommand {
    /// Set how much a running gateway writes, until the next reload or start.
    Level(LevelArgs),
    /// Show the latest warnings and refusals, with what SAP shows for them and what to do.
    Errors(ErrorsArgs),
}

/// Options of `logs level`.
#[derive(Debug, Args)]
pub(in crate::cli) struct LevelArgs {
    /// As Level in [Log]: off, error, warn, info, debug, trace, or a filter.
    #[arg(value_name = "LEVEL")]
    pub(super) level: String,
    #[command(flatten)]
    pub(super) which: Which,
    #[command(flatten)]
    pub(super) output: Output,
}

/// Options of `logs errors`.
#[derive(Debug, Args)]
pub(in crate::cli) struct ErrorsArgs {
    /// Go on with what comes, until interrupted.
    #[arg(long)]
    pub(super) follow: bool,
    #[command(flatten)]
    pub(super) which: Which,
    #[command(flatten)]
    pub(super) output: Output,
}

/// Options of `console`.
#[derive(Debug, Args)]
pub(in crate::cli) struct ConsoleArgs {
    #[command(flatten)]
    pub(super) which: Which,
    #[command(flatten)]
    pub(super) output: Output,
}

/// Of the two letters that the parser lets through.
fn side(letter: &str) -> Side {
    if letter.eq_ignore_ascii_case("B") {
        Side::B
    } else {
        Side::A
    }
}
