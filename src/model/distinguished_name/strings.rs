//! The string types that directories use, and what a text in one of them must not hold.

use std::borrow::Cow;

/// Decodes a text by its universal tag; `None` for other types and for what is not well formed.
pub fn directory_text(tag: u32, content: &[u8]) -> Option<Cow<'_, str>> {
    match tag {
        // Some issuers write UTF-8 whatever the type says.
        UTF8 | NUMERIC | PRINTABLE | IA5 | VISIBLE => {
            std::str::from_utf8(content).ok().map(Cow::Borrowed)
        }
        // Not what the standard says of teletex strings, but what every issuer writes into them.
        TELETEX => Some(content.iter().copied().map(char::from).collect()),
        BMP => {
            let (pairs, []) = content.as_chunks::<2>() else {
                return None;
            };
            let units = pairs.iter().map(|pair| u16::from_be_bytes(*pair));
            let text: Result<String, _> = char::decode_utf16(units).collect();
            text.ok().map(Cow::Owned)
        }
        UNIVERSAL => {
            let chars = units(content, 4)?.map(char::from_u32);
            chars.collect::<Option<String>>().map(Cow::Owned)
        }
        _ => None,
    }
}

/// Whether a string holds a NUL, a carriage return or a line feed.
///
/// With a NUL in it, two readers may see two names; with a line break, one name may become two
/// lines or two header fields of another system. No such name is anybody's identity. Also a string
/// that is not well formed is looked at, byte by byte.
pub fn has_line_break_or_nul(tag: u32, content: &[u8]) -> bool {
    let evil = |unit: u32| matches!(unit, 0 | 0x0a | 0x0d);
    let width = match tag {
        UTF8 | NUMERIC | PRINTABLE | IA5 | VISIBLE | TELETEX | VIDEOTEX | GRAPHIC | GENERAL => 1,
        BMP => 2,
        UNIVERSAL => 4,
        _ => return false,
    };
    match units(content, width) {
        Some(mut units) => units.any(evil),
        None => content.iter().any(|byte| evil(u32::from(*byte))),
    }
}

/// The numbers of a string whose characters have so many bytes each.
fn units(content: &[u8], width: usize) -> Option<impl Iterator<Item = u32>> {
    let chunks = content.chunks_exact(width);
    let unit = |chunk: &[u8]| {
        chunk
            .iter()
            .fold(0, |unit, byte| (unit << 8) | u32::from(*byte))
    };
    chunks.remainder().is_empty().then(|| chunks.map(unit))
}

/// Splits a value that is encoded by the distinguished rules into its tag and its content.
pub(super) fn split(encoding: &[u8]) -> Option<(u32, &[u8])> {
    /// A tag of several bytes, which no string has.
    const LONG_TAG: u8 = 0x1f;
    /// Other classes than the universal one, whose numbers mean something else.
    const CLASS: u8 = 0xc0;
    let (&tag, rest) = encoding.split_first()?;
    let (&length, rest) = rest.split_first()?;
    let (length, content) = if length < 0x80 {
        (usize::from(length), rest)
    } else {
        let (bytes, content) = rest.split_at_checked(usize::from(length & 0x7f))?;
        if bytes.is_empty() || bytes.len() > 4 {
            return None;
        }
        let length = bytes
            .iter()
            .fold(0, |sum, byte| (sum << 8) | usize::from(*byte));
        (length, content)
    };
    if content.len() != length || tag & LONG_TAG == LONG_TAG {
        return None;
    }
    let number = if tag & CLASS == 0 {
        u32::from(tag & LONG_TAG)
    } else {
        u32::MAX
    };
    Some((number, content))
}

const UTF8: u32 = 12;
const NUMERIC: u32 = 18;
const PRINTABLE: u32 = 19;
const TELETEX: u32 = 20;
const VIDEOTEX: u32 = 21;
const IA5: u32 = 22;
const GRAPHIC: u32 = 25;
const VISIBLE: u32 = 26;
const GENERAL: u32 = 27;
const UNIVERSAL: u32 = 28;
const BMP: u32 = 30;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_string_type_gives_its_text() {
        for tag in [UTF8, NUMERIC, PRINTABLE, IA5, VISIBLE, TELETEX] {
            assert_eq!(directory_text(tag, b"12").as_deref(), Some("12"), "{tag}");
        }
        assert_eq!(directory_text(BMP, b"\0a\x20\xac").as_deref(), Some("a€"));
        assert_eq!(
            directory_text(UNIVERSAL, b"\0\0\0a\0\x01\xf4\x00").as_deref(),
            Some("a\u{1f400}")
        );
        assert_eq!(directory_text(TELETEX, b"\xfc").as_deref(), Some("ü"));
    }

    #[test]
    fn what_is_no_string_or_is_cut_off_has_no_text() {
        assert_eq!(directory_text(3, b"bits"), None);
        assert_eq!(directory_text(BMP, b"\0a\0"), None);
        assert_eq!(directory_text(BMP, b"\xd8\0"), None);
        assert_eq!(directory_text(UTF8, b"\xff"), None);
    }

    #[test]
    fn a_nul_or_line_break_is_found_in_every_width_and_nowhere_else() {
        for evil in [b'\0', b'\r', b'\n'] {
            assert!(has_line_break_or_nul(UTF8, &[b'a', evil]));
            assert!(has_line_break_or_nul(BMP, &[0, b'a', 0, evil]));
            assert!(has_line_break_or_nul(UNIVERSAL, &[0, 0, 0, evil]));
            assert!(has_line_break_or_nul(GENERAL, &[evil]));
            assert!(!has_line_break_or_nul(3, &[evil]), "a bit string");
        }
        // U+0A00 and U+000D are told apart, and a torn string is searched byte by byte.
        assert!(!has_line_break_or_nul(BMP, &[0x0a, 0x05]));
        assert!(has_line_break_or_nul(BMP, &[0x61, 0x62, 0]));
        assert!(!has_line_break_or_nul(IA5, b"CN=a, b\t\x1b"));
    }

    #[test]
    fn an_encoding_is_split_only_if_it_is_one_whole_value() {
        assert_eq!(split(b"\x0c\x02ab"), Some((UTF8, &b"ab"[..])));
        assert_eq!(split(b"\x0c\x81\x02ab"), Some((UTF8, &b"ab"[..])));
        assert_eq!(split(b"\x8c\x02ab"), Some((u32::MAX, &b"ab"[..])));
        for broken in [
            &b""[..],
            b"\x0c",
            b"\x0c\x03ab",
            b"\x0c\x01ab",
            b"\x0c\x80ab",
            b"\x1f\x01a",
        ] {
            assert_eq!(split(broken), None, "{broken:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_reading_panic(tag in 0_u32..40, content in any::<Vec<u8>>()) {
            let _either = directory_text(tag, &content);
            let _either = has_line_break_or_nul(tag, &content);
            let _either = split(&content);
        }
    }
}
