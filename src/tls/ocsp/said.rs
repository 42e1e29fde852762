//! [`Said`]: what a responder has said, and when it was found to say nothing.

use std::collections::HashMap;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Semaphore;

use super::{CAPACITY, LINES, MOST_WITHDRAWN, REST};
use crate::certs::ocsp::{Answer, CertId, Delegate, Standing};
use crate::model::WallTime;
use crate::telemetry::Counter;
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
    /// Answers that somebody is good,
    pub(in crate::tls) good: Counter,
    /// that somebody was withdrawn,
    pub(in crate::tls) withdrawn: Counter,
    /// that somebody is not known,
    pub(in crate::tls) unknown: Counter,
    /// and questions without an answer that can be believed.
    pub(in crate::tls) failed: Counter,
}

impl Default for Said {
    fn default() -> Self {
        Self {
            known: Mutex::default(),
            rests_until: AtomicI64::new(i64::MIN),
            told_at: AtomicI64::new(i64::MIN),
            lines: Semaphore::new(LINES),
            good: Counter::default(),
            withdrawn: Counter::default(),
            unknown: Counter::default(),
            failed: Counter::default(),
        }
    }
}

#[derive(Debug)]
pub(super) struct Known {
    answers: Recent<CertId, Word>,
    /// Whose words these are: a few, and each has said many.
    delegates: Vec<Arc<Delegate>>,
    /// Who was withdrawn, for good: no crowd of others pushes them out.
    withdrawn: HashMap<CertId, Word>,
    /// Until when nobody asks again about a certificate of which the answer was none.
    pub(super) silent: HashMap<CertId, WallTime>,
    /// Who is being asked about, so that a crowd of one client's connections asks once.
    pub(super) asking: HashMap<CertId, Arc<tokio::sync::Mutex<()>>>,
}

/// What the responder said, and when.
#[derive(Debug, Clone)]
pub(super) struct Word {
    pub(super) answer: Answer,
    pub(super) at: WallTime,
    /// Who said it in the issuer's name; nobody if it was the issuer itself.
    pub(super) by: Option<Arc<Delegate>>,
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
            delegates: Vec::new(),
            withdrawn: HashMap::new(),
            silent: HashMap::new(),
            asking: HashMap::new(),
        }
    }
}

impl Known {
    pub(super) fn find(&mut self, id: &CertId) -> Option<Word> {
        let withdrawn = self.withdrawn.get(id);
        withdrawn.or_else(|| self.answers.get(id)).cloned()
    }

    pub(super) fn note_silence(&mut self, id: CertId, until: WallTime) {
        if self.silent.len() >= CAPACITY {
            self.silent.clear();
        }
        self.silent.insert(id, until);
    }

    /// A delegate as it is kept for all that it says.
    pub(super) fn one_of(&mut self, delegate: Delegate) -> Arc<Delegate> {
        let der = delegate.certificate().der();
        let mut known = self.delegates.iter();
        if let Some(known) = known.find(|known| known.certificate().der() == der) {
            return Arc::clone(known);
        }
        // Of the others nothing is left that they have said.
        self.delegates.retain(|known| Arc::strong_count(known) > 1);
        let delegate = Arc::new(delegate);
        self.delegates.push(Arc::clone(&delegate));
        delegate
    }

    pub(super) fn keep(&mut self, id: CertId, word: Word) {
        self.silent.remove(&id);
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
