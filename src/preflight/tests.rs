//! The forms of a report.

use crate::model::WallTime;
use crate::preflight::check::Check;
use crate::preflight::verdict::{Finding, Weight};
use crate::preflight::{Line, Options, Report, Section, Status};

fn line(id: &str, status: Status) -> Line {
    let check = Check::named(id).expect("there");
    Line {
        id: check.id,
        question: check.question,
        status,
        evidence: Vec::new(),
        findings: Vec::new(),
        needs: None,
    }
}

/// A report with one line of each kind, and a peer that chose a hostile name.
fn report() -> Report {
    let mut report = Report::new("DIR".as_ref(), &Options::default(), WallTime(1_790_000_000));
    let mut good = line("peer-dns", Status::Passed);
    good.evidence = vec!["10.0.0.9".to_owned()];
    let mut wrong = line("peer-name", Status::Failed);
    wrong.evidence = vec!["SHA-256 ab".to_owned()];
    wrong.findings = vec![
        Finding::error("it is for \"<script>alert(1)</script>\"")
            .here("write the host as in its certificate")
            .there("STRUST: a new one"),
    ];
    let mut doubtful = line("peer-asks-us", Status::Warning);
    doubtful.findings = vec![Finding::warning("nobody asked").there("VCLIENT=2")];
    let mut skipped = line("peer-http", Status::Skipped);
    skipped.needs = Some("peer-name".to_owned());
    report.sections = vec![Section {
        title: "SAP1 SAP CRM https://crm:44300".to_owned(),
        lines: vec![good, wrong, doubtful, skipped],
    }];
    report
}

#[test]
fn the_text_shows_every_check_with_its_sign_and_what_to_do() {
    let text = "\
SAP1 SAP CRM https://crm:44300
------------------------------
√ the name resolves (10.0.0.9)  [peer-dns]
× the server's certificate is for the host that is called  [peer-name]
    it is for \"<script>alert(1)</script>\"
    fix here : write the host as in its certificate
    fix there: STRUST: a new one
    seen     : SHA-256 ab
    more     : crmgate explain peer-name
‼ the server asks for our certificate  [peer-asks-us]
    nobody asked
    fix there: VCLIENT=2
    more     : crmgate explain peer-asks-us
- skipped (needs peer-name): the answer is one that traffic can work with  [peer-http]

4 checks: 1 passed, 1 failed, 1 with a warning, 1 skipped
";
    assert_eq!(report().to_text(false), text);
}

#[test]
fn the_short_text_shows_what_is_not_good_and_counts_the_rest() {
    let text = report().to_text(true);
    assert!(
        !text.contains("the name resolves") && !text.contains("skipped ("),
        "{text}"
    );
    assert!(
        text.contains("[peer-name]") && text.contains("1 passed"),
        "{text}"
    );
}

#[test]
fn the_page_needs_nothing_else_and_shows_what_a_peer_chose_as_text() {
    let page = report().to_html();
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>\n"));
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    for foreign in [
        "<script",
        "http://",
        "https://www",
        "src=",
        "href=",
        "@import",
        "url(",
    ] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    assert!(page.contains("default-src 'none'") && page.contains("@media print"));
}

#[test]
fn junit_has_a_case_for_each_check_a_failure_for_an_error_and_none_for_a_warning() {
    let xml = report().to_junit();
    assert!(
        xml.contains("tests=\"4\" failures=\"1\" skipped=\"1\""),
        "{xml}"
    );
    assert_eq!(xml.matches("<testcase ").count(), 4);
    assert_eq!(xml.matches("<failure>").count(), 1);
    assert!(
        xml.contains("<skipped message=\"needs peer-name\"/>"),
        "{xml}"
    );
    assert!(
        xml.contains("&lt;script&gt;") && xml.contains("fix there: STRUST"),
        "{xml}"
    );
}

#[test]
fn the_json_of_a_report_holds_all_of_it() {
    let json: serde_json::Value = serde_json::from_str(&report().to_json()).expect("JSON");
    let lines = &json["sections"][0]["lines"];
    assert_eq!(lines[1]["id"], "peer-name");
    assert_eq!(lines[1]["status"], "failed");
    assert_eq!(lines[1]["findings"][0]["weight"], "error");
    assert_eq!(lines[1]["findings"][0]["there"], "STRUST: a new one");
    assert_eq!(lines[3]["needs"], "peer-name");
    assert_eq!(
        (&json["usable"], &json["phase"]),
        (&true.into(), &"before-start".into())
    );
}

#[test]
fn the_worst_finding_counts() {
    let mut report = report();
    assert_eq!(report.worst(), Some(Weight::Error));
    report.sections[0].lines.remove(1);
    assert_eq!(report.worst(), Some(Weight::Warning));
    report.sections.clear();
    assert_eq!(report.worst(), None);
}
