//! [`DistinguishedName`]: a name of a directory, in the form in which names are compared.
//!
//! Certificates carry the same name in many ways: other capitals, other string types, blanks at
//! other places. RFC 5280 7.1 and RFC 4518 say which of them are one name. What is kept here is
//! what is left when those differences are gone, so equality is the comparison.

mod attribute;
mod escape;
mod fold;
mod parse;
mod strings;

use std::collections::BTreeSet;
use std::fmt;

pub use attribute::attribute_name;
pub use escape::{escaped, printable, printable_ascii};
pub use fold::folded;
pub use parse::DistinguishedNameError;
pub use strings::{directory_text, has_line_break_or_nul};

/// A distinguished name, most specific part first, as RFC 4514 writes it.
///
/// The order of the parts counts. Within a part that holds several attributes it does not.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DistinguishedName(Vec<BTreeSet<NameAttribute>>);

/// One `type=value` of a name.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NameAttribute {
    /// The type's object identifier in dots.
    oid: String,
    value: NameValue,
}

/// A value as it is compared.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum NameValue {
    /// A text, folded.
    Text(String),
    /// Anything that is no text: its whole encoding.
    Encoded(Vec<u8>),
}

impl NameAttribute {
    /// An attribute whose value is a text.
    pub fn text(oid: &str, text: &str) -> Self {
        Self {
            oid: oid.to_owned(),
            value: NameValue::Text(folded(text)),
        }
    }

    /// An attribute whose value is given as it is encoded: its tag, its length, its bytes. `None`
    /// if that is not what they are.
    pub fn encoded(oid: &str, encoding: &[u8]) -> Option<Self> {
        let (tag, content) = strings::split(encoding)?;
        Some(match directory_text(tag, content) {
            Some(text) => Self::text(oid, &text),
            None => Self::opaque(oid, encoding),
        })
    }

    /// An attribute whose value has no text: two of them are equal if their bytes are.
    pub fn opaque(oid: &str, encoding: &[u8]) -> Self {
        Self {
            oid: oid.to_owned(),
            value: NameValue::Encoded(encoding.to_vec()),
        }
    }
}

impl DistinguishedName {
    /// A name of these parts, most specific first.
    pub fn of(parts: impl IntoIterator<Item = Vec<NameAttribute>>) -> Self {
        Self(parts.into_iter().map(BTreeSet::from_iter).collect())
    }

    /// Whether the name begins with its country and ends with its common name: then somebody has
    /// probably written it in the order in which certificates store it.
    pub fn seems_reversed(&self) -> bool {
        let has = |part: Option<&BTreeSet<NameAttribute>>, oid: &str| {
            part.is_some_and(|part| part.iter().any(|attribute| attribute.oid == oid))
        };
        self.0.len() > 1
            && has(self.0.first(), attribute::COUNTRY)
            && has(self.0.last(), attribute::COMMON_NAME)
    }
}

impl fmt::Display for NameAttribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = attribute_name(&self.oid).unwrap_or(&self.oid);
        match &self.value {
            NameValue::Text(text) if text.is_empty() => write!(f, "{name}=\"\""),
            NameValue::Text(text) => write!(f, "{name}={}", escaped(text)),
            NameValue::Encoded(bytes) => {
                write!(f, "{name}=#")?;
                bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
    }
}

impl fmt::Display for DistinguishedName {
    /// The form that is compared, in RFC 4514. Two names print the same if and only if they are
    /// equal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            for (index, attribute) in part.iter().enumerate() {
                if index > 0 {
                    f.write_str("+")?;
                }
                attribute.fmt(f)?;
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

impl fmt::Debug for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DistinguishedName({self})")
    }
}

#[cfg(test)]
mod tests;
