//! [`Tally`]: what is counted while it counts. [`Outcome`]: what came of it, as one line of JSON.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use rustls::HandshakeKind;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::Load;
use super::slot::Done;
use crate::support::process::processor_time;

/// What came of a [`Load`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outcome {
    pub operations: u64,
    pub seconds: f64,
    /// Processor time of the watched processes, in seconds.
    pub processor: f64,
    /// The same of the clients themselves.
    pub own_processor: f64,
    pub full: u64,
    pub resumed: u64,
    /// Handshakes that the backend has seen.
    pub backend_full: u64,
    pub backend_resumed: u64,
    /// Half and 99 in 100 of the operations took no longer, in seconds.
    pub p50: f64,
    pub p99: f64,
    pub errors: u64,
    pub first_error: String,
    /// Connections that stood at the end.
    pub open: u64,
}

impl Outcome {
    /// Processor time of one operation, in microseconds.
    #[expect(clippy::cast_precision_loss, reason = "operations are few")]
    pub fn cost(&self) -> f64 {
        self.processor * 1e6 / self.operations.max(1) as f64
    }

    pub fn to_json(&self) -> Value {
        json!({
            "operations": self.operations, "seconds": self.seconds, "processor": self.processor,
            "own_processor": self.own_processor, "full": self.full, "resumed": self.resumed,
            "backend_full": self.backend_full, "backend_resumed": self.backend_resumed,
            "p50": self.p50, "p99": self.p99, "errors": self.errors,
            "first_error": self.first_error, "open": self.open,
        })
    }

    /// Reads what [`Outcome::to_json`] has written.
    pub fn read(line: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(line).ok()?;
        let count = |key: &str| value.get(key)?.as_u64();
        let number = |key: &str| value.get(key)?.as_f64();
        Some(Self {
            operations: count("operations")?,
            seconds: number("seconds")?,
            processor: number("processor")?,
            own_processor: number("own_processor")?,
            full: count("full")?,
            resumed: count("resumed")?,
            backend_full: count("backend_full")?,
            backend_resumed: count("backend_resumed")?,
            p50: number("p50")?,
            p99: number("p99")?,
            errors: count("errors")?,
            first_error: value.get("first_error")?.as_str()?.to_owned(),
            open: count("open")?,
        })
    }
}

/// What is counted from the beginning of the window to its end.
#[derive(Debug)]
pub struct Tally {
    watched: Vec<u32>,
    backend: Option<SocketAddr>,
    begun: Option<Marks>,
    latencies: Vec<Duration>,
    outcome: Outcome,
}

/// What stood at the beginning of the window.
#[derive(Debug)]
struct Marks {
    at: Instant,
    watched: Duration,
    own: Duration,
    backend: [u64; 2],
}

impl Tally {
    pub fn new(load: &Load) -> Self {
        Self {
            watched: load.watched.clone(),
            backend: load.backend,
            begun: None,
            latencies: Vec::new(),
            outcome: Outcome::default(),
        }
    }

    /// From now on it counts.
    pub fn begin(&mut self) {
        self.begun = Some(self.marks());
    }

    /// An operation has ended.
    pub fn note(&mut self, done: Done) {
        if self.begun.is_none() {
            return;
        }
        self.latencies.push(done.begun.elapsed());
        match done.handshake {
            Some(HandshakeKind::Resumed) => self.outcome.resumed += 1,
            Some(_) => self.outcome.full += 1,
            None => {}
        }
    }

    /// An operation has failed, whenever that is. Says how many have.
    pub fn note_error(&mut self, error: impl std::fmt::Display) -> u64 {
        self.outcome.errors += 1;
        if self.outcome.first_error.is_empty() {
            self.outcome.first_error = error.to_string();
        }
        self.outcome.errors
    }

    /// The window has ended.
    pub fn end(mut self, open: usize) -> Outcome {
        let mut outcome = self.outcome.clone();
        outcome.open = open as u64;
        let Some(begun) = &self.begun else {
            return outcome;
        };
        let now = self.marks();
        outcome.operations = self.latencies.len() as u64;
        outcome.seconds = (now.at - begun.at).as_secs_f64();
        outcome.processor = (now.watched - begun.watched).as_secs_f64();
        outcome.own_processor = (now.own - begun.own).as_secs_f64();
        outcome.backend_full = now.backend[0] - begun.backend[0];
        outcome.backend_resumed = now.backend[1] - begun.backend[1];
        self.latencies.sort_unstable();
        let nth = |hundredth: usize| {
            let at = self.latencies.len() * hundredth / 100;
            let found = self.latencies.get(at);
            found.map_or(0.0, Duration::as_secs_f64)
        };
        (outcome.p50, outcome.p99) = (nth(50), nth(99));
        outcome
    }

    fn marks(&self) -> Marks {
        Marks {
            backend: self.backend.map_or([0, 0], handshakes_of),
            watched: self.watched.iter().map(|&pid| processor_time(pid)).sum(),
            own: processor_time(std::process::id()),
            at: Instant::now(),
        }
    }
}

/// Full and resumed handshakes that the backend has seen so far.
fn handshakes_of(backend: SocketAddr) -> [u64; 2] {
    let mut line = TcpStream::connect(backend).expect("the backend listens");
    let request = format!("GET {HANDSHAKES} HTTP/1.1\r\nConnection: close\r\n\r\n");
    line.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    line.read_to_string(&mut answer).expect("an answer");
    let body = answer.split("\r\n\r\n").nth(1).unwrap_or_default();
    let mut numbers = body.split(' ').map(|number| number.parse().unwrap_or(0));
    [(); 2].map(|()| numbers.next().unwrap_or(0))
}

/// The backend tells there what it has seen, and closes.
pub const HANDSHAKES: &str = "/handshakes";
