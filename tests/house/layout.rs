//! The functions that the linker puts first are still those of the program.

use std::collections::HashSet;
use std::fs;

use crate::source::read;

const FIRST: &str = "service/linux/layout/first.ld";

/// Hundredths of our own functions in the list that a program has to have. A build for tests takes
/// fewer apart from one another than a release does, and it lacks none that are not inlined there.
const KNOWN_AT_LEAST: usize = 80;

/// What stands between `.text.` and the hash in the names of our own functions.
fn listed() -> HashSet<String> {
    let text = read(FIRST);
    let names = text.lines().filter_map(|line| {
        let (name, _) = line.trim().strip_prefix("*(.text.")?.split_once("17h*")?;
        name.contains("7crmgate").then(|| name.to_owned())
    });
    names.collect()
}

/// The names of all functions in the program, without their hashes.
fn built() -> HashSet<String> {
    let program = fs::read(env!("CARGO_BIN_EXE_crmgate")).expect("the program");
    let names = program.split(|byte| *byte == 0).filter_map(|name| {
        let name = std::str::from_utf8(name).ok()?;
        let (name, _) = name.strip_prefix("_ZN").map(|_| name)?.rsplit_once("17h")?;
        Some(name.to_owned())
    });
    names.collect()
}

#[test]
fn the_linker_is_told_of_functions_that_there_are() {
    let (listed, built) = (listed(), built());
    assert!(listed.len() > 200, "{} functions of ours", listed.len());
    let mut gone: Vec<_> = listed.difference(&built).collect();
    gone.sort();
    let known = 100 - gone.len() * 100 / listed.len();
    assert!(
        known >= KNOWN_AT_LEAST,
        "{known} % of our functions in {FIRST} exist, so run trace.py beside it, which writes it again; \
         these are gone: {gone:#?}"
    );
}
