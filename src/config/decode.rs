//! Bytes of an ini file to text.

use encoding_rs::{UTF_16BE, UTF_16LE, WINDOWS_1252};

/// The greatest ini file that is read: a hundred times what any connector needs, and small enough
/// that a log file named by mistake is refused at once.
pub(super) const MAX_SIZE: u64 = 1 << 20;

/// The text of a file, and how it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decoded {
    pub(super) text: String,
    /// Whether the bytes were no UTF-8 and had to be taken as Windows-1252.
    pub(super) guessed: bool,
}

/// Why bytes are no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum DecodeError {
    /// A zero byte: a binary file, or UTF-16 without its mark.
    #[error("holds a zero byte in line {line}, so it is not a text file")]
    Zero {
        /// Where.
        line: u32,
    },
    /// A mark of UTF-16 and something else behind it.
    #[error("begins as UTF-16 and is not")]
    BrokenUtf16,
}

/// Byte-order mark first, then UTF-8, then Windows-1252, which has a character for every byte.
pub(super) fn decode(bytes: &[u8]) -> Result<Decoded, DecodeError> {
    let (text, guessed) = if let Some(rest) = bytes.strip_prefix(&[0xff, 0xfe]) {
        (utf16(UTF_16LE, rest)?, false)
    } else if let Some(rest) = bytes.strip_prefix(&[0xfe, 0xff]) {
        (utf16(UTF_16BE, rest)?, false)
    } else {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        match std::str::from_utf8(bytes) {
            Ok(text) => (text.to_owned(), false),
            Err(_not_utf8) => {
                let (text, _) = WINDOWS_1252.decode_without_bom_handling(bytes);
                (text.into_owned(), true)
            }
        }
    };
    match text.find('\0') {
        Some(at) => Err(DecodeError::Zero {
            line: line_of(&text, at),
        }),
        None => Ok(Decoded { text, guessed }),
    }
}

fn utf16(encoding: &'static encoding_rs::Encoding, bytes: &[u8]) -> Result<String, DecodeError> {
    let (text, broken) = encoding.decode_without_bom_handling(bytes);
    if broken {
        Err(DecodeError::BrokenUtf16)
    } else {
        Ok(text.into_owned())
    }
}

fn line_of(text: &str, at: usize) -> u32 {
    let before = text.bytes().take(at).filter(|b| *b == b'\n').count();
    u32::try_from(before).unwrap_or(u32::MAX).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> String {
        decode(bytes).expect("text").text
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_text() {
        assert_eq!(text(b"\xef\xbb\xbf[SSL]"), "[SSL]");
        assert_eq!(text(b"\xff\xfe[\0S\0]\0"), "[S]");
        assert_eq!(text(b"\xfe\xff\0[\0S\0]"), "[S]");
    }

    #[test]
    fn bytes_that_are_no_utf8_are_read_as_windows_1252_and_that_is_said() {
        let decoded = decode(b"x=(cert \x96 \xfc).pem").expect("text");
        assert_eq!(decoded.text, "x=(cert – ü).pem");
        assert!(decoded.guessed);
        assert!(!decode("x=–ü".as_bytes()).expect("text").guessed);
    }

    #[test]
    fn a_zero_byte_is_refused_with_its_line() {
        assert_eq!(decode(b"a\nb\0c"), Err(DecodeError::Zero { line: 2 }));
        assert_eq!(decode(b"[\0S\0]\0"), Err(DecodeError::Zero { line: 1 }));
    }

    #[test]
    fn half_a_character_of_utf16_is_refused() {
        assert_eq!(decode(b"\xff\xfe[\0S"), Err(DecodeError::BrokenUtf16));
        assert_eq!(decode(b"\xff\xfe\x00\xd8"), Err(DecodeError::BrokenUtf16));
    }
}
