//! The token: who can read its file may operate the gateway from this machine.

use std::fmt;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use aws_lc_rs::rand::fill;

use crate::certs::digest::sha256;
use crate::model::Fingerprint;

/// A token as it was written for this run of the daemon. Only its digest is kept.
#[derive(Clone)]
pub(super) struct Token {
    digest: [u8; 32],
    file: PathBuf,
}

impl Token {
    /// Makes one, and writes it to the first of the places that takes it, for the owner alone.
    pub(super) fn issue(places: &[PathBuf]) -> Result<Self, (PathBuf, io::Error)> {
        let mut first = None;
        for place in places {
            match write_new(place) {
                Ok(text) => {
                    return Ok(Self {
                        digest: sha256(text.as_bytes()),
                        file: place.clone(),
                    });
                }
                Err(cause) => {
                    first.get_or_insert_with(|| (place.clone(), cause));
                }
            }
        }
        Err(first.unwrap_or_else(|| (PathBuf::new(), io::ErrorKind::NotFound.into())))
    }

    /// The token of the process whose place this one takes: who has it now shall have it then. None
    /// if its file is not where this one would write it, or cannot be read.
    pub(super) fn take_over(file: &Path, places: &[PathBuf]) -> Option<Self> {
        let place = places.iter().find(|place| *place == file)?;
        let text = fs::read_to_string(place).ok()?;
        let text = text.trim();
        (!text.is_empty()).then(|| Self {
            digest: sha256(text.as_bytes()),
            file: place.clone(),
        })
    }

    /// Whether somebody shows it. Digests are compared, so the time it takes tells nothing.
    pub(super) fn is(&self, shown: &str) -> bool {
        sha256(shown.trim().as_bytes()) == self.digest
    }

    /// Where it stands.
    pub(super) fn file(&self) -> &Path {
        &self.file
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}

/// The token in the first of the places that has one.
pub(super) fn read(places: &[PathBuf]) -> Result<String, (PathBuf, io::Error)> {
    let mut closed = None;
    for place in places {
        match fs::read_to_string(place) {
            Ok(text) => return Ok(text.trim().to_owned()),
            Err(cause) => {
                let is_worse = cause.kind() != io::ErrorKind::NotFound;
                if closed.is_none() || is_worse {
                    closed = Some((place.clone(), cause));
                }
            }
        }
    }
    Err(closed.unwrap_or_else(|| (PathBuf::new(), io::ErrorKind::NotFound.into())))
}

/// A temporary file is readable for its owner alone from its first moment on, and replaces the
/// token of an earlier run at once.
fn write_new(place: &Path) -> io::Result<String> {
    let mut bytes = [0; 32];
    fill(&mut bytes).map_err(|_unspecified| io::Error::other("no random numbers"))?;
    // The form of digests: hexadecimal, without anything that a shell would touch.
    let text = Fingerprint(bytes).to_string();
    let folder = place.parent().filter(|folder| folder.is_dir());
    let folder = folder.ok_or(io::ErrorKind::NotFound)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    writeln!(file, "{text}")?;
    file.persist(place).map_err(|error| error.error)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_new_each_time_and_what_was_read_from_its_file_opens() {
        let dir = tempfile::tempdir().expect("a folder");
        let places = [
            dir.path().join("missing/t"),
            dir.path().join("crmgate.token"),
        ];
        let first = Token::issue(&places).expect("issued");
        let shown = read(&places).expect("a token");
        assert!(first.is(&shown) && !first.is("") && !first.is(&shown.to_uppercase()));
        let second = Token::issue(&places).expect("issued");
        assert!(!second.is(&shown));
        assert!(second.is(&read(&places).expect("a token")));
        assert_eq!(second.file(), places[1]);
    }

    #[test]
    fn the_token_of_the_process_before_goes_on_where_its_file_stands() {
        let dir = tempfile::tempdir().expect("a folder");
        let places = [dir.path().join("crmgate.token")];
        let first = Token::issue(&places).expect("issued");
        let shown = read(&places).expect("a token");
        let next = Token::take_over(first.file(), &places).expect("taken over");
        assert!(next.is(&shown));
        assert!(Token::take_over(first.file(), &[]).is_none());
        fs::write(&places[0], "\n").expect("written");
        assert!(Token::take_over(first.file(), &places).is_none());
    }

    #[cfg(unix)]
    #[test]
    fn nobody_but_its_owner_can_read_it_even_where_another_file_was_there() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().expect("a folder");
        let place = dir.path().join("crmgate.token");
        fs::write(&place, "old").expect("written");
        fs::set_permissions(&place, fs::Permissions::from_mode(0o666)).expect("opened");
        Token::issue(std::slice::from_ref(&place)).expect("issued");
        let mode = fs::metadata(&place).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn where_no_place_takes_it_the_first_one_is_named() {
        let (place, cause) =
            Token::issue(&[PathBuf::from("/nonexistent/a.token")]).expect_err("no such folder");
        assert_eq!(place, Path::new("/nonexistent/a.token"));
        assert_eq!(cause.kind(), io::ErrorKind::NotFound);
    }
}
