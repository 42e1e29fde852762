//! The one place that names a crypto provider: aws-lc-rs.
//!
//! It signs with RSA 1.6 times as fast as the alternative, and an RSA signature is the longest
//! piece of work in the whole gateway.

use rustls::crypto::aws_lc_rs::{self, kx_group};
use rustls::crypto::{CryptoProvider, KeyProvider, SecureRandom, SupportedKxGroup};
use rustls::{CipherSuite, NamedGroup};

/// The provider with these suites and groups only, in this order of preference.
pub(super) fn with(suites: &[CipherSuite], groups: &[NamedGroup]) -> CryptoProvider {
    let all = aws_lc_rs::default_provider();
    let cipher_suites = suites
        .iter()
        .filter_map(|wanted| {
            all.cipher_suites
                .iter()
                .find(|suite| suite.suite() == *wanted)
        })
        .copied()
        .collect();
    let kx_groups = groups
        .iter()
        .filter_map(|wanted| GROUPS.iter().find(|group| group.name() == *wanted))
        .copied()
        .collect();
    CryptoProvider {
        cipher_suites,
        kx_groups,
        ..all
    }
}

/// Makes private keys ready to sign.
pub fn key_provider() -> &'static dyn KeyProvider {
    aws_lc_rs::default_provider().key_provider
}

/// Numbers that nobody guesses.
pub fn randomness() -> &'static dyn SecureRandom {
    aws_lc_rs::default_provider().secure_random
}

const GROUPS: [&dyn SupportedKxGroup; 4] = [
    kx_group::X25519,
    kx_group::SECP256R1,
    kx_group::SECP384R1,
    kx_group::X25519MLKEM768,
];
