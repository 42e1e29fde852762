//! A throw-away PKI: authorities and certificates made on the spot, for the demo and for tests.
//!
//! Nothing made here is meant to be trusted outside the process that made it: the keys are not
//! protected.

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
    PKCS_RSA_SHA256, RevocationReason, RevokedCertParams, RsaKeySize, SerialNumber, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};

use crate::certs::path::Certificate;
use crate::model::WallTime;

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
#[derive(Debug, Clone)]
pub struct LeafSpec {
    /// The common name; SAP's older API compares it with the host's name.
    pub common_name: String,
    /// Subject alternative names, host names and IP addresses alike. Empty: none.
    pub alternative_names: Vec<String>,
    /// Whether `serverAuth` is among the purposes.
    pub server_auth: bool,
    /// Whether `clientAuth` is among the purposes. With neither there is no such extension.
    pub client_auth: bool,
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
            alternative_names: vec![name.to_owned()],
            server_auth: true,
            client_auth: true,
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

/// What a new revocation list says.
#[derive(Debug, Clone)]
pub struct ListSpec {
    /// When it begins.
    pub this_update: WallTime,
    /// When the next one is due.
    pub next_update: WallTime,
    /// Its number: the greater is the newer.
    pub number: u64,
    /// The certificates that it revokes, all for a compromised key and from the day it begins.
    pub revoked: Vec<CertificateDer<'static>>,
}

impl ListSpec {
    /// An empty list from an hour before `now` to a week after.
    pub fn empty(now: WallTime) -> Self {
        Self {
            this_update: WallTime(now.0.saturating_sub(DAY / 24)),
            next_update: WallTime(now.0.saturating_add(7 * DAY)),
            number: 1,
            revoked: Vec::new(),
        }
    }

    /// Such a list that revokes these.
    pub fn revoking(revoked: &[&Issued], now: WallTime) -> Self {
        Self {
            revoked: revoked.iter().map(|one| one.der.clone()).collect(),
            ..Self::empty(now)
        }
    }
}

/// A revocation list.
#[derive(Debug, Clone)]
pub struct IssuedList {
    /// The list in PEM.
    pub pem: String,
    /// The list.
    pub der: CertificateRevocationListDer<'static>,
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
        let key = match spec.key {
            KeyChoice::P256 => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256),
            KeyChoice::Rsa2048 => KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048),
        }
        .map_err(|cause| failed(name, cause))?;
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

    /// Makes a revocation list. What is no certificate among those that it revokes is left out.
    pub fn revocation_list(&self, spec: &ListSpec) -> Result<IssuedList, IssueError> {
        let dates = dated(spec.this_update, spec.next_update);
        let serials = spec
            .revoked
            .iter()
            .filter_map(|der| Certificate::read(der).ok());
        let revoked = serials.map(|certificate| RevokedCertParams {
            serial_number: SerialNumber::from_slice(certificate.serial()),
            revocation_time: dates.not_before,
            reason_code: Some(RevocationReason::KeyCompromise),
            invalidity_date: None,
        });
        let params = CertificateRevocationListParams {
            this_update: dates.not_before,
            next_update: dates.not_after,
            crl_number: SerialNumber::from(spec.number),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let made = params.signed_by(&self.issuer).and_then(|list| {
            Ok(IssuedList {
                pem: list.pem()?,
                der: list.der().clone(),
            })
        });
        made.map_err(|cause| failed("a revocation list", cause))
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
    params
        .distinguished_name
        .push(DnType::CommonName, spec.common_name.as_str());
    params.use_authority_key_identifier_extension = true;
    if spec.is_ca {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    if spec.server_auth {
        params
            .extended_key_usages
            .push(ExtendedKeyUsagePurpose::ServerAuth);
    }
    if spec.client_auth {
        params
            .extended_key_usages
            .push(ExtendedKeyUsagePurpose::ClientAuth);
    }
    Ok(params)
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
