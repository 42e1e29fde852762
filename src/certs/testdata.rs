//! Files that the throw-away PKI cannot make: keys in other wrappings, and certificates that no
//! current generator writes. All were made with OpenSSL for these tests and last a hundred years.

use std::path::Path;

use crate::certs::issue::{Authority, Issued, LeafSpec};
use crate::config::problem::{Place, Problems};
use crate::config::settings::FileRef;
use crate::model::{Clock, WallTime};

/// Writes a file and refers to it the way a key of `ssl.ini` does.
pub(crate) fn file(dir: &Path, name: &str, content: impl AsRef<[u8]>) -> FileRef {
    let path = dir.join(name);
    std::fs::write(&path, content).expect("the folder is writable");
    set_private(&path);
    FileRef {
        written: format!("./{name}"),
        path,
        place: Place::file(Path::new("ssl.ini"))
            .section("SSL_SERVER_CLIENT")
            .key("FILE"),
    }
}

#[cfg(unix)]
fn set_private(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let private = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(path, private).expect("the file is ours");
}

#[cfg(not(unix))]
fn set_private(_path: &Path) {}

/// The time now, as the certificates made in a test see it.
pub(crate) fn now() -> WallTime {
    Clock::system().now()
}

/// A root.
pub(crate) fn authority(name: &str) -> Authority {
    Authority::new(name, now()).expect("a root can be made")
}

/// A leaf for a name, for both roles.
pub(crate) fn leaf(authority: &Authority, name: &str) -> Issued {
    authority
        .issue(&LeafSpec::for_name(name, now()))
        .expect("a leaf can be made")
}

/// All problems in one text, to look for words in.
pub(crate) fn text(problems: &Problems) -> String {
    problems.to_string()
}

/// Opens every encrypted key in here.
pub(crate) const PASSPHRASE: &str = "open-sesame";

/// The key of [`CERTIFICATE`] as SEC1.
pub(crate) const SEC1_KEY: &str = "\
-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIAhbLFlu+aDPbJwni/Fsrk7En73Ww5WRjajROX7bc+YWoAoGCCqGSM49
AwEHoUQDQgAEM3KGgmche2bPzSAkmtsud/JGRDFNPtzeBHPlmUVGOq3XmIbbaL0c
qauAzz4+lXxfMdDl5KTTCT2tb6YQ58A2JQ==
-----END EC PRIVATE KEY-----
";

/// The same key as PKCS#8.
pub(crate) const PKCS8_KEY: &str = "\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgCFssWW75oM9snCeL
8WyuTsSfvdbDlZGNqNE5fttz5hahRANCAAQzcoaCZyF7Zs/NICSa2y538kZEMU0+
3N4Ec+WZRUY6rdeYhttovRypq4DPPj6VfF8x0OXkpNMJPa1vphDnwDYl
-----END PRIVATE KEY-----
";

/// The same key, encrypted with AES-256 and PBKDF2; the passphrase is [`PASSPHRASE`].
pub(crate) const AES_KEY: &str = "\
-----BEGIN ENCRYPTED PRIVATE KEY-----
MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAjmv1WBOGHHZwICCAAw
DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEELsg6kPqUtFlDbHvOf5zUaAEgZBo
RF/S9/XA8EmnpItn/popbQF5YEgPNKpnyzJqTXfjlmFcoBe6tTCRX7nBt+v86K7z
0muyTXg33W+h3/qS1q4tphhoVoBQdqPZ4MBeu6GwYHCGNwZ2baWOUnv+1oVVELJo
Qn1MRMsBTSqVowe3DZ2jTUmx7kK+VVKO5p83bxMDTk/z7Zk9x7NKzHP64LGorxc=
-----END ENCRYPTED PRIVATE KEY-----
";

/// The same key, encrypted with AES-256 and scrypt.
pub(crate) const SCRYPT_KEY: &str = "\
-----BEGIN ENCRYPTED PRIVATE KEY-----
MIHkME8GCSqGSIb3DQEFDTBCMCEGCSsGAQQB2kcECzAUBAieCwCHvwb+IQICBAAC
AQgCAQEwHQYJYIZIAWUDBAEqBBB+Z1VFmVubFzCSHPjfXVSPBIGQ+o+0qiObXBop
V8o9zt7Zoi3xR/GCCboM+CLVDOKzKG9ioVKqYbhhs+9au0OU7B/86pWr4F9MlPe4
kkjfO0P0aoKSGNNvLNp/cyGf2KjaoHaN7gzL5PGo+9ngnkJKbzRfhYxzVgf5qJ7P
nagr1QZlbuQ9drf1jbxj4/PAqjIuC1K7S+CHdh7yqx9gyWrkSsZy
-----END ENCRYPTED PRIVATE KEY-----
";

/// The same key, encrypted with Triple DES and PBKDF2.
pub(crate) const DES3_KEY: &str = "\
-----BEGIN ENCRYPTED PRIVATE KEY-----
MIHjME4GCSqGSIb3DQEFDTBBMCkGCSqGSIb3DQEFDDAcBAimWcJxhSgM7AICCAAw
DAYIKoZIhvcNAgkFADAUBggqhkiG9w0DBwQI7aG+sbjTZC4EgZCyE7VQUjan/Qmp
eIljRLvICsOQ9T03CmAveJyGaYzs/Lnf57WnJRBZiwuAepE1/WYs0cV1btAlkOJt
fFdez9cmDybQxZRvSEIhYLc+ZFVmDr5gpP073cr8tDUHcTCjNbKgVMV52wa7X9zh
Yhy3PpA5WO7JUrH819IossKHg8KKJQ3iUq7FWxVShFpITvaQYgk=
-----END ENCRYPTED PRIVATE KEY-----
";

/// The same key, encrypted the PKCS#12 way.
pub(crate) const PBES1_KEY: &str = "\
-----BEGIN ENCRYPTED PRIVATE KEY-----
MIGxMBwGCiqGSIb3DQEMAQMwDgQIZ9RSP1lNJm4CAggABIGQoSOl/a7hue5wkdw/
Wusjf4/5uon0xzzBemIFPSTua8haNFYpoemNSGwzKFyWPJ4fO8XYOx63VsN6FHxG
Ni2fCivHvPv5nrPpyjfZZYbSmHwqhZOs5s0EHjzITOZSyZmjTo1SLvUbo62R84Nt
X8b3rbSDumqblfQFqnLlOulUp4we3LuiPyv2BgoEeYF67ceu
-----END ENCRYPTED PRIVATE KEY-----
";

/// The same key, encrypted in OpenSSL's old form.
pub(crate) const LEGACY_KEY: &str = "\
-----BEGIN EC PRIVATE KEY-----
Proc-Type: 4,ENCRYPTED
DEK-Info: AES-128-CBC,F76C3A8038CEE460DA94550235D50253

P4766ylo+J6p7JSa/HxY3r9P9s7k5NNXyRKoIOZNeX3sg1LUX0Mo6/ca8pfhmURJ
DaAGHQZ7fqVOkbXJV3Ue8Kl+w09b6c44N0y2/T7sr8tOuRRVLv4YvgpX9mcgNT2v
cqB2BXqQgzNXqHnMqwn9ZDJJCHNa+STjX7jksiXImwo=
-----END EC PRIVATE KEY-----
";

/// A self-signed certificate for `gw.example`, not an authority.
pub(crate) const CERTIFICATE: &str = "\
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

/// The same key, signed with SHA-1.
pub(crate) const SHA1_CERTIFICATE: &str = "\
-----BEGIN CERTIFICATE-----
MIIBnzCCAUWgAwIBAgIUAMQgKib8L1xsWro+E0FglDqiyLswCQYHKoZIzj0EATAm
MQ0wCwYDVQQKDARUZXN0MRUwEwYDVQQDDAxzaGExLmV4YW1wbGUwIBcNMjYxMTIy
MDMyMzIxWhgPMjEyNjEwMjkwMzIzMjFaMCYxDTALBgNVBAoMBFRlc3QxFTATBgNV
BAMMDHNoYTEuZXhhbXBsZTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABDNyhoJn
IXtmz80gJJrbLnfyRkQxTT7c3gRz5ZlFRjqt15iG22i9HKmrgM8+PpV8XzHQ5eSk
0wk9rW+mEOfANiWjUDBOMB0GA1UdDgQWBBQEtqBmwvJp++JJ6FokMbvcUmdOlTAf
BgNVHSMEGDAWgBQEtqBmwvJp++JJ6FokMbvcUmdOlTAMBgNVHRMBAf8EAjAAMAkG
ByqGSM49BAEDSQAwRgIhAOrCjWjEuLTgn8nTa859jhnuP0bcAHfnhek2Db0FH0om
AiEA1mjjGKmctISUrMb5N9Miimc171HEy5zUgJFI+/ghWDY=
-----END CERTIFICATE-----
";

/// The same key, below [`OLD_ROOT`].
pub(crate) const BELOW_OLD_ROOT: &str = "\
-----BEGIN CERTIFICATE-----
MIIB0TCCATqgAwIBAgICEAIwDQYJKoZIhvcNAQELBQAwIjENMAsGA1UECgwEVGVz
dDERMA8GA1UEAwwIT2xkIFJvb3QwIBcNMjAwMTAxMDAwMDAwWhgPMjEyMDAxMDEw
MDAwMDBaMCQxDTALBgNVBAoMBFRlc3QxEzARBgNVBAMMCmd3LmV4YW1wbGUwWTAT
BgcqhkjOPQIBBggqhkjOPQMBBwNCAAQzcoaCZyF7Zs/NICSa2y538kZEMU0+3N4E
c+WZRUY6rdeYhttovRypq4DPPj6VfF8x0OXkpNMJPa1vphDnwDYlo1kwVzAVBgNV
HREEDjAMggpndy5leGFtcGxlMB8GA1UdIwQYMBaAFFxicPHf8mhWcKq7McqhN7NT
G9auMB0GA1UdDgQWBBQEtqBmwvJp++JJ6FokMbvcUmdOlTANBgkqhkiG9w0BAQsF
AAOBgQCNWn8Tu3JpXYQLTaPdRzMQtzwCL734o9kK0XSW/qZQ78QcceXP/SbDWHAA
CrCDQPdj/1CU4HZiyRZKFK9/JC/sEnJoswmdN4jm7IIQObRRVDAe66D7eXKZbsTh
Y91so+R6BCyXAQBU0ZrbFhPUHASORLssKCDpUktykzLqij+yeA==
-----END CERTIFICATE-----
";

/// A root as they were made once: 1024 bits, signed with SHA-1.
pub(crate) const OLD_ROOT: &str = "\
-----BEGIN CERTIFICATE-----
MIIB7zCCAVigAwIBAgICEAEwDQYJKoZIhvcNAQEFBQAwIjENMAsGA1UECgwEVGVz
dDERMA8GA1UEAwwIT2xkIFJvb3QwIBcNMjAwMTAxMDAwMDAwWhgPMjEyMDAxMDEw
MDAwMDBaMCIxDTALBgNVBAoMBFRlc3QxETAPBgNVBAMMCE9sZCBSb290MIGfMA0G
CSqGSIb3DQEBAQUAA4GNADCBiQKBgQCtbZVpKXlMEervn8LIeeGqbTQ28Z7eiToJ
Bft9tVXWvZ3TuUe981mPOp3zp6XS5/42R/fsmqAZ1vNr8Cmy6MoxUB5esZHky5S8
rEoG8++IOm833BKQu9bfKLtrPOgqUH7WpUajjWGS4rVFfSV9zPSFHNRzCx3VapzH
/5SMJOuuZwIDAQABozIwMDAPBgNVHRMBAf8EBTADAQH/MB0GA1UdDgQWBBRcYnDx
3/JoVnCquzHKoTezUxvWrjANBgkqhkiG9w0BAQUFAAOBgQAuf30qm9UO4ng57AWM
taekdrIwC1hrhGSKzVjpMvx0++/aKPmowGxaibqjfljzLpEOXmQB+k/F5p+OxUIV
S4gSr6ISONbHu6qgQAbxka94mq4L/LfqBdAA+O5YMPnFMxSrnQ+1NiWJwmliUrZh
Pf8EMl4tBOQmQ4Cqx7AI7jFLtw==
-----END CERTIFICATE-----
";

/// The same key in an X.509 version 1 certificate.
pub(crate) const V1_CERTIFICATE: &str = "\
-----BEGIN CERTIFICATE-----
MIIBRTCB6wIUWxly6FZpFsRW87/eGs4sReyR2k8wCgYIKoZIzj0EAwIwJDENMAsG
A1UECgwEVGVzdDETMBEGA1UEAwwKdjEuZXhhbXBsZTAgFw0yNjExMjIwMzIzMjFa
GA8yMTI2MTAyOTAzMjMyMVowJDENMAsGA1UECgwEVGVzdDETMBEGA1UEAwwKdjEu
ZXhhbXBsZTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABDNyhoJnIXtmz80gJJrb
LnfyRkQxTT7c3gRz5ZlFRjqt15iG22i9HKmrgM8+PpV8XzHQ5eSk0wk9rW+mEOfA
NiUwCgYIKoZIzj0EAwIDSQAwRgIhALuAhYkzejC/v2mGCPl0qXSTr/E/5ykUUS17
yXfwCAvTAiEA6D4yFJwX/HXx7oxrevHnHa/jCqmI5OkDFP5wWTOsPJE=
-----END CERTIFICATE-----
";

/// A certificate for an RSA key of 1024 bits.
pub(crate) const RSA1024_CERTIFICATE: &str = "\
-----BEGIN CERTIFICATE-----
MIICDzCCAXigAwIBAgIUcBDZyFMNwIunMTZj6lNq9kYOnQ0wDQYJKoZIhvcNAQEL
BQAwGjEYMBYGA1UEAwwPcnNhMTAyNC5leGFtcGxlMCAXDTI2MTEyMjAzMjMyMVoY
DzIxMjYxMDI5MDMyMzIxWjAaMRgwFgYDVQQDDA9yc2ExMDI0LmV4YW1wbGUwgZ8w
DQYJKoZIhvcNAQEBBQADgY0AMIGJAoGBAM9O9CFufrdk+m7aGfevMrjBfgbKBagX
LYnpziB6mZa9aLduUnz9fjaOeqJiyT2i13WCKh0nt69AniWzSSxl5fNBNipJ2bCP
+cThLbDffV/VGNTYlRMlw92uakS/6FHeUITKGheep7fFHgY0+lwdBTdfoz1F2CZN
eW//ZxBX+b0tAgMBAAGjUDBOMB0GA1UdDgQWBBTYP6IClinrQniQYYGC8churs8u
TjAfBgNVHSMEGDAWgBTYP6IClinrQniQYYGC8churs8uTjAMBgNVHRMBAf8EAjAA
MA0GCSqGSIb3DQEBCwUAA4GBAC0wxUn81e3TAoUpCscy9dyI93o48pawHaTdYuHA
2cOTFycc4u5ok9tXQtAEezK1vV3DhtrasHKgyBkBgLfzifiMPgSlEUhd4fwkneDg
pMeJXFKcecvURGI/7Mm2TG9UI4T9zXZS3YnxuX2WLNoguykZwcc7mufNDAI82R+7
MZqr
-----END CERTIFICATE-----
";

/// Its key.
pub(crate) const RSA1024_KEY: &str = "\
-----BEGIN PRIVATE KEY-----
MIICdgIBADANBgkqhkiG9w0BAQEFAASCAmAwggJcAgEAAoGBAM9O9CFufrdk+m7a
GfevMrjBfgbKBagXLYnpziB6mZa9aLduUnz9fjaOeqJiyT2i13WCKh0nt69AniWz
SSxl5fNBNipJ2bCP+cThLbDffV/VGNTYlRMlw92uakS/6FHeUITKGheep7fFHgY0
+lwdBTdfoz1F2CZNeW//ZxBX+b0tAgMBAAECgYAHTC013BDj3c8fBdhyKp2reUw5
avUmBKLavvs9k3NCpipAgsaulbHSs9NHUhjpbYkOHuXintpNdgXbJ+OEh5W/mR9w
dd8e+gGTwU1YnVK/ILXrKwKpMncrZljem/mWojG+e6wxuOl/JKSur5wQext/3A+P
DHW+N7w5/LdDOz5SgQJBAPm/eoGM/58u3wuqNlB4Ka2894aHHf1oLEb8Ks20S/EN
Ivj+Eg9O+T6cxOX+8dnNQCsv/Kxlqa7e+OAw9GdlB6ECQQDUf3/PcqianvtDlMx9
HVoqyy1yQPqxI6t3KE7k+euKdgTH0vY8GO6rXXzBFV8JL2zEcD59LICsF441mVGz
0hoNAkAZaBRDV5+thuwj2KX7262Jwh6ALgCsBcvzULXeBUhwdkCnidk2e3c5mmMh
bqUV3h54BkKzGwh/BKnWzMQgPJPhAkB7KBYMRji/vIqFxZSqortid/Uz9cMVrUWw
PtVS0iIYUoQ8x+DcPdr9yKYIRfmZmjngs+kTpRpCIzjRibWXkZp1AkEAtgcTJt8A
5RcVf88yxAgtjkK9Byk9wKlXLPti1hNDZQA00ciNJzxqhAx5B4j2QRUBLy37ULIu
M2CnsS3Wi12hlA==
-----END PRIVATE KEY-----
";

/// [`CERTIFICATE`] in a PKCS#7 container.
pub(crate) const PKCS7: &str = "\
-----BEGIN PKCS7-----
MIIB4gYJKoZIhvcNAQcCoIIB0zCCAc8CAQExADALBgkqhkiG9w0BBwGgggG3MIIB
szCCAVmgAwIBAgIUBPCyLIxo7j2LSGulMr+NLFhaEaMwCgYIKoZIzj0EAwIwJDEN
MAsGA1UECgwEVGVzdDETMBEGA1UEAwwKZ3cuZXhhbXBsZTAgFw0yNjExMjIwMzIz
MjFaGA8yMTI2MTAyOTAzMjMyMVowJDENMAsGA1UECgwEVGVzdDETMBEGA1UEAwwK
Z3cuZXhhbXBsZTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABDNyhoJnIXtmz80g
JJrbLnfyRkQxTT7c3gRz5ZlFRjqt15iG22i9HKmrgM8+PpV8XzHQ5eSk0wk9rW+m
EOfANiWjZzBlMB0GA1UdDgQWBBQEtqBmwvJp++JJ6FokMbvcUmdOlTAfBgNVHSME
GDAWgBQEtqBmwvJp++JJ6FokMbvcUmdOlTAMBgNVHRMBAf8EAjAAMBUGA1UdEQQO
MAyCCmd3LmV4YW1wbGUwCgYIKoZIzj0EAwIDSAAwRQIgAMxejE7th14d8K8P6n+D
JdrAK4SDe8hG5H+WWzhyA1sCIQDdWX2O1/2TypkYj9Uy6zUll0NPjgwewhZgZokp
CEth2jEA
-----END PKCS7-----
";
