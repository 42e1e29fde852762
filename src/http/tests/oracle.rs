//! The entry points of the fuzz targets as properties, over the corpus and over its mutants.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use proptest::prelude::*;

use super::corpus::{self, GOOD, HOSTILE};
use crate as crmgate;

#[path = "../../../fuzz/entries.rs"]
#[expect(
    unreachable_pub,
    reason = "the same file is a module of the fuzz targets"
)]
mod entries;

#[path = "../../../fuzz/containers.rs"]
#[expect(
    unreachable_pub,
    reason = "the same file is a module of the fuzz targets"
)]
mod containers;

#[path = "../../../fuzz/seeds.rs"]
#[expect(unreachable_pub, reason = "the same file is a module of the fuzzer")]
mod seeds;

#[path = "../../../tests/support/more_hostile.rs"]
#[expect(
    unreachable_pub,
    reason = "the same file is a module of the system tests"
)]
mod more_hostile;

#[test]
fn hyper_reads_every_good_request_as_we_do() {
    for (name, bytes, _) in GOOD {
        assert!(entries::differential(bytes), "{name}");
    }
}

/// Where it is sent on, there are more: a length, and the name of the host.
#[test]
fn hyper_reads_a_request_with_as_many_fields_as_may_be_as_we_do() {
    for start in [
        "POST / HTTP/1.1\r\nHost: a\r\n",
        "POST / HTTP/1.0\r\nX: 1\r\n",
    ] {
        let fields = "X: 1\r\n".repeat(99);
        let request = format!("{start}{fields}\r\n");
        assert!(entries::differential(request.as_bytes()), "{start}");
    }
}

#[test]
fn no_hostile_request_gets_through() {
    let more = more_hostile::HEADS.iter().chain(more_hostile::BODIES);
    for (name, bytes) in HOSTILE.iter().chain(more) {
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

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn nothing_that_fuzzing_starts_from_is_a_finding() {
    for (target, seeds) in seeds::all(root()) {
        assert!(seeds.len() > 10, "{target}: {}", seeds.len());
        for seed in seeds {
            try_one(target, &seed);
        }
    }
}

#[test]
fn every_fuzz_target_has_something_to_start_from() {
    let folder = root().join("fuzz/fuzz_targets");
    let mut targets: Vec<_> = fs::read_dir(folder)
        .expect("targets")
        .map(|entry| entry.expect("a target").file_name())
        .collect();
    targets.sort();
    let mut seeded = seeds::all(root()).map(|(target, _)| OsString::from(format!("{target}.rs")));
    seeded.sort();
    assert_eq!(targets, seeded);
}

/// Those that have a byte to change.
fn seeds_of_containers() -> Vec<Vec<u8>> {
    let mut seeds = containers::seeds();
    seeds.retain(|seed| !seed.is_empty());
    seeds
}

fn try_one(target: &str, bytes: &[u8]) {
    match target {
        "request_head" => entries::request_head(bytes),
        "answer_head" => entries::answer_head(bytes),
        "chunked" => entries::chunked(bytes),
        "differential" => {
            entries::differential(bytes);
        }
        "ini" => entries::ini(bytes),
        "containers" => containers::containers(bytes),
        unknown => panic!("{unknown} is no target"),
    }
}

proptest! {
    #[test]
    fn hyper_reads_every_mutant_that_gets_through_as_we_do(bytes in mutant_of(seeds::requests())) {
        entries::differential(&bytes);
    }

    #[test]
    fn a_head_of_a_request_is_refused_or_goes_on_as_it_was_meant(
        bytes in mutant_of(seeds::requests()),
    ) {
        let end = memchr::memmem::find(&bytes, b"\r\n\r\n").map_or(bytes.len(), |at| at + 4);
        entries::request_head(&bytes[..end]);
    }

    #[test]
    fn a_head_of_an_answer_is_refused_or_goes_on_as_it_was_meant(bytes in mutant_of(seeds::answers())) {
        entries::answer_head(&bytes);
    }

    #[test]
    fn a_chunked_body_comes_apart_alike_wherever_it_is_cut(
        bytes in prop_oneof![mutant_of(seeds::bodies()), prop::collection::vec(byte(), 0..60)],
    ) {
        entries::chunked(&bytes);
    }

    #[test]
    fn a_file_of_certificates_is_refused_or_can_be_written_and_read_again(
        bytes in mutant_of(seeds_of_containers()),
    ) {
        containers::containers(&bytes);
    }

    #[test]
    fn a_configuration_is_settings_or_errors(bytes in mutant_of(seeds::inis(root()))) {
        entries::ini(&bytes);
    }
}
