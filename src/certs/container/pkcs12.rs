//! PKCS#12 (PFX): what Windows exports and what `sapgenpse import_p12` takes.

use p12_keystore::error::Error;
use p12_keystore::{
    Certificate, EncryptionAlgorithm, KeyStore, KeyStoreEntry, MacAlgorithm, Pkcs12Archive,
    PrivateKey, PrivateKeyChain,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::certs::digest::sha1_for_names;
use crate::model::Secret;

/// What is in such a file.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) certificates: Vec<CertificateDer<'static>>,
    pub(super) keys: Vec<PrivateKeyDer<'static>>,
}

/// Why it stays shut.
#[derive(Debug)]
pub(super) enum Defect {
    Locked,
    OtherPassphrase,
    Unreadable(String),
}

/// Opens a file. Without a passphrase the empty one is tried, as some tools write it.
pub(super) fn read_pkcs12(
    bytes: &[u8],
    passphrase: Option<&Secret<Vec<u8>>>,
) -> Result<Held, Defect> {
    let text = match passphrase {
        Some(passphrase) => {
            std::str::from_utf8(passphrase.expose()).map_err(|_not_text| Defect::OtherPassphrase)?
        }
        None => "",
    };
    let archive = Pkcs12Archive::from_pkcs12(bytes, text).map_err(|error| {
        let is_shut = matches!(
            error,
            Error::MacError(_) | Error::Pkcs5Error(_) | Error::UnpadError
        );
        match (is_shut, passphrase) {
            (true, None) => Defect::Locked,
            (true, Some(_)) => Defect::OtherPassphrase,
            (false, _) => Defect::Unreadable(error.to_string()),
        }
    })?;
    let certificates = archive.certs.iter();
    let keys = archive.keys.iter();
    Ok(Held {
        certificates: certificates
            .map(|bag| bag.cert.as_der().to_vec().into())
            .collect(),
        keys: keys
            .map(|bag| PrivatePkcs8KeyDer::from(bag.key.as_der().to_vec()).into())
            .collect(),
    })
}

/// How a file is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cipher {
    /// AES-256 with PBKDF2 and SHA-256.
    Aes256,
    /// Triple DES and SHA-1, for Windows before 2019 and old libraries of SAP. The passphrase has to
    /// be a good one.
    TripleDes,
}

/// A file could not be made.
#[derive(Debug, thiserror::Error)]
#[error("the PFX could not be made: {0}")]
pub struct NotWritten(String);

/// Writes a key with its chain, the certificate of the key first.
pub fn write_pkcs12(
    chain: &[CertificateDer<'_>],
    key: &PrivatePkcs8KeyDer<'_>,
    name: &str,
    passphrase: &Secret<String>,
    cipher: Cipher,
) -> Result<Vec<u8>, NotWritten> {
    let failed = |error: Error| NotWritten(error.to_string());
    let certificates = chain.iter().map(|der| Certificate::from_der(der));
    let certificates = certificates
        .collect::<Result<Vec<_>, _>>()
        .map_err(failed)?;
    let key = PrivateKey::from_der(key.secret_pkcs8_der()).map_err(failed)?;
    // As Windows and OpenSSL do it: the two belong together that carry the same number.
    let id = chain.first().map(|leaf| sha1_for_names(leaf).to_vec());
    let pair = PrivateKeyChain::new(id.unwrap_or_default(), key, certificates);
    let mut store = KeyStore::new();
    store.add_entry(name, KeyStoreEntry::PrivateKeyChain(pair));
    let (cipher, mac) = match cipher {
        Cipher::Aes256 => (
            EncryptionAlgorithm::PbeWithHmacSha256AndAes256,
            MacAlgorithm::HmacSha256,
        ),
        Cipher::TripleDes => (
            EncryptionAlgorithm::PbeWithShaAnd3KeyTripleDesCbc,
            MacAlgorithm::HmacSha1,
        ),
    };
    let writer = store
        .writer(passphrase.expose())
        .encryption_algorithm(cipher)
        .encryption_iterations(ROUNDS)
        .mac_algorithm(mac)
        .mac_iterations(ROUNDS);
    writer.write().map_err(failed)
}

/// Fifty times OpenSSL's default, well below a second, and no reader refuses so many.
const ROUNDS: u32 = 100_000;
