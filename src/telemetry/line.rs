//! [`Line`]: one `key=value` line or one JSON object, written by hand into a buffer that is kept.
//!
//! Values from outside may hold any bytes; whatever they hold, the line stays one line, and the
//! JSON stays JSON.

use std::fmt::{self, Display};
use std::io::Write;
use std::net::SocketAddr;

use super::escape::{is_unsafe, write_escaped};
use super::sink::LogForm;

/// A line under construction.
#[derive(Debug)]
pub(super) struct Line<'b> {
    buffer: &'b mut Vec<u8>,
    form: LogForm,
}

impl<'b> Line<'b> {
    /// Begins a line with what every log line begins with. `time` and `target` are ours, so they
    /// are written as they are.
    pub(super) fn begin(buffer: &'b mut Vec<u8>, form: LogForm, time: &str, target: &str) -> Self {
        buffer.clear();
        let head: [&str; 5] = match form {
            LogForm::Text => ["", time, "  INFO ", target, ":"],
            LogForm::Json => [
                "{\"timestamp\":\"",
                time,
                "\",\"level\":\"INFO\",\"target\":\"",
                target,
                "\"",
            ],
        };
        for part in head {
            buffer.extend_from_slice(part.as_bytes());
        }
        Self { buffer, form }
    }

    /// Ends the line.
    pub(super) fn end(self) {
        let end: &[u8] = match self.form {
            LogForm::Text => b"\n",
            LogForm::Json => b"}\n",
        };
        self.buffer.extend_from_slice(end);
    }

    /// A text from outside, cut after `limit` bytes (where a cut shows as `…`).
    pub(super) fn outside(&mut self, key: &str, value: &[u8], limit: usize) {
        let shown = cut(value, limit);
        let is_cut = shown.len() < value.len();
        self.key(key);
        match self.form {
            LogForm::Text if shown.iter().all(|b| is_bare(*b)) && !shown.is_empty() => {
                self.buffer.extend_from_slice(shown);
                self.mark(is_cut);
            }
            LogForm::Text | LogForm::Json => {
                self.buffer.push(b'"');
                self.quoted(shown);
                self.mark(is_cut);
                self.buffer.push(b'"');
            }
        }
    }

    /// A word of ours: letters, digits, dots and dashes only.
    pub(super) fn word(&mut self, key: &str, value: &str) {
        self.key(key);
        self.quote();
        self.buffer.extend_from_slice(value.as_bytes());
        self.quote();
    }

    /// A value of the model whose text holds no blank, quote or control character.
    pub(super) fn plain(&mut self, key: &str, value: impl Display) {
        self.key(key);
        self.quote();
        // Writing to a vector cannot fail.
        let _infallible = write!(self.buffer, "{value}");
        self.quote();
    }

    /// A socket address. Nearly all are IPv4, and those are quick.
    pub(super) fn address(&mut self, key: &str, value: SocketAddr) {
        let SocketAddr::V4(v4) = value else {
            self.plain(key, value);
            return;
        };
        self.key(key);
        self.quote();
        for (at, octet) in v4.ip().octets().into_iter().enumerate() {
            if at > 0 {
                self.buffer.push(b'.');
            }
            push_number(self.buffer, octet.into());
        }
        self.buffer.push(b':');
        push_number(self.buffer, v4.port().into());
        self.quote();
    }

    /// A number.
    pub(super) fn number(&mut self, key: &str, value: u64) {
        self.key(key);
        push_number(self.buffer, value);
    }

    /// A time span in milliseconds with three decimals, from microseconds.
    pub(super) fn millis(&mut self, key: &str, micros: u64) {
        self.key(key);
        push_number(self.buffer, micros / 1_000);
        self.buffer.push(b'.');
        for unit in [100, 10, 1] {
            push_number(self.buffer, micros / unit % 10);
        }
    }

    /// A yes or no.
    pub(super) fn flag(&mut self, key: &str, value: bool) {
        self.key(key);
        let word: &[u8] = if value { b"true" } else { b"false" };
        self.buffer.extend_from_slice(word);
    }

    fn key(&mut self, key: &str) {
        let (before, after): (&[u8], &[u8]) = match self.form {
            LogForm::Text => (b" ", b"="),
            LogForm::Json => (b",\"", b"\":"),
        };
        self.buffer.extend_from_slice(before);
        self.buffer.extend_from_slice(key.as_bytes());
        self.buffer.extend_from_slice(after);
    }

    fn quote(&mut self) {
        if self.form == LogForm::Json {
            self.buffer.push(b'"');
        }
    }

    fn mark(&mut self, is_cut: bool) {
        if is_cut {
            self.buffer.extend_from_slice("…".as_bytes());
        }
    }

    fn quoted(&mut self, value: &[u8]) {
        for chunk in value.utf8_chunks() {
            let mut rest = chunk.valid();
            while let Some(at) = rest.bytes().position(needs_care) {
                let (plain, tail) = rest.split_at(at);
                self.buffer.extend_from_slice(plain.as_bytes());
                let mut chars = tail.chars();
                if let Some(c) = chars.next() {
                    self.quoted_char(c);
                }
                rest = chars.as_str();
            }
            self.buffer.extend_from_slice(rest.as_bytes());
            for byte in chunk.invalid() {
                match self.form {
                    LogForm::Text => {
                        let _infallible = write!(self.buffer, "\\x{byte:02x}");
                    }
                    // JSON has no way to write a byte.
                    LogForm::Json => self.buffer.extend_from_slice("\u{fffd}".as_bytes()),
                }
            }
        }
    }

    fn quoted_char(&mut self, c: char) {
        if matches!(c, '"' | '\\') {
            self.buffer.push(b'\\');
        }
        if is_unsafe(c) {
            let _infallible = write_escaped(&mut Utf8(self.buffer), c, self.form);
        } else {
            let mut utf8 = [0; 4];
            self.buffer
                .extend_from_slice(c.encode_utf8(&mut utf8).as_bytes());
        }
    }
}

/// Bytes as a place for text.
struct Utf8<'b>(&'b mut Vec<u8>);

impl fmt::Write for Utf8<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

/// Whether a byte may stand in an unquoted value.
const fn is_bare(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'"' | b'=' | b'\\')
}

/// Whether a byte begins a character that has to be looked at before it is quoted.
const fn needs_care(byte: u8) -> bool {
    !matches!(byte, b' '..=b'~') || matches!(byte, b'"' | b'\\')
}

/// The first bytes, at most `limit`, without half a character at the end.
fn cut(value: &[u8], limit: usize) -> &[u8] {
    let Some((head, tail)) = value.split_at_checked(limit) else {
        return value;
    };
    let is_inside = tail.first().is_some_and(|byte| byte & 0xc0 == 0x80);
    let lead = head
        .iter()
        .rev()
        .take(3)
        .position(|byte| byte & 0xc0 != 0x80);
    match lead {
        Some(back) if is_inside => head.get(..head.len() - back - 1).unwrap_or(head),
        Some(_) | None => head,
    }
}

fn push_number(buffer: &mut Vec<u8>, mut value: u64) {
    let start = buffer.len();
    loop {
        buffer.push(b'0' + (value % 10) as u8);
        value /= 10;
        if value == 0 {
            break;
        }
    }
    if let Some(digits) = buffer.get_mut(start..) {
        digits.reverse();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(value: &[u8], limit: usize) -> String {
        let mut buffer = Vec::new();
        let mut line = Line::begin(&mut buffer, LogForm::Text, "T", "t");
        line.outside("k", value, limit);
        line.end();
        let line = String::from_utf8(buffer).expect("utf-8");
        line.strip_prefix("T  INFO t: k=")
            .and_then(|l| l.strip_suffix('\n'))
            .expect("one line")
            .to_owned()
    }

    #[test]
    fn a_value_is_quoted_only_where_it_has_to_be() {
        assert_eq!(text(b"/sap/ici?x", 99), "/sap/ici?x");
        assert_eq!(text(b"", 99), "\"\"");
        assert_eq!(text(b"a b", 99), "\"a b\"");
        assert_eq!(text(b"a=b", 99), "\"a=b\"");
        assert_eq!(text(b"say \"x\\y\"", 99), "\"say \\\"x\\\\y\\\"\"");
        assert_eq!(text("Büro".as_bytes(), 99), "\"Büro\"");
        assert_eq!(text(b"a\r\n\x1b\xff", 99), "\"a\\r\\n\\u{1b}\\xff\"");
    }

    #[test]
    fn a_cut_shows_and_never_halves_a_character() {
        assert_eq!(text(b"abcdef", 3), "abc…");
        assert_eq!(text(b"abc", 3), "abc");
        assert_eq!(text("aü".as_bytes(), 2), "a…");
        assert_eq!(text("a€€".as_bytes(), 6), "\"a€…\"");
        assert_eq!(text(&[0x80; 4], 3), "\"\\x80\\x80\\x80…\"");
    }

    #[test]
    fn numbers_and_milliseconds_print_in_full() {
        let mut buffer = Vec::new();
        let mut line = Line::begin(&mut buffer, LogForm::Text, "T", "t");
        line.number("a", 0);
        line.number("b", u64::MAX);
        line.millis("c", 7);
        line.millis("d", 1_234_050);
        line.end();
        assert_eq!(
            String::from_utf8(buffer).expect("utf-8"),
            "T  INFO t: a=0 b=18446744073709551615 c=0.007 d=1234.050\n"
        );
    }

    proptest! {
        #[test]
        fn an_address_prints_as_everywhere_else(address in any::<SocketAddr>()) {
            let mut buffer = Vec::new();
            let mut line = Line::begin(&mut buffer, LogForm::Text, "T", "t");
            line.address("k", address);
            line.end();
            let line = String::from_utf8(buffer).expect("utf-8");
            prop_assert_eq!(line, format!("T  INFO t: k={address}\n"));
        }
    }
}
