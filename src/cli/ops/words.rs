//! Spans and figures as people read them.

use std::fmt::Write as _;

use super::answers::Problem;

/// A span in its two greatest units.
pub(super) fn span(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{minutes} min {} s", seconds % 60),
        3_600..86_400 => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

/// A number with commas.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// So many of something.
pub(super) fn many(number: u64, one: &str, more: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { more })
}

/// The share of a part in a whole, where there is a whole.
pub(super) fn percent(part: u64, rest: u64) -> Option<String> {
    let whole = part.saturating_add(rest);
    let share = part.saturating_mul(100).checked_div(whole)?;
    Some(format!("{share} %"))
}

/// A number of bytes.
pub(super) fn bytes(number: u64) -> String {
    match number {
        0..1_000 => format!("{number} B"),
        1_000..1_000_000 => format!("{} kB", number / 1_000),
        1_000_000..1_000_000_000 => format!("{} MB", number / 1_000_000),
        _ => format!("{} GB", count(number / 1_000_000_000)),
    }
}

/// A problem in the form in which `check` prints it.
pub(super) fn problem(problem: &Problem) -> String {
    let Problem {
        severity,
        at,
        what,
        value,
        allowed,
        hint,
    } = problem;
    let mut text = format!("{severity}: {what}\n  at:      {at}");
    if let Some(value) = value {
        let _infallible = write!(text, "\n  value:   \"{}\"", value.escape_debug());
    }
    if let Some(allowed) = allowed {
        let _infallible = write!(text, "\n  allowed: {allowed}");
    }
    let _infallible = writeln!(text, "\n  hint:    {hint}");
    text
}

/// What a stranger's name or an old gateway may have put into a text that goes to a terminal: without
/// what a terminal would obey.
pub(super) fn harmless(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '?' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_has_two_units_at_the_most() {
        let spans = [0, 59, 61, 3_599, 3_600, 90_061, 864_000].map(span);
        let expected = [
            "0 s",
            "59 s",
            "1 min 1 s",
            "59 min 59 s",
            "1 h 0 min",
            "1 d 1 h",
            "10 d 0 h",
        ];
        assert_eq!(spans, expected);
    }

    #[test]
    fn figures_are_grouped_and_shares_need_a_whole() {
        assert_eq!(
            [0, 999, 1_000, 1_234_567].map(count),
            ["0", "999", "1,000", "1,234,567"]
        );
        assert_eq!(many(1, "connection", "connections"), "1 connection");
        assert_eq!(
            many(1_000, "connection", "connections"),
            "1,000 connections"
        );
        assert_eq!(percent(0, 0), None);
        assert_eq!(percent(88, 12).as_deref(), Some("88 %"));
        assert_eq!([5, 5_000, 5_000_000].map(bytes), ["5 B", "5 kB", "5 MB"]);
    }

    #[test]
    fn a_problem_looks_as_check_prints_it() {
        let ours = crate::config::Problem::error(
            crate::config::Place::file(std::path::Path::new("a.ini")).line(3),
            "it is wrong",
            "put it right",
        );
        let ours = ours.value("x\n").allowed("y");
        let told = Problem {
            severity: "error".to_owned(),
            at: "a.ini:3".to_owned(),
            what: "it is wrong".to_owned(),
            value: Some("x\n".to_owned()),
            allowed: Some("y".to_owned()),
            hint: "put it right".to_owned(),
        };
        assert_eq!(problem(&told), format!("{ours}\n"));
    }

    #[test]
    fn a_terminal_is_given_nothing_to_obey() {
        assert_eq!(harmless("a\u{1b}[2Jb\r"), "a?[2Jb?");
    }
}
