//! The sections of a system's file, and the keys of `[Config]`, `[Events]` and `[StaticRoutes]`.

use std::time::Duration;

use super::{IniFile, Key, Kind, Preset, Section};

pub(super) const SECTIONS: &[Section] = &[
    Section {
        name: "Config",
        doc: "The vendor's own section. The gateway reads TpiDllParameter from it and leaves the \
              rest alone.",
    },
    Section {
        name: "Requests",
        doc: "Requests of SAP CRM to the connector: one listener, one or two sides.",
    },
    Section {
        name: "Failover",
        doc: "When to move to the other side, and when to move back. It needs SideB.",
    },
    Section {
        name: "Probe",
        doc: "How the sides are watched while no request tells.",
    },
    Section {
        name: "Events",
        doc: "Events of the connector to SAP CRM. It needs Crm, or Allow, or both.",
    },
    Section {
        name: "StaticRoutes",
        doc: "Bytes of a port here to a port of the CRM host, TLS untouched. Every key that is a \
              number is a route: `44300=crm.example.com` listens on port 44300 and goes to port \
              44300 of that host; `44300=crm.example.com:443` goes to port 443.",
    },
];

const CONFIG: &str = "Config";
const EVENTS: &str = "Events";
const ROUTES: &str = "StaticRoutes";

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
        CONFIG,
        "TpiDllParameter",
        Kind::Tokens,
        Preset::Absent("plain HTTP towards SAP, said loudly"),
        "The vendor's tokens, separated by blanks. SSL: TLS with client certificates towards SAP, \
         both ways. PROXY=host:port: events reach the CRM over that host, while the TLS name stays \
         the CRM's. PROXY is refused without SSL, since the vendor knows it only behind SSL. A word \
         that is near to either is refused, and so is a key whose name is near to this one while \
         this one is missing: a slip would mean plain HTTP.",
    )
    .example("SSL PROXY=10.0.0.5:44300"),
    key(
        EVENTS,
        "Listen",
        Kind::Listeners,
        Preset::Required,
        "Where the connector delivers its events.",
    )
    .example("127.0.0.1:8081"),
    key(
        EVENTS,
        "Tls",
        Kind::Switch,
        Preset::Value("no"),
        "Whether the connector speaks TLS to this listener and shows a certificate. no, because \
         connector and gateway usually share a machine. yes needs SSL in TpiDllParameter.",
    ),
    key(
        EVENTS,
        "Crm",
        Kind::Url,
        Preset::Absent("only the forward-proxy form, see Allow"),
        "Where every event goes: the CRM's host and ICM port. https:// with SSL in \
         TpiDllParameter, http:// without.",
    )
    .example("https://crm.example.com:44300"),
    key(
        EVENTS,
        "Allow",
        Kind::Targets,
        Preset::Absent("only Crm is a target"),
        "CRM hosts that a connector may name itself in the forward-proxy form (POST \
         http://crm.example.com:44300/...), for a connector that learns its event address at run \
         time.",
    )
    .example("crm.example.com:44300"),
    key(
        EVENTS,
        "ConnectTimeout",
        ms(50, MINUTE),
        Preset::Value("3s"),
        "How long TCP and TLS to the CRM may take in all. Longer than to a side, because a proxy \
         may stand between and there is no other CRM to try.",
    ),
    key(
        EVENTS,
        "ResponseTimeout",
        ms(100, HOUR),
        Preset::Value("60s"),
        "From the last byte of the event to the first of the CRM's answer. 60 s is what ICM allows \
         itself.",
    ),
    key(
        EVENTS,
        "PoolIdle",
        ms(0, 10 * MINUTE),
        Preset::Value("20s"),
        "How long a connection to the CRM is kept unused; 0 opens a new one for every event. 20 s \
         is shorter than the shortest that ICM keeps one (30 s, in practice from 25 s), so that \
         the gateway closes first.",
    ),
    key(
        EVENTS,
        "ClientProtocol",
        Kind::Switch,
        Preset::Value("yes"),
        "Whether ICM is told, in the header ClientProtocol, that the connector's leg had another \
         scheme. yes, so that addresses that SAP writes into answers fit.",
    ),
    key(
        EVENTS,
        "Fault",
        Kind::Choice(&["soap", "http"]),
        Preset::Value("soap"),
        "How an answer to the connector looks that the gateway makes itself: a SOAP Fault, or a \
         plain 502, 503 or 504.",
    ),
    key(
        EVENTS,
        "AllowClient1",
        Kind::ClientRule,
        Preset::Absent("every connector with a certificate of CA_FILE is served"),
        "Who may deliver events, of those whose certificate is good: AllowClient1, AllowClient2 and \
         so on, written as in [Requests]. It needs Tls=yes.",
    )
    .example("dns=side-a.example.com")
    .numbered(),
    key(
        EVENTS,
        "DenyClient1",
        Kind::ClientRule,
        Preset::Absent("nobody is denied"),
        "Who may not deliver events, whatever AllowClient says: DenyClient1, DenyClient2 and so on, \
         written as in [Requests]. It needs Tls=yes.",
    )
    .example("key-sha256=9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")
    .numbered(),
    key(
        ROUTES,
        "Bind",
        Kind::Address,
        Preset::Value("0.0.0.0"),
        "The address that all routes of this file listen on.",
    ),
    key(
        ROUTES,
        "ConnectTimeout",
        ms(50, MINUTE),
        Preset::Value("3s"),
        "How long the TCP connection to the CRM host may take.",
    ),
    key(
        ROUTES,
        "IdleTimeout",
        ms(100, 24 * HOUR),
        Preset::Value("10m"),
        "No byte in either direction for so long ends a routed connection. Far beyond what ICM \
         keeps an idle one, so SAP's own limits decide.",
    ),
];
