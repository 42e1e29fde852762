//! Names as people write them: RFC 4514, and what SAP, Windows and OpenSSL make of it.

use std::str::FromStr;

use super::attribute::oid_of;
use super::{DistinguishedName, NameAttribute, NamePart};

/// Why a text is no distinguished name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DistinguishedNameError {
    /// Nothing but blanks.
    #[error("it is empty")]
    Empty,
    /// The form of OpenSSL, whose order is the other way round.
    #[error("it begins with a slash")]
    Slashes,
    /// A part without an equals sign; most often a comma inside a value.
    #[error("a part of it, \"{0}\", has no equals sign")]
    NoEquals(String),
    /// A short name that is not known, or no object identifier.
    #[error("the attribute type \"{0}\" is not known")]
    UnknownType(String),
    /// A type without a value.
    #[error("there is no value behind \"{0}=\"")]
    NoValue(String),
    /// A character that has to be escaped, or a control character.
    #[error("the character '{}' stands in it without a backslash", .0.escape_debug())]
    Unescaped(char),
    /// A backslash before something that needs none, or at the end.
    #[error("a backslash stands before neither a special character nor two hexadecimal digits")]
    Backslash,
    /// A quote that is not closed, or text behind a closed one.
    #[error("a quote is not closed where a value ends")]
    Quote,
    /// Behind `#` stands no encoded value.
    #[error("behind # stands no value in hexadecimal digits")]
    Hexadecimal,
    /// Escaped bytes that are no UTF-8.
    #[error("its escaped bytes are no UTF-8")]
    NotUtf8,
}

impl FromStr for DistinguishedName {
    type Err = DistinguishedNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = written_name(text)?;
        let stored = parts.into_iter().rev().map(|part| {
            let attributes = part.iter().map(WrittenAttribute::stored);
            NamePart::of(attributes.collect())
        });
        Ok(Self::of(&stored.collect::<Vec<_>>()))
    }
}

/// An attribute as somebody has written it, in his own letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenAttribute {
    /// Its type, an object identifier without header.
    pub oid: Vec<u8>,
    /// Its value.
    pub value: WrittenValue,
}

/// A value as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WrittenValue {
    /// A text.
    Text(String),
    /// The encoding of anything, header and all.
    Encoded(Vec<u8>),
}

impl WrittenAttribute {
    fn stored(&self) -> NameAttribute {
        match &self.value {
            WrittenValue::Text(text) => NameAttribute::text(&self.oid, text),
            // Whether it is one element was looked at when it was read.
            WrittenValue::Encoded(bytes) => NameAttribute::encoded(&self.oid, bytes)
                .unwrap_or_else(|| NameAttribute::text(&self.oid, "")),
        }
    }
}

/// Reads a name as it is written, its parts in the order of the text: the most specific one first.
pub fn written_name(text: &str) -> Result<Vec<Vec<WrittenAttribute>>, DistinguishedNameError> {
    if text.trim().is_empty() {
        return Err(DistinguishedNameError::Empty);
    }
    if text.trim_start().starts_with('/') {
        return Err(DistinguishedNameError::Slashes);
    }
    let mut rest = text;
    let mut parts = vec![Vec::new()];
    loop {
        let (attribute, sign, behind) = take_attribute(rest)?;
        if let Some(part) = parts.last_mut() {
            part.push(attribute);
        }
        match sign {
            None => return Ok(parts),
            Some('+') => {}
            Some(_) => parts.push(Vec::new()),
        }
        rest = behind;
    }
}

/// One attribute, the sign behind it, and what follows.
fn take_attribute(
    text: &str,
) -> Result<(WrittenAttribute, Option<char>, &str), DistinguishedNameError> {
    let end = text.find(['=', ',', '+']).unwrap_or(text.len());
    let (written, rest) = text.split_at_checked(end).unwrap_or((text, ""));
    let written = written.trim();
    let Some(value) = rest.strip_prefix('=') else {
        return Err(DistinguishedNameError::NoEquals(written.to_owned()));
    };
    let oid =
        oid_of(written).ok_or_else(|| DistinguishedNameError::UnknownType(written.to_owned()))?;
    let value = value.trim_start();
    let (attribute, behind) = match value.chars().next() {
        Some('#') => take_encoded(&oid, value)?,
        Some('"') => take_quoted(&oid, value)?,
        _ => take_plain(&oid, written, value)?,
    };
    let mut behind = behind.chars();
    let sign = behind.next();
    Ok((attribute, sign, behind.as_str()))
}

fn attribute_of(oid: &[u8], value: WrittenValue) -> WrittenAttribute {
    WrittenAttribute {
        oid: oid.to_vec(),
        value,
    }
}

/// `#` and the value's encoding in hexadecimal digits.
fn take_encoded<'a>(
    oid: &[u8],
    value: &'a str,
) -> Result<(WrittenAttribute, &'a str), DistinguishedNameError> {
    let end = value.find([',', '+']).unwrap_or(value.len());
    let (digits, behind) = value.split_at_checked(end).unwrap_or((value, ""));
    let digits = digits.trim_start_matches('#').trim_end().as_bytes();
    let pairs = digits.chunks_exact(2);
    let whole = pairs.remainder().is_empty();
    let bytes: Option<Vec<u8>> = pairs.map(byte_of).collect();
    bytes
        .filter(|_| whole)
        .filter(|bytes| NameAttribute::encoded(oid, bytes).is_some())
        .map(|bytes| (attribute_of(oid, WrittenValue::Encoded(bytes)), behind))
        .ok_or(DistinguishedNameError::Hexadecimal)
}

/// A value in quotes, as RFC 2253 knew it and Windows prints it: what would end a value does not.
fn take_quoted<'a>(
    oid: &[u8],
    value: &'a str,
) -> Result<(WrittenAttribute, &'a str), DistinguishedNameError> {
    let mut text = Text::default();
    let mut rest = value.chars();
    rest.next();
    loop {
        match rest.next() {
            Some('"') => break,
            Some('\\') => text.take_escape(&mut rest)?,
            Some(c) if c.is_control() => return Err(DistinguishedNameError::Unescaped(c)),
            Some(c) => text.push(c),
            None => return Err(DistinguishedNameError::Quote),
        }
    }
    let behind = rest.as_str().trim_start();
    if !behind.is_empty() && !behind.starts_with([',', '+']) {
        return Err(DistinguishedNameError::Quote);
    }
    Ok((
        attribute_of(oid, WrittenValue::Text(text.finish()?)),
        behind,
    ))
}

/// A value with its special characters escaped.
fn take_plain<'a>(
    oid: &[u8],
    written: &str,
    value: &'a str,
) -> Result<(WrittenAttribute, &'a str), DistinguishedNameError> {
    let mut text = Text::default();
    let mut rest = value.chars();
    let behind = loop {
        let before = rest.as_str();
        match rest.next() {
            None | Some(',' | '+') => break before,
            Some('\\') => text.take_escape(&mut rest)?,
            Some(c @ ('"' | ';' | '<' | '>')) => return Err(DistinguishedNameError::Unescaped(c)),
            Some(c) if c.is_control() => return Err(DistinguishedNameError::Unescaped(c)),
            Some(c) => text.push(c),
        }
    };
    let length = value.len().saturating_sub(behind.len());
    if value.get(..length).unwrap_or_default().trim().is_empty() {
        return Err(DistinguishedNameError::NoValue(written.to_owned()));
    }
    Ok((
        attribute_of(oid, WrittenValue::Text(text.finish()?)),
        behind,
    ))
}

/// A value on its way: escapes may stand for single bytes of a character.
#[derive(Default)]
struct Text(Vec<u8>);

impl Text {
    fn push(&mut self, c: char) {
        let mut buffer = [0; 4];
        self.0.extend(c.encode_utf8(&mut buffer).bytes());
    }

    /// Takes what stands behind a backslash.
    fn take_escape(
        &mut self,
        rest: &mut std::str::Chars<'_>,
    ) -> Result<(), DistinguishedNameError> {
        match rest.next() {
            Some(c @ ('"' | '+' | ',' | ';' | '<' | '>' | '\\' | ' ' | '#' | '=')) => self.push(c),
            Some(first) => {
                let pair = [Some(first), rest.next()].map(|digit| digit?.to_digit(16));
                let [Some(high), Some(low)] = pair else {
                    return Err(DistinguishedNameError::Backslash);
                };
                self.0.extend(u8::try_from((high << 4) | low));
            }
            None => return Err(DistinguishedNameError::Backslash),
        }
        Ok(())
    }

    fn finish(self) -> Result<String, DistinguishedNameError> {
        String::from_utf8(self.0).map_err(|_bytes| DistinguishedNameError::NotUtf8)
    }
}

/// The byte that two hexadecimal digits stand for.
fn byte_of(pair: &[u8]) -> Option<u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let [high, low] = pair else { return None };
    u8::try_from((digit(high)? << 4) | digit(low)?).ok()
}
