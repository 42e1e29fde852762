//! Certificate policies: whether a path satisfies what one of its authorities demands
//! (RFC 5280, section 6.1, with the bounded bookkeeping of RFC 9618).
//!
//! Nobody here asks for a certain policy. But an authority may demand that everything below it
//! names one, and then a path on which no policy holds all the way is refused.

use std::collections::{BTreeMap, BTreeSet};

use crate::certs::der::{self, NotDer, Reader};
use crate::certs::path::Certificate;

/// No policy holds all the way, and one is demanded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoPolicy;

/// An object identifier, without header.
type Oid<'a> = &'a [u8];

/// Reads the extension of policies and returns what is in its sequence.
pub(super) fn read(value: &[u8]) -> Result<&[u8], NotDer> {
    let list = Reader::single(value, der::SEQUENCE)?;
    let mut policies = policies(list)?;
    let all = policies.len();
    policies.sort_unstable();
    policies.dedup();
    if all == 0 || policies.len() < all {
        Err(NotDer)
    } else {
        Ok(list)
    }
}

/// Reads the extension of policy mappings and returns what is in its sequence.
pub(super) fn read_mappings(value: &[u8]) -> Result<&[u8], NotDer> {
    let list = Reader::single(value, der::SEQUENCE)?;
    let pairs = mappings(list)?;
    let is_any = |(from, to): &(Oid<'_>, Oid<'_>)| *from == ANY || *to == ANY;
    if pairs.is_empty() || pairs.iter().any(is_any) {
        Err(NotDer)
    } else {
        Ok(list)
    }
}

/// Checks a path, given from below the anchor down to the leaf.
pub(super) fn check<'a, P>(path: P) -> Result<(), NoPolicy>
where
    P: ExactSizeIterator<Item = &'a Certificate> + Clone,
{
    // Nobody demands anything, as nearly everywhere.
    let demands = |certificate: &Certificate| certificate.extensions().policy_limits.is_some();
    if !path.clone().any(demands) {
        return Ok(());
    }
    let length = u32::try_from(path.len()).unwrap_or(u32::MAX);
    let mut state = State::new(length);
    let last = path.len().saturating_sub(1);
    for (index, certificate) in path.enumerate() {
        state.enter(certificate, index == last)?;
        if index < last {
            state.leave(certificate);
        } else {
            state.finish(certificate)?;
        }
    }
    Ok(())
}

/// What is known at one certificate of the path.
struct State<'a> {
    /// The policies that hold so far, each with those that may follow it below. `None` once no
    /// policy holds.
    ///
    /// Of the graph of RFC 9618 this is the lowest level; the levels above matter only to who
    /// asks for a certain policy.
    holding: Option<BTreeMap<Oid<'a>, BTreeSet<Oid<'a>>>>,
    /// After how many certificates a policy is demanded.
    explicit: u32,
    /// After how many certificates mappings count for nothing.
    mapping: u32,
    /// After how many certificates the policy that stands for all counts for nothing.
    any: u32,
}

impl<'a> State<'a> {
    fn new(length: u32) -> Self {
        let never = length.saturating_add(1);
        Self {
            holding: Some(BTreeMap::from([(ANY, BTreeSet::from([ANY]))])),
            explicit: never,
            mapping: never,
            any: never,
        }
    }

    /// Takes the policies of a certificate into account (6.1.3, d to f).
    fn enter(&mut self, certificate: &'a Certificate, is_leaf: bool) -> Result<(), NoPolicy> {
        let named = certificate.policies().and_then(|list| policies(list).ok());
        self.holding = self.holding.take().zip(named).and_then(|(above, named)| {
            let awaited: BTreeSet<Oid<'a>> = above.values().flatten().copied().collect();
            let any_holds = above.contains_key(ANY);
            let mut holding = BTreeMap::new();
            for policy in named.iter().copied().filter(|policy| *policy != ANY) {
                if any_holds || awaited.contains(policy) {
                    holding.insert(policy, BTreeSet::from([policy]));
                }
            }
            let any_counts = self.any > 0 || (!is_leaf && certificate.is_self_issued());
            if named.contains(&ANY) && any_counts {
                for policy in awaited {
                    holding
                        .entry(policy)
                        .or_insert_with(|| BTreeSet::from([policy]));
                }
            }
            (!holding.is_empty()).then_some(holding)
        });
        self.satisfied()
    }

    /// Prepares for the certificate below (6.1.4, a to j).
    fn leave(&mut self, certificate: &'a Certificate) {
        if let Some(pairs) = certificate
            .policy_mappings()
            .and_then(|list| mappings(list).ok())
        {
            self.map(&pairs);
        }
        if !certificate.is_self_issued() {
            for count in [&mut self.explicit, &mut self.mapping, &mut self.any] {
                *count = count.saturating_sub(1);
            }
        }
        let extensions = certificate.extensions();
        if let Some(limits) = extensions.policy_limits {
            self.explicit = self
                .explicit
                .min(limits.require_explicit.unwrap_or(u32::MAX));
            self.mapping = self.mapping.min(limits.inhibit_mapping.unwrap_or(u32::MAX));
        }
        self.any = self
            .any
            .min(extensions.inhibit_any_policy.unwrap_or(u32::MAX));
    }

    fn map(&mut self, pairs: &[(Oid<'a>, Oid<'a>)]) {
        let Some(holding) = &mut self.holding else {
            return;
        };
        let mut by_issuer: BTreeMap<Oid<'a>, BTreeSet<Oid<'a>>> = BTreeMap::new();
        for (from, to) in pairs {
            by_issuer.entry(*from).or_default().insert(*to);
        }
        let any_holds = holding.contains_key(ANY);
        for (from, to) in by_issuer {
            if self.mapping == 0 {
                holding.remove(from);
            } else if any_holds || holding.contains_key(from) {
                holding.insert(from, to);
            }
        }
        if holding.is_empty() {
            self.holding = None;
        }
    }

    /// Wraps up at the leaf (6.1.5, a to g).
    fn finish(&mut self, leaf: &Certificate) -> Result<(), NoPolicy> {
        self.explicit = self.explicit.saturating_sub(1);
        let limits = leaf.extensions().policy_limits;
        if limits.and_then(|limits| limits.require_explicit) == Some(0) {
            self.explicit = 0;
        }
        self.satisfied()
    }

    fn satisfied(&self) -> Result<(), NoPolicy> {
        if self.explicit == 0 && self.holding.is_none() {
            Err(NoPolicy)
        } else {
            Ok(())
        }
    }
}

fn policies(list: &[u8]) -> Result<Vec<Oid<'_>>, NotDer> {
    let mut reader = Reader::new(list);
    let mut policies = Vec::new();
    while !reader.is_at_end() {
        let mut policy = Reader::new(reader.contents(der::SEQUENCE)?);
        policies.push(policy.contents(der::OID)?);
        // What the issuer adds for people to read.
        policy.optional(der::SEQUENCE)?;
        policy.end()?;
    }
    Ok(policies)
}

fn mappings(list: &[u8]) -> Result<Vec<(Oid<'_>, Oid<'_>)>, NotDer> {
    let mut reader = Reader::new(list);
    let mut pairs = Vec::new();
    while !reader.is_at_end() {
        let mut pair = Reader::new(reader.contents(der::SEQUENCE)?);
        pairs.push((pair.contents(der::OID)?, pair.contents(der::OID)?));
        pair.end()?;
    }
    Ok(pairs)
}

/// The policy that stands for all of them: 2.5.29.32.0.
const ANY: Oid<'static> = &[0x55, 0x1d, 0x20, 0];
