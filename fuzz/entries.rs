//! What has to hold for any bytes. Each function panics where it does not.
//!
//! `super::crmgate` is the product: the fuzz targets see it as a crate, its own unit tests as
//! themselves.

use std::cell::RefCell;
use std::convert::Infallible;
use std::fs;
use std::rc::Rc;

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::crmgate::config;
use super::crmgate::http::{
    AnswerFraming, AnswerHead, BadChunk, Chunk, ChunkDecoder, Framing, HeadLimits, RequestHead,
    RequestRewrite, Version,
};

const LIMITS: HeadLimits = HeadLimits {
    max_size: 65_536,
    max_fields: 100,
};

/// A request's head is refused, or goes on as one plain request that means the same.
pub fn request_head(data: &[u8]) {
    let mut request = RequestHead::default();
    if request.take(data, LIMITS).is_err() {
        return;
    }
    let mut sent = Vec::new();
    let rewrite = RequestRewrite {
        host_if_missing: "side",
        ..RequestRewrite::default()
    };
    request.write_to(&mut sent, &rewrite);
    let mut again = RequestHead::default();
    again
        .take(
            &sent,
            HeadLimits {
                max_fields: 101,
                ..LIMITS
            },
        )
        .expect("what goes on is well formed");
    assert_eq!(again.method(), request.method());
    assert_eq!(again.framing(), request.framing());
    assert_eq!(again.soap(), request.soap());
    assert_eq!(again.soap_action(), request.soap_action());
    assert_eq!(again.version(), Version::Http11);
    assert_eq!(again.authority(), None);
    assert!(again.keep_alive() && !again.expects_continue());
    // To go on once more changes nothing.
    let mut twice = Vec::new();
    again.write_to(&mut twice, &rewrite);
    assert_eq!(twice, sent);
}

/// An answer's head is refused, or goes on as one plain answer that means the same.
pub fn answer_head(data: &[u8]) {
    for to_head in [false, true] {
        let mut answer = AnswerHead::default();
        if answer.take(data, LIMITS, to_head).is_err() {
            continue;
        }
        assert!((100..600).contains(&answer.status()));
        let mut sent = Vec::new();
        let framing = match answer.framing() {
            Framing::None | Framing::Length(_) => AnswerFraming::AsIs,
            Framing::Chunked | Framing::UntilClose => AnswerFraming::Chunked,
        };
        answer.write_to(&mut sent, Version::Http11, framing, true);
        let mut again = AnswerHead::default();
        again
            .take(
                &sent,
                HeadLimits {
                    max_fields: 102,
                    ..LIMITS
                },
                to_head,
            )
            .expect("what goes on is well formed");
        assert_eq!(again.status(), answer.status());
        let same = match answer.framing() {
            Framing::UntilClose => Framing::Chunked,
            other @ (Framing::None | Framing::Length(_) | Framing::Chunked) => other,
        };
        assert_eq!(again.framing(), same);
    }
}

/// A chunked body comes apart alike wherever it is cut.
pub fn chunked(data: &[u8]) {
    let at_once = decode(&[data]);
    let bytes: Vec<_> = data.chunks(1).collect();
    let byte_by_byte = decode(&bytes);
    assert_eq!(at_once, byte_by_byte);
    if let Ok((body, _)) = at_once {
        assert!(body.len() <= data.len());
    }
}

/// A body, and how much of the input it took if it is complete.
type Decoded = (Vec<u8>, Option<usize>);

fn decode(pieces: &[&[u8]]) -> Result<Decoded, BadChunk> {
    let mut decoder = ChunkDecoder::new();
    let (mut body, mut before) = (Vec::new(), 0);
    for piece in pieces {
        let mut rest = *piece;
        loop {
            match decoder.next(&mut rest)? {
                Chunk::Data(data) => body.extend_from_slice(data),
                Chunk::More => break,
                Chunk::End => return Ok((body, Some(before + piece.len() - rest.len()))),
            }
        }
        before += piece.len();
    }
    Ok((body, None))
}

/// A configuration is settings or at least one error, and reading it twice gives the same. Three
/// files, parted by a line of dashes; the files with keys that most of them name are there.
pub fn ini(data: &[u8]) {
    let dir = tempfile::tempdir().expect("a directory");
    fs::create_dir(dir.path().join("ssl")).expect("made");
    for name in ["ssl/company-ca.pem", "ssl/side-a.pem"] {
        fs::write(dir.path().join(name), "a certificate and a key\n").expect("written");
    }
    let mut rest = data;
    for name in ["CRMConnectorSAP_T01.ini", "ssl.ini", "crmgate.ini"] {
        let end = find(rest, b"\n---\n");
        let text = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
        fs::write(dir.path().join(name), text).expect("written");
        match end {
            Some(end) => rest = rest.get(end + 5..).unwrap_or_default(),
            None => break,
        }
    }
    let loaded = config::load(dir.path());
    assert_eq!(loaded.settings.is_none(), loaded.problems.has_errors());
    assert_eq!(config::load(dir.path()), loaded);
}

/// Whatever gets through means the same to hyper, as it came and as it is sent on. Says whether
/// it got through.
pub fn differential(data: &[u8]) -> bool {
    let Some((mut ours, sent)) = ours(data) else {
        return false;
    };
    let came = theirs(data);
    assert_eq!(came.first(), Some(&ours), "as it came");
    ours.host = None;
    assert_eq!(theirs(&sent), [ours], "as it is sent on");
    true
}

/// What a request is, in a few words.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Meaning {
    method: String,
    path: String,
    host: Option<String>,
    body: Vec<u8>,
}

/// The first request in these bytes as the product understands it, if it lets it through whole,
/// and the bytes that it would send on.
fn ours(bytes: &[u8]) -> Option<(Meaning, Vec<u8>)> {
    let bytes = bytes.strip_prefix(b"\r\n").unwrap_or(bytes);
    let (head, rest) = bytes.split_at(find(bytes, b"\r\n\r\n")? + 4);
    let mut request = RequestHead::default();
    request.take(head, LIMITS).ok()?;
    let body = match request.framing() {
        Framing::None => Vec::new(),
        Framing::Length(length) => rest.get(..usize::try_from(length).ok()?)?.to_vec(),
        Framing::UntilClose => panic!("a request has no such body"),
        Framing::Chunked => match decode(&[rest]) {
            Ok((body, Some(_))) => body,
            Ok((_, None)) | Err(BadChunk) => return None,
        },
    };
    let mut sent = Vec::new();
    let rewrite = RequestRewrite {
        host_if_missing: "side",
        collected_length: Some(body.len() as u64),
        ..RequestRewrite::default()
    };
    request.write_to(&mut sent, &rewrite);
    sent.extend_from_slice(&body);
    let text = |part: &[u8]| String::from_utf8(part.to_vec()).expect("ASCII");
    let meaning = Meaning {
        method: text(request.method()),
        path: path_of(&text(request.target())),
        host: request.authority().map(text),
        body,
    };
    Some((meaning, sent))
}

/// The path that a target asks for.
fn path_of(target: &str) -> String {
    let absolute = target
        .split_once("://")
        .filter(|_| !target.starts_with('/'));
    let Some((_, rest)) = absolute else {
        return target.to_owned();
    };
    match rest.find(['/', '?']).map(|at| rest.split_at(at).1) {
        Some(path) if path.starts_with('/') => path.to_owned(),
        Some(query) => format!("/{query}"),
        None => "/".to_owned(),
    }
}

/// The requests in these bytes as hyper understands them.
fn theirs(bytes: &[u8]) -> Vec<Meaning> {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let noted = Rc::clone(&seen);
    let service = service_fn(move |request: Request<Incoming>| {
        let noted = Rc::clone(&noted);
        async move {
            let (parts, body) = request.into_parts();
            if let Ok(body) = body.collect().await {
                let path = parts.uri.path_and_query();
                noted.borrow_mut().push(Meaning {
                    method: parts.method.to_string(),
                    path: path.map(ToString::to_string).unwrap_or_default(),
                    host: parts.uri.authority().map(ToString::to_string),
                    body: body.to_bytes().to_vec(),
                });
            }
            Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
        }
    });
    let conversation = async {
        let (mut near, far) = tokio::io::duplex(1024 * 1024);
        let serving = http1::Builder::new()
            .half_close(true)
            // As many as may come, and `Host` and the length of what came without them.
            .max_headers(LIMITS.max_fields + 2)
            .serve_connection(TokioIo::new(far), service);
        let calling = async {
            near.write_all(bytes).await.expect("room for all of it");
            near.shutdown().await.expect("ended");
            let mut answers = Vec::new();
            let _ended_somehow = near.read_to_end(&mut answers).await;
        };
        let (_ended_somehow, ()) = tokio::join!(serving, calling);
    };
    tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime")
        .block_on(conversation);
    seen.take()
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|part| part == what)
}
