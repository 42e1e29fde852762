//! Stairs only go down: a room imports from lower floors, never from its own floor or above.

use std::collections::BTreeSet;

use crate::assert_none;
use crate::source::{Source, behind_bracket, part, read, root, sources};
use crate::tokens::Token;

/// The floors, from the ground up.
pub(crate) const FLOORS: [&[&str]; 10] = [
    &["model"],
    &["config", "telemetry", "explain"],
    &["certs", "net"],
    &["tls"],
    &["http", "alarms", "traces"],
    &["requests", "events"],
    &["gateway"],
    &["simulate", "service", "preflight"],
    &["admin"],
    &["cli"],
];

fn floor_of(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

/// Every room that a file names, with the line, whether in an import or in the middle of the code.
fn rooms_named(source: &Source) -> Vec<(String, usize)> {
    let tokens = &source.product;
    let depth = source.module().len();
    let mut named = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let behind = match token.word() {
            Some("crate") => at + 1,
            // As many steps up as there are modules lead to the root of the crate.
            Some("super") if supers_before(tokens, at) + 1 == depth => at + 1,
            _ => continue,
        };
        if tokens[behind..].len() > 2 && tokens[behind].is(':') && tokens[behind + 1].is(':') {
            heads(tokens, behind + 2, &mut named);
        }
    }
    named
}

/// How many `super::` stand directly in front.
fn supers_before(tokens: &[Token], at: usize) -> usize {
    let mut count = 0;
    let mut at = at;
    while at >= 3
        && tokens[at - 1].is(':')
        && tokens[at - 2].is(':')
        && tokens[at - 3].word() == Some("super")
    {
        count += 1;
        at -= 3;
    }
    count
}

/// The first name of a path, or of each path in a group.
fn heads(tokens: &[Token], at: usize, named: &mut Vec<(String, usize)>) {
    if let Some(word) = tokens[at].word() {
        named.push((word.to_owned(), tokens[at].line));
        return;
    }
    if !tokens[at].is('{') {
        return;
    }
    let end = behind_bracket(tokens, at) - 1;
    let mut inside = at + 1;
    while inside < end {
        heads(tokens, inside, named);
        while inside < end && !tokens[inside].is(',') {
            inside = if tokens[inside].is('{') {
                behind_bracket(tokens, inside)
            } else {
                inside + 1
            };
        }
        inside += 1;
    }
}

fn breaches(sources: &[Source]) -> Vec<String> {
    let mut breaches = Vec::new();
    for source in sources {
        let Some(room) = source.room() else { continue };
        let Some(own) = floor_of(room) else {
            breaches.push(format!(
                "{}: the room \"{room}\" stands on no floor",
                source.path
            ));
            continue;
        };
        for (other, line) in rooms_named(source) {
            if let Some(floor) = floor_of(&other).filter(|floor| *floor >= own && other != room) {
                breaches.push(format!(
                    "{}:{line}: floor {own} reaches for {other} on floor {floor}",
                    source.path
                ));
            }
        }
    }
    breaches
}

#[test]
fn a_file_imports_only_from_lower_floors() {
    assert_none(
        &breaches(sources()),
        "move what is shared down, or hand it in from above",
    );
}

#[test]
fn the_floor_plan_is_the_same_in_the_test_in_the_library_and_in_the_architecture() {
    let mut missing = Vec::new();
    for path in ["src/lib.rs", "ARCHITECTURE.md"] {
        let text = read(path);
        for (floor, rooms) in FLOORS.iter().enumerate() {
            let line = text
                .lines()
                .find(|line| line.contains(&format!("floor {floor} ")));
            let words: BTreeSet<&str> = line.map(words_of).unwrap_or_default();
            missing.extend(
                rooms
                    .iter()
                    .filter(|room| !words.contains(**room))
                    .map(|room| format!("{path}: floor {floor}: {room}")),
            );
        }
    }
    assert_none(&missing, "a line `floor <n>` names its rooms");
}

fn words_of(line: &str) -> BTreeSet<&str> {
    line.split(|char: char| !char.is_alphanumeric()).collect()
}

#[test]
fn the_library_declares_every_room_that_there_is_and_no_folder_stands_beside_the_plan() {
    let declared = read("src/lib.rs");
    let mut breaches = Vec::new();
    for entry in std::fs::read_dir(root().join("src")).expect("src") {
        let entry = entry.expect("entry");
        let name = entry.file_name().to_string_lossy().into_owned();
        if !entry.path().is_dir() {
            if !matches!(name.as_str(), "lib.rs" | "main.rs") {
                breaches.push(format!(
                    "src/{name}: only lib.rs and main.rs stand outside a room"
                ));
            }
        } else if floor_of(&name).is_none() {
            breaches.push(format!("src/{name}: no floor"));
        } else if !declared.contains(&format!("mod {name};")) {
            breaches.push(format!("src/{name}: not declared in src/lib.rs"));
        }
    }
    assert_none(&breaches, "every folder of src is a room on a floor");
}

fn planted(path: &str, text: &str) -> Vec<String> {
    breaches(&part(vec![(path.to_owned(), text.to_owned())]))
}

#[test]
fn a_planted_import_from_above_is_found_in_every_form() {
    for text in [
        "use crate::gateway::Gateway;",
        "use crate::{model::Side, config::settings::{Limits, Settings}, gateway::Gateway};",
        "fn f() -> crate::gateway::Status { todo() }",
        "use super::super::gateway::Gateway;",
        "pub(crate) use crate::http::serve as s;\n#[cfg(test)]\nmod tests {}",
    ] {
        assert_eq!(planted("src/net/dial.rs", text).len(), 1, "{text}");
    }
}

#[test]
fn a_planted_import_from_the_same_floor_is_found() {
    assert_eq!(
        planted("src/config/load.rs", "use crate::telemetry::Counters;").len(),
        1
    );
    assert_eq!(
        planted("src/events/mod.rs", "use super::requests::Sides;").len(),
        1
    );
}

#[test]
fn lower_floors_the_own_room_comments_strings_and_tests_are_no_breach() {
    for text in [
        "use crate::model::{Side, Clock};\nuse crate::net::Socket;\nuse super::socket::Socket;",
        "//! use crate::gateway::Gateway;\n/// [`crate::cli`]\n/* crate::cli::x */ fn f() {}",
        "const F: &str = \"crate::gateway::x\";",
        "#[cfg(test)]\nmod tests {\n    use crate::gateway::Gateway;\n}",
        "use foreign::crate_like::gateway;\nuse self::gateway::x;",
    ] {
        assert!(planted("src/net/dial.rs", text).is_empty(), "{text}");
    }
}
