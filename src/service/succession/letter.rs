//! [`Letter`]: what two processes of the daemon say to each other, and how it stands on the wire.
//!
//! A letter is its length in four bytes and JSON, so that two versions understand each other: a kind
//! of letter that is not known is passed over, and so are fields.

use std::io::{self, Read, Write};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::gateway::Estate;
use crate::service::sandbox::Bequest;
use crate::tls::HandedSessions;

/// What is said.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "letter", rename_all = "kebab-case")]
pub(super) enum Letter {
    /// The first one, from the old process. As many sockets follow as it names.
    Will {
        /// The version of the old process.
        version: String,
        #[serde(default)]
        sockets: Vec<NamedSocket>,
        #[serde(default)]
        estate: Box<Estate>,
        /// Where the token of the admin listener stands.
        #[serde(default)]
        token_file: Option<PathBuf>,
        /// What the new process is confined to by birth.
        #[serde(default)]
        sandbox: Option<Bequest>,
    },
    /// The new process is there.
    Here {
        /// Its number; whoever was started has started it.
        pid: u32,
    },
    /// The new process could serve.
    Ready,
    /// Sessions that came since.
    Sessions { sessions: HandedSessions },
    /// The old process lets nobody in any more.
    Go,
    /// Of a later version.
    #[serde(other)]
    Unknown,
}

/// A socket that follows.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct NamedSocket {
    /// The address of the configuration that it serves.
    pub(super) listen: String,
    /// Whether a service manager holds it as well.
    #[serde(default)]
    pub(super) stays: bool,
}

/// More than all sessions of a full store take.
const LONGEST: u32 = 1 << 30;

impl Letter {
    /// Puts it on the wire.
    pub(super) fn send(&self, mut to: impl Write) -> io::Result<()> {
        let text = serde_json::to_vec(self)?;
        let length = u32::try_from(text.len()).ok().filter(|len| *len <= LONGEST);
        let length = length.ok_or(io::ErrorKind::FileTooLarge)?;
        to.write_all(&length.to_be_bytes())?;
        to.write_all(&text)
    }

    /// Takes the next one from the wire, and not a byte of what follows it.
    pub(super) fn receive(mut from: impl Read) -> io::Result<Self> {
        let mut length = [0; 4];
        from.read_exact(&mut length)?;
        let length = u32::from_be_bytes(length);
        if length > LONGEST {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut text = Vec::new();
        let read = (&mut from).take(length.into()).read_to_end(&mut text)?;
        if u32::try_from(read) != Ok(length) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(serde_json::from_slice(&text)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_is_read_as_it_was_written_and_nothing_after_it_is_touched() {
        let mut wire = Vec::new();
        Letter::Ready.send(&mut wire).expect("written");
        Letter::Go.send(&mut wire).expect("written");
        wire.push(7);
        let mut rest = wire.as_slice();
        assert!(matches!(Letter::receive(&mut rest), Ok(Letter::Ready)));
        assert!(matches!(Letter::receive(&mut rest), Ok(Letter::Go)));
        assert_eq!(rest, [7]);
    }

    #[test]
    fn a_kind_of_letter_that_is_not_known_is_passed_over() {
        let text = br#"{"letter":"weather","rain":true}"#;
        let mut wire = u32::try_from(text.len())
            .expect("short")
            .to_be_bytes()
            .to_vec();
        wire.extend_from_slice(text);
        let read = Letter::receive(wire.as_slice());
        assert!(matches!(read, Ok(Letter::Unknown)), "{read:?}");
    }

    #[test]
    fn what_is_cut_off_or_no_letter_is_an_error() {
        let mut wire = Vec::new();
        Letter::Ready.send(&mut wire).expect("written");
        wire.pop();
        let error = Letter::receive(wire.as_slice()).expect_err("cut off");
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        let error = Letter::receive([255; 8].as_slice()).expect_err("too long");
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        Letter::receive([0, 0, 0, 1, b'x'].as_slice()).expect_err("no JSON");
    }
}
