//! How the head of the next request arrives: the only place where a connection is idle.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::Instant;

use crate::http::caller::Caller;
use crate::http::context::{Borrowed, Context};
use crate::http::lines::{BareLf, find_end};
use crate::http::refusal::Refusal;
use crate::net::{Interrupt, Phase};

/// Why no further request comes.
#[derive(Debug)]
pub(super) enum Goodbye {
    /// The caller closed, was idle too long, or was asked to leave: nothing to say.
    Silent,
    /// It broke off or was cut: nothing can be said.
    Broken,
    /// It has to be told. The work holds what was understood, for the log.
    Refused(Refusal, Borrowed),
    /// The head did not arrive in time.
    HeaderTimeout(Borrowed),
}

impl Caller {
    /// The next request's head; what was read behind it is in the work.
    pub(super) async fn next_head(&mut self, context: &Rc<Context>) -> Result<Borrowed, Goodbye> {
        let limits = context.limits();
        let mut arrival = Arrival::default();
        if !self.backlog.is_empty() {
            // A pipelined request, or a part of one.
            let backlog = std::mem::take(&mut self.backlog);
            if let Some(head) = self.seen(arrival.add(&backlog, context)) {
                return head;
            }
        }
        let idle_until = Instant::now() + limits.idle_timeout;
        let mut head_until = None;
        loop {
            let idle = arrival.kept.is_empty();
            let deadline = if idle {
                idle_until
            } else {
                *head_until.get_or_insert_with(|| {
                    self.wire.socket().acknowledge_now();
                    Instant::now() + limits.header_timeout
                })
            };
            let phase = if idle { Phase::Idle } else { Phase::Busy };
            self.waiter.seat().set_phase(phase);
            let Self { wire, waiter, .. } = self;
            let look = waiter
                .until(deadline, idle, |cx| {
                    context.scratch.with(|buffer| {
                        let mut read = ReadBuf::new(buffer);
                        let result = ready!(Pin::new(&mut *wire).poll_read(cx, &mut read));
                        Poll::Ready(match result {
                            Ok(()) if read.filled().is_empty() => Look::End,
                            Ok(()) => arrival.add(read.filled(), context),
                            Err(_broken) => Look::Break,
                        })
                    })
                })
                .await;
            match look {
                // The end is in order between two requests only.
                Ok(Look::End) if idle => return Err(Goodbye::Silent),
                Ok(look) => {
                    if let Some(head) = self.seen(look) {
                        return head;
                    }
                }
                Err(Interrupt::Deadline) if !idle => {
                    return Err(Goodbye::HeaderTimeout(context.borrow_work()));
                }
                Err(Interrupt::Deadline | Interrupt::Leaving) => return Err(Goodbye::Silent),
                Err(Interrupt::Cut | Interrupt::Abandoned) => return Err(Goodbye::Broken),
            }
        }
    }

    /// What a look means for the connection; `None` if more has to come.
    fn seen(&self, look: Look) -> Option<Result<Borrowed, Goodbye>> {
        match look {
            Look::Head(work) => {
                self.waiter.seat().set_phase(Phase::Busy);
                Some(Ok(work))
            }
            Look::Incomplete => None,
            Look::Refused(refusal, work) => Some(Err(Goodbye::Refused(refusal, work))),
            Look::End | Look::Break => Some(Err(Goodbye::Broken)),
        }
    }
}

/// What a look at the bytes gave.
enum Look {
    /// A whole head; what lies behind it is in the work too.
    Head(Borrowed),
    /// More has to come.
    Incomplete,
    Refused(Refusal, Borrowed),
    /// The connection ended.
    End,
    Break,
}

/// The part of a head that has arrived.
#[derive(Default)]
struct Arrival {
    kept: Vec<u8>,
    /// So many of the bytes kept are known not to hold the end.
    seen: usize,
    /// The empty line that one may send before a request has been passed over.
    forgiven: bool,
}

impl Arrival {
    /// Takes what was read.
    fn add(&mut self, read: &[u8], context: &Rc<Context>) -> Look {
        if self.kept.is_empty() {
            // The usual case: all of the head in one read, looked at where it lies.
            let bytes = self.forgive(read);
            let look = look(bytes, &mut self.seen, context);
            if matches!(look, Look::Incomplete) {
                self.kept.extend_from_slice(bytes);
            }
            return look;
        }
        let mut kept = std::mem::take(&mut self.kept);
        kept.extend_from_slice(read);
        let bytes = self.forgive(&kept);
        if bytes.len() < kept.len() {
            self.seen = 0;
        }
        let look = look(bytes, &mut self.seen, context);
        if matches!(look, Look::Incomplete) {
            let passed_over = kept.len().saturating_sub(bytes.len());
            kept.drain(..passed_over);
            self.kept = kept;
        }
        look
    }

    /// Passes over one empty line before a request, as the standard asks for the sake of clients
    /// that end a body with one too many. It is not the beginning of a request: a connection
    /// that got nothing else is still idle.
    fn forgive<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        match bytes.strip_prefix(b"\r\n") {
            Some(rest) if !self.forgiven => {
                self.forgiven = true;
                rest
            }
            Some(_) | None => bytes,
        }
    }
}

/// Looks for a whole head at the start of `bytes`; `seen` bytes were looked at before.
fn look(bytes: &[u8], seen: &mut usize, context: &Rc<Context>) -> Look {
    let limits = context.limits().head();
    match bytes {
        [] | [b'\r'] => return Look::Incomplete,
        [first, ..] if first.is_ascii_alphabetic() => {}
        // Most likely TLS on a plain listener; there is no use in waiting for a line end.
        [..] => return Look::Refused(Refusal::RequestLine, context.borrow_work()),
    }
    let end = match find_end(bytes, *seen) {
        Ok(Some(end)) if end <= limits.max_size => end,
        Ok(None) if bytes.len() <= limits.max_size => {
            *seen = bytes.len();
            return Look::Incomplete;
        }
        Ok(_) => return Look::Refused(Refusal::HeadTooLarge, context.borrow_work()),
        Err(BareLf) => return Look::Refused(Refusal::LineEnd, context.borrow_work()),
    };
    let (head, rest) = bytes.split_at(end);
    let mut borrowed = context.borrow_work();
    let work = borrowed.get();
    match work.request.take(head, limits) {
        Ok(()) => {
            work.early.extend_from_slice(rest);
            Look::Head(borrowed)
        }
        Err(refusal) => Look::Refused(refusal, borrowed),
    }
}
