//! The stories of how others failed: each has a test that bears its number, and the documents say
//! where.

use std::collections::BTreeMap;

use crate::assert_none;
use crate::source::{Source, part, read, sources};

/// Which stories there are: a letter, and how many of them.
const STORIES: [(char, u32); 4] = [('r', 10), ('v', 5), ('f', 4), ('i', 3)];

/// Numbers of all stories, as tests bear them.
fn stories() -> Vec<String> {
    let of_letter = |(letter, count)| (1..=count).map(move |number| format!("{letter}{number}"));
    STORIES.into_iter().flat_map(of_letter).collect()
}

/// Where system tests lie. Unit tests may bear numbers as well.
const SYSTEM_TESTS: &str = "tests/gateway/";

/// Files with system tests by the stories that these bear.
fn borne(sources: &[Source]) -> BTreeMap<String, Vec<&str>> {
    let mut borne: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    let of_system = |source: &&Source| source.path.starts_with(SYSTEM_TESTS);
    for source in sources.iter().filter(of_system) {
        for (at, token) in source.tests.iter().enumerate() {
            let is_test = token.word() == Some("fn");
            let name = source.tests.get(at + 1).and_then(|name| name.word());
            let Some((story, _)) = name.filter(|_| is_test).and_then(|n| n.split_once('_')) else {
                continue;
            };
            let files = borne.entry(story.to_owned()).or_default();
            if files.last() != Some(&source.path.as_str()) {
                files.push(&source.path);
            }
        }
    }
    borne
}

#[test]
fn every_story_has_a_system_test_that_bears_its_number() {
    let borne = borne(sources());
    let missing = stories()
        .into_iter()
        .filter(|story| !borne.contains_key(story));
    assert_none(
        &missing.collect::<Vec<_>>(),
        "write a test in tests/gateway whose name begins with the number",
    );
}

/// The rows of the table of stories: the number, and the files that are named.
fn told(text: &str) -> BTreeMap<String, Vec<&str>> {
    let (_, table) = text.split_once("## Stories").unwrap_or_default();
    let rows = table.lines().filter(|line| line.starts_with("| "));
    rows.filter_map(|row| {
        let (first, places) = row.trim_matches(['|', ' ']).rsplit_once('|')?;
        let number = first.split('|').next()?.trim().to_lowercase();
        Some((number, places.split('`').skip(1).step_by(2).collect()))
    })
    .collect()
}

#[test]
fn the_documents_say_where_the_tests_of_each_story_are() {
    let text = read("tests/README.md");
    let (told, borne) = (told(&text), borne(sources()));
    let mut breaches = Vec::new();
    for story in stories() {
        let written = told.get(&story).map(Vec::as_slice).unwrap_or_default();
        let there = borne.get(&story).map(Vec::as_slice).unwrap_or_default();
        for path in there.iter().filter(|path| !written.contains(path)) {
            breaches.push(format!("{story} is tried in {path}, and that is not said"));
        }
        for path in written.iter().filter(|path| !there.contains(path)) {
            breaches.push(format!("{story} is not tried in {path}, as is said"));
        }
    }
    assert_none(&breaches, "mend the table of stories in tests/README.md");
}

#[test]
fn a_test_bears_the_number_that_its_name_begins_with() {
    let text = "fn r1_one() {}\nfn r10_two() {}\nfn of_r2() { fn r1_three() {} }\n";
    let sources = part(vec![("tests/gateway/x.rs".to_owned(), text.to_owned())]);
    let borne = borne(&sources);
    assert_eq!(borne["r1"], ["tests/gateway/x.rs"]);
    assert!(borne.contains_key("r10") && !borne.contains_key("r2"));
}

#[test]
fn the_table_of_stories_is_read_by_row() {
    let text = "## Stories\n\n| story | what | where |\n|---|---|---|\n| R1 | a `b` | `c`, `d` |\n";
    assert_eq!(told(text)["r1"], ["c", "d"]);
}
