//! [`RequestFacts`]: what a certificate request asks for, in words for people.

use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::extensions::{ExtendedKeyUsage, KeyUsage, ParsedExtension};
use x509_parser::prelude::FromDer as _;

use super::uses::{Uses, uses_of};
use super::{AlternativeName, KeyKind, alternative_name, key_kind};
use crate::certs::der::{self, NotDer, Reader};
use crate::certs::digest::sha256;
use crate::certs::name::rfc4514;
use crate::certs::signature;

/// The bytes are no certificate request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it is not a certificate request")]
pub struct NotARequest;

/// What a request asks for. Every text is escaped and may be printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestFacts {
    /// The subject, most specific part first.
    pub subject: String,
    /// The subject as a whole `Name` in DER.
    pub subject_der: Vec<u8>,
    /// The alternative names.
    pub alternative_names: Vec<AlternativeName>,
    /// The purposes.
    pub uses: Uses,
    /// The public key.
    pub key: KeyKind,
    /// The public key with its algorithm, a whole `SubjectPublicKeyInfo` in DER.
    pub spki_der: Vec<u8>,
    /// SHA-256 of the public key with its algorithm.
    pub spki: [u8; 32],
    /// Whether whoever made it has the key.
    pub signature_holds: bool,
}

impl RequestFacts {
    /// Reads the facts from DER bytes.
    pub fn of(der: &[u8]) -> Result<Self, NotARequest> {
        let Ok((b"", request)) = X509CertificationRequest::from_der(der) else {
            return Err(NotARequest);
        };
        let info = &request.certification_request_info;
        let mut names = Vec::new();
        let mut key_usage: Option<&KeyUsage> = None;
        let mut purposes: Option<&ExtendedKeyUsage<'_>> = None;
        for extension in request.requested_extensions().into_iter().flatten() {
            if let ParsedExtension::SubjectAlternativeName(all) = extension {
                names.extend(all.general_names.iter().map(alternative_name));
            } else if let ParsedExtension::KeyUsage(usage) = extension {
                key_usage = Some(usage);
            } else if let ParsedExtension::ExtendedKeyUsage(own) = extension {
                purposes = Some(own);
            }
        }
        Ok(Self {
            subject: rfc4514(&info.subject),
            subject_der: info.subject.as_raw().to_vec(),
            alternative_names: names,
            uses: uses_of(key_usage, purposes),
            key: key_kind(&info.subject_pki),
            spki_der: info.subject_pki.raw.to_vec(),
            spki: sha256(info.subject_pki.raw),
            signature_holds: holds(der, info.subject_pki.raw).unwrap_or(false),
        })
    }
}

/// Whether the key that is asked about made the signature.
fn holds(request: &[u8], spki: &[u8]) -> Result<bool, NotDer> {
    let mut parts = Reader::new(Reader::single(request, der::SEQUENCE)?);
    let message = parts.whole(der::SEQUENCE)?;
    let algorithm = parts.contents(der::SEQUENCE)?;
    let signed = parts.bytes_in_bits()?;
    parts.end()?;
    Ok(signature::verify(spki, algorithm, message, signed).is_ok())
}
