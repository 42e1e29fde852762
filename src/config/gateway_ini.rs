//! `crmgate.ini`: the gateway itself. The file may be absent; every key has a default.

use std::time::Duration;

use crate::config::admin_ini::WrittenAdmin;
use crate::config::document::Document;
use crate::config::files;
use crate::config::keys::IniFile;
use crate::config::problem::{Problem, Problems, Severity, Topic};
use crate::config::reader::Reader;
use crate::config::settings::{
    AlarmSettings, FileRef, Limits, LogFormat, LogSettings, RuntimeSettings, TicketSettings,
    TraceSettings, WebhookSettings, WebhookUrl,
};
use crate::config::traces_ini;
use crate::config::value::said_duration;
use crate::model::Scheme;

/// SAP's ICM closes its idle client connections after 10 s; whoever closes first must not be us.
const ICM_CLIENT_CLOSES: Duration = Duration::from_secs(10);

/// The file as it is meant.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct GatewayIni {
    pub(super) admin: WrittenAdmin,
    pub(super) log: LogSettings,
    pub(super) tickets: TicketSettings,
    pub(super) alarms: AlarmSettings,
    pub(super) traces: Option<TraceSettings>,
    pub(super) runtime: RuntimeSettings,
    pub(super) limits: Limits,
}

/// Reads the file; of an empty document every value is the default.
pub(super) fn read(document: &Document, problems: &mut Problems) -> GatewayIni {
    GatewayIni {
        admin: WrittenAdmin::read(document, problems),
        log: log(document, problems),
        tickets: tickets(document, problems),
        alarms: alarms(document, problems),
        traces: traces_ini::read(document, problems),
        runtime: runtime(document, problems),
        limits: limits(document, problems),
    }
}

fn log(document: &Document, problems: &mut Problems) -> LogSettings {
    let mut reader = Reader::new(document, IniFile::Gateway, "Log", problems);
    if !reader.is_set("RotateSize") && !reader.is_set("RotateAge") {
        let hint = "add RotateSize or RotateAge, or remove the line";
        reader.without_effect(&["RotateKeep"], "without RotateSize or RotateAge", hint);
    }
    if !reader.is_set("File") {
        let hint = "add File, or remove the line; a service of Windows has a file without it";
        let because = "without File, but as a service of Windows";
        reader.without_effect(&["RotateSize", "RotateAge"], because, hint);
    }
    LogSettings {
        format: match reader.value("Format") {
            "json" => LogFormat::Json,
            _ => LogFormat::Text,
        },
        level: reader.value("Level"),
        file: reader.output_file("File"),
        access: reader.value("Access"),
        throttle: reader.value("Throttle"),
        rotate_size: reader.get("RotateSize"),
        rotate_age: reader.get("RotateAge"),
        rotate_keep: reader.value("RotateKeep"),
    }
}

fn tickets(document: &Document, problems: &mut Problems) -> TicketSettings {
    let mut reader = Reader::new(document, IniFile::Gateway, "Sessions", problems);
    let secret = reader.file("TicketSecretFile");
    if let Some(file) = &secret {
        let problem = files::unreadable(file).or_else(|| files::exposed_secret(file));
        if let Some(problem) = problem {
            reader.report(problem);
        }
    }
    TicketSettings {
        secret,
        rotation: reader.value("TicketRotation"),
    }
}

fn alarms(document: &Document, problems: &mut Problems) -> AlarmSettings {
    let mut reader = Reader::new(document, IniFile::Gateway, "Alarms", problems);
    let url: Option<WebhookUrl> = reader.get("Webhook");
    let ca = reader.file("WebhookCaFile");
    let timeout = reader.value("WebhookTimeout");
    if let Some(problem) = ca.as_ref().and_then(files::unreadable) {
        reader.report(problem);
    }
    if !reader.is_set("Webhook") {
        let names = ["WebhookCaFile", "WebhookTimeout"];
        let hint = "add Webhook, or remove the line";
        reader.without_effect(&names, "without Webhook", hint);
    }
    let is_plain = url.as_ref().is_some_and(|url| url.scheme == Scheme::Http);
    if is_plain {
        let hint = "write https:// in Webhook, or remove the line";
        reader.without_effect(&["WebhookCaFile"], "with http:// in Webhook", hint);
    }
    let place = reader.place("Webhook");
    AlarmSettings {
        webhook: url.map(|url| WebhookSettings {
            ca: ca.filter(|_| !is_plain),
            url,
            timeout,
            place,
        }),
    }
}

/// Where what has to be known after a restart is kept.
pub(super) fn state_file(document: &Document, problems: &mut Problems) -> Option<FileRef> {
    let mut reader = Reader::new(document, IniFile::Gateway, "Runtime", problems);
    let state_file = reader.file("StateFile");
    // What is kept there is of help and never needed: nothing shall wait for the folder.
    if let Some(problem) = state_file.as_ref().and_then(files::unwritable) {
        reader.report(Problem {
            severity: Severity::Warning,
            ..problem
        });
    }
    state_file
}

fn runtime(document: &Document, problems: &mut Problems) -> RuntimeSettings {
    let state_file = state_file(document, problems);
    let mut reader = Reader::new(document, IniFile::Gateway, "Runtime", problems);
    RuntimeSettings {
        state_file,
        threads: reader.get("Threads").unwrap_or_else(cores),
        drain_timeout: reader.value("DrainTimeout"),
        watch: reader.value("Watch"),
        watch_interval: reader.value("WatchInterval"),
    }
}

/// As many as the system lets this process use; one where it does not say.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn limits(document: &Document, problems: &mut Problems) -> Limits {
    let mut reader = Reader::new(document, IniFile::Gateway, "Limits", problems);
    let limits = Limits {
        max_connections: reader.value("MaxConnections"),
        max_connections_per_address: reader.value("MaxConnectionsPerAddress"),
        max_handshakes: reader.value("MaxHandshakes"),
        max_handshakes_per_address: reader.value("MaxHandshakesPerAddress"),
        handshake_timeout: reader.value("HandshakeTimeout"),
        header_timeout: reader.value("HeaderTimeout"),
        idle_timeout: reader.value("IdleTimeout"),
        max_header_size: reader.value("MaxHeaderSize"),
        max_headers: reader.value("MaxHeaders"),
        max_body_size: reader.value("MaxBodySize"),
        max_buffered_body: reader.value("MaxBufferedBody"),
        min_body_rate: reader.value("MinBodyRate"),
    };
    // Zero is what a refused value leaves, and that has its own problem.
    if !limits.idle_timeout.is_zero() && limits.idle_timeout <= ICM_CLIENT_CLOSES {
        let place = reader.place("IdleTimeout");
        reader.report(
            Problem::warning(
                place,
                "IdleTimeout is not longer than the 10 s after which SAP closes idle connections, \
                 so requests can meet a closed one",
                "write more than 10s; 65s leaves the closing to SAP",
            )
            .value(said_duration(limits.idle_timeout))
            .about(Topic::Timeouts),
        );
    }
    let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    let pairs = [
        (
            (
                "MaxConnectionsPerAddress",
                count(limits.max_connections_per_address),
            ),
            ("MaxConnections", count(limits.max_connections)),
        ),
        (
            (
                "MaxHandshakesPerAddress",
                count(limits.max_handshakes_per_address),
            ),
            ("MaxHandshakes", count(limits.max_handshakes)),
        ),
        (
            ("MaxBufferedBody", count(limits.max_buffered_body)),
            ("MaxBodySize", limits.max_body_size),
        ),
    ];
    for ((part, of_part), (whole, of_whole)) in pairs {
        // A refused value is 0 here, and has its own problem.
        let exceeds = of_whole > 0 && of_part > of_whole;
        if exceeds {
            let place = reader.place(if reader.is_set(part) { part } else { whole });
            reader.report(Problem::warning(
                place,
                format!("{part} is greater than {whole}, which is reached first"),
                format!("write {part} below {whole}"),
            ));
        }
    }
    limits
}
