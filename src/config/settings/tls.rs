//! What TLS is configured with, for the listening and for the dialling role.

use std::path::PathBuf;
use std::time::Duration;

use crate::config::problem::Place;

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

/// Files that one TLS role needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// `CA_FILE`: whom to believe. A bundle is allowed.
    pub ca: FileRef,
    /// Who we are.
    pub identity: IdentityFiles,
    /// `KEY_PASSPHRASE_FILE`: opens an encrypted key.
    pub passphrase: Option<FileRef>,
    /// Whom to believe no more. `None`: no certificate is looked up in a revocation list.
    pub revocation: Option<RevocationSettings>,
}

impl TlsFiles {
    /// All of them.
    pub(in crate::config) fn all(&self) -> impl Iterator<Item = &FileRef> {
        let identity = match &self.identity {
            IdentityFiles::Combined(pem) => [Some(pem), None],
            IdentityFiles::Pair { certificate, key } => [Some(certificate), Some(key)],
        };
        let files = identity.into_iter().flatten().chain([&self.ca]);
        let lists = self.revocation.iter().flat_map(|own| &own.lists);
        files.chain(&self.passphrase).chain(lists)
    }
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

/// The listening role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerTls {
    /// Certificate, key, trust.
    pub files: TlsFiles,
    /// Versions and suites.
    pub parameters: TlsParameters,
    /// `CLIENT_AUTH`.
    pub client_auth: ClientAuth,
    /// Session resumption.
    pub session: SessionSettings,
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
