//! [`Report`]: all that the checklist has found, and its forms.

mod html;
mod junit;
mod text;

use std::path::Path;

use serde::Serialize;

use crate::model::WallTime;
use crate::preflight::Options;
use crate::preflight::verdict::{Finding, Weight};

/// What came of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// It is as it has to be.
    Passed,
    /// It could not be tried, because of another one.
    Skipped,
    /// It works, and there is something to be said.
    Warning,
    /// It does not work.
    Failed,
}

impl Status {
    /// The sign in front of a line, as `linkerd check` has it.
    pub const fn sign(self) -> char {
        match self {
            Self::Passed => '√',
            Self::Skipped => '-',
            Self::Warning => '‼',
            Self::Failed => '×',
        }
    }

    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Skipped => "skipped",
            Self::Warning => "warning",
            Self::Failed => "failed",
        }
    }
}

/// One check of one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// The check's name.
    pub id: &'static str,
    /// What should be so.
    pub question: &'static str,
    /// What came of it.
    pub status: Status,
    /// What was measured.
    pub evidence: Vec<String>,
    /// What is not as it has to be.
    pub findings: Vec<Finding>,
    /// The check that has to pass before this one can be tried.
    pub needs: Option<String>,
}

/// The checks of one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Section {
    /// What it is.
    pub title: String,
    /// Its checks, in order.
    pub lines: Vec<Line>,
}

/// All that the checklist has found. Serializes to the JSON that `--output json` prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The version of the gateway.
    pub version: &'static str,
    /// The directory that was checked.
    pub config: String,
    /// When it is for.
    pub phase: &'static str,
    /// When it was made.
    pub made: String,
    /// Whether a gateway could run with the configuration.
    pub usable: bool,
    /// The sections, in order.
    pub sections: Vec<Section>,
}

impl Report {
    /// One without a line.
    pub(super) fn new(dir: &Path, options: &Options, now: WallTime) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            config: dir.display().to_string(),
            phase: options.phase.word(),
            made: now.to_string(),
            usable: true,
            sections: Vec::new(),
        }
    }

    /// Every line, in order.
    pub fn lines(&self) -> impl Iterator<Item = &Line> {
        self.sections.iter().flat_map(|section| &section.lines)
    }

    /// How many checks ended like this.
    pub fn count(&self, status: Status) -> usize {
        self.lines().filter(|line| line.status == status).count()
    }

    /// How many findings matter so much.
    pub fn found(&self, weight: Weight) -> usize {
        let findings = self.lines().flat_map(|line| &line.findings);
        findings.filter(|finding| finding.weight == weight).count()
    }

    /// How much the worst finding matters; `None` if there is none.
    pub fn worst(&self) -> Option<Weight> {
        let findings = self.lines().flat_map(|line| &line.findings);
        findings.map(|finding| finding.weight).max()
    }

    /// Whether a check has failed anywhere so far.
    pub(super) fn has_failed(&self, id: &str) -> bool {
        self.lines()
            .any(|line| line.id == id && line.status == Status::Failed)
    }

    /// The first check that has failed.
    pub(super) fn first_failed(&self) -> Option<&'static str> {
        let failed = self.lines().find(|line| line.status == Status::Failed);
        failed.map(|line| line.id)
    }

    /// For people at a terminal, every check or only what is not good.
    pub fn to_text(&self, only_findings: bool) -> String {
        text::write(self, only_findings)
    }

    /// One page that needs nothing else, for people and for printers.
    pub fn to_html(&self) -> String {
        html::write(self)
    }

    /// For build machines: the XML of `JUnit`.
    pub fn to_junit(&self) -> String {
        junit::write(self)
    }

    /// For programs.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// The last line of every form.
    fn summary(&self) -> String {
        let count = |status| self.count(status);
        let tried = self.lines().count();
        let usable = if self.usable {
            ""
        } else {
            "; the configuration cannot be used"
        };
        format!(
            "{tried} checks: {} passed, {} failed, {} with a warning, {} skipped{usable}",
            count(Status::Passed),
            count(Status::Failed),
            count(Status::Warning),
            count(Status::Skipped)
        )
    }
}

/// Text as markup: what a peer chose stays text.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            control if control.is_control() && !matches!(control, '\n' | '\t') => {
                out.push('\u{fffd}');
            }
            char => out.push(char),
        }
    }
    out
}
