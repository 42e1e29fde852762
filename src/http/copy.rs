//! [`Pump`]: a body on its way from one connection to the other, bounded and counted.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use crate::http::framing::{BadChunk, Chunk, ChunkDecoder, Framing, LAST_CHUNK, push_chunk};
use crate::http::pace::Pace;
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
    /// Encoded, of which the first `taken` bytes are written.
    pending: Vec<u8>,
    taken: usize,
    /// The sink has taken all and not yet passed it to the kernel, as TLS may.
    flushing: bool,
    /// Bytes of the body itself, from the source.
    carried: u64,
    limit: u64,
    /// The end that the caller of the gateway is at.
    caller: End,
    pace: Pace,
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
            flushing: false,
            carried: 0,
            limit,
            caller,
            pace: Pace::start(),
        }
    }

    /// Whether the source has given all of the body.
    pub(super) const fn source_is_done(&self) -> bool {
        matches!(self.place, Place::Done)
    }

    /// Lays bytes in front of the body, such as the head: they leave in the same write.
    pub(super) fn preload(&mut self, bytes: Vec<u8>) {
        self.pending = bytes;
        self.taken = 0;
    }

    /// Begins anew with what was preloaded, for another connection.
    pub(super) fn rewind(&mut self) {
        self.taken = 0;
        self.flushing = false;
        self.restart_clock();
    }

    /// The time so far is nobody's fault.
    pub(super) fn restart_clock(&mut self) {
        self.pace = Pace::start();
    }

    /// Gives the buffer back, to be used again.
    pub(super) fn into_buffer(self) -> Vec<u8> {
        self.pending
    }

    /// Whether only the end of the connection ends the body.
    pub(super) const fn is_until_close(&self) -> bool {
        matches!(self.place, Place::UntilClose)
    }

    /// The source has ended in order, which ends a body of unknown length.
    pub(super) fn finish(&mut self) {
        self.place = Place::Done;
    }

    /// The end that is waited for.
    fn waits_for(&self) -> End {
        if self.flushing || self.taken < self.pending.len() {
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

    /// Until when the next byte has to move: both ends owe `rate` bytes a second, and the upstream
    /// may pause for `patience` besides.
    pub(super) fn deadline(&self, patience: Duration, rate: u64) -> Instant {
        if self.waits_for_caller() {
            self.pace.of_caller(self.carried, rate, patience)
        } else {
            self.pace.of_upstream(self.carried, rate, patience)
        }
    }

    /// Notes that bytes have moved.
    pub(super) fn moved(&mut self) {
        self.pace.moved();
    }

    /// Notes that nothing can be done before one of the ends does something.
    pub(super) fn waits(&mut self) {
        if !self.waits_for_caller() {
            self.pace.waits_for_upstream();
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

    /// Writes what was preloaded and sees it through to the kernel, without touching the source.
    /// It stays in the buffer, so that it can be written to another connection.
    pub(super) fn poll_preloaded(
        &mut self,
        cx: &mut Context<'_>,
        sink: &mut Wire,
    ) -> Poll<Result<(), Stop>> {
        if self.poll_pending(cx, sink)?.is_pending() || self.poll_flush(cx, sink)?.is_pending() {
            self.waits();
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
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
            self.pending.clear();
            self.taken = 0;
            if self.source_is_done() {
                let flushed = self.poll_flush(cx, sink);
                if flushed.is_pending() {
                    self.waits();
                }
                return flushed;
            }
            match scratch.with(|buffer| self.poll_once(cx, source, sink, buffer, surplus)) {
                Poll::Ready(moved) => moved?,
                Poll::Pending => {
                    // What was written so far shall not wait in a TLS buffer for what comes later.
                    if let Poll::Ready(flushed) = self.poll_flush(cx, sink) {
                        flushed?;
                    }
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
        Poll::Ready(Ok(()))
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>, sink: &mut Wire) -> Poll<Result<(), Stop>> {
        let flushed = Pin::new(sink).poll_flush(cx);
        if self.flushing && flushed.is_ready() {
            self.moved();
        }
        self.flushing = flushed.is_pending();
        flushed.map_err(|_broken| Stop::SinkBroken)
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

/// Reads of one body before other connections of the thread get their turn.
const TURNS: usize = 8;

fn poll_write(cx: &mut Context<'_>, sink: &mut Wire, bytes: &[u8]) -> Poll<Result<usize, Stop>> {
    match ready!(Pin::new(sink).poll_write(cx, bytes)) {
        Ok(0) | Err(_) => Poll::Ready(Err(Stop::SinkBroken)),
        Ok(count) => Poll::Ready(Ok(count)),
    }
}
