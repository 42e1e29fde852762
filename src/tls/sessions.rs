//! [`SessionVault`]: sessions that outlive reloads, apart from each other by listener.
//!
//! A session is as good as the certificate it was granted for, so it may only be taken up where
//! that certificate would be accepted. What cannot be judged again separates sessions for good:
//! the listener's scope, the client-auth mode and the own certificate's key each make another
//! *universe*, which knows none of the other's sessions. Whom the listener believes may change
//! within a universe: every session says under which policy it was granted, it is taken up only
//! under one that this listener has had, and its chain is judged again by the policy in force.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use crate::certs::CertificateFacts;
use crate::certs::{Digest, TrustStore};
use crate::config::settings::{ClientAuth, ResponderUrl};
use crate::model::WallTime;
use crate::telemetry::Counter;
use crate::telemetry::exposition::{ResponderFigures, SessionFigures};
use crate::tls::ocsp::Said;
use crate::tls::rules::Rules;
use crate::tls::session_store::SessionStore;
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

    /// The bytes that tell it from others.
    pub(super) const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// From such bytes.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
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

    /// The policy of these authorities and rules under a mode.
    pub(super) fn of(trust: &TrustStore, rules: &Rules, mode: ClientAuth) -> Self {
        let digest = Digest::new("client trust")
            .part(&trust.policy_digest())
            .part(&rules.policy_digest())
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
    /// When that generation was published.
    since: Option<WallTime>,
    source: Arc<TicketSource>,
    /// What responders have said about clients.
    responders: HashMap<String, Arc<Said>>,
    lookups: Arc<Lookups>,
    swept: Swept,
}

/// What has been forgotten, since it was too old to be used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// When it was looked last.
    pub last: Option<WallTime>,
    /// Sessions.
    pub sessions: u64,
    /// Keys of tickets.
    pub ticket_keys: u64,
}

/// Sessions that clients named, counted for the life of the process.
#[derive(Debug, Default)]
pub(super) struct Lookups {
    pub(super) found: Counter,
    pub(super) unknown: Counter,
    pub(super) refused: Counter,
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
            lifetime: AtomicU64::default(),
            lookups: Lookups::default(),
            of_all: Arc::clone(&universes.lookups),
        });
        universes.by_id.insert(id, Arc::clone(&universe));
        universe
    }

    /// All of them.
    pub(super) fn each(&self) -> Vec<(UniverseId, Arc<Universe>)> {
        let universes = self.lock();
        let each = universes.by_id.iter();
        each.map(|(id, universe)| (*id, Arc::clone(universe)))
            .collect()
    }

    /// What a responder has said so far: an answer is worth the same after a reload.
    pub(super) fn said_by(&self, responder: &ResponderUrl) -> Arc<Said> {
        let mut universes = self.lock();
        let said = universes.responders.entry(responder.to_string());
        Arc::clone(said.or_default())
    }

    /// From now on ticket keys come from here. To be told before a generation is published, so that
    /// not even its first clients get tickets that nobody else can open.
    pub fn draw_from(&self, source: &TicketSource) {
        let mut universes = self.lock();
        let universes = &mut *universes;
        if *universes.source != *source {
            universes.source = Arc::new(source.clone());
        }
        for universe in universes.by_id.values() {
            universe.tickets.draw_from(&universes.source);
        }
    }

    /// Tells what the generation that has just been published uses: universes with the policy in
    /// force in each and the lifetime of its sessions, and where ticket keys come from. Universes that
    /// neither it nor the one before uses are forgotten, with all their sessions and keys; the one
    /// before is kept so that a change that is taken back costs nobody a full handshake.
    pub fn publish(
        &self,
        used: impl IntoIterator<Item = (UniverseId, PolicyId, Duration)>,
        source: &TicketSource,
        now: WallTime,
    ) {
        self.draw_from(source);
        let mut universes = self.lock();
        let universes = &mut *universes;
        let mut current = HashSet::new();
        for (id, policy, lifetime) in used {
            current.insert(id);
            if let Some(universe) = universes.by_id.get(&id) {
                universe.come_under(policy);
                universe
                    .lifetime
                    .store(lifetime.as_secs(), Ordering::Relaxed);
            }
        }
        universes.since = Some(now);
        let before = std::mem::replace(&mut universes.current, current);
        let Universes { by_id, current, .. } = universes;
        by_id.retain(|id, _| current.contains(id) || before.contains(id));
    }

    /// Forgets sessions and ticket keys that are too old to be used, also where nobody comes who
    /// would be the occasion.
    pub fn sweep(&self, now: WallTime) {
        let mut universes = self.lock();
        let Universes {
            by_id,
            current,
            since,
            swept,
            ..
        } = &mut *universes;
        swept.last = Some(now);
        by_id.retain(|id, universe| {
            let lifetime = Duration::from_secs(universe.lifetime.load(Ordering::Relaxed));
            swept.ticket_keys += universe.tickets.forget(now, lifetime) as u64;
            swept.sessions += universe.store.forget(now, lifetime) as u64;
            let seconds = i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX);
            let rests = since.map_or(0, |since| now.0.saturating_sub(since.0));
            current.contains(id) || rests <= seconds
        });
    }

    /// How many sessions there are, what became of those that clients named, and how old the key
    /// of the latest ticket was. The rotation is that of the source of keys.
    pub fn figures(&self) -> SessionFigures {
        let universes = self.lock();
        let each = || universes.by_id.values();
        SessionFigures {
            kept: each().map(|one| one.store.len() as u64).sum(),
            found: universes.lookups.found.value(),
            unknown: universes.lookups.unknown.value(),
            refused: universes.lookups.refused.value(),
            key_age: each()
                .map(|one| one.tickets.sealed_with_age())
                .max()
                .unwrap_or_default(),
            key_rotation: universes.source.rotation,
        }
    }

    /// The same of some listeners alone.
    pub fn figures_of(&self, ids: impl Iterator<Item = UniverseId>) -> SessionFigures {
        let universes = self.lock();
        let mut sum = SessionFigures {
            key_rotation: universes.source.rotation,
            ..SessionFigures::default()
        };
        for universe in ids.filter_map(|id| universes.by_id.get(&id)) {
            sum.kept += universe.store.len() as u64;
            sum.found += universe.lookups.found.value();
            sum.unknown += universe.lookups.unknown.value();
            sum.refused += universe.lookups.refused.value();
            sum.key_age = sum.key_age.max(universe.tickets.sealed_with_age());
        }
        sum
    }

    /// What has been forgotten so far.
    pub fn swept(&self) -> Swept {
        self.lock().swept
    }

    /// What responders have said, all of them together.
    pub fn responders(&self) -> ResponderFigures {
        let universes = self.lock();
        let mut sum = ResponderFigures::default();
        for said in universes.responders.values() {
            sum.good += said.good.value();
            sum.withdrawn += said.withdrawn.value();
            sum.unknown += said.unknown.value();
            sum.failed += said.failed.value();
        }
        sum
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
    /// How long its sessions live, in seconds.
    lifetime: AtomicU64,
    lookups: Lookups,
    of_all: Arc<Lookups>,
}

/// More changes of trust than sessions live to see.
const MOST_POLICIES: usize = 64;

impl Universe {
    /// The policies it has been under, the latest last.
    pub(super) fn policies(&self) -> Vec<PolicyId> {
        let policies = self.policies.read().unwrap_or_else(PoisonError::into_inner);
        policies.iter().copied().collect()
    }

    /// Counts what became of a session that a client named.
    pub(super) fn count(&self, which: impl Fn(&Lookups) -> &Counter) {
        which(&self.lookups).inc();
        which(&self.of_all).inc();
    }

    /// Notes the policy that is in force from now on.
    pub(super) fn come_under(&self, policy: PolicyId) {
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

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    #[test]
    fn the_same_listener_gets_the_same_universe_and_another_another() {
        let vault = SessionVault::new();
        let get = |n| vault.universe(UniverseId([n; 32]));
        assert!(Arc::ptr_eq(&get(1), &get(1)));
        assert!(!Arc::ptr_eq(&get(1), &get(2)));
    }

    #[test]
    fn what_is_too_old_is_forgotten_although_nobody_comes() {
        let vault = SessionVault::new();
        let (used, unused) = (UniverseId([1; 32]), UniverseId([2; 32]));
        let policy = PolicyId([0; PolicyId::LEN]);
        let publish =
            |id| vault.publish([(id, policy, HOUR)], &TicketSource::default(), WallTime(0));
        vault.universe(unused);
        publish(unused);
        let universe = vault.universe(used);
        publish(used);
        universe
            .store
            .put(vec![1; 32], vec![1], WallTime(0), HOUR, 10);
        let ticket = universe.tickets.seal(b"x", WallTime(0), HOUR);
        assert!(ticket.is_some() && universe.tickets.len() == 1);
        vault.sweep(WallTime(3_600));
        assert_eq!((universe.store.len(), vault.len()), (1, 2));
        assert_eq!((vault.swept().sessions, vault.swept().ticket_keys), (0, 0));
        vault.sweep(WallTime(20_000));
        let swept = Swept {
            last: Some(WallTime(20_000)),
            sessions: 1,
            ticket_keys: 1,
        };
        assert_eq!(vault.swept(), swept);
        assert_eq!((universe.store.len(), vault.len()), (0, 1));
        assert_eq!(universe.tickets.len(), 0);
    }

    #[test]
    fn a_universe_lives_for_one_generation_after_its_last_use() {
        let vault = SessionVault::new();
        let id = |n| UniverseId([n; 32]);
        let publish = |n| {
            let policy = PolicyId([0; PolicyId::LEN]);
            vault.publish(
                [(id(n), policy, HOUR)],
                &TicketSource::default(),
                WallTime(0),
            );
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
