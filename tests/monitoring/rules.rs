//! The alert rules, tried by Prometheus' own tool.

use crate::support::tool::run;
use crate::{monitoring, read};

#[tokio::test]
async fn promtool_accepts_the_rules_and_every_alert_fires_on_its_fault_and_on_nothing_else() {
    let rules = monitoring("crmgate.rules.yml");
    let said = run(
        "promtool",
        ["check".as_ref(), "rules".as_ref(), rules.as_os_str()],
        b"",
    )
    .await;
    assert!(said.said().contains("SUCCESS"));
    let cases = monitoring("crmgate.rules.test.yml");
    let said = run(
        "promtool",
        ["test".as_ref(), "rules".as_ref(), cases.as_os_str()],
        b"",
    )
    .await;
    assert!(said.said().contains("SUCCESS"));
}

/// The names of the cases in which an alert is expected, and in which it is expected not to be.
fn cases(alert: &str) -> (usize, usize) {
    let text = read("crmgate.rules.test.yml");
    let named = format!("alertname: {alert}\n");
    let parts = text.split(&named).skip(1);
    let (mut fires, mut is_silent) = (0, 0);
    for part in parts {
        if part.trim_start().starts_with("exp_alerts: []") {
            is_silent += 1;
        } else {
            fires += 1;
        }
    }
    (fires, is_silent)
}

#[test]
fn there_is_a_case_for_every_alert_in_which_it_fires_and_one_in_which_it_is_silent() {
    let rules = read("crmgate.rules.yml");
    let alerts: Vec<_> = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "))
        .collect();
    assert!(alerts.len() >= 20, "{alerts:?}");
    for alert in alerts {
        let (fires, is_silent) = cases(alert);
        assert!(fires > 0 && is_silent > 0, "{alert}: {fires}, {is_silent}");
    }
}
