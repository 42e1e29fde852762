//! The fingerprints of a certificate in all the ways in which it can be written.
//!
//! An ECDSA signature does not cover itself: where `(r, s)` holds, `(r, n - s)` holds as well, with `n`
//! the order of the curve. So anybody can write a certificate in another way that is as good as the
//! first, and a rule that names it by its fingerprint has to mean both.

use crate::certs::der::{self, NotDer, Reader};
use crate::certs::digest::sha256;
use crate::model::Fingerprint;

/// The fingerprint of a certificate, and those of its other writings.
pub(super) fn fingerprints(certificate: &[u8]) -> Vec<Fingerprint> {
    let mut all = vec![Fingerprint(sha256(certificate))];
    // Which curve the issuer's key is on does not stand in here; the wrong ones make fingerprints
    // that nobody has.
    for order in ORDERS {
        if let Ok(other) = other_writing(certificate, order) {
            all.push(Fingerprint(sha256(&other)));
        }
    }
    all
}

/// The same certificate with the other signature that holds on a curve of this order.
fn other_writing(certificate: &[u8], order: &[u8]) -> Result<Vec<u8>, NotDer> {
    let mut parts = Reader::new(Reader::single(certificate, der::SEQUENCE)?);
    let signed = parts.whole(der::SEQUENCE)?;
    let algorithm = parts.whole(der::SEQUENCE)?;
    let signature = parts.bytes_in_bits()?;
    let mut numbers = Reader::new(Reader::single(signature, der::SEQUENCE)?);
    let r = numbers.whole(der::INTEGER)?;
    let s = numbers.contents(der::INTEGER)?;
    numbers.end()?;
    let other = difference(order, s).ok_or(NotDer)?;
    let signature = der::sequence(&[r, &der::element(der::INTEGER, &other)]);
    let bits = der::element(der::BIT_STRING, &[&[0], &signature[..]].concat());
    Ok(der::sequence(&[signed, algorithm, &bits]))
}

/// `a - b` as the contents of an integer; `None` if that is not positive.
fn difference(a: &[u8], b: &[u8]) -> Option<Vec<u8>> {
    let significant = b.iter().skip_while(|byte| **byte == 0).count();
    if significant > a.len() {
        return None;
    }
    let b = b.iter().rev().copied().chain(std::iter::repeat(0));
    let mut borrowed = false;
    let mut digits = Vec::with_capacity(a.len());
    for (a, b) in a.iter().rev().zip(b) {
        let (once, first) = a.overflowing_sub(b);
        let (digit, second) = once.overflowing_sub(u8::from(borrowed));
        borrowed = first || second;
        digits.push(digit);
    }
    while digits.last() == Some(&0) {
        digits.pop();
    }
    let top = digits.last().copied().filter(|_| !borrowed)?;
    // A leading one would mean a negative number.
    if top >= 0x80 {
        digits.push(0);
    }
    digits.reverse();
    Some(digits)
}

/// The orders of P-256, P-384 and P-521 (FIPS 186).
const ORDERS: [&[u8]; 3] = [
    &[
        0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63,
        0x25, 0x51,
    ],
    &[
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xc7, 0x63, 0x4d, 0x81, 0xf4, 0x37,
        0x2d, 0xdf, 0x58, 0x1a, 0x0d, 0xb2, 0x48, 0xb0, 0xa7, 0x7a, 0xec, 0xec, 0x19, 0x6a, 0xcc,
        0xc5, 0x29, 0x73,
    ],
    &[
        0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xfa, 0x51, 0x86, 0x87, 0x83, 0xbf, 0x2f, 0x96, 0x6b, 0x7f, 0xcc, 0x01,
        0x48, 0xf7, 0x09, 0xa5, 0xd0, 0x3b, 0xb5, 0xc9, 0xb8, 0x89, 0x9c, 0x47, 0xae, 0xbb, 0x6f,
        0xb7, 0x1e, 0x91, 0x38, 0x64, 0x09,
    ],
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rcgen::{CertificateParams, Issuer, KeyPair, SignatureAlgorithm};
    use rustls::pki_types::CertificateDer;

    use super::*;
    use crate::certs::inspect::Claims;
    use crate::certs::path::Certificate;
    use crate::config::settings::Term;

    /// A certificate that a key of this kind has signed, and that key.
    fn signed(kind: &'static SignatureAlgorithm) -> (Vec<u8>, Certificate) {
        let key = || KeyPair::generate_for(kind).expect("a key");
        let params = || CertificateParams::new(vec!["x.example".to_owned()]).expect("a name");
        let own = key();
        let authority = params().self_signed(&own).expect("an authority");
        let issuer = Issuer::new(params(), own);
        let leaf = params().signed_by(&key(), &issuer).expect("issued");
        let authority = Certificate::read(authority.der()).expect("a certificate");
        (leaf.der().to_vec(), authority)
    }

    #[test]
    fn a_certificate_in_its_other_writing_is_as_good_and_meets_the_same_rule() {
        for (kind, order) in [
            (&rcgen::PKCS_ECDSA_P256_SHA256, ORDERS[0]),
            (&rcgen::PKCS_ECDSA_P384_SHA384, ORDERS[1]),
        ] {
            let (first, authority) = signed(kind);
            let other = other_writing(&first, order).expect("another writing");
            assert_ne!(first, other);
            let read = Certificate::read(&CertificateDer::from(other.as_slice()));
            let held = read
                .expect("as well formed")
                .check_signature(authority.spki());
            assert_eq!(held, Ok(()), "it is as good");
            let named = Term::Certificate(Fingerprint(sha256(&first)));
            for shown in [&first, &other] {
                assert!(Claims::of(shown).expect("a certificate").meet(&named));
            }
            let (stranger, _) = signed(kind);
            assert!(!Claims::of(&stranger).expect("a certificate").meet(&named));
            let back = other_writing(&other, order).expect("another writing");
            assert_eq!(back, first);
        }
    }

    #[test]
    fn a_certificate_that_is_signed_otherwise_has_one_writing() {
        let (der, _) = signed(&rcgen::PKCS_ED25519);
        assert_eq!(fingerprints(&der), [Fingerprint(sha256(&der))]);
    }

    proptest! {
        #[test]
        fn a_difference_is_that_of_the_numbers(a in any::<u128>(), b in any::<u128>()) {
            let found = difference(&a.to_be_bytes(), &b.to_be_bytes());
            let expected = a.checked_sub(b).filter(|rest| *rest > 0);
            let found = found.map(|bytes| {
                bytes.iter().fold(0, |sum: u128, byte| sum << 8 | u128::from(*byte))
            });
            prop_assert_eq!(found, expected);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            prop_assert!(!fingerprints(&bytes).is_empty());
        }
    }
}
