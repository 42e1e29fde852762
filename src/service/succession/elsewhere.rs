//! Systems that cannot pass listening sockets to another process.
#![expect(
    clippy::unused_async,
    reason = "the same functions wait where there is another process"
)]

use std::convert::Infallible;
use std::io;
use std::path::Path;
use std::process::ExitStatus;

use super::{Left, SuccessionError, Will};
use crate::service::sandbox::Bequest;
use crate::tls::HandedSessions;

/// There is none here.
#[derive(Debug)]
pub struct Successor(Infallible);

impl Successor {
    /// Cannot be done here.
    pub fn start(_program: &Path, _will: Will) -> Result<Self, SuccessionError> {
        Err(SuccessionError::NotHere)
    }

    /// Its number.
    pub const fn pid(&self) -> u32 {
        match self.0 {}
    }

    /// Never, since there is none.
    pub async fn ready(&mut self) -> Result<(), SuccessionError> {
        match self.0 {}
    }

    /// Hands over what came since.
    pub fn hand_over(&self, _sessions: HandedSessions) {
        match self.0 {}
    }

    /// From now on it may let callers in.
    pub fn go(&self) {
        match self.0 {}
    }

    /// It is not to take this one's place after all.
    pub fn give_up(self) {
        match self.0 {}
    }
}

/// There is none here.
#[derive(Debug)]
pub struct Predecessor(Infallible);

/// There are none here.
#[derive(Debug)]
pub struct LateSessions(Infallible);

impl LateSessions {
    /// Never, since there are none.
    pub async fn next(&mut self) -> HandedSessions {
        match self.0 {}
    }
}

/// Nobody stands in between.
pub const fn between() -> Option<io::Result<ExitStatus>> {
    None
}

impl Predecessor {
    /// Never there.
    pub fn find() -> io::Result<Option<Self>> {
        Ok(None)
    }

    /// Its version.
    pub fn version(&self) -> &str {
        match self.0 {}
    }

    /// What it was confined to.
    pub fn sandbox(&self) -> Option<&Bequest> {
        match self.0 {}
    }

    /// What it has left.
    pub fn left(&mut self) -> Left {
        match self.0 {}
    }

    /// Never, since there is none.
    pub async fn succeed(self, _more: impl Fn(&HandedSessions)) -> io::Result<LateSessions> {
        match self.0 {}
    }
}
