//! What a certificate has to be, by the place in which it stands on a path.

use crate::certs::path::extensions::{Critical, KeyUsage};
use crate::certs::path::refusal::Reason;
use crate::certs::path::{Certificate, Purpose};
use crate::certs::signature::judge_key;
use crate::model::WallTime;

/// Judges the peer's own certificate.
pub(super) fn leaf(leaf: &Certificate, purpose: Purpose, now: WallTime) -> Result<(), Reason> {
    sent(leaf, purpose, now)?;
    if leaf
        .extensions()
        .authority
        .is_some_and(|authority| authority.is_ca)
    {
        return Err(Reason::AuthorityAsLeaf);
    }
    key_usage(leaf, purpose)?;
    judge_key(leaf.spki()).map_err(Reason::UnfitKey)
}

/// What keeps a peer from showing a certificate as its own for a purpose, whenever it does.
pub(super) fn unfit_for(leaf: &Certificate, purpose: Purpose) -> Option<Reason> {
    extended_key_usage(leaf, purpose)
        .and_then(|()| key_usage(leaf, purpose))
        .err()
}

/// Judges a certificate that was sent as that of an issuer, with so many other authorities below
/// it.
pub(super) fn intermediate(
    issuer: &Certificate,
    below: u32,
    purpose: Purpose,
    now: WallTime,
) -> Result<(), Reason> {
    sent(issuer, purpose, now)?;
    if !issuer
        .extensions()
        .authority
        .is_some_and(|authority| authority.is_ca)
    {
        return Err(Reason::NotAnAuthority);
    }
    may_issue(issuer, below)
}

/// Judges an anchor. For which purpose it was made does not count: whoever put it into the file
/// has decided that.
pub(super) fn anchor(anchor: &Certificate, below: u32, now: WallTime) -> Result<(), Reason> {
    in_force(anchor, now)?;
    may_issue(anchor, below)
}

/// What will be refused about a certificate at any time and for any purpose.
pub(super) fn flaw(certificate: &Certificate, is_issuer: bool) -> Option<Reason> {
    if certificate.version() != 3 {
        return Some(Reason::OldVersion(certificate.version()));
    }
    let authority = certificate.extensions().authority;
    let issuing = match authority.is_some_and(|authority| authority.is_ca) {
        _ if !is_issuer => Ok(()),
        true => may_issue(certificate, 0),
        false => Err(Reason::NotAnAuthority),
    };
    understood(certificate).and(issuing).err()
}

/// What will be refused about an anchor at any time.
pub(super) fn anchor_flaw(anchor: &Certificate) -> Option<Reason> {
    understood(anchor).err()
}

fn sent(certificate: &Certificate, purpose: Purpose, now: WallTime) -> Result<(), Reason> {
    if certificate.version() != 3 {
        return Err(Reason::OldVersion(certificate.version()));
    }
    in_force(certificate, now)?;
    extended_key_usage(certificate, purpose)
}

fn extended_key_usage(certificate: &Certificate, purpose: Purpose) -> Result<(), Reason> {
    let purposes = certificate.extensions().purposes;
    let allowed = purposes.is_none_or(|purposes| match purpose {
        Purpose::Client => purposes.client,
        Purpose::Server => purposes.server,
    });
    if allowed {
        Ok(())
    } else {
        Err(Reason::WrongPurpose(purpose))
    }
}

fn key_usage(leaf: &Certificate, purpose: Purpose) -> Result<(), Reason> {
    let usage = leaf.extensions().key_usage;
    if usage.is_none_or(|usage| usage.allows_handshake(purpose)) {
        Ok(())
    } else {
        Err(Reason::WrongKeyUsage(purpose))
    }
}

fn understood(certificate: &Certificate) -> Result<(), Reason> {
    match &certificate.extensions().critical {
        Some(Critical::Unknown(oid)) => Err(Reason::UnknownCritical(oid.clone())),
        Some(Critical::Forbidden(name)) => Err(Reason::ForbiddenCritical(name)),
        None => Ok(()),
    }
}

fn in_force(certificate: &Certificate, now: WallTime) -> Result<(), Reason> {
    understood(certificate)?;
    let (not_before, not_after) = (certificate.not_before(), certificate.not_after());
    if now < not_before {
        return Err(Reason::NotYetValid { not_before });
    }
    if not_after < now {
        return Err(Reason::Expired { not_after });
    }
    Ok(())
}

fn may_issue(issuer: &Certificate, below: u32) -> Result<(), Reason> {
    let extensions = issuer.extensions();
    if !extensions
        .key_usage
        .is_none_or(KeyUsage::allows_certificate_signing)
    {
        return Err(Reason::MayNotSign);
    }
    let limit = extensions.authority.and_then(|authority| authority.below);
    match limit {
        Some(limit) if limit < below => Err(Reason::TooManyBelow { limit }),
        _ => Ok(()),
    }
}
