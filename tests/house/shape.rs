//! Sizes, names and door plates: what makes a file readable in one sitting.

use crate::assert_none;
use crate::source::{Source, behind_bracket, part, sources};

/// Lines of product in a file, doc comments and blank lines included.
const FILE_LIMIT: usize = 400;

/// Lines of a file of tests: they are read one at a time, so it may be longer.
const TEST_FILE_LIMIT: usize = 600;

/// Files that may be longer, how long, and why. Empty is the aim.
const LONG_FILES: &[(&str, usize, &str)] = &[];

/// Lines from the opening to the closing brace of nine functions in ten. Clippy guards the longest.
const FUNCTION_P90: usize = 30;

/// Names that say nothing of what is inside.
const EMPTY_NAMES: [&str; 8] = [
    "utils", "util", "common", "helpers", "misc", "types", "manager", "shared",
];

/// A room's plate is read standing: two screens at most, together with the code of its `mod.rs`.
const PLATE_LIMIT: usize = 110;

#[test]
fn no_file_is_longer_than_one_sitting() {
    let mut breaches = Vec::new();
    for source in sources() {
        let (lines, usual) = if source.product.is_empty() {
            (source.text.lines().count(), TEST_FILE_LIMIT)
        } else {
            (source.product_lines, FILE_LIMIT)
        };
        let row = LONG_FILES.iter().find(|(path, ..)| *path == source.path);
        let limit = row.map_or(usual, |(_, limit, _)| *limit);
        if lines > limit {
            breaches.push(format!(
                "{}: {lines} lines, {limit} are allowed",
                source.path
            ));
        }
        if row.is_some() && lines <= usual {
            breaches.push(format!(
                "{}: needs its row in LONG_FILES no more",
                source.path
            ));
        }
    }
    assert_none(
        &breaches,
        "split by what the parts are for, or give the reason in LONG_FILES",
    );
}

#[test]
fn every_exception_of_length_has_a_reason() {
    for (path, _, reason) in LONG_FILES {
        assert!(
            reason.split_whitespace().count() >= 5,
            "{path}: \"{reason}\" is no reason"
        );
    }
}

/// Lengths of the functions of a file.
fn functions(source: &Source) -> Vec<usize> {
    let tokens = &source.product;
    let mut lengths = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        if token.word() != Some("fn") || tokens.get(at + 1).and_then(|token| token.word()).is_none()
        {
            continue;
        }
        let mut open = at;
        while open < tokens.len() && !tokens[open].is('{') && !tokens[open].is(';') {
            let is_bracket = tokens[open].is('(') || tokens[open].is('[');
            open = if is_bracket {
                behind_bracket(tokens, open)
            } else {
                open + 1
            };
        }
        if tokens.get(open).is_some_and(|token| token.is('{')) {
            let close = behind_bracket(tokens, open) - 1;
            lengths.push(tokens[close].line - tokens[open].line + 1);
        }
    }
    lengths
}

#[test]
fn nine_functions_in_ten_fit_on_a_screen() {
    let mut lengths: Vec<usize> = sources().iter().flat_map(functions).collect();
    lengths.sort_unstable();
    let p90 = lengths[lengths.len() * 9 / 10];
    assert!(
        p90 <= FUNCTION_P90,
        "p90 is {p90} lines of {} functions",
        lengths.len()
    );
}

#[test]
fn the_length_of_a_function_is_counted_from_brace_to_brace() {
    let text = "fn a() {}\nfn b(x: [u8; 2]) -> u8\n{\n    1\n}\ntrait T { fn c(); }\n";
    let sources = part(vec![("src/net/x.rs".to_owned(), text.to_owned())]);
    assert_eq!(functions(&sources[0]), [1, 3]);
}

#[test]
fn no_file_and_no_folder_has_a_name_that_says_nothing() {
    let mut breaches = Vec::new();
    for source in sources() {
        let empty = |part: &str| EMPTY_NAMES.contains(&part.trim_end_matches(".rs"));
        if source.path.split('/').any(empty) {
            breaches.push(source.path.clone());
        }
    }
    assert_none(
        &breaches,
        "name a file after the type or the decision in it",
    );
}

/// The lines of the doc comment that a file begins with.
fn plate(text: &str) -> Vec<&str> {
    text.lines()
        .map_while(|line| line.strip_prefix("//!"))
        .map(str::trim)
        .collect()
}

/// What is wrong with the door plate of a `mod.rs`.
fn plate_breach(source: &Source) -> Option<String> {
    let inside = source.path.strip_prefix("src/")?.strip_suffix("/mod.rs")?;
    if source.product.is_empty() {
        return None;
    }
    let plate = plate(&source.text);
    let joined = plate.join(" ").to_lowercase();
    let is_room = !inside.contains('/');
    let says_who = ["come in", "comes in", "may use"]
        .iter()
        .any(|words| joined.contains(words));
    if plate
        .first()
        .is_none_or(|first| first.split_whitespace().count() < 3)
    {
        Some("has no sentence that says what it is for".to_owned())
    } else if is_room && plate.len() < 3 {
        Some(format!(
            "has {} lines: what is here, what is not, who comes in",
            plate.len()
        ))
    } else if is_room && !says_who {
        Some("does not say who may come in".to_owned())
    } else if is_room && source.product_lines > PLATE_LIMIT {
        Some(format!(
            "has {} lines with its code, {PLATE_LIMIT} are allowed",
            source.product_lines
        ))
    } else {
        None
    }
}

#[test]
fn every_room_has_a_door_plate() {
    let breaches = sources()
        .iter()
        .filter_map(|source| Some(format!("{}: {}", source.path, plate_breach(source)?)));
    assert_none(
        &breaches.collect::<Vec<_>>(),
        "the doc comment of mod.rs is the door plate of the room",
    );
}

#[test]
fn a_room_without_a_plate_is_found() {
    let breach =
        |text: &str| plate_breach(&part(vec![("src/net/mod.rs".to_owned(), text.to_owned())])[0]);
    let full = "//! Sockets and ways out.\n//!\n//! Every room above may come in.\nmod dial;\n";
    assert_eq!(breach(full), None);
    assert!(breach("mod dial;\n").is_some());
    assert!(breach("//! stub\nmod dial;\n").is_some());
    assert!(breach("//! Sockets and ways out.\n//!\n//! Bytes.\nmod dial;\n").is_some());
    assert!(breach(&format!("{full}{}", "fn a() {}\n".repeat(PLATE_LIMIT))).is_some());
}

#[test]
fn every_source_begins_with_what_it_is_for() {
    let mut breaches = Vec::new();
    for source in sources()
        .iter()
        .filter(|source| source.path.starts_with("src/") && !source.product.is_empty())
    {
        if plate(&source.text)
            .first()
            .is_none_or(|first| first.len() < 10)
        {
            breaches.push(source.path.clone());
        }
    }
    assert_none(&breaches, "a file begins with `//!` and what it is for");
}

/// Statics that change: state that belongs to nobody.
fn global_state(source: &Source) -> Vec<usize> {
    let tokens = &source.product;
    let mut lines = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let is_static = token.word() == Some("static")
            && !at
                .checked_sub(1)
                .is_some_and(|before| tokens[before].is('\''));
        if is_static
            && tokens.get(at + 2).is_some_and(|token| token.is(':'))
            && !is_local(source, at)
        {
            let declared = tokens[at..]
                .iter()
                .take_while(|token| !token.is(';') && !token.is('='));
            if declared.filter_map(|token| token.word()).any(is_changing) {
                lines.push(token.line);
            }
        }
    }
    lines
}

fn is_changing(word: &str) -> bool {
    word.starts_with("Atomic")
        || matches!(
            word,
            "mut" | "Mutex" | "RwLock" | "OnceLock" | "LazyLock" | "OnceCell" | "RefCell" | "Cell"
        )
}

/// Whether the static stands in `task_local!` or `thread_local!`: it lives as long as its task or
/// worker, and nobody else sees it.
fn is_local(source: &Source, at: usize) -> bool {
    let tokens = &source.product;
    let mut depth = 0;
    let open = (0..at).rev().find(|before| {
        depth += i32::from(tokens[*before].is('{')) - i32::from(tokens[*before].is('}'));
        depth == 1
    });
    let name = open
        .and_then(|open| open.checked_sub(2))
        .and_then(|name| tokens[name].word());
    matches!(name, Some("task_local" | "thread_local"))
}

/// What may change and be global all the same, and why.
const GLOBALS: &[(&str, &str)] = &[
    (
        "src/http/upstream.rs",
        "only hands out numbers, each of them once; no decision reads it back",
    ),
    (
        "src/config/sandbox.rs",
        "the kernel confines the whole process once and for all and tells nobody by what; only `run` \
         writes it, so no test has one",
    ),
];

#[test]
fn nothing_that_changes_is_global() {
    let mut breaches = Vec::new();
    let is_free = |source: &&Source| !GLOBALS.iter().any(|(path, _)| *path == source.path);
    for source in sources().iter().filter(is_free) {
        breaches.extend(
            global_state(source)
                .iter()
                .map(|line| format!("{}:{line}", source.path)),
        );
    }
    assert_none(
        &breaches,
        "hand state in; a global one survives reloads and couples tests",
    );
}

#[test]
fn a_planted_global_is_found_and_a_constant_table_is_none() {
    let count = |text: &str| {
        global_state(&part(vec![("src/net/x.rs".to_owned(), text.to_owned())])[0]).len()
    };
    assert_eq!(count("static A: Mutex<u8> = Mutex::new(1);"), 1);
    assert_eq!(count("pub static B: AtomicU64 = AtomicU64::new(1);"), 1);
    assert_eq!(
        count("static C: &[&'static str] = &[];\nfn f(_: &'static Mutex<u8>) {}"),
        0
    );
    assert_eq!(count("tokio::task_local! { static D: RefCell<u8>; }"), 0);
    assert_eq!(
        count("thread_local! { static E: Cell<u8> = const { Cell::new(1) }; static F: Cell<u8>; }"),
        0
    );
}

#[test]
fn no_lint_is_switched_off_without_a_reason() {
    let mut breaches = Vec::new();
    for source in sources()
        .iter()
        .filter(|source| source.path.starts_with("src/"))
    {
        for (at, token) in source.product.iter().enumerate() {
            let opens = source
                .product
                .get(at + 1)
                .is_some_and(|token| token.is('('));
            let is_attribute = at
                .checked_sub(1)
                .is_some_and(|before| source.product[before].is('['));
            if token.word() == Some("allow") && opens && is_attribute {
                breaches.push(format!("{}:{}", source.path, token.line));
            }
        }
    }
    assert_none(
        &breaches,
        "write #[expect(..., reason = \"...\")], which tells when it is needed no more",
    );
}
