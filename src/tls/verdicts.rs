//! [`Verdicts`]: chains that were found good, until one of their certificates ends.
//!
//! A resumed session is judged again every time, and for an unchanged verifier the judgement of a
//! chain is a pure function of the time: it stays good until the first of its certificates ends,
//! and what the rules say of its holder stays the same.
//! Remembering that saves two signature checks for every resumption, which cost more than all the
//! rest of it. The verdicts belong to one verifier and die with it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::pki_types::CertificateDer;

use crate::certs::Digest;
use crate::certs::inspect::Claims;
use crate::config::settings::ClientRule;
use crate::model::{Denial, Principal, WallTime};
use crate::tls::authority_uses::ClientUse;
use crate::tls::ocsp::Subject;
use crate::tls::recent::Recent;

/// A client that proved who it is, and what it proved it with; one for all its connections.
#[derive(Debug, PartialEq, Eq)]
pub struct Client {
    pub(super) principal: Arc<Principal>,
    pub(super) chain: Arc<[CertificateDer<'static>]>,
    /// As what a responder is asked about it, where one is to be asked.
    pub(super) subject: Option<Subject>,
}

impl Client {
    /// Whether one of these rules is about it.
    pub fn meets(&self, rules: &[ClientRule]) -> bool {
        let claims = self.chain.first().and_then(|leaf| Claims::of(leaf).ok());
        claims.is_some_and(|claims| {
            let is_about = |rule: &ClientRule| rule.terms.iter().all(|term| claims.meet(term));
            rules.iter().any(is_about)
        })
    }

    /// A client with a chain that was found good.
    pub(super) fn new(
        principal: Arc<Principal>,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
    ) -> Self {
        let chain = std::iter::once(leaf).chain(others);
        Self {
            principal,
            chain: chain.map(|der| der.clone().into_owned()).collect(),
            subject: None,
        }
    }

    /// The same client, of whom a responder is asked.
    pub(super) fn asked_about_as(mut self, subject: Option<Subject>) -> Self {
        self.subject = subject;
        self
    }

    /// Who it is.
    pub fn principal(&self) -> &Arc<Principal> {
        &self.principal
    }
}

/// The time in which a judgement holds as it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first second.
    pub from: WallTime,
    /// The last one.
    pub until: WallTime,
}

impl Span {
    /// For what time does not change.
    pub const ALWAYS: Self = Self {
        from: WallTime(i64::MIN),
        until: WallTime(i64::MAX),
    };

    /// The time in which two judgements hold.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            from: self.from.max(other.from),
            until: self.until.min(other.until),
        }
    }

    /// Whether a judgement need not be made again.
    pub fn holds_at(&self, now: WallTime) -> bool {
        self.from <= now && now <= self.until
    }
}

/// A client that was found good, for how long that holds, and what the rules say of it.
#[derive(Debug, Clone)]
pub(super) struct Verdict {
    pub(super) client: Arc<Client>,
    pub(super) span: Span,
    /// Where its uses of the authority are noted that vouches for it; nowhere, if the rules do not
    /// admit it.
    pub(super) uses: Option<Arc<ClientUse>>,
    /// Why the rules do not admit it, if they do not.
    pub(super) denial: Option<Denial>,
}

/// Chains that one verifier has found good; those that come back stay longest.
#[derive(Debug)]
pub(super) struct Verdicts(Mutex<Recent<[u8; 32], Verdict>>);

/// Chains that are remembered: several times the clients of the largest call centre, at one to two
/// kilobytes each.
const CAPACITY: usize = 65_536;

/// What tells one chain from another.
pub(super) fn key_of(leaf: &CertificateDer<'_>, others: &[CertificateDer<'_>]) -> [u8; 32] {
    others
        .iter()
        .fold(Digest::new("chain").part(leaf), |sum, other| {
            sum.part(other)
        })
        .finish()
}

impl Default for Verdicts {
    fn default() -> Self {
        Self(Mutex::new(Recent::with_room_for(CAPACITY)))
    }
}

impl Verdicts {
    /// Who the holder of a chain is, if it is known to be good at this time.
    pub(super) fn get(&self, key: &[u8; 32], now: WallTime) -> Option<Verdict> {
        let mut known = self.lock();
        let verdict = known.get(key)?;
        verdict.span.holds_at(now).then(|| verdict.clone())
    }

    /// Remembers a good chain.
    pub(super) fn put(&self, key: [u8; 32], verdict: Verdict) {
        self.lock().put(key, verdict);
    }

    fn lock(&self) -> MutexGuard<'_, Recent<[u8; 32], Verdict>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Fingerprint;

    fn somebody(from: i64, until: i64) -> Verdict {
        let principal = Arc::new(Principal {
            subject: "CN=x".to_owned(),
            issuer: "CN=y".to_owned(),
            serial: "01".to_owned(),
            fingerprint: Fingerprint([0; 32]),
        });
        let leaf = CertificateDer::from(vec![1]);
        Verdict {
            uses: None,
            client: Arc::new(Client::new(principal, &leaf, &[])),
            denial: None,
            span: Span {
                from: WallTime(from),
                until: WallTime(until),
            },
        }
    }

    #[test]
    fn a_verdict_holds_from_when_it_was_made_until_the_chain_ends() {
        let verdicts = Verdicts::default();
        verdicts.put([1; 32], somebody(10, 20));
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
        for n in 0..CAPACITY + CAPACITY / 2 {
            verdicts.put(key(n), somebody(0, 9));
            assert!(verdicts.get(&key(0), WallTime(1)).is_some());
        }
        assert_eq!(verdicts.lock().len(), CAPACITY);
        assert!(verdicts.get(&key(1), WallTime(1)).is_none());
    }

    #[test]
    fn a_chain_that_comes_back_pushes_no_other_one_out() {
        let verdicts = Verdicts::default();
        let key = |n: usize| {
            let mut key = [0; 32];
            key[..8].copy_from_slice(&n.to_be_bytes());
            key
        };
        for n in 0..CAPACITY {
            verdicts.put(key(n), somebody(0, 9));
        }
        for round in 0..2 {
            let known = (0..CAPACITY).filter(|n| verdicts.get(&key(*n), WallTime(1)).is_some());
            assert_eq!(known.count(), CAPACITY, "{round}");
        }
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
