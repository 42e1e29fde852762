//! [`TicketKeys`]: the keys that session tickets are sealed with.
//!
//! A ticket is a whole session, its key included, in the client's hands: whoever has the ticket's
//! key can read every session sealed with it. So there is another key for every rotation, each
//! opens for as long as its last ticket may live, and then it is gone.
//!
//! Keys are either random and known to this process alone, or derived from a secret that several
//! gateways share: then all of them compute the same keys from the clock, and none has to tell
//! another.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use aws_lc_rs::rand::fill;

use crate::model::{Secret, WallTime};

/// Where keys come from, the same for all listeners of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketSource {
    /// The secrets that other gateways have as well, the one that seals first. None: random keys.
    pub secrets: Vec<Secret<Vec<u8>>>,
    /// How long a key seals.
    pub rotation: Duration,
}

impl Default for TicketSource {
    fn default() -> Self {
        Self {
            secrets: Vec::new(),
            rotation: Duration::from_hours(1),
        }
    }
}

/// How far the clocks of gateways with the same secret may differ, in seconds.
pub(super) const MAX_CLOCK_SKEW: i64 = 300;

/// Seals and opens tickets: key name, nonce, then the session under AES-256-GCM.
///
/// Random nonces are safe for 2^32 tickets a key, which is a million a second for an hour.
#[derive(Debug)]
pub(super) struct TicketKeys {
    /// Separates the keys of one policy's sessions from those of another one.
    purpose: [u8; 32],
    ring: RwLock<Ring>,
    /// How old the key was that sealed last, when it did, in seconds.
    sealed_with_age: AtomicU64,
}

#[derive(Debug, Default)]
struct Ring {
    source: Arc<TicketSource>,
    /// What the keys are right for; `None` before the first use and after a change of source.
    ready: Option<Window>,
    /// The key that seals comes first.
    keys: Vec<Key>,
}

/// The epochs whose keys are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Window {
    /// The oldest from which a ticket may still be good.
    oldest: i64,
    /// The one that seals.
    current: i64,
    /// The newest that a gateway whose clock is ahead may have begun.
    newest: i64,
}

struct Key {
    name: [u8; NAME_LEN],
    aead: RandomizedNonceKey,
    epoch: i64,
    /// Of a random one what it is made of, for the process that takes our place. Everybody who has
    /// the secret can make the others.
    material: Option<Secret<Material>>,
}

/// Name and key.
type Material = [u8; NAME_LEN + KEY_LEN];

/// A random key on its way to the process that takes our place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HandedKey {
    pub(super) epoch: i64,
    pub(super) material: Secret<Vec<u8>>,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key(epoch {})", self.epoch)
    }
}

/// Long enough that no two keys of any number of gateways ever share a name.
const NAME_LEN: usize = 16;

/// The key of AES-256.
const KEY_LEN: usize = 32;

/// Name and key, as they come out of the derivation.
#[derive(Debug, Clone, Copy)]
struct NameAndKey;

impl KeyType for NameAndKey {
    fn len(&self) -> usize {
        NAME_LEN + KEY_LEN
    }
}

impl Key {
    fn random(epoch: i64) -> Result<Self, Unspecified> {
        let mut material = [0; NAME_LEN + KEY_LEN];
        fill(&mut material)?;
        Self::known_here(&material, epoch)
    }

    /// A key that cannot be made anew.
    fn known_here(material: &Material, epoch: i64) -> Result<Self, Unspecified> {
        Ok(Self {
            material: Some(Secret::new(*material)),
            ..Self::of(material, epoch)?
        })
    }

    /// The key of an epoch, the same on every gateway with this secret.
    fn derived(
        secret: &Secret<Vec<u8>>,
        purpose: &[u8; 32],
        epoch: i64,
    ) -> Result<Self, Unspecified> {
        let mut material = [0; NAME_LEN + KEY_LEN];
        let info = [&purpose[..], &epoch.to_be_bytes()];
        Salt::new(HKDF_SHA256, b"crmgate session tickets, 1")
            .extract(secret.expose())
            .expand(&info, NameAndKey)?
            .fill(&mut material)?;
        Self::of(&material, epoch)
    }

    fn of(material: &Material, epoch: i64) -> Result<Self, Unspecified> {
        let (name, key) = material
            .split_first_chunk::<NAME_LEN>()
            .ok_or(Unspecified)?;
        Ok(Self {
            name: *name,
            aead: RandomizedNonceKey::new(&AES_256_GCM, key)?,
            epoch,
            material: None,
        })
    }
}

impl Window {
    fn at(now: WallTime, rotation: Duration, lifetime: Duration) -> Self {
        let seconds = |time: Duration| i64::try_from(time.as_secs()).unwrap_or(i64::MAX).max(1);
        let (rotation, lifetime) = (seconds(rotation), seconds(lifetime));
        let epoch = |time: i64| time.div_euclid(rotation);
        Self {
            oldest: epoch(
                now.0
                    .saturating_sub(lifetime)
                    .saturating_sub(MAX_CLOCK_SKEW),
            ),
            current: epoch(now.0),
            newest: epoch(now.0.saturating_add(MAX_CLOCK_SKEW)),
        }
    }
}

impl Window {
    /// How long ago an epoch began, in seconds.
    fn age(epoch: i64, now: WallTime, rotation: Duration) -> u64 {
        let rotation = i64::try_from(rotation.as_secs()).unwrap_or(i64::MAX);
        let age = now.0.saturating_sub(epoch.saturating_mul(rotation));
        u64::try_from(age).unwrap_or_default()
    }
}

impl TicketKeys {
    /// No keys yet; they are made when they are needed.
    pub(super) fn new(purpose: [u8; 32], source: Arc<TicketSource>) -> Self {
        Self {
            purpose,
            ring: RwLock::new(Ring {
                source,
                ..Ring::default()
            }),
            sealed_with_age: AtomicU64::default(),
        }
    }

    /// From now on keys come from there. What was sealed with random keys before still opens; a
    /// secret that is not among the new ones opens nothing any more.
    pub(super) fn draw_from(&self, source: &Arc<TicketSource>) {
        let mut ring = self.ring.write().unwrap_or_else(PoisonError::into_inner);
        if ring.source != *source {
            ring.source = Arc::clone(source);
            ring.ready = None;
        }
    }

    /// Seals a session; `None` if the system has no randomness, and then no ticket is handed out.
    pub(super) fn seal(&self, plain: &[u8], now: WallTime, lifetime: Duration) -> Option<Vec<u8>> {
        self.prepare(now, lifetime);
        let ring = self.ring.read().unwrap_or_else(PoisonError::into_inner);
        let key = ring.keys.first()?;
        let age = Window::age(key.epoch, now, ring.source.rotation);
        self.sealed_with_age.store(age, Ordering::Relaxed);
        let mut body = plain.to_vec();
        let aad = Aad::from(key.name);
        let nonce = key.aead.seal_in_place_append_tag(aad, &mut body).ok()?;
        Some([&key.name[..], nonce.as_ref(), &body].concat())
    }

    /// Opens a ticket; `None` for everything that was not sealed with one of the keys, or too long
    /// ago.
    pub(super) fn open(&self, ticket: &[u8], now: WallTime, lifetime: Duration) -> Option<Vec<u8>> {
        self.prepare(now, lifetime);
        let (name, rest) = ticket.split_first_chunk::<NAME_LEN>()?;
        let (nonce, body) = rest.split_first_chunk::<NONCE_LEN>()?;
        let ring = self.ring.read().unwrap_or_else(PoisonError::into_inner);
        let key = ring.keys.iter().find(|key| key.name == *name)?;
        let mut body = body.to_vec();
        let plain = key
            .aead
            .open_in_place(Nonce::from(nonce), Aad::from(key.name), &mut body)
            .ok()?
            .len();
        body.truncate(plain);
        Some(body)
    }

    /// Forgets keys that open nothing any more, and says how many. None are made: nobody has asked for
    /// one.
    pub(super) fn forget(&self, now: WallTime, lifetime: Duration) -> usize {
        let mut ring = self.ring.write().unwrap_or_else(PoisonError::into_inner);
        let window = Window::at(now, ring.source.rotation, lifetime);
        let before = ring.keys.len();
        ring.keys.retain(|key| key.epoch >= window.oldest);
        if ring.ready != Some(window) {
            ring.ready = None;
        }
        before.saturating_sub(ring.keys.len())
    }

    /// How old the key was that sealed last, when it did: never older than a rotation, unless no
    /// new one could be made.
    pub(super) fn sealed_with_age(&self) -> Duration {
        Duration::from_secs(self.sealed_with_age.load(Ordering::Relaxed))
    }

    /// The keys that nobody else can make, for the process that takes our place.
    pub(super) fn hand_over(&self) -> Vec<HandedKey> {
        let ring = self.ring.read().unwrap_or_else(PoisonError::into_inner);
        let each = ring.keys.iter().filter_map(|key| {
            Some(HandedKey {
                epoch: key.epoch,
                material: Secret::new(key.material.as_ref()?.expose().to_vec()),
            })
        });
        each.collect()
    }

    /// Takes keys of the process whose place this one takes. What is no key is passed over: its
    /// tickets open nothing then, and whoever shows one gets a full handshake.
    pub(super) fn take_over(&self, handed: &[HandedKey]) {
        let mut ring = self.ring.write().unwrap_or_else(PoisonError::into_inner);
        for HandedKey { epoch, material } in handed {
            let Ok(material) = Material::try_from(material.expose().as_slice()) else {
                continue;
            };
            let is_known = |key: &Key| material.starts_with(&key.name);
            if ring.keys.iter().any(is_known) {
                continue;
            }
            if let Ok(key) = Key::known_here(&material, *epoch) {
                ring.keys.push(key);
            }
        }
        // Which of them seals is for the next use to say.
        ring.ready = None;
    }

    /// How many keys are held.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        let ring = self.ring.read().unwrap_or_else(PoisonError::into_inner);
        ring.keys.len()
    }

    /// Makes the keys of this moment, if they are not there already.
    fn prepare(&self, now: WallTime, lifetime: Duration) {
        let is_ready =
            |ring: &Ring| ring.ready == Some(Window::at(now, ring.source.rotation, lifetime));
        if is_ready(&self.ring.read().unwrap_or_else(PoisonError::into_inner)) {
            return;
        }
        let mut ring = self.ring.write().unwrap_or_else(PoisonError::into_inner);
        if !is_ready(&ring) {
            let window = Window::at(now, ring.source.rotation, lifetime);
            // Without randomness the old keys go on; the next call tries again.
            if ring.turn(&self.purpose, window).is_ok() {
                ring.ready = Some(window);
            }
        }
    }
}

impl Ring {
    fn turn(&mut self, purpose: &[u8; 32], window: Window) -> Result<(), Unspecified> {
        let mut keys = Vec::new();
        for secret in &self.source.secrets {
            for epoch in (window.oldest..=window.newest).rev() {
                keys.push(Key::derived(secret, purpose, epoch)?);
            }
        }
        if keys.is_empty() && !self.keys.iter().any(|key| key.seals_at(window.current)) {
            keys.push(Key::random(window.current)?);
        }
        // A clock that was set back must not lose what it sealed; such keys are few.
        let old = std::mem::take(&mut self.keys).into_iter();
        keys.extend(
            old.filter(|key| key.material.is_some() && key.epoch >= window.oldest)
                .take(MOST_RANDOM_KEYS),
        );
        // The first secret's key of this epoch, or the random one.
        if let Some(sealing) = keys.iter().position(|key| key.epoch == window.current) {
            keys.swap(0, sealing);
        }
        self.keys = keys;
        Ok(())
    }
}

impl Key {
    fn seals_at(&self, epoch: i64) -> bool {
        self.material.is_some() && self.epoch == epoch
    }
}

/// A session lives for a day at the most and a key seals for ten minutes at the least.
const MOST_RANDOM_KEYS: usize = 160;

#[cfg(test)]
mod tests;
