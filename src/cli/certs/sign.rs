//! `crmgate certs sign`: a certificate for a request, by the authority of a trial.

use std::path::Path;

use super::args::{Purpose, SignArgs};
use super::csr::alternative_name;
use super::failure::Failure;
use super::files::{self, Access};
use super::passphrase;
use crate::certs::container::{Contents, Der, Label, armoured};
use crate::certs::inspect::{CertificateFacts, Uses};
use crate::certs::issue::{NotSigned, Purposes, SignSpec, Signer};
use crate::certs::public_key_digest;
use crate::cli::exit::Exit;
use crate::cli::output::say;
use crate::model::{Clock, WallTime};
use crate::tls::provider::{key_provider, randomness};

/// Makes the certificate, and says what it is good for.
pub(super) fn sign(args: &SignArgs) -> Result<Exit, Failure> {
    // Looked at first: a passphrase that was typed for nothing is a nuisance.
    if args.out.symlink_metadata().is_ok() {
        return Err(Failure::exists(&args.out, "name another one"));
    }
    let now = Clock::system().now();
    let request = request_in(args)?;
    let (certificate, issuer) = authority(args, now)?;
    let names = args.san.iter().map(|text| alternative_name(text.trim()));
    let names: Vec<_> = names.collect::<Result<_, _>>()?;
    let spec = SignSpec {
        purposes: match args.purpose {
            Purpose::Both => Purposes::Both,
            Purpose::Server => Purposes::Server,
            Purpose::Client => Purposes::Client,
        },
        alternative_names: (!names.is_empty()).then_some(names),
        // Clocks of trials differ.
        not_before: WallTime(now.0.saturating_sub(DAY)),
        not_after: WallTime(
            now.0
                .saturating_add(i64::from(args.days).saturating_mul(DAY)),
        ),
    };
    let signed = issuer
        .sign(&request, &spec, randomness())
        .map_err(|why| refused(&args.csr, &why))?;
    let mut text = armoured(Label::Certificate, &signed.der);
    if !issuer.facts().is_root() {
        text.push_str(&armoured(Label::Certificate, &certificate));
    }
    files::write(&args.out, text.as_bytes(), Access::Open, false)?;
    say(format_args!("made {}", args.out.display()));
    if let Ok(facts) = CertificateFacts::of(&signed.der) {
        told(&facts, issuer.facts());
    }
    if let Ok(uses) = Uses::of(&signed.der) {
        say(format_args!("  uses     {}", uses.purposes_line()));
    }
    for name in &signed.left_out {
        say(format_args!(
            "  left out {name}: a name of no kind that is signed here"
        ));
    }
    Ok(Exit::Ok)
}

/// What was made, for people.
fn told(facts: &CertificateFacts, authority: &CertificateFacts) {
    let names = facts.alternative_names.iter().map(ToString::to_string);
    let names: Vec<String> = names.collect();
    say(format_args!("  subject  {}", facts.subject));
    if names.is_empty() {
        say("  names    none: hosts are known by the common name then, and only by SAP");
    } else {
        say(format_args!("  names    {}", names.join(", ")));
    }
    say(format_args!("  issuer   {}", authority.subject));
    say(format_args!("  serial   {}", facts.serial));
    say(format_args!("  until    {}", facts.not_after));
}

/// The one request of its file.
fn request_in(args: &SignArgs) -> Result<Vec<u8>, Failure> {
    let mut contents = passphrase::read(&args.csr, &args.passphrase)?;
    let count = contents.requests.len();
    let first = contents.requests.pop();
    first.filter(|_| count == 1).ok_or_else(|| {
        let what = format!(
            "the file \"{}\" holds {count} certificate requests",
            args.csr.display()
        );
        Failure::data(what, "name a file with one, as crmgate certs csr writes it")
    })
}

/// The authority of a file whose key is at hand.
fn authority(args: &SignArgs, now: WallTime) -> Result<(Der, Signer), Failure> {
    let held = passphrase::read(&args.ca, &args.passphrase)?;
    let beside = args.ca.with_extension("key");
    let key_file: &Path = args.ca_key.as_ref().unwrap_or(&beside);
    let mut keys = passphrase::read(key_file, &args.passphrase)?
        .keys
        .into_iter();
    let key = keys.next().ok_or_else(|| {
        let what = format!("the file \"{}\" holds no private key", key_file.display());
        Failure::data(what, "name the file with the authority's key with --ca-key")
    })?;
    let digest = public_key_digest(&key, key_provider());
    let certificate = of_key(&held, digest).ok_or_else(|| {
        let what = format!("the file \"{}\" holds no certificate", args.ca.display());
        Failure::data(
            what,
            "name the file with the authority's certificate with --ca",
        )
    })?;
    let signer = Signer::of(&certificate, &key, key_provider(), now);
    let signer = signer.map_err(|why| refused(&args.ca, &why))?;
    Ok((certificate, signer))
}

/// Of a bundle the certificate of the key; else the first, which is told to have another.
fn of_key(held: &Contents, digest: Option<[u8; 32]>) -> Option<Der> {
    let of_key =
        |der: &&Der| CertificateFacts::of(der).is_ok_and(|facts| Some(facts.spki) == digest);
    let mut all = held.certificates.iter();
    let found = all.find(of_key).or_else(|| held.certificates.first());
    found.cloned()
}

fn refused(file: &Path, why: &NotSigned) -> Failure {
    Failure::data(format!("\"{}\": {why}", file.display()), why.hint())
}

const DAY: i64 = 86_400;
