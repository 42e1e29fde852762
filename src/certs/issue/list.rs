//! Revocation lists of the throw-away PKI.

use rcgen::{
    CertificateRevocationListParams, KeyIdMethod, RevocationReason, RevokedCertParams, SerialNumber,
};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};

use crate::certs::issue::{Authority, DAY, IssueError, Issued, dated, failed};
use crate::certs::path::Certificate;
use crate::model::WallTime;

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

impl Authority {
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
}
