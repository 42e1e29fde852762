//! [`Announcements`]: what is due is said when its time comes, and once.
//!
//! There is no timer to be set wrong: whoever looks after the gateway every few seconds asks what is
//! due by the clock of that moment. So a clock that jumps, to and fro and by years, costs a line
//! for each step of each list that it jumps over, and nothing else.

use std::collections::HashMap;

use crate::certs::revocation::{Due, Step};
use crate::config::problem::{Place, Problems};

/// How far each list was from its end when it was looked at last.
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
            list,
            step,
            problem,
        } in due
        {
            let key = (list, problem.place.clone());
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
    use crate::config::problem::Problem;

    fn due(list: u8, step: Step) -> Due {
        let problem = Problem::warning(Place::default(), format!("{list} {step:?}"), "hint");
        Due {
            list: [list; 32],
            step,
            problem,
        }
    }

    #[test]
    fn v2_each_step_of_each_list_is_said_once() {
        let mut announcements = Announcements::default();
        announcements.follow(vec![due(1, Step::Days)]);
        let mut said = |due| announcements.news(due).iter().count();
        assert_eq!(said(vec![due(1, Step::Days)]), 0);
        assert_eq!(said(vec![due(1, Step::Day), due(2, Step::Days)]), 2);
        assert_eq!(said(vec![due(1, Step::Day), due(2, Step::Days)]), 0);
        assert_eq!(said(vec![due(1, Step::Ended), due(2, Step::Days)]), 1);
    }

    #[test]
    fn a_clock_that_jumps_costs_a_line_for_each_step_that_it_jumps_over() {
        let mut announcements = Announcements::default();
        let mut lines = 0;
        for _ in 0..10 {
            for day in [
                Vec::new(),
                vec![due(1, Step::Ended)],
                vec![due(1, Step::Days)],
            ] {
                lines += announcements.news(day).iter().count();
            }
        }
        assert_eq!(lines, 10);
    }

    #[test]
    fn what_two_roles_have_in_common_is_said_once() {
        let mut announcements = Announcements::default();
        let both = vec![due(1, Step::Day), due(1, Step::Day)];
        assert_eq!(announcements.news(both).iter().count(), 1);
    }
}
