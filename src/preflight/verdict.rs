//! [`Finding`] and [`Judged`]: what came of a check.

use serde::Serialize;

use crate::config::problem::{Problem, Severity};

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weight {
    /// It works, and will not for long or not for everybody.
    Warning,
    /// It does not work.
    Error,
}

/// What is not as it has to be, and what to do about it at either end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How much it matters.
    pub weight: Weight,
    /// What is wrong, with the values that were met.
    pub what: String,
    /// What to do at the gateway; the entry of the check, unless there is more to say.
    pub here: Option<String>,
    /// What to do in SAP; the entry of the check, unless there is more to say.
    pub there: Option<String>,
}

impl Finding {
    /// Something that does not work.
    pub(super) fn error(what: impl Into<String>) -> Self {
        Self::new(Weight::Error, what.into())
    }

    /// Something that works for now.
    pub(super) fn warning(what: impl Into<String>) -> Self {
        Self::new(Weight::Warning, what.into())
    }

    fn new(weight: Weight, what: String) -> Self {
        Self {
            weight,
            what,
            here: None,
            there: None,
        }
    }

    /// What to do at the gateway in this very case.
    pub(super) fn here(mut self, here: impl Into<String>) -> Self {
        self.here = Some(here.into());
        self
    }

    /// What to do in SAP in this very case.
    pub(super) fn there(mut self, there: impl Into<String>) -> Self {
        self.there = Some(there.into());
        self
    }
}

impl From<&Problem> for Finding {
    fn from(problem: &Problem) -> Self {
        let weight = match problem.severity {
            Severity::Error => Weight::Error,
            Severity::Warning | Severity::Notice => Weight::Warning,
        };
        let value = problem.value.as_ref();
        let value = value.map_or_else(String::new, |value| {
            format!(" \"{}\"", value.escape_debug())
        });
        let what = format!("{}{value}: {}", problem.place, problem.what);
        Self::new(weight, what).here(&problem.hint)
    }
}

/// What came of one check.
#[derive(Debug, Clone)]
pub(super) enum Verdict {
    /// It is as it has to be.
    Good,
    /// It is not.
    Found(Vec<Finding>),
    /// It could not be tried.
    Unknown,
}

/// One check with what came of it.
#[derive(Debug, Clone)]
pub(super) struct Judged {
    pub(super) id: &'static str,
    pub(super) verdict: Verdict,
    /// What was measured.
    pub(super) evidence: Vec<String>,
}

impl Judged {
    pub(super) fn good(id: &'static str, evidence: impl Into<String>) -> Self {
        Self {
            id,
            verdict: Verdict::Good,
            evidence: vec![evidence.into()],
        }
    }

    pub(super) const fn unknown(id: &'static str) -> Self {
        Self {
            id,
            verdict: Verdict::Unknown,
            evidence: Vec::new(),
        }
    }

    pub(super) fn found(id: &'static str, finding: Finding) -> Self {
        Self::all(id, vec![finding], Vec::new())
    }

    /// Good, if nothing was found.
    pub(super) fn all(id: &'static str, found: Vec<Finding>, evidence: Vec<String>) -> Self {
        let verdict = if found.is_empty() {
            Verdict::Good
        } else {
            Verdict::Found(found)
        };
        Self {
            id,
            verdict,
            evidence,
        }
    }

    pub(super) fn and(mut self, evidence: impl Into<String>) -> Self {
        self.evidence.push(evidence.into());
        self
    }

    /// Whether something was found that does not work.
    pub(super) fn has_failed(&self) -> bool {
        match &self.verdict {
            Verdict::Found(found) => found.iter().any(|one| one.weight == Weight::Error),
            Verdict::Good | Verdict::Unknown => false,
        }
    }
}
