//! [`Pool`]: the idle connections of one thread.

use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;

use tokio::time::Instant;

use crate::http::upstream::{Upstream, UpstreamId};
use crate::model::SystemName;
use crate::net::Turn;
use crate::telemetry::{PoolTally, UpstreamRole};
use crate::tls::Wire;

#[derive(Debug)]
struct Idle {
    wire: Wire,
    until: Instant,
    /// In which turn of the thread it came back.
    turn: Turn,
}

impl Idle {
    fn is_fit(&mut self, now: Instant) -> bool {
        self.until > now && self.wire.is_fit_for_request(self.turn, now)
    }
}

/// The connections to one upstream.
#[derive(Debug)]
struct Shelf {
    system: SystemName,
    role: UpstreamRole,
    idle: Vec<Idle>,
    /// How many carry a request.
    used: Rc<Cell<u64>>,
}

impl Shelf {
    fn of(upstream: &Upstream) -> Self {
        Self {
            system: upstream.spec().system.clone(),
            role: upstream.spec().role,
            idle: Vec::new(),
            used: Rc::default(),
        }
    }
}

/// A connection that carries a request, as long as this is kept.
#[derive(Debug)]
pub(super) struct Lent(Rc<Cell<u64>>);

impl Drop for Lent {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

/// Idle connections to upstreams, the latest first: with less traffic the rest grows old and is
/// closed, instead of all being used a little.
#[derive(Debug, Default)]
pub struct Pool {
    shelves: HashMap<UpstreamId, Shelf>,
}

/// How many of the latest are looked at for one that need not be asked about.
const LOOKS: usize = 8;

/// A burst may open many connections; more than this many are not worth keeping on one thread.
const KEPT_AT_MOST: usize = 512;

impl Pool {
    /// A connection that can carry a request. Unfit ones are closed on the way, and `stale` is
    /// called for each.
    ///
    /// A side that closes behind its answer without having said so does it within the moment in
    /// which the connection comes back here. Given a request then, it would turn a call that an
    /// agent has asked for into one of which nobody knows whether it was made. So whatever came
    /// back since the kernel was last heard is asked about; the look costs a few per cent of a kept
    /// request, and a connection that came back before is taken rather.
    pub(super) fn take(&mut self, upstream: &Upstream, mut stale: impl FnMut()) -> Option<Wire> {
        let idle = &mut self.shelves.get_mut(&upstream.id())?.idle;
        let now = Instant::now();
        while let Some(mut candidate) = latest(idle, now) {
            if candidate.is_fit(now) {
                return Some(candidate.wire);
            }
            stale();
        }
        None
    }

    /// Keeps a connection for the next request.
    pub(super) fn put(&mut self, upstream: &Upstream, wire: Wire) {
        if upstream.is_retired() || upstream.spec().pool_idle.is_zero() {
            return;
        }
        let now = Instant::now();
        let idle = &mut self.shelf(upstream).idle;
        if idle.len() < KEPT_AT_MOST {
            idle.push(Idle {
                wire,
                until: now + upstream.spec().pool_idle,
                turn: Turn::current(),
            });
        }
    }

    /// Counts a connection, kept or new, as one that carries a request.
    pub(super) fn lend(&mut self, upstream: &Upstream) -> Lent {
        let used = &self.shelf(upstream).used;
        used.set(used.get().saturating_add(1));
        Lent(Rc::clone(used))
    }

    fn shelf(&mut self, upstream: &Upstream) -> &mut Shelf {
        let own = self.shelves.entry(upstream.id());
        own.or_insert_with(|| Shelf::of(upstream))
    }

    /// How the connections to each upstream stand.
    pub fn stands(&self) -> impl Iterator<Item = (&SystemName, UpstreamRole, PoolTally)> {
        self.shelves.values().map(|shelf| {
            let tally = PoolTally {
                idle: shelf.idle.len() as u64,
                used: shelf.used.get(),
            };
            (&shelf.system, shelf.role, tally)
        })
    }

    /// Closes what was idle too long or what the far end has closed, and forgets upstreams
    /// without connections. Returns how many are left.
    pub fn sweep(&mut self) -> usize {
        let now = Instant::now();
        self.shelves.retain(|_, Shelf { idle, used, .. }| {
            idle.retain_mut(|kept| kept.is_fit(now));
            !idle.is_empty() || used.get() > 0
        });
        self.len()
    }

    /// Closes every idle connection to an upstream.
    pub fn forget(&mut self, upstream: &Upstream) {
        if let Some(shelf) = self.shelves.get_mut(&upstream.id()) {
            shelf.idle.clear();
        }
    }

    /// Closes every idle connection.
    pub fn clear(&mut self) {
        for shelf in self.shelves.values_mut() {
            shelf.idle.clear();
        }
    }

    /// How many are idle.
    pub fn len(&self) -> usize {
        self.shelves.values().map(|shelf| shelf.idle.len()).sum()
    }

    /// Whether none is idle.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The latest one that need not be asked about, or the latest of all.
fn latest(idle: &mut Vec<Idle>, now: Instant) -> Option<Idle> {
    let heard = |kept: &Idle| kept.turn.was_followed_by_news(now);
    let recent = idle.len().saturating_sub(LOOKS);
    match idle.iter().skip(recent).rposition(heard) {
        Some(place) => Some(idle.remove(recent.saturating_add(place))),
        None => idle.pop(),
    }
}

#[cfg(test)]
#[path = "tests/pool.rs"]
mod tests;
