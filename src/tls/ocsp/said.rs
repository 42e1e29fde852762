//! [`Said`]: what a responder has said, and when it was found to say nothing.

use std::collections::HashMap;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Semaphore;

use super::{CAPACITY, LINES, MOST_WITHDRAWN, REST};
use crate::certs::ocsp::{Answer, CertId, Standing};
use crate::model::WallTime;
use crate::tls::recent::Recent;

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

#[derive(Debug)]
pub(super) struct Known {
    answers: Recent<CertId, Word>,
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

impl Default for Known {
    fn default() -> Self {
        Self {
            answers: Recent::with_room_for(CAPACITY),
            withdrawn: HashMap::new(),
            silent: HashMap::new(),
            asking: HashMap::new(),
        }
    }
}

impl Known {
    pub(super) fn find(&mut self, id: &CertId) -> Option<Word> {
        let withdrawn = self.withdrawn.get(id);
        withdrawn.or_else(|| self.answers.get(id)).copied()
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
        if is_withdrawn && self.withdrawn.len() < MOST_WITHDRAWN {
            self.withdrawn.insert(id, word);
            return;
        }
        // One that was only on hold may come back.
        self.withdrawn.remove(&id);
        self.answers.put(id, word);
    }
}
