//! [`judge`]: that no authority leaves `CA_FILE` by oversight while clients of it are at work.
//!
//! Whoever takes an authority out too early shuts out all its clients at once. So this is refused
//! while it is in use, with the names of those clients and with the line that lets it through: in
//! an emergency it has to be through within seconds.

use crate::config::problem::{Place, Problem, Problems};
use crate::config::settings::{ClientAuth, KeyDigest, Retired, ServerTls};
use crate::model::{Clock, SystemName, WallTime};
use crate::tls::Acceptor;
use crate::tls::authority_uses::{AuthorityKey, AuthorityUse, AuthorityUses};

/// What is at stake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Nothing is in force yet, and the authorities are gone already: whoever starts the gateway
    /// wants it to run.
    Start,
    /// There is something that goes on if this is refused.
    Change,
}

/// So many clients are named; the rest is a number.
const MOST_NAMED: usize = 10;

/// Digits of a key in messages and in the line to write.
const KEY_DIGITS: usize = 16;

/// Judges the authorities of a listening role against what they were used for.
pub(super) fn judge(
    tls: &ServerTls,
    system: &SystemName,
    acceptor: &Acceptor,
    uses: &AuthorityUses,
    clock: &Clock,
    stage: Stage,
) -> Problems {
    let now = clock.now();
    let keys: Vec<(String, &str)> = acceptor
        .trust()
        .in_force_at(now)
        .map(|facts| (AuthorityKey(facts.spki).to_string(), facts.subject.as_str()))
        .collect();
    let mut problems = still_believed(tls, &keys);
    // Where nobody is asked for a certificate, nobody is shut out.
    if tls.guard.within.is_zero() || tls.client_auth == ClientAuth::None {
        return problems;
    }
    let within = i64::try_from(tls.guard.within.as_secs()).unwrap_or(i64::MAX);
    let since = WallTime(now.0.saturating_sub(within));
    let dropped: Vec<AuthorityUse> = uses
        .since(since, now, MOST_NAMED)
        .into_iter()
        .filter(|one| {
            let key = one.authority.key.to_string();
            let is_believed = keys.iter().any(|(believed, _)| *believed == key);
            let is_retired = retired(tls).iter().any(|digest| digest.is_of(&key));
            // One that has expired has shut its clients out by itself.
            let has_expired = one.authority.not_after < now;
            one.role == system.as_str() && !is_believed && !is_retired && !has_expired
        })
        .collect();
    let line = line_to_write(tls, &dropped);
    for one in &dropped {
        problems.push(told(tls, one, stage, &line));
    }
    problems
}

/// An authority that was meant to go and has not gone.
fn still_believed(tls: &ServerTls, keys: &[(String, &str)]) -> Problems {
    let mut problems = Problems::new();
    let Some(Retired {
        keys: retired,
        place,
    }) = &tls.guard.retired
    else {
        return problems;
    };
    for digest in retired {
        if let Some((_, name)) = keys.iter().find(|(key, _)| digest.is_of(key)) {
            let what = format!(
                "CA_RETIRED names the authority \"{name}\", which CA_FILE still holds, so its \
                 clients are still let in"
            );
            let hint = "take its certificate out of CA_FILE, or its digest out of CA_RETIRED";
            problems.push(Problem::error(place.clone(), what, hint).value(digest.as_str()));
        }
    }
    problems
}

fn retired(tls: &ServerTls) -> &[KeyDigest] {
    let retired = tls.guard.retired.as_ref();
    retired.map_or(&[], |retired| &retired.keys)
}

/// `CA_RETIRED` with all that it has to hold.
fn line_to_write(tls: &ServerTls, dropped: &[AuthorityUse]) -> String {
    let before = retired(tls).iter().map(|one| one.as_str().to_owned());
    let all: Vec<String> = before.chain(dropped.iter().map(short_key)).collect();
    format!("CA_RETIRED={}", all.join(","))
}

fn short_key(one: &AuthorityUse) -> String {
    let key = one.authority.key.to_string();
    key.get(..KEY_DIGITS).unwrap_or(&key).to_owned()
}

fn told(tls: &ServerTls, one: &AuthorityUse, stage: Stage, line: &str) -> Problem {
    let file = &tls.files.ca;
    let count = one.clients.len().saturating_add(one.more);
    let what = format!(
        "CA_FILE no longer holds the authority \"{}\" (key {}), by which {count} client{} of {} \
         came in within the last {}: {}",
        one.authority.name,
        short_key(one),
        if count == 1 { "" } else { "s" },
        one.role,
        said_hours(tls),
        said_clients(one)
    );
    let place = file.place.clone();
    let retired = tls.guard.retired.as_ref();
    let section = section_of(retired.map_or(&place, |retired| &retired.place));
    let problem = match stage {
        Stage::Change => Problem::error(
            place,
            what,
            format!(
                "put it back until they have certificates of another authority; to shut them out \
                 now, write {line} into {section} and reload"
            ),
        ),
        Stage::Start => Problem::warning(
            place,
            what,
            "they are refused from now on; put it back if that is not meant",
        ),
    };
    problem.value(&file.written)
}

fn section_of(place: &Place) -> String {
    let section = place.section.as_deref().unwrap_or("SSL_SERVER_CLIENT");
    format!("[{section}]")
}

fn said_hours(tls: &ServerTls) -> String {
    let minutes = tls.guard.within.as_secs().div_ceil(60);
    if minutes.is_multiple_of(60) {
        format!("{} h", minutes / 60)
    } else {
        format!("{minutes} min")
    }
}

fn said_clients(one: &AuthorityUse) -> String {
    let mut said: Vec<String> = one
        .clients
        .iter()
        .map(|client| {
            format!(
                "\"{}\" (serial {}, last at {})",
                client.subject, client.serial, client.last
            )
        })
        .collect();
    if one.more > 0 {
        said.push(format!("and {} more", one.more));
    }
    said.join(", ")
}
