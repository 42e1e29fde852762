//! What the documents tell people to type is what the machines run, and what the program knows.

use std::fs;
use std::process::Command;

use crmgate::config::{Severity, load};

use crate::assert_none;
use crate::source::{files, is_kind, read};

/// The fenced blocks of a language in a Markdown text.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut inside: Option<(bool, String)> = None;
    for line in text.lines() {
        match (line.trim_start().strip_prefix("```"), &mut inside) {
            (Some(_), Some((wanted, block))) => {
                if *wanted {
                    blocks.push(std::mem::take(block));
                }
                inside = None;
            }
            (Some(named), None) => inside = Some((named.trim() == language, String::new())),
            (None, Some((_, block))) => {
                block.push_str(line);
                block.push('\n');
            }
            (None, None) => {}
        }
    }
    blocks
}

/// Lines to type, without their comments.
fn commands(path: &str, first_word: &str) -> Vec<String> {
    let typed = |line: &str| {
        line.split(" #")
            .next()
            .unwrap_or_default()
            .trim()
            .to_owned()
    };
    let lines: Vec<String> = blocks(&read(path), "sh")
        .iter()
        .flat_map(|block| block.lines().map(typed).collect::<Vec<_>>())
        .collect();
    lines
        .into_iter()
        .filter(|line| line.split_whitespace().next() == Some(first_word))
        .collect()
}

/// Commands of a script or a workflow, one a line.
fn lines_of(path: &str) -> Vec<String> {
    let strip = |line: &str| {
        line.trim()
            .trim_start_matches("- ")
            .trim_start_matches("run: ")
            .to_owned()
    };
    read(path)
        .lines()
        .map(strip)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect()
}

#[test]
fn the_test_command_of_the_readme_is_the_last_one_that_the_build_machine_runs() {
    assert!(commands("README.md", "cargo").contains(&"cargo test".to_owned()));
    assert_eq!(
        lines_of(".ci/run").last().map(String::as_str),
        Some("cargo test")
    );
}

#[test]
fn every_cargo_command_of_the_readme_is_run_by_a_build_machine() {
    let machines: Vec<String> = [
        ".ci/run",
        ".github/workflows/ci.yml",
        ".github/workflows/release.yml",
    ]
    .into_iter()
    .flat_map(lines_of)
    .collect();
    let commands = commands("README.md", "cargo");
    assert!(commands.len() >= 2, "{commands:?}");
    let unknown: Vec<_> = commands
        .into_iter()
        .filter(|command| !machines.contains(command))
        .collect();
    assert_none(&unknown, "what the README shows has to be what is run");
}

#[test]
fn the_workflow_runs_what_a_person_runs() {
    assert!(lines_of(".github/workflows/ci.yml").contains(&".ci/run".to_owned()));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(crate::source::root().join(".ci/run"))
            .expect("script")
            .permissions()
            .mode();
        assert_eq!(mode & 0o111, 0o111, ".ci/run is not executable");
    }
}

/// Paths of the documents that people read first.
fn documents() -> Vec<String> {
    files()
        .into_iter()
        .map(|(path, _)| path)
        .filter(|path| is_kind(path, "md") && !path.starts_with("src/"))
        .collect()
}

/// What the program has against a command line. With `--help` at its end, words and options are
/// judged and nothing is done.
fn refused(command: &str) -> Option<String> {
    let words = command.split_whitespace().skip(1).chain(["--help"]);
    let output = Command::new(env!("CARGO_BIN_EXE_crmgate"))
        .args(words)
        .output()
        .expect("crmgate");
    let complaint = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    (!output.status.success()).then_some(complaint)
}

#[test]
fn every_crmgate_command_in_a_document_is_one_that_the_program_knows() {
    let mut breaches = Vec::new();
    for path in documents() {
        for command in commands(&path, "crmgate") {
            let why = refused(&command);
            breaches.extend(why.map(|why| format!("{path}: {command}: {why}")));
        }
    }
    assert_none(&breaches, "a document shows a command that does not exist");
}

#[test]
fn a_command_or_an_option_that_the_program_does_not_know_is_found() {
    assert!(refused("crmgate no-such-command").is_some());
    assert!(refused("crmgate check --no-such-option").is_some());
    assert_eq!(refused("crmgate check --config DIR"), None);
}

#[test]
fn the_first_configuration_of_the_readme_loads() {
    let dir = tempfile::tempdir().expect("folder");
    fs::create_dir(dir.path().join("ssl")).expect("folder");
    let mut lines = 0;
    for block in blocks(&read("README.md"), "ini") {
        let name = block
            .lines()
            .next()
            .and_then(|line| line.strip_prefix("; "))
            .expect("the first line names the file");
        fs::write(dir.path().join(name), &block).expect("file");
        lines += block
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with(';'))
            .count();
        for path in block
            .lines()
            .filter_map(|line| line.split_once("_FILE="))
            .map(|(_, path)| path)
        {
            put_private(&dir.path().join(path));
        }
    }
    let loaded = load(dir.path());
    assert_eq!(
        loaded.problems.count(Severity::Error),
        0,
        "{}",
        loaded.problems
    );
    assert!(loaded.problems.is_empty(), "{}", loaded.problems);
    assert!(
        loaded
            .settings
            .is_some_and(|settings| settings.systems.len() == 1)
    );
    assert!(lines <= 12, "{lines} lines are no first configuration");
}

fn put_private(path: &std::path::Path) {
    fs::write(path, "a certificate and a key\n").expect("file");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("mode");
    }
}

#[test]
fn blocks_are_found_by_their_language() {
    let text = "a\n```sh\none\ntwo\n```\n```ini\nthree\n```\n```\nfour\n```\n";
    assert_eq!(blocks(text, "sh"), ["one\ntwo\n"]);
    assert_eq!(blocks(text, "ini"), ["three\n"]);
}
