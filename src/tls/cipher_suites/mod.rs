//! [`Selection`]: what a cipher string asks for, and what of it is served.
//!
//! SAP writes `[ bitmask ":" ] item { ":" item } [ "::" curve { ":" curve } ]`, such as
//! `150:PFS:HIGH::EC_P256:EC_HIGH`; the items are OpenSSL's with a few words of SAP's own. The
//! whole grammar is read, the part that can be served is kept in the order asked for, and what
//! cannot be honoured is named. Nothing is ever served that the string excludes, and a string of
//! which nothing is left is an error: falling back to a default would be weaker than what was
//! written.

mod vocabulary;

use rustls::NamedGroup;

pub use crate::tls::cipher_suites::vocabulary::{Encryption, SUITES, Signature, Suite};

use crate::config::settings::TlsVersion;
use crate::tls::cipher_suites::vocabulary::{Curve, Meaning, curve, meaning};

/// A cipher string cannot be used. The message completes "CIPHERSUITES ...".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectionError {
    /// Nothing but separators.
    #[error("is empty")]
    Empty,
    /// A number that is no bitmask.
    #[error("begins with the number \"{0}\", which is too large for a bitmask")]
    BadMask(String),
    /// The bitmask names old versions only.
    #[error("asks for no TLS version that is served (the mask names {0})")]
    NoVersion(String),
    /// No suite is left.
    #[error("leaves no cipher suite that can be served")]
    NoSuite,
    /// No curve is left.
    #[error("leaves no curve that can be served")]
    NoCurve,
}

/// Something of a string that is not done as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Whether the writer most probably meant something else.
    pub is_warning: bool,
    /// A clause about the string.
    pub text: String,
}

/// What a cipher string selects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// The versions of the bitmask, lowest first; `None` where the string has no bitmask.
    pub versions: Option<Vec<TlsVersion>>,
    /// The suites in order of preference; never empty.
    pub suites: Vec<&'static Suite>,
    /// The groups in order of preference; `None` where the string names none.
    pub groups: Option<Vec<NamedGroup>>,
    /// What is not done as written.
    pub notes: Vec<Note>,
}

impl Selection {
    /// Reads a string in SAP's or OpenSSL's syntax. Any text is read; none makes it panic.
    pub fn parse(text: &str) -> Result<Self, SelectionError> {
        let (list, curves) = match text.split_once("::") {
            Some((list, curves)) => (list, Some(curves)),
            None => (text, None),
        };
        let mut words = words(list).peekable();
        let mut notes = Vec::new();
        let versions = match words.peek() {
            Some(word) if word.bytes().all(|b| b.is_ascii_digit()) => {
                let versions = versions(word, &mut notes)?;
                words.next();
                Some(versions)
            }
            None if curves.is_none() => return Err(SelectionError::Empty),
            Some(_) | None => None,
        };
        let words: Vec<_> = words.collect();
        let suites = suites(&words, versions.as_deref(), &mut notes)?;
        let groups = curves
            .map(|curves| groups(curves, &mut notes))
            .transpose()?
            .flatten();
        Ok(Self {
            versions,
            suites,
            groups,
            notes,
        })
    }
}

/// OpenSSL separates by colon, comma or blank; SAP by colon.
fn words(list: &str) -> impl Iterator<Item = &str> {
    list.split([':', ',', ' ', '\t', ';'])
        .filter(|word| !word.is_empty())
}

/// Bits of SAP's mask that are no version.
mod bit {
    /// Take a `ClientHello` in the format of SSL 2.
    pub(super) const SSL2_HELLO: u32 = 1;
    /// Up to the highest version there is.
    pub(super) const BEST: u32 = 2;
    /// Whatever lies between the lowest and the highest version as well.
    pub(super) const NO_GAP: u32 = 4;
    /// A client shows its certificate even if the server's list of authorities lacks the issuer.
    pub(super) const BLIND: u32 = 16;
    /// No version but those named; without it TLS 1.0 comes on top.
    pub(super) const STRICT: u32 = 32;
    /// All of which the meaning is known, versions included.
    pub(super) const KNOWN: u32 = 1 | 2 | 4 | 16 | 32 | 64 | 128 | 256 | 512 | 1024;
}

/// The versions a mask can name, lowest first, with their bits.
const VERSIONS: [(u32, &str, Option<TlsVersion>); 5] = [
    (64, "SSLv3", None),
    (128, "TLSv1.0", None),
    (256, "TLSv1.1", None),
    (512, "TLSv1.2", Some(TlsVersion::V1_2)),
    (1024, "TLSv1.3", Some(TlsVersion::V1_3)),
];

const TLS_1_0: u32 = 128;
const TLS_1_2: u32 = 512;
const TLS_1_3: u32 = 1024;

/// Decodes the bitmask.
fn versions(word: &str, notes: &mut Vec<Note>) -> Result<Vec<TlsVersion>, SelectionError> {
    let mask: u32 = word
        .parse()
        .map_err(|_too_large| SelectionError::BadMask(word.to_owned()))?;
    let mut wanted = mask & (64 | 128 | 256 | 512 | 1024);
    if mask & bit::STRICT == 0 {
        wanted |= TLS_1_0;
    }
    // SAP's own strings that name TLS 1.2 by its bit, and not TLS 1.3, date from before TLS 1.3
    // and are documented as "not above 1.2"; those that name neither mean whatever is best.
    if mask & bit::BEST != 0 && mask & (TLS_1_2 | TLS_1_3) == 0 {
        wanted |= TLS_1_3;
    }
    if mask & bit::NO_GAP != 0 {
        wanted |= between_lowest_and_highest(wanted);
    }
    let named = |served: bool| {
        VERSIONS
            .iter()
            .filter(move |(bit, _, version)| wanted & bit != 0 && version.is_some() == served)
    };
    let never: Vec<_> = named(false).map(|(_, name, _)| *name).collect();
    let served: Vec<_> = named(true).filter_map(|(_, _, version)| *version).collect();
    if served.is_empty() {
        let named = if never.is_empty() {
            "none".to_owned()
        } else {
            never.join(", ")
        };
        return Err(SelectionError::NoVersion(named));
    }
    if !never.is_empty() {
        notes.push(told(format!(
            "asks for {}, which are never served",
            never.join(", ")
        )));
    }
    if mask & bit::SSL2_HELLO != 0 {
        notes.push(told(
            "asks for hellos in the format of SSLv2, which are never taken".into(),
        ));
    }
    if mask & bit::BLIND != 0 {
        notes.push(told(
            "asks to show the certificate whoever the server trusts, which is always done".into(),
        ));
    }
    let unknown = mask & !bit::KNOWN;
    if unknown != 0 {
        notes.push(warned(format!(
            "has bits in its mask without a known meaning ({unknown})"
        )));
    }
    Ok(served)
}

fn between_lowest_and_highest(wanted: u32) -> u32 {
    let is_wanted = |entry: &&(u32, &str, Option<TlsVersion>)| wanted & entry.0 != 0;
    let lowest = VERSIONS.iter().find(is_wanted).map_or(0, |entry| entry.0);
    let highest = VERSIONS.iter().rfind(is_wanted).map_or(0, |entry| entry.0);
    let inside = VERSIONS
        .iter()
        .filter(|entry| (lowest..=highest).contains(&entry.0));
    inside.fold(0, |sum, entry| sum | entry.0)
}

/// What is done with the suites that a word selects.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Operator {
    Append,
    MoveToEnd,
    Remove,
    RemoveForGood,
}

impl Operator {
    fn of(word: &str) -> (Self, &str) {
        let operators = [
            ('+', Self::MoveToEnd),
            ('-', Self::Remove),
            ('!', Self::RemoveForGood),
        ];
        operators
            .into_iter()
            .find_map(|(sign, operator)| Some((operator, word.strip_prefix(sign)?)))
            .unwrap_or((Self::Append, word))
    }

    const fn removes(self) -> bool {
        matches!(self, Self::Remove | Self::RemoveForGood)
    }
}

/// Works the list off from left to right.
fn suites(
    words: &[&str],
    versions: Option<&[TlsVersion]>,
    notes: &mut Vec<Note>,
) -> Result<Vec<&'static Suite>, SelectionError> {
    let mut list: Vec<&'static Suite> = Vec::new();
    let mut removed: Vec<&'static Suite> = Vec::new();
    let mut banned: Vec<&'static Suite> = Vec::new();
    for word in words {
        if let Some(command) = word.strip_prefix('@') {
            if command.eq_ignore_ascii_case("STRENGTH") {
                list.sort_by_key(|suite| suite.encryption == Encryption::Aes128Gcm);
            } else {
                notes.push(told(format!(
                    "has the command \"@{}\", which changes nothing",
                    shown(command)
                )));
            }
            continue;
        }
        let (operator, word) = Operator::of(word);
        let matching = matching(word, operator, notes);
        match operator {
            Operator::Append => {
                let fresh: Vec<_> = matching
                    .into_iter()
                    .filter(|suite| !list.contains(suite) && !banned.contains(suite))
                    .collect();
                list.extend(fresh);
            }
            Operator::MoveToEnd => list.sort_by_key(|suite| matching.contains(suite)),
            Operator::Remove | Operator::RemoveForGood => {
                list.retain(|suite| !matching.contains(suite));
                if operator == Operator::RemoveForGood {
                    banned.extend(&matching);
                }
                removed.extend(&matching);
            }
        }
    }
    if words.is_empty() {
        // A mask alone, or curves alone: the library's own choice, as in SAP.
        list.extend(&SUITES);
    }
    add_tls_1_3(&mut list, &removed);
    if let Some(versions) = versions {
        list.retain(|suite| versions.contains(&suite.version));
    }
    if list.is_empty() {
        return Err(SelectionError::NoSuite);
    }
    Ok(list)
}

/// Lists written for TLS 1.2 do not speak of TLS 1.3, whose suites OpenSSL and CommonCryptoLib
/// keep apart: they stay on unless removed by name or property.
fn add_tls_1_3(list: &mut Vec<&'static Suite>, removed: &[&'static Suite]) {
    if list.is_empty() || list.iter().any(|suite| suite.version == TlsVersion::V1_3) {
        return;
    }
    let apart = SUITES
        .iter()
        .filter(|suite| suite.version == TlsVersion::V1_3 && !removed.contains(suite));
    list.splice(0..0, apart);
}

/// The suites for which every part of a word holds (`ECDHE+AESGCM`).
fn matching(word: &str, operator: Operator, notes: &mut Vec<Note>) -> Vec<&'static Suite> {
    let mut found: Vec<&'static Suite> = SUITES.iter().collect();
    for part in word.split('+').filter(|part| !part.is_empty()) {
        match meaning(part) {
            Meaning::Suites(holds) => found.retain(|suite| holds(suite)),
            Meaning::SignedBy(kind) => found.retain(|suite| {
                let fits_either = suite.signature == Signature::Any;
                suite.signature == kind || (fits_either && !operator.removes())
            }),
            Meaning::Suite(one) => found.retain(|suite| *suite == one),
            Meaning::Never(why) => {
                // To remove or to put last what is never there is done by doing nothing.
                if operator == Operator::Append {
                    notes.push(told(format!("names \"{}\": {why}", shown(word))));
                }
                found.clear();
            }
            Meaning::Aside(why) => {
                notes.push(told(format!("names \"{}\", which {why}", shown(word))));
                found.clear();
            }
            Meaning::Unknown => {
                let effect = if operator.removes() {
                    "removes"
                } else {
                    "selects"
                };
                notes.push(warned(format!(
                    "has the word \"{}\", which is not known and {effect} nothing",
                    shown(word)
                )));
                found.clear();
            }
        }
    }
    if word.chars().all(|c| c == '+') {
        found.clear();
    }
    found
}

/// Works the curves off; `None` where the list is empty.
fn groups(list: &str, notes: &mut Vec<Note>) -> Result<Option<Vec<NamedGroup>>, SelectionError> {
    let mut groups: Vec<NamedGroup> = Vec::new();
    let mut banned: Vec<NamedGroup> = Vec::new();
    let mut any = false;
    for word in words(list) {
        any = true;
        let (operator, word) = Operator::of(word);
        match curve(word) {
            Curve::Groups(found) => match operator {
                Operator::Append => {
                    for group in found {
                        if !groups.contains(group) && !banned.contains(group) {
                            groups.push(*group);
                        }
                    }
                }
                Operator::MoveToEnd => groups.sort_by_key(|group| found.contains(group)),
                Operator::Remove | Operator::RemoveForGood => {
                    groups.retain(|group| !found.contains(group));
                    banned.extend(found.iter().filter(|_| operator == Operator::RemoveForGood));
                }
            },
            Curve::Never if operator == Operator::Append => {
                notes.push(told(format!(
                    "names the curve \"{}\", which is never served",
                    shown(word)
                )));
            }
            Curve::Never | Curve::Aside => {}
            Curve::Unknown => notes.push(warned(format!(
                "has the curve \"{}\", which is not known",
                shown(word)
            ))),
        }
    }
    match (any, groups.is_empty()) {
        (false, _) => Ok(None),
        (true, true) => Err(SelectionError::NoCurve),
        (true, false) => Ok(Some(groups)),
    }
}

fn told(text: String) -> Note {
    Note {
        is_warning: false,
        text,
    }
}

fn warned(text: String) -> Note {
    Note {
        is_warning: true,
        text,
    }
}

fn shown(word: &str) -> String {
    word.escape_debug().to_string()
}

#[cfg(test)]
mod tests;
