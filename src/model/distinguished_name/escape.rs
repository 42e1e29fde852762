//! Texts that somebody else has chosen, made safe to print.

use std::fmt::Write as _;

/// Escapes a value of a name as RFC 4514 does, and what [`printable`] escapes besides.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let last = text.chars().count().saturating_sub(1);
    for (index, c) in text.chars().enumerate() {
        let at_edge = (c == ' ' && (index == 0 || index == last)) || (c == '#' && index == 0);
        if at_edge || matches!(c, '"' | '+' | ',' | ';' | '<' | '>' | '\\') {
            out.push('\\');
            out.push(c);
        } else {
            push_printable(&mut out, c);
        }
    }
    out
}

/// Escapes control characters, and characters that change how a terminal or a log viewer shows the
/// rest of the line, as `\` and two hexadecimal digits a byte.
pub fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        push_printable(&mut out, c);
    }
    out
}

/// As [`printable`], for bytes that ought to be ASCII: what is not is escaped as well.
pub fn printable_ascii(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for byte in bytes {
        if byte.is_ascii() {
            push_printable(&mut out, char::from(*byte));
        } else {
            push_byte(&mut out, *byte);
        }
    }
    out
}

fn push_byte(out: &mut String, byte: u8) {
    // Writing to a string cannot fail.
    let _ = write!(out, "\\{byte:02X}");
}

fn push_printable(out: &mut String, c: char) {
    let reorders = matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    if c.is_control() || reorders {
        let mut buffer = [0; 4];
        for byte in c.encode_utf8(&mut buffer).bytes() {
            push_byte(out, byte);
        }
    } else {
        out.push(c);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_special_characters_of_rfc_4514_are_escaped() {
        assert_eq!(
            escaped("#a, b+c \"d\" <e>; \\ "),
            "\\#a\\, b\\+c \\\"d\\\" \\<e\\>\\; \\\\\\ "
        );
        assert_eq!(escaped(" "), "\\ ");
    }

    #[test]
    fn control_and_reordering_characters_become_hexadecimal_bytes() {
        assert_eq!(
            printable("a\r\nb\0\u{202e}\u{9b}"),
            "a\\0D\\0Ab\\00\\E2\\80\\AE\\C2\\9B"
        );
    }

    #[test]
    fn of_what_ought_to_be_ascii_each_other_byte_is_escaped() {
        assert_eq!(printable_ascii(b"m\xfc@x\r"), "m\\FC@x\\0D");
        assert_eq!(printable_ascii("m\u{fc}".as_bytes()), "m\\C3\\BC");
    }

    proptest! {
        #[test]
        fn no_control_character_survives(text in any::<String>()) {
            prop_assert!(!escaped(&text).chars().any(char::is_control));
            prop_assert!(!printable(&text).chars().any(char::is_control));
        }
    }
}
