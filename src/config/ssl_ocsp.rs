//! The keys of `ssl.ini` about asking a responder whether clients have been withdrawn.

use std::time::Duration;

use crate::config::problem::{Place, Problem, Problems};
use crate::config::reader::Reader;
use crate::config::settings::{OcspSettings, ResponderUrl, Unanswered};
use crate::config::ssl_ini::{RoleSection, placed};

/// The keys, none of which is about the dialling role.
pub(super) const KEYS: [&str; 4] = [
    "OCSP_RESPONDER",
    "OCSP_TIMEOUT",
    "OCSP_UNANSWERED",
    "OCSP_MAX_AGE",
];

/// What a section says, each with its place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct WrittenOcsp {
    responder: Option<(ResponderUrl, Place)>,
    timeout: Option<(Duration, Place)>,
    unanswered: Option<(Unanswered, Place)>,
    max_age: Option<(Duration, Place)>,
}

/// What holds where no section says anything.
#[derive(Debug, Clone, Copy)]
pub(super) struct OcspDefaults {
    timeout: Duration,
    unanswered: Unanswered,
    max_age: Duration,
}

impl OcspDefaults {
    pub(super) fn read(role: &mut Reader<'_>) -> Self {
        Self {
            timeout: role.value("OCSP_TIMEOUT"),
            unanswered: unanswered(role.value("OCSP_UNANSWERED")),
            max_age: role.value("OCSP_MAX_AGE"),
        }
    }

    /// What the listening role asks, and how; `None` if it asks nobody.
    pub(super) fn resolve(
        &self,
        chain: &[RoleSection],
        problems: &mut Problems,
    ) -> Option<OcspSettings> {
        let timeout = chain
            .iter()
            .find_map(|section| section.ocsp.timeout.clone());
        let unanswered = chain
            .iter()
            .find_map(|section| section.ocsp.unanswered.clone());
        let max_age = chain
            .iter()
            .find_map(|section| section.ocsp.max_age.clone());
        let responder = chain
            .iter()
            .find_map(|section| section.ocsp.responder.clone());
        let Some((responder, _)) = responder else {
            let places = timeout.map(|(_, place)| place).into_iter();
            let places = places.chain(unanswered.map(|(_, place)| place));
            for place in places.chain(max_age.map(|(_, place)| place)) {
                let key = place.key.clone().unwrap_or_default();
                problems.push(Problem::warning(
                    place,
                    format!("{key} has no effect without OCSP_RESPONDER"),
                    "name the responder in OCSP_RESPONDER, or remove the line",
                ));
            }
            return None;
        };
        Some(OcspSettings {
            responder,
            timeout: timeout.map_or(self.timeout, |(timeout, _)| timeout),
            unanswered: unanswered.map_or(self.unanswered, |(unanswered, _)| unanswered),
            max_age: max_age.map_or(self.max_age, |(max_age, _)| max_age),
        })
    }
}

/// Reads a section's keys.
pub(super) fn read(reader: &mut Reader<'_>) -> WrittenOcsp {
    let word: Option<(&'static str, Place)> = placed(reader, "OCSP_UNANSWERED");
    WrittenOcsp {
        responder: placed(reader, "OCSP_RESPONDER"),
        timeout: placed(reader, "OCSP_TIMEOUT"),
        unanswered: word.map(|(word, place)| (unanswered(word), place)),
        max_age: placed(reader, "OCSP_MAX_AGE"),
    }
}

fn unanswered(word: &str) -> Unanswered {
    match word {
        "serve" => Unanswered::Serve,
        _ => Unanswered::Refuse,
    }
}
