//! What was negotiated, in the product's words.

use rustls::{CommonState, ProtocolVersion};

use crate::config::settings::TlsVersion;
use crate::tls::cipher_suites::SUITES;

/// The version of a connection that is through its handshake; no other than these two is offered.
pub(super) fn version_of(connection: &CommonState) -> TlsVersion {
    match connection.protocol_version() {
        Some(ProtocolVersion::TLSv1_3) => TlsVersion::V1_3,
        _ => TlsVersion::V1_2,
    }
}

/// The name of the suite of a connection that is through its handshake.
pub(super) fn suite_of(connection: &CommonState) -> &'static str {
    let negotiated = connection
        .negotiated_cipher_suite()
        .map(|suite| suite.suite());
    SUITES
        .iter()
        .find(|suite| Some(suite.id) == negotiated)
        .map_or("unknown", |suite| suite.name)
}
