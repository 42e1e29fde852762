//! [`Revocation`]: what path validation asks about each certificate once the path stands
//! otherwise.
//!
//! Who answers decides what is asked for: lists, responders, which of them may be missing and
//! which may be out of date.

use crate::certs::path::Certificate;
use crate::certs::revocation::RevocationRefusal;
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
    /// The authorities above it up to the anchor, the nearest first: the certificate of a key for
    /// lists has to stand below the anchor of the same path.
    pub above: &'a [Above<'a>],
}

/// An authority of a path, above the issuer of a certificate.
#[derive(Debug, Clone, Copy)]
pub struct Above<'a> {
    /// Its name, a whole `Name` with its header.
    pub subject: &'a [u8],
    /// Its key, a whole `SubjectPublicKeyInfo` with its header.
    pub spki: &'a [u8],
    /// Whether it may sign revocation lists.
    pub may_sign_lists: bool,
}
