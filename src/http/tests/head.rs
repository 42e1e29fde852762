use super::*;

const LIMITS: HeadLimits = HeadLimits {
    max_size: 8192,
    max_fields: 1000,
};

fn head(text: &str) -> Head {
    let mut head = Head::default();
    head.take_request(text.as_bytes(), LIMITS)
        .unwrap_or_else(|refusal| panic!("{text}: {refusal}"));
    head
}

#[test]
fn every_part_of_a_head_is_found_where_it_lies() {
    let text = "POST /a HTTP/1.0\r\nA: b\r\nLonger-Name:  c d \r\nE:\r\n\r\n";
    let mut head = Head::default();
    let Ok(StartLine::Request {
        method,
        target,
        version,
    }) = head.take_request(text.as_bytes(), LIMITS)
    else {
        panic!("a request");
    };
    assert_eq!(method.of(&head.bytes), b"POST");
    assert_eq!(target.of(&head.bytes), b"/a");
    assert_eq!(version, Version::Http10);
    let fields: Vec<_> = head
        .fields
        .iter()
        .map(|field| (field.name.of(&head.bytes), field.value.of(&head.bytes)))
        .collect();
    let expected: [(&[u8], &[u8]); 3] = [(b"A", b"b"), (b"Longer-Name", b"c d"), (b"E", b"")];
    assert_eq!(fields, expected);
}

#[test]
fn as_many_fields_are_understood_as_can_be_configured() {
    let text = format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(1000));
    assert_eq!(head(&text).fields.len(), 1000);
}

#[test]
fn a_head_that_is_not_whole_or_followed_by_more_is_none() {
    let text = b"GET / HTTP/1.1\r\nA: b\r\n\r\n";
    let mut head = Head::default();
    for cut in 0..text.len() {
        assert!(head.take_request(&text[..cut], LIMITS).is_err(), "{cut}");
    }
    let more = [&text[..], b"x"].concat();
    assert!(head.take_request(&more, LIMITS).is_err());
    assert!(head.take_request(text, LIMITS).is_ok());
}

#[test]
fn a_field_that_connection_names_is_known_in_every_spelling() {
    let mut head = head(
        "GET / HTTP/1.1\r\nX-One: 1\r\nConnection: x_one, , X-Two\r\nx-two: 2\r\nX: 3\r\n\r\n",
    );
    head.read_connection().expect("allowed names");
    let mut out = Vec::new();
    head.write_end_to_end(&mut out, |kind| kind != FieldKind::Connection);
    assert_eq!(out, b"X: 3\r\n");
}

#[test]
fn the_memory_of_a_large_head_is_given_back() {
    let mut head = head(&format!(
        "GET / HTTP/1.1\r\nX: {}\r\n{}\r\n",
        "y".repeat(100_000),
        "A: b\r\n".repeat(900)
    ));
    head.clear();
    assert!(head.bytes.capacity() <= KEPT_BYTES);
    assert!(head.fields.capacity() <= KEPT_FIELDS);
}
