//! [`Rotating`]: a log file that is moved away once it has become large or old, where nothing else on
//! the machine does that.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use tokio::time::Instant;

use super::target::open_file;
use crate::model::{Clock, WallTime};

/// When a log file is moved away. Without a size and an age it never is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rotation {
    /// `RotateSize`: before it would have more bytes than this.
    pub size: Option<u64>,
    /// `RotateAge`: when it was begun so long ago.
    pub age: Option<Duration>,
    /// `RotateKeep`: how many of the old ones stay.
    pub keep: usize,
}

/// The file, and what has to be known of it.
#[derive(Debug)]
pub(super) struct Rotating {
    path: PathBuf,
    rotation: Rotation,
    clock: Clock,
    /// Nothing only while it is moved.
    file: Option<File>,
    size: u64,
    since: WallTime,
    /// What was written last ended a line: never is one torn apart over two files.
    is_between_lines: bool,
    /// Not before this moment it is tried again.
    next_try: Instant,
}

impl Rotating {
    /// Opens a file for appending; it is as old as the system says.
    pub(super) fn open(path: &Path, rotation: Rotation, clock: &Clock) -> io::Result<Self> {
        let file = open_file(path)?;
        let found = file.metadata()?;
        let now = clock.now();
        let born = found.created().or_else(|_unknown| found.modified()).ok();
        let born = born.and_then(|born| born.duration_since(UNIX_EPOCH).ok());
        let born = born.and_then(|born| i64::try_from(born.as_secs()).ok());
        let since = born.map_or(now, |born| WallTime(born.min(now.0)));
        Ok(Self {
            path: path.to_owned(),
            rotation,
            clock: clock.clone(),
            file: Some(file),
            size: found.len(),
            since,
            is_between_lines: true,
            next_try: Instant::now(),
        })
    }

    fn is_due(&self, more: usize) -> bool {
        if self.size == 0 || !self.is_between_lines || Instant::now() < self.next_try {
            return false;
        }
        let more = u64::try_from(more).unwrap_or(u64::MAX);
        let age = self.clock.now().0.saturating_sub(self.since.0);
        let is_large = |limit| self.size.saturating_add(more) > limit;
        let is_old = |limit: Duration| u64::try_from(age).is_ok_and(|age| age >= limit.as_secs());
        self.rotation.size.is_some_and(is_large) || self.rotation.age.is_some_and(is_old)
    }

    /// Moves the file away and begins another. Where that cannot be done lines go on to the old one:
    /// a log that grows too large is better than none.
    fn rotate(&mut self) -> io::Result<()> {
        // Some systems do not let an open file be moved.
        self.file = None;
        let moved = self.move_away();
        let file = open_file(&self.path)?;
        if moved.is_ok() {
            self.size = 0;
            self.since = self.clock.now();
        } else {
            self.next_try = Instant::now() + RETRY;
        }
        self.file = Some(file);
        Ok(())
    }

    fn move_away(&self) -> io::Result<()> {
        let keep = self.rotation.keep.max(1);
        missing_is_fine(fs::remove_file(self.old(keep)))?;
        for number in (1..keep).rev() {
            missing_is_fine(fs::rename(self.old(number), self.old(number + 1)))?;
        }
        fs::rename(&self.path, self.old(1))
    }

    /// The one that was moved away as the latest but so many.
    fn old(&self, number: usize) -> PathBuf {
        let mut name = OsString::from(&self.path);
        name.push(format!(".{number}"));
        PathBuf::from(name)
    }
}

impl Write for Rotating {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_due(bytes.len()) {
            self.rotate()?;
        }
        let file = self.file.as_mut().ok_or(ErrorKind::NotFound)?;
        let written = file.write(bytes)?;
        self.size = self
            .size
            .saturating_add(u64::try_from(written).unwrap_or(u64::MAX));
        if let Some(last) = written.checked_sub(1) {
            self.is_between_lines = bytes.get(last) == Some(&b'\n');
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), Write::flush)
    }
}

fn missing_is_fine(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(cause) if cause.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// A viewer that keeps a file to itself does so for minutes.
const RETRY: Duration = Duration::from_mins(1);

#[cfg(test)]
mod tests {
    use super::*;

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn new() -> Self {
            Self(tempfile::tempdir().expect("a folder"))
        }

        fn log(&self) -> PathBuf {
            self.0.path().join("crmgate.log")
        }

        fn open(&self, rotation: Rotation, clock: &Clock) -> Rotating {
            Rotating::open(&self.log(), rotation, clock).expect("opens")
        }

        fn text(&self, name: &str) -> Option<String> {
            fs::read_to_string(self.0.path().join(name)).ok()
        }
    }

    const BY_SIZE: Rotation = Rotation {
        size: Some(10),
        age: None,
        keep: 3,
    };

    fn say(log: &mut Rotating, line: &str) {
        log.write_all(line.as_bytes()).expect("written");
    }

    #[test]
    fn a_file_is_moved_away_before_it_becomes_too_large_and_the_oldest_goes() {
        let folder = Folder::new();
        let mut log = folder.open(BY_SIZE, &Clock::system());
        for line in ["one 1\n", "two 2\n", "three\n", "four4\n", "five5\n"] {
            say(&mut log, line);
        }
        assert_eq!(folder.text("crmgate.log").as_deref(), Some("five5\n"));
        assert_eq!(folder.text("crmgate.log.1").as_deref(), Some("four4\n"));
        assert_eq!(folder.text("crmgate.log.2").as_deref(), Some("three\n"));
        assert_eq!(folder.text("crmgate.log.3").as_deref(), Some("two 2\n"));
        assert_eq!(folder.text("crmgate.log.4"), None);
    }

    #[test]
    fn lines_that_fit_stay_together_and_a_start_goes_on_with_the_file_that_is_there() {
        let folder = Folder::new();
        say(&mut folder.open(BY_SIZE, &Clock::system()), "one\n");
        let mut log = folder.open(BY_SIZE, &Clock::system());
        say(&mut log, "two\n");
        assert_eq!(folder.text("crmgate.log").as_deref(), Some("one\ntwo\n"));
        say(&mut log, "three\n");
        assert_eq!(folder.text("crmgate.log.1").as_deref(), Some("one\ntwo\n"));
    }

    #[test]
    fn a_line_is_never_torn_apart_over_two_files() {
        let folder = Folder::new();
        let mut log = folder.open(BY_SIZE, &Clock::system());
        say(&mut log, "the begin");
        say(&mut log, "ning and the end\n");
        say(&mut log, "next\n");
        assert_eq!(
            folder.text("crmgate.log.1").as_deref(),
            Some("the beginning and the end\n")
        );
    }

    #[test]
    fn a_file_is_moved_away_when_it_is_old() {
        let folder = Folder::new();
        let clock = Clock::system();
        let age = Duration::from_hours(24);
        let rotation = Rotation {
            size: None,
            age: Some(age),
            keep: 1,
        };
        let mut log = folder.open(rotation, &clock);
        say(&mut log, "one\n");
        say(&mut log, "two\n");
        assert_eq!(folder.text("crmgate.log.1"), None);
        clock.shift(24 * 3_600);
        say(&mut log, "three\n");
        assert_eq!(folder.text("crmgate.log.1").as_deref(), Some("one\ntwo\n"));
        assert_eq!(folder.text("crmgate.log").as_deref(), Some("three\n"));
    }

    #[test]
    fn where_it_cannot_be_moved_lines_go_on_to_the_old_file() {
        let folder = Folder::new();
        // No file can take the place of a folder that is not empty.
        fs::create_dir_all(folder.0.path().join("crmgate.log.3/x")).expect("a folder");
        let mut log = folder.open(BY_SIZE, &Clock::system());
        say(&mut log, "one 1\n");
        say(&mut log, "two 2\n");
        assert_eq!(
            folder.text("crmgate.log").as_deref(),
            Some("one 1\ntwo 2\n")
        );
    }

    #[test]
    fn without_a_size_and_an_age_nothing_is_ever_moved() {
        let folder = Folder::new();
        let mut log = folder.open(Rotation::default(), &Clock::system());
        (0..100).for_each(|_| say(&mut log, "a line\n"));
        assert_eq!(folder.text("crmgate.log.1"), None);
    }
}
