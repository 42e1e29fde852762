//! hyper as the oracle: whatever gets through here means the same to it.

use std::cell::RefCell;
use std::convert::Infallible;
use std::rc::Rc;

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::http::corpus::{GOOD, HOSTILE};
use crate::http::framing::{Chunk, ChunkDecoder, Framing};
use crate::http::lines::find_end;
use crate::http::{HeadLimits, RequestHead, RequestRewrite};

/// What a request is, in a few words.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Meaning {
    method: String,
    target: String,
    host: Option<String>,
    body: Vec<u8>,
}

/// The first request in these bytes, as this gateway understands it, if it lets it through whole;
/// and the bytes that it would send on.
fn ours(bytes: &[u8]) -> Option<(Meaning, Vec<u8>)> {
    let limits = HeadLimits {
        max_size: 8192,
        max_fields: 100,
    };
    let bytes = bytes.strip_prefix(b"\r\n").unwrap_or(bytes);
    let (head, mut rest) = bytes.split_at(find_end(bytes, 0).ok()??);
    let mut request = RequestHead::default();
    request.take(head, limits).ok()?;
    let mut body = Vec::new();
    match request.framing() {
        Framing::None => {}
        Framing::Length(length) => {
            let length = usize::try_from(length).ok()?;
            body.extend_from_slice(rest.get(..length)?);
        }
        Framing::UntilClose => panic!("a request has no such body"),
        Framing::Chunked => {
            let mut decoder = ChunkDecoder::new();
            loop {
                match decoder.next(&mut rest).ok()? {
                    Chunk::Data(data) => body.extend_from_slice(data),
                    Chunk::More => return None,
                    Chunk::End => break,
                }
            }
        }
    }
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
        target: text(request.target()),
        host: request.authority().map(text),
        body,
    };
    Some((meaning, sent))
}

/// The requests in these bytes as hyper understands them.
async fn theirs(bytes: &[u8]) -> Vec<Meaning> {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let (mut near, far) = tokio::io::duplex(64 * 1024);
    let noted = Rc::clone(&seen);
    let service = service_fn(move |request: Request<Incoming>| {
        let noted = Rc::clone(&noted);
        async move {
            let (parts, body) = request.into_parts();
            if let Ok(body) = body.collect().await {
                let path = parts.uri.path_and_query();
                noted.borrow_mut().push(Meaning {
                    method: parts.method.to_string(),
                    target: path.map(ToString::to_string).unwrap_or_default(),
                    host: parts.uri.authority().map(ToString::to_string),
                    body: body.to_bytes().to_vec(),
                });
            }
            Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
        }
    });
    let serving = http1::Builder::new()
        .half_close(true)
        .serve_connection(TokioIo::new(far), service);
    let calling = async {
        near.write_all(bytes).await.expect("written");
        near.shutdown().await.expect("ended");
        let mut answers = Vec::new();
        let _ended_somehow = near.read_to_end(&mut answers).await;
    };
    let (_ended_somehow, ()) = tokio::join!(serving, calling);
    seen.take()
}

/// The path that an absolute target asks for.
fn path_of(target: &str) -> String {
    if target.starts_with('/') {
        return target.to_owned();
    }
    let Some((_, rest)) = target.split_once("://") else {
        return target.to_owned();
    };
    match rest.find(['/', '?']).map(|at| rest.split_at(at).1) {
        Some(path) if path.starts_with('/') => path.to_owned(),
        Some(query) => format!("/{query}"),
        None => "/".to_owned(),
    }
}

/// If we let it through, hyper must see the same request in what came and in what we send on.
async fn agrees(name: &str, bytes: &[u8]) -> bool {
    let Some((mut ours, sent)) = ours(bytes) else {
        return false;
    };
    ours.target = path_of(&ours.target);
    let came = theirs(bytes).await;
    assert_eq!(came.first(), Some(&ours), "{name}: as it came");
    ours.host = None;
    assert_eq!(theirs(&sent).await, [ours], "{name}: as it is sent on");
    true
}

#[tokio::test]
async fn hyper_reads_every_good_request_as_we_do() {
    for (name, bytes, length) in GOOD {
        assert!(agrees(name, bytes).await, "{name}");
        let (meaning, _) = ours(bytes).expect("let through");
        assert_eq!(meaning.body.len(), *length, "{name}");
    }
}

#[tokio::test]
async fn no_hostile_request_gets_through() {
    for (name, bytes) in HOSTILE {
        assert!(!agrees(name, bytes).await, "{name}");
    }
}

fn mutant() -> impl Strategy<Value = Vec<u8>> {
    let corpus: Vec<Vec<u8>> = GOOD
        .iter()
        .map(|(_, bytes, _)| bytes.to_vec())
        .chain(HOSTILE.iter().map(|(_, bytes)| bytes.to_vec()))
        .collect();
    let byte = prop_oneof![
        prop::sample::select(b"\r\n \t:,;\0/0159aA-_".to_vec()),
        any::<u8>()
    ];
    let edit = (any::<prop::sample::Index>(), byte, 0..3_u8);
    (
        prop::sample::select(corpus),
        prop::collection::vec(edit, 1..4),
    )
        .prop_map(|(mut bytes, edits)| {
            for (at, byte, kind) in edits {
                let at = at.index(bytes.len());
                match kind {
                    0 => bytes[at] = byte,
                    1 => bytes.insert(at, byte),
                    _ if bytes.len() > 1 => drop(bytes.remove(at)),
                    _ => {}
                }
            }
            bytes
        })
}

proptest! {
    #[test]
    fn hyper_reads_every_mutant_that_gets_through_as_we_do(bytes in mutant()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let name = String::from_utf8_lossy(&bytes).into_owned();
        runtime.block_on(agrees(&name, &bytes));
    }
}
