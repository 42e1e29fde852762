//! Commands and options, with their help.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

/// Mutual-TLS SOAP gateway between SAP CRM and a contact-centre connector.
#[derive(Debug, Parser)]
#[command(
    name = "crmgate",
    version,
    propagate_version = true,
    disable_help_subcommand = true
)]
#[command(after_help = SIGNALS)]
pub(super) struct Args {
    #[command(subcommand)]
    pub(super) command: Command,
}

const SIGNALS: &str = "Signals of `crmgate run`:
  HUP        read the configuration and certificates again; on any error the old ones stay
  TERM, INT  finish what is in flight, then stop; a second one stops at once
  QUIT       stop at once
  USR1       open the log file again, after it was rotated

Exit codes: 0 done, 1 check found errors or demo lost something, 2 wrong usage,
  65 a file holds something else, 66 no configuration or no such file, 69 a listener cannot be opened,
  70 a defect, 71 the system refused, 73 a file cannot be made, 77 not permitted,
  78 the configuration cannot be used";

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Serve a configuration directory until told to stop.
    Run(RunArgs),
    /// Judge a configuration directory exactly as `run` and a reload would, without opening a port.
    Check(CheckArgs),
    /// Show the main job: a simulated SAP CRM, both sides, a kill, a reload, and what came of it.
    Demo(DemoArgs),

    // Certificates.
    /// Make, look into, convert, renew and watch certificates.
    Certs(super::certs::args::CertsArgs),
}

/// Where the configuration lies.
#[derive(Debug, clap::Args)]
pub(super) struct ConfigDir {
    /// The directory with ssl.ini, CRMConnectorSAP_*.ini and crmgate.ini.
    #[arg(long, value_name = "DIR", env = "CRMGATE_CONFIG", default_value = DEFAULT_DIR)]
    pub(super) config: PathBuf,
}

const DEFAULT_DIR: &str = if cfg!(windows) {
    "C:\\ProgramData\\crmgate"
} else {
    "/etc/crmgate"
};

/// Options of `run`.
#[derive(Debug, clap::Args)]
pub(super) struct RunArgs {
    #[command(flatten)]
    pub(super) dir: ConfigDir,
}

/// Options of `check`.
#[derive(Debug, clap::Args)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    pub(super) dir: ConfigDir,
    /// How to print the findings.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(super) format: Format,
    /// Exit with 1 for warnings too.
    #[arg(long)]
    pub(super) deny_warnings: bool,
}

/// Options of `demo`.
#[derive(Debug, clap::Args)]
pub(super) struct DemoArgs {
    /// Leave everything running at the end, and the files in place, to play with.
    #[arg(long)]
    pub(super) keep: bool,
    /// Agents at work in SAP CRM.
    #[arg(long, value_name = "N", default_value_t = 40, value_parser = clap::value_parser!(u16).range(1..=500))]
    pub(super) agents: u16,
    /// How long the play takes.
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(6..=3600))]
    pub(super) seconds: u16,
}

/// How findings are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people.
    Text,
    /// One JSON object.
    Json,
}
