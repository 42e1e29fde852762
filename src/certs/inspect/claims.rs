//! [`Claims`]: what a client's certificate says of its holder, to be compared with rules.

use std::net::IpAddr;

use x509_parser::asn1_rs::{Any, Class, FromDer as _};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension, X509Extension};
use x509_parser::oid_registry::{OID_X509_EXT_CERTIFICATE_POLICIES, OID_X509_EXT_SUBJECT_ALT_NAME};

use super::writings::fingerprints;
use super::{NotACertificate, ip_addr};
use crate::certs::digest::sha256;
use crate::certs::name::{compared_common_names, is_unfit, is_unfit_string};
use crate::certs::path::name::canonical;
use crate::config::settings::{Term, folded_uri};
use crate::model::{DistinguishedName, Fingerprint, dotted};

/// What a certificate says of its holder, in the form in which it is compared.
///
/// Only for a leaf that a verifier has accepted. Nothing of it is ever printed: what is printed is
/// escaped, and an escaped text may be equal to another certificate's plain one.
#[derive(Debug)]
pub struct Claims {
    subject: DistinguishedName,
    issuer: DistinguishedName,
    common_names: Vec<String>,
    hosts: Vec<String>,
    uris: Vec<String>,
    addresses: Vec<IpAddr>,
    emails: Vec<String>,
    serial: Vec<u8>,
    /// In all the ways in which it can be written.
    certificate: Vec<Fingerprint>,
    key: Fingerprint,
    policies: Vec<String>,
}

impl Claims {
    /// Reads the claims from DER bytes. A list of names or policies that is there and cannot be
    /// read is no empty one: a rule that denies would pass it by.
    pub fn of(der: &[u8]) -> Result<Self, NotACertificate> {
        let (_rest, certificate) =
            X509Certificate::from_der(der).map_err(|_parser_detail| NotACertificate)?;
        if certificate.extensions().iter().any(is_unreadable) {
            return Err(NotACertificate);
        }
        let mut claims = Self {
            subject: canonical(certificate.subject().as_raw()),
            issuer: canonical(certificate.issuer().as_raw()),
            common_names: compared_common_names(certificate.subject()),
            hosts: Vec::new(),
            uris: Vec::new(),
            addresses: Vec::new(),
            emails: Vec::new(),
            serial: without_leading_zeros(certificate.raw_serial()),
            certificate: fingerprints(der),
            key: Fingerprint(sha256(certificate.public_key().raw)),
            policies: policies(&certificate),
        };
        for name in alternative_names(&certificate) {
            claims.add(name);
        }
        Ok(claims)
    }

    /// Whether a term of a rule is about this certificate. Of several values one is enough.
    pub fn meet(&self, term: &Term) -> bool {
        match term {
            Term::Subject(name) => self.subject == *name,
            Term::CommonName(name) => self.common_names.contains(name),
            Term::Dns(pattern) => self.hosts.iter().any(|host| pattern.matches(host)),
            Term::Uri(uri) => self.uris.contains(uri),
            Term::Ip(range) => self.addresses.iter().any(|ip| range.contains(*ip)),
            Term::Email(address) => self.emails.contains(address),
            Term::Issuer(name) => self.issuer == *name,
            Term::Serial(serial) => self.serial == *serial,
            Term::Certificate(digest) => self.certificate.contains(digest),
            Term::Key(digest) => self.key == *digest,
            Term::Policy(oid) => self.policies.contains(oid),
        }
    }

    fn add(&mut self, name: &GeneralName<'_>) {
        match name {
            // Nobody's name, as in path validation.
            GeneralName::DNSName(text) | GeneralName::URI(text) | GeneralName::RFC822Name(text)
                if !text.is_ascii() => {}
            GeneralName::DNSName(host) => self.hosts.push((*host).to_owned()),
            GeneralName::URI(uri) => self.uris.push(folded_uri(uri)),
            GeneralName::RFC822Name(address) => self.emails.push(address.to_ascii_lowercase()),
            GeneralName::IPAddress(bytes) => self.addresses.extend(ip_addr(bytes)),
            GeneralName::OtherName(..)
            | GeneralName::X400Address(_)
            | GeneralName::DirectoryName(_)
            | GeneralName::EDIPartyName(_)
            | GeneralName::RegisteredID(_)
            | GeneralName::Invalid(..) => {}
        }
    }
}

/// Which name of a certificate nobody may be known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnfitName {
    /// The subject.
    #[error("the subject of its certificate holds a NUL or a line break")]
    Subject,
    /// One of the subject alternative names.
    #[error("an alternative name of its certificate holds a NUL or a line break")]
    AlternativeName,
}

/// Which name of a certificate holds a NUL or a line break, if one does.
///
/// Bytes that are no certificate have none here: whoever verifies them refuses them.
pub fn unfit_name(der: &[u8]) -> Option<UnfitName> {
    let (_rest, certificate) = X509Certificate::from_der(der).ok()?;
    unfit(&certificate)
}

/// As [`unfit_name`], of a certificate that is read already.
pub(super) fn unfit(certificate: &X509Certificate<'_>) -> Option<UnfitName> {
    if is_unfit(certificate.subject()) {
        return Some(UnfitName::Subject);
    }
    let mut names = alternative_names(certificate);
    names
        .any(is_unfit_general)
        .then_some(UnfitName::AlternativeName)
}

fn is_unfit_general(name: &GeneralName<'_>) -> bool {
    let evil = |bytes: &[u8]| bytes.iter().any(|byte| matches!(byte, 0 | b'\n' | b'\r'));
    match name {
        GeneralName::DNSName(text) | GeneralName::RFC822Name(text) | GeneralName::URI(text) => {
            evil(text.as_bytes())
        }
        GeneralName::DirectoryName(name) => is_unfit(name),
        GeneralName::OtherName(_, value) => {
            // The value stands in a tag of its own; a login name of Windows is a string there.
            let inner = |bytes| Any::from_der(bytes).map(|(_, any)| any);
            let outer = inner(value).ok();
            let string = outer.and_then(|any| inner(any.data).ok());
            string.is_some_and(|any| any.class() == Class::Universal && is_unfit_string(&any))
        }
        // A mail address, host or URI that is no UTF-8.
        GeneralName::Invalid(tag, bytes) => matches!(tag.0, 1 | 2 | 6) && evil(bytes),
        GeneralName::X400Address(_)
        | GeneralName::EDIPartyName(_)
        | GeneralName::IPAddress(_)
        | GeneralName::RegisteredID(_) => false,
    }
}

fn alternative_names<'c>(
    certificate: &'c X509Certificate<'c>,
) -> impl Iterator<Item = &'c GeneralName<'c>> {
    let names = certificate.iter_extensions().filter_map(|extension| {
        let ParsedExtension::SubjectAlternativeName(names) = extension.parsed_extension() else {
            return None;
        };
        Some(&names.general_names)
    });
    names.flatten()
}

/// Whether an extension holds names or policies and is not well formed.
fn is_unreadable(extension: &X509Extension<'_>) -> bool {
    let parsed = extension.parsed_extension();
    if extension.oid == OID_X509_EXT_SUBJECT_ALT_NAME {
        !matches!(parsed, ParsedExtension::SubjectAlternativeName(_))
    } else if extension.oid == OID_X509_EXT_CERTIFICATE_POLICIES {
        !matches!(parsed, ParsedExtension::CertificatePolicies(_))
    } else {
        false
    }
}

fn policies(certificate: &X509Certificate<'_>) -> Vec<String> {
    let policies = certificate.iter_extensions().filter_map(|extension| {
        let ParsedExtension::CertificatePolicies(policies) = extension.parsed_extension() else {
            return None;
        };
        Some(policies)
    });
    policies
        .flatten()
        .map(|policy| dotted(policy.policy_id.as_bytes()))
        .collect()
}

fn without_leading_zeros(number: &[u8]) -> Vec<u8> {
    number
        .iter()
        .copied()
        .skip_while(|byte| *byte == 0)
        .collect()
}
