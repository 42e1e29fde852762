//! `monitoring/README.md` holds every figure as the tables in the code have it.

use crmgate::telemetry::exposition::reference;

use crate::{monitoring, read};

/// Behind this heading everything is written from the tables.
const HEADING: &str = "\n## Every figure\n";

#[test]
fn the_list_of_figures_is_the_one_that_the_code_has() {
    let text = read("README.md");
    let (head, _) = text.split_once(HEADING).expect("the heading");
    let expected = format!("{head}{HEADING}{}", reference());
    if std::env::var_os("CRMGATE_BLESS").is_some() {
        // At once: another test reads it meanwhile.
        let beside = monitoring("README.md.new");
        std::fs::write(&beside, expected).expect("written");
        std::fs::rename(beside, monitoring("README.md")).expect("in its place");
        return;
    }
    assert!(
        text == expected,
        "monitoring/README.md is not what the tables of figures say; write it anew with \
         CRMGATE_BLESS=1 cargo test --test monitoring"
    );
}

#[test]
fn every_alert_is_in_the_list_of_alerts() {
    let (text, rules) = (read("README.md"), read("crmgate.rules.yml"));
    let alerts = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "));
    let missing: Vec<_> = alerts
        .filter(|alert| !text.contains(&format!("| `{alert}` |")))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
