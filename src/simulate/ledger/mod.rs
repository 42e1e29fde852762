//! [`Ledger`]: every message that was sent, what was done with it and what its sender was told.
//!
//! It is the proof behind "nothing lost, nothing twice". Senders and receivers of one flow share
//! one; what a gateway in between says about itself is not believed but compared.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::latency::Latencies;
use crate::model::Outcome;

#[cfg(test)]
mod tests;

/// One message; no two of a ledger are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(pub u64);

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What the sender of a message was told in the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// A complete answer that names the message.
    Answered,
    /// A SOAP Fault of the receiver itself: carried out, with a bad result.
    Faulted,
    /// A SOAP Fault of the gateway: no answer, but the sender knows what became of the message.
    Reported {
        /// The gateway's code.
        code: String,
        /// What it says became of the message.
        outcome: Outcome,
    },
    /// Neither answer nor report. The text says what happened instead.
    Broken(String),
}

/// The books of one flow. Clones write into the same ones.
#[derive(Debug, Clone, Default)]
pub struct Ledger(Arc<Mutex<Book>>);

impl Ledger {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Enters a message that is about to be sent, and names it.
    pub fn sent(&self) -> MessageId {
        let mut book = self.book();
        let id = MessageId(book.sent);
        book.sent = book.sent.saturating_add(1);
        let entry = Entry {
            at: Instant::now(),
            executions: 0,
            ending: None,
        };
        book.open.insert(id, entry);
        id
    }

    /// Enters that a receiver carried a message out.
    pub fn executed(&self, id: MessageId) {
        let mut book = self.book();
        book.executions = book.executions.saturating_add(1);
        if book.settled.contains(id) {
            book.executed_again.insert(id);
            return;
        }
        match book.open.get_mut(&id) {
            Some(entry) => entry.executions = entry.executions.saturating_add(1),
            None => book.unknown = book.unknown.saturating_add(1),
        }
    }

    /// Enters what the sender was told.
    pub fn ended(&self, id: MessageId, ending: Ending) {
        let now = Instant::now();
        let mut book = self.book();
        match &ending {
            Ending::Answered => book.answer_at(now),
            Ending::Reported { code, .. } => {
                *book.codes.entry(code.clone()).or_default() += 1;
            }
            Ending::Broken(reason) if book.reasons.len() < REASONS_KEPT => {
                let line = format!("message {id}: {reason}");
                book.reasons.push(line);
            }
            Ending::Faulted | Ending::Broken(_) => {}
        }
        let Some(mut entry) = book.open.remove(&id) else {
            book.unknown = book.unknown.saturating_add(1);
            return;
        };
        if ending == Ending::Answered {
            book.latencies.record(now.duration_since(entry.at));
            if entry.executions == 1 {
                // Almost all messages end here: one bit each, so that days of traffic fit.
                book.settled.insert(id);
                return;
            }
        }
        entry.ending = Some(ending);
        book.open.insert(id, entry);
    }

    /// Starts to watch how long no answer comes. The time since the last answer counts already, so
    /// this is called right before something is broken on purpose.
    pub fn watch_gap(&self) {
        let mut book = self.book();
        let last = book.last_answer.unwrap_or_else(Instant::now);
        book.gap = Some(Gap {
            last,
            longest: Duration::ZERO,
        });
    }

    /// The longest time without an answer since [`Ledger::watch_gap`], up to now.
    pub fn gap(&self) -> Option<Duration> {
        let book = self.book();
        let gap = book.gap?;
        Some(gap.longest.max(gap.last.elapsed()))
    }

    /// Ends the watch, and says what [`Ledger::gap`] would say.
    pub fn end_gap(&self) -> Option<Duration> {
        let gap = self.gap();
        self.book().gap = None;
        gap
    }

    /// Where the books stand.
    pub fn tally(&self) -> Tally {
        let book = self.book();
        let mut tally = Tally {
            sent: book.sent,
            executions: book.executions,
            answered: book.settled.count,
            duplicated: book.executed_again.iter().copied().collect(),
            unknown: book.unknown,
            codes: book.codes.clone(),
            reasons: book.reasons.clone(),
            median: book.latencies.percentile(50),
            percentile_99: book.latencies.percentile(99),
            longest: book.latencies.longest(),
            ..Tally::default()
        };
        for (id, entry) in &book.open {
            tally.add(*id, entry);
        }
        tally.duplicated.sort_unstable();
        tally.lost.sort_unstable();
        tally
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        // A panic while it was held left whole values behind: every method writes them last.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the books of a flow stand.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    /// Messages that were sent.
    pub sent: u64,
    /// How often a message was carried out, by anybody.
    pub executions: u64,
    /// Messages with a complete answer.
    pub answered: u64,
    /// Messages that the receiver itself answered with a SOAP Fault.
    pub faulted: u64,
    /// Messages without answer whose sender was told what became of them, by [`Outcome::index`].
    pub reported: [u64; 4],
    /// Messages that nobody has ended yet.
    pub in_flight: u64,
    /// Messages without answer and without report.
    pub lost: Vec<MessageId>,
    /// Messages that were carried out more than once.
    pub duplicated: Vec<MessageId>,
    /// Messages whose report says that nothing or a part was sent, and that were carried out.
    pub misreported: u64,
    /// Messages that were answered and that nobody has carried out.
    pub invented: u64,
    /// Entries about messages that were never sent.
    pub unknown: u64,
    /// How often the gateway reported with which code.
    pub codes: BTreeMap<String, u64>,
    /// Why messages were lost; the first few.
    pub reasons: Vec<String>,
    /// Half of the answers took no longer.
    pub median: Option<Duration>,
    /// 99 of 100 answers took no longer.
    pub percentile_99: Option<Duration>,
    /// The slowest answer.
    pub longest: Duration,
}

impl Tally {
    /// Whether every message has an end, none was lost, none was carried out twice, and every
    /// report is true.
    pub const fn is_clean(&self) -> bool {
        self.in_flight == 0
            && self.lost.is_empty()
            && self.duplicated.is_empty()
            && self.misreported == 0
            && self.invented == 0
            && self.unknown == 0
    }

    /// Messages that were reported, whatever became of them.
    pub fn reported_in_all(&self) -> u64 {
        self.reported.iter().sum()
    }

    fn add(&mut self, id: MessageId, entry: &Entry) {
        if entry.executions > 1 {
            self.duplicated.push(id);
        }
        match &entry.ending {
            None => self.in_flight += 1,
            Some(Ending::Answered) => {
                self.answered += 1;
                if entry.executions == 0 {
                    self.invented += 1;
                }
            }
            Some(Ending::Faulted) => self.faulted += 1,
            Some(Ending::Reported { outcome, .. }) => {
                if let Some(count) = self.reported.get_mut(outcome.index()) {
                    *count += 1;
                }
                let incomplete = matches!(outcome, Outcome::NotSent | Outcome::PartlySent);
                if incomplete && entry.executions > 0 {
                    self.misreported += 1;
                }
            }
            Some(Ending::Broken(_)) => self.lost.push(id),
        }
    }
}

/// Enough to see a pattern; the rest is in the gateway's log.
const REASONS_KEPT: usize = 8;

#[derive(Debug, Default)]
struct Book {
    sent: u64,
    executions: u64,
    unknown: u64,
    /// What is not settled: in flight, or ended in another way than answered and done once.
    open: HashMap<MessageId, Entry>,
    settled: Settled,
    executed_again: BTreeSet<MessageId>,
    codes: BTreeMap<String, u64>,
    reasons: Vec<String>,
    latencies: Latencies,
    last_answer: Option<Instant>,
    gap: Option<Gap>,
}

impl Book {
    fn answer_at(&mut self, now: Instant) {
        self.last_answer = Some(now);
        if let Some(gap) = &mut self.gap {
            gap.longest = gap.longest.max(now.duration_since(gap.last));
            gap.last = now;
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Gap {
    last: Instant,
    longest: Duration,
}

#[derive(Debug)]
struct Entry {
    at: Instant,
    executions: u32,
    ending: Option<Ending>,
}

/// A set of ids, one bit each.
#[derive(Debug, Default)]
struct Settled {
    words: Vec<u64>,
    count: u64,
}

impl Settled {
    fn contains(&self, id: MessageId) -> bool {
        let (word, bit) = Self::place(id);
        self.words.get(word).is_some_and(|word| word & bit != 0)
    }

    fn insert(&mut self, id: MessageId) {
        let (word, bit) = Self::place(id);
        if self.words.len() <= word {
            self.words.resize(word.saturating_add(1), 0);
        }
        if let Some(word) = self.words.get_mut(word)
            && *word & bit == 0
        {
            *word |= bit;
            self.count = self.count.saturating_add(1);
        }
    }

    fn place(id: MessageId) -> (usize, u64) {
        // Ids are counted up from 0, so the index is as large as the memory that the ids took.
        let word = usize::try_from(id.0 / 64).unwrap_or(usize::MAX);
        (word, 1 << (id.0 % 64))
    }
}
