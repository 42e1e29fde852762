//! Files that a key names: where they are, and whether they can be read.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::config::keys::KEYS;
use crate::config::problem::{Place, Problem, Topic};
use crate::config::settings::FileRef;

/// So many folders are looked through for a file that is not where its key says.
const MOST_FOLDERS: usize = 64;

/// How a path begins that leads to what the service manager has read for us (`LoadCredential=`).
const CREDENTIALS: &str = "$CREDENTIALS_DIRECTORY/";

/// The variable in it, which the service manager sets.
const CREDENTIALS_VARIABLE: &str = "CREDENTIALS_DIRECTORY";

/// The path that a written one means: relative to the ini file's folder, `\` and `/` alike.
pub(super) fn resolve(folder: &Path, written: &str) -> PathBuf {
    let credentials = std::env::var_os(CREDENTIALS_VARIABLE);
    resolve_with(folder, written, credentials.as_deref())
}

fn resolve_with(folder: &Path, written: &str, credentials: Option<&OsStr>) -> PathBuf {
    let native = if cfg!(windows) {
        written.to_owned()
    } else {
        written.replace('\\', "/")
    };
    let whole = match (native.strip_prefix(CREDENTIALS), credentials) {
        (Some(inside), Some(credentials)) => Path::new(credentials).join(inside),
        // Without the variable it stays as it is written, and is missed under that name.
        _ => folder.join(native),
    };
    // Collecting the components drops every `.`, so that messages show the path itself.
    whole.components().collect()
}

/// What is wrong with a file that has to be there, if anything. The problem names the path as
/// written and as resolved.
pub(super) fn unreadable(file: &FileRef) -> Option<Problem> {
    let metadata = match fs::metadata(&file.path) {
        Ok(metadata) => metadata,
        Err(cause) if matches!(cause.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            let what = "names a file that does not exist";
            return Some(trouble(file, what, missing_hint(file)));
        }
        Err(cause) => return Some(no_access(file, &cause)),
    };
    if metadata.is_dir() {
        return Some(trouble(file, "names a folder", "name the file in it"));
    }
    // A pipe or a device would block the open below.
    if !metadata.is_file() {
        let what = "names something that is not a file";
        return Some(trouble(file, what, "name a plain file"));
    }
    if metadata.len() == 0 {
        return Some(trouble(
            file,
            "names an empty file",
            "put the file there again; an empty one is often a copy that was cut short",
        ));
    }
    let opened = File::open(&file.path);
    opened.err().map(|cause| no_access(file, &cause))
}

/// The same where a folder is as good as a file.
pub(super) fn unreadable_list(file: &FileRef) -> Option<Problem> {
    if !file.path.is_dir() {
        return unreadable(file);
    }
    let opened = fs::read_dir(&file.path);
    opened.err().map(|cause| no_access(file, &cause))
}

fn no_access(file: &FileRef, cause: &io::Error) -> Problem {
    trouble(
        file,
        &format!("names a file that cannot be read: {cause}"),
        "give the account that runs crmgate the right to read it",
    )
}

fn trouble(file: &FileRef, what: &str, hint: impl Into<String>) -> Problem {
    let key = file.place.key.as_deref().unwrap_or("the key");
    let problem = Problem::error(file.place.clone(), format!("{key} {what}"), hint);
    let problem = problem.about(Topic::of_key(key));
    if is_secret(&file.place) {
        return problem;
    }
    let resolved = file.path.display();
    problem.value(&file.written).allowed(format!(
        "the path of a file; this value means \"{resolved}\""
    ))
}

/// Warns of a private key, or what opens it, that others can read or change. It is a warning and no
/// error, since an installation taken over from the vendor must not fail at its first start for it.
pub(super) fn exposed_key(file: &FileRef) -> Option<Problem> {
    let what = exposure(&file.path)?;
    let hint = chmod(&file.path);
    let problem = Problem::warning(file.place.clone(), what, hint).about(Topic::KeyAccess);
    Some(problem.value(&file.written))
}

/// Refuses a secret of ours that others can read or change: no vendor's installation has one.
pub(super) fn exposed_secret(file: &FileRef) -> Option<Problem> {
    let what = exposure(&file.path)?;
    Some(Problem::error(file.place.clone(), what, chmod(&file.path)))
}

#[cfg(unix)]
fn exposure(path: &Path) -> Option<String> {
    use std::os::unix::fs::PermissionsExt as _;
    /// The group may read: that is how a key is handed to the account of a service.
    const TOO_MUCH: u32 = 0o027;
    let mode = fs::metadata(path).ok()?.permissions().mode();
    (mode & TOO_MUCH != 0).then(|| {
        let mode = mode & 0o7777;
        format!(
            "a file with a secret has mode {mode:04o}: other accounts of this machine can get at it"
        )
    })
}

/// Where Windows does not tell who gets at a file, nothing is said: a guess would cry wolf.
#[cfg(windows)]
fn exposure(path: &Path) -> Option<String> {
    let outsiders = crate::config::access_list::access(path)?.outsiders;
    (!outsiders.is_empty()).then(|| {
        format!(
            "a file with a secret is open to {}: other accounts of this machine can get at it",
            outsiders.join(", ")
        )
    })
}

#[cfg(not(any(unix, windows)))]
fn exposure(_path: &Path) -> Option<String> {
    None
}

fn chmod(path: &Path) -> String {
    if cfg!(windows) {
        format!(
            r#"run: icacls "{}" /inheritance:r /grant:r *S-1-5-18:F *S-1-5-32-544:F "NT SERVICE\crmgate:R""#,
            path.display()
        )
    } else {
        format!("run: chmod 600 '{}'", path.display())
    }
}

/// What is wrong with a file that is going to be written, if anything.
pub(super) fn unwritable(file: &FileRef) -> Option<Problem> {
    let forbidden = |cause: &io::Error| {
        let what = format!("names a file that cannot be written: {cause}");
        let hint = "give the account that runs crmgate the right to write there";
        Some(trouble(file, &what, hint))
    };
    if let Ok(found) = fs::metadata(&file.path) {
        if found.is_dir() {
            return Some(trouble(file, "names a folder", "name a file in it"));
        }
        if is_pipe_or_socket(&found) {
            let what = "names something that is not a file";
            let hint = "name a plain file, or leave the key out for standard output";
            return Some(trouble(file, what, hint));
        }
        let opened = File::options().append(true).open(&file.path);
        return opened.err().and_then(|cause| forbidden(&cause));
    }
    let folder = match file.path.parent()? {
        here if here.as_os_str().is_empty() => Path::new("."),
        folder => folder,
    };
    if !folder.is_dir() {
        return Some(trouble(
            file,
            "names a file in a folder that does not exist",
            "make the folder first, and give crmgate the right to write there",
        ));
    }
    // A file without a name where the system has such, so that nothing is left behind.
    let tried = tempfile::tempfile_in(folder);
    tried.err().and_then(|cause| forbidden(&cause))
}

/// Opening a pipe waits for its reader, and a socket cannot be opened at all.
#[cfg(unix)]
fn is_pipe_or_socket(found: &fs::Metadata) -> bool {
    use std::os::unix::fs::FileTypeExt;
    found.file_type().is_fifo() || found.file_type().is_socket()
}

#[cfg(not(unix))]
fn is_pipe_or_socket(_found: &fs::Metadata) -> bool {
    false
}

fn is_secret(place: &Place) -> bool {
    let named = place.key.as_deref();
    KEYS.iter().any(|key| key.secret && named == Some(key.name))
}

/// What to do about a file that is not there: the best guess comes first.
fn credentials_hint(is_set: bool) -> String {
    if is_set {
        "see the LoadCredential= lines of the unit; what they name is read when the service starts, so \
         restart it"
            .to_owned()
    } else {
        format!(
            "the service manager sets {CREDENTIALS_VARIABLE} for a unit with LoadCredential=; by hand, \
             set it to a folder that holds the same files"
        )
    }
}

fn missing_hint(file: &FileRef) -> String {
    if file.written.starts_with(CREDENTIALS) {
        return credentials_hint(std::env::var_os(CREDENTIALS_VARIABLE).is_some());
    }
    let found = (!is_secret(&file.place))
        .then(|| found_elsewhere(file))
        .flatten();
    if let Some((folder, name)) = found {
        return match folder {
            Some(folder) => format!(
                "found in {folder}{}: write ./{folder}/{name}",
                std::path::MAIN_SEPARATOR
            ),
            None => format!("found beside this ini file: write ./{name}"),
        };
    }
    let windows_path =
        !cfg!(windows) && (file.written.starts_with(r"\\") || file.written.get(1..2) == Some(":"));
    if windows_path {
        "that is a path of Windows; write one of this machine, or a relative one such as \
         ./ssl/name.pem"
            .to_owned()
    } else if file.written.matches('%').count() > 1 {
        "variables such as %ProgramFiles% are not replaced; write the path itself".to_owned()
    } else {
        "put the file there, or name the one that is meant; a relative path starts at the folder \
         of this ini file"
            .to_owned()
    }
}

/// A file of the same name, in any case, in a folder beside the ini file or right there: the folder
/// and the name. The vendor's own page puts the files into `SAP\` and names `./ssl/`.
fn found_elsewhere(file: &FileRef) -> Option<(Option<String>, String)> {
    let name = file.path.file_name()?.to_str()?;
    let base = file.place.file.parent()?;
    let in_folder = |folder: &Path| {
        names_of(folder)
            .into_iter()
            .find(|entry| entry.eq_ignore_ascii_case(name) && folder.join(entry).is_file())
    };
    names_of(base)
        .into_iter()
        .filter(|folder| base.join(folder).is_dir())
        .take(MOST_FOLDERS)
        .find_map(|folder| Some((Some(folder.clone()), in_folder(&base.join(folder))?)))
        .or_else(|| Some((None, in_folder(base)?)))
}

/// The names in a folder, sorted, so that a message is the same every time.
fn names_of(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}

// They make links, sockets and modes, which only Unix has under these names.
#[cfg(all(test, unix))]
#[path = "tests/files.rs"]
mod tests;
