//! [`FileWatch`]: tells when a file of the configuration has changed.
//!
//! The system's own events are only a hint to look sooner: they get lost, and network file systems
//! send none. The truth is what the files hold, read again every `WatchInterval`.

use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::ffi::OsStr;
use std::hash::{Hash, Hasher};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tracing::debug;

use super::contain::{Panicked, contained_call};

/// What every watched file held at one moment. A missing file is content too: that it appears is a
/// change.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Look(BTreeMap<PathBuf, Option<u64>>);

/// Watches the files of a configuration.
///
/// A reload goes like this: [`FileWatch::look`], read the files, [`FileWatch::follow`] with the
/// look. What was written while they were read is then a change again.
#[derive(Debug)]
pub struct FileWatch {
    dir: PathBuf,
    files: Vec<PathBuf>,
    interval: Duration,
    /// What the files held before they were read last.
    loaded: Look,
    hints: mpsc::Receiver<()>,
    /// Kept alive; `None` where the system has no such thing.
    watcher: Option<RecommendedWatcher>,
    /// After a change that could not be loaded, files are looked at more often: with two files to
    /// be written, the first one alone does not fit.
    impatient_until: Option<Instant>,
    looked_at: Instant,
    next_look: Instant,
    /// Files that the last reading named for the first time.
    fresh: Vec<PathBuf>,
    /// A change that has not come to rest yet. It stands here and in no future, so that whoever
    /// waits may break off and wait again.
    moving: Option<Look>,
}

impl FileWatch {
    /// Watches these files, and the directory for new ones. To be made before the files are read
    /// for the first time.
    pub fn new(dir: &Path, files: Vec<PathBuf>, interval: Duration) -> Self {
        let (hint, hints) = mpsc::channel(1);
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            if event.map_or(true, |event| is_news(event.kind)) {
                // A hint that nobody has taken yet is as good as two.
                let _full = hint.try_send(());
            }
        });
        let now = Instant::now();
        let mut watch = Self {
            dir: dir.to_owned(),
            files: Vec::new(),
            interval,
            loaded: Look::default(),
            hints,
            watcher: watcher.ok(),
            impatient_until: None,
            looked_at: now,
            next_look: now,
            moving: None,
            fresh: Vec::new(),
        };
        // Watched first and looked at then, so that there is no moment between the two.
        watch.watch_folders(&files);
        watch.files = files;
        watch.loaded = watch.look();
        watch.next_look = now + interval;
        watch
    }

    /// From now on these files count. `before` is what they held before they were read.
    pub fn follow(&mut self, files: Vec<PathBuf>, interval: Duration, before: &Look) {
        self.watch_folders(&files);
        self.files = files;
        let mut loaded = self.look();
        self.fresh.clear();
        for (path, held) in &mut loaded.0 {
            match before.0.get(path) {
                Some(held_before) => *held = *held_before,
                // Named for the first time, and read just now.
                None if self.files.contains(path) => self.fresh.push(path.clone()),
                // An ini file that nobody has read yet.
                None => *held = None,
            }
        }
        self.loaded = loaded;
        self.interval = interval;
        self.impatient_until = None;
        self.moving = None;
        self.next_look = Instant::now() + REST;
    }

    /// What was followed last could not be loaded: look again soon, for a while.
    pub fn failed(&mut self) {
        for path in self.fresh.drain(..) {
            // It may have been written after it was missed, and before it was looked at.
            self.loaded.0.insert(path, None);
        }
        self.impatient_until = Some(Instant::now() + IMPATIENCE);
    }

    /// Waits until the files hold something else than what was read last and have come to rest.
    /// May be dropped and called again at any time.
    pub async fn changed(&mut self) {
        loop {
            tokio::select! {
                biased;
                () = sleep_until(self.next_look) => {}
                Some(()) = self.hints.recv() => {
                    // Whoever writes all the time, as a log in this folder, costs a look now and
                    // then and not one for each line.
                    self.next_look = self.next_look.min(self.looked_at + REST);
                    continue;
                }
            }
            let seen = self.look();
            let now = Instant::now();
            self.looked_at = now;
            if seen == self.loaded {
                self.moving = None;
                self.next_look = now + self.pause(now);
            } else if self.moving.as_ref() == Some(&seen) {
                self.moving = None;
                self.next_look = now + self.pause(now);
                return;
            } else {
                // Wait for the writer: an editor or a deployment touches several files in a row.
                self.moving = Some(seen);
                self.next_look = now + REST;
            }
        }
    }

    /// What the files hold now. If that cannot be found out, what they held before: looking must
    /// never be the end of what is in force.
    pub fn look(&self) -> Look {
        contained_call(|| self.read_all()).unwrap_or_else(|Panicked| self.loaded.clone())
    }

    fn read_all(&self) -> Look {
        let entries = std::fs::read_dir(&self.dir).into_iter().flatten();
        let ini_files = entries
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .filter(|path| {
                path.extension()
                    .is_some_and(|extension| extension.eq_ignore_ascii_case("ini"))
            });
        let all = ini_files.chain(self.files.iter().cloned());
        Look(
            all.map(|path| {
                let held = digest(&path);
                (path, held)
            })
            .collect(),
        )
    }

    fn pause(&self, now: Instant) -> Duration {
        match self.impatient_until {
            Some(until) if now < until => SOON.min(self.interval),
            Some(_) | None => self.interval,
        }
    }

    fn watch_folders(&mut self, files: &[PathBuf]) {
        let Some(watcher) = &mut self.watcher else {
            return;
        };
        let mut folders: Vec<&Path> = files.iter().filter_map(|file| file.parent()).collect();
        // A folder that is named itself, as one of revocation lists is.
        folders.extend(
            files
                .iter()
                .map(PathBuf::as_path)
                .filter(|file| file.is_dir()),
        );
        folders.push(&self.dir);
        folders.sort_unstable();
        folders.dedup();
        for folder in folders {
            if let Err(error) = watcher.watch(folder, RecursiveMode::NonRecursive) {
                debug!(folder = %folder.display(), %error, "no change events for this folder; it is read every WatchInterval");
            }
        }
    }
}

/// Whether an event may mean other content. That a file was opened and read does not: looking does
/// so itself, and would be its own reason to look again.
fn is_news(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(access) => access == AccessKind::Close(AccessMode::Write),
        EventKind::Any
        | EventKind::Create(_)
        | EventKind::Modify(_)
        | EventKind::Remove(_)
        | EventKind::Other => true,
    }
}

/// What a file holds, or a folder with the files in it. A refused configuration may name anything:
/// a pipe would block, a device has no end, so they count as missing.
fn digest(path: &Path) -> Option<u64> {
    let mut hasher = DefaultHasher::new();
    let metadata = std::fs::metadata(path).ok()?;
    if metadata.is_dir() {
        let entries = std::fs::read_dir(path).ok()?;
        let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        // Hidden ones are not read either: they are files on their way to another name.
        files.retain(|file| !is_hidden(file));
        files.sort_unstable();
        for file in files {
            (&file, file_digest(&file)).hash(&mut hasher);
        }
    } else {
        file_digest(path)?.hash(&mut hasher);
    }
    Some(hasher.finish())
}

fn is_hidden(file: &Path) -> bool {
    let name = file.file_name().map(OsStr::as_encoded_bytes);
    name.is_some_and(|name| name.starts_with(b"."))
}

fn file_digest(path: &Path) -> Option<u64> {
    let metadata = std::fs::metadata(path)
        .ok()
        .filter(std::fs::Metadata::is_file)?;
    let mut hasher = DefaultHasher::new();
    hasher.write_u64(metadata.len());
    let file = std::fs::File::open(path).ok()?;
    let mut file = BufReader::with_capacity(PART, file.take(READ_AT_MOST));
    loop {
        let part = file.fill_buf().ok()?;
        if part.is_empty() {
            return Some(hasher.finish());
        }
        hasher.write(part);
        let length = part.len();
        file.consume(length);
    }
}

/// More than any file that is loaded may have.
const READ_AT_MOST: u64 = 65 << 20;

/// A large list is read in parts, so that looking at it takes no memory.
const PART: usize = 64 << 10;

/// How long files have to be at rest before they are loaded.
const REST: Duration = Duration::from_millis(300);

/// Between two looks while impatient.
const SOON: Duration = Duration::from_secs(1);

/// How long to be impatient.
const IMPATIENCE: Duration = Duration::from_mins(1);
