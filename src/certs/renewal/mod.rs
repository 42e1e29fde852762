//! [`Renewal`]: what it takes to replace one of our own certificates, and whether an answer of an
//! authority does.
//!
//! Nothing is written in here. A plan names the files; an answer becomes the bytes of the new ones only
//! if they are what the daemon would read: key, chain and names are looked at by the same functions.

mod answer;

use std::path::{Path, PathBuf};

use rustls::crypto::KeyProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::certs::container::{Contents, Label, armoured, key_as_pkcs8, locked_key};
use crate::certs::identity::{Identity, When};
use crate::certs::inspect::{CertificateFacts, KeyKind};
use crate::certs::issue::KeyChoice;
use crate::certs::key::Passphrase;
use crate::certs::path::Certificate;
use crate::certs::pem::PemFile;
pub use crate::certs::renewal::answer::{Fitting, Unfit, fit, rehearse};
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
        let unfit = |what: &str, hint: &str| {
            let place = Place::file(self.key_path());
            Problems::from(Problem::error(place, what, hint))
        };
        let plain = key_as_pkcs8(key).ok_or_else(|| {
            let what = "the private key does not say on which curve it is";
            unfit(
                what,
                "write it anew: openssl ec -in KEY -param_enc named_curve",
            )
        })?;
        let Some(file) = &self.passphrase else {
            return Ok(armoured(Label::Key, plain.secret_pkcs8_der()));
        };
        let passphrase = Passphrase::read(file)?;
        let locked = locked_key(&plain, &passphrase.value).ok_or_else(|| {
            let what = "the system has no randomness to lock the private key with";
            unfit(what, "try again; nothing was written")
        })?;
        Ok(armoured(Label::EncryptedKey, &locked))
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
