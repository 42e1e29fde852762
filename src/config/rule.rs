//! One rule about clients as it is written: `cn=sap-crm & issuer="CN=Company CA, C=DE"`.

use std::net::IpAddr;

use crate::config::nearest::nearest;
use crate::config::settings::{DnsPattern, IpRange, Term, folded_uri};
use crate::model::{DistinguishedName, DistinguishedNameError, Fingerprint, folded};

/// Why a text is no rule. The message continues the key's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum RuleError {
    /// A term without an equals sign.
    #[error("has a term that is no kind=value, \"{}\"", .0.escape_debug())]
    NoKind(String),
    /// A kind that does not exist.
    #[error("has a kind that is not known, \"{}\"", .0.escape_debug())]
    UnknownKind(String),
    /// A kind without a value.
    #[error("has no value behind {0}=")]
    NoValue(&'static str),
    /// An ampersand with a blank on one side only.
    #[error("has a & that neither stands between two terms nor in quotes")]
    Ampersand,
    /// A quote that is not closed, or that does not stand around the whole value.
    #[error("has a quote in {0}= that does not stand around the whole value")]
    Quote(&'static str),
    /// A value that the kind does not take.
    #[error("has a value behind {}= that is not understood, \"{}\"", .0, .1.escape_debug())]
    BadValue(&'static str, String),
    /// A name that is none.
    #[error("has no distinguished name behind {0}=: {1}")]
    BadName(&'static str, DistinguishedNameError),
}

/// What a term is about.
#[derive(Debug, Clone, Copy)]
struct TermKind {
    name: &'static str,
    allowed: &'static str,
    reading: Reading,
}

/// How a value becomes a term.
#[derive(Debug, Clone, Copy)]
enum Reading {
    /// A distinguished name, which has quotes and escapes of its own.
    Name(fn(DistinguishedName) -> Term),
    /// Any other value; `None` if it is not understood.
    Value(fn(&str) -> Option<Term>),
}

impl TermKind {
    const fn is_name(self) -> bool {
        matches!(self.reading, Reading::Name(_))
    }
}

impl RuleError {
    /// What would be accepted in that place.
    pub(super) fn allowed(&self) -> String {
        let of_kind = |name: &str| {
            let kind = KINDS.iter().find(|kind| kind.name == name);
            kind.map_or_else(String::new, |kind| kind.allowed.to_owned())
        };
        match self {
            Self::NoKind(_) | Self::Ampersand => "kind=value, or several with \" & \"".to_owned(),
            Self::UnknownKind(_) => names().join(" | "),
            Self::NoValue(name) | Self::BadValue(name, _) | Self::BadName(name, _) => of_kind(name),
            Self::Quote(name) => format!("{name}=value or {name}=\"value\""),
        }
    }

    /// What to do.
    pub(super) fn hint(&self) -> String {
        let fixed = match self {
            Self::NoKind(_) => "write terms such as cn=sap-crm, with \" & \" between two of them",
            Self::UnknownKind(written) => {
                return nearest(written, names()).map_or_else(
                    || "write one of the kinds that are allowed".to_owned(),
                    |near| format!("did you mean {near}=?"),
                );
            }
            Self::NoValue(_) => "write the value of the certificate that is meant",
            Self::Ampersand => {
                "write a blank on both sides of & between two terms, and quotes around a value \
                 that holds one itself"
            }
            Self::Quote(_) => {
                "write the value without quotes, or quotes around all of it with \\\" for a quote \
                 inside"
            }
            Self::BadValue("sha256", _) => {
                "print it with openssl x509 -noout -fingerprint -sha256 -in the certificate"
            }
            Self::BadValue("key-sha256", _) => {
                "print it with openssl x509 -noout -pubkey, openssl pkey -pubin -outform DER and \
                 openssl dgst -sha256, each behind the one before"
            }
            Self::BadValue("serial", _) => {
                "print it with openssl x509 -noout -serial -in the certificate"
            }
            Self::BadValue("dns", _) => {
                "write the host as the certificate does, in ASCII (xn--...) where needed; *. stands \
                 for one label and only in front"
            }
            Self::BadValue("ip", _) => {
                "write an address or a range; behind the slash, the first address of the range \
                 alone fits"
            }
            Self::BadValue(..) => "copy the value from the certificate that is meant",
            Self::BadName(_, DistinguishedNameError::Slashes) => {
                "write it with commas and the common name first, such as CN=sap-crm, O=Company, C=DE"
            }
            Self::BadName(_, DistinguishedNameError::UnknownType(_)) => {
                "write a short name such as CN, OU, O, L, ST, C, DC, UID or emailAddress, or an \
                 object identifier such as 2.5.4.3"
            }
            Self::BadName(..) => {
                "write it as STRUST shows it, such as CN=sap-crm, O=Company, C=DE, with a backslash \
                 before a comma, plus, semicolon, quote or backslash inside a value"
            }
        };
        fixed.to_owned()
    }
}

/// Reads the terms of a rule.
pub(super) fn terms(text: &str) -> Result<Vec<Term>, RuleError> {
    split(text)?.into_iter().map(term).collect()
}

/// Splits at every `&` between blanks that is not in quotes. One with a blank on one side only is
/// refused: it would make two terms one value, and nobody would see it.
fn split(text: &str) -> Result<Vec<&str>, RuleError> {
    let mut parts = Vec::new();
    let (mut start, mut in_quotes, mut escaped) = (0, false, false);
    for (at, sign) in text.bytes().enumerate() {
        match sign {
            _ if escaped => escaped = false,
            b'\\' => {
                let next = at.checked_add(1).and_then(|next| text.as_bytes().get(next));
                escaped = matches!(next, Some(b'"' | b'\\'));
            }
            b'"' => in_quotes = !in_quotes,
            b'&' if !in_quotes => {
                let (before, behind) = (text.get(start..at), text.get(at.saturating_add(1)..));
                let (before, behind) = (before.unwrap_or_default(), behind.unwrap_or_default());
                let blanks = (
                    before.is_empty() || before.ends_with([' ', '\t']),
                    behind.is_empty() || behind.starts_with([' ', '\t']),
                );
                match blanks {
                    (true, true) => {
                        parts.push(before);
                        start = at.saturating_add(1);
                    }
                    (false, false) => {}
                    _ => return Err(RuleError::Ampersand),
                }
            }
            _ => {}
        }
    }
    parts.push(text.get(start..).unwrap_or_default());
    Ok(parts)
}

fn term(text: &str) -> Result<Term, RuleError> {
    let text = text.trim();
    let Some((written, value)) = text.split_once('=') else {
        return Err(RuleError::NoKind(text.to_owned()));
    };
    let written = written.trim();
    let kind = KINDS
        .iter()
        .find(|kind| kind.name.eq_ignore_ascii_case(written))
        .ok_or_else(|| RuleError::UnknownKind(written.to_owned()))?;
    let value = unquoted(kind, value.trim())?;
    if value.trim().is_empty() {
        return Err(RuleError::NoValue(kind.name));
    }
    match kind.reading {
        Reading::Name(term) => match value.parse() {
            Ok(name) => Ok(term(name)),
            Err(error) => Err(RuleError::BadName(kind.name, error)),
        },
        Reading::Value(read) => read(&value).ok_or(RuleError::BadValue(kind.name, value)),
    }
}

/// The value without quotes around it. A distinguished name has quotes and escapes of its own,
/// which stay; in any other value a quote is the rule's.
fn unquoted(kind: &TermKind, value: &str) -> Result<String, RuleError> {
    let stray = || RuleError::Quote(kind.name);
    let Some(rest) = value.strip_prefix('"') else {
        let is_closed = quotes(value).is_multiple_of(2);
        return if kind.is_name() && is_closed || !value.contains('"') {
            Ok(value.to_owned())
        } else {
            Err(stray())
        };
    };
    let inside = rest.strip_suffix('"').ok_or_else(stray)?;
    let is_whole = quotes(value) == 2;
    match (is_whole, kind.is_name()) {
        (true, true) => Ok(inside.to_owned()),
        (true, false) => Ok(unescaped(inside)),
        (false, _) => Err(stray()),
    }
}

/// How many quotes stand in a text without a backslash.
fn quotes(text: &str) -> usize {
    let (mut count, mut escaped) = (0_usize, false);
    for sign in text.bytes() {
        match sign {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => count = count.saturating_add(1),
            _ => {}
        }
    }
    count
}

/// A value of quotes without its backslashes before quotes and backslashes.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match (c, rest.peek()) {
            ('\\', Some(next @ ('"' | '\\'))) => {
                out.push(*next);
                rest.next();
            }
            _ => out.push(c),
        }
    }
    out
}

fn names() -> Vec<&'static str> {
    KINDS.iter().map(|kind| kind.name).collect()
}

const fn kind(
    name: &'static str,
    allowed: &'static str,
    read: fn(&str) -> Option<Term>,
) -> TermKind {
    TermKind {
        name,
        allowed,
        reading: Reading::Value(read),
    }
}

const fn name(
    name: &'static str,
    allowed: &'static str,
    term: fn(DistinguishedName) -> Term,
) -> TermKind {
    TermKind {
        name,
        allowed,
        reading: Reading::Name(term),
    }
}

const DIGEST: &str = "64 hexadecimal digits, with or without colons";

const KINDS: [TermKind; 11] = [
    name(
        "subject",
        "a whole name such as CN=sap-crm, O=Company, C=DE",
        Term::Subject,
    ),
    kind("cn", "a common name", |text| {
        let name = folded(text);
        (is_plain(text) && !name.is_empty()).then_some(Term::CommonName(name))
    }),
    kind("dns", "a host name, or *. and a host name", dns),
    kind("uri", "a URI such as urn:company:sap-crm", |text| {
        let is_uri = text.bytes().all(|byte| byte.is_ascii_graphic()) && text.contains(':');
        is_uri.then(|| Term::Uri(folded_uri(text)))
    }),
    kind(
        "ip",
        "an address such as 10.0.0.5, or a range such as 10.0.0.0/8",
        |text| ip(text).map(Term::Ip),
    ),
    kind("email", "an address such as sap@example.com", |text| {
        let (local, host) = text.rsplit_once('@')?;
        let is_address = !local.is_empty() && !host.is_empty();
        let plain = text.bytes().all(|byte| byte.is_ascii_graphic());
        (is_address && plain).then(|| Term::Email(text.to_ascii_lowercase()))
    }),
    name(
        "issuer",
        "a whole name such as CN=Company CA, C=DE",
        Term::Issuer,
    ),
    kind(
        "serial",
        "hexadecimal digits, with or without colons",
        |text| {
            let mut digits = hexadecimal(text)?;
            if digits.len() % 2 == 1 {
                digits.insert(0, '0');
            }
            let bytes = bytes_of(&digits)?;
            let leading = bytes.iter().take_while(|byte| **byte == 0).count();
            Some(Term::Serial(bytes.into_iter().skip(leading).collect()))
        },
    ),
    kind("sha256", DIGEST, |text| digest(text).map(Term::Certificate)),
    kind("key-sha256", DIGEST, |text| digest(text).map(Term::Key)),
    kind(
        "policy",
        "an object identifier such as 1.3.6.1.4.1.99.1",
        |text| {
            let is_number = |part: &str| {
                let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
                digits && (part == "0" || !part.starts_with('0'))
            };
            let is_oid = text.contains('.') && text.split('.').all(is_number);
            is_oid.then(|| Term::Policy(text.to_owned()))
        },
    ),
];

fn is_plain(text: &str) -> bool {
    !text.chars().any(char::is_control)
}

fn dns(text: &str) -> Option<Term> {
    let (any_label, name) = match text.strip_prefix("*.") {
        Some(name) => (true, name),
        None => (false, text),
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    let is_label = |label: &str| {
        let sign = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        !label.is_empty() && label.bytes().all(sign)
    };
    let name = name.to_ascii_lowercase();
    let is_name = name.split('.').all(is_label);
    is_name.then_some(Term::Dns(DnsPattern { any_label, name }))
}

/// An address, or an address and a number of bits behind which it has none set.
fn ip(text: &str) -> Option<IpRange> {
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix.parse::<u8>().ok()?)),
        None => (text, None),
    };
    let bare = address.strip_prefix('[').and_then(|a| a.strip_suffix(']'));
    let first: IpAddr = bare.unwrap_or(address).parse().ok()?;
    let (bits, most) = match first {
        IpAddr::V4(v4) => (u128::from(v4.to_bits()).checked_shl(96)?, 32),
        IpAddr::V6(v6) => (v6.to_bits(), 128),
    };
    let prefix = prefix.unwrap_or(most);
    let behind = bits.checked_shl(u32::from(prefix)).unwrap_or(0);
    (prefix <= most && behind == 0).then_some(IpRange { first, prefix })
}

/// The digits of a number as SAP, OpenSSL and Windows print it.
fn hexadecimal(text: &str) -> Option<String> {
    let bare = text
        .strip_prefix("0x")
        .or_else(|| text.strip_prefix("0X"))
        .unwrap_or(text);
    let digits: String = bare.chars().filter(|c| !matches!(c, ':' | ' ')).collect();
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_number.then_some(digits)
}

fn bytes_of(digits: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let byte = |pair: &[u8]| match pair {
        [high, low] => u8::try_from((digit(*high)? << 4) | digit(*low)?).ok(),
        _ => None,
    };
    digits.as_bytes().chunks(2).map(byte).collect()
}

fn digest(text: &str) -> Option<Fingerprint> {
    let bytes = bytes_of(&hexadecimal(text)?)?;
    bytes.try_into().ok().map(Fingerprint)
}

#[cfg(test)]
#[path = "tests/rule.rs"]
mod tests;
