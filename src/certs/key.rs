//! Private keys: from a PEM block, opened with the passphrase where it is encrypted.

use std::sync::Arc;

use pkcs8::EncryptedPrivateKeyInfoOwned;
use pkcs8::der::{Decode as _, SecretDocument};
use rustls::crypto::KeyProvider;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::SigningKey;

use crate::certs::digest::sha256;
use crate::certs::pem::{PemContent, PemItem, error, read_bounded, rewrap, strip_mark};
use crate::config::problem::Problems;
use crate::config::settings::FileRef;
use crate::model::Secret;

/// A passphrase as its file holds it: the first line.
pub(super) struct Passphrase {
    value: Secret<Vec<u8>>,
    /// SHA-256 of the file, so that a reload knows whether it has changed.
    pub(super) digest: [u8; 32],
}

impl Passphrase {
    /// Reads the first line; a line end after it, as every editor writes, is no part of it.
    pub(super) fn read(file: &FileRef) -> Result<Self, Problems> {
        let bytes = read_bounded(file)?;
        let first = strip_mark(&bytes)
            .split(|byte| matches!(byte, b'\n' | b'\r'))
            .next()
            .unwrap_or_default();
        if first.is_empty() {
            let hint = "write the passphrase into the first line, or remove KEY_PASSPHRASE_FILE";
            return Err(error(file, "holds no passphrase", hint).into());
        }
        Ok(Self {
            value: Secret::new(first.to_vec()),
            digest: sha256(&bytes),
        })
    }
}

/// Makes a key ready to sign. `None` for a block that holds no key.
pub(super) fn signing_key(
    item: &PemItem,
    file: &FileRef,
    passphrase: Option<&Passphrase>,
    provider: &dyn KeyProvider,
) -> Option<Result<Arc<dyn SigningKey>, Problems>> {
    let der = match &item.content {
        PemContent::Key(der) => Ok(der.clone_key()),
        PemContent::EncryptedKey(pem) => decrypted(pem, file, passphrase),
        PemContent::Certificate(_) | PemContent::RevocationList(_) | PemContent::Foreign(_) => {
            return None;
        }
    };
    Some(der.and_then(|der| {
        provider.load_private_key(der).map_err(|_too_technical| {
            let what = format!(
                "holds a private key in line {} of a kind that is not supported",
                item.line
            );
            let hint = "use RSA with 2048 bits or more, ECDSA on P-256 or P-384, or Ed25519";
            error(file, &what, hint).into()
        })
    }))
}

fn decrypted(
    pem: &Secret<String>,
    file: &FileRef,
    passphrase: Option<&Passphrase>,
) -> Result<PrivateKeyDer<'static>, Problems> {
    let Some(passphrase) = passphrase else {
        let hint = "put the passphrase into a file of its own and name it in KEY_PASSPHRASE_FILE";
        return Err(error(file, "holds an encrypted private key", hint).into());
    };
    let unreadable = || -> Problems {
        let what = "holds a private key whose encryption is not supported";
        error(file, what, rewrap(&file.path)).into()
    };
    let (_label, document) =
        SecretDocument::from_pem(pem.expose()).map_err(|_pem_detail| unreadable())?;
    let info = EncryptedPrivateKeyInfoOwned::from_der(document.as_bytes())
        .map_err(|_unknown_scheme| unreadable())?;
    match info.decrypt(passphrase.value.expose()) {
        Ok(key) => Ok(PrivatePkcs8KeyDer::from(key.as_bytes().to_vec()).into()),
        // Some wrong passphrases pass the padding check and then leave bytes that are no key.
        Err(
            pkcs8::Error::EncryptedPrivateKey(pkcs8::pkcs5::Error::DecryptFailed)
            | pkcs8::Error::Asn1(_),
        ) => Err(error(
            file,
            "cannot be opened with the passphrase in KEY_PASSPHRASE_FILE",
            "check the passphrase, including blanks at its end",
        )
        .into()),
        Err(_) => Err(unreadable()),
    }
}
