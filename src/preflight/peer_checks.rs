//! What calling somebody has shown, check by check.

use std::time::Duration;

use crate::certs::expiry::Validity;
use crate::http::NoGlance;
use crate::model::WallTime;
use crate::net::DialError;
use crate::preflight::answer_checks;
use crate::preflight::handshake_checks::Case;
use crate::preflight::own_checks::Owners;
use crate::preflight::peers::{Peer, Speech};
use crate::preflight::verdict::{Finding, Judged};
use crate::preflight::walk::{Hand, SeenPeer, Way};
use crate::tls::HandshakeFailure;
use crate::tls::policy::version_name;

/// What is to be said of one peer.
pub(super) fn run(seen: &SeenPeer, own: &Owners, now: WallTime) -> Vec<Judged> {
    let SeenPeer { peer, way, direct } = seen;
    let mut judged = reached(peer, way);
    match &peer.speech {
        Speech::Unread => return judged,
        Speech::Plain => {
            let speaks = match &way.answer {
                Some(Err(NoGlance::Tls)) => Judged::found("peer-tls", tls_unasked()),
                Some(_) => Judged::good("peer-tls", "plain HTTP, as is configured"),
                None => Judged::unknown("peer-tls"),
            };
            judged.push(speaks);
        }
        Speech::NoTls(why) => judged.extend(untried(why)),
        Speech::Tls(_) => {
            let case = way.hand.as_ref().and_then(|hand| hand.as_ref().err());
            let case = case.map(|failure| Case {
                failure,
                peer,
                way,
                direct: direct.as_ref(),
                own,
            });
            judged.extend(handshake(way, case.as_ref(), now));
            if peer.via.is_some() && !judged.iter().any(|one| one.id == "proxy-route") {
                judged.push(route(way, direct.as_ref()));
            }
        }
    }
    judged.extend(answer_checks::run(peer, way));
    judged
}

/// TCP.
fn reached(peer: &Peer, way: &Way) -> Vec<Judged> {
    let to = peer.via.as_ref().unwrap_or(&peer.target);
    let proxy = peer.via.as_ref().map_or("", |_| "PROXY: ");
    match &way.dialled {
        None => vec![Judged::unknown("peer-dns"), Judged::unknown("peer-port")],
        Some(Ok(dialled)) => vec![
            Judged::good("peer-dns", dialled.address.ip().to_string()),
            Judged::good(
                "peer-port",
                format!("{} in {}", dialled.address, in_ms(dialled.took)),
            ),
        ],
        Some(Err(error @ DialError::Unresolved { .. })) => {
            let finding = Finding::error(format!("{proxy}{error}")).here(error.hint());
            vec![
                Judged::found("peer-dns", finding),
                Judged::unknown("peer-port"),
            ]
        }
        Some(Err(error)) => {
            let finding = Finding::error(format!("{proxy}{error}")).here(error.hint());
            vec![
                Judged::good("peer-dns", to.host()),
                Judged::found("peer-port", finding),
            ]
        }
    }
}

pub(super) fn in_ms(took: Duration) -> String {
    format!("{} ms", took.as_millis())
}

fn tls_unasked() -> Finding {
    let what = "the port speaks TLS, and http:// stands in front of it";
    let here = "https:// in place of http://, with SSL in TpiDllParameter where it is SAP CRM";
    Finding::error(what).here(here)
}

/// TLS could not be tried for a reason of ours, which another check has told.
fn untried(why: &str) -> Vec<Judged> {
    let each = OF_TLS.iter().map(|id| Judged::unknown(id).and(why));
    each.collect()
}

/// What a handshake shows, in the order in which it does.
const OF_TLS: [&str; 14] = [
    "peer-tls",
    "peer-tls-version",
    "peer-suite",
    "peer-inspection",
    "peer-chain",
    "peer-trust",
    "peer-dates",
    "peer-purpose",
    "peer-strength",
    "peer-revocation",
    "peer-name",
    "peer-accepts-us",
    "peer-asks-us",
    "peer-ca-hints",
];

/// The first checks that are settled once a server shows a certificate.
const SETTLED_BY_CERTIFICATE: [&str; 3] = ["peer-tls", "peer-tls-version", "peer-suite"];

/// TLS.
fn handshake(way: &Way, case: Option<&Case<'_>>, now: WallTime) -> Vec<Judged> {
    if let Some(case) = case {
        return failed(way, case);
    }
    let Some(Ok(hand)) = &way.hand else {
        return OF_TLS.map(Judged::unknown).to_vec();
    };
    // With TLS 1.3 the server judges our certificate behind the handshake.
    let refused = match &way.answer {
        Some(Err(NoGlance::Refused(refused))) => Some(&**refused),
        _ => None,
    };
    let each = OF_TLS
        .into_iter()
        .map(|id| passed(id, way, hand, refused, now));
    each.flatten().collect()
}

fn failed(way: &Way, case: &Case<'_>) -> Vec<Judged> {
    let (blamed, finding) = case.finding();
    let has_certificate = way
        .shown
        .as_ref()
        .is_some_and(|shown| !shown.certificates().is_empty());
    let at = OF_TLS.iter().position(|id| *id == blamed);
    let each = OF_TLS.iter().enumerate().filter(|(_, id)| **id != blamed);
    let each = each.map(|(place, id)| {
        let is_before = at.is_some_and(|at| place < at);
        let is_settled = SETTLED_BY_CERTIFICATE.contains(id) && (has_certificate || is_before);
        if is_settled {
            Judged::all(id, Vec::new(), Vec::new())
        } else {
            Judged::unknown(id)
        }
    });
    let mut judged: Vec<Judged> = each.collect();
    let mut found = Judged::found(blamed, finding);
    if let Some(facts) = case.failure.certificate() {
        found = found.and(format!("SHA-256 of what was shown: {}", facts.fingerprint));
    }
    judged.push(found);
    judged
}

/// A check behind a good handshake.
fn passed(
    id: &'static str,
    way: &Way,
    hand: &Hand,
    refused: Option<&HandshakeFailure>,
    now: WallTime,
) -> Option<Judged> {
    let shown = way.shown.as_ref();
    let certificates = shown
        .map(crate::tls::Shown::certificates)
        .unwrap_or_default();
    let leaf = certificates.first();
    Some(match id {
        "peer-tls" => Judged::good(id, format!("handshake in {}", in_ms(hand.took))),
        "peer-tls-version" => Judged::good(id, version_name(hand.version)),
        "peer-suite" => Judged::good(id, hand.suite),
        "peer-chain" => Judged::good(id, format!("{} certificate(s) sent", certificates.len())),
        "peer-trust" => Judged::good(
            id,
            leaf.map_or_else(String::new, |leaf| leaf.issuer.clone()),
        ),
        "peer-name" => {
            let name = leaf.map_or_else(String::new, |leaf| {
                format!("\"{}\", {}", leaf.subject, leaf.alternative_names_line())
            });
            Judged::good(id, name)
        }
        "peer-dates" => dates(&certificates, now),
        "peer-accepts-us" => match refused {
            Some(refused) => {
                let there = "STRUST, SSL server Standard: add the root of the gateway's certificate \
                             to the certificate list, save, restart ICM in SMICM";
                let seen = refused.seen_in_sap();
                let seen = seen.map_or_else(String::new, |seen| format!("; dev_icm shows {seen}"));
                let finding = Finding::error(refused.to_string()).here(refused.hint());
                Judged::found(id, finding.there(format!("{there}{seen}")))
            }
            None => Judged::all(id, Vec::new(), Vec::new()),
        },
        "peer-asks-us" => match (shown.and_then(|shown| shown.asked()), refused) {
            (_, Some(_)) => Judged::unknown(id),
            (None, None) => {
                let what = "the server did not ask for a certificate in the handshake";
                Judged::found(id, Finding::warning(what))
            }
            (Some(_), None) => Judged::all(id, Vec::new(), Vec::new()),
        },
        "peer-ca-hints" => match (shown.and_then(|shown| shown.asked()), refused) {
            (None, _) => return None,
            (_, Some(_)) => Judged::unknown(id),
            (Some(asked), None) if asked.names_ours => Judged::good(id, named(&asked.authorities)),
            (Some(asked), None) => {
                let what = format!(
                    "the server names {} and none that issued our certificate, and accepts it all \
                     the same",
                    named(&asked.authorities)
                );
                Judged::found(id, Finding::warning(what))
            }
        },
        _ => Judged::all(id, Vec::new(), Vec::new()),
    })
}

/// A list of authorities, not too long.
fn named(authorities: &[String]) -> String {
    const MOST: usize = 3;
    let shown: Vec<String> = authorities
        .iter()
        .take(MOST)
        .map(|name| format!("\"{name}\""))
        .collect();
    match authorities.len().checked_sub(MOST) {
        _ if authorities.is_empty() => "no authority, so it takes any".to_owned(),
        Some(more @ 1..) => format!("{} and {more} more", shown.join(", ")),
        _ => shown.join(", "),
    }
}

fn dates(certificates: &[crate::certs::CertificateFacts], now: WallTime) -> Judged {
    let mut found = Vec::new();
    let mut evidence = Vec::new();
    for facts in certificates {
        let (from, to) = (facts.not_before, facts.not_after);
        evidence.push(format!("{from} to {to}"));
        let validity = Validity::judge(from, to, now);
        if matches!(validity, Validity::EndsSoon { .. }) {
            let what = format!("the certificate of \"{}\" {validity} ({to})", facts.subject);
            found.push(Finding::warning(what));
        }
    }
    Judged::all("peer-dates", found, evidence)
}

/// The way through PROXY, where the handshake says nothing against it.
fn route(way: &Way, direct: Option<&Way>) -> Judged {
    let id = "proxy-route";
    let leaf = |way: &Way| way.shown.as_ref()?.certificates().into_iter().next();
    if way.dialled.as_ref().is_none_or(Result::is_err) {
        return Judged::unknown(id);
    }
    match (leaf(way), direct.and_then(leaf)) {
        (None, _) => Judged::all(id, Vec::new(), Vec::new()),
        (Some(_), None) => Judged::good(
            id,
            "not reachable directly from here, which is in order behind a PROXY",
        ),
        (Some(here), Some(there)) if here.fingerprint == there.fingerprint => {
            Judged::good(id, "the same certificate as directly")
        }
        (Some(here), Some(there)) => Judged::good(
            id,
            format!(
                "another certificate than directly: serial {} and {}; there may be several servers",
                here.serial, there.serial
            ),
        ),
    }
}
