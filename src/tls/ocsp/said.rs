//! [`Said`]: what a responder has said, and when it was found to say nothing.

use std::collections::HashMap;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Semaphore;

use super::{CAPACITY, LINES, REST};
use crate::certs::ocsp::{Answer, CertId, Standing};
use crate::model::WallTime;

/// What a responder has said: it outlives the acceptors that asked.
#[derive(Debug)]
pub(in crate::tls) struct Said {
    pub(super) known: Mutex<Known>,
    /// Nobody is asked before.
    pub(super) rests_until: AtomicI64,
    /// When it was last told that there is no answer.
    pub(super) told_at: AtomicI64,
    /// Questions at once.
    pub(super) lines: Semaphore,
}

impl Default for Said {
    fn default() -> Self {
        Self {
            known: Mutex::default(),
            rests_until: AtomicI64::new(i64::MIN),
            told_at: AtomicI64::new(i64::MIN),
            lines: Semaphore::new(LINES),
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Known {
    young: HashMap<CertId, Word>,
    old: HashMap<CertId, Word>,
    /// Who was withdrawn, for good: no crowd of others pushes them out.
    withdrawn: HashMap<CertId, Word>,
    /// Until when nobody asks again about a certificate of which the answer was none.
    pub(super) silent: HashMap<CertId, WallTime>,
    /// Who is being asked about, so that a crowd of one client's connections asks once.
    pub(super) asking: HashMap<CertId, Arc<tokio::sync::Mutex<()>>>,
}

/// What the responder said, and when.
#[derive(Debug, Clone, Copy)]
pub(super) struct Word {
    pub(super) answer: Answer,
    pub(super) at: WallTime,
}

impl Word {
    /// Until when nobody has to ask again.
    pub(super) fn stands_until(&self, max_age: Duration) -> WallTime {
        let max_age = i64::try_from(max_age.as_secs()).unwrap_or(i64::MAX);
        let age = WallTime(self.at.0.saturating_add(max_age));
        let until = self.answer.until.map_or(age, |until| until.min(age));
        // One that is believed although it ended a moment ago, by a clock that differs, is not to be
        // asked for again every second.
        until.max(WallTime(self.at.0.saturating_add(REST)))
    }
}

impl Known {
    pub(super) fn find(&mut self, id: &CertId) -> Option<Word> {
        let known = self.withdrawn.get(id).or_else(|| self.young.get(id));
        if let Some(word) = known {
            return Some(*word);
        }
        let word = self.old.remove(id)?;
        self.keep(id.clone(), word);
        Some(word)
    }

    pub(super) fn note_silence(&mut self, id: CertId, until: WallTime) {
        if self.silent.len() >= CAPACITY {
            self.silent.clear();
        }
        self.silent.insert(id, until);
    }

    pub(super) fn keep(&mut self, id: CertId, word: Word) {
        self.silent.remove(&id);
        // Somebody on the way may bring an answer from before the one that is known.
        if self
            .find(&id)
            .is_some_and(|known| word.answer.from < known.answer.from)
        {
            return;
        }
        let is_withdrawn = matches!(word.answer.standing, Standing::Revoked { .. });
        if is_withdrawn && self.withdrawn.len() < CAPACITY {
            self.withdrawn.insert(id, word);
            return;
        }
        // One that was only on hold may come back.
        self.withdrawn.remove(&id);
        if self.young.len() >= CAPACITY {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(id, word);
    }
}
