//! Our certificate, and whom we believe: what a load and a build say of the files, and what our own
//! authorities and lists say of us.

use crate::certs::CertificateFacts;
use crate::certs::path::Reason;
use crate::certs::revocation::RevocationRefusal;
use crate::config::problem::{Problems, Severity, Topic};
use crate::config::settings::TlsFiles;
use crate::model::WallTime;
use crate::preflight::verdict::{Finding, Judged};
use crate::tls::OwnStanding;

/// Who we are, in each role of each system.
#[derive(Debug)]
pub(super) struct Owners {
    each: Vec<OwnStanding>,
    /// Whether any role of TLS is known, so that its files were looked into.
    pub(super) has_roles: bool,
    /// Whether a role goes by revocation lists.
    has_lists: bool,
}

impl Owners {
    /// Looks into the files of these roles; the same files are looked into once.
    pub(super) fn of(roles: Vec<&TlsFiles>, now: WallTime) -> Self {
        let mut files: Vec<&TlsFiles> = Vec::new();
        for role in roles {
            if !files.contains(&role) {
                files.push(role);
            }
        }
        Self {
            has_roles: !files.is_empty(),
            has_lists: files.iter().any(|role| role.revocation.is_some()),
            each: files
                .iter()
                .filter_map(|role| OwnStanding::of(role, now))
                .collect(),
        }
    }

    /// Every intermediate that we know of: a server that leaves out one of these has it not sent.
    pub(super) fn intermediates(&self) -> impl Iterator<Item = &CertificateFacts> {
        self.each.iter().flat_map(|own| &own.intermediates)
    }

    /// Our certificates, each once.
    fn leaves(&self) -> Vec<&CertificateFacts> {
        let mut leaves: Vec<&CertificateFacts> = Vec::new();
        for own in &self.each {
            if !leaves
                .iter()
                .any(|leaf| leaf.fingerprint == own.leaf.fingerprint)
            {
                leaves.push(&own.leaf);
            }
        }
        leaves
    }
}

/// Checks that a load answers, by what its problems are about.
const TOPICS: [(&str, Topic); 12] = [
    ("own-files", Topic::OwnFiles),
    ("own-key", Topic::OwnKey),
    ("own-key-access", Topic::KeyAccess),
    ("own-dates", Topic::OwnDates),
    ("own-purpose", Topic::OwnPurpose),
    ("own-names", Topic::OwnNames),
    ("own-strength", Topic::OwnStrength),
    ("own-chain", Topic::OwnChain),
    ("trust-files", Topic::Trust),
    ("trust-dates", Topic::TrustDates),
    ("crl-files", Topic::Lists),
    ("crl-dates", Topic::ListDates),
];

/// What is to be said of certificates, authorities and lists.
pub(super) fn run(problems: &Problems, own: &Owners) -> Vec<Judged> {
    let problems = problems.as_checked();
    let has_failed = |topic: Topic| {
        let of_topic = problems.iter().filter(|problem| problem.topic == topic);
        of_topic
            .into_iter()
            .any(|problem| problem.severity == Severity::Error)
    };
    let lost_own = has_failed(Topic::OwnFiles) || has_failed(Topic::OwnKey);
    let lost_trust = has_failed(Topic::Trust);
    let has_lists = own.has_lists || has_failed(Topic::Lists);
    let mut judged = Vec::new();
    for (id, topic) in TOPICS {
        if id.starts_with("crl") && !has_lists {
            continue;
        }
        let of_topic = problems.iter().filter(|problem| problem.topic == topic);
        let worth = of_topic.filter(|problem| problem.severity != Severity::Notice);
        let found: Vec<Finding> = worth.map(Finding::from).collect();
        let is_lost = match topic {
            Topic::OwnFiles | Topic::Trust => false,
            Topic::OwnKey => has_failed(Topic::OwnFiles),
            Topic::TrustDates | Topic::Lists | Topic::ListDates => lost_trust,
            Topic::Settings
            | Topic::Timeouts
            | Topic::KeyAccess
            | Topic::OwnDates
            | Topic::OwnPurpose
            | Topic::OwnNames
            | Topic::OwnStrength
            | Topic::OwnChain
            | Topic::ListCoverage => lost_own,
        };
        judged.push(if found.is_empty() && (is_lost || !own.has_roles) {
            Judged::unknown(id)
        } else {
            Judged::all(id, found, evidence(id, own))
        });
    }
    standing(own, has_lists, &mut judged);
    judged
}

/// What our own authorities and lists say of us.
fn standing(own: &Owners, has_lists: bool, judged: &mut Vec<Judged>) {
    let mut revoked = Vec::new();
    let mut uncovered = Vec::new();
    let mut unsent = Vec::new();
    for one in &own.each {
        if let Err(refusal) = &one.judged
            && let Reason::Revocation(of_list) = &refusal.reason
        {
            let finding = Finding::error(refusal.to_string());
            match of_list {
                RevocationRefusal::Revoked { .. } => push_once(&mut revoked, finding),
                RevocationRefusal::ListMissing { .. }
                | RevocationRefusal::ListUnproven { .. }
                | RevocationRefusal::MayNotSignLists { .. } => push_once(&mut uncovered, finding),
                // The check of the lists' dates tells of these.
                RevocationRefusal::ListExpired { .. }
                | RevocationRefusal::ListNotYetValid { .. } => {}
            }
        }
        if let Some(name) = &one.unsent {
            let what = format!(
                "the intermediate authority \"{name}\" is in CA_FILE and is not sent with the \
                 certificate of \"{}\": peers that have its root only cannot follow",
                one.leaf.subject
            );
            push_once(&mut unsent, Finding::warning(what));
        }
    }
    if let Some(chain) = judged.iter_mut().find(|one| one.id == "own-chain")
        && !unsent.is_empty()
    {
        *chain = Judged::all("own-chain", unsent, chain.evidence.clone());
    }
    if !has_lists {
        return;
    }
    for (id, found) in [("own-revoked", revoked), ("crl-coverage", uncovered)] {
        judged.push(if own.each.is_empty() {
            Judged::unknown(id)
        } else {
            Judged::all(id, found, Vec::new())
        });
    }
}

fn push_once(findings: &mut Vec<Finding>, finding: Finding) {
    if !findings.contains(&finding) {
        findings.push(finding);
    }
}

/// What was looked at.
fn evidence(id: &str, own: &Owners) -> Vec<String> {
    let leaves = own.leaves();
    let each = leaves.iter().map(|leaf| match id {
        "own-files" => format!("\"{}\", issued by \"{}\"", leaf.subject, leaf.issuer),
        "own-dates" => format!("{} to {}", leaf.not_before, leaf.not_after),
        "own-names" => leaf.alternative_names_line(),
        "own-strength" => format!("{}, {}", leaf.key, leaf.signature),
        _ => String::new(),
    });
    each.filter(|text| !text.is_empty()).collect()
}
