//! The keys of `crmgate.ini`.

use std::time::Duration;

use super::{IniFile, Key, Kind, Preset, Section, traces};

pub(super) const SECTIONS: &[Section] = &[
    Section {
        name: "Admin",
        doc: "The operator's own listener: the console for a browser, status, metrics, and orders \
              such as a switch-over. On a loopback address everybody on this machine may look, and \
              whoever can read the token file may change things. On any other address there is \
              TLS with client certificates, and rules say who may look and who may change things; \
              certificates are those of [SSL_SERVER_CLIENT] unless ssl.ini has [SSL_SERVER_CLIENT \
              ADMIN] or [SSL_SERVER ADMIN].",
    },
    Section {
        name: "Log",
        doc: "What is written to the log, and how.",
    },
    Section {
        name: "Sessions",
        doc: "TLS session tickets, for more than one gateway: a client that was served by one of \
              them resumes its session at another.",
    },
    Section {
        name: "Alarms",
        doc: "Who is told besides the log when a certificate, an authority or a revocation list is about \
              to end: 60, 30, 14, 7 and 1 days before, and when it has ended. A list has a step at 3 days \
              as well, and only those that lie in the second half of its time.",
    },
    traces::SECTION,
    Section {
        name: "Runtime",
        doc: "Threads, stopping, noticing changed files, and what the process gives up.",
    },
    Section {
        name: "Limits",
        doc: "What one peer, and all of them together, may take.",
    },
];

const ADMIN: &str = "Admin";
const LOG: &str = "Log";
const SESSIONS: &str = "Sessions";
const ALARMS: &str = "Alarms";
const RUNTIME: &str = "Runtime";
const LIMITS: &str = "Limits";

const fn key(
    section: &'static str,
    name: &'static str,
    kind: Kind,
    default: Preset,
    doc: &'static str,
) -> Key {
    Key::new(IniFile::Gateway, section, name, kind, default, doc)
}

/// From a time so short that only a trial wants it.
const fn up_to(max: Duration) -> Kind {
    Kind::Duration {
        min: Duration::from_millis(100),
        max,
    }
}

const fn count(min: u64, max: u64) -> Kind {
    Kind::Count { min, max }
}

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const GIB: u64 = 1024 * MIB;

/// More than one machine has descriptors for; a greater number is a slip of the finger.
const MOST: u64 = 1_000_000;

pub(super) const KEYS: &[Key] = &[
    key(
        ADMIN,
        "Listen",
        Kind::Listeners,
        Preset::Absent("no admin listener"),
        "Where the operator's browser, the command line and a monitoring system connect. A change \
         takes effect at the next start.",
    )
    .example("127.0.0.1:9440"),
    key(
        ADMIN,
        "TokenFile",
        Kind::File,
        Preset::Computed("a file of its own beside StateFile"),
        "Where a new token is written at each start, readable for the service's account alone. Who \
         can read it may operate the gateway over the loopback address; the command line does so.",
    )
    .example("./admin.token"),
    key(
        ADMIN,
        "AllowReader1",
        Kind::ClientRule,
        Preset::Absent("nobody but operators may look over TLS"),
        "Who may look over TLS: AllowReader1, AllowReader2 and so on, written as AllowClient in \
         [Requests].",
    )
    .example("cn=monitoring")
    .numbered(),
    key(
        ADMIN,
        "AllowOperator1",
        Kind::ClientRule,
        Preset::Absent("nobody may operate over TLS"),
        "Who may look and change things over TLS: AllowOperator1, AllowOperator2 and so on, written \
         as AllowClient in [Requests].",
    )
    .example("cn=basis01 & issuer=CN=Company CA, O=Company, C=DE")
    .numbered(),
    key(
        LOG,
        "Format",
        Kind::Choice(&["text", "json"]),
        Preset::Value("text"),
        "text for people, json for a collector: one object a line.",
    ),
    key(
        LOG,
        "Level",
        Kind::Level,
        Preset::Value("info"),
        "How much is written. info is every change of state that an operator cares about, and no \
         line that a stranger can cause at will.",
    ),
    key(
        LOG,
        "File",
        Kind::OutputFile,
        Preset::Absent("standard output"),
        "Where the log goes. Standard output, because systemd and containers collect it there; a service \
         of Windows has none, and writes to logs\\crmgate.log beside this file.",
    )
    .example("./crmgate.log"),
    key(
        LOG,
        "RotateSize",
        Kind::Size {
            min: 64 * KIB,
            max: 16 * GIB,
        },
        Preset::Absent("the file grows; as a service of Windows 64MiB"),
        "Before File would be larger than this, it is moved to File.1 and begun anew. Leave it out where \
         logrotate or another program does that.",
    )
    .example("64MiB"),
    key(
        LOG,
        "RotateAge",
        up_to(Duration::from_hours(366 * 24)),
        Preset::Absent("the file may become as old as it likes"),
        "When File was begun so long ago, it is moved to File.1 with the next line and begun anew.",
    )
    .example("24h"),
    key(
        LOG,
        "RotateKeep",
        count(1, 1_000),
        Preset::Value("10"),
        "How many of the old files stay, File.1 being the latest. 10: some days of a busy gateway.",
    ),
    key(
        LOG,
        "Access",
        Kind::Switch,
        Preset::Value("yes"),
        "Whether every exchange and every routed connection gets one line. yes: it is the only \
         record of what became of a request. Malformed requests, and routed connections on which \
         nothing came back, get no more than Throttle allows.",
    ),
    key(
        LOG,
        "Throttle",
        count(1, 10_000),
        Preset::Value("10"),
        "Lines a second that one kind of network event may cause in all threads together, at least \
         one in each; the rest is counted. 10, so that a scan of the port fills no disk.",
    ),
    key(
        SESSIONS,
        "TicketSecretFile",
        Kind::File,
        Preset::Absent("every gateway has random keys of its own"),
        "A file with a secret that all gateways behind one address share. From it and from the \
         clock each of them computes the same ticket keys, so a session that one has granted is \
         resumed by another, also after a restart. One secret a line, of at least 43 letters, \
         digits and signs; make one with `openssl rand -base64 48`. The first line seals, all \
         lines open: to replace a secret, add the new one as the second line everywhere, then move \
         it up everywhere, and remove the old one when SESSION_LIFETIME has passed. The gateways \
         need the same certificate and key, CA_FILE, CLIENT_AUTH, rules and system name, and clocks \
         that differ by less than 5 minutes; between two that differ, clients get full handshakes. \
         So a change of one of these costs some until all gateways have reloaded.",
    )
    .example("./ssl/tickets.secret")
    .secret(),
    key(
        SESSIONS,
        "TicketRotation",
        Kind::Duration {
            min: Duration::from_mins(10),
            max: Duration::from_hours(24),
        },
        Preset::Value("1h"),
        "How long one ticket key seals. It has to be the same on all gateways with the same \
         secret. An hour: what a stolen key could open stays small.",
    ),
    key(
        ALARMS,
        "Webhook",
        Kind::Webhook,
        Preset::Absent("the log alone tells"),
        "Where each alarm is posted to, as one JSON object: code, subject, last second, days left, file \
         and what to do. Every alarm is posted once, over restarts too where StateFile can be written; a \
         post that fails is tried again for some minutes and then told in the log. Nothing waits for it, \
         and no client certificate is shown. https:// proves who is told; http:// is for a collector on \
         this machine. What stands behind the host is not logged, since many put a secret there.",
    )
    .example("https://alarms.example.com/hooks/crmgate")
    .secret(),
    key(
        ALARMS,
        "WebhookCaFile",
        Kind::File,
        Preset::Absent("the authorities that this machine believes"),
        "Which authorities vouch for the host of Webhook. Only for https://.",
    )
    .example("./ssl/company-ca.pem"),
    key(
        ALARMS,
        "WebhookTimeout",
        Kind::Duration {
            min: Duration::from_secs(1),
            max: Duration::from_mins(2),
        },
        Preset::Value("10s"),
        "How long one post may take, from the resolver to the answer. 10 s: a collector that takes \
         longer has a queue of its own.",
    ),
    key(
        RUNTIME,
        "Threads",
        count(1, 512),
        Preset::Computed("the number of cores"),
        "Threads that serve traffic, each with its own listeners and connections.",
    )
    .example("2"),
    key(
        RUNTIME,
        "DrainTimeout",
        Kind::Duration {
            min: Duration::ZERO,
            max: Duration::from_hours(1),
        },
        Preset::Value("30s"),
        "How long a stop waits for what is in flight before it is cut and named. Half of SAP's own \
         60 s: most answers come far sooner, and a service manager waits no longer.",
    ),
    key(
        RUNTIME,
        "Watch",
        Kind::Switch,
        Preset::Value("yes"),
        "Whether changed ini and certificate files are read again without a signal.",
    ),
    key(
        RUNTIME,
        "WatchInterval",
        up_to(Duration::from_hours(1)),
        Preset::Value("30s"),
        "How often the files are looked at even if the system reported no change, as it does on \
         network shares.",
    ),
    key(
        RUNTIME,
        "StateFile",
        Kind::OutputFile,
        Preset::Computed(
            "a file in $STATE_DIRECTORY, else in /var/lib/crmgate, or on Windows in the folder state \
             beside this file, where that is, else crmgate.state beside this file",
        ),
        "Where it is kept which authority let in which clients, for requests or for events, and \
         which certificates they and the servers that were called showed, and where clients were \
         served without one, for CA_DROP_GUARD and for check --against-seen: check reads it, and so does the gateway after a restart; and which \
         alarms have been raised, so that none is raised twice. It holds no \
         secret, is written once a minute at the most and at the end, and may be deleted; where it \
         cannot be written, that is a warning and the rest works.",
    )
    .example("./crmgate.state"),
    key(
        LIMITS,
        "MaxConnections",
        count(1, MOST),
        Preset::Value("20000"),
        "Accepted connections in all. Several times what a cluster of application servers opens; \
         idle ones cost little.",
    ),
    key(
        LIMITS,
        "MaxConnectionsPerAddress",
        count(1, MOST),
        Preset::Value("16000"),
        "Accepted connections of one address. Below the total, so that one host cannot lock out \
         the rest; high, because all of SAP may stand behind one address.",
    ),
    key(
        LIMITS,
        "MaxHandshakes",
        count(1, MOST),
        Preset::Value("10000"),
        "TLS handshakes in progress in all. Twice the 5000 half-open connections that must not \
         disturb anybody.",
    ),
    key(
        LIMITS,
        "MaxHandshakesPerAddress",
        count(1, MOST),
        Preset::Value("8000"),
        "TLS handshakes in progress of one address. Below the total, so that one host cannot lock \
         out the rest.",
    ),
    key(
        LIMITS,
        "HandshakeTimeout",
        up_to(Duration::from_mins(1)),
        Preset::Value("8s"),
        "From the accept to the end of the handshake. Below the 10 s that half-open connections \
         may live, above any handshake over a slow line.",
    ),
    key(
        LIMITS,
        "HeaderTimeout",
        up_to(Duration::from_mins(1)),
        Preset::Value("8s"),
        "From the first byte of a request to the end of its head. A head is one packet; 8 s allow \
         for its retransmission.",
    ),
    key(
        LIMITS,
        "IdleTimeout",
        up_to(Duration::from_hours(1)),
        Preset::Value("65s"),
        "How long a kept connection may stay without a request. SAP's ICM closes its idle \
         connections after 10 s (and 60 s at most in practice); staying longer lets SAP close \
         first, so no request meets a closed connection.",
    ),
    key(
        LIMITS,
        "MaxHeaderSize",
        Kind::Size {
            min: 4 * KIB,
            max: MIB,
        },
        Preset::Value("32768"),
        "Bytes of the head of a request or an answer. Cookies and logon tickets of SAP fit several \
         times.",
    ),
    key(
        LIMITS,
        "MaxHeaders",
        count(16, 1000),
        Preset::Value("100"),
        "Fields in a head. SAP sends about 20.",
    ),
    key(
        LIMITS,
        "MaxBodySize",
        Kind::Size {
            min: KIB,
            max: 16 * GIB,
        },
        Preset::Value("64MiB"),
        "Bytes of the body of a request. Bodies are streamed, so the limit guards the side and not \
         the gateway's memory; attached data of a contact is far smaller.",
    ),
    key(
        LIMITS,
        "MaxBufferedBody",
        Kind::Size { min: KIB, max: GIB },
        Preset::Value("1MiB"),
        "Bytes that are collected where a length has to be known first (Dechunk, answers to \
         HTTP/1.0 clients). Each such exchange may take as much memory.",
    ),
    key(
        LIMITS,
        "MinBodyRate",
        Kind::Size { min: 0, max: GIB },
        Preset::Value("240"),
        "Bytes a second, over 8 s, below which a body that is sent to the gateway, or an answer \
         that is taken from it, is cut. A side and the CRM have their ResponseTimeout besides. 0 \
         switches it off. 240 is slower than any modem and faster than a trickle meant to hold a \
         connection.",
    ),
];
