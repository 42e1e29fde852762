//! `ssl.ini`: what each of its sections says by itself. Which section counts for which role is
//! decided in [`roles`](crate::config::roles).

use std::time::Duration;

use crate::config::document::{Block, Document};
use crate::config::keys::IniFile;
use crate::config::nearest::nearest;
use crate::config::problem::{Place, Problem, Problems};
use crate::config::reader::Reader;
use crate::config::settings::{
    ClientAuth, ExpiredLists, FileRef, IdentityFiles, ListCoverage, TlsVersion,
};
use crate::model::SystemName;

/// Which of the two roles a section is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Listening.
    Server,
    /// Dialling.
    Client,
}

impl Role {
    /// The word for it in messages.
    pub(super) const fn said(self) -> &'static str {
        match self {
            Self::Server => "listening",
            Self::Client => "dialling",
        }
    }
}

/// The name of a role section: `SSL_SERVER SAP2` and its like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RoleName<'a> {
    /// `None` for the section of both roles.
    pub(super) role: Option<Role>,
    /// The SAP system behind the blank.
    pub(super) system: Option<&'a str>,
}

impl<'a> RoleName<'a> {
    /// The section whose keys the table lists for all three.
    pub(super) const TABLE_SECTION: &'static str = "SSL_SERVER_CLIENT";
    /// The three names without a system.
    pub(super) const BASES: [&'static str; 3] = ["SSL_SERVER_CLIENT", "SSL_SERVER", "SSL_CLIENT"];

    /// Reads a section's name, in any case; `None` where it is no role section.
    pub(super) fn parse(name: &'a str) -> Option<Self> {
        let (base, system) = match name.split_once(char::is_whitespace) {
            Some((base, system)) => (base, Some(system.trim())),
            None => (name, None),
        };
        let role = match base.to_ascii_uppercase().as_str() {
            "SSL_SERVER_CLIENT" => None,
            "SSL_SERVER" => Some(Role::Server),
            "SSL_CLIENT" => Some(Role::Client),
            _ => return None,
        };
        Some(Self { role, system })
    }

    /// Whether both mean one section: capitals, and blanks before the system, say nothing.
    pub(super) fn is_same(self, other: RoleName<'_>) -> bool {
        let lower = |name: Option<&str>| name.map(str::to_ascii_lowercase);
        self.role == other.role && lower(self.system) == lower(other.system)
    }
}

/// Versions and suites as a section writes them, each with its place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct WrittenParameters {
    pub(super) min: Option<(TlsVersion, Place)>,
    pub(super) max: Option<(TlsVersion, Place)>,
    pub(super) suites: Option<(String, Place)>,
}

/// Certificate and key, and what opens the key: taken together or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WrittenIdentity {
    pub(super) files: IdentityFiles,
    pub(super) passphrase: Option<FileRef>,
}

/// A role section as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RoleSection {
    pub(super) role: Option<Role>,
    pub(super) system: Option<String>,
    pub(super) place: Place,
    /// Whether the section has the key `CA_FILE`, even with a value that was refused.
    pub(super) names_ca: bool,
    pub(super) ca: Option<FileRef>,
    /// Whether the section is meant to name certificate and key, even if it does so badly.
    pub(super) has_identity: bool,
    pub(super) identity: Option<WrittenIdentity>,
    pub(super) lists: Option<Vec<FileRef>>,
    pub(super) expired: Option<(ExpiredLists, Place)>,
    pub(super) coverage: Option<(ListCoverage, Place)>,
    pub(super) client_auth: Option<(ClientAuth, Place)>,
    pub(super) lifetime: Option<Duration>,
    pub(super) cache_size: Option<usize>,
    pub(super) tickets: Option<bool>,
    pub(super) legacy_cn_match: Option<(bool, Place)>,
    pub(super) parameters: WrittenParameters,
}

impl RoleSection {
    /// Whether the section is about that role of that system.
    pub(super) fn concerns(&self, role: Role, system: &SystemName) -> bool {
        self.role.is_none_or(|own| own == role)
            && self
                .system
                .as_ref()
                .is_none_or(|own| own.eq_ignore_ascii_case(system.as_str()))
    }

    /// The more it says whom it means, the earlier it is asked: the system first, then the role.
    pub(super) fn precision(&self) -> u8 {
        u8::from(self.system.is_some()) * 2 + u8::from(self.role.is_some())
    }
}

/// The file as it is written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct SslIni {
    pub(super) base: WrittenParameters,
    pub(super) sections: Vec<RoleSection>,
}

/// Reads every section of the file, used or not.
pub(super) fn read(document: &Document, systems: &[SystemName], problems: &mut Problems) -> SslIni {
    let mut seen: Vec<RoleName<'_>> = Vec::new();
    let mut sections = Vec::new();
    for block in document.blocks.iter().filter(|block| block.line > 0) {
        let Some(name) = RoleName::parse(&block.name) else {
            continue;
        };
        // The first one counts; that there is a second is said where names are judged.
        if seen.iter().any(|other| other.is_same(name)) {
            continue;
        }
        seen.push(name);
        if let Some(problem) = unknown_system(document, block, name, systems) {
            problems.push(problem);
        }
        sections.push(role_section(document, block, name, problems));
    }
    SslIni {
        base: base(document, problems),
        sections,
    }
}

fn unknown_system(
    document: &Document,
    block: &Block,
    name: RoleName<'_>,
    systems: &[SystemName],
) -> Option<Problem> {
    let system = name.system?;
    if systems
        .iter()
        .any(|known| known.as_str().eq_ignore_ascii_case(system))
    {
        return None;
    }
    let known = || systems.iter().map(SystemName::as_str);
    let hint = nearest(system, known()).map_or_else(
        || format!("add CRMConnectorSAP_{system}.ini, or remove the section"),
        |near| format!("did you mean {near}?"),
    );
    Some(
        Problem::error(
            Place::file(&document.file)
                .line(block.line)
                .section(&block.name),
            "a section names a SAP system that is not configured",
            hint,
        )
        .value(system)
        .allowed(known().collect::<Vec<_>>().join(" ")),
    )
}

fn base(document: &Document, problems: &mut Problems) -> WrittenParameters {
    let Some(block) = document.block("SSL") else {
        return WrittenParameters::default();
    };
    let mut reader = Reader::of_block(document, IniFile::Ssl, "SSL", block, problems);
    // Only one value is allowed, so there is nothing to keep of it.
    let _method: Option<&'static str> = reader.get("METHOD");
    parameters(&mut reader)
}

fn parameters(reader: &mut Reader<'_>) -> WrittenParameters {
    WrittenParameters {
        min: placed(reader, "MIN_VERSION"),
        max: placed(reader, "MAX_VERSION"),
        suites: placed(reader, "CIPHERSUITES"),
    }
}

fn placed<T: crate::config::from_text::FromText>(
    reader: &mut Reader<'_>,
    name: &str,
) -> Option<(T, Place)> {
    let value = reader.get(name)?;
    Some((value, reader.place(name)))
}

fn role_section(
    document: &Document,
    block: &Block,
    name: RoleName<'_>,
    problems: &mut Problems,
) -> RoleSection {
    let table = RoleName::TABLE_SECTION;
    let mut reader = Reader::of_block(document, IniFile::Ssl, table, block, problems);
    match name.role {
        Some(Role::Client) => reader.without_effect(
            &[
                "CLIENT_AUTH",
                "SESSION_LIFETIME",
                "SESSION_CACHE_SIZE",
                "SESSION_TICKETS",
            ],
            "in a section for the dialling role",
            "move it to [SSL_SERVER] or [SSL_SERVER_CLIENT]",
        ),
        Some(Role::Server) => reader.without_effect(
            &["LEGACY_CN_MATCH"],
            "in a section for the listening role",
            "move it to [SSL_CLIENT] or [SSL_SERVER_CLIENT]",
        ),
        None => {}
    }
    let has_identity = ["PEM_FILE", "CRT_FILE", "KEY_FILE"]
        .into_iter()
        .any(|key| reader.is_set(key));
    let auth: Option<(&'static str, Place)> = placed(&mut reader, "CLIENT_AUTH");
    let coverage: Option<(&'static str, Place)> = placed(&mut reader, "CRL_COVERAGE");
    RoleSection {
        role: name.role,
        system: name.system.map(str::to_owned),
        place: reader.section_place(),
        names_ca: reader.is_set("CA_FILE"),
        ca: reader.file("CA_FILE"),
        has_identity,
        identity: identity(&mut reader, has_identity),
        lists: reader.files("CRL_FILE"),
        expired: placed(&mut reader, "CRL_EXPIRED"),
        coverage: coverage.map(|(word, place)| (list_coverage(word), place)),
        client_auth: auth.map(|(word, place)| (client_auth(word), place)),
        lifetime: reader.get("SESSION_LIFETIME"),
        cache_size: reader.get("SESSION_CACHE_SIZE"),
        tickets: reader.get("SESSION_TICKETS"),
        legacy_cn_match: placed(&mut reader, "LEGACY_CN_MATCH"),
        parameters: parameters(&mut reader),
    }
}

/// Ours and SAP's own spelling of the same thing.
pub(super) fn client_auth(word: &str) -> ClientAuth {
    match word {
        "none" | "0" => ClientAuth::None,
        "request" | "1" => ClientAuth::Request,
        _ => ClientAuth::Require,
    }
}

/// The words of `CRL_COVERAGE`.
pub(super) fn list_coverage(word: &str) -> ListCoverage {
    match word {
        "chain" => ListCoverage::Chain,
        "any" => ListCoverage::Any,
        _ => ListCoverage::Leaf,
    }
}

/// One file, or a pair of files; every mixture is a mistake.
fn identity(reader: &mut Reader<'_>, has_identity: bool) -> Option<WrittenIdentity> {
    let pem = reader.file("PEM_FILE");
    let certificate = reader.file("CRT_FILE");
    let key = reader.file("KEY_FILE");
    let passphrase = reader.file("KEY_PASSPHRASE_FILE");
    if reader.is_set("KEY_PASSPHRASE_FILE") && !has_identity {
        let place = reader.place("KEY_PASSPHRASE_FILE");
        reader.report(Problem::error(
            place,
            "KEY_PASSPHRASE_FILE stands in a section without the key that it opens",
            "write PEM_FILE, or CRT_FILE and KEY_FILE, in the same section",
        ));
    }
    if reader.is_set("PEM_FILE") {
        for other in ["CRT_FILE", "KEY_FILE"] {
            if reader.is_set(other) {
                let place = reader.place(other);
                reader.report(Problem::error(
                    place,
                    format!("{other} stands beside PEM_FILE, which already holds both"),
                    "keep PEM_FILE, or keep CRT_FILE and KEY_FILE",
                ));
            }
        }
        return pem.map(|file| WrittenIdentity {
            files: IdentityFiles::Combined(file),
            passphrase,
        });
    }
    for (present, absent) in [("CRT_FILE", "KEY_FILE"), ("KEY_FILE", "CRT_FILE")] {
        if reader.is_set(present) && !reader.is_set(absent) {
            let place = reader.place(present);
            reader.report(Problem::error(
                place,
                format!("{present} is set but {absent} is missing"),
                format!("add {absent} to the same section, or use PEM_FILE for one file with both"),
            ));
        }
    }
    let (certificate, key) = certificate.zip(key)?;
    Some(WrittenIdentity {
        files: IdentityFiles::Pair { certificate, key },
        passphrase,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_section_is_known_in_any_case_and_with_a_system_behind_a_blank() {
        let name = RoleName::parse("ssl_server  SAP2").expect("role");
        assert_eq!((name.role, name.system), (Some(Role::Server), Some("SAP2")));
        let both = RoleName::parse("SSL_SERVER_CLIENT").expect("role");
        assert_eq!((both.role, both.system), (None, None));
        assert_eq!(RoleName::parse("SSL"), None);
        assert_eq!(RoleName::parse("SSL_SERVERS"), None);
    }

    #[test]
    fn two_spellings_of_one_section_are_one_section() {
        let text = "[SSL_SERVER SAP2]\nSESSION_TICKETS=no\n\
                    [ssl_server \t sap2]\nSESSION_TICKETS=yes\n\
                    [SSL_SERVER]\n[SSL_CLIENT SAP2]\n";
        let mut problems = Problems::new();
        let document = Document::parse(std::path::Path::new("ssl.ini"), text, &mut problems);
        let read = read(&document, &["SAP2".parse().expect("a name")], &mut problems);
        let tickets: Vec<_> = read.sections.iter().map(|own| own.tickets).collect();
        assert_eq!(tickets, [Some(false), None, None]);
    }

    #[test]
    fn saps_own_numbers_for_client_authentication_mean_the_same_as_the_words() {
        for (word, number) in [("require", "2"), ("request", "1"), ("none", "0")] {
            assert_eq!(client_auth(word), client_auth(number));
        }
        assert_ne!(client_auth("require"), client_auth("none"));
    }
}
