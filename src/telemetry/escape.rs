//! Which characters never reach a log as they are, and what is written instead.

use std::fmt::{self, Write};

use super::sink::LogForm;

/// Whether a character could end a line, steer a terminal, or show a text in another order than
/// it has: control characters, the line separators of Unicode, and its marks of direction.
pub(super) fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Writes an unsafe character as an escape sequence of the form: `\n` or `\u{85}` in text,
/// `\u000a` or `\u0085` in JSON.
pub(super) fn write_escaped(out: &mut impl Write, c: char, form: LogForm) -> fmt::Result {
    let code = u32::from(c);
    match (form, c) {
        (LogForm::Json, _) => write!(out, "\\u{code:04x}"),
        (LogForm::Text, '\n') => out.write_str("\\n"),
        (LogForm::Text, '\r') => out.write_str("\\r"),
        (LogForm::Text, '\t') => out.write_str("\\t"),
        (LogForm::Text, _) => write!(out, "\\u{{{code:x}}}"),
    }
}

/// Lets exactly one line through: what would break it is escaped, and of the line breaks that a
/// formatter writes the last one is held back for the caller to write.
#[derive(Debug)]
pub(super) struct OneLine<W> {
    out: W,
    form: LogForm,
    break_held: bool,
}

impl<W: Write> OneLine<W> {
    pub(super) const fn new(out: W, form: LogForm) -> Self {
        Self {
            out,
            form,
            break_held: false,
        }
    }
}

impl<W: Write> Write for OneLine<W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some((at, c)) = rest.char_indices().find(|(_, c)| is_unsafe(*c)) {
            let (safe, tail) = rest.split_at(at);
            self.write_safe(safe)?;
            if self.break_held {
                self.break_held = false;
                write_escaped(&mut self.out, '\n', self.form)?;
            }
            if c == '\n' {
                self.break_held = true;
            } else {
                write_escaped(&mut self.out, c, self.form)?;
            }
            rest = tail.strip_prefix(c).unwrap_or_default();
        }
        self.write_safe(rest)
    }
}

impl<W: Write> OneLine<W> {
    fn write_safe(&mut self, text: &str) -> fmt::Result {
        if text.is_empty() {
            return Ok(());
        }
        if self.break_held {
            self.break_held = false;
            write_escaped(&mut self.out, '\n', self.form)?;
        }
        self.out.write_str(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pass(form: LogForm, pieces: &[&str]) -> String {
        let mut out = String::new();
        let mut line = OneLine::new(&mut out, form);
        for piece in pieces {
            line.write_str(piece).expect("a string takes everything");
        }
        out
    }

    #[test]
    fn only_the_last_line_break_is_held_back() {
        assert_eq!(pass(LogForm::Text, &["a\nb", "\n"]), "a\\nb");
        assert_eq!(pass(LogForm::Text, &["a\n", "\n"]), "a\\n");
        assert_eq!(pass(LogForm::Text, &["a\n", "", "b"]), "a\\nb");
    }

    #[test]
    fn what_steers_a_terminal_or_a_reader_is_escaped_in_the_words_of_the_form() {
        let hostile = "x\r\u{1b}[2J\u{85}\u{2028}\u{202e}y";
        assert_eq!(
            pass(LogForm::Text, &[hostile]),
            "x\\r\\u{1b}[2J\\u{85}\\u{2028}\\u{202e}y"
        );
        assert_eq!(
            pass(LogForm::Json, &[hostile]),
            "x\\u000d\\u001b[2J\\u0085\\u2028\\u202ey"
        );
    }
}
