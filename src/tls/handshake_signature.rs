//! The signature that a peer makes in the handshake, under the key of its certificate.
//!
//! The TLS library would take the key out of the certificate itself, with a reader that knows fewer
//! certificates than ours. So the key is taken out here, and the check is the library's again.

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature_with_raw_key};
use rustls::pki_types::{CertificateDer, SubjectPublicKeyInfoDer};
use rustls::{CertificateError, DigitallySignedStruct, Error, PeerMisbehaved};
use webpki::RawPublicKeyEntity;

use crate::certs::path::Certificate;

/// Checks a signature of TLS 1.2, where its scheme may stand for several curves.
pub(super) fn verify_tls12(
    message: &[u8],
    certificate: &CertificateDer<'_>,
    signed: &DigitallySignedStruct,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<HandshakeSignatureValid, Error> {
    let mut schemes = algorithms.mapping.iter();
    let (_, fitting) = schemes
        .find(|(scheme, _)| *scheme == signed.scheme)
        .ok_or(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme)?;
    let spki = key_of(certificate)?;
    let key =
        RawPublicKeyEntity::try_from(&spki).map_err(|_unread| CertificateError::BadEncoding)?;
    let is_made_by_key = fitting.iter().any(|algorithm| {
        key.verify_signature(*algorithm, message, signed.signature())
            .is_ok()
    });
    if is_made_by_key {
        Ok(HandshakeSignatureValid::assertion())
    } else {
        Err(CertificateError::BadSignature.into())
    }
}

/// Checks a signature of TLS 1.3, where its scheme stands for one curve.
pub(super) fn verify_tls13(
    message: &[u8],
    certificate: &CertificateDer<'_>,
    signed: &DigitallySignedStruct,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<HandshakeSignatureValid, Error> {
    let spki = key_of(certificate)?;
    verify_tls13_signature_with_raw_key(message, &spki, signed, algorithms)
}

fn key_of(certificate: &CertificateDer<'_>) -> Result<SubjectPublicKeyInfoDer<'static>, Error> {
    let certificate =
        Certificate::read(certificate).map_err(|_malformed| CertificateError::BadEncoding)?;
    Ok(SubjectPublicKeyInfoDer::from(certificate.spki().to_vec()))
}
