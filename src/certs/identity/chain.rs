//! The chain of a leaf, found among certificates that stand in any order.

use std::cmp::Reverse;

use rustls::pki_types::CertificateDer;

use crate::certs::expiry::Validity;
use crate::certs::inspect::{CertificateFacts, is_signed_by};
use crate::model::WallTime;

/// A certificate with what it says.
pub(in crate::certs) type Told = (CertificateDer<'static>, CertificateFacts);

/// The leaf, its issuer, that one's issuer and so on, as far as the file goes or to a root.
pub(in crate::certs) fn order(all: &[Told], leaf: usize, now: WallTime) -> Vec<usize> {
    let mut order = vec![leaf];
    let mut last = leaf;
    while let Some(child) = all.get(last).filter(|(_, facts)| !facts.is_root()) {
        let candidates = all
            .iter()
            .enumerate()
            .filter(|(index, _)| !order.contains(index));
        // Several may carry the name: of other keys, of other dates, a root and its cross
        // certificate. The first of the best is taken.
        let fitting =
            candidates.filter_map(|(index, other)| Some((fit(child, other, now)?, index)));
        let Some((_, issuer)) = fitting.min_by_key(|(fit, _)| Reverse(*fit)) else {
            break;
        };
        order.push(issuer);
        last = issuer;
    }
    order
}

/// How many certificates are of no use in the file: neither in the chain nor a root above it.
pub(super) fn strangers(all: &[Told], order: &[usize]) -> usize {
    let in_chain = || order.iter().filter_map(|index| all.get(*index));
    let is_root_of_it = |facts: &CertificateFacts| {
        facts.is_root() && in_chain().any(|(_, own)| own.names_as_issuer(facts))
    };
    all.iter()
        .enumerate()
        .filter(|(index, (_, facts))| !order.contains(index) && !is_root_of_it(facts))
        .count()
}

/// What speaks for a certificate as the issuer of another, the weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Evidence {
    Name,
    /// It has the key that the other names.
    NamedKey,
    /// Its key made the signature.
    Signature,
}

/// How well a certificate fits as the issuer of another, what counts most first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Fit {
    evidence: Evidence,
    is_in_date: bool,
    /// A root ends the chain, while its cross certificate leads on to a root that more peers know.
    leads_on: bool,
}

/// `None` for another name, and for another key.
fn fit(child: &Told, issuer: &Told, now: WallTime) -> Option<Fit> {
    let ((child_der, child), (issuer_der, issuer)) = (child, issuer);
    if !child.names_as_issuer(issuer) {
        return None;
    }
    // Identifiers are what somebody wrote; a signature that holds is proof.
    let evidence = if is_signed_by(child_der, issuer_der) {
        Evidence::Signature
    } else {
        match child.names_key_of(issuer) {
            Some(true) => Evidence::NamedKey,
            None => Evidence::Name,
            Some(false) => return None,
        }
    };
    Some(Fit {
        evidence,
        is_in_date: Validity::judge(issuer.not_before, issuer.not_after, now).is_valid(),
        leads_on: !issuer.is_root(),
    })
}
