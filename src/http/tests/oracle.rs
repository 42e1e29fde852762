//! The entry points of the fuzz targets as properties, over the corpus and over its mutants.

use proptest::prelude::*;

use super::corpus::{GOOD, HOSTILE};
use crate as crmgate;

#[path = "../../../fuzz/entries.rs"]
#[expect(
    unreachable_pub,
    reason = "the same file is a module of the fuzz targets"
)]
mod entries;

#[test]
fn hyper_reads_every_good_request_as_we_do() {
    for (name, bytes, _) in GOOD {
        assert!(entries::differential(bytes), "{name}");
    }
}

#[test]
fn no_hostile_request_gets_through() {
    for (name, bytes) in HOSTILE {
        assert!(!entries::differential(bytes), "{name}");
    }
}

/// Bytes that mean something in HTTP and in ini files, more often than others.
fn byte() -> impl Strategy<Value = u8> {
    prop_oneof![
        prop::sample::select(b"\r\n \t:,;=[]#\0/0159aA-_".to_vec()),
        any::<u8>()
    ]
}

/// One of these with a few bytes changed, put in or left out.
fn mutant_of(corpus: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let edit = (any::<prop::sample::Index>(), byte(), 0..3_u8);
    (
        prop::sample::select(corpus),
        prop::collection::vec(edit, 1..5),
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

fn requests() -> Vec<Vec<u8>> {
    let hostile = HOSTILE.iter().map(|(_, bytes)| bytes.to_vec());
    let good = GOOD.iter().map(|(_, bytes, _)| bytes.to_vec());
    hostile.chain(good).collect()
}

fn answers() -> Vec<Vec<u8>> {
    [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nServer: x\r\n\r\n",
        "HTTP/1.1 500 Internal Server Error\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.0 200\r\nConnection: keep-alive, X\r\nX: y\r\n\r\n",
        "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\nConnection: close\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into()
}

fn bodies() -> Vec<Vec<u8>> {
    [
        "5\r\nhello\r\n0\r\n\r\n",
        "a;x=\"y\"\r\n0123456789\r\n00\r\nA: b\r\nC:\r\n\r\nGET /",
        "1\r\n\r\n\r\n0\r\n\r\n",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into()
}

fn inis() -> Vec<Vec<u8>> {
    [
        "[Config]\r\nTpiDllParameter=SSL PROXY=10.0.0.5:44300\r\n[Requests]\r\n\
         Listen=127.0.0.1:8443\r\nSideA=http://127.0.0.1:8080\r\n\n---\n\
         [SSL]\nMETHOD=0\n[SSL_SERVER_CLIENT]\nCA_FILE=./ca.pem\nPEM_FILE=.\\a.pem\n\n---\n\
         [Admin]\nListen=127.0.0.1:9440\n[Log]\nFormat=text\n",
        "\u{feff}[Config]\nTpiDllParameter=\n[StaticRoutes]\n44300=crm.example.com ; why\n",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into()
}

proptest! {
    #[test]
    fn hyper_reads_every_mutant_that_gets_through_as_we_do(bytes in mutant_of(requests())) {
        entries::differential(&bytes);
    }

    #[test]
    fn a_head_of_a_request_is_refused_or_goes_on_as_it_was_meant(
        bytes in mutant_of(requests()),
    ) {
        let end = memchr::memmem::find(&bytes, b"\r\n\r\n").map_or(bytes.len(), |at| at + 4);
        entries::request_head(&bytes[..end]);
    }

    #[test]
    fn a_head_of_an_answer_is_refused_or_goes_on_as_it_was_meant(bytes in mutant_of(answers())) {
        entries::answer_head(&bytes);
    }

    #[test]
    fn a_chunked_body_comes_apart_alike_wherever_it_is_cut(
        bytes in prop_oneof![mutant_of(bodies()), prop::collection::vec(byte(), 0..60)],
    ) {
        entries::chunked(&bytes);
    }

    #[test]
    fn a_configuration_is_settings_or_errors(bytes in mutant_of(inis())) {
        entries::ini(&bytes);
    }
}
