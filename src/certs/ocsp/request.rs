//! [`CertId`]: which certificate is asked about.

use crate::certs::der::{self, Reader};
use crate::certs::digest::sha1_for_names;
use crate::certs::path::Certificate;

/// Names a certificate to the responder of its issuer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CertId {
    issuer_name: [u8; 20],
    issuer_key: [u8; 20],
    serial: Vec<u8>,
}

impl CertId {
    /// The id of a certificate whose issuer has this key, a whole `SubjectPublicKeyInfo`. `None` if
    /// the key cannot be read.
    pub fn of(certificate: &Certificate, spki: &[u8]) -> Option<Self> {
        Some(Self {
            issuer_name: sha1_for_names(certificate.issuer()),
            issuer_key: sha1_for_names(key_bits(spki)?),
            serial: certificate.serial().to_vec(),
        })
    }

    /// The question about this one certificate, without a nonce (RFC 5019): most responders sign
    /// their answers beforehand, and the answer's own dates say whether it is new enough.
    pub fn request(&self) -> Vec<u8> {
        let request = der::sequence(&[&self.encoded()]);
        let list = der::sequence(&[&request]);
        let to_be_signed = der::sequence(&[&list]);
        der::sequence(&[&to_be_signed])
    }

    /// Whether an answer is about this certificate.
    pub(super) fn is(&self, mut id: Reader<'_>) -> Result<bool, der::NotDer> {
        let mut algorithm = Reader::new(id.contents(der::SEQUENCE)?);
        let is_sha1 = algorithm.contents(der::OID)? == SHA1;
        let name = id.contents(der::OCTET_STRING)?;
        let key = id.contents(der::OCTET_STRING)?;
        let serial = der::integer(id.contents(der::INTEGER)?)?;
        id.end()?;
        Ok(is_sha1 && name == self.issuer_name && key == self.issuer_key && serial == self.serial)
    }

    /// As it stands in questions and answers.
    pub(super) fn encoded(&self) -> Vec<u8> {
        let algorithm = der::sequence(&[&der::element(der::OID, SHA1), &[0x05, 0x00]]);
        der::sequence(&[
            &algorithm,
            &der::element(der::OCTET_STRING, &self.issuer_name),
            &der::element(der::OCTET_STRING, &self.issuer_key),
            &der::element(der::INTEGER, &self.serial),
        ])
    }

    /// Whether a hash is that of the issuer's key.
    pub(super) fn is_issuer_key(&self, hash: &[u8]) -> bool {
        self.issuer_key == hash
    }
}

/// The key itself, without its algorithm, which is what names it.
pub(super) fn key_bits(spki: &[u8]) -> Option<&[u8]> {
    let mut reader = Reader::new(Reader::single(spki, der::SEQUENCE).ok()?);
    reader.contents(der::SEQUENCE).ok()?;
    reader.bytes_in_bits().ok()
}

/// 1.3.14.3.2.26. Responders understand no other algorithm for certain, and it only tells
/// certificates apart; what is believed rests on the signature.
const SHA1: &[u8] = &[0x2b, 0x0e, 0x03, 0x02, 0x1a];
