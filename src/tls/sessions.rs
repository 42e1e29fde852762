//! [`SessionVault`]: sessions that outlive reloads, apart from each other by listener.
//!
//! A session is as good as the certificate it was granted for, so it may only be taken up where
//! that certificate would be accepted. What cannot be judged again separates sessions for good:
//! the listener's scope, the client-auth mode and the own certificate's key each make another
//! *universe*, which knows none of the other's sessions. Whom the listener believes may change
//! within a universe: every session says under which policy it was granted, it is taken up only
//! under one that this listener has had, and its chain is judged again by the policy in force.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use crate::certs::CertificateFacts;
use crate::certs::{Digest, TrustStore};
use crate::config::settings::ClientAuth;
use crate::model::WallTime;
use crate::tls::tickets::{TicketKeys, TicketSource};

/// What separates sessions for good, as a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct UniverseId([u8; 32]);

impl UniverseId {
    /// The universe of a listener.
    pub(super) fn of(mode: ClientAuth, own: &CertificateFacts, scope: &str) -> Self {
        let digest = Digest::new("universe")
            .part(mode_word(mode))
            .part(&own.spki)
            .part(own.subject_der())
            .part(scope.as_bytes());
        Self(digest.finish())
    }
}

/// The word of a mode in digests.
pub(super) const fn mode_word(mode: ClientAuth) -> &'static [u8] {
    match mode {
        ClientAuth::Require => b"require",
        ClientAuth::Request => b"request",
        ClientAuth::None => b"none",
    }
}

/// Whom a listener lets in, as a digest: every session carries the one it was granted under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PolicyId([u8; 16]);

impl PolicyId {
    /// So many bytes.
    pub(super) const LEN: usize = 16;

    /// The policy of these authorities under a mode.
    pub(super) fn of(trust: &TrustStore, mode: ClientAuth) -> Self {
        let digest = Digest::new("client trust")
            .part(&trust.policy_digest())
            .part(mode_word(mode))
            .finish();
        // Half of it tells policies apart for as long as there are any.
        digest
            .first_chunk()
            .copied()
            .map_or(Self([0; Self::LEN]), Self)
    }

    /// The bytes that stand in a session.
    pub(super) const fn bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// From the bytes in a session.
    pub(super) const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }
}

/// All sessions of a process.
#[derive(Debug, Default)]
pub struct SessionVault(Mutex<Universes>);

#[derive(Debug, Default)]
struct Universes {
    by_id: HashMap<UniverseId, Arc<Universe>>,
    /// Those that the current generation uses.
    current: HashSet<UniverseId>,
    source: Arc<TicketSource>,
}

impl SessionVault {
    /// An empty vault; a process has one.
    pub fn new() -> Self {
        Self::default()
    }

    /// The universe of a listener, made if there is none.
    pub(super) fn universe(&self, id: UniverseId) -> Arc<Universe> {
        let mut universes = self.lock();
        if let Some(universe) = universes.by_id.get(&id) {
            return Arc::clone(universe);
        }
        let universe = Arc::new(Universe {
            tickets: TicketKeys::new(id.0, Arc::clone(&universes.source)),
            store: SessionStore::default(),
            policies: RwLock::default(),
        });
        universes.by_id.insert(id, Arc::clone(&universe));
        universe
    }

    /// Tells what the generation that has just been published uses: universes with the policy in
    /// force in each, and where ticket keys come from. Universes that neither it nor the one
    /// before uses are forgotten, with all their sessions and keys; the one before is kept so that
    /// a change that is taken back costs nobody a full handshake.
    pub fn publish(
        &self,
        used: impl IntoIterator<Item = (UniverseId, PolicyId)>,
        source: &TicketSource,
    ) {
        let mut universes = self.lock();
        let universes = &mut *universes;
        if *universes.source != *source {
            universes.source = Arc::new(source.clone());
        }
        let mut current = HashSet::new();
        for (id, policy) in used {
            current.insert(id);
            if let Some(universe) = universes.by_id.get(&id) {
                universe.come_under(policy);
                universe.tickets.draw_from(&universes.source);
            }
        }
        let before = std::mem::replace(&mut universes.current, current);
        let Universes { by_id, current, .. } = universes;
        by_id.retain(|id, _| current.contains(id) || before.contains(id));
    }

    /// How many universes there are.
    pub fn len(&self) -> usize {
        self.lock().by_id.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lock(&self) -> MutexGuard<'_, Universes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The sessions of one listener: those kept here, and the keys of those kept by the clients.
#[derive(Debug)]
pub(super) struct Universe {
    pub(super) tickets: TicketKeys,
    pub(super) store: SessionStore,
    /// The policies it has been under, the latest last.
    policies: RwLock<VecDeque<PolicyId>>,
}

/// More changes of trust than sessions live to see.
const MOST_POLICIES: usize = 64;

impl Universe {
    /// Notes the policy that is in force from now on.
    fn come_under(&self, policy: PolicyId) {
        let mut policies = self
            .policies
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        policies.retain(|known| *known != policy);
        policies.push_back(policy);
        if policies.len() > MOST_POLICIES {
            policies.pop_front();
        }
    }

    /// Whether sessions that were granted under a policy may be judged by the one in force.
    pub(super) fn has_been_under(&self, policy: PolicyId) -> bool {
        let policies = self.policies.read().unwrap_or_else(PoisonError::into_inner);
        policies.contains(&policy)
    }
}

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
        let number = shard.next;
        shard.next = number.wrapping_add(1);
        shard.sessions.insert(key.clone(), (number, value));
        shard.by_age.push_back((number, now, key));
        shard.tidy(now, lifetime, capacity);
        true
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

    #[test]
    fn the_same_listener_gets_the_same_universe_and_another_another() {
        let vault = SessionVault::new();
        let get = |n| vault.universe(UniverseId([n; 32]));
        assert!(Arc::ptr_eq(&get(1), &get(1)));
        assert!(!Arc::ptr_eq(&get(1), &get(2)));
    }

    #[test]
    fn a_universe_lives_for_one_generation_after_its_last_use() {
        let vault = SessionVault::new();
        let id = |n| UniverseId([n; 32]);
        let publish = |n| {
            let policy = PolicyId([0; PolicyId::LEN]);
            vault.publish([(id(n), policy)], &TicketSource::default());
        };
        let first = vault.universe(id(1));
        publish(1);
        vault.universe(id(2));
        publish(2);
        let again = vault.universe(id(1));
        assert!(Arc::ptr_eq(&first, &again));
        publish(2);
        assert_eq!(vault.len(), 1);
    }
}
