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
    is_random: bool,
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
        Self::of(&material, epoch, true)
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
        Self::of(&material, epoch, false)
    }

    fn of(
        material: &[u8; NAME_LEN + KEY_LEN],
        epoch: i64,
        is_random: bool,
    ) -> Result<Self, Unspecified> {
        let (name, key) = material
            .split_first_chunk::<NAME_LEN>()
            .ok_or(Unspecified)?;
        Ok(Self {
            name: *name,
            aead: RandomizedNonceKey::new(&AES_256_GCM, key)?,
            epoch,
            is_random,
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
            old.filter(|key| key.is_random && key.epoch >= window.oldest)
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
        self.is_random && self.epoch == epoch
    }
}

/// A session lives for a day at the most and a key seals for ten minutes at the least.
const MOST_RANDOM_KEYS: usize = 160;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    fn source(secrets: &[&str]) -> Arc<TicketSource> {
        Arc::new(TicketSource {
            secrets: secrets
                .iter()
                .map(|text| Secret::new(text.as_bytes().to_vec()))
                .collect(),
            rotation: HOUR,
        })
    }

    fn keys_of(secrets: &[&str]) -> TicketKeys {
        TicketKeys::new([1; 32], source(secrets))
    }

    fn keys() -> TicketKeys {
        keys_of(&[])
    }

    fn sealed(keys: &TicketKeys, at: i64) -> Vec<u8> {
        keys.seal(b"session", WallTime(at), HOUR).expect("sealed")
    }

    fn opens(keys: &TicketKeys, ticket: &[u8], at: i64) -> bool {
        let plain = keys.open(ticket, WallTime(at), HOUR);
        plain.is_some_and(|plain| plain == b"session")
    }

    #[test]
    fn what_is_sealed_opens_and_does_not_show() {
        let keys = keys();
        let ticket = sealed(&keys, 0);
        assert!(!ticket.windows(7).any(|window| window == b"session"));
        assert!(opens(&keys, &ticket, 1));
    }

    #[test]
    fn a_ticket_of_other_keys_or_with_any_bit_changed_does_not_open() {
        let one = keys();
        let ticket = sealed(&one, 0);
        assert!(!opens(&keys(), &ticket, 0));
        for index in 0..ticket.len() {
            let mut forged = ticket.clone();
            forged[index] ^= 1;
            assert!(!opens(&one, &forged, 0), "byte {index}");
        }
    }

    #[test]
    fn another_key_seals_after_every_rotation_and_each_opens_for_one_lifetime_more() {
        for keys in [keys(), keys_of(&["one"])] {
            let first = sealed(&keys, 3_599);
            let second = sealed(&keys, 3_600);
            assert_ne!(first[..NAME_LEN], second[..NAME_LEN]);
            assert!(opens(&keys, &first, 3_599 + 3_600));
            assert!(opens(&keys, &second, 3_599 + 3_600));
            let gone = 3_600 + 3_600 + MAX_CLOCK_SKEW;
            assert!(!opens(&keys, &first, gone));
            assert!(opens(&keys, &second, gone));
        }
    }

    #[test]
    fn the_key_of_the_latest_ticket_is_as_old_as_its_rotation_is_long_at_the_most() {
        for keys in [keys(), keys_of(&["one"])] {
            assert_eq!(keys.sealed_with_age(), Duration::ZERO);
            for (at, age) in [(3_599, 3_599), (3_600, 0), (10_000, 2_800)] {
                sealed(&keys, at);
                assert_eq!(keys.sealed_with_age().as_secs(), age);
            }
        }
    }

    #[test]
    fn after_a_long_silence_no_old_key_is_left() {
        let keys = keys();
        let ticket = sealed(&keys, 0);
        assert!(!opens(&keys, &ticket, 100_000));
    }

    #[test]
    fn a_clock_that_goes_back_loses_no_ticket() {
        let keys = keys();
        let ticket = sealed(&keys, 10_000);
        sealed(&keys, -100_000);
        assert!(opens(&keys, &ticket, -100_000));
    }

    #[test]
    fn a_key_from_a_clock_that_was_ahead_does_not_seal_for_years() {
        let keys = keys();
        let ahead = sealed(&keys, 1_000_000_000);
        let now = sealed(&keys, 0);
        assert_ne!(ahead[..NAME_LEN], now[..NAME_LEN]);
        assert_ne!(now[..NAME_LEN], sealed(&keys, 3_600)[..NAME_LEN]);
    }

    #[test]
    fn gateways_with_the_same_secret_open_each_others_tickets_over_any_restart() {
        let ticket = sealed(&keys_of(&["one"]), 50_000);
        assert!(opens(&keys_of(&["one"]), &ticket, 50_000 + 3_600));
        assert!(!opens(&keys_of(&["two"]), &ticket, 50_000));
        let other_policy = TicketKeys::new([2; 32], source(&["one"]));
        assert!(!opens(&other_policy, &ticket, 50_000));
    }

    #[test]
    fn clocks_may_differ_by_five_minutes_at_the_turn_of_a_key() {
        let (ahead, behind) = (keys_of(&["one"]), keys_of(&["one"]));
        let ticket = sealed(&ahead, 36_000);
        assert!(opens(&behind, &ticket, 36_000 - MAX_CLOCK_SKEW));
        assert!(!opens(&behind, &ticket, 36_000 - MAX_CLOCK_SKEW - 1));
        let ticket = sealed(&behind, 36_000 - 1);
        assert!(opens(&ahead, &ticket, 36_000 - 1 + 3_600 + MAX_CLOCK_SKEW));
    }

    #[test]
    fn a_secret_is_replaced_without_losing_a_ticket_while_both_stand_side_by_side() {
        let (one, other) = (keys_of(&["old"]), keys_of(&["old"]));
        let before = sealed(&one, 0);
        // First every gateway learns the new secret, then it seals, then the old one goes.
        one.draw_from(&source(&["old", "new"]));
        other.draw_from(&source(&["new", "old"]));
        let meanwhile = sealed(&other, 10);
        assert!(opens(&one, &meanwhile, 10) && opens(&other, &before, 10));
        one.draw_from(&source(&["new"]));
        assert!(opens(&one, &meanwhile, 20));
        assert!(!opens(&one, &before, 20));
    }

    #[test]
    fn what_was_sealed_with_random_keys_opens_after_a_secret_has_come() {
        let keys = keys();
        let ticket = sealed(&keys, 0);
        keys.draw_from(&source(&["one"]));
        assert!(opens(&keys, &ticket, 10));
        assert!(opens(&keys_of(&["one"]), &sealed(&keys, 10), 10));
    }

    proptest! {
        #[test]
        fn no_bytes_make_opening_panic(bytes in any::<Vec<u8>>()) {
            prop_assert!(keys().open(&bytes, WallTime(0), HOUR).is_none());
        }
    }
}
