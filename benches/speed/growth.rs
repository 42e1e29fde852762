//! How the cost grows: the same operations at crmgate and nginx with 1 to 10,000 connections open,
//! on one thread and on two.
//!
//! So many clients each have a connection open. At most 32 of them do something at the same time, and
//! all come round in turn: they ask on their connection, or close it and connect anew. So the time
//! that an operation takes tells how the server bears the number of its connections, and not how
//! long the queue in front of it is.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use crate::contestants;
use crate::figures::{Whom, median};
use crate::machine::today;
use crate::operations::secured;
use crate::options::Options;
use crate::report::number;
use crate::role::play;
use crate::run::ABREAST;
use crate::server::{Door, Server};
use crate::stage::Stage;
use crate::traffic::{Course, Habit, Load, Outcome, Version};

/// What is measured.
pub const WHAT: [(&str, Door, Habit); 4] = [
    ("full handshake", Door::Rsa, Habit::Full),
    ("resumed session", Door::Rsa, Habit::Resumed),
    ("kept request", Door::Rsa, Habit::Kept),
    ("kept request without TLS", Door::Plain, Habit::Kept),
];

const CONNECTIONS: [usize; 4] = [1, 32, 1_000, 10_000];

const THREADS: [usize; 2] = [1, 2];

/// All that was measured.
#[derive(Debug, Default)]
pub struct Growth {
    pub points: Vec<Point>,
    pub failures: Vec<String>,
    /// Who took part, with versions.
    pub names: Vec<String>,
    repeats: usize,
    seconds: f64,
}

/// One operation at one server with so many connections.
#[derive(Debug)]
pub struct Point {
    /// Which of [`WHAT`].
    pub what: usize,
    /// Which of the names.
    pub who: usize,
    pub threads: usize,
    pub connections: usize,
    outcomes: Vec<Outcome>,
}

impl Point {
    /// Processor time of an operation, in microseconds.
    pub fn cost(&self) -> f64 {
        median(self.outcomes.iter().map(Outcome::cost)).unwrap_or(f64::NAN)
    }

    /// How long half of the operations took at most, in microseconds.
    pub fn p50(&self) -> f64 {
        median(self.outcomes.iter().map(|outcome| outcome.p50 * 1e6)).unwrap_or(f64::NAN)
    }
}

/// Measures all of it. `files`: how many files a process may open.
pub async fn measure(options: &Options, stage: &Stage, files: usize) -> Result<Growth, String> {
    let mut growth = Growth {
        repeats: options.repeats,
        seconds: options.seconds,
        ..Growth::default()
    };
    let all = contestants::all(options)?;
    let two: Vec<_> = all
        .iter()
        .filter(|one| [Whom::Ours, Whom::Nginx].iter().any(|whom| whom.is(one)))
        .collect();
    growth.names = two
        .iter()
        .map(|one| format!("{} {}", one.name, one.version))
        .collect();
    for threads in THREADS {
        let mut servers = Vec::new();
        for one in &two {
            servers.push(stage.start(one, threads).await?);
        }
        for connections in CONNECTIONS {
            // Those of the clients, and as many at the server.
            if connections + 500 > files {
                eprintln!(
                    "{connections} connections are left out: a process may open {files} files"
                );
                continue;
            }
            for (what, (title, ..)) in WHAT.iter().enumerate() {
                eprintln!("{title}, {connections} connections, {threads} threads");
                let place = Place {
                    what,
                    threads,
                    connections,
                };
                place.measure(options, stage, &servers, &mut growth).await;
            }
        }
    }
    Ok(growth)
}

/// What is measured next.
#[derive(Debug, Clone, Copy)]
struct Place {
    what: usize,
    threads: usize,
    connections: usize,
}

impl Place {
    async fn measure(
        self,
        options: &Options,
        stage: &Stage,
        servers: &[Server],
        growth: &mut Growth,
    ) {
        let Self {
            what,
            threads,
            connections,
        } = self;
        let mut points: Vec<_> = (0..servers.len())
            .map(|who| Point {
                what,
                who,
                threads,
                connections,
                outcomes: Vec::new(),
            })
            .collect();
        for repeat in 0..options.repeats {
            for at in 0..servers.len() {
                let who = (at + repeat) % servers.len();
                let name = &growth.names[who];
                match self.once(options, stage, &servers[who]).await {
                    Ok(outcome) if outcome.errors == 0 && outcome.operations > 0 => {
                        points[who].outcomes.push(outcome);
                    }
                    Ok(outcome) => {
                        let (operations, first) = (outcome.operations, outcome.first_error);
                        growth.failures.push(format!(
                            "{name}, {}, {connections} connections: {operations} operations; {first}",
                            WHAT[what].0
                        ));
                    }
                    Err(why) => growth.failures.push(format!("{name}: {why}")),
                }
            }
        }
        growth.points.extend(points);
    }

    async fn once(
        self,
        options: &Options,
        stage: &Stage,
        server: &Server,
    ) -> Result<Outcome, String> {
        let (_, door, habit) = WHAT[self.what];
        let counted = Duration::from_secs_f64(options.seconds);
        let course = Course::Window {
            warm: counted / 4,
            counted,
        };
        let mut load = Load {
            tls: secured(door, &stage.certs, Version::Tls13),
            at_once: ABREAST.min(self.connections),
            ..Load::plain(server.door(door), habit, self.connections, course)
        };
        load.watched = server.pids();
        play(&load, stage.cores(self.threads).1).await
    }
}

impl Growth {
    /// The points of one line, by rising number of connections.
    pub fn line(&self, what: usize, who: usize, threads: usize) -> impl Iterator<Item = &Point> {
        let is_in =
            move |point: &&Point| (point.what, point.who, point.threads) == (what, who, threads);
        self.points.iter().filter(is_in)
    }

    /// As a table.
    pub fn markdown(&self, stage: &Stage) -> String {
        let mut text = format!(
            "Measured on {} on {}. Processor time of an operation / p50 of the time that it takes, \
             both in µs; each the median of {} times {} s. At most {ABREAST} of the connections do \
             something at the same time. With two threads, servers and clients share all cores.\n\n",
            today(),
            stage.machine.describe(),
            self.repeats,
            self.seconds
        );
        text.push_str("| operation | threads | server |");
        for connections in CONNECTIONS {
            write!(text, " {connections} |").expect("a text grows");
        }
        text.push_str("\n|---|---|---|");
        text.push_str(&"---|".repeat(CONNECTIONS.len()));
        for (what, (title, ..)) in WHAT.iter().enumerate() {
            for threads in THREADS {
                for (who, name) in self.names.iter().enumerate() {
                    write!(text, "\n| {title} | {threads} | {name} |").expect("a text grows");
                    for connections in CONNECTIONS {
                        let mut line = self.line(what, who, threads);
                        let point = line.find(|point| point.connections == connections);
                        let cell = point.map_or_else(
                            || "-".to_owned(),
                            |point| format!("{} / {}", number(point.cost()), number(point.p50())),
                        );
                        write!(text, " {cell} |").expect("a text grows");
                    }
                }
            }
        }
        text
    }

    /// All of it.
    pub fn to_json(&self) -> Value {
        let points = self.points.iter().map(|point| {
            let outcomes = point.outcomes.iter().map(Outcome::to_json);
            json!({
                "operation": WHAT[point.what].0, "server": self.names[point.who],
                "threads": point.threads, "connections": point.connections,
                "outcomes": outcomes.collect::<Vec<_>>(),
            })
        });
        json!({ "points": points.collect::<Vec<_>>(), "failures": self.failures })
    }
}
