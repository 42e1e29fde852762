//! [`Roles`]: which section of `ssl.ini` counts for which role of which system.
//!
//! Most specific first: `[SSL_SERVER SAP2]`, `[SSL_SERVER_CLIENT SAP2]`, `[SSL_SERVER]`,
//! `[SSL_SERVER_CLIENT]`, `[SSL]`. Certificate and key are one thing and come from one section.

use std::path::{Path, PathBuf};

use crate::config::document::Document;
use crate::config::files;
use crate::config::keys::IniFile;
use crate::config::problem::{Place, Problem, Problems};
use crate::config::reader::Reader;
use crate::config::settings::{
    ClientAuth, ClientTls, ExpiredLists, FileRef, IdentityFiles, ListCoverage, RevocationSettings,
    ServerTls, SessionSettings, TlsFiles, TlsParameters, TlsVersion,
};
use crate::config::ssl_ini::{
    Role, RoleName, RoleSection, SslIni, WrittenIdentity, client_auth, list_coverage,
};
use crate::model::SystemName;

/// What became of reading `ssl.ini`.
#[derive(Debug)]
pub(super) enum SslFile {
    /// There is none, which is right where nothing needs it.
    Missing,
    /// There is one, and a problem already says why it cannot be read.
    Unreadable,
    /// There is one.
    Written(Box<SslIni>),
}

/// `ssl.ini` as far as it is there, and which of its sections have been used.
#[derive(Debug)]
pub(super) struct Roles {
    file: PathBuf,
    written: SslFile,
    defaults: Defaults,
    used: Vec<Place>,
}

/// What holds where no section says anything, from the table of keys.
#[derive(Debug)]
struct Defaults {
    min: TlsVersion,
    max: TlsVersion,
    expired: ExpiredLists,
    coverage: ListCoverage,
    client_auth: ClientAuth,
    session: SessionSettings,
    legacy_cn_match: bool,
}

impl Defaults {
    fn read(problems: &mut Problems) -> Self {
        let nothing = Document {
            file: PathBuf::new(),
            blocks: Vec::new(),
        };
        let mut base = Reader::new(&nothing, IniFile::Ssl, "SSL", problems);
        let min = base.get("MIN_VERSION").unwrap_or(TlsVersion::V1_2);
        let max = base.get("MAX_VERSION").unwrap_or(TlsVersion::V1_3);
        let mut role = Reader::new(&nothing, IniFile::Ssl, RoleName::TABLE_SECTION, problems);
        Self {
            min,
            max,
            expired: role.get("CRL_EXPIRED").unwrap_or(ExpiredLists::Refuse),
            coverage: list_coverage(role.value("CRL_COVERAGE")),
            client_auth: client_auth(role.value("CLIENT_AUTH")),
            session: SessionSettings {
                lifetime: role.value("SESSION_LIFETIME"),
                cache_size: role.value("SESSION_CACHE_SIZE"),
                tickets: role.value("SESSION_TICKETS"),
            },
            legacy_cn_match: role.value("LEGACY_CN_MATCH"),
        }
    }
}

impl Roles {
    /// Takes what `ssl.ini` says.
    pub(super) fn new(file: &Path, written: SslFile, problems: &mut Problems) -> Self {
        Self {
            file: file.to_owned(),
            written,
            defaults: Defaults::read(problems),
            used: Vec::new(),
        }
    }

    /// The listening role of a system; `needed_by` is the key that asks for it.
    pub(super) fn server(
        &mut self,
        system: &SystemName,
        needed_by: &Place,
        problems: &mut Problems,
    ) -> Option<ServerTls> {
        let chain = self.chain(Role::Server, system, needed_by, problems)?;
        let files = self.files(Role::Server, &chain, needed_by, problems);
        let auth = first(&chain, |section| section.client_auth.clone());
        if let Some((auth, place)) = &auth
            && *auth != ClientAuth::Require
        {
            problems.push(Problem::notice(
                place.clone(),
                format!("clients without a certificate are let in by the listeners of {system}"),
                "write CLIENT_AUTH=require unless that is meant",
            ));
        }
        let session = &self.defaults.session;
        Some(ServerTls {
            files: files?,
            parameters: self.parameters(&chain, problems),
            client_auth: auth.map_or(self.defaults.client_auth, |(auth, _)| auth),
            session: SessionSettings {
                lifetime: first(&chain, |s| s.lifetime).unwrap_or(session.lifetime),
                cache_size: first(&chain, |s| s.cache_size).unwrap_or(session.cache_size),
                tickets: first(&chain, |s| s.tickets).unwrap_or(session.tickets),
            },
        })
    }

    /// The dialling role of a system; `needed_by` is the key that asks for it.
    pub(super) fn client(
        &mut self,
        system: &SystemName,
        needed_by: &Place,
        problems: &mut Problems,
    ) -> Option<ClientTls> {
        let chain = self.chain(Role::Client, system, needed_by, problems)?;
        let files = self.files(Role::Client, &chain, needed_by, problems);
        let legacy = first(&chain, |section| section.legacy_cn_match.clone());
        if let Some((true, place)) = &legacy {
            problems.push(Problem::notice(
                place.clone(),
                format!("{system} accepts server certificates by their common name"),
                "have the certificate issued anew with a subject alternative name, then remove the \
                 line",
            ));
        }
        Some(ClientTls {
            files: files?,
            parameters: self.parameters(&chain, problems),
            legacy_cn_match: legacy.map_or(self.defaults.legacy_cn_match, |(on, _)| on),
        })
    }

    /// Tells of sections that no connection needs, once all systems have asked.
    pub(super) fn report_unused(&self, problems: &mut Problems) {
        let SslFile::Written(ssl) = &self.written else {
            return;
        };
        let unused = |section: &&RoleSection| !self.used.contains(&section.place);
        for section in ssl.sections.iter().filter(unused) {
            problems.push(Problem::notice(
                section.place.clone(),
                "no connection uses this section",
                "remove it, or see which listeners and targets ask for TLS",
            ));
        }
    }

    /// Looks at the files of sections that no connection asked for. For a load that has failed
    /// anyway: what would have asked may be what was refused, and one run shows all mistakes.
    pub(super) fn look_at_the_rest(&self, problems: &mut Problems) {
        let SslFile::Written(ssl) = &self.written else {
            return;
        };
        let unused = |section: &&RoleSection| !self.used.contains(&section.place);
        for section in ssl.sections.iter().filter(unused) {
            look_at(section.ca.as_ref(), section.identity.as_ref(), problems);
            look_at_lists(section.lists.as_deref().unwrap_or_default(), problems);
        }
    }

    /// The sections about a role of a system, most specific first.
    fn chain(
        &mut self,
        role: Role,
        system: &SystemName,
        needed_by: &Place,
        problems: &mut Problems,
    ) -> Option<Vec<RoleSection>> {
        let written = match &self.written {
            SslFile::Written(written) => written,
            SslFile::Unreadable => return None,
            SslFile::Missing => {
                problems.push(Problem::error(
                    Place::file(&self.file),
                    format!(
                        "ssl.ini is missing, and {} needs a certificate",
                        said(needed_by)
                    ),
                    "add ssl.ini with CA_FILE and PEM_FILE in [SSL_SERVER_CLIENT]",
                ));
                return None;
            }
        };
        let mut chain: Vec<RoleSection> = written
            .sections
            .iter()
            .filter(|section| section.concerns(role, system))
            .cloned()
            .collect();
        if chain.is_empty() {
            problems.push(Problem::error(
                Place::file(&self.file),
                format!(
                    "ssl.ini has no section for the {} role of {system}, and {} needs a certificate",
                    role.said(),
                    said(needed_by)
                ),
                "add [SSL_SERVER_CLIENT] with CA_FILE and PEM_FILE",
            ));
            return None;
        }
        chain.sort_by_key(|section| std::cmp::Reverse(section.precision()));
        self.used
            .extend(chain.iter().map(|section| section.place.clone()));
        Some(chain)
    }

    fn files(
        &self,
        role: Role,
        chain: &[RoleSection],
        needed_by: &Place,
        problems: &mut Problems,
    ) -> Option<TlsFiles> {
        let place = chain
            .first()
            .map_or_else(|| Place::file(&self.file), |s| s.place.clone());
        let missing = |keys: &str| {
            Problem::error(
                place.clone(),
                format!("{keys} is missing, and {} needs it", said(needed_by)),
                "add it to this section, or to [SSL_SERVER_CLIENT] for all",
            )
        };
        let ca = first(chain, |section| section.ca.clone());
        let named = chain.iter().find(|section| section.has_identity);
        if ca.is_none() && !chain.iter().any(|section| section.names_ca) {
            problems.push(missing("CA_FILE"));
        }
        if named.is_none() {
            problems.push(missing("PEM_FILE (or CRT_FILE with KEY_FILE)"));
        }
        let identity = named.and_then(|section| section.identity.clone());
        look_at(ca.as_ref(), identity.as_ref(), problems);
        let revocation = self.revocation(role, chain, problems);
        let identity = identity?;
        Some(TlsFiles {
            ca: ca?,
            identity: identity.files,
            passphrase: identity.passphrase,
            revocation,
        })
    }

    fn revocation(
        &self,
        role: Role,
        chain: &[RoleSection],
        problems: &mut Problems,
    ) -> Option<RevocationSettings> {
        let expired = first(chain, |section| section.expired.clone());
        let coverage = first(chain, |section| section.coverage.clone());
        let Some(lists) = first(chain, |section| section.lists.clone()) else {
            let places = expired.map(|(_, place)| place);
            let places = places.into_iter().chain(coverage.map(|(_, place)| place));
            for place in places {
                let key = place.key.clone().unwrap_or_default();
                problems.push(Problem::warning(
                    place,
                    format!(
                        "{key} has no effect on the {} role without CRL_FILE",
                        role.said()
                    ),
                    "name the revocation lists in CRL_FILE, or remove the line",
                ));
            }
            return None;
        };
        look_at_lists(&lists, problems);
        Some(RevocationSettings {
            lists,
            expired: expired.map_or(self.defaults.expired, |(expired, _)| expired),
            coverage: coverage.map_or(self.defaults.coverage, |(coverage, _)| coverage),
        })
    }

    fn parameters(&self, chain: &[RoleSection], problems: &mut Problems) -> TlsParameters {
        let base = match &self.written {
            SslFile::Written(ssl) => Some(&ssl.base),
            SslFile::Missing | SslFile::Unreadable => None,
        };
        let min = first(chain, |section| section.parameters.min.clone())
            .or_else(|| base.and_then(|base| base.min.clone()));
        let max = first(chain, |section| section.parameters.max.clone())
            .or_else(|| base.and_then(|base| base.max.clone()));
        let cipher_suites = first(chain, |section| section.parameters.suites.clone())
            .or_else(|| base.and_then(|base| base.suites.clone()));
        let lowest = min
            .as_ref()
            .map_or(self.defaults.min, |(version, _)| *version);
        let highest = max
            .as_ref()
            .map_or(self.defaults.max, |(version, _)| *version);
        if lowest > highest
            && let Some((_, place)) = min
        {
            problems.push(Problem::error(
                place,
                "MIN_VERSION is newer than MAX_VERSION, so no version is left",
                max.map_or_else(String::new, |(_, place)| {
                    format!("lower it, or raise MAX_VERSION at {}", said(&place))
                }),
            ));
        }
        TlsParameters {
            min: lowest,
            max: highest,
            cipher_suites,
        }
    }
}

/// Whether the files of a role are there, and its keys their owner's alone.
fn look_at(ca: Option<&FileRef>, identity: Option<&WrittenIdentity>, problems: &mut Problems) {
    let mut needed = Vec::new();
    needed.extend(ca);
    let mut keys = Vec::new();
    if let Some(identity) = identity {
        match &identity.files {
            IdentityFiles::Combined(file) => keys.push(file),
            IdentityFiles::Pair { certificate, key } => {
                needed.push(certificate);
                keys.push(key);
            }
        }
        keys.extend(&identity.passphrase);
    }
    for file in needed.iter().chain(&keys) {
        if let Some(problem) = files::unreadable(file) {
            problems.push(problem);
        }
    }
    for key in keys {
        if let Some(problem) = files::exposed_key(key) {
            problems.push(problem);
        }
    }
}

/// Whether lists, or folders of lists, are there. What is in a folder is judged where it is read.
fn look_at_lists(lists: &[FileRef], problems: &mut Problems) {
    for list in lists {
        if let Some(problem) = files::unreadable_list(list) {
            problems.push(problem);
        }
    }
}

/// What the most specific section says that says anything.
fn first<T>(chain: &[RoleSection], says: impl Fn(&RoleSection) -> Option<T>) -> Option<T> {
    chain.iter().find_map(says)
}

/// A place without its folder, for use within a sentence.
pub(super) fn said(place: &Place) -> String {
    let file = place
        .file
        .file_name()
        .map_or_else(PathBuf::new, PathBuf::from);
    Place {
        file,
        ..place.clone()
    }
    .to_string()
}
