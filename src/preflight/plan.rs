//! [`Plan`]: which checks are asked for, and what is left out because of another one.

use crate::explain::Dictionary;
use crate::preflight::Options;
use crate::preflight::check::{CHECKS, Check, Phase};
use crate::preflight::report::{Line, Report, Section, Status};
use crate::preflight::verdict::{Judged, Verdict};

/// Something was asked for that there is not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unknown {
    /// A check.
    #[error("there is no check \"{name}\"{}", did_you_mean(.nearest))]
    Check {
        /// The name as it was written.
        name: String,
        /// Names that may have been meant.
        nearest: Vec<String>,
    },
    /// A SAP system.
    #[error("there is no SAP system \"{name}\" in the configuration; there is {}", .known.join(", "))]
    System {
        /// The name as it was written.
        name: String,
        /// Those that there are.
        known: Vec<String>,
    },
}

fn did_you_mean(nearest: &[String]) -> String {
    match nearest {
        [] => "; crmgate preflight --list shows them all".to_owned(),
        near => format!("; did you mean {}", near.join(", ")),
    }
}

/// What is asked for.
#[derive(Debug)]
pub(super) struct Plan {
    only: Vec<String>,
    skip: Vec<String>,
    phase: Phase,
    words: Dictionary,
}

impl Plan {
    pub(super) fn new(options: &Options) -> Result<Self, Unknown> {
        let words = Dictionary::new();
        for name in options.only.iter().chain(&options.skip) {
            if !CHECKS.iter().any(|check| is_meant(check, name)) {
                let found = words.find(name).nearest;
                let near = found
                    .into_iter()
                    .filter(|near| Check::named(near).is_some());
                return Err(Unknown::Check {
                    name: name.clone(),
                    nearest: near.map(str::to_owned).collect(),
                });
            }
        }
        Ok(Self {
            only: options.only.clone(),
            skip: options.skip.clone(),
            phase: options.phase,
            words,
        })
    }

    fn is_asked(&self, check: &Check) -> bool {
        let named = |names: &[String]| names.iter().any(|name| is_meant(check, name));
        check.is_of(self.phase) && (self.only.is_empty() || named(&self.only)) && !named(&self.skip)
    }

    /// Whether the check of this name is asked.
    pub(super) fn asks(&self, id: &str) -> bool {
        Check::named(id).is_some_and(|check| self.is_asked(check))
    }

    /// Whether anybody has to be called for what is asked.
    pub(super) fn calls_somebody(&self) -> bool {
        let needs_a_call = |check: &Check| {
            let of_peer = |id: &str| id.starts_with("peer-") || id.starts_with("proxy-");
            of_peer(check.id) || check.needs.iter().any(|need| of_peer(need))
        };
        CHECKS
            .iter()
            .any(|check| self.is_asked(check) && needs_a_call(check))
    }

    /// Adds a section to a report: the checks that are asked for, in their order.
    pub(super) fn add(&self, report: &mut Report, title: &str, mut judged: Vec<Judged>) {
        judged.sort_by_key(|one| CHECKS.iter().position(|check| check.id == one.id));
        let lines = judged.iter().filter_map(|one| {
            let check = Check::named(one.id).filter(|check| self.is_asked(check))?;
            Some(self.line(check, one, &judged, report))
        });
        let lines: Vec<Line> = lines.collect();
        if !lines.is_empty() {
            report.sections.push(Section {
                title: title.to_owned(),
                lines,
            });
        }
    }

    fn line(&self, check: &Check, one: &Judged, section: &[Judged], report: &Report) -> Line {
        let (status, findings, needs) = match &one.verdict {
            Verdict::Good => (Status::Passed, Vec::new(), None),
            Verdict::Unknown => {
                let needs = blame(check, section, report);
                (Status::Skipped, Vec::new(), Some(needs.to_owned()))
            }
            Verdict::Found(found) => {
                let status = if one.has_failed() {
                    Status::Failed
                } else {
                    Status::Warning
                };
                (status, found.clone(), None)
            }
        };
        let words = self.words.get(check.id);
        let findings = findings.into_iter().map(|mut finding| {
            finding.here = finding.here.or_else(|| Some(words?.here.clone()));
            finding.there = finding.there.or_else(|| Some(words?.there.clone()));
            finding
        });
        Line {
            id: check.id,
            question: check.question,
            status,
            evidence: one.evidence.clone(),
            findings: findings.collect(),
            needs,
        }
    }
}

/// By its whole name, or by the part in front of its dash: `peer` is all of a peer.
fn is_meant(check: &Check, name: &str) -> bool {
    let prefix = check.id.split_once('-').map(|(prefix, _)| prefix);
    check.id == name || prefix == Some(name)
}

/// Which check has to be mended first: of those that this one needs, the nearest that failed; else
/// what failed before it.
fn blame(check: &Check, section: &[Judged], report: &Report) -> &'static str {
    let failed = |id: &str| {
        let here = section
            .iter()
            .find(|one| one.id == id)
            .is_some_and(Judged::has_failed);
        here || report.has_failed(id)
    };
    let mut above: Vec<&'static str> = check.needs.to_vec();
    let mut at = 0;
    while let Some(id) = above.get(at).copied() {
        if failed(id) {
            return id;
        }
        let further = Check::named(id)
            .map(|check| check.needs)
            .unwrap_or_default();
        let new: Vec<_> = further
            .iter()
            .filter(|id| !above.contains(id))
            .copied()
            .collect();
        above.extend(new);
        at = at.saturating_add(1);
    }
    let in_section = section
        .iter()
        .find(|one| one.has_failed())
        .map(|one| one.id);
    in_section
        .or_else(|| report.first_failed())
        .or_else(|| check.needs.first().copied())
        .unwrap_or("config-files")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::WallTime;
    use crate::preflight::verdict::Finding;

    fn planned(
        options: &Options,
        judged: Vec<Judged>,
    ) -> Vec<(&'static str, Status, Option<String>)> {
        let plan = Plan::new(options).expect("known");
        let mut report = Report::new("DIR".as_ref(), options, WallTime(0));
        plan.add(&mut report, "a peer", judged);
        let lines = report
            .sections
            .into_iter()
            .flat_map(|section| section.lines);
        lines
            .map(|line| (line.id, line.status, line.needs))
            .collect()
    }

    fn judged() -> Vec<Judged> {
        vec![
            Judged::unknown("peer-tls"),
            Judged::unknown("peer-name"),
            Judged::found("peer-port", Finding::error("refused")),
            Judged::good("peer-dns", "127.0.0.1"),
        ]
    }

    #[test]
    fn what_cannot_matter_is_left_out_and_says_because_of_what() {
        let needs = Some("peer-port".to_owned());
        assert_eq!(
            planned(&Options::default(), judged()),
            [
                ("peer-dns", Status::Passed, None),
                ("peer-port", Status::Failed, None),
                ("peer-tls", Status::Skipped, needs.clone()),
                ("peer-name", Status::Skipped, needs),
            ]
        );
    }

    #[test]
    fn checks_are_chosen_and_left_out_by_name_and_by_kind() {
        let ids = |only: &[&str], skip: &[&str]| {
            let options = Options {
                only: only.iter().map(|id| (*id).to_owned()).collect(),
                skip: skip.iter().map(|id| (*id).to_owned()).collect(),
                ..Options::default()
            };
            let lines = planned(&options, judged());
            lines.into_iter().map(|(id, ..)| id).collect::<Vec<_>>()
        };
        assert_eq!(ids(&["peer-tls"], &[]), ["peer-tls"]);
        assert_eq!(
            ids(&["peer"], &["peer-dns", "peer-name"]),
            ["peer-port", "peer-tls"]
        );
        assert!(ids(&["own"], &[]).is_empty());
    }

    #[test]
    fn nobody_is_called_for_what_the_files_tell() {
        let calls = |only: &str| {
            let options = Options {
                only: vec![only.to_owned()],
                ..Options::default()
            };
            Plan::new(&options).expect("known").calls_somebody()
        };
        assert!(calls("peer-dns") && calls("listener-hints") && calls("proxy-route"));
        assert!(!calls("own") && !calls("config") && !calls("listener-suites"));
    }

    #[test]
    fn a_check_that_does_not_exist_is_told_with_what_may_have_been_meant() {
        let asked = |name: &str| {
            let only = vec![name.to_owned()];
            let options = Options {
                only,
                ..Options::default()
            };
            Plan::new(&options).expect_err("unknown").to_string()
        };
        assert_eq!(
            asked("peer-nam"),
            "there is no check \"peer-nam\"; did you mean peer-name"
        );
        assert_eq!(
            asked("horse"),
            "there is no check \"horse\"; crmgate preflight --list shows them all"
        );
    }

    #[test]
    fn a_finding_says_what_to_do_in_sap_even_if_nothing_special_is_known() {
        let options = Options::default();
        let plan = Plan::new(&options).expect("known");
        let mut report = Report::new("DIR".as_ref(), &options, WallTime(0));
        plan.add(&mut report, "a peer", judged());
        let found = report.sections.iter().flat_map(|section| &section.lines);
        let found: Vec<_> = found.flat_map(|line| &line.findings).collect();
        assert_eq!(found.len(), 1);
        let there = found[0].there.as_deref().expect("a step");
        assert!(there.contains("SMICM"), "{there}");
    }
}
