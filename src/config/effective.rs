//! [`effective()`]: the configuration as it stands on disk, key by key, with the line that says so.

use std::path::{Path, PathBuf};

use crate::config::document::{Block, Document};
use crate::config::keys::{IniFile, KEYS, Key, Preset, find};
use crate::config::load::documents;
use crate::config::ssl_ini::RoleName;

/// One key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The file it stands in, or would.
    pub file: PathBuf,
    /// The section, as it is written.
    pub section: String,
    /// The key, spelled as in the reference.
    pub key: String,
    /// As written, or the default; `None` where there is no value, or one that is, or may be, a secret.
    pub value: Option<String>,
    /// The line; `None` for a default.
    pub line: Option<u32>,
}

/// Every key that is written, in the order of the files, and the defaults of those that are not.
/// What a role section of `ssl.ini` leaves out is what a less specific one says, so no default is
/// told of it.
pub fn effective(dir: &Path) -> Vec<Setting> {
    let mut all = Vec::new();
    for (ini, document) in documents(dir) {
        for block in document.blocks.iter().filter(|block| block.line > 0) {
            all.extend(block.entries.iter().map(|entry| {
                let section = table_section(ini, block);
                let key = find(ini, section, &entry.key);
                Setting {
                    file: document.file.clone(),
                    section: block.name.clone(),
                    key: key.map_or_else(|| entry.key.clone(), |key| key.spelled(&entry.key)),
                    value: is_told(section, key).then(|| masked(&entry.value)),
                    line: Some(entry.line),
                }
            }));
        }
        all.extend(defaults(ini, &document));
    }
    all
}

/// Whether a value may be shown. One whose key is not known may be a secret: that of another program,
/// or one under a name that is misspelt. The names of static routes are ports.
fn is_told(section: &str, key: Option<&Key>) -> bool {
    match key {
        Some(key) => !key.secret,
        None => section.eq_ignore_ascii_case("StaticRoutes"),
    }
}

/// The section in the table of keys that a written one is read by.
fn table_section(ini: IniFile, block: &Block) -> &str {
    match RoleName::parse(&block.name) {
        Some(_) if ini == IniFile::Ssl => RoleName::TABLE_SECTION,
        Some(_) | None => &block.name,
    }
}

fn defaults(ini: IniFile, document: &Document) -> Vec<Setting> {
    let is_role = |key: &Key| ini == IniFile::Ssl && key.section == RoleName::TABLE_SECTION;
    // A flow that is not written is not there, whatever its keys would be.
    let is_there = |key: &Key| ini != IniFile::System || document.block(key.section).is_some();
    let is_written = |key: &Key| {
        let entries = document.block(key.section).map(|block| &block.entries);
        let mut entries = entries.into_iter().flatten();
        entries.any(|entry| find(ini, key.section, &entry.key) == Some(key))
    };
    let keys = KEYS.iter().filter(|key| key.file == ini);
    keys.filter(|key| !is_role(key) && is_there(key) && !is_written(key))
        .filter_map(|key| {
            let value = match key.default {
                Preset::Value(value) => value.to_owned(),
                Preset::Computed(how) | Preset::Absent(how) => format!("({how})"),
                Preset::Required => return None,
            };
            Some(Setting {
                file: document.file.clone(),
                section: key.section.to_owned(),
                key: key.name.to_owned(),
                value: Some(value),
                line: None,
            })
        })
        .collect()
}

/// Without what stands between `//` and `@` in an address.
fn masked(value: &str) -> String {
    let Some((scheme, rest)) = value.split_once("://") else {
        return value.to_owned();
    };
    let end = rest.find('/').unwrap_or(rest.len());
    match rest.get(..end).and_then(|host| host.rfind('@')) {
        Some(at) => format!("{scheme}://***{}", rest.get(at..).unwrap_or_default()),
        None => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(files: &[(&str, &str)]) -> Vec<Setting> {
        let dir = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            std::fs::write(dir.path().join(name), text).expect("written");
        }
        effective(dir.path())
    }

    fn find<'a>(all: &'a [Setting], section: &str, key: &str) -> &'a Setting {
        let mut found = all.iter().filter(|s| s.section == section && s.key == key);
        let first = found.next().expect("told");
        assert_eq!(found.next(), None, "told twice");
        first
    }

    #[test]
    fn a_key_is_told_with_its_line_and_one_that_is_not_written_with_its_default() {
        let all = told(&[
            (
                "ssl.ini",
                "[SSL]\nMETHOD=0\n[SSL_SERVER SAP1]\nclient_auth=request\n",
            ),
            (
                "CRMConnectorSAP_SAP1.ini",
                "[StaticRoutes]\n44300=crm.example.com\n",
            ),
            ("crmgate.ini", "[Log]\nlevel=debug\n"),
        ]);
        let level = find(&all, "Log", "Level");
        assert_eq!(
            (level.value.as_deref(), level.line),
            (Some("debug"), Some(2))
        );
        let format = find(&all, "Log", "Format");
        assert_eq!((format.value.as_deref(), format.line), (Some("text"), None));
        let auth = find(&all, "SSL_SERVER SAP1", "CLIENT_AUTH");
        assert_eq!(
            (auth.value.as_deref(), auth.line),
            (Some("request"), Some(4))
        );
        let route = find(&all, "StaticRoutes", "44300");
        assert_eq!(route.value.as_deref(), Some("crm.example.com"));
        assert!(!all.iter().any(|setting| setting.section == "Requests"));
        assert!(
            !all.iter()
                .any(|setting| setting.section == "SSL_SERVER_CLIENT")
        );
    }

    #[test]
    fn secrets_are_not_told() {
        let all = told(&[(
            "crmgate.ini",
            "[Sessions]\nTicketSecretFile=my secret words\n",
        )]);
        assert_eq!(find(&all, "Sessions", "TicketSecretFile").value, None);
        // Whoever misspells the key of a secret, or has one of another program there.
        let all = told(&[(
            "ssl.ini",
            "[SSL_SERVER_CLIENT]\nKEY_PASSWORD=my secret words\n",
        )]);
        assert_eq!(find(&all, "SSL_SERVER_CLIENT", "KEY_PASSWORD").value, None);
        assert_eq!(masked("http://u:p@host/x@y"), "http://***@host/x@y");
        assert_eq!(masked("http://host/x@y"), "http://host/x@y");
    }
}
