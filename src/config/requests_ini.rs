//! `[Requests]`, `[Failover]` and `[Probe]` of a system's file.

use crate::config::document::Document;
use crate::config::files;
use crate::config::keys::IniFile;
use crate::config::problem::{Place, Problem, Problems};
use crate::config::reader::Reader;
use crate::config::settings::{
    Failback, FailoverSettings, FaultStyle, ProbeKind, ProbeSettings, RequestMode, RequestSettings,
};
use crate::model::{Endpoint, Scheme, Side};

/// `[Requests]` with the places that cross-file rules name.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct WrittenRequests {
    pub(super) settings: RequestSettings,
    pub(super) listen: Place,
    pub(super) side_a: Place,
    pub(super) side_b: Place,
    pub(super) probe: Place,
}

const REMOVE: &str = "remove the line";

/// Reads the three sections; `None` where there is no `[Requests]`, or no `SideA` in it.
pub(super) fn read(document: &Document, problems: &mut Problems) -> Option<WrittenRequests> {
    let mut reader = Reader::new(document, IniFile::System, "Requests", problems);
    if !reader.is_there() {
        warn_of_companions(document, problems);
        return None;
    }
    let mode = match reader.value("Mode") {
        "passthrough" => RequestMode::Passthrough,
        "relay" => RequestMode::Relay,
        _ => RequestMode::Terminate,
    };
    if mode != RequestMode::Terminate {
        reader.without_effect(
            &["PoolIdle", "Fault", "Dechunk", "ForwardedFor"],
            &format!("with Mode={}", mode.word()),
            REMOVE,
        );
    }
    let listen = reader.value("Listen");
    let side_a: Option<Endpoint> = reader.get("SideA");
    let side_b: Option<Endpoint> = reader.get("SideB");
    let has_side_b = reader.is_set("SideB");
    let connect_timeout = reader.value("ConnectTimeout");
    let response_timeout = reader.value("ResponseTimeout");
    let pool_idle = reader.value("PoolIdle");
    let fault = fault(&mut reader);
    let dechunk = reader.value("Dechunk");
    let forwarded_for = reader.value("ForwardedFor");
    let places = [
        reader.place("Listen"),
        reader.place("SideA"),
        reader.place("SideB"),
    ];
    let failover = failover(document, has_side_b, problems);
    let sides = [side_a.as_ref(), side_b.as_ref()];
    let (probe, probe_place) = probe(document, mode, sides, problems);
    let [listen_place, a_place, b_place] = places;
    Some(WrittenRequests {
        settings: RequestSettings {
            listen,
            mode,
            side_a: side_a?,
            side_b,
            connect_timeout,
            response_timeout,
            pool_idle,
            fault,
            dechunk,
            forwarded_for,
            failover,
            probe,
        },
        listen: listen_place,
        side_a: a_place,
        side_b: b_place,
        probe: probe_place,
    })
}

/// `Fault`, which `[Requests]` and `[Events]` share.
pub(super) fn fault(reader: &mut Reader<'_>) -> FaultStyle {
    match reader.value("Fault") {
        "http" => FaultStyle::Http,
        _ => FaultStyle::Soap,
    }
}

/// `[Failover]` and `[Probe]` are about the sides; without sides they are about nothing.
fn warn_of_companions(document: &Document, problems: &mut Problems) {
    for section in ["Failover", "Probe"] {
        let mut reader = Reader::new(document, IniFile::System, section, problems);
        if reader.is_there() {
            let place = reader.section_place();
            reader.report(Problem::warning(
                place,
                format!("[{section}] has no effect without [Requests]"),
                "remove the section, or add [Requests] with Listen and SideA",
            ));
        }
    }
}

fn failover(document: &Document, has_side_b: bool, problems: &mut Problems) -> FailoverSettings {
    let mut reader = Reader::new(document, IniFile::System, "Failover", problems);
    if reader.is_there() && !has_side_b {
        let place = reader.section_place();
        reader.report(Problem::warning(
            place,
            "without SideB, [Failover] only decides when the log calls the side down or up",
            "add SideB to [Requests], or remove the section",
        ));
    }
    let preferred = match reader.value("Preferred") {
        "B" => Side::B,
        _ => Side::A,
    };
    if preferred == Side::B && !has_side_b {
        let place = reader.place("Preferred");
        reader.report(
            Problem::error(
                place,
                "Preferred names a side that is not configured",
                "add SideB to [Requests], or write Preferred=A",
            )
            .value("B")
            .allowed("A"),
        );
    }
    let word: &'static str = reader.value("Failback");
    let only = |name| format!("unless Failback={name}");
    // An empty word was refused: then nobody knows which keys are idle.
    if !matches!(word, "auto" | "") {
        reader.without_effect(&["FailbackHold"], &only("auto"), REMOVE);
    }
    if !matches!(word, "window" | "") {
        reader.without_effect(&["FailbackWindow"], &only("window"), REMOVE);
    }
    let hold = reader.value("FailbackHold");
    let window = reader.get("FailbackWindow");
    let failback = match (word, window) {
        ("auto", _) => Failback::After(hold),
        ("window", Some((from, to))) => Failback::Window { from, to },
        _ => Failback::Manual,
    };
    FailoverSettings {
        preferred,
        fall: reader.value("Fall"),
        rise: reader.value("Rise"),
        min_hold: reader.value("MinHold"),
        failback,
        max_switches: reader.value("MaxSwitches"),
        flap_window: reader.value("FlapWindow"),
        hang_limit: reader.value("HangLimit"),
    }
}

fn probe(
    document: &Document,
    mode: RequestMode,
    sides: [Option<&Endpoint>; 2],
    problems: &mut Problems,
) -> (ProbeSettings, Place) {
    let mut reader = Reader::new(document, IniFile::System, "Probe", problems);
    let place = reader.place("Type");
    let written: Option<&'static str> = reader.get("Type");
    let understood = written.is_some() || !reader.is_set("Type");
    let word = written.unwrap_or(match (sides, mode) {
        ([_, None], _) => "off",
        (_, RequestMode::Terminate) => "http",
        (_, RequestMode::Passthrough | RequestMode::Relay) => "tcp",
    });
    if mode == RequestMode::Passthrough && matches!(word, "http" | "soap") {
        reader.report(
            Problem::error(
                place.clone(),
                format!("Type={word} needs Mode=terminate"),
                "write Type=tcp or Type=tls; with passthrough the gateway speaks no HTTP to a side",
            )
            .value(word)
            .allowed("off | tcp | tls"),
        );
    }
    let plain_side = |side: &&Endpoint| side.scheme == Scheme::Http;
    if word == "tls"
        && let Some(side) = sides.into_iter().flatten().find(plain_side)
    {
        reader.report(
            Problem::error(
                place.clone(),
                format!("Type=tls cannot probe {side}, which speaks no TLS"),
                "write Type=http or Type=tcp, or make the side an https:// one",
            )
            .value(word),
        );
    }
    if understood {
        warn_of_probe_keys(&mut reader, word);
    }
    let method = reader.value::<&str>("Method").to_owned();
    let path = reader.value("Path");
    let action = reader.value("SoapAction");
    let body = reader.file("SoapBodyFile");
    let settings = ProbeSettings {
        interval: reader.value("Interval"),
        timeout: reader.value("Timeout"),
        expect_status: reader.value("ExpectStatus"),
        kind: match word {
            "tcp" => ProbeKind::Tcp,
            "tls" => ProbeKind::Tls,
            "http" => ProbeKind::Http { method, path },
            "soap" => {
                if let Some(problem) = body.as_ref().and_then(files::unreadable) {
                    reader.report(problem);
                }
                ProbeKind::Soap { path, action, body }
            }
            _ => ProbeKind::Off,
        },
    };
    (settings, place)
}

/// Keys that belong to another type of probe than the one that runs.
fn warn_of_probe_keys(reader: &mut Reader<'_>, word: &str) {
    let because = format!("with Type={word}");
    let idle: &[&str] = match word {
        "http" => &["SoapAction", "SoapBodyFile"],
        "soap" => &["Method"],
        "off" => &[
            "Interval",
            "Timeout",
            "Method",
            "Path",
            "ExpectStatus",
            "SoapAction",
            "SoapBodyFile",
        ],
        _ => &[
            "Method",
            "Path",
            "ExpectStatus",
            "SoapAction",
            "SoapBodyFile",
        ],
    };
    reader.without_effect(idle, &because, REMOVE);
}
