//! `crmgate certs convert`: from any form to what crmgate reads, or to what SAP imports.

use std::path::{Path, PathBuf};

use super::args::{ConvertArgs, Target};
use super::failure::Failure;
use super::files::{self, Access};
use super::passphrase;
use crate::certs::container::{
    Cipher, Contents, Der, Key, Label, armoured, key_as_pkcs8, locked_key, write_pkcs7,
    write_pkcs12,
};
use crate::certs::inspect::CertificateFacts;
use crate::certs::public_key_digest;
use crate::cli::exit::Exit;
use crate::cli::output::say;
use crate::model::{Clock, Secret};
use crate::tls::provider::key_provider;

/// Reads, orders, writes, and says what became of it.
pub(super) fn convert(args: &ConvertArgs) -> Result<Exit, Failure> {
    let mut contents = passphrase::read(&args.input, &args.passphrase)?;
    for file in &args.add {
        let more = passphrase::read(file, &args.passphrase)?;
        contents.certificates.extend(more.certificates);
        contents.keys.extend(more.keys);
    }
    if contents.certificates.is_empty() && contents.keys.is_empty() {
        let what = format!(
            "the file \"{}\" is {} and holds neither a certificate nor a private key",
            args.input.display(),
            contents.form
        );
        let hint =
            "name the file with the certificate; crmgate certs inspect says what is in this one";
        return Err(Failure::data(what, hint));
    }
    let ordered = Ordered::of(&contents, args)?;
    match args.to {
        Target::Pem => pem(args, &ordered)?,
        Target::Der => der(args, &ordered)?,
        Target::P7b => {
            ordered.need_certificate(args)?;
            let text = armoured(Label::Pkcs7, &write_pkcs7(&ordered.certificates));
            made(&args.out, text.as_bytes(), Access::Open, args.force)?;
        }
        Target::Pfx => pfx(args, &ordered, &args.out)?,
        Target::Strust => strust(args, &ordered)?,
    }
    Ok(Exit::Ok)
}

/// What was read: the certificate of the key first, then its chain, then the rest.
struct Ordered {
    certificates: Vec<Der>,
    /// How many of them are a chain, from the first on.
    chain: usize,
    key: Option<Key>,
}

impl Ordered {
    fn of(contents: &Contents, args: &ConvertArgs) -> Result<Self, Failure> {
        let mut keys = contents.keys.iter();
        let key = keys.next().map(Key::clone_key);
        if keys.next().is_some() {
            let what = format!(
                "the file \"{}\" holds {} private keys",
                args.input.display(),
                contents.keys.len()
            );
            let hint = "export the one that is meant by itself";
            return Err(Failure::data(what, hint));
        }
        let chains = contents.chains(Clock::system().now());
        let leaf_of = |chain: &Vec<usize>| {
            let place = *chain.first()?;
            CertificateFacts::of(contents.certificates.get(place)?).ok()
        };
        let digest = key
            .as_ref()
            .and_then(|key| public_key_digest(key, key_provider()));
        let own = match digest {
            Some(digest) => {
                let own = chains
                    .iter()
                    .find(|chain| leaf_of(chain).is_some_and(|facts| facts.spki == digest));
                if own.is_none() && !contents.certificates.is_empty() {
                    let what = format!(
                        "the private key in \"{}\" belongs to none of the certificates",
                        args.input.display()
                    );
                    let hint = "name the key that the certificate was requested with; crmgate certs \
                                inspect shows which belong together";
                    return Err(Failure::data(what, hint));
                }
                own
            }
            None => chains.first(),
        };
        let own: Vec<usize> = own.cloned().unwrap_or_default();
        let rest = (0..contents.certificates.len()).filter(|place| !own.contains(place));
        let places: Vec<usize> = own.iter().copied().chain(rest).collect();
        let certificates = places
            .iter()
            .filter_map(|place| contents.certificates.get(*place).cloned());
        Ok(Self {
            certificates: certificates.collect(),
            chain: own.len(),
            key,
        })
    }

    fn need_certificate(&self, args: &ConvertArgs) -> Result<&Der, Failure> {
        self.certificates.first().ok_or_else(|| {
            let what = format!("the file \"{}\" holds no certificate", args.input.display());
            Failure::data(what, "add the file that holds it with --add")
        })
    }

    /// The chain as far as it is to be sent: without its root, unless that is all there is.
    fn sent(&self) -> impl Iterator<Item = &Der> {
        let own = self.certificates.iter().take(self.chain).enumerate();
        own.filter(|(at, der)| *at == 0 || !is_root(der))
            .map(|(_, der)| der)
    }
}

fn is_root(der: &Der) -> bool {
    CertificateFacts::of(der).is_ok_and(|facts| facts.is_root())
}

/// The certificate, its chain and its key for `PEM_FILE`; of authorities alone everything, for
/// `CA_FILE`.
fn pem(args: &ConvertArgs, ordered: &Ordered) -> Result<(), Failure> {
    let Some(key) = &ordered.key else {
        let each = ordered.certificates.iter();
        let text: String = each.map(|der| armoured(Label::Certificate, der)).collect();
        made(&args.out, text.as_bytes(), Access::Open, args.force)?;
        say(format_args!(
            "  {} certificate(s) and no key: for CA_FILE, or for CRT_FILE beside KEY_FILE",
            ordered.certificates.len()
        ));
        return Ok(());
    };
    let mut text: String = ordered
        .sent()
        .map(|der| armoured(Label::Certificate, der))
        .collect();
    let left_out = ordered
        .certificates
        .len()
        .saturating_sub(ordered.sent().count());
    text.push_str(&key_text(args, key)?);
    made(&args.out, text.as_bytes(), Access::Secret, args.force)?;
    let what = if ordered.certificates.is_empty() {
        "for KEY_FILE: the key alone"
    } else {
        "for PEM_FILE: the certificate, its chain and its key; readable for this account only"
    };
    say(format_args!("  {what}"));
    if left_out > 0 {
        say(format_args!(
            "  {left_out} certificate(s) were left out, since a root is never sent and others do not \
             belong to the chain; --to p7b holds all"
        ));
    }
    Ok(())
}

/// The key as PEM, locked if a passphrase is given for what is written.
fn key_text(args: &ConvertArgs, key: &Key) -> Result<String, Failure> {
    let plain = key_as_pkcs8(key).ok_or_else(|| {
        let what = "the private key does not say on which curve it is";
        Failure::data(
            what,
            "write it anew: openssl ec -in KEY -param_enc named_curve",
        )
    })?;
    let file = args.out_passphrase_file.as_deref();
    let Some(chosen) = passphrase::given(file, "CRMGATE_OUT_PASSPHRASE")? else {
        return Ok(armoured(Label::Key, plain.secret_pkcs8_der()));
    };
    let locked = locked_key(&plain, &chosen).ok_or_else(|| {
        let what = "the system has no randomness to lock the private key with";
        Failure::new(Exit::Os, what, "try again; nothing was written")
    })?;
    say("  the key is locked: name the passphrase's file in KEY_PASSPHRASE_FILE");
    Ok(armoured(Label::EncryptedKey, &locked))
}

fn der(args: &ConvertArgs, ordered: &Ordered) -> Result<(), Failure> {
    let first = ordered.need_certificate(args)?;
    made(&args.out, first, Access::Open, args.force)?;
    let others = ordered.certificates.len().saturating_sub(1);
    if others > 0 {
        say(format_args!(
            "  DER holds one certificate: {others} other(s) were left out, --to p7b holds all"
        ));
    }
    if ordered.key.is_some() {
        say("  the private key was left out");
    }
    Ok(())
}

fn pfx(args: &ConvertArgs, ordered: &Ordered, out: &Path) -> Result<(), Failure> {
    let leaf = ordered.need_certificate(args)?;
    let key = ordered.key.as_ref().ok_or_else(|| {
        let what = format!("the file \"{}\" holds no private key", args.input.display());
        Failure::data(
            what,
            "add the file with the key with --add; certificates alone go into a P7B",
        )
    })?;
    let key = key_as_pkcs8(key).ok_or_else(|| {
        let what = "the private key does not say on which curve it is";
        Failure::data(
            what,
            "write it anew: openssl ec -in KEY -param_enc named_curve",
        )
    })?;
    let passphrase: Secret<String> = passphrase::new(args.out_passphrase_file.as_deref(), out)?;
    let facts = CertificateFacts::of(leaf).ok();
    let name = facts.as_ref().and_then(CertificateFacts::common_name);
    let cipher = if args.legacy {
        Cipher::TripleDes
    } else {
        Cipher::Aes256
    };
    let name = name.unwrap_or("crmgate");
    let bytes = write_pkcs12(&ordered.certificates, &key, name, &passphrase, cipher);
    let bytes = bytes.map_err(|error| {
        let hint = "use a passphrase of letters, digits and signs";
        Failure::data(error.to_string(), hint)
    })?;
    made(out, &bytes, Access::Secret, args.force)?;
    say("  certificate, chain and key, locked with the passphrase; readable for this account only");
    Ok(())
}

/// Everything that STRUST can import, each file with the place it goes to.
fn strust(args: &ConvertArgs, ordered: &Ordered) -> Result<(), Failure> {
    let folder = &args.out;
    files::folder(folder)?;
    let stem = stem(&args.input);
    for (at, der) in ordered.certificates.iter().enumerate() {
        let Ok(facts) = CertificateFacts::of(der) else {
            continue;
        };
        let end = if at == 0 {
            ".cer".to_owned()
        } else {
            format!("-{at}.cer")
        };
        let text = armoured(Label::Certificate, der);
        let file = folder.join(format!("{stem}{end}"));
        made(&file, text.as_bytes(), Access::Open, args.force)?;
        let place = match (facts.is_root(), facts.ca == Some(true)) {
            (true, _) => {
                "a root: into the certificate list of SSL client SSL Client (Standard), so that SAP \
                 believes the servers below it, and of SSL server Standard, for the clients"
            }
            (false, true) => {
                "an intermediate: beside its root, where a server or client does not send it along"
            }
            (false, false) => {
                "a host's or client's own: import its root instead; this one would have to be imported \
                 again at every renewal"
            }
        };
        say(format_args!("  \"{}\"\n  {place}", facts.subject));
    }
    if ordered.certificates.len() > 1 {
        let file = folder.join(format!("{stem}-chain.p7b"));
        let text = armoured(Label::Pkcs7, &write_pkcs7(&ordered.certificates));
        made(&file, text.as_bytes(), Access::Open, args.force)?;
        say("  the whole chain, for Import Certificate Response of an own PSE");
    }
    if ordered.key.is_some() {
        let file = folder.join(format!("{stem}.pfx"));
        pfx(args, ordered, &file)?;
        say(format_args!(
            "  for an own PSE: sapgenpse import_p12 -p FILE.pse {}; then STRUST, PSE, Import",
            file.display()
        ));
    }
    Ok(())
}

fn stem(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default();
    stem.to_string_lossy().into_owned()
}

fn made(path: &Path, bytes: &[u8], access: Access, force: bool) -> Result<(), Failure> {
    files::write(path, bytes, access, force)?;
    let path: PathBuf = path.to_owned();
    say(format_args!("made {}", path.display()));
    Ok(())
}
