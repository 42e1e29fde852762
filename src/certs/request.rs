//! [`write_request`]: a certificate request (PKCS#10) for a key that is at hand.
//!
//! The subject is written as it is given, byte by byte where it comes from an existing certificate: an
//! authority that compares it with the former one finds the same, and so does SAP.

use std::net::IpAddr;

use rustls::crypto::KeyProvider;
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::{Signer, SigningKey};
use rustls::{SignatureAlgorithm, SignatureScheme};

use crate::certs::der;
use crate::certs::inspect::AlternativeName;
use crate::model::{WrittenAttribute, WrittenValue};

/// What a new certificate shall say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestSpec {
    /// The subject, a whole `Name` in DER.
    pub subject: Vec<u8>,
    /// The alternative names, whole `GeneralNames` in DER; `None` asks for none.
    pub alternative_names: Option<Vec<u8>>,
}

/// Why there is no request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The key is of a kind that certificates here are not made for.
    #[error("the private key is of a kind that no certificate request is made for")]
    KeyKind,
    /// The key refuses to sign.
    #[error("the private key could not sign the request")]
    Signing,
}

/// Makes a request for both roles: a gateway shows one certificate as server and as client.
pub fn write_request(
    spec: &RequestSpec,
    key: &PrivateKeyDer<'_>,
    keys: &dyn KeyProvider,
) -> Result<Vec<u8>, RequestError> {
    let key = keys
        .load_private_key(key.clone_key())
        .map_err(|_detail| RequestError::KeyKind)?;
    signed(spec, key.as_ref())
}

fn signed(spec: &RequestSpec, key: &dyn SigningKey) -> Result<Vec<u8>, RequestError> {
    let spki = key.public_key().ok_or(RequestError::KeyKind)?;
    let (signer, algorithm) = scheme_of(key).ok_or(RequestError::KeyKind)?;
    let extensions = extensions(spec, key.algorithm() == SignatureAlgorithm::RSA);
    let asked = der::element(der::SET, &extensions);
    let attribute = der::sequence(&[&der::element(der::OID, EXTENSION_REQUEST), &asked]);
    let message = der::sequence(&[
        &der::element(der::INTEGER, &[0]),
        &spec.subject,
        &spki,
        &der::element(ATTRIBUTES, &attribute),
    ]);
    let signature = signer
        .sign(&message)
        .map_err(|_detail| RequestError::Signing)?;
    let bits = der::element(der::BIT_STRING, &[&[0], &signature[..]].concat());
    Ok(der::sequence(&[&message, algorithm, &bits]))
}

/// What signs, and a whole `AlgorithmIdentifier` that says how.
pub(in crate::certs) type Scheme = (Box<dyn Signer>, &'static [u8]);

/// How a key signs requests and certificates, if it is of a kind that every peer knows.
pub(in crate::certs) fn scheme_of(key: &dyn SigningKey) -> Option<Scheme> {
    SCHEMES.iter().find_map(|(scheme, algorithm)| {
        let signer = key.choose_scheme(std::slice::from_ref(scheme))?;
        Some((signer, *algorithm))
    })
}

/// The extensions that are asked for.
fn extensions(spec: &RequestSpec, is_rsa: bool) -> Vec<u8> {
    let names = spec.alternative_names.as_ref();
    let names = names.map_or_else(Vec::new, |names| extension(ALTERNATIVE_NAMES, false, names));
    let purposes = purposes(&[SERVER_AUTH, CLIENT_AUTH]);
    der::sequence(&[&names, &key_usage(is_rsa), &purposes])
}

/// One extension with what is in it.
pub(in crate::certs) fn extension(oid: &[u8], is_critical: bool, value: &[u8]) -> Vec<u8> {
    let oid = der::element(der::OID, oid);
    let critical = if is_critical {
        der::element(der::BOOLEAN, &[0xff])
    } else {
        Vec::new()
    };
    der::sequence(&[&oid, &critical, &der::element(der::OCTET_STRING, value)])
}

/// The key usage of a host or a client: digitalSignature, and with RSA keyEncipherment, which older
/// peers look for.
pub(in crate::certs) fn key_usage(is_rsa: bool) -> Vec<u8> {
    let usage: &[u8] = if is_rsa { &[5, 0xa0] } else { &[7, 0x80] };
    extension(KEY_USAGE, true, &der::element(der::BIT_STRING, usage))
}

/// The purposes of a certificate.
pub(in crate::certs) fn purposes(all: &[&[u8]]) -> Vec<u8> {
    let each: Vec<u8> = all
        .iter()
        .flat_map(|oid| der::element(der::OID, oid))
        .collect();
    extension(
        EXTENDED_KEY_USAGE,
        false,
        &der::element(der::SEQUENCE, &each),
    )
}

/// A name in DER, of its parts as they are written: the most specific one first.
pub fn name_der(parts: &[Vec<WrittenAttribute>]) -> Vec<u8> {
    let sets = parts.iter().rev().map(|part| {
        let mut attributes: Vec<Vec<u8>> = part.iter().map(attribute_der).collect();
        attributes.sort_unstable();
        der::element(der::SET, &attributes.concat())
    });
    der::element(der::SEQUENCE, &sets.collect::<Vec<_>>().concat())
}

fn attribute_der(attribute: &WrittenAttribute) -> Vec<u8> {
    let value = match &attribute.value {
        WrittenValue::Encoded(bytes) => bytes.clone(),
        WrittenValue::Text(text) => {
            let is_of_the_net = [DOMAIN_COMPONENT, EMAIL].contains(&attribute.oid.as_slice());
            let tag = if is_of_the_net && text.is_ascii() {
                IA5_STRING
            } else if text.bytes().all(is_printable) {
                PRINTABLE_STRING
            } else {
                UTF8_STRING
            };
            der::element(tag, text.as_bytes())
        }
    };
    der::sequence(&[&der::element(der::OID, &attribute.oid), &value])
}

fn is_printable(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(&byte)
}

/// Alternative names in DER; `None` where there is none that could be written.
pub fn alternative_names_der(names: &[AlternativeName]) -> Option<Vec<u8>> {
    let each = names.iter().filter_map(|name| match name {
        AlternativeName::Dns(host) => Some(der::element(DNS, host.as_bytes())),
        AlternativeName::Email(address) => Some(der::element(RFC822, address.as_bytes())),
        AlternativeName::Uri(uri) => Some(der::element(URI, uri.as_bytes())),
        AlternativeName::Ip(IpAddr::V4(address)) => Some(der::element(ADDRESS, &address.octets())),
        AlternativeName::Ip(IpAddr::V6(address)) => Some(der::element(ADDRESS, &address.octets())),
        AlternativeName::Other(_) => None,
    });
    let each: Vec<Vec<u8>> = each.collect();
    (!each.is_empty()).then(|| der::element(der::SEQUENCE, &each.concat()))
}

/// The signatures that requests carry, the one of each kind of key that every authority knows.
const SCHEMES: [(SignatureScheme, &[u8]); 5] = [
    (
        SignatureScheme::RSA_PKCS1_SHA256,
        &[
            0x30, 0x0d, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11, 5, 0,
        ],
    ),
    (
        SignatureScheme::ECDSA_NISTP256_SHA256,
        &[0x30, 0x0a, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2],
    ),
    (
        SignatureScheme::ECDSA_NISTP384_SHA384,
        &[0x30, 0x0a, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3],
    ),
    (
        SignatureScheme::ECDSA_NISTP521_SHA512,
        &[0x30, 0x0a, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 4],
    ),
    (SignatureScheme::ED25519, &[0x30, 5, 6, 3, 0x2b, 0x65, 0x70]),
];

/// 1.2.840.113549.1.9.14.
const EXTENSION_REQUEST: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 14];
/// 2.5.29.15.
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 15];
/// 2.5.29.17.
pub(in crate::certs) const ALTERNATIVE_NAMES: &[u8] = &[0x55, 0x1d, 17];
/// 2.5.29.37.
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 37];
/// 1.3.6.1.5.5.7.3.1.
pub(in crate::certs) const SERVER_AUTH: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 1];
/// 1.3.6.1.5.5.7.3.2.
pub(in crate::certs) const CLIENT_AUTH: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 2];
/// 0.9.2342.19200300.100.1.25.
const DOMAIN_COMPONENT: &[u8] = &[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 25];
/// 1.2.840.113549.1.9.1.
const EMAIL: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1];

const ATTRIBUTES: u8 = 0xa0;
const UTF8_STRING: u8 = 0x0c;
const PRINTABLE_STRING: u8 = 0x13;
const IA5_STRING: u8 = 0x16;
const RFC822: u8 = 0x81;
const DNS: u8 = 0x82;
const URI: u8 = 0x86;
const ADDRESS: u8 = 0x87;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certs::inspect::RequestFacts;
    use crate::certs::issue::{KeyChoice, fresh_key};
    use crate::model::written_name;

    fn request(kind: KeyChoice, subject: &str, names: &[AlternativeName]) -> RequestFacts {
        let key = fresh_key(kind).expect("a key");
        let provider = rustls::ServerConfig::builder()
            .crypto_provider()
            .key_provider;
        let der = rustls::pki_types::PrivatePkcs8KeyDer::from(key.der);
        let spec = RequestSpec {
            subject: name_der(&written_name(subject).expect("a name")),
            alternative_names: alternative_names_der(names),
        };
        let request = write_request(&spec, &der.into(), provider).expect("a request");
        RequestFacts::of(&request).expect("read back")
    }

    #[test]
    fn a_request_says_what_was_asked_for_and_is_signed_by_its_key() {
        let names = [
            AlternativeName::Dns("gw.example.com".to_owned()),
            AlternativeName::Ip([10, 0, 0, 5].into()),
            AlternativeName::Uri("urn:x".to_owned()),
            AlternativeName::Email("it@example.com".to_owned()),
        ];
        for kind in [KeyChoice::P256, KeyChoice::Rsa2048] {
            let subject = "CN=gw.example.com,OU=B+OU=A,OU=IT,O=Müller \\, Söhne,DC=example,C=CH";
            let facts = request(kind, subject, &names);
            assert!(facts.signature_holds);
            assert_eq!(
                facts.subject,
                "CN=gw.example.com,OU=A+OU=B,OU=IT,O=Müller \\, Söhne,DC=example,C=CH"
            );
            assert_eq!(facts.alternative_names, names);
            let purposes = facts.uses.purposes.expect("purposes");
            assert_eq!(purposes, ["serverAuth", "clientAuth"]);
            let usage = facts.uses.key_usage.expect("usage");
            let with_rsa = ["digitalSignature", "keyEncipherment"];
            let is_rsa = kind == KeyChoice::Rsa2048;
            assert_eq!(usage, with_rsa[..=usize::from(is_rsa)]);
        }
    }

    #[test]
    fn a_request_for_no_names_asks_for_none() {
        let facts = request(KeyChoice::P256, "CN=x", &[]);
        assert_eq!(facts.alternative_names, []);
    }

    #[test]
    fn why_there_is_no_request_is_said() {
        assert_eq!(
            RequestError::KeyKind.to_string(),
            "the private key is of a kind that no certificate request is made for"
        );
        assert_eq!(
            RequestError::Signing.to_string(),
            "the private key could not sign the request"
        );
    }
}
