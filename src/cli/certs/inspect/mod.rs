//! `crmgate certs inspect`: what a file, a directory or a server holds, and who would refuse it.

mod live;
mod print;
mod report;

use std::path::{Path, PathBuf};

use serde_json::json;

use report::Report;

use super::args::{InspectArgs, InspectOutput};
use super::failure::Failure;
use super::passphrase;
use crate::certs::TrustStore;
use crate::certs::container::{Label, armoured, named};
use crate::cli::exit::Exit;
use crate::cli::output::{complain, say};
use crate::model::{Clock, HostPort, WallTime};

/// Looks, judges and prints.
pub(super) fn inspect(args: &InspectArgs) -> Result<Exit, Failure> {
    let clock = Clock::system();
    let trust = match &args.ca {
        Some(path) => Some(trust(path, clock.now())?),
        None => None,
    };
    let path = Path::new(&args.what);
    let reports = if path.is_dir() {
        folder(path, args, trust.as_ref(), clock.now())?
    } else if path.exists() {
        vec![file(path, args, trust.as_ref(), clock.now())?]
    } else if let Some(target) = server(&args.what) {
        vec![live::look(&target, args, trust.as_ref(), &clock)?]
    } else {
        return Err(Failure::new(
            Exit::NoInput,
            format!("there is no file or directory \"{}\"", args.what),
            "name a file, a directory, or a server as host:port",
        ));
    };
    match args.output {
        InspectOutput::Text => reports.iter().for_each(|one| print::print(one, args.chain)),
        InspectOutput::Json => {
            let each = reports.iter().map(Report::as_json);
            say(json!({
                "now": clock.now().to_string(),
                "reports": each.collect::<Vec<_>>(),
            }));
        }
        InspectOutput::Pem => {
            let all = reports.iter().flat_map(|one| &one.certificates);
            for one in all {
                let text = armoured(Label::Certificate, &one.der);
                say(format_args!("# {}\n{}", one.facts.subject, text.trim_end()));
            }
        }
    }
    if reports.iter().any(Report::is_refused) {
        return Ok(Exit::Due);
    }
    Ok(Exit::Ok)
}

/// `host:port`, with or without what browsers write in front.
fn server(text: &str) -> Option<HostPort> {
    let bare = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("tls://"))
        .unwrap_or(text);
    bare.trim_end_matches('/').parse().ok()
}

fn trust(path: &Path, now: WallTime) -> Result<TrustStore, Failure> {
    let (trust, problems) = TrustStore::load(&named(path), now);
    trust.ok_or_else(|| {
        let exit = if path.exists() {
            Exit::DataError
        } else {
            Exit::NoInput
        };
        let first = problems.iter().next();
        let what = first.map_or_else(String::new, |one| one.what.clone());
        let hint = first.map_or_else(String::new, |one| one.hint.clone());
        Failure::new(exit, what, hint)
    })
}

fn file(
    path: &Path,
    args: &InspectArgs,
    trust: Option<&TrustStore>,
    now: WallTime,
) -> Result<Report, Failure> {
    let contents = passphrase::read(path, &args.passphrase)?;
    if contents.is_empty() && contents.others.is_empty() {
        let what = format!(
            "the file \"{}\" holds nothing that is known",
            path.display()
        );
        return Err(Failure::data(what, "name a file with certificates or keys"));
    }
    let shown = path.display().to_string();
    let host = args.servername.as_deref();
    Ok(Report::of(shown, &contents, trust, host, now))
}

/// Every file in a folder that holds something that is known; the others are named and passed over.
fn folder(
    path: &Path,
    args: &InspectArgs,
    trust: Option<&TrustStore>,
    now: WallTime,
) -> Result<Vec<Report>, Failure> {
    let entries = std::fs::read_dir(path).map_err(|cause| {
        let what = format!(
            "the directory \"{}\" cannot be read: {cause}",
            path.display()
        );
        Failure::new(
            Exit::NoPermission,
            what,
            "run it as an account that may read it",
        )
    })?;
    let mut paths: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_file())
        .collect();
    paths.sort();
    let mut reports = Vec::new();
    for path in paths {
        match file(&path, args, trust, now) {
            Ok(report) => reports.push(report),
            Err(failure) => complain(format_args!("crmgate: passed over: {failure}")),
        }
    }
    if reports.is_empty() {
        let what = format!(
            "the directory \"{}\" holds no file with certificates or keys",
            path.display()
        );
        return Err(Failure::data(what, "name the directory that holds them"));
    }
    Ok(reports)
}
