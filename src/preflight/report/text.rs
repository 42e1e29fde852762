//! The report at a terminal.

use std::fmt::Write as _;

use crate::preflight::report::{Line, Report, Status};

pub(super) fn write(report: &Report, only_findings: bool) -> String {
    let mut out = String::new();
    for section in &report.sections {
        let is_shown = |line: &&Line| !only_findings || !line.findings.is_empty();
        let lines: Vec<&Line> = section.lines.iter().filter(is_shown).collect();
        if lines.is_empty() {
            continue;
        }
        let _infallible = writeln!(out, "{}", section.title);
        let _infallible = writeln!(out, "{}", "-".repeat(section.title.chars().count()));
        for line in lines {
            write_line(&mut out, line);
        }
        out.push('\n');
    }
    out.push_str(&report.summary());
    out.push('\n');
    out
}

fn write_line(out: &mut String, line: &Line) {
    let sign = line.status.sign();
    let skipped = line.needs.as_ref();
    let skipped = skipped.map_or_else(String::new, |needs| format!("skipped (needs {needs}): "));
    let measured = if line.evidence.is_empty() || line.status != Status::Passed {
        String::new()
    } else {
        format!(" ({})", line.evidence.join("; "))
    };
    let (question, id) = (line.question, line.id);
    let _infallible = writeln!(out, "{sign} {skipped}{question}{measured}  [{id}]");
    for finding in &line.findings {
        let _infallible = writeln!(out, "    {}", finding.what);
        let steps = [("fix here ", &finding.here), ("fix there", &finding.there)];
        for (label, step) in steps {
            if let Some(step) = step {
                let _infallible = writeln!(out, "    {label}: {step}");
            }
        }
    }
    if line.findings.is_empty() {
        return;
    }
    for evidence in &line.evidence {
        let _infallible = writeln!(out, "    seen     : {evidence}");
    }
    let _infallible = writeln!(out, "    more     : crmgate explain {}", line.id);
}
