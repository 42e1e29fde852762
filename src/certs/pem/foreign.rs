//! [`Foreign`]: what operators have in their hands instead of PEM, and how to turn it into PEM.

use std::path::{Path, PathBuf};

use crate::certs::pem::{error, warning};
use crate::config::problem::Problem;
use crate::config::settings::FileRef;

/// Content that is no certificate and no key in a form that is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Foreign {
    /// No byte, or blanks only.
    Empty,
    /// Text in UTF-16, as Windows tools save it.
    Utf16,
    /// Text without any `BEGIN` line.
    PlainText,
    /// Base64 whose `BEGIN` and `END` lines are missing.
    BareBase64,
    /// One certificate in DER, the `.cer` of a Windows export.
    DerCertificate,
    /// One revocation list in DER.
    DerRevocationList,
    /// A private key in DER.
    DerKey,
    /// A private key in DER, encrypted.
    DerEncryptedKey,
    /// PKCS#7 in DER.
    DerPkcs7,
    /// PKCS#12, a `.pfx` or `.p12`.
    Pkcs12,
    /// PKCS#7 in PEM, the `.p7b` of a Windows authority.
    PemPkcs7,
    /// A key that OpenSSL encrypted the way of before PKCS#8.
    LegacyEncryptedKey,
    /// OpenSSL's certificate with trust settings appended.
    TrustedCertificate,
    /// A certificate request.
    Request,
    /// A public key.
    PublicKey,
    /// Another PEM label.
    OtherLabel(String),
    /// Other bytes.
    Binary,
}

impl Foreign {
    pub(super) fn of_label(label: &str) -> Self {
        match label {
            "PKCS7" | "PKCS #7 SIGNED DATA" | "CMS" => Self::PemPkcs7,
            "TRUSTED CERTIFICATE" => Self::TrustedCertificate,
            "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => Self::Request,
            "PUBLIC KEY" | "RSA PUBLIC KEY" => Self::PublicKey,
            _ => Self::OtherLabel(label.to_owned()),
        }
    }

    /// Names a file that holds no PEM block.
    pub(in crate::certs) fn sniff(bytes: &[u8]) -> Self {
        let nul_at = |index: usize| bytes.get(index) == Some(&0);
        if bytes.iter().all(u8::is_ascii_whitespace) {
            Self::Empty
        } else if bytes.starts_with(b"\xff\xfe")
            || bytes.starts_with(b"\xfe\xff")
            || (nul_at(1) && nul_at(3))
            || (nul_at(0) && nul_at(2))
        {
            Self::Utf16
        } else if bytes.first() == Some(&0x30) && !is_text(bytes) {
            Self::sniff_der(bytes)
        } else if bytes.starts_with(b"MI") && is_base64(bytes) {
            Self::BareBase64
        } else if is_text(bytes) {
            Self::PlainText
        } else {
            Self::Binary
        }
    }

    /// Tells DER files apart by what their outer sequence begins with.
    fn sniff_der(bytes: &[u8]) -> Self {
        let Some((0x30, inner)) = open_element(bytes) else {
            return Self::Binary;
        };
        match open_element(inner) {
            // contentType of a ContentInfo.
            Some((0x06, _)) => Self::DerPkcs7,
            Some((0x02, version)) => match (version.first(), after_element(inner)) {
                (Some(3), _) => Self::Pkcs12,
                // A version, then the algorithm (PKCS#8), a modulus (PKCS#1) or the key (SEC1).
                (Some(0 | 1), Some([0x30 | 0x02 | 0x04, ..])) => Self::DerKey,
                _ => Self::Binary,
            },
            // A certificate and an encrypted key both begin with a sequence: the key's is an
            // algorithm, so it begins with an object identifier.
            Some((0x30, first)) => match open_element(first) {
                Some((0x06, _)) => Self::DerEncryptedKey,
                _ if is_list(first) => Self::DerRevocationList,
                _ => Self::DerCertificate,
            },
            _ => Self::Binary,
        }
    }

    /// What the file is, completing "the file ... ".
    pub(in crate::certs) fn what(&self) -> String {
        match self {
            Self::Empty => "is empty".to_owned(),
            Self::Utf16 => "is text in UTF-16, which PEM never is".to_owned(),
            Self::PlainText => "is text that holds no PEM block".to_owned(),
            Self::BareBase64 => "holds base64 without its BEGIN and END lines".to_owned(),
            Self::DerCertificate => "is a certificate in DER, not in PEM".to_owned(),
            Self::DerRevocationList => {
                "is a revocation list in DER, and would have no effect".to_owned()
            }
            Self::DerKey => "is a private key in DER, not in PEM".to_owned(),
            Self::DerEncryptedKey => "is an encrypted private key in DER, not in PEM".to_owned(),
            Self::DerPkcs7 => "is a PKCS#7 container in DER, not in PEM".to_owned(),
            Self::Pkcs12 => "is a PKCS#12 container (PFX), not PEM".to_owned(),
            Self::PemPkcs7 => "holds a PKCS#7 container in place of certificates".to_owned(),
            Self::LegacyEncryptedKey => {
                "holds a key that OpenSSL encrypted in its old form (Proc-Type: 4,ENCRYPTED)"
                    .to_owned()
            }
            Self::TrustedCertificate => {
                "holds a \"TRUSTED CERTIFICATE\", a form that only OpenSSL reads".to_owned()
            }
            Self::Request => "holds a certificate request, not a certificate".to_owned(),
            Self::PublicKey => "holds a public key, not a certificate".to_owned(),
            Self::OtherLabel(label) => format!("holds a \"{label}\", which is of no use here"),
            Self::Binary => "is neither PEM nor a certificate container".to_owned(),
        }
    }

    /// What to do, with the exact command where there is one.
    fn hint(&self, path: &Path) -> String {
        let from = path.display();
        let to = converted(path);
        let to = to.display();
        let convert = || {
            format!(
                "convert it: crmgate certs convert \"{from}\" --to pem --out \"{to}\", and name the \
                 new file"
            )
        };
        match self {
            Self::Empty => "export the certificate or key again; the file was never filled".into(),
            Self::Utf16 => format!("convert it: iconv -f UTF-16 -t US-ASCII \"{from}\" > \"{to}\""),
            Self::PlainText | Self::Binary => {
                "name a file with a line such as -----BEGIN CERTIFICATE----- in it".into()
            }
            Self::DerRevocationList => super::NOT_HERE.into(),
            Self::BareBase64 | Self::DerCertificate | Self::DerPkcs7 | Self::PemPkcs7 => convert(),
            Self::DerKey => format!("{}; {KEY_NOTE}", convert()),
            Self::DerEncryptedKey | Self::Pkcs12 => format!(
                "{} (it asks for the passphrase; --passphrase-file FILE gives it, and \
                 --out-passphrase-file FILE locks the new one); {KEY_NOTE}",
                convert()
            ),
            Self::LegacyEncryptedKey => rewrap(path),
            Self::TrustedCertificate => {
                format!("convert it: openssl x509 -in \"{from}\" -out \"{to}\"")
            }
            Self::Request => "send the request to the authority and name the certificate it \
                 answers with"
                .into(),
            Self::PublicKey => "name the certificate, or the private key, itself".into(),
            Self::OtherLabel(_) => "name a file with a certificate or a private key".into(),
        }
    }

    /// Why the file cannot be used.
    pub fn problem(&self, file: &FileRef) -> Problem {
        error(file, &self.what(), self.hint(&file.path))
    }

    /// The same where something else in the file can be used.
    pub fn aside(&self, file: &FileRef) -> Problem {
        warning(file, &self.what(), self.hint(&file.path))
    }
}

/// Of a file that a conversion makes with a key in it.
const KEY_NOTE: &str = "it is readable for the account that makes it alone, and has to be for that of \
                        the service";

/// Whether what is signed is a revocation list: a version perhaps, an algorithm, an issuer and then
/// a date, where a certificate has its two dates in a sequence.
fn is_list(signed: &[u8]) -> bool {
    let algorithm = match signed.first() {
        Some(0x02) => after_element(signed),
        _ => Some(signed),
    };
    let issuer = algorithm.filter(|rest| rest.first() == Some(&0x30));
    let dates = issuer.and_then(after_element).and_then(after_element);
    matches!(dates, Some([0x17 | 0x18, ..]))
}

/// The command that turns an encrypted key of any age into one that is read.
pub(in crate::certs) fn rewrap(path: &Path) -> String {
    format!(
        "encrypt it anew: openssl pkcs8 -in \"{}\" -topk8 -v2 aes-256-cbc -v2prf hmacWithSHA256 \
         -out \"{}\"",
        path.display(),
        converted(path).display()
    )
}

/// Where a conversion may write: never over the file it reads, and never over what another one
/// wrote. So the old end of the name stays: `gw.crt` and `gw.key` become two files.
fn converted(path: &Path) -> PathBuf {
    let is_pem = path.extension().is_some_and(|end| end == "pem");
    let (kept, end) = if is_pem {
        (path.file_stem(), "-converted.pem")
    } else {
        (path.file_name(), ".pem")
    };
    let mut name = kept.unwrap_or_default().to_owned();
    name.push(end);
    path.with_file_name(name)
}

fn is_text(bytes: &[u8]) -> bool {
    let is_text_byte = |b: &u8| *b >= 0x20 || b.is_ascii_whitespace();
    bytes.iter().take(SNIFFED).all(is_text_byte)
}

fn is_base64(bytes: &[u8]) -> bool {
    let is_base64_byte = |b: &u8| {
        b.is_ascii_alphanumeric() || b.is_ascii_whitespace() || matches!(b, b'+' | b'/' | b'=')
    };
    bytes.iter().all(is_base64_byte)
}

/// How many bytes are looked at to tell text from binary: a line or two.
const SNIFFED: usize = 256;

/// The tag of the first DER element and what follows its header.
fn open_element(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let (tag, header, _length) = header(bytes)?;
    Some((tag, bytes.get(header..)?))
}

/// What follows the first DER element.
fn after_element(bytes: &[u8]) -> Option<&[u8]> {
    let (_tag, header, length) = header(bytes)?;
    bytes.get(header.checked_add(length)?..)
}

fn header(bytes: &[u8]) -> Option<(u8, usize, usize)> {
    let (tag, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    if *first < 0x80 {
        return Some((*tag, 2, usize::from(*first)));
    }
    let count = usize::from(*first & 0x7f);
    // Indefinite lengths (count 0) occur in old PKCS#12 files; their content follows all the same.
    if count > 4 {
        return None;
    }
    let digits = rest.get(..count)?;
    let length = digits.iter().fold(0_usize, |sum, digit| {
        sum.saturating_mul(256).saturating_add(usize::from(*digit))
    });
    Some((*tag, count.saturating_add(2), length))
}
