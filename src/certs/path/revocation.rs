//! [`Revocation`]: what path validation asks about each certificate once the path stands
//! otherwise.
//!
//! Who answers decides what is asked for: lists, responders, which of them may be missing and
//! which may be out of date.

use crate::certs::path::Certificate;
use crate::model::WallTime;

/// Asked about each certificate of a path that stands otherwise, leaf first.
pub trait Revocation: std::fmt::Debug + Send + Sync {
    /// `Ok(until)`: not revoked as far as the policy asks, and that no later than `until`; with
    /// `None`, for good.
    fn judge(&self, link: &Link<'_>, now: WallTime) -> Result<Option<WallTime>, RevocationRefusal>;
}

/// A certificate of a path, with what is above it.
#[derive(Debug, Clone, Copy)]
pub struct Link<'a> {
    /// The certificate.
    pub certificate: &'a Certificate,
    /// Whether it is the peer's own.
    pub is_leaf: bool,
    /// Who issued it.
    pub issuer: Issuer<'a>,
}

/// The issuer of a certificate of a path, which may be an anchor.
#[derive(Debug, Clone, Copy)]
pub struct Issuer<'a> {
    /// Its name, a whole `Name` with its header.
    pub subject: &'a [u8],
    /// Its key, a whole `SubjectPublicKeyInfo` with its header.
    pub spki: &'a [u8],
    /// Whether it may sign revocation lists: its key usage says so, or it has none.
    pub may_sign_lists: bool,
    /// The other certificates at hand, unproven: an authority may sign its lists with a key of
    /// their own, for which a certificate is among them.
    pub pool: &'a [Certificate],
}

/// Why a certificate cannot be shown to be in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RevocationRefusal {
    /// A list names it.
    #[error("it has been revoked")]
    Revoked {
        /// Since when, as far as the list says.
        since: Option<WallTime>,
    },
    /// The list that would name it is out of date.
    #[error("the revocation list of its issuer expired on {next_update}")]
    ListExpired {
        /// When the next one was due.
        next_update: WallTime,
    },
    /// There is no list that would name it.
    #[error("there is no revocation list of its issuer")]
    ListMissing,
}
