//! [`Message`]: an HTTP/1 message read off a stream, by the shortest reading that is correct.
//!
//! Deliberately no code of the gateway and none of its simulated peers: what is judged here is
//! bytes.

use std::{fmt, io};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};

/// Plain or TLS.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A complete message.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// Request line or status line.
    pub start: String,
    /// Names as they came, and values without the blanks around them.
    pub fields: Vec<(String, String)>,
    /// The body, without chunks.
    pub body: Vec<u8>,
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { start, fields, .. } = self;
        write!(f, "{start} {fields:?} {:?}", self.text())
    }
}

impl Message {
    /// The values of a field, by its name without case.
    pub fn values(&self, name: &str) -> Vec<&str> {
        let own = |field: &&(String, String)| field.0.eq_ignore_ascii_case(name);
        self.fields
            .iter()
            .filter(own)
            .map(|field| field.1.as_str())
            .collect()
    }

    /// The value of a field that is there once.
    pub fn value(&self, name: &str) -> Option<&str> {
        match self.values(name)[..] {
            [] => None,
            [value] => Some(value),
            _ => panic!("{name} is repeated: {:?}", self.fields),
        }
    }

    /// The status of an answer.
    pub fn status(&self) -> u16 {
        let word = self.start.split(' ').nth(1).unwrap_or_default();
        word.parse().expect("a status")
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Why there is no complete message.
#[derive(Debug)]
pub enum Broken {
    /// The stream ended in order before a first byte.
    Silent,
    /// It ended in order, in the middle.
    Truncated,
    /// It was reset, or TLS was cut off.
    Reset(io::Error),
    /// The bytes are no message.
    Malformed(String),
}

/// Which of the two kinds is read: only an answer may go on until the stream ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Request,
    /// An answer, and whether its request was a `HEAD`.
    Answer {
        to_head: bool,
    },
}

/// Reads one message; what came behind it stays in `buffer`.
pub async fn read_message<S: AsyncRead + Unpin + ?Sized>(
    stream: &mut S,
    buffer: &mut Vec<u8>,
    kind: Kind,
) -> Result<Message, Broken> {
    let end = loop {
        match buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            Some(end) => break end,
            None => fill(stream, buffer).await?,
        }
    };
    let head: Vec<u8> = buffer.drain(..end + 4).collect();
    let text: String = head[..end].iter().map(|byte| char::from(*byte)).collect();
    let mut lines = text.split("\r\n");
    let start = lines.next().unwrap_or_default().to_owned();
    let mut message = Message {
        start,
        fields: Vec::new(),
        body: Vec::new(),
    };
    for line in lines {
        let (name, value) = line
            .split_once(':')
            .ok_or_else(|| Broken::Malformed(line.to_owned()))?;
        message
            .fields
            .push((name.to_owned(), value.trim().to_owned()));
    }
    message.body = read_body(stream, buffer, &message, kind).await?;
    Ok(message)
}

async fn read_body<S: AsyncRead + Unpin + ?Sized>(
    stream: &mut S,
    buffer: &mut Vec<u8>,
    head: &Message,
    kind: Kind,
) -> Result<Vec<u8>, Broken> {
    let bodyless = match kind {
        Kind::Request => false,
        Kind::Answer { to_head } => to_head || matches!(head.status(), 100..=199 | 204 | 304),
    };
    if bodyless {
        return Ok(Vec::new());
    }
    match (
        head.value("transfer-encoding"),
        head.value("content-length"),
    ) {
        (Some(_), Some(_)) => Err(Broken::Malformed("two lengths".to_owned())),
        (Some(coding), None) if coding.eq_ignore_ascii_case("chunked") => {
            read_chunks(stream, buffer).await
        }
        (Some(other), None) => Err(Broken::Malformed(other.to_owned())),
        (None, Some(length)) => {
            let length = length.parse().expect("a length");
            take(stream, buffer, length).await
        }
        (None, None) if kind == Kind::Request => Ok(Vec::new()),
        (None, None) => loop {
            match fill(stream, buffer).await {
                Ok(()) => {}
                Err(Broken::Truncated | Broken::Silent) => return Ok(std::mem::take(buffer)),
                Err(other) => return Err(other),
            }
        },
    }
}

async fn read_chunks<S: AsyncRead + Unpin + ?Sized>(
    stream: &mut S,
    buffer: &mut Vec<u8>,
) -> Result<Vec<u8>, Broken> {
    let mut body = Vec::new();
    loop {
        let line = take_line(stream, buffer).await?;
        let size =
            usize::from_str_radix(&line, 16).map_err(|_no_size| Broken::Malformed(line.clone()))?;
        body.extend(take(stream, buffer, size).await?);
        let end = take_line(stream, buffer).await?;
        if !end.is_empty() {
            return Err(Broken::Malformed(end));
        }
        if size == 0 {
            return Ok(body);
        }
    }
}

async fn take_line<S: AsyncRead + Unpin + ?Sized>(
    stream: &mut S,
    buffer: &mut Vec<u8>,
) -> Result<String, Broken> {
    loop {
        if let Some(end) = buffer.windows(2).position(|two| two == b"\r\n") {
            let line: Vec<u8> = buffer.drain(..end + 2).take(end).collect();
            return Ok(String::from_utf8_lossy(&line).into_owned());
        }
        in_the_middle(fill(stream, buffer).await)?;
    }
}

async fn take<S: AsyncRead + Unpin + ?Sized>(
    stream: &mut S,
    buffer: &mut Vec<u8>,
    length: usize,
) -> Result<Vec<u8>, Broken> {
    while buffer.len() < length {
        in_the_middle(fill(stream, buffer).await)?;
    }
    Ok(buffer.drain(..length).collect())
}

fn in_the_middle(read: Result<(), Broken>) -> Result<(), Broken> {
    match read {
        Err(Broken::Silent) => Err(Broken::Truncated),
        other => other,
    }
}

async fn fill<S: AsyncRead + Unpin + ?Sized>(
    stream: &mut S,
    buffer: &mut Vec<u8>,
) -> Result<(), Broken> {
    let was_empty = buffer.is_empty();
    buffer.reserve(16 * 1024);
    match stream.read_buf(buffer).await {
        Ok(0) if was_empty => Err(Broken::Silent),
        Ok(0) => Err(Broken::Truncated),
        Ok(_) => Ok(()),
        Err(error) => Err(Broken::Reset(error)),
    }
}
