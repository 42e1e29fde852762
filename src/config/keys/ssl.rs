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
              `[SSL]`. Certificate and key (PEM_FILE, or CRT_FILE with KEY_FILE, \
              KEY_PASSPHRASE_FILE, and all keys that begin with NEXT_) are taken together from one \
              section, never mixed from two.",
    },
];

/// SAP's own default lifetime of a session, so ours is never the shorter one.
const MIN_LIFETIME: Duration = Duration::from_hours(1);
/// A day: a certificate that was checked longer ago has to be shown again.
const MAX_LIFETIME: Duration = Duration::from_hours(24);

/// Thirty days: whoever comes less often than once a month is asked by other means.
pub const LONGEST_GUARD: Duration = Duration::from_hours(720);

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
        "NEXT_PEM_FILE",
        Kind::File,
        Preset::Absent("no other certificate follows"),
        "The certificate and key that follow those of PEM_FILE, in one file: from NEXT_FROM on new \
         handshakes show them, without a reload and without closing a connection. So both can be \
         put in place in office hours, weeks before. When the date has passed, make it PEM_FILE \
         and remove the NEXT_ keys; sessions of clients go on. It counts only in the section that \
         names the present certificate.",
    )
    .example("./ssl/(Connects for SAP Certificate 2027).pem"),
    key(
        ROLE,
        "NEXT_CRT_FILE",
        Kind::File,
        Preset::Absent("NEXT_PEM_FILE is used"),
        "The certificate that follows, where certificate and key are two files. It goes together \
         with NEXT_KEY_FILE.",
    )
    .example("./ssl/next.crt"),
    key(
        ROLE,
        "NEXT_KEY_FILE",
        Kind::File,
        Preset::Absent("NEXT_PEM_FILE is used"),
        "The private key that belongs to NEXT_CRT_FILE, as PEM.",
    )
    .example("./ssl/next.key"),
    key(
        ROLE,
        "NEXT_KEY_PASSPHRASE_FILE",
        Kind::File,
        Preset::Absent("the key that follows is not encrypted"),
        "A file whose first line is the passphrase of the key that follows, as \
         KEY_PASSPHRASE_FILE is of the present one.",
    )
    .example("./ssl/next-passphrase.txt")
    .secret(),
    key(
        ROLE,
        "NEXT_FROM",
        Kind::Moment,
        Preset::Absent("an error where a NEXT_ file is named"),
        "From when the certificate of NEXT_PEM_FILE, or of NEXT_CRT_FILE, is shown. It has to be \
         valid by then, and the present one should last until then. A clock that is set back \
         behind it brings the present one back.",
    )
    .example("2026-12-01 06:00"),
    key(
        ROLE,
        "CA_DROP_GUARD",
        Kind::Duration {
            min: Duration::ZERO,
            max: LONGEST_GUARD,
        },
        Preset::Value("24h"),
        "How long after a client was let in by an authority of CA_FILE that authority may not leave \
         the file unasked: a reload without it is refused and names the clients that would be shut \
         out, and so does check. 24h, because whoever calls at all calls within a day; write 168h \
         where jobs run once a week. 0 switches it off. A certificate of the same authority with \
         the same key, and an authority that has expired, are never held; and nobody is shut out \
         whose chain, as he showed it last, leads to an authority that stays, as when an issuing \
         authority goes and its root stays. Of more than 10000 clients (after a restart, and for \
         check, of more than 100) the rest is known by number only: then it is refused as well, and \
         said why. Listening role only.",
    ),
    key(
        ROLE,
        "CA_RETIRED",
        Kind::KeyDigests,
        Preset::Absent("no authority that is in use is dropped unasked"),
        "Authorities that may leave CA_FILE although clients of theirs are at work, as after a \
         theft of their key: the SHA-256 of each public key, or its first 16 digits or more. The \
         message that refuses a reload shows the line to write; by hand it is the output of \
         `openssl x509 -in CA.pem -noout -pubkey | openssl pkey -pubin -outform der | openssl \
         dgst -sha256`. It takes no authority out of CA_FILE: one that stands in both is an error. \
         Listening role only.",
    )
    .example("b5bb9d8014a0f9b1"),
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
         The end of a list is announced 60, 30, 14, 7, 3 and 1 days before, as far as that is in \
         the second half of its time, and crmgate check ends with an error once somebody is refused \
         by it.",
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
        "OCSP_RESPONDER",
        Kind::Responder,
        Preset::Absent("no responder is asked"),
        "Who is asked whether a client's certificate has been withdrawn (OCSP): between the handshake \
         and the first request, once for all connections of a client. Believed is what the issuer of \
         the certificate has signed, or somebody whom it has named for that: by a certificate that \
         the issuer itself has signed, for OCSP signing, that is in date, allows digital signatures \
         if it has a key usage, and has no critical extension that is not understood. If a list of \
         CRL_FILE names that certificate it is not believed. Where the issuer has such a list it has \
         to be in force, unless the certificate carries id-pkix-ocsp-nocheck; where there is neither \
         that nor a list, it is believed until it ends. The responder is asked about the client's \
         own certificate and not about those of its authorities. This one responder answers \
         for all CAs of CA_FILE and those below them: whoever has a certificate of one that it does \
         not know is refused with GW-403-NOT-ISSUED if it says so with the issuer's word, and \
         counts else as one of whom it says nothing (GW-403-UNCONFIRMED, unless \
         OCSP_UNANSWERED=serve lets him in unasked). Listening role only.",
    )
    .example("http://ocsp.company.example/ocsp"),
    key(
        ROLE,
        "OCSP_TIMEOUT",
        Kind::Duration {
            min: Duration::from_millis(100),
            max: Duration::from_secs(10),
        },
        Preset::Value("2s"),
        "How long one question may take in all. 2 s, because SAP CRM waits meanwhile. After a failure \
         nobody is asked for 5 s, so that a responder that is away is felt once and not by every \
         client. Listening role only.",
    ),
    key(
        ROLE,
        "OCSP_UNANSWERED",
        Kind::Choice(&["refuse", "serve"]),
        Preset::Value("refuse"),
        "What becomes of a client of whom the responder says nothing: refuse, or serve. An answer \
         that still holds counts also while the responder is away, and who was withdrawn stays so. \
         refuse, because whoever can keep the answer away could keep a stolen certificate in use. \
         Listening role only.",
    ),
    key(
        ROLE,
        "OCSP_MAX_AGE",
        Kind::Duration {
            min: Duration::from_secs(10),
            max: Duration::from_hours(24),
        },
        Preset::Value("10m"),
        "After so long the responder is asked again, although its answer may hold for days; so, as \
         long as the responder answers, it is also how long a withdrawn client may go on unnoticed. \
         While the responder is away, a good answer counts until the end that it names itself \
         (nextUpdate), however far off that is; one that names none counts for this long and no \
         longer. Listening role only.",
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
