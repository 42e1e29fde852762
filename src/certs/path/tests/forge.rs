//! Certificates made byte by byte, also those that no decent issuer makes.

use rcgen::{KeyPair, PKCS_RSA_SHA256, PublicKeyData as _, RsaKeySize, SigningKey as _};
use rustls::pki_types::CertificateDer;

use super::*;
use crate::certs::der;

/// 2026-01-01, when all certificates here are judged unless a test says otherwise.
pub(super) const NOW: WallTime = WallTime(1_767_225_600);

/// One element.
pub(super) fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let contents = parts.concat();
    let length = contents.len();
    let mut whole = vec![tag];
    match length {
        0..0x80 => whole.push(u8::try_from(length).expect("short")),
        0x80..0x100 => whole.extend([0x81, u8::try_from(length).expect("short")]),
        0x100..0x1_0000 => {
            whole.push(0x82);
            whole.extend(u16::try_from(length).expect("short").to_be_bytes());
        }
        _ => {
            whole.push(0x83);
            whole.extend(&u32::try_from(length).expect("short").to_be_bytes()[1..]);
        }
    }
    whole.extend(contents);
    whole
}

pub(super) fn seq(parts: &[&[u8]]) -> Vec<u8> {
    tlv(der::SEQUENCE, parts)
}

/// One attribute in a part of its own.
pub(super) fn part(kind: &[u8], tag: u8, value: &[u8]) -> Vec<u8> {
    tlv(
        der::SET,
        &[&seq(&[&tlv(der::OID, &[kind]), &tlv(tag, &[value])])],
    )
}

pub(super) const CN: &[u8] = &[0x55, 4, 3];
pub(super) const O: &[u8] = &[0x55, 4, 10];
pub(super) const EMAIL: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1];
pub(super) const UTF8: u8 = 0x0c;
pub(super) const PRINTABLE: u8 = 0x13;
pub(super) const IA5: u8 = 0x16;

/// A name of a common name.
pub(super) fn named(text: &str) -> Vec<u8> {
    seq(&[&part(CN, UTF8, text.as_bytes())])
}

/// A standard extension, by the last number of its identifier.
pub(super) fn extension(number: u8, is_critical: bool, value: &[u8]) -> Vec<u8> {
    let critical: &[u8] = if is_critical { &[1, 1, 0xff] } else { &[] };
    let kind = tlv(der::OID, &[&[0x55, 0x1d, number]]);
    seq(&[&kind, critical, &tlv(der::OCTET_STRING, &[value])])
}

pub(super) const KEY_ID: u8 = 14;
pub(super) const KEY_USAGE: u8 = 15;
pub(super) const NAMES: u8 = 17;
pub(super) const BASIC: u8 = 19;
pub(super) const CONSTRAINTS: u8 = 30;
pub(super) const POLICIES: u8 = 32;
pub(super) const MAPPINGS: u8 = 33;
pub(super) const ISSUER_KEY_ID: u8 = 35;
pub(super) const POLICY_LIMITS: u8 = 36;
pub(super) const PURPOSES: u8 = 37;
pub(super) const INHIBIT_ANY: u8 = 54;

/// The basic constraints of an authority.
pub(super) fn authority(below: Option<u8>) -> Vec<u8> {
    let limit = below.map(|below| vec![2, 1, below]).unwrap_or_default();
    extension(BASIC, true, &seq(&[&[1, 1, 0xff], &limit]))
}

pub(super) fn key_usage(bits: u8) -> Vec<u8> {
    extension(KEY_USAGE, true, &[3, 2, 0, bits])
}

pub(super) const DIGITAL_SIGNATURE: u8 = 0b1000_0000;
pub(super) const KEY_ENCIPHERMENT: u8 = 0b0010_0000;
pub(super) const KEY_AGREEMENT: u8 = 0b0000_1000;
pub(super) const SIGN_CERTIFICATES: u8 = 0b0000_0100;
pub(super) const SIGN_LISTS: u8 = 0b0000_0010;

/// Purposes by the last number of theirs: 1 is a server, 2 a client, 4 a mail address.
pub(super) fn purposes(numbers: &[u8]) -> Vec<u8> {
    let one = |number: &u8| tlv(der::OID, &[&[0x2b, 6, 1, 5, 5, 7, 3, *number]]);
    let all: Vec<_> = numbers.iter().map(one).collect();
    extension(PURPOSES, false, &seq(&[&all.concat()]))
}

/// The forms of a general name, by their tags.
pub(super) const MAIL: u8 = 0x81;
pub(super) const DNS: u8 = 0x82;
pub(super) const DIRECTORY: u8 = 0xa4;
pub(super) const URI: u8 = 0x86;
pub(super) const IP: u8 = 0x87;
pub(super) const REGISTERED: u8 = 0x88;

pub(super) fn names(names: &[(u8, &[u8])]) -> Vec<u8> {
    let all: Vec<_> = names.iter().map(|(tag, name)| tlv(*tag, &[name])).collect();
    extension(NAMES, false, &seq(&[&all.concat()]))
}

pub(super) fn hosts(hosts: &[&str]) -> Vec<u8> {
    let all: Vec<_> = hosts.iter().map(|host| (DNS, host.as_bytes())).collect();
    names(&all)
}

/// Name constraints: what is permitted, and what is excluded.
pub(super) fn constraints(permitted: &[(u8, &[u8])], excluded: &[(u8, &[u8])]) -> Vec<u8> {
    let field = |tag: u8, bases: &[(u8, &[u8])]| {
        let trees: Vec<_> = bases
            .iter()
            .map(|(tag, base)| seq(&[&tlv(*tag, &[base])]))
            .collect();
        if trees.is_empty() {
            Vec::new()
        } else {
            tlv(tag, &[&trees.concat()])
        }
    };
    let (permitted, excluded) = (field(0xa0, permitted), field(0xa1, excluded));
    extension(CONSTRAINTS, true, &seq(&[&permitted, &excluded]))
}

/// A key, and the name under which it issues.
pub(super) struct Holder {
    pub(super) key: KeyPair,
    pub(super) name: Vec<u8>,
}

impl Holder {
    pub(super) fn new(name: &str) -> Self {
        let key = KeyPair::generate().expect("a key");
        Self {
            key,
            name: named(name),
        }
    }

    /// One with an RSA key.
    pub(super) fn with_rsa(name: &str) -> Self {
        let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048);
        let (key, name) = (key.expect("a key"), named(name));
        Self { key, name }
    }

    /// The same key under another name.
    pub(super) fn renamed(&self, name: Vec<u8>) -> Self {
        let key = KeyPair::try_from(self.key.serialized_der()).expect("a key");
        Self { key, name }
    }

    /// The certificate of an authority that vouches for itself.
    pub(super) fn root(&self) -> CertificateDer<'static> {
        self.issue(&Draft::of_authority(self))
    }

    /// Signs a draft in this holder's name.
    pub(super) fn issue(&self, draft: &Draft) -> CertificateDer<'static> {
        let issuer = draft.issuer.as_deref().unwrap_or(&self.name);
        let signed = draft.to_be_signed(issuer);
        let mut signature = self.key.sign(&signed).expect("signed");
        if draft.is_forged {
            // Still two numbers, but others.
            let last = signature.last_mut().expect("a signature");
            *last ^= 1;
        }
        let signature = tlv(der::BIT_STRING, &[&[0], &signature]);
        CertificateDer::from(seq(&[&signed, &draft.outer_algorithm, &signature]))
    }
}

/// A certificate before it is signed.
#[derive(Clone)]
pub(super) struct Draft {
    pub(super) version: Vec<u8>,
    pub(super) serial: Vec<u8>,
    pub(super) algorithm: Vec<u8>,
    pub(super) outer_algorithm: Vec<u8>,
    pub(super) issuer: Option<Vec<u8>>,
    pub(super) dates: [Vec<u8>; 2],
    pub(super) subject: Vec<u8>,
    pub(super) spki: Vec<u8>,
    pub(super) unique_ids: Vec<u8>,
    pub(super) extensions: Vec<Vec<u8>>,
    pub(super) is_forged: bool,
}

impl Draft {
    fn new(subject: &[u8], spki: Vec<u8>) -> Self {
        Self {
            version: vec![0xa0, 3, 2, 1, 2],
            serial: vec![2, 1, 7],
            algorithm: ECDSA_SHA256.to_vec(),
            outer_algorithm: ECDSA_SHA256.to_vec(),
            issuer: None,
            dates: [date("250101000000Z"), date("270101000000Z")],
            subject: subject.to_vec(),
            spki,
            unique_ids: Vec::new(),
            extensions: Vec::new(),
            is_forged: false,
        }
    }

    /// What an authority usually gets.
    pub(super) fn of_authority(holder: &Holder) -> Self {
        let draft = Self::new(&holder.name, holder.key.subject_public_key_info());
        draft
            .with(authority(None))
            .with(key_usage(SIGN_CERTIFICATES | SIGN_LISTS))
    }

    /// What a client or a host usually gets.
    pub(super) fn of_leaf(name: &str) -> Self {
        Self::of_holder(&Holder::new(name)).with(hosts(&[name]))
    }

    /// The same, for a key that is there already and without alternative names.
    pub(super) fn of_holder(holder: &Holder) -> Self {
        Self::new(&holder.name, holder.key.subject_public_key_info())
    }

    pub(super) fn with(mut self, extension: Vec<u8>) -> Self {
        self.extensions.push(extension);
        self
    }

    /// Removes a standard extension.
    pub(super) fn without(mut self, number: u8) -> Self {
        let kind = tlv(der::OID, &[&[0x55, 0x1d, number]]);
        self.extensions
            .retain(|one| !one[2..].starts_with(&kind) && !one[3..].starts_with(&kind));
        self
    }

    /// For a holder of an RSA key to sign.
    pub(super) fn by_rsa(mut self) -> Self {
        self.algorithm = RSA_SHA256.to_vec();
        self.outer_algorithm = RSA_SHA256.to_vec();
        self
    }

    pub(super) fn dated(mut self, from: &str, to: &str) -> Self {
        self.dates = [date(from), date(to)];
        self
    }

    fn to_be_signed(&self, issuer: &[u8]) -> Vec<u8> {
        let extensions = match self.extensions.concat() {
            none if none.is_empty() => none,
            all => tlv(0xa3, &[&seq(&[&all])]),
        };
        seq(&[
            &self.version,
            &self.serial,
            &self.algorithm,
            issuer,
            &seq(&[&self.dates[0], &self.dates[1]]),
            &self.subject,
            &self.spki,
            &self.unique_ids,
            &extensions,
        ])
    }
}

pub(super) fn date(text: &str) -> Vec<u8> {
    let tag = if text.len() == 13 {
        der::UTC_TIME
    } else {
        der::GENERALIZED_TIME
    };
    tlv(tag, &[text.as_bytes()])
}

const ECDSA_SHA256: &[u8] = &[0x30, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];

const RSA_SHA256: &[u8] = &[
    0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11, 5, 0,
];

/// A certificate in PEM.
pub(super) fn pem(der: &CertificateDer<'static>) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let four = |three: &[u8]| {
        let bits = (0..3).fold(0, |bits, at| {
            (bits << 8) | u32::from(*three.get(at).unwrap_or(&0))
        });
        let digit = |at: usize| {
            char::from(DIGITS[usize::try_from(bits >> (18 - 6 * at)).expect("small") & 63])
        };
        let digits: String = (0..=three.len()).map(digit).collect();
        format!("{digits:=<4}")
    };
    let digits: String = der.chunks(3).map(four).collect();
    let lines: Vec<_> = digits
        .as_bytes()
        .chunks(64)
        .map(String::from_utf8_lossy)
        .collect();
    format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        lines.join("\n")
    )
}

/// Judges a client's chain.
pub(super) fn prove(
    anchors: &[&CertificateDer<'static>],
    leaf: &CertificateDer<'static>,
    others: &[&CertificateDer<'static>],
) -> Result<Proven, Refusal> {
    prove_as(Purpose::Client, anchors, leaf, others, NOW)
}

pub(super) fn prove_as(
    purpose: Purpose,
    anchors: &[&CertificateDer<'static>],
    leaf: &CertificateDer<'static>,
    others: &[&CertificateDer<'static>],
    now: WallTime,
) -> Result<Proven, Refusal> {
    let anchors = anchors
        .iter()
        .map(|anchor| Certificate::read(anchor).expect("an anchor"));
    let anchors = Anchors::new(anchors.collect());
    let others: Vec<_> = others.iter().map(|other| (*other).clone()).collect();
    let question = Question {
        anchors: &anchors,
        purpose,
        by_common_name: false,
        revocation: None,
        now,
    };
    question.prove(leaf, &others)
}

/// Why a client's chain is refused, in words.
pub(super) fn refused(
    anchors: &[&CertificateDer<'static>],
    leaf: &CertificateDer<'static>,
    others: &[&CertificateDer<'static>],
) -> String {
    prove(anchors, leaf, others)
        .expect_err("refused")
        .to_string()
}
