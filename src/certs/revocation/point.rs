//! [`PointName`]: where an authority that splits its list publishes the parts.
//!
//! Such a list says by a name which part it is, and every certificate says by the same name in
//! which part it would stand (RFC 5280, sections 4.2.1.13 and 5.2.5).

use crate::certs::der::{self, NotDer, Reader};
use crate::certs::path::Certificate;
use crate::certs::path::name::canonical;
use crate::model::DistinguishedName;

/// A name of a distribution point, in a form that is equal for all ways to write it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum PointName {
    Directory(DistinguishedName),
    /// Of another kind, by its tag.
    Other(u8, Vec<u8>),
}

/// Reads general names.
pub(super) fn point_names(bytes: &[u8]) -> Result<Vec<PointName>, NotDer> {
    let mut reader = Reader::new(bytes);
    let mut names = Vec::new();
    while !reader.is_at_end() {
        let element = reader.element()?;
        names.push(match element.tag {
            DIRECTORY_NAME => PointName::Directory(canonical(element.contents)),
            kind => PointName::Other(kind, element.contents.to_vec()),
        });
    }
    Ok(names)
}

/// Where a certificate would be listed, as far as it says; nothing if that cannot be read.
///
/// A point for some of the reasons, or of another authority's list, is left out: such lists are not
/// gone by.
pub(super) fn points_of(certificate: &Certificate) -> Vec<PointName> {
    let extension = certificate.extension(DISTRIBUTION_POINTS);
    let named = extension.and_then(|extension| read_points(extension.value).ok());
    named.unwrap_or_default()
}

fn read_points(value: &[u8]) -> Result<Vec<PointName>, NotDer> {
    let mut points = Reader::new(Reader::single(value, der::SEQUENCE)?);
    let mut names = Vec::new();
    while !points.is_at_end() {
        let mut fields = Reader::new(points.contents(der::SEQUENCE)?);
        let name = fields.optional(NAME)?;
        let is_whole = fields.is_at_end();
        let full = match name {
            Some(name) => Reader::new(name).optional(FULL_NAME)?,
            None => None,
        };
        if let (Some(full), true) = (full, is_whole) {
            names.extend(point_names(full)?);
        }
    }
    Ok(names)
}

/// 2.5.29.31
const DISTRIBUTION_POINTS: &[u8] = &[0x55, 0x1d, 31];

const NAME: u8 = 0xa0;
const FULL_NAME: u8 = 0xa0;
const DIRECTORY_NAME: u8 = 0xa4;
