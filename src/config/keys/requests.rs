//! The keys of `[Requests]`, `[Failover]` and `[Probe]` in a system's file.

use std::time::Duration;

use super::{IniFile, Key, Kind, Preset};

const REQUESTS: &str = "Requests";
const FAILOVER: &str = "Failover";
const PROBE: &str = "Probe";

const fn key(
    section: &'static str,
    name: &'static str,
    kind: Kind,
    default: Preset,
    doc: &'static str,
) -> Key {
    Key::new(IniFile::System, section, name, kind, default, doc)
}

const fn ms(min: u64, max: u64) -> Kind {
    Kind::Duration {
        min: Duration::from_millis(min),
        max: Duration::from_millis(max),
    }
}

const SECOND: u64 = 1000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;

pub(super) const KEYS: &[Key] = &[
    key(
        REQUESTS,
        "Listen",
        Kind::Listeners,
        Preset::Required,
        "Where SAP CRM connects: the host and port of its RFC destination (SM59).",
    )
    .example("0.0.0.0:8443"),
    key(
        REQUESTS,
        "SideA",
        Kind::Url,
        Preset::Required,
        "The first connector installation. http:// for one on this machine, https:// for one \
         behind a network; the gateway then shows its own certificate there.",
    )
    .example("http://127.0.0.1:8080"),
    key(
        REQUESTS,
        "SideB",
        Kind::Url,
        Preset::Absent("one side only, no failover"),
        "The second connector installation, which serves when the first cannot.",
    )
    .example("https://side-b.example:8443"),
    key(
        REQUESTS,
        "Mode",
        Kind::Choice(&["terminate", "passthrough", "relay"]),
        Preset::Value("terminate"),
        "terminate: TLS ends here, every request is judged and sent on, and what was never sent \
         may go to the other side. passthrough: bytes only, TLS runs through to the side, and the \
         choice of the side is made once for each connection. relay: TLS ends here with all that \
         goes with it (client certificate, sessions, revocation), and the bytes inside go to the \
         side unread; for traffic that is not HTTP. terminate, because only there a caller gets an \
         answer when no side is up.",
    ),
    key(
        REQUESTS,
        "ConnectTimeout",
        ms(50, MINUTE),
        Preset::Value("1s"),
        "How long TCP and TLS to a side may take in all before the other one is tried. Sides are \
         near; a second is long for a connect and short for a caller.",
    ),
    key(
        REQUESTS,
        "ResponseTimeout",
        ms(100, HOUR),
        Preset::Value("60s"),
        "From the last byte of the request to the first of the answer. With Mode=passthrough and \
         Mode=relay, where nobody knows what is an answer: how long a connection may carry no byte in either \
         direction. 60 s is what ICM allows, so the gateway is not the first to give up.",
    ),
    key(
        REQUESTS,
        "PoolIdle",
        ms(0, 10 * MINUTE),
        Preset::Value("10s"),
        "How long a connection to a side is kept unused; 0 opens a new one for every request. 10 s \
         is shorter than any connector is known to keep one.",
    ),
    key(
        REQUESTS,
        "Fault",
        Kind::Choice(&["soap", "http"]),
        Preset::Value("soap"),
        "How an answer looks that the gateway makes itself: a SOAP Fault in the caller's SOAP \
         version, or a plain 502, 503 or 504. soap, because SAP reports a Fault in words and a \
         plain page as an unsupported stream.",
    ),
    key(
        REQUESTS,
        "Dechunk",
        Kind::Switch,
        Preset::Value("no"),
        "Whether a chunked request is collected and sent with Content-Length, for a connector that \
         cannot read chunks. Off, because collecting costs memory and time.",
    ),
    key(
        REQUESTS,
        "ForwardedFor",
        Kind::Switch,
        Preset::Value("no"),
        "Whether the side is told the caller's address in X-Forwarded-For. Off, because connectors \
         do not expect the field.",
    ),
    key(
        FAILOVER,
        "Preferred",
        Kind::Choice(&["A", "B"]),
        Preset::Value("A"),
        "The side that is active at start, and that a fail-back goes to.",
    ),
    key(
        FAILOVER,
        "Fall",
        Kind::Count { min: 1, max: 100 },
        Preset::Value("2"),
        "Failures in a row, of requests or probes, until a side counts as down. One may be chance; \
         two with the probe's defaults are noticed within 2 s.",
    ),
    key(
        FAILOVER,
        "Rise",
        Kind::Count { min: 1, max: 100 },
        Preset::Value("2"),
        "Good probes in a row until a side counts as up again. Two, so that a service that answers \
         once while it starts is not trusted yet.",
    ),
    key(
        FAILOVER,
        "MinHold",
        ms(0, HOUR),
        Preset::Value("10s"),
        "The shortest time between two switches, unless the side in use is down and the other one \
         is up: then it is left at once. A switch costs every agent a new subscription, so two in \
         10 s would do more harm than most faults.",
    ),
    key(
        FAILOVER,
        "Failback",
        Kind::Choice(&["manual", "auto", "window"]),
        Preset::Value("manual"),
        "When to go back to the preferred side: never by itself (manual), once it has been healthy \
         for FailbackHold (auto), or within FailbackWindow (window). manual, because agents are \
         subscribed to the side that serves and a move back is an outage of its own.",
    ),
    key(
        FAILOVER,
        "FailbackHold",
        ms(100, 24 * HOUR),
        Preset::Value("5m"),
        "With Failback=auto: how long the preferred side has to be healthy first. Long enough for a \
         connector to be up with all its own connections.",
    ),
    key(
        FAILOVER,
        "FailbackWindow",
        Kind::Window,
        Preset::Value("02:00-04:00"),
        "With Failback=window: when a move back is welcome, on the gateway's own clock and zone. \
         The default is when most call centres are quiet.",
    ),
    key(
        FAILOVER,
        "MaxSwitches",
        Kind::Count { min: 1, max: 1000 },
        Preset::Value("4"),
        "Automatic switches within FlapWindow before the gateway stays where it is and raises an \
         alarm. Two there and two back are a pattern and no longer an accident.",
    ),
    key(
        FAILOVER,
        "FlapWindow",
        ms(SECOND, 24 * HOUR),
        Preset::Value("10m"),
        "Over how long MaxSwitches counts. Long enough to see a side that comes and goes with a \
         restart loop.",
    ),
    key(
        FAILOVER,
        "HangLimit",
        ms(100, 10 * MINUTE),
        Preset::Value("1s"),
        "Once a side is down: how long a request that it already has may have waited before the \
         caller is told. A side that died does not answer; a second leaves room for an answer on \
         its way. With one side alone the answer is waited for, since there is no other to turn \
         to.",
    ),
    key(
        PROBE,
        "Type",
        Kind::Choice(&["off", "tcp", "tls", "http", "soap"]),
        Preset::Computed(
            "off with one side; with two sides http, or tcp with Mode=passthrough and Mode=relay",
        ),
        "What a health probe does: a TCP connection, a TLS handshake with the gateway's \
         certificate, an HTTP request or a SOAP call. http, because a side that accepts and stays \
         silent is found by nothing less.",
    )
    .example("http"),
    key(
        PROBE,
        "Interval",
        ms(50, HOUR),
        Preset::Value("500ms"),
        "The time between two probes of a side. Two failures with a time-out each fit into 2 s, \
         which is the longest that callers should meet a dead side.",
    ),
    key(
        PROBE,
        "Timeout",
        ms(50, MINUTE),
        Preset::Value("500ms"),
        "From the dial of a probe to the end of the answer's head. Half a second is long for a \
         health page on the same site.",
    ),
    key(
        PROBE,
        "Method",
        Kind::Choice(&["HEAD", "GET", "OPTIONS"]),
        Preset::Value("HEAD"),
        "With Type=http: the method of the probe's request. HEAD asks for no body.",
    ),
    key(
        PROBE,
        "Path",
        Kind::RequestPath,
        Preset::Value("/"),
        "With Type=http or soap: the path that is asked for.",
    ),
    key(
        PROBE,
        "ExpectStatus",
        Kind::Statuses,
        Preset::Value("any"),
        "With Type=http or soap: the statuses that mean alive. any, because a connector that \
         answers 404 or 405 to HEAD is alive.",
    )
    .example("200,204,400-499"),
    key(
        PROBE,
        "SoapAction",
        Kind::Header,
        Preset::Value(""),
        "With Type=soap: the SOAPAction of the call, without its quotes. Empty, as most SOAP 1.1 \
         services expect.",
    )
    .example("urn:health"),
    key(
        PROBE,
        "SoapBodyFile",
        Kind::File,
        Preset::Absent("an empty SOAP 1.1 body"),
        "With Type=soap: a file that holds the whole envelope to send.",
    )
    .example("./probe.xml"),
];
