//! [`Dictionary`]: all entries, and the search for the ones that a text is about.

use std::ops::Range;

use crate::explain::entry::{Entry, Family, read};
use crate::explain::nearest::nearest;
use crate::explain::text::{Text, number};

/// Every code that is known here.
#[derive(Debug, Clone)]
pub struct Dictionary {
    entries: Vec<Entry>,
}

/// What a search has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found<'a> {
    /// The entries in the order in which the text names them.
    pub entries: Vec<&'a Entry>,
    /// Codes that may have been meant, where there is no entry.
    pub nearest: Vec<&'a str>,
}

/// The texts, in the order in which they are listed.
pub(super) const TEXTS: [(Family, &str); 8] = [
    (Family::SapSsl, include_str!("words/sap_ssl.txt")),
    (Family::Icm, include_str!("words/icm.txt")),
    (Family::Ni, include_str!("words/ni.txt")),
    (Family::Alert, include_str!("words/alerts.txt")),
    (Family::Handshake, include_str!("words/handshakes.txt")),
    (Family::Fault, include_str!("words/faults.txt")),
    (Family::Alarm, include_str!("words/alarms.txt")),
    (Family::Check, include_str!("words/checks.txt")),
];

impl Default for Dictionary {
    fn default() -> Self {
        Self::new()
    }
}

impl Dictionary {
    /// Reads all entries.
    pub fn new() -> Self {
        let texts = TEXTS.into_iter();
        let entries = texts.flat_map(|(family, text)| read(text, family).0);
        Self {
            entries: entries.collect(),
        }
    }

    /// All entries, family by family.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry of a code, spelled as it is here.
    pub fn get(&self, code: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.code == code)
    }

    /// What a code means, or which known codes stand in a pasted text: a line of a log, a whole
    /// `dev_icm`. A number alone may be several codes.
    pub fn find(&self, typed: &str) -> Found<'_> {
        if let Some(entry) = self.get(typed.trim()) {
            return Found {
                entries: vec![entry],
                nearest: Vec::new(),
            };
        }
        let text = Text::new(typed);
        let is_meant = |entry: &&Entry| writings(entry).any(|writing| text.is(writing));
        let exact: Vec<&Entry> = self.entries.iter().filter(is_meant).collect();
        let entries = if exact.is_empty() {
            self.find_in(&text)
        } else {
            exact
        };
        let nearest = if entries.is_empty() {
            self.nearest(typed)
        } else {
            Vec::new()
        };
        Found { entries, nearest }
    }

    /// The codes of the entries of which a writing is near.
    fn nearest(&self, typed: &str) -> Vec<&str> {
        let mut codes: Vec<&str> = Vec::new();
        for near in nearest(typed, self.entries.iter().flat_map(words_of)) {
            let has_it = |entry: &&Entry| words_of(entry).any(|writing| writing == near);
            let code = self
                .entries
                .iter()
                .find(has_it)
                .map(|entry| entry.code.as_str());
            codes.extend(code.filter(|code| !codes.contains(code)));
        }
        codes
    }

    fn find_in(&self, text: &Text<'_>) -> Vec<&Entry> {
        let by = |is_wanted: fn(&&str) -> bool| {
            let found = self.entries.iter().filter_map(|entry| {
                let places = writings(entry)
                    .filter(is_wanted)
                    .filter_map(|writing| text.find(writing));
                Some((longest(places)?, entry))
            });
            found.collect::<Vec<_>>()
        };
        let mut found = by(|writing| number(writing).is_none());
        if found.is_empty() {
            // A number says more beside its word; alone it is better than nothing.
            found = by(|writing| number(writing).is_some());
        }
        let places: Vec<Range<usize>> = found.iter().map(|(place, _)| place.clone()).collect();
        found.retain(|(place, _)| !places.iter().any(|other| is_within(place, other)));
        found.sort_by_key(|(place, _)| place.start);
        found.into_iter().map(|(_, entry)| entry).collect()
    }
}

/// The code and all its other writings.
fn writings(entry: &Entry) -> impl Iterator<Item = &str> {
    std::iter::once(entry.code.as_str()).chain(entry.also.iter().map(String::as_str))
}

/// Those that one can mistype.
fn words_of(entry: &Entry) -> impl Iterator<Item = &str> {
    writings(entry).filter(|writing| number(writing).is_none())
}

fn longest(places: impl Iterator<Item = Range<usize>>) -> Option<Range<usize>> {
    places.max_by_key(ExactSizeIterator::len)
}

/// Whether a place is part of a larger one.
fn is_within(place: &Range<usize>, other: &Range<usize>) -> bool {
    other.start <= place.start && place.end <= other.end && place.len() < other.len()
}
