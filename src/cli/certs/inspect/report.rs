//! [`Report`]: what was found, before it is printed.

use serde_json::{Value, json};

use crate::certs::container::{Contents, Der};
use crate::certs::expiry::Validity;
use crate::certs::fitness::{Fitness, Remark, chains, judge};
use crate::certs::inspect::{CertificateFacts, RequestFacts, Uses, is_signed_by};
use crate::certs::path::{Purpose, Question};
use crate::certs::revocation::ListFacts;
use crate::certs::{TrustStore, public_key_digest};
use crate::config::problem::Severity;
use crate::model::{HostPort, WallTime};
use crate::tls::provider::key_provider;

/// One certificate with all that is said of it.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) der: Der,
    pub(super) facts: CertificateFacts,
    pub(super) uses: Uses,
    pub(super) fitness: Fitness,
    /// Whether its private key is at hand as well.
    pub(super) has_key: bool,
}

/// A chain as it is built, the leaf first; places among the certificates.
#[derive(Debug)]
pub(super) struct Chain {
    pub(super) places: Vec<usize>,
    /// The issuer of its last one, where that is not at hand.
    pub(super) goes_on_to: Option<String>,
    /// What comes of it under `--ca`: for each purpose the way, or why there is none.
    pub(super) proofs: Vec<(Purpose, Result<String, String>)>,
    /// Whether it is for the host that was asked for.
    pub(super) host: Option<(String, bool)>,
}

/// What a file or a server holds.
#[derive(Debug)]
pub(super) struct Report {
    /// What was looked at.
    pub(super) shown: String,
    /// In which form it is, or how the server was spoken to.
    pub(super) form: String,
    pub(super) certificates: Vec<Seen>,
    /// Certificates that cannot be read at all.
    pub(super) unread: usize,
    pub(super) chains: Vec<Chain>,
    /// Keys that belong to none of the certificates, in words.
    pub(super) lone_keys: Vec<String>,
    pub(super) requests: Vec<RequestFacts>,
    pub(super) lists: Vec<Result<ListFacts, String>>,
    pub(super) others: Vec<String>,
    /// What a server said, one line each; and whether it refused something.
    pub(super) server: Vec<String>,
    pub(super) server_refuses: bool,
    pub(super) now: WallTime,
}

impl Report {
    /// Looks into what was read.
    pub(super) fn of(
        shown: String,
        contents: &Contents,
        trust: Option<&TrustStore>,
        host: Option<&str>,
        now: WallTime,
    ) -> Self {
        let digests: Vec<Option<[u8; 32]>> = contents
            .keys
            .iter()
            .map(|key| public_key_digest(key, key_provider()))
            .collect();
        let mut report = Self::of_certificates(shown, &contents.certificates, trust, host, now);
        report.form = contents.form.to_string();
        for seen in &mut report.certificates {
            seen.has_key = digests.contains(&Some(seen.facts.spki));
        }
        for digest in digests {
            let is_known = |seen: &Seen| Some(seen.facts.spki) == digest;
            if !report.certificates.iter().any(is_known) {
                report.lone_keys.push(match digest {
                    None => "a private key of a kind that is not supported".to_owned(),
                    Some(digest) => format!(
                        "a private key that belongs to none of the certificates here (SHA-256 of its \
                         public key: {})",
                        crate::model::Fingerprint(digest)
                    ),
                });
            }
        }
        let requests = contents.requests.iter();
        report.requests = requests
            .filter_map(|der| RequestFacts::of(der).ok())
            .collect();
        let lists = contents.lists.iter();
        report.lists = lists
            .map(|der| ListFacts::of(der).map_err(|defect| defect.to_string()))
            .collect();
        report.others.clone_from(&contents.others);
        report
    }

    /// The same of certificates alone, in the order in which a server sent them.
    pub(super) fn of_certificates(
        shown: String,
        ders: &[Der],
        trust: Option<&TrustStore>,
        host: Option<&str>,
        now: WallTime,
    ) -> Self {
        let certificates: Vec<Seen> = ders.iter().filter_map(|der| seen(der, now)).collect();
        let readable: Vec<Der> = certificates.iter().map(|seen| seen.der.clone()).collect();
        let chains = chains(&readable, now);
        let chains = chains
            .into_iter()
            .map(|places| chain(places, &certificates, trust, host, now));
        Self {
            shown,
            form: String::new(),
            unread: ders.len().saturating_sub(certificates.len()),
            chains: chains.collect(),
            certificates,
            lone_keys: Vec::new(),
            requests: Vec::new(),
            lists: Vec::new(),
            others: Vec::new(),
            server: Vec::new(),
            server_refuses: false,
            now,
        }
    }

    /// Whether somebody refuses something of it.
    pub(super) fn is_refused(&self) -> bool {
        let is_unproven = |chain: &Chain| {
            // A chain need not be good for both, but for one of the two.
            let is_lost =
                !chain.proofs.is_empty() && chain.proofs.iter().all(|(_, way)| way.is_err());
            is_lost || chain.host.as_ref().is_some_and(|(_, is_for)| !is_for)
        };
        let is_old = |list: &Result<ListFacts, String>| match list {
            Ok(facts) => facts.next_update.is_some_and(|end| end < self.now),
            Err(_) => true,
        };
        self.certificates
            .iter()
            .any(|seen| seen.fitness.is_refused())
            || self.chains.iter().any(is_unproven)
            || self.lists.iter().any(is_old)
            || self.requests.iter().any(|facts| !facts.signature_holds)
            || self.unread > 0
            || self.server_refuses
    }

    /// The same for programs.
    pub(super) fn as_json(&self) -> Value {
        let certificates = self
            .certificates
            .iter()
            .map(|seen| certificate_json(seen, self.now));
        let chains = self.chains.iter().map(|chain| {
            let proofs = chain.proofs.iter().map(|(purpose, way)| {
                json!({
                    "as": purpose.words(),
                    "accepted": way.is_ok(),
                    "why": match way { Ok(way) | Err(way) => way },
                })
            });
            json!({
                "certificates": chain.places,
                "goes_on_to": chain.goes_on_to,
                "proofs": proofs.collect::<Vec<_>>(),
                "host": chain.host.as_ref().map(|(host, is_for)| json!({"name": host, "matches": is_for})),
            })
        });
        let requests = self.requests.iter().map(|facts| {
            let names = facts.alternative_names.iter().map(ToString::to_string);
            json!({
                "subject": facts.subject,
                "names": names.collect::<Vec<_>>(),
                "key": facts.key.to_string(),
                "purposes": facts.uses.purposes,
                "signature_holds": facts.signature_holds,
            })
        });
        let lists = self.lists.iter().map(|list| match list {
            Ok(facts) => json!({
                "issuer": facts.issuer,
                "this_update": facts.this_update.to_string(),
                "next_update": facts.next_update.map(|end| end.to_string()),
                "days_left": facts.next_update.map(|end| self.now.days_until(end)),
                "revoked": facts.revoked,
            }),
            Err(defect) => json!({"defect": defect}),
        });
        json!({
            "what": self.shown,
            "form": self.form,
            "refused": self.is_refused(),
            "certificates": certificates.collect::<Vec<_>>(),
            "unreadable_certificates": self.unread,
            "chains": chains.collect::<Vec<_>>(),
            "keys_without_certificate": self.lone_keys,
            "requests": requests.collect::<Vec<_>>(),
            "lists": lists.collect::<Vec<_>>(),
            "others": self.others,
            "server": self.server,
        })
    }
}

fn seen(der: &Der, now: WallTime) -> Option<Seen> {
    let facts = CertificateFacts::of(der).ok()?;
    Some(Seen {
        uses: Uses::of(der).unwrap_or_default(),
        fitness: judge(der, &facts, now),
        der: der.clone(),
        facts,
        has_key: false,
    })
}

fn chain(
    places: Vec<usize>,
    all: &[Seen],
    trust: Option<&TrustStore>,
    host: Option<&str>,
    now: WallTime,
) -> Chain {
    let own: Vec<&Seen> = places.iter().filter_map(|place| all.get(*place)).collect();
    let last = own.last();
    let goes_on_to = last
        .filter(|last| !last.facts.is_root())
        .map(|last| last.facts.issuer.clone());
    let leaf = own.first().filter(|leaf| leaf.facts.ca != Some(true));
    let others: Vec<Der> = own.iter().skip(1).map(|seen| seen.der.clone()).collect();
    let proofs = match (trust, leaf) {
        (Some(trust), Some(leaf)) => [Purpose::Server, Purpose::Client]
            .into_iter()
            .map(|purpose| (purpose, proof(leaf, &others, trust, purpose, now)))
            .collect(),
        _ => Vec::new(),
    };
    let host = host.zip(leaf).map(|(host, leaf)| {
        let is_for =
            HostPort::new(host, 443).is_ok_and(|host| crate::tls::is_for_host(&leaf.der, &host));
        (host.to_owned(), is_for)
    });
    Chain {
        places,
        goes_on_to,
        proofs,
        host,
    }
}

/// The way to an authority, as the daemon finds it with this file as `CA_FILE`.
fn proof(
    leaf: &Seen,
    others: &[Der],
    trust: &TrustStore,
    purpose: Purpose,
    now: WallTime,
) -> Result<String, String> {
    let question = Question {
        anchors: trust.authorities(),
        purpose,
        by_common_name: false,
        revocation: None,
        now,
    };
    let proven = question
        .prove(&leaf.der, others)
        .map_err(|refusal| refusal.to_string())?;
    let anchor = CertificateFacts::of(proven.anchor.der());
    let anchor = anchor.map_or_else(|_unread| String::new(), |facts| facts.subject);
    Ok(format!("leads to \"{anchor}\" until {}", proven.until))
}

fn certificate_json(seen: &Seen, now: WallTime) -> Value {
    let facts = &seen.facts;
    let names = facts.alternative_names.iter().map(ToString::to_string);
    json!({
        "subject": facts.subject,
        "common_name": facts.common_name(),
        "names": names.collect::<Vec<_>>(),
        "issuer": facts.issuer,
        "serial": facts.serial,
        "sha256": facts.fingerprint.to_string(),
        "key": facts.key.to_string(),
        "key_sha256": crate::model::Fingerprint(facts.spki).to_string(),
        "has_private_key": seen.has_key,
        "signature": facts.signature,
        "version": facts.version,
        "authority": facts.ca,
        "root": facts.is_root(),
        "key_usage": seen.uses.key_usage,
        "purposes": seen.uses.purposes,
        "not_before": facts.not_before.to_string(),
        "not_after": facts.not_after.to_string(),
        "days_left": now.days_until(facts.not_after),
        "valid": Validity::judge(facts.not_before, facts.not_after, now).is_valid(),
        "crmgate": remarks_json(&seen.fitness.crmgate),
        "sap": remarks_json(&seen.fitness.sap),
    })
}

fn remarks_json(remarks: &[Remark]) -> Value {
    let each = remarks.iter().map(|remark| {
        json!({
            "severity": remark.severity.to_string(),
            "what": remark.what,
            "hint": remark.hint,
        })
    });
    each.collect()
}

/// Whether the key of one made the signature of the other, for what is printed.
pub(super) fn is_proven(child: &Seen, issuer: &Seen) -> bool {
    is_signed_by(&child.der, &issuer.der)
}

/// What counts most among remarks.
pub(super) fn worst(remarks: &[Remark]) -> Option<Severity> {
    remarks.iter().map(|remark| remark.severity).max()
}
