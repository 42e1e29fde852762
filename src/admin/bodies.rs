//! Answers as bytes: JSON, text, and what is said when something is not to be had.

use std::convert::Infallible;
use std::path::Path;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use hyper::{Method, Response, StatusCode};
use serde::Serialize;

use super::refusals::Refusal;

/// The body of every answer.
pub(super) type Body = UnsyncBoxBody<Bytes, Infallible>;

/// An answer.
pub(super) type Answer = Response<Body>;

/// Why something is not to be had, in a form that scripts and people can read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Fault {
    #[serde(skip)]
    pub(super) status: u16,
    /// A stable word.
    pub(super) code: &'static str,
    /// What is wrong.
    pub(super) message: String,
    /// What to do.
    pub(super) hint: String,
    /// Why somebody was refused, where it is that.
    #[serde(skip)]
    pub(super) refusal: Option<Refusal>,
}

impl Fault {
    pub(super) fn new(status: u16, code: &'static str, message: String, hint: &str) -> Self {
        Self {
            status,
            code,
            message,
            hint: hint.to_owned(),
            refusal: None,
        }
    }

    /// One for somebody who asks for what he may not have.
    fn refused(status: u16, refusal: Refusal, message: String, hint: &str) -> Self {
        Self {
            refusal: Some(refusal),
            ..Self::new(status, refusal.code(), message, hint)
        }
    }

    pub(super) fn foreign_host(host: &str) -> Self {
        Self::refused(
            421,
            Refusal::ForeignHost,
            format!(
                "\"{}\" is no name of this machine's loopback address",
                host.escape_debug()
            ),
            "use http://127.0.0.1 or http://localhost with the port of Listen in [Admin]",
        )
    }

    pub(super) fn wrong_token(file: &Path) -> Self {
        Self::refused(
            401,
            Refusal::WrongToken,
            "the token is not the one of this run of the daemon".to_owned(),
            &format!(
                "read it again from \"{}\": each start writes a new one",
                file.display()
            ),
        )
    }

    pub(super) fn not_admitted(subject: &str) -> Self {
        Self::refused(
            403,
            Refusal::NotAdmitted,
            format!("the certificate of \"{subject}\" is not admitted any more"),
            "see AllowOperator, AllowReader and the revocation lists of the admin listener",
        )
    }

    pub(super) fn not_json() -> Self {
        Self::refused(
            415,
            Refusal::NotJson,
            "a change has to be asked for in JSON".to_owned(),
            "send Content-Type: application/json, and {} where there is nothing to say",
        )
    }

    pub(super) fn foreign_origin() -> Self {
        Self::refused(
            403,
            Refusal::ForeignOrigin,
            "a page of another origin asked for a change".to_owned(),
            "use the console of this listener, or the command line",
        )
    }

    pub(super) fn needs(role: super::access::Role, has: super::access::Role, file: &Path) -> Self {
        Self::refused(
            403,
            Refusal::Role,
            format!("this needs the role {role}, and you are {has}"),
            &format!(
                "on this machine: send the token of \"{}\" as Authorization: Bearer; over TLS: \
                 AllowOperator in [Admin] has to name your certificate",
                file.display()
            ),
        )
    }

    pub(super) fn not_found(path: &str) -> Self {
        Self::new(
            404,
            "not-found",
            format!("there is nothing at \"{}\"", path.escape_debug()),
            "/api/v1/openapi.json lists what there is",
        )
    }

    pub(super) fn unknown_system(name: &str, known: &[String]) -> Self {
        Self::new(
            404,
            "unknown-system",
            format!(
                "no SAP system \"{}\" with sides is configured",
                name.escape_debug()
            ),
            &format!("use one of: {}", known.join(", ")),
        )
    }

    pub(super) fn draining() -> Self {
        Self::new(
            409,
            "draining",
            "the gateway is draining and takes no orders any more".to_owned(),
            "start it again, and then give the order",
        )
    }

    pub(super) fn bad_request(message: String) -> Self {
        Self::new(
            400,
            "bad-request",
            message,
            "/api/v1/openapi.json says what may be sent",
        )
    }

    pub(super) fn answer(&self) -> Answer {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        json(status, self)
    }
}

/// A fault for another method at a path that there is.
pub(super) fn wrong_method(allowed: &[Method]) -> Answer {
    let allowed: Vec<&str> = allowed.iter().map(Method::as_str).collect();
    let allowed = allowed.join(", ");
    let fault = Fault::new(
        405,
        "wrong-method",
        "this method does nothing here".to_owned(),
        &format!("use {allowed}"),
    );
    let mut answer = fault.answer();
    if let Ok(value) = HeaderValue::from_str(&allowed) {
        answer.headers_mut().insert(ALLOW, value);
    }
    answer
}

/// Anything as JSON.
pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Answer {
    // What is serialised here is ours: plain structs with text keys.
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    typed(status, "application/json", text + "\n")
}

/// Plain text.
pub(super) fn text(status: StatusCode, text: &str) -> Answer {
    typed(status, "text/plain; charset=utf-8", format!("{text}\n"))
}

/// Bytes of a kind.
pub(super) fn typed(status: StatusCode, kind: &'static str, bytes: impl Into<Bytes>) -> Answer {
    answer_of(status, kind, Full::new(bytes.into()).boxed_unsync())
}

/// Any body, with the headers that every answer has: nothing is kept by anybody, nothing is loaded
/// from elsewhere, and no other page frames it.
pub(super) fn answer_of(status: StatusCode, kind: &'static str, body: Body) -> Answer {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    for (name, value) in [
        (CONTENT_TYPE, kind),
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        (
            CONTENT_SECURITY_POLICY,
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
             connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    answer
}
