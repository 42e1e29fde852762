//! Whether a chain of certificates leads to an authority that is believed (RFC 5280, section 6).
//!
//! The whole rule is ours, since it is what this program promises: which certificate may stand
//! where, whose names it may carry, until when, and that none of them has been withdrawn. The
//! signature algorithms are the library's ([`crate::certs::signature`]).
//!
//! A [`Certificate`] is read once and strictly. A [`Question`] holds whom to believe, for what and
//! when; it proves a chain, or says in a [`Refusal`] which certificate is to blame for what.

mod anchors;
mod budget;
mod certificate;
mod checks;
mod constraints;
mod extensions;
mod general_name;
mod host;
pub(crate) mod name;
mod policy;
mod refusal;
mod revocation;
mod search;
mod span;
pub(crate) mod time;

use rustls::pki_types::CertificateDer;

use crate::certs::path::certificate::words_of;
use crate::certs::path::search::Search;
use crate::model::WallTime;

pub use crate::certs::extension::Extension;
pub use anchors::Anchors;
pub use certificate::{Certificate, Malformed};
pub use refusal::{Reason, Refusal};
pub use revocation::{Above, Issuer, Link, Revocation};

/// What a peer wants to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A client that comes to us.
    Client,
    /// A server that we go to.
    Server,
}

impl Purpose {
    /// What the peer is.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }

    /// What a key usage lacks that does not allow it.
    const fn lacking_usages(self) -> &'static str {
        match self {
            Self::Client => "neither digitalSignature nor keyAgreement",
            Self::Server => "none of digitalSignature, keyEncipherment and keyAgreement",
        }
    }
}

/// By what a chain is judged.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// Whom to believe.
    pub anchors: &'a Anchors,
    /// As what the peer shows its certificate.
    pub purpose: Purpose,
    /// Whether a server is known by its common name where it has no other. Then an authority has to
    /// be allowed to vouch for that as for any other host, also if it has no dot in it.
    pub by_common_name: bool,
    /// Who knows which certificates were withdrawn; without anybody, none was.
    pub revocation: Option<&'a dyn Revocation>,
    /// The time now.
    pub now: WallTime,
}

/// A chain that leads to an authority.
#[derive(Debug, Clone)]
pub struct Proven {
    /// Until when it is as good as now: one of its certificates ends then, its anchor included, or
    /// what is known of revocation has to be renewed.
    pub until: WallTime,
    /// The certificates that lead there, without the anchor, the leaf first.
    pub path: Vec<Certificate>,
    /// Who is believed: the one that vouches for the last of them, or the leaf itself.
    pub anchor: Certificate,
}

impl Proven {
    /// Who issued the leaf; `None` where the leaf is believed by itself.
    pub fn issuer(&self) -> Option<&Certificate> {
        match self.path.as_slice() {
            [leaf] if leaf.der() == self.anchor.der() => None,
            [_leaf, issuer, ..] => Some(issuer),
            _ => Some(&self.anchor),
        }
    }
}

impl Question<'_> {
    /// Finds a path for a peer's certificate over others that it has sent, which may stand in any
    /// order and need not all be of use.
    pub fn prove(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
    ) -> Result<Proven, Refusal> {
        let leaf = Certificate::read(leaf).map_err(|defect| malformed(leaf, defect))?;
        checks::leaf(&leaf, self.purpose, self.now).map_err(|reason| refusal(&leaf, reason))?;
        // Who put this very certificate into the file believes it, whoever has signed it.
        if self.anchors.hold(&leaf) {
            return Ok(Proven {
                until: leaf.not_after(),
                anchor: leaf.clone(),
                path: vec![leaf],
            });
        }
        let mut unreadable = None;
        let mut readable: Vec<Certificate> = Vec::with_capacity(others.len());
        for other in others {
            match Certificate::read(other) {
                Ok(other) => readable.push(other),
                Err(defect) => unreadable = unreadable.or(Some((other, defect))),
            }
        }
        let found = Search::run(self, &leaf, &readable);
        let found = found.map(|found| Proven {
            until: found.until,
            path: found.path.into_iter().cloned().collect(),
            anchor: found.anchor.clone(),
        });
        found.map_err(|blame| match unreadable {
            // It may have been the missing link.
            Some((other, defect)) if blame.reason == Reason::UnknownIssuer => {
                malformed(other, defect)
            }
            _ => refusal(blame.certificate, blame.reason),
        })
    }
}

fn malformed(der: &CertificateDer<'_>, defect: Malformed) -> Refusal {
    Refusal {
        subject: words_of(der),
        reason: Reason::Malformed(defect),
    }
}

fn refusal(certificate: &Certificate, reason: Reason) -> Refusal {
    Refusal {
        subject: certificate.words(),
        reason,
    }
}

#[cfg(test)]
mod tests;
