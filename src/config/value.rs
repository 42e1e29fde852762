//! Values as text: pure readers, and how a limit is said in a message.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

#[cfg(test)]
use crate::config::keys::Kind;
use crate::config::rule::{self, RuleError};
use crate::config::settings::{
    ExpiredLists, KeyDigest, ResponderUrl, Term, TimeOfDay, TlsVersion, WebhookUrl,
};
use crate::model::{
    Endpoint, EndpointError, HostPort, ListenAddr, SampleRatio, Scheme, Secret, WallTime,
};

/// Why a value is not accepted. The message continues the key's name: "`Fall` is out of range".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum ValueError {
    /// Nothing behind the equals sign, where something is needed.
    #[error("has no value")]
    Empty,
    /// Not of the kind that the key takes.
    #[error("has a value that is not understood")]
    NotUnderstood,
    /// Of the right kind and too small or too great.
    #[error("is out of range")]
    OutOfRange,
    /// An address that is none.
    #[error("is not an address: {0}")]
    Address(#[from] EndpointError),
    /// An address that is written twice.
    #[error("names \"{0}\" twice")]
    Twice(String),
    /// A rule that is none.
    #[error(transparent)]
    Rule(#[from] RuleError),
}

type Parsed<T> = Result<T, ValueError>;

/// `yes`, `no`, and the other words that ini files use for them.
pub(super) fn switch(text: &str) -> Parsed<bool> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "true" | "on" | "1" => Ok(true),
        "no" | "false" | "off" | "0" => Ok(false),
        _ => Err(ValueError::NotUnderstood),
    }
}

/// A number with `ms`, `s`, `m` or `h`; alone it means seconds.
pub(super) fn duration(text: &str, min: Duration, max: Duration) -> Parsed<Duration> {
    let (number, unit) = number_and_unit(text)?;
    let value = match unit.to_ascii_lowercase().as_str() {
        "ms" => Some(Duration::from_millis(number)),
        "" | "s" => Some(Duration::from_secs(number)),
        "m" => number.checked_mul(60).map(Duration::from_secs),
        "h" => number.checked_mul(3600).map(Duration::from_secs),
        _ => return Err(ValueError::NotUnderstood),
    };
    within(value, min, max)
}

/// `refuse`, `ignore`, or `grace` with a duration.
pub(super) fn expired(text: &str, min: Duration, max: Duration) -> Parsed<ExpiredLists> {
    let (word, rest) = match text.split_once(char::is_whitespace) {
        Some((word, rest)) => (word, Some(rest.trim())),
        None => (text, None),
    };
    match (word.to_ascii_lowercase().as_str(), rest) {
        ("refuse", None) => Ok(ExpiredLists::Refuse),
        ("ignore", None) => Ok(ExpiredLists::Ignore),
        ("grace", Some(rest)) => Ok(ExpiredLists::Grace(duration(rest, min, max)?)),
        _ => Err(ValueError::NotUnderstood),
    }
}

/// A number of bytes, or a number with `KiB`, `MiB` or `GiB`.
pub(super) fn size(text: &str, min: u64, max: u64) -> Parsed<u64> {
    let (number, unit) = number_and_unit(text)?;
    let factor = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        _ => return Err(ValueError::NotUnderstood),
    };
    within(number.checked_mul(factor), min, max)
}

/// Digits only.
pub(super) fn count(text: &str, min: u64, max: u64) -> Parsed<u64> {
    match number_and_unit(text)? {
        (number, "") => within(Some(number), min, max),
        _ => Err(ValueError::NotUnderstood),
    }
}

/// One of the words, in whatever case; the answer is the word as the table spells it.
pub(super) fn choice(text: &str, words: &[&'static str]) -> Parsed<&'static str> {
    words
        .iter()
        .copied()
        .find(|word| word.eq_ignore_ascii_case(text))
        .ok_or(ValueError::NotUnderstood)
}

/// `1.2` or `1.3`.
pub(super) fn version(text: &str) -> Parsed<TlsVersion> {
    match text {
        "1.2" => Ok(TlsVersion::V1_2),
        "1.3" => Ok(TlsVersion::V1_3),
        _ => Err(ValueError::NotUnderstood),
    }
}

/// Listening addresses with commas.
pub(super) fn listeners(text: &str) -> Parsed<Vec<ListenAddr>> {
    list(text, str::parse)
}

/// A date with a time of day.
pub(super) fn moment(text: &str) -> Parsed<WallTime> {
    WallTime::parse(text).ok_or(ValueError::NotUnderstood)
}

/// Digests of keys with commas; a colon between two bytes is what openssl writes.
pub(super) fn key_digests(text: &str) -> Parsed<Vec<KeyDigest>> {
    let mut all = Vec::new();
    for part in text.split(',') {
        let part = part.trim();
        let one = KeyDigest::parse(part).ok_or(ValueError::NotUnderstood)?;
        if all.contains(&one) {
            return Err(ValueError::Twice(part.to_owned()));
        }
        all.push(one);
    }
    Ok(all)
}

/// Hosts with ports and commas.
pub(super) fn targets(text: &str) -> Parsed<Vec<HostPort>> {
    list(text, str::parse)
}

/// Scheme, host and port.
pub(super) fn url(text: &str) -> Parsed<Endpoint> {
    Ok(text.parse()?)
}

/// `http://`, a host, and perhaps a port and a path.
pub(super) fn responder(text: &str) -> Parsed<ResponderUrl> {
    let rest = text
        .strip_prefix("http://")
        .ok_or(ValueError::NotUnderstood)?;
    let (host, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, "/"),
    };
    Ok(ResponderUrl {
        target: HostPort::parse_with_default(host, Some(80))?,
        path: request_path(path)?,
    })
}

/// `http://` or `https://`, a host, and perhaps a port and a path.
pub(super) fn webhook(text: &str) -> Parsed<WebhookUrl> {
    let schemes = [("https://", Scheme::Https), ("http://", Scheme::Http)];
    let known = schemes
        .into_iter()
        .find_map(|(start, scheme)| Some((text.strip_prefix(start)?, scheme)));
    let (rest, scheme) = known.ok_or(ValueError::NotUnderstood)?;
    let (host, path) = match rest.find(['/', '?']) {
        Some(at) => rest.split_at(at),
        None => (rest, "/"),
    };
    // A secret that stands in front of the host would be sent to nobody.
    if host.contains('@') {
        return Err(ValueError::NotUnderstood);
    }
    let path = match path.strip_prefix('?') {
        Some(query) => format!("/?{query}"),
        None => path.to_owned(),
    };
    Ok(WebhookUrl {
        scheme,
        target: HostPort::parse_with_default(host, Some(scheme.default_port()))?,
        path: Secret::new(request_path(&path)?),
    })
}

/// A number from 0 to 1.
pub(super) fn ratio(text: &str) -> Parsed<SampleRatio> {
    SampleRatio::parse(text).ok_or(ValueError::NotUnderstood)
}

/// An IP address, with or without brackets.
pub(super) fn address(text: &str) -> Parsed<IpAddr> {
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(text);
    bare.parse()
        .map_err(|_not_an_address| ValueError::NotUnderstood)
}

/// A host with or without a port; without one, the port here.
pub(super) fn route(text: &str, port: u16) -> Parsed<HostPort> {
    Ok(HostPort::parse_with_default(text, Some(port))?)
}

/// `any` (no ranges at all), or statuses and ranges of statuses with commas.
pub(super) fn statuses(text: &str) -> Parsed<Vec<RangeInclusive<u16>>> {
    if text.eq_ignore_ascii_case("any") {
        return Ok(Vec::new());
    }
    text.split(',')
        .map(|part| {
            let (from, to) = part.split_once('-').unwrap_or((part, part));
            let from = count(from.trim(), 100, 599)?;
            let to = count(to.trim(), 100, 599)?;
            if from > to {
                return Err(ValueError::NotUnderstood);
            }
            let status = |n| u16::try_from(n).map_err(|_too_great| ValueError::OutOfRange);
            Ok(status(from)?..=status(to)?)
        })
        .collect()
}

/// Two different times of day.
pub(super) fn window(text: &str) -> Parsed<(TimeOfDay, TimeOfDay)> {
    let (from, to) = text.split_once('-').ok_or(ValueError::NotUnderstood)?;
    let (from, to) = (time_of_day(from.trim())?, time_of_day(to.trim())?);
    if from == to {
        return Err(ValueError::OutOfRange);
    }
    Ok((from, to))
}

/// A request path: it goes onto a request line, so blanks and controls have no place in it.
pub(super) fn request_path(text: &str) -> Parsed<String> {
    if text.starts_with('/') && text.bytes().all(|b| b.is_ascii_graphic()) {
        Ok(text.to_owned())
    } else {
        Err(ValueError::NotUnderstood)
    }
}

/// A header field's value.
pub(super) fn header(text: &str) -> Parsed<String> {
    if text.bytes().all(|b| b.is_ascii_graphic() || b == b' ') {
        Ok(text.to_owned())
    } else {
        Err(ValueError::NotUnderstood)
    }
}

/// A level alone, or levels for targets with commas, without the blanks between them: the log would
/// take a blank for a part of the target.
pub(super) fn level(text: &str) -> Parsed<String> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    let is_level = |word: &str| LEVELS.iter().any(|l| l.eq_ignore_ascii_case(word));
    // A target is the path of a module; the log's own syntax knows more, which nobody needs here.
    let in_a_target = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b':' | b'-');
    let directives = text.split(',').map(|directive| {
        let (target, level) = match directive.split_once('=') {
            Some((target, level)) => (Some(target.trim()), level.trim()),
            None => (None, directive.trim()),
        };
        let is_sound = target.is_none_or(|t| !t.is_empty() && t.bytes().all(in_a_target));
        match target {
            _ if !is_sound || !is_level(level) => Err(ValueError::NotUnderstood),
            Some(target) => Ok(format!("{target}={level}")),
            None => Ok(level.to_owned()),
        }
    });
    Ok(directives.collect::<Parsed<Vec<_>>>()?.join(","))
}

/// The terms of a rule about clients.
pub(super) fn rule(text: &str) -> Parsed<Vec<Term>> {
    Ok(rule::terms(text)?)
}

/// Any text without control characters but tabs; what it means is judged elsewhere.
pub(super) fn plain(text: &str) -> Parsed<String> {
    if text.chars().any(|c| c.is_control() && c != '\t') {
        Err(ValueError::NotUnderstood)
    } else {
        Ok(text.to_owned())
    }
}

/// Paths with `;` between them: a file's name may hold a comma, and authorities write such names.
pub(super) fn files(text: &str) -> Parsed<Vec<String>> {
    let mut all: Vec<String> = Vec::new();
    for part in text.split(';') {
        let part = plain(part.trim())?;
        if part.is_empty() {
            return Err(ValueError::NotUnderstood);
        }
        if all.contains(&part) {
            return Err(ValueError::Twice(part));
        }
        all.push(part);
    }
    Ok(all)
}

/// Whether a text is a value of that kind at all: for tests that walk the whole table.
#[cfg(test)]
pub(super) fn check(kind: Kind, text: &str) -> Parsed<()> {
    match kind {
        Kind::Address => address(text).map(drop),
        Kind::Choice(words) => choice(text, words).map(drop),
        Kind::ClientRule => rule(text).map(drop),
        Kind::Count { min, max } => count(text, min, max).map(drop),
        Kind::Duration { min, max } => duration(text, min, max).map(drop),
        Kind::Expired { min, max } => expired(text, min, max).map(drop),
        Kind::Files => files(text).map(drop),
        Kind::Header => header(text).map(drop),
        Kind::KeyDigests => key_digests(text).map(drop),
        Kind::Level => level(text).map(drop),
        Kind::Listeners => listeners(text).map(drop),
        Kind::Moment => moment(text).map(drop),
        Kind::Ratio => ratio(text).map(drop),
        Kind::Route => route(text, 1).map(drop),
        Kind::RequestPath => request_path(text).map(drop),
        Kind::Responder => responder(text).map(drop),
        Kind::Size { min, max } => size(text, min, max).map(drop),
        Kind::Statuses => statuses(text).map(drop),
        Kind::Switch => switch(text).map(drop),
        Kind::Targets => targets(text).map(drop),
        Kind::Url => url(text).map(drop),
        Kind::Version => version(text).map(drop),
        Kind::Webhook => webhook(text).map(drop),
        Kind::Window => window(text).map(drop),
        Kind::File | Kind::OutputFile | Kind::Suites | Kind::Tokens => plain(text).map(drop),
    }
}

/// A duration in the unit that says it shortest, readable by [`duration`] again.
pub(super) fn said_duration(value: Duration) -> String {
    let (seconds, ms) = (value.as_secs(), value.subsec_millis());
    match seconds {
        _ if ms > 0 => format!("{}ms", value.as_millis()),
        s if s > 0 && s % 3600 == 0 => format!("{}h", s / 3600),
        s if s > 0 && s % 60 == 0 => format!("{}m", s / 60),
        s => format!("{s}s"),
    }
}

/// A size in the unit that says it shortest, readable by [`size`] again.
pub(super) fn said_size(value: u64) -> String {
    [(30, "GiB"), (20, "MiB"), (10, "KiB")]
        .into_iter()
        .find(|(bits, _)| value > 0 && value.trailing_zeros() >= *bits)
        .map_or_else(
            || value.to_string(),
            |(bits, unit)| format!("{}{unit}", value >> bits),
        )
}

fn list<T: PartialEq>(
    text: &str,
    parse: impl Fn(&str) -> Result<T, EndpointError>,
) -> Parsed<Vec<T>> {
    let mut all = Vec::new();
    for part in text.split(',') {
        let part = part.trim();
        let one = parse(part)?;
        if all.contains(&one) {
            return Err(ValueError::Twice(part.to_owned()));
        }
        all.push(one);
    }
    Ok(all)
}

fn time_of_day(text: &str) -> Parsed<TimeOfDay> {
    let (hours, minutes) = text.split_once(':').ok_or(ValueError::NotUnderstood)?;
    let two_digits = |part: &str, most: u64| {
        if part.is_empty() || part.len() > 2 {
            return Err(ValueError::NotUnderstood);
        }
        count(part, 0, most)
    };
    let minutes = two_digits(hours, 23)? * 60 + two_digits(minutes, 59)?;
    u16::try_from(minutes)
        .map(TimeOfDay)
        .map_err(|_too_great| ValueError::OutOfRange)
}

/// Splits leading digits from what follows. A number beyond 64 bits is merely too great.
fn number_and_unit(text: &str) -> Parsed<(u64, &str)> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    if digits.is_empty() {
        return Err(ValueError::NotUnderstood);
    }
    let number = digits
        .parse()
        .map_err(|_only_digits_so_too_great| ValueError::OutOfRange)?;
    Ok((number, unit))
}

fn within<T: PartialOrd + Copy>(value: Option<T>, min: T, max: T) -> Parsed<T> {
    value
        .filter(|value| *value >= min && *value <= max)
        .ok_or(ValueError::OutOfRange)
}

#[cfg(test)]
#[path = "tests/value.rs"]
mod tests;
