//! Pictures without a terminal.

use std::time::Duration;

use serde_json::json;

use super::frame::{Line, Moment, Tone, frame};
use super::rates::{Look, Rates};
use crate::cli::ops::answers::{Said, Status};

fn system(name: &str, health: &str) -> serde_json::Value {
    json!({
        "name": name,
        "listeners": [{"listen": "8443", "bound": "0.0.0.0:8443", "service": "requests",
            "tls": true, "goes_to": ["http://a:1", "http://b:1"]}],
        "sides": {"active": "A", "home": "A", "active_for_seconds": null, "flap_alarm_seconds": null,
            "a": {"url": "http://a:1", "health": health, "for_seconds": 7, "last_cause": "refused",
                "back_off_seconds": null, "drained": null},
            "b": {"url": "http://b:1", "health": "up", "for_seconds": 9, "last_cause": null,
                "back_off_seconds": null, "drained": null}},
        "crm": [], "crm_proxy": null})
}

fn status(requests: u64) -> Status {
    let answer = json!({
        "version": "1", "phase": "serving", "ready": true, "not_ready": [], "generation": 3,
        "generation_since": null, "now": "", "uptime_seconds": 61 + requests, "connections": 12,
        "last_reload_failure": null,
        "systems": [system("SAP1", "down"), system("SAP2", "up")],
        "figures": {"connections_accepted": 1, "handshakes_full": requests / 10,
            "handshakes_resumed": requests / 2, "handshakes_failed": 3, "clients_not_admitted": 4,
            "requests_answered": requests, "requests_failed": 2, "events_answered": 5,
            "events_failed": 6, "relayed_open": 1, "relayed_bytes_to_target": 1_000,
            "relayed_bytes_from_target": 2_000, "replays": 7, "switches_automatic": 8,
            "switches_ordered": 9, "log_lines_lost": 0, "panics": 0},
        "next_to_end": null,
    });
    serde_json::from_value(answer).expect("a status")
}

fn said(number: u64) -> Said {
    Said {
        number,
        at: format!("2026-11-22T16:00:{number:02}.5Z"),
        level: "WARN".to_owned(),
        message: format!("side A is down {}", "x".repeat(200)),
        fields: vec![("hint".to_owned(), "see\u{1b}[2J to it".to_owned())],
    }
}

fn picture(size: (usize, usize), keys: bool, system: usize) -> Vec<Line> {
    let (before, after) = (status(0), status(100));
    let looks =
        [(&before, 0), (&after, 2)].map(|(status, at)| Look::new(status, Duration::from_secs(at)));
    let errors: Vec<Said> = (1..40).map(said).collect();
    let moment = Moment {
        url: "http://x/",
        status: &after,
        rates: Rates::between(&looks[0], &looks[1]),
        errors: &errors,
        system,
        trouble: None,
    };
    frame(&moment, size, keys)
}

fn text(lines: &[Line]) -> String {
    let lines: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
    lines.join("\n")
}

#[test]
fn a_small_terminal_is_filled_and_no_line_is_too_wide_for_it() {
    for (width, height) in [(80, 24), (40, 10), (132, 50), (1, 1), (0, 0)] {
        let lines = picture((width, height), true, 0);
        assert!(lines.len() <= height.max(1), "{height}: {}", lines.len());
        let widest = lines.iter().map(|line| line.text.chars().count()).max();
        assert!(widest.unwrap_or(0) <= width, "{width}");
    }
    let lines = picture((80, 24), true, 0);
    assert_eq!(lines.len(), 24);
    assert_eq!(lines[23].text, "q quit   s next SAP system");
}

#[test]
fn rates_shares_sides_and_the_newest_errors_are_in_the_picture() {
    let lines = picture((80, 24), true, 0);
    let text = text(&lines);
    for part in [
        "crmgate 1 at http://x/: serving, ready",
        "50.0 (0.0 failed)",
        "100 answered, 2 failed",
        "5.0 full, 25.0 resumed",
        "83 %",
        "SAP1  (1 of 2)",
        "* side A  down for 7 s, active  http://a:1",
        "because: refused",
        "16:00:39 side A is down",
        "hint: see?[2J to it",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert!(!text.contains("16:00:01"), "{text}");
    let tone = |part: &str| {
        lines
            .iter()
            .find(|line| line.text.contains(part))
            .map(|line| line.tone)
    };
    assert_eq!(tone("side A  down"), Some(Tone::Bad));
    assert_eq!(tone("side B  up"), Some(Tone::Good));
}

#[test]
fn the_next_system_comes_after_the_last_one_again() {
    let of = |turn| text(&picture((80, 24), true, turn));
    assert!(of(1).contains("SAP2  (2 of 2)"));
    assert!(of(2).contains("SAP1  (1 of 2)"));
}
