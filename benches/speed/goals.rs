//! The goals: what crmgate has set itself, and whether it has got there.

use std::fmt::Write as _;

use crate::agents::Agents;
use crate::figures::{Figures, Whom};
use crate::traffic::Outcome;

/// A goal and what was measured of it.
#[derive(Debug, Clone, PartialEq)]
struct Goal {
    title: &'static str,
    /// What the figure is, such as a ratio to somebody.
    measure: String,
    is: Bound,
    must: f64,
    aim: Option<f64>,
    figure: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bound {
    AtMost,
    AtLeast,
}

/// What an operation may cost beside the same one of others.
struct Beside {
    title: &'static str,
    operation: &'static str,
    /// Whom, what it must be at most, and what it aims to be.
    bounds: &'static [(Whom, f64, Option<f64>)],
}

const fn beside(
    title: &'static str,
    operation: &'static str,
    bounds: &'static [(Whom, f64, Option<f64>)],
) -> Beside {
    Beside {
        title,
        operation,
        bounds,
    }
}

/// Where there is an aim alone.
const ANYTHING: f64 = f64::INFINITY;

/// Ratios of processor time.
const RATIOS: [Beside; 10] = {
    use Whom::{Envoy, HaProxy, HaProxyNewer, Nginx, NginxNewer, Pingora, Relay};
    [
        beside(
            "full handshake, RSA-2048",
            "full",
            &[
                (Nginx, 0.45, Some(0.38)),
                (NginxNewer, 0.75, None),
                (Envoy, 0.75, None),
            ],
        ),
        beside(
            "full handshake, P-256",
            "full-p256",
            &[(Nginx, 0.32, Some(0.27)), (Pingora, 0.85, None)],
        ),
        beside(
            "resumed session, TLS 1.3",
            "resumed",
            &[(Nginx, 0.34, Some(0.27))],
        ),
        beside(
            "resumed session, TLS 1.2",
            "resumed-1.2",
            &[(Nginx, 0.38, Some(0.32))],
        ),
        beside(
            "kept request",
            "kept",
            &[
                (NginxNewer, 0.85, None),
                (HaProxyNewer, 0.85, None),
                (Relay, 1.7, Some(1.5)),
            ],
        ),
        beside(
            "kept request without TLS",
            "plain",
            &[(Nginx, 1.0, None), (Relay, ANYTHING, Some(1.1))],
        ),
        beside("answer of 100 KB", "100k", &[(Nginx, 0.75, Some(0.65))]),
        beside("answer of 5 MB", "5m", &[(Nginx, 0.85, Some(0.70))]),
        beside(
            "event to SAP, kept",
            "event",
            &[(HaProxy, 0.85, None), (HaProxyNewer, 0.85, None)],
        ),
        beside(
            "event to SAP, resumed",
            "event-resumed",
            &[(HaProxy, 0.85, None), (HaProxyNewer, 0.85, None)],
        ),
    ]
};

/// All goals, as a table.
pub fn markdown(figures: &Figures) -> String {
    let Some(ours) = figures.find(Whom::Ours) else {
        return String::new();
    };
    let mut text = String::from("| goal | measured as | must | aim | measured | |\n");
    text.push_str("|---|---|---|---|---|---|\n");
    for goal in ratios(figures, ours)
        .into_iter()
        .chain(others(figures, ours))
    {
        goal.push_to(&mut text);
    }
    text
}

fn ratios(figures: &Figures, ours: usize) -> Vec<Goal> {
    let goals = RATIOS.iter().flat_map(|beside| {
        let goal = move |&(whom, must, aim): &(Whom, f64, Option<f64>)| {
            // The relay knows no TLS, and that is what it stands for.
            let theirs = if whom == Whom::Relay {
                "plain"
            } else {
                beside.operation
            };
            Goal {
                title: beside.title,
                measure: format!("× {}", whom.name()),
                is: Bound::AtMost,
                must,
                aim,
                figure: figures.find(whom).and_then(|other| {
                    figures.ratio((beside.operation, ours), (theirs, other), Outcome::cost)
                }),
            }
        };
        beside.bounds.iter().map(goal)
    });
    goals.collect()
}

#[expect(clippy::cast_precision_loss, reason = "bytes of one process are few")]
fn others(figures: &Figures, ours: usize) -> Vec<Goal> {
    let goal = |title, measure: &str, (is, must, aim), figure| Goal {
        title,
        measure: measure.to_owned(),
        is,
        must,
        aim,
        figure,
    };
    let logging = figures.find(Whom::OursLogging);
    let logging =
        logging.and_then(|logging| figures.ratio(("kept", logging), ("kept", ours), Outcome::cost));
    let nginx = figures.find(Whom::Nginx);
    let storm = nginx
        .and_then(|nginx| figures.ratio(("storm", ours), ("storm", nginx), |outcome| outcome.p50));
    let memory = figures.memory_of(ours);
    let agents = Agents::of(figures, ours);
    let sessions = figures.sessions.as_ref();
    let share = |word| figures.share_resumed(word, ours);
    let most = |must, aim| (Bound::AtMost, must, aim);
    let least = |must, aim| (Bound::AtLeast, must, aim);
    vec![
        goal(
            "kept request with the access log on",
            "× without",
            most(1.10, None),
            logging,
        ),
        goal(
            "sessions taken up",
            "% of all in TLS 1.3",
            least(100.0, None),
            share("resumed"),
        ),
        goal(
            "sessions taken up",
            "% of all in TLS 1.2",
            least(100.0, None),
            share("resumed-1.2"),
        ),
        goal(
            "sessions taken up by two threads after a reload",
            &sessions.map_or_else(|| "%".to_owned(), |s| format!("% of {} clients", s.clients)),
            least(100.0, None),
            sessions.map(|s| 100.0 * s.resumed as f64 / s.clients as f64),
        ),
        goal(
            "kept request during a storm of handshakes",
            "p50, × nginx",
            most(0.35, Some(0.2)),
            storm,
        ),
        goal(
            "memory of an idle connection",
            "KB",
            most(12.0, Some(7.0)),
            memory.map(|memory| memory.each / 1024.0),
        ),
        goal(
            "memory without a connection",
            "MB",
            most(10.0, Some(6.0)),
            memory.map(|memory| memory.base as f64 / (1024.0 * 1024.0)),
        ),
        goal(
            "agents with TLS, kept connections",
            "× without TLS",
            least(0.70, Some(0.80)),
            agents.map(|agents| agents.kept / agents.plain_kept),
        ),
        goal(
            "agents with TLS, mixed habit",
            "× without TLS",
            least(0.40, Some(0.50)),
            agents.map(|agents| agents.mixed / agents.plain_mixed),
        ),
    ]
}

impl Goal {
    fn push_to(&self, text: &mut String) {
        let sign = match self.is {
            Bound::AtMost => "≤",
            Bound::AtLeast => "≥",
        };
        let bound = |bound: f64| {
            let is_set = bound.is_finite();
            if is_set {
                format!("{sign} {}", short(bound))
            } else {
                String::new()
            }
        };
        let aim = self.aim.map(bound).unwrap_or_default();
        let figure = self.figure.map_or_else(|| "-".to_owned(), short);
        let Self { title, measure, .. } = self;
        let (must, verdict) = (bound(self.must), self.verdict());
        writeln!(
            text,
            "| {title} | {measure} | {must} | {aim} | {figure} | {verdict} |"
        )
        .expect("a text grows");
    }

    fn verdict(&self) -> &'static str {
        let Some(figure) = self.figure else {
            return "not measured";
        };
        let holds = |bound: f64| match self.is {
            Bound::AtMost => figure <= bound,
            Bound::AtLeast => figure >= bound,
        };
        match (holds(self.must), self.aim.map(holds)) {
            (false, _) => "**not reached**",
            (true, Some(true)) => "reached, and the aim",
            (true, Some(false)) if self.must.is_infinite() => "aim not reached",
            (true, _) => "reached",
        }
    }
}

/// So exact that it can be told on which side of its bound it is.
fn short(number: f64) -> String {
    let text = if number < 10.0 {
        format!("{number:.3}")
    } else {
        format!("{number:.1}")
    };
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
