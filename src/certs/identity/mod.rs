//! [`Identity`]: a certificate chain and the private key that belongs to it.

pub(in crate::certs) mod chain;
mod when;

use std::sync::Arc;

use rustls::crypto::KeyProvider;
use rustls::pki_types::CertificateDer;
use rustls::sign::{CertifiedKey, SigningKey};

use crate::certs::digest::Digest;
use crate::certs::expiry::Validity;
use crate::certs::identity::chain::Told;
pub use crate::certs::identity::when::When;
use crate::certs::inspect::{CertificateFacts, KeyKind};
use crate::certs::key::{Passphrase, signing_key};
use crate::certs::path::Certificate;
use crate::certs::pem::{PemFile, error, notice, refuse_lists, warning};
use crate::config::problem::{Problem, Problems, Topic};
use crate::config::settings::{FileRef, IdentityFiles};

/// Who the gateway is: the chain it shows and the key that proves it.
///
/// Chain and key are known to belong together, the leaf stands first, every certificate that is
/// sent is in date; a file for which that does not hold never becomes an identity.
#[derive(Debug)]
pub struct Identity {
    certified: Arc<CertifiedKey>,
    leaf: CertificateFacts,
    intermediates: Vec<CertificateFacts>,
    digest: [u8; 32],
}

impl Identity {
    /// Reads certificate and key, in whichever order and in one file or two.
    ///
    /// The problems may hold warnings (an end that draws near, a key that others can read) beside
    /// an identity; with an error among them there is none.
    pub fn load(
        files: &IdentityFiles,
        passphrase: Option<&FileRef>,
        provider: &dyn KeyProvider,
        when: When,
    ) -> (Option<Self>, Problems) {
        let mut problems = Problems::new();
        let identity = Self::read(files, passphrase, provider, when, &mut problems);
        let usable = identity.filter(|_| !problems.has_errors());
        (usable, problems.about(Topic::OwnFiles))
    }

    fn read(
        files: &IdentityFiles,
        passphrase: Option<&FileRef>,
        provider: &dyn KeyProvider,
        when: When,
        problems: &mut Problems,
    ) -> Option<Self> {
        let passphrase = passphrase.and_then(|file| noted(Passphrase::read(file), problems));
        let (certificate_file, key_file) = match files {
            IdentityFiles::Combined(file) => (file, file),
            IdentityFiles::Pair { certificate, key } => (certificate, key),
        };
        // Both are read before either is judged: one run shows what is wrong with both.
        let certificates = noted(PemFile::read(certificate_file), problems);
        let separate = (certificate_file != key_file)
            .then(|| noted(PemFile::read(key_file), problems))
            .flatten();
        let chain = certificates
            .as_ref()
            .and_then(|pem| Found::certificates(certificate_file, pem, problems));
        let key_pem = if certificate_file == key_file {
            certificates.as_ref()
        } else {
            separate.as_ref()
        };
        let keys = key_pem.map(|pem| keys(key_file, pem, passphrase.as_ref(), provider, problems));
        let (chain, keys) = (chain?, keys?);
        let (leaf_index, key) = chain.leaf_for(&keys, key_file, problems)?;
        let files = certificates.iter().chain(&separate).map(|pem| pem.digest);
        let files: Vec<_> = files
            .chain(passphrase.map(|passphrase| passphrase.digest))
            .collect();
        let digest = Digest::new("identity").digests(&files).finish();
        chain.into_identity(leaf_index, key, digest, when, problems)
    }

    /// Chain and key as the TLS library takes them.
    pub fn certified_key(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.certified)
    }

    /// The certificates in the order in which they are sent.
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.certified.cert
    }

    /// What the certificate says.
    pub fn leaf(&self) -> &CertificateFacts {
        &self.leaf
    }

    /// What the other certificates say that are sent with it.
    pub fn intermediates(&self) -> &[CertificateFacts] {
        &self.intermediates
    }

    /// A digest of the files it was read from.
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }
}

/// The certificates of a file, with what they say.
struct Found<'a> {
    file: &'a FileRef,
    certificates: Vec<Told>,
}

impl<'a> Found<'a> {
    fn certificates(file: &'a FileRef, pem: &PemFile, problems: &mut Problems) -> Option<Self> {
        let mut certificates = Vec::new();
        for (der, line) in pem.certificates() {
            match CertificateFacts::of(der) {
                Ok(facts) => certificates.push((der.clone(), facts)),
                Err(not_one) => {
                    let what = format!("has a block in line {line} of which {not_one}");
                    problems.push(error(file, &what, "copy the certificate again"));
                }
            }
        }
        refuse_lists(file, pem, problems);
        if certificates.is_empty() && !problems.has_errors() {
            problems.push(match pem.foreign().next() {
                Some(foreign) => foreign.problem(file),
                None => error(file, "holds no certificate", NO_CERTIFICATE),
            });
        } else {
            pem.foreign()
                .for_each(|foreign| problems.push(foreign.aside(file)));
        }
        (!certificates.is_empty()).then_some(Self { file, certificates })
    }

    /// Finds the certificate that one of the keys belongs to, wherever it stands.
    fn leaf_for(
        &self,
        keys: &[Arc<dyn SigningKey>],
        key_file: &FileRef,
        problems: &mut Problems,
    ) -> Option<(usize, Arc<dyn SigningKey>)> {
        let pairs = self
            .certificates
            .iter()
            .enumerate()
            .flat_map(|(index, (der, _))| keys.iter().map(move |key| (index, der, key)));
        let mut matching = pairs.filter(|(_, der, key)| {
            CertifiedKey::new(vec![(*der).clone()], Arc::clone(key))
                .keys_match()
                .is_ok()
        });
        if let Some((index, _, key)) = matching.next() {
            return Some((index, Arc::clone(key)));
        }
        if let (Some((_, facts)), false) = (self.certificates.first(), keys.is_empty()) {
            problems.push(if facts.version == 1 {
                let what =
                    "holds a certificate of X.509 version 1, which no peer accepts as a leaf";
                error(
                    self.file,
                    what,
                    "have the certificate issued again as version 3",
                )
            } else {
                let what = format!(
                    "holds a private key that belongs to none of the certificates (the first is \
                     for \"{}\")",
                    facts.subject
                );
                error(key_file, &what, MISMATCH).about(Topic::OwnKey)
            });
        }
        None
    }

    fn into_identity(
        self,
        leaf_index: usize,
        key: Arc<dyn SigningKey>,
        digest: [u8; 32],
        when: When,
        problems: &mut Problems,
    ) -> Option<Identity> {
        let file = self.file;
        let order = chain::order(&self.certificates, leaf_index, when.at());
        let left_over = chain::strangers(&self.certificates, &order);
        let mut certificates: Vec<Option<_>> = self.certificates.into_iter().map(Some).collect();
        let mut chain = Vec::new();
        let mut sent = Vec::new();
        for index in order {
            let Some((der, facts)) = certificates.get_mut(index).and_then(Option::take) else {
                continue;
            };
            // A root is never sent: who trusts it has it, and to all others it proves nothing. So
            // nobody refuses what it says, and neither do we.
            if !sent.is_empty() && facts.is_root() {
                if let Some(over) = ended_root(file, &facts, when) {
                    problems.push(over);
                }
            } else {
                let is_leaf = sent.is_empty();
                judge(file, &facts, is_leaf, when, problems);
                report_flaw(file, &der, &facts, !is_leaf, problems);
                chain.push(der);
                sent.push(facts);
            }
        }
        if left_over > 0 {
            let what = format!(
                "holds {left_over} certificate(s) that do not belong to the chain; they are not sent"
            );
            let hint = "leave only the certificate, its intermediates and, if you like, the root";
            problems.push(warning(file, &what, hint).about(Topic::OwnChain));
        }
        let mut sent = sent.into_iter();
        Some(Identity {
            certified: Arc::new(CertifiedKey::new(chain, key)),
            leaf: sent.next()?,
            intermediates: sent.collect(),
            digest,
        })
    }
}

fn keys(
    file: &FileRef,
    pem: &PemFile,
    passphrase: Option<&Passphrase>,
    provider: &dyn KeyProvider,
    problems: &mut Problems,
) -> Vec<Arc<dyn SigningKey>> {
    let read: Vec<_> = pem
        .keys()
        .filter_map(|item| signing_key(item, file, passphrase, provider))
        .collect();
    if read.is_empty() {
        let problem = match pem.foreign().next() {
            Some(foreign) => foreign.problem(file),
            None => error(file, "holds no private key", NO_KEY),
        };
        // A combined file has reported the same block already, as something of no use.
        problems.push(problem);
    }
    if read.len() > 1 {
        let what = format!("holds {} private keys", read.len());
        problems.push(warning(file, &what, "leave only the one that is in use"));
    }
    read.into_iter()
        .filter_map(|key| noted(key, problems))
        .collect()
}

/// A root that has expired is worth a word: peers may know a newer one, or may not.
fn ended_root(file: &FileRef, facts: &CertificateFacts, when: When) -> Option<Problem> {
    let When::Now(now) = when else { return None };
    let validity = Validity::judge(facts.not_before, facts.not_after, now);
    let what = format!(
        "holds the root \"{}\", which {validity} ({}); it is not sent",
        facts.subject, facts.not_after
    );
    let hint = "nothing has to be done here; see whether the peers have its authority's new root";
    let is_over = matches!(validity, Validity::Expired { .. });
    is_over.then(|| notice(file, &what, hint).about(Topic::OwnChain))
}

/// What a peer would refuse about a certificate, and what will soon be refused.
fn judge(
    file: &FileRef,
    facts: &CertificateFacts,
    is_leaf: bool,
    when: When,
    problems: &mut Problems,
) {
    let subject = &facts.subject;
    problems.extend(
        when.judge_dates(file, facts)
            .map_or_else(Problems::new, Problems::from),
    );
    if let KeyKind::Rsa(bits) = facts.key
        && bits < MIN_RSA_BITS
    {
        let what = format!("holds the certificate of \"{subject}\" with an RSA key of {bits} bits");
        let hint = "have it issued again for a key of 2048 bits or more, or for P-256";
        problems.push(error(file, &what, hint).about(Topic::OwnStrength));
    }
    if facts.signature_is_weak {
        let what = format!(
            "holds the certificate of \"{subject}\", signed with {}",
            facts.signature
        );
        let hint = "have it issued again with SHA-256; no current peer accepts this one";
        problems.push(error(file, &what, hint).about(Topic::OwnStrength));
    }
    if is_leaf && facts.ca == Some(true) {
        let what = format!("holds the certificate of \"{subject}\", which is one of an authority");
        let hint = "have a certificate issued for this host; peers refuse an authority's own";
        problems.push(warning(file, &what, hint).about(Topic::OwnStrength));
    }
}

/// What strict peers refuse although others accept it: found out here, and not by the first of
/// them.
fn report_flaw(
    file: &FileRef,
    der: &CertificateDer<'_>,
    facts: &CertificateFacts,
    is_issuer: bool,
    problems: &mut Problems,
) {
    let flaw = match Certificate::read(der) {
        Ok(certificate) => certificate.flaw(is_issuer).map(|reason| reason.to_string()),
        Err(malformed) => Some(malformed.to_string()),
    };
    if let Some(flaw) = flaw {
        let what = format!(
            "holds the certificate of \"{}\", which strict peers refuse: {flaw}",
            facts.subject
        );
        let hint = "have it issued again without that; this gateway would refuse it as well";
        problems.push(warning(file, &what, hint).about(Topic::OwnStrength));
    }
}

fn noted<T>(result: Result<T, Problems>, problems: &mut Problems) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(found) => {
            problems.extend(found);
            None
        }
    }
}

/// Peers refuse shorter RSA keys, and so does the TLS library itself.
const MIN_RSA_BITS: usize = 2048;

const NO_CERTIFICATE: &str = "add the certificate, or name another file: the part from \
     -----BEGIN CERTIFICATE----- to its END line";
const NO_KEY: &str = "add the private key to PEM_FILE, or name the file that holds it in KEY_FILE";
const MISMATCH: &str = "name the key that the certificate was requested with; both of these print \
     the same when they belong together: openssl x509 -noout -pubkey -in CERTIFICATE, \
     openssl pkey -pubout -in KEY";

#[cfg(test)]
mod tests;
