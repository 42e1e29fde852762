//! [`ClientUse`], [`Arrival`] and [`Presence`]: one client of one authority, and its connections.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::model::{Clock, Principal, WallTime};
use crate::tls::authority_uses::{Authority, RoleUses};

/// One client of one authority, as it is kept.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) subject: String,
    pub(super) serial: String,
    /// Seconds since 1970.
    last: AtomicI64,
    /// Connections that are open.
    open: AtomicU32,
    /// Whether it is still among those of its authority.
    is_kept: AtomicBool,
    /// Whether its issuer has said since that it is not to be let in.
    is_withdrawn: AtomicBool,
}

/// Where the uses of one client are noted, whose certificate an authority vouches for.
#[derive(Debug)]
pub(in crate::tls) struct ClientUse {
    uses: RoleUses,
    authority: Authority,
    principal: Arc<Principal>,
    /// As it was kept when it came last; nothing until its first handshake has come to its end.
    seen: Mutex<Option<Arc<Seen>>>,
}

impl Seen {
    /// A client that was there at a time.
    pub(super) fn new(subject: String, serial: String, last: WallTime) -> Self {
        Self {
            subject,
            serial,
            last: AtomicI64::new(last.0),
            open: AtomicU32::new(0),
            is_kept: AtomicBool::new(true),
            is_withdrawn: AtomicBool::new(false),
        }
    }

    /// When it was there last. Nothing for one that was withdrawn: it is out already, and loses
    /// nothing with the authority.
    pub(super) fn last(&self, now: WallTime) -> Option<WallTime> {
        if self.is_withdrawn.load(Ordering::Relaxed) {
            return None;
        }
        let last = WallTime(self.last.load(Ordering::Relaxed));
        Some(if self.is_here() { now } else { last })
    }

    /// Whether it is connected.
    pub(super) fn is_here(&self) -> bool {
        self.open.load(Ordering::Relaxed) > 0
    }

    fn note(&self, now: WallTime) {
        self.last.store(now.0, Ordering::Relaxed);
    }

    /// Says that it is not among those of its authority any more.
    pub(super) fn forget(&self) {
        self.is_kept.store(false, Ordering::Relaxed);
    }
}

impl ClientUse {
    pub(super) fn new(uses: RoleUses, authority: Authority, principal: Arc<Principal>) -> Self {
        Self {
            uses,
            authority,
            principal,
            seen: Mutex::default(),
        }
    }

    /// As it is kept from now on. Whoever was forgotten meanwhile, being one of too many, is back.
    fn seen(&self, now: WallTime) -> Arc<Seen> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = seen.take();
        let kept = kept.filter(|kept| kept.is_kept.load(Ordering::Relaxed));
        let kept = kept.unwrap_or_else(|| self.uses.note(&self.authority, &self.principal, now));
        *seen = Some(Arc::clone(&kept));
        kept
    }

    /// As it is kept, if it has ever been here.
    fn known(&self) -> Option<Arc<Seen>> {
        self.uses.find(&self.authority, &self.principal)
    }
}

/// A client that has shown who it is. Its authority is in use once it is served: where a responder
/// is to be asked, that is known later.
#[derive(Debug)]
pub struct Arrival {
    client: Arc<ClientUse>,
    clock: Clock,
}

impl Arrival {
    /// Of a client that is through its handshake.
    pub(in crate::tls) fn new(client: Arc<ClientUse>, clock: &Clock) -> Self {
        let clock = clock.clone();
        Self { client, clock }
    }

    /// From now on the client is here, as long as what is returned lives.
    pub fn is_served(&self) -> Presence {
        let (clock, now) = (self.clock.clone(), self.clock.now());
        let client = self.client.seen(now);
        client.open.fetch_add(1, Ordering::Relaxed);
        client.note(now);
        client.is_withdrawn.store(false, Ordering::Relaxed);
        Presence { client, clock }
    }

    /// Its issuer says that it is not to be let in, so it uses no authority, whenever it was here.
    pub fn is_withdrawn(&self) {
        if let Some(client) = self.client.known() {
            client.is_withdrawn.store(true, Ordering::Relaxed);
        }
    }
}

/// A client that is connected; while this lives, its authority is in use.
#[derive(Debug)]
pub struct Presence {
    client: Arc<Seen>,
    clock: Clock,
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.client.note(self.clock.now());
        self.client.open.fetch_sub(1, Ordering::Relaxed);
    }
}
