//! The entries are complete, and everything that this program says has one.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rustls::AlertDescription;

use super::dictionary::TEXTS;
use super::entry::read;
use super::*;
use crate::certs::expiry::{ALARM_DAYS, LIST_ALARM_DAYS};
use crate::certs::inspect::UnfitName;
use crate::certs::{Due, DueKind, Step};
use crate::config::problem::{Place, Problem};
use crate::http::{BadAnswer, GatewayError, Refusal};
use crate::model::{Denial, Outcome, WallTime};
use crate::tls::failure::Cause;

fn codes(typed: &str) -> Vec<String> {
    let dictionary = Dictionary::new();
    let found = dictionary.find(typed);
    found
        .entries
        .iter()
        .map(|entry| entry.code.clone())
        .collect()
}

#[test]
fn every_line_of_the_texts_says_something_and_every_entry_says_everything() {
    for (family, text) in TEXTS {
        let (entries, lost) = read(text, family);
        assert!(lost.is_empty(), "{lost:?}");
        for entry in entries {
            let said = [&entry.means, &entry.seen, &entry.here, &entry.there];
            assert!(said.iter().all(|text| !text.is_empty()), "{entry:?}");
            assert!(!entry.causes.is_empty(), "{entry:?}");
            let style = |text: &String| !text.ends_with('.') && !text.contains('\u{2014}');
            assert!(said.into_iter().all(style), "{}", entry.code);
        }
    }
}

#[test]
fn a_code_has_one_entry_and_leads_to_others_that_there_are() {
    let dictionary = Dictionary::new();
    let known: BTreeSet<&str> = dictionary
        .entries()
        .iter()
        .map(|one| one.code.as_str())
        .collect();
    assert_eq!(known.len(), dictionary.entries().len());
    for entry in dictionary.entries() {
        for see in &entry.see {
            assert!(known.contains(see.as_str()), "{}: {see}", entry.code);
        }
    }
}

#[test]
fn every_entry_is_found_by_its_code_and_by_each_other_writing() {
    let dictionary = Dictionary::new();
    for entry in dictionary.entries() {
        for writing in std::iter::once(&entry.code).chain(&entry.also) {
            let found = dictionary.find(writing).entries;
            assert!(
                found.contains(&entry),
                "{writing} does not find {}",
                entry.code
            );
        }
    }
}

fn causes() -> Vec<Cause> {
    let text = String::new;
    vec![
        Cause::NoClientCertificate,
        Cause::UnknownIssuer,
        Cause::Expired { since: None },
        Cause::NotYetValid { from: None },
        Cause::Revoked,
        Cause::RevocationUnknown,
        Cause::WrongPurpose,
        Cause::WrongKeyUsage,
        Cause::NameMismatch {
            expected: text(),
            presented: text(),
        },
        Cause::NoAlternativeName {
            expected: text(),
            common_name: None,
        },
        Cause::BadSignature,
        Cause::WeakSignature,
        Cause::WeakKey,
        Cause::AuthorityAsLeaf,
        Cause::UnfitIssuer,
        Cause::NameNotAllowed,
        Cause::NoPolicy,
        Cause::TangledChain,
        Cause::OldCertificateVersion,
        Cause::CriticalExtension,
        Cause::MalformedCertificate,
        Cause::UnfitName(UnfitName::Subject),
        Cause::UnacceptableCertificate(text()),
        Cause::NoCommonVersion,
        Cause::NoCommonSuite,
        Cause::NoCommonGroup,
        Cause::NoCommonSignature,
        Cause::NotTls,
        Cause::RefusedByPeer(AlertDescription::UnknownCA),
        Cause::ClosedByPeer,
        Cause::ResetByPeer,
        Cause::TimedOut,
        Cause::StaleSession,
        Cause::ProtocolViolation(text()),
        Cause::Io(text()),
        Cause::Internal(text()),
    ]
}

#[test]
fn every_failed_handshake_has_an_entry() {
    let source = include_str!("../tls/failure/cause.rs");
    let (_, codes_of_source) = source.split_once("fn code(").expect("the codes");
    let (codes_of_source, _) = codes_of_source.split_once("/// ").expect("their end");
    let count = codes_of_source.matches("=> \"").count();
    let causes = causes();
    assert_eq!(causes.len(), count, "a cause is missing in this test");
    for cause in causes {
        assert_eq!(codes(cause.code()), [cause.code()]);
    }
}

#[test]
fn every_answer_of_the_gateway_has_an_entry() {
    let outcome = Outcome::SentNoAnswer;
    let mut errors = vec![
        GatewayError::HeaderTimeout,
        GatewayError::BodyTooSlow(outcome),
        GatewayError::BodyTooLarge(outcome),
        GatewayError::BadChunk(outcome),
        GatewayError::BodyBrokeOff(outcome),
        GatewayError::TargetNotAllowed,
        GatewayError::Unreachable(String::new()),
        GatewayError::Exhausted,
        GatewayError::Lost(Outcome::PartlySent),
        GatewayError::Lost(outcome),
        GatewayError::TlsRefused(String::new(), outcome),
        GatewayError::TimedOut(outcome),
        GatewayError::SideDown(outcome),
        GatewayError::BadAnswer(BadAnswer::Head, outcome),
        GatewayError::Cut(outcome),
        GatewayError::Internal(outcome),
    ];
    errors.extend(Refusal::ALL.map(GatewayError::Refused));
    let denials = [
        Denial::NotAllowed,
        Denial::Denied { rule: "x".into() },
        Denial::Withdrawn { since: WallTime(0) },
        Denial::NotIssued,
        Denial::Unconfirmed,
    ];
    errors.extend(denials.map(GatewayError::NotAdmitted));
    for error in errors {
        assert_eq!(codes(error.code()), [error.code()]);
    }
    for outcome in [Outcome::NotSent, Outcome::PartlySent, Outcome::SentNoAnswer] {
        assert_eq!(codes(outcome.code()), [outcome.code()]);
    }
}

/// The code of every alarm that can be raised.
fn alarms() -> BTreeSet<String> {
    let of = |kind, step| {
        let due = Due {
            kind,
            subject: String::new(),
            ends: WallTime(0),
            item: [0; 32],
            step,
            problem: Problem::warning(Place::default(), "", ""),
        };
        due.code()
    };
    let of_kind = |kind| {
        let (days, ends) = match kind {
            DueKind::Own | DueKind::Authority => (&ALARM_DAYS[..], &[Step::Ended][..]),
            DueKind::List => (&LIST_ALARM_DAYS[..], &[Step::Ended, Step::GraceEnded][..]),
        };
        let steps = days.iter().copied().map(Step::left);
        let codes = steps.chain(ends.iter().copied()).map(|step| of(kind, step));
        codes.collect::<Vec<_>>()
    };
    let kinds = [DueKind::Own, DueKind::Authority, DueKind::List];
    kinds.into_iter().flat_map(of_kind).collect()
}

#[test]
fn every_alarm_that_can_be_raised_has_an_entry_and_no_entry_is_of_another_one() {
    let dictionary = Dictionary::new();
    let entries = dictionary.entries().iter();
    let of_alarms = entries.filter(|one| one.family == Family::Alarm);
    let told: BTreeSet<String> = of_alarms
        .flat_map(|one| std::iter::once(&one.code).chain(&one.also))
        .cloned()
        .collect();
    assert_eq!(told, alarms());
}

#[test]
fn the_days_of_an_alarm_in_a_line_of_the_log_lead_to_its_entry() {
    let line = "WARN alarm: ssl.ini: the certificate ends code=GW-ALARM-CERT-7D days_left=6";
    assert_eq!(codes(line), ["GW-ALARM-CERT-60D"]);
}

/// Codes of ours in a text: whole ones, and not the beginnings from which others are made.
fn codes_in(text: &str) -> Vec<&str> {
    let ends = |c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '-');
    let found = text.match_indices("GW-").map(|(at, _)| {
        let rest = text.get(at..).unwrap_or_default();
        let end = rest.find(ends).unwrap_or(rest.len());
        rest.split_at(end)
    });
    let is_made = |behind: &str| behind.starts_with(['{', '<', '$']);
    found
        .filter(|(code, behind)| code.len() > "GW-".len() && !is_made(behind))
        .map(|(code, _)| code)
        .collect()
}

/// Every file below a folder that people or the compiler read.
fn files_below(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let kind = path.extension().and_then(|kind| kind.to_str());
        if path.is_dir() {
            files_below(&path, into);
        } else if matches!(kind, Some("rs" | "md" | "json" | "yml" | "js" | "ini")) {
            into.push(path);
        }
    }
}

#[test]
fn every_code_that_is_printed_anywhere_or_written_of_has_an_entry() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = [
        "README.md",
        "CHANGELOG.md",
        "SECURITY.md",
        "ARCHITECTURE.md",
    ]
    .map(|name| root.join(name))
    .to_vec();
    for folder in ["src", "config", "monitoring"] {
        files_below(&root.join(folder), &mut files);
    }
    let dictionary = Dictionary::new();
    let known: BTreeSet<&str> = dictionary
        .entries()
        .iter()
        .flat_map(|one| std::iter::once(&one.code).chain(&one.also))
        .map(String::as_str)
        .collect();
    let mut met = 0;
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a text");
        // What is made up to be refused here stands in this file alone.
        if file.ends_with("explain/tests.rs") {
            continue;
        }
        for code in codes_in(&text) {
            assert!(known.contains(code), "{}: {code}", file.display());
            met += 1;
        }
    }
    assert!(met > 100, "{met}");
}

/// What a text says that SAP shows: a code of SAP's, and a number in brackets behind it; or a number
/// of ICM's, and the word behind it. An ellipsis or a blank stands for the rest: that is no code.
fn said_of_sap(text: &str) -> Vec<(&str, Option<&str>)> {
    let is_of_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let word_of = |text: &str| text.find(|c| !is_of_word(c)).unwrap_or(text.len());
    let mut said = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(is_of_word) {
        let (_, from) = rest.split_at(start);
        let (word, behind) = from.split_at(word_of(from));
        rest = behind;
        let tail = behind.strip_prefix(' ').unwrap_or(behind);
        if word == "ICM" {
            let (number, after) = tail.split_at(word_of(tail));
            if number.len() == 3 && number.bytes().all(|b| b.is_ascii_digit()) {
                let after = after.strip_prefix(' ').unwrap_or_default();
                let (name, _) = after.split_at(word_of(after));
                let is_name = !name.is_empty() && !name.bytes().any(|b| b.is_ascii_lowercase());
                said.push((number, is_name.then_some(name)));
            }
        }
        let is_code = ["SSSLERR_", "SSSLRC_", "ICM_HTTP_", "NIE"]
            .iter()
            .any(|family| word.len() > family.len() && word.starts_with(family));
        if is_code && !word.bytes().any(|b| b.is_ascii_lowercase()) && !word.ends_with('_') {
            let number = tail.strip_prefix('(').and_then(|tail| tail.split_once(')'));
            let number = number.map(|(number, _)| number);
            said.push((word, number.filter(|number| number.starts_with('-'))));
        }
    }
    said
}

/// Whether the dictionary has the code by this very name, and with this number.
fn is_explained(dictionary: &Dictionary, (code, more): (&str, Option<&str>)) -> bool {
    let has = |entry: &Entry, writing: &str| entry.also.iter().any(|also| also == writing);
    dictionary.entries().iter().any(|entry| {
        if code.bytes().all(|b| b.is_ascii_digit()) {
            let name = more.is_none_or(|name| entry.code == format!("ICM_HTTP_{name}"));
            return name && has(entry, &format!("ICM {code}"));
        }
        // Two spellings of the same layer.
        let is_it = entry.code == code || (code.starts_with("SSSLRC_") && has(entry, code));
        is_it && more.is_none_or(|number| has(entry, number))
    })
}

#[test]
fn every_code_that_a_text_of_ours_says_sap_shows_is_explained_under_that_name_and_number() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = ["README.md", "SECURITY.md", "CHANGELOG.md"]
        .map(|name| root.join(name))
        .to_vec();
    for folder in ["src", "config", "monitoring"] {
        files_below(&root.join(folder), &mut files);
    }
    // What is pasted and made up there need not be.
    files.retain(|file| !file.starts_with(root.join("src/explain")));
    let dictionary = Dictionary::new();
    let mut met = 0;
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a text");
        for said in said_of_sap(&text) {
            assert!(
                is_explained(&dictionary, said),
                "{}: {said:?}",
                file.display()
            );
            met += 1;
        }
    }
    assert!(met > 20, "{met}");
}

#[test]
fn what_a_text_says_of_sap_is_found_in_it_and_a_wrong_number_or_name_is_not_explained() {
    let text = "`SSSLERR_SSL_READ` (-58); ICM 407 SSL_ERROR, ICM 411. SSSLERR_..., ICM 10 s";
    let said = said_of_sap(text);
    let expected = [
        ("SSSLERR_SSL_READ", None),
        ("407", Some("SSL_ERROR")),
        ("411", None),
    ];
    assert_eq!(said, expected);
    let dictionary = Dictionary::new();
    assert!(said.into_iter().all(|said| is_explained(&dictionary, said)));
    for wrong in [
        ("SSSLERR_PEER_CERT_EXPIRED", None),
        ("SSSLERR_SSL_READ", Some("-57")),
        ("418", Some("SSL_ERROR")),
        ("499", None),
    ] {
        assert!(!is_explained(&dictionary, wrong), "{wrong:?}");
    }
}

#[test]
fn a_planted_code_is_found_and_the_beginning_of_one_is_none() {
    assert_eq!(
        codes_in("\"GW-400-NEW\", GW-ALARM-{}-{}, `GW-<status>`, (GW-403-X)"),
        ["GW-400-NEW", "GW-403-X"]
    );
}

#[test]
fn a_line_of_dev_icm_is_understood_by_the_codes_in_it() {
    let line = "[Thr 140] *** ERROR during SecudeSSL_SessionStart() from SSL_connect()\n\
                <<- ERROR: SapSSLSessionStartNB(sssl_hdl=7f)==SSSLERR_PEER_CERT_UNTRUSTED (-102)";
    assert_eq!(codes(line), ["SSSLERR_PEER_CERT_UNTRUSTED"]);
    let line = "Direct connect to 10.0.0.1:8443 failed: NIECONN_REFUSED(-10)";
    assert_eq!(codes(line), ["NIECONN_REFUSED"]);
    let line = "ICM_HTTP_SSL_PEER_CERT_UNTRUSTED, then ICM_HTTP_TIMEOUT";
    assert_eq!(
        codes(line),
        ["ICM_HTTP_SSL_PEER_CERT_UNTRUSTED", "ICM_HTTP_TIMEOUT"]
    );
}

#[test]
fn lines_of_other_libraries_are_understood() {
    for (line, code) in [
        (
            "error:0A000418:SSL routines:ssl3_read_bytes:tlsv1 alert unknown ca:rec_layer_s3.c:1584:SSL alert number 48",
            "unknown_ca",
        ),
        (
            "received fatal alert: CertificateRequired",
            "certificate_required",
        ),
        (
            "javax.net.ssl.SSLHandshakeException: Received fatal alert: handshake_failure",
            "handshake_failure",
        ),
        (
            "verify error:num=20:unable to get local issuer certificate",
            "certificate_verify_failed",
        ),
        (
            "warn no TLS handshake system=SAP1 code=no-client-certificate peer=10.1.1.1",
            "no-client-certificate",
        ),
        (
            "access: POST / 500 code=GW-503-UNREACHABLE outcome=not-sent",
            "GW-503-UNREACHABLE",
        ),
    ] {
        assert_eq!(
            codes(line).first().map(String::as_str),
            Some(code),
            "{line}"
        );
    }
}

#[test]
fn a_number_alone_is_every_code_that_has_it() {
    assert_eq!(codes("-10"), ["SSSLERR_CONN_CLOSED", "NIECONN_REFUSED"]);
    assert_eq!(codes("rc = -94"), ["NIEROUT_PERM_DENIED"]);
}

#[test]
fn a_miss_suggests_what_may_have_been_meant() {
    let dictionary = Dictionary::new();
    let found = dictionary.find("SSSLERR_PEER_CERT_UNTRUSTET");
    assert!(found.entries.is_empty());
    assert_eq!(found.nearest.first(), Some(&"SSSLERR_PEER_CERT_UNTRUSTED"));
    assert!(dictionary.find("nothing of the kind").nearest.is_empty());
}

proptest::proptest! {
    #[test]
    fn any_text_may_be_pasted(text in "\\PC{0,200}") {
        let _found = Dictionary::new().find(&text);
    }
}
