//! Figures and labels that a dashboard or an alert asks for exist.

use std::collections::{BTreeMap, BTreeSet};

use crmgate::telemetry::exposition::described;
use serde_json::Value;

use crate::read;

/// Labels that Prometheus or a histogram adds.
const ADDED: [&str; 3] = ["job", "instance", "le"];

/// The labels that each sample has, by the sample's name.
fn known() -> BTreeMap<String, BTreeSet<String>> {
    let mut known = BTreeMap::new();
    for family in described() {
        let own = family.labels.iter().map(|(name, _)| (*name).to_owned());
        let labels: BTreeSet<String> = own.chain(ADDED.map(str::to_owned)).collect();
        for sample in family.samples() {
            known.insert(sample, labels.clone());
        }
    }
    known
}

fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Every figure of ours that a text names, each with the labels by which it is picked out.
fn asked_for(text: &str) -> Vec<(String, Vec<String>)> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = ["crmgate_", "process_"]
        .into_iter()
        .filter_map(|begin| rest.find(begin))
        .min()
    {
        let is_inside = rest[..at].ends_with(is_of_name);
        let tail = &rest[at..];
        let end = tail.find(|c| !is_of_name(c)).unwrap_or(tail.len());
        let (name, behind) = tail.split_at(end);
        if !is_inside {
            found.push((name.to_owned(), labels_of(behind)));
        }
        rest = behind;
    }
    found
}

/// The labels in the braces that follow a name.
fn labels_of(behind: &str) -> Vec<String> {
    let Some(inside) = behind.strip_prefix('{') else {
        return Vec::new();
    };
    let mut labels = Vec::new();
    let mut is_quoted = false;
    let mut word = String::new();
    for c in inside.chars() {
        match c {
            '"' => is_quoted = !is_quoted,
            _ if is_quoted => {}
            '}' => break,
            '=' | '!' => {
                let label = std::mem::take(&mut word);
                labels.extend(Some(label).filter(|label| !label.is_empty()));
            }
            c if is_of_name(c) => word.push(c),
            _ => word.clear(),
        }
    }
    labels
}

/// What a text asks for and does not exist.
fn unknown(text: &str) -> Vec<String> {
    let known = known();
    let mut unknown = Vec::new();
    for (name, labels) in asked_for(text) {
        match known.get(&name) {
            None => unknown.push(name),
            Some(own) => unknown.extend(
                labels
                    .into_iter()
                    .filter(|label| !own.contains(label))
                    .map(|label| format!("{name} has no label {label}")),
            ),
        }
    }
    unknown
}

/// Every text of a dashboard, wherever it stands.
fn texts(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::String(text) => into.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| texts(item, into)),
        Value::Object(fields) => fields.values().for_each(|field| texts(field, into)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn dashboard() -> Value {
    serde_json::from_str(&read("crmgate.dashboard.json")).expect("JSON")
}

#[test]
fn every_figure_and_label_of_the_rules_exists() {
    for file in ["crmgate.rules.yml", "crmgate.rules.test.yml"] {
        let text = read(file);
        assert!(asked_for(&text).len() > 20, "{file}");
        assert_eq!(unknown(&text), Vec::<String>::new(), "{file}");
    }
}

#[test]
fn every_figure_and_label_of_the_dashboard_exists() {
    let mut all = Vec::new();
    texts(&dashboard(), &mut all);
    let text = all.join("\n");
    assert!(asked_for(&text).len() > 40);
    assert_eq!(unknown(&text), Vec::<String>::new());
}

#[test]
fn the_dashboard_shows_every_family_but_those_that_say_when_something_was() {
    let mut all = Vec::new();
    texts(&dashboard(), &mut all);
    let shown: BTreeSet<String> = asked_for(&all.join("\n"))
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    let missing: Vec<_> = described()
        .into_iter()
        .filter(|family| !family.samples().iter().any(|name| shown.contains(name)))
        .map(|family| family.name)
        .collect();
    assert_eq!(
        missing,
        [
            "crmgate_connections_accepted_total",
            "crmgate_clients_sent_away_total",
            "crmgate_relayed_connections_total",
            "crmgate_config_last_reload_timestamp_seconds",
            "crmgate_config_published_timestamp_seconds",
            "crmgate_preflight_timestamp_seconds",
            "process_start_time_seconds",
        ]
    );
}

#[test]
fn the_dashboard_keeps_its_address_and_no_two_panels_share_a_place() {
    let dashboard = dashboard();
    assert_eq!(dashboard["uid"], "crmgate-overview");
    let panels = dashboard["panels"].as_array().expect("panels");
    let mut ids = BTreeSet::new();
    let mut taken = BTreeSet::new();
    for panel in panels {
        let title = panel["title"].as_str().expect("a title");
        assert!(ids.insert(panel["id"].as_u64()), "{title}");
        let place = |key: &str| panel["gridPos"][key].as_u64().expect("a place");
        let (x, y, w, h) = (place("x"), place("y"), place("w"), place("h"));
        assert!(x + w <= 24, "{title}");
        for cell in (y..y + h).flat_map(|row| (x..x + w).map(move |column| (row, column))) {
            assert!(taken.insert(cell), "{title} at {cell:?}");
        }
        let targets = panel["targets"].as_array();
        assert!(
            panel["type"] == "row" || targets.is_some_and(|all| !all.is_empty()),
            "{title}"
        );
        for target in targets.into_iter().flatten() {
            assert_eq!(target["datasource"]["uid"], "${datasource}", "{title}");
        }
    }
    let rows = panels.iter().filter(|panel| panel["type"] == "row");
    assert_eq!(rows.count(), 7);
}

#[test]
fn a_planted_name_or_label_that_does_not_exist_is_found() {
    for (text, found) in [
        ("rate(crmgate_nothing_total[5m])", "crmgate_nothing_total"),
        (
            "crmgate_panics_total{system=\"SAP1\"}",
            "crmgate_panics_total has no label system",
        ),
        (
            "crmgate_handshakes_total{result!=\"a=b}\",sytem=~\"x\"}",
            "crmgate_handshakes_total has no label sytem",
        ),
        (
            "crmgate_exchange_duration_seconds",
            "crmgate_exchange_duration_seconds",
        ),
    ] {
        assert_eq!(unknown(text), [found]);
    }
    let good = "crmgate_exchange_duration_seconds_bucket{system=\"x\",le=\"1.0\"} / my_crmgate_x";
    assert_eq!(unknown(good), Vec::<String>::new());
}
