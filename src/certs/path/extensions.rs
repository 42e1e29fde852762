//! [`Extensions`]: what the extensions of a certificate say, as far as a path is judged by it.

use crate::certs::der::{self, NotDer, Reader};
use crate::certs::extension::Extension;
use crate::certs::path::certificate::Malformed;
use crate::certs::path::general_name::GeneralName;
use crate::certs::path::span::Span;
use crate::certs::path::{Purpose, constraints, policy};
use crate::model::dotted;

/// What extensions say. Each of a known kind was read to its end.
#[derive(Debug, Clone, Default)]
pub(super) struct Extensions {
    list: Option<Span>,
    pub(super) authority: Option<Authority>,
    pub(super) key_usage: Option<KeyUsage>,
    pub(super) purposes: Option<Purposes>,
    pub(super) policy_limits: Option<PolicyLimits>,
    pub(super) inhibit_any_policy: Option<u32>,
    pub(super) critical: Option<Critical>,
    names: Option<Named>,
    name_constraints: Option<Span>,
    policies: Option<Span>,
    policy_mappings: Option<Span>,
    key_id: Option<Span>,
    issuer_key_id: Option<Span>,
}

/// The basic constraints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Authority {
    /// Whether it may issue certificates.
    pub(super) is_ca: bool,
    /// How many authorities may stand below it, if that is limited.
    pub(super) below: Option<u32>,
}

/// What the key may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct KeyUsage(u8);

impl KeyUsage {
    pub(super) fn allows_certificate_signing(self) -> bool {
        self.0 & 0b0000_0100 != 0
    }

    pub(super) fn allows_list_signing(self) -> bool {
        self.0 & 0b0000_0010 != 0
    }

    /// Whether a peer's key may do its part in a handshake.
    ///
    /// Here every peer signs, and the standard wants `digitalSignature` for that. OpenSSL, whose
    /// `X509_check_purpose` decides on most other ends, also takes what older handshakes used a key
    /// for. Who gets by there gets by here.
    pub(super) fn allows_handshake(self, purpose: Purpose) -> bool {
        const DIGITAL_SIGNATURE: u8 = 0b1000_0000;
        const KEY_ENCIPHERMENT: u8 = 0b0010_0000;
        const KEY_AGREEMENT: u8 = 0b0000_1000;
        let needed = match purpose {
            Purpose::Client => DIGITAL_SIGNATURE | KEY_AGREEMENT,
            Purpose::Server => DIGITAL_SIGNATURE | KEY_ENCIPHERMENT | KEY_AGREEMENT,
        };
        self.0 & needed != 0
    }
}

/// The extended key usage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Purposes {
    pub(super) server: bool,
    pub(super) client: bool,
}

/// After how many certificates a policy has to be named, and none may be mapped to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PolicyLimits {
    pub(super) require_explicit: Option<u32>,
    pub(super) inhibit_mapping: Option<u32>,
}

/// Why a critical extension makes a certificate useless.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Critical {
    /// It is not known, and here is its object identifier.
    Unknown(String),
    /// It is known, and the standard forbids to mark it so.
    Forbidden(&'static str),
}

#[derive(Debug, Clone, Copy)]
struct Named {
    list: Span,
    is_critical: bool,
}

impl Extensions {
    /// Reads what is in the list of extensions of a certificate.
    pub(super) fn read(certificate: &[u8], list: Option<&[u8]>) -> Result<Self, Malformed> {
        let mut extensions = Self::default();
        let Some(list) = list else {
            return Ok(extensions);
        };
        // The standard wants at least one in it.
        if list.is_empty() {
            return Err(Malformed::Encoding);
        }
        extensions.list = Some(Span::of(certificate, list));
        let mut seen: Vec<&[u8]> = Vec::new();
        let mut reader = Reader::new(list);
        while !reader.is_at_end() {
            let extension = Extension::read(&mut reader)?;
            if seen.contains(&extension.kind) {
                return Err(Malformed::TwiceTheSame);
            }
            seen.push(extension.kind);
            // So many fit into no certificate that anybody issues, and each is compared with all.
            if seen.len() > MOST {
                return Err(Malformed::Encoding);
            }
            extensions.note(certificate, extension)?;
        }
        Ok(extensions)
    }

    /// All of them as they are written.
    pub(super) fn all<'a>(&self, certificate: &'a [u8]) -> impl Iterator<Item = Extension<'a>> {
        let list = self.list.map(|span| span.read(certificate));
        let mut reader = Reader::new(list.unwrap_or_default());
        std::iter::from_fn(move || Extension::read(&mut reader).ok())
    }

    /// Whether other names than the subject are there, and have to be understood.
    pub(super) fn names_are_critical(&self) -> bool {
        let names = self.names;
        names.is_some_and(|names| names.is_critical && !names.list.is_empty())
    }

    /// The subject's other names.
    pub(super) fn names<'a>(&self, certificate: &'a [u8]) -> impl Iterator<Item = GeneralName<'a>> {
        let list = self.names.map(|names| names.list.read(certificate));
        let mut reader = Reader::new(list.unwrap_or_default());
        std::iter::from_fn(move || GeneralName::read(&mut reader).ok())
    }

    /// What is in the sequence of the name constraints.
    pub(super) fn name_constraints<'a>(&self, certificate: &'a [u8]) -> Option<&'a [u8]> {
        self.name_constraints.map(|span| span.read(certificate))
    }

    /// What is in the sequence of the certificate policies.
    pub(super) fn policies<'a>(&self, certificate: &'a [u8]) -> Option<&'a [u8]> {
        self.policies.map(|span| span.read(certificate))
    }

    /// What is in the sequence of the policy mappings.
    pub(super) fn policy_mappings<'a>(&self, certificate: &'a [u8]) -> Option<&'a [u8]> {
        self.policy_mappings.map(|span| span.read(certificate))
    }

    /// The identifier of its own key.
    pub(super) fn key_id<'a>(&self, certificate: &'a [u8]) -> Option<&'a [u8]> {
        self.key_id.map(|span| span.read(certificate))
    }

    /// The identifier of the key that it was signed with.
    pub(super) fn issuer_key_id<'a>(&self, certificate: &'a [u8]) -> Option<&'a [u8]> {
        self.issuer_key_id.map(|span| span.read(certificate))
    }

    fn note(&mut self, certificate: &[u8], extension: Extension<'_>) -> Result<(), Malformed> {
        let Extension {
            kind,
            is_critical,
            value,
        } = extension;
        let span = |piece: &[u8]| Some(Span::of(certificate, piece));
        let standard = match kind {
            [0x55, 0x1d, number] => Some(*number),
            _ => None,
        };
        let named = |name: &'static str| move |_: NotDer| Malformed::Extension(name);
        match standard {
            Some(14) => {
                let id = Reader::single(value, der::OCTET_STRING);
                self.key_id = span(id.map_err(named("subjectKeyIdentifier"))?);
            }
            Some(15) => self.key_usage = Some(key_usage(value).map_err(named("keyUsage"))?),
            Some(17) => {
                let list = names(value).map_err(named("subjectAltName"))?;
                let list = Span::of(certificate, list);
                self.names = Some(Named { list, is_critical });
            }
            Some(19) => {
                self.authority = Some(authority(value).map_err(named("basicConstraints"))?);
            }
            Some(30) => {
                let trees = constraints::read(value).map_err(named("nameConstraints"))?;
                self.name_constraints = span(trees);
            }
            // Where revocation lists are to be found; who reads those reads this.
            Some(31) => {}
            Some(32) => {
                let list = policy::read(value).map_err(named("certificatePolicies"))?;
                self.policies = span(list);
            }
            Some(33) => {
                let pairs = policy::read_mappings(value).map_err(named("policyMappings"))?;
                self.policy_mappings = span(pairs);
            }
            Some(35) => {
                let id = issuer_key_id(value).map_err(named("authorityKeyIdentifier"))?;
                self.issuer_key_id = id.and_then(span);
            }
            Some(36) => {
                let limits = policy_limits(value).map_err(named("policyConstraints"))?;
                self.policy_limits = Some(limits);
            }
            Some(37) => {
                self.purposes = Some(purposes(value).map_err(named("extendedKeyUsage"))?);
            }
            Some(54) => {
                let count = Reader::single(value, der::INTEGER).and_then(der::count);
                self.inhibit_any_policy = Some(count.map_err(named("inhibitAnyPolicy"))?);
            }
            _ if is_critical && kind != AUTHORITY_INFO_ACCESS => {
                let critical = Critical::Unknown(dotted(kind));
                self.critical.get_or_insert(critical);
            }
            _ => {}
        }
        if let (true, Some(name)) = (is_critical, never_critical(kind)) {
            self.critical.get_or_insert(Critical::Forbidden(name));
        }
        Ok(())
    }
}

/// The name of an extension that the standard forbids to mark critical.
fn never_critical(kind: &[u8]) -> Option<&'static str> {
    match kind {
        [0x55, 0x1d, 14] => Some("subjectKeyIdentifier"),
        [0x55, 0x1d, 35] => Some("authorityKeyIdentifier"),
        AUTHORITY_INFO_ACCESS => Some("authorityInfoAccess"),
        _ => None,
    }
}

fn key_usage(value: &[u8]) -> Result<KeyUsage, NotDer> {
    match Reader::single(value, der::BIT_STRING)? {
        [0..=7, bits @ ..] if bits.len() <= 2 => Ok(KeyUsage(bits.first().copied().unwrap_or(0))),
        _ => Err(NotDer),
    }
}

fn authority(value: &[u8]) -> Result<Authority, NotDer> {
    let mut reader = Reader::new(Reader::single(value, der::SEQUENCE)?);
    let is_ca = reader.boolean_or_false()?;
    let below = reader.optional(der::INTEGER)?.map(der::count).transpose()?;
    reader.end()?;
    Ok(Authority { is_ca, below })
}

fn names(value: &[u8]) -> Result<&[u8], NotDer> {
    let list = Reader::single(value, der::SEQUENCE)?;
    let mut reader = Reader::new(list);
    while !reader.is_at_end() {
        let name = GeneralName::read(&mut reader)?;
        if matches!(name, GeneralName::Ip(address) if !matches!(address.len(), 4 | 16)) {
            return Err(NotDer);
        }
    }
    Ok(list)
}

fn issuer_key_id(value: &[u8]) -> Result<Option<&[u8]>, NotDer> {
    /// The three fields, all of which may be missing.
    const KEY: u8 = 0x80;
    const NAMES: u8 = 0xa1;
    const SERIAL: u8 = 0x82;
    let mut reader = Reader::new(Reader::single(value, der::SEQUENCE)?);
    let key = reader.optional(KEY)?;
    reader.optional(NAMES)?;
    reader.optional(SERIAL)?;
    reader.end()?;
    Ok(key)
}

fn policy_limits(value: &[u8]) -> Result<PolicyLimits, NotDer> {
    const REQUIRE_EXPLICIT: u8 = 0x80;
    const INHIBIT_MAPPING: u8 = 0x81;
    let mut reader = Reader::new(Reader::single(value, der::SEQUENCE)?);
    let require_explicit = reader
        .optional(REQUIRE_EXPLICIT)?
        .map(der::count)
        .transpose()?;
    let inhibit_mapping = reader
        .optional(INHIBIT_MAPPING)?
        .map(der::count)
        .transpose()?;
    reader.end()?;
    if require_explicit.is_none() && inhibit_mapping.is_none() {
        return Err(NotDer);
    }
    Ok(PolicyLimits {
        require_explicit,
        inhibit_mapping,
    })
}

fn purposes(value: &[u8]) -> Result<Purposes, NotDer> {
    const SERVER: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 1];
    const CLIENT: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 2];
    let list = Reader::single(value, der::SEQUENCE)?;
    if list.is_empty() {
        return Err(NotDer);
    }
    let mut purposes = Purposes::default();
    let mut reader = Reader::new(list);
    while !reader.is_at_end() {
        let purpose = reader.contents(der::OID)?;
        purposes.server |= purpose == SERVER;
        purposes.client |= purpose == CLIENT;
    }
    Ok(purposes)
}

/// 1.3.6.1.5.5.7.1.1
const AUTHORITY_INFO_ACCESS: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 1, 1];

/// The most extensions of a certificate.
const MOST: usize = 64;
