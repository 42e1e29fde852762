//! Answers in the making, for tests: every field is DER, and the signature is made over what it is.

use rcgen::{
    CertificateParams, CertificateRevocationListParams, ExtendedKeyUsagePurpose, IsCa, KeyIdMethod,
    KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber, SigningKey, date_time_ymd,
};

use super::{Answer, CertId, Cognizant, OcspDefect, read_answer};
use crate::certs::path::{Certificate, Issuer, Revocation};
use crate::certs::testdata::{file, now};
use crate::certs::{RevocationLists, TrustStore, der};
use crate::config::settings::{ExpiredLists, ListCoverage, RevocationSettings};
use crate::model::WallTime;

/// An authority with a key that signs answers, and certificates below it.
pub(crate) struct Ca {
    pub(crate) certificate: Certificate,
    pem: String,
    issuer: rcgen::Issuer<'static, KeyPair>,
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.distinguished_name = rcgen::DistinguishedName::new();
    let common_name = rcgen::DnType::CommonName;
    params.distinguished_name.push(common_name, name);
    params
}

fn key() -> KeyPair {
    KeyPair::generate().expect("a key")
}

impl Ca {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = params(name);
        params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = key();
        let der = params.self_signed(&key).expect("a root");
        Self {
            certificate: Certificate::read(der.der()).expect("a certificate"),
            pem: der.pem(),
            issuer: rcgen::Issuer::new(params, key),
        }
    }

    pub(crate) fn issue(
        &self,
        name: &str,
        purpose: ExtendedKeyUsagePurpose,
    ) -> (Certificate, KeyPair) {
        self.issue_with(name, purpose, |_| {})
    }

    /// A certificate with something that is not usual.
    pub(crate) fn issue_with(
        &self,
        name: &str,
        purpose: ExtendedKeyUsagePurpose,
        change: impl FnOnce(&mut CertificateParams),
    ) -> (Certificate, KeyPair) {
        let mut params = params(name);
        params.extended_key_usages = vec![purpose];
        change(&mut params);
        let key = key();
        let der = params.signed_by(&key, &self.issuer).expect("issued");
        (Certificate::read(der.der()).expect("a certificate"), key)
    }

    pub(crate) fn client(&self) -> Certificate {
        self.issue("client", ExtendedKeyUsagePurpose::ClientAuth).0
    }

    pub(crate) fn id(&self, of: &Certificate) -> CertId {
        CertId::of(of, self.certificate.spki()).expect("a key")
    }

    /// Its list, which names these and ends in a year.
    pub(crate) fn list(&self, revoked: &[&Certificate], year: i32) -> RevocationLists {
        let revoked = revoked.iter().map(|one| RevokedCertParams {
            serial_number: SerialNumber::from_slice(one.serial()),
            revocation_time: date_time_ymd(2020, 1, 1),
            reason_code: None,
            invalidity_date: None,
        });
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(2020, 1, 1),
            next_update: date_time_ymd(year, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = params.signed_by(&self.issuer).expect("a list");
        let dir = tempfile::tempdir().expect("a folder");
        let settings = RevocationSettings {
            lists: vec![file(dir.path(), "ca.crl", list.der())],
            expired: ExpiredLists::Refuse,
            coverage: ListCoverage::Leaf,
        };
        let bundle = file(dir.path(), "ca.pem", &self.pem);
        let (trust, problems) = TrustStore::load(&bundle, now());
        let trust = trust.unwrap_or_else(|| panic!("{problems}"));
        let (lists, problems) = RevocationLists::load(&settings, &trust, &[], now());
        lists.unwrap_or_else(|| panic!("{problems}"))
    }

    /// What is believed of an answer.
    pub(crate) fn read(&self, bytes: &[u8], about: &Certificate) -> Result<Answer, OcspDefect> {
        self.read_by(bytes, about, None)
    }

    /// What is believed of an answer where lists are at hand.
    pub(crate) fn read_by(
        &self,
        bytes: &[u8],
        about: &Certificate,
        lists: Option<&dyn Revocation>,
    ) -> Result<Answer, OcspDefect> {
        let by = Cognizant {
            issuer: Issuer {
                subject: self.certificate.subject(),
                spki: self.certificate.spki(),
                may_sign_lists: true,
                pool: &[],
                above: &[],
            },
            lists,
        };
        let read = read_answer(bytes, &self.id(about), &by, now());
        read.map(|(answer, _)| answer)
    }
}

pub(crate) fn date(at: WallTime) -> Vec<u8> {
    let text: String = at.to_string().replace(['-', ':', 'T'], "");
    der::element(der::GENERALIZED_TIME, text.as_bytes())
}

/// An answer in the making; each field is DER.
pub(crate) struct Draft {
    pub(crate) responder: Vec<u8>,
    pub(crate) id: Vec<u8>,
    pub(crate) status: Vec<u8>,
    pub(crate) from: WallTime,
    pub(crate) until: Option<WallTime>,
    pub(crate) extensions: Vec<u8>,
    pub(crate) certificates: Vec<u8>,
}

impl Draft {
    pub(crate) fn good(ca: &Ca, about: &Certificate) -> Self {
        Self {
            responder: der::element(0xa1, ca.certificate.subject()),
            id: ca.id(about).encoded(),
            status: vec![0x80, 0],
            from: now(),
            until: Some(WallTime(now().0 + 3_600)),
            extensions: Vec::new(),
            certificates: Vec::new(),
        }
    }

    pub(crate) fn by(mut self, signer: &Certificate) -> Self {
        let list = der::sequence(&[signer.der()]);
        self.responder = der::element(0xa1, signer.subject());
        self.certificates = der::element(0xa0, &list);
        self
    }

    pub(crate) fn signed(&self, key: &impl SigningKey) -> Vec<u8> {
        let until = self.until.map(|until| der::element(0xa0, &date(until)));
        let until = until.unwrap_or_default();
        let single = der::sequence(&[&self.id, &self.status, &date(self.from), &until]);
        let list = der::sequence(&[&single]);
        let data = der::sequence(&[&self.responder, &date(now()), &list, &self.extensions]);
        let signature = key.sign(&data).expect("signed");
        let bits = der::element(der::BIT_STRING, &[&[0], &signature[..]].concat());
        let algorithm = der::sequence(&[&der::element(der::OID, ECDSA_SHA256)]);
        let basic = der::sequence(&[&data, &algorithm, &bits, &self.certificates]);
        let wrapped = der::sequence(&[
            &der::element(der::OID, &[0x2b, 6, 1, 5, 5, 7, 0x30, 1, 1]),
            &der::element(der::OCTET_STRING, &basic),
        ]);
        der::sequence(&[&[0x0a, 1, 0], &der::element(0xa0, &wrapped)])
    }

    pub(crate) fn signed_by(&self, ca: &Ca) -> Vec<u8> {
        self.signed(ca.issuer.key())
    }
}

/// 1.2.840.10045.4.3.2
const ECDSA_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];

/// The status of a certificate that was withdrawn.
pub(crate) fn revoked(since: WallTime) -> Vec<u8> {
    der::element(0xa1, &date(since))
}
