//! [`Announcements`]: what is due is said when its time comes, and once.
//!
//! There is no timer to be set wrong: whoever looks after the gateway every few seconds asks what is
//! due by the clock of that moment. So a clock that jumps, to and fro and by years, costs a line
//! for each certificate and each list whose steps it jumps over, and nothing else.

use std::collections::HashMap;

use crate::certs::{Due, Step};
use crate::config::problem::{Place, Problems};

/// How far each certificate and each list was from its end when it was looked at last.
#[derive(Debug, Default)]
pub(super) struct Announcements(HashMap<([u8; 32], Place), Step>);

impl Announcements {
    /// Takes up what is due of a new generation: it was said when that was read.
    pub(super) fn follow(&mut self, due: Vec<Due>) {
        let _said_already = self.news(due);
    }

    /// What is due now and has not been said. A step that the clock has gone back behind is said
    /// again when it comes.
    pub(super) fn news(&mut self, due: Vec<Due>) -> Problems {
        let mut news = Problems::new();
        let mut now = HashMap::new();
        for Due {
            item,
            step,
            problem,
        } in due
        {
            let key = (item, problem.place.clone());
            if self.0.get(&key).is_none_or(|before| *before < step) {
                news.extend(problem.into());
            }
            now.insert(key, step);
        }
        self.0 = now;
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certs::expiry::Validity;
    use crate::config::problem::Problem;
    use crate::model::WallTime;

    const DAY: i64 = 86_400;

    fn due(item: u8, step: Step) -> Due {
        let problem = Problem::warning(Place::default(), format!("{item} {step:?}"), "hint");
        Due {
            item: [item; 32],
            step,
            problem,
        }
    }

    #[test]
    fn v2_each_step_of_each_list_is_said_once() {
        let mut announcements = Announcements::default();
        announcements.follow(vec![due(1, Step::left(3))]);
        let mut said = |due| announcements.news(due).iter().count();
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
        // In the hour after which fewer whole days are left than the step names.
        assert_eq!(said, [59, 29, 13, 6, 0, -1]);
    }

    #[test]
    fn a_step_that_was_jumped_over_is_not_made_up_for() {
        let mut announcements = Announcements::default();
        announcements.follow(vec![due(1, Step::left(60))]);
        let mut said = |due| announcements.news(due).to_string();
        assert!(said(vec![due(1, Step::left(7))]).contains("1 Left(Reverse(7))"));
        assert_eq!(said(vec![due(1, Step::left(14))]), "");
        assert!(said(vec![due(1, Step::left(7))]).contains("1 Left(Reverse(7))"));
        assert!(said(vec![due(1, Step::Ended)]).contains("1 Ended"));
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
                lines += announcements.news(day).iter().count();
            }
        }
        assert_eq!(lines, 10);
    }

    #[test]
    fn what_two_roles_have_in_common_is_said_once() {
        let mut announcements = Announcements::default();
        let both = vec![due(1, Step::left(1)), due(1, Step::left(1))];
        assert_eq!(announcements.news(both).iter().count(), 1);
    }
}
