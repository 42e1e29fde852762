//! Commands and options, with their help.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

use super::exit::Exit;
use super::explain::ExplainArgs;
use super::manual::{CompletionsArgs, ManArgs};
use super::ops::args::OpsCommand;
use super::preflight::PreflightArgs;
use super::service::ServiceCommand;

/// Mutual-TLS SOAP gateway between SAP CRM and a contact-centre connector.
#[derive(Debug, Parser)]
#[command(
    name = "crmgate",
    version,
    propagate_version = true,
    disable_help_subcommand = true
)]
#[command(after_help = after_help())]
pub(super) struct Args {
    #[command(subcommand)]
    pub(super) command: Command,
}

/// What the daemon does when it is told something by the system. Help and man pages are made from it.
pub(super) const SIGNALS: [(&str, &str); 6] = [
    (
        "HUP",
        "read the configuration and certificates again; on any error the old ones stay",
    ),
    (
        "TERM, INT",
        "finish what is in flight, then stop; a second one stops at once",
    ),
    ("QUIT", "stop at once"),
    ("USR1", "open the log file again, after it was rotated"),
    (
        "USR2",
        "reserved for an upgrade while callers are served: says in the log that it cannot be done yet",
    ),
    ("PIPE", "ignored"),
];

fn after_help() -> String {
    let mut text = "Signals of `crmgate run`:".to_owned();
    for (name, what) in SIGNALS {
        let _infallible = write!(text, "\n  {name:<9}  {what}");
    }
    format!("{text}\n\n{}", Exit::help())
}

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

    /// Say what a code of SAP, TLS or crmgate means, and what to do here and in SAP.
    Explain(ExplainArgs),
    /// Try one by one all that has to be so between SAP CRM, this gateway and the sides.
    Preflight(PreflightArgs),
    /// Commands for a running gateway.
    #[command(flatten)]
    Ops(OpsCommand),
    /// Install, remove and steer the service, by systemd or the service manager of Windows.
    #[command(subcommand)]
    Service(ServiceCommand),
    /// Print what lets a shell complete commands and options.
    Completions(CompletionsArgs),
    /// Print the manual page, or write the pages of all commands and of the ini files.
    Man(ManArgs),
}

/// Where the configuration lies.
#[derive(Debug, clap::Args)]
pub(super) struct ConfigDir {
    /// The directory with ssl.ini, CRMConnectorSAP_*.ini and crmgate.ini.
    #[arg(long, value_name = "DIR", env = "CRMGATE_CONFIG", default_value_os_t = default_dir())]
    pub(super) config: PathBuf,
}

/// Where the system keeps what its services are configured by.
fn default_dir() -> PathBuf {
    if cfg!(windows) {
        let data = std::env::var_os("ProgramData").unwrap_or_else(|| r"C:\ProgramData".into());
        PathBuf::from(data).join("crmgate")
    } else {
        PathBuf::from("/etc/crmgate")
    }
}

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
    /// Also say which clients and servers of the last HOURS (24) would be refused, and exit with 1 if
    /// one of them is served today.
    ///
    /// Each is taken from the state file with the certificates that it showed last, and proven by the
    /// authorities, revocation lists and rules of DIR as its traffic would be. Of clients without a
    /// certificate, and without TLS, it is known that there were some, and when last. Addresses, TLS
    /// versions and cipher suites are not compared, and no responder is asked.
    #[arg(long, value_name = "HOURS", num_args = 0..=1, default_missing_value = "24",
          value_parser = clap::value_parser!(u16).range(1..=MOST_HOURS))]
    pub(super) against_seen: Option<u16>,
}

/// As long as the state file remembers anybody.
const MOST_HOURS: i64 = 720;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::keys::LONGEST_GUARD;

    #[test]
    fn a_rehearsal_may_go_back_as_far_as_anybody_is_remembered() {
        assert_eq!(LONGEST_GUARD.as_secs(), MOST_HOURS.unsigned_abs() * 3_600);
    }
}
