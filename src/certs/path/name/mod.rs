//! Distinguished names as certificates carry them, brought into the one form in which they are
//! compared (RFC 5280, section 7.1): by what they say.
//!
//! Two certificates of one authority need not write its name with the same bytes: one may have
//! `PrintableString` where the next has `UTF8String`, capitals where the other has none, two
//! blanks for one.

use std::borrow::Cow;

use crate::certs::der::{self, Element, NotDer, Reader};
use crate::model::{DistinguishedName, NameAttribute, NamePart, directory_text};

/// What a name says, given as a whole `Name` with its header.
pub(crate) fn canonical(name: &[u8]) -> DistinguishedName {
    match parts(name) {
        Ok(parts) => DistinguishedName::of(&parts),
        Err(NotDer) => DistinguishedName::unread(name),
    }
}

/// The parts of a name in its order.
///
/// A name lies within another (RFC 5280, section 4.2.1.10) if the other's parts are its first.
pub(crate) fn parts(name: &[u8]) -> Result<Vec<NamePart>, NotDer> {
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
            let (kind, value) = pair(part.contents(der::SEQUENCE)?)?;
            if kind == attribute {
                let text = directory_text(universal(value.tag), value.contents);
                texts.push(text.ok_or(value.contents));
            }
        }
    }
    Ok(texts)
}

/// The value of an attribute.
pub(crate) type Value<'a> = Result<Cow<'a, str>, &'a [u8]>;

fn part(contents: &[u8]) -> Result<NamePart, NotDer> {
    let mut reader = Reader::new(contents);
    let mut attributes = Vec::new();
    while !reader.is_at_end() {
        let (kind, value) = pair(reader.contents(der::SEQUENCE)?)?;
        let tag = universal(value.tag);
        attributes.push(NameAttribute::new(kind, tag, value.contents, value.whole));
    }
    if attributes.is_empty() {
        return Err(NotDer);
    }
    Ok(NamePart::of(attributes))
}

/// The type of an attribute, and its value.
fn pair(contents: &[u8]) -> Result<(&[u8], Element<'_>), NotDer> {
    let mut reader = Reader::new(contents);
    let kind = reader.contents(der::OID)?;
    let value = reader.element()?;
    reader.end()?;
    Ok((kind, value))
}

/// The number of a universal type that is no list, which strings are; that of none for others.
fn universal(tag: u8) -> u32 {
    /// Another class, or made of several elements.
    const OTHERS: u8 = 0xe0;
    if tag & OTHERS == 0 {
        u32::from(tag)
    } else {
        u32::MAX
    }
}

#[cfg(test)]
mod tests;
