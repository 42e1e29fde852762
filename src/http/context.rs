//! [`Context`]: what all connections of a thread share, and [`Work`]: what an exchange borrows.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use tokio::time::Instant;
use tracing::warn;

use crate::config::settings::Limits;
use crate::http::head::HeadLimits;
use crate::http::pool::Pool;
use crate::http::request::RequestHead;
use crate::http::response::AnswerHead;
use crate::net::Scratch;
use crate::telemetry::trace::Tracer;
use crate::telemetry::{AccessLog, Counters, Noise, Throttle, Verdict};

/// What all connections of a thread share. Nothing in it is shared with another thread but the
/// counters, so nothing in it locks.
#[derive(Debug)]
pub struct Context {
    /// The thread's read buffer.
    pub scratch: Scratch,
    /// Idle connections to sides and to the CRM.
    pub pool: RefCell<Pool>,
    /// The thread's counters.
    pub counters: Arc<Counters>,
    /// Where access lines go.
    pub access: AccessLog,
    limits: RefCell<Rc<Limits>>,
    throttle: RefCell<Throttle>,
    tracer: RefCell<Option<Rc<Tracer>>>,
    start: Instant,
    #[expect(
        clippy::vec_box,
        reason = "a work goes to and from its exchange by pointer, not by copy"
    )]
    shelf: RefCell<Vec<Box<Work>>>,
}

impl Context {
    /// A context for one thread.
    pub fn new(
        limits: &Limits,
        counters: Arc<Counters>,
        access: AccessLog,
        lines_per_second: u32,
    ) -> Self {
        Self {
            scratch: Scratch::new(),
            pool: RefCell::default(),
            counters,
            access,
            limits: RefCell::new(Rc::new(limits.clone())),
            throttle: RefCell::new(Throttle::new(lines_per_second)),
            tracer: RefCell::default(),
            start: Instant::now(),
            shelf: RefCell::default(),
        }
    }

    /// The limits in force now.
    pub fn limits(&self) -> Rc<Limits> {
        Rc::clone(&self.limits.borrow())
    }

    /// Puts other limits in force, from the next request on.
    pub fn set_limits(&self, limits: &Limits) {
        *self.limits.borrow_mut() = Rc::new(limits.clone());
    }

    /// Puts another number of lines a second in force.
    pub fn set_throttle(&self, lines_per_second: u32) {
        self.throttle.borrow_mut().set_rate(lines_per_second);
    }

    /// Has traces recorded from the next request on, or none any more.
    pub fn set_tracer(&self, tracer: Option<Tracer>) {
        *self.tracer.borrow_mut() = tracer.map(Rc::new);
    }

    /// Who records traces, if they are recorded.
    pub(super) fn tracer(&self) -> Option<Rc<Tracer>> {
        self.tracer.borrow().clone()
    }

    /// Asks for a log line about something that strangers can cause: how many of its kind were
    /// held back since the last one, or `None` to hold this one back too.
    pub fn may_say(&self, noise: Noise) -> Option<u64> {
        match self
            .throttle
            .borrow_mut()
            .allow(noise, self.start.elapsed())
        {
            Verdict::Say { suppressed_before } => Some(suppressed_before),
            Verdict::Stay => {
                self.counters.log_lines_suppressed.inc();
                None
            }
        }
    }

    /// Tells of lines that were held back, of each kind that has calmed down since.
    pub fn settle_noise(&self) {
        for kind in Noise::ALL {
            let settled = self
                .throttle
                .borrow_mut()
                .settle(kind, self.start.elapsed());
            if let Some(suppressed) = settled {
                warn!(
                    kind = kind.code(),
                    suppressed, "lines were held back by Throttle"
                );
            }
        }
    }

    /// How many works lie on the shelf.
    #[cfg(test)]
    pub(super) fn shelved(&self) -> usize {
        self.shelf.borrow().len()
    }

    /// Borrows what an exchange needs; it goes back to the shelf when dropped.
    pub(super) fn borrow_work(self: &Rc<Self>) -> Borrowed {
        let work = self.shelf.borrow_mut().pop().unwrap_or_default();
        Borrowed {
            work: Some(work),
            context: Rc::clone(self),
        }
    }
}

impl Limits {
    /// The limits of a head.
    pub(super) const fn head(&self) -> HeadLimits {
        HeadLimits {
            max_size: self.max_header_size,
            max_fields: self.max_headers,
        }
    }
}

/// The memory of one exchange. It belongs to the thread, not to the connection, so that an idle
/// connection holds none of it and a busy thread allocates none anew.
#[derive(Debug, Default)]
pub(super) struct Work {
    /// The request's head.
    pub(super) request: RequestHead,
    /// The SOAP operation, for the access line.
    pub(super) operation: Vec<u8>,
    /// What was read behind the request's head.
    pub(super) early: Vec<u8>,
    /// How many of these bytes are in what is sent first; the rest belongs to the next request.
    pub(super) early_used: usize,
    /// The request's body, where it had to be collected.
    pub(super) collected: Vec<u8>,
    /// The answer's head.
    pub(super) answer: AnswerHead,
    /// What was read of the answer and is not dealt with yet.
    pub(super) answer_early: Vec<u8>,
    /// What is written next, to either end.
    pub(super) out: Vec<u8>,
}

impl Work {
    /// Forgets everything: the next exchange may be another caller's.
    fn clear(&mut self) {
        self.request.clear();
        self.answer.clear();
        self.early_used = 0;
        for buffer in [
            &mut self.operation,
            &mut self.early,
            &mut self.collected,
            &mut self.answer_early,
            &mut self.out,
        ] {
            buffer.clear();
            // One large message shall not stay in memory for ever.
            buffer.shrink_to(KEPT_CAPACITY);
        }
    }
}

/// Large enough for nearly all SOAP messages.
const KEPT_CAPACITY: usize = 32 * 1024;

/// So many exchanges at once are usual on one thread; the memory of more is given back.
const SHELF_AT_MOST: usize = 64;

/// Work on loan from the thread's shelf.
#[derive(Debug)]
pub(super) struct Borrowed {
    /// `Some` until dropped.
    work: Option<Box<Work>>,
    context: Rc<Context>,
}

impl Borrowed {
    /// The work itself.
    pub(super) fn get(&mut self) -> &mut Work {
        self.work.get_or_insert_default()
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        let Some(mut work) = self.work.take() else {
            return;
        };
        let mut kept = self.context.shelf.borrow_mut();
        if kept.len() < SHELF_AT_MOST {
            work.clear();
            kept.push(work);
        }
    }
}
