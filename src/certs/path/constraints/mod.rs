//! Name constraints: for whose names an authority may vouch (RFC 5280, section 4.2.1.10).
//!
//! What cannot be compared counts against the certificate: it lies within nothing that is permitted
//! and may touch whatever is excluded.

use std::net::IpAddr;

use crate::certs::der::{self, NotDer, Reader};
use crate::certs::path::Certificate;
use crate::certs::path::budget::{Budget, Spent};
use crate::certs::path::general_name::GeneralName;
use crate::certs::path::name;

/// Why a certificate carries names that it may not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NameDefect {
    /// This name lies outside of what is permitted, or within what is excluded.
    NotAllowed(String),
    /// It took too long to find out.
    Spent,
}

impl From<Spent> for NameDefect {
    fn from(Spent: Spent) -> Self {
        Self::Spent
    }
}

/// What the common names of a certificate are taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CommonNames {
    /// No hosts: the certificate is no server's.
    NoHosts,
    /// Hosts where they have a dot in them: nobody here goes by them, but somebody else might.
    HostsWithDot,
    /// As before, and the most specific one is what a server is known by.
    Hosts,
}

/// The name constraints of one authority.
#[derive(Debug, Default)]
pub(super) struct Constraints<'a> {
    permitted: Vec<GeneralName<'a>>,
    excluded: Vec<GeneralName<'a>>,
}

/// Reads the extension and returns what is in its sequence.
pub(super) fn read(value: &[u8]) -> Result<&[u8], NotDer> {
    let contents = Reader::single(value, der::SEQUENCE)?;
    let constraints = Constraints::of(contents)?;
    let mut all = constraints.permitted.iter().chain(&constraints.excluded);
    if !all.all(is_sound) || (constraints.permitted.is_empty() && constraints.excluded.is_empty()) {
        return Err(NotDer);
    }
    Ok(contents)
}

impl<'a> Constraints<'a> {
    /// What [`read`] has returned.
    pub(super) fn of(contents: &'a [u8]) -> Result<Self, NotDer> {
        let mut reader = Reader::new(contents);
        let permitted = trees(reader.optional(PERMITTED)?)?;
        let excluded = trees(reader.optional(EXCLUDED)?)?;
        reader.end()?;
        Ok(Self {
            permitted,
            excluded,
        })
    }

    /// Checks the names of a certificate below. A server's common name counts as a host where
    /// nothing else names one, since whoever calls the host may be told to go by it.
    pub(super) fn check(
        &self,
        certificate: &Certificate,
        common_names: CommonNames,
        budget: &mut Budget,
    ) -> Result<(), NameDefect> {
        let subject = certificate.subject();
        if !name::is_empty(subject) {
            self.check_name(&GeneralName::Directory(subject), budget)?;
        }
        let unread = |_: NotDer| NameDefect::NotAllowed(certificate.words());
        for address in name::texts_of(subject, EMAIL_ADDRESS).map_err(unread)? {
            let name = match &address {
                Ok(address) => GeneralName::Mail(address),
                Err(bytes) => GeneralName::odd_mail(bytes),
            };
            self.check_name(&name, budget)?;
        }
        let mut names_a_host = false;
        for name in certificate.names() {
            names_a_host |= matches!(name, GeneralName::Dns(_) | GeneralName::Ip(_));
            self.check_name(&name, budget)?;
        }
        if common_names != CommonNames::NoHosts && !names_a_host {
            let mut texts = name::texts_of(subject, COMMON_NAME).map_err(unread)?;
            let known_by = texts.pop_if(|_| common_names == CommonNames::Hosts);
            // What is no text is no host either.
            for text in texts.into_iter().flatten() {
                self.check_common_name(&text, text.contains('.'), budget)?;
            }
            if let Some(Ok(text)) = known_by {
                self.check_common_name(&text, true, budget)?;
            }
        }
        Ok(())
    }

    /// Checks what may be an address, the name of a host if it can be one at all, or neither.
    fn check_common_name(
        &self,
        text: &str,
        can_be_host: bool,
        budget: &mut Budget,
    ) -> Result<(), NameDefect> {
        match text.parse() {
            Ok(IpAddr::V4(address)) => self.check_name(&GeneralName::Ip(&address.octets()), budget),
            Ok(IpAddr::V6(address)) => self.check_name(&GeneralName::Ip(&address.octets()), budget),
            Err(_) if can_be_host && is_host_name(text) => {
                self.check_name(&GeneralName::Dns(text), budget)
            }
            Err(_) => Ok(()),
        }
    }

    fn check_name(&self, name: &GeneralName<'_>, budget: &mut Budget) -> Result<(), NameDefect> {
        let not_allowed = || NameDefect::NotAllowed(name.words());
        for base in self.excluded.iter().filter(|base| base.is_of_form(name)) {
            budget.compare()?;
            if may_touch(name, base) {
                return Err(not_allowed());
            }
        }
        let mut is_limited = false;
        for base in self.permitted.iter().filter(|base| base.is_of_form(name)) {
            budget.compare()?;
            if is_within(name, base) {
                return Ok(());
            }
            is_limited = true;
        }
        if is_limited {
            Err(not_allowed())
        } else {
            Ok(())
        }
    }
}

fn trees(list: Option<&[u8]>) -> Result<Vec<GeneralName<'_>>, NotDer> {
    let mut bases = Vec::new();
    let Some(list) = list else {
        return Ok(bases);
    };
    let mut reader = Reader::new(list);
    while !reader.is_at_end() {
        let mut tree = Reader::new(reader.contents(der::SEQUENCE)?);
        bases.push(GeneralName::read(&mut tree)?);
        // Minimum and maximum are for a use that X.509 never had.
        tree.end()?;
    }
    // The field is left out where there is nothing in it.
    if bases.is_empty() {
        Err(NotDer)
    } else {
        Ok(bases)
    }
}

/// Whether names can be compared with a constraint at all.
fn is_sound(base: &GeneralName<'_>) -> bool {
    match base {
        GeneralName::Ip(bytes) => {
            let mask = match bytes.len() {
                8 => bytes.get(4..),
                32 => bytes.get(16..),
                _ => None,
            };
            mask.is_some_and(is_mask)
        }
        GeneralName::Directory(base) => name::parts(base).is_ok(),
        GeneralName::Odd(..) => false,
        GeneralName::Mail(_)
        | GeneralName::Dns(_)
        | GeneralName::Uri(_)
        | GeneralName::Other(_) => true,
    }
}

/// Ones, then zeros.
fn is_mask(mask: &[u8]) -> bool {
    let mut rest = mask.iter().skip_while(|byte| **byte == 0xff);
    let is_edge = |byte: &u8| byte.leading_ones() + byte.trailing_zeros() >= u8::BITS;
    rest.next().is_none_or(is_edge) && rest.all(|byte| *byte == 0)
}

/// Whether all that a name stands for is within a constraint of its form.
fn is_within(name: &GeneralName<'_>, base: &GeneralName<'_>) -> bool {
    match (name, base) {
        (GeneralName::Dns(host), GeneralName::Dns(base)) => {
            is_host_name(host) && is_below(host, base)
        }
        (GeneralName::Mail(address), GeneralName::Mail(base)) => {
            mail_is_within(address, base) == Some(true)
        }
        (GeneralName::Uri(uri), GeneralName::Uri(base)) => {
            host_of(uri).is_some_and(|host| is_host_of(host, base))
        }
        (GeneralName::Ip(address), GeneralName::Ip(base)) => is_address_within(address, base),
        (GeneralName::Directory(name), GeneralName::Directory(base)) => {
            is_directory_within(name, base) == Some(true)
        }
        _ => false,
    }
}

/// Whether something that a name stands for may be within a constraint of its form.
fn may_touch(name: &GeneralName<'_>, base: &GeneralName<'_>) -> bool {
    match (name, base) {
        (GeneralName::Dns(host), GeneralName::Dns(base)) => {
            is_below(host, base) || wildcard_reaches(host, base) || !is_host_name(host)
        }
        (GeneralName::Mail(address), GeneralName::Mail(base)) => {
            mail_is_within(address, base) != Some(false)
        }
        (GeneralName::Uri(uri), GeneralName::Uri(base)) => {
            host_of(uri).is_none_or(|host| is_host_of(host, base))
        }
        (GeneralName::Ip(address), GeneralName::Ip(base)) => is_address_within(address, base),
        (GeneralName::Directory(name), GeneralName::Directory(base)) => {
            is_directory_within(name, base) != Some(false)
        }
        _ => true,
    }
}

/// A host is within a domain if it is that, or has labels before it; after a dot, only the latter.
fn is_below(host: &str, base: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let Some((before, end)) = split_end(host, base) else {
        return false;
    };
    let is_same = before.is_empty() && !base.starts_with('.');
    let is_below = base.is_empty() || base.starts_with('.') || before.ends_with('.');
    end.eq_ignore_ascii_case(base) && (is_same || (is_below && !before.is_empty()))
}

/// A wildcard stands for one label, so it reaches a domain of one label more than its own.
fn wildcard_reaches(host: &str, base: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let parent = host.strip_prefix("*.");
    let base_parent = base.split_once('.').map(|(_, parent)| parent);
    parent
        .zip(base_parent)
        .is_some_and(|(one, other)| one.eq_ignore_ascii_case(other))
}

/// `None` for what is no address.
fn mail_is_within(address: &str, base: &str) -> Option<bool> {
    let (mailbox, host) = address.rsplit_once('@')?;
    let is_quoted = mailbox.len() > 1 && mailbox.starts_with('"') && mailbox.ends_with('"');
    if mailbox.is_empty() || !is_host_name(host) || (mailbox.contains('@') && !is_quoted) {
        return None;
    }
    Some(match base.rsplit_once('@') {
        Some((base, base_host)) => mailbox == base && host.eq_ignore_ascii_case(base_host),
        None => is_host_of(host, base),
    })
}

/// As mail and URI have it: after a dot any host of the domain, otherwise one host.
fn is_host_of(host: &str, base: &str) -> bool {
    if base.starts_with('.') {
        return is_below(host, base);
    }
    host.eq_ignore_ascii_case(base)
}

/// The host of a URI; `None` where there is none, or an address in its place.
fn host_of(uri: &str) -> Option<&str> {
    let (_scheme, rest) = uri.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, _) = rest.split_at_checked(end)?;
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    let host = host.split_once(':').map_or(host, |(host, _port)| host);
    let host = host.strip_suffix('.').unwrap_or(host);
    let is_name = !host.is_empty() && !host.starts_with('[') && host.parse::<IpAddr>().is_err();
    is_name.then_some(host)
}

fn is_address_within(address: &[u8], base: &[u8]) -> bool {
    let Some((network, mask)) = base.split_at_checked(address.len()) else {
        return false;
    };
    let masked = || address.iter().zip(network).zip(mask);
    mask.len() == address.len() && masked().all(|((one, other), mask)| (one ^ other) & mask == 0)
}

/// `None` where one of the two cannot be read.
fn is_directory_within(name: &[u8], base: &[u8]) -> Option<bool> {
    let (name, base) = (name::parts(name).ok()?, name::parts(base).ok()?);
    Some(name.starts_with(&base))
}

/// As much of the end of a text as another is long, and what is before it.
fn split_end<'a>(text: &'a str, end: &str) -> Option<(&'a str, &'a str)> {
    text.split_at_checked(text.len().checked_sub(end.len())?)
}

/// Whether it is what a host is called: labels of letters, digits, hyphens and underlines. Instead of
/// the first one there may be an asterisk.
fn is_host_name(text: &str) -> bool {
    let is_of_label = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let is_label = |label: &str| !label.is_empty() && label.bytes().all(is_of_label);
    let text = text.strip_suffix('.').unwrap_or(text);
    let text = text.strip_prefix("*.").unwrap_or(text);
    text.split('.').all(is_label)
}

const PERMITTED: u8 = 0xa0;
const EXCLUDED: u8 = 0xa1;

/// 1.2.840.113549.1.9.1
const EMAIL_ADDRESS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1];

/// 2.5.4.3
const COMMON_NAME: &[u8] = &[0x55, 4, 3];

#[cfg(test)]
mod tests;
