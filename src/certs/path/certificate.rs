//! [`Certificate`]: what a certificate says, read once and strictly.

use rustls::pki_types::CertificateDer;

use crate::certs::der::{self, NotDer, Reader};
use crate::certs::extension::Extension;
use crate::certs::inspect::CertificateFacts;
use crate::certs::path::extensions::{Extensions, KeyUsage};
use crate::certs::path::general_name::GeneralName;
use crate::certs::path::refusal::Reason;
use crate::certs::path::span::Span;
use crate::certs::path::time::time;
use crate::certs::path::{Purpose, checks, name};
use crate::certs::signature::{self, SignatureDefect};
use crate::model::{DistinguishedName, WallTime};

/// A certificate with all that a path is judged by.
///
/// It exists only if every byte of it was understood as RFC 5280 writes it, extensions that nobody
/// here knows excepted: those are kept by their names.
#[derive(Debug, Clone)]
pub struct Certificate {
    der: CertificateDer<'static>,
    version: u8,
    serial: Span,
    issuer: Span,
    subject: Span,
    spki: Span,
    issuer_form: DistinguishedName,
    subject_form: DistinguishedName,
    not_before: WallTime,
    not_after: WallTime,
    extensions: Extensions,
}

/// Why bytes are no certificate that may be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// It is not what a certificate looks like.
    #[error("it cannot be read as a certificate")]
    Encoding,
    /// There is no such version.
    #[error("it is of a version of X.509 that does not exist")]
    Version,
    /// Extensions came with version 3.
    #[error("it has extensions, and is not of version 3")]
    ExtensionsOfOldVersion,
    /// RFC 5280 allows 20 bytes.
    #[error("its serial number is too long")]
    Serial,
    /// What is signed and what signs have to agree.
    #[error("it names two different signature algorithms")]
    TwoAlgorithms,
    /// An issuer without a name cannot be told from another.
    #[error("it does not name its issuer")]
    NoIssuer,
    /// It is for nobody: neither a subject nor, as a critical extension, another name.
    #[error("it names no subject")]
    NoSubject,
    /// It was never valid.
    #[error("it ends before it begins")]
    Validity,
    /// An extension that is known, with contents that are not.
    #[error("its extension {0} cannot be read")]
    Extension(&'static str),
    /// Which of the two holds?
    #[error("it has an extension twice")]
    TwiceTheSame,
}

impl From<NotDer> for Malformed {
    fn from(NotDer: NotDer) -> Self {
        Self::Encoding
    }
}

impl Certificate {
    /// Reads a certificate.
    pub fn read(der: &CertificateDer<'_>) -> Result<Self, Malformed> {
        let der = der.clone().into_owned();
        let bytes = der.as_ref();
        let mut outer = Reader::new(Reader::single(bytes, der::SEQUENCE)?);
        let mut signed = Reader::new(outer.contents(der::SEQUENCE)?);
        let algorithm = outer.contents(der::SEQUENCE)?;
        outer.bytes_in_bits()?;
        outer.end()?;
        let version = version(&mut signed)?;
        let serial = der::integer(signed.contents(der::INTEGER)?)?;
        if serial.len() > LONGEST_SERIAL {
            return Err(Malformed::Serial);
        }
        if signed.contents(der::SEQUENCE)? != algorithm {
            return Err(Malformed::TwoAlgorithms);
        }
        let issuer = signed.whole(der::SEQUENCE)?;
        if name::is_empty(issuer) {
            return Err(Malformed::NoIssuer);
        }
        let mut dates = Reader::new(signed.contents(der::SEQUENCE)?);
        let (not_before, not_after) = (time(&mut dates)?, time(&mut dates)?);
        dates.end()?;
        if not_after < not_before {
            return Err(Malformed::Validity);
        }
        let subject = signed.whole(der::SEQUENCE)?;
        let spki = signed.whole(der::SEQUENCE)?;
        let extensions = last_fields(&mut signed, version)?;
        let extensions = Extensions::read(bytes, extensions)?;
        if name::is_empty(subject) && !extensions.names_are_critical() {
            return Err(Malformed::NoSubject);
        }
        let (issuer_form, subject_form) = (name::canonical(issuer), name::canonical(subject));
        let [serial, issuer, subject, spki] =
            [serial, issuer, subject, spki].map(|piece| Span::of(bytes, piece));
        Ok(Self {
            der,
            version,
            serial,
            issuer,
            subject,
            spki,
            issuer_form,
            subject_form,
            not_before,
            not_after,
            extensions,
        })
    }

    /// All of its bytes.
    pub fn der(&self) -> &CertificateDer<'static> {
        &self.der
    }

    /// 1, 2 or 3.
    pub fn version(&self) -> u8 {
        self.version
    }

    /// The serial number as it is written, without header; it may be negative.
    pub fn serial(&self) -> &[u8] {
        self.serial.read(&self.der)
    }

    /// The issuer, a whole `Name` with its header.
    pub fn issuer(&self) -> &[u8] {
        self.issuer.read(&self.der)
    }

    /// The subject, a whole `Name` with its header.
    pub fn subject(&self) -> &[u8] {
        self.subject.read(&self.der)
    }

    /// The public key, a whole `SubjectPublicKeyInfo` with its header.
    pub fn spki(&self) -> &[u8] {
        self.spki.read(&self.der)
    }

    /// The first second of validity.
    pub fn not_before(&self) -> WallTime {
        self.not_before
    }

    /// The last second of validity.
    pub fn not_after(&self) -> WallTime {
        self.not_after
    }

    /// The subject in the form that is equal for all ways to write it.
    pub(crate) fn subject_form(&self) -> &DistinguishedName {
        &self.subject_form
    }

    /// The issuer in that form.
    pub(crate) fn issuer_form(&self) -> &DistinguishedName {
        &self.issuer_form
    }

    /// Whether subject and issuer are the same name, as when an authority changes its key.
    pub fn is_self_issued(&self) -> bool {
        self.subject_form == self.issuer_form
    }

    /// Whether it may vouch for others where it is believed itself. A self-signed host certificate
    /// vouches for itself alone: whoever had its key could issue any other.
    ///
    /// Version 1 has no extensions, and old company roots are of that version; some of version 3
    /// name the right to sign without calling themselves an authority.
    pub fn is_authority(&self) -> bool {
        match self.extensions.authority {
            Some(authority) => authority.is_ca,
            None => self.version < 3 || self.names_signing(),
        }
    }

    /// Whether its key usage is there and names the right to sign certificates.
    fn names_signing(&self) -> bool {
        let usage = self.extensions.key_usage;
        usage.is_some_and(KeyUsage::allows_certificate_signing)
    }

    /// Whether its key usage allows to sign revocation lists, or there is none.
    pub fn may_sign_lists(&self) -> bool {
        let usage = self.extensions.key_usage;
        usage.is_none_or(KeyUsage::allows_list_signing)
    }

    /// The extension of a kind that path validation has no use for, such as where revocation lists
    /// are to be found; its object identifier is given without header.
    pub fn extension(&self, kind: &[u8]) -> Option<Extension<'_>> {
        self.extensions.all(&self.der).find(|one| one.kind == kind)
    }

    /// The subject's other names.
    pub(super) fn names(&self) -> impl Iterator<Item = GeneralName<'_>> {
        self.extensions.names(&self.der)
    }

    /// What is in the sequence of its name constraints.
    pub(super) fn name_constraints(&self) -> Option<&[u8]> {
        self.extensions.name_constraints(&self.der)
    }

    /// What is in the sequence of its policies.
    pub(super) fn policies(&self) -> Option<&[u8]> {
        self.extensions.policies(&self.der)
    }

    /// What is in the sequence of its policy mappings.
    pub(super) fn policy_mappings(&self) -> Option<&[u8]> {
        self.extensions.policy_mappings(&self.der)
    }

    /// Whether it names the key of another as the one it was signed with; `None` where one of the
    /// two does not say.
    pub(super) fn names_key_of(&self, issuer: &Self) -> Option<bool> {
        let named = self.extensions.issuer_key_id(&self.der)?;
        Some(named == issuer.extensions.key_id(&issuer.der)?)
    }

    /// What tells its key from others, where it says so.
    pub(in crate::certs) fn key_id(&self) -> Option<&[u8]> {
        self.extensions.key_id(&self.der)
    }

    /// What we, and other strict peers, refuse about it at any time, be it shown as a host's and
    /// client's or as that of an issuer.
    pub fn flaw(&self, is_issuer: bool) -> Option<Reason> {
        checks::flaw(self, is_issuer)
    }

    /// What keeps a host or a client from showing it as its own.
    pub fn unfit_for(&self, purpose: Purpose) -> Option<Reason> {
        checks::unfit_for(self, purpose)
    }

    /// What keeps it from vouching for anybody, although it is believed.
    pub fn anchor_flaw(&self) -> Option<Reason> {
        checks::anchor_flaw(self)
    }

    /// What its other extensions say.
    pub(super) fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// Checks that a key made its signature.
    pub fn check_signature(&self, spki: &[u8]) -> Result<(), SignatureDefect> {
        let unread = |_: NotDer| SignatureDefect::Wrong;
        let outer = Reader::single(&self.der, der::SEQUENCE).map_err(unread)?;
        let mut parts = Reader::new(outer);
        let message = parts.whole(der::SEQUENCE).map_err(unread)?;
        let algorithm = parts.contents(der::SEQUENCE).map_err(unread)?;
        let signature = parts.bytes_in_bits().map_err(unread)?;
        signature::verify(spki, algorithm, message, signature)
    }

    /// The subject in the words of messages, or where there is none the serial number.
    pub(crate) fn words(&self) -> String {
        words_of(&self.der)
    }
}

/// As [`Certificate::words`], for one that may not be readable.
pub(super) fn words_of(der: &CertificateDer<'_>) -> String {
    match CertificateFacts::of(der) {
        Ok(facts) if !facts.subject.is_empty() => facts.subject,
        Ok(facts) => format!("serial {}", facts.serial),
        Err(_not_one) => "(not readable)".to_owned(),
    }
}

fn version(signed: &mut Reader<'_>) -> Result<u8, Malformed> {
    let Some(version) = signed.optional(VERSION)? else {
        return Ok(1);
    };
    match der::count(Reader::single(version, der::INTEGER)?)? {
        // Version 1 is said by saying nothing, and old issuers write it all the same.
        0 => Ok(1),
        1 => Ok(2),
        2 => Ok(3),
        _ => Err(Malformed::Version),
    }
}

/// Reads what comes after the key, and returns what is in the list of extensions.
fn last_fields<'a>(signed: &mut Reader<'a>, version: u8) -> Result<Option<&'a [u8]>, Malformed> {
    // Names are not used a second time any more; these once told two of the same name apart. No
    // rule looks at them.
    for unique_id in [ISSUER_ID, SUBJECT_ID] {
        if signed.optional(unique_id)?.is_some() && version == 1 {
            return Err(Malformed::ExtensionsOfOldVersion);
        }
    }
    let extensions = signed.optional(EXTENSIONS)?;
    signed.end()?;
    match extensions {
        Some(_) if version != 3 => Err(Malformed::ExtensionsOfOldVersion),
        Some(list) => Ok(Some(Reader::single(list, der::SEQUENCE)?)),
        None => Ok(None),
    }
}

const VERSION: u8 = 0xa0;
const ISSUER_ID: u8 = 0x81;
const SUBJECT_ID: u8 = 0x82;
const EXTENSIONS: u8 = 0xa3;

/// 20 bytes, and one more that some issuers spend on the sign.
const LONGEST_SERIAL: usize = 21;
