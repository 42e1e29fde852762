//! [`armoured`]: bytes as PEM.

use pkcs8::der::pem::{LineEnding, decode_vec, encode_string};

/// What a PEM block says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Label {
    /// A certificate.
    Certificate,
    /// A private key as PKCS#8.
    Key,
    /// The same, encrypted.
    EncryptedKey,
    /// A certificate request.
    Request,
    /// PKCS#7.
    Pkcs7,
}

impl Label {
    const fn text(self) -> &'static str {
        match self {
            Self::Certificate => "CERTIFICATE",
            Self::Key => "PRIVATE KEY",
            Self::EncryptedKey => "ENCRYPTED PRIVATE KEY",
            Self::Request => "CERTIFICATE REQUEST",
            Self::Pkcs7 => "PKCS7",
        }
    }
}

/// Bytes between a `BEGIN` and an `END` line, in lines of 64 characters.
pub fn armoured(label: Label, bytes: &[u8]) -> String {
    // Lengths are the only thing that could go wrong, and those of files do not.
    encode_string(label.text(), LineEnding::LF, bytes).unwrap_or_default()
}

/// The bytes of base64 that lacks the two lines.
pub(super) fn bare(text: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok()?;
    let joined: String = text.split_ascii_whitespace().collect();
    let lines: Vec<&str> = joined
        .as_bytes()
        .chunks(64)
        .filter_map(|line| std::str::from_utf8(line).ok())
        .collect();
    let label = Label::Certificate.text();
    let whole = format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    );
    decode_vec(whole.as_bytes()).ok().map(|(_, bytes)| bytes)
}
