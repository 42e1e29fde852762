//! What is written to the event log: a number for each kind of event, never to be changed again, since
//! monitoring is set up by them.
//!
//! The numbers lie below 1000, so the texts of the system's own `EventCreate.exe` show them and no
//! library of messages has to be shipped.

use crate::telemetry::Said;

/// How an event is marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Nothing has to be done.
    Information,
    /// Somebody should look.
    Warning,
    /// Something does not work.
    Error,
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its number.
    pub id: u16,
    /// How it is marked.
    pub mark: Mark,
    /// What it says.
    pub text: String,
}

/// The numbers and what each is for.
pub const IDS: &[(u16, &str)] = &[
    (SERVING, "the gateway serves"),
    (
        DRAINING,
        "it was asked to stop and lets finish what is in flight",
    ),
    (STOPPED, "it has stopped as it was asked to"),
    (
        FAILED,
        "it did not start, or ended with an error; the text has the exit code",
    ),
    (CERTIFICATE, "a certificate of ours ends soon or has ended"),
    (AUTHORITY, "an authority of CA_FILE ends soon or has ended"),
    (LIST, "a revocation list ends soon or has ended"),
    (WARNING, "any other warning of the log"),
    (
        WARNING + CONFIGURATION,
        "a warning about the configuration or a reload",
    ),
    (
        WARNING + CRYPTOGRAPHY,
        "a warning about certificates or TLS",
    ),
    (
        WARNING + TRAFFIC,
        "a warning about requests, sides or events",
    ),
    (ERROR, "any other error of the log"),
    (
        ERROR + CONFIGURATION,
        "an error in the configuration, a reload or a start",
    ),
    (ERROR + CRYPTOGRAPHY, "an error about certificates or TLS"),
    (ERROR + TRAFFIC, "an error about requests, sides or events"),
];

const SERVING: u16 = 1;
const DRAINING: u16 = 2;
const STOPPED: u16 = 3;
const FAILED: u16 = 4;
const CERTIFICATE: u16 = 110;
const AUTHORITY: u16 = 120;
const LIST: u16 = 130;
const WARNING: u16 = 200;
const ERROR: u16 = 300;
const CONFIGURATION: u16 = 10;
const CRYPTOGRAPHY: u16 = 20;
const TRAFFIC: u16 = 30;

/// All listeners are open.
pub fn serving() -> Entry {
    Entry {
        id: SERVING,
        mark: Mark::Information,
        text: format!("crmgate {} serves", env!("CARGO_PKG_VERSION")),
    }
}

/// It drains.
pub fn draining(seconds: u64) -> Entry {
    Entry {
        id: DRAINING,
        mark: Mark::Information,
        text: format!("crmgate lets finish what is in flight, for {seconds} s at the most"),
    }
}

/// It is over.
pub fn ended(exit: u8) -> Entry {
    if exit == 0 {
        return Entry {
            id: STOPPED,
            mark: Mark::Information,
            text: "crmgate has stopped".to_owned(),
        };
    }
    Entry {
        id: FAILED,
        mark: Mark::Error,
        text: format!(
            "crmgate ended with exit code {exit}; crmgate --help says what it means, and crmgate \
             check what is wrong in the configuration"
        ),
    }
}

/// What somebody has to know where there is no log yet.
pub fn complaint(text: &str) -> Entry {
    Entry {
        id: FAILED,
        mark: Mark::Error,
        text: fit(text.to_owned()),
    }
}

/// A line of the log.
pub fn said(said: &Said) -> Entry {
    let mark = match said.level {
        "ERROR" => Mark::Error,
        "WARN" => Mark::Warning,
        _ => Mark::Information,
    };
    let mut text = said.message.clone();
    for (name, value) in &said.fields {
        text.push('\n');
        text.push_str(name);
        text.push_str(": ");
        // What a peer sends must not look like another field.
        text.extend(value.chars().flat_map(|c| {
            let shown = c.is_control().then(|| c.escape_default());
            let plain = (!c.is_control()).then_some(c);
            shown.into_iter().flatten().chain(plain)
        }));
    }
    text.push_str("\nfrom: ");
    text.push_str(&said.target);
    Entry {
        id: id_of(said, mark),
        mark,
        text: fit(text),
    }
}

/// Whether a line of the log is an event: refusals that a stranger can cause at will are not.
pub fn is_event(said: &Said) -> bool {
    matches!(said.level, "ERROR" | "WARN") || alarm(said).is_some()
}

fn id_of(said: &Said, mark: Mark) -> u16 {
    if let Some(alarm) = alarm(said) {
        return alarm;
    }
    let base = if mark == Mark::Error { ERROR } else { WARNING };
    let mut rooms = said.target.split("::").skip(1);
    let part = match rooms.next() {
        Some("config" | "gateway" | "cli") => CONFIGURATION,
        Some("certs" | "tls") => CRYPTOGRAPHY,
        Some("requests" | "events" | "http") => TRAFFIC,
        _ => 0,
    };
    base + part
}

/// The number of an alarm about something that ends.
fn alarm(said: &Said) -> Option<u16> {
    let mut fields = said.fields.iter();
    let (_, code) = fields.find(|(name, _)| *name == "code")?;
    let kind = code.strip_prefix("GW-")?.strip_prefix("ALARM-")?;
    match kind.split('-').next()? {
        "CERT" => Some(CERTIFICATE),
        "CA" => Some(AUTHORITY),
        "CRL" => Some(LIST),
        _ => None,
    }
}

/// One text of an event, without what would end it early.
fn fit(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(LONGEST));
    text.replace('\0', " ")
}

/// The event log refuses texts of 31,839 units and more; a letter has one or two.
const LONGEST: usize = 15_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn line(level: &'static str, target: &str, fields: &[(&'static str, &str)]) -> Said {
        let fields = fields.iter();
        Said {
            number: 1,
            at: String::new(),
            level,
            target: target.to_owned(),
            message: "something".to_owned(),
            fields: fields
                .map(|(name, value)| (*name, (*value).to_owned()))
                .collect(),
        }
    }

    #[test]
    fn every_number_stands_once_in_the_table_and_is_one_that_the_system_has_texts_for() {
        let mut ids: Vec<u16> = IDS.iter().map(|(id, _)| *id).collect();
        assert!(ids.iter().all(|id| (1..1000).contains(id)));
        assert!(ids.is_sorted());
        ids.dedup();
        assert_eq!(ids.len(), IDS.len());
    }

    #[test]
    fn each_event_has_a_number_of_the_table() {
        let rooms = [
            "config", "gateway", "tls", "certs", "requests", "http", "net", "admin",
        ];
        let mut entries = vec![
            serving(),
            draining(30),
            ended(0),
            ended(78),
            complaint("no"),
        ];
        for room in rooms {
            for level in ["WARN", "ERROR"] {
                entries.push(said(&line(level, &format!("crmgate::{room}::x"), &[])));
            }
        }
        for code in ["GW-ALARM-CERT-30D", "GW-ALARM-CA-1D", "GW-ALARM-CRL-ENDED"] {
            entries.push(said(&line("WARN", "crmgate::gateway", &[("code", code)])));
        }
        for entry in &entries {
            assert!(IDS.iter().any(|(id, _)| *id == entry.id), "{entry:?}");
        }
        for (id, what) in IDS {
            assert!(entries.iter().any(|entry| entry.id == *id), "{id}: {what}");
        }
    }

    #[test]
    fn a_refusal_that_a_stranger_causes_is_no_event_and_a_warning_is() {
        let refusal = line("INFO", "crmgate::tls", &[("code", "unknown-ca")]);
        assert!(!is_event(&refusal));
        assert!(is_event(&line("WARN", "crmgate::tls", &[])));
        assert!(is_event(&line("ERROR", "crmgate::tls", &[])));
    }

    #[test]
    fn fields_stand_below_each_other_and_none_can_be_forged() {
        let entry = said(&line(
            "WARN",
            "crmgate::requests",
            &[("side", "A"), ("peer", "x\ny: z")],
        ));
        assert_eq!(
            entry.text,
            "something\nside: A\npeer: x\\ny: z\nfrom: crmgate::requests"
        );
    }

    #[test]
    fn a_text_that_is_too_long_is_cut_within_what_the_event_log_takes() {
        let entry = complaint(&"ü".repeat(40_000));
        assert!(entry.text.encode_utf16().count() < 31_839);
        assert!(!complaint("a\0b").text.contains('\0'));
    }

    #[test]
    fn the_manual_of_the_service_lists_every_number_as_it_is() {
        let manual = include_str!("../../../service/windows/README.md");
        for (id, what) in IDS {
            let row = format!("| {id} | {what} |");
            assert!(manual.contains(&row), "{row}");
        }
    }
}
