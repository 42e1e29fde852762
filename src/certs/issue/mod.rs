//! A throw-away PKI: authorities and certificates made on the spot, for the demo and for tests.
//!
//! Nothing made here is meant to be trusted outside the process that made it: the keys are not
//! protected.

mod fresh;
mod list;
mod sign;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, SanType, date_time_ymd,
};
use rustls::pki_types::CertificateDer;

use crate::model::WallTime;

pub use crate::certs::issue::fresh::{FreshKey, fresh_key};
pub use crate::certs::issue::list::{IssuedList, ListSpec};
pub use crate::certs::issue::sign::{NotSigned, Purposes, SignSpec, Signed, Signer};

/// A certificate could not be made.
#[derive(Debug, thiserror::Error)]
#[error("the certificate for \"{name}\" could not be made")]
pub struct IssueError {
    /// Whom it was for.
    name: String,
    /// What the generator said.
    #[source]
    cause: rcgen::Error,
}

/// The kind of key of a new certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyChoice {
    /// ECDSA on P-256: the cheaper handshake.
    P256,
    /// RSA with 2048 bits: what older SAP systems expect.
    Rsa2048,
}

/// What a new certificate says.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one thing that a certificate says or does not say"
)]
#[derive(Debug, Clone)]
pub struct LeafSpec {
    /// The common name; SAP's older API compares it with the host's name.
    pub common_name: String,
    /// Further attributes of the subject, each by its object identifier; they stand before the
    /// common name.
    pub attributes: Vec<(Vec<u64>, String)>,
    /// Subject alternative names, host names and IP addresses alike. Empty: none.
    pub alternative_names: Vec<String>,
    /// URIs among the subject alternative names.
    pub uris: Vec<String>,
    /// Mail addresses among the subject alternative names.
    pub emails: Vec<String>,
    /// The object identifiers of the certificate policies. Empty: no such extension.
    pub policies: Vec<Vec<u64>>,
    /// Whether `serverAuth` is among the purposes.
    pub server_auth: bool,
    /// Whether `clientAuth` is among the purposes. With neither there is no such extension.
    pub client_auth: bool,
    /// Whether it may answer in its issuer's name which certificates were withdrawn.
    pub ocsp_signing: bool,
    /// The first second of validity.
    pub not_before: WallTime,
    /// The last second of validity.
    pub not_after: WallTime,
    /// The kind of key.
    pub key: KeyChoice,
    /// Whether the basic constraints call it a CA.
    pub is_ca: bool,
}

impl LeafSpec {
    /// A certificate for both roles, as one `PEM_FILE` needs it: P-256, from a day before `now`
    /// to a year after, with the name as its only alternative name.
    pub fn for_name(name: &str, now: WallTime) -> Self {
        Self {
            common_name: name.to_owned(),
            attributes: Vec::new(),
            alternative_names: vec![name.to_owned()],
            uris: Vec::new(),
            emails: Vec::new(),
            policies: Vec::new(),
            server_auth: true,
            client_auth: true,
            ocsp_signing: false,
            not_before: WallTime(now.0.saturating_sub(DAY)),
            not_after: WallTime(now.0.saturating_add(365 * DAY)),
            key: KeyChoice::P256,
            is_ca: false,
        }
    }
}

/// A certificate with its key.
#[derive(Debug, Clone)]
pub struct Issued {
    /// The certificate in PEM.
    pub certificate_pem: String,
    /// The intermediates up to, and without, the root; empty under a root.
    pub chain_pem: String,
    /// The private key as PKCS#8 in PEM, not encrypted.
    pub key_pem: String,
    /// The certificate.
    pub der: CertificateDer<'static>,
    /// The private key as PKCS#8.
    pub key_der: Vec<u8>,
}

impl Issued {
    /// Certificate, intermediates and key in one text, as `PEM_FILE` takes it.
    pub fn combined_pem(&self) -> String {
        format!("{}{}{}", self.certificate_pem, self.chain_pem, self.key_pem)
    }
}

/// A certification authority that lives as long as this value.
#[derive(Debug)]
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    chain_pem: String,
    not_before: WallTime,
    not_after: WallTime,
}

impl Authority {
    /// A root of ten years. Two of the same name have the same subject and different keys.
    pub fn new(name: &str, now: WallTime) -> Result<Self, IssueError> {
        Self::with_validity(
            name,
            WallTime(now.0.saturating_sub(DAY)),
            WallTime(now.0.saturating_add(3_650 * DAY)),
        )
    }

    /// A root with its own dates.
    pub fn with_validity(
        name: &str,
        not_before: WallTime,
        not_after: WallTime,
    ) -> Result<Self, IssueError> {
        let params = ca_params(name, not_before, not_after);
        let issuer = KeyPair::generate()
            .and_then(|key| CertifiedIssuer::self_signed(params, key))
            .map_err(|cause| failed(name, cause))?;
        Ok(Self {
            issuer,
            chain_pem: String::new(),
            not_before,
            not_after,
        })
    }

    /// The self-signed certificate of a host, which is no authority's, and what its key could sign
    /// all the same.
    pub fn self_signed_host(name: &str, now: WallTime) -> Result<(Self, Issued), IssueError> {
        let mut spec = LeafSpec::for_name(name, now);
        let (not_before, not_after) = (spec.not_before, spec.not_after);
        spec.is_ca = false;
        let made = KeyPair::generate().and_then(|key| {
            let mut params = leaf_params(&spec)?;
            params.is_ca = IsCa::ExplicitNoCa;
            let (key_pem, key_der) = (key.serialize_pem(), key.serialize_der());
            Ok((CertifiedIssuer::self_signed(params, key)?, key_pem, key_der))
        });
        let (issuer, key_pem, key_der) = made.map_err(|cause| failed(name, cause))?;
        let host = Issued {
            certificate_pem: issuer.pem(),
            chain_pem: String::new(),
            key_pem,
            der: issuer.der().clone(),
            key_der,
        };
        let issuer = Self {
            chain_pem: String::new(),
            issuer,
            not_before,
            not_after,
        };
        Ok((issuer, host))
    }

    /// An authority below this one.
    pub fn intermediate(&self, name: &str) -> Result<Self, IssueError> {
        self.intermediate_with_usage(name, true)
    }

    /// An authority below this one whose key usage may lack `keyCertSign`, as mis-issued ones do.
    pub fn intermediate_with_usage(&self, name: &str, may_sign: bool) -> Result<Self, IssueError> {
        let usages: &[_] = if may_sign {
            &[KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign]
        } else {
            &[KeyUsagePurpose::CrlSign]
        };
        self.below(name, usages)
    }

    /// An authority below this one that may sign no revocation lists.
    #[cfg(test)]
    pub(crate) fn intermediate_without_lists(&self, name: &str) -> Self {
        let made = self.below(name, &[KeyUsagePurpose::KeyCertSign]);
        made.expect("an intermediate")
    }

    fn below(&self, name: &str, usages: &[KeyUsagePurpose]) -> Result<Self, IssueError> {
        let mut params = ca_params(name, self.not_before, self.not_after);
        params.key_usages = usages.to_vec();
        let issuer = KeyPair::generate()
            .and_then(|key| CertifiedIssuer::signed_by(params, key, &self.issuer))
            .map_err(|cause| failed(name, cause))?;
        Ok(Self {
            chain_pem: format!("{}{}", issuer.pem(), self.chain_pem),
            issuer,
            not_before: self.not_before,
            not_after: self.not_after,
        })
    }

    /// Makes a certificate.
    pub fn issue(&self, spec: &LeafSpec) -> Result<Issued, IssueError> {
        let name = &spec.common_name;
        let key = fresh::key_pair(spec.key).map_err(|cause| failed(name, cause))?;
        let certificate = leaf_params(spec)
            .and_then(|params| params.signed_by(&key, &self.issuer))
            .map_err(|cause| failed(name, cause))?;
        Ok(Issued {
            certificate_pem: certificate.pem(),
            chain_pem: self.chain_pem.clone(),
            key_pem: key.serialize_pem(),
            der: certificate.der().clone(),
            key_der: key.serialize_der(),
        })
    }

    /// A certificate that says where the list lies that would name it.
    #[cfg(test)]
    pub(crate) fn issue_listed_at(&self, name: &str, uri: &str) -> CertificateDer<'static> {
        let spec = LeafSpec::for_name(name, crate::certs::testdata::now());
        let mut params = leaf_params(&spec).expect("params");
        params.crl_distribution_points = vec![rcgen::CrlDistributionPoint {
            uris: vec![uri.to_owned()],
        }];
        let key = KeyPair::generate().expect("a key");
        let issued = params.signed_by(&key, &self.issuer).expect("issued");
        issued.der().clone()
    }

    /// Signs other bytes than certificates and lists of these kinds.
    #[cfg(test)]
    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        use rcgen::SigningKey as _;
        self.issuer.key().sign(message).expect("a key that signs")
    }

    /// The authority's own certificate in PEM, as `CA_FILE` takes it.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// Another certificate of this authority, a root, in PEM: the same name and key with other dates.
    pub fn renewed_pem(
        &self,
        name: &str,
        not_before: WallTime,
        not_after: WallTime,
    ) -> Result<String, IssueError> {
        let params = ca_params(name, not_before, not_after);
        let certificate = params.self_signed(self.issuer.key());
        let certificate = certificate.map_err(|cause| failed(name, cause))?;
        Ok(certificate.pem())
    }

    /// The authority's own certificate.
    pub fn der(&self) -> &CertificateDer<'static> {
        self.issuer.der()
    }
}

fn ca_params(name: &str, not_before: WallTime, not_after: WallTime) -> CertificateParams {
    let mut params = dated(not_before, not_after);
    params
        .distinguished_name
        .push(DnType::OrganizationName, "crmgate throw-away PKI");
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn leaf_params(spec: &LeafSpec) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(spec.alternative_names.clone())?;
    let dated = dated(spec.not_before, spec.not_after);
    params.not_before = dated.not_before;
    params.not_after = dated.not_after;
    params.distinguished_name = dated.distinguished_name;
    for (oid, value) in &spec.attributes {
        let kind = DnType::CustomDnType(oid.clone());
        params.distinguished_name.push(kind, value.as_str());
    }
    params
        .distinguished_name
        .push(DnType::CommonName, spec.common_name.as_str());
    for uri in &spec.uris {
        let uri = SanType::URI(uri.as_str().try_into()?);
        params.subject_alt_names.push(uri);
    }
    for address in &spec.emails {
        let address = SanType::Rfc822Name(address.as_str().try_into()?);
        params.subject_alt_names.push(address);
    }
    if !spec.policies.is_empty() {
        let policies = certificate_policies(&spec.policies);
        params.custom_extensions.push(policies);
    }
    params.use_authority_key_identifier_extension = true;
    if spec.is_ca {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    if spec.key == KeyChoice::Rsa2048 {
        // Older peers look for it where a key could do it.
        params.key_usages.push(KeyUsagePurpose::KeyEncipherment);
    }
    if spec.server_auth {
        params
            .extended_key_usages
            .push(ExtendedKeyUsagePurpose::ServerAuth);
    }
    if spec.ocsp_signing {
        let purpose = ExtendedKeyUsagePurpose::OcspSigning;
        params.extended_key_usages.push(purpose);
    }
    if spec.client_auth {
        params
            .extended_key_usages
            .push(ExtendedKeyUsagePurpose::ClientAuth);
    }
    Ok(params)
}

/// The extension with which an authority says under which policies it has issued.
fn certificate_policies(policies: &[Vec<u64>]) -> CustomExtension {
    const SEQUENCE: u8 = 0x30;
    const OBJECT_IDENTIFIER: u8 = 0x06;
    /// Short lengths alone: there are a few policies of a few numbers.
    fn wrapped(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = u8::try_from(content.len()).unwrap_or(u8::MAX);
        [&[tag, length], content].concat()
    }
    let each = policies.iter().flat_map(|oid| {
        let oid = wrapped(OBJECT_IDENTIFIER, &encoded_oid(oid));
        wrapped(SEQUENCE, &oid)
    });
    let all: Vec<u8> = each.collect();
    CustomExtension::from_oid_content(&[2, 5, 29, 32], wrapped(SEQUENCE, &all))
}

/// An object identifier in the encoding of certificates: its first two numbers are one, and each
/// is written in groups of seven bits.
fn encoded_oid(oid: &[u64]) -> Vec<u8> {
    let [first, second, rest @ ..] = oid else {
        return Vec::new();
    };
    let joined = first.saturating_mul(40).saturating_add(*second);
    let mut bytes = Vec::new();
    for number in std::iter::once(joined).chain(rest.iter().copied()) {
        let groups = (u64::BITS - number.max(1).leading_zeros()).div_ceil(7);
        for group in (0..groups).rev() {
            let bits = (number >> (7 * group)) & 0x7f;
            let more = if group > 0 { 0x80 } else { 0 };
            bytes.extend(u8::try_from(bits | more));
        }
    }
    bytes
}

fn dated(not_before: WallTime, not_after: WallTime) -> CertificateParams {
    let mut params = CertificateParams::default();
    let epoch = date_time_ymd(1970, 1, 1);
    let after_epoch = |time: WallTime| {
        // The generator's dates begin with 1970 and end with 9999, and so do those of any use.
        let seconds = time.0.clamp(0, LAST_SECOND).unsigned_abs();
        epoch + std::time::Duration::from_secs(seconds)
    };
    params.not_before = after_epoch(not_before);
    params.not_after = after_epoch(not_after);
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
}

fn failed(name: &str, cause: rcgen::Error) -> IssueError {
    IssueError {
        name: name.to_owned(),
        cause,
    }
}

const DAY: i64 = 86_400;

/// 9999-12-31T23:59:59Z, the last date that X.509 can write.
const LAST_SECOND: i64 = 253_402_300_799;
