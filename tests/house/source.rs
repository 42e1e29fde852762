//! The repository as the rules see it: files, and which tokens of a Rust file belong to the product.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::tokens::{Token, tokenize};

/// Where the repository lies.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The text of a file of the repository.
pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Whether a path ends in that extension.
pub(crate) fn is_kind(path: &str, extension: &str) -> bool {
    Path::new(path)
        .extension()
        .is_some_and(|own| own == extension)
}

/// All text files, by path from the root with `/`. Build output and what git keeps are none.
pub(crate) fn files() -> Vec<(String, String)> {
    let mut found = Vec::new();
    walk(&root(), "", &mut found);
    found.sort();
    found
}

fn walk(dir: &Path, prefix: &str, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(dir).expect("folder") {
        let path = entry.expect("entry").path();
        let name = path
            .file_name()
            .expect("name")
            .to_string_lossy()
            .into_owned();
        if matches!(name.as_str(), ".git" | "target" | "corpus" | "artifacts") {
            continue;
        }
        let place = format!("{prefix}{name}");
        if path.is_dir() {
            walk(&path, &format!("{place}/"), found);
        } else if let Ok(text) = fs::read_to_string(&path) {
            found.push((place, text));
        }
    }
}

/// Where Rust files lie that try the product.
const TRIALS: [&str; 2] = ["tests/", "benches/"];

fn is_trial(path: &str) -> bool {
    TRIALS.iter().any(|folder| path.starts_with(folder))
}

/// One Rust file of `src`, `tests` or `benches`.
#[derive(Debug)]
pub(crate) struct Source {
    /// From the root, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
    /// What the product is made of: no comment, no test.
    pub(crate) product: Vec<Token>,
    /// What tests are made of.
    pub(crate) tests: Vec<Token>,
    /// Lines up to the last one of the product, less those of tests between.
    pub(crate) product_lines: usize,
}

impl Source {
    /// The room, for a file in one.
    pub(crate) fn room(&self) -> Option<&str> {
        let (room, _file) = self.path.strip_prefix("src/")?.split_once('/')?;
        Some(room)
    }

    /// Names of the modules from the crate's root to this file.
    pub(crate) fn module(&self) -> Vec<&str> {
        let inside = self.path.strip_prefix("src/").unwrap_or(&self.path);
        let stem = inside.trim_end_matches(".rs");
        stem.split('/').filter(|name| *name != "mod").collect()
    }
}

/// Every Rust file of `src`, `tests` and `benches`, parted into product and tests.
pub(crate) fn sources() -> &'static [Source] {
    static SOURCES: OnceLock<Vec<Source>> = OnceLock::new();
    SOURCES.get_or_init(|| {
        let files = files()
            .into_iter()
            .filter(|(path, _)| is_kind(path, "rs"))
            .filter(|(path, _)| path.starts_with("src/") || is_trial(path));
        part(files.collect())
    })
}

/// Parts files into product and tests. A module behind `#[cfg(test)]` is a test with all its files.
pub(crate) fn part(files: Vec<(String, String)>) -> Vec<Source> {
    let mut sources: Vec<Source> = files
        .into_iter()
        .map(|(path, text)| split(path, text))
        .collect();
    let tests: HashSet<String> = sources.iter().flat_map(test_modules).collect();
    for source in &mut sources {
        let in_folder = |module: &String| module.ends_with('/') && source.path.starts_with(module);
        if is_trial(&source.path) || tests.contains(&source.path) || tests.iter().any(in_folder) {
            source.tests = tokenize(&source.text);
            source.product.clear();
            source.product_lines = 0;
        }
    }
    sources
}

fn split(path: String, text: String) -> Source {
    let tokens = tokenize(&text);
    let (mut product, mut tests) = (Vec::new(), Vec::new());
    let mut test_lines = 0;
    let mut at = 0;
    while at < tokens.len() {
        if is_test_attribute(&tokens[at..]) {
            let end = end_of_item(&tokens, at);
            test_lines += tokens[end - 1].line - tokens[at].line + 1;
            tests.extend_from_slice(&tokens[at..end]);
            at = end;
        } else {
            product.push(tokens[at].clone());
            at += 1;
        }
    }
    let product_lines = text.lines().count().saturating_sub(test_lines);
    Source {
        path,
        text,
        product,
        tests,
        product_lines,
    }
}

/// `#[cfg(test)]`, `#[cfg(all(test, ...))]`, `#[test]`, `#[tokio::test]`.
fn is_test_attribute(tokens: &[Token]) -> bool {
    let starts = |words: &[&str]| {
        words.iter().zip(tokens).all(|(word, token)| {
            token.word() == Some(*word)
                || (word.len() == 1 && token.is(word.chars().next().unwrap_or(' ')))
        }) && tokens.len() >= words.len()
    };
    starts(&["#", "[", "cfg", "(", "test", ")"])
        || starts(&["#", "[", "cfg", "(", "all", "(", "test"])
        || starts(&["#", "[", "test", "]"])
        || starts(&["#", "[", "tokio", ":", ":", "test"])
}

/// Behind the item that begins with attributes at `from`.
fn end_of_item(tokens: &[Token], from: usize) -> usize {
    let mut at = from;
    while tokens.get(at).is_some_and(|token| token.is('#')) {
        at = behind_bracket(tokens, at + 1);
    }
    let is_item = tokens
        .get(at)
        .and_then(Token::word)
        .is_some_and(|word| ITEMS.contains(&word));
    while let Some(token) = tokens.get(at) {
        if token.is('{') {
            return behind_bracket(tokens, at);
        }
        if token.is('(') || token.is('[') {
            at = behind_bracket(tokens, at);
            continue;
        }
        at += 1;
        if token.is(';') || (token.is(',') && !is_item) {
            return at;
        }
    }
    tokens.len()
}

const ITEMS: [&str; 14] = [
    "pub",
    "fn",
    "mod",
    "use",
    "impl",
    "struct",
    "enum",
    "const",
    "static",
    "type",
    "trait",
    "async",
    "macro_rules",
    "extern",
];

/// Behind the bracket that closes the one at `open`.
pub(crate) fn behind_bracket(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        if token.is('(') || token.is('[') || token.is('{') {
            depth += 1;
        } else if token.is(')') || token.is(']') || token.is('}') {
            depth = depth.saturating_sub(1);
            if depth == 0 {
                return at + 1;
            }
        }
    }
    tokens.len()
}

/// The files and folders (with `/` at the end) of modules that are declared as tests.
fn test_modules(source: &Source) -> Vec<String> {
    let Some((folder, file)) = source.path.rsplit_once('/') else {
        return Vec::new();
    };
    let own = if matches!(file, "mod.rs" | "lib.rs" | "main.rs") {
        folder.to_owned()
    } else {
        format!("{folder}/{}", file.trim_end_matches(".rs"))
    };
    let mut modules = Vec::new();
    for (at, token) in source.tests.iter().enumerate() {
        let name = source.tests.get(at + 1).and_then(Token::word);
        let is_file = source.tests.get(at + 2).is_some_and(|token| token.is(';'));
        if let (Some("mod"), Some(name), true) = (token.word(), name, is_file) {
            let path = source.tests[..at]
                .iter()
                .rev()
                .take_while(|token| !token.is('#'))
                .find_map(Token::text);
            match path {
                Some(path) => modules.push(format!("{folder}/{path}")),
                None => modules.extend([format!("{own}/{name}.rs"), format!("{own}/{name}/")]),
            }
        }
    }
    modules
}

fn product_words(source: &Source) -> Vec<&str> {
    source.product.iter().filter_map(Token::word).collect()
}

#[test]
fn a_test_module_is_not_of_the_product_and_what_follows_it_is() {
    let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\nfn c() {}\n";
    let sources = part(vec![("src/net/dial.rs".to_owned(), text.to_owned())]);
    assert_eq!(product_words(&sources[0]), ["fn", "a", "fn", "c"]);
    assert_eq!(sources[0].product_lines, 2);
}

#[test]
fn the_files_of_a_test_module_are_tests_wherever_they_lie() {
    let file = |path: &str, text: &str| (path.to_owned(), text.to_owned());
    let sources = part(vec![
        file("src/a/mod.rs", "#[cfg(test)]\nmod tests;"),
        file("src/a/tests.rs", "fn one() {}"),
        file("src/a/tests/more.rs", "fn two() {}"),
        file(
            "src/b/c.rs",
            "#[cfg(test)]\n#[path = \"tests/c.rs\"]\nmod tests;",
        ),
        file("src/b/tests/c.rs", "fn three() {}"),
        file("src/b/d.rs", "fn four() {}"),
    ]);
    let product: Vec<_> = sources
        .iter()
        .filter(|s| !s.product.is_empty())
        .map(|s| s.path.as_str())
        .collect();
    assert_eq!(product, ["src/b/d.rs"]);
}

#[test]
fn a_field_or_an_import_for_tests_ends_where_it_ends() {
    let text = "struct S {\n#[cfg(test)]\nfake: Vec<u8>,\nreal: u8,\n}\n#[cfg(test)]\nuse a::{b, c};\nfn d() {}";
    let sources = part(vec![("src/net/x.rs".to_owned(), text.to_owned())]);
    assert_eq!(
        product_words(&sources[0]),
        ["struct", "S", "real", "u8", "fn", "d"]
    );
}
