//! The short names of attribute types.

use super::oid::encoded;

/// The type of a common name, 2.5.4.3.
pub(super) const COMMON_NAME: &[u8] = &[0x55, 4, 3];

/// The type of a country, 2.5.4.6.
pub(super) const COUNTRY: &[u8] = &[0x55, 4, 6];

/// The short names of RFC 4514, and those that certificates of companies carry besides. Of several
/// names of a type the first is the one that is printed; the others are what SAP, OpenSSL and
/// Windows write.
const NAMES: &[(&str, &str)] = &[
    ("CN", "2.5.4.3"),
    ("SN", "2.5.4.4"),
    ("serialNumber", "2.5.4.5"),
    ("C", "2.5.4.6"),
    ("L", "2.5.4.7"),
    ("ST", "2.5.4.8"),
    ("SP", "2.5.4.8"),
    ("S", "2.5.4.8"),
    ("STREET", "2.5.4.9"),
    ("O", "2.5.4.10"),
    ("OU", "2.5.4.11"),
    ("title", "2.5.4.12"),
    ("T", "2.5.4.12"),
    ("GN", "2.5.4.42"),
    ("G", "2.5.4.42"),
    ("organizationIdentifier", "2.5.4.97"),
    ("UID", "0.9.2342.19200300.100.1.1"),
    ("DC", "0.9.2342.19200300.100.1.25"),
    ("emailAddress", "1.2.840.113549.1.9.1"),
    ("EMAIL", "1.2.840.113549.1.9.1"),
    ("E", "1.2.840.113549.1.9.1"),
];

/// The short name of an attribute type, by its object identifier.
pub fn attribute_name(oid: &str) -> Option<&'static str> {
    let known = NAMES.iter().find(|(_, known)| *known == oid);
    known.map(|(name, _)| *name)
}

/// The object identifier of an attribute type without header, by its short name in any case or by
/// itself.
pub(super) fn oid_of(written: &str) -> Option<Vec<u8>> {
    let known = NAMES
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(written));
    if let Some((_, oid)) = known {
        return encoded(oid);
    }
    let bare = match written.get(..4) {
        Some(start) if start.eq_ignore_ascii_case("OID.") => written.get(4..)?,
        _ => written,
    };
    encoded(bare)
}
