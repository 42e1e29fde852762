//! [`KEYS`]: the one table of every section and key.
//!
//! The parser asks it what is allowed and what holds in a key's absence, the messages ask it for
//! the nearest name, [`reference`](crate::config::reference) prints it. A key that is not here does
//! not exist; a key that is here has a golden case under `tests/config` (a test counts them).

mod events;
mod gateway;
mod kind;
mod requests;
mod sandbox;
mod ssl;
mod traces;

use std::fmt;

pub use kind::Kind;
pub use ssl::LONGEST_GUARD;

/// The three kinds of files in a configuration directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IniFile {
    /// `ssl.ini`: certificates and protocol versions, the vendor's file.
    Ssl,
    /// `CRMConnectorSAP_<name>.ini`: one SAP system, the vendor's file with sections of ours.
    System,
    /// `crmgate.ini`: the gateway itself; it may be absent.
    Gateway,
}

impl IniFile {
    /// All three, in the order in which they are read and explained.
    pub const ALL: [Self; 3] = [Self::Ssl, Self::System, Self::Gateway];

    /// The sections, in the order in which they are explained.
    pub const fn sections(self) -> &'static [Section] {
        match self {
            Self::Ssl => ssl::SECTIONS,
            Self::System => events::SECTIONS,
            Self::Gateway => gateway::SECTIONS,
        }
    }
}

impl fmt::Display for IniFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ssl => "ssl.ini",
            Self::System => "CRMConnectorSAP_<name>.ini",
            Self::Gateway => "crmgate.ini",
        })
    }
}

/// A section of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Section {
    /// The name, spelled as in the reference.
    pub name: &'static str,
    /// What it is for.
    pub doc: &'static str,
}

/// What holds when a key is not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    /// This value, written as an operator would write it.
    Value(&'static str),
    /// A value that depends on the machine or on other keys; the text says how.
    Computed(&'static str),
    /// Nothing; the text says what that means.
    Absent(&'static str),
    /// The key has to be written wherever its section is.
    Required,
}

/// One key: everything that the parser, the messages and the reference know about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// The file it stands in.
    pub file: IniFile,
    /// The section. The three role sections of `ssl.ini` share `SSL_SERVER_CLIENT`.
    pub section: &'static str,
    /// The name, spelled as in the reference; reading ignores case.
    pub name: &'static str,
    /// What may be written.
    pub kind: Kind,
    /// What it is for, and why the default is what it is.
    pub doc: &'static str,
    /// What holds when it is not written.
    pub default: Preset,
    /// A value that is accepted.
    pub example: &'static str,
    /// What to do about a refused value, where the kind's own hint does not say enough.
    pub hint: Option<&'static str>,
    /// The first release that knows it.
    pub since: &'static str,
    /// Whether there may be several, told apart by the number at the end of the name, which is 1
    /// in the table.
    pub numbered: bool,
    /// Whether messages leave the value out, because people put secrets there by mistake.
    pub secret: bool,
}

impl Key {
    const fn new(
        file: IniFile,
        section: &'static str,
        name: &'static str,
        kind: Kind,
        default: Preset,
        doc: &'static str,
    ) -> Self {
        let example = match default {
            Preset::Value(value) => value,
            Preset::Computed(_) | Preset::Absent(_) | Preset::Required => "",
        };
        Self {
            file,
            section,
            name,
            kind,
            doc,
            default,
            example,
            hint: None,
            since: "0.1",
            numbered: false,
            secret: false,
        }
    }

    const fn example(mut self, example: &'static str) -> Self {
        self.example = example;
        self
    }

    const fn hint(mut self, hint: &'static str) -> Self {
        self.hint = Some(hint);
        self
    }

    const fn numbered(mut self) -> Self {
        self.numbered = true;
        self
    }

    /// Whether a name as written, in any case, is the key's.
    fn is_called(&self, written: &str) -> bool {
        self.name.eq_ignore_ascii_case(written) || self.spell_numbered(written).is_some()
    }

    /// The name as written in the spelling of the reference.
    pub fn spelled(&self, written: &str) -> String {
        let numbered = self.spell_numbered(written);
        numbered.unwrap_or_else(|| self.name.to_owned())
    }

    /// The spelling of a name that differs from the table's in its number.
    fn spell_numbered(&self, written: &str) -> Option<String> {
        let stem = self.name.strip_suffix('1').filter(|_| self.numbered)?;
        let (start, number) = written.split_at_checked(stem.len())?;
        let is_number = (1..=MOST_DIGITS).contains(&number.len())
            && number.bytes().all(|byte| byte.is_ascii_digit())
            && !number.starts_with('0');
        (is_number && start.eq_ignore_ascii_case(stem)).then(|| format!("{stem}{number}"))
    }

    const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }
}

/// More rules than anybody writes by hand.
const MOST_DIGITS: usize = 4;

const TABLES: [&[Key]; 6] = [
    ssl::KEYS,
    requests::KEYS,
    events::KEYS,
    gateway::KEYS,
    traces::KEYS,
    sandbox::KEYS,
];

const COUNT: usize = ssl::KEYS.len()
    + requests::KEYS.len()
    + events::KEYS.len()
    + gateway::KEYS.len()
    + traces::KEYS.len()
    + sandbox::KEYS.len();

/// Every key of every file.
pub static KEYS: &[Key] = &joined();

/// Joins the tables at compile time, so that the rest of the room sees one.
#[expect(
    clippy::indexing_slicing,
    clippy::large_stack_arrays,
    reason = "evaluated by the compiler only, where a wrong index ends the build"
)]
const fn joined() -> [Key; COUNT] {
    let mut all = [ssl::KEYS[0]; COUNT];
    let (mut table, mut at) = (0, 0);
    while table < TABLES.len() {
        let mut row = 0;
        while row < TABLES[table].len() {
            all[at] = TABLES[table][row];
            at += 1;
            row += 1;
        }
        table += 1;
    }
    all
}

/// The key of that name, in whatever case it is written.
pub fn find(file: IniFile, section: &str, name: &str) -> Option<&'static Key> {
    of_section(file, section).find(|key| key.is_called(name))
}

/// The keys of a section, in the order in which they are explained.
pub fn of_section(file: IniFile, section: &str) -> impl Iterator<Item = &'static Key> {
    KEYS.iter()
        .filter(move |key| key.file == file && key.section.eq_ignore_ascii_case(section))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::value;

    #[test]
    fn every_default_and_every_example_is_itself_allowed() {
        for key in KEYS {
            if let Preset::Value(default) = key.default {
                assert_eq!(value::check(key.kind, default), Ok(()), "{key:?}");
            }
            assert_eq!(value::check(key.kind, key.example), Ok(()), "{key:?}");
        }
    }

    #[test]
    fn every_key_stands_once_in_a_section_that_is_explained() {
        for (index, key) in KEYS.iter().enumerate() {
            assert!(
                key.file.sections().iter().any(|s| s.name == key.section),
                "{key:?}"
            );
            let first = KEYS.iter().position(|other| {
                (other.file, other.section) == (key.file, key.section)
                    && other.name.eq_ignore_ascii_case(key.name)
            });
            assert_eq!(first, Some(index), "{key:?}");
        }
    }

    #[test]
    fn every_key_says_what_it_is_for_in_sentences() {
        for key in KEYS {
            assert!(key.doc.len() > 30 && key.doc.ends_with('.'), "{key:?}");
        }
    }

    #[test]
    fn a_key_is_found_in_any_case() {
        let key = find(IniFile::System, "requests", "SIDEA").expect("known");
        assert_eq!(key.name, "SideA");
    }
}
