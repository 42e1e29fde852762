//! Certificate files, key files and files of authorities that cannot be used.

use std::fs;

use crmgate::certs::issue::Authority;
use crmgate::model::WallTime;
use crmgate::simulate::Party;

use super::ground::{Case, Ground};

const CRT: &str = "gateway.crt";
const KEY: &str = "gateway.key";
const CA: &str = "company-ca.pem";

const DAY: i64 = 86_400;

/// `CRT_FILE`.
pub(super) const OF_OUR_OWN: &[Case] = &[
    Case {
        name: "no certificate file",
        spoil: |ground| fs::remove_file(ground.ssl(CRT)).expect("removed"),
        said: "CRT_FILE names a file that does not exist",
    },
    Case {
        name: "an empty certificate file",
        spoil: |ground| ground.put(CRT, ""),
        said: "CRT_FILE names an empty file",
    },
    Case {
        name: "a certificate file of blanks",
        spoil: |ground| ground.put(CRT, " \r\n\n"),
        said: "is empty",
    },
    Case {
        name: "text in place of a certificate",
        spoil: |ground| ground.put(CRT, "This is the certificate.\n"),
        said: "is text that holds no PEM block",
    },
    Case {
        name: "bytes in place of a certificate",
        spoil: |ground| ground.put(CRT, [0xfe, 0x01, 0x99, 0x00, 0x80, 0x7f]),
        said: "is neither PEM nor a certificate container",
    },
    Case {
        name: "a certificate that is cut short",
        spoil: |ground| ground.put(CRT, half(&ground.own().certificate_pem)),
        said: "has no END for the \"CERTIFICATE\" that begins in line 1",
    },
    Case {
        name: "a certificate with a damaged letter",
        spoil: |ground| ground.put(CRT, ground.own().certificate_pem.replacen("MII", "M!I", 1)),
        said: "that is not valid base64",
    },
    Case {
        name: "a certificate that ends in the middle of its content",
        spoil: |ground| ground.put(CRT, block("CERTIFICATE", "MIIBszCCAVmgAwIBAgIU")),
        said: "has a block in line 1 of which",
    },
    Case {
        name: "a certificate in DER",
        spoil: |ground| ground.put(CRT, &ground.own().der),
        said: "is a certificate in DER, not in PEM",
    },
    Case {
        name: "a P7B",
        spoil: |ground| ground.put(CRT, block("PKCS7", "MAsGCSqGSIb3DQEHAg==")),
        said: "holds a PKCS#7 container in place of certificates",
    },
    Case {
        name: "a P7B in DER",
        spoil: |ground| ground.put(CRT, b"\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"),
        said: "is a PKCS#7 container in DER",
    },
    Case {
        name: "a PFX",
        spoil: |ground| ground.put(CRT, b"\x30\x82\x00\x05\x02\x01\x03\x30\x00"),
        said: "is a PKCS#12 container (PFX), not PEM",
    },
    Case {
        name: "a certificate in UTF-16",
        spoil: |ground| ground.put(CRT, utf16(&ground.own().certificate_pem)),
        said: "is text in UTF-16, which PEM never is",
    },
    Case {
        name: "a certificate without its BEGIN and END",
        spoil: |ground| ground.put(CRT, without_frame(&ground.own().certificate_pem)),
        said: "holds base64 without its BEGIN and END lines",
    },
    Case {
        name: "a certificate request",
        spoil: |ground| ground.put(CRT, block("CERTIFICATE REQUEST", "MIIB")),
        said: "holds a certificate request, not a certificate",
    },
    Case {
        name: "a public key",
        spoil: |ground| ground.put(CRT, block("PUBLIC KEY", "MIIB")),
        said: "holds a public key, not a certificate",
    },
    Case {
        name: "the key in place of the certificate",
        spoil: |ground| ground.put(CRT, &ground.own().key_pem),
        said: "holds no certificate",
    },
    Case {
        name: "the certificate of another key",
        spoil: |ground| ground.put(CRT, ground.issue(|_| ()).certificate_pem),
        said: "holds a private key that belongs to none of the certificates",
    },
    Case {
        name: "an expired certificate",
        spoil: |ground| {
            let now = ground.now();
            put_both(ground, WallTime(now.0 - 10 * DAY), WallTime(now.0 - DAY));
        },
        said: "which expired 1 day ago",
    },
    Case {
        name: "a certificate that is not valid yet",
        spoil: |ground| {
            let now = ground.now();
            put_both(ground, WallTime(now.0 + DAY), WallTime(now.0 + 10 * DAY));
        },
        said: "which is not valid yet",
    },
    Case {
        name: "a folder in place of the certificate",
        spoil: |ground| {
            fs::remove_file(ground.ssl(CRT)).expect("removed");
            fs::create_dir(ground.ssl(CRT)).expect("a folder");
        },
        said: "CRT_FILE names a folder",
    },
    Case {
        name: "a device in place of the certificate",
        spoil: |ground| ground.set_ssl("SSL_SERVER_CLIENT", "CRT_FILE", "/dev/zero"),
        said: "CRT_FILE names something that is not a file",
    },
    Case {
        name: "a certificate file of two megabytes",
        spoil: |ground| ground.put(CRT, "x".repeat(2 << 20)),
        said: "is larger than",
    },
];

/// `KEY_FILE` and `KEY_PASSPHRASE_FILE`.
pub(super) const KEYS: &[Case] = &[
    Case {
        name: "no key file",
        spoil: |ground| fs::remove_file(ground.ssl(KEY)).expect("removed"),
        said: "KEY_FILE names a file that does not exist",
    },
    Case {
        name: "an empty key file",
        spoil: |ground| ground.put(KEY, ""),
        said: "KEY_FILE names an empty file",
    },
    Case {
        name: "text in place of a key",
        spoil: |ground| ground.put(KEY, "the key is under the mat\n"),
        said: "is text that holds no PEM block",
    },
    Case {
        name: "a key that is cut short",
        spoil: |ground| ground.put(KEY, half(&ground.own().key_pem)),
        said: "has no END for the \"PRIVATE KEY\"",
    },
    Case {
        name: "a key in DER",
        spoil: |ground| ground.put(KEY, &ground.own().key_der),
        said: "is a private key in DER, not in PEM",
    },
    Case {
        name: "a key with nothing of a key in it",
        spoil: |ground| ground.put(KEY, block("PRIVATE KEY", "MIIB")),
        said: "of a kind that is not supported",
    },
    Case {
        name: "the certificate in place of the key",
        spoil: |ground| ground.put(KEY, &ground.own().certificate_pem),
        said: "holds no private key",
    },
    Case {
        name: "the key of another certificate",
        spoil: |ground| ground.put(KEY, ground.issue(|_| ()).key_pem),
        said: "holds a private key that belongs to none of the certificates",
    },
    Case {
        name: "an encrypted key without a passphrase",
        spoil: |ground| ground.put(KEY, ENCRYPTED_KEY),
        said: "holds an encrypted private key",
    },
    Case {
        name: "an encrypted key with a wrong passphrase",
        spoil: |ground| encrypted(ground, "open barley\n"),
        said: "passphrase",
    },
    Case {
        name: "an encrypted key with an empty passphrase",
        spoil: |ground| encrypted(ground, "\nopen-sesame\n"),
        said: "holds no passphrase",
    },
    Case {
        name: "an encrypted key with a passphrase file that is not there",
        spoil: |ground| {
            encrypted(ground, "open-sesame\n");
            fs::remove_file(ground.ssl("passphrase.txt")).expect("removed");
        },
        said: "KEY_PASSPHRASE_FILE names a file that does not exist",
    },
    Case {
        name: "a key that OpenSSL encrypted in its old form",
        spoil: |ground| {
            let body = "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,F7\n\nP476";
            ground.put(KEY, block("EC PRIVATE KEY", body));
        },
        said: "in its old form (Proc-Type: 4,ENCRYPTED)",
    },
];

/// `CA_FILE`.
pub(super) const AUTHORITIES: &[Case] = &[
    Case {
        name: "no file of authorities",
        spoil: |ground| fs::remove_file(ground.ssl(CA)).expect("removed"),
        said: "CA_FILE names a file that does not exist",
    },
    Case {
        name: "an empty file of authorities",
        spoil: |ground| ground.put(CA, ""),
        said: "CA_FILE names an empty file",
    },
    Case {
        name: "text in place of authorities",
        spoil: |ground| ground.put(CA, "trust nobody\n"),
        said: "is text that holds no PEM block",
    },
    Case {
        name: "a folder in place of authorities",
        spoil: |ground| {
            fs::remove_file(ground.ssl(CA)).expect("removed");
            fs::create_dir(ground.ssl(CA)).expect("a folder");
        },
        said: "CA_FILE names a folder",
    },
    // Whoever runs the tests may read any mode; what leads to itself nobody can read.
    #[cfg(unix)]
    Case {
        name: "a file of authorities that cannot be read",
        spoil: |ground| {
            fs::remove_file(ground.ssl(CA)).expect("removed");
            std::os::unix::fs::symlink(CA, ground.ssl(CA)).expect("a link");
        },
        said: "CA_FILE names a file that cannot be read",
    },
    Case {
        name: "bytes of nothing in place of authorities",
        spoil: |ground| ground.put(CA, (0..=255).collect::<Vec<u8>>().repeat(4)),
        said: "is neither PEM nor a certificate container",
    },
    Case {
        name: "a block of authorities that holds no certificate",
        spoil: |ground| ground.put(CA, block("CERTIFICATE", "AAECAwQFBgcICQ==")),
        said: "that is not an X.509 certificate",
    },
    Case {
        name: "an authority in DER",
        spoil: |ground| ground.put(CA, ground.world.pki.authority(Party::Gateway).der()),
        said: "is a certificate in DER, not in PEM",
    },
    Case {
        name: "a bundle whose second certificate is cut short",
        spoil: |ground| {
            let whole = ground.world.pki.authority(Party::Gateway).pem();
            ground.put(CA, format!("{whole}{}", half(&whole)));
        },
        said: "has no END for the \"CERTIFICATE\"",
    },
    Case {
        name: "an expired authority",
        spoil: |ground| {
            let now = ground.now();
            let (from, to) = (WallTime(now.0 - 10 * DAY), WallTime(now.0 - DAY));
            let old = Authority::with_validity("Old CA", from, to).expect("an authority");
            ground.put(CA, old.pem());
        },
        said: "expired",
    },
    Case {
        name: "a leaf in place of an authority",
        spoil: |ground| ground.put(CA, &ground.own().certificate_pem),
        said: "which is not an authority's",
    },
    Case {
        name: "an authority that may not sign",
        spoil: |ground| {
            let root = ground.world.pki.authority(Party::Gateway);
            let below = root.intermediate_with_usage("Weak CA", false);
            ground.put(CA, below.expect("an authority").pem());
        },
        said: "whose key usage does not allow to sign certificates",
    },
    Case {
        name: "a revocation list behind the authority",
        spoil: |ground| {
            let whole = ground.world.pki.authority(Party::Gateway).pem();
            ground.put(CA, format!("{whole}{}", block("X509 CRL", "MIIB")));
        },
        said: "holds a revocation list",
    },
    Case {
        name: "a key in place of authorities",
        spoil: |ground| ground.put(CA, &ground.own().key_pem),
        said: "holds no certificate",
    },
];

/// The gateway's certificate with other dates.
fn put_both(ground: &Ground, not_before: WallTime, not_after: WallTime) {
    let issued = ground.issue(|spec| {
        (spec.not_before, spec.not_after) = (not_before, not_after);
    });
    ground.put(CRT, issued.certificate_pem);
    ground.put(KEY, issued.key_pem);
}

/// An encrypted key with its certificate, and a passphrase.
pub(super) fn encrypted(ground: &Ground, passphrase: &str) {
    ground.put(CRT, CERTIFICATE);
    ground.put(KEY, ENCRYPTED_KEY);
    ground.put("passphrase.txt", passphrase);
    let (section, key) = ("SSL_SERVER_CLIENT", "KEY_PASSPHRASE_FILE");
    ground.set_ssl(section, key, "./ssl/passphrase.txt");
}

pub(super) fn half(text: &str) -> &str {
    &text[..text.len() / 2]
}

pub(super) fn block(label: &str, body: &str) -> String {
    format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
}

fn without_frame(pem: &str) -> String {
    let lines = pem.lines().filter(|line| !line.starts_with("-----"));
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// As it is written without a byte-order mark.
pub(super) fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// Good for a hundred years, and for nothing but tests.
const CERTIFICATE: &str = "\
-----BEGIN CERTIFICATE-----
MIIBszCCAVmgAwIBAgIUBPCyLIxo7j2LSGulMr+NLFhaEaMwCgYIKoZIzj0EAwIw
JDENMAsGA1UECgwEVGVzdDETMBEGA1UEAwwKZ3cuZXhhbXBsZTAgFw0yNjExMjIw
MzIzMjFaGA8yMTI2MTAyOTAzMjMyMVowJDENMAsGA1UECgwEVGVzdDETMBEGA1UE
AwwKZ3cuZXhhbXBsZTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABDNyhoJnIXtm
z80gJJrbLnfyRkQxTT7c3gRz5ZlFRjqt15iG22i9HKmrgM8+PpV8XzHQ5eSk0wk9
rW+mEOfANiWjZzBlMB0GA1UdDgQWBBQEtqBmwvJp++JJ6FokMbvcUmdOlTAfBgNV
HSMEGDAWgBQEtqBmwvJp++JJ6FokMbvcUmdOlTAMBgNVHRMBAf8EAjAAMBUGA1Ud
EQQOMAyCCmd3LmV4YW1wbGUwCgYIKoZIzj0EAwIDSAAwRQIgAMxejE7th14d8K8P
6n+DJdrAK4SDe8hG5H+WWzhyA1sCIQDdWX2O1/2TypkYj9Uy6zUll0NPjgwewhZg
ZokpCEth2g==
-----END CERTIFICATE-----
";

/// Its key; the passphrase is `open-sesame`.
const ENCRYPTED_KEY: &str = "\
-----BEGIN ENCRYPTED PRIVATE KEY-----
MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAjmv1WBOGHHZwICCAAw
DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEELsg6kPqUtFlDbHvOf5zUaAEgZBo
RF/S9/XA8EmnpItn/popbQF5YEgPNKpnyzJqTXfjlmFcoBe6tTCRX7nBt+v86K7z
0muyTXg33W+h3/qS1q4tphhoVoBQdqPZ4MBeu6GwYHCGNwZ2baWOUnv+1oVVELJo
Qn1MRMsBTSqVowe3DZ2jTUmx7kK+VVKO5p83bxMDTk/z7Zk9x7NKzHP64LGorxc=
-----END ENCRYPTED PRIVATE KEY-----
";
