//! Whether a key made a signature, for certificates and revocation lists alike.
//!
//! The algorithms are those of rustls-webpki, and this is the only place that asks them. SHA-1, MD5,
//! DSA and RSA keys of less than 2048 bits are not among them.

use rustls::pki_types::SignatureVerificationAlgorithm;

use crate::certs::der::{self, NotDer, Reader};

/// Why a signature proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureDefect {
    /// The algorithm is not served, or not for a key of this kind.
    #[error("it is signed with an algorithm that is not accepted")]
    UnsupportedAlgorithm,
    /// The key is too short for anything it signs to be believed.
    #[error("it is signed with an RSA key of {bits} bits, and 2048 are the least")]
    ShortKey {
        /// The length of the key.
        bits: usize,
    },
    /// The key did not make this signature.
    #[error("its signature does not fit the key of its issuer")]
    Wrong,
}

/// Why nothing that a key signs can be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyDefect {
    /// No algorithm is served for it.
    #[error("its key is of a kind that is not accepted")]
    UnsupportedKind,
    /// It is an RSA key, and too short.
    #[error("its RSA key has {bits} bits, and 2048 are the least")]
    Short {
        /// Its length.
        bits: usize,
    },
}

/// Judges a key, a whole `SubjectPublicKeyInfo` with its header, before it has signed anything.
pub(crate) fn judge_key(spki: &[u8]) -> Result<(), KeyDefect> {
    let key = Key::read(spki).map_err(|NotDer| KeyDefect::UnsupportedKind)?;
    let mut served = webpki::ALL_VERIFICATION_ALGS.iter();
    if !served.any(|served| served.public_key_alg_id().as_ref() == key.algorithm) {
        return Err(KeyDefect::UnsupportedKind);
    }
    match key.rsa_bits() {
        Some(bits) if bits < MIN_RSA_BITS => Err(KeyDefect::Short { bits }),
        _ => Ok(()),
    }
}

/// Checks a signature.
///
/// `spki` is a whole `SubjectPublicKeyInfo` with its header. `algorithm` is what is *in* an
/// `AlgorithmIdentifier`, without the header of that sequence: object identifier and parameters.
/// `message` is what was signed, with its header. `signature` is what is in the bit string, without
/// the count of unused bits.
pub(crate) fn verify(
    spki: &[u8],
    algorithm: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Result<(), SignatureDefect> {
    let Ok(key) = Key::read(spki) else {
        return Err(SignatureDefect::UnsupportedAlgorithm);
    };
    // One algorithm of a signature may be listed for several kinds of key.
    let fitting = |served: &&&dyn SignatureVerificationAlgorithm| {
        served.signature_alg_id().as_ref() == algorithm
            && served.public_key_alg_id().as_ref() == key.algorithm
    };
    let served = webpki::ALL_VERIFICATION_ALGS.iter().find(fitting);
    let served = served.ok_or(SignatureDefect::UnsupportedAlgorithm)?;
    let verdict = served.verify_signature(key.bits, message, signature);
    verdict.map_err(|_invalid| match key.rsa_bits() {
        Some(bits) if bits < MIN_RSA_BITS => SignatureDefect::ShortKey { bits },
        _ => SignatureDefect::Wrong,
    })
}

/// A public key taken apart.
struct Key<'a> {
    algorithm: &'a [u8],
    bits: &'a [u8],
}

impl<'a> Key<'a> {
    fn read(spki: &'a [u8]) -> Result<Self, NotDer> {
        let mut reader = Reader::new(Reader::single(spki, der::SEQUENCE)?);
        let algorithm = reader.contents(der::SEQUENCE)?;
        let bits = reader.bytes_in_bits()?;
        reader.end()?;
        Ok(Self { algorithm, bits })
    }

    /// The length of the modulus; `None` for any other kind of key.
    fn rsa_bits(&self) -> Option<usize> {
        if !self.algorithm.starts_with(RSA_ENCRYPTION) {
            return None;
        }
        let mut numbers = Reader::new(Reader::single(self.bits, der::SEQUENCE).ok()?);
        let modulus = numbers.contents(der::INTEGER).ok()?;
        let mut significant = modulus.iter().skip_while(|byte| **byte == 0);
        let first = significant.next()?.leading_zeros();
        let rest = significant.count().checked_mul(8)?;
        rest.checked_add(8)?
            .checked_sub(usize::try_from(first).ok()?)
    }
}

/// 1.2.840.113549.1.1.1, as it stands at the beginning of an RSA key.
const RSA_ENCRYPTION: &[u8] = &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];

/// What the library serves as the least.
const MIN_RSA_BITS: usize = 2048;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rustls::pki_types::pem::PemObject as _;
    use rustls::pki_types::{CertificateDer, TrustAnchor};

    use super::*;
    use crate::certs::testdata::{self, authority, leaf};

    /// Message, algorithm and signature of a certificate.
    fn signed(der: &[u8]) -> (&[u8], &[u8], &[u8]) {
        let mut parts = Reader::new(Reader::single(der, der::SEQUENCE).expect("DER"));
        let message = parts.whole(der::SEQUENCE).expect("what is signed");
        let algorithm = parts.contents(der::SEQUENCE).expect("an algorithm");
        (
            message,
            algorithm,
            parts.bytes_in_bits().expect("a signature"),
        )
    }

    fn spki_of(der: &CertificateDer<'_>) -> Vec<u8> {
        let anchor: TrustAnchor<'_> = webpki::anchor_from_trusted_cert(der).expect("a certificate");
        let bits = anchor.subject_public_key_info;
        // The library keeps what is in the sequence, without its header.
        let mut whole = vec![der::SEQUENCE];
        match u8::try_from(bits.len()) {
            Ok(short @ 0..0x80) => whole.push(short),
            Ok(longer) => whole.extend([0x81, longer]),
            Err(_) => {
                let length = u16::try_from(bits.len()).expect("short enough");
                whole.push(0x82);
                whole.extend(length.to_be_bytes());
            }
        }
        whole.extend(bits.as_ref());
        whole
    }

    fn pem(text: &str) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(text.as_bytes()).expect("PEM")
    }

    #[test]
    fn a_signature_holds_under_the_key_that_made_it_and_no_other() {
        let (ca, other) = (authority("CA"), authority("CA"));
        let issued = leaf(&ca, "gw.example").der;
        let (message, algorithm, signature) = signed(&issued);
        assert_eq!(
            verify(&spki_of(ca.der()), algorithm, message, signature),
            Ok(())
        );
        let defect = verify(&spki_of(other.der()), algorithm, message, signature);
        assert_eq!(defect, Err(SignatureDefect::Wrong));
        assert_eq!(
            SignatureDefect::Wrong.to_string(),
            "its signature does not fit the key of its issuer"
        );
    }

    #[test]
    fn sha_1_is_not_accepted() {
        let own = pem(testdata::SHA1_CERTIFICATE);
        let (message, algorithm, signature) = signed(&own);
        let defect = verify(&spki_of(&own), algorithm, message, signature);
        assert_eq!(defect, Err(SignatureDefect::UnsupportedAlgorithm));
        assert_eq!(
            SignatureDefect::UnsupportedAlgorithm.to_string(),
            "it is signed with an algorithm that is not accepted"
        );
    }

    #[test]
    fn a_short_rsa_key_is_told_from_a_wrong_signature() {
        let own = pem(testdata::RSA1024_CERTIFICATE);
        let (message, algorithm, signature) = signed(&own);
        let defect = verify(&spki_of(&own), algorithm, message, signature);
        let short = SignatureDefect::ShortKey { bits: 1024 };
        assert_eq!(defect, Err(short));
        assert_eq!(
            short.to_string(),
            "it is signed with an RSA key of 1024 bits, and 2048 are the least"
        );
    }

    #[test]
    fn a_key_is_judged_before_it_signs() {
        let issued = leaf(&authority("CA"), "gw.example").der;
        assert_eq!(judge_key(&spki_of(&issued)), Ok(()));
        let short = KeyDefect::Short { bits: 1024 };
        assert_eq!(
            judge_key(&spki_of(&pem(testdata::RSA1024_CERTIFICATE))),
            Err(short)
        );
        assert_eq!(
            short.to_string(),
            "its RSA key has 1024 bits, and 2048 are the least"
        );
        let mut unknown = spki_of(&issued);
        // Another curve, of which nobody has heard.
        let end = unknown
            .iter()
            .position(|byte| *byte == der::BIT_STRING)
            .expect("a key");
        unknown[end - 1] = 9;
        assert_eq!(judge_key(&unknown), Err(KeyDefect::UnsupportedKind));
        assert_eq!(
            KeyDefect::UnsupportedKind.to_string(),
            "its key is of a kind that is not accepted"
        );
    }

    #[test]
    fn a_key_of_another_kind_than_the_signature_is_not_accepted() {
        let rsa = spki_of(&pem(testdata::RSA1024_CERTIFICATE));
        let issued = leaf(&authority("CA"), "gw.example").der;
        let (message, algorithm, signature) = signed(&issued);
        let defect = verify(&rsa, algorithm, message, signature);
        assert_eq!(defect, Err(SignatureDefect::UnsupportedAlgorithm));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_check_panic(
            spki in proptest::collection::vec(any::<u8>(), 0..80),
            algorithm in proptest::collection::vec(any::<u8>(), 0..20),
        ) {
            prop_assert!(verify(&spki, &algorithm, b"m", b"s").is_err());
        }
    }
}
