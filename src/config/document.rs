//! [`Document`]: what the operator wrote, with its places; the only user of `rust-ini`.
//!
//! Two readers look at every file. [`scan`] knows where things stand, `rust-ini` (without escapes
//! and quotes) says what the values are; where the two differ, the file is refused at that line,
//! since then a third reader, the vendor's, could see yet another value.

use std::path::{Path, PathBuf};

use ini::{Ini, ParseOption};

use crate::config::problem::{Place, Problem, Problems};
use crate::config::scan::{Content, Line, scan, unquoted};

/// One `key=value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// As written; names are compared in any case.
    pub(super) key: String,
    /// Without blanks and without one pair of quotes around.
    pub(super) value: String,
    pub(super) line: u32,
}

/// A line that is neither section, pair nor comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stray {
    pub(super) text: String,
    pub(super) line: u32,
    /// Whether it is the `...` of a printed example.
    pub(super) ellipsis: bool,
}

/// One `[section]` with what stands under it. A section that is written twice is there twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    /// As written; empty for what stands before the first section.
    pub(super) name: String,
    /// The line of the header; 0 before the first section.
    pub(super) line: u32,
    pub(super) entries: Vec<Entry>,
    pub(super) strays: Vec<Stray>,
}

impl Block {
    /// The first entry of that name, as Windows reads it.
    pub(super) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries
            .iter()
            .find(|entry| entry.key.eq_ignore_ascii_case(key))
    }
}

/// One ini file as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Document {
    pub(super) file: PathBuf,
    /// In the order of the file. What stands before the first section comes first, if anything.
    pub(super) blocks: Vec<Block>,
}

impl Document {
    /// Reads a text. What is broken in it is added to the problems; what is not is returned.
    pub(super) fn parse(file: &Path, text: &str, problems: &mut Problems) -> Self {
        let lines = scan(text);
        if let Err((line, reason)) = agreed(&shown_to_rust_ini(&lines), &scanned_pairs(&lines)) {
            problems.push(disagreement(file, line, &reason));
        }
        let mut blocks = vec![Block::new("", 0)];
        for line in &lines {
            let number = line.number;
            let Some(block) = blocks.last_mut() else {
                break;
            };
            match line.content {
                Content::Nothing => {}
                Content::Header { name, behind } => {
                    if !behind.is_empty() {
                        problems.push(text_behind(file, number, name, behind));
                    }
                    blocks.push(Block::new(name, number));
                }
                Content::Unclosed { name } => {
                    problems.push(unclosed(file, number, name));
                    blocks.push(Block::new(name, number));
                }
                Content::Pair { key, value } => block.entries.push(Entry {
                    key: key.to_owned(),
                    value: unquoted(value).to_owned(),
                    line: number,
                }),
                Content::Ellipsis => block.strays.push(Stray::new("...", number, true)),
                Content::Stray(text) => block.strays.push(Stray::new(text, number, false)),
            }
        }
        blocks.retain(|block| block.line > 0 || !block.is_empty());
        Self {
            file: file.to_owned(),
            blocks,
        }
    }

    /// The first section of that name, as Windows reads it.
    pub(super) fn block(&self, name: &str) -> Option<&Block> {
        self.blocks
            .iter()
            .find(|block| block.line > 0 && block.name.eq_ignore_ascii_case(name))
    }

    /// The folder that relative paths start at.
    pub(super) fn folder(&self) -> &Path {
        self.file.parent().unwrap_or_else(|| Path::new(""))
    }
}

impl Block {
    fn new(name: &str, line: u32) -> Self {
        Self {
            name: name.to_owned(),
            line,
            entries: Vec::new(),
            strays: Vec::new(),
        }
    }

    fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.strays.is_empty()
    }
}

impl Stray {
    fn new(text: &str, line: u32, ellipsis: bool) -> Self {
        Self {
            text: text.to_owned(),
            line,
            ellipsis,
        }
    }
}

fn text_behind(file: &Path, line: u32, name: &str, behind: &str) -> Problem {
    Problem::warning(
        Place::file(file).line(line).section(name),
        "text behind a section's bracket is ignored",
        "put it on a line of its own",
    )
    .value(behind)
}

fn unclosed(file: &Path, line: u32, name: &str) -> Problem {
    Problem::error(
        Place::file(file).line(line),
        "a section has no closing bracket",
        "write the section as [name]",
    )
    .value(format!("[{name}"))
}

fn disagreement(file: &Path, line: u32, reason: &str) -> Problem {
    Problem::error(
        Place::file(file).line(line),
        format!("two readers understand the file differently from this line on: {reason}"),
        "look for a stray bracket, colon or backslash here and in the lines before",
    )
}

/// One pair with its section, as both readers have to see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pair<'a> {
    section: Option<&'a str>,
    key: &'a str,
    value: &'a str,
    line: u32,
}

/// Whether `rust-ini` splits a pair where Windows does: it takes `:` for `=` and a backslash before
/// `=` for an escape. No key of ours holds either, so such a pair is nobody's and is left out.
fn key_is_plain(key: &str) -> bool {
    !key.contains([':', '\\'])
}

/// Whether `rust-ini` ends a section's name where Windows does; a backslash hides the bracket.
fn section_is_plain(name: &str) -> bool {
    !name.contains('\\')
}

/// The lines that both readers can be asked about, each with what was scanned.
fn comparable<'a>(lines: &[Line<'a>]) -> Vec<(u32, Option<Content<'a>>)> {
    let mut in_plain_section = true;
    lines
        .iter()
        .map(|line| {
            let shown = match line.content {
                Content::Header { name, .. } | Content::Unclosed { name } => {
                    in_plain_section = section_is_plain(name);
                    in_plain_section
                }
                Content::Pair { key, .. } => in_plain_section && key_is_plain(key),
                Content::Nothing | Content::Ellipsis | Content::Stray(_) => false,
            };
            (line.number, shown.then_some(line.content))
        })
        .collect()
}

fn scanned_pairs<'a>(lines: &[Line<'a>]) -> Vec<Pair<'a>> {
    let mut section = None;
    let mut pairs = Vec::new();
    for (line, content) in comparable(lines) {
        match content {
            Some(Content::Header { name, .. } | Content::Unclosed { name }) => section = Some(name),
            Some(Content::Pair { key, value }) => pairs.push(Pair {
                section,
                key,
                value,
                line,
            }),
            Some(Content::Nothing | Content::Ellipsis | Content::Stray(_)) | None => {}
        }
    }
    pairs
}

/// The text without what cannot be compared, line for line.
///
/// A stray line would be glued to the next key, an indented comment too, and a comment behind a
/// bracket would be an error. CR LF, because `rust-ini` joins a line that ends in a backslash to
/// the next one, unless a CR stands between.
fn shown_to_rust_ini(lines: &[Line<'_>]) -> String {
    let mut text = String::new();
    for (_, content) in comparable(lines) {
        match content {
            Some(Content::Header { name, .. } | Content::Unclosed { name }) => {
                text.extend(["[", name, "]"]);
            }
            Some(Content::Pair { key, value }) => text.extend([key, "=", value]),
            Some(Content::Nothing | Content::Ellipsis | Content::Stray(_)) | None => {}
        }
        text.push_str("\r\n");
    }
    text
}

/// Compares `rust-ini`'s reading with what was scanned; the error is a line and the reason.
fn agreed(text: &str, scanned: &[Pair<'_>]) -> Result<(), (u32, String)> {
    let raw = ParseOption {
        enabled_quote: false,
        enabled_escape: false,
        enabled_indented_mutiline_value: false,
        enabled_preserve_key_leading_whitespace: false,
    };
    let ini = Ini::load_from_str_opt(text, raw).map_err(|error| {
        let line = u32::try_from(error.line).unwrap_or(u32::MAX);
        (line, error.msg.into_owned())
    })?;
    let mut read = ini
        .iter()
        .flat_map(|(section, pairs)| pairs.iter().map(move |(key, value)| (section, key, value)));
    for pair in scanned {
        let same = read.next() == Some((pair.section, pair.key, pair.value));
        if !same {
            return Err((
                pair.line,
                format!("\"{}\" is not the same to both", pair.key),
            ));
        }
    }
    match (read.next(), scanned.last()) {
        (None, _) => Ok(()),
        (Some((_, key, _)), last) => Err((
            last.map_or(1, |pair| pair.line),
            format!("\"{}\" is seen by one of them only", key.escape_debug()),
        )),
    }
}

#[cfg(test)]
#[path = "tests/document.rs"]
mod tests;
