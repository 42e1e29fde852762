//! `crmgate certs renew`: what has to be renewed, the requests for it, and the answers.

use std::path::Path;

use serde_json::json;

use super::args::{Output, RenewArgs};
use super::csr::key_choice;
use super::failure::Failure;
use super::files::{self, Access};
use super::passphrase::PassphraseArgs;
use super::{passphrase, settings};
use crate::certs::CertificateFacts;
use crate::certs::container::{Label, armoured, key_of};
use crate::certs::expiry::Validity;
use crate::certs::issue::fresh_key;
use crate::certs::renewal::{Fitting, Renewal, fit, rehearse, renewals};
use crate::certs::request::write_request;
use crate::cli::exit::Exit;
use crate::cli::output::{complain, say};
use crate::config::settings::IdentityFiles;
use crate::model::{Clock, WallTime};
use crate::tls::provider::key_provider;

/// Plans, prepares or installs.
pub(super) fn renew(args: &RenewArgs) -> Result<Exit, Failure> {
    let now = Clock::system().now();
    let settings = settings(&args.dir.config)?;
    let (all, problems) = renewals(&settings, key_provider(), now);
    for problem in &problems {
        complain(format_args!("{problem}\n"));
    }
    if let Some(answer) = &args.install {
        return install(args, answer, &all, now);
    }
    let days = |one: &Renewal| now.days_until(one.facts.not_after);
    let due = all.iter().filter(|one| days(one) < i64::from(args.within));
    let due: Vec<&Renewal> = due.collect();
    let outcome = if args.dry_run {
        plan(args, &due, now);
        if due.is_empty() && !problems.has_errors() {
            Exit::Ok
        } else {
            Exit::Due
        }
    } else {
        prepare(args, &due)?;
        if problems.has_errors() {
            Exit::Due
        } else {
            Exit::Ok
        }
    };
    if due.is_empty() && args.output == Output::Text {
        say(format_args!(
            "none of the {} certificate(s) ends within {} days",
            all.len(),
            args.within
        ));
    }
    Ok(outcome)
}

/// A request should be with the authority so long before the end.
const LEAD_DAYS: i64 = 14;

const DAY: i64 = 86_400;

fn latest(facts: &CertificateFacts) -> WallTime {
    WallTime(facts.not_after.0.saturating_sub(LEAD_DAYS * DAY))
}

fn plan(args: &RenewArgs, due: &[&Renewal], now: WallTime) {
    if args.output == Output::Json {
        let each = due.iter().map(|one| as_json(one, now));
        say(json!({"renewals": each.collect::<Vec<_>>(), "now": now.to_string()}));
        return;
    }
    for one in due {
        let facts = &one.facts;
        let validity = Validity::judge(facts.not_before, facts.not_after, now);
        say(format_args!(
            "renew \"{}\" (serial {}), which {validity} ({})",
            facts.subject, facts.serial, facts.not_after
        ));
        say(format_args!(
            "  file     {}",
            one.certificate_path().display()
        ));
        for (used_by, place) in &one.uses {
            say(format_args!("  used by  {used_by}, by {place}"));
        }
        say(format_args!(
            "  by       ask for it by {} at the latest ({LEAD_DAYS} days before its end)",
            latest(facts)
        ));
        say(format_args!("  ask for  subject {}", facts.subject));
        say(format_args!("           names {}", names(facts)));
        say(format_args!(
            "           serverAuth and clientAuth, {}",
            args.key.map_or_else(
                || facts.key.to_string(),
                |kind| { format!("a new key ({kind:?})").to_lowercase() }
            )
        ));
        say(format_args!(
            "  makes    {} and {}",
            one.waiting_key().display(),
            one.waiting_request().display()
        ));
        say(format_args!("  signed   by \"{}\" until now", facts.issuer));
        for line in imports(facts) {
            say(format_args!("  import   {line}"));
        }
        for line in lines(one) {
            say(format_args!("  ini      {line}"));
        }
    }
}

fn names(facts: &CertificateFacts) -> String {
    if facts.alternative_names.is_empty() {
        "none (as now): better have the host added".to_owned()
    } else {
        facts.alternative_names_line()
    }
}

/// Who has to import what.
fn imports(facts: &CertificateFacts) -> Vec<String> {
    if facts.self_issued {
        return vec![
            "it vouches for itself, so everybody has to import the new one before it is shown: SAP CRM \
             in STRUST (certificate lists of SSL client SSL Client (Standard) and SSL server Standard), \
             the sides in their CA_FILE"
                .to_owned(),
        ];
    }
    vec![
        format!(
            "nothing, if \"{}\" signs it again: everybody believes the authority",
            facts.issuer
        ),
        "if another authority signs it, its root goes first into STRUST (the same two certificate \
         lists), then into CA_FILE of the sides, and only then the certificate is installed"
            .to_owned(),
    ]
}

/// Which lines of the configuration change.
fn lines(one: &Renewal) -> Vec<String> {
    let mut lines =
        vec!["none: --install puts the new files in the place of the present ones".to_owned()];
    match one.followed_from {
        Some(from) => lines.push(format!(
            "a successor is configured already and shown from {from} (NEXT_FROM)"
        )),
        None => lines.push(
            "or, to show it from a date on: NEXT_PEM_FILE (NEXT_CRT_FILE and NEXT_KEY_FILE) and NEXT_FROM \
             in the same section"
                .to_owned(),
        ),
    }
    lines
}

fn as_json(one: &Renewal, now: WallTime) -> serde_json::Value {
    let facts = &one.facts;
    let names = facts.alternative_names.iter().map(ToString::to_string);
    let uses = one
        .uses
        .iter()
        .map(|(used_by, place)| json!({"by": used_by, "at": place.to_string()}));
    json!({
        "subject": facts.subject,
        "serial": facts.serial,
        "names": names.collect::<Vec<_>>(),
        "purposes": ["serverAuth", "clientAuth"],
        "key": facts.key.to_string(),
        "issuer": facts.issuer,
        "ends": facts.not_after.to_string(),
        "days_left": now.days_until(facts.not_after),
        "ask_by": latest(facts).to_string(),
        "file": one.certificate_path().display().to_string(),
        "waiting_key": one.waiting_key().display().to_string(),
        "waiting_request": one.waiting_request().display().to_string(),
        "uses": uses.collect::<Vec<_>>(),
        "imports": imports(facts),
        "ini": lines(one),
    })
}

/// Writes a key and a request beside each certificate.
fn prepare(args: &RenewArgs, due: &[&Renewal]) -> Result<(), Failure> {
    for one in due {
        let (key_file, request_file) = (one.waiting_key(), one.waiting_request());
        for file in [&key_file, &request_file] {
            if file.exists() {
                let hint = "its request waits for an answer: install that with --install, or remove the \
                            two files to begin anew";
                return Err(Failure::exists(file, hint));
            }
        }
        let kind = args.key.map_or_else(|| one.key_choice(), key_choice);
        let key = fresh_key(kind).map_err(|error| software(&error.to_string()))?;
        let key = key_of(key.der);
        let request = write_request(&one.spec(), &key, key_provider());
        let request = request.map_err(|error| software(&error.to_string()))?;
        let text = one.key_text(&key).map_err(|problems| {
            let hint =
                "correct KEY_PASSPHRASE_FILE first: the new key is locked like the present one";
            Failure::new(Exit::Config, problems.to_string(), hint)
        })?;
        files::write(&key_file, text.as_bytes(), Access::Secret, false)?;
        let text = armoured(Label::Request, &request);
        files::write(&request_file, text.as_bytes(), Access::Open, false)?;
        say(format_args!(
            "made {} and its key, for \"{}\"",
            request_file.display(),
            one.facts.subject
        ));
    }
    if !due.is_empty() {
        say("Have each signed, then: crmgate certs renew --install ANSWER");
    }
    Ok(())
}

fn software(error: &str) -> Failure {
    Failure::new(Exit::Software, error, "report this with the configuration")
}

/// Puts an answer in the place of the certificate that it renews.
fn install(
    args: &RenewArgs,
    answer: &Path,
    all: &[Renewal],
    now: WallTime,
) -> Result<Exit, Failure> {
    let no_passphrase = PassphraseArgs {
        passphrase_file: None,
    };
    let contents = passphrase::read(answer, &no_passphrase)?;
    let refused = |why: &str, hint: &str| {
        let what = format!("\"{}\" is not installed: {why}", answer.display());
        Failure::data(what, hint)
    };
    let keys = key_provider();
    let fitting = fit(&contents.certificates, all, args.other_names, keys, now);
    let fitting = fitting.map_err(|error| refused(&error.to_string(), error.hint()))?;
    let Some(renewal) = all.get(fitting.place) else {
        return Err(software("the renewal has gone"));
    };
    let (certificate, key) = texts(renewal, &fitting)?;
    rehearsed(renewal, &certificate, key.as_deref(), now, refused)?;
    let mut kept = Vec::new();
    // Between the two the pair does not match, and the daemon waits for the second.
    if let Some(key) = &key {
        let path = renewal.key_path();
        kept.push(files::replace_keeping(
            path,
            key.as_bytes(),
            Access::Secret,
            now,
        )?);
    }
    let access = match renewal.files {
        IdentityFiles::Combined(_) => Access::Secret,
        IdentityFiles::Pair { .. } => Access::Open,
    };
    let path = renewal.certificate_path();
    match files::replace_keeping(path, certificate.as_bytes(), access, now) {
        Ok(file) => kept.push(file),
        Err(failure) => {
            // A key without its certificate is worse than none of the two.
            if let Some(former) = kept.first() {
                let _as_good_as_it_gets = std::fs::rename(former, renewal.key_path());
            }
            return Err(failure);
        }
    }
    if fitting.is_new_key {
        for file in [renewal.waiting_key(), renewal.waiting_request()] {
            let _gone_already = std::fs::remove_file(file);
        }
    }
    say(format_args!(
        "installed \"{}\" (serial {}) in {}; it ends on {}",
        fitting.facts.subject,
        fitting.facts.serial,
        path.display(),
        fitting.facts.not_after
    ));
    for file in kept {
        say(format_args!("  the former one is {}", file.display()));
    }
    say("A running gateway takes it by itself, or with HUP; crmgate check says whether it will.");
    Ok(Exit::Ok)
}

/// The new texts of the certificate's file and, where that is another one and the key has changed, of
/// the key's.
fn texts(renewal: &Renewal, fitting: &Fitting) -> Result<(String, Option<String>), Failure> {
    let key = renewal.key_text(&fitting.key).map_err(|problems| {
        let hint = "nothing was replaced; correct that first";
        Failure::new(Exit::Config, problems.to_string(), hint)
    })?;
    Ok(match renewal.files {
        IdentityFiles::Combined(_) => (format!("{}{key}", fitting.chain_text), None),
        IdentityFiles::Pair { .. } if fitting.is_new_key => (fitting.chain_text.clone(), Some(key)),
        IdentityFiles::Pair { .. } => (fitting.chain_text.clone(), None),
    })
}

/// Has the daemon's own reader look at the new texts before anything is replaced.
fn rehearsed(
    renewal: &Renewal,
    certificate: &str,
    key: Option<&str>,
    now: WallTime,
    refused: impl Fn(&str, &str) -> Failure,
) -> Result<(), Failure> {
    let folder = renewal.certificate_path().parent();
    let folder = folder.unwrap_or_else(|| Path::new("."));
    let stage = tempfile::tempdir_in(folder).map_err(|cause| files::unwritable(folder, &cause))?;
    let write = |name: &str, text: &str| {
        let path = stage.path().join(name);
        files::write(&path, text.as_bytes(), Access::Secret, false).map(|()| path)
    };
    let staged = write("certificate.pem", certificate)?;
    let staged_key = match key {
        Some(key) => write("key.pem", key)?,
        None => renewal.key_path().to_owned(),
    };
    rehearse(renewal, &staged, &staged_key, key_provider(), now).map_err(|error| {
        // Nobody knows the files by the names that they have for this moment.
        let real = renewal.certificate_path().display().to_string();
        let text = error.to_string();
        let text = text.replace(&staged.display().to_string(), &real);
        refused(text.trim_end(), error.hint())
    })
}
