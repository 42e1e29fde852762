//! Heads of HTTP/1.1 messages, as far as generator and backend need them.

use memchr::memmem;

/// Where the head ends and the body begins.
pub fn end(bytes: &[u8]) -> Option<usize> {
    memmem::find(bytes, b"\r\n\r\n").map(|at| at + 4)
}

/// The length of the body, if the head names one.
pub fn content_length(head: &[u8]) -> Option<u64> {
    let lines = head.split(|&byte| byte == b'\n').skip(1);
    let value = lines.into_iter().find_map(|line| {
        let (name, value) = line.split_at_checked(LENGTH.len())?;
        name.eq_ignore_ascii_case(LENGTH).then_some(value)
    })?;
    std::str::from_utf8(value).ok()?.trim().parse().ok()
}

const LENGTH: &[u8] = b"content-length:";

/// The status of an answer.
pub fn status(head: &[u8]) -> Option<&[u8]> {
    head.get(9..12)
}

/// The path that a request asks for.
pub fn path(head: &[u8]) -> &[u8] {
    let mut words = head.split(|&byte| byte == b' ');
    words.nth(1).unwrap_or_default()
}
