//! What TLS is configured with, for the listening and for the dialling role.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::config::problem::Place;
use crate::model::{HostPort, WallTime};

/// A file that a key names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRef {
    /// The value as written.
    pub written: String,
    /// The path it resolves to.
    pub path: PathBuf,
    /// The key, for messages about the file's content.
    pub place: Place,
}

/// Certificate and key of the gateway, as files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdentityFiles {
    /// `PEM_FILE`: both in one file, in either order.
    Combined(FileRef),
    /// `CRT_FILE` and `KEY_FILE`.
    Pair {
        /// `CRT_FILE`: the certificate, then any intermediates.
        certificate: FileRef,
        /// `KEY_FILE`: the private key.
        key: FileRef,
    },
}

impl IdentityFiles {
    /// The file with the certificate.
    pub const fn certificate(&self) -> &FileRef {
        match self {
            Self::Combined(file) => file,
            Self::Pair { certificate, .. } => certificate,
        }
    }
}

/// Files that one TLS role needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// `CA_FILE`: whom to believe. A bundle is allowed.
    pub ca: FileRef,
    /// Who we are.
    pub identity: IdentityFiles,
    /// `KEY_PASSPHRASE_FILE`: opens an encrypted key.
    pub passphrase: Option<FileRef>,
    /// `NEXT_FROM` and the files beside it: who we are from then on.
    pub next: Option<Successor>,
    /// Whom to believe no more. `None`: no certificate is looked up in a revocation list.
    pub revocation: Option<RevocationSettings>,
}

impl TlsFiles {
    /// All of them.
    pub(in crate::config) fn all(&self) -> impl Iterator<Item = &FileRef> {
        let next = self.next.iter();
        let next = next.flat_map(|next| next.identity.all().chain(&next.passphrase));
        let files = self.identity.all().chain([&self.ca]);
        let lists = self.revocation.iter().flat_map(|own| &own.lists);
        files.chain(&self.passphrase).chain(next).chain(lists)
    }
}

impl IdentityFiles {
    /// Both, or the one that is both.
    pub(in crate::config) fn all(&self) -> impl Iterator<Item = &FileRef> {
        let files = match self {
            Self::Combined(pem) => [Some(pem), None],
            Self::Pair { certificate, key } => [Some(certificate), Some(key)],
        };
        files.into_iter().flatten()
    }
}

/// The certificate and key that take the place of the present ones at a date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Successor {
    /// `NEXT_PEM_FILE`, or `NEXT_CRT_FILE` and `NEXT_KEY_FILE`.
    pub identity: IdentityFiles,
    /// `NEXT_KEY_PASSPHRASE_FILE`.
    pub passphrase: Option<FileRef>,
    /// `NEXT_FROM`: the first second in which they are shown.
    pub from: WallTime,
    /// The key `NEXT_FROM`, for messages about the date.
    pub place: Place,
}

/// Revocation lists, and how much they are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevocationSettings {
    /// `CRL_FILE`: files and folders; never empty.
    pub lists: Vec<FileRef>,
    /// `CRL_EXPIRED`.
    pub expired: ExpiredLists,
    /// `CRL_COVERAGE`.
    pub coverage: ListCoverage,
}

/// What happens once the list that counts is past its `nextUpdate`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExpiredLists {
    /// Nobody is let in by it.
    Refuse,
    /// It goes on to count for so long.
    Grace(Duration),
    /// It goes on to count.
    Ignore,
}

/// Which certificates of a chain have to be covered by a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ListCoverage {
    /// The peer's own.
    Leaf,
    /// All but the root.
    Chain,
    /// None; where there is a list it is asked.
    Any,
}

/// A TLS protocol version that is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TlsVersion {
    /// TLS 1.2.
    V1_2,
    /// TLS 1.3.
    V1_3,
}

/// Protocol versions and cipher suites of one role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsParameters {
    /// `MIN_VERSION`.
    pub min: TlsVersion,
    /// `MAX_VERSION`.
    pub max: TlsVersion,
    /// `CIPHERSUITES` in SAP's own syntax, with its place; `None` means all that are safe.
    pub cipher_suites: Option<(String, Place)>,
}

/// Whether a client has to show a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClientAuth {
    /// No certificate, no connection (SAP: `VCLIENT=2`).
    Require,
    /// A certificate is asked for; one that is shown has to be valid (SAP: `VCLIENT=1`).
    Request,
    /// No certificate is asked for (SAP: `VCLIENT=0`).
    None,
}

/// Session resumption on our listeners.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionSettings {
    /// How long a session may be resumed.
    pub lifetime: Duration,
    /// Sessions kept for clients that resume by session id.
    pub cache_size: usize,
    /// Whether stateless tickets are handed out.
    pub tickets: bool,
}

/// Where answers about certificates are had: `http://host:port/path`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResponderUrl {
    /// The host and its port.
    pub target: HostPort,
    /// What is asked for there, with its first slash.
    pub path: String,
}

impl fmt::Display for ResponderUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}{}", self.target, self.path)
    }
}

/// What becomes of a client of whom the responder says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unanswered {
    /// It is refused.
    Refuse,
    /// It is served.
    Serve,
}

/// Whether clients have been withdrawn is asked of a responder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OcspSettings {
    /// `OCSP_RESPONDER`.
    pub responder: ResponderUrl,
    /// `OCSP_TIMEOUT`: for one question, from the dial to the last byte of the answer.
    pub timeout: Duration,
    /// `OCSP_UNANSWERED`.
    pub unanswered: Unanswered,
    /// `OCSP_MAX_AGE`: after so long an answer is asked for again, although it may still hold. If
    /// there is no new one then, it counts until the end that it names itself.
    pub max_age: Duration,
}

/// The SHA-256 of a public key, or its beginning: enough to tell one authority from all others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyDigest(String);

impl KeyDigest {
    /// So many hexadecimal digits tell any two keys apart that a company ever has.
    pub const SHORTEST: usize = 16;

    /// Reads hexadecimal digits, in any case and with or without colons.
    pub(in crate::config) fn parse(text: &str) -> Option<Self> {
        let digits: String = text.chars().filter(|c| *c != ':').collect();
        let is_digest = (Self::SHORTEST..=64).contains(&digits.len())
            && digits.bytes().all(|b| b.is_ascii_hexdigit());
        is_digest.then(|| Self(digits.to_ascii_lowercase()))
    }

    /// Whether it is the digest of this key, given in lower-case hexadecimal.
    pub fn is_of(&self, key: &str) -> bool {
        key.starts_with(&self.0)
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How an authority leaves `CA_FILE` whose clients may still be at work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DropGuard {
    /// `CA_DROP_GUARD`: how long after its last use an authority is not dropped unasked; 0 is off.
    pub within: Duration,
    /// `CA_RETIRED`: authorities that may be dropped all the same.
    pub retired: Option<Retired>,
}

/// `CA_RETIRED`, where it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retired {
    /// The authorities by their keys.
    pub keys: Vec<KeyDigest>,
    /// The key, for messages.
    pub place: Place,
}

/// The listening role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerTls {
    /// Certificate, key, trust.
    pub files: TlsFiles,
    /// Who is asked whether clients have been withdrawn, if anybody.
    pub ocsp: Option<OcspSettings>,
    /// Versions and suites.
    pub parameters: TlsParameters,
    /// `CLIENT_AUTH`.
    pub client_auth: ClientAuth,
    /// Session resumption.
    pub session: SessionSettings,
    /// What has to be so before an authority is dropped.
    pub guard: DropGuard,
}

/// The dialling role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientTls {
    /// Certificate, key, trust.
    pub files: TlsFiles,
    /// Versions and suites.
    pub parameters: TlsParameters,
    /// `LEGACY_CN_MATCH`: accept a server certificate without any subject alternative name whose
    /// common name is the host's. Off unless asked for; loud when on.
    pub legacy_cn_match: bool,
}
