//! [`Announcements`]: what is due is said when its time comes, and once.
//!
//! There is no timer to be set wrong: whoever looks after the gateway every few seconds asks what is
//! due by the clock of that moment. So a clock that jumps, to and fro and by years, costs a line
//! for each certificate and each list whose steps it jumps over, and nothing else.

use std::collections::HashMap;

use crate::certs::{Due, Step};

/// How far each certificate and each list was from its end when it was looked at last, by what tells
/// an alarm from all others ([`Due::about`]).
#[derive(Debug, Default)]
pub(super) struct Announcements(HashMap<[u8; 32], Step>);

impl Announcements {
    /// Takes in what the process before this one has said.
    pub(super) fn remember(&mut self, said: impl IntoIterator<Item = ([u8; 32], Step)>) {
        self.0.extend(said);
    }

    /// What has been said and is still so, in a fixed order: for the next process.
    pub(super) fn said(&self) -> Vec<([u8; 32], Step)> {
        let mut said: Vec<_> = self.0.iter().map(|(about, step)| (*about, *step)).collect();
        said.sort_unstable();
        said
    }

    /// What is due now and has not been said. A step that the clock has gone back behind is said
    /// again when it comes.
    pub(super) fn news(&mut self, due: Vec<Due>) -> Vec<Due> {
        let mut news: Vec<Due> = Vec::new();
        let mut now = HashMap::new();
        for one in due {
            let about = one.about();
            let before = self.0.get(&about);
            if before.is_none_or(|before| *before < one.step) && !now.contains_key(&about) {
                news.push(one.clone());
            }
            now.insert(about, one.step);
        }
        self.0 = now;
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certs::DueKind;
    use crate::certs::expiry::Validity;
    use crate::config::problem::{Place, Problem};
    use crate::model::WallTime;

    const DAY: i64 = 86_400;

    fn due(item: u8, step: Step) -> Due {
        let problem = Problem::warning(Place::default(), format!("{item} {step:?}"), "hint");
        Due {
            kind: DueKind::Own,
            subject: "CN=gw".to_owned(),
            ends: WallTime(0),
            item: [item; 32],
            step,
            problem,
        }
    }

    #[test]
    fn v2_each_step_of_each_list_is_said_once() {
        let mut announcements = Announcements::default();
        announcements.news(vec![due(1, Step::left(3))]);
        let mut said = |due| announcements.news(due).len();
        assert_eq!(said(vec![due(1, Step::left(3))]), 0);
        assert_eq!(said(vec![due(1, Step::left(1)), due(2, Step::left(3))]), 2);
        assert_eq!(said(vec![due(1, Step::left(1)), due(2, Step::left(3))]), 0);
        assert_eq!(said(vec![due(1, Step::Ended), due(2, Step::left(3))]), 1);
    }

    #[test]
    fn g10_each_alarm_step_of_a_certificate_is_said_once_on_the_way_to_its_end() {
        let mut announcements = Announcements::default();
        let end = 100 * DAY;
        let mut said = Vec::new();
        for hour in 0..24 * 110 {
            let validity = Validity::judge(WallTime(0), WallTime(end), WallTime(hour * 3_600));
            let due = Step::of(validity).map(|step| due(1, step));
            let news = announcements.news(due.into_iter().collect());
            said.extend(news.iter().map(|_| (end - hour * 3_600).div_euclid(DAY)));
        }
        // In the hour in which exactly so many days are left as the step names.
        assert_eq!(said, [60, 30, 14, 7, 1, -1]);
    }

    #[test]
    fn a_step_that_was_jumped_over_is_not_made_up_for() {
        let mut announcements = Announcements::default();
        announcements.news(vec![due(1, Step::left(60))]);
        let mut said = |step| {
            let news = announcements.news(vec![due(1, step)]);
            news.into_iter().map(|one| one.step).collect::<Vec<_>>()
        };
        assert_eq!(said(Step::left(7)), [Step::left(7)]);
        assert_eq!(said(Step::left(14)), []);
        assert_eq!(said(Step::left(7)), [Step::left(7)]);
        assert_eq!(said(Step::Ended), [Step::Ended]);
    }

    #[test]
    fn a_clock_that_jumps_costs_a_line_for_each_step_that_it_jumps_over() {
        let mut announcements = Announcements::default();
        let mut lines = 0;
        for _ in 0..10 {
            for day in [
                Vec::new(),
                vec![due(1, Step::Ended)],
                vec![due(1, Step::left(3))],
            ] {
                lines += announcements.news(day).len();
            }
        }
        assert_eq!(lines, 10);
    }

    #[test]
    fn what_two_roles_have_in_common_is_said_once() {
        let mut announcements = Announcements::default();
        let both = vec![due(1, Step::left(1)), due(1, Step::left(1))];
        assert_eq!(announcements.news(both).len(), 1);
    }

    #[test]
    fn what_the_process_before_has_said_is_not_said_again() {
        let mut before = Announcements::default();
        before.news(vec![due(1, Step::left(30)), due(2, Step::Ended)]);
        let mut after = Announcements::default();
        after.remember(before.said());
        let news = after.news(vec![due(1, Step::left(30)), due(2, Step::Ended)]);
        assert_eq!(news, []);
        assert_eq!(after.news(vec![due(1, Step::left(14))]).len(), 1);
    }
}
