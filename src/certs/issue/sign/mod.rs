//! [`Signer`]: an authority that lies in files, and the certificate that it makes of a request.
//!
//! Of a request its subject is taken byte by byte, so that the answer fits what it was asked for, its key,
//! and its alternative names. What a certificate allows is for who signs to say: purposes, key usage and
//! the rest of the extensions are written here, whatever was asked for.

use std::sync::Arc;

use rustls::crypto::{KeyProvider, SecureRandom};
use rustls::sign::SigningKey;

use crate::certs::container::{Der, Key};
use crate::certs::der::{self, Reader};
use crate::certs::digest::sha256;
use crate::certs::inspect::{AlternativeName, CertificateFacts, KeyKind, RequestFacts};
use crate::certs::path::Certificate;
use crate::certs::public_key_digest;
use crate::certs::request::{self, alternative_names_der};
use crate::certs::signature::judge_key;
use crate::model::WallTime;

/// What a certificate is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purposes {
    /// To be shown by who is called.
    Server,
    /// To be shown by who calls.
    Client,
    /// Both, as a gateway needs it.
    Both,
}

/// What is settled by who signs.
#[derive(Debug, Clone)]
pub struct SignSpec {
    /// What the certificate is for.
    pub purposes: Purposes,
    /// Its alternative names; `None`: those of the request.
    pub alternative_names: Option<Vec<AlternativeName>>,
    /// The first second of validity.
    pub not_before: WallTime,
    /// The last second of validity.
    pub not_after: WallTime,
}

/// A certificate that was made of a request.
#[derive(Debug)]
pub struct Signed {
    /// The certificate.
    pub der: Der,
    /// Names of the request that are of no kind that is signed here.
    pub left_out: Vec<AlternativeName>,
}

/// Why there is no certificate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotSigned {
    /// The certificate is not one of an authority.
    #[error("the certificate of \"{0}\" is not that of an authority that may sign others")]
    NoAuthority(String),
    /// The private key belongs to another certificate.
    #[error("the private key is not that of the authority \"{0}\"")]
    OtherKey(String),
    /// The authority has ended, or has not begun.
    #[error("the authority \"{name}\" is in force from {from} to {until} only")]
    NotInForce {
        /// Its subject.
        name: String,
        /// Its first second.
        from: WallTime,
        /// Its last second.
        until: WallTime,
    },
    /// The certificate would end after its authority.
    #[error("the certificate would end after the authority \"{name}\", which ends {until}")]
    Outlives {
        /// Its subject.
        name: String,
        /// Its last second.
        until: WallTime,
    },
    /// The bytes are no request.
    #[error("it is not a certificate request")]
    NoRequest,
    /// Whoever made the request does not have the key.
    #[error("the request is not signed by the key that it asks a certificate for")]
    Unproven,
    /// The key of the request is too weak, or of no kind that is served.
    #[error("the key of the request is of no use: {0}")]
    Key(String),
    /// The request names nobody.
    #[error("the request has neither a subject nor alternative names")]
    Nameless,
    /// The request is in the name of the authority.
    #[error("the request is in the name of the authority itself, \"{0}\"")]
    OwnName(String),
    /// A name cannot be written as it was asked for.
    #[error("the alternative name \"{0}\" is not one of plain ASCII")]
    Name(String),
    /// The authority's key cannot sign, or there is no randomness for a serial number.
    #[error("the certificate could not be signed")]
    Signing,
}

impl NotSigned {
    /// What to do.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::NoAuthority(_) | Self::OtherKey(_) => {
                "name an authority with --ca and its own key with --ca-key, such as company-ca.pem and \
                 company-ca.key of crmgate certs init"
            }
            Self::NotInForce { .. } => {
                "see to the clock of this machine, or make a new trial PKI with crmgate certs init"
            }
            Self::Outlives { .. } => "ask for fewer days with --days",
            Self::NoRequest => "name the request that crmgate certs csr or STRUST has made",
            Self::Unproven => {
                "have the request made again by who has the key; this one was changed or made up"
            }
            Self::Key(_) => {
                "have it made for RSA with 2048 bits or more, ECDSA on P-256 or P-384, or Ed25519"
            }
            Self::Nameless => "have it made with a subject, or give names with --san",
            Self::OwnName(_) => "have it made in the name of the host or client that it is for",
            Self::Name(_) => "give the names with --san, hosts in ASCII (punycode)",
            Self::Signing => "try again with an authority whose key is RSA or ECDSA",
        }
    }
}

/// An authority that is ready to sign.
#[derive(Debug)]
pub struct Signer {
    facts: CertificateFacts,
    key_id: Option<Vec<u8>>,
    key: Arc<dyn SigningKey>,
}

impl Signer {
    /// An authority with its key, in force now.
    pub fn of(
        certificate: &Der,
        key: &Key,
        keys: &dyn KeyProvider,
        now: WallTime,
    ) -> Result<Self, NotSigned> {
        let unfit = |name: &str| NotSigned::NoAuthority(name.to_owned());
        let facts = CertificateFacts::of(certificate).map_err(|_none| unfit(""))?;
        let read = Certificate::read(certificate).map_err(|_strict| unfit(&facts.subject))?;
        if facts.ca != Some(true) || facts.may_sign_certificates == Some(false) {
            return Err(unfit(&facts.subject));
        }
        if public_key_digest(key, keys) != Some(facts.spki) {
            return Err(NotSigned::OtherKey(facts.subject));
        }
        if now < facts.not_before || facts.not_after < now {
            return Err(NotSigned::NotInForce {
                name: facts.subject,
                from: facts.not_before,
                until: facts.not_after,
            });
        }
        let key = keys
            .load_private_key(key.clone_key())
            .map_err(|_detail| NotSigned::Signing)?;
        let key_id = read.key_id().map(<[u8]>::to_vec);
        Ok(Self { facts, key_id, key })
    }

    /// Who signs.
    pub fn facts(&self) -> &CertificateFacts {
        &self.facts
    }

    /// Makes the certificate that a request asks for, as far as it is for the request to say.
    pub fn sign(
        &self,
        asked: &[u8],
        spec: &SignSpec,
        random: &dyn SecureRandom,
    ) -> Result<Signed, NotSigned> {
        let request = RequestFacts::of(asked).map_err(|_none| NotSigned::NoRequest)?;
        if !request.signature_holds {
            return Err(NotSigned::Unproven);
        }
        judge_key(&request.spki_der).map_err(|defect| NotSigned::Key(defect.to_string()))?;
        if request.subject_der == self.facts.subject_der() {
            return Err(NotSigned::OwnName(self.facts.subject.clone()));
        }
        if spec.not_after > self.facts.not_after {
            return Err(NotSigned::Outlives {
                name: self.facts.subject.clone(),
                until: self.facts.not_after,
            });
        }
        let names = spec.alternative_names.as_ref();
        let names = names.unwrap_or(&request.alternative_names);
        let (names, left_out) = written(names)?;
        if names.is_none() && request.subject.is_empty() {
            return Err(NotSigned::Nameless);
        }
        let extensions = self.extensions(&request, spec.purposes, names)?;
        let body = self.body(&request, spec, &extensions, random)?;
        Ok(Signed {
            der: self.signed(&body)?.into(),
            left_out,
        })
    }

    /// What is signed.
    fn body(
        &self,
        request: &RequestFacts,
        spec: &SignSpec,
        extensions: &[u8],
        random: &dyn SecureRandom,
    ) -> Result<Vec<u8>, NotSigned> {
        let (_, algorithm) = self.algorithm()?;
        let mut serial = [0; SERIAL];
        random
            .fill(&mut serial)
            .map_err(|_none| NotSigned::Signing)?;
        // Positive, and as long as it is said to be.
        serial[0] = (serial[0] & 0x7f) | 0x40;
        let not_before = spec.not_before.max(self.facts.not_before);
        let dates = der::sequence(&[&date(not_before), &date(spec.not_after)]);
        Ok(der::sequence(&[
            &der::element(VERSION, &der::element(der::INTEGER, &[2])),
            &der::element(der::INTEGER, &serial),
            algorithm,
            self.facts.subject_der(),
            &dates,
            &request.subject_der,
            &request.spki_der,
            &der::element(EXTENSIONS, extensions),
        ]))
    }

    fn extensions(
        &self,
        request: &RequestFacts,
        purposes: Purposes,
        names: Option<Vec<u8>>,
    ) -> Result<Vec<u8>, NotSigned> {
        let is_rsa = matches!(request.key, KeyKind::Rsa(_));
        let id = key_id(&request.spki_der)?;
        let issuer = self.key_id.as_ref();
        let issuer = issuer.map(|id| der::sequence(&[&der::element(KEY_ID, id)]));
        let purposes: &[&[u8]] = match purposes {
            Purposes::Server => &[request::SERVER_AUTH],
            Purposes::Client => &[request::CLIENT_AUTH],
            Purposes::Both => &[request::SERVER_AUTH, request::CLIENT_AUTH],
        };
        let each = [
            // No authority: an empty sequence says so.
            Some(request::extension(
                BASIC_CONSTRAINTS,
                true,
                &der::sequence(&[]),
            )),
            Some(request::key_usage(is_rsa)),
            Some(request::purposes(purposes)),
            // Where there is no subject, these are all the names that there are.
            names.map(|names| {
                let is_all = request.subject.is_empty();
                request::extension(request::ALTERNATIVE_NAMES, is_all, &names)
            }),
            Some(request::extension(
                SUBJECT_KEY_ID,
                false,
                &der::element(der::OCTET_STRING, &id),
            )),
            issuer.map(|issuer| request::extension(AUTHORITY_KEY_ID, false, &issuer)),
        ];
        let each: Vec<u8> = each.into_iter().flatten().flatten().collect();
        Ok(der::element(der::SEQUENCE, &each))
    }

    fn signed(&self, body: &[u8]) -> Result<Vec<u8>, NotSigned> {
        let (signer, algorithm) = self.algorithm()?;
        let signature = signer.sign(body).map_err(|_detail| NotSigned::Signing)?;
        let bits = der::element(der::BIT_STRING, &[&[0], &signature[..]].concat());
        Ok(der::sequence(&[body, algorithm, &bits]))
    }

    fn algorithm(&self) -> Result<request::Scheme, NotSigned> {
        request::scheme_of(self.key.as_ref()).ok_or(NotSigned::Signing)
    }
}

/// Names in DER, if there are any, and those that are left out.
type Names = (Option<Vec<u8>>, Vec<AlternativeName>);

/// Names in DER, and those that are left out since nobody here says what they mean.
fn written(names: &[AlternativeName]) -> Result<Names, NotSigned> {
    // Texts of requests are escaped where they are read; an escape is no name.
    let is_odd = |text: &&String| !text.is_ascii() || text.contains('\\');
    let mut texts = names.iter().filter_map(|name| match name {
        AlternativeName::Dns(text) | AlternativeName::Email(text) | AlternativeName::Uri(text) => {
            Some(text)
        }
        AlternativeName::Ip(_) | AlternativeName::Other(_) => None,
    });
    if let Some(odd) = texts.find(is_odd) {
        return Err(NotSigned::Name(odd.clone()));
    }
    let is_other = |name: &&AlternativeName| matches!(name, AlternativeName::Other(_));
    let left_out = names.iter().filter(is_other).cloned().collect();
    Ok((alternative_names_der(names), left_out))
}

/// What tells the key from others: RFC 7093, 2, method 1.
fn key_id(spki: &[u8]) -> Result<Vec<u8>, NotSigned> {
    let bits = || {
        let mut reader = Reader::new(Reader::single(spki, der::SEQUENCE)?);
        reader.contents(der::SEQUENCE)?;
        reader.bytes_in_bits()
    };
    let bits = bits().map_err(|_not_der| NotSigned::NoRequest)?;
    Ok(sha256(bits).into_iter().take(20).collect())
}

/// A date as certificates write it: with two digits of the year until 2049.
fn date(time: WallTime) -> Vec<u8> {
    let digits: String = time
        .to_string()
        .chars()
        .filter(char::is_ascii_digit)
        .collect();
    match digits.strip_prefix("20").filter(|rest| *rest < "50") {
        Some(rest) => der::element(der::UTC_TIME, format!("{rest}Z").as_bytes()),
        None => der::element(der::GENERALIZED_TIME, format!("{digits}Z").as_bytes()),
    }
}

/// 127 random bits: nobody guesses one, and no two are alike.
const SERIAL: usize = 16;

const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;
const KEY_ID: u8 = 0x80;
/// 2.5.29.14.
const SUBJECT_KEY_ID: &[u8] = &[0x55, 0x1d, 14];
/// 2.5.29.19.
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 19];
/// 2.5.29.35.
const AUTHORITY_KEY_ID: &[u8] = &[0x55, 0x1d, 35];

#[cfg(test)]
mod tests;
