//! Documents: links lead somewhere, answers name files that exist, outer rooms have their plates.

use std::path::Path;

use crate::assert_none;
use crate::source::{files, is_kind, read, root};

/// Markdown of the repository, without what is included in the program.
fn documents() -> Vec<(String, String)> {
    files()
        .into_iter()
        .filter(|(path, _)| is_kind(path, "md") && path != "src/config/reference.md")
        .collect()
}

/// Text outside fenced blocks.
fn prose(text: &str) -> String {
    let mut is_inside = false;
    let mut prose = String::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            is_inside = !is_inside;
        } else if !is_inside {
            prose.push_str(line);
            prose.push('\n');
        }
    }
    prose
}

/// Targets of `[text](target)`.
fn links(text: &str) -> Vec<String> {
    let prose = prose(text);
    let targets = prose
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'));
    targets.map(|(target, _)| target.to_owned()).collect()
}

/// What a heading is called in a link.
fn anchor(heading: &str) -> String {
    let kept = heading
        .trim()
        .chars()
        .filter(|char| char.is_alphanumeric() || matches!(char, ' ' | '-' | '_'));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

fn anchors(text: &str) -> Vec<String> {
    prose(text)
        .lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| anchor(line.trim_start_matches('#')))
        .collect()
}

/// Why a link of a document leads nowhere.
fn broken(from: &str, text: &str, target: &str) -> Option<String> {
    if target.starts_with("https://") {
        return None;
    }
    let (file, fragment) = target.split_once('#').unwrap_or((target, ""));
    let folder = Path::new(from).parent().unwrap_or_else(|| Path::new(""));
    let path = root().join(folder).join(file);
    if !file.is_empty() && !path.exists() {
        return Some(format!("{from}: {target}: there is no such file"));
    }
    let aimed = if file.is_empty() {
        text.to_owned()
    } else {
        std::fs::read_to_string(&path).unwrap_or_default()
    };
    (!fragment.is_empty() && !anchors(&aimed).iter().any(|own| own == fragment))
        .then(|| format!("{from}: {target}: there is no such heading"))
}

#[test]
fn every_link_of_a_document_leads_to_a_file_and_a_heading_that_exist() {
    let mut breaches = Vec::new();
    for (path, text) in documents() {
        breaches.extend(
            links(&text)
                .iter()
                .filter_map(|target| broken(&path, &text, target)),
        );
    }
    assert_none(&breaches, "mend the link");
}

#[test]
fn a_broken_link_is_found_and_one_in_a_code_block_is_none() {
    let text = "# One two\n[a](#one-two) [b](README.md) [c](https://example.com/)\n```\n[d](nowhere)\n```\n";
    assert!(
        links(text)
            .iter()
            .all(|target| broken("README.md", text, target).is_none())
    );
    for target in ["nowhere.md", "#three", "README.md#no-such-heading-there"] {
        assert!(broken("README.md", text, target).is_some(), "{target}");
    }
}

/// Words in backticks that are paths of the repository.
fn paths_named(text: &str) -> Vec<String> {
    let prose = prose(text);
    let quoted = prose.split('`').skip(1).step_by(2);
    let begins = [
        "src/",
        "tests/",
        "benches/",
        "config/",
        "certs/",
        "monitoring/",
        "service/",
        "fuzz/",
        ".ci/",
        ".github/",
    ];
    quoted
        .filter(|word| begins.iter().any(|begin| word.starts_with(begin)))
        .filter(|word| !word.contains(['*', '<', ' ', '{', '\n']))
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_path_that_a_document_names_exists() {
    let mut breaches = Vec::new();
    for (path, text) in documents() {
        let missing = paths_named(&text)
            .into_iter()
            .filter(|named| !root().join(named).exists());
        breaches.extend(missing.map(|named| format!("{path}: `{named}`")));
    }
    assert_none(&breaches, "name the file as it is called now");
}

#[test]
fn every_outer_room_has_its_plate_and_says_what_lies_in_it() {
    let mut breaches = Vec::new();
    for room in [
        "benches",
        "certs",
        "config",
        "monitoring",
        "service",
        "tests",
    ] {
        let path = root().join(room).join("README.md");
        let text = std::fs::read_to_string(path).unwrap_or_default();
        if !text.starts_with("# ") {
            breaches.push(format!("{room}/README.md: missing, or without a heading"));
        }
        let folders = std::fs::read_dir(root().join(room))
            .into_iter()
            .flatten()
            .flatten();
        for entry in folders.filter(|entry| entry.path().is_dir()) {
            let name = entry.file_name().to_string_lossy().into_owned();
            if !text.contains(&format!("`{name}/`")) {
                breaches.push(format!("{room}/README.md: nothing about `{name}/`"));
            }
        }
    }
    assert_none(
        &breaches,
        "each outer room has a README.md that names every folder in it",
    );
}

#[test]
fn every_deployment_of_the_configuration_is_one_that_a_test_loads() {
    let test = read("tests/config/deployments.rs");
    let mut missing = Vec::new();
    for entry in std::fs::read_dir(root().join("config"))
        .expect("config")
        .flatten()
    {
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() && !test.contains(&format!("\"{name}\"")) {
            missing.push(name);
        }
    }
    assert_none(
        &missing,
        "add the folder to every_deployment_loads_without_a_word in tests/config/deployments.rs",
    );
}

#[test]
fn a_newcomer_finds_ten_answers_by_listing_folders() {
    let text = read("tests/README.md");
    let (_, table) = text.split_once("## Ten questions").expect("the heading");
    let rows: Vec<&str> = table
        .lines()
        .filter(|line| line.starts_with("| ") && line.contains('?'))
        .collect();
    assert_eq!(rows.len(), 10, "ten questions");
    for row in rows {
        let answer = row.split('|').nth(2).unwrap_or_default();
        let paths = paths_named(answer);
        assert!(!paths.is_empty(), "no path in: {row}");
        for path in paths {
            assert!(root().join(&path).exists(), "{path} of: {row}");
        }
    }
}

#[test]
fn the_change_log_has_a_place_for_what_comes_next_and_only_known_kinds_of_change() {
    let text = read("CHANGELOG.md");
    let headings: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("## "))
        .collect();
    assert_eq!(headings.first(), Some(&"## [Unreleased]"));
    let known = [
        "Security",
        "Added",
        "Changed",
        "Deprecated",
        "Removed",
        "Fixed",
    ];
    for heading in text.lines().filter_map(|line| line.strip_prefix("### ")) {
        assert!(known.contains(&heading), "{heading} is no kind of change");
    }
}

#[test]
fn every_root_document_is_reached_from_the_readme() {
    let readme = links(&read("README.md"));
    let mut missing = Vec::new();
    for (path, _) in documents()
        .iter()
        .filter(|(path, _)| !path.contains('/') && path != "README.md")
    {
        if !readme.contains(path) {
            missing.push(path.clone());
        }
    }
    assert_none(&missing, "link it from README.md");
}

#[test]
fn both_licences_of_the_manifest_are_here_in_full() {
    assert!(read("Cargo.toml").contains("license = \"Apache-2.0 OR MIT\""));
    assert!(read("LICENSE-APACHE").contains("END OF TERMS AND CONDITIONS"));
    assert!(read("LICENSE-MIT").contains("THE SOFTWARE IS PROVIDED"));
}
