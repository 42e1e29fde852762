//! [`FileWatch`]: tells when a file of the configuration has changed.
//!
//! The system's own events are only a hint to look sooner: they get lost, and network file systems
//! send none. The truth is what the files hold, read again every `WatchInterval`.

use std::collections::hash_map::DefaultHasher;
use std::hash::Hasher;
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::debug;

/// Watches the files of a configuration.
#[derive(Debug)]
pub struct FileWatch {
    dir: PathBuf,
    files: Vec<PathBuf>,
    interval: Duration,
    /// What the files held when the generation in force was read.
    loaded: u64,
    hints: mpsc::Receiver<()>,
    /// Kept alive; `None` where the system has no such thing.
    watcher: Option<RecommendedWatcher>,
    /// After a change that could not be loaded, files are looked at more often: with two files to
    /// be written, the first one alone does not fit.
    impatient_until: Option<Instant>,
}

impl FileWatch {
    /// Watches these files, and the directory for new ones.
    pub fn new(dir: &Path, files: Vec<PathBuf>, interval: Duration) -> Self {
        let (hint, hints) = mpsc::channel(1);
        let watcher = notify::recommended_watcher(move |_event| {
            // A hint that nobody has taken yet is as good as two.
            let _full = hint.try_send(());
        });
        let mut watch = Self {
            dir: dir.to_owned(),
            loaded: 0,
            files: Vec::new(),
            interval,
            hints,
            watcher: watcher.ok(),
            impatient_until: None,
        };
        watch.follow(files, interval);
        watch
    }

    /// A generation was loaded from these files as they are now.
    pub fn follow(&mut self, files: Vec<PathBuf>, interval: Duration) {
        if let Some(watcher) = &mut self.watcher {
            let mut folders: Vec<&Path> = files.iter().filter_map(|file| file.parent()).collect();
            folders.push(&self.dir);
            folders.sort_unstable();
            folders.dedup();
            for folder in folders {
                if let Err(error) = watcher.watch(folder, RecursiveMode::NonRecursive) {
                    debug!(folder = %folder.display(), %error, "no change events for this folder; it is read every WatchInterval");
                }
            }
        }
        self.files = files;
        self.interval = interval;
        self.loaded = self.digest();
        self.impatient_until = None;
    }

    /// A change could not be loaded: look again soon, for a while.
    pub fn failed(&mut self) {
        self.loaded = self.digest();
        self.impatient_until = Some(Instant::now() + IMPATIENCE);
    }

    /// Waits until the files hold something else than what was loaded and have come to rest.
    pub async fn changed(&mut self) {
        loop {
            let impatient = self
                .impatient_until
                .is_some_and(|until| Instant::now() < until);
            let pause = if impatient { SOON } else { self.interval };
            tokio::select! {
                Some(()) = self.hints.recv() => {}
                () = tokio::time::sleep(pause) => {}
            }
            let mut seen = self.digest();
            if seen == self.loaded {
                continue;
            }
            // Wait for the writer: an editor or a deployment touches several files in a row.
            loop {
                tokio::time::sleep(REST).await;
                while self.hints.try_recv().is_ok() {}
                let now = self.digest();
                if now == seen {
                    return;
                }
                seen = now;
            }
        }
    }

    /// What the files hold. A missing file is content too: that it appears is a change.
    fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        let mut names: Vec<PathBuf> = std::fs::read_dir(&self.dir)
            .map(|entries| {
                entries
                    .filter_map(Result::ok)
                    .map(|entry| entry.path())
                    .collect()
            })
            .unwrap_or_default();
        names.retain(|path| {
            path.extension()
                .is_some_and(|extension| extension.eq_ignore_ascii_case("ini"))
        });
        names.extend(self.files.iter().cloned());
        names.sort_unstable();
        names.dedup();
        for name in names {
            hasher.write(name.as_os_str().as_encoded_bytes());
            match std::fs::read(&name) {
                Ok(bytes) => hasher.write(&bytes),
                Err(_missing) => hasher.write_u8(0),
            }
        }
        hasher.finish()
    }
}

/// How long files have to be at rest before they are loaded.
const REST: Duration = Duration::from_millis(300);

/// Between two looks while impatient.
const SOON: Duration = Duration::from_secs(1);

/// How long to be impatient.
const IMPATIENCE: Duration = Duration::from_mins(1);
