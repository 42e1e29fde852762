//! The lists of which the next one is due.

use crate::certs::due::{Due, DueKind, Step};
use crate::certs::expiry::LIST_ALARM_DAYS;
use crate::certs::pem::warning;
use crate::certs::revocation::read::Listed;
use crate::certs::revocation::{RevocationLists, later};
use crate::config::problem::Topic;
use crate::config::settings::ExpiredLists;
use crate::model::WallTime;

impl RevocationLists {
    /// The lists that count and have reached a step, in the order of their names.
    ///
    /// A list that a newer one has replaced is left out, and so is a step in the first half of its
    /// time: a list that is made for a week is not in danger from its first second on.
    pub fn due(&self, now: WallTime) -> Vec<Due> {
        let mut counting: Vec<&Listed> = self.in_force(now).collect();
        counting.sort_by_key(|listed| (&listed.file.path, &listed.list.issuer_name));
        counting
            .into_iter()
            .filter_map(|listed| self.due_of(listed, now))
            .collect()
    }

    /// Until when the lists that count are to be followed by others, each with its issuer.
    pub fn ends(&self, now: WallTime) -> impl Iterator<Item = (&str, WallTime)> {
        let counting = self.in_force(now).map(|listed| &listed.list);
        counting.filter_map(|list| Some((list.issuer_name.as_str(), list.next_update?)))
    }

    /// Of the lists of one issuer, one key and one scope the newest that has begun; if that has
    /// ended and another has not, the other one.
    pub(super) fn in_force(&self, now: WallTime) -> impl Iterator<Item = &Listed> {
        let counts = move |(at, all): (usize, &'_ [Listed])| -> bool {
            let Some(one) = all.get(at) else { return false };
            let is_rival = |other: &Listed| {
                (&other.list.scope, &other.list.key_id) == (&one.list.scope, &one.list.key_id)
                    && other.list.has_begun(now)
            };
            let rank = |listed: &Listed| listed.list.has_ended(now);
            let is_beaten = |(place, other): (usize, &Listed)| {
                is_rival(other) && (rank(other), place) < (rank(one), at)
            };
            one.list.has_begun(now) && !all.iter().enumerate().any(is_beaten)
        };
        self.by_issuer.values().flat_map(move |all| {
            let each = all.iter().enumerate();
            each.filter_map(move |(at, listed)| counts((at, all)).then_some(listed))
        })
    }

    fn due_of(&self, listed: &Listed, now: WallTime) -> Option<Due> {
        let list = &listed.list;
        let end = list.next_update?;
        let step = self.step(list.this_update, end, now)?;
        let what = format!(
            "holds the revocation list of \"{}\", which {}",
            list.issuer_name,
            self.outlook(step, end, now)
        );
        let problem = warning(&listed.file, &what, RENEW).about(Topic::ListDates);
        Some(Due {
            kind: DueKind::List,
            subject: list.issuer_name.clone(),
            ends: end,
            item: list.digest,
            step,
            problem: if self.refuses(end, now) {
                problem.failing_check()
            } else {
                problem
            },
        })
    }

    fn step(&self, begin: WallTime, end: WallTime, now: WallTime) -> Option<Step> {
        if end < now {
            return Some(match self.expired {
                ExpiredLists::Grace(grace) if later(end, grace) < now => Step::GraceEnded,
                ExpiredLists::Refuse | ExpiredLists::Grace(_) | ExpiredLists::Ignore => Step::Ended,
            });
        }
        // A list of a week is not in danger from its first day on: its authority makes the next one
        // long before. So a step counts only where at least half of its time has passed by then.
        let half = begin.0.saturating_add(end.0.saturating_sub(begin.0) / 2);
        let reached = |days: &i64| {
            let at = end.0.saturating_sub(days.saturating_mul(DAY));
            half <= at && at <= now.0
        };
        let steps = LIST_ALARM_DAYS.into_iter();
        steps.filter(reached).min().map(Step::left)
    }

    /// What is the matter with a list, and what comes of it.
    fn outlook(&self, step: Step, end: WallTime, now: WallTime) -> String {
        let hours = end.0.saturating_sub(now.0).div_euclid(HOUR);
        match (step, self.expired) {
            (Step::Left(_), policy) => {
                let then = match policy {
                    ExpiredLists::Refuse => {
                        "then whoever has to be checked by it is refused".to_owned()
                    }
                    ExpiredLists::Grace(grace) => format!(
                        "then it goes on to count until {}, and after that whoever has to be \
                         checked by it is refused",
                        later(end, grace)
                    ),
                    ExpiredLists::Ignore => {
                        "then it goes on to count, and whoever is revoked later gets in".to_owned()
                    }
                };
                let left = if hours > MOST_HOURS {
                    format!("{} days", hours.div_euclid(24))
                } else {
                    format!("{hours} hours")
                };
                format!("ends on {end}, in {left}; {then}")
            }
            (Step::GraceEnded, ExpiredLists::Grace(grace)) => format!(
                "ended on {end}, and its grace on {}: whoever has to be checked by it is refused",
                later(end, grace)
            ),
            (Step::Ended, ExpiredLists::Grace(grace)) => format!(
                "ended on {end} and goes on to count until {}: whoever was revoked since gets in",
                later(end, grace)
            ),
            (Step::Ended | Step::GraceEnded, ExpiredLists::Ignore) => {
                format!("ended on {end} and goes on to count: whoever was revoked since gets in")
            }
            (Step::Ended | Step::GraceEnded, ExpiredLists::Refuse) => {
                format!("ended on {end}: whoever has to be checked by it is refused")
            }
        }
    }
}

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// Beyond that, people count in days.
const MOST_HOURS: i64 = 96;

const RENEW: &str = "get the authority's newest list, exchange the file and reload; see what was to \
     fetch it, or why the authority published none";
