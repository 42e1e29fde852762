//! [`fit`]: whether what an authority has sent back may take the place of a certificate.

use std::path::Path;

use rustls::crypto::KeyProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::certs::container::{Label, armoured, named};
use crate::certs::fitness::chains;
use crate::certs::identity::{Identity, When};
use crate::certs::inspect::{CertificateFacts, is_signed_by};
use crate::certs::key::public_key_digest;
use crate::certs::path::Certificate;
use crate::certs::renewal::Renewal;
use crate::config::problem::{Place, Problem, Problems};
use crate::config::settings::IdentityFiles;
use crate::model::WallTime;

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
