//! [`Figures`]: what was measured, and what is made of it: medians, and ratios within a repeat.

use serde_json::{Value, json};

use crate::server::{Contestant, Make};
use crate::traffic::Outcome;

/// All that was measured in a run.
#[derive(Debug, Default)]
pub struct Figures {
    pub contestants: Vec<Contestant>,
    pub samples: Vec<Sample>,
    pub memory: Vec<Memory>,
    pub sessions: Option<Sessions>,
    /// What went wrong.
    pub failures: Vec<String>,
}

/// One operation at one server in one repeat.
#[derive(Debug)]
pub struct Sample {
    pub operation: &'static str,
    /// Which of the contestants.
    pub who: usize,
    pub repeat: usize,
    pub outcome: Outcome,
}

/// What a server takes for idle connections.
#[derive(Debug)]
pub struct Memory {
    pub who: usize,
    /// Bytes before.
    pub base: u64,
    /// Bytes for each connection.
    pub each: f64,
}

/// Clients that resumed their sessions after a reload, at crmgate with two threads.
#[derive(Debug)]
pub struct Sessions {
    pub clients: u64,
    pub resumed: u64,
}

/// Who is meant in a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whom {
    Ours,
    OursLogging,
    Nginx,
    NginxNewer,
    HaProxy,
    HaProxyNewer,
    Envoy,
    Pingora,
    Relay,
}

impl Whom {
    /// Whether it is this one.
    pub fn is(self, contestant: &Contestant) -> bool {
        let is_newer = contestant.libraries.is_some();
        match self {
            Self::Ours => matches!(contestant.make, Make::Ours { access_log, .. } if !access_log),
            Self::OursLogging => {
                matches!(contestant.make, Make::Ours { access_log, .. } if access_log)
            }
            Self::Nginx => contestant.make == Make::Nginx && !is_newer,
            Self::NginxNewer => contestant.make == Make::Nginx && is_newer,
            Self::HaProxy => contestant.make == Make::HaProxy && !is_newer,
            Self::HaProxyNewer => contestant.make == Make::HaProxy && is_newer,
            Self::Envoy => matches!(contestant.make, Make::Envoy { .. }),
            Self::Pingora => contestant.name.starts_with("pingora"),
            Self::Relay => contestant.make == Make::Relay,
        }
    }

    /// As a goal calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ours => "crmgate",
            Self::OursLogging => "crmgate with its access log",
            Self::Nginx => "nginx",
            Self::NginxNewer => "nginx with the newer OpenSSL",
            Self::HaProxy => "HAProxy",
            Self::HaProxyNewer => "HAProxy with the newer OpenSSL",
            Self::Envoy => "Envoy",
            Self::Pingora => "pingora",
            Self::Relay => "a bare relay",
        }
    }
}

impl Figures {
    /// Which of the contestants it is.
    pub fn find(&self, whom: Whom) -> Option<usize> {
        self.contestants.iter().position(|one| whom.is(one))
    }

    fn of<'a>(&'a self, operation: &'a str, who: usize) -> impl Iterator<Item = &'a Sample> {
        let is_it = move |sample: &&Sample| sample.operation == operation && sample.who == who;
        self.samples.iter().filter(is_it)
    }

    /// The median of something that was measured.
    pub fn median(&self, operation: &str, who: usize, of: impl Fn(&Outcome) -> f64) -> Option<f64> {
        median(self.of(operation, who).map(|sample| of(&sample.outcome)))
    }

    /// Processor time of an operation in microseconds.
    pub fn cost(&self, operation: &str, who: usize) -> Option<f64> {
        self.median(operation, who, Outcome::cost)
    }

    /// The median of the ratios within each repeat, since what else a machine does falls on both.
    pub fn ratio(
        &self,
        (operation, who): (&str, usize),
        (other_operation, other): (&str, usize),
        of: impl Fn(&Outcome) -> f64,
    ) -> Option<f64> {
        let pairs = self.of(operation, who).filter_map(|sample| {
            let mut others = self.of(other_operation, other);
            let paired = others.find(|other| other.repeat == sample.repeat)?;
            let (own, theirs) = (of(&sample.outcome), of(&paired.outcome));
            (theirs > 0.0).then(|| own / theirs)
        });
        median(pairs)
    }

    /// How many of the handshakes of an operation were resumed, in hundredths.
    #[expect(clippy::cast_precision_loss, reason = "handshakes are few")]
    pub fn share_resumed(&self, operation: &str, who: usize) -> Option<f64> {
        let (mut resumed, mut all) = (0, 0);
        for Sample { outcome, .. } in self.of(operation, who) {
            resumed += outcome.resumed + outcome.backend_resumed;
            all += outcome.resumed + outcome.full + outcome.backend_resumed + outcome.backend_full;
        }
        (all > 0).then(|| 100.0 * resumed as f64 / all as f64)
    }

    pub fn memory_of(&self, who: usize) -> Option<&Memory> {
        self.memory.iter().find(|memory| memory.who == who)
    }

    /// All of it, for whoever wants to reckon for himself.
    pub fn to_json(&self, head: &str) -> Value {
        let name = |who: usize| {
            let one = &self.contestants[who];
            format!("{} {}", one.name, one.version).trim().to_owned()
        };
        let samples = self.samples.iter().map(|sample| {
            json!({
                "operation": sample.operation, "server": name(sample.who),
                "repeat": sample.repeat, "outcome": sample.outcome.to_json(),
            })
        });
        let memory = self.memory.iter().map(|memory| {
            json!({ "server": name(memory.who), "base": memory.base, "each": memory.each })
        });
        let sessions = self.sessions.as_ref();
        json!({
            "about": head,
            "samples": samples.collect::<Vec<_>>(),
            "memory": memory.collect::<Vec<_>>(),
            "sessions": sessions.map(|s| json!({ "clients": s.clients, "resumed": s.resumed })),
            "failures": self.failures,
        })
    }
}

/// The middle one, or between the two in the middle.
pub fn median(numbers: impl Iterator<Item = f64>) -> Option<f64> {
    let mut numbers: Vec<f64> = numbers.collect();
    numbers.sort_unstable_by(f64::total_cmp);
    let upper = *numbers.get(numbers.len() / 2)?;
    let lower = numbers[(numbers.len() - 1) / 2];
    Some(f64::midpoint(lower, upper))
}
