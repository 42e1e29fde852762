//! [`TicketKeys`]: the keys that session tickets are sealed with.
//!
//! A ticket is a whole session, its key included, in the client's hands: whoever has the ticket's
//! key can read every session sealed with it. So a key seals for one session lifetime, opens for
//! one more, and is gone.

use std::fmt;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::fill;

use crate::model::WallTime;

/// Seals and opens tickets: key name, nonce, then the session under AES-256-GCM.
///
/// Random nonces are safe for 2^32 tickets a key, which is a thousand a second for seven weeks.
#[derive(Debug)]
pub(super) struct TicketKeys(RwLock<Ring>);

#[derive(Debug)]
struct Ring {
    current: Key,
    previous: Option<Key>,
}

struct Key {
    name: [u8; NAME_LEN],
    aead: RandomizedNonceKey,
    since: WallTime,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key(since {})", self.since)
    }
}

/// Long enough that no two keys of any number of gateways ever share a name.
const NAME_LEN: usize = 16;

impl Key {
    fn random(now: WallTime) -> Result<Self, Unspecified> {
        let mut name = [0; NAME_LEN];
        fill(&mut name)?;
        let mut bytes = [0; 32];
        fill(&mut bytes)?;
        Ok(Self {
            name,
            aead: RandomizedNonceKey::new(&AES_256_GCM, &bytes)?,
            since: now,
        })
    }
}

impl TicketKeys {
    /// New random keys.
    pub(super) fn random(now: WallTime) -> Result<Self, Unspecified> {
        Ok(Self(RwLock::new(Ring {
            current: Key::random(now)?,
            previous: None,
        })))
    }

    /// Seals a session; `None` if the system has no randomness, and then no ticket is handed out.
    pub(super) fn seal(&self, plain: &[u8], now: WallTime, lifetime: Duration) -> Option<Vec<u8>> {
        self.rotate(now, lifetime);
        let ring = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let key = &ring.current;
        let mut body = plain.to_vec();
        let aad = Aad::from(key.name);
        let nonce = key.aead.seal_in_place_append_tag(aad, &mut body).ok()?;
        Some([&key.name[..], nonce.as_ref(), &body].concat())
    }

    /// Opens a ticket; `None` for everything that was not sealed here, or too long ago.
    pub(super) fn open(&self, ticket: &[u8], now: WallTime, lifetime: Duration) -> Option<Vec<u8>> {
        self.rotate(now, lifetime);
        let (name, rest) = ticket.split_first_chunk::<NAME_LEN>()?;
        let (nonce, body) = rest.split_first_chunk::<NONCE_LEN>()?;
        let ring = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut keys = std::iter::once(&ring.current).chain(&ring.previous);
        let key = keys.find(|key| key.name == *name)?;
        let mut body = body.to_vec();
        let plain = key
            .aead
            .open_in_place(Nonce::from(nonce), Aad::from(key.name), &mut body)
            .ok()?
            .len();
        body.truncate(plain);
        Some(body)
    }

    /// Replaces the current key once it has served a lifetime; every ticket of the key before it
    /// is older than a lifetime by then.
    fn rotate(&self, now: WallTime, lifetime: Duration) {
        let lifetime = i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX).max(1);
        let due = |ring: &Ring| now.0.saturating_sub(ring.current.since.0) >= lifetime;
        if !due(&self.0.read().unwrap_or_else(PoisonError::into_inner)) {
            return;
        }
        let mut ring = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if !due(&ring) {
            return;
        }
        // Without randomness the old key goes on; the next call tries again.
        if let Ok(fresh) = Key::random(now) {
            let retired = std::mem::replace(&mut ring.current, fresh);
            let unused_for = now.0.saturating_sub(retired.since.0);
            // After a long silence the current key has served its second lifetime as well.
            ring.previous = (unused_for < lifetime.saturating_mul(2)).then_some(retired);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    fn keys() -> TicketKeys {
        TicketKeys::random(WallTime(0)).expect("randomness")
    }

    #[test]
    fn what_is_sealed_opens_and_does_not_show() {
        let keys = keys();
        let ticket = keys.seal(b"session", WallTime(0), HOUR).expect("sealed");
        assert!(!ticket.windows(7).any(|window| window == b"session"));
        assert_eq!(
            keys.open(&ticket, WallTime(1), HOUR).as_deref(),
            Some(&b"session"[..])
        );
    }

    #[test]
    fn a_ticket_of_other_keys_or_with_any_bit_changed_does_not_open() {
        let one = keys();
        let ticket = one.seal(b"session", WallTime(0), HOUR).expect("sealed");
        assert!(keys().open(&ticket, WallTime(0), HOUR).is_none());
        for index in 0..ticket.len() {
            let mut forged = ticket.clone();
            forged[index] ^= 1;
            assert!(
                one.open(&forged, WallTime(0), HOUR).is_none(),
                "byte {index}"
            );
        }
    }

    #[test]
    fn a_key_opens_for_one_lifetime_after_it_has_sealed_for_one() {
        let keys = keys();
        let first = keys.seal(b"1", WallTime(3_599), HOUR).expect("sealed");
        let second = keys.seal(b"2", WallTime(3_600), HOUR).expect("sealed");
        assert_ne!(first[..NAME_LEN], second[..NAME_LEN]);
        assert!(keys.open(&first, WallTime(7_199), HOUR).is_some());
        assert!(keys.open(&first, WallTime(7_200), HOUR).is_none());
        assert!(keys.open(&second, WallTime(7_200), HOUR).is_some());
    }

    #[test]
    fn after_a_long_silence_no_old_key_is_left() {
        let keys = keys();
        let ticket = keys.seal(b"1", WallTime(0), HOUR).expect("sealed");
        assert!(keys.open(&ticket, WallTime(100_000), HOUR).is_none());
    }

    #[test]
    fn a_clock_that_goes_back_loses_no_ticket() {
        let keys = keys();
        let ticket = keys.seal(b"1", WallTime(1_000), HOUR).expect("sealed");
        assert!(keys.open(&ticket, WallTime(-100_000), HOUR).is_some());
    }

    proptest! {
        #[test]
        fn no_bytes_make_opening_panic(bytes in any::<Vec<u8>>()) {
            prop_assert!(keys().open(&bytes, WallTime(0), HOUR).is_none());
        }
    }
}
