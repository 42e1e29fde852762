//! [`Verdicts`]: chains that were found good, until one of their certificates ends.
//!
//! A resumed session is judged again every time, and for an unchanged verifier the judgement of a
//! chain is a pure function of the time: it stays good until the first of its certificates ends.
//! Remembering that saves two signature checks for every resumption, which cost more than all the
//! rest of it. The verdicts belong to one verifier and die with it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::pki_types::CertificateDer;

use crate::certs::Digest;
use crate::model::{Principal, WallTime};
use crate::tls::authority_uses::ClientUse;

/// Chains that one verifier has found good.
#[derive(Debug, Default)]
pub(super) struct Verdicts(Mutex<Generations>);

/// Two generations: when the young one is full it becomes the old one, and what is asked for moves
/// back. So the most used stay, and the bound holds without any bookkeeping.
#[derive(Debug, Default)]
struct Generations {
    young: HashMap<[u8; 32], Verdict>,
    old: HashMap<[u8; 32], Verdict>,
}

/// That a chain is good.
#[derive(Debug, Clone)]
pub(super) struct Verdict {
    /// When it was judged.
    pub(super) from: WallTime,
    /// Until when all of it lasts.
    pub(super) until: WallTime,
    /// Whose it is.
    pub(super) principal: Arc<Principal>,
    /// Where the uses of it are noted.
    pub(super) client: Arc<ClientUse>,
}

/// Chains in a generation: several times the clients of the largest call centre, at about 400
/// bytes each.
const CAPACITY: usize = 8_192;

/// What tells one chain from another.
pub(super) fn key_of(leaf: &CertificateDer<'_>, others: &[CertificateDer<'_>]) -> [u8; 32] {
    others
        .iter()
        .fold(Digest::new("chain").part(leaf), |sum, other| {
            sum.part(other)
        })
        .finish()
}

impl Verdicts {
    /// Who the holder of a chain is, if it is known to be good at this time.
    pub(super) fn get(
        &self,
        key: &[u8; 32],
        now: WallTime,
    ) -> Option<(Arc<Principal>, Arc<ClientUse>)> {
        let mut generations = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = match generations.young.get(key) {
            Some(verdict) => Some(verdict.clone()),
            None => generations.old.remove(key).inspect(|verdict| {
                generations.keep(*key, verdict.clone());
            }),
        };
        known
            .filter(|verdict| verdict.from <= now && now <= verdict.until)
            .map(|verdict| (verdict.principal, verdict.client))
    }

    /// Remembers a good chain.
    pub(super) fn put(&self, key: [u8; 32], verdict: Verdict) {
        let mut generations = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        generations.keep(key, verdict);
    }
}

impl Generations {
    fn keep(&mut self, key: [u8; 32], verdict: Verdict) {
        if self.young.len() >= CAPACITY {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, verdict);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Fingerprint;

    fn good(from: i64, until: i64) -> Verdict {
        let principal = Principal {
            subject: "CN=x".to_owned(),
            issuer: "CN=y".to_owned(),
            serial: "01".to_owned(),
            fingerprint: Fingerprint([0; 32]),
        };
        Verdict {
            from: WallTime(from),
            until: WallTime(until),
            client: Arc::new(ClientUse::of(&principal)),
            principal: Arc::new(principal),
        }
    }

    #[test]
    fn a_verdict_holds_from_when_it_was_made_until_the_chain_ends() {
        let verdicts = Verdicts::default();
        verdicts.put([1; 32], good(10, 20));
        let good_at = |second| verdicts.get(&[1; 32], WallTime(second)).is_some();
        assert_eq!([9, 10, 20, 21].map(good_at), [false, true, true, false]);
        assert!(verdicts.get(&[2; 32], WallTime(10)).is_none());
    }

    #[test]
    fn the_number_of_verdicts_is_bounded_and_the_used_ones_stay() {
        let verdicts = Verdicts::default();
        let key = |n: usize| {
            let mut key = [0; 32];
            key[..8].copy_from_slice(&n.to_be_bytes());
            key
        };
        for n in 0..CAPACITY * 3 {
            verdicts.put(key(n), good(0, 9));
            assert!(verdicts.get(&key(0), WallTime(1)).is_some());
        }
        let generations = verdicts.0.lock().expect("not poisoned");
        assert!(generations.young.len() + generations.old.len() <= 2 * CAPACITY);
        drop(generations);
        assert!(verdicts.get(&key(1), WallTime(1)).is_none());
    }

    #[test]
    fn the_order_of_a_chain_is_part_of_its_key() {
        let der = |byte| CertificateDer::from(vec![byte]);
        assert_ne!(
            key_of(&der(1), &[der(2), der(3)]),
            key_of(&der(1), &[der(3), der(2)])
        );
        assert_ne!(key_of(&der(1), &[]), key_of(&der(2), &[]));
    }
}
