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

/// A ratio of costs: whose operation, beside whose, and which.
struct Ratio(
    &'static str,
    &'static str,
    Whom,
    &'static str,
    f64,
    Option<f64>,
);

/// Ratios of processor time, all at most.
const RATIOS: [Ratio; 19] = [
    Ratio(
        "full handshake, RSA-2048",
        "full",
        Whom::Nginx,
        "full",
        0.45,
        Some(0.38),
    ),
    Ratio(
        "full handshake, RSA-2048",
        "full",
        Whom::NginxNewer,
        "full",
        0.75,
        None,
    ),
    Ratio(
        "full handshake, RSA-2048",
        "full",
        Whom::Envoy,
        "full",
        0.75,
        None,
    ),
    Ratio(
        "full handshake, P-256",
        "full-p256",
        Whom::Nginx,
        "full-p256",
        0.32,
        Some(0.27),
    ),
    Ratio(
        "full handshake, P-256",
        "full-p256",
        Whom::Pingora,
        "full-p256",
        0.85,
        None,
    ),
    Ratio(
        "resumed session, TLS 1.3",
        "resumed",
        Whom::Nginx,
        "resumed",
        0.34,
        Some(0.27),
    ),
    Ratio(
        "resumed session, TLS 1.2",
        "resumed-1.2",
        Whom::Nginx,
        "resumed-1.2",
        0.38,
        Some(0.32),
    ),
    Ratio("kept request", "kept", Whom::NginxNewer, "kept", 0.85, None),
    Ratio(
        "kept request",
        "kept",
        Whom::HaProxyNewer,
        "kept",
        0.85,
        None,
    ),
    Ratio("kept request", "kept", Whom::Relay, "plain", 1.7, Some(1.5)),
    Ratio(
        "kept request without TLS",
        "plain",
        Whom::Nginx,
        "plain",
        1.0,
        None,
    ),
    Ratio(
        "kept request without TLS",
        "plain",
        Whom::Relay,
        "plain",
        f64::INFINITY,
        Some(1.1),
    ),
    Ratio(
        "answer of 100 KB",
        "100k",
        Whom::Nginx,
        "100k",
        0.75,
        Some(0.65),
    ),
    Ratio("answer of 5 MB", "5m", Whom::Nginx, "5m", 0.85, Some(0.70)),
    Ratio(
        "event to SAP, kept",
        "event",
        Whom::HaProxy,
        "event",
        0.85,
        None,
    ),
    Ratio(
        "event to SAP, kept",
        "event",
        Whom::HaProxyNewer,
        "event",
        0.85,
        None,
    ),
    Ratio(
        "event to SAP, resumed",
        "event-resumed",
        Whom::HaProxy,
        "event-resumed",
        0.85,
        None,
    ),
    Ratio(
        "event to SAP, resumed",
        "event-resumed",
        Whom::HaProxyNewer,
        "event-resumed",
        0.85,
        None,
    ),
    Ratio(
        "access log on, kept request",
        "kept",
        Whom::Ours,
        "kept",
        1.10,
        None,
    ),
];

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
    let goal = |ratio: &Ratio| {
        let Ratio(title, word, whom, their_word, must, aim) = *ratio;
        let is_log = whom == Whom::Ours;
        let own = if is_log {
            figures.find(Whom::OursLogging)
        } else {
            Some(ours)
        };
        let both = own.zip(figures.find(whom));
        Goal {
            title,
            measure: if is_log {
                "× the same with the log off".to_owned()
            } else {
                format!("× {}", whom.name())
            },
            is: Bound::AtMost,
            must,
            aim,
            figure: both.and_then(|(own, other)| {
                figures.ratio((word, own), (their_word, other), Outcome::cost)
            }),
        }
    };
    RATIOS.iter().map(goal).collect()
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

fn short(number: f64) -> String {
    let text = format!("{number:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
