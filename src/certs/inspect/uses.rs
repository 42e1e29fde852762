//! [`Uses`]: for what a key may be used, by the names that RFC 5280 and OpenSSL give to it.

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{ExtendedKeyUsage, KeyUsage};
use x509_parser::prelude::FromDer as _;

use super::NotACertificate;
use crate::model::dotted;

/// For what a certificate's key may be used.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Uses {
    /// The key usage; `None` where there is no such extension, and then everything is allowed.
    pub key_usage: Option<Vec<&'static str>>,
    /// The extended key usage; `None` where there is none, and then every purpose is allowed.
    pub purposes: Option<Vec<String>>,
}

impl Uses {
    /// Reads them from DER bytes.
    pub fn of(der: &[u8]) -> Result<Self, NotACertificate> {
        let (_rest, certificate) =
            X509Certificate::from_der(der).map_err(|_parser_detail| NotACertificate)?;
        let key_usage = certificate.key_usage().ok().flatten();
        let purposes = certificate.extended_key_usage().ok().flatten();
        Ok(uses_of(
            key_usage.as_ref().map(|extension| extension.value),
            purposes.as_ref().map(|extension| extension.value),
        ))
    }

    /// The key usage in one line.
    pub fn key_usage_line(&self) -> String {
        match &self.key_usage {
            None => "not limited".to_owned(),
            Some(names) => names.join(", "),
        }
    }

    /// The purposes in one line.
    pub fn purposes_line(&self) -> String {
        match &self.purposes {
            None => "not limited".to_owned(),
            Some(names) => names.join(", "),
        }
    }
}

pub(super) fn uses_of(
    key_usage: Option<&KeyUsage>,
    purposes: Option<&ExtendedKeyUsage<'_>>,
) -> Uses {
    Uses {
        key_usage: key_usage.copied().map(key_usages),
        purposes: purposes.map(named_purposes),
    }
}

fn key_usages(usage: KeyUsage) -> Vec<&'static str> {
    let each = [
        (usage.digital_signature(), "digitalSignature"),
        (usage.non_repudiation(), "nonRepudiation"),
        (usage.key_encipherment(), "keyEncipherment"),
        (usage.data_encipherment(), "dataEncipherment"),
        (usage.key_agreement(), "keyAgreement"),
        (usage.key_cert_sign(), "keyCertSign"),
        (usage.crl_sign(), "cRLSign"),
    ];
    let set = each.into_iter().filter(|(is_set, _)| *is_set);
    set.map(|(_, name)| name).collect()
}

fn named_purposes(own: &ExtendedKeyUsage<'_>) -> Vec<String> {
    let each = [
        (own.any, "anyExtendedKeyUsage"),
        (own.server_auth, "serverAuth"),
        (own.client_auth, "clientAuth"),
        (own.code_signing, "codeSigning"),
        (own.email_protection, "emailProtection"),
        (own.time_stamping, "timeStamping"),
        (own.ocsp_signing, "OCSPSigning"),
    ];
    let set = each.into_iter().filter(|(is_set, _)| *is_set);
    let known = set.map(|(_, name)| name.to_owned());
    let others = own.other.iter().map(|oid| dotted(oid.as_bytes()));
    known.chain(others).collect()
}
