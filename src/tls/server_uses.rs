//! [`ServerUses`]: what each server that we called showed last, and when.
//!
//! A new authority or revocation list for the servers may shut out one of them as it may shut out a
//! client. Who that would be can be told beforehand only if it is known what they show. So the last
//! chain of each server that was found good is kept, with the time of the last connection; one that
//! is open counts as now.
//!
//! A connection that is made pays a lock and two writes; kept ones pay nothing.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::pki_types::CertificateDer;

use crate::certs::CertificateFacts;
use crate::model::{Clock, HostPort, WallTime};
use crate::tls::authority_uses::Chain;

/// All servers of all SAP systems; outlives every generation.
#[derive(Debug, Default)]
pub struct ServerUses(Mutex<BTreeMap<SystemAndTarget, Arc<ServerUse>>>);

type SystemAndTarget = (Arc<str>, HostPort);

/// A server, as it is remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// The SAP system for which it was called.
    pub system: String,
    /// Who was called.
    pub target: HostPort,
    /// What it showed last.
    pub chain: Chain,
    /// When there was a connection to it last.
    pub last: WallTime,
    /// The code by which whoever was asked about it refuses it by now; nobody is asked in here.
    pub refused: Option<String>,
}

/// One server, as it is kept.
#[derive(Debug)]
pub struct ServerUse {
    chain: Mutex<Option<Chain>>,
    /// Seconds since 1970.
    last: AtomicI64,
    /// Connections that are open.
    open: AtomicU32,
}

/// A connection to a server; while this lives, the server is in use.
#[derive(Debug)]
pub struct ServerPresence {
    server: Arc<ServerUse>,
    clock: Clock,
}

/// Servers that are kept: many times those of one configuration, for the case that somebody writes
/// new names again and again.
const MOST_SERVERS: usize = 256;

impl ServerUses {
    /// Where the connections to a server are noted.
    pub fn of(&self, system: &str, target: &HostPort) -> Arc<ServerUse> {
        let mut all = self.lock();
        let key = (system.into(), target.clone());
        if !all.contains_key(&key) {
            make_room(&mut all);
        }
        Arc::clone(all.entry(key).or_default())
    }

    /// Every server to which there was a connection at `since` or later.
    pub fn since(&self, since: WallTime, now: WallTime) -> Vec<Server> {
        let all = self.lock();
        let told = all.iter().filter_map(|((system, target), server)| {
            Some(Server {
                system: system.to_string(),
                target: target.clone(),
                chain: server.lock().clone()?,
                last: Some(server.last(now)).filter(|last| *last >= since)?,
                refused: None,
            })
        });
        told.collect()
    }

    /// Takes in what was known before a restart.
    pub fn remember(&self, known: Vec<Server>) {
        for one in known {
            let server = self.of(&one.system, &one.target);
            let mut chain = server.lock();
            if chain.is_none() {
                *chain = Some(one.chain);
                server.last.store(one.last.0, Ordering::Relaxed);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<SystemAndTarget, Arc<ServerUse>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// If there are too many, the one that nobody calls any more and that was called longest ago goes.
fn make_room(all: &mut BTreeMap<SystemAndTarget, Arc<ServerUse>>) {
    if all.len() < MOST_SERVERS {
        return;
    }
    let unused = all.iter().filter(|(_, one)| Arc::strong_count(one) == 1);
    let oldest = unused.min_by_key(|(_, one)| one.last.load(Ordering::Relaxed));
    if let Some(key) = oldest.map(|(key, _)| key.clone()) {
        all.remove(&key);
    }
}

impl Default for ServerUse {
    /// One that has not been called yet.
    fn default() -> Self {
        Self {
            chain: Mutex::default(),
            last: AtomicI64::new(i64::MIN),
            open: AtomicU32::new(0),
        }
    }
}

impl ServerUse {
    /// Notes a server that has proven itself by a chain just now. It is in use from now on, as long
    /// as what is returned lives.
    pub(super) fn serve(
        self: &Arc<Self>,
        shown: &[CertificateDer<'_>],
        clock: &Clock,
    ) -> ServerPresence {
        let mut chain = self.lock();
        let is_known = chain
            .as_ref()
            .is_some_and(|known| known.each().eq(shown.iter().map(|one| &**one)));
        if !is_known {
            let shown: Vec<Vec<u8>> = shown.iter().map(|one| one.to_vec()).collect();
            *chain = Some(shown.into());
        }
        drop(chain);
        self.open.fetch_add(1, Ordering::Relaxed);
        self.last.store(clock.now().0, Ordering::Relaxed);
        ServerPresence {
            server: Arc::clone(self),
            clock: clock.clone(),
        }
    }

    /// What its certificate says, once it has shown one, in this process or in one before.
    pub(super) fn leaf(&self) -> Option<CertificateFacts> {
        let chain = self.lock().clone()?;
        CertificateFacts::of(chain.each().next()?).ok()
    }

    fn last(&self, now: WallTime) -> WallTime {
        if self.open.load(Ordering::Relaxed) > 0 {
            return now;
        }
        WallTime(self.last.load(Ordering::Relaxed))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Chain>> {
        self.chain.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ServerPresence {
    fn drop(&mut self) {
        let server = &self.server;
        server.last.store(self.clock.now().0, Ordering::Relaxed);
        server.open.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certs::testdata::{authority, leaf};

    fn target(name: &str) -> HostPort {
        format!("{name}.example:8443").parse().expect("a target")
    }

    fn shown(bytes: &[u8]) -> Vec<CertificateDer<'static>> {
        vec![CertificateDer::from(bytes.to_vec())]
    }

    /// First bytes of the chains of those that were seen.
    fn seen(all: &ServerUses, since: i64, now: WallTime) -> Vec<(String, u8)> {
        let servers = all.since(WallTime(since), now).into_iter();
        let told = servers.map(|one| {
            let first = one.chain.each().next().map(|bytes| bytes[0]);
            (one.target.to_string(), first.expect("a chain"))
        });
        told.collect()
    }

    #[test]
    fn a_server_is_known_by_what_it_showed_last_once_it_was_called() {
        let (all, clock) = (ServerUses::default(), Clock::system());
        let one = all.of("SAP1", &target("a"));
        let now = clock.now();
        assert_eq!(seen(&all, 0, now), []);
        drop(one.serve(&shown(&[1]), &clock));
        drop(all.of("SAP1", &target("a")).serve(&shown(&[2]), &clock));
        assert_eq!(seen(&all, 0, now), [("a.example:8443".to_owned(), 2)]);
        assert_eq!(seen(&all, now.0 + 10, now), []);
    }

    #[test]
    fn what_its_certificate_says_is_known_from_when_it_was_shown_and_after_a_restart() {
        let (all, clock) = (ServerUses::default(), Clock::system());
        let one = all.of("SAP1", &target("a"));
        assert!(one.leaf().is_none());
        let own = leaf(&authority("CA"), "a.example");
        drop(one.serve(&[own.der], &clock));
        let subject = |server: &ServerUse| server.leaf().map(|facts| facts.subject);
        assert_eq!(subject(&one).as_deref(), Some("CN=a.example"));
        let after = ServerUses::default();
        after.remember(all.since(WallTime(0), clock.now()));
        assert_eq!(subject(&after.of("SAP1", &target("a"))), subject(&one));
    }

    #[test]
    fn a_server_to_which_a_connection_is_open_is_here_now() {
        let (all, clock) = (ServerUses::default(), Clock::system());
        let here = all.of("SAP1", &target("a")).serve(&shown(&[1]), &clock);
        clock.shift(1_000);
        let now = clock.now();
        assert_eq!(all.since(now, now)[0].last, now);
        drop(here);
        clock.shift(1_000);
        assert_eq!(all.since(WallTime(now.0 + 500), clock.now()), []);
        assert_eq!(all.since(now, clock.now()).len(), 1);
    }

    #[test]
    fn what_was_known_before_a_restart_is_known_until_the_server_shows_something_else() {
        let (before, clock) = (ServerUses::default(), Clock::system());
        for (system, name) in [("SAP1", "a"), ("SAP2", "a"), ("SAP1", "b")] {
            let server = before.of(system, &target(name));
            drop(server.serve(&shown(&[1]), &clock));
        }
        let known = before.since(WallTime(0), clock.now());
        let after = ServerUses::default();
        let one = after.of("SAP1", &target("a"));
        after.remember(known.clone());
        assert_eq!(after.since(WallTime(0), clock.now()), known);
        drop(one.serve(&shown(&[2]), &clock));
        after.remember(known);
        let first = seen(&after, 0, clock.now()).remove(0);
        assert_eq!(first, ("a.example:8443".to_owned(), 2));
    }

    #[test]
    fn the_number_of_servers_is_bounded_and_those_in_use_stay() {
        let (all, clock) = (ServerUses::default(), Clock::system());
        let used = all.of("SAP1", &target("used"));
        drop(used.serve(&shown(&[1]), &clock));
        for number in 0..2 * MOST_SERVERS {
            clock.shift(1);
            let server = all.of("SAP1", &target(&format!("n{number}")));
            drop(server.serve(&shown(&[1]), &clock));
        }
        let kept = all.since(WallTime(0), clock.now());
        assert_eq!(kept.len(), MOST_SERVERS);
        let there = |name: &str| kept.iter().any(|one| one.target == target(name));
        let last = format!("n{}", 2 * MOST_SERVERS - 1);
        assert!(there("used") && there(&last) && !there("n0"));
    }
}
