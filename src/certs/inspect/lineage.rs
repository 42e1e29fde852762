//! Who issued whom, beyond names: by the identifiers of keys, and by the signature itself.

use rustls::pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;

use super::CertificateFacts;
use crate::certs::path::Certificate;

impl CertificateFacts {
    /// Whether the certificate vouches for itself alone: one name, and one key as far as it says.
    ///
    /// An authority that changes its key issues a certificate to its new key under the old one. It
    /// has one name and two keys, is no root, and is what peers need that know the old root only.
    pub fn is_root(&self) -> bool {
        self.self_issued && (self.issuer_key_id.is_none() || self.issuer_key_id == self.key_id)
    }

    /// Whether `issuer` has the key that this certificate says it was signed with; `None` where
    /// one of the two does not say.
    pub fn names_key_of(&self, issuer: &Self) -> Option<bool> {
        let (named, own) = self.issuer_key_id.as_ref().zip(issuer.key_id.as_ref())?;
        Some(named == own)
    }
}

/// Whether the key of `issuer` made the signature of a certificate.
///
/// `false` also where that cannot be told, as for algorithms that are not served any more.
pub fn is_signed_by(certificate: &CertificateDer<'_>, issuer: &CertificateDer<'_>) -> bool {
    let Ok(certificate) = Certificate::read(certificate) else {
        return false;
    };
    let issuer = Certificate::read(issuer);
    issuer.is_ok_and(|issuer| certificate.check_signature(issuer.spki()).is_ok())
}

/// The identifier of the certificate's own key.
pub(super) fn key_id(certificate: &X509Certificate<'_>) -> Option<Vec<u8>> {
    certificate.iter_extensions().find_map(|extension| {
        let ParsedExtension::SubjectKeyIdentifier(id) = extension.parsed_extension() else {
            return None;
        };
        Some(id.0.to_vec())
    })
}

/// The identifier of the key that it was signed with.
pub(super) fn issuer_key_id(certificate: &X509Certificate<'_>) -> Option<Vec<u8>> {
    certificate.iter_extensions().find_map(|extension| {
        let ParsedExtension::AuthorityKeyIdentifier(named) = extension.parsed_extension() else {
            return None;
        };
        named.key_identifier.as_ref().map(|id| id.0.to_vec())
    })
}
