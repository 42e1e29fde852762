//! From DER to a [`RevocationList`], strictly: an entry that is passed over is somebody let in.

use std::collections::HashSet;

use crate::certs::der::{self, NotDer, Reader};
use crate::certs::digest::sha256;
use crate::certs::extension::Extension;
use crate::certs::name::{hex, rfc4514_of};
use crate::certs::path::time::time;
use crate::certs::revocation::list::{Entries, Entry, Holders, RevocationList, Scope, Serial};
use crate::certs::revocation::point::{PointName, point_names};
use crate::certs::revocation::proof::{Proof, Signed};
use crate::certs::revocation::reason::Reason;
use crate::model::dotted;

/// Why bytes are no list that can be gone by.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListDefect {
    /// Other bytes, or damaged ones.
    #[error("is damaged: it cannot be read as one")]
    NotAList,
    /// A version that does not exist, or extensions that it does not have.
    #[error("has a version that does not fit what is in it")]
    Version,
    /// What says how it is signed differs inside and outside of what is signed.
    #[error("names two algorithms for its one signature")]
    TwoAlgorithms,
    /// An extension twice.
    #[error("has the extension {0} twice")]
    Twice(String),
    /// Only what changed since another list.
    #[error("is a delta list: it says only what changed since another list")]
    Delta,
    /// Certificates of other authorities than the list's own.
    #[error("is an indirect list: it is about certificates of other authorities")]
    Indirect,
    /// A part of the certificates, named in a way that no certificate of these names it.
    #[error("names its distribution point by the end of a name only")]
    RelativePoint,
    /// A part of the reasons.
    #[error("is a part only: of some of the reasons for a revocation")]
    SomeReasons,
    /// No public key certificates at all.
    #[error("is about attribute certificates, which nobody shows here")]
    AttributeCertificates,
    /// A critical extension that is not understood.
    #[error("has the critical extension {0}, which is not understood")]
    Critical(String),
    /// A number that is marked critical.
    #[error("marks its number as a critical extension, which the standard forbids")]
    CriticalNumber,
    /// An entry with a critical extension that is not understood.
    #[error(
        "has, at the serial number {serial}, the critical extension {oid}, which is not understood"
    )]
    CriticalEntry {
        /// The extension.
        oid: String,
        /// Whose entry it is.
        serial: String,
    },
    /// An entry with a reason that a complete list cannot give.
    #[error(
        "has, at the serial number {serial}, the reason code {code}, which no complete list has"
    )]
    ReasonCode {
        /// The code.
        code: u8,
        /// Whose entry it is.
        serial: String,
    },
}

impl From<NotDer> for ListDefect {
    fn from(_: NotDer) -> Self {
        Self::NotAList
    }
}

/// Reads a list.
pub(super) fn parse(bytes: &[u8]) -> Result<RevocationList, ListDefect> {
    let mut outer = Reader::new(Reader::single(bytes, der::SEQUENCE)?);
    let message = outer.whole(der::SEQUENCE)?;
    let algorithm = outer.contents(der::SEQUENCE)?;
    let signature = outer.bytes_in_bits()?;
    outer.end()?;
    let mut inner = Reader::new(Reader::single(message, der::SEQUENCE)?);
    let version = inner.optional(der::INTEGER)?;
    if version.is_some_and(|version| version != VERSION_2) {
        return Err(ListDefect::Version);
    }
    if inner.contents(der::SEQUENCE)? != algorithm {
        return Err(ListDefect::TwoAlgorithms);
    }
    let issuer = inner.whole(der::SEQUENCE)?;
    let issuer_name = rfc4514_of(issuer);
    let this_update = time(&mut inner)?;
    let next_update = match inner.peek() {
        Some(der::UTC_TIME | der::GENERALIZED_TIME) => Some(time(&mut inner)?),
        _ => None,
    };
    let has_extensions = version.is_some();
    let entries = match inner.optional(der::SEQUENCE)? {
        Some(entries) => read_entries(entries, has_extensions)?,
        None => Vec::new(),
    };
    let extensions = match inner.optional(EXPLICIT_EXTENSIONS)? {
        Some(_) if !has_extensions => return Err(ListDefect::Version),
        Some(extensions) => Extensions::read(extensions)?,
        None => Extensions::default(),
    };
    inner.end()?;
    Ok(RevocationList {
        issuer: issuer.into(),
        issuer_name,
        this_update,
        next_update,
        number: extensions.number,
        key_id: extensions.key_id,
        scope: extensions.scope,
        entries: Entries::new(entries),
        proof: Proof::new(Signed {
            message: message.to_vec(),
            algorithm: algorithm.to_vec(),
            signature: signature.to_vec(),
        }),
        digest: sha256(bytes),
    })
}

/// The number that says version 2.
const VERSION_2: &[u8] = &[1];

const EXPLICIT_EXTENSIONS: u8 = 0xa0;

fn read_entries(bytes: &[u8], has_extensions: bool) -> Result<Vec<Entry>, ListDefect> {
    let mut reader = Reader::new(bytes);
    let mut entries = Vec::new();
    while !reader.is_at_end() {
        let mut fields = Reader::new(reader.contents(der::SEQUENCE)?);
        let serial = fields.contents(der::INTEGER)?;
        let since = time(&mut fields)?;
        let reason = match fields.optional(der::SEQUENCE)? {
            Some(_) if !has_extensions => return Err(ListDefect::Version),
            Some(extensions) => read_reason(extensions, serial)?,
            None => Reason::Unspecified,
        };
        fields.end()?;
        entries.push(Entry {
            since,
            serial: Serial::of(serial),
            reason,
        });
    }
    Ok(entries)
}

/// The reason of an entry.
fn read_reason(bytes: &[u8], serial: &[u8]) -> Result<Reason, ListDefect> {
    let mut reader = Reader::new(bytes);
    let mut reason = None;
    while !reader.is_at_end() {
        let extension = Extension::read(&mut reader)?;
        match extension.kind {
            REASON_CODE => {
                let Some((&code, [])) = Reader::single(extension.value, ENUMERATED)?.split_first()
                else {
                    return Err(ListDefect::NotAList);
                };
                let known = Reason::of_code(code).ok_or_else(|| ListDefect::ReasonCode {
                    code,
                    serial: hex(serial),
                })?;
                if reason.replace(known).is_some() {
                    return Err(twice(&extension));
                }
            }
            CERTIFICATE_ISSUER => return Err(ListDefect::Indirect),
            INVALIDITY_DATE => {}
            _ if extension.is_critical => {
                return Err(ListDefect::CriticalEntry {
                    oid: dotted(extension.kind),
                    serial: hex(serial),
                });
            }
            _ => {}
        }
    }
    Ok(reason.unwrap_or(Reason::Unspecified))
}

/// What the extensions of a list say, as far as it matters.
#[derive(Default)]
struct Extensions {
    number: Option<Box<[u8]>>,
    key_id: Option<Box<[u8]>>,
    scope: Scope,
}

impl Extensions {
    fn read(explicit: &[u8]) -> Result<Self, ListDefect> {
        let mut reader = Reader::new(Reader::single(explicit, der::SEQUENCE)?);
        let mut read = Self::default();
        let mut seen: HashSet<&[u8]> = HashSet::new();
        while !reader.is_at_end() {
            let extension = Extension::read(&mut reader)?;
            if !seen.insert(extension.kind) {
                return Err(twice(&extension));
            }
            match extension.kind {
                CRL_NUMBER if extension.is_critical => return Err(ListDefect::CriticalNumber),
                CRL_NUMBER => {
                    let number = der::integer(Reader::single(extension.value, der::INTEGER)?)?;
                    let digits = number.strip_prefix(&[0]).unwrap_or(number);
                    read.number = Some(digits.into());
                }
                AUTHORITY_KEY_IDENTIFIER => {
                    let mut fields = Reader::new(Reader::single(extension.value, der::SEQUENCE)?);
                    read.key_id = fields.optional(KEY_IDENTIFIER)?.map(Box::from);
                }
                ISSUING_DISTRIBUTION_POINT => read.scope = Scope::read(extension.value)?,
                DELTA_INDICATOR => return Err(ListDefect::Delta),
                _ if extension.is_critical => {
                    return Err(ListDefect::Critical(dotted(extension.kind)));
                }
                _ => {}
            }
        }
        Ok(read)
    }
}

impl Scope {
    /// Reads an issuing distribution point: which certificates the list is about.
    fn read(value: &[u8]) -> Result<Self, ListDefect> {
        let mut fields = Reader::new(Reader::single(value, der::SEQUENCE)?);
        let points = fields.optional(POINT)?.map(read_point).transpose()?;
        let mut said = |tag: u8| match fields.optional(tag)? {
            None | Some([0x00]) => Ok(false),
            Some([0xff]) => Ok(true),
            Some(_) => Err(NotDer),
        };
        let (users, authorities) = (said(USERS_ONLY)?, said(AUTHORITIES_ONLY)?);
        if fields.optional(SOME_REASONS)?.is_some() {
            return Err(ListDefect::SomeReasons);
        }
        let mut said = |tag: u8| {
            fields
                .optional(tag)
                .map(|said| said.is_some_and(|v| v != [0x00]))
        };
        if said(INDIRECT)? {
            return Err(ListDefect::Indirect);
        }
        if said(ATTRIBUTES_ONLY)? {
            return Err(ListDefect::AttributeCertificates);
        }
        fields.end()?;
        let holders = match (users, authorities) {
            (false, false) => Holders::All,
            (true, false) => Holders::Users,
            (false, true) => Holders::Authorities,
            (true, true) => return Err(ListDefect::NotAList),
        };
        Ok(Self { holders, points })
    }
}

/// The names of a distribution point.
fn read_point(name: &[u8]) -> Result<Vec<PointName>, ListDefect> {
    let mut reader = Reader::new(name);
    let Some(full) = reader.optional(FULL_NAME)? else {
        return Err(ListDefect::RelativePoint);
    };
    reader.end()?;
    let names = point_names(full)?;
    if names.is_empty() {
        return Err(ListDefect::NotAList);
    }
    Ok(names)
}

fn twice(extension: &Extension<'_>) -> ListDefect {
    ListDefect::Twice(dotted(extension.kind))
}

const ENUMERATED: u8 = 0x0a;
/// Fields of the authority key identifier and of the issuing distribution point are tagged.
const KEY_IDENTIFIER: u8 = 0x80;
const POINT: u8 = 0xa0;
const FULL_NAME: u8 = 0xa0;
const USERS_ONLY: u8 = 0x81;
const AUTHORITIES_ONLY: u8 = 0x82;
const SOME_REASONS: u8 = 0x83;
const INDIRECT: u8 = 0x84;
const ATTRIBUTES_ONLY: u8 = 0x85;

/// The arc 2.5.29, of which all of these are.
const CRL_NUMBER: &[u8] = &[0x55, 0x1d, 20];
const REASON_CODE: &[u8] = &[0x55, 0x1d, 21];
const INVALIDITY_DATE: &[u8] = &[0x55, 0x1d, 24];
const DELTA_INDICATOR: &[u8] = &[0x55, 0x1d, 27];
const ISSUING_DISTRIBUTION_POINT: &[u8] = &[0x55, 0x1d, 28];
const CERTIFICATE_ISSUER: &[u8] = &[0x55, 0x1d, 29];
const AUTHORITY_KEY_IDENTIFIER: &[u8] = &[0x55, 0x1d, 35];
