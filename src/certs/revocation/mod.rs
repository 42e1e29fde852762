//! [`RevocationLists`]: whom an authority believes no more.
//!
//! The files of `CRL_FILE` are read whole and strictly: a list that is left out by mistake lets
//! somebody in. What is kept of a list is small enough for a hundred thousand entries. Who signed
//! it is found out when its authority is first met, since the certificate of an intermediate may
//! come with the peer only.
//!
//! Every answer says until when it is as good as now: until the next list begins or one of those
//! at hand ends. So nothing that rests on it, such as a session, outlives the lists.

mod due;
mod inquiry;
mod list;
mod load;
mod look;
mod parse;
mod point;
mod proof;
mod read;
mod reason;
mod refusal;
mod summary;

use std::collections::BTreeMap;

use crate::certs::path::{Certificate, Link, Revocation};
use crate::certs::revocation::inquiry::Inquiry;
pub use crate::certs::revocation::look::ListFacts;
pub use crate::certs::revocation::parse::ListDefect;
use crate::certs::revocation::read::Listed;
pub use crate::certs::revocation::reason::Reason;
pub use crate::certs::revocation::refusal::RevocationRefusal;
pub use crate::certs::revocation::summary::ListSummary;
use crate::config::settings::{ExpiredLists, ListCoverage};
use crate::model::{DistinguishedName, WallTime};

/// The revocation lists of one TLS role, and how much they are asked for.
#[derive(Debug)]
pub struct RevocationLists {
    /// By the issuer's name in its one form; the newest first.
    by_issuer: BTreeMap<DistinguishedName, Vec<Listed>>,
    /// The certificates of `CA_FILE`.
    anchors: Vec<Certificate>,
    /// The certificates beside the lists, unproven.
    signers: Vec<Certificate>,
    expired: ExpiredLists,
    coverage: ListCoverage,
    digest: [u8; 32],
}

impl RevocationLists {
    /// A digest of the files and of how much they are asked for.
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// How many lists there are.
    pub fn len(&self) -> usize {
        self.all().count()
    }

    /// Whether there is none, which no `CRL_FILE` leads to.
    pub fn is_empty(&self) -> bool {
        self.by_issuer.is_empty()
    }

    /// How many certificates they revoke.
    pub fn revoked(&self) -> usize {
        self.all().map(|listed| listed.list.entries.len()).sum()
    }

    fn all(&self) -> impl Iterator<Item = &Listed> {
        self.by_issuer.values().flatten()
    }

    /// The lists of an issuer.
    fn of_issuer(&self, name: &DistinguishedName) -> &[Listed] {
        self.by_issuer
            .get(name)
            .map(Vec::as_slice)
            .unwrap_or_default()
    }

    /// Whether nobody is let in on the strength of a list that ended then.
    fn refuses(&self, end: WallTime, now: WallTime) -> bool {
        match self.expired {
            ExpiredLists::Refuse => end < now,
            ExpiredLists::Grace(grace) => later(end, grace) < now,
            ExpiredLists::Ignore => false,
        }
    }
}

impl Revocation for RevocationLists {
    fn judge(&self, link: &Link<'_>, now: WallTime) -> Result<Option<WallTime>, RevocationRefusal> {
        Inquiry::of(self, link, now).answer()
    }
}

fn later(time: WallTime, by: std::time::Duration) -> WallTime {
    let seconds = i64::try_from(by.as_secs()).unwrap_or(i64::MAX);
    WallTime(time.0.saturating_add(seconds))
}

#[cfg(test)]
mod tests;
