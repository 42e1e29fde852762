//! [`TrustStore`]: whom to believe.

use std::sync::Arc;

use rustls::DistinguishedName;
use rustls::pki_types::CertificateDer;

use crate::certs::der::{self, Reader};
use crate::certs::digest::Digest;
use crate::certs::due::{Due, DueKind, Step};
use crate::certs::expiry::Validity;
use crate::certs::inspect::{CertificateFacts, KeyKind};
use crate::certs::path::{Anchors, Certificate, Malformed};
use crate::certs::pem::{PemFile, error, refuse_lists, warning};
use crate::config::problem::{Problem, Problems, Topic};
use crate::config::settings::FileRef;
use crate::model::WallTime;

/// The certificates of `CA_FILE`, all of them able to vouch for a peer.
///
/// There is never any other source: neither the system's roots nor a built-in list is looked at.
#[derive(Debug, Clone)]
pub struct TrustStore {
    anchors: Vec<Anchor>,
    /// The same, as a path is judged by them.
    authorities: Arc<Anchors>,
    digest: [u8; 32],
}

/// One certificate that is believed.
#[derive(Debug, Clone)]
pub struct Anchor {
    certificate: Certificate,
    facts: CertificateFacts,
}

impl Anchor {
    fn new(der: &CertificateDer<'static>, facts: CertificateFacts) -> Result<Self, Malformed> {
        let certificate = Certificate::read(der)?;
        Ok(Self { certificate, facts })
    }

    /// What the certificate says.
    pub fn facts(&self) -> &CertificateFacts {
        &self.facts
    }

    /// The certificate as paths are judged by it.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    fn has_not_expired(&self, now: WallTime) -> bool {
        now <= self.facts.not_after
    }
}

impl TrustStore {
    /// Reads a bundle.
    ///
    /// An expired certificate beside valid ones is a warning and is left out; a bundle without a
    /// usable one, or with something in it that cannot be what was meant, is an error.
    pub fn load(file: &FileRef, now: WallTime) -> (Option<Self>, Problems) {
        let mut problems = Problems::new();
        let pem = match PemFile::read(file) {
            Ok(pem) => pem,
            Err(problems) => return (None, problems.about(Topic::Trust)),
        };
        let mut anchors: Vec<Anchor> = Vec::new();
        let mut expired: Vec<CertificateFacts> = Vec::new();
        let mut in_force = false;
        for (der, line) in pem.certificates() {
            let Ok(facts) = CertificateFacts::of(der) else {
                let what = format!("has a block in line {line} that is not an X.509 certificate");
                problems.push(error(file, &what, "copy the certificate again"));
                continue;
            };
            judge(file, &facts, line, &mut problems);
            let validity = Validity::judge(facts.not_before, facts.not_after, now);
            if matches!(validity, Validity::Expired { .. }) {
                expired.push(facts.clone());
            } else {
                in_force = true;
                let outlook = outlook(file, &facts, validity, false);
                problems.extend(outlook.map_or_else(Problems::new, Problems::from));
            }
            if anchors.iter().any(|anchor| anchor.certificate.der() == der) {
                continue;
            }
            // One that has expired is kept: the clock may have been wrong, and may be set right.
            match Anchor::new(der, facts) {
                Ok(anchor) => {
                    report_flaw(file, &anchor, line, &mut problems);
                    anchors.push(anchor);
                }
                Err(defect) => {
                    let what =
                        format!("has a certificate in line {line} that cannot be used: {defect}");
                    problems.push(error(file, &what, "have it issued again"));
                }
            }
        }
        report_others(
            file,
            &pem,
            anchors.is_empty() && expired.is_empty(),
            &mut problems,
        );
        report_expired(file, &expired, !in_force, now, &mut problems);
        let digest = pem.digest;
        if !in_force || problems.has_errors() {
            return (None, problems.about(Topic::Trust));
        }
        let certificates = anchors.iter().map(|anchor| anchor.certificate.clone());
        let authorities = Arc::new(Anchors::new(certificates.collect()));
        let store = Self {
            anchors,
            authorities,
            digest,
        };
        (Some(store), problems.about(Topic::Trust))
    }

    /// Trust in certificates that stand in no file of the configuration: those of the machine. What
    /// cannot vouch for anybody is left out, as it is not for us to put it right.
    pub fn of_the_machine(certificates: &[CertificateDer<'static>]) -> Self {
        let anchors = certificates.iter().filter_map(|der| {
            let facts = CertificateFacts::of(der).ok()?;
            Anchor::new(der, facts).ok()
        });
        let anchors: Vec<Anchor> = anchors.collect();
        let each = anchors.iter().map(|anchor| anchor.certificate.clone());
        let authorities = Arc::new(Anchors::new(each.collect()));
        let digests: Vec<_> = anchors.iter().map(|one| one.facts.fingerprint.0).collect();
        Self {
            anchors,
            authorities,
            digest: Digest::new("machine").digests(&digests).finish(),
        }
    }

    /// The certificates in the order of the file.
    pub fn anchors(&self) -> &[Anchor] {
        &self.anchors
    }

    /// Whom to believe when a path is judged.
    pub fn authorities(&self) -> &Anchors {
        &self.authorities
    }

    /// The names of all that are believed at a time, for a server to say whom it believes.
    pub fn names_at(&self, now: WallTime) -> Vec<DistinguishedName> {
        let in_force = self.anchors.iter().filter(|one| one.has_not_expired(now));
        let names = in_force.filter_map(|anchor| {
            let name = Reader::single(anchor.certificate.subject(), der::SEQUENCE);
            name.ok().map(DistinguishedName::in_sequence)
        });
        names.collect()
    }

    /// Who can still vouch for somebody at a time.
    pub fn in_force_at(&self, now: WallTime) -> impl Iterator<Item = &CertificateFacts> {
        let in_force = self
            .anchors
            .iter()
            .filter(move |one| one.has_not_expired(now));
        in_force.map(Anchor::facts)
    }

    /// The authorities that have reached a step towards their end, in the words of a load from
    /// that file.
    pub fn due(&self, file: &FileRef, now: WallTime) -> Vec<Due> {
        let nothing_else = self.in_force_at(now).next().is_none();
        let due = self.anchors.iter().map(Anchor::facts).filter_map(|facts| {
            let validity = Validity::judge(facts.not_before, facts.not_after, now);
            Some(Due {
                kind: DueKind::Authority,
                subject: facts.subject.clone(),
                ends: facts.not_after,
                item: facts.fingerprint.0,
                step: Step::of(validity)?,
                problem: outlook(file, facts, validity, nothing_else)?,
            })
        });
        due.collect()
    }

    /// The digests of the anchors' keys, sorted.
    pub fn key_digests(&self) -> Vec<[u8; 32]> {
        let mut keys: Vec<_> = self
            .anchors
            .iter()
            .map(|anchor| anchor.facts.spki)
            .collect();
        keys.sort_unstable();
        keys
    }

    /// A digest of who is believed: names and keys of all anchors, whatever their order.
    ///
    /// A renewed certificate of the same authority, with the same key, is the same trust; another
    /// authority of the same name is not.
    pub fn policy_digest(&self) -> [u8; 32] {
        let mut each: Vec<[u8; 32]> = self
            .anchors
            .iter()
            .map(|anchor| {
                Digest::new("anchor")
                    .part(anchor.facts.subject_der())
                    .part(&anchor.facts.spki)
                    .finish()
            })
            .collect();
        each.sort_unstable();
        each.dedup();
        Digest::new("anchors").digests(&each).finish()
    }

    /// A digest of the file it was read from.
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }
}

/// Refuses what cannot vouch for anybody, so that it is not found out at the first handshake.
fn judge(file: &FileRef, facts: &CertificateFacts, line: u32, problems: &mut Problems) {
    let subject = &facts.subject;
    // Version 1 has no extensions, and old company roots are of that version.
    let names_itself_a_leaf = facts.ca == Some(false) || (facts.ca.is_none() && facts.version != 1);
    if names_itself_a_leaf && facts.self_issued {
        let what = format!(
            "holds the self-signed certificate of \"{subject}\" in line {line}, which vouches for \
             itself only"
        );
        let hint = "it works, but has to be exchanged at every renewal; prefer an authority's";
        problems.push(warning(file, &what, hint));
    } else if names_itself_a_leaf {
        let what = format!(
            "holds in line {line} the certificate of \"{subject}\", which is not an authority's"
        );
        let hint = format!(
            "put the certificate of its issuer \"{}\" in here instead, and this one into CRT_FILE \
             or PEM_FILE of the host it was issued for",
            facts.issuer
        );
        problems.push(error(file, &what, hint));
    }
    if facts.ca == Some(true) && facts.may_sign_certificates == Some(false) {
        let what = format!(
            "holds in line {line} the authority \"{subject}\", whose key usage does not allow to \
             sign certificates"
        );
        problems.push(error(
            file,
            &what,
            "have the authority's certificate issued again",
        ));
    }
    if let KeyKind::Rsa(bits) = facts.key
        && bits < 2048
    {
        let what = format!(
            "holds in line {line} the authority \"{subject}\" with an RSA key of {bits} bits; \
             nothing that it signed is accepted"
        );
        problems.push(warning(file, &what, EXCHANGE));
    }
}

/// An authority that is read and never believed is worth a word before the first handshake.
fn report_flaw(file: &FileRef, anchor: &Anchor, line: u32, problems: &mut Problems) {
    if let Some(flaw) = anchor.certificate.anchor_flaw() {
        let subject = &anchor.facts.subject;
        let what = format!(
            "holds in line {line} the authority \"{subject}\", and nothing that it issued is \
             accepted: {flaw}"
        );
        problems.push(warning(file, &what, EXCHANGE));
    }
}

fn report_others(file: &FileRef, pem: &PemFile, nothing_else: bool, problems: &mut Problems) {
    if pem.keys().next().is_some() {
        let hint = "remove the key: CA_FILE is handed around, and nobody else may have it";
        problems.push(warning(file, "holds a private key", hint));
    }
    refuse_lists(file, pem, problems);
    if nothing_else && !problems.has_errors() {
        problems.push(match pem.foreign().next() {
            Some(foreign) => foreign.problem(file),
            None => error(file, "holds no certificate", EXCHANGE),
        });
    } else {
        pem.foreign()
            .for_each(|foreign| problems.push(foreign.aside(file)));
    }
}

fn report_expired(
    file: &FileRef,
    expired: &[CertificateFacts],
    nothing_else: bool,
    now: WallTime,
    problems: &mut Problems,
) {
    for facts in expired {
        let validity = Validity::judge(facts.not_before, facts.not_after, now);
        let outlook = outlook(file, facts, validity, nothing_else);
        problems.extend(outlook.map_or_else(Problems::new, Problems::from));
    }
}

/// What is to be said of an authority's dates.
fn outlook(
    file: &FileRef,
    facts: &CertificateFacts,
    validity: Validity,
    nothing_else: bool,
) -> Option<Problem> {
    let then = match validity {
        Validity::Good => return None,
        Validity::NotYet => "",
        Validity::EndsSoon { .. } => "; then it vouches for nobody",
        Validity::Expired { .. } => "; it vouches for nobody",
    };
    let what = format!(
        "holds the authority \"{}\" (serial {}), which {validity} (valid from {} to {}){then}",
        facts.subject, facts.serial, facts.not_before, facts.not_after
    );
    let is_in_vain = nothing_else && matches!(validity, Validity::Expired { .. });
    let say = if is_in_vain { error } else { warning };
    Some(say(file, &what, EXCHANGE).about(Topic::TrustDates))
}

const EXCHANGE: &str =
    "get the authority's current certificate from whoever runs it and put it into the file";

#[cfg(test)]
mod tests;
