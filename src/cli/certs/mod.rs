//! `crmgate certs`: everything an operator does with certificates before the daemon reads them.
//!
//! What a certificate is, and who would refuse it, is said by `certs` and `tls`; here are the words, the
//! files that are written, and the exit codes.

pub(in crate::cli) mod args;
mod convert;
mod csr;
mod failure;
mod files;
mod init;
mod inspect;
mod list;
mod passphrase;
mod renew;
mod sign;
mod watch;

use std::path::Path;

use args::{CertsArgs, Verb};
use failure::Failure;

use super::exit::Exit;
use super::output::complain;
use crate::config::settings::Settings;

/// Does what was asked for.
pub(super) fn certs(args: CertsArgs) -> Exit {
    let done = match args.verb {
        None => list::list(&args.list),
        Some(Verb::List(args)) => list::list(&args),
        Some(Verb::Init(args)) => init::init(&args),
        Some(Verb::Inspect(args)) => inspect::inspect(&args),
        Some(Verb::Convert(args)) => convert::convert(&args),
        Some(Verb::Csr(args)) => csr::csr(&args),
        Some(Verb::Sign(args)) => sign::sign(&args),
        Some(Verb::Renew(args)) => renew::renew(&args),
        Some(Verb::Watch(args)) => watch::watch(&args),
    };
    done.unwrap_or_else(|failure| {
        complain(format_args!("crmgate: {failure}"));
        failure.exit
    })
}

/// The settings of a directory, however many certificates of it are of no use.
fn settings(dir: &Path) -> Result<Settings, Failure> {
    if !dir.is_dir() {
        return Err(Failure::new(
            Exit::NoInput,
            format!("there is no configuration directory \"{}\"", dir.display()),
            "name it with --config DIR, or CRMGATE_CONFIG in the environment",
        ));
    }
    let loaded = crate::config::load(dir);
    loaded.settings.ok_or_else(|| {
        let all = loaded.problems.to_string();
        Failure::new(
            Exit::Config,
            format!("the configuration cannot be used\n{}", all.trim_end()),
            "correct it first: crmgate check says the same with everything else",
        )
    })
}
