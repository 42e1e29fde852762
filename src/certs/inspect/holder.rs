//! Who the holder of a certificate is, once a verifier has accepted it.

use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;

use super::claims::unfit;
use super::{NotACertificate, UnfitName};
use crate::certs::digest::sha256;
use crate::certs::name::{hex, rfc4514};
use crate::model::{Fingerprint, Principal};

/// Why a certificate tells nobody who its holder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoHolder {
    /// It cannot be read.
    NotACertificate,
    /// Two readers may read its names in two ways.
    Unfit(UnfitName),
}

/// Who the holder is, for log lines and rules. Only for a leaf that a verifier has accepted.
///
/// It is on the way of a handshake, so it reads the certificate once and nothing that is not said.
pub fn holder(der: &[u8]) -> Result<Principal, NoHolder> {
    let Ok((b"", certificate)) = X509Certificate::from_der(der) else {
        return Err(NotACertificate.into());
    };
    if let Some(name) = unfit(&certificate) {
        return Err(NoHolder::Unfit(name));
    }
    Ok(Principal {
        subject: rfc4514(certificate.subject()),
        issuer: rfc4514(certificate.issuer()),
        serial: hex(certificate.raw_serial()),
        fingerprint: Fingerprint(sha256(der)),
    })
}

impl From<NotACertificate> for NoHolder {
    fn from(NotACertificate: NotACertificate) -> Self {
        Self::NotACertificate
    }
}
