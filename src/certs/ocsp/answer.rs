//! [`read_answer`]: what a responder says, and whether it may say so.

use crate::certs::der::{self, NotDer, Reader};
use crate::certs::digest::sha1_for_names;
use crate::certs::extension::Extension;
use crate::certs::ocsp::SKEW;
use crate::certs::ocsp::delegate::{Cognizant, Delegate, DelegateDefect};
use crate::certs::ocsp::request::{CertId, key_bits};
use crate::certs::path::Certificate;
use crate::certs::path::name::canonical;
use crate::certs::path::time::time;
use crate::certs::signature::{SignatureDefect, verify};
use crate::model::WallTime;

/// How a certificate stands with its issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It has not been withdrawn.
    Good,
    /// It has been withdrawn.
    Revoked {
        /// Since when.
        since: WallTime,
    },
    /// The responder does not know it, so its issuer never issued it.
    Unknown,
}

/// A responder's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// How the certificate stands.
    pub standing: Standing,
    /// Since when the responder says so.
    pub from: WallTime,
    /// Until when the responder stands by it; `None` if it has news at any time.
    pub until: Option<WallTime>,
}

/// Why an answer proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OcspDefect {
    /// The bytes are none.
    #[error("it is not an OCSP response")]
    Malformed,
    /// The responder has no answer for anybody or for us.
    #[error("the responder says \"{0}\"")]
    Refused(&'static str),
    /// It is about other certificates.
    #[error("it is not about the certificate that was asked about")]
    AboutAnother,
    /// Who signed it may not.
    #[error("it is signed by somebody whom the issuer has not named for that")]
    NotNamed,
    /// Who signed it was named for that, and is not to be believed all the same.
    #[error("it is signed by \"{subject}\", whose certificate is not accepted: {defect}")]
    Delegate {
        /// The subject of that certificate, escaped, or its serial number.
        subject: String,
        /// What is wrong with it.
        defect: DelegateDefect,
    },
    /// The signature does not hold.
    #[error("its signature cannot be believed: {0}")]
    Signature(#[from] SignatureDefect),
    /// It is from the past or the future.
    #[error("it was good from {from} to {until}")]
    NotNow {
        /// When it begins.
        from: WallTime,
        /// When it ends.
        until: WallTime,
    },
    /// It has something critical in it that is not known.
    #[error("it has a critical extension that is not known")]
    UnknownCritical,
}

impl OcspDefect {
    /// Whether another question would fare no better: the responder has a bad moment.
    pub fn is_about_the_responder(&self) -> bool {
        matches!(self, Self::Refused("internal error" | "try later"))
    }
}

impl From<NotDer> for OcspDefect {
    fn from(NotDer: NotDer) -> Self {
        Self::Malformed
    }
}

/// Reads a responder's answer about a certificate of this issuer, and says whose word it is; nobody's
/// but the issuer's own, where there is no delegate.
pub fn read_answer(
    bytes: &[u8],
    id: &CertId,
    by: &Cognizant<'_>,
    now: WallTime,
) -> Result<(Answer, Option<Delegate>), OcspDefect> {
    let basic = basic_response(bytes)?;
    let mut parts = Reader::new(Reader::single(basic, der::SEQUENCE)?);
    let data = parts.whole(der::SEQUENCE)?;
    let algorithm = parts.contents(der::SEQUENCE)?;
    let signature = parts.bytes_in_bits()?;
    let certificates = parts.optional(context(0))?;
    parts.end()?;
    let data_of = Data::read(Reader::single(data, der::SEQUENCE)?)?;
    let delegate = if data_of.responder.is_issuer(id, by.issuer.subject) {
        None
    } else {
        let found = Delegate::find(certificates, &data_of.responder, by, now)?;
        Some(found)
    };
    let signer = delegate.as_ref().map(|found| found.certificate().spki());
    verify(signer.unwrap_or(by.issuer.spki), algorithm, data, signature)?;
    Ok((data_of.about(id, now)?, delegate))
}

/// The part that is signed, out of its wrapping.
fn basic_response(bytes: &[u8]) -> Result<&[u8], OcspDefect> {
    let mut response = Reader::new(Reader::single(bytes, der::SEQUENCE)?);
    match response.contents(ENUMERATED)? {
        [0] => {}
        [1] => return Err(OcspDefect::Refused("malformed request")),
        [2] => return Err(OcspDefect::Refused("internal error")),
        [3] => return Err(OcspDefect::Refused("try later")),
        [5] => return Err(OcspDefect::Refused("the request has to be signed")),
        [6] => return Err(OcspDefect::Refused("unauthorized")),
        _ => return Err(OcspDefect::Malformed),
    }
    let mut wrapped = Reader::new(Reader::single(
        response.contents(context(0))?,
        der::SEQUENCE,
    )?);
    response.end()?;
    if wrapped.contents(der::OID)? != BASIC {
        return Err(OcspDefect::Malformed);
    }
    let basic = wrapped.contents(der::OCTET_STRING)?;
    wrapped.end()?;
    Ok(basic)
}

/// What is signed.
struct Data<'a> {
    responder: Responder<'a>,
    responses: &'a [u8],
}

/// Who answers.
pub(super) enum Responder<'a> {
    /// A whole `Name`.
    Named(&'a [u8]),
    /// The hash of a key.
    Key(&'a [u8]),
}

impl Responder<'_> {
    fn is_issuer(&self, id: &CertId, subject: &[u8]) -> bool {
        match self {
            Self::Named(name) => same_name(name, subject),
            Self::Key(hash) => id.is_issuer_key(hash),
        }
    }

    /// Whether it is the holder of a certificate.
    pub(super) fn is(&self, certificate: &Certificate) -> bool {
        match self {
            Self::Named(name) => same_name(name, certificate.subject()),
            Self::Key(hash) => {
                key_bits(certificate.spki()).is_some_and(|bits| sha1_for_names(bits) == *hash)
            }
        }
    }
}

impl<'a> Data<'a> {
    fn read(contents: &'a [u8]) -> Result<Self, OcspDefect> {
        let mut reader = Reader::new(contents);
        if let Some(version) = reader.optional(context(0))?
            && Reader::single(version, der::INTEGER)? != [0]
        {
            return Err(OcspDefect::Malformed);
        }
        let responder = if let Some(name) = reader.optional(context(1))? {
            Responder::Named(name)
        } else {
            let hash = reader.contents(context(2))?;
            Responder::Key(Reader::single(hash, der::OCTET_STRING)?)
        };
        let mut produced = Reader::new(reader.whole(der::GENERALIZED_TIME)?);
        time(&mut produced)?;
        let responses = reader.contents(der::SEQUENCE)?;
        nothing_critical(reader.optional(context(1))?)?;
        reader.end()?;
        Ok(Self {
            responder,
            responses,
        })
    }

    /// The answer about one certificate.
    fn about(&self, id: &CertId, now: WallTime) -> Result<Answer, OcspDefect> {
        let mut responses = Reader::new(self.responses);
        while !responses.is_at_end() {
            let mut single = Reader::new(responses.contents(der::SEQUENCE)?);
            let named = Reader::new(single.contents(der::SEQUENCE)?);
            if id.is(named)? {
                return answer(single, now);
            }
        }
        Err(OcspDefect::AboutAnother)
    }
}

/// Whether two names are one, however they are written.
pub(super) fn same_name(one: &[u8], other: &[u8]) -> bool {
    one == other || canonical(one) == canonical(other)
}

/// One response behind the name of its certificate.
fn answer(mut single: Reader<'_>, now: WallTime) -> Result<Answer, OcspDefect> {
    let status = single.element()?;
    let standing = match (status.tag, status.contents) {
        (0x80, []) => Standing::Good,
        (0xa1, contents) => {
            let mut revoked = Reader::new(contents);
            let since = time(&mut revoked)?;
            Standing::Revoked { since }
        }
        (0x82, []) => Standing::Unknown,
        _ => return Err(OcspDefect::Malformed),
    };
    let from = time(&mut single)?;
    let until = match single.optional(context(0))? {
        Some(written) => {
            let mut reader = Reader::new(written);
            let until = time(&mut reader)?;
            reader.end()?;
            Some(until)
        }
        None => None,
    };
    nothing_critical(single.optional(context(1))?)?;
    single.end()?;
    // Without an end it is news, and yesterday's is none: somebody may have kept it.
    let end = until.map_or_else(|| from.0.saturating_add(UNDATED), |until| until.0);
    let is_over = end.saturating_add(SKEW) < now.0;
    if now.0.saturating_add(SKEW) < from.0 || is_over {
        let until = until.unwrap_or(from);
        return Err(OcspDefect::NotNow { from, until });
    }
    Ok(Answer {
        standing,
        from,
        until,
    })
}

/// None of the extensions that there are has to be understood.
fn nothing_critical(extensions: Option<&[u8]>) -> Result<(), OcspDefect> {
    let Some(extensions) = extensions else {
        return Ok(());
    };
    let mut list = Reader::new(Reader::single(extensions, der::SEQUENCE)?);
    while !list.is_at_end() {
        if Extension::read(&mut list)?.is_critical {
            return Err(OcspDefect::UnknownCritical);
        }
    }
    Ok(())
}

/// A field with a number instead of a name.
const fn context(number: u8) -> u8 {
    0xa0 | number
}

/// So long, in seconds, an answer that names no end is news.
const UNDATED: i64 = 600;

const ENUMERATED: u8 = 0x0a;

/// 1.3.6.1.5.5.7.48.1.1
const BASIC: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 0x30, 1, 1];
