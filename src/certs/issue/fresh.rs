//! New keys, and authorities that are kept for longer than a process lives.

use rcgen::{CertifiedIssuer, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, RsaKeySize};

use crate::certs::issue::{Authority, DAY, IssueError, KeyChoice, ca_params, failed};
use crate::model::WallTime;

/// A private key that was made just now.
#[derive(Clone)]
pub struct FreshKey {
    /// PKCS#8, not encrypted.
    pub der: Vec<u8>,
}

impl std::fmt::Debug for FreshKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FreshKey(***)")
    }
}

/// Makes a key.
pub fn fresh_key(kind: KeyChoice) -> Result<FreshKey, IssueError> {
    let pair = key_pair(kind).map_err(|cause| failed("a new key", cause))?;
    Ok(FreshKey {
        der: pair.serialize_der(),
    })
}

pub(super) fn key_pair(kind: KeyChoice) -> Result<KeyPair, rcgen::Error> {
    match kind {
        KeyChoice::P256 => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256),
        KeyChoice::Rsa2048 => KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048),
    }
}

impl Authority {
    /// A root for a trial, with a kind of key that the peers of the trial know.
    pub fn for_trial(name: &str, key: KeyChoice, now: WallTime) -> Result<Self, IssueError> {
        let not_before = WallTime(now.0.saturating_sub(DAY));
        let not_after = WallTime(now.0.saturating_add(3_650 * DAY));
        let params = ca_params(name, not_before, not_after);
        let issuer = key_pair(key)
            .and_then(|key| CertifiedIssuer::self_signed(params, key))
            .map_err(|cause| failed(name, cause))?;
        Ok(Self {
            issuer,
            chain_pem: String::new(),
            not_before,
            not_after,
        })
    }

    /// The authority's private key as PKCS#8 in PEM, not encrypted. Whoever has it can make any
    /// certificate that is believed where the authority is.
    pub fn key_pem(&self) -> String {
        self.issuer.key().serialize_pem()
    }
}
