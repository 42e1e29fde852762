//! The certificates of a run: two authorities, RSA and P-256, each with a server's, a client's, a
//! revoked client's and its revocation list; and a client of an authority that nobody knows.
//!
//! Every server reads the same files: `rsa-ca.pem`, `rsa-ca.crl`, `rsa-server.pem`, `.key` and
//! `.both` (certificate and key in one), the same for `rsa-client` and `rsa-revoked`, all of them
//! once more with `ec-`, and `stranger.*`.

use std::path::Path;
use std::time::Duration;

use crmgate::model::{Clock, WallTime};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    Error, ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, RevokedCertParams, RsaKeySize, SerialNumber,
    date_time_ymd,
};

use crate::support::host::private;

/// The kind of keys, by the beginning of the files' names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    Rsa2048,
    P256,
}

impl Keys {
    pub const ALL: [Self; 2] = [Self::Rsa2048, Self::P256];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Rsa2048 => "rsa",
            Self::P256 => "ec",
        }
    }

    fn generate(self) -> Result<KeyPair, Error> {
        match self {
            Self::Rsa2048 => KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048),
            Self::P256 => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256),
        }
    }
}

/// The common name of the clients that are let in.
pub const CLIENT: &str = "sap-crm";

/// The authorities' common name, before which stands the kind of keys.
pub const AUTHORITY: &str = "Bench CA";

/// The one client that the revocation list is about is one of so many on it.
const LISTED: u64 = 100;

const REVOKED: u64 = 4;

/// Writes all of them.
pub fn write(folder: &Path) -> Result<(), Error> {
    for keys in Keys::ALL {
        let kind = keys.name();
        let name = format!("{kind} {AUTHORITY}");
        let authority = authority(&name, keys.generate()?)?;
        private(&folder.join(format!("{kind}-ca.pem")), &authority.pem());
        let list = revocation_list(&authority)?;
        private(&folder.join(format!("{kind}-ca.crl")), &list);
        let leaf = |name: &str, common: &str, serial| {
            let file = format!("{kind}-{name}");
            issue(folder, &file, common, serial, &keys.generate()?, &authority)
        };
        leaf("server", "localhost", 2)?;
        leaf("client", CLIENT, 3)?;
        leaf("revoked", CLIENT, REVOKED)?;
    }
    let unknown = authority("Nobody's CA", Keys::Rsa2048.generate()?)?;
    let key = Keys::Rsa2048.generate()?;
    issue(folder, "stranger", CLIENT, 5, &key, &unknown)
}

fn authority(name: &str, key: KeyPair) -> Result<CertifiedIssuer<'static, KeyPair>, Error> {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    CertifiedIssuer::self_signed(dated(params), key)
}

fn issue(
    folder: &Path,
    file: &str,
    common_name: &str,
    serial: u64,
    key: &KeyPair,
    authority: &CertifiedIssuer<'static, KeyPair>,
) -> Result<(), Error> {
    let names = ["localhost", "127.0.0.1"].map(str::to_owned);
    let mut params = dated(CertificateParams::new(names)?);
    params.distinguished_name = rcgen::DistinguishedName::new();
    let subject = &mut params.distinguished_name;
    subject.push(DnType::CommonName, common_name);
    params.serial_number = Some(SerialNumber::from(serial));
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    // Both, since a gateway shows one certificate to whoever calls it and to whom it calls.
    params.extended_key_usages = vec![
        ExtendedKeyUsagePurpose::ServerAuth,
        ExtendedKeyUsagePurpose::ClientAuth,
    ];
    let certificate = params.signed_by(key, authority)?.pem();
    let key = key.serialize_pem();
    private(&folder.join(format!("{file}.pem")), &certificate);
    private(&folder.join(format!("{file}.key")), &key);
    private(&folder.join(format!("{file}.both")), &(certificate + &key));
    Ok(())
}

fn revocation_list(authority: &CertifiedIssuer<'static, KeyPair>) -> Result<String, Error> {
    let now = dated(CertificateParams::default());
    let revoked = (0..LISTED).map(|number| RevokedCertParams {
        serial_number: SerialNumber::from(if number == 0 { REVOKED } else { 1000 + number }),
        revocation_time: now.not_before,
        reason_code: None,
        invalidity_date: None,
    });
    let params = CertificateRevocationListParams {
        this_update: now.not_before,
        next_update: now.not_after,
        crl_number: SerialNumber::from(1),
        issuing_distribution_point: None,
        revoked_certs: revoked.collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    params.signed_by(authority)?.pem()
}

/// From a day before today to a week after.
fn dated(mut params: CertificateParams) -> CertificateParams {
    let WallTime(now) = Clock::system().now();
    let today = date_time_ymd(1970, 1, 1) + Duration::from_secs(now.unsigned_abs());
    let day = Duration::from_hours(24);
    params.not_before = today - day;
    params.not_after = today + 7 * day;
    params
}
