//! [`CertificateFacts`]: what a certificate says, in words for people.
//!
//! Nothing here decides about trust: whether a chain is to be believed is decided in
//! [`crate::certs::path`], which reads certificates strictly and for itself.

mod claims;
mod holder;
mod lineage;
mod request;
mod uses;
mod writings;

use std::fmt;
use std::net::IpAddr;

use x509_parser::asn1_rs::Tag;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::oid_registry::OID_X509_EXT_SUBJECT_ALT_NAME;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

use crate::certs::der::SEQUENCE;
use crate::certs::digest::sha256;
pub use crate::certs::inspect::claims::{Claims, UnfitName, unfit_name};
pub use crate::certs::inspect::holder::{NoHolder, holder};
pub use crate::certs::inspect::lineage::is_signed_by;
pub use crate::certs::inspect::request::{NotARequest, RequestFacts};
pub use crate::certs::inspect::uses::Uses;
use crate::certs::name::{common_name, hex, rfc4514, rfc4514_of};
use crate::model::{Fingerprint, WallTime, dotted, printable_ascii};

/// The bytes are no X.509 certificate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it is not an X.509 certificate")]
pub struct NotACertificate;

/// A subject alternative name, escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlternativeName {
    /// A host name, perhaps with a wildcard.
    Dns(String),
    /// An IP address.
    Ip(IpAddr),
    /// A mail address.
    Email(String),
    /// A URI.
    Uri(String),
    /// Any other kind.
    Other(String),
}

impl fmt::Display for AlternativeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => write!(f, "DNS:{name}"),
            Self::Ip(addr) => write!(f, "IP:{addr}"),
            Self::Email(addr) => write!(f, "email:{addr}"),
            Self::Uri(uri) => write!(f, "URI:{uri}"),
            Self::Other(other) => write!(f, "other:{other}"),
        }
    }
}

/// The kind and size of a public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyKind {
    /// RSA, with the size of its modulus in bits.
    Rsa(usize),
    /// An elliptic curve, by its usual name.
    Ec(&'static str),
    /// Ed25519.
    Ed25519,
    /// Another algorithm, by its object identifier.
    Other(String),
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rsa(bits) => write!(f, "RSA {bits}"),
            Self::Ec(curve) => f.write_str(curve),
            Self::Ed25519 => f.write_str("Ed25519"),
            Self::Other(oid) => write!(f, "key algorithm {oid}"),
        }
    }
}

/// What a certificate says. Every text is escaped and may be printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFacts {
    /// The subject, most specific part first (RFC 4514); empty where there is none.
    pub subject: String,
    /// The issuer in the same form.
    pub issuer: String,
    /// The serial number in lower-case hexadecimal.
    pub serial: String,
    /// 1 or 3; 1 has no extensions and is refused as a leaf by rustls.
    pub version: u32,
    /// The subject alternative names.
    pub alternative_names: Vec<AlternativeName>,
    /// Whether there is an extension for them at all, be it empty or unreadable.
    pub has_alternative_names: bool,
    /// The basic constraints' CA flag; `None` where the extension is missing.
    pub ca: Option<bool>,
    /// Whether the key usage allows to sign certificates; `None` where the extension is missing.
    pub may_sign_certificates: Option<bool>,
    /// The first second of validity.
    pub not_before: WallTime,
    /// The last second of validity.
    pub not_after: WallTime,
    /// The public key.
    pub key: KeyKind,
    /// The algorithm the issuer signed with, by name where it is a usual one.
    pub signature: String,
    /// Whether that algorithm uses SHA-1 or MD5, which no current peer accepts.
    pub signature_is_weak: bool,
    /// SHA-256 of the certificate.
    pub fingerprint: Fingerprint,
    /// SHA-256 of the public key with its algorithm.
    pub spki: [u8; 32],
    /// Whether subject and issuer are the same name.
    pub self_issued: bool,
    common_name: Option<String>,
    subject_der: Vec<u8>,
    issuer_der: Vec<u8>,
    key_id: Option<Vec<u8>>,
    issuer_key_id: Option<Vec<u8>>,
}

impl CertificateFacts {
    /// Reads the facts from DER bytes.
    pub fn of(der: &[u8]) -> Result<Self, NotACertificate> {
        // The parser takes a tag of another class for a sequence, and nobody else does.
        if der.first() != Some(&SEQUENCE) {
            return Err(NotACertificate);
        }
        let (rest, certificate) =
            X509Certificate::from_der(der).map_err(|_parser_detail| NotACertificate)?;
        if !rest.is_empty() {
            return Err(NotACertificate);
        }
        let signature_oid = dotted(certificate.signature_algorithm.algorithm.as_bytes());
        let (signature, signature_is_weak) = signature_name(&signature_oid);
        let subject = certificate.subject();
        let issuer = certificate.issuer();
        Ok(Self {
            subject: rfc4514(subject),
            issuer: rfc4514(issuer),
            serial: hex(certificate.raw_serial()),
            version: certificate.version().0.saturating_add(1),
            alternative_names: alternative_names(&certificate),
            has_alternative_names: certificate
                .iter_extensions()
                .any(|extension| extension.oid == OID_X509_EXT_SUBJECT_ALT_NAME),
            ca: certificate
                .basic_constraints()
                .ok()
                .flatten()
                .map(|constraints| constraints.value.ca),
            may_sign_certificates: certificate
                .key_usage()
                .ok()
                .flatten()
                .map(|usage| usage.value.key_cert_sign()),
            not_before: WallTime(certificate.validity().not_before.timestamp()),
            not_after: WallTime(certificate.validity().not_after.timestamp()),
            key: key_kind(certificate.public_key()),
            signature,
            signature_is_weak,
            fingerprint: Fingerprint(sha256(der)),
            spki: sha256(certificate.public_key().raw),
            self_issued: subject.as_raw() == issuer.as_raw(),
            common_name: common_name(subject),
            subject_der: subject.as_raw().to_vec(),
            issuer_der: issuer.as_raw().to_vec(),
            key_id: lineage::key_id(&certificate),
            issuer_key_id: lineage::issuer_key_id(&certificate),
        })
    }

    /// The most specific common name of the subject, escaped.
    pub fn common_name(&self) -> Option<&str> {
        self.common_name.as_deref()
    }

    /// Whether `issuer` carries the name that this certificate says it was issued by.
    pub fn names_as_issuer(&self, issuer: &Self) -> bool {
        self.issuer_der == issuer.subject_der
    }

    /// The subject's DER bytes, for digests.
    pub fn subject_der(&self) -> &[u8] {
        &self.subject_der
    }

    /// The issuer's DER bytes, to find it by.
    pub fn issuer_der(&self) -> &[u8] {
        &self.issuer_der
    }

    /// The alternative names in one line.
    pub fn alternative_names_line(&self) -> String {
        let names: Vec<String> = self
            .alternative_names
            .iter()
            .map(ToString::to_string)
            .collect();
        names.join(", ")
    }
}

/// A name that is given in DER, most specific part first and escaped.
pub fn name_words(name: &[u8]) -> String {
    rfc4514_of(name)
}

fn alternative_names(certificate: &X509Certificate<'_>) -> Vec<AlternativeName> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else {
        return Vec::new();
    };
    let names = &extension.value.general_names;
    names.iter().map(alternative_name).collect()
}

fn alternative_name(name: &GeneralName<'_>) -> AlternativeName {
    match name {
        GeneralName::DNSName(name) => AlternativeName::Dns(printable_ascii(name.as_bytes())),
        GeneralName::RFC822Name(addr) => AlternativeName::Email(printable_ascii(addr.as_bytes())),
        GeneralName::URI(uri) => AlternativeName::Uri(printable_ascii(uri.as_bytes())),
        GeneralName::IPAddress(bytes) => match ip_addr(bytes) {
            Some(addr) => AlternativeName::Ip(addr),
            None => AlternativeName::Other(format!("address of {} bytes", bytes.len())),
        },
        GeneralName::DirectoryName(name) => AlternativeName::Other(rfc4514(name)),
        GeneralName::RegisteredID(oid) | GeneralName::OtherName(oid, _) => {
            AlternativeName::Other(dotted(oid.as_bytes()))
        }
        GeneralName::X400Address(_) => AlternativeName::Other("X.400 address".to_owned()),
        GeneralName::EDIPartyName(_) => AlternativeName::Other("EDI party name".to_owned()),
        // To the library these three are invalid if they are no UTF-8.
        GeneralName::Invalid(Tag(1), bytes) => AlternativeName::Email(printable_ascii(bytes)),
        GeneralName::Invalid(Tag(2), bytes) => AlternativeName::Dns(printable_ascii(bytes)),
        GeneralName::Invalid(Tag(6), bytes) => AlternativeName::Uri(printable_ascii(bytes)),
        GeneralName::Invalid(_, bytes) => AlternativeName::Other(hex(bytes)),
    }
}

fn ip_addr(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Some(IpAddr::from(four));
    }
    <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from)
}

fn key_kind(info: &SubjectPublicKeyInfo<'_>) -> KeyKind {
    if let Ok(PublicKey::RSA(key)) = info.parsed() {
        let significant = key.modulus.iter().skip_while(|byte| **byte == 0);
        return KeyKind::Rsa(significant.count().saturating_mul(8));
    }
    let algorithm = dotted(info.algorithm.algorithm.as_bytes());
    let curve = info
        .algorithm
        .parameters
        .as_ref()
        .and_then(|parameters| parameters.as_oid().ok())
        .map(|oid| dotted(oid.as_bytes()));
    match (algorithm.as_str(), curve.as_deref()) {
        ("1.2.840.10045.2.1", Some("1.2.840.10045.3.1.7")) => KeyKind::Ec("P-256"),
        ("1.2.840.10045.2.1", Some("1.3.132.0.34")) => KeyKind::Ec("P-384"),
        ("1.2.840.10045.2.1", Some("1.3.132.0.35")) => KeyKind::Ec("P-521"),
        ("1.3.101.112", _) => KeyKind::Ed25519,
        _ => KeyKind::Other(curve.unwrap_or(algorithm)),
    }
}

/// The usual name of a signature algorithm, and whether no current peer accepts it.
fn signature_name(oid: &str) -> (String, bool) {
    let (name, weak) = match oid {
        "1.2.840.113549.1.1.4" => ("md5WithRSA", true),
        "1.2.840.113549.1.1.5" => ("sha1WithRSA", true),
        "1.2.840.10045.4.1" => ("ecdsa-with-SHA1", true),
        "1.2.840.10040.4.3" => ("dsa-with-SHA1", true),
        "1.2.840.113549.1.1.10" => ("RSA-PSS", false),
        "1.2.840.113549.1.1.11" => ("sha256WithRSA", false),
        "1.2.840.113549.1.1.12" => ("sha384WithRSA", false),
        "1.2.840.113549.1.1.13" => ("sha512WithRSA", false),
        "1.2.840.10045.4.3.2" => ("ecdsa-with-SHA256", false),
        "1.2.840.10045.4.3.3" => ("ecdsa-with-SHA384", false),
        "1.2.840.10045.4.3.4" => ("ecdsa-with-SHA512", false),
        "1.3.101.112" => ("Ed25519", false),
        _ => (oid, false),
    };
    (name.to_owned(), weak)
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_of_claims;
