//! Words: no notes to ourselves, no names of a machine, errors in one style, tests that wait for a
//! condition and not for a time.

use crate::assert_none;
use crate::source::{Source, behind_bracket, files, is_kind, part, sources};

/// Written apart, so that this file does not break its own rules.
const UNFINISHED: [&str; 3] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
];

/// Places of the machine that something was written on.
const MACHINES: [&str; 4] = [
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("/tm", "p/"),
];

fn lines_with<'a>(text: &'a str, words: &'a [&str]) -> impl Iterator<Item = (usize, &'a str)> {
    text.lines()
        .enumerate()
        .filter(move |(_, line)| words.iter().any(|word| line.contains(word)))
}

#[test]
fn nothing_is_left_for_later_in_the_text() {
    let mut breaches = Vec::new();
    for (path, text) in files()
        .iter()
        .filter(|(path, _)| !path.starts_with("LICENSE") && path != "Cargo.lock")
    {
        breaches
            .extend(lines_with(text, &UNFINISHED).map(|(line, _)| format!("{path}:{}", line + 1)));
    }
    assert_none(
        &breaches,
        "finish it, or say in the CHANGELOG or in README what is not there yet",
    );
}

#[test]
fn no_file_names_a_place_of_the_machine_it_was_written_on() {
    let mut breaches = Vec::new();
    for (path, text) in files() {
        breaches
            .extend(lines_with(&text, &MACHINES).map(|(line, _)| format!("{path}:{}", line + 1)));
    }
    assert_none(
        &breaches,
        "use a path relative to the repository, or a name such as DIR",
    );
}

/// Where tests pass the time by themselves.
fn sleeps(source: &Source) -> Vec<usize> {
    let mut lines = Vec::new();
    for (at, token) in source.tests.iter().enumerate() {
        let called = source.tests.get(at + 1).is_some_and(|token| token.is('('));
        let is_own = at
            .checked_sub(1)
            .is_some_and(|at| source.tests[at].is('.') || source.tests[at].word() == Some("fn"));
        if matches!(token.word(), Some("sleep" | "sleep_until")) && called && !is_own {
            lines.push(token.line);
        }
    }
    lines
}

#[test]
fn a_test_waits_for_a_condition_and_never_for_a_time() {
    let mut breaches = Vec::new();
    for source in sources()
        .iter()
        .filter(|source| !source.path.starts_with("tests/support/"))
    {
        breaches.extend(
            sleeps(source)
                .iter()
                .map(|line| format!("{}:{line}", source.path)),
        );
    }
    assert_none(
        &breaches,
        "await the condition under a deadline, with the waiter of tests/support",
    );
}

#[test]
fn a_planted_sleep_is_found_in_tests_only() {
    let text = "fn a() { sleep(D); }\n#[cfg(test)]\nmod tests {\n fn b() { tokio::time::sleep(D); self.sleep(); }\n}";
    let sources = part(vec![("src/net/x.rs".to_owned(), text.to_owned())]);
    assert_eq!(sleeps(&sources[0]), [4]);
}

/// The texts of `#[error("...")]`, with their lines.
fn error_texts(source: &Source) -> Vec<(String, usize)> {
    let tokens = &source.product;
    let mut texts = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let is_attribute = at >= 2 && tokens[at - 1].is('[') && tokens[at - 2].is('#');
        if token.word() == Some("error")
            && is_attribute
            && tokens.get(at + 1).is_some_and(|token| token.is('('))
        {
            let end = behind_bracket(tokens, at + 1);
            texts.extend(
                tokens[at..end]
                    .iter()
                    .find_map(|t| Some((t.text()?.to_owned(), t.line))),
            );
        }
    }
    texts
}

/// What is wrong with the style of an error's text.
fn style_breach(text: &str) -> Option<&'static str> {
    let first = text.split_whitespace().next().unwrap_or_default();
    let is_capital = first.chars().next().is_some_and(char::is_uppercase);
    // Names keep their spelling: SAP, HTTP/1.1, Content-Length, MaxHeaders.
    let is_name = first.chars().skip(1).any(|char| !char.is_lowercase());
    if text.is_empty() {
        Some("is empty")
    } else if text.ends_with(['.', '!', '\n']) {
        Some("ends with a full stop")
    } else if is_capital && !is_name {
        Some("begins with a capital")
    } else {
        None
    }
}

#[test]
fn every_error_is_a_lower_case_clause_without_a_full_stop() {
    let mut breaches = Vec::new();
    for source in sources() {
        for (text, line) in error_texts(source) {
            breaches.extend(
                style_breach(&text)
                    .map(|what| format!("{}:{line}: \"{text}\" {what}", source.path)),
            );
        }
    }
    assert_none(&breaches, "an error's text goes into a longer sentence");
}

#[test]
fn the_style_of_an_error_is_judged_and_names_keep_their_spelling() {
    for good in [
        "the host is missing",
        "{0}",
        "Content-Length is repeated",
        "SAP closed the connection",
    ] {
        assert_eq!(style_breach(good), None, "{good}");
    }
    for bad in ["", "The host is missing", "the host is missing."] {
        assert!(style_breach(bad).is_some(), "{bad}");
    }
}

/// Whether one of the strings that tests compare with shows the fixed words of an error's text.
fn is_tested(text: &str, compared: &[String]) -> bool {
    let longest = fragments(text)
        .into_iter()
        .max_by_key(String::len)
        .unwrap_or_default();
    longest.len() < SHORTEST
        || compared
            .iter()
            .any(|string| string.contains(longest.as_str()) || longest.contains(string.as_str()))
}

/// The words of a text between its placeholders.
fn fragments(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut depth = 0;
    for char in text.chars() {
        match char {
            '{' => {
                depth += 1;
                parts.push(String::new());
            }
            '}' => depth -= 1,
            _ if depth > 0 => {}
            char => parts.last_mut().expect("one").push(char),
        }
    }
    parts
        .into_iter()
        .map(|part| part.trim_matches([' ', '"', ':', '\n']).to_owned())
        .collect()
}

/// A shorter string could be part of anything.
const SHORTEST: usize = 8;

/// Every string in a test, and every line of a golden file.
fn compared() -> Vec<String> {
    let mut strings: Vec<String> = sources()
        .iter()
        .filter(|source| {
            // The rules' own examples show nothing; the table of texts does.
            !source.path.starts_with("tests/house/") || source.path.ends_with("/texts.rs")
        })
        .flat_map(|source| &source.tests)
        .filter_map(|token| Some(token.text()?.to_owned()))
        .collect();
    let is_golden =
        |path: &str| path.starts_with("tests/") && (is_kind(path, "case") || is_kind(path, "txt"));
    for (path, text) in files() {
        if is_golden(&path) {
            strings.extend(text.lines().map(|line| line.trim().to_owned()));
        }
    }
    strings.retain(|string| string.len() >= SHORTEST);
    strings
}

#[test]
fn every_error_text_is_shown_by_a_test() {
    let compared = compared();
    let mut breaches = Vec::new();
    for source in sources() {
        for (text, line) in error_texts(source) {
            if !is_tested(&text, &compared) {
                breaches.push(format!("{}:{line}: \"{text}\"", source.path));
            }
        }
    }
    assert_none(
        &breaches,
        "a text that no test shows is a text that nobody has read; let the error happen and compare",
    );
}

#[test]
fn a_text_counts_as_shown_when_a_test_compares_its_own_words() {
    let compared = [
        "the port \"0\" is not a number from 1".to_owned(),
        "refused the connection".to_owned(),
    ];
    assert!(is_tested("{address} refused the connection", &compared));
    assert!(is_tested("the port \"{0}\" is not a number", &compared));
    assert!(is_tested("{0}", &compared));
    assert!(!is_tested(
        "the address {0} is in use by another program",
        &compared
    ));
}
