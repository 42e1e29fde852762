use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> (Document, Problems) {
    let mut problems = Problems::new();
    let document = Document::parse(Path::new("ssl.ini"), text, &mut problems);
    (document, problems)
}

fn value(text: &str, section: &str, key: &str) -> String {
    let (document, problems) = parse(text);
    assert!(problems.is_empty(), "{problems}");
    let block = document.block(section).expect("section");
    block.entry(key).expect("key").value.clone()
}

#[test]
fn backslashes_are_characters_in_the_middle_and_at_the_end() {
    let text =
        "[SSL]\nA=C:\\Program Files (x86)\\new\\x00e4.pem\nB=C:\\logs\\\nC=\\\\server\\share\n";
    assert_eq!(
        value(text, "SSL", "A"),
        r"C:\Program Files (x86)\new\x00e4.pem"
    );
    assert_eq!(value(text, "SSL", "B"), r"C:\logs\");
    assert_eq!(value(text, "SSL", "C"), r"\\server\share");
}

#[test]
fn a_line_without_an_equals_sign_is_glued_to_nothing() {
    let (document, _) = parse("[SSL]\n...\nMETHOD=0\nQ\n");
    let block = document.block("ssl").expect("section");
    assert_eq!(block.entries.len(), 1);
    assert_eq!(block.entry("method").map(|entry| entry.line), Some(3));
    assert_eq!(block.strays.len(), 2);
    assert!(block.strays[0].ellipsis && !block.strays[1].ellipsis);
}

#[test]
fn the_first_section_and_the_first_key_of_a_name_count() {
    let text = "[A]\nx=1\nX=2\n[a]\nx=3\ny=4\n";
    let (document, _) = parse(text);
    let block = document.block("A").expect("section");
    assert_eq!(
        block.entry("x").map(|entry| entry.value.as_str()),
        Some("1")
    );
    assert_eq!(block.entry("y"), None);
    assert_eq!(document.blocks.len(), 2);
}

#[test]
fn what_stands_before_the_first_section_is_in_no_section() {
    let (document, _) = parse("x=1\n[A]\ny=2\n");
    assert_eq!(document.blocks[0].line, 0);
    assert_eq!(document.block(""), None);
}

#[test]
fn a_second_reader_that_sees_another_value_key_or_section_is_noticed_with_the_line() {
    let lines = scan("[A]\nx=1\n\ny=2\n");
    let pairs = scanned_pairs(&lines);
    for (text, line) in [
        ("[A]\nx=1\ny=3\n", 4),
        ("[A]\nX=1\ny=2\n", 2),
        ("[B]\nx=1\ny=2\n", 2),
        ("[A]\nx=1\n", 4),
        ("[A]\nx=1\ny=2\nz=3\n", 4),
        ("[A\nx=1\ny=2\n", 4),
    ] {
        let (at, reason) = agreed(text, &pairs).expect_err(text);
        assert_eq!(at, line, "{text}: {reason}");
    }
    assert_eq!(agreed("[A]\nx=1\ny=2\n", &pairs), Ok(()));
}

#[test]
fn a_disagreement_is_an_error_at_its_line() {
    let problem = disagreement(Path::new("ssl.ini"), 7, "x");
    assert_eq!(problem.place.line, Some(7));
    assert!(Problems::from(problem).has_errors());
}

/// Text on which both readers agree as it is: no stray lines, no comment behind anything, no
/// backslash at an end, no colon in a key.
fn agreed_subset() -> impl Strategy<Value = String> {
    let name = "[A-Za-z_][A-Za-z0-9_ .-]{0,10}[A-Za-z0-9]";
    let value = "([A-Za-z0-9äöü–()=:\"'%;#./\\\\ -]{0,20}[a-z0-9)])?";
    let line = prop_oneof![
        4 => (name, " ?= ?", value).prop_map(|(key, equals, value)| format!("{key}{equals}{value}")),
        1 => name.prop_map(|section| format!("[{section}]")),
        1 => "[;#][a-z =\\[\\]]{0,10}",
        1 => Just(String::new()),
    ];
    let end = prop_oneof![Just("\n"), Just("\r\n")];
    (proptest::collection::vec(line, 0..20), end).prop_map(|(lines, end)| {
        // A key before the first section is no part of the subset.
        let body = lines.join(end);
        format!("[first]{end}{body}{end}")
    })
}

/// Anything that could be in an ini file, hazards first.
fn ini_like() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("[".to_owned()),
        Just("]".to_owned()),
        Just("=".to_owned()),
        Just(":".to_owned()),
        Just("\\".to_owned()),
        Just("\n".to_owned()),
        Just("\r\n".to_owned()),
        Just("\r".to_owned()),
        Just(";".to_owned()),
        Just("#".to_owned()),
        Just("\"".to_owned()),
        Just(" ".to_owned()),
        Just("\t".to_owned()),
        Just("...".to_owned()),
        Just("\u{85}\u{a0}\u{feff}".to_owned()),
        Just("key".to_owned()),
        Just("[SSL]\n".to_owned()),
        "\\PC{1,3}",
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn scanner_and_rust_ini_read_the_agreed_subset_alike(text in agreed_subset()) {
        let lines = scan(&text);
        prop_assert_eq!(agreed(&text, &scanned_pairs(&lines)), Ok(()));
    }

    #[test]
    fn no_text_is_read_differently_once_the_hazards_are_set_aside(text in ini_like()) {
        let lines = scan(&text);
        prop_assert_eq!(agreed(&shown_to_rust_ini(&lines), &scanned_pairs(&lines)), Ok(()));
    }

    #[test]
    fn every_pair_of_a_document_stands_on_its_line(text in ini_like()) {
        let (document, _) = parse(&text);
        let lines: Vec<_> = text.replace("\r\n", "\n").replace('\r', "\n")
            .split('\n').map(str::to_owned).collect();
        for entry in document.blocks.iter().flat_map(|block| &block.entries) {
            let line = &lines[usize::try_from(entry.line).expect("fits") - 1];
            prop_assert!(line.contains(&entry.key) && line.contains(&entry.value));
        }
    }
}
