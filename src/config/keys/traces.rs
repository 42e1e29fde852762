//! The keys of `[Traces]` in `crmgate.ini`.

use std::time::Duration;

use super::{IniFile, Key, Kind, Preset, Section};

pub(super) const SECTION: Section = Section {
    name: NAME,
    doc: "Traces for OpenTelemetry: what became of an exchange and of each try at a side or at SAP CRM, \
          sent to a collector by OTLP over HTTP; the far end is told in traceparent. Off without \
          Endpoint, and then traceparent passes untouched. A collector that is slow or gone costs spans, \
          which are counted, and never a request; a stop waits 3 s for it at the most. Connections whose \
          bytes are only relayed, and requests that are refused unread, have no span.",
};

const NAME: &str = "Traces";

const fn key(name: &'static str, kind: Kind, default: Preset, doc: &'static str) -> Key {
    Key::new(IniFile::Gateway, NAME, name, kind, default, doc)
}

pub(super) const KEYS: &[Key] = &[
    key(
        "Endpoint",
        Kind::Webhook,
        Preset::Absent("no traces"),
        "Where spans are posted to, as Protocol Buffers. Without a path it is /v1/traces, as OTLP has it; \
         collectors mostly listen on port 4318. https:// proves who is told, and no client certificate is \
         shown; http:// is for a collector on this machine. What stands behind the host is not logged.",
    )
    .example("http://127.0.0.1:4318")
    .hint("write the address of the collector, such as http://127.0.0.1:4318")
    .secret(),
    key(
        "SampleRatio",
        Kind::Ratio,
        Preset::Value("1"),
        "Which part of the traces that begin here is recorded. A caller that sends traceparent has \
         decided already: what it has sampled is recorded, whatever stands here, and what it has not is \
         not. 1, so that the one call that somebody asks about is there; write less where there are \
         hundreds a second.",
    )
    .example("0.1"),
    key(
        "ServiceName",
        Kind::Header,
        Preset::Value("crmgate"),
        "Under which name spans are sent (service.name). The machine is named besides (host.name).",
    ),
    key(
        "CaFile",
        Kind::File,
        Preset::Absent("the authorities that this machine believes"),
        "Which authorities vouch for the host of Endpoint. Only for https://.",
    )
    .example("./ssl/company-ca.pem"),
    key(
        "HeadersFile",
        Kind::File,
        Preset::Absent("no further fields"),
        "A file with fields that go with each post, one a line as in Authorization: Bearer ..., for a \
         collector that wants to know who sends. Nobody else may be able to read it, and what it holds \
         is not logged. Lines that begin with # are left out.",
    )
    .example("./otlp.headers")
    .secret(),
    key(
        "Timeout",
        Kind::Duration {
            min: Duration::from_secs(1),
            max: Duration::from_mins(2),
        },
        Preset::Value("10s"),
        "How long one post may take, from the resolver to the answer. 10 s, as OpenTelemetry has it.",
    ),
];
