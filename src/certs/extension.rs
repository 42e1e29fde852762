//! [`Extension`]: one extension of whatever is signed: a certificate, a list, an entry of a list.

use crate::certs::der::{self, NotDer, Reader};

/// One extension as it is written.
#[derive(Debug, Clone, Copy)]
pub struct Extension<'a> {
    /// What it is about, an object identifier without header.
    pub kind: &'a [u8],
    /// Whether who does not understand it has to refuse what it stands in.
    pub is_critical: bool,
    /// What is in its octet string.
    pub value: &'a [u8],
}

impl<'a> Extension<'a> {
    /// Reads the next one of a list.
    pub(crate) fn read(list: &mut Reader<'a>) -> Result<Self, NotDer> {
        let mut reader = Reader::new(list.contents(der::SEQUENCE)?);
        let kind = reader.contents(der::OID)?;
        let is_critical = reader.boolean_or_false()?;
        let value = reader.contents(der::OCTET_STRING)?;
        reader.end()?;
        Ok(Self {
            kind,
            is_critical,
            value,
        })
    }
}
