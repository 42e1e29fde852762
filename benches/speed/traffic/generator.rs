//! The generator: one thread with many clients, which take their turns.
//!
//! All clients have a first turn, in which their connections and sessions come about. Then it waits
//! for the pace to settle, counts for a time, and prints what came of it.

use std::collections::VecDeque;
use std::io::{BufRead as _, Write as _};
use std::time::Duration;

use tokio::time::Instant;

use super::slot::{Done, Shared, Slot};
use super::tally::{Outcome, Tally};
use super::tls::clients;
use super::{Course, Habit, Load};
use crate::wire::Poll;

/// Does what the load says.
pub fn generate(load: &Load) -> std::io::Result<Outcome> {
    Generator::new(load)?.run()
}

/// What it says on its output once all clients had their first turn, where a line is waited for.
pub const READY: &str = "ready";

#[derive(Debug)]
struct Generator {
    load: Load,
    shared: Shared,
    slots: Vec<Slot>,
    poll: Poll,
    tally: Tally,
    phase: Phase,
    /// Who comes next.
    queue: VecDeque<usize>,
    /// Operations under way.
    busy: usize,
    /// Where there is a rate: operations that are due and wait for a client, and the next one.
    due: VecDeque<Instant>,
    next_due: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Phase {
    /// First turns. `had`: who has had one.
    Opening {
        had: usize,
        until: Instant,
    },
    Warm {
        until: Instant,
    },
    Counted {
        until: Instant,
    },
    /// One more turn each.
    Last {
        had: usize,
        until: Instant,
    },
    Over,
}

/// Longer than ten thousand full handshakes take anywhere.
const OPENING: Duration = Duration::from_mins(3);

/// What fails so often will not get well.
const ERRORS: u64 = 100;

/// So late at most it sees that a phase is over.
const TICK: Duration = Duration::from_millis(50);

impl Generator {
    fn new(load: &Load) -> std::io::Result<Self> {
        let slots = match &load.tls {
            None => (0..load.clients).map(|_| Slot::new(None)).collect(),
            Some(secured) => {
                let each = clients(secured, load.habit, load.clients).into_iter();
                each.map(|own| Slot::new(Some(own))).collect()
            }
        };
        let now = Instant::now();
        Ok(Self {
            shared: Shared::new(load),
            slots,
            poll: Poll::new()?,
            tally: Tally::new(load),
            phase: Phase::Opening {
                had: 0,
                until: now + OPENING,
            },
            queue: (0..load.clients).collect(),
            busy: 0,
            due: VecDeque::new(),
            next_due: now,
            load: load.clone(),
        })
    }

    fn run(mut self) -> std::io::Result<Outcome> {
        let mut ready = Vec::new();
        loop {
            let now = Instant::now();
            self.pass_phases(now);
            if self.phase == Phase::Over {
                break;
            }
            self.begin_turns(now);
            let wait = self.wait(Instant::now());
            self.poll.wait(Some(wait), &mut ready)?;
            for &number in &ready {
                let step = self.slots[number].wake(&mut self.shared);
                self.settle(number, step);
            }
        }
        let open = self.slots.iter().filter(|slot| slot.is_open()).count();
        Ok(self.tally.end(open))
    }

    /// Goes from one phase to the next when its time has come.
    fn pass_phases(&mut self, now: Instant) {
        match self.phase {
            Phase::Opening { had, .. } if had == self.load.clients => self.opened(now),
            Phase::Opening { until, .. } | Phase::Last { until, .. } if now >= until => {
                self.fail("not all clients had their turn in time");
            }
            Phase::Warm { until } if now >= until => {
                self.tally.begin();
                let Course::Window { counted, .. } = self.load.course else {
                    return;
                };
                self.phase = Phase::Counted {
                    until: Instant::now() + counted,
                };
            }
            Phase::Counted { until } if now >= until => self.phase = Phase::Over,
            Phase::Last { had, .. } if had == self.load.clients => self.phase = Phase::Over,
            _ => {}
        }
    }

    fn opened(&mut self, now: Instant) {
        self.queue = (0..self.load.clients).collect();
        match self.load.course {
            Course::Window { warm, .. } => {
                self.next_due = now;
                self.phase = Phase::Warm { until: now + warm };
            }
            Course::OnceMore => {
                wait_for_word();
                self.tally.begin();
                self.phase = Phase::Last {
                    had: 0,
                    until: Instant::now() + OPENING,
                };
            }
            Course::Held => {
                wait_for_word();
                for number in 0..self.slots.len() {
                    let step = self.slots[number].wake(&mut self.shared);
                    if let Err(error) = step {
                        self.slots[number].give_up();
                        self.tally.note_error(error);
                    }
                }
                self.phase = Phase::Over;
            }
        }
    }

    fn fail(&mut self, why: &str) {
        self.tally.note_error(why);
        self.phase = Phase::Over;
    }

    /// Begins what can begin.
    fn begin_turns(&mut self, now: Instant) {
        let is_paced = matches!(self.phase, Phase::Warm { .. } | Phase::Counted { .. });
        let Some(rate) = self.load.rate.filter(|_| is_paced) else {
            while self.busy < self.load.at_once && self.phase != Phase::Over {
                let Some(number) = self.queue.pop_front() else {
                    break;
                };
                self.begin(number, Instant::now());
            }
            return;
        };
        while self.next_due <= now {
            self.due.push_back(self.next_due);
            self.next_due += Duration::from_secs(1) / rate;
        }
        while let (Some(&due), Some(&number)) = (self.due.front(), self.queue.front()) {
            self.due.pop_front();
            self.queue.pop_front();
            self.begin(number, due);
        }
    }

    fn begin(&mut self, number: usize, due: Instant) {
        self.busy += 1;
        let begun = self.slots[number].begin(number, due, &mut self.shared, &self.poll);
        self.settle(number, begun);
    }

    /// Notes what a step has come to.
    fn settle(&mut self, number: usize, step: std::io::Result<Option<Done>>) {
        match step {
            Ok(None) => return,
            Ok(Some(done)) => self.tally.note(done),
            Err(error) => {
                let is_resting = self.slots[number].is_resting();
                self.slots[number].give_up();
                // Who connects anew anyway has lost nothing.
                if is_resting && self.load.habit != Habit::Kept {
                    return;
                }
                let errors = self.tally.note_error(error);
                if matches!(self.phase, Phase::Opening { .. }) || errors > ERRORS {
                    self.phase = Phase::Over;
                }
                if is_resting {
                    return;
                }
            }
        }
        self.busy -= 1;
        match &mut self.phase {
            Phase::Opening { had, .. } | Phase::Last { had, .. } => *had += 1,
            Phase::Warm { .. } | Phase::Counted { .. } | Phase::Over => {
                self.queue.push_back(number);
            }
        }
    }

    /// How long nothing can be due.
    fn wait(&self, now: Instant) -> Duration {
        let until = match self.phase {
            Phase::Warm { until } | Phase::Counted { until } => until,
            Phase::Opening { .. } | Phase::Last { .. } | Phase::Over => now + TICK,
        };
        let has_turns = !self.due.is_empty() || self.load.rate.is_none();
        let until = if has_turns {
            until
        } else {
            until.min(self.next_due)
        };
        until.saturating_duration_since(now).min(TICK)
    }
}

/// Says that all is ready, and waits for a line or the end of the input.
fn wait_for_word() {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{READY}").expect("somebody reads");
    out.flush().expect("somebody reads");
    let mut line = String::new();
    let _or_its_end = std::io::stdin().lock().read_line(&mut line);
}
