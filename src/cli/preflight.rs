//! `crmgate preflight`: the checklist, printed.

use std::time::Duration;

use clap::ValueEnum;

use super::args::ConfigDir;
use super::exit::Exit;
use super::output::{complain, say};
use crate::model::{Clock, Side};
use crate::preflight::{self, CHECKS, Options, Phase, Report, Weight};

/// Options of `preflight`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct PreflightArgs {
    #[command(flatten)]
    dir: ConfigDir,
    /// Only these checks, by id or by the part before its first dash (peer, own, crl, ...).
    #[arg(long, value_name = "ID,...", value_delimiter = ',')]
    only: Vec<String>,
    /// All checks but these.
    #[arg(long, value_name = "ID,...", value_delimiter = ',')]
    skip: Vec<String>,
    /// Only this SAP system.
    #[arg(long, value_name = "NAME")]
    system: Option<String>,
    /// Only this side; SAP CRM is not called then.
    #[arg(long, value_enum, value_name = "SIDE")]
    side: Option<SideArg>,
    /// How to print.
    #[arg(long, value_enum, default_value_t = Form::Text)]
    output: Form,
    /// How long anybody is waited for, in all.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration)]
    wait: Duration,
    /// When it is asked: before-start wants free ports, the others want the gateway to listen.
    #[arg(long, value_enum, default_value_t = PhaseArg::BeforeStart)]
    phase: PhaseArg,
    /// Exit with 3 for warnings too.
    #[arg(long)]
    strict: bool,
    /// SAP's own cipher string (`ssl/client_ciphersuites`), where it is not the recommended one.
    #[arg(long, value_name = "STRING")]
    sap_ciphers: Option<String>,
    /// The path that SAP CRM is asked for, without a body and without a user.
    #[arg(long, value_name = "PATH")]
    crm_path: Option<String>,
    /// Send the SOAP probe of [Probe] to the sides as well.
    #[arg(long)]
    active: bool,
    /// List all checks.
    #[arg(long)]
    list: bool,
}

const EXAMPLES: &str = "Examples:
  crmgate preflight --config DIR
  crmgate preflight --config DIR --side A --wait 5s
  crmgate preflight --config DIR --only peer,own-dates --output short
  crmgate preflight --config DIR --phase daily --strict --output junit
  crmgate preflight --config DIR --output html > report.html
  crmgate explain peer-accepts-us

It calls the sides and SAP CRM with our certificate, sends a HEAD without a user to each, follows no
redirect, and sends no business message unless --active.

Exit codes: 0 all well, 1 something does not work, 2 wrong usage, 3 warnings only (with --strict),
  66 no configuration, 71 the system refused, 78 the configuration cannot be used";

/// How the report is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For people: every check.
    Text,
    /// For people: only what is not good.
    Short,
    /// One JSON object.
    Json,
    /// One page that needs nothing else.
    Html,
    /// For build machines.
    Junit,
}

/// Which side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SideArg {
    /// Side A.
    #[value(name = "A", alias = "a")]
    A,
    /// Side B.
    #[value(name = "B", alias = "b")]
    B,
}

/// When it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PhaseArg {
    /// The gateway does not run yet.
    BeforeStart,
    /// It runs, and SAP CRM is about to be pointed at it.
    BeforeGolive,
    /// All is at work.
    Daily,
}

/// Goes through the checklist.
pub(super) fn preflight(args: &PreflightArgs) -> Exit {
    if args.list {
        for check in CHECKS {
            say(format_args!("{}: {}", check.id, check.question));
        }
        return Exit::Ok;
    }
    let dir = &args.dir.config;
    if !dir.is_dir() {
        complain(format_args!(
            "crmgate: there is no configuration directory \"{}\"\n  hint: name it with --config DIR, or CRMGATE_CONFIG in the environment",
            dir.display()
        ));
        return Exit::NoInput;
    }
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(format_args!(
                "crmgate: the system gives no event queue: {error}"
            ));
            return Exit::Os;
        }
    };
    let ran = runtime.block_on(preflight::run(dir, &options(args), &Clock::system()));
    // Threads may be left that wait for the system's resolver, of use to nobody any more.
    runtime.shutdown_background();
    match ran {
        Ok(report) => {
            print(&report, args.output);
            exit(&report, args.strict)
        }
        Err(unknown) => {
            complain(format_args!("crmgate: {unknown}"));
            Exit::Usage
        }
    }
}

fn options(args: &PreflightArgs) -> Options {
    let usual = Options::default();
    Options {
        only: args.only.clone(),
        skip: args.skip.clone(),
        system: args.system.clone(),
        side: args.side.map(|side| match side {
            SideArg::A => Side::A,
            SideArg::B => Side::B,
        }),
        phase: match args.phase {
            PhaseArg::BeforeStart => Phase::BeforeStart,
            PhaseArg::BeforeGolive => Phase::BeforeGolive,
            PhaseArg::Daily => Phase::Daily,
        },
        wait: args.wait,
        sap_ciphers: args.sap_ciphers.clone(),
        crm_path: args.crm_path.clone().unwrap_or(usual.crm_path),
        active: args.active,
    }
}

fn print(report: &Report, form: Form) {
    let text = match form {
        Form::Text => report.to_text(false),
        Form::Short => report.to_text(true),
        Form::Json => report.to_json(),
        Form::Html => report.to_html(),
        Form::Junit => report.to_junit(),
    };
    say(text.trim_end());
}

fn exit(report: &Report, strict: bool) -> Exit {
    match report.worst() {
        _ if !report.usable => Exit::Config,
        Some(Weight::Error) => Exit::CheckFailed,
        Some(Weight::Warning) if strict => Exit::Warned,
        Some(Weight::Warning) | None => Exit::Ok,
    }
}

/// A time such as `500ms`, `30s` or `2m`.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|char: char| char.is_ascii_alphabetic());
    let unit = text.get(digits.len()..).unwrap_or_default();
    let wrong = || "write a number with its unit, such as 500ms, 30s or 2m".to_owned();
    let count: u64 = digits.parse().map_err(|_no_number| wrong())?;
    let duration = match unit {
        "ms" => Duration::from_millis(count),
        "s" => Duration::from_secs(count),
        "m" => Duration::from_secs(count.saturating_mul(60)),
        _ => return Err(wrong()),
    };
    if duration.is_zero() || duration > LONGEST {
        return Err("write a time from 1ms to 60m".to_owned());
    }
    Ok(duration)
}

/// Nobody waits longer for a checklist.
const LONGEST: Duration = Duration::from_hours(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_needs_its_unit_and_has_to_be_of_use() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("2m"), Ok(Duration::from_mins(2)));
        for wrong in ["", "30", "s", "3h", "-1s", "0s", "61m", "30 s"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
