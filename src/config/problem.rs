//! [`Problem`]: one thing that is wrong with a configuration, with its place and its remedy.
//!
//! A load never stops at the first mistake: [`Problems`] collects them all, so that one run of
//! `crmgate check` shows the whole list.

use std::fmt;
use std::path::{Path, PathBuf};

/// How much a problem matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Said once and then in order: an unused vendor key, an insecure switch that was asked for.
    Notice,
    /// Works today and will not for long, or surely is not what was meant.
    Warning,
    /// The configuration is not used: the daemon does not start, or keeps what it has.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// What a problem is about, for whoever shows a checklist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Topic {
    /// A key, a section, a file of ours.
    Settings,
    /// How long we wait, beside how long SAP does.
    Timeouts,
    /// Our own certificate and key, as files.
    OwnFiles,
    /// Whether our key belongs to our certificate.
    OwnKey,
    /// Who else can read our key.
    KeyAccess,
    /// When our certificate begins and ends.
    OwnDates,
    /// What our certificate may be used for.
    OwnPurpose,
    /// Which hosts our certificate names.
    OwnNames,
    /// How our certificate is made.
    OwnStrength,
    /// What is sent with our certificate.
    OwnChain,
    /// The authorities that we believe.
    Trust,
    /// When they begin and end.
    TrustDates,
    /// Revocation lists.
    Lists,
    /// When they begin and end.
    ListDates,
    /// Whose list is missing.
    ListCoverage,
}

impl Topic {
    /// What the file is for that a key names.
    pub(super) fn of_key(key: &str) -> Self {
        match key {
            "CA_FILE" => Self::Trust,
            "CRL_FILE" => Self::Lists,
            key if key.contains("PEM_FILE")
                || key.contains("CRT_FILE")
                || key.contains("KEY_FILE")
                || key.contains("PASSPHRASE") =>
            {
                Self::OwnFiles
            }
            _ => Self::Settings,
        }
    }
}

/// Where in the operator's files something stands.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Place {
    /// The file as the operator would open it.
    pub file: PathBuf,
    /// The line, counted from 1; none where the whole file is meant.
    pub line: Option<u32>,
    /// The section, without brackets.
    pub section: Option<String>,
    /// The key, spelled as in the reference.
    pub key: Option<String>,
}

impl Place {
    /// A whole file.
    pub fn file(file: &Path) -> Self {
        Self {
            file: file.to_owned(),
            ..Self::default()
        }
    }

    /// A line of a file.
    #[must_use]
    pub fn line(mut self, line: u32) -> Self {
        self.line = Some(line);
        self
    }

    /// A section of a file.
    #[must_use]
    pub fn section(mut self, section: &str) -> Self {
        self.section = Some(section.to_owned());
        self
    }

    /// A key in a section.
    #[must_use]
    pub fn key(mut self, key: &str) -> Self {
        self.key = Some(key.to_owned());
        self
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if let Some(section) = &self.section {
            write!(f, " [{section}]")?;
        }
        if let Some(key) = &self.key {
            write!(f, " {key}")?;
        }
        Ok(())
    }
}

/// One thing that is wrong, where, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// How much it matters.
    pub severity: Severity,
    /// Where it stands.
    pub place: Place,
    /// What is wrong: a lower-case clause without a full stop.
    pub what: String,
    /// The offending value as written; none where a whole section or file is meant.
    pub value: Option<String>,
    /// What would be accepted.
    pub allowed: Option<String>,
    /// What to do next.
    pub hint: String,
    /// Whether `crmgate check` counts it as an error although the daemon starts with it and goes
    /// on to serve: what is overdue today was in order when it was written, and a gateway that
    /// does not start for it would be the greater harm.
    pub fails_check: bool,
    /// What it is about.
    pub topic: Topic,
}

impl Problem {
    /// An error; every problem carries a hint, so it is asked for here.
    pub fn error(place: Place, what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(Severity::Error, place, what.into(), hint.into())
    }

    /// A warning.
    pub fn warning(place: Place, what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(Severity::Warning, place, what.into(), hint.into())
    }

    /// A notice.
    pub fn notice(place: Place, what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(Severity::Notice, place, what.into(), hint.into())
    }

    fn new(severity: Severity, place: Place, what: String, hint: String) -> Self {
        Self {
            severity,
            place,
            what,
            value: None,
            allowed: None,
            hint,
            fails_check: false,
            topic: Topic::Settings,
        }
    }

    /// Says what it is about.
    #[must_use]
    pub fn about(mut self, topic: Topic) -> Self {
        self.topic = topic;
        self
    }

    /// Makes a warning one that `crmgate check` counts as an error.
    #[must_use]
    pub fn failing_check(mut self) -> Self {
        self.fails_check = true;
        self
    }

    /// Adds the value as written.
    #[must_use]
    pub fn value(mut self, value: impl Into<String>) -> Self {
        self.value = Some(value.into());
        self
    }

    /// Adds what would be accepted.
    #[must_use]
    pub fn allowed(mut self, allowed: impl Into<String>) -> Self {
        self.allowed = Some(allowed.into());
        self
    }
}

impl fmt::Display for Problem {
    /// Several lines, ready for a terminal and for a log:
    ///
    /// ```text
    /// error: METHOD has a value that is not known
    ///   at:      ssl.ini:2 [SSL] METHOD
    ///   value:   "3"
    ///   allowed: 0
    ///   hint:    set MIN_VERSION and MAX_VERSION to choose the protocol versions
    /// ```
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {}\n  at:      {}",
            self.severity, self.what, self.place
        )?;
        if let Some(value) = &self.value {
            write!(f, "\n  value:   \"{}\"", value.escape_debug())?;
        }
        if let Some(allowed) = &self.allowed {
            write!(f, "\n  allowed: {allowed}")?;
        }
        write!(f, "\n  hint:    {}", self.hint)
    }
}

/// All problems of one load, in the order of the files.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// An empty list.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds one.
    pub fn push(&mut self, problem: Problem) {
        self.0.push(problem);
    }

    /// Adds another list. What several roles or systems ran into is said once.
    pub fn extend(&mut self, other: Self) {
        for problem in other.0 {
            if !self.0.contains(&problem) {
                self.0.push(problem);
            }
        }
    }

    /// Says what those are about that do not say it themselves.
    #[must_use]
    pub fn about(mut self, topic: Topic) -> Self {
        for problem in &mut self.0 {
            if problem.topic == Topic::Settings {
                problem.topic = topic;
            }
        }
        self
    }

    /// Whether the configuration may not be used.
    pub fn has_errors(&self) -> bool {
        self.0
            .iter()
            .any(|problem| problem.severity == Severity::Error)
    }

    /// The same list as `crmgate check` judges it: with those as errors that fail it.
    #[must_use]
    pub fn as_checked(&self) -> Self {
        let checked = |problem: &Problem| Problem {
            severity: if problem.fails_check {
                Severity::Error
            } else {
                problem.severity
            },
            ..problem.clone()
        };
        Self(self.0.iter().map(checked).collect())
    }

    /// Every problem.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.0.iter()
    }

    /// How many there are of a severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.0
            .iter()
            .filter(|problem| problem.severity == severity)
            .count()
    }

    /// Whether there is none at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> IntoIterator for &'a Problems {
    type Item = &'a Problem;
    type IntoIter = std::slice::Iter<'a, Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            writeln!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_prints_its_place_value_allowed_values_and_hint() {
        let place = Place::file(Path::new("ssl.ini"))
            .line(2)
            .section("SSL")
            .key("METHOD");
        let problem = Problem::error(
            place,
            "METHOD has a value that is not known",
            "set MIN_VERSION",
        )
        .value("3")
        .allowed("0");
        assert_eq!(
            problem.to_string(),
            "error: METHOD has a value that is not known\n  at:      ssl.ini:2 [SSL] METHOD\n  \
             value:   \"3\"\n  allowed: 0\n  hint:    set MIN_VERSION"
        );
    }

    #[test]
    fn what_two_lists_have_in_common_is_said_once() {
        let problem = |what: &str| Problem::error(Place::file(Path::new("ssl.ini")), what, "h");
        let mut problems = Problems::from(problem("one"));
        problems.extend(problem("one").into());
        problems.extend(problem("two").into());
        assert_eq!(problems.count(Severity::Error), 2);
    }

    #[test]
    fn a_check_counts_as_an_error_what_a_start_does_not() {
        let place = Place::file(Path::new("ssl.ini"));
        let overdue = Problem::warning(place, "w", "h").failing_check();
        let problems = Problems::from(overdue);
        assert!(!problems.has_errors() && problems.as_checked().has_errors());
    }

    #[test]
    fn warnings_alone_do_not_make_a_configuration_unusable() {
        let place = Place::file(Path::new("ssl.ini"));
        let mut problems = Problems::from(Problem::warning(place.clone(), "w", "h"));
        assert!(!problems.has_errors());
        problems.push(Problem::error(place, "e", "h"));
        assert!(problems.has_errors());
    }
}
