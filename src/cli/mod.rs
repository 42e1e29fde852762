//! What an operator types: parse, dispatch, print errors with their hints, exit with a code that
//! says which kind of error it was.
//!
//! Only the front door, `main.rs`, comes in. Nothing leaves but an exit code.

mod against_seen;
mod args;
mod certs;
mod check;
mod confine;
mod demo;
mod exit;
mod explain;
mod manual;
mod ops;
mod output;
mod preflight;
mod run;
mod service;
mod serving;
mod upgrade;

use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command};
use exit::Exit;

/// `main` of the product.
pub fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            // Help and version are "errors" of the parser that belong on standard output.
            let code = if error.use_stderr() {
                Exit::Usage
            } else {
                Exit::Ok
            };
            let _closed_pipe = error.print();
            return code.into();
        }
    };
    let exit = match args.command {
        Command::Run(run) => run::run(&run),
        Command::Check(check) => check::check(&check),
        Command::Demo(demo) => demo::demo(&demo),
        Command::Certs(certs) => certs::certs(certs),
        Command::Explain(code) => explain::explain(&code),
        Command::Preflight(list) => preflight::preflight(&list),
        Command::Ops(command) => ops::run(&command),
        Command::Service(command) => service::service(command),
        Command::Completions(args) => manual::completions(&args),
        Command::Man(args) => manual::man(&args),
    };
    exit.into()
}
