use std::os::unix::fs::{PermissionsExt, symlink};

use tempfile::TempDir;

use super::*;

fn named(dir: &TempDir, key: &str, written: &str) -> FileRef {
    let ini = dir.path().join("ssl.ini");
    FileRef {
        written: written.to_owned(),
        path: resolve(dir.path(), written),
        place: Place::file(&ini)
            .line(3)
            .section("SSL_SERVER_CLIENT")
            .key(key),
    }
}

fn said(problem: Option<Problem>) -> String {
    problem.map_or_else(String::new, |problem| format!("{problem}"))
}

#[test]
fn both_kinds_of_slashes_separate_folders_and_dots_vanish() {
    let folder = Path::new("/etc/crmgate");
    for written in [
        "./ssl/ca.pem",
        r".\ssl\ca.pem",
        "ssl//ca.pem",
        r"ssl\.\ca.pem",
    ] {
        assert_eq!(
            resolve(folder, written),
            Path::new("/etc/crmgate/ssl/ca.pem")
        );
    }
    assert_eq!(resolve(folder, "/tls/ca.pem"), Path::new("/tls/ca.pem"));
    assert_eq!(
        resolve(folder, "../ca.pem"),
        Path::new("/etc/crmgate/../ca.pem")
    );
}

#[test]
fn a_path_may_begin_with_the_folder_of_credentials() {
    let folder = Path::new("/etc/crmgate");
    let credentials = Some(OsStr::new("/run/credentials/crmgate.service"));
    for written in [
        "$CREDENTIALS_DIRECTORY/key_a.pem",
        r"$CREDENTIALS_DIRECTORY\key_a.pem",
    ] {
        assert_eq!(
            resolve_with(folder, written, credentials),
            Path::new("/run/credentials/crmgate.service/key_a.pem")
        );
        assert_eq!(
            resolve_with(folder, written, None),
            Path::new("/etc/crmgate/$CREDENTIALS_DIRECTORY/key_a.pem")
        );
    }
    for other in [
        "$CREDENTIALS_DIRECTORY",
        "ssl/$CREDENTIALS_DIRECTORY/a",
        "$HOME/a",
    ] {
        assert_eq!(resolve_with(folder, other, credentials), folder.join(other));
    }
}

#[test]
fn a_credential_that_is_missing_is_told_where_it_would_come_from() {
    let dir = tempfile::tempdir().expect("directory");
    let text = said(unreadable(&named(
        &dir,
        "KEY_FILE",
        "$CREDENTIALS_DIRECTORY/a",
    )));
    assert!(text.contains("for a unit with LoadCredential="), "{text}");
    assert!(
        text.contains("a folder that holds the same files"),
        "{text}"
    );
    assert!(credentials_hint(true).contains("restart it"));
}

#[test]
fn a_file_that_is_there_is_no_problem() {
    let dir = tempfile::tempdir().expect("directory");
    fs::write(dir.path().join("(a b) – c.pem"), "x").expect("file");
    assert_eq!(unreadable(&named(&dir, "CA_FILE", "./(a b) – c.pem")), None);
}

#[test]
fn a_missing_file_is_searched_in_the_folders_beside_and_named() {
    let dir = tempfile::tempdir().expect("directory");
    fs::create_dir(dir.path().join("SAP")).expect("folder");
    fs::write(dir.path().join("SAP/Ca.pem"), "x").expect("file");
    let text = said(unreadable(&named(&dir, "CA_FILE", "./ssl/ca.pem")));
    assert!(text.contains("found in SAP/: write ./SAP/Ca.pem"), "{text}");
    assert!(text.contains("value:   \"./ssl/ca.pem\""), "{text}");
    assert!(
        text.contains(&format!("{}/ssl/ca.pem", dir.path().display())),
        "{text}"
    );
}

#[test]
fn what_cannot_be_opened_is_told_from_what_is_not_there() {
    let dir = tempfile::tempdir().expect("directory");
    symlink(dir.path().join("loop.pem"), dir.path().join("loop.pem")).expect("link");
    let text = said(unreadable(&named(&dir, "CA_FILE", "loop.pem")));
    assert!(text.contains("cannot be read: "), "{text}");
}

#[test]
fn a_path_through_a_file_does_not_exist() {
    let dir = tempfile::tempdir().expect("directory");
    fs::write(dir.path().join("ssl"), "x").expect("file");
    let text = said(unreadable(&named(&dir, "CA_FILE", "ssl/ca.pem")));
    assert!(text.contains("does not exist"), "{text}");
}

#[test]
fn a_pipe_is_refused_without_waiting_for_a_writer() {
    let dir = tempfile::tempdir().expect("directory");
    // A socket is the one kind of special file that the standard library can make.
    let _socket = std::os::unix::net::UnixListener::bind(dir.path().join("s.pem")).expect("socket");
    let text = said(unreadable(&named(&dir, "CA_FILE", "s.pem")));
    assert!(text.contains("something that is not a file"), "{text}");
}

#[test]
fn what_may_be_a_passphrase_is_never_shown() {
    let dir = tempfile::tempdir().expect("directory");
    let text = said(unreadable(&named(&dir, "KEY_PASSPHRASE_FILE", "hunter2")));
    assert!(
        text.contains("does not exist") && !text.contains("hunter2"),
        "{text}"
    );
}

#[test]
fn a_key_is_exposed_if_others_may_read_it() {
    let dir = tempfile::tempdir().expect("directory");
    let path = dir.path().join("key.pem");
    fs::write(&path, "x").expect("file");
    let key = named(&dir, "KEY_FILE", "key.pem");
    for (mode, exposed) in [(0o600, false), (0o640, false), (0o644, true)] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("mode");
        assert_eq!(exposed_key(&key).is_some(), exposed, "{mode:o}");
    }
}
