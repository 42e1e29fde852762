use proptest::prelude::*;

use super::*;
use crate::http::corpus::{GOOD, HOSTILE};
use crate::http::fields::classify;
use crate::http::framing::{Chunk, ChunkDecoder};
use crate::http::lines::{BareLf, find_end};

const LIMITS: HeadLimits = HeadLimits {
    max_size: 8192,
    max_fields: 100,
};

fn take(head: &[u8]) -> Result<RequestHead, Refusal> {
    let mut request = RequestHead::default();
    request.take(head, LIMITS).map(|()| request)
}

fn good(head: &str) -> RequestHead {
    take(head.as_bytes()).expect(head)
}

/// The code of the refusal of a whole request with its body, if it is refused.
fn judge(bytes: &[u8]) -> Option<&'static str> {
    let bytes = bytes.strip_prefix(b"\r\n").unwrap_or(bytes);
    let end = match find_end(bytes, 0) {
        Ok(end) => end.unwrap_or(bytes.len()),
        Err(BareLf) if bytes.starts_with(b"\r") || bytes.starts_with(b"\0") => bytes.len(),
        Err(BareLf) => return Some(Refusal::LineEnd.code()),
    };
    let (head, mut body) = bytes.split_at(end);
    let request = match take(head) {
        Ok(request) => request,
        Err(refusal) => return Some(refusal.code()),
    };
    if request.framing() == Framing::Chunked {
        let mut decoder = ChunkDecoder::new();
        loop {
            match decoder.next(&mut body) {
                Ok(Chunk::Data(_)) => {}
                Ok(Chunk::End | Chunk::More) => return None,
                Err(_bad) => return Some("GW-400-CHUNK"),
            }
        }
    }
    None
}

#[test]
fn every_hostile_request_is_refused_with_its_code() {
    for (name, bytes) in HOSTILE {
        let code = name.split('/').next();
        assert_eq!(judge(bytes), code, "{name}");
    }
}

#[test]
fn every_good_request_gets_through() {
    for (name, bytes, _) in GOOD {
        assert_eq!(judge(bytes), None, "{name}");
    }
}

#[test]
fn every_refusal_is_shown_by_three_requests_at_least() {
    let of_size = [Refusal::HeadTooLarge, Refusal::TooManyFields];
    for refusal in Refusal::ALL.iter().filter(|one| !of_size.contains(one)) {
        let examples = HOSTILE
            .iter()
            .filter(|(name, _)| name.split('/').next() == Some(refusal.code()));
        assert!(examples.count() >= 3, "{}", refusal.code());
    }
}

#[test]
fn more_fields_than_allowed_are_refused_however_many() {
    for count in [101, 999, 1000, 1001, 5000] {
        let head = format!("GET / HTTP/1.1\r\n{}\r\n", "A:\r\n".repeat(count));
        assert_eq!(take(head.as_bytes()).err(), Some(Refusal::TooManyFields));
    }
    let most = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "A:\r\n".repeat(99));
    assert!(take(most.as_bytes()).is_ok());
}

#[test]
fn a_connection_field_that_names_too_many_fields_is_refused() {
    let names = |count: usize| {
        let list = "x,".repeat(count);
        take(format!("GET / HTTP/1.1\r\nHost: a\r\nConnection: {list}\r\n\r\n").as_bytes())
    };
    assert!(names(32).is_ok());
    for count in [33, 100, 3000] {
        assert_eq!(names(count).err(), Some(Refusal::ConnectionNames));
    }
}

#[test]
fn after_a_refusal_nothing_of_the_head_before_is_left() {
    let mut request = RequestHead::default();
    let before = b"HEAD /secret HTTP/1.0\r\nSOAPAction: x\r\n\r\n";
    request.take(before, LIMITS).expect("good");
    assert_eq!(request.take(b"\0", LIMITS), Err(Refusal::RequestLine));
    assert_eq!(request.method(), b"");
    assert_eq!(request.target(), b"");
    assert_eq!(request.version(), Version::Http11);
    assert_eq!(request.soap(), None);
    assert!(!request.is_head());
}

#[test]
fn a_refused_request_shows_its_method_and_target_to_the_log() {
    let mut request = RequestHead::default();
    let refused = request.take(b"POST /dial HTTP/1.1\r\n\r\n", LIMITS);
    assert_eq!(refused, Err(Refusal::Host));
    assert_eq!(request.method(), b"POST");
    assert_eq!(request.target(), b"/dial");
}

#[test]
fn the_connection_stays_by_the_rules_of_each_version() {
    for (version, field, stays) in [
        ("1.1", "", true),
        ("1.1", "Connection: close\r\n", false),
        ("1.1", "Connection: Keep-Alive\r\n", true),
        ("1.1", "Connection: keep-alive, CLOSE\r\n", false),
        ("1.1", "Connection: x\r\nConnection: close\r\n", false),
        ("1.1", "Connection: closed\r\n", true),
        ("1.0", "", false),
        ("1.0", "Connection: keep-alive\r\n", true),
        ("1.0", "Connection: x, Keep-Alive\r\n", true),
        ("1.0", "Connection: keep-alive, close\r\n", false),
        ("1.0", "Keep-Alive: 300\r\n", false),
    ] {
        let head = format!("GET / HTTP/{version}\r\nHost: a\r\n{field}\r\n");
        assert_eq!(good(&head).keep_alive(), stays, "{head}");
    }
}

#[test]
fn the_soap_of_a_caller_is_known_by_its_content_type_or_action() {
    for (fields, soap, action) in [
        ("", None, None),
        ("Content-Type: application/json\r\n", None, None),
        (
            "content-type: Text/XML;charset=x\r\n",
            Some(Soap::V1_1),
            None,
        ),
        (
            "Content-Type: application/soap+xml\r\n",
            Some(Soap::V1_2),
            None,
        ),
        (
            "SOAPAction: \"urn:a#dial\"\r\n",
            Some(Soap::V1_1),
            Some(&b"urn:a#dial"[..]),
        ),
        ("soapaction: dial\r\n", Some(Soap::V1_1), Some(b"dial")),
        ("SOAPAction: \"\"\r\n", None, None),
    ] {
        let request = good(&format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n"));
        assert_eq!(request.soap(), soap, "{fields}");
        assert_eq!(request.soap_action(), action, "{fields}");
        assert_eq!(
            request.has_soap_action(),
            fields.to_lowercase().contains("soapaction")
        );
    }
}

/// A first line, and fields.
type Apart = (String, Vec<(String, Vec<u8>)>);

/// A head that was written on, taken apart by hand.
fn apart(head: &[u8]) -> Apart {
    let text = head.strip_suffix(b"\r\n\r\n").expect("an end");
    let mut lines = text.split(|byte| *byte == b'\n').map(|line| {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        assert!(!line.contains(&b'\r') && !line.contains(&0), "{line:?}");
        line
    });
    let first = String::from_utf8(lines.next().expect("a line").to_vec()).expect("ASCII");
    let fields = lines
        .map(|line| {
            let at = line.iter().position(|byte| *byte == b':').expect("a colon");
            let name = String::from_utf8(line[..at].to_vec()).expect("ASCII");
            (name, line[at + 1..].trim_ascii().to_vec())
        })
        .collect();
    (first, fields)
}

fn field() -> impl Strategy<Value = (String, Vec<u8>)> {
    let byte = prop_oneof![Just(b'\t'), 0x20_u8..0x7f, 0x80_u8..=0xff];
    (
        "[A-Za-z!#$%&'*+.^`|~][A-Za-z0-9-]{0,20}",
        prop::collection::vec(byte, 0..40),
    )
}

fn corpus() -> Vec<Vec<u8>> {
    HOSTILE
        .iter()
        .map(|(_, bytes)| bytes.to_vec())
        .chain(GOOD.iter().map(|(_, bytes, _)| bytes.to_vec()))
        .collect()
}

/// Requests of the corpus with a few bytes changed, put in or left out.
fn mutant() -> impl Strategy<Value = Vec<u8>> {
    let edit = (any::<prop::sample::Index>(), any::<u8>(), 0..3_u8);
    (
        prop::sample::select(corpus()),
        prop::collection::vec(edit, 1..5),
    )
        .prop_map(|(mut bytes, edits)| {
            for (at, byte, kind) in edits {
                if bytes.is_empty() {
                    break;
                }
                let at = at.index(bytes.len());
                match kind {
                    0 => bytes[at] = byte,
                    1 => bytes.insert(at, byte),
                    _ => drop(bytes.remove(at)),
                }
            }
            bytes
        })
}

/// Whatever gets through is one request that nobody can read in two ways.
fn what_gets_through_is_one_plain_request(bytes: &[u8]) {
    let Ok(request) = take(bytes) else { return };
    let mut out = Vec::new();
    request.write_to(
        &mut out,
        &RequestRewrite {
            host_if_missing: "side",
            ..RequestRewrite::default()
        },
    );
    let (line, fields) = apart(&out);
    let parts: Vec<_> = line.split(' ').collect();
    assert_eq!(parts.len(), 3, "{line}");
    assert!(parts[1].starts_with('/') || parts[1] == "*", "{line}");
    assert_eq!(parts[2], "HTTP/1.1");
    let count = |name: &str| {
        let same = |other: &str| other.replace('_', "-").eq_ignore_ascii_case(name);
        fields.iter().filter(|(other, _)| same(other)).count()
    };
    assert_eq!(count("host"), 1);
    let framing = match request.framing() {
        Framing::None => (0, 0),
        Framing::Length(_) => (1, 0),
        Framing::Chunked => (0, 1),
        Framing::UntilClose => panic!("a request has no such body"),
    };
    assert_eq!(
        (count("content-length"), count("transfer-encoding")),
        framing
    );
    for gone in ["connection", "upgrade", "te", "ssl-client-cert", "via"] {
        assert_eq!(count(gone), 0, "{gone}");
    }
    assert_eq!(find_end(&out, 0), Ok(Some(out.len())));
}

proptest! {
    #[test]
    fn any_bytes_are_refused_or_become_one_plain_request(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        what_gets_through_is_one_plain_request(&bytes);
    }

    #[test]
    fn any_mutant_is_refused_or_becomes_one_plain_request(bytes in mutant()) {
        let end = find_end(&bytes, 0).ok().flatten().unwrap_or(bytes.len());
        what_gets_through_is_one_plain_request(&bytes[..end]);
    }

    #[test]
    fn method_path_and_fields_arrive_as_they_were_sent(
        method in "[A-Z][A-Z-]{0,10}",
        path in "(/[a-zA-Z0-9._~!$&'()*+,;=:@%?-]{0,30}){1,3}",
        fields in prop::collection::vec(field(), 0..20),
    ) {
        prop_assume!(method != "CONNECT" && method != "TRACE");
        prop_assume!(fields.iter().all(|(name, _)| {
            classify(name.as_bytes()) == FieldKind::EndToEnd
        }));
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: a\r\n").into_bytes();
        for (name, value) in &fields {
            head.extend_from_slice(name.as_bytes());
            head.push(b':');
            head.extend_from_slice(value);
            head.extend_from_slice(b"\r\n");
        }
        head.extend_from_slice(b"\r\n");
        let request = take(&head).expect("well formed");
        let mut out = Vec::new();
        request.write_to(&mut out, &RequestRewrite::default());
        let (line, arrived) = apart(&out);
        prop_assert_eq!(line, format!("{method} {path} HTTP/1.1"));
        let expected: Vec<_> = std::iter::once(("Host".to_owned(), b"a".to_vec()))
            .chain(fields.iter().map(|(name, value)| (name.clone(), value.trim_ascii().to_vec())))
            .collect();
        prop_assert_eq!(arrived, expected);
    }
}
