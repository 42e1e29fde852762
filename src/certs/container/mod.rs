//! [`Contents`]: what a file of certificates or keys holds, whatever form it has.
//!
//! For the commands that look into what an operator was given, and that turn it into what the daemon
//! reads. The daemon itself reads PEM and nothing else ([`crate::certs::pem`]): what it would have to
//! guess at is named there, with the command that converts it.

mod armour;
mod pkcs12;
mod pkcs7;

use std::fmt;
use std::path::Path;

use memchr::memmem;
use rustls::pki_types::{
    CertificateDer, CertificateRevocationListDer, PrivateKeyDer, PrivatePkcs8KeyDer,
};

use crate::certs::fitness::chains;
use crate::certs::inspect::{CertificateFacts, RequestFacts};
use crate::certs::key::{self, Lock};
use crate::certs::pem::{Foreign, Labelled, PemContent, error, labelled, read_bounded, strip_mark};
use crate::config::problem::{Place, Problems};
use crate::config::settings::FileRef;
use crate::model::{Secret, WallTime};

pub use armour::{Label, armoured};
pub use pkcs7::write_pkcs7;
pub use pkcs12::{Cipher, NotWritten, write_pkcs12};

/// A certificate in DER.
pub type Der = CertificateDer<'static>;

/// A private key, opened.
pub type Key = PrivateKeyDer<'static>;

/// The form of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Blocks of base64 with `BEGIN` and `END` lines.
    Pem,
    /// Base64 without them.
    BareBase64,
    /// One certificate in DER.
    DerCertificate,
    /// One revocation list in DER.
    DerList,
    /// One private key in DER.
    DerKey,
    /// One certificate request in DER.
    DerRequest,
    /// PKCS#7, a `.p7b`.
    Pkcs7,
    /// PKCS#12, a `.pfx` or `.p12`.
    Pkcs12,
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pem => "PEM",
            Self::BareBase64 => "base64 without BEGIN and END lines",
            Self::DerCertificate => "a certificate in DER",
            Self::DerList => "a revocation list in DER",
            Self::DerKey => "a private key in DER",
            Self::DerRequest => "a certificate request in DER",
            Self::Pkcs7 => "PKCS#7 (P7B)",
            Self::Pkcs12 => "PKCS#12 (PFX)",
        })
    }
}

/// Why a file is not read.
#[derive(Debug, thiserror::Error)]
pub enum Unread {
    /// It is encrypted, and no passphrase was given.
    #[error("it is encrypted, and there is no passphrase for it")]
    Locked,
    /// It is encrypted with another passphrase.
    #[error("it is locked with another passphrase")]
    OtherPassphrase,
    /// It cannot be read, or holds something else.
    #[error("{0}")]
    Unfit(Problems),
}

impl From<Problems> for Unread {
    fn from(problems: Problems) -> Self {
        Self::Unfit(problems)
    }
}

/// All that a file holds, each kind in the order of the file.
#[derive(Debug)]
pub struct Contents {
    /// The form it has.
    pub form: Form,
    /// Certificates.
    pub certificates: Vec<CertificateDer<'static>>,
    /// Private keys, opened.
    pub keys: Vec<PrivateKeyDer<'static>>,
    /// Certificate requests.
    pub requests: Vec<Vec<u8>>,
    /// Revocation lists.
    pub lists: Vec<CertificateRevocationListDer<'static>>,
    /// What else is there, in words that complete "the file ...".
    pub others: Vec<String>,
}

impl Contents {
    /// Reads a file. A passphrase opens encrypted keys and PKCS#12.
    pub fn read(path: &Path, passphrase: Option<&Secret<Vec<u8>>>) -> Result<Self, Unread> {
        let file = named(path);
        let bytes = read_bounded(&file)?;
        Self::of(&file, &bytes, passphrase)
    }

    /// The same of what a file is known to hold.
    pub fn of(
        file: &FileRef,
        bytes: &[u8],
        passphrase: Option<&Secret<Vec<u8>>>,
    ) -> Result<Self, Unread> {
        let bytes = strip_mark(bytes);
        if memmem::find(bytes, b"-----BEGIN ").is_some() {
            return Self::of_pem(file, bytes, passphrase);
        }
        let kind = Foreign::sniff(bytes);
        match kind {
            Foreign::DerCertificate => Self::of_der(file, bytes),
            Foreign::DerRevocationList => {
                let mut found = Self::empty(Form::DerList);
                found.lists.push(bytes.to_vec().into());
                Ok(found)
            }
            Foreign::DerKey => {
                let mut found = Self::empty(Form::DerKey);
                let key = PrivateKeyDer::try_from(bytes.to_vec())
                    .map_err(|_unread| damaged(file, "private key"))?;
                found.keys.push(key);
                Ok(found)
            }
            Foreign::DerEncryptedKey => {
                let mut found = Self::empty(Form::DerKey);
                found.keys.push(opened(file, bytes, passphrase)?);
                Ok(found)
            }
            Foreign::DerPkcs7 => {
                let mut found = Self::empty(Form::Pkcs7);
                found.take_pkcs7(file, bytes)?;
                Ok(found)
            }
            Foreign::Pkcs12 => {
                let mut found = Self::empty(Form::Pkcs12);
                found.take_pkcs12(file, bytes, passphrase)?;
                Ok(found)
            }
            Foreign::BareBase64 => {
                let inner = armour::bare(bytes).ok_or_else(|| damaged(file, "base64"))?;
                let form = Form::BareBase64;
                Ok(Self {
                    form,
                    ..Self::of(file, &inner, passphrase)?
                })
            }
            other @ (Foreign::Empty
            | Foreign::Utf16
            | Foreign::PlainText
            | Foreign::PemPkcs7
            | Foreign::LegacyEncryptedKey
            | Foreign::TrustedCertificate
            | Foreign::Request
            | Foreign::PublicKey
            | Foreign::OtherLabel(_)
            | Foreign::Binary) => Err(Problems::from(other.problem(file)).into()),
        }
    }

    fn empty(form: Form) -> Self {
        Self {
            form,
            certificates: Vec::new(),
            keys: Vec::new(),
            requests: Vec::new(),
            lists: Vec::new(),
            others: Vec::new(),
        }
    }

    /// A certificate and a request begin alike.
    fn of_der(file: &FileRef, bytes: &[u8]) -> Result<Self, Unread> {
        if CertificateFacts::of(bytes).is_ok() {
            let mut found = Self::empty(Form::DerCertificate);
            found.certificates.push(bytes.to_vec().into());
            return Ok(found);
        }
        if RequestFacts::of(bytes).is_ok() {
            let mut found = Self::empty(Form::DerRequest);
            found.requests.push(bytes.to_vec());
            return Ok(found);
        }
        Err(damaged(file, "certificate"))
    }

    fn of_pem(
        file: &FileRef,
        bytes: &[u8],
        passphrase: Option<&Secret<Vec<u8>>>,
    ) -> Result<Self, Unread> {
        let mut found = Self::empty(Form::Pem);
        for block in labelled(file, bytes)? {
            found.take_block(file, block, passphrase)?;
        }
        Ok(found)
    }

    fn take_block(
        &mut self,
        file: &FileRef,
        block: Labelled,
        passphrase: Option<&Secret<Vec<u8>>>,
    ) -> Result<(), Unread> {
        match block.content {
            None => {}
            Some(PemContent::Certificate(der)) => self.certificates.push(der),
            Some(PemContent::Key(key)) => self.keys.push(key),
            Some(PemContent::EncryptedKey(_)) => {
                self.keys.push(opened(file, &block.bytes, passphrase)?);
            }
            Some(PemContent::RevocationList(list)) => self.lists.push(list),
            Some(PemContent::Foreign(Foreign::PemPkcs7)) => {
                self.form = Form::Pkcs7;
                self.take_pkcs7(file, &block.bytes)?;
            }
            Some(PemContent::Foreign(Foreign::Request)) => self.requests.push(block.bytes),
            Some(PemContent::Foreign(other)) => {
                self.others
                    .push(format!("{} in line {}", other.what(), block.line));
            }
        }
        Ok(())
    }

    fn take_pkcs7(&mut self, file: &FileRef, bytes: &[u8]) -> Result<(), Unread> {
        let held = pkcs7::read_pkcs7(bytes).map_err(|_not_der| {
            let what = "is a PKCS#7 container that cannot be read";
            let hint = "export it again as \"PKCS #7 certificates (.P7B)\", or use openssl pkcs7 -print_certs";
            Problems::from(error(file, what, hint))
        })?;
        self.certificates.extend(held.certificates);
        self.lists.extend(held.lists);
        Ok(())
    }

    fn take_pkcs12(
        &mut self,
        file: &FileRef,
        bytes: &[u8],
        passphrase: Option<&Secret<Vec<u8>>>,
    ) -> Result<(), Unread> {
        let held = pkcs12::read_pkcs12(bytes, passphrase).map_err(|defect| match defect {
            pkcs12::Defect::Locked => Unread::Locked,
            pkcs12::Defect::OtherPassphrase => Unread::OtherPassphrase,
            pkcs12::Defect::Unreadable(cause) => {
                let what = format!("is a PKCS#12 container (PFX) that cannot be read: {cause}");
                let hint = "export it again with \"TripleDES-SHA1\" or \"AES256-SHA256\", or use \
                     openssl pkcs12 -legacy -noenc";
                Unread::Unfit(error(file, &what, hint).into())
            }
        })?;
        self.certificates.extend(held.certificates);
        self.keys.extend(held.keys);
        Ok(())
    }

    /// The chains that its certificates make; see [`chains`].
    pub fn chains(&self, now: WallTime) -> Vec<Vec<usize>> {
        chains(&self.certificates, now)
    }

    /// Whether there is nothing in it that anybody could use.
    pub fn is_empty(&self) -> bool {
        self.certificates.is_empty()
            && self.keys.is_empty()
            && self.requests.is_empty()
            && self.lists.is_empty()
    }
}

/// A file that an operator has named on the command line.
pub fn named(path: &Path) -> FileRef {
    FileRef {
        written: path.display().to_string(),
        path: path.to_owned(),
        place: Place::file(path),
    }
}

/// A private key that is given as PKCS#8.
pub fn key_of(pkcs8: Vec<u8>) -> Key {
    PrivatePkcs8KeyDer::from(pkcs8).into()
}

/// A private key as PKCS#8, not encrypted; `None` for one whose form does not say what it is.
pub fn key_as_pkcs8(key: &PrivateKeyDer<'_>) -> Option<PrivatePkcs8KeyDer<'static>> {
    key::as_pkcs8(key).map(PrivatePkcs8KeyDer::from)
}

/// The same key, encrypted; `None` if the system has no randomness.
pub fn locked_key(key: &PrivatePkcs8KeyDer<'_>, passphrase: &Secret<Vec<u8>>) -> Option<Vec<u8>> {
    key::lock(key.secret_pkcs8_der(), passphrase.expose())
}

fn opened(
    file: &FileRef,
    bytes: &[u8],
    passphrase: Option<&Secret<Vec<u8>>>,
) -> Result<PrivateKeyDer<'static>, Unread> {
    let passphrase = passphrase.ok_or(Unread::Locked)?;
    key::unlock(bytes, passphrase.expose()).map_err(|lock| match lock {
        Lock::OtherPassphrase => Unread::OtherPassphrase,
        Lock::UnknownScheme => {
            let what = "holds a private key whose encryption is not supported";
            let hint = crate::certs::pem::rewrap(&file.path);
            Unread::Unfit(error(file, what, hint).into())
        }
    })
}

fn damaged(file: &FileRef, what: &str) -> Unread {
    let what = format!("seems to hold a {what} and cannot be read as one");
    let hint = "copy it again from where it was issued or exported, in binary mode";
    Unread::Unfit(error(file, &what, hint).into())
}

#[cfg(test)]
mod tests;
