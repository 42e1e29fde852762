//! The report on one line, for those who show no more of a service than that.

use std::fmt::Write as _;

use super::{Report, SideReport, SidesReport, SystemReport};
use crate::requests::failover::Health;

impl Report {
    /// Sides, connections, and what ends first. A reload that was refused comes before all of that.
    pub fn line(&self) -> String {
        let mut parts = Vec::new();
        if let Some(why) = &self.last_reload_failure {
            let generation = self.generation;
            let why = why.lines().next().unwrap_or_default();
            parts.push(format!(
                "the last reload was refused and generation {generation} stays ({why})"
            ));
        }
        let with_sides = self.systems.iter().filter(|system| system.sides.is_some());
        let named = with_sides.clone().take(MOST_NAMED).filter_map(system);
        parts.extend(named);
        let more = with_sides.count().saturating_sub(MOST_NAMED);
        if more > 0 {
            parts.push(format!("{more} systems more"));
        }
        parts.push(match self.connections {
            1 => "1 connection".to_owned(),
            many => format!("{many} connections"),
        });
        let days = self.next_to_end.as_ref().and_then(|first| first.days_left);
        if let Some(days) = days {
            parts.push(match days {
                ..0 => "a certificate has ended".to_owned(),
                0 => "a certificate ends today".to_owned(),
                1 => "a certificate ends in 1 day".to_owned(),
                many => format!("the first certificate ends in {many} days"),
            });
        }
        parts.join("; ")
    }
}

/// With more of them nobody reads the line.
const MOST_NAMED: usize = 6;

fn system(system: &SystemReport) -> Option<String> {
    let SidesReport { active, a, b, .. } = system.sides.as_ref()?;
    let mut text = format!("{}:", system.name);
    let each = [("A", Some(a)), ("B", b.as_ref())];
    let mut between = " ";
    for (name, side) in each {
        let Some(side) = side else { continue };
        let _infallible = write!(text, "{between}{name} {}", part(side, name == active));
        between = ", ";
    }
    Some(text)
}

fn part(side: &SideReport, is_active: bool) -> &'static str {
    let is_down = side.health == Health::Down.to_string();
    match (is_active, is_down, side.drained.is_some()) {
        (true, false, _) => "active",
        (true, true, _) => "active and down",
        (false, true, _) => "down",
        (false, false, true) => "drained",
        (false, false, false) => "standby",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::report::FiguresReport;
    use crate::telemetry::Snapshot as Figures;

    fn side(health: Health) -> SideReport {
        SideReport {
            url: "http://side".to_owned(),
            health: health.to_string(),
            for_seconds: 1,
            request_failures: 0,
            probe_failures: 0,
            good_probes: 0,
            last_cause: None,
            back_off_seconds: None,
            drained: None,
        }
    }

    fn on(name: &str, a: SideReport, b: Option<SideReport>) -> SystemReport {
        SystemReport {
            name: name.to_owned(),
            listeners: Vec::new(),
            sides: Some(SidesReport {
                active: "A".to_owned(),
                home: "A".to_owned(),
                active_for_seconds: None,
                flap_alarm_seconds: None,
                a,
                b,
            }),
            crm: Vec::new(),
            crm_proxy: None,
        }
    }

    fn report(systems: Vec<SystemReport>) -> Report {
        Report {
            version: "1",
            phase: "serving".to_owned(),
            ready: true,
            not_ready: Vec::new(),
            generation: 3,
            generation_since: None,
            now: String::new(),
            started: String::new(),
            uptime_seconds: 0,
            connections: 212,
            last_reload_failure: None,
            systems,
            figures: FiguresReport::of(&Figures::default()),
            next_to_end: None,
        }
    }

    #[test]
    fn both_sides_of_each_system_and_the_connections_are_on_it() {
        let drained = SideReport {
            drained: Some("an operator".to_owned()),
            ..side(Health::Up)
        };
        let systems = vec![
            on("SAP1", side(Health::Up), Some(side(Health::Untested))),
            on("SAP2", side(Health::Down), Some(drained)),
            on("SAP3", side(Health::Up), Some(side(Health::Down))),
            on("SAP4", side(Health::Up), None),
        ];
        assert_eq!(
            report(systems).line(),
            "SAP1: A active, B standby; SAP2: A active and down, B drained; SAP3: A active, B down; \
             SAP4: A active; 212 connections"
        );
    }

    #[test]
    fn of_many_systems_some_are_named_and_the_others_counted() {
        let many = (1..=9).map(|number| on(&format!("SAP{number}"), side(Health::Up), None));
        let line = report(many.collect()).line();
        assert!(line.contains("SAP6: A active; 3 systems more; "), "{line}");
        assert!(!line.contains("SAP7"), "{line}");
    }

    #[test]
    fn a_reload_that_was_refused_comes_first() {
        let mut report = report(Vec::new());
        report.connections = 1;
        report.last_reload_failure = Some("error: a mistake\n  hint: mend it".to_owned());
        assert_eq!(
            report.line(),
            "the last reload was refused and generation 3 stays (error: a mistake); 1 connection"
        );
    }
}
