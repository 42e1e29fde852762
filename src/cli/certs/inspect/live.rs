//! What stands at an address.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::report::Report;
use crate::certs::container::named;
use crate::certs::{Identity, TrustStore, When};
use crate::cli::certs::args::InspectArgs;
use crate::cli::certs::failure::Failure;
use crate::cli::exit::Exit;
use crate::config::settings::{IdentityFiles, TlsVersion};
use crate::model::{Clock, HostPort};
use crate::net::dial;
use crate::tls::provider::key_provider;
use crate::tls::{Glance, glance};

/// Calls a server and reports what it shows.
pub(super) fn look(
    target: &HostPort,
    args: &InspectArgs,
    trust: Option<&TrustStore>,
    clock: &Clock,
) -> Result<Report, Failure> {
    let own = own(args, clock)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|cause| {
            let what = format!("the system gives no event queue: {cause}");
            Failure::new(Exit::Os, what, "see the limits of this account")
        })?;
    let host = match &args.servername {
        Some(name) => HostPort::new(name, target.port()).map_err(|error| {
            let what = format!("\"{name}\" is no host: {error}");
            Failure::new(
                Exit::Usage,
                what,
                "write the host's name alone in --servername",
            )
        })?,
        None => target.clone(),
    };
    let seen = runtime.block_on(call(target, &host, args, own.as_ref(), clock));
    // A resolver that does not answer is not waited for.
    runtime.shutdown_background();
    let seen = seen?;
    if seen.chain.is_empty() {
        let why = seen.failure.as_ref();
        let what = why.map_or_else(
            || format!("{target} showed no certificate"),
            |failure| format!("{target} showed no certificate: {failure}"),
        );
        let hint = why.map_or("see what stands there", |failure| failure.hint());
        return Err(Failure::new(Exit::Unavailable, what, hint));
    }
    let name = Some(host.host());
    let mut report =
        Report::of_certificates(target.to_string(), &seen.chain, trust, name, clock.now());
    report.form = form(&seen);
    report.server = told(&seen, args);
    report.server_refuses = seen.failure.is_some() && seen.shown;
    Ok(report)
}

fn own(args: &InspectArgs, clock: &Clock) -> Result<Option<Identity>, Failure> {
    let Some(path) = &args.identity else {
        return Ok(None);
    };
    let files = IdentityFiles::Combined(named(path));
    let passphrase = args.passphrase.passphrase_file.as_deref().map(named);
    let when = When::Former(clock.now());
    let (identity, problems) = Identity::load(&files, passphrase.as_ref(), key_provider(), when);
    if identity.is_some() {
        return Ok(identity);
    }
    let first = problems.iter().next();
    let what = first.map_or_else(String::new, |one| one.what.clone());
    let hint = first.map_or_else(String::new, |one| one.hint.clone());
    Err(Failure::data(what, hint))
}

async fn call(
    target: &HostPort,
    host: &HostPort,
    args: &InspectArgs,
    own: Option<&Identity>,
    clock: &Clock,
) -> Result<Glance, Failure> {
    let limit = Duration::from_secs(u64::from(args.timeout));
    let deadline = Instant::now() + limit;
    let dialled = args.via.as_ref().unwrap_or(target);
    let socket = dial(dialled, deadline).await.map_err(|error| {
        let hint = error.hint();
        Failure::new(Exit::Unavailable, error.to_string(), hint)
    })?;
    let seen = timeout_at(deadline, glance(socket, host, own, clock)).await;
    match seen {
        Ok(Ok(seen)) => Ok(seen),
        Ok(Err(error)) => {
            let hint = "name the host as its certificate does, with --servername";
            Err(Failure::new(Exit::Usage, error.to_string(), hint))
        }
        Err(_elapsed) => {
            let what = format!(
                "{dialled} took the connection and did not shake hands within {} s",
                limit.as_secs()
            );
            let hint = "see whether that port speaks TLS; a proxy host may have lost its target";
            Err(Failure::new(Exit::Unavailable, what, hint))
        }
    }
}

fn form(seen: &Glance) -> String {
    match &seen.agreed {
        Some((version, suite)) => {
            let version = match version {
                TlsVersion::V1_2 => "TLS 1.2",
                TlsVersion::V1_3 => "TLS 1.3",
            };
            format!("{version}, {suite}")
        }
        None => "no handshake".to_owned(),
    }
}

/// What the server said besides its chain.
fn told(seen: &Glance, args: &InspectArgs) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(via) = &args.via {
        lines.push(format!("called through {via}"));
    }
    match &seen.asked {
        None => lines.push("asks for no client certificate".to_owned()),
        Some(names) if names.is_empty() => {
            lines.push(
                "asks for a client certificate and names no CA: SAP shows none then, unless it is told \
                 to (bit 16 of ssl/client_ciphersuites)"
                    .to_owned(),
            );
        }
        Some(names) => {
            lines.push(format!(
                "asks for a client certificate of one of {} CA(s):",
                names.len()
            ));
            lines.extend(names.iter().map(|name| format!("  {name}")));
        }
    }
    match (&seen.failure, seen.shown, args.identity.is_some()) {
        (Some(failure), true, _) => {
            lines.push(format!("REFUSES the certificate of --identity: {failure}"));
            lines.push(format!("  {}", failure.hint()));
        }
        (Some(failure), false, _) => {
            lines.push(format!(
                "ends the connection without a client certificate: {failure}"
            ));
        }
        (None, true, _) => lines.push("accepts the certificate of --identity".to_owned()),
        (None, false, true) => {
            lines.push("did not ask for it, so --identity was not shown".to_owned());
        }
        (None, false, false) => {}
    }
    lines
}
