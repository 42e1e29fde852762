//! [`Pump`]: a body on its way from one connection to the other, bounded and counted.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use crate::config::settings::Limits;
use crate::http::framing::{BadChunk, Chunk, ChunkDecoder, Framing, LAST_CHUNK, push_chunk};
use crate::net::Scratch;
use crate::tls::Wire;

/// How the bytes of a body are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encode {
    /// As they are.
    Raw,
    /// In chunks.
    Chunked,
}

/// Why a body could not be carried to its end.
#[derive(Debug)]
pub(super) enum Stop {
    /// Its source ended before it was complete.
    SourceEnded,
    /// Its source broke.
    SourceBroken,
    /// Its chunks are malformed.
    BadChunk,
    /// It is larger than allowed.
    TooLarge,
    /// Who takes it broke.
    SinkBroken,
}

/// Where in the body its source is.
#[derive(Debug)]
enum Place {
    Length(u64),
    Chunked(ChunkDecoder),
    UntilClose,
    Done,
}

/// A body on its way.
#[derive(Debug)]
pub(super) struct Pump {
    place: Place,
    encode: Encode,
    /// Encoded and not written yet.
    pending: Vec<u8>,
    taken: usize,
    /// Bytes of the body itself, from the source.
    carried: u64,
    limit: u64,
    /// The end that the caller of the gateway is at.
    caller: End,
    started: Instant,
    progress: Instant,
    /// Since when the other end is waited for, and for how long it was in all: that time is not
    /// the caller's.
    waiting: Option<Instant>,
    excused: Duration,
}

/// An end of a body's way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Source,
    Sink,
}

impl Pump {
    /// A pump for a body of this framing; `caller` is the end that owes us a rate.
    pub(super) fn new(framing: Framing, encode: Encode, limit: u64, caller: End) -> Self {
        let now = Instant::now();
        let place = match framing {
            Framing::None | Framing::Length(0) => Place::Done,
            Framing::Length(length) => Place::Length(length),
            Framing::Chunked => Place::Chunked(ChunkDecoder::new()),
            Framing::UntilClose => Place::UntilClose,
        };
        Self {
            place,
            encode,
            pending: Vec::new(),
            taken: 0,
            carried: 0,
            limit,
            caller,
            started: now,
            progress: now,
            waiting: None,
            excused: Duration::ZERO,
        }
    }

    /// Whether the source has given all of the body.
    pub(super) const fn source_is_done(&self) -> bool {
        matches!(self.place, Place::Done)
    }

    /// Whether only the end of the connection ends the body.
    pub(super) const fn is_until_close(&self) -> bool {
        matches!(self.place, Place::UntilClose)
    }

    /// The source has ended in order, which ends a body of unknown length.
    pub(super) fn finish(&mut self) {
        self.place = Place::Done;
    }

    /// Whether all of it was written.
    pub(super) fn is_done(&self) -> bool {
        self.source_is_done() && self.taken >= self.pending.len()
    }

    /// The end that is waited for.
    pub(super) fn waits_for(&self) -> End {
        if self.taken < self.pending.len() {
            End::Sink
        } else {
            End::Source
        }
    }

    /// Whether the caller is waited for, and not the upstream.
    pub(super) fn waits_for_caller(&self) -> bool {
        self.waits_for() == self.caller
    }

    /// Bytes of the body itself so far.
    pub(super) const fn carried(&self) -> u64 {
        self.carried
    }

    /// Until when the next byte has to move.
    ///
    /// The upstream may pause for `patience`. The caller owes a rate: a transfer may take so long
    /// as its bytes allow, and may not stand still for a whole window.
    pub(super) fn deadline(&self, patience: Duration, rate: u64) -> Instant {
        if !self.waits_for_caller() {
            return self.progress + patience;
        }
        match self.carried.checked_div(rate) {
            None => self.progress + patience,
            Some(seconds) => {
                let earned = Duration::from_secs(seconds) + self.excused + RATE_WINDOW;
                (self.started + earned).min(self.progress + RATE_WINDOW)
            }
        }
    }

    fn moved(&mut self) {
        self.progress = Instant::now();
        if let Some(since) = self.waiting.take() {
            self.excused += self.progress.saturating_duration_since(since);
        }
    }

    fn waits(&mut self) {
        if !self.waits_for_caller() && self.waiting.is_none() {
            self.waiting = Some(Instant::now());
        }
    }

    /// Takes bytes that were read with the head. What lies behind the body stays in `input`.
    pub(super) fn feed(&mut self, input: &mut &[u8], out: &mut Vec<u8>) -> Result<(), Stop> {
        loop {
            let data = match &mut self.place {
                Place::Done => return Ok(()),
                Place::Length(left) => {
                    let wanted = usize::try_from(*left).unwrap_or(usize::MAX);
                    let (data, rest) = input.split_at(wanted.min(input.len()));
                    *input = rest;
                    *left = left.saturating_sub(data.len() as u64);
                    data
                }
                Place::UntilClose => std::mem::take(input),
                Place::Chunked(decoder) => {
                    match decoder.next(input).map_err(|BadChunk| Stop::BadChunk)? {
                        Chunk::Data(data) => data,
                        Chunk::More => return Ok(()),
                        Chunk::End => {
                            self.end(out);
                            return Ok(());
                        }
                    }
                }
            };
            if data.is_empty() && !matches!(self.place, Place::Length(0)) {
                return Ok(());
            }
            self.carried = self.carried.saturating_add(data.len() as u64);
            if self.carried > self.limit {
                return Err(Stop::TooLarge);
            }
            match self.encode {
                Encode::Raw => out.extend_from_slice(data),
                Encode::Chunked => push_chunk(out, data),
            }
            if matches!(self.place, Place::Length(0)) {
                self.end(out);
                return Ok(());
            }
        }
    }

    /// Carries on until the body is written and flushed. Bytes behind the body go to `surplus`.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        source: &mut Wire,
        sink: &mut Wire,
        scratch: &Scratch,
        surplus: &mut Vec<u8>,
    ) -> Poll<Result<(), Stop>> {
        for _turn in 0..TURNS {
            if self.poll_pending(cx, sink)?.is_pending() {
                self.waits();
                return Poll::Pending;
            }
            if self.source_is_done() {
                return Pin::new(sink)
                    .poll_flush(cx)
                    .map_err(|_broken| Stop::SinkBroken);
            }
            match scratch.with(|buffer| self.poll_once(cx, source, sink, buffer, surplus)) {
                Poll::Ready(moved) => moved?,
                Poll::Pending => {
                    // What was written so far shall not wait in a TLS buffer for what comes later.
                    ready!(Pin::new(sink).poll_flush(cx)).map_err(|_broken| Stop::SinkBroken)?;
                    self.waits();
                    return Poll::Pending;
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn poll_pending(&mut self, cx: &mut Context<'_>, sink: &mut Wire) -> Poll<Result<(), Stop>> {
        while let Some(rest) = self
            .pending
            .get(self.taken..)
            .filter(|rest| !rest.is_empty())
        {
            let count = ready!(poll_write(cx, sink, rest))?;
            self.taken = self.taken.saturating_add(count);
            self.moved();
        }
        if self.taken > 0 {
            // A slow reader held this; the next one may not need a buffer at all.
            self.pending = Vec::new();
            self.taken = 0;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_once(
        &mut self,
        cx: &mut Context<'_>,
        source: &mut Wire,
        sink: &mut Wire,
        buffer: &mut [u8],
        surplus: &mut Vec<u8>,
    ) -> Poll<Result<(), Stop>> {
        let mut read = ReadBuf::new(buffer);
        match ready!(Pin::new(source).poll_read(cx, &mut read)) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Poll::Ready(Err(Stop::SourceEnded));
            }
            Err(_broken) => return Poll::Ready(Err(Stop::SourceBroken)),
            Ok(()) => {}
        }
        let mut bytes = read.filled();
        self.moved();
        if bytes.is_empty() {
            return Poll::Ready(self.source_ended());
        }
        if let Some(direct) = self.direct(bytes) {
            // Nothing to change and all of it is body: no copy unless the sink is full.
            let data = bytes.get(..direct).unwrap_or_default();
            if self.carried.saturating_add(direct as u64) > self.limit {
                return Poll::Ready(Err(Stop::TooLarge));
            }
            let written = match poll_write(cx, sink, data) {
                Poll::Ready(count) => count?,
                Poll::Pending => 0,
            };
            self.account(direct);
            self.pending
                .extend_from_slice(data.get(written..).unwrap_or_default());
            return Poll::Ready(Ok(()));
        }
        let mut encoded = std::mem::take(&mut self.pending);
        let fed = self.feed(&mut bytes, &mut encoded);
        self.pending = encoded;
        surplus.extend_from_slice(bytes);
        Poll::Ready(fed)
    }

    /// How many of these bytes can be written as they are, if all of them are body.
    fn direct(&self, bytes: &[u8]) -> Option<usize> {
        match (&self.place, self.encode) {
            (Place::Length(left), Encode::Raw) if *left >= bytes.len() as u64 => Some(bytes.len()),
            (Place::UntilClose, Encode::Raw) => Some(bytes.len()),
            _ => None,
        }
    }

    fn account(&mut self, count: usize) {
        self.carried = self.carried.saturating_add(count as u64);
        if let Place::Length(left) = &mut self.place {
            *left = left.saturating_sub(count as u64);
            if *left == 0 {
                self.place = Place::Done;
            }
        }
    }

    fn source_ended(&mut self) -> Result<(), Stop> {
        if !matches!(self.place, Place::UntilClose) {
            return Err(Stop::SourceEnded);
        }
        let mut pending = std::mem::take(&mut self.pending);
        self.end(&mut pending);
        self.pending = pending;
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.place = Place::Done;
        if self.encode == Encode::Chunked {
            out.extend_from_slice(LAST_CHUNK);
        }
    }
}

/// Over how long a rate is judged.
const RATE_WINDOW: Duration = Limits::BODY_RATE_WINDOW;

/// Reads of one body before other connections of the thread get their turn.
const TURNS: usize = 8;

fn poll_write(cx: &mut Context<'_>, sink: &mut Wire, bytes: &[u8]) -> Poll<Result<usize, Stop>> {
    match ready!(Pin::new(sink).poll_write(cx, bytes)) {
        Ok(0) | Err(_) => Poll::Ready(Err(Stop::SinkBroken)),
        Ok(count) => Poll::Ready(Ok(count)),
    }
}
