//! The search for a path: depth first, from the leaf up, until one stands or none is left.
//!
//! Names lead upwards, and cost next to nothing. Signatures are checked from the anchor downwards
//! once an anchor is reached, and each of them once: so what a stranger has made himself costs one
//! check before it is out, however it is knotted together.

use crate::certs::path::budget::{Budget, Spent};
use crate::certs::path::constraints::{CommonNames, Constraints, NameDefect};
use crate::certs::path::refusal::Reason;
use crate::certs::path::{Above, Certificate, Issuer, Link, Purpose, Question, checks, policy};
use crate::certs::signature::SignatureDefect;
use crate::model::WallTime;

/// A search over one chain.
pub(super) struct Search<'a> {
    question: &'a Question<'a>,
    leaf: &'a Certificate,
    /// What was sent with it, in any order.
    others: &'a [Certificate],
    budget: Budget,
    /// Whose signature holds under whose key, as far as it is known.
    signatures: Vec<(Edge<'a>, Result<(), SignatureDefect>)>,
    farthest: Option<(Progress, Blame<'a>)>,
}

/// A path that stands.
pub(super) struct Found<'a> {
    /// Its certificates without the anchor, the leaf first.
    pub(super) path: Vec<&'a Certificate>,
    /// Who vouches for the last of them.
    pub(super) anchor: &'a Certificate,
    /// Until when it stands.
    pub(super) until: WallTime,
}

/// Over what a path fell.
pub(super) struct Blame<'a> {
    pub(super) certificate: &'a Certificate,
    pub(super) reason: Reason,
}

/// A certificate and who may have issued it.
type Edge<'a> = (&'a Certificate, &'a Certificate);

/// How far a path came; of two that came equally far the longer one counts, and then the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Progress {
    /// Nobody is known who issued the last of so many certificates.
    DeadEnd(usize),
    /// Somebody is, who may not have.
    Unfit(usize),
    /// An anchor was reached, and a signature does not hold.
    Unsigned,
    /// All signatures hold, and the path breaks a rule.
    Forbidden,
    /// The path stands otherwise.
    Revoked,
}

impl<'a> Search<'a> {
    /// Tries every path, and says what was wrong with the one that came farthest.
    pub(super) fn run(
        question: &'a Question<'a>,
        leaf: &'a Certificate,
        others: &'a [Certificate],
    ) -> Result<Found<'a>, Blame<'a>> {
        let mut search = Self {
            question,
            leaf,
            others,
            budget: Budget::default(),
            signatures: Vec::new(),
            farthest: None,
        };
        let reason = match search.extend(&mut vec![leaf]) {
            Ok(Some(found)) => return Ok(found),
            Ok(None) => Reason::UnknownIssuer,
            Err(Spent) => Reason::TooManyPaths,
        };
        match search.farthest {
            Some((_, blame)) if reason == Reason::UnknownIssuer => Err(blame),
            _ => Err(Blame {
                certificate: leaf,
                reason,
            }),
        }
    }

    /// Looks for a way on from the last certificate of a path: to an anchor, or over another one
    /// that was sent.
    fn extend(&mut self, path: &mut Vec<&'a Certificate>) -> Result<Option<Found<'a>>, Spent> {
        let Some(head) = path.last().copied() else {
            return Ok(None);
        };
        let below = authorities_below(path);
        let (question, mut is_dead_end) = (self.question, true);
        for anchor in by_hint(head, question.anchors.named(head.issuer_form())) {
            self.budget.step()?;
            is_dead_end = false;
            if let Err(reason) = checks::anchor(anchor, below, question.now) {
                self.blame(Progress::Unfit(path.len()), anchor, reason);
            } else if let Some(until) = self.stands(path, anchor)? {
                let path = path.clone();
                return Ok(Some(Found {
                    path,
                    anchor,
                    until,
                }));
            }
        }
        let is_issuer = |other: &&'a Certificate| other.subject_form() == head.issuer_form();
        for other in by_hint(head, self.others.iter().filter(is_issuer)) {
            self.budget.step()?;
            if path.iter().any(|one| is_the_same(one, other)) || self.is_known_bad((head, other)) {
                continue;
            }
            if path.len() > MOST_INTERMEDIATES {
                is_dead_end = false;
                let limit = MOST_INTERMEDIATES;
                self.blame(
                    Progress::Unfit(path.len()),
                    self.leaf,
                    Reason::ChainTooLong { limit },
                );
                continue;
            }
            let fit = checks::intermediate(other, below, question.purpose, question.now);
            // A root that was sent leads nowhere, whatever is wrong with it: it is not in CA_FILE.
            let is_root = other.is_self_issued();
            is_dead_end &= fit.is_err() && is_root;
            if let Err(reason) = fit {
                if !is_root {
                    self.blame(Progress::Unfit(path.len()), other, reason);
                }
                continue;
            }
            path.push(other);
            let found = self.extend(path)?;
            path.pop();
            if found.is_some() {
                return Ok(found);
            }
        }
        if is_dead_end {
            self.blame(Progress::DeadEnd(path.len()), head, Reason::UnknownIssuer);
        }
        Ok(None)
    }

    /// Checks a path that has reached an anchor, and says until when it stands.
    fn stands(
        &mut self,
        path: &[&'a Certificate],
        anchor: &'a Certificate,
    ) -> Result<Option<WallTime>, Spent> {
        for edge in edges(path, anchor).rev() {
            if let Err(defect) = self.signature(edge)? {
                self.blame(Progress::Unsigned, edge.0, Reason::Signature(defect));
                return Ok(None);
            }
        }
        if let Some((certificate, reason)) = self.breach(path, anchor)? {
            self.blame(Progress::Forbidden, certificate, reason);
            return Ok(None);
        }
        let ends = path.iter().map(|certificate| certificate.not_after());
        let mut until = ends.fold(anchor.not_after(), WallTime::min);
        let Some(revocation) = self.question.revocation else {
            return Ok(Some(until));
        };
        let above: Vec<Above<'_>> = edges(path, anchor)
            .map(|(_, authority)| Above {
                subject: authority.subject(),
                spki: authority.spki(),
                may_sign_lists: authority.may_sign_lists(),
            })
            .collect();
        for (place, (certificate, issuer)) in edges(path, anchor).enumerate() {
            let link = Link {
                certificate,
                is_leaf: std::ptr::eq(certificate, self.leaf),
                issuer: Issuer {
                    subject: issuer.subject(),
                    spki: issuer.spki(),
                    may_sign_lists: issuer.may_sign_lists(),
                    pool: self.others,
                    above: above.get(place.saturating_add(1)..).unwrap_or_default(),
                },
            };
            match revocation.judge(&link, self.question.now) {
                Ok(end) => until = end.map_or(until, |end| until.min(end)),
                Err(refusal) => {
                    self.blame(Progress::Revoked, certificate, Reason::Revocation(refusal));
                    return Ok(None);
                }
            }
        }
        Ok(Some(until))
    }

    /// What a path breaks of the rules that are for all of it: whose names it carries, and under
    /// which policies.
    fn breach(
        &mut self,
        path: &[&'a Certificate],
        anchor: &'a Certificate,
    ) -> Result<Option<(&'a Certificate, Reason)>, Spent> {
        let of_leaf = match self.question.purpose {
            Purpose::Client => CommonNames::NoHosts,
            Purpose::Server if self.question.by_common_name => CommonNames::Hosts,
            Purpose::Server => CommonNames::HostsWithDot,
        };
        for (index, (_, issuer)) in edges(path, anchor).enumerate() {
            let Some(constraints) = issuer.name_constraints() else {
                continue;
            };
            // It was read before, when the certificate was.
            let Ok(constraints) = Constraints::of(constraints) else {
                return Ok(Some((issuer, Reason::MayNotSign)));
            };
            for certificate in path.iter().take(index.saturating_add(1)).copied() {
                let is_leaf = std::ptr::eq(certificate, self.leaf);
                // What an authority says to itself, when it changes its key.
                if certificate.is_self_issued() && !is_leaf {
                    continue;
                }
                let common_names = if is_leaf {
                    of_leaf
                } else {
                    CommonNames::NoHosts
                };
                match constraints.check(certificate, common_names, &mut self.budget) {
                    Ok(()) => {}
                    Err(NameDefect::NotAllowed(name)) => {
                        return Ok(Some((certificate, Reason::NameNotAllowed(name))));
                    }
                    Err(NameDefect::Spent) => return Err(Spent),
                }
            }
        }
        let policies = policy::check(path.iter().rev().copied());
        Ok(policies
            .err()
            .map(|policy::NoPolicy| (self.leaf, Reason::NoPolicy)))
    }

    fn signature(&mut self, edge: Edge<'a>) -> Result<Result<(), SignatureDefect>, Spent> {
        if let Some((_, known)) = self
            .signatures
            .iter()
            .find(|(one, _)| is_same_edge(*one, edge))
        {
            return Ok(*known);
        }
        self.budget.check_signature()?;
        let (certificate, issuer) = edge;
        let verdict = certificate.check_signature(issuer.spki());
        self.signatures.push((edge, verdict));
        Ok(verdict)
    }

    fn is_known_bad(&self, edge: Edge<'a>) -> bool {
        let mut known = self.signatures.iter();
        known.any(|(one, verdict)| verdict.is_err() && is_same_edge(*one, edge))
    }

    fn blame(&mut self, progress: Progress, certificate: &'a Certificate, reason: Reason) {
        if self
            .farthest
            .as_ref()
            .is_none_or(|(farthest, _)| *farthest < progress)
        {
            self.farthest = Some((
                progress,
                Blame {
                    certificate,
                    reason,
                },
            ));
        }
    }
}

/// Each certificate of a path with its issuer, the leaf first.
fn edges<'s, 'a: 's>(
    path: &'s [&'a Certificate],
    anchor: &'a Certificate,
) -> impl DoubleEndedIterator<Item = Edge<'a>> + ExactSizeIterator + use<'s, 'a> {
    let issued = |index: usize| path.get(index.saturating_add(1)).copied().unwrap_or(anchor);
    path.iter()
        .enumerate()
        .map(move |(index, one)| (*one, issued(index)))
}

/// How many authorities on a path count where their number is limited: the leaf is none, and
/// neither is what an authority says to itself.
fn authorities_below(path: &[&Certificate]) -> u32 {
    let issuers = path
        .iter()
        .skip(1)
        .filter(|issuer| !issuer.is_self_issued());
    u32::try_from(issuers.count()).unwrap_or(u32::MAX)
}

/// Candidates in the order in which they are tried: first whose key is named. What somebody wrote
/// as an identifier decides about nothing else.
fn by_hint<'a>(
    child: &Certificate,
    candidates: impl Iterator<Item = &'a Certificate>,
) -> Vec<&'a Certificate> {
    let mut candidates: Vec<_> = candidates.collect();
    candidates.sort_by_key(|candidate| match child.names_key_of(candidate) {
        Some(true) => 0,
        None => 1,
        Some(false) => 2,
    });
    candidates
}

/// Whether two certificates are of one holder and one key: then a path over both is a detour.
fn is_the_same(one: &Certificate, other: &Certificate) -> bool {
    one.subject_form() == other.subject_form() && one.spki() == other.spki()
}

fn is_same_edge(one: Edge<'_>, other: Edge<'_>) -> bool {
    std::ptr::eq(one.0, other.0) && std::ptr::eq(one.1, other.1)
}

/// The most certificates between leaf and anchor. Nobody has more than three.
const MOST_INTERMEDIATES: usize = 6;
