//! `crmgate certs csr`: a certificate request, for a key at hand or for a new one.

use std::net::IpAddr;
use std::path::Path;

use super::args::{CsrArgs, Key};
use super::failure::Failure;
use super::files::{self, Access};
use super::passphrase;
use crate::certs::container::{Label, armoured, key_of};
use crate::certs::inspect::{AlternativeName, CertificateFacts, RequestFacts};
use crate::certs::issue::{KeyChoice, fresh_key};
use crate::certs::renewal::alternative_names_of;
use crate::certs::request::{RequestSpec, alternative_names_der, name_der, write_request};
use crate::cli::exit::Exit;
use crate::cli::output::say;
use crate::model::{WrittenValue, written_name};
use crate::tls::provider::key_provider;

/// Makes the request, and the key first where that was asked for.
pub(super) fn csr(args: &CsrArgs) -> Result<Exit, Failure> {
    let spec = spec(args)?;
    let fresh = match args.new_key {
        Some(kind) => Some(new_key(args, kind)?),
        None => None,
    };
    let key = match &fresh {
        Some(der) => key_of(der.clone()),
        None => present_key(args)?,
    };
    let request = write_request(&spec, &key, key_provider()).map_err(|error| {
        let hint = "use a key for RSA with 2048 bits or more, ECDSA on P-256 or P-384, or Ed25519";
        Failure::data(error.to_string(), hint)
    })?;
    let facts = RequestFacts::of(&request).map_err(|error| unreadable(&error.to_string()))?;
    if !args.force && args.out.exists() {
        return Err(Failure::exists(
            &args.out,
            "name another one, or add --force",
        ));
    }
    if let Some(der) = &fresh {
        let text = armoured(Label::Key, der);
        files::write(&args.key, text.as_bytes(), Access::Secret, args.force)?;
        say(format_args!(
            "made {} (the key; readable for this account only)",
            args.key.display()
        ));
    }
    let text = armoured(Label::Request, &request);
    files::write(&args.out, text.as_bytes(), Access::Open, args.force)?;
    say(format_args!("made {}", args.out.display()));
    told(&facts);
    say("Have it signed for server and client authentication, and install the answer.");
    Ok(Exit::Ok)
}

/// What is asked for, for people.
pub(super) fn told(facts: &RequestFacts) {
    let names = facts.alternative_names.iter().map(ToString::to_string);
    let names: Vec<String> = names.collect();
    say(format_args!("  subject  {}", facts.subject));
    if names.is_empty() {
        say("  names    none: hosts are known by the common name then, and only by SAP");
    } else {
        say(format_args!("  names    {}", names.join(", ")));
    }
    say(format_args!("  key      {}", facts.key));
    say(format_args!("  uses     {}", facts.uses.purposes_line()));
}

fn unreadable(error: &str) -> Failure {
    let hint = "report this with the subject and the names that were given";
    Failure::new(Exit::Software, error, hint)
}

/// Subject and names: as given, or else as in the certificate that it shall be like.
fn spec(args: &CsrArgs) -> Result<RequestSpec, Failure> {
    let like = match &args.like {
        Some(path) => Some(certificate_in(path, args)?),
        None => None,
    };
    let (subject, common_name) = match (&args.subject, &like) {
        (Some(text), _) => subject_of(text)?,
        (None, Some((_, facts))) => (facts.subject_der().to_vec(), None),
        (None, None) => {
            let hint = "write --subject \"CN=gw.example.com,O=Example,C=CH\", or name a certificate with \
                        --like";
            return Err(Failure::new(Exit::Usage, "there is no subject", hint));
        }
    };
    let given: Vec<AlternativeName> = args
        .san
        .iter()
        .map(|text| alternative_name(text.trim()))
        .collect::<Result<_, _>>()?;
    let names = if !given.is_empty() {
        alternative_names_der(&given)
    } else if let Some((der, _)) = &like {
        alternative_names_of(der)
    } else {
        // Who writes a host as common name means that host.
        let host = common_name.filter(|name| name.contains('.') && is_host(name));
        let host = host.map(AlternativeName::Dns);
        alternative_names_der(host.as_slice())
    };
    Ok(RequestSpec {
        subject,
        alternative_names: names,
    })
}

type Certificate = (crate::certs::container::Der, CertificateFacts);

/// The certificate of a file that issued none of the others.
fn certificate_in(path: &Path, args: &CsrArgs) -> Result<Certificate, Failure> {
    let contents = passphrase::read(path, &args.passphrase)?;
    let now = crate::model::Clock::system().now();
    let first = contents.chains(now).into_iter().next();
    let leaf = first.and_then(|chain| contents.certificates.get(*chain.first()?).cloned());
    let found = leaf.and_then(|der| {
        let facts = CertificateFacts::of(&der).ok()?;
        Some((der, facts))
    });
    found.ok_or_else(|| {
        let what = format!("the file \"{}\" holds no certificate", path.display());
        Failure::data(what, "name the certificate that the new one shall be like")
    })
}

fn subject_of(text: &str) -> Result<(Vec<u8>, Option<String>), Failure> {
    let parts = written_name(text).map_err(|error| {
        let what = format!("the subject \"{text}\" is not understood: {error}");
        let hint = "write it as in RFC 4514, such as \"CN=gw.example.com,OU=IT,O=Example,C=CH\"";
        Failure::new(Exit::Usage, what, hint)
    })?;
    let der = name_der(&parts);
    let common_name = parts.iter().flatten().find_map(|attribute| {
        let is_common_name = attribute.oid == [0x55, 4, 3];
        match &attribute.value {
            WrittenValue::Text(text) if is_common_name => Some(text.clone()),
            WrittenValue::Text(_) | WrittenValue::Encoded(_) => None,
        }
    });
    Ok((der, common_name))
}

/// A host, an address, or a kind with a value behind a colon.
pub(super) fn alternative_name(text: &str) -> Result<AlternativeName, Failure> {
    let bare = |text: &str| match text.parse::<IpAddr>() {
        Ok(address) => Some(AlternativeName::Ip(address)),
        Err(_) => is_host(text).then(|| AlternativeName::Dns(text.to_owned())),
    };
    let is_ascii = text.is_ascii() && !text.contains(char::is_whitespace);
    let found = match text.split_once(':') {
        _ if !is_ascii => None,
        Some((kind, value)) => match kind.to_ascii_lowercase().as_str() {
            "dns" => is_host(value).then(|| AlternativeName::Dns(value.to_owned())),
            "ip" => value.parse().ok().map(AlternativeName::Ip),
            "uri" => Some(AlternativeName::Uri(value.to_owned())),
            "email" => Some(AlternativeName::Email(value.to_owned())),
            _ => bare(text),
        },
        None => bare(text),
    };
    found.ok_or_else(|| {
        let what = format!("\"{text}\" is no alternative name");
        let hint = "write a host, an address, uri:... or email:..., in ASCII and without blanks";
        Failure::new(Exit::Usage, what, hint)
    })
}

/// Whether a text could be a host's name, an asterisk in front included.
fn is_host(text: &str) -> bool {
    let rest = text.strip_prefix("*.").unwrap_or(text);
    let in_a_name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    !rest.is_empty()
        && rest.bytes().all(in_a_name)
        && !rest.starts_with('.')
        && !rest.contains("..")
}

fn new_key(args: &CsrArgs, kind: Key) -> Result<Vec<u8>, Failure> {
    if !args.force && args.key.exists() {
        let hint = "leave --new-key out to use it, name another file, or add --force";
        return Err(Failure::exists(&args.key, hint));
    }
    let made = fresh_key(key_choice(kind));
    made.map(|key| key.der)
        .map_err(|error| unreadable(&error.to_string()))
}

pub(super) const fn key_choice(kind: Key) -> KeyChoice {
    match kind {
        Key::Rsa => KeyChoice::Rsa2048,
        Key::Ec => KeyChoice::P256,
    }
}

fn present_key(args: &CsrArgs) -> Result<crate::certs::container::Key, Failure> {
    let contents = passphrase::read(&args.key, &args.passphrase)?;
    contents.keys.into_iter().next().ok_or_else(|| {
        let what = format!("the file \"{}\" holds no private key", args.key.display());
        Failure::data(
            what,
            "name the file with the key, or add --new-key rsa to make one",
        )
    })
}
