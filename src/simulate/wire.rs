//! HTTP/1 as a caller speaks it, strict about what comes back.
//!
//! Not the gateway's own client, and on purpose not built from its parts: what the gateway writes
//! is judged here by somebody else's reading of the rules.

use std::io;

use memchr::memmem;
use tokio::io::{AsyncRead, AsyncReadExt};

/// The version of a request line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpVersion {
    /// What ICM speaks unless the RFC destination says otherwise; kept with
    /// `Connection: keep-alive`.
    Http10,
    /// Kept by default.
    Http11,
}

/// Why there is no complete and correct answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Breach {
    #[error("the connection cannot be opened: {0}")]
    Dial(io::Error),
    #[error("the TLS handshake failed: {0}")]
    Handshake(io::Error),
    #[error("the request cannot be written: {0}")]
    Write(io::Error),
    #[error("the answer cannot be read: {0}")]
    Read(io::Error),
    #[error("the connection was closed without an answer")]
    Silent,
    #[error("the answer broke off")]
    Truncated,
    #[error("no answer within the time-out")]
    TimedOut,
    #[error("the answer is malformed: {0}")]
    Malformed(&'static str),
    #[error("the answer names another message")]
    WrongId,
    #[error("the answer has status {0} and does not name the message as done")]
    Foreign(u16),
}

/// An answer, complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
    /// Whether the connection may carry another request.
    pub(super) keeps: bool,
}

/// A POST as ICM writes it.
#[derive(Debug, Clone)]
pub(super) struct RequestHead<'a> {
    pub(super) version: HttpVersion,
    /// The path, or a whole URL in the forward-proxy form.
    pub(super) target: &'a str,
    pub(super) host: &'a str,
    pub(super) body_length: usize,
}

impl RequestHead<'_> {
    pub(super) fn to_text(&self) -> String {
        let (version, keep) = match self.version {
            HttpVersion::Http10 => ("1.0", "connection: Keep-Alive\r\n"),
            HttpVersion::Http11 => ("1.1", ""),
        };
        format!(
            "POST {} HTTP/{version}\r\nhost: {}\r\ncontent-type: text/xml; charset=utf-8\r\n\
             soapaction: \"\"\r\naccept: text/xml\r\n{keep}content-length: {}\r\n\r\n",
            self.target, self.host, self.body_length
        )
    }
}

/// Reads one answer to the end. `buffer` is empty before and after: nobody here sends two requests
/// at once, so bytes behind an answer are an error.
pub(super) async fn read_response<S: AsyncRead + Unpin>(
    stream: &mut S,
    buffer: &mut Vec<u8>,
    asked: HttpVersion,
) -> Result<Response, Breach> {
    loop {
        let head = read_head(stream, buffer).await?;
        // Interim answers exist since HTTP/1.1 only.
        if (100..200).contains(&head.status) {
            if asked == HttpVersion::Http10 {
                return Err(Breach::Malformed("an interim answer to HTTP/1.0"));
            }
            continue;
        }
        let body = read_body(stream, buffer, &head, asked).await?;
        if !buffer.is_empty() {
            return Err(Breach::Malformed("bytes follow the answer"));
        }
        return Ok(Response {
            status: head.status,
            body,
            keeps: head.keeps(asked),
        });
    }
}

/// As much as any answer in here may have; more is a defect of the sender.
const MAX_HEAD: usize = 64 * 1024;

#[derive(Debug, Default)]
struct Head {
    status: u16,
    is_11: bool,
    length: Option<usize>,
    chunked: bool,
    connection: String,
}

impl Head {
    fn parse(text: &str) -> Result<Self, Breach> {
        let mut lines = text.split("\r\n");
        let status_line = lines.next().unwrap_or_default();
        let is_11 = match status_line.get(..9) {
            Some("HTTP/1.1 ") => true,
            Some("HTTP/1.0 ") => false,
            _ => return Err(Breach::Malformed("no status line of HTTP/1")),
        };
        let mut head = Self {
            is_11,
            status: status_line
                .get(9..12)
                .and_then(|digits| digits.parse().ok())
                .filter(|status| (100..600).contains(status))
                .ok_or(Breach::Malformed("no status"))?,
            ..Self::default()
        };
        for line in lines {
            let (name, value) = line
                .split_once(':')
                .ok_or(Breach::Malformed("a field without colon"))?;
            head.field(name, value.trim())?;
        }
        Ok(head)
    }

    fn field(&mut self, name: &str, value: &str) -> Result<(), Breach> {
        if name.is_empty() || name.contains([' ', '\t']) {
            return Err(Breach::Malformed("a field name with a blank"));
        }
        if name.eq_ignore_ascii_case("content-length") {
            let length = value
                .parse()
                .map_err(|_not_a_number| Breach::Malformed("Content-Length is no number"))?;
            if self.length.replace(length).is_some() {
                return Err(Breach::Malformed("Content-Length twice"));
            }
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            if self.chunked || !value.eq_ignore_ascii_case("chunked") {
                return Err(Breach::Malformed("Transfer-Encoding is not chunked"));
            }
            self.chunked = true;
        } else if name.eq_ignore_ascii_case("connection") {
            self.connection.push_str(&value.to_ascii_lowercase());
            self.connection.push(',');
        }
        Ok(())
    }

    fn keeps(&self, asked: HttpVersion) -> bool {
        let says = |word: &str| self.connection.split(',').any(|token| token.trim() == word);
        let has_end = self.length.is_some() || self.chunked || matches!(self.status, 204 | 304);
        let by_default = self.is_11 && asked == HttpVersion::Http11;
        has_end && !says("close") && (by_default || says("keep-alive"))
    }
}

async fn read_head<S: AsyncRead + Unpin>(
    stream: &mut S,
    buffer: &mut Vec<u8>,
) -> Result<Head, Breach> {
    loop {
        if let Some(end) = memmem::find(buffer, b"\r\n\r\n") {
            let head: Vec<u8> = buffer.drain(..end.saturating_add(4)).collect();
            let text = std::str::from_utf8(head.get(..end).unwrap_or_default())
                .map_err(|_not_text| Breach::Malformed("the head is no text"))?;
            return Head::parse(text);
        }
        if buffer.len() > MAX_HEAD {
            return Err(Breach::Malformed("a head without end"));
        }
        let was_empty = buffer.is_empty();
        if fill(stream, buffer).await? == 0 {
            return Err(if was_empty {
                Breach::Silent
            } else {
                Breach::Truncated
            });
        }
    }
}

async fn read_body<S: AsyncRead + Unpin>(
    stream: &mut S,
    buffer: &mut Vec<u8>,
    head: &Head,
    asked: HttpVersion,
) -> Result<Vec<u8>, Breach> {
    match (head.chunked, head.length) {
        (true, Some(_)) => Err(Breach::Malformed("a length and chunked")),
        (true, None) if asked == HttpVersion::Http10 => {
            Err(Breach::Malformed("chunked to HTTP/1.0"))
        }
        (true, None) => read_chunks(stream, buffer).await,
        (false, Some(length)) => take(stream, buffer, length).await,
        (false, None) if matches!(head.status, 204 | 304) => Ok(Vec::new()),
        (false, None) => {
            while fill(stream, buffer).await? > 0 {}
            Ok(std::mem::take(buffer))
        }
    }
}

async fn read_chunks<S: AsyncRead + Unpin>(
    stream: &mut S,
    buffer: &mut Vec<u8>,
) -> Result<Vec<u8>, Breach> {
    let mut body = Vec::new();
    loop {
        let line = take_line(stream, buffer).await?;
        let digits = line.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(digits, 16)
            .map_err(|_not_a_size| Breach::Malformed("a chunk without size"))?;
        if size == 0 {
            break;
        }
        body.extend(take(stream, buffer, size).await?);
        if !take_line(stream, buffer).await?.is_empty() {
            return Err(Breach::Malformed("a chunk is longer than its size"));
        }
    }
    while !take_line(stream, buffer).await?.is_empty() {}
    Ok(body)
}

async fn take_line<S: AsyncRead + Unpin>(
    stream: &mut S,
    buffer: &mut Vec<u8>,
) -> Result<String, Breach> {
    loop {
        if let Some(end) = memmem::find(buffer, b"\r\n") {
            let line: Vec<u8> = buffer.drain(..end.saturating_add(2)).take(end).collect();
            return String::from_utf8(line)
                .map_err(|_not_text| Breach::Malformed("a line of a chunked body is no text"));
        }
        if fill(stream, buffer).await? == 0 {
            return Err(Breach::Truncated);
        }
    }
}

async fn take<S: AsyncRead + Unpin>(
    stream: &mut S,
    buffer: &mut Vec<u8>,
    length: usize,
) -> Result<Vec<u8>, Breach> {
    while buffer.len() < length {
        if fill(stream, buffer).await? == 0 {
            return Err(Breach::Truncated);
        }
    }
    Ok(buffer.drain(..length).collect())
}

async fn fill<S: AsyncRead + Unpin>(stream: &mut S, buffer: &mut Vec<u8>) -> Result<usize, Breach> {
    buffer.reserve(4096);
    stream.read_buf(buffer).await.map_err(Breach::Read)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    async fn read(text: &[u8], asked: HttpVersion) -> Result<Response, Breach> {
        let mut stream = text;
        read_response(&mut stream, &mut Vec::new(), asked).await
    }

    async fn breach(text: &str, asked: HttpVersion) -> String {
        read(text.as_bytes(), asked)
            .await
            .expect_err(text)
            .to_string()
    }

    #[tokio::test]
    async fn an_answer_with_a_length_is_read_to_its_end() {
        let text = b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok";
        let response = read(text, HttpVersion::Http10).await.expect("an answer");
        assert_eq!((response.status, response.keeps), (200, true));
        assert_eq!(response.body, b"ok");
    }

    #[tokio::test]
    async fn an_http_1_0_connection_is_kept_only_if_the_answer_says_so() {
        let text = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        assert!(
            !read(text, HttpVersion::Http10)
                .await
                .expect("an answer")
                .keeps
        );
        assert!(
            read(text, HttpVersion::Http11)
                .await
                .expect("an answer")
                .keeps
        );
    }

    #[tokio::test]
    async fn a_chunked_answer_is_put_together_and_refused_by_an_http_1_0_caller() {
        let text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
                    3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: 1\r\n\r\n";
        let response = read(text.as_bytes(), HttpVersion::Http11)
            .await
            .expect("an answer");
        assert_eq!(response.body, b"abcde");
        let reason = breach(text, HttpVersion::Http10).await;
        assert_eq!(reason, "the answer is malformed: chunked to HTTP/1.0");
    }

    #[tokio::test]
    async fn an_interim_answer_is_skipped() {
        let text = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        let response = read(text, HttpVersion::Http11).await.expect("an answer");
        assert_eq!(response.status, 200);
    }

    #[tokio::test]
    async fn an_answer_that_breaks_off_is_told_from_none_at_all() {
        let asked = HttpVersion::Http11;
        assert_eq!(
            breach("", asked).await,
            "the connection was closed without an answer"
        );
        for text in [
            "HTTP/1.1 200 OK\r\nContent-Le",
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        ] {
            assert_eq!(breach(text, asked).await, "the answer broke off", "{text}");
        }
    }

    #[tokio::test]
    async fn an_answer_that_contradicts_itself_is_refused() {
        for text in [
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab",
            "HTTP/2 200\r\n\r\n",
            "HTTP/1.1 200 OK\r\nA B: c\r\n\r\n",
        ] {
            let reason = breach(text, HttpVersion::Http11).await;
            assert!(
                reason.starts_with("the answer is malformed"),
                "{text}: {reason}"
            );
        }
    }

    #[test]
    fn a_head_asks_to_keep_an_http_1_0_connection() {
        let head = RequestHead {
            version: HttpVersion::Http10,
            target: "/",
            host: "gw:8443",
            body_length: 12,
        };
        let text = head.to_text();
        assert!(
            text.starts_with("POST / HTTP/1.0\r\nhost: gw:8443\r\n"),
            "{text}"
        );
        assert!(text.contains("\r\nconnection: Keep-Alive\r\n"), "{text}");
        assert!(text.ends_with("\r\ncontent-length: 12\r\n\r\n"), "{text}");
    }

    proptest! {
        #[test]
        fn no_answer_makes_the_reader_fail_in_another_way_than_a_breach(text: Vec<u8>) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("runtime");
            let _either = runtime.block_on(read(&text, HttpVersion::Http11));
        }
    }
}
