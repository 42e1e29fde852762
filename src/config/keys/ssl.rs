//! The keys of `ssl.ini`.

use std::time::Duration;

use super::{IniFile, Key, Kind, Preset, Section};

pub(super) const SECTIONS: &[Section] = &[
    Section {
        name: "SSL",
        doc: "Protocol versions and cipher suites for every role. The role sections below may \
              set MIN_VERSION, MAX_VERSION and CIPHERSUITES anew.",
    },
    Section {
        name: "SSL_SERVER_CLIENT",
        doc: "Certificate, key and trust for both roles: listening (SAP CRM connects to the \
              gateway) and dialling (the gateway connects to the CRM and to https:// sides). \
              `[SSL_SERVER]` takes the same keys for the listening role alone, `[SSL_CLIENT]` for \
              the dialling role alone. Each of the three may carry the name of a SAP system, as in \
              `[SSL_SERVER_CLIENT SAP2]` for the system of `CRMConnectorSAP_SAP2.ini`. The most \
              specific section that sets a key wins: `[SSL_SERVER SAP2]`, then \
              `[SSL_SERVER_CLIENT SAP2]`, then `[SSL_SERVER]`, then `[SSL_SERVER_CLIENT]`, then \
              `[SSL]`. Certificate and key (PEM_FILE, or CRT_FILE with KEY_FILE, and \
              KEY_PASSPHRASE_FILE) are taken together from one section, never mixed from two.",
    },
];

/// SAP's own default lifetime of a session, so ours is never the shorter one.
const MIN_LIFETIME: Duration = Duration::from_hours(1);
/// A day: a certificate that was checked longer ago has to be shown again.
const MAX_LIFETIME: Duration = Duration::from_hours(24);

/// Shorter is no grace: whoever runs the authority has to be reached.
const MIN_GRACE: Duration = Duration::from_hours(1);
/// Thirty days: an authority that publishes no list for so long publishes none.
const MAX_GRACE: Duration = Duration::from_hours(720);

const BASE: &str = "SSL";
const ROLE: &str = "SSL_SERVER_CLIENT";

const fn key(
    section: &'static str,
    name: &'static str,
    kind: Kind,
    default: Preset,
    doc: &'static str,
) -> Key {
    Key::new(IniFile::Ssl, section, name, kind, default, doc)
}

pub(super) const KEYS: &[Key] = &[
    key(
        BASE,
        "METHOD",
        Kind::Choice(&["0"]),
        Preset::Value("0"),
        "The vendor's choice of protocol. 0 negotiates the best version that both ends know, which \
         is what the gateway always does; other numbers are refused, because MIN_VERSION and \
         MAX_VERSION say the same in words.",
    )
    .hint("write METHOD=0 and choose with MIN_VERSION, MAX_VERSION (1.2 or 1.3) and CIPHERSUITES"),
    key(
        BASE,
        "MIN_VERSION",
        Kind::Version,
        Preset::Value("1.2"),
        "The oldest TLS version that is accepted. 1.2, because SAP kernels without TLS 1.3 are in \
         the field and nothing older is safe.",
    ),
    key(
        BASE,
        "MAX_VERSION",
        Kind::Version,
        Preset::Value("1.3"),
        "The newest TLS version that is offered. 1.3, because peers that lack it settle on 1.2 by \
         themselves.",
    ),
    key(
        BASE,
        "CIPHERSUITES",
        Kind::Suites,
        Preset::Absent("every suite that is safe"),
        "The cipher suites, in the syntax of SAP's ssl/ciphersuites. What cannot be honoured is \
         named when it is loaded.",
    )
    .example("150:PFS:HIGH::EC_P256:EC_HIGH"),
    key(
        ROLE,
        "CA_FILE",
        Kind::File,
        Preset::Absent("an error where the role is needed"),
        "Whom to believe: the CA certificate of the other side as PEM, or a bundle of several. \
         With one company CA it is that CA; with separate CAs it is the CA of SAP CRM.",
    )
    .example("./ssl/(Company CA Certificate).pem"),
    key(
        ROLE,
        "PEM_FILE",
        Kind::File,
        Preset::Absent("CRT_FILE and KEY_FILE are used"),
        "The gateway's own certificate and private key in one PEM file, in either order, with any \
         intermediate certificates.",
    )
    .example("./ssl/(Connects for SAP Certificate).pem"),
    key(
        ROLE,
        "CRT_FILE",
        Kind::File,
        Preset::Absent("PEM_FILE is used"),
        "The gateway's own certificate as PEM, followed by any intermediates. It goes together \
         with KEY_FILE.",
    )
    .example("./ssl/(Connects for SAP Certificate – cert file).pem"),
    key(
        ROLE,
        "KEY_FILE",
        Kind::File,
        Preset::Absent("PEM_FILE is used"),
        "The private key that belongs to CRT_FILE, as PEM.",
    )
    .example("./ssl/(Connects for SAP Certificate – key file).pem"),
    key(
        ROLE,
        "KEY_PASSPHRASE_FILE",
        Kind::File,
        Preset::Absent("the key is not encrypted"),
        "A file whose first line is the passphrase of an encrypted private key. It names a file \
         and never holds the passphrase itself, so that an ini file can be shown to anybody. It \
         counts only in the section that names the key.",
    )
    .example("./ssl/passphrase.txt")
    .secret(),
    key(
        ROLE,
        "CRL_FILE",
        Kind::Files,
        Preset::Absent("no certificate is looked up in a revocation list"),
        "Whom to believe no more: revocation lists (CRL) of the authorities, in PEM or DER; several \
         in one file, several files with ; between them, or a folder of which every file is read \
         but hidden ones. A list that is signed with a key of its own needs the certificate of \
         that key, in CA_FILE or beside the list. A file or folder that changes is read again; one \
         that cannot be read, or holds anything else, is an error and never an empty list.",
    )
    .example("./ssl/company-ca.crl"),
    key(
        ROLE,
        "CRL_EXPIRED",
        Kind::Expired {
            min: MIN_GRACE,
            max: MAX_GRACE,
        },
        Preset::Value("refuse"),
        "What happens once a list is past its nextUpdate and no newer one is there: refuse (nobody \
         is let in by it), grace with a duration (it goes on to count for so long) or ignore (it \
         goes on to count). refuse, because a list that is held back hides who was revoked since. \
         It is announced 72 and 24 hours before, and crmgate check ends with an error.",
    ),
    key(
        ROLE,
        "CRL_COVERAGE",
        Kind::Choice(&["leaf", "chain", "any"]),
        Preset::Value("leaf"),
        "Which certificates of a chain need a list of their issuer: leaf (the peer's own), chain \
         (all but the root) or any (none; also the peer's own is then let in without). Where there \
         is a list it is asked, whatever stands here. leaf, because it is the peers' certificates \
         that get lost, while roots often publish no list for their intermediates.",
    ),
    key(
        ROLE,
        "CLIENT_AUTH",
        Kind::Choice(&["require", "request", "none", "2", "1", "0"]),
        Preset::Value("require"),
        "Whether a client has to show a certificate: require (SAP's VCLIENT=2), request (1: one \
         that is shown has to be valid) or none (0). require, because the certificate is what \
         tells SAP CRM from a stranger. Listening role only.",
    ),
    key(
        ROLE,
        "SESSION_LIFETIME",
        Kind::Duration {
            min: MIN_LIFETIME,
            max: MAX_LIFETIME,
        },
        Preset::Value("8h"),
        "How long after a full handshake a client may go on resuming its session. Resuming saves \
         most of the cost of a handshake; 8 hours cover a shift, and a client shows its \
         certificate at least once in each. Listening role only.",
    ),
    key(
        ROLE,
        "SESSION_CACHE_SIZE",
        Kind::Count {
            min: 8000,
            max: 1_000_000,
        },
        Preset::Value("20000"),
        "Sessions kept for clients that resume by session id. SAP's own server cache holds 8000, \
         so fewer would be the bottleneck; 20000 leave room for a cluster of application servers. \
         Listening role only.",
    ),
    key(
        ROLE,
        "SESSION_TICKETS",
        Kind::Switch,
        Preset::Value("yes"),
        "Whether session tickets are handed out beside the cache. They cost no memory here and \
         survive the cache. Listening role only.",
    ),
    key(
        ROLE,
        "LEGACY_CN_MATCH",
        Kind::Switch,
        Preset::Value("no"),
        "Whether a server certificate without any subject alternative name is accepted when its \
         common name is the host's. Off, because every current CA writes the alternative name; \
         switch it on only for an old certificate that cannot be replaced yet. Dialling role only.",
    ),
    key(
        ROLE,
        "MIN_VERSION",
        Kind::Version,
        Preset::Absent("as in [SSL]"),
        "The oldest TLS version of this role, where it differs from [SSL].",
    )
    .example("1.2"),
    key(
        ROLE,
        "MAX_VERSION",
        Kind::Version,
        Preset::Absent("as in [SSL]"),
        "The newest TLS version of this role, where it differs from [SSL].",
    )
    .example("1.3"),
    key(
        ROLE,
        "CIPHERSUITES",
        Kind::Suites,
        Preset::Absent("as in [SSL]"),
        "The cipher suites of this role, where they differ from [SSL].",
    )
    .example("545:PFS:HIGH::EC_X25519:EC_P256:EC_HIGH"),
];
