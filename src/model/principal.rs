//! [`Principal`]: who a peer proved to be.

use std::fmt;

/// The SHA-256 of a certificate's DER bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(pub [u8; 32]);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

/// Who a peer proved to be with its certificate, in words for log lines and rules.
///
/// Only a verified leaf becomes a principal; other certificates that a peer sends along never do.
/// Every text is escaped: no control character of a certificate reaches a log or a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The subject's distinguished name, most specific part first (RFC 4514).
    pub subject: String,
    /// The issuer's distinguished name in the same form.
    pub issuer: String,
    /// The serial number in lower-case hexadecimal.
    pub serial: String,
    /// SHA-256 of the certificate.
    pub fingerprint: Fingerprint,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_prints_as_64_hexadecimal_digits() {
        let text = Fingerprint([0xab; 32]).to_string();
        assert_eq!(text, "ab".repeat(32));
    }
}
