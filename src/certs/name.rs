//! Distinguished names of a certificate, to be printed and to be compared.
//!
//! Whoever asks for a certificate chooses these texts; they end in log lines, headers and
//! terminals. So what is printed is escaped, and what is compared is never printed.

use std::borrow::Cow;

use x509_parser::asn1_rs::{Any, Class, ToDer as _};
use x509_parser::prelude::FromDer as _;
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

use crate::model::{
    attribute_name, directory_text, dotted, escaped, folded, has_line_break_or_nul, printable,
};

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
pub(crate) fn rfc4514_of(der: &[u8]) -> String {
    match X509Name::from_der(der) {
        Ok((_rest, name)) => rfc4514(&name),
        Err(_unread) => hex(der),
    }
}

/// The most specific common name, escaped.
pub(super) fn common_name(name: &X509Name<'_>) -> Option<String> {
    let last = name.iter_common_name().last()?;
    text_of(last.attr_value()).map(|text| printable(&text))
}

/// All common names, folded.
pub(super) fn compared_common_names(name: &X509Name<'_>) -> Vec<String> {
    let texts = name
        .iter_common_name()
        .filter_map(|part| text_of(part.attr_value()));
    texts.map(|text| folded(&text)).collect()
}

/// Whether a string of a name holds a NUL or a line break.
pub(super) fn is_unfit(name: &X509Name<'_>) -> bool {
    name.iter_attributes()
        .any(|attribute| is_unfit_string(attribute.attr_value()))
}

/// Whether a value is a string that holds a NUL or a line break.
pub(super) fn is_unfit_string(value: &Any<'_>) -> bool {
    has_line_break_or_nul(value.tag().0, value.data)
}

fn attribute(attribute: &AttributeTypeAndValue<'_>) -> String {
    let oid = dotted(attribute.attr_type().as_bytes());
    match (attribute_name(&oid), text_of(attribute.attr_value())) {
        (Some(name), Some(text)) => format!("{name}={}", escaped(&text)),
        _ => format!("{oid}=#{}", hex(&encoding(attribute))),
    }
}

/// The value with its tag and length.
fn encoding(attribute: &AttributeTypeAndValue<'_>) -> Vec<u8> {
    attribute.attr_value().to_der_vec().unwrap_or_default()
}

/// A string in several pieces is none here, as in path validation: what the one takes for a host the
/// other has to hold to its limits.
fn text_of<'a>(value: &'a Any<'_>) -> Option<Cow<'a, str>> {
    let is_whole = value.class() == Class::Universal && !value.header.is_constructed();
    is_whole.then(|| directory_text(value.tag().0, value.data))?
}

/// Lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let mut out = String::with_capacity(bytes.len().saturating_mul(2));
    out.extend(digits.filter_map(|digit| char::from_digit(digit.into(), 16)));
    out
}
