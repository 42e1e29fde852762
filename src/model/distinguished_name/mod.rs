//! [`DistinguishedName`]: a name of a directory, in the form in which names are compared.
//!
//! Certificates carry the same name in many ways: other capitals, other string types, blanks at
//! other places. RFC 5280 7.1 and RFC 4518 say which of them are one name. What is kept here is
//! what is left when those differences are gone, so equality is the comparison.

mod attribute;
mod escape;
mod fold;
mod form;
mod oid;
mod parse;
mod strings;

use std::fmt;

pub use attribute::attribute_name;
pub use escape::{escaped, printable, printable_ascii};
pub use fold::folded;
pub use form::{NameAttribute, NamePart};
pub use oid::dotted;
pub use parse::{DistinguishedNameError, WrittenAttribute, WrittenValue, written_name};
pub use strings::{directory_text, has_line_break_or_nul};

use form::NameValue;

/// A distinguished name.
///
/// The order of the parts counts. Within a part that holds several attributes it does not.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DistinguishedName(Vec<u8>);

impl DistinguishedName {
    /// A name of these parts, in the order in which certificates store them.
    pub fn of(parts: &[NamePart]) -> Self {
        Self(form::of_parts(parts))
    }

    /// A name that cannot be read, by its bytes: it equals itself and no other.
    pub fn unread(name: &[u8]) -> Self {
        Self(form::of_unread(name))
    }

    /// Whether the name, as RFC 4514 writes it, begins with its country and ends with its common
    /// name: then somebody has probably written it in the order in which certificates store it.
    pub fn seems_reversed(&self) -> bool {
        let has = |part: Option<&&[u8]>, oid: &[u8]| {
            let attributes = part.map(|part| form::attributes(part));
            attributes.is_some_and(|all| all.iter().any(|(kind, _)| *kind == oid))
        };
        form::parts(&self.0).is_ok_and(|parts| {
            parts.len() > 1
                && has(parts.last(), attribute::COUNTRY)
                && has(parts.first(), attribute::COMMON_NAME)
        })
    }
}

impl NameValue<'_> {
    fn write(&self, oid: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let oid = dotted(oid);
        let name = attribute_name(&oid).unwrap_or(&oid);
        match self {
            Self::Text("") => write!(f, "{name}=\"\""),
            Self::Text(text) => write!(f, "{name}={}", escaped(text)),
            Self::Encoded(bytes) => {
                write!(f, "{name}=")?;
                write_hexadecimal(bytes, f)
            }
        }
    }
}

fn write_hexadecimal(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("#")?;
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

impl fmt::Display for NameAttribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.read() {
            Some((oid, value)) => value.write(oid, f),
            None => Ok(()),
        }
    }
}

impl fmt::Display for DistinguishedName {
    /// The form that is compared, in RFC 4514. Two names print the same if and only if they are
    /// equal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = match form::parts(&self.0) {
            Ok(parts) => parts,
            Err(name) => return write_hexadecimal(name, f),
        };
        for (index, part) in parts.iter().rev().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            for (index, (oid, value)) in form::attributes(part).iter().enumerate() {
                if index > 0 {
                    f.write_str("+")?;
                }
                value.write(oid, f)?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for NameAttribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NameAttribute({self})")
    }
}

impl fmt::Debug for NamePart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = DistinguishedName::of(std::slice::from_ref(self));
        write!(f, "NamePart({name})")
    }
}

impl fmt::Debug for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DistinguishedName({self})")
    }
}

#[cfg(test)]
mod tests;
