//! The log: set-up, and the guard that changes it while running.
//!
//! Here and in the file beside are the only uses of `tracing-subscriber` and `tracing-appender`;
//! everybody else speaks through the macros of `tracing`.

mod lines;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock, PoisonError, mpsc};
use std::time::Duration;

use tracing::Dispatch;
use tracing::level_filters::LevelFilter;
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{EnvFilter, Registry, reload};

use super::access::AccessLog;
use super::sink::{LineSink, LogForm, Losses};
use super::target::{self, Opener, Shared, Target};
use crate::model::Clock;

/// What `[Log]` asks for, in the words of this room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogOptions {
    /// `Format`.
    pub form: LogForm,
    /// `Level`: a level, or a filter in the syntax of `tracing`.
    pub level: String,
    /// `File`; `None` is standard output.
    pub file: Option<PathBuf>,
}

/// Why the log cannot be set up or changed.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// `Level` is neither a level nor a filter.
    #[error(
        "\"{0}\" is no log level; use off, error, warn, info, debug or trace, or a filter such as \
         \"info,crmgate::tls=debug\""
    )]
    Level(String),
    /// The file cannot be opened for appending.
    #[error(
        "cannot open the log file \"{}\": {source}; its folder has to exist and to be writable \
         for the service's user",
        path.display()
    )]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Standard output cannot be used.
    #[error("cannot use standard output for the log: {0}; name a file with File= in [Log]")]
    Stdout(io::Error),
    /// The log was set up before in this process.
    #[error("the log is already running; it is set up once in a process")]
    Running,
}

impl LogError {
    fn open(path: Option<&PathBuf>, source: io::Error) -> Self {
        match path.cloned() {
            Some(path) => Self::Open { path, source },
            None => Self::Stdout(source),
        }
    }
}

/// Starts the log for the whole process. Keep the guard until the last line has been said.
pub fn init(options: &LogOptions, clock: &Clock) -> Result<LogGuard, LogError> {
    let opener = match &options.file {
        None => target::stdout_opener(),
        Some(path) => target::file_opener(path.clone()),
    };
    let (dispatch, guard) = start(options, clock, opener)?;
    tracing::dispatcher::set_global_default(dispatch).map_err(|_already| LogError::Running)?;
    Ok(guard)
}

/// Everything but the process-wide step.
fn start(
    options: &LogOptions,
    clock: &Clock,
    open: Opener,
) -> Result<(Dispatch, LogGuard), LogError> {
    let filter = parse_level(&options.level)?;
    let shared = Arc::new(Shared::default());
    let queue_losses = Arc::new(OnceLock::<ErrorCounter>::new());
    let notice = lines::notice(options.form, clock.clone(), Arc::clone(&queue_losses));
    let target = Target::new(open, notice, Arc::clone(&shared))
        .map_err(|source| LogError::open(options.file.as_ref(), source))?;
    let (queue, worker) = NonBlockingBuilder::default()
        .lossy(true)
        .buffered_lines_limit(QUEUED_LINES)
        .thread_name("crmgate-log")
        .finish(target);
    let dropped = queue_losses.get_or_init(|| queue.error_counter()).clone();
    let (filter, level) = reload::Layer::new(filter);
    let lines = lines::layer(options.form, clock.clone(), queue.clone());
    let dispatch = Dispatch::new(tracing_subscriber::registry().with(filter).with(lines));
    let guard = LogGuard {
        level,
        sink: LineSink::new(queue),
        losses: Losses::new(dropped, Arc::clone(&shared)),
        shared,
        file: options.file.clone(),
        form: options.form,
        clock: clock.clone(),
        worker: Some(worker),
    };
    Ok((dispatch, guard))
}

/// Changes the running log, and ends it in order when dropped.
pub struct LogGuard {
    level: reload::Handle<EnvFilter, Registry>,
    sink: LineSink,
    losses: Losses,
    shared: Arc<Shared>,
    file: Option<PathBuf>,
    form: LogForm,
    clock: Clock,
    worker: Option<WorkerGuard>,
}

impl LogGuard {
    /// Sets the level from now on. A text that is no level changes nothing.
    pub fn set_level(&self, level: &str) -> Result<(), LogError> {
        let filter = parse_level(level)?;
        self.level
            .reload(filter)
            .map_err(|_gone| LogError::Level(level.to_owned()))
    }

    /// Opens the log file anew, after a rotation has moved it away. On failure the old one stays
    /// in use. Standard output has nothing to reopen.
    pub fn reopen(&self) -> Result<(), LogError> {
        let Some(path) = &self.file else {
            return Ok(());
        };
        let file = target::open_file(path).map_err(|source| LogError::open(Some(path), source))?;
        let mut slot = self
            .shared
            .reopened
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *slot = Some(file);
        drop(slot);
        // An empty line makes the log's thread look, so that the old file is let go of now.
        self.sink.send(b"");
        Ok(())
    }

    /// Lines lost so far: because the queue was full, or because the target could not be written.
    pub fn lost_lines(&self) -> u64 {
        self.losses.lines()
    }

    /// The handle that writes access lines to the same target; `Access=no` gives one that
    /// writes none.
    pub fn access_log(&self, access: bool) -> AccessLog {
        if access {
            let (sink, clock) = (self.sink.clone(), self.clock.clone());
            AccessLog::new(sink, self.form, clock, self.losses.clone())
        } else {
            AccessLog::silent(self.losses.clone())
        }
    }
}

impl fmt::Debug for LogGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogGuard")
            .field("file", &self.file)
            .field("form", &self.form)
            .field("lost_lines", &self.lost_lines())
            .finish_non_exhaustive()
    }
}

impl Drop for LogGuard {
    /// Waits for the lines that are queued, but not for a target that takes none: the appender
    /// itself may then print to a standard output that is blocked, so it ends on its own thread.
    fn drop(&mut self) {
        let Some(worker) = self.worker.take() else {
            return;
        };
        let (done, wait) = mpsc::channel();
        let end = std::thread::Builder::new().name("crmgate-log-end".into());
        let spawned = end.spawn(move || {
            drop(worker);
            // Nobody waits any more when the time is up.
            let _late = done.send(());
        });
        if spawned.is_ok() {
            let _in_time = wait.recv_timeout(LAST_WORDS);
        }
    }
}

/// A filter as `tracing` reads it, except that a bare word has to be a level: a misspelt `inof`
/// would otherwise name a target and silence everything else.
pub(crate) fn parse_level(text: &str) -> Result<EnvFilter, LogError> {
    let refused = || LogError::Level(text.to_owned());
    let is_sound = |part: &&str| part.contains(['=', '[']) || part.parse::<LevelFilter>().is_ok();
    let parts: Vec<&str> = text.split(',').map(str::trim).collect();
    if parts.contains(&"") || !parts.iter().all(is_sound) {
        return Err(refused());
    }
    // Joined without blanks: `tracing` would read ` info` as the name of a target.
    EnvFilter::builder()
        .parse(parts.join(","))
        .map_err(|_syntax| refused())
}

/// Enough for a disk that pauses for a second at ten thousand exchanges a second; some ten
/// megabytes of lines at the most.
const QUEUED_LINES: usize = 16_384;

/// What a stop may cost when the target takes no line any more. The appender gives up after
/// 1.1 s by itself.
const LAST_WORDS: Duration = Duration::from_millis(1_500);
