//! [`inventory`]: every certificate and every list that a configuration uses, in one table.
//!
//! It looks at what the files hold and not at whether that may be used: a certificate that expired
//! yesterday, and for which the daemon would not start, is what somebody looks for here.

use std::path::PathBuf;

use rustls::crypto::KeyProvider;

use crate::certs::expiry::Validity;
use crate::certs::identity::{Identity, When};
use crate::certs::inspect::CertificateFacts;
use crate::certs::pem::PemFile;
use crate::certs::revocation::ListFacts;
use crate::config::problem::{Place, Problems};
use crate::config::settings::{FileRef, IdentityFiles, Settings, TlsFiles};
use crate::model::{Fingerprint, WallTime};

/// What something is to the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Our own certificate.
    Own,
    /// The certificate that follows it, from then on.
    Next(WallTime),
    /// A certificate that is sent with one of these.
    Intermediate,
    /// Whom we believe.
    Authority,
    /// Whom we believe no more.
    List,
}

impl Part {
    /// In one word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Next(_) => "next",
            Self::Intermediate => "intermediate",
            Self::Authority => "authority",
            Self::List => "crl",
        }
    }
}

/// What stands in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Thing {
    /// A certificate.
    Certificate(Box<CertificateFacts>),
    /// A revocation list.
    List(ListFacts),
}

/// One certificate or list in one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it is to the configuration.
    pub part: Part,
    /// What it is.
    pub thing: Thing,
    /// The file that holds it.
    pub file: PathBuf,
    /// Who uses it, such as `SAP1 listening`, and the key that names the file.
    pub uses: Vec<(String, Place)>,
}

impl Entry {
    /// Whose it is.
    pub fn subject(&self) -> &str {
        match &self.thing {
            Thing::Certificate(facts) => &facts.subject,
            Thing::List(facts) => &facts.issuer,
        }
    }

    /// Who vouches for it.
    pub fn issuer(&self) -> &str {
        match &self.thing {
            Thing::Certificate(facts) => &facts.issuer,
            Thing::List(facts) => &facts.issuer,
        }
    }

    /// Its last second, where it has one.
    pub fn ends(&self) -> Option<WallTime> {
        match &self.thing {
            Thing::Certificate(facts) => Some(facts.not_after),
            Thing::List(facts) => facts.next_update,
        }
    }

    /// What tells it from all others.
    pub fn fingerprint(&self) -> Fingerprint {
        match &self.thing {
            Thing::Certificate(facts) => facts.fingerprint,
            Thing::List(facts) => facts.fingerprint,
        }
    }

    /// How long it lasts. A list is judged by the steps of certificates here: what is announced of it,
    /// and when, depends on how long it is made for.
    pub fn validity(&self, now: WallTime) -> Validity {
        match &self.thing {
            Thing::Certificate(facts) => Validity::judge(facts.not_before, facts.not_after, now),
            Thing::List(facts) => match facts.next_update {
                Some(end) => Validity::judge(facts.this_update, end, now),
                None => Validity::Good,
            },
        }
    }
}

/// Everything that a configuration uses, what ends first in front; and what cannot be read.
#[derive(Debug, Default)]
pub struct Inventory {
    /// The table.
    pub entries: Vec<Entry>,
    /// Why some of it is missing.
    pub problems: Problems,
}

/// By what files are looked into.
#[derive(Clone, Copy)]
struct Eye<'a> {
    keys: &'a dyn KeyProvider,
    now: WallTime,
}

/// Looks into every file that settings name.
pub fn inventory(settings: &Settings, keys: &dyn KeyProvider, now: WallTime) -> Inventory {
    let mut found = Inventory::default();
    let eye = Eye { keys, now };
    for system in &settings.systems {
        let server = system.server_tls.as_ref().map(|tls| &tls.files);
        let client = system.client_tls.as_ref().map(|tls| &tls.files);
        let roles = [("listening", server), ("dialling", client)];
        for (role, files) in roles {
            if let Some(files) = files {
                found.take(&format!("{} {role}", system.name), files, eye);
            }
        }
    }
    if let Some(tls) = &settings.admin.tls {
        found.take("admin listener", &tls.files, eye);
    }
    if let Some(webhook) = &settings.alarms.webhook
        && let Some(ca) = &webhook.ca
    {
        found.take_authorities("webhook", ca);
    }
    found
        .entries
        .sort_by_key(|entry| (entry.ends().map_or(i64::MAX, |end| end.0), entry.part));
    found
}

impl Inventory {
    fn take(&mut self, role: &str, files: &TlsFiles, eye: Eye<'_>) {
        let passphrase = files.passphrase.as_ref();
        self.take_identity(role, Part::Own, &files.identity, passphrase, eye);
        if let Some(next) = &files.next {
            let (part, passphrase) = (Part::Next(next.from), next.passphrase.as_ref());
            self.take_identity(role, part, &next.identity, passphrase, eye);
        }
        self.take_authorities(role, &files.ca);
        if let Some(revocation) = &files.revocation {
            let (lists, problems) = ListFacts::in_files(&revocation.lists);
            self.problems.extend(problems);
            let place = revocation.lists.first().map(|file| file.place.clone());
            for (file, facts) in lists {
                let use_of = (role.to_owned(), place.clone().unwrap_or_default());
                self.add(Part::List, Thing::List(facts), file, use_of);
            }
        }
    }

    fn take_identity(
        &mut self,
        role: &str,
        part: Part,
        files: &IdentityFiles,
        passphrase: Option<&FileRef>,
        eye: Eye<'_>,
    ) {
        let file = match files {
            IdentityFiles::Combined(file) => file,
            IdentityFiles::Pair { certificate, .. } => certificate,
        };
        // Its dates are what is looked at here, so they are no reason not to look.
        let (identity, problems) =
            Identity::load(files, passphrase, eye.keys, When::Former(eye.now));
        if let Some(identity) = identity {
            self.add_certificate(part, identity.leaf(), file, role);
            for facts in identity.intermediates() {
                self.add_certificate(Part::Intermediate, facts, file, role);
            }
            return;
        }
        self.problems.extend(problems);
        for (index, facts) in certificates(file).0.iter().enumerate() {
            let part = if index == 0 { part } else { Part::Intermediate };
            self.add_certificate(part, facts, file, role);
        }
    }

    fn take_authorities(&mut self, role: &str, file: &FileRef) {
        let (found, problems) = certificates(file);
        self.problems.extend(problems);
        for facts in &found {
            self.add_certificate(Part::Authority, facts, file, role);
        }
    }

    fn add_certificate(
        &mut self,
        part: Part,
        facts: &CertificateFacts,
        file: &FileRef,
        role: &str,
    ) {
        let thing = Thing::Certificate(Box::new(facts.clone()));
        let use_of = (role.to_owned(), file.place.clone());
        self.add(part, thing, file.path.clone(), use_of);
    }

    fn add(&mut self, part: Part, thing: Thing, file: PathBuf, use_of: (String, Place)) {
        let same = self
            .entries
            .iter_mut()
            .find(|entry| entry.part == part && entry.file == file && entry.thing == thing);
        match same {
            Some(entry) => entry.uses.push(use_of),
            None => self.entries.push(Entry {
                part,
                thing,
                file,
                uses: vec![use_of],
            }),
        }
    }
}

/// What the certificates of a file say, whether or not they may be used.
fn certificates(file: &FileRef) -> (Vec<CertificateFacts>, Problems) {
    match PemFile::read(file) {
        Ok(pem) => {
            let each = pem.certificates();
            let facts = each.filter_map(|(der, _)| CertificateFacts::of(der).ok());
            (facts.collect(), Problems::new())
        }
        Err(problems) => (Vec::new(), problems),
    }
}
