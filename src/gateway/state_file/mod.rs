//! [`StateFile`]: what has to be known after a restart, and to `crmgate check`.
//!
//! That is which authority let in which clients, where clients were served that do not say who they
//! are, and what the servers showed that were called: with it `check` tells whom a change would shut
//! out; and which alarms have been raised. The file is a help and never needed:
//! whatever is wrong with it is a warning, and everything else goes on.

mod format;

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;
use tracing::warn;

use crate::certs::Step;
use crate::certs::digest::sha256;
use crate::config::AdminDoor;
use crate::config::keys::LONGEST_GUARD;
use crate::config::problem::{Place, Problem};
use crate::config::sandbox::{self, Rights};
use crate::config::settings::{FileRef, Settings};
use crate::model::{Fingerprint, Generation, WallTime};
use crate::tls::authority_uses::AuthorityUse;
use crate::tls::nameless_uses::Nameless;
use crate::tls::server_uses::Server;
use crate::tls::{AuthorityUses, NamelessUses, ServerUses};

pub(super) use format::Recalled;

/// What is remembered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Memory {
    /// Which authority let in which clients.
    pub(super) uses: Vec<AuthorityUse>,
    /// Where clients were served that do not say who they are.
    pub(super) nameless: Vec<Nameless>,
    /// What the servers showed that were called.
    pub(super) servers: Vec<Server>,
    /// Which alarms have been raised, each with the last step that was told.
    pub(super) alarms: Vec<([u8; 32], Step)>,
}

/// Where all of it is noted while the gateway runs, apart from alarms.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known<'a> {
    pub(super) uses: &'a AuthorityUses,
    pub(super) nameless: &'a NamelessUses,
    pub(super) servers: &'a ServerUses,
}

impl Memory {
    /// What is known now of the time that may matter.
    pub(super) fn of(known: &Known<'_>, now: WallTime) -> Self {
        let since = remembered_since(now);
        Self {
            uses: known.uses.since(since, now, MOST_CLIENTS),
            nameless: known.nameless.since(since, now),
            servers: known.servers.since(since, now),
            alarms: Vec::new(),
        }
    }
}

/// The file, and what was written into it last.
#[derive(Debug)]
pub(super) struct StateFile {
    dir: PathBuf,
    /// What it holds, and where it may be.
    written: Option<(Vec<PathBuf>, Memory)>,
    /// What was known when it was looked at last, in which generation, and until when that is enough.
    looked_at: Option<(Memory, Generation, Instant)>,
    /// Not before this moment it is written again.
    next: Instant,
    /// Whether it has been said that it cannot be written.
    complained: bool,
    /// Whether another process writes it now.
    is_left: bool,
}

/// How often it is written at the most: a crash costs the uses of so long, a disk one small file.
const PAUSE: Duration = Duration::from_mins(1);

/// Clients of one authority in the file; of the rest there is a number.
pub(super) const MOST_CLIENTS: usize = 100;

/// More than a hundred authorities with a hundred clients each, with the certificates that fit.
const MAX_SIZE: u64 = 64 << 20;

/// The name of the file in a folder that is the gateway's own configuration's.
const NAME: &str = "crmgate.state";

impl StateFile {
    /// The file of the gateway in this directory.
    pub(super) fn of(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
            written: None,
            looked_at: None,
            next: Instant::now(),
            complained: false,
            is_left: false,
        }
    }

    /// Another process writes it from now on.
    pub(super) const fn leave(&mut self) {
        self.is_left = true;
    }

    /// This one writes it again.
    pub(super) const fn resume(&mut self) {
        self.is_left = false;
    }

    /// Whether what has changed may be written again.
    pub(super) fn is_due(&self) -> bool {
        Instant::now() >= self.next
    }

    /// Whether somebody came or went since it was asked last, or another generation is in force, or
    /// the time may have changed how somebody stands: to prove everybody again costs signatures.
    pub(super) fn is_news(&mut self, memory: &Memory, generation: Generation) -> bool {
        let now = Instant::now();
        let is_known = self
            .looked_at
            .as_ref()
            .is_some_and(|(known, of, until)| known == memory && *of == generation && now < *until);
        if !is_known {
            self.looked_at = Some((memory.clone(), generation, now + PAUSE));
        }
        !is_known
    }

    /// Writes what has changed.
    pub(super) fn write(&mut self, settings: &Settings, memory: Memory, now: WallTime) {
        let places = state_places(&self.dir, settings);
        if self.is_left || self.holds(&places, &memory) {
            return;
        }
        self.next = Instant::now() + PAUSE;
        match write(&places, &format::text(&memory, now)) {
            Ok(()) => {
                self.written = Some((places, memory));
                self.complained = false;
            }
            Err((path, cause)) if !self.complained => {
                self.complained = true;
                let hint = "give the account of the service a folder to write to, or name a file with [Runtime] StateFile";
                let (cause, hint) = sandbox::why(&path, Rights::Write, &cause, hint);
                warn!(
                    file = %path.display(), cause, hint,
                    "the state file cannot be written: after a restart, and to crmgate check, it is not known which authority is in use, and alarms are raised a second time"
                );
            }
            Err(_told) => {}
        }
    }

    fn holds(&mut self, places: &[PathBuf], memory: &Memory) -> bool {
        if let Some((before, held)) = &self.written {
            // One that somebody has deleted is written again.
            let is_there = || places.iter().any(|place| place.exists());
            let has_none = *memory == Memory::default();
            return before == places && held == memory && (has_none || is_there());
        }
        // A gateway that nobody has called needs no file.
        let needs_none = *memory == Memory::default() && read(places).is_none();
        if needs_none {
            self.written = Some((places.to_vec(), memory.clone()));
        }
        needs_none
    }
}

fn remembered_since(now: WallTime) -> WallTime {
    let longest = i64::try_from(LONGEST_GUARD.as_secs()).unwrap_or(i64::MAX);
    WallTime(now.0.saturating_sub(longest))
}

/// Takes in what the file tells, if there is one; a problem says why it tells nothing.
pub(super) fn recall(dir: &Path, settings: &Settings, into: &Known<'_>) -> Option<Problem> {
    match known(dir, settings) {
        Ok(None) => None,
        Ok(Some((_, Recalled { memory, .. }))) => {
            into.uses.remember(memory.uses);
            into.nameless.remember(memory.nameless);
            into.servers.remember(memory.servers);
            None
        }
        Err(problem) => Some(*problem),
    }
}

/// The alarms that the file tells of, if there is one. Whatever is wrong with it is told where the
/// rest of it is read.
pub(super) fn recall_alarms(dir: &Path, settings: &Settings) -> Vec<([u8; 32], Step)> {
    let known = known(dir, settings).ok().flatten();
    known.map_or_else(Vec::new, |(_, recalled)| recalled.memory.alarms)
}

/// What the file tells, and which one it is, if there is one; a problem says why it tells nothing.
pub(super) fn known(
    dir: &Path,
    settings: &Settings,
) -> Result<Option<(PathBuf, Recalled)>, Box<Problem>> {
    let Some((path, text)) = read(&state_places(dir, settings)) else {
        return Ok(None);
    };
    let trouble = |what: String, hint: &str| {
        let place = Place::file(&path);
        Err(Box::new(Problem::warning(place, what, hint)))
    };
    match text.as_deref().map(format::parse) {
        Ok(Ok(recalled)) => Ok(Some((path, recalled))),
        Ok(Err(broken)) => trouble(
            format!(
                "the state file is not understood, so it is not known which authority is in use: \
                 {broken}"
            ),
            "nothing has to be done: the gateway begins a new one; see whether something else \
             writes there",
        ),
        Err(cause) => trouble(
            format!(
                "the state file cannot be read, so it is not known which authority is in use: \
                 {cause}"
            ),
            "give the account that runs crmgate the right to read it",
        ),
    }
}

/// The first of the places that has a file which can be read, with what it holds; else why one that
/// is there cannot.
fn read(places: &[PathBuf]) -> Option<(PathBuf, io::Result<String>)> {
    let mut closed = None;
    for path in places {
        match read_one(path) {
            Ok(text) => return Some((path.clone(), Ok(text))),
            Err(cause) if is_missing(&cause) => {}
            Err(cause) => {
                closed.get_or_insert_with(|| (path.clone(), Err(cause)));
            }
        }
    }
    closed
}

fn is_missing(cause: &io::Error) -> bool {
    matches!(cause.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

fn read_one(path: &Path) -> io::Result<String> {
    // Opening a pipe would wait for whoever writes into it.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_SIZE).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Where the file may be, the best place first: where an operator wants it, or where the system
/// keeps what services have to remember, or beside the configuration.
pub fn state_places(dir: &Path, settings: &Settings) -> Vec<PathBuf> {
    places_of(dir, settings.runtime.state_file.as_ref())
}

fn places_of(dir: &Path, named: Option<&FileRef>) -> Vec<PathBuf> {
    if let Some(file) = named {
        return vec![file.path.clone()];
    }
    places_among(dir, folders_of_the_system(dir))
}

/// Where the admin listener's token may be: where an operator wants it, or beside the state file. The
/// first place that takes it has it.
pub fn token_places(dir: &Path, door: &AdminDoor) -> Vec<PathBuf> {
    if let Some(file) = &door.token_file {
        return vec![file.path.clone()];
    }
    let beside = places_of(dir, door.state_file.as_ref()).into_iter();
    beside.map(|path| path.with_extension("token")).collect()
}

fn places_among(dir: &Path, folders: Vec<PathBuf>) -> Vec<PathBuf> {
    let name = shared_name(dir);
    let shared = folders.into_iter();
    let mut places: Vec<PathBuf> = shared
        .filter(|folder| folder.is_dir())
        .map(|folder| folder.join(&name))
        .collect();
    places.push(dir.join(NAME));
    places
}

/// In a folder that other gateways of this machine may use as well, the name tells whose it is.
fn shared_name(dir: &Path) -> String {
    let whole = fs::canonicalize(dir).unwrap_or_else(|_gone| dir.to_owned());
    let digest = Fingerprint(sha256(whole.as_os_str().as_encoded_bytes())).to_string();
    format!("crmgate-{}.state", digest.get(..8).unwrap_or(&digest))
}

fn folders_of_the_system(dir: &Path) -> Vec<PathBuf> {
    // systemd names the folder of StateDirectory= in here, and more with colons between them.
    let given = std::env::var_os("STATE_DIRECTORY").map(|all| {
        let folders = std::env::split_paths(&all);
        folders.filter(|folder| folder.is_absolute()).collect()
    });
    let mut folders: Vec<PathBuf> = given.unwrap_or_default();
    folders.push(if cfg!(windows) {
        // Made by `crmgate service install`, for the service to write to.
        dir.join("state")
    } else {
        PathBuf::from("/var/lib/crmgate")
    });
    folders
}

/// Writes to the first place that takes it; the error is that of the first.
fn write(places: &[PathBuf], text: &str) -> Result<(), (PathBuf, io::Error)> {
    let mut first = None;
    for path in places {
        match replace(path, text) {
            Ok(()) => return Ok(()),
            Err(cause) => {
                first.get_or_insert_with(|| (path.clone(), cause));
            }
        }
    }
    first.map_or(Ok(()), Err)
}

/// Nobody ever reads half of it: it is written beside and moved there.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let beside = path.with_extension("state.new");
    let written = File::create(&beside).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, path)
    });
    if written.is_err() {
        let _left_behind = fs::remove_file(&beside);
    }
    written
}

#[cfg(test)]
mod tests;
