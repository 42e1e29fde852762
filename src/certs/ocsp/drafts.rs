//! Answers in the making, for tests: every field is DER, and the signature is made over what it is.

use rcgen::{
    CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, SigningKey,
};

use super::{Answer, CertId, OcspDefect, read_answer};
use crate::certs::der;
use crate::certs::path::Certificate;
use crate::certs::testdata::now;
use crate::model::WallTime;

/// An authority with a key that signs answers, and certificates below it.
pub(crate) struct Ca {
    pub(crate) certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
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
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = key();
        let der = params.self_signed(&key).expect("a root");
        Self {
            certificate: Certificate::read(der.der()).expect("a certificate"),
            issuer: Issuer::new(params, key),
        }
    }

    pub(crate) fn issue(
        &self,
        name: &str,
        purpose: ExtendedKeyUsagePurpose,
    ) -> (Certificate, KeyPair) {
        let mut params = params(name);
        params.extended_key_usages = vec![purpose];
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

    /// What is believed of an answer.
    pub(crate) fn read(&self, bytes: &[u8], about: &Certificate) -> Result<Answer, OcspDefect> {
        let who = (self.certificate.subject(), self.certificate.spki());
        read_answer(bytes, &self.id(about), who, now())
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
