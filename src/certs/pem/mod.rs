//! [`PemFile`]: one file, read once, as items with their place.
//!
//! The only user of `rustls-pemfile`, which passes over whatever it does not know without a word:
//! a bundle behind a byte-order mark, a PKCS#7 file or an encrypted key all read as "no items".
//! So the lines are walked here, each block is named, and only its body is decoded there.

mod foreign;

use std::fs::File;
use std::io::Read as _;

use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};

use crate::certs::digest::sha256;
pub use crate::certs::pem::foreign::Foreign;
pub(super) use crate::certs::pem::foreign::rewrap;
use crate::config::problem::{Problem, Problems};
use crate::config::settings::FileRef;
use crate::model::Secret;

/// The largest file of certificates or keys that is read. The largest public bundle of roots is a quarter of it; whatever
/// is larger is not a PEM file but a mistake.
const MAX_FILE: u64 = 1 << 20;

/// What one block of a file holds.
#[derive(Debug)]
pub enum PemContent {
    /// A certificate.
    Certificate(CertificateDer<'static>),
    /// A private key as PKCS#8, PKCS#1 or SEC1.
    Key(PrivateKeyDer<'static>),
    /// A private key as encrypted PKCS#8, still in PEM.
    EncryptedKey(Secret<String>),
    /// A revocation list.
    RevocationList(CertificateRevocationListDer<'static>),
    /// Something that is no certificate and no key, or not in a form that is read.
    Foreign(Foreign),
}

/// One block of a file.
#[derive(Debug)]
pub struct PemItem {
    /// What it holds.
    pub content: PemContent,
    /// The line of its `BEGIN`, counted from 1.
    pub line: u32,
}

/// A PEM file, read once.
#[derive(Debug)]
pub struct PemFile {
    /// The blocks in their order; never empty.
    pub items: Vec<PemItem>,
    /// SHA-256 of the bytes, so that a reload knows whether the file has changed.
    pub digest: [u8; 32],
}

impl PemFile {
    /// Reads a file. One that holds no block at all is a problem that says what it holds instead.
    pub fn read(file: &FileRef) -> Result<Self, Problems> {
        Self::of(file, &read_bounded(file)?)
    }

    /// The same of what a file is known to hold.
    pub(super) fn of(file: &FileRef, bytes: &[u8]) -> Result<Self, Problems> {
        let items = blocks(file, strip_mark(bytes))?;
        if items.is_empty() {
            let kind = Foreign::sniff(strip_mark(bytes));
            return Err(kind.problem(file).into());
        }
        Ok(Self {
            items,
            digest: sha256(bytes),
        })
    }

    /// The certificates with their lines.
    pub fn certificates(&self) -> impl Iterator<Item = (&CertificateDer<'static>, u32)> {
        self.items.iter().filter_map(|item| match &item.content {
            PemContent::Certificate(der) => Some((der, item.line)),
            PemContent::Key(_)
            | PemContent::EncryptedKey(_)
            | PemContent::RevocationList(_)
            | PemContent::Foreign(_) => None,
        })
    }

    /// The private keys, encrypted or not.
    pub fn keys(&self) -> impl Iterator<Item = &PemItem> {
        self.items.iter().filter(|item| {
            matches!(
                item.content,
                PemContent::Key(_) | PemContent::EncryptedKey(_)
            )
        })
    }

    /// The revocation lists with the lines where they begin.
    pub fn revocation_lists(
        &self,
    ) -> impl Iterator<Item = (&CertificateRevocationListDer<'static>, u32)> {
        self.items.iter().filter_map(|item| match &item.content {
            PemContent::RevocationList(list) => Some((list, item.line)),
            PemContent::Certificate(_)
            | PemContent::Key(_)
            | PemContent::EncryptedKey(_)
            | PemContent::Foreign(_) => None,
        })
    }

    /// What stands in the file and is of no use.
    pub fn foreign(&self) -> impl Iterator<Item = &Foreign> {
        self.items.iter().filter_map(|item| match &item.content {
            PemContent::Foreign(foreign) => Some(foreign),
            PemContent::Certificate(_)
            | PemContent::Key(_)
            | PemContent::EncryptedKey(_)
            | PemContent::RevocationList(_) => None,
        })
    }
}

/// A problem with what a file holds: it stands at the key that names the file, and names both the
/// value as written and the path it resolved to.
pub(super) fn error(file: &FileRef, what: &str, hint: impl Into<String>) -> Problem {
    let what = format!("the file \"{}\" {what}", file.path.display());
    Problem::error(file.place.clone(), what, hint).value(&file.written)
}

/// As [`error`], for what works today.
pub(super) fn warning(file: &FileRef, what: &str, hint: impl Into<String>) -> Problem {
    let what = format!("the file \"{}\" {what}", file.path.display());
    Problem::warning(file.place.clone(), what, hint).value(&file.written)
}

/// As [`error`], for what needs no hand.
pub(super) fn notice(file: &FileRef, what: &str, hint: impl Into<String>) -> Problem {
    let what = format!("the file \"{}\" {what}", file.path.display());
    Problem::notice(file.place.clone(), what, hint).value(&file.written)
}

/// Reads a small regular file; a device or a pipe could block the start for ever.
pub(super) fn read_bounded(file: &FileRef) -> Result<Vec<u8>, Problems> {
    read_at_most(file, MAX_FILE)
}

/// The same for a file that may be larger.
pub(super) fn read_at_most(file: &FileRef, most: u64) -> Result<Vec<u8>, Problems> {
    let unreadable = |cause: std::io::Error| -> Problems {
        let hint = "check that the path is right and that the service's user may read the file";
        error(file, &format!("cannot be read: {cause}"), hint).into()
    };
    let irregular = || -> Problems {
        let hint = "name the file itself, not the folder it is in";
        error(file, "is not a regular file", hint).into()
    };
    // Windows opens no folder, and says that access is denied.
    if file.path.is_dir() {
        return Err(irregular());
    }
    let opened = File::open(&file.path).map_err(unreadable)?;
    let metadata = opened.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(irregular());
    }
    let mut bytes = Vec::new();
    opened
        .take(most.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > most) {
        let what = format!("is larger than {most} bytes");
        let hint = "name the file that is meant; none that is of use here is as large";
        return Err(error(file, &what, hint).into());
    }
    Ok(bytes)
}

/// Reports revocation lists in a file where they would be passed over: the operator would believe
/// that somebody is shut out.
pub(super) fn refuse_lists(file: &FileRef, pem: &PemFile, problems: &mut Problems) {
    for (_, line) in pem.revocation_lists() {
        let what = format!("holds a revocation list in line {line}, which would have no effect");
        problems.push(error(file, &what, NOT_HERE));
    }
}

/// What to do about a list in another file.
const NOT_HERE: &str = "take the list out of the file and name it with CRL_FILE";

/// Without the UTF-8 byte-order mark that Windows editors write.
pub(super) fn strip_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

/// A block that has begun.
struct Open {
    label: String,
    line: u32,
    body: String,
}

fn blocks(file: &FileRef, bytes: &[u8]) -> Result<Vec<PemItem>, Problems> {
    let read = walk(file, bytes)?;
    let items = read.iter().map(|block| decode(file, block));
    Ok(items
        .collect::<Result<Vec<_>, _>>()?
        .into_iter()
        .flatten()
        .collect())
}

/// A block with all of its bytes, whatever it holds.
pub(super) struct Labelled {
    pub(super) line: u32,
    /// The bytes; empty where they are no base64, as in what OpenSSL encrypted its old way.
    pub(super) bytes: Vec<u8>,
    /// What it is to whoever reads certificates and keys; `None` for the parameters of a key.
    pub(super) content: Option<PemContent>,
}

/// All blocks of a text, those included that are of no use to the daemon.
pub(super) fn labelled(file: &FileRef, bytes: &[u8]) -> Result<Vec<Labelled>, Problems> {
    let read = walk(file, strip_mark(bytes))?;
    let each = read.into_iter().map(|block| {
        let content = decode(file, &block)?.map(|item| item.content);
        // Under this label the library hands out whatever is in there.
        let bytes = match known(file, "CERTIFICATE", &block) {
            Ok(PemContent::Certificate(der)) => der.to_vec(),
            Ok(_) | Err(_) => Vec::new(),
        };
        Ok(Labelled {
            line: block.line,
            bytes,
            content,
        })
    });
    each.collect()
}

fn walk(file: &FileRef, bytes: &[u8]) -> Result<Vec<Open>, Problems> {
    let mut read = Vec::new();
    let mut open: Option<Open> = None;
    for (line, text) in lines(bytes) {
        let Some(marker) = Marker::of(&text) else {
            if let Some(block) = &mut open {
                block.body.push_str(&text);
                block.body.push('\n');
            }
            continue;
        };
        open = match (marker, open.take()) {
            (Marker::Begin(label), None) => Some(Open {
                label,
                line,
                body: String::new(),
            }),
            (Marker::End(label), Some(block)) if label == block.label => {
                read.push(block);
                None
            }
            (_, Some(block)) => return Err(unfinished(file, &block)),
            (Marker::End(label), None) => {
                let what = format!("has an END of \"{label}\" in line {line} without a BEGIN");
                return Err(error(file, &what, COPY_AGAIN).into());
            }
        };
    }
    match open {
        Some(block) => Err(unfinished(file, &block)),
        None => Ok(read),
    }
}

/// The lines without blanks at either end; any of the three line ends ends one. What is no ASCII
/// is no part of a block, so it may be lost.
fn lines(bytes: &[u8]) -> impl Iterator<Item = (u32, String)> {
    let text = String::from_utf8_lossy(bytes).replace("\r\n", "\n");
    let lines: Vec<String> = text
        .split(['\n', '\r'])
        .map(|line| line.trim().to_owned())
        .collect();
    (1..).zip(lines)
}

enum Marker {
    Begin(String),
    End(String),
}

impl Marker {
    fn of(line: &str) -> Option<Self> {
        let inner = line.strip_prefix("-----")?.strip_suffix("-----")?;
        let label = |rest: &str| rest.escape_debug().to_string();
        if let Some(rest) = inner.strip_prefix("BEGIN ") {
            return Some(Self::Begin(label(rest)));
        }
        inner
            .strip_prefix("END ")
            .map(|rest| Self::End(label(rest)))
    }
}

fn unfinished(file: &FileRef, block: &Open) -> Problems {
    let what = format!(
        "has no END for the \"{}\" that begins in line {}",
        block.label, block.line
    );
    error(file, &what, COPY_AGAIN).into()
}

const COPY_AGAIN: &str =
    "the file was cut or edited; copy it again from where it was issued or exported";

/// Reads one block. Parameters that some tools write in front of a key are passed over.
fn decode(file: &FileRef, block: &Open) -> Result<Option<PemItem>, Problems> {
    let content = match block.label.as_str() {
        "EC PARAMETERS" | "DH PARAMETERS" => return Ok(None),
        "ENCRYPTED PRIVATE KEY" => {
            PemContent::EncryptedKey(Secret::new(armoured(&block.label, &block.body)))
        }
        _ if block.body.contains("Proc-Type:") => PemContent::Foreign(Foreign::LegacyEncryptedKey),
        // An old spelling of the same thing.
        "X509 CERTIFICATE" => known(file, "CERTIFICATE", block)?,
        "CERTIFICATE" | "PRIVATE KEY" | "RSA PRIVATE KEY" | "EC PRIVATE KEY" | "X509 CRL" => {
            known(file, &block.label, block)?
        }
        label => PemContent::Foreign(Foreign::of_label(label)),
    };
    Ok(Some(PemItem {
        content,
        line: block.line,
    }))
}

fn known(file: &FileRef, label: &str, block: &Open) -> Result<PemContent, Problems> {
    let text = armoured(label, &block.body);
    let Ok(Some((item, _rest))) = rustls_pemfile::read_one_from_slice(text.as_bytes()) else {
        let what = format!(
            "has a \"{}\" in line {} that is not valid base64",
            block.label, block.line
        );
        return Err(error(file, &what, COPY_AGAIN).into());
    };
    Ok(match item {
        rustls_pemfile::Item::X509Certificate(der) => PemContent::Certificate(der),
        rustls_pemfile::Item::Pkcs1Key(key) => PemContent::Key(key.into()),
        rustls_pemfile::Item::Pkcs8Key(key) => PemContent::Key(key.into()),
        rustls_pemfile::Item::Sec1Key(key) => PemContent::Key(key.into()),
        rustls_pemfile::Item::Crl(list) => PemContent::RevocationList(list),
        rustls_pemfile::Item::SubjectPublicKeyInfo(_) | rustls_pemfile::Item::Csr(_) | _ => {
            PemContent::Foreign(Foreign::of_label(&block.label))
        }
    })
}

fn armoured(label: &str, body: &str) -> String {
    format!("-----BEGIN {label}-----\n{body}-----END {label}-----\n")
}

#[cfg(test)]
mod tests;
