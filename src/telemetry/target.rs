//! [`Target`]: the file or the standard output behind the queue.
//!
//! It lives on the log's own thread, where waiting for a disk stalls nobody. It never reports an
//! error: what cannot be written is dropped and counted, and once a second the target is opened
//! again, so that a disk that has room again is found without a restart.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::rotate::{Rotating, Rotation};
use super::sink::Losses;
use crate::model::Clock;

/// Where bytes go in the end.
pub(super) type Sink = Box<dyn Write + Send>;

/// Opens the sink, at first and again after an error.
pub(super) type Opener = Box<dyn FnMut() -> io::Result<Sink> + Send>;

/// Writes a line about lines that are missing, given how many were lost so far; or nothing, if
/// there is nothing new to say.
pub(super) type Notice = Box<dyn FnMut(u64) -> Option<String> + Send>;

/// What the target shares with the guard.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// Lines that are missing, here or before they got here.
    pub(super) losses: Losses,
    /// A file that was opened anew and waits to be taken.
    pub(super) reopened: Mutex<Option<Rotating>>,
}

/// A writer that cannot fail.
pub(super) struct Target {
    open: Opener,
    notice: Notice,
    sink: Option<Sink>,
    shared: Arc<Shared>,
    /// The last write stopped within a line.
    torn: bool,
    retry_at: Option<Instant>,
}

impl Target {
    /// Opens the sink once, so that a path that cannot work is refused at start.
    pub(super) fn new(mut open: Opener, notice: Notice, shared: Arc<Shared>) -> io::Result<Self> {
        let sink = open()?;
        Ok(Self {
            open,
            notice,
            sink: Some(sink),
            shared,
            torn: false,
            retry_at: None,
        })
    }

    /// Writes lines, and counts those that cannot be written.
    pub(super) fn take(&mut self, lines: &[u8]) {
        self.take_reopened();
        if self.sink.is_none() && self.retry_at.is_none_or(|at| Instant::now() >= at) {
            self.sink = (self.open)().ok();
            self.retry_at = Some(later());
        }
        self.announce();
        let written = self.write_out(lines);
        self.shared
            .losses
            .add(lines.get(written..).unwrap_or_default());
        if let Some(sink) = &mut self.sink
            && sink.flush().is_err()
        {
            self.give_up();
        }
    }

    /// Ends a torn line, and says what has to be said about missing ones.
    fn announce(&mut self) {
        if self.sink.is_none() {
            return;
        }
        let mut text = if self.torn { "\n" } else { "" }.to_owned();
        text.extend((self.notice)(self.shared.losses.lines()));
        self.write_out(text.as_bytes());
    }

    /// Writes bytes as far as it goes, and says how far.
    fn write_out(&mut self, bytes: &[u8]) -> usize {
        let mut written = 0;
        while let Some(sink) = &mut self.sink {
            let rest = bytes.get(written..).unwrap_or_default();
            if rest.is_empty() {
                break;
            }
            match sink.write(rest) {
                Ok(count) if count > 0 => written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(_) | Err(_) => self.give_up(),
            }
        }
        if let Some(last) = written.checked_sub(1) {
            self.torn = bytes.get(last).is_some_and(|byte| *byte != b'\n');
        }
        written
    }

    fn give_up(&mut self) {
        self.sink = None;
        self.retry_at = Some(later());
    }

    fn take_reopened(&mut self) {
        let mut slot = self
            .shared
            .reopened
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = slot.take() {
            self.sink = Some(Box::new(file));
            self.torn = false;
        }
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target")
            .field("open", &self.sink.is_some())
            .field("shared", &self.shared)
            .finish_non_exhaustive()
    }
}

/// Opens a log file for appending, so that several writers and a truncating rotation get along.
pub(super) fn open_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

/// The opener of a file.
pub(super) fn file_opener(path: PathBuf, rotation: Rotation, clock: Clock) -> Opener {
    Box::new(move || Ok(Box::new(Rotating::open(&path, rotation, &clock)?)))
}

/// The opener of standard output. Past Rust's own handle, which keeps what it could not write and
/// would print half of it later.
#[cfg(unix)]
pub(super) fn stdout_opener() -> Opener {
    use std::os::fd::AsFd;
    Box::new(|| {
        let fd = io::stdout().as_fd().try_clone_to_owned()?;
        Ok(Box::new(File::from(fd)))
    })
}

/// The opener of standard output. A Windows console wants its characters converted, which Rust's
/// own handle does.
#[cfg(not(unix))]
pub(super) fn stdout_opener() -> Opener {
    Box::new(|| Ok(Box::new(io::stdout())))
}

fn later() -> Instant {
    Instant::now() + RETRY
}

/// Often enough that an operator who made room sees lines at once, seldom enough that a broken
/// disk is not hammered.
const RETRY: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// A disk that takes so many bytes at a time, and fails where the script says nothing.
    #[derive(Debug, Clone, Default)]
    struct Disk {
        script: Arc<Mutex<VecDeque<usize>>>,
        content: Arc<Mutex<Vec<u8>>>,
        opened: Arc<AtomicU64>,
    }

    impl Disk {
        fn takes(&self, counts: &[usize]) {
            self.script.lock().expect("test").extend(counts);
        }

        fn text(&self) -> String {
            String::from_utf8(self.content.lock().expect("test").clone()).expect("utf-8")
        }
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let room = self.script.lock().expect("test").pop_front();
            let room = room.ok_or(io::ErrorKind::StorageFull)?.min(bytes.len());
            let taken = bytes.get(..room).unwrap_or_default();
            self.content.lock().expect("test").extend_from_slice(taken);
            Ok(room)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn target(disk: &Disk) -> (Target, Arc<Shared>) {
        let shared = Arc::new(Shared::default());
        let of_opener = disk.clone();
        let open: Opener = Box::new(move || {
            of_opener.opened.fetch_add(1, Ordering::Relaxed);
            Ok(Box::new(of_opener.clone()))
        });
        let mut told = 0;
        let notice: Notice = Box::new(move |lost| {
            let news = lost > told;
            told = lost;
            news.then(|| format!("lost {lost}\n"))
        });
        let target = Target::new(open, notice, Arc::clone(&shared)).expect("opens");
        (target, shared)
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_disk_costs_lines_that_are_counted_and_told_once_there_is_room() {
        let disk = Disk::default();
        let (mut target, shared) = target(&disk);
        disk.takes(&[100]);
        target.take(b"one\n");
        target.take(b"two\nthree\n");
        assert_eq!(shared.losses.lines(), 2);
        tokio::time::advance(RETRY).await;
        disk.takes(&[100; 2]);
        target.take(b"four\n");
        assert_eq!(disk.text(), "one\nlost 2\nfour\n");
    }

    #[tokio::test(start_paused = true)]
    async fn a_line_that_was_cut_never_runs_into_the_next_one() {
        let disk = Disk::default();
        let (mut target, shared) = target(&disk);
        disk.takes(&[2]);
        target.take(b"one\n");
        assert_eq!(shared.losses.lines(), 1);
        tokio::time::advance(RETRY).await;
        disk.takes(&[100; 2]);
        target.take(b"two\n");
        assert_eq!(disk.text(), "on\nlost 1\ntwo\n");
    }

    #[tokio::test(start_paused = true)]
    async fn a_broken_target_is_opened_again_at_most_once_a_second() {
        let disk = Disk::default();
        let (mut target, _shared) = target(&disk);
        for _ in 0..30 {
            for _ in 0..100 {
                target.take(b"line\n");
            }
            tokio::time::advance(RETRY / 10).await;
        }
        assert_eq!(disk.opened.load(Ordering::Relaxed), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn short_writes_are_carried_on_with() {
        let disk = Disk::default();
        let (mut target, shared) = target(&disk);
        disk.takes(&[1; 100]);
        target.take(b"one\ntwo\n");
        assert_eq!(disk.text(), "one\ntwo\n");
        assert_eq!(shared.losses.lines(), 0);
    }

    #[test]
    fn a_path_that_cannot_work_is_refused_at_once() {
        let nowhere = PathBuf::from("/nonexistent/crmgate.log");
        let shared = Arc::new(Shared::default());
        let opener = file_opener(nowhere, Rotation::default(), Clock::system());
        let refused = Target::new(opener, Box::new(|_| None), shared);
        assert_eq!(
            refused.expect_err("no such folder").kind(),
            io::ErrorKind::NotFound
        );
    }
}
