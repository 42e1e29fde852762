//! [`ListSummary`]: what a revocation list is, for status pages.

use crate::certs::name::hex;
use crate::certs::revocation::RevocationLists;
use crate::model::WallTime;

/// One list that is at hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListSummary {
    /// Who issued it.
    pub issuer: String,
    /// Its number in hexadecimal, where it has one.
    pub number: Option<String>,
    /// When it began.
    pub this_update: WallTime,
    /// When the next one is due.
    pub next_update: Option<WallTime>,
    /// How many certificates it withdraws.
    pub revoked: usize,
    /// The file.
    pub file: String,
    /// The key that names the file or its folder.
    pub place: String,
}

impl RevocationLists {
    /// The lists that count now, in the order of their files.
    pub fn summaries(&self, now: WallTime) -> Vec<ListSummary> {
        let each = self.in_force(now).map(|listed| ListSummary {
            issuer: listed.list.issuer_name.clone(),
            number: listed.list.number.as_deref().map(hex),
            this_update: listed.list.this_update,
            next_update: listed.list.next_update,
            revoked: listed.list.entries.len(),
            file: listed.file.path.display().to_string(),
            place: listed.file.place.to_string(),
        });
        let mut all: Vec<_> = each.collect();
        all.sort_by(|a, b| (&a.file, &a.issuer).cmp(&(&b.file, &b.issuer)));
        all
    }
}
