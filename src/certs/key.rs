//! Private keys: from a PEM block, opened with the passphrase where it is encrypted.

use std::sync::Arc;

use pkcs8::der::{Decode as _, SecretDocument};
use pkcs8::pkcs5::EncryptionScheme;
use pkcs8::pkcs5::pbes2::Kdf;
use pkcs8::{EncryptedPrivateKeyInfoOwned, PrivateKeyInfoRef};
use rustls::crypto::KeyProvider;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::SigningKey;

use crate::certs::der::{self, NotDer, Reader};
use crate::certs::digest::sha256;
use crate::certs::pem::{PemContent, PemItem, error, read_bounded, rewrap, strip_mark};
use crate::config::problem::Problems;
use crate::config::settings::FileRef;
use crate::model::Secret;

/// A passphrase as its file holds it: the first line.
pub(super) struct Passphrase {
    pub(super) value: Secret<Vec<u8>>,
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
    match unlock(document.as_bytes(), passphrase.value.expose()) {
        Ok(key) => Ok(key),
        Err(Lock::OtherPassphrase) => Err(error(
            file,
            "cannot be opened with the passphrase in KEY_PASSPHRASE_FILE",
            "check the passphrase, including blanks at its end",
        )
        .into()),
        Err(Lock::UnknownScheme) => Err(unreadable()),
    }
}

/// Why an encrypted key stays shut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lock {
    /// The passphrase is another one.
    OtherPassphrase,
    /// It is encrypted in a way that nobody here knows.
    UnknownScheme,
}

/// Opens an encrypted PKCS#8 key, given in DER.
pub(super) fn unlock(encrypted: &[u8], passphrase: &[u8]) -> Result<PrivateKeyDer<'static>, Lock> {
    let info = EncryptedPrivateKeyInfoOwned::from_der(encrypted)
        .map_err(|_unknown_scheme| Lock::UnknownScheme)?;
    if is_excessive(&info.encryption_algorithm) {
        return Err(Lock::UnknownScheme);
    }
    match info.decrypt(passphrase) {
        Ok(key) => Ok(PrivatePkcs8KeyDer::from(key.as_bytes().to_vec()).into()),
        // Some wrong passphrases pass the padding check and then leave bytes that are no key.
        Err(
            pkcs8::Error::EncryptedPrivateKey(pkcs8::pkcs5::Error::DecryptFailed)
            | pkcs8::Error::Asn1(_),
        ) => Err(Lock::OtherPassphrase),
        Err(_) => Err(Lock::UnknownScheme),
    }
}

/// Whether opening it would take more than any tool asks for that writes keys: a file says by itself how
/// much work and memory its passphrase costs, and may say what nobody has.
fn is_excessive(scheme: &EncryptionScheme) -> bool {
    let EncryptionScheme::Pbes2(parameters) = scheme else {
        return false;
    };
    match &parameters.kdf {
        Kdf::Pbkdf2(own) => own.iteration_count > MOST_ROUNDS,
        Kdf::Scrypt(own) => {
            let block = u64::from(own.block_size).saturating_mul(128);
            // Of another number than a power of two the library makes a panic.
            !own.cost_parameter.is_power_of_two()
                || own.cost_parameter.saturating_mul(block) > MOST_MEMORY
                || own.parallelization > MOST_LANES
        }
        _ => false,
    }
}

/// OpenSSL writes 2,048, careful people a million; ten times that takes some seconds.
const MOST_ROUNDS: u32 = 10_000_000;

/// OpenSSL's scrypt takes 16 MB, and refuses more than 32 itself unless it is told.
const MOST_MEMORY: u64 = 256 << 20;

/// Each is another round over all of the memory; OpenSSL takes one.
const MOST_LANES: u16 = 16;

/// Encrypts a key that is given as PKCS#8, so that it can be opened again by [`unlock`]; `None` if
/// the system has no randomness.
pub(super) fn lock(key: &[u8], passphrase: &[u8]) -> Option<Vec<u8>> {
    let key = PrivateKeyInfoRef::try_from(key).ok()?;
    let locked = key.encrypt(passphrase).ok()?;
    Some(locked.as_bytes().to_vec())
}

/// A key as PKCS#8, which is the one form that everybody reads; `None` for a SEC1 key that does not
/// say on which curve it is.
pub(super) fn as_pkcs8(key: &PrivateKeyDer<'_>) -> Option<Vec<u8>> {
    let (algorithm, inner) = match key {
        PrivateKeyDer::Pkcs8(key) => return Some(key.secret_pkcs8_der().to_vec()),
        PrivateKeyDer::Pkcs1(key) => {
            let null = der::element(NULL, &[]);
            let rsa = der::element(der::OID, RSA_ENCRYPTION);
            (der::sequence(&[&rsa, &null]), key.secret_pkcs1_der())
        }
        PrivateKeyDer::Sec1(key) => {
            let curve = curve_of(key.secret_sec1_der()).ok()?;
            let ec = der::element(der::OID, EC_PUBLIC_KEY);
            (der::sequence(&[&ec, curve]), key.secret_sec1_der())
        }
        _ => return None,
    };
    let version = der::element(der::INTEGER, &[0]);
    let inner = der::element(der::OCTET_STRING, inner);
    Some(der::sequence(&[&version, &algorithm, &inner]))
}

/// SHA-256 of the public key that belongs to a private one, with its algorithm: what a certificate for
/// it has as [`CertificateFacts::spki`](crate::certs::CertificateFacts::spki). `None` for a kind that is
/// not supported.
pub fn public_key_digest(key: &PrivateKeyDer<'_>, keys: &dyn KeyProvider) -> Option<[u8; 32]> {
    let key = keys.load_private_key(key.clone_key()).ok()?;
    Some(sha256(&key.public_key()?))
}

/// The object identifier of the curve, with its header.
fn curve_of(sec1: &[u8]) -> Result<&[u8], NotDer> {
    let mut fields = Reader::new(Reader::single(sec1, der::SEQUENCE)?);
    fields.contents(der::INTEGER)?;
    fields.contents(der::OCTET_STRING)?;
    Reader::new(fields.contents(PARAMETERS)?).whole(der::OID)
}

const NULL: u8 = 0x05;

/// The first tagged field of a SEC1 key.
const PARAMETERS: u8 = 0xa0;

/// 1.2.840.113549.1.1.1.
const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];

/// 1.2.840.10045.2.1.
const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certs::testdata::{PASSPHRASE, PKCS8_KEY, SEC1_KEY, file};
    fn key_provider() -> &'static dyn KeyProvider {
        rustls::ServerConfig::builder()
            .crypto_provider()
            .key_provider
    }

    fn key(text: &str) -> PrivateKeyDer<'static> {
        let dir = tempfile::tempdir().expect("a folder");
        let pem = crate::certs::pem::PemFile::read(&file(dir.path(), "k.pem", text));
        let pem = pem.expect("read");
        let PemContent::Key(key) = &pem.items.first().expect("one").content else {
            panic!("a key");
        };
        key.clone_key()
    }

    #[test]
    fn a_key_of_another_form_becomes_the_same_key_as_pkcs8() {
        let again = as_pkcs8(&key(SEC1_KEY)).expect("a curve");
        let again = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(again));
        let public = |key| {
            let key = key_provider().load_private_key(key).expect("a key");
            key.public_key().expect("known").to_vec()
        };
        assert_eq!(public(again), public(key(PKCS8_KEY)));
    }

    /// An encrypted key of which the function that makes a key of its passphrase is this one.
    fn locked_by(function: &[u8]) -> Vec<u8> {
        let cipher = der::sequence(&[
            &der::element(der::OID, &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1, 42]),
            &der::element(der::OCTET_STRING, &[7; 16]),
        ]);
        let pbes2 = der::element(der::OID, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, 13]);
        let scheme = der::sequence(&[&pbes2, &der::sequence(&[function, &cipher])]);
        der::sequence(&[&scheme, &der::element(der::OCTET_STRING, &[1; 32])])
    }

    fn scrypt(cost: &[u8], block: &[u8], lanes: &[u8]) -> Vec<u8> {
        let oid = der::element(der::OID, &[0x2b, 6, 1, 4, 1, 0xda, 0x47, 4, 11]);
        let number = |bytes| der::element(der::INTEGER, bytes);
        let salt = der::element(der::OCTET_STRING, b"salt");
        let all = der::sequence(&[&salt, &number(cost), &number(block), &number(lanes)]);
        locked_by(&der::sequence(&[&oid, &all]))
    }

    fn pbkdf2(rounds: &[u8]) -> Vec<u8> {
        let oid = der::element(der::OID, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, 12]);
        let prf = der::element(der::OID, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 2, 9]);
        let prf = der::sequence(&[&prf, &der::element(5, &[])]);
        let salt = der::element(der::OCTET_STRING, b"salt");
        let all = der::sequence(&[&salt, &der::element(der::INTEGER, rounds), &prf]);
        locked_by(&der::sequence(&[&oid, &all]))
    }

    #[test]
    fn a_key_that_wants_more_work_or_memory_than_any_tool_asks_for_stays_shut() {
        let thousand = [0x04, 0x00];
        for excessive in [
            scrypt(&[0], &[8], &[1]),
            scrypt(&[3], &[8], &[1]),
            scrypt(&[1, 0, 0, 0, 0, 0], &[8], &[1]),
            scrypt(&thousand, &[0x7f, 0xff], &[1]),
            scrypt(&thousand, &[8], &[0x7f, 0xff]),
            pbkdf2(&[0x05, 0xf0, 0, 0]),
        ] {
            let shut = unlock(&excessive, b"x").expect_err("shut");
            assert_eq!(shut, Lock::UnknownScheme, "{excessive:02x?}");
        }
        for usual in [scrypt(&thousand, &[8], &[1]), pbkdf2(&[0x08, 0x00])] {
            let shut = unlock(&usual, b"x").expect_err("shut");
            assert_eq!(shut, Lock::OtherPassphrase, "{usual:02x?}");
        }
    }

    #[test]
    fn a_key_that_was_locked_is_opened_by_its_passphrase_alone() {
        let plain = as_pkcs8(&key(PKCS8_KEY)).expect("PKCS#8");
        let locked = lock(&plain, PASSPHRASE.as_bytes()).expect("randomness");
        let opened = unlock(&locked, PASSPHRASE.as_bytes()).expect("opened");
        assert_eq!(opened.secret_der(), plain);
        assert_eq!(
            unlock(&locked, b"another").expect_err("shut"),
            Lock::OtherPassphrase
        );
        assert_eq!(unlock(&plain, b"").expect_err("shut"), Lock::UnknownScheme);
    }
}
