//! One request: who asks, for what, and what comes of it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::ACCEPT;
use hyper::{Method, Request, StatusCode};
use serde::de::DeserializeOwned;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::access::{Door, Guest, Judge, Role, is_meant};
use super::answers;
use super::bodies::{Answer, Fault, json, wrong_method};
use super::checklist::Checklist;
use super::console;
use super::orders::{
    Deed, DrainBody, LevelBody, Order, ReasonBody, ReloadAnswer, Reloaded, SwitchBody, audit,
    change_sides,
};
use super::refusals::Refusals;
use super::routes::{Ask, Found, find};
use super::server::{Desk, PATIENCE};
use super::token::Token;
use crate::model::Side;

/// What every request needs.
#[derive(Debug, Clone)]
pub(super) struct Counter {
    pub(super) desk: Desk,
    pub(super) token: Arc<Token>,
    pub(super) orders: mpsc::Sender<Order>,
    pub(super) checklist: Checklist,
    pub(super) refusals: Arc<Refusals>,
}

/// Answers one request of whoever came in by this door.
pub(super) async fn answered(
    counter: &Counter,
    door: &Door,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> Result<Answer, Infallible> {
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let answer = answer(counter, door, peer, request).await;
    Ok(answer.unwrap_or_else(|fault| {
        let (who, what) = ((door, peer), (&method, &uri));
        let counters = counter.desk.viewer.counters();
        counter.refusals.note(counters, who, what, &fault);
        fault.answer()
    }))
}

async fn answer(
    counter: &Counter,
    door: &Door,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> Result<Answer, Fault> {
    let uri = request.uri().clone();
    if let Some(asset) = console::find(uri.path()) {
        let is_look = matches!(request.method(), &Method::GET | &Method::HEAD);
        return Ok(if is_look {
            asset.answer(request.headers())
        } else {
            wrong_method(&[Method::GET])
        });
    }
    let settings = counter.desk.viewer.settings().admin;
    let acceptor = counter.desk.viewer.admin_acceptor();
    let judge = Judge {
        token: &counter.token,
        settings: &settings,
        acceptor: acceptor.as_deref(),
    };
    let (ask, role, parts) = match find(request.method(), uri.path()) {
        Found::Route(ask, role, parts) => (ask, role, parts),
        Found::WrongMethod(allowed) => return Ok(wrong_method(&allowed)),
        Found::Nothing => return Err(Fault::not_found(uri.path())),
    };
    // Health is asked for by those who know no name for us.
    if role == Role::Anybody {
        return Ok(health(counter, ask, uri.query()));
    }
    let guest = judge.guest(door, peer, request.headers())?;
    let accept = request.headers().get(ACCEPT).cloned();
    if guest.role < role {
        return Err(Fault::needs(role, guest.role, counter.token.file()));
    }
    if role == Role::Operator {
        is_meant(request.headers())?;
        return ordered(counter, &guest, ask, &parts, request).await;
    }
    let accept = accept.as_ref().and_then(|accept| accept.to_str().ok());
    Ok(looked(counter, &guest, ask, (uri.query(), accept)))
}

fn health(counter: &Counter, ask: Ask, query: Option<&str>) -> Answer {
    if ask == Ask::Alive {
        answers::alive(&counter.desk.viewer)
    } else {
        answers::ready(&counter.desk.viewer, query)
    }
}

fn looked(
    counter: &Counter,
    guest: &Guest,
    ask: Ask,
    (query, accept): (Option<&str>, Option<&str>),
) -> Answer {
    let Desk {
        viewer,
        recent,
        dir,
        ..
    } = &counter.desk;
    match ask {
        Ask::Who => answers::who(guest, counter.token.file()),
        Ask::Status => json(StatusCode::OK, &viewer.report()),
        Ask::Systems => json(StatusCode::OK, &viewer.report().systems),
        Ask::Generations => json(StatusCode::OK, &viewer.attempt_reports()),
        Ask::Certificates => json(StatusCode::OK, &viewer.certificates()),
        Ask::Sessions => json(StatusCode::OK, &viewer.sessions()),
        Ask::Errors => json(StatusCode::OK, &recent.since(number("since", query))),
        Ask::Configuration => answers::configuration(dir),
        Ask::OpenApi => answers::description(),
        Ask::Stream => answers::stream(viewer.clone()),
        Ask::LastPreflight => counter.checklist.told(),
        Ask::Metrics => answers::metrics(viewer, counter.checklist.figures(), accept),
        Ask::Alive
        | Ask::Ready
        | Ask::Reload
        | Ask::Switch
        | Ask::Drain
        | Ask::Undrain
        | Ask::LogLevel
        | Ask::Preflight
        | Ask::Stop => Fault::not_found("").answer(),
    }
}

fn number(name: &str, query: Option<&str>) -> u64 {
    let mut parts = query.unwrap_or_default().split('&');
    let value = parts.find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
    value.and_then(|value| value.parse().ok()).unwrap_or(0)
}

async fn ordered(
    counter: &Counter,
    guest: &Guest,
    ask: Ask,
    parts: &[&str],
    request: Request<Incoming>,
) -> Result<Answer, Fault> {
    match (ask, parts) {
        (Ask::Switch, [system]) => {
            let body: SwitchBody = body(request).await?;
            let what = (
                Deed::Switch,
                side(&body.side)?,
                body.reason.as_str(),
                body.dry_run,
            );
            let change = change_sides(&counter.desk.viewer, guest, system, what)?;
            Ok(json(StatusCode::OK, &change))
        }
        (Ask::Drain | Ask::Undrain, [system, letter]) => {
            let body: DrainBody = body(request).await?;
            let deed = if ask == Ask::Drain {
                Deed::Drain
            } else {
                Deed::Undrain
            };
            let what = (deed, side(letter)?, body.reason.as_str(), body.dry_run);
            let change = change_sides(&counter.desk.viewer, guest, system, what)?;
            Ok(json(StatusCode::OK, &change))
        }
        (Ask::Reload, _) => {
            reload(counter, guest, &body::<ReasonBody>(request).await?.reason).await
        }
        (Ask::LogLevel, _) => {
            let LevelBody { level } = body(request).await?;
            set_level(counter, guest, level).await
        }
        (Ask::Preflight, _) => {
            let Counter {
                checklist, desk, ..
            } = counter;
            checklist.run(desk, guest, body(request).await?).await
        }
        (Ask::Stop, _) => {
            let ReasonBody { reason } = body(request).await?;
            let phase = counter.desk.viewer.status().phase;
            audit(guest, "stop", &reason, &phase.to_string(), "draining");
            let by = Arc::clone(&guest.name);
            send(counter, Order::Stop { by }).await?;
            Ok(json(
                StatusCode::OK,
                &serde_json::json!({ "draining": true }),
            ))
        }
        _other => Err(Fault::not_found("")),
    }
}

async fn reload(counter: &Counter, guest: &Guest, reason: &str) -> Result<Answer, Fault> {
    let viewer = &counter.desk.viewer;
    let before = viewer.status().generation;
    let (reply, answer) = oneshot::channel();
    let by = Arc::clone(&guest.name);
    send(counter, Order::Reload { by, reply }).await?;
    if awaited(answer).await? != Reloaded::Tried {
        return Err(Fault::draining());
    }
    let attempt = viewer.attempt_reports().into_iter().next();
    let in_force = attempt
        .as_ref()
        .is_some_and(|attempt| attempt.generation.is_some());
    let after = viewer.status().generation;
    let outcome = if in_force { "in force" } else { "refused" };
    audit(
        guest,
        "reload",
        reason,
        &format!("generation {before}"),
        &format!("generation {after}, {outcome}"),
    );
    Ok(json(StatusCode::OK, &ReloadAnswer { in_force, attempt }))
}

async fn set_level(counter: &Counter, guest: &Guest, level: String) -> Result<Answer, Fault> {
    let (reply, answer) = oneshot::channel();
    let order = Order::LogLevel {
        level: level.clone(),
        reply,
    };
    send(counter, order).await?;
    let before = awaited(answer).await?.map_err(Fault::bad_request)?;
    audit(guest, "log level", "", &before, &level);
    Ok(json(StatusCode::OK, &serde_json::json!({ "level": level })))
}

async fn send(counter: &Counter, order: Order) -> Result<(), Fault> {
    let sent = timeout(PATIENCE, counter.orders.send(order)).await;
    sent.ok().and_then(Result::ok).ok_or_else(Fault::draining)
}

async fn awaited<T>(answer: oneshot::Receiver<T>) -> Result<T, Fault> {
    let answer = timeout(LONGEST_ORDER, answer).await;
    answer.ok().and_then(Result::ok).ok_or_else(Fault::draining)
}

fn side(letter: &str) -> Result<Side, Fault> {
    let mut both = Side::BOTH.into_iter();
    both.find(|side| side.to_string().eq_ignore_ascii_case(letter))
        .ok_or_else(|| {
            Fault::bad_request(format!(
                "\"{}\" is no side: use A or B",
                letter.escape_debug()
            ))
        })
}

/// The body of an order; none is as good as an empty one.
async fn body<T: DeserializeOwned>(request: Request<Incoming>) -> Result<T, Fault> {
    let collected = timeout(
        PATIENCE,
        Limited::new(request.into_body(), MAX_BODY).collect(),
    )
    .await;
    let bytes = match collected {
        Ok(Ok(collected)) => collected.to_bytes(),
        Ok(Err(_)) => {
            return Err(Fault::bad_request(
                "the body is cut off or too large".to_owned(),
            ));
        }
        Err(_slow) => {
            return Err(Fault::bad_request(
                "the body did not come in time".to_owned(),
            ));
        }
    };
    let text: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
    serde_json::from_slice(text)
        .map_err(|error| Fault::bad_request(format!("the body is not understood: {error}")))
}

/// An order is a side and a reason.
const MAX_BODY: usize = 4_096;

/// Longer than any reload takes that somebody still waits for.
const LONGEST_ORDER: Duration = Duration::from_mins(2);
