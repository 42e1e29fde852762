//! Distinguished names and other texts of a certificate, safe to print.
//!
//! Whoever asks for a certificate chooses these texts; they end in log lines, headers and
//! terminals. So everything that is no plain character is escaped the way RFC 4514 escapes it.

use std::fmt::Write as _;

use x509_parser::asn1_rs::{Any, Oid, Tag};
use x509_parser::prelude::FromDer as _;
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

/// Prints a name most specific part first (RFC 4514).
pub(super) fn rfc4514(name: &X509Name<'_>) -> String {
    let mut parts: Vec<String> = name
        .iter()
        .map(|part| part.iter().map(attribute).collect::<Vec<_>>().join("+"))
        .collect();
    parts.reverse();
    parts.join(",")
}

/// Prints a name that is given as DER.
pub(super) fn rfc4514_of(der: &[u8]) -> String {
    match X509Name::from_der(der) {
        Ok((_rest, name)) => rfc4514(&name),
        Err(_unread) => hex(der),
    }
}

/// An object identifier, given without header, in numbers with dots.
pub(super) fn dotted(oid: &[u8]) -> String {
    Oid::new(oid.into()).to_id_string()
}

/// The most specific common name, escaped.
pub(super) fn common_name(name: &X509Name<'_>) -> Option<String> {
    let last = name.iter_common_name().last()?;
    text_of(last.attr_value()).map(|text| printable(&text))
}

/// Escapes control characters, and characters that change how a terminal or a log viewer shows the
/// rest of the line, as `\` and two hexadecimal digits a byte.
pub(super) fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        push_printable(&mut out, c);
    }
    out
}

fn attribute(attribute: &AttributeTypeAndValue<'_>) -> String {
    let oid = attribute.attr_type().to_id_string();
    match (short_name(&oid), text_of(attribute.attr_value())) {
        (Some(name), Some(text)) => format!("{name}={}", escape_value(&text)),
        _ => format!("{oid}=#{}", hex(attribute.as_slice())),
    }
}

/// The short names of RFC 4514, and those that certificates of companies carry besides.
fn short_name(oid: &str) -> Option<&'static str> {
    Some(match oid {
        "2.5.4.3" => "CN",
        "2.5.4.4" => "SN",
        "2.5.4.5" => "serialNumber",
        "2.5.4.6" => "C",
        "2.5.4.7" => "L",
        "2.5.4.8" => "ST",
        "2.5.4.9" => "STREET",
        "2.5.4.10" => "O",
        "2.5.4.11" => "OU",
        "2.5.4.12" => "title",
        "2.5.4.42" => "GN",
        "2.5.4.97" => "organizationIdentifier",
        "0.9.2342.19200300.100.1.1" => "UID",
        "0.9.2342.19200300.100.1.25" => "DC",
        "1.2.840.113549.1.9.1" => "emailAddress",
        _ => return None,
    })
}

/// Decodes the string types that directories use; anything else has no text.
fn text_of(value: &Any<'_>) -> Option<String> {
    match value.tag() {
        Tag::Utf8String | Tag::PrintableString | Tag::Ia5String | Tag::NumericString => {
            std::str::from_utf8(value.data).ok().map(str::to_owned)
        }
        // Not what the standard says of teletex strings, but what every issuer writes into them.
        Tag::TeletexString => Some(value.data.iter().copied().map(char::from).collect()),
        Tag::BmpString => {
            let units = value.data.chunks_exact(2);
            if !units.remainder().is_empty() {
                return None;
            }
            let units =
                units.map(|pair| pair.iter().fold(0, |unit, b| (unit << 8) | u16::from(*b)));
            char::decode_utf16(units).collect::<Result<_, _>>().ok()
        }
        Tag::UniversalString => {
            let units = value.data.chunks_exact(4);
            if !units.remainder().is_empty() {
                return None;
            }
            units
                .map(|four| {
                    char::from_u32(four.iter().fold(0, |unit, b| (unit << 8) | u32::from(*b)))
                })
                .collect()
        }
        _ => None,
    }
}

fn escape_value(text: &str) -> String {
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

fn push_printable(out: &mut String, c: char) {
    let reorders = matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    if c.is_control() || reorders {
        let mut buffer = [0; 4];
        for byte in c.encode_utf8(&mut buffer).bytes() {
            // Writing to a string cannot fail.
            let _ = write!(out, "\\{byte:02X}");
        }
    } else {
        out.push(c);
    }
}

/// Lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_special_characters_of_rfc_4514_are_escaped() {
        assert_eq!(
            escape_value("#a, b+c \"d\" <e>; \\ "),
            "\\#a\\, b\\+c \\\"d\\\" \\<e\\>\\; \\\\\\ "
        );
        assert_eq!(escape_value(" "), "\\ ");
    }

    #[test]
    fn control_and_reordering_characters_become_hexadecimal_bytes() {
        assert_eq!(
            printable("a\r\nb\0\u{202e}\u{9b}"),
            "a\\0D\\0Ab\\00\\E2\\80\\AE\\C2\\9B"
        );
    }

    proptest! {
        #[test]
        fn no_control_character_survives(text in any::<String>()) {
            prop_assert!(!escape_value(&text).chars().any(char::is_control));
            prop_assert!(!printable(&text).chars().any(char::is_control));
        }
    }
}
