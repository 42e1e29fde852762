use proptest::prelude::*;

use super::*;

const LIMITS: HeadLimits = HeadLimits {
    max_size: 8192,
    max_fields: 20,
};

fn take(head: &str, to_head: bool) -> Result<AnswerHead, BadAnswer> {
    let mut answer = AnswerHead::default();
    answer
        .take(head.as_bytes(), LIMITS, to_head)
        .map(|()| answer)
}

fn good(head: &str) -> AnswerHead {
    take(head, false).expect(head)
}

fn written(head: &str, version: Version, framing: AnswerFraming, keep_alive: bool) -> String {
    let mut out = Vec::new();
    good(head).write_to(&mut out, version, framing, keep_alive);
    String::from_utf8(out).expect("text")
}

#[test]
fn the_length_of_an_answer_is_known_from_its_status_and_fields() {
    let length = "Content-Length: 7\r\n";
    let chunked = "Transfer-Encoding: Chunked\r\n";
    for (status, fields, framing) in [
        (200, length, Framing::Length(7)),
        (500, length, Framing::Length(7)),
        (200, chunked, Framing::Chunked),
        (200, "", Framing::UntilClose),
        (204, "", Framing::None),
        (204, length, Framing::None),
        (304, length, Framing::None),
        (100, "", Framing::None),
        (103, length, Framing::None),
    ] {
        let head = format!("HTTP/1.1 {status} x\r\n{fields}\r\n");
        assert_eq!(good(&head).framing(), framing, "{head}");
        let to_head = take(&head, true).expect("good");
        assert_eq!(to_head.framing(), Framing::None, "{head}");
    }
}

#[test]
fn an_answer_that_contradicts_itself_is_refused() {
    for (fields, bad) in [
        (
            "Content-Length: 1\r\nContent-Length: 1\r\n",
            BadAnswer::Length,
        ),
        ("Content-Length: 1, 1\r\n", BadAnswer::Length),
        ("Content-Length: x\r\n", BadAnswer::Length),
        (
            "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
            BadAnswer::Length,
        ),
        (
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            BadAnswer::Length,
        ),
        ("Transfer-Encoding: identity\r\n", BadAnswer::Length),
        ("Transfer_Encoding: chunked\r\n", BadAnswer::Length),
        ("Content_Length: 1\r\n", BadAnswer::Length),
        ("Connection: Content-Length\r\n", BadAnswer::Head),
        ("A : b\r\n", BadAnswer::Head),
        ("A: b\r\n c\r\n", BadAnswer::Head),
        ("A\r\n", BadAnswer::Head),
    ] {
        let head = format!("HTTP/1.1 200 OK\r\n{fields}\r\n");
        assert_eq!(take(&head, false).err(), Some(bad), "{head}");
    }
    for line in [
        "HTTP/1.1 99 x",
        "HTTP/1.1 600 x",
        "HTTP/1.1 20 x",
        "HTTP/2.0 200 x",
        "ICY 200 x",
    ] {
        let head = format!("{line}\r\n\r\n");
        assert_eq!(take(&head, false).err(), Some(BadAnswer::Head), "{head}");
    }
    let switch = take("HTTP/1.1 101 x\r\n\r\n", false);
    assert_eq!(switch.err(), Some(BadAnswer::Switch));
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "A: b\r\n".repeat(21));
    assert_eq!(take(&many, false).err(), Some(BadAnswer::HeadTooLarge));
}

#[test]
fn the_connection_to_a_side_stays_only_where_both_version_and_framing_allow() {
    for (head, stays) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            false,
        ),
        ("HTTP/1.1 200 OK\r\n\r\n", false),
        ("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", false),
        (
            "HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n",
            true,
        ),
        ("HTTP/1.1 204 No\r\n\r\n", true),
    ] {
        assert_eq!(good(head).keep_alive(), stays, "{head}");
    }
}

#[test]
fn an_answer_goes_on_with_its_reason_and_fields_as_they_came() {
    let head = "HTTP/1.1 200 All  good\r\nsErVeR: x\r\nSet-Cookie: a=b\r\nset-cookie: c=d\r\n\
                Content-Length: 05\r\nKeep-Alive: timeout=5\r\nConnection: X-Hop\r\nX-Hop: y\r\n\r\n";
    assert_eq!(
        written(head, Version::Http11, AnswerFraming::AsIs, true),
        "HTTP/1.1 200 All  good\r\nsErVeR: x\r\nSet-Cookie: a=b\r\nset-cookie: c=d\r\n\
         Content-Length: 05\r\n\r\n"
    );
    assert_eq!(
        written(head, Version::Http10, AnswerFraming::Length(5), true),
        "HTTP/1.0 200 All  good\r\nsErVeR: x\r\nSet-Cookie: a=b\r\nset-cookie: c=d\r\n\
         Content-Length: 5\r\nConnection: keep-alive\r\n\r\n"
    );
    assert_eq!(
        written(head, Version::Http11, AnswerFraming::Chunked, false),
        "HTTP/1.1 200 All  good\r\nsErVeR: x\r\nSet-Cookie: a=b\r\nset-cookie: c=d\r\n\
         Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    );
}

#[test]
fn an_answer_without_a_reason_keeps_its_blank() {
    for head in ["HTTP/1.1 200 \r\n\r\n", "HTTP/1.1 200\r\n\r\n"] {
        assert_eq!(
            written(head, Version::Http11, AnswerFraming::Chunked, true),
            "HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n"
        );
    }
}

#[test]
fn an_answer_that_never_has_a_body_tells_no_length_except_about_what_would_come() {
    let no_content = "HTTP/1.1 204 No\r\nContent-Length: 0\r\n\r\n";
    let not_modified = "HTTP/1.1 304 No\r\nContent-Length: 7\r\n\r\n";
    let plain = |head| written(head, Version::Http11, AnswerFraming::AsIs, true);
    assert_eq!(plain(no_content), "HTTP/1.1 204 No\r\n\r\n");
    assert_eq!(plain(not_modified), not_modified);
}

proptest! {
    #[test]
    fn any_bytes_are_refused_or_become_one_plain_answer(
        start in prop_oneof![Just(&b""[..]), Just(&b"HTTP/1.1 200 OK\r\n"[..])],
        bytes in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let head = [start, &bytes, b"\r\n\r\n"].concat();
        let mut answer = AnswerHead::default();
        if answer.take(&head, LIMITS, false).is_ok() {
            let mut out = Vec::new();
            answer.write_to(&mut out, Version::Http11, AnswerFraming::Chunked, true);
            prop_assert!(answer.take(&out, LIMITS, false).is_ok());
            prop_assert_eq!(answer.framing(), if answer.is_interim() || answer.status() == 204
                || answer.status() == 304 { Framing::None } else { Framing::Chunked });
        }
    }
}
