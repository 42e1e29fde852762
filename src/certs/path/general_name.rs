//! [`GeneralName`]: the forms of a name beside the distinguished one.

use std::net::IpAddr;

use crate::certs::der::{self, NotDer, Reader};
use crate::certs::name::{hex, rfc4514_of};
use crate::model::{printable, printable_ascii};

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
    /// A mail address, host or URI in other letters than ASCII, by its tag. Issuers write umlauts as
    /// they come. It is nobody's name here, and takes nothing from the others beside it.
    Odd(u8, &'a [u8]),
}

impl<'a> GeneralName<'a> {
    /// Reads the next element as a name.
    pub(crate) fn read(reader: &mut Reader<'a>) -> Result<Self, NotDer> {
        let element = reader.element()?;
        let contents = element.contents;
        let text = |form: fn(&'a str) -> Self| {
            let ascii = std::str::from_utf8(contents).ok();
            let ascii = ascii.filter(|text| text.is_ascii());
            ascii.map_or(Self::Odd(element.tag, contents), form)
        };
        Ok(match element.tag {
            MAIL => text(Self::Mail),
            DNS => text(Self::Dns),
            URI => text(Self::Uri),
            IP => Self::Ip(contents),
            DIRECTORY => {
                Reader::single(contents, der::SEQUENCE)?;
                Self::Directory(contents)
            }
            OTHER_NAME | X400 | EDI_PARTY | REGISTERED_ID => Self::Other(element.tag),
            _ => return Err(NotDer),
        })
    }

    /// A mail address that is none, as a subject may have it.
    pub(crate) const fn odd_mail(bytes: &'a [u8]) -> Self {
        Self::Odd(MAIL, bytes)
    }

    /// Whether both are of one form, so that the one can be constrained by the other.
    pub(crate) const fn is_of_form(&self, other: &Self) -> bool {
        self.tag() == other.tag()
    }

    /// Whether it is to name a host.
    pub(crate) const fn is_about_a_host(&self) -> bool {
        matches!(self.tag(), DNS | IP)
    }

    const fn tag(&self) -> u8 {
        match self {
            Self::Mail(_) => MAIL,
            Self::Dns(_) => DNS,
            Self::Directory(_) => DIRECTORY,
            Self::Uri(_) => URI,
            Self::Ip(_) => IP,
            Self::Other(tag) | Self::Odd(tag, _) => *tag,
        }
    }

    /// The name in the words of messages.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Mail(text) | Self::Dns(text) | Self::Uri(text) => printable(text),
            Self::Directory(name) => rfc4514_of(name),
            Self::Ip(bytes) => address(bytes),
            Self::Other(_) => "a name of a form without words".to_owned(),
            Self::Odd(_, bytes) => printable_ascii(bytes),
        }
    }
}

fn address(bytes: &[u8]) -> String {
    let four = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    let address = four.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from));
    address.map_or_else(|_| hex(bytes), |address| address.to_string())
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
