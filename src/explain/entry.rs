//! [`Entry`]: one code, read from a text that people can correct.
//!
//! ```text
//! [SSSLERR_CONN_CLOSED]
//! also: -10 | another writing
//! means: what it means
//! cause: the likeliest
//! cause: the next
//! here: what to do at the gateway
//! there: what to do in SAP
//! ```
//!
//! A section `[default]` in front says what holds for all entries of a text that say nothing else.

use serde::Serialize;

/// Whose words they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// SAP's SSL layer: `SSSLERR_...`.
    SapSsl,
    /// SAP's ICM: `ICM_HTTP_...`.
    Icm,
    /// SAP's network interface and SAProuter: `NIE...`.
    Ni,
    /// An alert of TLS, or how another library says the same.
    Alert,
    /// A failed handshake in the gateway's log.
    Handshake,
    /// The gateway's own answer to a caller.
    Fault,
    /// An alarm in the gateway's log and at its webhook.
    Alarm,
    /// A check of `crmgate preflight`.
    Check,
}

impl Family {
    /// What an operator calls it.
    pub const fn words(self) -> &'static str {
        match self {
            Self::SapSsl => "SAP, SSL layer",
            Self::Icm => "SAP, ICM",
            Self::Ni => "SAP, network interface and SAProuter",
            Self::Alert => "TLS",
            Self::Handshake => "crmgate, handshake",
            Self::Fault => "crmgate, answer to a caller",
            Self::Alarm => "crmgate, alarm",
            Self::Check => "crmgate, preflight check",
        }
    }
}

/// What is known of a code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// The code as it is printed most often.
    pub code: String,
    /// Whose it is.
    pub family: Family,
    /// Numbers and other writings of the same.
    pub also: Vec<String>,
    /// What it means.
    pub means: String,
    /// Who sees it, and where.
    pub seen: String,
    /// Why it happens, the likeliest first.
    pub causes: Vec<String>,
    /// What to do at the gateway.
    pub here: String,
    /// What to do in SAP: transaction, parameter, value.
    pub there: String,
    /// What about it is not certain.
    pub unsure: Option<String>,
    /// Codes that are worth a look next.
    pub see: Vec<String>,
}

impl Entry {
    fn empty(family: Family) -> Self {
        Self {
            code: String::new(),
            family,
            also: Vec::new(),
            means: String::new(),
            seen: String::new(),
            causes: Vec::new(),
            here: String::new(),
            there: String::new(),
            unsure: None,
            see: Vec::new(),
        }
    }

    /// Takes a line of its section. What is no known key is nobody's: a test finds it.
    fn take(&mut self, key: &str, value: &str) -> bool {
        let list = |value: &str| value.split('|').map(|one| one.trim().to_owned()).collect();
        match key {
            "also" => self.also = list(value),
            "means" => value.clone_into(&mut self.means),
            "seen" => value.clone_into(&mut self.seen),
            "cause" => self.causes.push(value.to_owned()),
            "here" => value.clone_into(&mut self.here),
            "there" => value.clone_into(&mut self.there),
            "unsure" => self.unsure = Some(value.to_owned()),
            "see" => self.see = list(value),
            _ => return false,
        }
        true
    }
}

/// The entries of a text, and the lines that say nothing.
pub(super) fn read(text: &str, family: Family) -> (Vec<Entry>, Vec<&str>) {
    let mut usual = Entry::empty(family);
    let mut entries: Vec<Entry> = Vec::new();
    let mut lost = Vec::new();
    let lines = text.lines().filter(|line| !line.starts_with(';'));
    for line in lines.filter(|line| !line.trim().is_empty()) {
        if let Some(code) = section(line) {
            if code != DEFAULT {
                let code = code.to_owned();
                entries.push(Entry {
                    code,
                    ..usual.clone()
                });
            }
            continue;
        }
        let current = entries.last_mut().unwrap_or(&mut usual);
        let taken = line
            .split_once(": ")
            .is_some_and(|(key, value)| current.take(key, value.trim()));
        if !taken {
            lost.push(line);
        }
    }
    (entries, lost)
}

fn section(line: &str) -> Option<&str> {
    line.strip_prefix('[')?.strip_suffix(']')
}

const DEFAULT: &str = "default";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_text_says_of_all_holds_for_whoever_says_nothing_else() {
        let text = "; a word\n[default]\nseen: everywhere\nhere: a\n\n[ONE]\nmeans: 1\nhere: b\n\
                    cause: x\ncause: y\n[TWO]\nmeans: 2\nalso: -1 | zwei\n";
        let (entries, lost) = read(text, Family::Ni);
        assert!(lost.is_empty());
        assert_eq!(entries.len(), 2);
        assert_eq!(
            (entries[0].seen.as_str(), entries[0].here.as_str()),
            ("everywhere", "b")
        );
        assert_eq!(entries[0].causes, ["x", "y"]);
        assert_eq!(
            (entries[1].here.as_str(), entries[1].causes.len()),
            ("a", 0)
        );
        assert_eq!(entries[1].also, ["-1", "zwei"]);
    }

    #[test]
    fn a_line_that_says_nothing_is_lost_and_told() {
        let (_, lost) = read("[ONE]\nmean: 1\nwords\n", Family::Ni);
        assert_eq!(lost, ["mean: 1", "words"]);
    }
}
