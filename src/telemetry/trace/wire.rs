//! [`Message`]: what of Protocol Buffers it takes to write a span.
//!
//! Three kinds of fields, written from what is borrowed into memory that is kept. The messages that
//! the OpenTelemetry project generates own every text, the name of each attribute included, and come
//! with its whole SDK; they judge in the tests what is written here.

use std::fmt::Display;
use std::io::Write as _;

/// A message that is being written.
pub(super) struct Message<'a>(&'a mut Vec<u8>);

/// How the value of a field is written.
#[derive(Clone, Copy)]
enum Form {
    Varint = 0,
    Fixed64 = 1,
    Length = 2,
    Fixed32 = 5,
}

impl<'a> Message<'a> {
    /// Writes behind what is there.
    pub(super) const fn behind(out: &'a mut Vec<u8>) -> Self {
        Self(out)
    }

    /// A whole number.
    pub(super) fn number(&mut self, field: u32, value: u64) {
        self.key(field, Form::Varint);
        push_varint(self.0, value);
    }

    /// A number of eight bytes.
    pub(super) fn fixed64(&mut self, field: u32, value: u64) {
        self.key(field, Form::Fixed64);
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    /// A number of four bytes.
    pub(super) fn fixed32(&mut self, field: u32, value: u32) {
        self.key(field, Form::Fixed32);
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    /// Bytes, or a text.
    pub(super) fn bytes(&mut self, field: u32, value: &[u8]) {
        self.key(field, Form::Length);
        push_varint(self.0, value.len() as u64);
        self.0.extend_from_slice(value);
    }

    /// Text from outside: what is no UTF-8 in it is replaced, and what exceeds the limit is cut.
    pub(super) fn outside(&mut self, field: u32, value: &[u8], limit: usize) {
        self.within(field, |inner| {
            let value = value.get(..limit).unwrap_or(value);
            for chunk in value.utf8_chunks() {
                inner.0.extend_from_slice(chunk.valid().as_bytes());
                if !chunk.invalid().is_empty() {
                    inner.0.extend_from_slice("\u{fffd}".as_bytes());
                }
            }
        });
    }

    /// A text that is made as it is written.
    pub(super) fn shown(&mut self, field: u32, value: impl Display) {
        self.within(field, |inner| {
            // Memory takes all of it.
            let _taken = write!(inner.0, "{value}");
        });
    }

    /// A message in the message.
    pub(super) fn within(&mut self, field: u32, fill: impl FnOnce(&mut Message<'_>)) {
        self.key(field, Form::Length);
        let start = self.0.len();
        fill(&mut Message(self.0));
        // How long it is has to stand in front of it, and is known only now.
        let end = self.0.len();
        push_varint(self.0, end.saturating_sub(start) as u64);
        let width = self.0.len().saturating_sub(end);
        if let Some(written) = self.0.get_mut(start..) {
            written.rotate_right(width);
        }
    }

    /// What has been written as fields before.
    pub(super) fn raw(&mut self, fields: &[u8]) {
        self.0.extend_from_slice(fields);
    }

    fn key(&mut self, field: u32, form: Form) {
        push_varint(self.0, (u64::from(field) << 3) | form as u64);
    }
}

/// Seven bits a byte, the lowest first.
fn push_varint(out: &mut Vec<u8>, mut value: u64) {
    loop {
        let [low, ..] = value.to_le_bytes();
        value >>= 7;
        if value == 0 {
            out.push(low & 0x7f);
            return;
        }
        out.push(low | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(fill: impl FnOnce(&mut Message<'_>)) -> Vec<u8> {
        let mut out = Vec::new();
        fill(&mut Message::behind(&mut out));
        out
    }

    #[test]
    fn fields_are_written_as_the_encoding_guide_shows_them() {
        assert_eq!(written(|m| m.number(1, 150)), [0x08, 0x96, 0x01]);
        assert_eq!(written(|m| m.number(1, 0)), [0x08, 0]);
        assert_eq!(
            written(|m| m.bytes(2, b"testing")),
            [0x12, 7, b't', b'e', b's', b't', b'i', b'n', b'g']
        );
        let nested = written(|m| m.within(3, |inner| inner.number(1, 150)));
        assert_eq!(nested, [0x1a, 3, 0x08, 0x96, 0x01]);
        assert_eq!(written(|m| m.fixed32(16, 1)), [0x85, 1, 1, 0, 0, 0]);
        let eight = [0x39, 2, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(written(|m| m.fixed64(7, 2)), eight);
    }

    #[test]
    fn a_long_message_has_its_length_in_front_of_it() {
        let long = written(|m| m.within(1, |inner| inner.bytes(1, &[7; 300])));
        assert_eq!(long[..6], [0x0a, 0xaf, 0x02, 0x0a, 0xac, 0x02]);
        assert_eq!(long.len(), 306);
        assert!(long[6..].iter().all(|byte| *byte == 7));
    }

    #[test]
    fn text_from_outside_is_made_fit_for_a_text_and_cut() {
        let text = written(|m| m.outside(1, b"a\xffb", 256));
        assert_eq!(text, b"\x0a\x05a\xef\xbf\xbdb");
        let cut = written(|m| m.outside(1, "aä".as_bytes(), 2));
        assert_eq!(cut, b"\x0a\x04a\xef\xbf\xbd");
    }
}
