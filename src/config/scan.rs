//! What each line of an ini file is: the position index of the room.
//!
//! The rules are those of Windows' own reader, since that is what a vendor's file was written for:
//! names in any case, the first `=` splits, no escapes, no comments behind a value, text behind
//! `]` ignored. One thing more is a comment: a line that begins with `#`.

/// One line, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line<'a> {
    pub(super) number: u32,
    pub(super) content: Content<'a>,
}

/// What a line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content<'a> {
    /// Nothing, or a comment.
    Nothing,
    /// `[name]`, and what stands behind the bracket, comments aside.
    Header { name: &'a str, behind: &'a str },
    /// `[name` without its closing bracket.
    Unclosed { name: &'a str },
    /// `key=value`, both without blanks around.
    Pair { key: &'a str, value: &'a str },
    /// The ellipsis of a printed example.
    Ellipsis,
    /// Anything else: no `=`, or nothing before it.
    Stray(&'a str),
}

/// Every line of a text, in order. Lines end with LF, CR LF or CR.
pub(super) fn scan(text: &str) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    let mut rest = text;
    let mut number: u32 = 0;
    while !rest.is_empty() {
        let (line, next) = rest
            .split_once(['\n', '\r'])
            .map_or((rest, ""), |(line, next)| {
                let ended_by_cr = rest.as_bytes().get(line.len()) == Some(&b'\r');
                let next = match next.strip_prefix('\n') {
                    Some(behind_lf) if ended_by_cr => behind_lf,
                    _ => next,
                };
                (line, next)
            });
        rest = next;
        number = number.saturating_add(1);
        lines.push(Line {
            number,
            content: content(line.trim()),
        });
    }
    lines
}

fn content(line: &str) -> Content<'_> {
    if line.is_empty() || line.starts_with([';', '#']) {
        return Content::Nothing;
    }
    if let Some(inner) = line.strip_prefix('[') {
        return match inner.split_once(']') {
            Some((name, behind)) => {
                let behind = behind.trim_start();
                Content::Header {
                    name: name.trim(),
                    behind: if behind.starts_with([';', '#']) {
                        ""
                    } else {
                        behind
                    },
                }
            }
            None => Content::Unclosed { name: inner.trim() },
        };
    }
    if line == "\u{2026}" || (line.len() >= 3 && line.bytes().all(|b| b == b'.')) {
        return Content::Ellipsis;
    }
    match line.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Content::Pair {
            key: key.trim(),
            value: value.trim(),
        },
        _ => Content::Stray(line),
    }
}

/// Removes one pair of equal quotes around a value, as Windows does.
pub(super) fn unquoted(value: &str) -> &str {
    ['"', '\'']
        .into_iter()
        .find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote))
        .unwrap_or(value)
}

/// Whether a value seems to carry a comment: a blank and then `;` or `#`.
pub(super) fn seems_commented(value: &str) -> bool {
    value
        .char_indices()
        .zip(value.chars().skip(1))
        .any(|((_, blank), sign)| blank.is_whitespace() && matches!(sign, ';' | '#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(line: &str) -> Content<'_> {
        let lines = scan(line);
        assert_eq!(lines.len(), 1);
        lines[0].content
    }

    #[test]
    fn lines_are_counted_whatever_ends_them() {
        for text in [
            "a=1\nb=2\n\nc=3",
            "a=1\r\nb=2\r\n\r\nc=3",
            "a=1\rb=2\r\rc=3",
        ] {
            let numbers: Vec<u32> = scan(text)
                .iter()
                .filter(|line| line.content != Content::Nothing)
                .map(|line| line.number)
                .collect();
            assert_eq!(numbers, [1, 2, 4], "{text:?}");
        }
    }

    #[test]
    fn the_first_equals_sign_splits_and_backslashes_stay() {
        assert_eq!(
            only(r" PEM = C:\new\(a b=c).pem\ "),
            Content::Pair {
                key: "PEM",
                value: r"C:\new\(a b=c).pem\",
            }
        );
    }

    #[test]
    fn a_comment_begins_a_line_and_never_ends_one() {
        assert_eq!(only("  ; note"), Content::Nothing);
        assert_eq!(only("# note"), Content::Nothing);
        assert_eq!(
            only("a=1 ; note"),
            Content::Pair {
                key: "a",
                value: "1 ; note",
            }
        );
    }

    #[test]
    fn text_behind_a_section_is_kept_apart_and_a_comment_there_is_none() {
        let header = |behind| Content::Header {
            name: "SSL",
            behind,
        };
        assert_eq!(only("[ SSL ] ; note"), header(""));
        assert_eq!(only("[SSL] METHOD=0"), header("METHOD=0"));
        assert_eq!(only("[SSL"), Content::Unclosed { name: "SSL" });
    }

    #[test]
    fn the_ellipsis_of_a_printed_example_is_told_from_other_stray_text() {
        assert_eq!(only("..."), Content::Ellipsis);
        assert_eq!(only(" \u{2026} "), Content::Ellipsis);
        assert_eq!(only(".."), Content::Stray(".."));
        assert_eq!(only("METHOD 0"), Content::Stray("METHOD 0"));
        assert_eq!(only("=0"), Content::Stray("=0"));
    }

    #[test]
    fn one_pair_of_equal_quotes_is_removed() {
        assert_eq!(unquoted("\"a b\""), "a b");
        assert_eq!(unquoted("'a'"), "a");
        assert_eq!(unquoted("\"\"a\"\""), "\"a\"");
        assert_eq!(unquoted("\"a'"), "\"a'");
        assert_eq!(unquoted("\""), "\"");
        assert_eq!(unquoted("\"\""), "");
    }

    #[test]
    fn only_a_sign_behind_a_blank_looks_like_a_comment() {
        assert!(seems_commented("0 ; the method"));
        assert!(seems_commented("0\t# x"));
        assert!(!seems_commented("a;b#c"));
        assert!(!seems_commented(";a"));
    }
}
