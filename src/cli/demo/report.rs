//! [`Report`]: the table at the end, and the verdict.

use std::time::Duration;

use super::screen::{Screen, Tone};
use crate::model::{Generation, Outcome};
use crate::simulate::{CallerFigures, ServerFigures, Tally};
use crate::telemetry::Snapshot;

/// What came of it.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) requests: Tally,
    pub(super) events: Tally,
    pub(super) routed: Tally,
    /// Events that overtook an earlier one of their source.
    pub(super) out_of_order: u64,
    /// Both application servers.
    pub(super) callers: [CallerFigures; 2],
    /// Requests that each side carried out.
    pub(super) executed: [u64; 2],
    pub(super) sides: [ServerFigures; 2],
    /// SAP CRM's port for events, and the one behind the static route.
    pub(super) receivers: [ServerFigures; 2],
    /// The longest times without an answer to SAP CRM, by what happened meanwhile.
    pub(super) gaps: Vec<(&'static str, Duration)>,
    /// What the gateway says about itself.
    pub(super) figures: Snapshot,
    pub(super) generation: Generation,
    /// Connections that the drain had to cut.
    pub(super) cut: usize,
    pub(super) lost_lines: u64,
}

impl Report {
    /// Whether nothing was lost, nothing ran twice, every report is true and events kept their
    /// order.
    pub(super) fn is_clean(&self) -> bool {
        let flows = [&self.requests, &self.events, &self.routed];
        flows.into_iter().all(Tally::is_clean) && self.out_of_order == 0
    }

    /// The table.
    pub(super) fn lines(&self, screen: &Screen) -> Vec<String> {
        let mut lines = vec![String::new(), heading(screen)];
        lines.push(flow(screen, "requests", &self.requests));
        lines.push(flow(screen, "events, direct", &self.events));
        lines.push(flow(screen, "events, static route", &self.routed));
        lines.push(String::new());
        lines.extend(self.reported());
        lines.extend(self.handshakes());
        lines.push(String::new());
        lines.extend(self.times());
        lines.push(String::new());
        lines.extend(self.gateway());
        lines.push(String::new());
        lines.extend(self.complaints(screen));
        lines.push(self.verdict(screen));
        lines
    }

    /// Messages without answer: what the gateway told their senders.
    fn reported(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (flow, tally) in [
            ("requests", &self.requests),
            ("events", &self.events),
            ("static route", &self.routed),
        ] {
            for outcome in Outcome::ALL {
                let count = tally.reported.get(outcome.index()).copied();
                if let Some(count) = count.filter(|count| *count > 0) {
                    lines.push(row("reported", &format!("{count} {flow}: {outcome}")));
                }
            }
            for (code, count) in &tally.codes {
                lines.push(row("", &format!("{count} times {code}")));
            }
        }
        let [a, b] = self.executed;
        lines.push(row("carried out", &format!("side A {a}, side B {b}")));
        lines.push(String::new());
        lines
    }

    fn handshakes(&self) -> Vec<String> {
        let [first, second] = &self.callers;
        let [a, b] = &self.sides;
        let [direct, routed] = &self.receivers;
        let line = |name: &str, full: u64, resumed: u64, failed: u64| {
            row(
                name,
                &format!("{full:>5} full {resumed:>6} resumed {failed:>4} failed"),
            )
        };
        vec![
            row("TLS handshakes", ""),
            line(
                "  SAP CRM, TLS 1.2",
                first.full,
                first.resumed,
                first.failed,
            ),
            line(
                "  SAP CRM, TLS 1.3",
                second.full,
                second.resumed,
                second.failed,
            ),
            line(
                "  to the sides, with probes",
                a.full + b.full,
                a.resumed + b.resumed,
                a.failed + b.failed,
            ),
            line(
                "  events to SAP CRM",
                direct.full,
                direct.resumed,
                direct.failed,
            ),
            line(
                "  over the route",
                routed.full,
                routed.resumed,
                routed.failed,
            ),
        ]
    }

    fn times(&self) -> Vec<String> {
        let mut lines = vec![row("longest time without an answer", "")];
        for (what, gap) in &self.gaps {
            lines.push(row(
                &format!("  {what}"),
                &format!("{:>5} ms", gap.as_millis()),
            ));
        }
        let shown = |time: Option<Duration>| {
            time.map_or_else(|| "-".to_owned(), |time| format!("{} ms", time.as_millis()))
        };
        lines.push(row(
            "answer to a request",
            &format!(
                "median {}, 99 of 100 within {}, longest {} ms",
                shown(self.requests.median),
                shown(self.requests.percentile_99),
                self.requests.longest.as_millis()
            ),
        ));
        lines
    }

    fn gateway(&self) -> Vec<String> {
        let figures = &self.figures;
        vec![
            row(
                "switches",
                &format!(
                    "{} by the gateway, {} ordered",
                    figures.switches_automatic, figures.switches_ordered
                ),
            ),
            row(
                "sent to the other side",
                &format!(
                    "{} requests of which nothing had been sent",
                    figures.replays
                ),
            ),
            row(
                "reloads",
                &format!(
                    "{}, {} refused; generation {}",
                    figures.reloads_succeeded, figures.reloads_failed, self.generation
                ),
            ),
        ]
    }

    /// What is wrong, in words; nothing if all is well.
    fn complaints(&self, screen: &Screen) -> Vec<String> {
        let mut texts = Vec::new();
        for (flow, tally) in [
            ("requests", &self.requests),
            ("events", &self.events),
            ("static route", &self.routed),
        ] {
            let counts = [
                (tally.in_flight, "have neither answer nor report yet"),
                (
                    tally.misreported,
                    "were reported as not sent, and were carried out",
                ),
                (tally.invented, "were answered and never carried out"),
                (tally.unknown, "were received and never sent"),
            ];
            for (count, what) in counts.into_iter().filter(|(count, _)| *count > 0) {
                texts.push(format!("{flow}: {count} {what}"));
            }
            texts.extend(
                tally
                    .reasons
                    .iter()
                    .map(|reason| format!("{flow}: {reason}")),
            );
        }
        if self.out_of_order > 0 {
            texts.push(format!(
                "{} events overtook an earlier one",
                self.out_of_order
            ));
        }
        if self.cut > 0 {
            texts.push(format!("{} connections were cut by the drain", self.cut));
        }
        if self.figures.panics > 0 {
            texts.push(format!("{} defects were contained", self.figures.panics));
        }
        if self.lost_lines > 0 {
            texts.push(format!("{} lines are missing in the log", self.lost_lines));
        }
        let bad = |text: String| format!("  {}", screen.tone(Tone::Bad, &text));
        texts.into_iter().map(bad).collect()
    }

    fn verdict(&self, screen: &Screen) -> String {
        let (tone, text) = if self.is_clean() {
            (Tone::Good, "nothing lost, nothing twice")
        } else {
            (Tone::Bad, "not as it should be: see above")
        };
        format!("  {}", screen.tone(tone, text))
    }
}

fn heading(screen: &Screen) -> String {
    let text = format!(
        "  {:<22}{:>8}{:>10}{:>10}{:>8}{:>8}",
        "", "sent", "answered", "reported", "lost", "twice"
    );
    screen.tone(Tone::Quiet, &text)
}

fn flow(screen: &Screen, name: &str, tally: &Tally) -> String {
    let verdict = |count: usize| {
        let tone = if count == 0 { Tone::Good } else { Tone::Bad };
        screen.tone(tone, &format!("{count:>8}"))
    };
    format!(
        "  {name:<22}{:>8}{:>10}{:>10}{}{}",
        tally.sent,
        tally.answered,
        tally.reported_in_all(),
        verdict(tally.lost.len()),
        verdict(tally.duplicated.len()),
    )
}

fn row(name: &str, text: &str) -> String {
    format!("  {name:<32}{text}").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::{Ending, Ledger};

    fn report(requests: &Ledger) -> Report {
        Report {
            requests: requests.tally(),
            events: Tally::default(),
            routed: Tally::default(),
            out_of_order: 0,
            callers: Default::default(),
            executed: [1, 2],
            sides: Default::default(),
            receivers: Default::default(),
            gaps: vec![("kill of side A", Duration::from_millis(48))],
            figures: Snapshot::default(),
            generation: Generation::FIRST,
            cut: 0,
            lost_lines: 0,
        }
    }

    fn text(report: &Report) -> String {
        report.lines(&Screen::plain()).join("\n")
    }

    #[test]
    fn a_reported_request_is_named_with_its_outcome_and_is_not_lost() {
        let requests = Ledger::new();
        let id = requests.sent();
        requests.executed(id);
        let ending = Ending::Reported {
            code: "GW-502-NO-ANSWER".to_owned(),
            outcome: Outcome::SentNoAnswer,
        };
        requests.ended(id, ending);
        let report = report(&requests);
        let text = text(&report);
        assert!(report.is_clean(), "{text}");
        assert!(text.contains("1 requests: sent without answer"), "{text}");
        assert!(text.contains("1 times GW-502-NO-ANSWER"), "{text}");
        assert!(text.ends_with("  nothing lost, nothing twice"), "{text}");
    }

    #[test]
    fn a_lost_request_spoils_the_verdict_and_says_why() {
        let requests = Ledger::new();
        let id = requests.sent();
        requests.ended(id, Ending::Broken("the answer broke off".to_owned()));
        let report = report(&requests);
        let text = text(&report);
        assert!(!report.is_clean(), "{text}");
        assert!(
            text.contains("requests: message 0: the answer broke off"),
            "{text}"
        );
        assert!(text.ends_with("  not as it should be: see above"), "{text}");
    }

    #[test]
    fn events_that_overtake_each_other_spoil_the_verdict() {
        let report = Report {
            out_of_order: 1,
            ..report(&Ledger::new())
        };
        assert!(!report.is_clean());
        assert!(text(&report).contains("1 events overtook an earlier one"));
    }

    #[test]
    fn the_table_fits_a_narrow_terminal() {
        for line in report(&Ledger::new()).lines(&Screen::plain()) {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }
}
