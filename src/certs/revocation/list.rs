//! [`RevocationList`]: what one list says, kept small.
//!
//! An entry takes 32 bytes, so a list of 100,000 takes three megabytes, and finding one among them
//! takes 17 comparisons. The signed bytes are given back as soon as it is known who signed them.

use std::cmp::Ordering;

use crate::certs::digest::sha256;
use crate::certs::path::Certificate;
use crate::certs::revocation::point::{PointName, points_of};
use crate::certs::revocation::proof::Proof;
use crate::certs::revocation::reason::Reason;
use crate::model::WallTime;

/// One revocation list, complete and direct: of all certificates of its issuer, or of all of a kind.
#[derive(Debug)]
pub(super) struct RevocationList {
    /// The issuer's name in DER.
    pub(super) issuer: Box<[u8]>,
    /// The same for people.
    pub(super) issuer_name: String,
    pub(super) this_update: WallTime,
    /// `None`: it lasts until there is a newer one.
    pub(super) next_update: Option<WallTime>,
    /// The list's number, without leading zeros.
    pub(super) number: Option<Box<[u8]>>,
    /// The identifier of the key that signed it, where the list says so.
    pub(super) key_id: Option<Box<[u8]>>,
    pub(super) scope: Scope,
    pub(super) entries: Entries,
    pub(super) proof: Proof,
    /// SHA-256 of all its bytes.
    pub(super) digest: [u8; 32],
}

/// Which certificates a list is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Scope {
    pub(super) holders: Holders,
    /// The distribution point by its names, where the authority has several.
    pub(super) points: Option<Vec<PointName>>,
}

/// Whose certificates a list is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) enum Holders {
    /// Everybody's.
    #[default]
    All,
    /// Those of hosts and people.
    Users,
    /// Those of authorities.
    Authorities,
}

impl Scope {
    /// Whether a certificate is among them.
    pub(super) fn holds(&self, certificate: &Certificate, is_leaf: bool) -> bool {
        let is_of_kind = match self.holders {
            Holders::All => true,
            Holders::Users => is_leaf,
            Holders::Authorities => !is_leaf,
        };
        let names_point = |points: &Vec<PointName>| {
            let named = points_of(certificate);
            points.iter().any(|point| named.contains(point))
        };
        is_of_kind && self.points.as_ref().is_none_or(names_point)
    }
}

impl RevocationList {
    /// Whether the list has begun. A clock that is a little behind that of the authority is no
    /// reason to miss its newest list.
    pub(super) fn has_begun(&self, now: WallTime) -> bool {
        self.begins() <= now
    }

    /// From when on it counts.
    pub(super) fn begins(&self) -> WallTime {
        WallTime(self.this_update.0.saturating_sub(MAX_SKEW))
    }

    /// Whether a newer list was due before now.
    pub(super) fn has_ended(&self, now: WallTime) -> bool {
        self.next_update.is_some_and(|end| end < now)
    }

    /// The newer first: by its date, then by its number.
    pub(super) fn newer_first(&self, other: &Self) -> Ordering {
        let numbers = || {
            let length = |list: &Self| list.number.as_ref().map(|number| number.len());
            let by_length = length(other).cmp(&length(self));
            by_length.then_with(|| other.number.cmp(&self.number))
        };
        let by_date = other.this_update.cmp(&self.this_update);
        by_date.then_with(numbers)
    }
}

/// Five minutes, as for tickets that another gateway sealed.
const MAX_SKEW: i64 = 300;

/// A revoked certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) since: WallTime,
    pub(super) serial: Serial,
    pub(super) reason: Reason,
}

/// The revoked certificates of a list, by serial number.
#[derive(Debug, Default)]
pub(super) struct Entries(Box<[Entry]>);

impl Entries {
    /// Sorts them; of two with one number the earlier revocation counts.
    pub(super) fn new(mut all: Vec<Entry>) -> Self {
        all.sort_unstable_by_key(|entry| (entry.serial, entry.since));
        all.dedup_by_key(|entry| entry.serial);
        Self(all.into_boxed_slice())
    }

    /// The entry of a certificate.
    pub(super) fn of(&self, serial: Serial) -> Option<&Entry> {
        let at = self.0.binary_search_by_key(&serial, |entry| entry.serial);
        self.0.get(at.ok()?)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// A serial number as a key of fixed size.
///
/// Twenty bytes and a sign are all that the standard allows. A longer one is told by its digest, so
/// that no number, however it came about, is taken for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Serial {
    length: u8,
    bytes: [u8; ROOM],
}

const ROOM: usize = 21;

impl Serial {
    /// Of the contents of an INTEGER, negative or not, with or without bytes too many.
    pub(super) fn of(mut integer: &[u8]) -> Self {
        while let [first @ (0x00 | 0xff), rest @ ..] = integer
            && rest.first().is_some_and(|next| (next ^ first) < 0x80)
        {
            integer = rest;
        }
        let digest;
        let (length, kept) = match u8::try_from(integer.len()) {
            Ok(length) if integer.len() <= ROOM => (length, integer),
            _ => {
                digest = sha256(integer);
                (u8::MAX, digest.as_slice())
            }
        };
        let mut bytes = [0; ROOM];
        bytes
            .iter_mut()
            .zip(kept)
            .for_each(|(to, from)| *to = *from);
        Self { length, bytes }
    }
}
