//! The report for build machines.

use std::fmt::Write as _;

use crate::preflight::report::{Line, Report, Status, escaped};

pub(super) fn write(report: &Report) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for section in &report.sections {
        let count = |status| {
            section
                .lines
                .iter()
                .filter(|line| line.status == status)
                .count()
        };
        let _infallible = writeln!(
            out,
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" skipped=\"{}\">",
            escaped(&section.title),
            section.lines.len(),
            count(Status::Failed),
            count(Status::Skipped)
        );
        section
            .lines
            .iter()
            .for_each(|line| write_line(&mut out, &section.title, line));
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

fn write_line(out: &mut String, title: &str, line: &Line) {
    let _infallible = writeln!(
        out,
        "    <testcase classname=\"{}\" name=\"{}: {}\">",
        escaped(title),
        line.id,
        escaped(line.question)
    );
    if let Some(needs) = &line.needs {
        let _infallible = writeln!(out, "      <skipped message=\"needs {}\"/>", escaped(needs));
    }
    let said: Vec<String> = line
        .findings
        .iter()
        .map(|finding| {
            let steps = [("fix here", &finding.here), ("fix there", &finding.there)];
            let steps = steps
                .into_iter()
                .filter_map(|(label, step)| Some((label, step.as_ref()?)));
            steps.fold(finding.what.clone(), |text, (label, step)| {
                format!("{text}\n{label}: {step}")
            })
        })
        .collect();
    let message = escaped(&said.join("\n"));
    let _infallible = match line.status {
        Status::Failed => writeln!(out, "      <failure>{message}</failure>"),
        // A warning is no failure; what it says is kept.
        Status::Warning => writeln!(out, "      <system-out>{message}</system-out>"),
        Status::Passed | Status::Skipped => Ok(()),
    };
    out.push_str("    </testcase>\n");
}
