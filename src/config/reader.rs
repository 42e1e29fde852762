//! [`Reader`]: one section of a document, read key by key with the table of keys.
//!
//! A value that is not accepted becomes a problem and the reader goes on with a value that nobody
//! will see: settings never leave this room when there is an error. So one run reports everything.

use std::path::PathBuf;

use crate::config::document::{Block, Document, Entry};
use crate::config::files;
use crate::config::from_text::FromText;
use crate::config::keys::{self, IniFile, Key, Kind, Preset};
use crate::config::problem::{Place, Problem, Problems};
use crate::config::scan::seems_commented;
use crate::config::settings::FileRef;
use crate::config::value::ValueError;

const COMMENT_HINT: &str = "a comment needs a line of its own, before or after this one";

/// One section that may or may not be written.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    document: &'a Document,
    ini: IniFile,
    /// The section in the table of keys.
    section: &'static str,
    block: Option<&'a Block>,
    /// Whether defaults stay out, because a less specific section may say more.
    only_written: bool,
    problems: &'a mut Problems,
}

impl<'a> Reader<'a> {
    /// Reads the first section of that name; where there is none, every key has its default.
    pub(super) fn new(
        document: &'a Document,
        ini: IniFile,
        section: &'static str,
        problems: &'a mut Problems,
    ) -> Self {
        Self {
            document,
            ini,
            section,
            block: document.block(section),
            only_written: false,
            problems,
        }
    }

    /// Reads what is written in a section, without defaults, with the keys of another section: the
    /// role sections of `ssl.ini`.
    pub(super) fn of_block(
        document: &'a Document,
        ini: IniFile,
        section: &'static str,
        block: &'a Block,
        problems: &'a mut Problems,
    ) -> Self {
        Self {
            document,
            ini,
            section,
            block: Some(block),
            only_written: true,
            problems,
        }
    }

    /// Whether the section is written.
    pub(super) fn is_there(&self) -> bool {
        self.block.is_some()
    }

    /// Whether the key is written.
    pub(super) fn is_set(&self, name: &str) -> bool {
        self.entry(name).is_some()
    }

    /// The place of the section.
    pub(super) fn section_place(&self) -> Place {
        let place = Place::file(&self.document.file);
        match self.block {
            Some(block) => place.line(block.line).section(&block.name),
            None => place.section(self.section),
        }
    }

    /// The place of a key, or of the section where the key is not written.
    pub(super) fn place(&self, name: &str) -> Place {
        let spelled = keys::find(self.ini, self.section, name).map_or(name, |key| key.name);
        let place = self.section_place().key(spelled);
        match self.entry(name) {
            Some(entry) => place.line(entry.line),
            None => place,
        }
    }

    /// Adds a problem.
    pub(super) fn report(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// Warns of keys that are written and have no effect, and says why.
    pub(super) fn without_effect(&mut self, names: &[&str], because: &str, hint: &str) {
        for name in names {
            if self.is_set(name) {
                let place = self.place(name);
                self.report(Problem::warning(
                    place,
                    format!("{name} has no effect {because}"),
                    hint,
                ));
            }
        }
    }

    /// A value, or an empty one where it is missing or refused (then there is a problem).
    pub(super) fn value<T: FromText + Default>(&mut self, name: &str) -> T {
        self.get(name).unwrap_or_default()
    }

    /// The value as written or, unless only what is written counts, its default.
    pub(super) fn get<T: FromText>(&mut self, name: &str) -> Option<T> {
        let (key, text) = self.text(name)?;
        let Some(parsed) = T::from_text(key.kind, text) else {
            self.report(mismatch(self.place(name), name));
            return None;
        };
        match parsed {
            Ok(value) => {
                self.warn_of_comment(key);
                Some(value)
            }
            Err(error) => {
                self.refuse(key, &error);
                None
            }
        }
    }

    /// A file that has to be there: its path, not yet looked at.
    pub(super) fn file(&mut self, name: &str) -> Option<FileRef> {
        let written: String = self.get(name)?;
        Some(FileRef {
            path: files::resolve(self.document.folder(), &written),
            written,
            place: self.place(name),
        })
    }

    /// Files or folders that have to be there, not yet looked at.
    pub(super) fn files(&mut self, name: &str) -> Option<Vec<FileRef>> {
        let all: Vec<String> = self.get(name)?;
        let file = |written: String| FileRef {
            path: files::resolve(self.document.folder(), &written),
            written,
            place: self.place(name),
        };
        Some(all.into_iter().map(file).collect())
    }

    /// A file that is written, in a folder that exists.
    pub(super) fn output_file(&mut self, name: &str) -> Option<PathBuf> {
        let file = self.file(name)?;
        match files::unwritable(&file) {
            None => Some(file.path),
            Some(problem) => {
                self.report(problem);
                None
            }
        }
    }

    fn entry(&self, name: &str) -> Option<&'a Entry> {
        self.block.and_then(|block| block.entry(name))
    }

    /// The key and the text that its value is read from; none where nothing is to be read.
    fn text(&mut self, name: &str) -> Option<(&'static Key, &'a str)> {
        let Some(key) = keys::find(self.ini, self.section, name) else {
            self.report(mismatch(self.place(name), name));
            return None;
        };
        let may_be_empty = matches!(key.kind, Kind::Header | Kind::Tokens);
        match (self.entry(name), key.default) {
            (Some(entry), _) if entry.value.is_empty() && !may_be_empty => {
                self.refuse(key, &ValueError::Empty);
                None
            }
            (Some(entry), _) => Some((key, entry.value.as_str())),
            (None, _) if self.only_written => None,
            (None, Preset::Value(text)) => Some((key, text)),
            (None, Preset::Required) => {
                self.report(
                    Problem::error(
                        self.place(name),
                        format!("{} is missing", key.name),
                        format!("add a line such as {}={}", key.name, key.example),
                    )
                    .allowed(key.kind.allowed()),
                );
                None
            }
            (None, Preset::Computed(_) | Preset::Absent(_)) => None,
        }
    }

    fn refuse(&mut self, key: &Key, error: &ValueError) {
        let written = self.entry(key.name).map_or("", |entry| &entry.value);
        let hint = match error {
            _ if seems_commented(written) => COMMENT_HINT.to_owned(),
            ValueError::Empty => match key.default {
                Preset::Value(default) => {
                    format!("remove the line to use the default, which is {default}")
                }
                Preset::Computed(what) | Preset::Absent(what) => {
                    format!("remove the line where that is meant: {what}")
                }
                Preset::Required => format!("write a value such as {}", key.example),
            },
            ValueError::Twice(_) => "remove one of the two".to_owned(),
            ValueError::NotUnderstood | ValueError::OutOfRange | ValueError::Address(_) => {
                key.hint.unwrap_or_else(|| key.kind.hint()).to_owned()
            }
        };
        let mut problem =
            Problem::error(self.place(key.name), format!("{} {error}", key.name), hint)
                .allowed(key.kind.allowed());
        if !key.secret {
            problem = problem.value(written);
        }
        self.report(problem);
    }

    /// Windows knows no comment behind a value, and a file's name may hold `;` or `#`: so nothing
    /// is cut off, and the operator is told.
    fn warn_of_comment(&mut self, key: &Key) {
        let Some(entry) = self.entry(key.name) else {
            return;
        };
        if seems_commented(&entry.value) {
            let mut problem = Problem::warning(
                self.place(key.name),
                format!(
                    "{} seems to end in a comment, which is read as part of the value",
                    key.name
                ),
                COMMENT_HINT,
            );
            if !key.secret {
                problem = problem.value(&entry.value);
            }
            self.report(problem);
        }
    }
}

/// The table of keys and the code that reads differ: a mistake of ours that every load would show.
fn mismatch(place: Place, name: &str) -> Problem {
    Problem::error(
        place,
        format!("the key {name} is not in the table of keys as it is read"),
        "this is a mistake in the program; please report it",
    )
}

#[cfg(test)]
#[path = "tests/reader.rs"]
mod tests;
