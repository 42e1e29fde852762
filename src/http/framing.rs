//! How long a body is, and chunks taken apart and put together.

use crate::http::text::push_decimal;

/// How the length of a body is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// There is none.
    None,
    /// So many bytes.
    Length(u64),
    /// Chunks.
    Chunked,
    /// Until the connection closes; answers only.
    UntilClose,
}

/// A malformed chunked body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadChunk;

/// Takes a chunked body apart, byte by byte where it must and by the slice where it can.
///
/// Strict: CR LF everywhere, plain hexadecimal sizes, extensions and trailers without control
/// characters and of bounded length and number. Extensions and trailers are dropped.
#[derive(Debug)]
pub struct ChunkDecoder {
    state: State,
    /// Bytes of this chunk still to come, or of its size read so far.
    size: u64,
    /// Bytes of extensions and trailers so far.
    extra: usize,
    /// Trailers so far.
    trailers: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the first digit of a size.
    SizeStart,
    /// In the digits; so many so far.
    Size(u8),
    /// After `;`.
    Extension,
    /// After the CR of the size line.
    SizeLf,
    Data,
    DataCr,
    DataLf,
    /// At the start of a trailer line or of the final empty line.
    TrailerStart,
    /// In the name of a trailer.
    TrailerName,
    /// In its value.
    Trailer,
    TrailerLf,
    FinalLf,
    Done,
}

/// A step of the decoder: what lies next in the input.
#[derive(Debug, PartialEq, Eq)]
pub enum Chunk<'a> {
    /// Bytes of the body.
    Data(&'a [u8]),
    /// The input is used up; more has to come.
    More,
    /// The body is complete; the rest of the input belongs to the next message.
    End,
}

impl ChunkDecoder {
    /// A decoder at the start of a body.
    pub const fn new() -> Self {
        Self {
            state: State::SizeStart,
            size: 0,
            extra: 0,
            trailers: 0,
        }
    }

    /// Takes the next piece off the front of `input`.
    pub fn next<'a>(&mut self, input: &mut &'a [u8]) -> Result<Chunk<'a>, BadChunk> {
        loop {
            match self.state {
                State::Done => return Ok(Chunk::End),
                State::Data => {
                    if input.is_empty() {
                        return Ok(Chunk::More);
                    }
                    let wanted = usize::try_from(self.size).unwrap_or(usize::MAX);
                    let (data, rest) = input.split_at(wanted.min(input.len()));
                    *input = rest;
                    self.size = self.size.saturating_sub(data.len() as u64);
                    if self.size == 0 {
                        self.state = State::DataCr;
                    }
                    return Ok(Chunk::Data(data));
                }
                State::SizeStart
                | State::Size(_)
                | State::Extension
                | State::SizeLf
                | State::DataCr
                | State::DataLf
                | State::TrailerStart
                | State::TrailerName
                | State::Trailer
                | State::TrailerLf
                | State::FinalLf => {
                    let Some((byte, rest)) = input.split_first() else {
                        return Ok(Chunk::More);
                    };
                    *input = rest;
                    self.state = self.step(*byte)?;
                }
            }
        }
    }

    fn step(&mut self, byte: u8) -> Result<State, BadChunk> {
        match (self.state, byte) {
            (State::SizeStart, _) => {
                self.size = hex(byte).ok_or(BadChunk)?;
                Ok(State::Size(1))
            }
            (State::Size(digits), _) if hex(byte).is_some() => {
                // 15 digits are far beyond every limit and cannot overflow.
                if digits >= 15 {
                    return Err(BadChunk);
                }
                self.size = self.size * 16 + hex(byte).unwrap_or_default();
                Ok(State::Size(digits + 1))
            }
            (State::Size(_), b';') => self.extra(State::Extension),
            (State::Size(_) | State::Extension, b'\r') => Ok(State::SizeLf),
            (State::Extension, _) if is_text(byte) => self.extra(State::Extension),
            (State::SizeLf, b'\n') if self.size == 0 => Ok(State::TrailerStart),
            (State::SizeLf, b'\n') => Ok(State::Data),
            (State::DataCr, b'\r') => Ok(State::DataLf),
            (State::DataLf, b'\n') => Ok(State::SizeStart),
            (State::TrailerStart, b'\r') => Ok(State::FinalLf),
            // A trailer is a field: what is refused in a head is refused here, although it is
            // dropped, because others may stumble over it differently.
            (State::TrailerStart, _) if is_name(byte) => self.trailer(),
            (State::TrailerName, _) if is_name(byte) => self.extra(State::TrailerName),
            (State::TrailerName, b':') => self.extra(State::Trailer),
            (State::Trailer, _) if is_text(byte) => self.extra(State::Trailer),
            (State::Trailer, b'\r') => Ok(State::TrailerLf),
            (State::TrailerLf, b'\n') => Ok(State::TrailerStart),
            (State::FinalLf, b'\n') => Ok(State::Done),
            _ => Err(BadChunk),
        }
    }

    /// At the first byte of one more trailer.
    fn trailer(&mut self) -> Result<State, BadChunk> {
        if self.trailers >= TRAILERS_AT_MOST {
            return Err(BadChunk);
        }
        self.trailers += 1;
        self.extra(State::TrailerName)
    }

    fn extra(&mut self, next: State) -> Result<State, BadChunk> {
        self.extra = self.extra.saturating_add(1);
        if self.extra > EXTRA_AT_MOST {
            Err(BadChunk)
        } else {
            Ok(next)
        }
    }
}

impl Default for ChunkDecoder {
    fn default() -> Self {
        Self::new()
    }
}

/// Bytes of extensions and trailers in a whole body: they are dropped anyway, so nobody may make
/// us read them without end.
const EXTRA_AT_MOST: usize = 8192;

/// Trailers of a whole body: as many as a head has fields by default, and as others take.
const TRAILERS_AT_MOST: u8 = 100;

/// Appends one chunk.
pub(super) fn push_chunk(out: &mut Vec<u8>, data: &[u8]) {
    if data.is_empty() {
        // An empty chunk would end the body.
        return;
    }
    push_hex(out, data.len());
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(data);
    out.extend_from_slice(b"\r\n");
}

/// What ends a chunked body.
pub(super) const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

fn push_hex(out: &mut Vec<u8>, number: usize) {
    if number < 10 {
        push_decimal(out, number as u64);
        return;
    }
    let digits = (usize::BITS - number.leading_zeros()).div_ceil(4);
    for place in (0..digits).rev() {
        let digit = u8::try_from((number >> (place * 4)) & 0xf).unwrap_or_default();
        out.push(if digit < 10 {
            b'0' + digit
        } else {
            b'a' + digit - 10
        });
    }
}

const fn hex(byte: u8) -> Option<u64> {
    match byte {
        b'0'..=b'9' => Some((byte - b'0') as u64),
        b'a'..=b'f' => Some((byte - b'a') as u64 + 10),
        b'A'..=b'F' => Some((byte - b'A') as u64 + 10),
        _ => None,
    }
}

/// Whether a byte may stand in the name of a field.
const fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

const fn is_text(byte: u8) -> bool {
    matches!(byte, b'\t' | b' '..=b'~' | 0x80..)
}

#[cfg(test)]
#[path = "tests/framing.rs"]
mod tests;
