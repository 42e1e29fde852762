//! Distinguished names compared as RFC 5280, section 7.1 wants it: by what they say.
//!
//! Two certificates of one authority need not write its name with the same bytes: one may have
//! `PrintableString` where the next has `UTF8String`, capitals where the other has none, two
//! blanks for one. A name is brought into one form before it is compared or looked up.

use std::borrow::Cow;

use crate::certs::der::{self, NotDer, Reader};

/// The one form of a name, given as a whole `Name` with its header; equal for two names exactly if
/// they say the same, so it can be the key of a map.
///
/// Letters are small, blanks at the ends are gone and those in between are one, the type of string
/// is forgotten, and the attributes of a multi-valued part stand in one order. A value that is no
/// text stays as it is, byte by byte, and so does a name that cannot be read.
pub(crate) fn canonical(name: &[u8]) -> Vec<u8> {
    match parts(name) {
        Ok(parts) => parts.iter().fold(vec![READ], |mut form, part| {
            push_sized(&mut form, part);
            form
        }),
        Err(NotDer) => [&[UNREAD], name].concat(),
    }
}

/// The parts of a name in its order, each in its one form.
///
/// A name lies within another (RFC 5280, section 4.2.1.10) if the other's parts are its first.
pub(crate) fn parts(name: &[u8]) -> Result<Vec<Vec<u8>>, NotDer> {
    let mut reader = Reader::new(Reader::single(name, der::SEQUENCE)?);
    let mut parts = Vec::new();
    while !reader.is_at_end() {
        parts.push(part(reader.contents(der::SET)?)?);
    }
    Ok(parts)
}

/// Whether a name, given as a whole `Name` with its header, has no parts.
pub(crate) fn is_empty(name: &[u8]) -> bool {
    name == [der::SEQUENCE, 0]
}

/// The values of an attribute of a name, by the bytes of its object identifier: each as a text, or
/// its bytes where it is none.
pub(crate) fn texts_of<'a>(name: &'a [u8], attribute: &[u8]) -> Result<Vec<Value<'a>>, NotDer> {
    let mut reader = Reader::new(Reader::single(name, der::SEQUENCE)?);
    let mut texts = Vec::new();
    while !reader.is_at_end() {
        let mut part = Reader::new(reader.contents(der::SET)?);
        while !part.is_at_end() {
            let mut pair = Reader::new(part.contents(der::SEQUENCE)?);
            let is_wanted = pair.contents(der::OID)? == attribute;
            let value = pair.element()?;
            pair.end()?;
            if is_wanted {
                texts.push(text_of(value.tag, value.contents).ok_or(value.contents));
            }
        }
    }
    Ok(texts)
}

/// The value of an attribute.
pub(crate) type Value<'a> = Result<Cow<'a, str>, &'a [u8]>;

/// One part: its attributes as a set.
fn part(contents: &[u8]) -> Result<Vec<u8>, NotDer> {
    let mut reader = Reader::new(contents);
    let mut attributes = Vec::new();
    while !reader.is_at_end() {
        attributes.push(attribute(reader.contents(der::SEQUENCE)?)?);
    }
    if attributes.is_empty() {
        return Err(NotDer);
    }
    attributes.sort_unstable();
    Ok(attributes.iter().fold(Vec::new(), |mut form, attribute| {
        push_sized(&mut form, attribute);
        form
    }))
}

fn attribute(contents: &[u8]) -> Result<Vec<u8>, NotDer> {
    let mut reader = Reader::new(contents);
    let kind = reader.whole(der::OID)?;
    let value = reader.element()?;
    reader.end()?;
    let mut form = kind.to_vec();
    if let Some(text) = text_of(value.tag, value.contents) {
        form.push(TEXT);
        push_folded(&mut form, &text);
    } else {
        form.push(BYTES);
        form.extend_from_slice(value.whole);
    }
    Ok(form)
}

/// The text of a directory string; `None` for any other type, and for bytes that the type does
/// not allow.
fn text_of(tag: u8, contents: &[u8]) -> Option<Cow<'_, str>> {
    match tag {
        UTF8_STRING => std::str::from_utf8(contents).ok().map(Cow::Borrowed),
        PRINTABLE_STRING | NUMERIC_STRING | IA5_STRING | VISIBLE_STRING if contents.is_ascii() => {
            std::str::from_utf8(contents).ok().map(Cow::Borrowed)
        }
        // Not what the standard says of teletex strings, but what every issuer writes into them.
        TELETEX_STRING => Some(contents.iter().copied().map(char::from).collect()),
        BMP_STRING => {
            let (pairs, []) = contents.as_chunks::<2>() else {
                return None;
            };
            let units = pairs.iter().map(|pair| u16::from_be_bytes(*pair));
            let text: Result<String, _> = char::decode_utf16(units).collect();
            text.ok().map(Cow::Owned)
        }
        UNIVERSAL_STRING => {
            let (fours, []) = contents.as_chunks::<4>() else {
                return None;
            };
            let chars = fours
                .iter()
                .map(|four| char::from_u32(u32::from_be_bytes(*four)));
            chars.collect::<Option<String>>().map(Cow::Owned)
        }
        _ => None,
    }
}

/// Small letters, and blanks only between words, one each.
fn push_folded(form: &mut Vec<u8>, text: &str) {
    let mut words = text
        .split(char::is_whitespace)
        .filter(|word| !word.is_empty());
    let mut push = |word: &str| {
        if word.is_ascii() {
            form.extend(word.bytes().map(|byte| byte.to_ascii_lowercase()));
        } else {
            form.extend_from_slice(word.to_lowercase().as_bytes());
        }
    };
    if let Some(first) = words.next() {
        push(first);
    }
    for word in words {
        push(" ");
        push(word);
    }
}

/// Appends bytes after their number, so that no two lists have the same form.
fn push_sized(form: &mut Vec<u8>, bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    form.extend(length.to_be_bytes());
    form.extend_from_slice(bytes);
}

const UTF8_STRING: u8 = 0x0c;
const NUMERIC_STRING: u8 = 0x12;
const PRINTABLE_STRING: u8 = 0x13;
const TELETEX_STRING: u8 = 0x14;
const IA5_STRING: u8 = 0x16;
const VISIBLE_STRING: u8 = 0x1a;
const UNIVERSAL_STRING: u8 = 0x1c;
const BMP_STRING: u8 = 0x1e;

/// What begins a form, and what stands between the kind of an attribute and its value.
const READ: u8 = 0;
const UNREAD: u8 = 1;
const TEXT: u8 = 0;
const BYTES: u8 = 1;

#[cfg(test)]
mod tests;
