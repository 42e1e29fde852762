//! Certificates and revocation lists in use, and what breaks when one of them ends.

use serde::Serialize;

use super::days_left;
use crate::certs::expiry::Validity;
use crate::certs::{CertificateFacts, RevocationLists};
use crate::config::settings::TlsFiles;
use crate::gateway::snapshot::Snapshot;
use crate::model::WallTime;
use crate::tls::{Acceptor, Connector};

/// What a certificate is to the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CertificateUse {
    /// The gateway shows it.
    Own,
    /// An authority whose certificates it believes.
    Authority,
    /// A list of withdrawn certificates.
    RevocationList,
}

/// How it stands between its two dates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CertificateState {
    /// More than 60 days are left.
    Good,
    /// An alarm step has been reached.
    EndsSoon,
    /// It has ended.
    Ended,
    /// It does not hold yet.
    NotYet,
}

/// One certificate or list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CertificateReport {
    /// What it is to the gateway.
    pub kind: CertificateUse,
    /// The SAP system; none for the admin listener.
    pub system: Option<String>,
    /// listeners, towards SAP and the sides, or admin listener.
    pub role: &'static str,
    /// Whom it is about; of a list, its issuer.
    pub subject: String,
    /// Who issued it.
    pub issuer: String,
    /// In hexadecimal; of a list, its number.
    pub serial: String,
    /// DNS names, addresses and so on.
    pub names: String,
    /// SHA-256; none of a list.
    pub fingerprint: Option<String>,
    /// From when it holds.
    pub not_before: String,
    /// Until when it holds.
    pub not_after: String,
    /// Whole days until then.
    pub days_left: Option<i64>,
    /// How it stands.
    pub state: CertificateState,
    /// Whether the next one is configured already.
    pub has_successor: bool,
    /// The key that names the file.
    pub configured_at: String,
    /// The file.
    pub file: String,
    /// What breaks when it ends.
    pub breaks: &'static str,
    /// For sorting.
    #[serde(skip)]
    pub(super) ends_at: Option<WallTime>,
}

/// Whose certificates are looked at.
#[derive(Clone, Copy)]
struct Holder<'a> {
    system: Option<&'a str>,
    role: &'static str,
    files: &'a TlsFiles,
    now: WallTime,
    breaks: [&'static str; 3],
}

const LISTENERS: [&str; 3] = [
    "no caller accepts us any more: SAP shows ICM_HTTP_SSL_PEER_CERT_EXPIRED (ICM 418) for its calls",
    "every client that this authority has issued is refused",
    "clients of this issuer are judged as CRL_EXPIRED says",
];

const TOWARDS: [&str; 3] = [
    "SAP CRM and the sides that ask for a certificate refuse us: events and requests are not delivered",
    "every server that this authority has issued is refused: no event and no request gets there",
    "servers of this issuer are judged as CRL_EXPIRED says",
];

const ADMIN: [&str; 3] = [
    "browsers and monitoring refuse the admin listener",
    "operators whom this authority has issued are refused",
    "operators of this issuer are judged as CRL_EXPIRED says",
];

/// Everything that a generation uses, in the order of the systems.
pub(super) fn of(snapshot: &Snapshot, now: WallTime) -> Vec<CertificateReport> {
    let mut all = Vec::new();
    let admin = (&snapshot.settings.admin.tls, &snapshot.admin);
    if let (Some(tls), Some(acceptor)) = admin {
        let holder = Holder {
            system: None,
            role: "admin listener",
            files: &tls.files,
            now,
            breaks: ADMIN,
        };
        listening(holder, acceptor, &mut all);
    }
    for system in &snapshot.settings.systems {
        let Some(parts) = snapshot.systems.get(&system.name) else {
            continue;
        };
        if let (Some(tls), Some(acceptor)) = (&system.server_tls, parts.acceptors.one()) {
            let holder = Holder {
                system: Some(system.name.as_str()),
                role: "listeners",
                files: &tls.files,
                now,
                breaks: LISTENERS,
            };
            listening(holder, acceptor, &mut all);
        }
        if let (Some(tls), Some(connector)) = (&system.client_tls, &parts.connector) {
            let holder = Holder {
                system: Some(system.name.as_str()),
                role: "towards SAP and the sides",
                files: &tls.files,
                now,
                breaks: TOWARDS,
            };
            dialling(holder, connector, &mut all);
        }
    }
    all
}

fn listening(holder: Holder<'_>, acceptor: &Acceptor, all: &mut Vec<CertificateReport>) {
    let leaves: Vec<_> = acceptor.leaves().map(|(_, leaf)| leaf).collect();
    own(holder, &leaves, all);
    for anchor in acceptor.trust().anchors() {
        all.push(authority(holder, anchor.facts()));
    }
    lists(holder, acceptor.revocation(), all);
}

fn dialling(holder: Holder<'_>, connector: &Connector, all: &mut Vec<CertificateReport>) {
    let leaves: Vec<_> = connector.leaves().map(|(_, leaf)| leaf).collect();
    own(holder, &leaves, all);
    for anchor in connector.trust().anchors() {
        all.push(authority(holder, anchor.facts()));
    }
    lists(holder, connector.revocation(), all);
}

fn own(holder: Holder<'_>, leaves: &[&CertificateFacts], all: &mut Vec<CertificateReport>) {
    let last = leaves.len().saturating_sub(1);
    for (index, leaf) in leaves.iter().enumerate() {
        let [breaks, ..] = holder.breaks;
        let certificate = holder.files.identity.certificate();
        all.push(CertificateReport {
            has_successor: index < last,
            configured_at: certificate.place.to_string(),
            file: certificate.path.display().to_string(),
            breaks,
            ..facts(holder, CertificateUse::Own, leaf)
        });
    }
}

fn authority(holder: Holder<'_>, anchor: &CertificateFacts) -> CertificateReport {
    let [_, breaks, _] = holder.breaks;
    CertificateReport {
        configured_at: holder.files.ca.place.to_string(),
        file: holder.files.ca.path.display().to_string(),
        breaks,
        ..facts(holder, CertificateUse::Authority, anchor)
    }
}

fn facts(holder: Holder<'_>, kind: CertificateUse, facts: &CertificateFacts) -> CertificateReport {
    CertificateReport {
        kind,
        system: holder.system.map(str::to_owned),
        role: holder.role,
        subject: facts.subject.clone(),
        issuer: facts.issuer.clone(),
        serial: facts.serial.clone(),
        names: facts.alternative_names_line(),
        fingerprint: Some(facts.fingerprint.to_string()),
        not_before: facts.not_before.to_string(),
        not_after: facts.not_after.to_string(),
        days_left: Some(days_left(holder.now, facts.not_after)),
        state: state(facts.not_before, facts.not_after, holder.now),
        has_successor: false,
        configured_at: String::new(),
        file: String::new(),
        breaks: "",
        ends_at: Some(facts.not_after),
    }
}

fn lists(holder: Holder<'_>, lists: Option<&RevocationLists>, all: &mut Vec<CertificateReport>) {
    let [.., breaks] = holder.breaks;
    let summaries = lists
        .into_iter()
        .flat_map(|lists| lists.summaries(holder.now));
    for list in summaries {
        let end = list.next_update;
        all.push(CertificateReport {
            kind: CertificateUse::RevocationList,
            system: holder.system.map(str::to_owned),
            role: holder.role,
            subject: list.issuer.clone(),
            issuer: list.issuer,
            serial: list.number.unwrap_or_default(),
            names: format!("{} certificates withdrawn", list.revoked),
            fingerprint: None,
            not_before: list.this_update.to_string(),
            not_after: end.map_or_else(String::new, |end| end.to_string()),
            days_left: end.map(|end| days_left(holder.now, end)),
            state: end.map_or(CertificateState::Good, |end| {
                state(list.this_update, end, holder.now)
            }),
            has_successor: false,
            configured_at: list.place,
            file: list.file,
            breaks,
            ends_at: end,
        });
    }
}

fn state(not_before: WallTime, not_after: WallTime, now: WallTime) -> CertificateState {
    match Validity::judge(not_before, not_after, now) {
        Validity::Good => CertificateState::Good,
        Validity::EndsSoon { .. } => CertificateState::EndsSoon,
        Validity::Expired { .. } => CertificateState::Ended,
        Validity::NotYet => CertificateState::NotYet,
    }
}
