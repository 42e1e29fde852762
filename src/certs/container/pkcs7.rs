//! PKCS#7 as authorities use it: a bag of certificates and lists that nobody has signed (RFC 2315).

use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};

use crate::certs::der::{self, NotDer, Reader};

/// What is in such a bag.
#[derive(Debug, Default)]
pub(super) struct Held {
    pub(super) certificates: Vec<CertificateDer<'static>>,
    pub(super) lists: Vec<CertificateRevocationListDer<'static>>,
}

/// Reads a bag. Whether somebody has signed it does not matter: each certificate speaks for itself.
pub(super) fn read_pkcs7(bytes: &[u8]) -> Result<Held, NotDer> {
    let mut outer = Reader::new(Reader::single(bytes, der::SEQUENCE)?);
    if outer.contents(der::OID)? != SIGNED_DATA {
        return Err(NotDer);
    }
    let mut signed = Reader::new(Reader::single(outer.contents(EXPLICIT_0)?, der::SEQUENCE)?);
    signed.contents(der::INTEGER)?;
    signed.contents(der::SET)?;
    signed.contents(der::SEQUENCE)?;
    let mut held = Held::default();
    if let Some(all) = signed.optional(EXPLICIT_0)? {
        for certificate in each(all)? {
            held.certificates.push(certificate.to_vec().into());
        }
    }
    if let Some(all) = signed.optional(EXPLICIT_1)? {
        for list in each(all)? {
            held.lists.push(list.to_vec().into());
        }
    }
    Ok(held)
}

/// The sequences one after the other; other kinds of certificates are passed over.
fn each(all: &[u8]) -> Result<Vec<&[u8]>, NotDer> {
    let mut reader = Reader::new(all);
    let mut found = Vec::new();
    while !reader.is_at_end() {
        let element = reader.element()?;
        if element.tag == der::SEQUENCE {
            found.push(element.whole);
        }
    }
    Ok(found)
}

/// Writes certificates as a bag, in the order in which they are given.
pub fn write_pkcs7(certificates: &[CertificateDer<'_>]) -> Vec<u8> {
    let all: Vec<u8> = certificates.iter().flat_map(|der| der.to_vec()).collect();
    let data = der::sequence(&[&der::element(der::OID, DATA)]);
    let nothing = der::element(der::SET, &[]);
    let signed = der::sequence(&[
        &der::element(der::INTEGER, &[1]),
        &nothing,
        &data,
        &der::element(EXPLICIT_0, &all),
        &nothing,
    ]);
    der::sequence(&[
        &der::element(der::OID, SIGNED_DATA),
        &der::element(EXPLICIT_0, &signed),
    ])
}

/// 1.2.840.113549.1.7.1.
const DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1];

/// 1.2.840.113549.1.7.2.
const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2];

const EXPLICIT_0: u8 = 0xa0;
const EXPLICIT_1: u8 = 0xa1;
