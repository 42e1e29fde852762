//! What crmgate costs beside nginx, `HAProxy` and a bare relay, side by side on one machine.
//!
//! All servers are up at once, on one core; clients and backend are processes of this program on
//! another. What is measured is the processor time that a server takes for an operation. It ends
//! with another code than 0 if something failed, not if a figure is low.
//!
//! ```text
//! main          which of its roles this process has, how it ends
//! options       the command line
//! run           what is measured, in which order         growth   the same for growing numbers
//! stage         what all servers share                   machine  cores, limits, what it is
//! contestants   who takes part                           server/  one of them at work
//! operations    what is measured                         certificates
//! role          this program once more, as one of:
//!   traffic/    the clients    backend    relay          wire/    what those are made of
//! figures       medians and ratios                       agents   what they mean for agents
//! report        the table    goals                       plot     the picture
//! ```
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::exit,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::string_slice,
    clippy::wildcard_enum_match_arm,
    clippy::map_err_ignore,
    clippy::disallowed_methods,
    clippy::unchecked_time_subtraction,
    clippy::similar_names,
    missing_docs,
    unreachable_pub,
    dead_code,
    reason = "it tries servers as the system tests do, and shares their helpers"
)]

use std::process::ExitCode;

#[cfg(target_os = "linux")]
#[path = "../programs/mod.rs"]
mod programs;
#[cfg(target_os = "linux")]
#[path = "../../tests/support/mod.rs"]
mod support;

#[cfg(target_os = "linux")]
mod agents;
#[cfg(target_os = "linux")]
mod backend;
#[cfg(target_os = "linux")]
mod certificates;
#[cfg(target_os = "linux")]
mod contestants;
#[cfg(target_os = "linux")]
mod figures;
#[cfg(target_os = "linux")]
mod goals;
#[cfg(target_os = "linux")]
mod growth;
#[cfg(target_os = "linux")]
mod machine;
#[cfg(target_os = "linux")]
mod operations;
#[cfg(target_os = "linux")]
mod options;
#[cfg(target_os = "linux")]
mod plot;
#[cfg(target_os = "linux")]
mod relay;
#[cfg(target_os = "linux")]
mod report;
#[cfg(target_os = "linux")]
mod role;
#[cfg(target_os = "linux")]
mod run;
#[cfg(target_os = "linux")]
mod server;
#[cfg(target_os = "linux")]
mod stage;
#[cfg(target_os = "linux")]
mod suites;
#[cfg(target_os = "linux")]
mod traffic;
#[cfg(target_os = "linux")]
mod wire;

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    eprintln!("the processor time of other processes is read on Linux only");
    ExitCode::FAILURE
}

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    // A role measures; what would be in its way is not even started.
    if let [flag, role, words @ ..] = &words[..]
        && flag == "--role"
    {
        return role::perform(role, words);
    }
    let options = match options::Options::read(words.into_iter()) {
        Ok(options) => options,
        Err(why) => {
            eprintln!("{why}");
            return ExitCode::FAILURE;
        }
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(until_ended(&options))
}

/// Whichever way it ends, what it has started ends with it.
#[cfg(target_os = "linux")]
async fn until_ended(options: &options::Options) -> ExitCode {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminated = signal(SignalKind::terminate()).expect("a signal handler");
    tokio::select! {
        done = bench(options) => match done {
            Ok(failures) if failures.is_empty() => ExitCode::SUCCESS,
            Ok(failures) => {
                eprintln!("what went wrong:");
                for failure in failures {
                    eprintln!("- {failure}");
                }
                ExitCode::FAILURE
            }
            Err(why) => {
                eprintln!("{why}");
                ExitCode::FAILURE
            }
        },
        _interrupted = tokio::signal::ctrl_c() => ExitCode::FAILURE,
        _terminated = terminated.recv() => ExitCode::FAILURE,
    }
}

/// Measures and prints. Says what went wrong on the way.
#[cfg(target_os = "linux")]
async fn bench(options: &options::Options) -> Result<Vec<String>, String> {
    let files = machine::open_all_files();
    let stage = stage::Stage::set().await?;
    let (text, json, failures) = if options.growth {
        let growth = growth::measure(options, &stage, files).await?;
        plot::write(&growth)?;
        (growth.markdown(&stage), growth.to_json(), growth.failures)
    } else {
        let figures = run::measure(options, &stage, files).await?;
        let head = head(options, &stage);
        let json = figures.to_json(&head);
        (report::markdown(&figures, &head), json, figures.failures)
    };
    println!("{text}");
    if let Some(path) = &options.json {
        std::fs::write(path, format!("{json:#}\n")).map_err(|error| error.to_string())?;
    }
    Ok(failures)
}

/// What the figures are of.
#[cfg(target_os = "linux")]
fn head(options: &options::Options, stage: &stage::Stage) -> String {
    let options::Options {
        repeats, seconds, ..
    } = options;
    format!(
        "Measured on {} on {}. Each figure is the median of {repeats} times {seconds} s, in which all \
         servers took turns; in brackets the median of the ratios to nginx, each taken within one \
         turn.",
        machine::today(),
        stage.machine.describe()
    )
}
