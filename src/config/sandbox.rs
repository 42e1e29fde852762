//! [`Sandbox`]: which files this process can still reach, and what to say of the others.
//!
//! A process that has confined itself stays so to its end, and the kernel tells nobody by what. So it is
//! kept here, written once for the whole process, for whoever has to say why a file cannot be read: to
//! root, `Permission denied` alone is a riddle.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::model::Confinement;

/// What this process has confined itself to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sandbox {
    /// How much of it the kernel has.
    pub confinement: Confinement,
    /// The configuration directory, beneath which a file is always in reach.
    pub home: PathBuf,
    /// What can be reached.
    pub roots: Vec<Root>,
}

/// A folder with all that is beneath it, or one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    /// Where it was at the start.
    pub path: PathBuf,
    /// Which one it is: another folder of the same name is not in reach.
    pub id: FileId,
    /// What can be done with it.
    pub rights: Rights,
}

/// What may be done with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rights {
    /// Read it.
    Read,
    /// Read it and start it as a program.
    Run,
    /// Read it, write it, make it, put another one in its place, remove it.
    Write,
}

/// What tells a file or folder from every other one: the device, and the number on that.
pub type FileId = (u64, u64);

static IN_FORCE: OnceLock<Sandbox> = OnceLock::new();

impl Sandbox {
    /// What is in force for this process, if anything is.
    pub fn in_force() -> Option<&'static Self> {
        IN_FORCE.get()
    }

    /// How much is in force for this process.
    pub fn confinement() -> Confinement {
        Self::in_force().map_or_else(Confinement::default, |own| own.confinement)
    }

    /// Notes what is in force from now on. Nothing can change it any more, this neither.
    pub fn note(self) {
        let _already_confined = IN_FORCE.set(self);
    }

    /// Whether this may be done with a file, as far as the sandbox goes.
    pub fn reaches(&self, path: &Path, rights: Rights) -> bool {
        let Some(real) = real(path) else {
            return true;
        };
        self.confinement.landlock == 0
            || real.ancestors().filter_map(id).any(|id| {
                let own = self.roots.iter().filter(|root| root.id == id);
                own.into_iter().any(|root| root.rights.include(rights))
            })
    }

    fn said(&self, rights: Rights) -> (String, String) {
        match rights {
            Rights::Read | Rights::Run => (
                "it lies outside of the folders that the running process may read ([Runtime] Sandbox)"
                    .to_owned(),
                format!(
                    "restart crmgate, for a reload or an upgrade does not widen what it may read; or put \
                     the file beneath \"{}\"",
                    self.home.display()
                ),
            ),
            Rights::Write => (
                "it lies outside of the folders that the running process may write to ([Runtime] Sandbox)"
                    .to_owned(),
                "restart crmgate, for a reload or an upgrade does not widen where it may write".to_owned(),
            ),
        }
    }
}

impl Rights {
    const fn include(self, wanted: Self) -> bool {
        matches!(
            (self, wanted),
            (_, Self::Read) | (Self::Run, Self::Run) | (Self::Write, Self::Write)
        )
    }
}

/// Why a file cannot be had, and what to do: as the system says it and with this hint, unless it is the
/// sandbox of this process that keeps it out of reach.
pub fn why(path: &Path, rights: Rights, cause: &io::Error, hint: &str) -> (String, String) {
    why_within(Sandbox::in_force(), (path, rights), cause, hint)
}

fn why_within(
    sandbox: Option<&Sandbox>,
    (path, rights): (&Path, Rights),
    cause: &io::Error,
    hint: &str,
) -> (String, String) {
    match sandbox.filter(|_| cause.kind() == ErrorKind::PermissionDenied) {
        Some(sandbox) if !sandbox.reaches(path, rights) => sandbox.said(rights),
        Some(_) | None => (cause.to_string(), hint.to_owned()),
    }
}

/// Where a file really is, or where it would be made. None where that cannot be found out.
fn real(path: &Path) -> Option<PathBuf> {
    match path.canonicalize() {
        Ok(real) => Some(real),
        Err(cause) if cause.kind() == ErrorKind::NotFound => path.parent()?.canonicalize().ok(),
        Err(_hidden) => None,
    }
}

/// Which file or folder this is.
#[cfg(unix)]
pub fn id(path: &Path) -> Option<FileId> {
    use std::os::unix::fs::MetadataExt as _;
    let found = std::fs::metadata(path).ok()?;
    Some((found.dev(), found.ino()))
}

/// Only Unix numbers its files in a way that can be asked for.
#[cfg(not(unix))]
pub fn id(_path: &Path) -> Option<FileId> {
    None
}

#[cfg(test)]
#[cfg(unix)]
#[path = "tests/sandbox.rs"]
mod tests;
