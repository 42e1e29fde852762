//! [`ListFacts`]: what a revocation list says of itself, in words for people.

use std::path::PathBuf;

use crate::certs::revocation::list::RevocationList;
use crate::certs::revocation::parse::{ListDefect, parse};
use crate::certs::revocation::read::read;
use crate::config::problem::Problems;
use crate::config::settings::FileRef;
use crate::model::{Fingerprint, WallTime};

/// What a list says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListFacts {
    /// Whose list it is, most specific part first.
    pub issuer: String,
    /// When it begins.
    pub this_update: WallTime,
    /// When the next one is due; `None` where it does not say.
    pub next_update: Option<WallTime>,
    /// How many certificates it revokes.
    pub revoked: usize,
    /// SHA-256 of the list.
    pub fingerprint: Fingerprint,
}

impl ListFacts {
    /// Reads the facts from DER bytes, as strictly as the lists are read that count.
    pub fn of(der: &[u8]) -> Result<Self, ListDefect> {
        parse(der).map(|list| Self::from(&list))
    }

    /// Those of all lists that files and folders hold, each with its file.
    pub fn in_files(named: &[FileRef]) -> (Vec<(PathBuf, Self)>, Problems) {
        let mut problems = Problems::new();
        let found = read(named, &mut problems);
        let each = found.lists.iter();
        let each = each.map(|listed| (listed.file.path.clone(), Self::from(&listed.list)));
        (each.collect(), problems)
    }
}

impl From<&RevocationList> for ListFacts {
    fn from(list: &RevocationList) -> Self {
        Self {
            issuer: list.issuer_name.clone(),
            this_update: list.this_update,
            next_update: list.next_update,
            revoked: list.entries.len(),
            fingerprint: Fingerprint(list.digest),
        }
    }
}
