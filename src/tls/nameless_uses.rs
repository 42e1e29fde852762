//! [`NamelessUses`]: which listeners serve clients that do not say who they are, and when last.
//!
//! A listener that is to require a certificate, to admit some only, or to speak TLS at all shuts out
//! whoever came without so far. One such client cannot be told from another, so none is counted: it
//! is remembered that there were some, for each listening role, with the time of the last one. A
//! connection that is open counts as now.
//!
//! The way of a connection pays two writes and no lock: whoever accepts it holds the entry.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::model::{Clock, TlsRole, WallTime};

/// All such uses; outlives every generation.
#[derive(Debug, Default)]
pub struct NamelessUses(Mutex<BTreeMap<Kind, Arc<NamelessUse>>>);

/// The SAP system, the role of the listener, and what the clients lack. There are six of a system
/// at the most, and of the systems those in force.
type Kind = (Arc<str>, TlsRole, Lack);

/// What clients lack that do not say who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lack {
    /// They were asked for a certificate and showed none.
    Certificate,
    /// They were not asked for one; they may have one.
    Question,
    /// They speak without TLS.
    Tls,
}

impl Lack {
    /// Each of them.
    const ALL: [Self; 3] = [Self::Certificate, Self::Question, Self::Tls];

    /// The stable word.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Certificate => "no-certificate",
            Self::Question => "not-asked",
            Self::Tls => "no-tls",
        }
    }

    /// What a word stands for.
    pub fn of_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|lack| lack.code() == code)
    }
}

/// Clients that lack the same at the same listeners, as they are remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nameless {
    /// The SAP system.
    pub system: String,
    /// The role of the listener.
    pub role: TlsRole,
    /// What they lack.
    pub lack: Lack,
    /// When the last one was there.
    pub last: WallTime,
    /// The code by which whoever was asked about them refuses them by now; nobody is asked in here.
    pub refused: Option<String>,
}

/// The same, as they are kept.
#[derive(Debug)]
pub struct NamelessUse {
    /// Seconds since 1970.
    last: AtomicI64,
    /// Connections that are open.
    open: AtomicU32,
}

/// One of them that is connected.
#[derive(Debug)]
pub struct NamelessPresence {
    of: Arc<NamelessUse>,
    clock: Clock,
    is_here: bool,
}

const NEVER: WallTime = WallTime(i64::MIN);

impl NamelessUses {
    /// Where such clients of a listener are noted.
    pub fn of(&self, system: &str, role: TlsRole, lack: Lack) -> Arc<NamelessUse> {
        let mut all = self.lock();
        Arc::clone(all.entry((system.into(), role, lack)).or_default())
    }

    /// All of whom one was there at `since` or later.
    pub fn since(&self, since: WallTime, now: WallTime) -> Vec<Nameless> {
        let all = self.lock();
        let told = all.iter().filter_map(|((system, role, lack), one)| {
            Some(Nameless {
                system: system.to_string(),
                role: *role,
                lack: *lack,
                last: one.last(now).filter(|last| *last >= since)?,
                refused: None,
            })
        });
        told.collect()
    }

    /// Takes in what was known before a restart.
    pub fn remember(&self, known: Vec<Nameless>) {
        for one in known {
            let kept = self.of(&one.system, one.role, one.lack);
            kept.last.fetch_max(one.last.0, Ordering::Relaxed);
        }
    }

    /// Forgets the clients of every SAP system that is not among these: with their listeners gone
    /// they have been shut out. Says whether there were some.
    pub fn keep(&self, systems: &HashSet<&str>) -> bool {
        let mut all = self.lock();
        let gone = all.extract_if(.., |(system, ..), _| !systems.contains(&**system));
        // All of them go, also those that were never there.
        gone.fold(false, |before, (_, one)| before | one.was_there())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Kind, Arc<NamelessUse>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for NamelessUse {
    /// One of which nobody has been there yet.
    fn default() -> Self {
        Self {
            last: AtomicI64::new(NEVER.0),
            open: AtomicU32::new(0),
        }
    }
}

impl NamelessUse {
    /// A client that is here from now on, as long as what is returned lives.
    pub fn serve(self: &Arc<Self>, clock: &Clock) -> NamelessPresence {
        let mut presence = self.expect(clock);
        presence.speaks();
        presence
    }

    /// A client that is here once it has said something: whoever only looks whether the port is open
    /// asks for nothing.
    pub(super) fn expect(self: &Arc<Self>, clock: &Clock) -> NamelessPresence {
        NamelessPresence {
            of: Arc::clone(self),
            clock: clock.clone(),
            is_here: false,
        }
    }

    fn was_there(&self) -> bool {
        self.last.load(Ordering::Relaxed) != NEVER.0
    }

    fn last(&self, now: WallTime) -> Option<WallTime> {
        if self.open.load(Ordering::Relaxed) > 0 {
            return Some(now);
        }
        let last = WallTime(self.last.load(Ordering::Relaxed));
        (last != NEVER).then_some(last)
    }

    fn note(&self, clock: &Clock) {
        self.last.store(clock.now().0, Ordering::Relaxed);
    }
}

impl NamelessPresence {
    /// It has said something.
    pub(super) fn speaks(&mut self) {
        if !self.is_here {
            self.is_here = true;
            self.of.open.fetch_add(1, Ordering::Relaxed);
            self.of.note(&self.clock);
        }
    }
}

impl Drop for NamelessPresence {
    fn drop(&mut self) {
        if self.is_here {
            self.of.note(&self.clock);
            self.of.open.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requests(all: &NamelessUses, lack: Lack) -> Arc<NamelessUse> {
        all.of("SAP1", TlsRole::Requests, lack)
    }

    fn seen(all: &NamelessUses, since: WallTime, clock: &Clock) -> Vec<(String, TlsRole, Lack)> {
        let told = all.since(since, clock.now()).into_iter();
        told.map(|one| (one.system, one.role, one.lack)).collect()
    }

    const EVER: WallTime = WallTime(0);

    #[test]
    fn what_clients_lack_is_read_back_from_its_word() {
        for lack in Lack::ALL {
            assert_eq!(Lack::of_code(lack.code()), Some(lack));
        }
        assert_eq!(Lack::of_code("money"), None);
    }

    #[test]
    fn clients_are_known_by_system_role_and_what_they_lack_once_one_was_there() {
        let (all, clock) = (NamelessUses::default(), Clock::system());
        let one = requests(&all, Lack::Certificate);
        let other = all.of("SAP2", TlsRole::Events, Lack::Tls);
        assert_eq!(seen(&all, EVER, &clock), []);
        drop(one.serve(&clock));
        drop(requests(&all, Lack::Certificate).serve(&clock));
        drop(other.serve(&clock));
        let both = [
            ("SAP1".to_owned(), TlsRole::Requests, Lack::Certificate),
            ("SAP2".to_owned(), TlsRole::Events, Lack::Tls),
        ];
        assert_eq!(seen(&all, EVER, &clock), both);
        assert_eq!(seen(&all, WallTime(clock.now().0 + 10), &clock), []);
    }

    #[test]
    fn a_client_that_is_connected_is_here_now_and_then_until_it_left() {
        let (all, clock) = (NamelessUses::default(), Clock::system());
        let one = requests(&all, Lack::Question);
        let (first, second) = (one.serve(&clock), one.serve(&clock));
        clock.shift(1_000);
        drop(first);
        clock.shift(1_000);
        let now = clock.now();
        assert_eq!(all.since(now, now)[0].last, now);
        drop(second);
        clock.shift(1_000);
        assert_eq!(seen(&all, WallTime(now.0 + 500), &clock), []);
        assert_eq!(seen(&all, now, &clock).len(), 1);
    }

    #[test]
    fn whoever_says_nothing_was_not_there() {
        let (all, clock) = (NamelessUses::default(), Clock::system());
        let mut expected = requests(&all, Lack::Tls).expect(&clock);
        drop(requests(&all, Lack::Tls).expect(&clock));
        assert_eq!(seen(&all, EVER, &clock), []);
        expected.speaks();
        expected.speaks();
        clock.shift(1_000);
        assert_eq!(seen(&all, clock.now(), &clock).len(), 1);
        drop(expected);
        clock.shift(1_000);
        assert_eq!(seen(&all, clock.now(), &clock), []);
    }

    #[test]
    fn what_was_known_before_a_restart_is_known_until_somebody_comes_later() {
        let (before, clock) = (NamelessUses::default(), Clock::system());
        drop(requests(&before, Lack::Certificate).serve(&clock));
        let known = before.since(EVER, clock.now());
        let after = NamelessUses::default();
        after.remember(known.clone());
        clock.shift(1_000);
        assert_eq!(after.since(EVER, clock.now()), known);
        drop(requests(&after, Lack::Certificate).serve(&clock));
        after.remember(known.clone());
        assert_eq!(
            after.since(EVER, clock.now())[0].last.0,
            known[0].last.0 + 1_000
        );
    }

    #[test]
    fn systems_that_have_gone_are_forgotten_with_all_that_was_noted_of_them() {
        let (all, clock) = (NamelessUses::default(), Clock::system());
        drop(requests(&all, Lack::Tls).serve(&clock));
        let _never_there = all.of("SAP2", TlsRole::Requests, Lack::Tls);
        assert!(!all.keep(&HashSet::from(["SAP1"])), "nobody was at SAP2");
        assert_eq!(seen(&all, EVER, &clock).len(), 1);
        assert_eq!(all.lock().len(), 1);
        assert!(all.keep(&HashSet::from(["SAP2"])));
        assert!(all.lock().is_empty());
    }
}
