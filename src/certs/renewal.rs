//! [`Renewal`]: what it takes to replace one of our own certificates, and whether an answer of an
//! authority does.
//!
//! Nothing is written in here. A plan names the files; an answer becomes the bytes of the new ones only
//! if they are what the daemon would read: key, chain and names are looked at by the same functions.

use std::path::{Path, PathBuf};

use rustls::crypto::KeyProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::certs::container::{Contents, Label, armoured, key_as_pkcs8, locked_key, named};
use crate::certs::fitness::chains;
use crate::certs::identity::{Identity, When};
use crate::certs::inspect::{CertificateFacts, KeyKind, is_signed_by};
use crate::certs::issue::KeyChoice;
use crate::certs::key::{Passphrase, public_key_digest};
use crate::certs::path::Certificate;
use crate::certs::pem::PemFile;
use crate::certs::request::{ALTERNATIVE_NAMES, RequestSpec};
use crate::config::problem::{Place, Problem, Problems};
use crate::config::settings::{FileRef, IdentityFiles, Settings, TlsFiles};
use crate::model::{Secret, WallTime};

/// One of our own certificates, with all that names it.
#[derive(Debug, Clone)]
pub struct Renewal {
    /// The files, as they are configured.
    pub files: IdentityFiles,
    /// What opens the key.
    pub passphrase: Option<FileRef>,
    /// The certificate.
    pub leaf: CertificateDer<'static>,
    /// What it says.
    pub facts: CertificateFacts,
    /// What is sent with it.
    pub intermediates: Vec<CertificateDer<'static>>,
    /// The certificates of the `CA_FILE`s beside it.
    pub authorities: Vec<CertificateDer<'static>>,
    /// Who uses it, such as `SAP1 listening`, and the key that names the file.
    pub uses: Vec<(String, Place)>,
    /// From when on another one follows, where one is configured already.
    pub followed_from: Option<WallTime>,
}

/// Our own certificates that end before a time, what ends first in front; and what cannot be read.
pub fn renewals(
    settings: &Settings,
    keys: &dyn KeyProvider,
    now: WallTime,
) -> (Vec<Renewal>, Problems) {
    let mut all: Vec<Renewal> = Vec::new();
    let mut problems = Problems::new();
    for (used_by, files) in roles(settings) {
        let place = certificate_file(&files.identity).place.clone();
        let same = all.iter_mut().find(|one| one.files == files.identity);
        if let Some(known) = same {
            known.uses.push((used_by, place));
            known.add_authorities(files);
            continue;
        }
        match Renewal::of(files, keys, now) {
            Ok(mut renewal) => {
                renewal.uses.push((used_by, place));
                all.push(renewal);
            }
            Err(found) => problems.extend(found),
        }
    }
    all.sort_by_key(|one| one.facts.not_after);
    (all, problems)
}

/// The files of every role, with its name.
fn roles(settings: &Settings) -> Vec<(String, &TlsFiles)> {
    let mut all = Vec::new();
    for system in &settings.systems {
        let server = system.server_tls.as_ref().map(|tls| &tls.files);
        let client = system.client_tls.as_ref().map(|tls| &tls.files);
        let server = server.map(|files| (format!("{} listening", system.name), files));
        let client = client.map(|files| (format!("{} dialling", system.name), files));
        all.extend(server.into_iter().chain(client));
    }
    let admin = settings.admin.tls.as_ref();
    all.extend(admin.map(|tls| ("admin listener".to_owned(), &tls.files)));
    all
}

impl Renewal {
    fn of(files: &TlsFiles, keys: &dyn KeyProvider, now: WallTime) -> Result<Self, Problems> {
        let passphrase = files.passphrase.as_ref();
        // One that has ended is what has to be renewed most of all.
        let when = When::Former(now);
        let (identity, problems) = Identity::load(&files.identity, passphrase, keys, when);
        let identity = identity.ok_or(problems)?;
        let mut chain = identity.chain().iter().cloned();
        let leaf = chain.next().unwrap_or_else(|| Vec::new().into());
        let mut renewal = Self {
            files: files.identity.clone(),
            passphrase: files.passphrase.clone(),
            leaf,
            facts: identity.leaf().clone(),
            intermediates: chain.collect(),
            authorities: Vec::new(),
            uses: Vec::new(),
            followed_from: files.next.as_ref().map(|next| next.from),
        };
        renewal.add_authorities(files);
        Ok(renewal)
    }

    fn add_authorities(&mut self, files: &TlsFiles) {
        let Ok(pem) = PemFile::read(&files.ca) else {
            return;
        };
        for (der, _) in pem.certificates() {
            if !self.authorities.contains(der) {
                self.authorities.push(der.clone());
            }
        }
    }

    /// The file that holds the certificate.
    pub fn certificate_path(&self) -> &Path {
        &certificate_file(&self.files).path
    }

    /// The file that holds the key.
    pub fn key_path(&self) -> &Path {
        match &self.files {
            IdentityFiles::Combined(file) => &file.path,
            IdentityFiles::Pair { key, .. } => &key.path,
        }
    }

    /// Where the new key waits for its certificate.
    pub fn waiting_key(&self) -> PathBuf {
        beside(self.certificate_path(), ".next.key")
    }

    /// Where the request for it lies.
    pub fn waiting_request(&self) -> PathBuf {
        beside(self.certificate_path(), ".next.csr")
    }

    /// The kind of key that it has, as far as such keys are made here.
    pub fn key_choice(&self) -> KeyChoice {
        match self.facts.key {
            KeyKind::Ec(_) => KeyChoice::P256,
            KeyKind::Rsa(_) | KeyKind::Ed25519 | KeyKind::Other(_) => KeyChoice::Rsa2048,
        }
    }

    /// What the next certificate has to say: the same, byte by byte.
    pub fn spec(&self) -> RequestSpec {
        RequestSpec {
            subject: self.facts.subject_der().to_vec(),
            alternative_names: alternative_names_of(&self.leaf),
        }
    }

    /// A new key as its file holds it: locked where the present one is opened by a passphrase.
    pub fn key_text(&self, key: &PrivateKeyDer<'_>) -> Result<String, Problems> {
        let plain = key_as_pkcs8(key).map(|key| {
            let text = armoured(Label::Key, key.secret_pkcs8_der());
            (key, text)
        });
        let Some((key, text)) = plain else {
            return Ok(String::new());
        };
        match &self.passphrase {
            None => Ok(text),
            Some(file) => {
                let passphrase = Passphrase::read(file)?;
                let locked = locked_key(&key, &passphrase.value).unwrap_or_default();
                Ok(armoured(Label::EncryptedKey, &locked))
            }
        }
    }

    /// The key that waits, if there is one that can be opened.
    pub fn read_waiting_key(&self) -> Option<PrivateKeyDer<'static>> {
        self.read_key(&self.waiting_key())
    }

    /// The key that is in use.
    pub fn read_present_key(&self) -> Option<PrivateKeyDer<'static>> {
        self.read_key(self.key_path())
    }

    fn read_key(&self, path: &Path) -> Option<PrivateKeyDer<'static>> {
        let passphrase: Option<Secret<Vec<u8>>> = match &self.passphrase {
            None => None,
            Some(file) => Some(Passphrase::read(file).ok()?.value),
        };
        let contents = Contents::read(path, passphrase.as_ref()).ok()?;
        contents.keys.into_iter().next()
    }
}

/// The alternative names of a certificate in DER.
pub fn alternative_names_of(certificate: &CertificateDer<'_>) -> Option<Vec<u8>> {
    let read = Certificate::read(certificate).ok()?;
    let names = read.extension(ALTERNATIVE_NAMES)?;
    Some(names.value.to_vec())
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(end);
    path.with_file_name(name)
}

fn certificate_file(files: &IdentityFiles) -> &FileRef {
    match files {
        IdentityFiles::Combined(file) => file,
        IdentityFiles::Pair { certificate, .. } => certificate,
    }
}

/// Why the answer of an authority is not installed.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    /// There is no certificate in it.
    #[error("it holds no certificate")]
    NoCertificate,
    /// It is in use already.
    #[error("the certificate of \"{0}\" is in use already")]
    InUse(String),
    /// No key waits for it, and none in use is its own.
    #[error("the certificate of \"{0}\" belongs to none of the keys that wait or are in use")]
    NoKey(String),
    /// It says somebody else.
    #[error("it is for \"{new}\", and the present certificate is for \"{present}\"")]
    Subject {
        /// Of the new one.
        new: String,
        /// Of the present one.
        present: String,
    },
    /// A peer that knows the present one by such a name would refuse it.
    #[error("it lacks the alternative name {0} of the present certificate")]
    Name(String),
    /// Who signed it is nowhere to be found, so peers could not find the way to their authority.
    #[error("the certificate of its issuer \"{0}\" is missing")]
    Chain(String),
    /// The daemon would not take it.
    #[error("the daemon would not take it:\n{0}")]
    Refused(Problems),
}

impl Unfit {
    /// What to do.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NoCertificate => {
                "name the file that the authority has sent back: .cer, .crt, .p7b or PEM"
            }
            Self::InUse(_) => "nothing has to be done; name the next answer",
            Self::NoKey(_) => {
                "see that it answers the request that lies beside the certificate as .next.csr; \
                 crmgate certs inspect shows the key of both"
            }
            Self::Subject { .. } | Self::Name(_) => {
                "have it issued with what was asked for, or add --other-names if the change is meant"
            }
            Self::Chain(_) => {
                "get the certificates of the authorities between it and the root, and put them behind \
                 it into the same file, or ask for a P7B"
            }
            Self::Refused(_) => "have it issued again without that",
        }
    }
}

/// An answer that fits.
#[derive(Debug)]
pub struct Fitting {
    /// The place of the renewal among those that were given.
    pub place: usize,
    /// What the new certificate says.
    pub facts: CertificateFacts,
    /// The new certificate with its chain, in PEM.
    pub chain_text: String,
    /// The key in PEM, if another one takes the place of the present one.
    pub key: PrivateKeyDer<'static>,
    /// Whether it is the one that has waited.
    pub is_new_key: bool,
}

/// Finds out which certificate an answer renews, and whether it may.
pub fn fit(
    answer: &[CertificateDer<'static>],
    renewals: &[Renewal],
    takes_other_names: bool,
    keys: &dyn KeyProvider,
    now: WallTime,
) -> Result<Fitting, Unfit> {
    let told: Vec<(&CertificateDer<'static>, CertificateFacts)> = answer
        .iter()
        .filter_map(|der| Some((der, CertificateFacts::of(der).ok()?)))
        .collect();
    let first = told.first().ok_or(Unfit::NoCertificate)?;
    let own = renewals.iter().enumerate().find_map(|(place, renewal)| {
        let waiting = renewal.read_waiting_key().map(|key| (key, true));
        let present = renewal.read_present_key().map(|key| (key, false));
        let known = waiting.into_iter().chain(present);
        let mut found = known.filter_map(|(key, is_new)| {
            let digest = public_key_digest(&key, keys)?;
            let (der, facts) = told.iter().find(|(_, facts)| facts.spki == digest)?;
            (**der != renewal.leaf).then(|| (place, renewal, key, is_new, *der, facts.clone()))
        });
        found.next()
    });
    let Some((place, renewal, key, is_new_key, leaf, facts)) = own else {
        let is_known = |one: &Renewal| told.iter().any(|(der, _)| **der == one.leaf);
        let subject = first.1.subject.clone();
        return Err(if renewals.iter().any(is_known) {
            Unfit::InUse(subject)
        } else {
            Unfit::NoKey(subject)
        });
    };
    if !takes_other_names {
        same_names(renewal, &facts)?;
    }
    let chain = whole_chain(leaf, &facts, answer, renewal, now)?;
    let texts = chain.iter().map(|der| armoured(Label::Certificate, der));
    Ok(Fitting {
        place,
        facts,
        chain_text: texts.collect(),
        key,
        is_new_key,
    })
}

fn same_names(renewal: &Renewal, facts: &CertificateFacts) -> Result<(), Unfit> {
    let present = &renewal.facts;
    if present.subject != facts.subject {
        return Err(Unfit::Subject {
            new: facts.subject.clone(),
            present: present.subject.clone(),
        });
    }
    let lacking = present
        .alternative_names
        .iter()
        .find(|name| !facts.alternative_names.contains(name));
    match lacking {
        Some(name) => Err(Unfit::Name(name.to_string())),
        None => Ok(()),
    }
}

/// The certificate and the intermediates above it, from the answer, from the present file, and from the
/// `CA_FILE`s; without the root, which nobody sends.
fn whole_chain(
    leaf: &CertificateDer<'static>,
    facts: &CertificateFacts,
    answer: &[CertificateDer<'static>],
    renewal: &Renewal,
    now: WallTime,
) -> Result<Vec<CertificateDer<'static>>, Unfit> {
    if let Err(defect) = Certificate::read(leaf) {
        let place = Place::file(renewal.certificate_path());
        let what = format!("the new certificate cannot be used: {defect}");
        let problem = Problem::error(place, what, "have it issued again without that");
        return Err(Unfit::Refused(problem.into()));
    }
    let others = answer.iter().filter(|der| *der != leaf);
    let mut all = vec![leaf.clone()];
    for der in others
        .chain(&renewal.intermediates)
        .chain(&renewal.authorities)
    {
        if !all.contains(der) {
            all.push(der.clone());
        }
    }
    let found = chains(&all, now);
    let own = found.into_iter().find(|chain| chain.first() == Some(&0));
    let own = own.unwrap_or_else(|| vec![0]);
    let chain: Vec<CertificateDer<'static>> = own
        .iter()
        .filter_map(|place| all.get(*place).cloned())
        .collect();
    let is_signed = chain
        .get(1)
        .is_some_and(|issuer| is_signed_by(leaf, issuer));
    if !is_signed && !facts.is_root() {
        return Err(Unfit::Chain(facts.issuer.clone()));
    }
    let is_sent = |(at, der): &(usize, CertificateDer<'static>)| {
        *at == 0 || CertificateFacts::of(der).is_ok_and(|facts| !facts.is_root())
    };
    let sent = chain.into_iter().enumerate().filter(is_sent);
    Ok(sent.map(|(_, der)| der).collect())
}

/// Reads new files as the daemon will, under the names that they have until then.
pub fn rehearse(
    renewal: &Renewal,
    certificate: &Path,
    key: &Path,
    keys: &dyn KeyProvider,
    now: WallTime,
) -> Result<(), Unfit> {
    let files = match renewal.files {
        IdentityFiles::Combined(_) => IdentityFiles::Combined(named(certificate)),
        IdentityFiles::Pair { .. } => IdentityFiles::Pair {
            certificate: named(certificate),
            key: named(key),
        },
    };
    let passphrase = renewal.passphrase.as_ref();
    let (identity, problems) = Identity::load(&files, passphrase, keys, When::Now(now));
    match identity {
        Some(_) => Ok(()),
        None => Err(Unfit::Refused(problems)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn why_an_answer_is_not_installed_is_said_with_what_to_do() {
        let text = |text: &str| text.to_owned();
        let refused = Problem::error(Place::default(), "it is damaged", "copy it again");
        for (unfit, said, hint) in [
            (Unfit::NoCertificate, "it holds no certificate", ".p7b"),
            (
                Unfit::InUse(text("CN=a")),
                "the certificate of \"CN=a\" is in use already",
                "nothing has to be done",
            ),
            (
                Unfit::NoKey(text("CN=a")),
                "the certificate of \"CN=a\" belongs to none of the keys that wait or are in use",
                ".next.csr",
            ),
            (
                Unfit::Subject {
                    new: text("CN=b"),
                    present: text("CN=a"),
                },
                "it is for \"CN=b\", and the present certificate is for \"CN=a\"",
                "--other-names",
            ),
            (
                Unfit::Name(text("DNS:a")),
                "it lacks the alternative name DNS:a of the present certificate",
                "--other-names",
            ),
            (
                Unfit::Chain(text("CN=CA")),
                "the certificate of its issuer \"CN=CA\" is missing",
                "P7B",
            ),
            (
                Unfit::Refused(refused.into()),
                "the daemon would not take it:\nerror: it is damaged",
                "issued again",
            ),
        ] {
            assert!(unfit.to_string().starts_with(said), "{unfit}");
            assert!(unfit.hint().contains(hint), "{}", unfit.hint());
        }
    }
}
