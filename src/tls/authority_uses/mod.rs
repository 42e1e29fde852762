//! [`AuthorityUses`]: which authority let in which clients, and when last.
//!
//! An authority that is taken out of `CA_FILE` shuts out everybody whom it vouched for. Who that
//! would be is known here: for each listening role and each authority, told apart by their keys,
//! the clients that proved themselves by it, with the last time each of them was there. A resumed
//! session counts as much as a full handshake, and a connection counts for as long as it is open.
//!
//! The way of a handshake pays two writes to a number that no other client shares; everything else
//! happens where a chain is proven for the first time, or where somebody asks.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::model::{Clock, Fingerprint, Principal, WallTime};

/// All uses of all authorities; outlives every generation.
#[derive(Debug, Default)]
pub struct AuthorityUses(Mutex<BTreeMap<RoleAndKey, Entry>>);

/// A listening role, and the digest of an authority's key.
type RoleAndKey = (Box<str>, AuthorityKey);

/// The SHA-256 of an authority's public key: what makes it that authority, whatever its
/// certificates are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AuthorityKey(pub [u8; 32]);

impl fmt::Display for AuthorityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Fingerprint(self.0).fmt(f)
    }
}

/// An authority, as it is remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    /// SHA-256 of its public key.
    pub key: AuthorityKey,
    /// Its name, for people.
    pub name: String,
    /// Its last second.
    pub not_after: WallTime,
}

/// A client, as it is remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Its subject.
    pub subject: String,
    /// The serial number of its certificate.
    pub serial: String,
    /// SHA-256 of its certificate.
    pub fingerprint: Fingerprint,
    /// When it was there last.
    pub last: WallTime,
}

/// What is known of one authority in one role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorityUse {
    /// The listening role: the name of the SAP system.
    pub role: String,
    /// The authority.
    pub authority: Authority,
    /// Its clients, the latest first; no more than were asked for.
    pub clients: Vec<Client>,
    /// How many more there are.
    pub more: usize,
}

impl AuthorityUse {
    /// When it was used last.
    pub fn last(&self) -> Option<WallTime> {
        self.clients.first().map(|client| client.last)
    }
}

#[derive(Debug)]
struct Entry {
    authority: Authority,
    clients: HashMap<Fingerprint, Arc<ClientUse>>,
    /// How many clients there were at the most; some of them may be known by number only, being
    /// more than are kept, or from before a restart.
    most: usize,
}

/// One client of one authority.
#[derive(Debug)]
pub(super) struct ClientUse {
    subject: String,
    serial: String,
    /// Seconds since 1970; [`NEVER`] until its first handshake has come to its end.
    last: AtomicI64,
    /// Connections that are open.
    open: AtomicU32,
}

const NEVER: i64 = i64::MIN;

/// Clients that are kept for one authority: many times the application servers of a cluster.
const MOST_CLIENTS: usize = 10_000;

impl ClientUse {
    /// A client that has not been here yet.
    pub(super) fn of(principal: &Principal) -> Self {
        Self {
            subject: principal.subject.clone(),
            serial: principal.serial.clone(),
            last: AtomicI64::new(NEVER),
            open: AtomicU32::new(0),
        }
    }

    fn last(&self, now: WallTime) -> Option<WallTime> {
        if self.open.load(Ordering::Relaxed) > 0 {
            return Some(now);
        }
        let last = self.last.load(Ordering::Relaxed);
        (last != NEVER).then_some(WallTime(last))
    }

    fn note(&self, now: WallTime) {
        self.last.store(now.0, Ordering::Relaxed);
    }
}

/// A client that is connected; while this lives, its authority is in use.
#[derive(Debug)]
pub struct Presence {
    client: Arc<ClientUse>,
    clock: Clock,
}

impl Presence {
    /// From now on the client is here.
    pub(super) fn begin(client: Arc<ClientUse>, clock: &Clock) -> Self {
        client.open.fetch_add(1, Ordering::Relaxed);
        client.note(clock.now());
        Self {
            client,
            clock: clock.clone(),
        }
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.client.note(self.clock.now());
        self.client.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The uses of one listening role, as its judges write them.
#[derive(Debug, Clone)]
pub struct RoleUses {
    all: Arc<AuthorityUses>,
    role: Box<str>,
}

impl RoleUses {
    /// Where the uses of a client are noted that an authority has just vouched for. It counts once
    /// its handshake is done.
    pub(super) fn of(&self, authority: &Authority, principal: &Principal) -> Arc<ClientUse> {
        let mut all = self.all.lock();
        let entry = all
            .entry((self.role.clone(), authority.key))
            .or_insert_with(|| Entry::new(authority.clone()));
        // A certificate of the same key that lasts longer is the same authority, renewed.
        if entry.authority.not_after < authority.not_after {
            entry.authority = authority.clone();
        }
        entry.client(principal)
    }
}

impl Entry {
    fn new(authority: Authority) -> Self {
        Self {
            authority,
            clients: HashMap::new(),
            most: 0,
        }
    }

    fn client(&mut self, principal: &Principal) -> Arc<ClientUse> {
        if let Some(known) = self.clients.get(&principal.fingerprint) {
            return Arc::clone(known);
        }
        if self.clients.len() >= MOST_CLIENTS {
            self.forget_one();
        }
        let client = Arc::new(ClientUse::of(principal));
        self.clients
            .insert(principal.fingerprint, Arc::clone(&client));
        client
    }

    /// The one that was seen longest ago is known by number only from now on.
    fn forget_one(&mut self) {
        let oldest = self.clients.iter().min_by_key(|(_, client)| {
            let is_here = client.open.load(Ordering::Relaxed) > 0;
            (is_here, client.last.load(Ordering::Relaxed))
        });
        if let Some(oldest) = oldest.map(|(fingerprint, _)| *fingerprint) {
            self.clients.remove(&oldest);
            self.most = self.most.max(MOST_CLIENTS.saturating_add(1));
        }
    }
}

impl AuthorityUses {
    /// Where the uses of one listening role are noted: all acceptors of a SAP system have the same
    /// authorities, whatever their rules and sessions.
    pub fn of_role(self: &Arc<Self>, role: &str) -> RoleUses {
        RoleUses {
            all: Arc::clone(self),
            role: role.into(),
        }
    }

    /// What is known of every authority that let in a client at `since` or later, with so many of
    /// its clients.
    pub fn since(&self, since: WallTime, now: WallTime, most: usize) -> Vec<AuthorityUse> {
        let all = self.lock();
        let told = all.iter().filter_map(|((role, _), entry)| {
            let mut clients: Vec<Client> = entry
                .clients
                .iter()
                .filter_map(|(fingerprint, client)| {
                    Some(Client {
                        subject: client.subject.clone(),
                        serial: client.serial.clone(),
                        fingerprint: *fingerprint,
                        last: client.last(now).filter(|last| *last >= since)?,
                    })
                })
                .collect();
            clients.sort_by(|a, b| {
                let order = |client: &Client| (Reverse(client.last), client.fingerprint);
                order(a).cmp(&order(b))
            });
            let unknown = entry.most.saturating_sub(entry.clients.len());
            let beyond = clients.len().saturating_sub(most);
            clients.truncate(most);
            (!clients.is_empty()).then(|| AuthorityUse {
                role: role.to_string(),
                authority: entry.authority.clone(),
                clients,
                more: unknown.saturating_add(beyond),
            })
        });
        told.collect()
    }

    /// Takes in what was known before a restart.
    pub fn remember(&self, known: Vec<AuthorityUse>) {
        let mut all = self.lock();
        for one in known {
            let key = (one.role.into_boxed_str(), one.authority.key);
            let entry = all
                .entry(key)
                .or_insert_with(|| Entry::new(one.authority.clone()));
            entry.most = entry.most.max(one.clients.len().saturating_add(one.more));
            for client in one.clients {
                let use_of_it = ClientUse {
                    subject: client.subject,
                    serial: client.serial,
                    last: AtomicI64::new(client.last.0),
                    open: AtomicU32::new(0),
                };
                entry
                    .clients
                    .entry(client.fingerprint)
                    .or_insert_with(|| Arc::new(use_of_it));
            }
        }
    }

    /// Forgets every authority that no role believes any more: what is gone cannot be dropped a
    /// second time. `believed` are the roles with the keys that each believes.
    /// Says whether there was one.
    pub fn keep(&self, believed: &HashSet<(&str, AuthorityKey)>) -> bool {
        let mut all = self.lock();
        let before = all.len();
        all.retain(|(role, key), _| believed.contains(&(&**role, *key)));
        all.len() < before
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<RoleAndKey, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
