//! Names in a document against the table of keys: unknown, misspelt, written twice, stray.

use crate::config::document::{Block, Document, Entry, Stray};
use crate::config::keys::{self, IniFile};
use crate::config::nearest::nearest;
use crate::config::problem::{Place, Problem, Problems};
use crate::config::ssl_ini::RoleName;

/// The section of a system's file that the vendor owns: foreign keys are welcome there.
const VENDOR_SECTION: &str = "Config";

/// So many foreign names are listed; a vendor's file may hold hundreds.
const MOST_LISTED: usize = 20;

/// Keys that people write and that are not served, with what to do instead. Nearest names would
/// mislead here.
const NOT_SERVED: &[(&str, &str)] = &[(
    "KEY_PASSPHRASE",
    "put the passphrase into a file of its own and name it with KEY_PASSPHRASE_FILE",
)];

/// Judges every name of a document. Values are judged where they are read.
pub(super) fn check(document: &Document, ini: IniFile, problems: &mut Problems) {
    let mut foreign = Vec::new();
    for (index, block) in document.blocks.iter().enumerate() {
        let place = Place::file(&document.file).line(block.line);
        match known_section(ini, block) {
            Some(section) => {
                check_keys(document, ini, section, block, &mut foreign, problems);
                let before = document.blocks.get(..index).unwrap_or_default();
                if let Some(first) = before.iter().find(|other| same_section(ini, other, block)) {
                    problems.push(repeated_section(document, ini, section, first, block));
                }
            }
            None if block.line == 0 => check_headless(document, ini, block, &mut foreign, problems),
            None => {
                match unknown_section(ini, block, place) {
                    Some(problem) => problems.push(problem),
                    None => foreign.push(format!("[{}]", block.name)),
                }
                if ini == IniFile::System {
                    report_ellipses(document, block, problems);
                }
            }
        }
    }
    if !foreign.is_empty() {
        problems.push(foreign_notice(document, foreign));
    }
}

/// The table's name of a section, if it is one of ours.
fn known_section(ini: IniFile, block: &Block) -> Option<&'static str> {
    if block.line == 0 {
        return None;
    }
    if ini == IniFile::Ssl && RoleName::parse(&block.name).is_some() {
        return Some(RoleName::TABLE_SECTION);
    }
    ini.sections()
        .iter()
        .map(|section| section.name)
        .find(|name| name.eq_ignore_ascii_case(&block.name))
}

fn same_section(ini: IniFile, a: &Block, b: &Block) -> bool {
    let role_of = |block| RoleName::parse(block).filter(|_| ini == IniFile::Ssl);
    a.line > 0
        && match (role_of(&a.name), role_of(&b.name)) {
            (Some(a), Some(b)) => a.is_same(b),
            _ => a.name.eq_ignore_ascii_case(&b.name),
        }
}

fn is_key(ini: IniFile, section: &str, name: &str) -> bool {
    keys::find(ini, section, name).is_some()
        || (section == "StaticRoutes"
            && !name.is_empty()
            && name.bytes().all(|b| b.is_ascii_digit()))
}

fn check_keys(
    document: &Document,
    ini: IniFile,
    section: &'static str,
    block: &Block,
    foreign: &mut Vec<String>,
    problems: &mut Problems,
) {
    for (index, entry) in block.entries.iter().enumerate() {
        let known = is_key(ini, section, &entry.key);
        let before = block.entries.get(..index).unwrap_or_default();
        let first = before
            .iter()
            .find(|other| other.key.eq_ignore_ascii_case(&entry.key));
        match first {
            Some(first) if known => {
                let spelled =
                    keys::find(ini, section, &entry.key).map_or(entry.key.as_str(), |key| key.name);
                let place = entry_place(document, block, entry).key(spelled);
                problems.push(repeated_key(place, first, entry));
            }
            Some(_) => {}
            None if known => {}
            None => match unknown_key(document, ini, section, block, entry) {
                Some(problem) => problems.push(problem),
                None => foreign.push(format!("[{}] {}", block.name, entry.key)),
            },
        }
    }
    for stray in &block.strays {
        problems.push(stray_line(document, ini, block, stray));
    }
}

/// What stands before the first section, where Windows does not look.
fn check_headless(
    document: &Document,
    ini: IniFile,
    block: &Block,
    foreign: &mut Vec<String>,
    problems: &mut Problems,
) {
    for entry in &block.entries {
        let ours = ini
            .sections()
            .iter()
            .any(|section| keys::find(ini, section.name, &entry.key).is_some());
        if ours || ini != IniFile::System {
            problems.push(Problem::error(
                Place::file(&document.file).line(entry.line).key(&entry.key),
                "a key stands before the first section and would be ignored",
                "put a section such as [Config] or [SSL] before it",
            ));
        } else {
            foreign.push(entry.key.clone());
        }
    }
    for stray in &block.strays {
        problems.push(stray_line(document, ini, block, stray));
    }
}

fn unknown_section(ini: IniFile, block: &Block, place: Place) -> Option<Problem> {
    let names = ini.sections().iter().map(|section| section.name);
    let place = place.section(&block.name);
    if ini == IniFile::System {
        let near = nearest(&block.name, names)?;
        return Some(Problem::warning(
            place,
            "a section is not known, and its name is near to a known one",
            format!("did you mean [{near}]? Otherwise it is taken as the vendor's"),
        ));
    }
    let base = block.name.split_whitespace().next().unwrap_or_default();
    let near = nearest(base, names.chain(RoleName::BASES));
    let known: Vec<String> = match ini {
        IniFile::Ssl => ["SSL"]
            .into_iter()
            .chain(RoleName::BASES)
            .map(bracketed)
            .collect(),
        IniFile::System | IniFile::Gateway => ini
            .sections()
            .iter()
            .map(|section| bracketed(section.name))
            .collect(),
    };
    let hint = near.map_or_else(
        || "remove the section, or move it to the file that it belongs to".to_owned(),
        |near| format!("did you mean [{near}]?"),
    );
    Some(Problem::error(place, "a section is not known", hint).allowed(known.join(" ")))
}

fn bracketed(name: &str) -> String {
    format!("[{name}]")
}

fn unknown_key(
    document: &Document,
    ini: IniFile,
    section: &'static str,
    block: &Block,
    entry: &Entry,
) -> Option<Problem> {
    let place = entry_place(document, block, entry);
    let near = nearest(
        &entry.key,
        keys::of_section(ini, section).map(|key| key.name),
    );
    if ini == IniFile::System && section == VENDOR_SECTION {
        return near.map(|near| {
            // A slip here would mean plain HTTP, so it is not passed over.
            if document.block(section).is_none_or(|own| own.entry(near).is_none()) {
                return Problem::error(
                    place,
                    format!("a key is not known, and {near}, to which its name is near, is missing"),
                    format!(
                        "write {near}; if this key is the vendor's, add {near}= with SSL or nothing \
                         behind it"
                    ),
                );
            }
            Problem::warning(
                place,
                "a key is not known, and its name is near to a known one",
                format!("did you mean {near}? Otherwise it is taken as the vendor's"),
            )
        });
    }
    let not_served = NOT_SERVED
        .iter()
        .find(|(name, _)| ini == IniFile::Ssl && name.eq_ignore_ascii_case(&entry.key));
    if let Some((name, hint)) = not_served {
        return Some(Problem::error(
            place,
            format!("{name} is not served"),
            *hint,
        ));
    }
    let elsewhere = ini.sections().iter().find_map(|other| {
        keys::find(ini, other.name, &entry.key).map(|key| (other.name, key.name))
    });
    let hint = match (near, elsewhere) {
        (_, Some((other, key))) => format!("{key} belongs in [{other}]"),
        (Some(near), None) => format!("did you mean {near}?"),
        (None, None) => "remove the line; the reference lists every key".to_owned(),
    };
    let known: Vec<&str> = keys::of_section(ini, section).map(|key| key.name).collect();
    Some(Problem::error(place, "a key is not known", hint).allowed(known.join(" ")))
}

fn repeated_key(place: Place, first: &Entry, again: &Entry) -> Problem {
    if first.value == again.value {
        Problem::warning(
            place,
            format!("a key is written twice, first in line {}", first.line),
            "remove one of the two lines",
        )
    } else {
        Problem::error(
            place,
            format!(
                "a key is written twice with different values, first in line {}",
                first.line
            ),
            "remove one of the two lines; Windows would use the first",
        )
    }
}

fn repeated_section(
    document: &Document,
    ini: IniFile,
    section: &str,
    first: &Block,
    again: &Block,
) -> Problem {
    let place = Place::file(&document.file)
        .line(again.line)
        .section(&again.name);
    let says_more = again
        .entries
        .iter()
        .filter(|entry| is_key(ini, section, &entry.key))
        .any(|entry| {
            first
                .entry(&entry.key)
                .is_none_or(|other| other.value != entry.value)
        });
    if says_more {
        Problem::error(
            place,
            format!(
                "a section is written twice with different keys, first in line {}",
                first.line
            ),
            "join the two; Windows would use the first alone",
        )
    } else {
        Problem::warning(
            place,
            format!("a section is written twice, first in line {}", first.line),
            "remove the second one; Windows would use the first alone",
        )
    }
}

fn stray_line(document: &Document, ini: IniFile, block: &Block, stray: &Stray) -> Problem {
    let place = Place::file(&document.file).line(stray.line);
    let place = if block.line > 0 {
        place.section(&block.name)
    } else {
        place
    };
    if stray.ellipsis && ini != IniFile::Gateway {
        Problem::notice(
            place,
            "a line holds three dots, as examples on paper do",
            "nothing to do; remove the line when the file is edited next",
        )
        .value(&stray.text)
    } else {
        Problem::error(
            place,
            "a line is no section, no key=value and no comment",
            "write key=value, or begin the line with ; to make it a comment",
        )
        .value(&stray.text)
    }
}

fn report_ellipses(document: &Document, block: &Block, problems: &mut Problems) {
    for stray in block.strays.iter().filter(|stray| stray.ellipsis) {
        problems.push(stray_line(document, IniFile::System, block, stray));
    }
}

fn foreign_notice(document: &Document, mut foreign: Vec<String>) -> Problem {
    // The vendor may write a section many times; it is named once.
    let mut seen = std::collections::BTreeSet::new();
    foreign.retain(|name| seen.insert(name.to_ascii_lowercase()));
    let listed: Vec<&str> = foreign
        .iter()
        .take(MOST_LISTED)
        .map(String::as_str)
        .collect();
    let more = match foreign.len() - listed.len() {
        0 => String::new(),
        n => format!(" and {n} more"),
    };
    Problem::notice(
        Place::file(&document.file),
        "holds vendor settings that crmgate does not use",
        "nothing to do: it belongs to the connector",
    )
    .value(format!("{}{more}", listed.join(", ")))
}

fn entry_place(document: &Document, block: &Block, entry: &Entry) -> Place {
    Place::file(&document.file)
        .line(entry.line)
        .section(&block.name)
        .key(&entry.key)
}
