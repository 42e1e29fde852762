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
    pub(super) excuse: Excuse,
    /// Steps of the play that did not come to pass.
    pub(super) missed: Vec<&'static str>,
    /// The play went on to its end.
    pub(super) is_over: bool,
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

/// Which reports of requests the kill of side A explains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Excuse {
    /// It has not been killed.
    #[default]
    None,
    /// All but the first so many: it was killed after those, and nothing happened since.
    Since(u64),
    /// So many: they came until it was back.
    Of(u64),
}

impl Excuse {
    /// How many of so many reports are left without one.
    const fn leaves(self, reports: u64) -> u64 {
        match self {
            Self::None => reports,
            Self::Since(before) => before,
            Self::Of(excused) => reports.saturating_sub(excused),
        }
    }
}

impl Report {
    /// Whether nothing was lost, nothing ran twice, every message was answered that could be, every
    /// report is true, events kept their order, and the play went as it should.
    pub(super) fn is_clean(&self) -> bool {
        let flows = [&self.requests, &self.events, &self.routed];
        flows.into_iter().all(Tally::is_clean) && self.wrongs().is_empty()
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
        for (flow, tally) in self.flows() {
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

    fn flows(&self) -> [(&'static str, &Tally); 3] {
        [
            ("requests", &self.requests),
            ("events", &self.events),
            ("static route", &self.routed),
        ]
    }

    /// What is wrong with the messages, in words.
    fn wrong_messages(&self) -> Vec<String> {
        let reports = self.requests.reported_in_all();
        let [not_sent, ..] = self.requests.reported;
        let mut counts = vec![
            (
                "requests",
                not_sent,
                "were not sent, though a side was there",
            ),
            (
                "requests",
                self.excuse.leaves(reports),
                "were reported while no side was killed",
            ),
        ];
        for (flow, tally) in [("events", &self.events), ("static route", &self.routed)] {
            let text = "got no answer, though SAP CRM was there";
            counts.push((flow, tally.reported_in_all(), text));
        }
        for (flow, tally) in self.flows() {
            counts.extend([
                (flow, tally.in_flight, "have neither answer nor report yet"),
                (
                    flow,
                    tally.misreported,
                    "were reported as not or partly sent, and were carried out",
                ),
                (flow, tally.invented, "were answered and never carried out"),
                (flow, tally.unknown, "were received and never sent"),
                (flow, tally.faulted, "were answered with a fault"),
            ]);
        }
        let wrong = counts.into_iter().filter(|(_, count, _)| *count > 0);
        wrong
            .map(|(flow, count, what)| format!("{flow}: {count} {what}"))
            .collect()
    }

    /// What is wrong, in words; nothing if all is well.
    fn wrongs(&self) -> Vec<String> {
        let mut texts = self.wrong_messages();
        for (flow, tally) in self.flows() {
            if self.is_over && tally.sent == 0 {
                texts.push(format!("{flow}: none was sent"));
            }
        }
        let missed = self.missed.iter();
        texts.extend(missed.map(|step| format!("waited in vain until {step}")));
        let counts = [
            (self.out_of_order, "events overtook an earlier one"),
            (self.cut as u64, "connections were cut by the drain"),
            (self.figures.panics, "defects were contained"),
        ];
        let wrong = counts.into_iter().filter(|(count, _)| *count > 0);
        texts.extend(wrong.map(|(count, what)| format!("{count} {what}")));
        texts
    }

    /// What is wrong, why messages were lost, and what the log lacks.
    fn complaints(&self, screen: &Screen) -> Vec<String> {
        let mut texts = self.wrongs();
        for (flow, tally) in self.flows() {
            let reasons = tally.reasons.iter();
            texts.extend(reasons.map(|reason| format!("{flow}: {reason}")));
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

    /// What came of these requests, with side A killed at the beginning.
    fn report(requests: &Ledger) -> Report {
        Report {
            requests: requests.tally(),
            events: Tally::default(),
            routed: Tally::default(),
            out_of_order: 0,
            excuse: Excuse::Since(0),
            missed: Vec::new(),
            is_over: false,
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

    /// Messages of which the gateway reported this.
    fn reported<const N: usize>(outcomes: [Outcome; N]) -> Ledger {
        let ledger = Ledger::new();
        for outcome in outcomes {
            let code = "GW-502-NO-ANSWER".to_owned();
            ledger.ended(ledger.sent(), Ending::Reported { code, outcome });
        }
        ledger
    }

    fn assert_spoilt(report: &Report, why: &str) {
        let text = text(report);
        assert!(!report.is_clean(), "{text}");
        assert!(text.contains(why), "{text}");
        assert!(text.ends_with("  not as it should be: see above"), "{text}");
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
    fn an_event_that_was_only_reported_spoils_the_verdict() {
        let events = reported([Outcome::SentNoAnswer]).tally();
        let report = Report {
            events: events.clone(),
            ..report(&Ledger::new())
        };
        assert_spoilt(&report, "events: 1 got no answer");
        let report = Report {
            events: Tally::default(),
            routed: events,
            ..report
        };
        assert_spoilt(&report, "static route: 1 got no answer");
    }

    #[test]
    fn a_request_that_was_not_sent_spoils_the_verdict_even_while_side_a_is_dead() {
        let report = report(&reported([Outcome::NotSent]));
        assert_spoilt(&report, "requests: 1 were not sent");
    }

    #[test]
    fn a_report_spoils_the_verdict_unless_side_a_was_killed_meanwhile() {
        let two = reported([Outcome::SentNoAnswer, Outcome::PartlySent]);
        for (excuse, spoils) in [
            (Excuse::None, 2),
            (Excuse::Since(1), 1),
            (Excuse::Since(0), 0),
            (Excuse::Of(1), 1),
            (Excuse::Of(2), 0),
        ] {
            let report = Report {
                excuse,
                ..report(&two)
            };
            if spoils == 0 {
                assert!(report.is_clean(), "{excuse:?}");
            } else {
                let why = format!("requests: {spoils} were reported while no side was killed");
                assert_spoilt(&report, &why);
            }
        }
    }

    #[test]
    fn a_step_that_never_came_to_pass_spoils_the_verdict() {
        let report = Report {
            missed: vec!["side B is active"],
            ..report(&Ledger::new())
        };
        assert_spoilt(&report, "waited in vain until side B is active");
    }

    #[test]
    fn a_play_to_its_end_without_messages_spoils_the_verdict_and_one_cut_short_does_not() {
        let empty = report(&Ledger::new());
        assert!(empty.is_clean());
        let report = Report {
            is_over: true,
            ..empty
        };
        assert_spoilt(&report, "requests: none was sent");
    }

    #[test]
    fn a_defect_that_was_contained_spoils_the_verdict() {
        let report = Report {
            figures: Snapshot {
                panics: 1,
                ..Snapshot::default()
            },
            ..report(&Ledger::new())
        };
        assert_spoilt(&report, "1 defects were contained");
    }

    #[test]
    fn the_table_fits_a_narrow_terminal() {
        for line in report(&Ledger::new()).lines(&Screen::plain()) {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }
}
