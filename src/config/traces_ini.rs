//! `[Traces]` of `crmgate.ini`: who is sent what became of exchanges.

use crate::config::document::Document;
use crate::config::files;
use crate::config::keys::IniFile;
use crate::config::problem::{Problem, Problems};
use crate::config::reader::Reader;
use crate::config::settings::{TraceSettings, WebhookUrl};
use crate::model::{SampleRatio, Scheme, Secret};

/// Reads the section; none where nobody is sent anything.
pub(super) fn read(document: &Document, problems: &mut Problems) -> Option<TraceSettings> {
    let mut reader = Reader::new(document, IniFile::Gateway, "Traces", problems);
    let endpoint: Option<WebhookUrl> = reader.get("Endpoint");
    let ratio = reader.get("SampleRatio");
    let service: String = reader.value("ServiceName");
    let ca = reader.file("CaFile");
    let headers = reader.file("HeadersFile");
    let timeout = reader.value("Timeout");
    if reader.is_set("ServiceName") && reader.written("ServiceName").is_empty() {
        let hint = "remove the line to use the default, which is crmgate";
        let place = reader.place("ServiceName");
        reader.report(Problem::error(place, "ServiceName has no value", hint));
    }
    let unreadable = ca.as_ref().and_then(files::unreadable);
    let exposed = headers
        .as_ref()
        .and_then(|file| files::unreadable(file).or_else(|| files::exposed_secret(file)));
    for problem in unreadable.into_iter().chain(exposed) {
        reader.report(problem);
    }
    if !reader.is_set("Endpoint") {
        let names = [
            "SampleRatio",
            "ServiceName",
            "CaFile",
            "HeadersFile",
            "Timeout",
        ];
        reader.without_effect(
            &names,
            "without Endpoint",
            "add Endpoint, or remove the line",
        );
    }
    let is_plain = endpoint
        .as_ref()
        .is_some_and(|url| url.scheme == Scheme::Http);
    if is_plain {
        let hint = "write https:// in Endpoint, or remove the line";
        reader.without_effect(&["CaFile"], "with http:// in Endpoint", hint);
    }
    let place = reader.place("Endpoint");
    Some(TraceSettings {
        endpoint: with_path(endpoint?),
        ratio: ratio.unwrap_or(SampleRatio::ALL),
        service,
        ca: ca.filter(|_| !is_plain),
        headers,
        timeout,
        place,
    })
}

/// OTLP has a path of its own for traces where none is written.
fn with_path(url: WebhookUrl) -> WebhookUrl {
    if url.path.expose() == "/" {
        return WebhookUrl {
            path: Secret::new("/v1/traces".to_owned()),
            ..url
        };
    }
    url
}
