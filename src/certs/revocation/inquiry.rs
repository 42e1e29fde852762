//! [`Inquiry`]: one certificate looked up in the lists of its issuer.

use crate::certs::name::{hex, rfc4514_of};
use crate::certs::path::name::canonical;
use crate::certs::path::{Above, Certificate, Issuer, Link};
use crate::certs::revocation::list::{Entry, RevocationList, Serial};
use crate::certs::revocation::proof::Signer;
use crate::certs::revocation::read::Listed;
use crate::certs::revocation::refusal::RevocationRefusal;
use crate::certs::revocation::{RevocationLists, later};
use crate::certs::signature::SignatureDefect;
use crate::config::settings::{ExpiredLists, ListCoverage};
use crate::model::WallTime;

/// The lists that count for a certificate, and until when.
pub(super) struct Inquiry<'a> {
    lists: &'a RevocationLists,
    link: &'a Link<'a>,
    now: WallTime,
    /// Signed with the key that signed the certificate; the newest first.
    own: Vec<&'a Listed>,
    /// Signed with another key of the same authority; the newest first.
    delegated: Vec<&'a Listed>,
    /// One that has not begun.
    awaited: Option<&'a Listed>,
    /// Why one that has begun does not count.
    disbelieved: Option<RevocationRefusal>,
    /// The last second at which all this is so.
    until: Option<WallTime>,
    delegation: Delegation,
}

impl<'a> Inquiry<'a> {
    /// Looks through the lists of the issuer.
    pub(super) fn of(lists: &'a RevocationLists, link: &'a Link<'a>, now: WallTime) -> Self {
        Self::with(lists, link, now, Delegation::Allowed)
    }

    fn with(
        lists: &'a RevocationLists,
        link: &'a Link<'a>,
        now: WallTime,
        delegation: Delegation,
    ) -> Self {
        let mut inquiry = Self {
            lists,
            link,
            now,
            own: Vec::new(),
            delegated: Vec::new(),
            awaited: None,
            disbelieved: None,
            until: None,
            delegation,
        };
        let of_issuer = lists.of_issuer(link.certificate.issuer_form());
        let about_it = |listed: &&Listed| listed.list.scope.holds(link.certificate, link.is_leaf);
        let mut signers = None;
        for listed in of_issuer.iter().filter(about_it) {
            inquiry.note_changes(&listed.list);
            if !listed.list.has_begun(now) {
                inquiry.awaited.get_or_insert(listed);
                continue;
            }
            let by_issuer = listed.list.proof.by(link.issuer.spki);
            if by_issuer == Signer::This {
                inquiry.take_own(listed);
                continue;
            }
            let signers = signers.get_or_insert_with(|| match delegation {
                Delegation::Allowed => inquiry.signers(),
                Delegation::Refused => Vec::new(),
            });
            let made = |(signer, _): &&(&Certificate, WallTime)| {
                listed.list.proof.by(signer.spki()) == Signer::This
            };
            match (signers.iter().find(made), by_issuer) {
                (Some((_, until)), _) => {
                    inquiry.lasts_until(*until);
                    inquiry.delegated.push(listed);
                }
                (None, Signer::Nobody(defect)) => {
                    let issuer = listed.list.issuer_name.clone();
                    let unproven = RevocationRefusal::ListUnproven { issuer, defect };
                    inquiry.disbelieved.get_or_insert(unproven);
                }
                // Who made it has no standing here, whoever has shown that it was him.
                (None, Signer::Another) => {
                    let issuer = listed.list.issuer_name.clone();
                    let defect = SignatureDefect::Wrong;
                    let unproven = RevocationRefusal::ListUnproven { issuer, defect };
                    inquiry.disbelieved.get_or_insert(unproven);
                }
                (None, Signer::This) => {}
            }
        }
        inquiry
    }

    /// Whether the certificate is in force, as far as that is asked, and until when that is known.
    ///
    /// From the newest list on, each may revoke; the first that has not ended has the last word. An
    /// authority that has changed its key may go on publishing under both, so the lists of its own
    /// key and those of another one are asked apart, and each may revoke.
    pub(super) fn answer(self) -> Result<Option<WallTime>, RevocationRefusal> {
        let serial = Serial::of(self.link.certificate.serial());
        let counting = || self.own.iter().chain(&self.delegated);
        let mut is_current = false;
        for stream in [&self.own, &self.delegated] {
            for listed in stream {
                if let Some(entry) = listed.list.entries.of(serial) {
                    return Err(self.revoked(entry));
                }
                if !listed.list.has_ended(self.now) {
                    is_current = true;
                    break;
                }
            }
        }
        if is_current {
            return Ok(self.until);
        }
        if let Some(last_end) = counting()
            .filter_map(|listed| listed.list.next_update)
            .max()
        {
            return if self.lists.refuses(last_end, self.now) {
                Err(RevocationRefusal::ListExpired {
                    issuer: self.issuer(),
                    next_update: last_end,
                })
            } else {
                Ok(self.until)
            };
        }
        if self.delegation == Delegation::Refused {
            return Ok(self.until);
        }
        if let Some(refusal) = self.disbelieved {
            return Err(refusal);
        }
        let is_needed = match self.lists.coverage {
            ListCoverage::Leaf => self.link.is_leaf,
            ListCoverage::Chain => true,
            ListCoverage::Any => false,
        };
        if is_needed {
            Err(self.missing())
        } else {
            Ok(self.until)
        }
    }

    fn take_own(&mut self, listed: &'a Listed) {
        if self.link.issuer.may_sign_lists {
            self.own.push(listed);
        } else {
            let issuer = listed.list.issuer_name.clone();
            let refusal = RevocationRefusal::MayNotSignLists { issuer };
            self.disbelieved.get_or_insert(refusal);
        }
    }

    /// The certificates of other keys of the issuer that may have signed its lists, each with the
    /// last second at which it may.
    fn signers(&self) -> Vec<(&'a Certificate, WallTime)> {
        let (lists, pool) = (self.lists, self.link.issuer.pool);
        // Strangers may send any number of them, and each costs a signature check.
        let pool = pool.iter().filter(|one| self.could_have_signed(one));
        let at_hand = lists.anchors.iter().chain(&lists.signers);
        let at_hand = at_hand.chain(pool.take(MOST_SIGNERS));
        let standing = at_hand.filter_map(|signer| Some((signer, self.may_have_signed(signer)?)));
        standing.collect()
    }

    /// Whether a certificate says of itself that it may have signed the issuer's lists.
    fn could_have_signed(&self, signer: &Certificate) -> bool {
        let is_in_date = signer.not_before() <= self.now && self.now <= signer.not_after();
        let is_of_name = signer.subject_form() == self.link.certificate.issuer_form();
        is_of_name && signer.may_sign_lists() && is_in_date
    }

    /// Until when a certificate carries the issuer's name and stands, with its right to sign lists,
    /// on an anchor itself or below the anchor of this very path.
    fn may_have_signed(&self, signer: &Certificate) -> Option<WallTime> {
        if !self.could_have_signed(signer) {
            return None;
        }
        let mut anchors = self.lists.anchors.iter();
        if anchors.any(|anchor| anchor.der() == signer.der()) {
            return Some(signer.not_after());
        }
        let Issuer {
            subject,
            spki,
            may_sign_lists,
            above,
            ..
        } = self.link.issuer;
        let issuer = Above {
            subject,
            spki,
            may_sign_lists,
        };
        let mut authorities = std::iter::once(&issuer).chain(above);
        authorities.find_map(|authority| self.stands_below(signer, authority))
    }

    /// Until when a certificate stands that an authority of the path has issued; `None` if it has
    /// not, or has revoked it.
    fn stands_below(&self, signer: &Certificate, authority: &Above<'_>) -> Option<WallTime> {
        let is_issuer = *signer.issuer_form() == canonical(authority.subject)
            && signer.check_signature(authority.spki).is_ok();
        if !is_issuer {
            return None;
        }
        let link = Link {
            certificate: signer,
            is_leaf: false,
            issuer: Issuer {
                subject: authority.subject,
                spki: authority.spki,
                may_sign_lists: authority.may_sign_lists,
                pool: &[],
                above: &[],
            },
        };
        let inquiry = Inquiry::with(self.lists, &link, self.now, Delegation::Refused);
        let (until, end) = (inquiry.answer().ok()?, signer.not_after());
        Some(until.map_or(end, |until| until.min(end)))
    }

    /// Notes when a list begins or ends.
    fn note_changes(&mut self, list: &RevocationList) {
        if !list.has_begun(self.now) {
            self.lasts_until(WallTime(list.begins().0.saturating_sub(1)));
        }
        if let Some(end) = list.next_update {
            self.lasts_until(end);
            if let ExpiredLists::Grace(grace) = self.lists.expired {
                self.lasts_until(later(end, grace));
            }
        }
    }

    /// Notes a last second, unless it has passed.
    fn lasts_until(&mut self, end: WallTime) {
        if self.now <= end {
            self.until = Some(self.until.map_or(end, |until| until.min(end)));
        }
    }

    fn revoked(&self, entry: &Entry) -> RevocationRefusal {
        RevocationRefusal::Revoked {
            issuer: self.issuer(),
            since: entry.since,
            reason: entry.reason,
            serial: hex(self.link.certificate.serial()),
        }
    }

    fn missing(&self) -> RevocationRefusal {
        let issuer = self.issuer();
        match self.awaited {
            Some(awaited) => RevocationRefusal::ListNotYetValid {
                issuer,
                this_update: awaited.list.this_update,
            },
            None => RevocationRefusal::ListMissing { issuer },
        }
    }

    fn issuer(&self) -> String {
        rfc4514_of(self.link.certificate.issuer())
    }
}

/// Whether a list may be signed with another key than the issuer's.
///
/// Not where the certificate of such a key is itself looked up, which ends the chain of them. Of
/// that certificate only what the issuer's own key says counts, and nothing has to be said: after
/// a change of keys the list that would name it is often signed with the key in question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Delegation {
    Allowed,
    Refused,
}

/// No authority signs its lists with more keys than these at a time.
const MOST_SIGNERS: usize = 4;
