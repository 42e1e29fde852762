//! `AllowClient<n>` and `DenyClient<n>`, which `[Requests]` and `[Events]` share.

use crate::config::problem::{Place, Problem};
use crate::config::reader::Reader;
use crate::config::settings::{ClientRule, ClientRules, Term};

/// A rule as it is written, for what files say of each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WrittenRule {
    pub(super) key: String,
    pub(super) value: String,
    pub(super) place: Place,
}

/// The rules of a section, and the first one as it is written.
pub(super) fn read(reader: &mut Reader<'_>) -> (ClientRules, Option<WrittenRule>) {
    let allow = rules(reader, "AllowClient1");
    let deny = rules(reader, "DenyClient1");
    let first = allow.iter().chain(&deny).next().map(|rule| WrittenRule {
        key: rule.key.clone(),
        value: reader.written(&rule.key).to_owned(),
        place: reader.place(&rule.key),
    });
    let rules = ClientRules { allow, deny };
    warn_of_names(reader, &rules);
    warn_of_shadows(reader, &rules);
    (rules, first)
}

/// The rules of a numbered key.
pub(super) fn rules(reader: &mut Reader<'_>, first: &str) -> Vec<ClientRule> {
    let mut rules = Vec::new();
    for key in reader.numbered(first) {
        if let Some(terms) = reader.get(&key) {
            rules.push(ClientRule { key, terms });
        }
    }
    rules
}

/// A name the wrong way round matches nobody, and nobody would notice.
fn warn_of_names(reader: &mut Reader<'_>, rules: &ClientRules) {
    let reversed = |term: &Term| match term {
        Term::Subject(name) | Term::Issuer(name) => name.seems_reversed(),
        Term::CommonName(_)
        | Term::Dns(_)
        | Term::Uri(_)
        | Term::Ip(_)
        | Term::Email(_)
        | Term::Serial(_)
        | Term::Certificate(_)
        | Term::Key(_)
        | Term::Policy(_) => false,
    };
    for rule in rules.allow.iter().chain(&rules.deny) {
        if rule.terms.iter().any(reversed) {
            let what = format!("{} has a name that begins with the country", rule.key);
            let hint = "write the common name first and the country last, unless the certificate \
                        itself has them the other way round";
            warn(reader, rule, what, hint);
        }
    }
}

/// Rules that change nothing, because another one is about the same clients or more.
fn warn_of_shadows(reader: &mut Reader<'_>, rules: &ClientRules) {
    for list in [&rules.allow, &rules.deny] {
        for (index, rule) in list.iter().enumerate() {
            let before = list.get(..index).unwrap_or_default();
            let same = |other: &&ClientRule| other.canonical() == rule.canonical();
            if let Some(first) = before.iter().find(same) {
                let what = format!("{} says the same as {}", rule.key, first.key);
                warn(reader, rule, what, "remove one of the two lines");
            }
        }
    }
    for rule in &rules.allow {
        if let Some(deny) = rules.deny.iter().find(|deny| deny.covers(rule)) {
            let what = format!(
                "{} has no effect: {} denies every client that it is about",
                rule.key, deny.key
            );
            let hint = "remove it, or make the rule that denies narrower";
            warn(reader, rule, what, hint);
        }
    }
}

fn warn(reader: &mut Reader<'_>, rule: &ClientRule, what: String, hint: &str) {
    let (place, value) = (reader.place(&rule.key), reader.written(&rule.key));
    reader.report(Problem::warning(place, what, hint).value(value));
}
