//! The log: set-up, and the guard that changes it while running.
//!
//! Here and in the file beside are the only uses of `tracing-subscriber`; everybody else speaks
//! through the macros of `tracing`.

mod lines;
mod recent;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use tracing::Dispatch;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{EnvFilter, Registry, reload};

use self::lines::Look;
use self::recent::Noting;
pub use self::recent::{Recent, Said};
use super::access::AccessLog;
use super::rotate::{Rotating, Rotation};
use super::sink::{LineSink, LogForm};
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
    /// When that file is moved away.
    pub rotation: Rotation,
    /// Whether the reader of standard output is one that takes the importance of a line from a number
    /// in front of it, as the journal does.
    pub is_journal: bool,
}

impl LogOptions {
    const fn look(&self) -> Look {
        Look {
            form: self.form,
            has_priority: self.is_journal && self.file.is_none(),
        }
    }
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
    /// An operator's filter would hide what operators change.
    #[error(
        "\"{0}\" names crmgate::admin::orders, which writes down what operators change; leave that \
         part out of the filter"
    )]
    Audit(String),
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
    /// The log's thread cannot be started.
    #[error(
        "cannot start the thread of the log: {0}; the system may be short of threads or memory"
    )]
    Thread(io::Error),
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
        Some(path) => target::file_opener(path.clone(), options.rotation, clock.clone()),
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
    let sink = LineSink::default();
    let shared = Arc::new(Shared {
        losses: sink.losses(),
        ..Shared::default()
    });
    let notice = lines::notice(options.look(), clock.clone());
    let target = Target::new(open, notice, Arc::clone(&shared))
        .map_err(|source| LogError::open(options.file.as_ref(), source))?;
    let ended = write_on_own_thread(sink.clone(), target).map_err(LogError::Thread)?;
    let (filter, level) = reload::Layer::new(filter);
    let lines = lines::layer(options.look(), clock.clone(), sink.clone());
    let recent = Recent::default();
    let noting = Noting {
        recent: recent.clone(),
        clock: clock.clone(),
    };
    let layers = tracing_subscriber::registry().with(filter);
    let dispatch = Dispatch::new(layers.with(lines).with(noting));
    let guard = LogGuard {
        level,
        asked: Mutex::new(options.level.clone()),
        sink,
        recent,
        shared,
        file: options.file.clone(),
        rotation: options.rotation,
        form: options.form,
        clock: clock.clone(),
        ended,
    };
    Ok((dispatch, guard))
}

/// Says, by closing the channel, that the last line has been written.
fn write_on_own_thread(sink: LineSink, mut target: Target) -> io::Result<mpsc::Receiver<()>> {
    let (ends, ended) = mpsc::channel();
    let thread = std::thread::Builder::new().name("crmgate-log".into());
    thread.spawn(move || {
        sink.serve(|lines| target.take(lines));
        drop::<mpsc::Sender<()>>(ends);
    })?;
    Ok(ended)
}

/// Changes the running log, and ends it in order when dropped.
pub struct LogGuard {
    level: reload::Handle<EnvFilter, Registry>,
    /// As it was asked for last.
    asked: Mutex<String>,
    sink: LineSink,
    recent: Recent,
    shared: Arc<Shared>,
    file: Option<PathBuf>,
    rotation: Rotation,
    form: LogForm,
    clock: Clock,
    ended: mpsc::Receiver<()>,
}

impl LogGuard {
    /// Sets the level from now on. A text that is no level changes nothing.
    pub fn set_level(&self, level: &str) -> Result<(), LogError> {
        self.put_in_force(level, level).map(drop)
    }

    /// Sets the level that an operator wants until the next reload, and returns the one before.
    /// What operators change is written down whatever they choose.
    pub fn set_level_for_now(&self, level: &str) -> Result<String, LogError> {
        // Checked by itself first, so that a refusal shows what was asked for.
        parse_level(level)?;
        // A filter for its fields would have the last word over ours.
        if level.contains(AUDIT) {
            return Err(LogError::Audit(level.to_owned()));
        }
        self.put_in_force(level, &format!("{level},{AUDIT}=info"))
    }

    fn put_in_force(&self, level: &str, filter: &str) -> Result<String, LogError> {
        let filter = parse_level(filter)?;
        self.level
            .reload(filter)
            .map_err(|_gone| LogError::Level(level.to_owned()))?;
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(std::mem::replace(&mut asked, level.to_owned()))
    }

    /// The latest warnings and errors, as far as the level lets them through.
    pub fn recent(&self) -> Recent {
        self.recent.clone()
    }

    /// Opens the log file anew, after a rotation has moved it away. On failure the old one stays
    /// in use. Standard output has nothing to reopen.
    pub fn reopen(&self) -> Result<(), LogError> {
        let Some(path) = &self.file else {
            return Ok(());
        };
        let file = Rotating::open(path, self.rotation, &self.clock)
            .map_err(|source| LogError::open(Some(path), source))?;
        let mut slot = self
            .shared
            .reopened
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *slot = Some(file);
        drop(slot);
        // So that the old file is let go of now.
        self.sink.poke();
        Ok(())
    }

    /// Lines lost so far: because the queue was full, or because the target could not be written.
    pub fn lost_lines(&self) -> u64 {
        self.shared.losses.lines()
    }

    /// The handle that writes access lines to the same target; `Access=no` gives one that
    /// writes none.
    pub fn access_log(&self, access: bool) -> AccessLog {
        if access {
            let (sink, clock) = (self.sink.clone(), self.clock.clone());
            AccessLog::new(sink, self.form, clock)
        } else {
            AccessLog::silent(self.sink.losses())
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
    /// Waits for the lines that are queued, but not for a target that takes none.
    fn drop(&mut self) {
        self.sink.close();
        let _in_time = self.ended.recv_timeout(LAST_WORDS);
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

/// Which part of the program says what operators have changed.
const AUDIT: &str = "crmgate::admin::orders";

/// What a stop may cost when the target takes no line any more.
const LAST_WORDS: Duration = Duration::from_millis(1_500);
