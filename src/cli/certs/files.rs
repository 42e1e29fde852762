//! Files that commands write: whole or not at all, and never over another one unasked.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::failure::Failure;
use crate::cli::exit::Exit;
use crate::model::WallTime;

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Nobody but the account that writes it: it holds a private key.
    Secret,
    /// Everybody.
    Open,
}

/// Writes a file that is not there yet, or replaces it where that was asked for.
pub(super) fn write(path: &Path, bytes: &[u8], access: Access, force: bool) -> Result<(), Failure> {
    let file = beside(path, bytes, access)?;
    let persisted = if force {
        file.persist(path)
    } else {
        file.persist_noclobber(path)
    };
    match persisted {
        Ok(_written) => Ok(()),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
            Err(Failure::exists(path, "name another one, or add --force"))
        }
        Err(error) => Err(unwritable(path, &error.error)),
    }
}

/// Puts bytes in the place of a file at once and keeps the former ones beside it. Returns where.
pub(super) fn replace_keeping(
    path: &Path,
    bytes: &[u8],
    access: Access,
    now: WallTime,
) -> Result<PathBuf, Failure> {
    let kept = backup_of(path, now);
    let former = std::fs::read(path).map_err(|cause| unwritable(path, &cause))?;
    write(&kept, &former, access, false)?;
    let file = beside(path, bytes, access)?;
    keep_mode(path, file.path());
    file.persist(path)
        .map_err(|error| unwritable(path, &error.error))?;
    Ok(kept)
}

/// A name that says when it was given up.
fn backup_of(path: &Path, now: WallTime) -> PathBuf {
    let digits: String = now
        .to_string()
        .chars()
        .filter(|c| c.is_ascii_digit() || *c == 'T')
        .collect();
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".bak-{digits}"));
    path.with_file_name(name)
}

/// The account of a service may read its key by its group; a new key has to stay readable for it.
#[cfg(unix)]
fn keep_mode(from: &Path, to: &Path) {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
    if let Ok(found) = std::fs::metadata(from) {
        // Only the superuser may do this, and only for it does it matter.
        let _not_allowed = chown(to, Some(found.uid()), Some(found.gid()));
        let mode = std::fs::Permissions::from_mode(found.permissions().mode() & 0o7777);
        let _readable_for_less = std::fs::set_permissions(to, mode);
    }
}

#[cfg(not(unix))]
fn keep_mode(_from: &Path, _to: &Path) {}

/// The bytes in a file that has no name yet.
fn beside(path: &Path, bytes: &[u8], access: Access) -> Result<NamedTempFile, Failure> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let made = NamedTempFile::new_in(folder).and_then(|mut file| {
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        open_up(&file, access)?;
        Ok(file)
    });
    made.map_err(|cause| unwritable(path, &cause))
}

#[cfg(unix)]
fn open_up(file: &NamedTempFile, access: Access) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    // A new file of this kind is its account's alone.
    match access {
        Access::Secret => Ok(()),
        Access::Open => file
            .as_file()
            .set_permissions(std::fs::Permissions::from_mode(0o644)),
    }
}

/// Access comes from the folder that a file is made in.
#[cfg(not(unix))]
#[expect(
    clippy::unnecessary_wraps,
    reason = "on Unix this can fail, and whoever calls it is the same"
)]
fn open_up(_file: &NamedTempFile, _access: Access) -> io::Result<()> {
    Ok(())
}

/// A folder that may be there already.
pub(super) fn folder(path: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(path).map_err(|cause| unwritable(path, &cause))
}

pub(super) fn unwritable(path: &Path, cause: &io::Error) -> Failure {
    let exit = if cause.kind() == io::ErrorKind::PermissionDenied {
        Exit::NoPermission
    } else {
        Exit::CannotCreate
    };
    Failure::new(
        exit,
        format!("the file \"{}\" cannot be written: {cause}", path.display()),
        "name a place where this account may write, in a folder that is there",
    )
}
