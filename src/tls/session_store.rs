//! [`SessionStore`]: the sessions that are kept here, for clients that name theirs by id.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::model::WallTime;

/// Sessions kept in memory: bounded, expiring, oldest out first.
///
/// Split into shards by the first byte of the key, so that threads seldom wait for each other.
pub(super) struct SessionStore {
    shards: [Mutex<Shard>; SHARDS],
}

#[derive(Default)]
struct Shard {
    sessions: HashMap<Vec<u8>, (u64, Vec<u8>)>,
    /// By age; entries whose session has been taken or replaced stay until they come to the front.
    by_age: VecDeque<(u64, WallTime, Vec<u8>)>,
    next: u64,
}

const SHARDS: usize = 16;

/// Up to where the sessions of a store have been copied.
#[derive(Debug, Clone, Default)]
pub(super) struct Marks([u64; SHARDS]);

/// The largest session that is kept: a chain of several certificates is a tenth of it, and the
/// memory of a full store stays bounded by something that can be computed.
const MAX_SESSION: usize = 1 << 16;

impl Default for SessionStore {
    fn default() -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::default()),
        }
    }
}

impl fmt::Debug for SessionStore {
    /// Sessions are keys, so none is printed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionStore({} sessions)", self.len())
    }
}

impl SessionStore {
    /// Keeps a session; what is older than the lifetime goes, then what is oldest. At least `room`
    /// sessions are kept: keys fall into shards at random, so every shard gets room for some more
    /// than its share (four standard deviations).
    pub(super) fn put(
        &self,
        key: Vec<u8>,
        value: Vec<u8>,
        now: WallTime,
        lifetime: Duration,
        room: usize,
    ) -> bool {
        if value.len() > MAX_SESSION {
            return false;
        }
        let even = room.div_ceil(SHARDS);
        let slack = even.isqrt().saturating_add(1).saturating_mul(4);
        let capacity = even.saturating_add(slack);
        let mut shard = self.shard(&key);
        shard.add(key, value, now);
        shard.tidy(now, lifetime, capacity);
        true
    }

    /// Keeps a session of the process whose place this one takes. There are no more than that one
    /// had room for; the next session that comes makes room as this one is configured.
    pub(super) fn take_over(&self, key: Vec<u8>, value: Vec<u8>, since: WallTime) {
        if value.len() > MAX_SESSION {
            return;
        }
        self.shard(&key).add(key, value, since);
    }

    /// A copy of a session.
    pub(super) fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        let shard = self.shard(key);
        shard.sessions.get(key).map(|(_, value)| value.clone())
    }

    /// A session, which is gone then.
    pub(super) fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        let mut shard = self.shard(key);
        shard.sessions.remove(key).map(|(_, value)| value)
    }

    /// Copies of the sessions that have come since the same marks were used last, each with when it
    /// came.
    pub(super) fn since(&self, marks: &mut Marks) -> Vec<(Vec<u8>, Vec<u8>, WallTime)> {
        let mut found = Vec::new();
        for (shard, mark) in self.shards.iter().zip(&mut marks.0) {
            let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            let news = shard.by_age.iter();
            let news = news.skip_while(|(number, ..)| number < mark);
            found.extend(news.filter_map(|(number, since, key)| {
                let (live, value) = shard.sessions.get(key)?;
                (live == number).then(|| (key.clone(), value.clone(), *since))
            }));
            *mark = shard.next;
        }
        found
    }

    /// Forgets what is older than the lifetime, and says how many sessions that were.
    pub(super) fn forget(&self, now: WallTime, lifetime: Duration) -> usize {
        let forget = |shard: &Mutex<Shard>| {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            let before = shard.sessions.len();
            shard.tidy(now, lifetime, usize::MAX);
            before.saturating_sub(shard.sessions.len())
        };
        self.shards.iter().map(forget).sum()
    }

    /// How many sessions are kept.
    pub(super) fn len(&self) -> usize {
        let lock = |shard: &Mutex<Shard>| {
            let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard.sessions.len()
        };
        self.shards.iter().map(lock).sum()
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "the index is a remainder of the array's own length"
    )]
    fn shard(&self, key: &[u8]) -> MutexGuard<'_, Shard> {
        let index = usize::from(key.first().copied().unwrap_or_default()) % SHARDS;
        self.shards[index]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shard {
    fn add(&mut self, key: Vec<u8>, value: Vec<u8>, since: WallTime) {
        let number = self.next;
        self.next = number.wrapping_add(1);
        self.sessions.insert(key.clone(), (number, value));
        self.by_age.push_back((number, since, key));
    }

    fn tidy(&mut self, now: WallTime, lifetime: Duration, capacity: usize) {
        let lifetime = i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX);
        // Taken sessions leave their place in the order behind; it may not outgrow the sessions.
        let crowded = capacity.saturating_mul(2);
        while let Some((number, since, key)) = self.by_age.front() {
            let is_live = self
                .sessions
                .get(key)
                .is_some_and(|(live, _)| live == number);
            let is_old = now.0.saturating_sub(since.0) > lifetime;
            let is_full = self.sessions.len() > capacity || self.by_age.len() > crowded;
            if is_live && !is_old && !is_full {
                return;
            }
            if let Some((_, _, key)) = self.by_age.pop_front()
                && is_live
            {
                self.sessions.remove(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    fn key(n: u32) -> Vec<u8> {
        // As the TLS library's keys: every byte as good as random.
        crate::certs::digest::sha256(&n.to_be_bytes()).to_vec()
    }

    #[test]
    fn what_has_come_since_is_copied_once() {
        let store = SessionStore::default();
        let mut marks = Marks::default();
        let put = |n| store.put(key(n), vec![1], WallTime(7), HOUR, 100);
        put(1);
        put(2);
        assert!(store.take(&key(2)).is_some());
        assert_eq!(store.since(&mut marks), [(key(1), vec![1], WallTime(7))]);
        put(3);
        assert_eq!(store.since(&mut marks), [(key(3), vec![1], WallTime(7))]);
        assert_eq!(store.since(&mut marks), []);
    }

    fn filled(count: u32, capacity: usize) -> SessionStore {
        let store = SessionStore::default();
        for n in 0..count {
            let now = WallTime(i64::from(n) / 1_000);
            assert!(store.put(key(n), vec![1], now, HOUR, capacity));
        }
        store
    }

    #[test]
    fn as_many_sessions_as_configured_are_kept() {
        let store = filled(8_000, 8_000);
        assert!((0..8_000).all(|n| store.get(&key(n)).is_some()));
    }

    #[test]
    fn the_store_is_bounded_and_the_oldest_go_first() {
        let store = filled(50_000, 1_000);
        assert!(store.len() < 2_000, "{}", store.len());
        assert!(store.get(&key(0)).is_none());
        assert!((49_000..50_000).all(|n| store.get(&key(n)).is_some()));
    }

    #[test]
    fn a_session_that_is_taken_is_gone() {
        let store = filled(1, 10);
        assert_eq!(store.take(&key(0)), Some(vec![1]));
        assert_eq!(store.take(&key(0)), None);
    }

    #[test]
    fn taken_sessions_leave_nothing_behind() {
        let store = SessionStore::default();
        for n in 0..20_000 {
            store.put(key(n), vec![1], WallTime(0), HOUR, 100);
            store.take(&key(n));
        }
        let places: usize = store
            .shards
            .iter()
            .map(|shard| shard.lock().expect("not poisoned").by_age.len())
            .sum();
        assert!(places < 1_000, "{places}");
    }

    #[test]
    fn old_sessions_go_when_new_ones_come() {
        let store = filled(1_000, 8_000);
        for n in 1_000..1_200 {
            store.put(key(n), vec![1], WallTime(10_000), HOUR, 8_000);
        }
        assert_eq!(store.len(), 200);
    }

    #[test]
    fn a_replaced_session_is_not_lost_with_its_older_self() {
        let store = SessionStore::default();
        store.put(key(0), vec![1], WallTime(0), HOUR, 100);
        store.put(key(0), vec![2], WallTime(10_000), HOUR, 100);
        assert_eq!(store.get(&key(0)), Some(vec![2]));
    }

    #[test]
    fn a_session_larger_than_any_chain_is_not_kept() {
        let store = filled(0, 10);
        assert!(!store.put(key(0), vec![0; MAX_SESSION + 1], WallTime(0), HOUR, 10));
    }
}
