//! [`Delegate`]: somebody whom an issuer has named to answer in its name (RFC 6960, 4.2.2.2).

use rustls::pki_types::CertificateDer;

use crate::certs::der::{self, Reader};
use crate::certs::ocsp::answer::{OcspDefect, Responder, same_name};
use crate::certs::path::{Certificate, Issuer, Link, Reason, Revocation};
use crate::certs::revocation::RevocationRefusal;
use crate::model::WallTime;

/// The issuer of a certificate that is asked about, and who knows whom it has withdrawn.
#[derive(Debug, Clone, Copy)]
pub struct Cognizant<'a> {
    /// Who issued it, and so issues the certificates of those who may answer.
    pub issuer: Issuer<'a>,
    /// The lists at hand, if there are any.
    pub lists: Option<&'a dyn Revocation>,
}

/// Somebody whom an issuer has named to answer in its name.
#[derive(Debug, Clone)]
pub struct Delegate {
    certificate: Certificate,
}

/// Why somebody whom an issuer has named is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DelegateDefect {
    /// Its certificate would not be accepted from anybody.
    #[error("{0}")]
    Certificate(Reason),
    /// Its key is not for signatures such as that of an answer.
    #[error("its key usage does not allow digital signatures")]
    NoSignatures,
}

impl Delegate {
    /// Its certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Finds who has answered among the certificates that came with the answer.
    ///
    /// Directly issued by the issuer itself, with its signature proven, for this very purpose: less
    /// than that names nobody. Of one that is named, dates, key usage, critical extensions and
    /// standing are judged, and what is wrong with them is said.
    pub(super) fn find(
        certificates: Option<&[u8]>,
        responder: &Responder<'_>,
        by: &Cognizant<'_>,
        now: WallTime,
    ) -> Result<Self, OcspDefect> {
        let mut list = match certificates {
            Some(certificates) => Reader::new(Reader::single(certificates, der::SEQUENCE)?),
            None => return Err(OcspDefect::NotNamed),
        };
        let mut defect = OcspDefect::NotNamed;
        while !list.is_at_end() {
            let der = CertificateDer::from(list.whole(der::SEQUENCE)?);
            let Ok(certificate) = Certificate::read(&der) else {
                continue;
            };
            let is_named = responder.is(&certificate)
                && same_name(certificate.issuer(), by.issuer.subject)
                && may_answer(&certificate)
                && certificate.check_signature(by.issuer.spki).is_ok();
            if !is_named {
                continue;
            }
            match judge(&certificate, by, now) {
                Ok(()) => return Ok(Self { certificate }),
                Err(found) => {
                    defect = OcspDefect::Delegate {
                        subject: certificate.words(),
                        defect: found,
                    }
                }
            }
        }
        Err(defect)
    }
}

/// Judges a certificate that its issuer has signed for answers.
fn judge(
    certificate: &Certificate,
    by: &Cognizant<'_>,
    now: WallTime,
) -> Result<(), DelegateDefect> {
    // Also one whose OCSPNoCheck is critical, which nobody has to understand: it should not be.
    if let Some(reason) = certificate.flaw(false) {
        return Err(DelegateDefect::Certificate(reason));
    }
    let (not_before, not_after) = (certificate.not_before(), certificate.not_after());
    if now < not_before {
        let reason = Reason::NotYetValid { not_before };
        return Err(DelegateDefect::Certificate(reason));
    }
    if not_after < now {
        return Err(DelegateDefect::Certificate(Reason::Expired { not_after }));
    }
    if !may_sign(certificate) {
        return Err(DelegateDefect::NoSignatures);
    }
    by.judge_standing(certificate, now)
        .map_err(|refusal| DelegateDefect::Certificate(Reason::Revocation(refusal)))
}

impl Cognizant<'_> {
    /// Whether somebody whom the issuer has named has been withdrawn since, as far as lists tell.
    ///
    /// Whom a list names is never believed. Where the issuer has said that nobody need look
    /// (`OCSPNoCheck`), nothing else is asked; else a list that covers the certificate has to be in
    /// force. Where there is none at all, the issuer has chosen to leave it open, and the
    /// certificate counts until it ends.
    pub fn judge_standing(
        &self,
        certificate: &Certificate,
        now: WallTime,
    ) -> Result<(), RevocationRefusal> {
        let Some(lists) = self.lists else {
            return Ok(());
        };
        let link = Link {
            certificate,
            is_leaf: true,
            issuer: self.issuer,
        };
        match lists.judge(&link, now) {
            Ok(_) | Err(RevocationRefusal::ListMissing { .. }) => Ok(()),
            Err(revoked @ RevocationRefusal::Revoked { .. }) => Err(revoked),
            Err(_) if need_not_be_checked(certificate) => Ok(()),
            Err(refusal) => Err(refusal),
        }
    }
}

/// Whether the extended key usage names the signing of answers.
fn may_answer(certificate: &Certificate) -> bool {
    let Some(usage) = certificate.extension(EXTENDED_KEY_USAGE) else {
        return false;
    };
    let Ok(purposes) = Reader::single(usage.value, der::SEQUENCE) else {
        return false;
    };
    let mut purposes = Reader::new(purposes);
    while let Ok(purpose) = purposes.contents(der::OID) {
        if purpose == OCSP_SIGNING {
            return true;
        }
    }
    false
}

/// Whether the key usage names digital signatures, or there is none.
fn may_sign(certificate: &Certificate) -> bool {
    let Some(usage) = certificate.extension(KEY_USAGE) else {
        return true;
    };
    match Reader::single(usage.value, der::BIT_STRING) {
        Ok([_unused, bits, ..]) => bits & DIGITAL_SIGNATURE != 0,
        Ok(_) | Err(der::NotDer) => false,
    }
}

/// Whether the issuer has said that its standing need not be looked up.
fn need_not_be_checked(certificate: &Certificate) -> bool {
    let no_check = certificate.extension(NO_CHECK);
    no_check.is_some_and(|no_check| no_check.value == NULL)
}

/// 2.5.29.15
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];

/// The first bit of a key usage.
const DIGITAL_SIGNATURE: u8 = 0b1000_0000;

/// 2.5.29.37
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];

/// 1.3.6.1.5.5.7.3.9
const OCSP_SIGNING: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 9];

/// 1.3.6.1.5.5.7.48.1.5
const NO_CHECK: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 0x30, 1, 5];

/// What stands in the extension of that name.
const NULL: &[u8] = &[0x05, 0x00];
