use proptest::prelude::*;

use super::*;

/// A body, and what lies behind it if it is complete.
type Decoded = (Vec<u8>, Option<Vec<u8>>);

/// Decodes pieces one after the other.
fn decode(pieces: &[&[u8]]) -> Result<Decoded, BadChunk> {
    let mut decoder = ChunkDecoder::new();
    let mut body = Vec::new();
    let mut rest = None;
    for mut piece in pieces.iter().copied() {
        loop {
            match decoder.next(&mut piece)? {
                Chunk::Data(data) => body.extend_from_slice(data),
                Chunk::More => break,
                Chunk::End => {
                    rest.get_or_insert_with(Vec::new).extend_from_slice(piece);
                    break;
                }
            }
        }
    }
    Ok((body, rest))
}

fn one(text: &str) -> Result<Decoded, BadChunk> {
    decode(&[text.as_bytes()])
}

fn whole(body: &str, rest: &str) -> Decoded {
    (body.into(), Some(rest.into()))
}

#[test]
fn chunks_in_every_allowed_spelling_are_taken_apart() {
    for (text, body) in [
        ("0\r\n\r\n", ""),
        ("5\r\nhello\r\n0\r\n\r\n", "hello"),
        ("2\r\nhe\r\n03\r\nllo\r\n00\r\n\r\n", "hello"),
        ("a\r\n0123456789\r\n0\r\n\r\n", "0123456789"),
        ("A\r\n0123456789\r\n0\r\n\r\n", "0123456789"),
        ("5;a=b;c=\"d e\"\r\nhello\r\n0;x\r\n\r\n", "hello"),
        ("5\r\nhello\r\n0\r\nA: b\r\nC:\r\n\r\n", "hello"),
        ("2\r\n\r\n\r\n0\r\n\r\n", "\r\n"),
        ("000000000000005\r\nhello\r\n0\r\n\r\n", "hello"),
    ] {
        assert_eq!(one(text), Ok(whole(body, "")), "{text:?}");
    }
}

#[test]
fn whatever_two_servers_could_take_apart_differently_is_refused() {
    for text in [
        "\r\n",
        "\n",
        " 5\r\n",
        "5 \r\n",
        "5\t;a\r\n",
        "+5\r\n",
        "-5\r\n",
        "0x5\r\n",
        "g\r\n",
        "5\n",
        "5\rhello",
        "5;a\n",
        "5;\0\r\n",
        "5\r\nhello0\r\n",
        "5\r\nhello\n",
        "5\r\nhello\r0",
        "5\r\nhello\r\n\r\n",
        "0000000000000005\r\n",
        "ffffffffffffffff\r\n",
        "0\r\n x\r\n",
        "0\r\n\tx\r\n",
        "0\r\n:x\r\n",
        "0\r\nA: b\n",
        "0\r\nA: b\r\r\n",
        "0\r\n\rx",
        "0\r\n\n",
        "0\r\nA\0: b\r\n",
        "0\n\r\n",
    ] {
        assert_eq!(one(text), Err(BadChunk), "{text:?}");
    }
}

#[test]
fn what_lies_behind_a_body_is_left_where_it_is() {
    assert_eq!(one("0\r\n\r\nGET / HTTP"), Ok(whole("", "GET / HTTP")));
    assert_eq!(one("1\r\na\r\n0\r\n\r\n\r\n"), Ok(whole("a", "\r\n")));
}

#[test]
fn extensions_and_trailers_are_bounded_over_the_whole_body() {
    let long = "x".repeat(EXTRA_AT_MOST);
    assert_eq!(
        one(&format!("0;{}\r\n\r\n", "x".repeat(EXTRA_AT_MOST - 2))),
        Ok(whole("", ""))
    );
    assert_eq!(one(&format!("0;{long}\r\n\r\n")), Err(BadChunk));
    assert_eq!(one(&format!("0\r\nA: {long}\r\n\r\n")), Err(BadChunk));
    let many = "1;xxxxxxx\r\na\r\n".repeat(2000);
    assert_eq!(one(&many), Err(BadChunk));
}

/// More than a head may hold of fields by default, at which others give up, is too much here, too.
#[test]
fn a_body_has_a_hundred_trailers_at_most() {
    let with = |number| one(&format!("0\r\n{}\r\n", "X: 1\r\n".repeat(number)));
    assert_eq!(with(100), Ok(whole("", "")));
    assert_eq!(with(101), Err(BadChunk));
}

#[test]
fn nothing_is_written_for_no_data_because_an_empty_chunk_would_end_the_body() {
    let mut out = Vec::new();
    push_chunk(&mut out, b"");
    assert_eq!(out, b"");
}

#[test]
fn sizes_are_written_in_hexadecimal() {
    for (size, text) in [
        (1, "1"),
        (9, "9"),
        (10, "a"),
        (16, "10"),
        (255, "ff"),
        (65536, "10000"),
    ] {
        let mut out = Vec::new();
        push_chunk(&mut out, &vec![b'x'; size]);
        assert!(out.starts_with(format!("{text}\r\nx").as_bytes()), "{size}");
    }
}

proptest! {
    #[test]
    fn chunks_that_were_put_together_come_apart_wherever_they_are_cut(
        parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50), 0..10),
        behind in prop::collection::vec(any::<u8>(), 0..10),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let mut encoded = Vec::new();
        for part in &parts {
            push_chunk(&mut encoded, part);
        }
        encoded.extend_from_slice(LAST_CHUNK);
        encoded.extend_from_slice(&behind);
        let mut places: Vec<_> = cuts.iter().map(|cut| cut.index(encoded.len())).collect();
        places.extend([0, encoded.len()]);
        places.sort_unstable();
        let pieces: Vec<_> = places.windows(2).map(|pair| &encoded[pair[0]..pair[1]]).collect();
        prop_assert_eq!(decode(&pieces), Ok((parts.concat(), Some(behind))));
    }

    #[test]
    fn any_bytes_are_taken_apart_alike_wherever_they_are_cut(
        bytes in prop::collection::vec(
            prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'0'), Just(b'3'), Just(b';'), any::<u8>()],
            0..80,
        ),
        cut in any::<prop::sample::Index>(),
    ) {
        let cut = cut.index(bytes.len() + 1);
        prop_assert_eq!(decode(&[&bytes]), decode(&[&bytes[..cut], &bytes[cut..]]));
    }
}
