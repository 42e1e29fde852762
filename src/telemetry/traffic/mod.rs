//! [`Traffic`]: what one thread has seen, apart by SAP system, side, operation and so on.
//!
//! The fixed figures of [`Counters`](super::Counters) say how much there was; these say of what.
//! Each worker owns one and is the only one that writes to it. Its lock is there for whoever reads:
//! no worker ever waits for another, and for a reader no longer than it takes to copy the table.
//! Once a combination has been seen nothing is allocated for it any more.
//!
//! How many figures there can be is settled by construction: SAP systems, listeners and sides stand
//! in the configuration, codes and outcomes are closed lists, and of operations
//! [`OperationNames`] keeps a fixed number.

mod tally;

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub use tally::{
    ExchangeKey, ExchangeTally, HandshakeEnd, HandshakeKey, Leg, PoolTally, StatusClass, Switched,
    SystemTally, UpstreamRole, UpstreamTally,
};

use super::access::AccessLine;
use super::flow::Flow;
use super::operations::{Operation, OperationNames, Remembered};
use crate::model::{Side, SystemName};

/// What one thread has seen, in detail.
#[derive(Default)]
pub struct Traffic {
    names: Arc<OperationNames>,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    /// One to a few, so to look through them is the fastest way.
    systems: Vec<(SystemName, SystemTally)>,
    operations: Remembered,
}

impl Table {
    #[expect(
        clippy::indexing_slicing,
        reason = "the place was found, or is that of what was put in a line before"
    )]
    fn system(&mut self, name: &SystemName) -> &mut SystemTally {
        let known = self.systems.iter().position(|(own, _)| own == name);
        let place = known.unwrap_or_else(|| {
            self.systems.push((name.clone(), SystemTally::default()));
            self.systems.len() - 1
        });
        &mut self.systems[place].1
    }
}

impl Traffic {
    /// An empty table, whose operations are those of the whole process.
    pub fn new(names: Arc<OperationNames>) -> Self {
        Self {
            names,
            table: Mutex::default(),
        }
    }

    /// The names of operations, for whoever reads a copy.
    pub const fn names(&self) -> &Arc<OperationNames> {
        &self.names
    }

    /// The operation of a name as it came, of which there are only so many.
    pub fn operation(&self, name: Option<&[u8]>) -> Operation {
        self.lock().operations.find(&self.names, name)
    }

    /// An exchange or a relayed connection has ended.
    pub fn exchange(&self, line: &AccessLine<'_>) {
        let mut table = self.lock();
        let key = ExchangeKey {
            flow: line.flow,
            side: line.side,
            operation: table.operations.find(&self.names, line.operation),
        };
        let system = table.system(line.system);
        let bytes = [line.request_bytes, line.response_bytes];
        if line.flow.is_relayed() {
            let moved = system
                .relayed
                .entry((line.flow, line.listener))
                .or_default();
            add(moved, bytes);
        } else {
            add(system.bytes.entry(line.flow).or_default(), bytes);
        }
        let exchanges = system.exchanges.entry(key).or_default();
        exchanges.note(StatusClass::of(line.status), line.outcome);
        // How long a relayed connection was open says nothing about how fast anybody was.
        if !line.flow.is_relayed() {
            exchanges.took.observe(line.took);
        }
    }

    /// The gateway has answered in the place of the far end; the code is one of a closed list.
    pub fn gateway_answer(&self, system: &SystemName, flow: Flow, code: &'static str) {
        let mut table = self.lock();
        let answers = &mut table.system(system).answers;
        bump(answers.entry((flow, code)).or_default());
    }

    /// A handshake has ended.
    pub fn handshake(&self, system: &SystemName, key: HandshakeKey, took: Duration) {
        let mut table = self.lock();
        let handshakes = table.system(system).handshakes.entry(key).or_default();
        handshakes.observe(took);
    }

    /// A health probe has ended.
    pub fn probe(&self, system: &SystemName, side: Side, passed: bool, took: Duration) {
        let mut table = self.lock();
        let probes = table.system(system).probes.entry((side, passed));
        probes.or_default().observe(took);
    }

    /// Another side is the active one.
    pub fn switched(&self, system: &SystemName, to: Side, why: Switched) {
        let mut table = self.lock();
        let switches = &mut table.system(system).switches;
        bump(switches.entry((to, why)).or_default());
    }

    /// Notes something about the connections to a far end.
    pub fn upstream(
        &self,
        system: &SystemName,
        role: UpstreamRole,
        note: impl FnOnce(&mut UpstreamTally),
    ) {
        let mut table = self.lock();
        note(table.system(system).upstreams.entry(role).or_default());
    }

    /// How the connections to far ends stand, in the place of what was told last.
    #[expect(
        single_use_lifetimes,
        reason = "there is no way to leave it out inside of `impl Iterator`"
    )]
    pub fn pools<'a>(&self, now: impl Iterator<Item = (&'a SystemName, UpstreamRole, PoolTally)>) {
        let mut table = self.lock();
        for (_, system) in &mut table.systems {
            for upstream in system.upstreams.values_mut() {
                upstream.pool = PoolTally::default();
            }
        }
        for (name, role, stands) in now {
            let upstream = table.system(name).upstreams.entry(role).or_default();
            // Two targets of the same role, or a former one that is still in use.
            upstream.pool.idle = upstream.pool.idle.saturating_add(stands.idle);
            upstream.pool.used = upstream.pool.used.saturating_add(stands.used);
        }
    }

    /// Takes the table in, as it is now, with what others have seen.
    pub fn add_to(&self, sum: &mut BTreeMap<SystemName, SystemTally>) {
        // Copied first: whoever writes waits for the copy only.
        let copy = self.lock().systems.clone();
        for (name, tally) in copy {
            sum.entry(name).or_default().add(&tally);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        // A figure that was half written is a figure that is a little wrong.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Traffic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Traffic")
    }
}

const fn bump(count: &mut u64) {
    *count = count.wrapping_add(1);
}

fn add(sum: &mut [u64; 2], more: [u64; 2]) {
    for (own, more) in sum.iter_mut().zip(more) {
        *own = own.wrapping_add(more);
    }
}

/// A listener's address and a flow, which together name a route of bytes.
pub(super) type Route = (Flow, SocketAddr);

#[cfg(test)]
mod tests;
