//! [`load`]: the certificates that we show, and what peers would refuse about them.

use std::sync::Arc;

use crate::certs::path::{Certificate, Purpose, Reason};
use crate::certs::{CertificateFacts, Digest, Due, Identity, RevocationLists, TrustStore, When};
use crate::config::problem::{Problem, Problems, Topic};
use crate::config::settings::{FileRef, IdentityFiles, Successor, TlsFiles};
use crate::model::WallTime;
use crate::tls::face::Face;
use crate::tls::policy::TlsPolicy;
use crate::tls::provider;
use crate::tls::turns::Turns;

/// Reads the present certificate and the one that follows it, each judged for when it is shown.
pub(super) fn load(files: &TlsFiles, now: WallTime) -> (Option<Turns<Identity>>, Problems) {
    let next = files.next.as_ref();
    let (when, when_next) = shown_when(next, now);
    let keys = provider::key_provider();
    let (present, mut problems) =
        Identity::load(&files.identity, files.passphrase.as_ref(), keys, when);
    let Some(next) = next else {
        return (present.map(|present| Turns::new(present, None)), problems);
    };
    let passphrase = next.passphrase.as_ref();
    let (follows, found) = Identity::load(&next.identity, passphrase, keys, when_next);
    problems.extend(found);
    let (Some(present), Some(follows)) = (present, follows) else {
        return (None, problems);
    };
    if let Some(problem) = judge_date(next, &present, &follows, now) {
        problems.push(problem);
    }
    (
        Some(Turns::new(present, Some((next.from, follows)))),
        problems,
    )
}

/// When the present certificate is shown, and when the one that follows it.
fn shown_when(next: Option<&Successor>, now: WallTime) -> (When, When) {
    match next {
        Some(next) if next.from <= now => (When::Former(now), When::Now(now)),
        Some(next) => (When::Now(now), When::From(next.from)),
        None => (When::Now(now), When::Now(now)),
    }
}

/// What has reached a step towards its end: of the certificates that we show, and of whom and what
/// peers are judged by.
///
/// The files are those in force: what was built from the same bytes in other files is not built
/// again.
pub(super) fn due<T>(
    files: &TlsFiles,
    shown: &Turns<Face<T>>,
    trust: &TrustStore,
    revocation: Option<&RevocationLists>,
    now: WallTime,
) -> Vec<Due> {
    let next = files.next.as_ref();
    let (when, when_next) = shown_when(next, now);
    let own = shown.sent().filter_map(|(from, facts)| {
        let (identity, when) = match (from, next) {
            (Some(_), Some(next)) => (&next.identity, when_next),
            _ => (&files.identity, when),
        };
        when.due(certificate_file(identity), facts, now)
    });
    let lists = revocation.map(|lists| lists.due(now)).unwrap_or_default();
    own.chain(trust.due(&files.ca, now)).chain(lists).collect()
}

/// Whether the two meet at the date, and whether it has passed.
fn judge_date(
    next: &Successor,
    present: &Identity,
    follows: &Identity,
    now: WallTime,
) -> Option<Problem> {
    let (from, place) = (next.from, next.place.clone());
    if from <= now {
        let what = format!(
            "the certificate of \"{}\" that follows is shown since NEXT_FROM, which was {from}",
            follows.leaf().subject
        );
        let hint = "make its files PEM_FILE, or CRT_FILE and KEY_FILE, and remove the keys that \
                    begin with NEXT_; sessions go on";
        return Some(Problem::notice(place, what, hint).about(Topic::OwnDates));
    }
    let end = present.leaf().not_after;
    (end < from).then(|| {
        let what = format!(
            "NEXT_FROM ({from}) comes after the end of the present certificate of \"{}\" ({end}), \
             and no peer accepts us in between",
            present.leaf().subject
        );
        Problem::warning(place, what, "write an earlier NEXT_FROM").about(Topic::OwnDates)
    })
}

/// A digest of all files, and of the date.
pub(super) fn digest(own: &Turns<Identity>) -> [u8; 32] {
    let each = own.each().fold(Digest::new("own"), |sum, (from, one)| {
        let from = from.map_or_else(Vec::new, |from| from.0.to_be_bytes().to_vec());
        sum.part(&from).part(&one.digest())
    });
    each.finish()
}

/// What peers would refuse about a certificate that is shown for this purpose, or cannot use with it.
pub(super) fn judge(
    files: &TlsFiles,
    own: &Turns<Identity>,
    purpose: Purpose,
    policy: &TlsPolicy,
    problems: &mut Problems,
) {
    for (file, identity) in with_files(files, own) {
        let mut found = vec![unfit_for(purpose, file, identity)];
        if purpose == Purpose::Server {
            found.push(without_host(file, identity.leaf()));
            found.push(policy.judge_key(&identity.leaf().key, &file.place));
        }
        let found = found.into_iter().flatten();
        found.for_each(|problem| problems.push(problem));
    }
}

/// A certificate that was made for something else.
fn unfit_for(purpose: Purpose, file: &FileRef, identity: &Identity) -> Option<Problem> {
    // One that cannot be read by these rules has been told before.
    let leaf = Certificate::read(identity.chain().first()?).ok()?;
    let reason = leaf.unfit_for(purpose)?;
    let what = format!(
        "the certificate of \"{}\" is not allowed to be a {}'s: {reason}",
        identity.leaf().subject,
        purpose.words()
    );
    let needed = if matches!(reason, Reason::WrongKeyUsage(_)) {
        "digitalSignature in its key usage"
    } else {
        "serverAuth and clientAuth"
    };
    let peers = match purpose {
        Purpose::Client => Purpose::Server,
        Purpose::Server => Purpose::Client,
    };
    let hint = format!(
        "have it issued with {needed}; most {}s refuse it",
        peers.words()
    );
    let problem = Problem::warning(file.place.clone(), what, hint).value(&file.written);
    Some(problem.about(Topic::OwnPurpose))
}

/// A server's certificate that names no host as current rules want it.
fn without_host(file: &FileRef, leaf: &CertificateFacts) -> Option<Problem> {
    let what = format!(
        "the certificate of \"{}\" has no subject alternative name",
        leaf.subject
    );
    let hint = "SAP compares the common name and connects; other clients refuse it, so have the \
                host added as an alternative name at the next renewal";
    let warning = Problem::warning(file.place.clone(), what, hint).value(&file.written);
    let warning = warning.about(Topic::OwnNames);
    (!leaf.has_alternative_names).then_some(warning)
}

/// Each certificate with the file that holds it.
fn with_files<'a>(
    files: &'a TlsFiles,
    own: &'a Turns<Identity>,
) -> impl Iterator<Item = (&'a FileRef, &'a Identity)> {
    let next = files.next.iter().map(|next| &next.identity);
    let named = std::iter::once(&files.identity).chain(next);
    let named = named.map(certificate_file);
    named.zip(own.each().map(|(_, identity)| identity))
}

/// The revocation lists of a role, if it has any; `None` also with an error among the problems. An
/// intermediate that we show may have signed one.
pub(super) fn revocation_lists(
    files: &TlsFiles,
    trust: &TrustStore,
    own: &Turns<Identity>,
    now: WallTime,
) -> (Option<Arc<RevocationLists>>, Problems) {
    let Some(settings) = &files.revocation else {
        return (None, Problems::new());
    };
    let shown = own.each().flat_map(|(_, identity)| identity.chain());
    let shown: Vec<_> = shown.cloned().collect();
    let (lists, problems) = RevocationLists::load(settings, trust, &shown, now);
    (lists.map(Arc::new), problems)
}

/// The file that holds the certificate.
pub(super) fn certificate_file(files: &IdentityFiles) -> &FileRef {
    match files {
        IdentityFiles::Combined(file) => file,
        IdentityFiles::Pair { certificate, .. } => certificate,
    }
}
