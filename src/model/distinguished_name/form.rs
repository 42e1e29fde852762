//! The one form in which names are compared: bytes that are equal for two names exactly if they say
//! the same, and can be the key of a map.
//!
//! The type of string is forgotten, texts are folded, and the attributes of a part stand in one
//! order. A value that is no text stays as it is, byte by byte, and so does a name that cannot be
//! read. Each piece stands after its length, so that no two lists have the same form.

use super::fold::push_folded;
use super::strings::{directory_text, split};

/// One `type=value` of a name.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NameAttribute(Vec<u8>);

/// What stands between two commas of a name: one attribute, or several in no order.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NamePart(Vec<u8>);

/// The value of an attribute, as it is compared.
pub(super) enum NameValue<'a> {
    /// A text, folded.
    Text(&'a str),
    /// Anything that is no text: its whole encoding.
    Encoded(&'a [u8]),
}

impl NameAttribute {
    /// An attribute as a certificate carries it: its type, an object identifier without header, the
    /// number of its value's universal type or that of none, what is in the value, and all of it.
    pub fn new(oid: &[u8], tag: u32, content: &[u8], encoding: &[u8]) -> Self {
        match directory_text(tag, content) {
            Some(text) => Self::text(oid, &text),
            None => Self::of(oid, ENCODED, encoding.len(), |form| {
                form.extend_from_slice(encoding);
            }),
        }
    }

    /// An attribute whose value is a text.
    pub fn text(oid: &[u8], text: &str) -> Self {
        Self::of(oid, TEXT, text.len(), |form| push_folded(form, text))
    }

    /// An attribute whose value is given as it is encoded: its tag, its length, its bytes. `None`
    /// if that is not what they are.
    pub fn encoded(oid: &[u8], encoding: &[u8]) -> Option<Self> {
        let (tag, content) = split(encoding)?;
        Some(Self::new(oid, tag, content, encoding))
    }

    fn of(oid: &[u8], kind: u8, length: usize, push: impl FnOnce(&mut Vec<u8>)) -> Self {
        let length = length.saturating_add(oid.len()).saturating_add(HEADER);
        let mut form = Vec::with_capacity(length);
        push_sized(&mut form, oid);
        form.push(kind);
        push(&mut form);
        Self(form)
    }
}

impl NamePart {
    /// A part of these attributes.
    pub fn of(mut attributes: Vec<NameAttribute>) -> Self {
        attributes.sort_unstable();
        let length = attributes
            .iter()
            .map(|one| one.0.len().saturating_add(LENGTH));
        let mut form = Vec::with_capacity(length.sum());
        for attribute in &attributes {
            push_sized(&mut form, &attribute.0);
        }
        Self(form)
    }
}

/// The form of a name of these parts.
pub(super) fn of_parts(parts: &[NamePart]) -> Vec<u8> {
    let length = parts.iter().map(|part| part.0.len().saturating_add(LENGTH));
    let mut form = Vec::with_capacity(length.sum::<usize>().saturating_add(1));
    form.push(READ);
    for part in parts {
        push_sized(&mut form, &part.0);
    }
    form
}

/// The form of a name that cannot be read.
pub(super) fn of_unread(name: &[u8]) -> Vec<u8> {
    [&[UNREAD], name].concat()
}

/// The parts of a name's form, or its bytes if it could not be read.
pub(super) fn parts(form: &[u8]) -> Result<Vec<&[u8]>, &[u8]> {
    match form.split_first() {
        Some((&READ, parts)) => Ok(pieces(parts)),
        Some((_, name)) => Err(name),
        None => Err(form),
    }
}

/// The attributes of a part.
pub(super) fn attributes(part: &[u8]) -> Vec<(&[u8], NameValue<'_>)> {
    pieces(part).into_iter().filter_map(attribute).collect()
}

/// The type and the value of an attribute.
fn attribute(form: &[u8]) -> Option<(&[u8], NameValue<'_>)> {
    let (oid, rest) = piece(form)?;
    let value = match rest.split_first()? {
        (&TEXT, text) => NameValue::Text(std::str::from_utf8(text).ok()?),
        (_, encoding) => NameValue::Encoded(encoding),
    };
    Some((oid, value))
}

impl NameAttribute {
    /// Its type and its value.
    pub(super) fn read(&self) -> Option<(&[u8], NameValue<'_>)> {
        attribute(&self.0)
    }
}

fn pieces(mut form: &[u8]) -> Vec<&[u8]> {
    let mut all = Vec::new();
    while let Some((one, rest)) = piece(form) {
        all.push(one);
        form = rest;
    }
    all
}

fn piece(form: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = form.split_first_chunk::<LENGTH>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    rest.split_at_checked(length)
}

/// Appends bytes after their number.
fn push_sized(form: &mut Vec<u8>, bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    form.extend(length.to_be_bytes());
    form.extend_from_slice(bytes);
}

/// The bytes of a length.
const LENGTH: usize = 4;

/// A length, and what says of which kind a value is.
const HEADER: usize = LENGTH + 1;

/// What begins a form.
const READ: u8 = 0;
const UNREAD: u8 = 1;

/// What stands between the type of an attribute and its value.
const TEXT: u8 = 0;
const ENCODED: u8 = 1;
