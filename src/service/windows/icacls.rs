//! Folders that nobody but the system, administrators and the service gets into.

use std::fs;
use std::io;
use std::path::Path;

use super::error::ServiceError;
use super::installation::{Installation, closed, opened, owned};
use crate::config::access_list::{Access, access, icacls};

/// Whether it could be found out who gets into a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// Nobody who should not.
    Closed,
    /// The system does not tell.
    Unknown,
}

/// Makes the folders, and closes the outermost, what is in it and what will be.
pub(super) fn make(installation: &Installation) -> Result<Seen, ServiceError> {
    let outermost = &installation.config;
    fs::create_dir_all(outermost).map_err(|cause| unmade(outermost, cause))?;
    run(outermost, &owned(outermost))?;
    // One that is closed stays closed all the time: it may hold keys.
    if access(outermost).is_none_or(|access| !access.is_closed) {
        for call in closed(outermost) {
            run(outermost, &call)?;
        }
    }
    for (folder, _) in installation.folders() {
        fs::create_dir_all(&folder).map_err(|cause| unmade(&folder, cause))?;
    }
    match access(outermost) {
        None => Ok(Seen::Unknown),
        Some(Access {
            is_closed: true, ..
        }) => Ok(Seen::Closed),
        Some(Access { outsiders, .. }) => Err(ServiceError::Open {
            path: outermost.clone(),
            said: if outsiders.is_empty() {
                "its access list names others still".to_owned()
            } else {
                format!("{} can still get in", outsiders.join(", "))
            },
        }),
    }
}

/// Lets the service in, which Windows knows by now.
pub(super) fn let_in(installation: &Installation) -> Result<(), ServiceError> {
    for (folder, right) in installation.folders() {
        run(&folder, &opened(&folder, right))?;
    }
    Ok(())
}

fn run(folder: &Path, call: &[std::ffi::OsString]) -> Result<(), ServiceError> {
    let open = |said: String| ServiceError::Open {
        path: folder.to_owned(),
        said,
    };
    let done = icacls().args(call).output();
    let done = done.map_err(|cause| open(format!("icacls.exe does not run: {cause}")))?;
    if done.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&done.stderr);
    Err(open(format!("icacls.exe says: {}", said.trim())))
}

fn unmade(path: &Path, cause: io::Error) -> ServiceError {
    ServiceError::Folder {
        path: path.to_owned(),
        cause,
    }
}
