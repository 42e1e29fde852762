//! Signs of a device that reads along: a certificate that a stranger has issued for the very host
//! that was called.

use crate::certs::CertificateFacts;

/// Names under which such devices issue, in lower case. They are evidence and no proof: a company may
/// run its own authority on such a device, and then it is in `CA_FILE`.
const PRODUCTS: [&str; 26] = [
    "zscaler",
    "netskope",
    "blue coat",
    "bluecoat",
    "fortigate",
    "fortinet",
    "palo alto",
    "checkpoint",
    "check point",
    "cisco umbrella",
    "cisco secure",
    "ironport",
    "forcepoint",
    "websense",
    "mcafee web gateway",
    "skyhigh",
    "sophos",
    "barracuda",
    "watchguard",
    "sonicwall",
    "untangle",
    "squid",
    "mitmproxy",
    "kaspersky",
    "iboss",
    "tls inspection",
];

/// What in a certificate speaks for a device that reads along.
pub(super) fn sign(leaf: &CertificateFacts) -> Option<String> {
    let issuer = leaf.issuer.to_lowercase();
    let name = PRODUCTS.iter().find(|name| issuer.contains(**name))?;
    Some(format!(
        "the issuer calls itself \"{}\", and \"{name}\" is the name of a product that inspects TLS",
        leaf.issuer
    ))
}
