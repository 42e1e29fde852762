//! `CRL_FILE` to [`RevocationLists`], with all that can be said of the lists before anybody comes.

use std::collections::BTreeMap;

use rustls::pki_types::CertificateDer;

use crate::certs::der::{self, Reader};
use crate::certs::path::Certificate;
use crate::certs::path::name::canonical;
use crate::certs::pem::{error, warning};
use crate::certs::revocation::RevocationLists;
use crate::certs::revocation::proof::Signer;
use crate::certs::revocation::read::{Found, Listed, read};
use crate::certs::{Digest, TrustStore};
use crate::config::problem::{Problem, Problems, Topic};
use crate::config::settings::{ExpiredLists, FileRef, ListCoverage, RevocationSettings};
use crate::model::{DistinguishedName, WallTime};

impl RevocationLists {
    /// Reads the lists that are to be asked about chains under these anchors.
    ///
    /// `own` is the gateway's chain, which may hold intermediates that peers have too. A list that
    /// has ended is no error: the gateway serves on, by `CRL_EXPIRED`. With an error among the
    /// problems there are no lists, and without lists nothing that asks for them may serve.
    pub fn load(
        settings: &RevocationSettings,
        trust: &TrustStore,
        own: &[CertificateDer<'_>],
        now: WallTime,
    ) -> (Option<Self>, Problems) {
        let mut problems = Problems::new();
        let Found {
            lists,
            signers,
            digests,
        } = read(&settings.lists, &mut problems);
        let anchors = trust
            .anchors()
            .iter()
            .map(|anchor| anchor.certificate().clone());
        let anchors: Vec<Certificate> = anchors.collect();
        let own = own.iter().filter_map(|der| Certificate::read(der).ok());
        let known: Vec<Certificate> = anchors.iter().chain(&signers).cloned().chain(own).collect();
        let mut by_issuer: BTreeMap<DistinguishedName, Vec<Listed>> = BTreeMap::new();
        for listed in lists {
            let of_name = by_issuer.entry(canonical(&listed.list.issuer)).or_default();
            if of_name
                .iter()
                .any(|other| other.list.digest == listed.list.digest)
            {
                continue;
            }
            of_name.push(listed);
        }
        for (issuer, of_name) in &mut by_issuer {
            of_name.sort_by(|one, other| one.list.newer_first(&other.list));
            let signers = known.iter().filter(|known| known.subject_form() == issuer);
            let signers: Vec<&Certificate> = signers.collect();
            let is_one_proven = of_name.iter().any(|one| signer_of(one, &signers).is_some());
            for listed in of_name {
                if is_one_proven && names_another_key(listed, &signers) {
                    problems.push(stray(listed));
                } else {
                    problems.extend(judge_signer(listed, &signers, &anchors));
                }
                problems.extend(judge_dates(listed, now));
            }
        }
        let lists = Self {
            by_issuer,
            anchors,
            signers,
            expired: settings.expired,
            coverage: settings.coverage,
            digest: digest(settings, &digests),
        };
        if let Some(file) = settings.lists.first() {
            lists.report_uncovered(file, trust, &mut problems);
        }
        for due in lists.due(now) {
            problems.push(due.problem);
        }
        let problems = problems.about(Topic::Lists);
        ((!problems.has_errors()).then_some(lists), problems)
    }

    /// Names the anchors without a list: whom they issued a certificate is refused.
    fn report_uncovered(&self, file: &FileRef, trust: &TrustStore, problems: &mut Problems) {
        if self.coverage == ListCoverage::Any {
            return;
        }
        for anchor in trust.anchors() {
            let form = anchor.certificate().subject_form();
            let has_list = !self.of_issuer(form).is_empty();
            if has_list || !anchor.certificate().is_authority() {
                continue;
            }
            let what = format!(
                "CRL_FILE has no revocation list of \"{}\", which stands in CA_FILE: whoever shows \
                 a certificate that it issued itself is refused",
                anchor.facts().subject
            );
            let hint = "add its list, unless it issues to other authorities only; CRL_COVERAGE=any \
                        lets peers in without a list";
            let problem = Problem::notice(file.place.clone(), what, hint).value(&file.written);
            problems.push(problem.about(Topic::ListCoverage));
        }
    }
}

/// What is to be said of who signed a list.
fn judge_signer(listed: &Listed, signers: &[&Certificate], anchors: &[Certificate]) -> Problems {
    let Listed { list, file } = listed;
    let issuer = &list.issuer_name;
    let is_anchor = |known: &Certificate| anchors.iter().any(|own| own.der() == known.der());
    match signer_of(listed, signers) {
        Some(signer) if !signer.may_sign_lists() => {
            let what = format!(
                "holds a revocation list of \"{issuer}\", whose key usage does not allow to sign \
                 lists"
            );
            error(file, &what, NOT_BELIEVED).into()
        }
        Some(_) => Problems::new(),
        None if signers.is_empty() => {
            let what = format!(
                "holds a revocation list of \"{issuer}\", and that authority is neither in CA_FILE \
                 nor in the gateway's own chain"
            );
            let hint = "nothing has to be done if its certificate comes with the peers; else put it \
                        beside the list, or remove the list";
            warning(file, &what, hint).into()
        }
        None if signers.iter().any(|known| is_anchor(known)) => {
            let what = format!(
                "holds a revocation list of \"{issuer}\" that the authority of this name in CA_FILE \
                 did not sign"
            );
            error(file, &what, NOT_BELIEVED).into()
        }
        None => stray(listed).into(),
    }
}

/// The certificate whose key signed a list.
fn signer_of<'a>(listed: &Listed, signers: &[&'a Certificate]) -> Option<&'a Certificate> {
    let signed = |known: &&&Certificate| listed.list.proof.by(known.spki()) == Signer::This;
    signers.iter().find(signed).copied()
}

/// A list of an authority that is known, with a key that is not: it may come with a peer.
fn stray(listed: &Listed) -> Problem {
    let what = format!(
        "holds a revocation list of \"{}\" that is signed with a key whose certificate is not at \
         hand",
        listed.list.issuer_name
    );
    let hint = "put the certificate of that key beside the list, unless it comes with the peers; \
                until it is there the list counts for nobody";
    warning(&listed.file, &what, hint)
}

/// What is to be said of a list whose end is not near.
fn judge_dates(listed: &Listed, now: WallTime) -> Problems {
    let Listed { list, file } = listed;
    let issuer = &list.issuer_name;
    let mut problems = Problems::new();
    if !list.has_begun(now) {
        let what = format!(
            "holds a revocation list of \"{issuer}\" that is not valid before {}",
            list.this_update
        );
        let hint = "check this host's clock, or wait until then";
        problems.push(warning(file, &what, hint).about(Topic::ListDates));
    }
    if list.next_update.is_none() {
        let what = format!(
            "holds a revocation list of \"{issuer}\" that does not say when the next one is due"
        );
        let hint = "it counts until it is replaced, and nobody is told when it is out of date; have \
                    the authority write a nextUpdate";
        problems.push(warning(file, &what, hint).about(Topic::ListDates));
    }
    problems
}

/// Whether a list says that none of these keys signed it.
fn names_another_key(listed: &Listed, of_name: &[&Certificate]) -> bool {
    listed.list.key_id.as_ref().is_some_and(|key| {
        let is_another = |known: &&Certificate| key_id(known).is_some_and(|own| own != &**key);
        of_name.iter().all(is_another)
    })
}

/// The identifier of a certificate's own key.
fn key_id(certificate: &Certificate) -> Option<&[u8]> {
    let extension = certificate.extension(SUBJECT_KEY_IDENTIFIER)?;
    Reader::single(extension.value, der::OCTET_STRING).ok()
}

/// 2.5.29.14
const SUBJECT_KEY_IDENTIFIER: &[u8] = &[0x55, 0x1d, 14];

fn digest(settings: &RevocationSettings, files: &[[u8; 32]]) -> [u8; 32] {
    let grace = match settings.expired {
        ExpiredLists::Refuse => 0,
        ExpiredLists::Grace(grace) => grace.as_secs(),
        ExpiredLists::Ignore => u64::MAX,
    };
    let coverage: &[u8] = match settings.coverage {
        ListCoverage::Leaf => b"leaf",
        ListCoverage::Chain => b"chain",
        ListCoverage::Any => b"any",
    };
    Digest::new("revocation lists")
        .part(&grace.to_be_bytes())
        .part(coverage)
        .digests(files)
        .finish()
}

const NOT_BELIEVED: &str = "get the list again from where the authority publishes it, and compare \
     the authority's certificate with the one in CA_FILE; if it signs lists with a key of their own, \
     put the certificate of that key beside the list";
