//! [`roots`]: where the places that have to stay in reach really are.
//!
//! The kernel judges files by where they are and not by what they are called, so every link is
//! followed. Certificates are often renewed by changing a link, so the folders in which the next file
//! will lie are covered as well: `fullchain.pem -> ../../archive/x/fullchain1.pem`, or
//! `tls.crt -> ..data/tls.crt` with `..data -> ..2026_11_22`.

use std::collections::{BTreeSet, VecDeque};
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

use super::wants::{Extent, Want};
use crate::config::sandbox::{Rights, Root, id};

/// The folders and files that are there and cover what is wanted.
pub(super) fn roots(wants: &[Want]) -> Vec<Root> {
    let mut places = BTreeSet::new();
    for Want {
        path,
        rights,
        extent,
    } in wants
    {
        let way = Way::to(path);
        match extent {
            Extent::Beneath => {
                places.insert((way.end.clone(), *rights));
            }
            Extent::Beside if way.end.is_dir() => {
                places.insert((way.end.clone(), *rights));
            }
            Extent::Beside => {
                let folders = way.folders(path, *rights).into_iter();
                places.extend(folders.map(|folder| (folder, *rights)));
            }
        }
        // What is the system's own keeps its place.
        if *rights == Rights::Read {
            let switched = way.switched.into_iter();
            places.extend(switched.map(|folder| (folder, *rights)));
        }
    }
    let found = places.into_iter().filter_map(|(path, rights)| {
        let id = id(&path)?;
        Some(Root { path, id, rights })
    });
    found.collect()
}

/// How a path leads to a file.
struct Way {
    /// The file, or where it would be.
    end: PathBuf,
    /// The files that links in place of the last name lead to, one after the other.
    hops: Vec<PathBuf>,
    /// Folders in which a link changes from one version to the next.
    switched: Vec<PathBuf>,
}

impl Way {
    /// Follows every link. Of a path that leads in circles the end is where that was noticed.
    fn to(path: &Path) -> Self {
        let absolute = std::path::absolute(path).unwrap_or_else(|_empty| path.to_owned());
        let mut names: VecDeque<OsString> = parts(&absolute).collect();
        let mut way = Self {
            end: PathBuf::from("/"),
            hops: Vec::new(),
            switched: Vec::new(),
        };
        let mut links = 0;
        while let Some(name) = names.pop_front() {
            if name == ".." {
                way.end.pop();
                continue;
            }
            let next = way.end.join(&name);
            let target = std::fs::read_link(&next).ok();
            let Some(target) = target.filter(|_| links < MOST_LINKS) else {
                way.end = next;
                continue;
            };
            links += 1;
            way.turn(&target, names.is_empty());
            if target.is_absolute() {
                way.end = PathBuf::from("/");
            }
            for part in parts(&target).collect::<Vec<_>>().into_iter().rev() {
                names.push_front(part);
            }
        }
        way
    }

    /// Notes a link in the folder that the way has come to.
    fn turn(&mut self, target: &Path, is_last: bool) {
        let leads_to = plain(&self.end.join(target));
        // A link that stays beneath its own folder is one that is switched to the next version there.
        // One that leads elsewhere says nothing about what lies beside its target.
        let beside = leads_to.parent();
        let stays =
            beside.filter(|folder| self.end.parent().is_some() && folder.starts_with(&self.end));
        self.switched.extend(stays.map(Path::to_owned));
        if is_last {
            self.hops.push(leads_to);
        }
    }

    /// The folders that the file and its successors lie in, or the file alone where that would be too
    /// much.
    fn folders(&self, path: &Path, rights: Rights) -> Vec<PathBuf> {
        let folder = |file: &Path| file.parent().map(|folder| Self::to(folder).end);
        let ends = match rights {
            // Every folder in which a link or a file may be exchanged.
            Rights::Read | Rights::Run => self.hops.iter().map(PathBuf::as_path).collect(),
            // A file that is appended to is the one that links lead to; one that is put in its place
            // replaces the link.
            Rights::Write => Vec::new(),
        };
        let absolute = std::path::absolute(path).unwrap_or_else(|_empty| path.to_owned());
        let named = [absolute.as_path(), self.end.as_path()].into_iter();
        let folders = named.chain(ends).filter_map(folder);
        let mut all: Vec<PathBuf> = folders
            .filter(|folder| !is_too_much(folder, rights))
            .collect();
        all.push(self.end.clone());
        all
    }
}

/// Whoever names a file at the root of the system does not mean everything, and whoever logs to
/// `/dev/stdout` means no device.
fn is_too_much(folder: &Path, rights: Rights) -> bool {
    let is_of_the_kernel = ["/dev", "/proc", "/sys"]
        .iter()
        .any(|own| folder.starts_with(own));
    folder.parent().is_none() || (rights == Rights::Write && is_of_the_kernel)
}

/// The names in a path, without the root and every `.`.
fn parts(path: &Path) -> impl Iterator<Item = OsString> {
    let named = path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some(OsString::from("..")),
        Component::CurDir | Component::RootDir | Component::Prefix(_) => None,
    });
    named.collect::<Vec<_>>().into_iter()
}

/// Without `..`, by its names alone: what stands before was followed already.
fn plain(path: &Path) -> PathBuf {
    let mut whole = PathBuf::from("/");
    for part in parts(path) {
        if part == ".." {
            whole.pop();
        } else {
            whole.push(part);
        }
    }
    whole
}

/// As many as the kernel follows.
const MOST_LINKS: u32 = 40;

#[cfg(test)]
#[path = "tests/links.rs"]
mod tests;
