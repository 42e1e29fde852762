//! [`LineSink`]: the way of every finished line to the log's own thread.
//!
//! Lines stand one behind the other in one buffer, so a line costs a copy and no system call. The
//! thread is woken by the first line after a rest, and whoever comes while it writes or rests
//! finds it awake: it is woken a few hundred times a second at most, however many lines there are.

use std::fmt;
use std::io::{self, Write};
use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The form of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LogForm {
    /// For people: time, level, target, message, `key=value`.
    Text,
    /// One JSON object a line. An event's fields stand beside `timestamp`, `level` and `target`,
    /// so no field may have such a name.
    Json,
}

/// Takes finished lines. Cheap to clone, and never waits for the target: what the buffer has no
/// room for is counted as lost.
#[derive(Debug, Clone, Default)]
pub(super) struct LineSink(Arc<Queue>);

#[derive(Debug, Default)]
struct Queue {
    state: Mutex<State>,
    news: Condvar,
    losses: Losses,
}

#[derive(Default)]
struct State {
    lines: Vec<u8>,
    /// The thread has nothing to do and has to be woken.
    is_asleep: bool,
    /// The thread is to look now, whether there are lines or not.
    is_urgent: bool,
    is_closed: bool,
}

impl LineSink {
    /// Queues a line with its end, or counts it as lost.
    pub(super) fn send(&self, line: &[u8]) {
        let mut state = self.state();
        if state.is_closed || state.lines.len().saturating_add(line.len()) > QUEUED {
            drop(state);
            self.0.losses.add(line);
            return;
        }
        state.lines.extend_from_slice(line);
        self.wake(state);
    }

    /// Has the thread look at its target now, without a line.
    pub(super) fn poke(&self) {
        let mut state = self.state();
        state.is_urgent = true;
        // It may be resting, which looks like being awake from here.
        state.is_asleep = true;
        self.wake(state);
    }

    /// Ends [`Self::serve`] once what is queued has been written. Lines that come later are lost.
    pub(super) fn close(&self) {
        self.state().is_closed = true;
        self.poke();
    }

    /// Lines that were lost on this way so far, and wherever else [`Self::losses`] has got to.
    pub(super) fn losses(&self) -> Losses {
        self.0.losses.clone()
    }

    /// Hands the lines on, many at a time, until [`Self::close`]. For the log's own thread, which
    /// may wait in `take` for as long as it likes.
    pub(super) fn serve(&self, mut take: impl FnMut(&[u8])) {
        let mut lines = Vec::new();
        while self.next(&mut lines) {
            take(&lines);
            lines.clear();
            lines.shrink_to(KEPT);
        }
    }

    /// Rests a little, waits for lines, and takes them in exchange for an empty buffer. `false`
    /// at the end.
    fn next(&self, lines: &mut Vec<u8>) -> bool {
        let rested = self
            .0
            .news
            .wait_timeout_while(self.state(), REST, |state| !state.is_urgent);
        let (mut state, _) = rested.unwrap_or_else(PoisonError::into_inner);
        state.is_asleep = true;
        let woken = self
            .0
            .news
            .wait_while(state, |state| state.lines.is_empty() && !state.is_urgent);
        let mut state = woken.unwrap_or_else(PoisonError::into_inner);
        state.is_asleep = false;
        state.is_urgent = state.is_closed;
        mem::swap(&mut state.lines, lines);
        !(state.is_closed && lines.is_empty())
    }

    fn wake(&self, mut state: MutexGuard<'_, State>) {
        let is_asleep = mem::take(&mut state.is_asleep);
        drop(state);
        if is_asleep {
            self.0.news.notify_one();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for LineSink {
    /// For those who write a whole line at a time.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.send(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("queued", &self.lines.len())
            .finish_non_exhaustive()
    }
}

/// How many lines were lost. Clones count together.
#[derive(Debug, Clone, Default)]
pub(super) struct Losses(Arc<AtomicU64>);

impl Losses {
    /// Counts what was not written, whole lines and the beginning of one.
    pub(super) fn add(&self, lines: &[u8]) {
        let count = memchr::memchr_iter(b'\n', lines).count();
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// Lines lost so far: because the queue was full, or because the target could not be written.
    pub(super) fn lines(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Enough for a disk that pauses for a second at twenty thousand exchanges a second.
const QUEUED: usize = 8 * 1024 * 1024;

/// What the thread keeps of a buffer that a burst has made larger.
const KEPT: usize = 256 * 1024;

/// How long the thread rests after it has written. Nobody who reads a log sees it, and it makes
/// one system call of a hundred lines where there are twenty thousand a second.
const REST: Duration = Duration::from_millis(5);

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::thread;

    const SOON: Duration = Duration::from_mins(1);

    /// A thread that hands on what it is given, and the way to it.
    fn served() -> (LineSink, mpsc::Receiver<Vec<u8>>) {
        let sink = LineSink::default();
        let (give, taken) = mpsc::channel();
        let of_thread = sink.clone();
        thread::spawn(move || {
            of_thread.serve(|lines| give.send(lines.to_owned()).expect("somebody takes"));
        });
        (sink, taken)
    }

    #[test]
    fn lines_of_several_threads_come_whole_and_each_thread_s_in_order() {
        let (sink, taken) = served();
        thread::scope(|scope| {
            for name in 0..4 {
                let sink = sink.clone();
                scope.spawn(move || {
                    (0..1_000).for_each(|n| sink.send(format!("{name} {n}\n").as_bytes()));
                });
            }
        });
        sink.close();
        let all = String::from_utf8(taken.iter().flatten().collect()).expect("text");
        for name in 0..4 {
            let own = all
                .lines()
                .filter_map(|l| l.strip_prefix(&format!("{name} ")));
            assert!(own.eq((0..1_000).map(|n| n.to_string())));
        }
        assert_eq!(all.lines().count(), 4_000);
        assert_eq!(sink.losses().lines(), 0);
    }

    #[test]
    fn a_line_after_a_rest_wakes_the_thread() {
        let (sink, taken) = served();
        for line in ["one\n", "two\n", "three\n"] {
            sink.send(line.as_bytes());
            assert_eq!(taken.recv_timeout(SOON).expect("written"), line.as_bytes());
        }
    }

    #[test]
    fn a_poke_reaches_the_thread_without_a_line() {
        let (sink, taken) = served();
        sink.poke();
        assert_eq!(taken.recv_timeout(SOON).expect("looked"), b"");
        sink.poke();
        assert_eq!(taken.recv_timeout(SOON).expect("looked"), b"");
    }

    #[test]
    fn a_line_that_has_no_room_is_lost_and_counted_and_one_that_has_is_not() {
        let sink = LineSink::default();
        let mut line = vec![b'a'; QUEUED / 4 - 1];
        line.push(b'\n');
        (0..6).for_each(|_| sink.send(&line));
        assert_eq!(sink.losses().lines(), 2);
        sink.close();
        let mut written = 0;
        sink.serve(|lines| written += lines.len());
        assert_eq!(written, QUEUED);
        sink.send(b"too late\n");
        assert_eq!(sink.losses().lines(), 3);
    }

    #[test]
    fn what_a_burst_took_is_given_back() {
        let sink = LineSink::default();
        (0..1_000).for_each(|_| sink.send(&[b'a'; 1_024]));
        let mut lines = Vec::new();
        assert!(sink.next(&mut lines));
        assert_eq!(lines.len(), 1_024_000);
        sink.send(b"next\n");
        sink.close();
        let mut most = 0;
        sink.serve(|lines| most = most.max(lines.len()));
        assert_eq!(most, 5);
        assert!(sink.state().lines.capacity() <= KEPT);
    }
}
