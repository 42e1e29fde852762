//! [`Admission`]: how many connections and handshakes are allowed, in all and per address.
//!
//! One peer that opens connections without end must not take the places of the others. The counts
//! are shared by all threads; a permit gives its place back when it is dropped.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::config::settings::Limits;

/// Which limit refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refused {
    /// `MaxConnections`.
    Connections,
    /// `MaxConnectionsPerAddress`.
    ConnectionsPerAddress,
    /// `MaxHandshakes`.
    Handshakes,
    /// `MaxHandshakesPerAddress`.
    HandshakesPerAddress,
}

impl Refused {
    /// The key in `[Limits]` that an operator would raise.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Connections => "MaxConnections",
            Self::ConnectionsPerAddress => "MaxConnectionsPerAddress",
            Self::Handshakes => "MaxHandshakes",
            Self::HandshakesPerAddress => "MaxHandshakesPerAddress",
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the limit {} is reached", self.key())
    }
}

/// Counts of one address.
#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    connections: usize,
    handshakes: usize,
}

#[derive(Debug, Default)]
struct Shared {
    connections: AtomicUsize,
    handshakes: AtomicUsize,
    max_connections: AtomicUsize,
    max_connections_per_address: AtomicUsize,
    max_handshakes: AtomicUsize,
    max_handshakes_per_address: AtomicUsize,
    by_address: [Mutex<HashMap<IpAddr, Counts>>; SHARDS],
}

/// Enough that two threads seldom meet in one; an address is held only while it has connections.
const SHARDS: usize = 16;

/// The limits with their counts. Clones share them, over threads and reloads.
#[derive(Debug, Clone, Default)]
pub struct Admission {
    shared: Arc<Shared>,
}

impl Admission {
    /// Counts from zero under these limits.
    pub fn new(limits: &Limits) -> Self {
        let admission = Self::default();
        admission.set_limits(limits);
        admission
    }

    /// Puts other limits in force. Connections inside stay, also where they are too many now.
    pub fn set_limits(&self, limits: &Limits) {
        let shared = &self.shared;
        shared
            .max_connections
            .store(limits.max_connections, Ordering::Relaxed);
        shared
            .max_connections_per_address
            .store(limits.max_connections_per_address, Ordering::Relaxed);
        shared
            .max_handshakes
            .store(limits.max_handshakes, Ordering::Relaxed);
        shared
            .max_handshakes_per_address
            .store(limits.max_handshakes_per_address, Ordering::Relaxed);
    }

    /// How many connections are inside.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// A place for a connection, and for its handshake if it has one.
    pub fn admit(&self, address: IpAddr, with_handshake: bool) -> Result<Permit, Refused> {
        let address = address.to_canonical();
        let shared = &self.shared;
        let limit = |limit: &AtomicUsize| limit.load(Ordering::Relaxed);
        take(&shared.connections, limit(&shared.max_connections)).ok_or(Refused::Connections)?;
        if with_handshake && take(&shared.handshakes, limit(&shared.max_handshakes)).is_none() {
            shared.connections.fetch_sub(1, Ordering::Relaxed);
            return Err(Refused::Handshakes);
        }
        let refused = {
            let mut counts = shared.of_address(address);
            let entry = counts.entry(address).or_default();
            if entry.connections >= limit(&shared.max_connections_per_address) {
                Some(Refused::ConnectionsPerAddress)
            } else if with_handshake
                && entry.handshakes >= limit(&shared.max_handshakes_per_address)
            {
                Some(Refused::HandshakesPerAddress)
            } else {
                entry.connections += 1;
                entry.handshakes += usize::from(with_handshake);
                None
            }
        };
        match refused {
            None => Ok(Permit {
                shared: Arc::clone(shared),
                address,
                handshake: with_handshake,
            }),
            Some(refused) => {
                shared.connections.fetch_sub(1, Ordering::Relaxed);
                if with_handshake {
                    shared.handshakes.fetch_sub(1, Ordering::Relaxed);
                }
                Err(refused)
            }
        }
    }
}

impl Shared {
    fn of_address(&self, address: IpAddr) -> MutexGuard<'_, HashMap<IpAddr, Counts>> {
        let byte = match address {
            IpAddr::V4(v4) => v4.octets().into_iter().fold(0_u8, u8::wrapping_add),
            IpAddr::V6(v6) => v6.octets().into_iter().fold(0_u8, u8::wrapping_add),
        };
        let shard = self
            .by_address
            .get(usize::from(byte) % SHARDS)
            .unwrap_or(&self.by_address[0]);
        // Counts stay usable whatever a panicking thread did: each change is one addition.
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place inside; given back when dropped.
#[derive(Debug)]
pub struct Permit {
    shared: Arc<Shared>,
    address: IpAddr,
    handshake: bool,
}

impl Permit {
    /// The handshake is over: gives back its place and keeps the connection's.
    pub fn handshake_done(&mut self) {
        if std::mem::take(&mut self.handshake) {
            self.shared.handshakes.fetch_sub(1, Ordering::Relaxed);
            if let Some(entry) = self.shared.of_address(self.address).get_mut(&self.address) {
                entry.handshakes = entry.handshakes.saturating_sub(1);
            }
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.handshake_done();
        self.shared.connections.fetch_sub(1, Ordering::Relaxed);
        let mut counts = self.shared.of_address(self.address);
        if let Some(entry) = counts.get_mut(&self.address) {
            entry.connections = entry.connections.saturating_sub(1);
            if entry.connections == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

fn take(count: &AtomicUsize, limit: usize) -> Option<()> {
    if count.fetch_add(1, Ordering::Relaxed) < limit {
        return Some(());
    }
    count.fetch_sub(1, Ordering::Relaxed);
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(all: usize, each: usize, handshakes: usize, handshakes_each: usize) -> Admission {
        let admission = Admission::default();
        let shared = &admission.shared;
        shared.max_connections.store(all, Ordering::Relaxed);
        shared
            .max_connections_per_address
            .store(each, Ordering::Relaxed);
        shared.max_handshakes.store(handshakes, Ordering::Relaxed);
        shared
            .max_handshakes_per_address
            .store(handshakes_each, Ordering::Relaxed);
        admission
    }

    const ONE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
    const TWO: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));

    #[test]
    fn one_address_cannot_take_the_places_of_the_others() {
        let admission = admission(3, 2, 9, 9);
        let _one = admission.admit(ONE, false).expect("first");
        let _two = admission.admit(ONE, false).expect("second");
        assert_eq!(
            admission.admit(ONE, false).err(),
            Some(Refused::ConnectionsPerAddress)
        );
        let _other = admission.admit(TWO, false).expect("another address");
        assert_eq!(
            admission.admit(TWO, false).err(),
            Some(Refused::Connections)
        );
    }

    #[test]
    fn a_handshake_that_is_over_makes_room_for_the_next_and_keeps_its_connection() {
        let admission = admission(9, 9, 1, 1);
        let mut permit = admission.admit(ONE, true).expect("first");
        assert_eq!(admission.admit(TWO, true).err(), Some(Refused::Handshakes));
        permit.handshake_done();
        let _next = admission.admit(TWO, true).expect("the place is free again");
        assert_eq!(admission.connections(), 2);
    }

    #[test]
    fn a_dropped_permit_gives_everything_back() {
        let admission = admission(1, 1, 1, 1);
        for _ in 0..100 {
            drop(admission.admit(ONE, true).expect("free"));
        }
        assert_eq!(admission.connections(), 0);
        assert!(
            admission.shared.of_address(ONE).is_empty(),
            "an address without connections is forgotten"
        );
    }

    #[test]
    fn a_refusal_leaves_no_count_behind() {
        let admission = admission(9, 1, 9, 9);
        let held = admission.admit(ONE, true).expect("first");
        for _ in 0..10 {
            assert_eq!(
                admission.admit(ONE, true).err(),
                Some(Refused::ConnectionsPerAddress)
            );
        }
        drop(held);
        assert_eq!(admission.connections(), 0);
        assert_eq!(admission.shared.handshakes.load(Ordering::Relaxed), 0);
    }
}
