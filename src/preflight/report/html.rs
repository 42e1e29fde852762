//! The report as one page: no script, no picture, nothing from elsewhere, so that it may be sent to
//! the other team and printed.

use std::fmt::Write as _;

use crate::preflight::report::{Line, Report, Section, escaped};

pub(super) fn write(report: &Report) -> String {
    let mut out = String::from(HEAD);
    let facts = [
        ("configuration", report.config.as_str()),
        ("phase", report.phase),
        ("made", report.made.as_str()),
        ("crmgate", report.version),
    ];
    out.push_str("<h1>crmgate preflight</h1>\n<dl>");
    for (name, value) in facts {
        let _infallible = write!(out, "<dt>{name}</dt><dd>{}</dd>", escaped(value));
    }
    let _infallible = writeln!(
        out,
        "</dl>\n<p class=\"sum\">{}</p>",
        escaped(&report.summary())
    );
    report
        .sections
        .iter()
        .for_each(|section| write_section(&mut out, section));
    out.push_str("</main></body></html>\n");
    out
}

fn write_section(out: &mut String, section: &Section) {
    let _infallible = writeln!(out, "<section><h2>{}</h2>\n<ul>", escaped(&section.title));
    section.lines.iter().for_each(|line| write_line(out, line));
    out.push_str("</ul></section>\n");
}

fn write_line(out: &mut String, line: &Line) {
    let (sign, word) = (line.status.sign(), line.status.word());
    let _infallible = write!(
        out,
        "<li class=\"{word}\"><b aria-label=\"{word}\">{sign}</b> {} <code>{}</code>",
        escaped(line.question),
        line.id
    );
    if let Some(needs) = &line.needs {
        let _infallible = write!(
            out,
            " <i>skipped, needs <code>{}</code></i>",
            escaped(needs)
        );
    }
    for evidence in &line.evidence {
        let _infallible = write!(out, "<div class=\"seen\">{}</div>", escaped(evidence));
    }
    for finding in &line.findings {
        let _infallible = write!(out, "<div class=\"what\">{}</div>", escaped(&finding.what));
        let steps = [("fix here", &finding.here), ("fix there", &finding.there)];
        for (label, step) in steps {
            if let Some(step) = step {
                let _infallible = write!(
                    out,
                    "<div class=\"fix\"><b>{label}:</b> {}</div>",
                    escaped(step)
                );
            }
        }
    }
    out.push_str("</li>\n");
}

const HEAD: &str = "<!DOCTYPE html>
<html lang=\"en\"><head><meta charset=\"utf-8\">
<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">
<title>crmgate preflight</title>
<style>
:root { color-scheme: light dark }
body { font: 15px/1.45 system-ui, sans-serif; margin: 0 }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem }
h1 { font-size: 1.4rem } h2 { font-size: 1.1rem; border-bottom: 1px solid #8888; padding-bottom: .2rem }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem } dd { margin: 0 }
ul { list-style: none; padding: 0 } li { padding: .25rem 0 .25rem 1.6rem; text-indent: -1.6rem }
li > b:first-child { display: inline-block; width: 1.6rem; text-indent: 0; text-align: center }
li > div { text-indent: 0; overflow-wrap: anywhere } .sum { font-weight: bold }
.passed > b:first-child { color: #1a7f37 } .warning > b:first-child { color: #b35900 }
.failed > b:first-child { color: #d1242f } .skipped { opacity: .75 }
.seen { font-size: .85rem; opacity: .8 } .what { font-weight: 600 } code { font-size: .85rem }
@media print { body { font-size: 10pt } main { max-width: none; padding: 0 } li, h2 { break-inside: avoid } h2 { break-after: avoid } }
</style></head><body><main>
";
