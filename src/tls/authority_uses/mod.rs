//! [`AuthorityUses`]: which authority let in which clients, and when last.
//!
//! An authority that is taken out of `CA_FILE` shuts out everybody whom it vouched for. Who that
//! would be is known here: for each listening role and each authority, told apart by their keys,
//! the clients that proved themselves by it, with the last time each of them was there. A resumed
//! session counts as much as a full handshake, and a connection counts for as long as it is open.
//!
//! The way of a handshake pays a lock and two writes to a number that no other client shares;
//! everything else happens where a client comes for the first time, or where somebody asks.

mod client_use;

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::model::{Fingerprint, Principal, TlsRole, WallTime};
pub(super) use crate::tls::authority_uses::client_use::ClientUse;
use crate::tls::authority_uses::client_use::Seen;
pub use crate::tls::authority_uses::client_use::{Arrival, Chain, Presence};

/// All uses of all authorities; outlives every generation.
#[derive(Debug, Default)]
pub struct AuthorityUses(Mutex<BTreeMap<RoleAndKey, Entry>>);

/// A listening role, and the digest of an authority's key.
type RoleAndKey = (Arc<str>, AuthorityKey);

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
    /// What it showed last.
    pub chain: Chain,
    /// When it was there last.
    pub last: WallTime,
    /// As what it was there; nothing where that was not remembered.
    pub roles: Vec<SeenAs>,
}

/// As what a client was there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenAs {
    /// The role of the listener.
    pub role: TlsRole,
    /// When last.
    pub last: WallTime,
    /// The code by which whoever was asked about it refuses it by now; nobody is asked in here.
    pub refused: Option<String>,
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
    clients: HashMap<Fingerprint, Arc<Seen>>,
    /// How many clients there were at the most; some of them may be known by number only, being
    /// more than are kept, or from before a restart.
    most: usize,
    /// When one of those that are known by number was there last, at the latest.
    unlisted_last: WallTime,
}

const NEVER: WallTime = WallTime(i64::MIN);

/// Clients that are kept for one authority: many times the application servers of a cluster.
const MOST_CLIENTS: usize = 10_000;

/// So many are forgotten at once: who was there longest ago is found in one go for all of them, so
/// each new client pays for eight at the most.
const FORGOTTEN_AT_ONCE: usize = MOST_CLIENTS / 8;

/// The uses of one listening role, as its judges write them.
#[derive(Debug, Clone)]
pub struct RoleUses {
    all: Arc<AuthorityUses>,
    role: Arc<str>,
}

impl RoleUses {
    /// Where the uses of a client are noted that an authority has just vouched for. It counts once
    /// its handshake is done: anybody can show the certificate of somebody else.
    pub(super) fn of(&self, authority: &Authority, principal: &Arc<Principal>) -> Arc<ClientUse> {
        let (uses, authority) = (self.clone(), authority.clone());
        Arc::new(ClientUse::new(uses, authority, Arc::clone(principal)))
    }

    /// Takes in a client that is here now, with what it shows.
    fn note(&self, authority: &Authority, who: (&Principal, &Chain), now: WallTime) -> Arc<Seen> {
        let mut all = self.all.lock();
        let entry = all
            .entry((Arc::clone(&self.role), authority.key))
            .or_insert_with(|| Entry::new(authority.clone()));
        // A certificate of the same key that lasts longer is the same authority, renewed.
        if entry.authority.not_after < authority.not_after {
            entry.authority = authority.clone();
        }
        entry.client(who, now)
    }

    /// A client that was here before.
    fn find(&self, authority: &Authority, principal: &Principal) -> Option<Arc<Seen>> {
        let all = self.all.lock();
        let entry = all.get(&(Arc::clone(&self.role), authority.key))?;
        entry.clients.get(&principal.fingerprint).map(Arc::clone)
    }
}

impl Entry {
    fn new(authority: Authority) -> Self {
        Self {
            authority,
            clients: HashMap::new(),
            most: 0,
            unlisted_last: NEVER,
        }
    }

    fn client(&mut self, (principal, chain): (&Principal, &Chain), now: WallTime) -> Arc<Seen> {
        if let Some(known) = self.clients.get(&principal.fingerprint) {
            return Arc::clone(known);
        }
        if self.clients.len() >= MOST_CLIENTS {
            self.forget_some(now);
        }
        let (subject, serial) = (principal.subject.clone(), principal.serial.clone());
        let client = Arc::new(Seen::new(subject, serial, chain.clone(), now));
        self.clients
            .insert(principal.fingerprint, Arc::clone(&client));
        client
    }

    /// Those that were seen longest ago are known by number only from now on, and of those who are
    /// here somebody only if nearly all are.
    fn forget_some(&mut self, now: WallTime) {
        self.most = self.most.max(self.clients.len().saturating_add(1));
        let mut by_age: Vec<_> = self
            .clients
            .iter()
            .map(|(fingerprint, client)| {
                // Those who are here come last, and among themselves in no order.
                ((client.is_here(), client.last(now)), *fingerprint)
            })
            .collect();
        if by_age.len() > FORGOTTEN_AT_ONCE {
            by_age.select_nth_unstable(FORGOTTEN_AT_ONCE);
            by_age.truncate(FORGOTTEN_AT_ONCE);
        }
        for (_, fingerprint) in by_age {
            if let Some(client) = self.clients.remove(&fingerprint) {
                client.forget();
                let last = client.last(now).unwrap_or(NEVER);
                self.unlisted_last = self.unlisted_last.max(last);
            }
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
                        chain: client.chain(),
                        last: client.last(now).filter(|last| *last >= since)?,
                        roles: client.roles(now),
                    })
                })
                .collect();
            clients.sort_by(|a, b| {
                let order = |client: &Client| (Reverse(client.last), client.fingerprint);
                order(a).cmp(&order(b))
            });
            let unlisted = entry.most.saturating_sub(entry.clients.len());
            let unlisted = if entry.unlisted_last >= since {
                unlisted
            } else {
                0
            };
            let beyond = clients.len().saturating_sub(most);
            clients.truncate(most);
            (!clients.is_empty()).then(|| AuthorityUse {
                role: role.to_string(),
                authority: entry.authority.clone(),
                clients,
                more: unlisted.saturating_add(beyond),
            })
        });
        told.collect()
    }

    /// Takes in what was known before a restart.
    pub fn remember(&self, known: Vec<AuthorityUse>) {
        let mut all = self.lock();
        for one in known {
            let key = (one.role.into(), one.authority.key);
            let entry = all
                .entry(key)
                .or_insert_with(|| Entry::new(one.authority.clone()));
            entry.most = entry.most.max(one.clients.len().saturating_add(one.more));
            // The latest are those that are listed.
            let earliest = one.clients.iter().map(|client| client.last).min();
            if let Some(earliest) = earliest.filter(|_| one.more > 0) {
                entry.unlisted_last = entry.unlisted_last.max(earliest);
            }
            for client in one.clients {
                entry
                    .clients
                    .entry(client.fingerprint)
                    .or_insert_with(|| Arc::new(Seen::of(client)));
            }
        }
    }

    /// Forgets every authority that no role believes any more: what is gone cannot be dropped a
    /// second time. `believed` are the roles with the keys that each believes. Clients whose chain
    /// leads to another authority, as `vouching` finds it for a role, are clients of that one from
    /// now on. Says whether there was one to forget.
    pub fn keep(
        &self,
        believed: &HashSet<(&str, AuthorityKey)>,
        vouching: impl Fn(&str, &Chain) -> Option<Authority>,
    ) -> bool {
        let is_gone = |(role, key): &RoleAndKey| !believed.contains(&(&**role, *key));
        let gone: Vec<_> = self.lock().extract_if(.., |key, _| is_gone(key)).collect();
        for ((role, _), entry) in &gone {
            for (fingerprint, client) in &entry.clients {
                client.forget();
                if let Some(authority) = vouching(role, &client.chain()) {
                    self.move_to(role, authority, *fingerprint, client);
                }
            }
        }
        !gone.is_empty()
    }

    /// Whoever is connected is taken in anew when it is judged again.
    fn move_to(
        &self,
        role: &Arc<str>,
        authority: Authority,
        fingerprint: Fingerprint,
        client: &Seen,
    ) {
        let Some(moved) = client.again() else {
            return;
        };
        let mut all = self.lock();
        let entry = all
            .entry((Arc::clone(role), authority.key))
            .or_insert_with(|| Entry::new(authority));
        if entry.clients.len() < MOST_CLIENTS {
            let clients = &mut entry.clients;
            clients
                .entry(fingerprint)
                .or_insert_with(|| Arc::new(moved));
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<RoleAndKey, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
