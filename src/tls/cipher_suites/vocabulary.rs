//! The words of cipher strings: SAP's, OpenSSL's, and the names of single suites.

use rustls::{CipherSuite, NamedGroup};

use crate::config::settings::TlsVersion;

/// What a TLS 1.2 suite is signed with; a TLS 1.3 suite leaves that open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signature {
    /// The server shows an ECDSA certificate.
    Ecdsa,
    /// The server shows an RSA certificate.
    Rsa,
    /// Either.
    Any,
}

/// How a suite encrypts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// AES with 128 bits in GCM.
    Aes128Gcm,
    /// AES with 256 bits in GCM.
    Aes256Gcm,
    /// `ChaCha20` with Poly1305.
    ChaCha20,
}

/// A suite that can be served.
#[derive(Debug, PartialEq, Eq)]
pub struct Suite {
    /// The TLS library's name.
    pub id: CipherSuite,
    /// IANA's name, which is CommonCryptoLib's as well.
    pub name: &'static str,
    /// OpenSSL's name.
    pub openssl: &'static str,
    /// The version it belongs to.
    pub version: TlsVersion,
    /// The kind of certificate.
    pub signature: Signature,
    /// The cipher.
    pub encryption: Encryption,
}

/// Every suite that can be served, best first. All agree on a key by ECDHE.
pub const SUITES: [Suite; 9] = [
    Suite {
        id: CipherSuite::TLS13_AES_256_GCM_SHA384,
        name: "TLS_AES_256_GCM_SHA384",
        openssl: "TLS_AES_256_GCM_SHA384",
        version: TlsVersion::V1_3,
        signature: Signature::Any,
        encryption: Encryption::Aes256Gcm,
    },
    Suite {
        id: CipherSuite::TLS13_AES_128_GCM_SHA256,
        name: "TLS_AES_128_GCM_SHA256",
        openssl: "TLS_AES_128_GCM_SHA256",
        version: TlsVersion::V1_3,
        signature: Signature::Any,
        encryption: Encryption::Aes128Gcm,
    },
    Suite {
        id: CipherSuite::TLS13_CHACHA20_POLY1305_SHA256,
        name: "TLS_CHACHA20_POLY1305_SHA256",
        openssl: "TLS_CHACHA20_POLY1305_SHA256",
        version: TlsVersion::V1_3,
        signature: Signature::Any,
        encryption: Encryption::ChaCha20,
    },
    Suite {
        id: CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        name: "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        openssl: "ECDHE-ECDSA-AES256-GCM-SHA384",
        version: TlsVersion::V1_2,
        signature: Signature::Ecdsa,
        encryption: Encryption::Aes256Gcm,
    },
    Suite {
        id: CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        name: "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        openssl: "ECDHE-ECDSA-AES128-GCM-SHA256",
        version: TlsVersion::V1_2,
        signature: Signature::Ecdsa,
        encryption: Encryption::Aes128Gcm,
    },
    Suite {
        id: CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        name: "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        openssl: "ECDHE-ECDSA-CHACHA20-POLY1305",
        version: TlsVersion::V1_2,
        signature: Signature::Ecdsa,
        encryption: Encryption::ChaCha20,
    },
    Suite {
        id: CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        name: "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        openssl: "ECDHE-RSA-AES256-GCM-SHA384",
        version: TlsVersion::V1_2,
        signature: Signature::Rsa,
        encryption: Encryption::Aes256Gcm,
    },
    Suite {
        id: CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        name: "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        openssl: "ECDHE-RSA-AES128-GCM-SHA256",
        version: TlsVersion::V1_2,
        signature: Signature::Rsa,
        encryption: Encryption::Aes128Gcm,
    },
    Suite {
        id: CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        name: "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        openssl: "ECDHE-RSA-CHACHA20-POLY1305",
        version: TlsVersion::V1_2,
        signature: Signature::Rsa,
        encryption: Encryption::ChaCha20,
    },
];

/// What a word of the list means.
pub(super) enum Meaning {
    /// The suites for which it holds.
    Suites(fn(&Suite) -> bool),
    /// The suites for a kind of certificate; those of TLS 1.3 fit either kind, so they can be
    /// asked for by it and not be removed by it.
    SignedBy(Signature),
    /// One suite.
    Suite(&'static Suite),
    /// A known word for something that is never served.
    Never(&'static str),
    /// A known word that selects no suite.
    Aside(&'static str),
    /// No known word.
    Unknown,
}

/// Looks a word up, whatever its case; SAP prefixes ciphers with `e`, exchanges with `k`.
pub(super) fn meaning(word: &str) -> Meaning {
    let named = SUITES.iter().find(|suite| {
        suite.name.eq_ignore_ascii_case(word) || suite.openssl.eq_ignore_ascii_case(word)
    });
    if let Some(suite) = named {
        return Meaning::Suite(suite);
    }
    let lower = word.to_ascii_lowercase();
    match lower.as_str() {
        "all"
        | "default"
        | "complementofdefault"
        | "high"
        | "pfs"
        | "ecdhe"
        | "eecdh"
        | "kecdhe"
        | "keecdh"
        | "kecdh"
        | "maead"
        | "aead" => Meaning::Suites(|_| true),
        "tlsv1.2" => Meaning::Suites(|suite| suite.version == TlsVersion::V1_2),
        "tlsv1.3" => Meaning::Suites(|suite| suite.version == TlsVersion::V1_3),
        "arsa" => Meaning::SignedBy(Signature::Rsa),
        "aecdsa" | "ecdsa" => Meaning::SignedBy(Signature::Ecdsa),
        "eaes" | "aes" | "eaes_gcm" | "eaesgcm" | "aesgcm" => {
            Meaning::Suites(|suite| suite.encryption != Encryption::ChaCha20)
        }
        "eaes128" | "aes128" | "eaes128_gcm" | "eaes128gcm" | "msha256" => {
            Meaning::Suites(|suite| suite.encryption == Encryption::Aes128Gcm)
        }
        "eaes256" | "aes256" | "eaes256_gcm" | "eaes256gcm" | "msha384" => {
            Meaning::Suites(|suite| suite.encryption == Encryption::Aes256Gcm)
        }
        "chacha20" | "echacha20" | "chacha20_poly1305" | "echacha20_poly1305" => {
            Meaning::Suites(|suite| suite.encryption == Encryption::ChaCha20)
        }
        "tls_fallback_scsv" | "tls_empty_renegotiation_info_scsv" => {
            Meaning::Aside("is a signal between peers, not a cipher suite")
        }
        _ => absent(&lower),
    }
}

/// Words for what is known and never served, so that they are told apart from misspellings.
fn absent(lower: &str) -> Meaning {
    match lower {
        "krsa" | "rsa" => Meaning::Never("key exchange by RSA is never served"),
        "kdhe" | "dhe" | "kedh" | "edh" | "kdh" | "adh" | "dh" => {
            Meaning::Never("key exchange by finite-field Diffie-Hellman is never served")
        }
        "medium" | "low" | "exp" | "export" | "export40" | "export56" | "enull" | "null"
        | "anull" | "complementofall" | "ssv2" | "sslv2" | "sslv3" | "tlsv1" | "tlsv1.0"
        | "tlsv1.1" => Meaning::Never("suites of that class are never served"),
        "eaes_cbc" | "eaescbc" | "eaes128_cbc" | "eaes256_cbc" | "aescbc" | "aesccm"
        | "aesccm8" | "eaes_ccm" => Meaning::Never("AES is served in GCM only"),
        "e3des" | "3des" | "edes" | "des" | "erc4" | "rc4" | "erc2" | "rc2" | "eidea" | "idea"
        | "eseed" | "seed" | "ecamellia" | "camellia" | "camellia128" | "camellia256" | "aria"
        | "earia" | "ariagcm" | "aria128" | "aria256" | "gost" => {
            Meaning::Never("that cipher is never served")
        }
        "md5" | "mmd5" | "sha" | "sha1" | "msha" | "msha1" | "sha256" | "sha384" => {
            Meaning::Never("suites with a separate MAC are never served")
        }
        "psk" | "kpsk" | "apsk" | "srp" | "ksrp" | "asrp" | "adss" | "dss" | "akrb5" | "kgost" => {
            Meaning::Never("authentication is by RSA or ECDSA certificates only")
        }
        _ if is_other_suite(lower) => Meaning::Never("that suite is never served"),
        _ => Meaning::Unknown,
    }
}

/// Names of suites in IANA's or OpenSSL's spelling that are not among [`SUITES`].
fn is_other_suite(lower: &str) -> bool {
    let iana = ["tls_", "ssl_"]
        .iter()
        .any(|prefix| lower.starts_with(prefix));
    let openssl = lower.contains('-')
        && [
            "-sha",
            "-sha256",
            "-sha384",
            "-md5",
            "-ccm",
            "-ccm8",
            "-poly1305",
        ]
        .iter()
        .any(|suffix| lower.ends_with(suffix));
    iana || openssl
}

/// What a word of the list of curves means.
pub(super) enum Curve {
    /// These groups, best first.
    Groups(&'static [NamedGroup]),
    /// A known curve that is never served.
    Never,
    /// A known word that selects nothing.
    Aside,
    /// No known word.
    Unknown,
}

/// Looks a curve up, whatever its case, in SAP's and in OpenSSL's spelling.
pub(super) fn curve(word: &str) -> Curve {
    match word.to_ascii_lowercase().as_str() {
        "ec_x25519" | "x25519" => Curve::Groups(&[NamedGroup::X25519]),
        "ec_p256" | "p-256" | "p256" | "prime256v1" | "secp256r1" => {
            Curve::Groups(&[NamedGroup::secp256r1])
        }
        "ec_p384" | "p-384" | "p384" | "secp384r1" => Curve::Groups(&[NamedGroup::secp384r1]),
        "x25519mlkem768" => Curve::Groups(&[NamedGroup::X25519MLKEM768]),
        "ec_high" => Curve::Groups(&[
            NamedGroup::X25519,
            NamedGroup::secp256r1,
            NamedGroup::secp384r1,
        ]),
        "ec_opt" => Curve::Aside,
        "ec_p521" | "p-521" | "p521" | "secp521r1" | "ec_x448" | "x448" | "ec_medium"
        | "ec_low" | "ec_p224" | "ec_p192" | "secp224r1" | "brainpoolp256r1"
        | "brainpoolp384r1" | "brainpoolp512r1" => Curve::Never,
        _ => Curve::Unknown,
    }
}
