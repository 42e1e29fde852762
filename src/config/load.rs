//! [`load()`]: a directory to settings, or to every mistake in it.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::config::admin_ini::WrittenAdmin;
use crate::config::decode::{Decoded, MAX_SIZE, decode};
use crate::config::document::Document;
use crate::config::keys::IniFile;
use crate::config::problem::{Place, Problem, Problems};
use crate::config::resolve::{self, WrittenSystem};
use crate::config::roles::{Roles, SslFile};
use crate::config::settings::Settings;
use crate::config::tls_roles::TlsRoles;
use crate::config::{connector_ini, events_ini, gateway_ini, requests_ini, ssl_ini, vocabulary};
use crate::model::SystemName;

/// What a configuration directory says.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// What is meant; there if and only if no problem is an error.
    pub settings: Option<Settings>,
    /// Everything that is worth saying, in the order of the files and lines.
    pub problems: Problems,
    /// Every file that was read or is named, sorted. Also of settings that cannot be used: one of
    /// these has to change before they can.
    pub files: Vec<PathBuf>,
    /// Of settings that cannot be used: what can be said of their certificates all the same.
    pub tls_roles: Vec<TlsRoles>,
}

/// Reads a configuration directory: `ssl.ini`, every `CRMConnectorSAP_<name>.ini` and
/// `crmgate.ini`, and looks at the files that they name.
///
/// Nothing is opened but files, and nothing is kept: a reload is another call. Every mistake of all
/// ini files is reported in one run.
pub fn load(dir: &Path) -> Loaded {
    let mut problems = Problems::new();
    let found = Found::in_directory(dir, &mut problems);
    let (settings, tls_roles) = read(dir, &found, &mut problems);
    let problems = in_order(&problems, &found.sources());
    Loaded {
        files: settings.files(),
        settings: (!problems.has_errors()).then_some(settings),
        problems,
        tls_roles,
    }
}

/// The ini files as they are written, whatever may be wrong with them, in the order in which they
/// are explained.
pub(super) fn documents(dir: &Path) -> Vec<(IniFile, Document)> {
    let mut unheard = Problems::new();
    let found = Found::in_directory(dir, &mut unheard);
    let ssl = found.ssl.iter().map(|file| (IniFile::Ssl, file));
    let systems = found
        .systems
        .iter()
        .map(|(_, file)| (IniFile::System, file));
    let gateway = found.gateway.iter().map(|file| (IniFile::Gateway, file));
    ssl.chain(systems)
        .chain(gateway)
        .filter_map(|(ini, file)| Some((ini, document(file, ini, &mut unheard)?)))
        .collect()
}

fn read(dir: &Path, found: &Found, problems: &mut Problems) -> (Settings, Vec<TlsRoles>) {
    let names = found.systems.iter().map(|(name, _)| name.clone());
    // ssl.ini may have sections for the admin listener too.
    let names: Vec<SystemName> = names.chain(WrittenAdmin::ROLE.parse()).collect();
    let ssl = match &found.ssl {
        None => SslFile::Missing,
        Some(file) => match document(file, IniFile::Ssl, problems) {
            Some(document) => {
                SslFile::Written(Box::new(ssl_ini::read(&document, &names, problems)))
            }
            None => SslFile::Unreadable,
        },
    };
    let ssl_file = found.ssl.clone().unwrap_or_else(|| dir.join("ssl.ini"));
    let mut roles = Roles::new(&ssl_file, ssl, problems);
    let systems: Vec<WrittenSystem> = found
        .systems
        .iter()
        .filter_map(|(name, file)| system(name, file, problems))
        .collect();
    let gateway = found
        .gateway
        .as_deref()
        .and_then(|file| document(file, IniFile::Gateway, problems))
        .unwrap_or_else(|| Document {
            file: dir.join("crmgate.ini"),
            blocks: Vec::new(),
        });
    let gateway = gateway_ini::read(&gateway, problems);
    resolve::collisions(&systems, &gateway, problems);
    let settings = Settings {
        systems: systems
            .iter()
            .map(|written| resolve::system(written, &mut roles, problems))
            .collect(),
        admin: gateway.admin.resolve(&mut roles, problems),
        tickets: gateway.tickets,
        alarms: gateway.alarms,
        traces: gateway.traces,
        runtime: gateway.runtime,
        log: gateway.log,
        limits: gateway.limits,
        sources: found.sources(),
    };
    if !problems.has_errors() {
        roles.report_unused(problems);
        return (settings, Vec::new());
    }
    // After an error it is not known what would have been used.
    roles.look_at_the_rest(problems);
    let each = systems.iter().zip(&settings.systems);
    let tls_roles = each
        .map(|(written, settings)| TlsRoles::of(written, settings, &mut roles, problems))
        .collect();
    (settings, tls_roles)
}

fn system(name: &SystemName, file: &Path, problems: &mut Problems) -> Option<WrittenSystem> {
    let document = document(file, IniFile::System, problems)?;
    let parameter = connector_ini::read(&document, problems);
    Some(WrittenSystem {
        name: name.clone(),
        source: file.to_owned(),
        requests: requests_ini::read(&document, problems),
        events: events_ini::read(&document, &parameter, problems),
        routes: events_ini::read_routes(&document, problems),
        has_flow: ["Requests", "Events", "StaticRoutes"]
            .into_iter()
            .any(|section| document.block(section).is_some()),
        parameter,
    })
}

/// Reads one file and judges its names; of one that cannot be read a problem is left.
fn document(file: &Path, ini: IniFile, problems: &mut Problems) -> Option<Document> {
    let decoded = text(file)
        .map_err(|(what, hint)| problems.push(Problem::error(Place::file(file), what, hint)))
        .ok()?;
    if decoded.guessed {
        problems.push(Problem::notice(
            Place::file(file),
            "the file is no UTF-8 and is read as Windows-1252",
            "save it as UTF-8 if umlauts or dashes in it look wrong in messages",
        ));
    }
    let document = Document::parse(file, &decoded.text, problems);
    vocabulary::check(&document, ini, problems);
    Some(document)
}

/// The text of a file, or what is wrong with it and what to do.
fn text(file: &Path) -> Result<Decoded, (String, &'static str)> {
    let mut bytes = Vec::new();
    File::open(file)
        .and_then(|open| open.take(MAX_SIZE + 1).read_to_end(&mut bytes))
        .map_err(|cause| {
            (
                format!("an ini file cannot be read: {cause}"),
                "give the account that runs crmgate the right to read it",
            )
        })?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MAX_SIZE {
        return Err((
            "an ini file is greater than 1 MiB".to_owned(),
            "see whether another file was saved under its name",
        ));
    }
    decode(&bytes).map_err(|error| {
        (
            format!("an ini file {error}"),
            "save it as plain text in UTF-8",
        )
    })
}

/// The ini files of a directory.
#[derive(Debug, Default)]
struct Found {
    ssl: Option<PathBuf>,
    /// Ordered by name.
    systems: Vec<(SystemName, PathBuf)>,
    gateway: Option<PathBuf>,
}

impl Found {
    fn in_directory(dir: &Path, problems: &mut Problems) -> Self {
        let mut found = Self::default();
        let names = match names(dir) {
            Ok(names) => names,
            Err(cause) => {
                problems.push(no_directory(dir, &cause));
                return found;
            }
        };
        for name in &names {
            let file = dir.join(name);
            let lower = name.to_ascii_lowercase();
            let one_of_a_kind = match lower.as_str() {
                "ssl.ini" => Some(&mut found.ssl),
                "crmgate.ini" => Some(&mut found.gateway),
                _ => None,
            };
            if let Some(slot) = one_of_a_kind {
                match slot {
                    Some(first) => problems.push(twice(&file, first)),
                    None => *slot = Some(file),
                }
            } else if let Some(system) = system_part(name) {
                found.add_system(system, file, problems);
            }
        }
        if found.systems.is_empty() && !problems.has_errors() {
            problems.push(no_system(dir, &names));
        }
        found.systems.sort();
        found
    }

    fn add_system(&mut self, name: &str, file: PathBuf, problems: &mut Problems) {
        match name.parse::<SystemName>() {
            Ok(name) => {
                let same = |(other, _): &&(SystemName, PathBuf)| {
                    other.as_str().eq_ignore_ascii_case(name.as_str())
                };
                match self.systems.iter().find(same) {
                    Some((_, first)) => problems.push(twice(&file, first)),
                    None => self.systems.push((name, file)),
                }
            }
            Err(error) => problems.push(
                Problem::error(
                    Place::file(&file),
                    format!("the file's name does not name a SAP system: {error}"),
                    "rename it to CRMConnectorSAP_<name>.ini, or move a copy out of this directory",
                )
                .value(name),
            ),
        }
    }

    /// In the order in which problems are listed.
    fn sources(&self) -> Vec<PathBuf> {
        let systems = self.systems.iter().map(|(_, file)| file);
        self.ssl
            .iter()
            .chain(systems)
            .chain(&self.gateway)
            .cloned()
            .collect()
    }
}

/// The names of the files in the directory, sorted, so that two runs say the same.
fn names(dir: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        // A folder or a pipe of such a name is none of ours, and reading a pipe would block. What
        // cannot be looked at stays in the list, so that reading it says why.
        let is_file = fs::metadata(entry.path()).map_or(true, |found| found.is_file());
        if let Ok(name) = entry.file_name().into_string()
            && is_file
        {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

fn no_directory(dir: &Path, cause: &io::Error) -> Problem {
    Problem::error(
        Place::file(dir),
        format!("the configuration directory cannot be read: {cause}"),
        if dir.is_file() {
            "name the directory that holds ssl.ini and CRMConnectorSAP_<name>.ini, not a file"
        } else {
            "name the directory that holds ssl.ini and CRMConnectorSAP_<name>.ini with --config"
        },
    )
}

/// What stands between `CRMConnectorSAP_` and `.ini`, in any case.
fn system_part(name: &str) -> Option<&str> {
    const START: &str = "CRMConnectorSAP_";
    const END: &str = ".ini";
    let rest = name
        .get(..START.len())
        .filter(|start| start.eq_ignore_ascii_case(START))
        .and_then(|_| name.get(START.len()..))?;
    let middle = rest.len().checked_sub(END.len())?;
    rest.get(middle..)
        .filter(|end| end.eq_ignore_ascii_case(END))
        .and_then(|_| rest.get(..middle))
}

fn twice(file: &Path, first: &Path) -> Problem {
    Problem::error(
        Place::file(file),
        format!(
            "a file is there twice, its name differing in capitals only: {}",
            first.display()
        ),
        "remove one of the two",
    )
}

fn no_system(dir: &Path, names: &[String]) -> Problem {
    let near = names.iter().find(|name| {
        name.to_ascii_lowercase().starts_with("crmconnector")
            && Path::new(name)
                .extension()
                .is_some_and(|extension| extension.eq_ignore_ascii_case("ini"))
    });
    let hint = near.map_or_else(
        || "add a file such as CRMConnectorSAP_SAP1.ini, one for each SAP system".to_owned(),
        |near| {
            format!("rename {near} to CRMConnectorSAP_<name>.ini, such as CRMConnectorSAP_SAP1.ini")
        },
    );
    Problem::error(
        Place::file(dir),
        "no file CRMConnectorSAP_<name>.ini is in the configuration directory",
        hint,
    )
}

/// By file, then by line; what several systems ran into is said once.
fn in_order(problems: &Problems, sources: &[PathBuf]) -> Problems {
    let mut all: Vec<&Problem> = Vec::new();
    for problem in problems {
        if !all.contains(&problem) {
            all.push(problem);
        }
    }
    all.sort_by_key(|problem| {
        let place = &problem.place;
        let file = sources.iter().position(|source| *source == place.file);
        (file, place.line)
    });
    let mut ordered = Problems::new();
    for problem in all {
        ordered.push(problem.clone());
    }
    ordered
}

#[cfg(test)]
#[path = "tests/load.rs"]
mod tests;
