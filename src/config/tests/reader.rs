use std::path::Path;
use std::time::Duration;

use super::*;

fn with_reader<T>(text: &str, read: impl FnOnce(&mut Reader<'_>) -> T) -> (T, Problems) {
    let mut problems = Problems::new();
    let document = Document::parse(Path::new("crmgate.ini"), text, &mut problems);
    let mut reader = Reader::new(&document, IniFile::Gateway, "Limits", &mut problems);
    let value = read(&mut reader);
    (value, problems)
}

#[test]
fn what_is_written_counts_before_the_default_of_the_table() {
    let read = |reader: &mut Reader<'_>| reader.value::<Duration>("IdleTimeout");
    let (written, problems) = with_reader("[limits]\nidletimeout=70s\n", read);
    assert_eq!(
        (written, problems.is_empty()),
        (Duration::from_secs(70), true)
    );
    let (default, problems) = with_reader("", read);
    assert_eq!(
        (default, problems.is_empty()),
        (Duration::from_secs(65), true)
    );
}

#[test]
fn a_refused_value_is_a_problem_at_its_line_and_reading_goes_on() {
    let ((first, second), problems) = with_reader("[Limits]\nMaxHeaders=7\n", |reader| {
        (
            reader.get::<usize>("MaxHeaders"),
            reader.get::<usize>("MaxConnections"),
        )
    });
    assert_eq!((first, second), (None, Some(20_000)));
    let problem = problems.iter().next().expect("problem");
    assert_eq!(problem.place.line, Some(2));
    assert_eq!(problem.place.key.as_deref(), Some("MaxHeaders"));
    assert_eq!(problem.value.as_deref(), Some("7"));
}

#[test]
fn a_key_that_the_table_does_not_hold_is_an_error_in_every_load() {
    let (value, problems) = with_reader("", |reader| reader.get::<bool>("NoSuchKey"));
    assert!(value.is_none() && problems.has_errors());
}

#[test]
fn a_key_of_another_kind_than_it_is_read_as_is_an_error_in_every_load() {
    let (value, problems) = with_reader("", |reader| reader.get::<bool>("IdleTimeout"));
    assert!(value.is_none() && problems.has_errors());
}
