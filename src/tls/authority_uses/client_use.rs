//! [`ClientUse`], [`Arrival`] and [`Presence`]: one client of one authority, and its connections.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::pki_types::CertificateDer;

use crate::model::{Clock, Principal, TlsRole, WallTime};
use crate::tls::authority_uses::{Authority, Client, NEVER, RoleUses, SeenAs};

/// What a peer shows to prove who it is, its own certificate first; empty where that is not known.
/// Clones are the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain(Arc<[CertificateDer<'static>]>);

impl From<Vec<Vec<u8>>> for Chain {
    fn from(certificates: Vec<Vec<u8>>) -> Self {
        Self(certificates.into_iter().map(CertificateDer::from).collect())
    }
}

impl From<Arc<[CertificateDer<'static>]>> for Chain {
    fn from(certificates: Arc<[CertificateDer<'static>]>) -> Self {
        Self(certificates)
    }
}

impl Chain {
    /// All bytes of each certificate.
    pub fn each(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(|certificate| &**certificate)
    }

    /// Whether anything is known of it.
    pub fn is_known(&self) -> bool {
        !self.0.is_empty()
    }

    /// The peer's own and the others.
    pub(in crate::tls) fn split(
        &self,
    ) -> Option<(&CertificateDer<'static>, &[CertificateDer<'static>])> {
        self.0.split_first()
    }
}

/// One client of one authority, as it is kept.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) subject: String,
    pub(super) serial: String,
    /// As it was shown last: it may lead to other authorities as well.
    chain: Mutex<Chain>,
    /// Seconds since 1970, as whatever it came.
    last: AtomicI64,
    requests: Visits,
    events: Visits,
    /// Whether it is still among those of its authority.
    is_kept: AtomicBool,
    /// Whether its issuer has said since that it is not to be let in.
    is_withdrawn: AtomicBool,
}

/// One client as a caller of one role.
#[derive(Debug)]
struct Visits {
    /// Seconds since 1970.
    last: AtomicI64,
    /// Connections that are open.
    open: AtomicU32,
}

impl Default for Visits {
    fn default() -> Self {
        Self {
            last: AtomicI64::new(NEVER.0),
            open: AtomicU32::new(0),
        }
    }
}

impl Visits {
    fn is_here(&self) -> bool {
        self.open.load(Ordering::Relaxed) > 0
    }

    fn last_noted(&self) -> Option<WallTime> {
        let last = WallTime(self.last.load(Ordering::Relaxed));
        (last != NEVER).then_some(last)
    }
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
    pub(super) fn new(subject: String, serial: String, chain: Chain, last: WallTime) -> Self {
        Self {
            subject,
            serial,
            chain: Mutex::new(chain),
            last: AtomicI64::new(last.0),
            requests: Visits::default(),
            events: Visits::default(),
            is_kept: AtomicBool::new(true),
            is_withdrawn: AtomicBool::new(false),
        }
    }

    /// A client as it was remembered.
    pub(super) fn of(client: Client) -> Self {
        let seen = Self::new(client.subject, client.serial, client.chain, client.last);
        for SeenAs { role, last, .. } in client.roles {
            seen.as_role(role).last.store(last.0, Ordering::Relaxed);
        }
        seen
    }

    /// The same client, of whom nobody holds a connection; nothing for one that was withdrawn.
    pub(super) fn again(&self) -> Option<Self> {
        let (subject, serial) = (self.subject.clone(), self.serial.clone());
        let again = Self::new(subject, serial, self.chain(), self.last_noted()?);
        for role in TlsRole::BOTH {
            let last = self.as_role(role).last.load(Ordering::Relaxed);
            again.as_role(role).last.store(last, Ordering::Relaxed);
        }
        Some(again)
    }

    fn as_role(&self, role: TlsRole) -> &Visits {
        match role {
            TlsRole::Requests => &self.requests,
            TlsRole::Events => &self.events,
        }
    }

    /// As what it came, and when last; nothing where that was not remembered.
    pub(super) fn roles(&self, now: WallTime) -> Vec<SeenAs> {
        let each = TlsRole::BOTH.into_iter().filter_map(|role| {
            let visits = self.as_role(role);
            let last = visits.last_noted()?;
            Some(SeenAs {
                role,
                last: if visits.is_here() { now } else { last },
                refused: None,
            })
        });
        each.collect()
    }

    /// When it was there last. Nothing for one that was withdrawn: it is out already, and loses
    /// nothing with the authority.
    pub(super) fn last(&self, now: WallTime) -> Option<WallTime> {
        let last = self.last_noted()?;
        Some(if self.is_here() { now } else { last })
    }

    /// When it came or left last.
    pub(super) fn last_noted(&self) -> Option<WallTime> {
        let is_withdrawn = self.is_withdrawn.load(Ordering::Relaxed);
        (!is_withdrawn).then(|| WallTime(self.last.load(Ordering::Relaxed)))
    }

    /// What it showed last.
    pub(super) fn chain(&self) -> Chain {
        let chain = self.chain.lock().unwrap_or_else(PoisonError::into_inner);
        chain.clone()
    }

    fn shows(&self, chain: &Chain) {
        let mut known = self.chain.lock().unwrap_or_else(PoisonError::into_inner);
        if !Arc::ptr_eq(&known.0, &chain.0) {
            *known = chain.clone();
        }
    }

    /// Whether it is connected.
    pub(super) fn is_here(&self) -> bool {
        self.requests.is_here() || self.events.is_here()
    }

    fn note(&self, role: TlsRole, now: WallTime) {
        self.last.store(now.0, Ordering::Relaxed);
        let visits = self.as_role(role);
        visits.last.store(now.0, Ordering::Relaxed);
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
    fn seen(&self, chain: &Chain, now: WallTime) -> Arc<Seen> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = seen.take();
        let kept = kept.filter(|kept| kept.is_kept.load(Ordering::Relaxed));
        let note = || {
            let who = (&*self.principal, chain);
            self.uses.note(&self.authority, who, now)
        };
        let kept = kept.unwrap_or_else(note);
        kept.shows(chain);
        *seen = Some(Arc::clone(&kept));
        kept
    }

    #[cfg(test)]
    pub(super) fn fingerprint(&self) -> crate::model::Fingerprint {
        self.principal.fingerprint
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
    chain: Chain,
    clock: Clock,
}

impl Arrival {
    /// Of a client that is through its handshake.
    pub(in crate::tls) fn new(client: Arc<ClientUse>, chain: Chain, clock: &Clock) -> Self {
        Self {
            client,
            chain,
            clock: clock.clone(),
        }
    }

    /// From now on the client is here, as long as what is returned lives.
    pub fn serve(&self, role: TlsRole) -> Presence {
        let (clock, now) = (self.clock.clone(), self.clock.now());
        let client = self.client.seen(&self.chain, now);
        client.as_role(role).open.fetch_add(1, Ordering::Relaxed);
        client.note(role, now);
        client.is_withdrawn.store(false, Ordering::Relaxed);
        Presence {
            client,
            role,
            clock,
        }
    }

    /// Its issuer says that it is not to be let in, so it uses no authority, whenever it was here.
    pub fn withdraw(&self) {
        if let Some(client) = self.client.known() {
            client.is_withdrawn.store(true, Ordering::Relaxed);
        }
    }
}

/// A client that is connected; while this lives, its authority is in use.
#[derive(Debug)]
pub struct Presence {
    client: Arc<Seen>,
    role: TlsRole,
    clock: Clock,
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.client.note(self.role, self.clock.now());
        let visits = self.client.as_role(self.role);
        visits.open.fetch_sub(1, Ordering::Relaxed);
    }
}
