//! [`judge`]: that no authority leaves `CA_FILE` by oversight while clients of it are at work.
//!
//! Whoever takes an authority out too early shuts out all its clients at once. So this is refused
//! while it is in use, with the names of those clients and with the line that lets it through: in
//! an emergency it has to be through within seconds. A client whose chain, as it showed it last,
//! leads to an authority that stays is not shut out, as when an issuing authority leaves the file
//! and its root stays.

use crate::config::problem::{Place, Problem, Problems};
use crate::config::settings::{ClientAuth, KeyDigest, Retired, ServerTls};
use crate::model::{Clock, SystemName, WallTime};
use crate::tls::Acceptor;
use crate::tls::authority_uses::{Authority, AuthorityKey, AuthorityUse, AuthorityUses, Client};

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
    let dropped: Vec<Dropped> = uses
        .since(since, now, usize::MAX)
        .into_iter()
        .filter(|one| {
            let key = one.authority.key.to_string();
            let is_believed = keys.iter().any(|(believed, _)| *believed == key);
            let is_retired = retired(tls).iter().any(|digest| digest.is_of(&key));
            // One that has expired has shut its clients out by itself.
            let has_expired = one.authority.not_after < now;
            one.role == system.as_str() && !is_believed && !is_retired && !has_expired
        })
        .filter_map(|one| Dropped::of(one, acceptor))
        .collect();
    let line = line_to_write(tls, &dropped);
    for one in &dropped {
        problems.push(told(tls, one, stage, &line));
    }
    problems
}

/// An authority that is missing, and whom it is missing to.
struct Dropped {
    role: String,
    authority: Authority,
    /// Clients that are shut out by it.
    shut_out: Vec<Client>,
    /// How many more there are of whom no chain is known.
    unknown: usize,
}

impl Dropped {
    /// `None` if nobody misses it.
    fn of(one: AuthorityUse, acceptor: &Acceptor) -> Option<Self> {
        let clients = one.clients.into_iter();
        let (known, unknown): (Vec<_>, Vec<_>) = clients.partition(|one| one.chain.is_known());
        let is_shut_out = |client: &Client| acceptor.vouching(&client.chain).is_none();
        let dropped = Self {
            role: one.role,
            authority: one.authority,
            shut_out: known.into_iter().filter(is_shut_out).collect(),
            unknown: one.more.saturating_add(unknown.len()),
        };
        (dropped.unknown > 0 || !dropped.shut_out.is_empty()).then_some(dropped)
    }
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
fn line_to_write(tls: &ServerTls, dropped: &[Dropped]) -> String {
    let before = retired(tls).iter().map(|one| one.as_str().to_owned());
    let all: Vec<String> = before.chain(dropped.iter().map(short_key)).collect();
    format!("CA_RETIRED={}", all.join(","))
}

fn short_key(one: &Dropped) -> String {
    let key = one.authority.key.to_string();
    key.get(..KEY_DIGITS).unwrap_or(&key).to_owned()
}

fn told(tls: &ServerTls, one: &Dropped, stage: Stage, line: &str) -> Problem {
    let file = &tls.files.ca;
    let what = format!(
        "CA_FILE no longer holds the authority \"{}\" (key {}), by which {}",
        one.authority.name,
        short_key(one),
        said_clients(tls, one)
    );
    let place = file.place.clone();
    let retired = tls.guard.retired.as_ref();
    let section = section_of(retired.map_or(&place, |retired| &retired.place));
    let problem = match stage {
        Stage::Change if one.shut_out.is_empty() => Problem::error(
            place,
            what,
            format!(
                "put it back; if you know that all of them show a chain up to an authority that \
                 stays, or to shut them out now, write {line} into {section} and reload"
            ),
        ),
        Stage::Change => Problem::error(
            place,
            what,
            format!(
                "put it back until they have certificates of another authority; to shut them out \
                 now, write {line} into {section} and reload"
            ),
        ),
        Stage::Start if one.shut_out.is_empty() => Problem::warning(
            place,
            what,
            "whoever of them shows no chain up to an authority that stays is refused from now on; \
             put it back if that is not meant",
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

/// Who came in by an authority and is shut out without it, as far as that is known.
fn said_clients(tls: &ServerTls, one: &Dropped) -> String {
    let (count, hours) = (one.shut_out.len(), said_hours(tls));
    let clients = |count: usize| match count {
        1 => format!("1 client of {} came in within the last {hours}", one.role),
        _ => format!(
            "{count} clients of {} came in within the last {hours}",
            one.role
        ),
    };
    if count == 0 {
        return format!(
            "{} of whom no chain is remembered, so it is not known whether an authority that \
             stays vouches for them",
            clients(one.unknown)
        );
    }
    let mut said: Vec<String> = one
        .shut_out
        .iter()
        .take(MOST_NAMED)
        .map(|client| {
            format!(
                "\"{}\" (serial {}, last at {})",
                client.subject, client.serial, client.last
            )
        })
        .collect();
    if count > MOST_NAMED {
        said.push(format!("and {} more", count.saturating_sub(MOST_NAMED)));
    }
    if one.unknown > 0 {
        let unknown = one.unknown;
        said.push(format!(
            "and {unknown} more of whom it is not known whether one vouches"
        ));
    }
    format!(
        "{} for whom no authority that stays vouches: {}",
        clients(count),
        said.join(", ")
    )
}
