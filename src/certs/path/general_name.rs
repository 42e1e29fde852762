//! [`GeneralName`]: the forms of a name beside the distinguished one.

use std::net::IpAddr;

use crate::certs::der::{self, NotDer, Reader};
use crate::certs::name::{hex, printable, rfc4514_of};

/// A name of one of the forms of RFC 5280, section 4.2.1.6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GeneralName<'a> {
    /// A mail address; as a constraint also a host, or a domain after a dot.
    Mail(&'a str),
    /// A host name; as a constraint also a domain.
    Dns(&'a str),
    /// A distinguished name, with its header.
    Directory(&'a [u8]),
    /// A URI; as a constraint a host, or a domain after a dot.
    Uri(&'a str),
    /// An address of 4 or 16 bytes; as a constraint with a mask after it.
    Ip(&'a [u8]),
    /// A form that we have no words for, by its tag.
    Other(u8),
}

impl<'a> GeneralName<'a> {
    /// Reads the next element as a name.
    pub(crate) fn read(reader: &mut Reader<'a>) -> Result<Self, NotDer> {
        let element = reader.element()?;
        let contents = element.contents;
        Ok(match element.tag {
            MAIL => Self::Mail(ascii(contents)?),
            DNS => Self::Dns(ascii(contents)?),
            URI => Self::Uri(ascii(contents)?),
            IP => Self::Ip(contents),
            DIRECTORY => {
                Reader::single(contents, der::SEQUENCE)?;
                Self::Directory(contents)
            }
            OTHER_NAME | X400 | EDI_PARTY | REGISTERED_ID => Self::Other(element.tag),
            _ => return Err(NotDer),
        })
    }

    /// Whether both are of one form, so that the one can be constrained by the other.
    pub(crate) fn is_of_form(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Other(one), Self::Other(other)) => one == other,
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }

    /// The name in the words of messages.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Mail(text) | Self::Dns(text) | Self::Uri(text) => printable(text),
            Self::Directory(name) => rfc4514_of(name),
            Self::Ip(bytes) => address(bytes),
            Self::Other(_) => "a name of a form without words".to_owned(),
        }
    }
}

fn address(bytes: &[u8]) -> String {
    let four = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    let address = four.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from));
    address.map_or_else(|_| hex(bytes), |address| address.to_string())
}

fn ascii(contents: &[u8]) -> Result<&str, NotDer> {
    if !contents.is_ascii() {
        return Err(NotDer);
    }
    std::str::from_utf8(contents).map_err(|_not_ascii| NotDer)
}

const OTHER_NAME: u8 = 0xa0;
const MAIL: u8 = 0x81;
const DNS: u8 = 0x82;
const X400: u8 = 0xa3;
const DIRECTORY: u8 = 0xa4;
const EDI_PARTY: u8 = 0xa5;
const URI: u8 = 0x86;
const IP: u8 = 0x87;
const REGISTERED_ID: u8 = 0x88;
