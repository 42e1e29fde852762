//! What is answered, from what the viewer sees.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use http_body_util::channel::Channel;
use hyper::StatusCode;
use serde::Serialize;

use super::access::Guest;
use super::bodies::{Answer, answer_of, json, text, typed};
use crate::config::{Setting, effective};
use crate::gateway::{Report, Viewer};
use crate::model::Phase;
use crate::telemetry::exposition::{self, Form, PreflightFigures, Scrape};

/// Who somebody is to the gateway.
#[derive(Debug, Serialize)]
struct Who<'a> {
    name: &'a str,
    role: super::access::Role,
    /// Where the token stands that makes a reader on this machine an operator.
    token_file: String,
}

/// One key of the configuration.
#[derive(Debug, Serialize)]
struct SettingAnswer {
    file: String,
    section: String,
    key: String,
    value: Option<String>,
    origin: &'static str,
    line: Option<u32>,
}

pub(super) fn who(guest: &Guest, token_file: &Path) -> Answer {
    let who = Who {
        name: &guest.name,
        role: guest.role,
        token_file: token_file.display().to_string(),
    };
    json(StatusCode::OK, &who)
}

/// Whether the process is there at all. That it answers is the answer.
pub(super) fn alive(viewer: &Viewer) -> Answer {
    match viewer.status().phase {
        Phase::Stopped => text(StatusCode::SERVICE_UNAVAILABLE, "stopped"),
        Phase::Starting | Phase::Serving | Phase::Reloading | Phase::Draining => {
            text(StatusCode::OK, "alive")
        }
    }
}

/// Whether callers should be sent here. `?sides=0` leaves the sides out of it: for a load balancer
/// behind whose gateways the same sides stand.
pub(super) fn ready(viewer: &Viewer, query: Option<&str>) -> Answer {
    let Report {
        mut not_ready,
        systems,
        ..
    } = viewer.report();
    if query.is_some_and(|query| query.split('&').any(|part| part == "sides=0")) {
        let about_sides = |reason: &String| {
            let names = systems.iter().map(|system| &system.name);
            names
                .into_iter()
                .any(|name| *reason == format!("no side of {name} is up"))
        };
        not_ready.retain(|reason| !about_sides(reason));
    }
    if not_ready.is_empty() {
        text(StatusCode::OK, "ready")
    } else {
        text(StatusCode::SERVICE_UNAVAILABLE, &not_ready.join("\n"))
    }
}

pub(super) fn configuration(dir: &Path) -> Answer {
    let all: Vec<_> = effective(dir).into_iter().map(SettingAnswer::of).collect();
    json(StatusCode::OK, &all)
}

impl SettingAnswer {
    fn of(setting: Setting) -> Self {
        Self {
            file: setting.file.display().to_string(),
            section: setting.section,
            key: setting.key,
            value: setting.value,
            origin: if setting.line.is_some() {
                "written"
            } else {
                "default"
            },
            line: setting.line,
        }
    }
}

/// All figures, in the form that is asked for.
pub(super) fn metrics(
    viewer: &Viewer,
    preflight: Option<PreflightFigures>,
    accept: Option<&str>,
) -> Answer {
    let form = Form::accepted(accept);
    let scrape = Scrape {
        preflight,
        ..viewer.scrape()
    };
    let text = exposition::write(&scrape, form);
    typed(StatusCode::OK, form.content_type(), text)
}

/// What can be asked, for programs.
pub(super) fn description() -> Answer {
    let text = include_str!("openapi.json");
    typed(StatusCode::OK, "application/json", text)
}

/// The status once a second and after every step of the gateway, until nobody listens.
pub(super) fn stream(viewer: Viewer) -> Answer {
    let (mut sender, body) = Channel::<Bytes, std::convert::Infallible>::new(1);
    tokio::task::spawn_local(async move {
        let mut number = 0_u64;
        loop {
            let report = serde_json::to_string(&viewer.report()).unwrap_or_default();
            let event = format!("id: {number}\nevent: status\ndata: {report}\n\n");
            if sender.send_data(event.into()).await.is_err() {
                return;
            }
            number = number.saturating_add(1);
            let _tick = tokio::time::timeout(PACE, viewer.changed()).await;
        }
    });
    answer_of(StatusCode::OK, "text/event-stream", body.boxed_unsync())
}

/// Often enough for an eye, and one look at atomics for each watcher.
const PACE: Duration = Duration::from_secs(1);
