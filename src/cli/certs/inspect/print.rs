//! What was found, for people.

use super::report::{Chain, Report, Seen, is_proven, worst};
use crate::certs::expiry::Validity;
use crate::certs::fitness::Remark;
use crate::cli::output::say;
use crate::config::problem::Severity;
use crate::model::WallTime;

/// Prints a report.
pub(super) fn print(report: &Report, chain_only: bool) {
    say(format_args!("{}: {}", report.shown, headline(report)));
    for line in &report.server {
        say(format_args!("  {line}"));
    }
    if !chain_only {
        for (at, seen) in report.certificates.iter().enumerate() {
            certificate(at.saturating_add(1), seen, report.now);
        }
    }
    if report.unread > 0 {
        say(format_args!(
            "  {} certificate(s) cannot be read at all, and nobody accepts them",
            report.unread
        ));
    }
    for chain in &report.chains {
        chains(chain, report);
    }
    if chain_only {
        return;
    }
    for key in &report.lone_keys {
        say(format_args!("  {key}"));
    }
    for facts in &report.requests {
        let names = facts.alternative_names.iter().map(ToString::to_string);
        let names: Vec<String> = names.collect();
        say(format_args!("  request  {}", facts.subject));
        say(format_args!(
            "    names       {}",
            or_none(&names.join(", "))
        ));
        say(format_args!("    key         {}", facts.key));
        say(format_args!(
            "    asks for    {}",
            facts.uses.purposes_line()
        ));
        say(if facts.signature_holds {
            "    signature   by that key"
        } else {
            "    signature   does NOT hold: no authority signs it"
        });
    }
    for list in &report.lists {
        match list {
            Ok(facts) => {
                let end = facts.next_update;
                let until = end.map_or_else(
                    || "without an end".to_owned(),
                    |end| format!("until {end}, {} days left", report.now.days_until(end)),
                );
                say(format_args!("  revocation list of \"{}\"", facts.issuer));
                say(format_args!(
                    "    from {} {until}; it revokes {} certificate(s)",
                    facts.this_update, facts.revoked
                ));
            }
            Err(defect) => say(format_args!("  a revocation list that {defect}")),
        }
    }
    for other in &report.others {
        say(format_args!("  besides, the file {other}"));
    }
}

fn headline(report: &Report) -> String {
    let counted = |count: usize, one: &str| {
        let plural = if count == 1 { "" } else { "s" };
        (count > 0).then(|| format!("{count} {one}{plural}"))
    };
    let keys = report
        .certificates
        .iter()
        .filter(|seen| seen.has_key)
        .count();
    let counts = [
        counted(report.certificates.len(), "certificate"),
        counted(keys.saturating_add(report.lone_keys.len()), "private key"),
        counted(report.requests.len(), "request"),
        counted(report.lists.len(), "revocation list"),
    ];
    let counts: Vec<String> = counts.into_iter().flatten().collect();
    format!("{}, {}", report.form, counts.join(", "))
}

fn or_none(text: &str) -> &str {
    if text.is_empty() { "none" } else { text }
}

fn certificate(number: usize, seen: &Seen, now: WallTime) {
    let facts = &seen.facts;
    let kind = match (facts.ca, facts.is_root()) {
        (Some(true), true) => "root of an authority",
        (Some(true), false) => "authority below another",
        (_, true) if facts.version == 1 => "root of version 1",
        (_, true) => "self-signed certificate",
        (_, false) => "certificate",
    };
    let validity = Validity::judge(facts.not_before, facts.not_after, now);
    let left = now.days_until(facts.not_after);
    say(format_args!("  {number}  {kind}: {}", facts.subject));
    let rows = [
        ("names", or_none(&facts.alternative_names_line()).to_owned()),
        (
            "common name",
            or_none(facts.common_name().unwrap_or_default()).to_owned(),
        ),
        ("issuer", facts.issuer.clone()),
        (
            "valid",
            format!(
                "{} to {}: it {validity}, {left} days left",
                facts.not_before, facts.not_after
            ),
        ),
        ("purposes", seen.uses.purposes_line()),
        ("key usage", seen.uses.key_usage_line()),
        (
            "key",
            format!(
                "{}{}",
                facts.key,
                if seen.has_key {
                    ", its private key is here too"
                } else {
                    ""
                }
            ),
        ),
        ("signature", facts.signature.clone()),
        ("serial", facts.serial.clone()),
        ("sha256", facts.fingerprint.to_string()),
    ];
    for (title, value) in rows {
        say(format_args!("    {title:<12}{value}"));
    }
    opinion("crmgate", &seen.fitness.crmgate);
    opinion("SAP", &seen.fitness.sap);
}

fn opinion(who: &str, remarks: &[Remark]) {
    let verdict = match worst(remarks) {
        Some(Severity::Error) => "refuses it",
        Some(Severity::Warning) => "accepts it, but",
        Some(Severity::Notice) => "accepts it; to know",
        None => "accepts it",
    };
    say(format_args!("    {who:<12}{verdict}"));
    for remark in remarks {
        say(format_args!("      {}: {}", remark.severity, remark.what));
        say(format_args!("        {}", remark.hint));
    }
}

fn chains(chain: &Chain, report: &Report) {
    let own: Vec<(usize, &Seen)> = chain
        .places
        .iter()
        .filter_map(|place| Some((place.saturating_add(1), report.certificates.get(*place)?)))
        .collect();
    let mut words: Vec<String> = Vec::new();
    let mut below: Option<&Seen> = None;
    for (number, seen) in own {
        let name = seen
            .facts
            .common_name()
            .map_or_else(|| seen.facts.subject.clone(), str::to_owned);
        let doubt = match below {
            Some(child) if !is_proven(child, seen) => " (did NOT sign the one before)",
            _ => "",
        };
        words.push(format!("{number} \"{name}\"{doubt}"));
        below = Some(seen);
    }
    if let Some(issuer) = &chain.goes_on_to {
        words.push(format!("\"{issuer}\", which is not here"));
    }
    say(format_args!("  chain  {}", words.join(" <- ")));
    for (purpose, way) in &chain.proofs {
        let purpose = purpose.words();
        match way {
            Ok(way) => say(format_args!("    as a {purpose}: accepted, {way}")),
            Err(why) => say(format_args!("    as a {purpose}: REFUSED, {why}")),
        }
    }
    if let Some((host, is_for)) = &chain.host {
        let word = if *is_for { "is" } else { "is NOT" };
        say(format_args!("    it {word} for the host \"{host}\""));
    }
}
