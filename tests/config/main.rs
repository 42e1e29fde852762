//! Golden cases of the configuration: files in, settings or the whole list of problems out.
//!
//! `cases/<name>.case` is: comment lines (`#`) that say what it shows; files, each after a line
//! `--- <name>`; a line `===`; what is expected. Behind a name may stand how the file is written, as
//! in `--- ssl.ini (as utf-16le, crlf)`. A name that ends in `/` is a folder. `+++ tls` adds an `ssl.ini` with one company CA and its certificates.
//!
//! Expected is the list of problems, without the directory's name, and, where there is no error,
//! every setting that differs from those of `cases/baseline.case`.
//!
//! `CRMGATE_BLESS=1 cargo test --test config` writes what came out into the cases, and the generated
//! `config/README.md`. Read the difference before committing it.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::unwrap_used,
    missing_docs,
    reason = "a test tells by panicking, and clippy does not know this crate as a test"
)]

mod case;
mod deployments;
mod flatten;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use case::Case;
use crmgate::config::{KEYS, Key, reference};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn blessing() -> bool {
    std::env::var_os("CRMGATE_BLESS").is_some()
}

/// All cases, by name.
fn cases() -> Vec<(PathBuf, Case)> {
    let mut paths: Vec<PathBuf> = fs::read_dir(root().join("tests/config/cases"))
        .expect("cases")
        .map(|entry| entry.expect("entry").path())
        .filter(|path| path.extension().is_some_and(|end| end == "case"))
        .collect();
    paths.sort();
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("case");
        let case = Case::parse(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        (path, case)
    };
    paths.into_iter().map(read).collect()
}

fn compare(path: &Path, expected: &str, actual: &str, wrong: &mut Vec<String>) {
    if expected == actual {
        return;
    }
    wrong.push(format!(
        "{}\n--- expected\n{expected}\n--- actual\n{actual}",
        path.display()
    ));
}

#[test]
#[cfg_attr(windows, ignore = "paths and the system's own words differ there")]
fn every_case_gives_the_settings_or_the_problems_that_it_says() {
    let baseline = baseline();
    let mut wrong = Vec::new();
    for (path, case) in cases() {
        let is_baseline = path.ends_with("baseline.case");
        let actual = if is_baseline {
            case.outcome(&BTreeSet::new())
        } else {
            case.outcome(&baseline)
        };
        if blessing() {
            fs::write(&path, case.with_outcome(&actual)).expect("case");
        } else {
            compare(&path, &case.expected, &actual, &mut wrong);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// What every other case is compared with: the smallest configuration with both flows.
fn baseline() -> BTreeSet<String> {
    let path = root().join("tests/config/cases/baseline.case");
    let case = Case::parse(&fs::read_to_string(path).expect("case")).expect("case");
    case.settings().into_iter().collect()
}

#[test]
fn the_reference_in_the_repository_is_what_the_table_says() {
    let path = root().join("config/README.md");
    let expected = reference::readme();
    if blessing() {
        fs::write(&path, &expected).expect("README");
    }
    let actual = fs::read_to_string(&path).expect("README");
    assert!(
        expected == actual,
        "config/README.md is out of step: CRMGATE_BLESS=1 cargo test --test config"
    );
}

#[test]
fn every_key_has_a_case_that_accepts_it_and_one_that_refuses_it() {
    let cases = cases();
    let mut missing = Vec::new();
    for key in KEYS {
        if !cases
            .iter()
            .any(|(_, case)| !case.is_refused() && case.writes(key))
        {
            missing.push(format!(
                "{} [{}] {}: accepted",
                key.file, key.section, key.name
            ));
        }
        if !cases.iter().any(|(_, case)| refuses(case, key)) {
            missing.push(format!(
                "{} [{}] {}: refused",
                key.file, key.section, key.name
            ));
        }
    }
    assert!(missing.is_empty(), "no case for:\n{}", missing.join("\n"));
}

/// Whether the case expects an error or a warning at that key.
fn refuses(case: &Case, key: &Key) -> bool {
    case.expected
        .split("\n\n")
        .filter(|problem| !problem.starts_with("notice"))
        .any(|problem| {
            problem.lines().any(|line| {
                line.starts_with("  at: ")
                    && line.ends_with(&format!("] {}", key.name))
                    && line.contains(&format!("[{}", key.section))
            })
        })
}

#[test]
fn every_case_says_what_it_shows() {
    for (path, case) in cases() {
        assert!(
            case.about.trim_start_matches('#').trim().len() > 10,
            "{}",
            path.display()
        );
    }
}
