//! Lists of which the next one is due.

use super::*;
use crate::certs::Step;
use crate::certs::expiry::LIST_ALARM_DAYS;
use crate::config::keys::{IniFile, find};

fn steps(lists: &RevocationLists, at: WallTime) -> Vec<Step> {
    lists.due(at).into_iter().map(|due| due.step).collect()
}

/// Hours before (or, negative, after) the end of a list.
fn before_end(hours: i64) -> WallTime {
    WallTime(ListSpec::empty(now()).next_update.0 - hours * HOUR)
}

#[test]
fn the_days_that_the_key_speaks_of_are_those_of_the_steps() {
    let key = find(IniFile::Ssl, "SSL_SERVER_CLIENT", "CRL_EXPIRED").expect("the key");
    let days = LIST_ALARM_DAYS.map(|days| days.to_string());
    let (last, others) = days.split_last().expect("a step");
    let said = format!("announced {} and {last} days before", others.join(", "));
    assert!(key.doc.contains(&said), "{}", key.doc);
}

#[test]
fn v2_a_list_is_due_three_days_and_one_day_before_its_end_and_after_it() {
    let ca = authority("CA");
    let lists = Desk::new().with("a.crl", revoking(&ca, &[])).lists(&[&ca]);
    for (hours, expected) in [
        (73, None),
        (72, Some(Step::left(3))),
        (25, Some(Step::left(3))),
        (24, Some(Step::left(1))),
        (0, Some(Step::left(1))),
        (-1, Some(Step::Ended)),
        (-800 * 24, Some(Step::Ended)),
    ] {
        assert_eq!(
            steps(&lists, before_end(hours)),
            Vec::from_iter(expected),
            "{hours}"
        );
    }
}

#[test]
fn a_list_of_a_quarter_is_due_at_the_steps_of_a_certificate_in_the_second_half_of_its_time() {
    let ca = authority("CA");
    let long = ListSpec {
        this_update: at(0),
        next_update: at(90 * DAY),
        ..ListSpec::empty(now())
    };
    let lists = Desk::new().with("a.crl", list(&ca, &long)).lists(&[&ca]);
    for (days_left, expected) in [
        (60, None),
        (31, None),
        (30, Some(30)),
        (15, Some(30)),
        (14, Some(14)),
        (7, Some(7)),
        (4, Some(7)),
        (3, Some(3)),
        (1, Some(1)),
    ] {
        let expected = expected.map(Step::left);
        assert_eq!(
            steps(&lists, at((90 - days_left) * DAY)),
            Vec::from_iter(expected),
            "{days_left}"
        );
    }
    let said = lists.due(at(70 * DAY)).pop().expect("due").problem.what;
    assert!(said.contains(", in 20 days; then"), "{said}");
}

#[test]
fn the_end_of_a_grace_is_a_step_of_its_own() {
    let ca = authority("CA");
    let desk = Desk::new().expired(ExpiredLists::Grace(Duration::from_hours(2)));
    let lists = desk.with("a.crl", revoking(&ca, &[])).lists(&[&ca]);
    assert_eq!(steps(&lists, before_end(-2)), [Step::Ended]);
    assert_eq!(steps(&lists, before_end(-3)), [Step::GraceEnded]);
}

#[test]
fn each_step_says_file_authority_end_and_what_comes_of_it() {
    let ca = authority("CA");
    let grace = ExpiredLists::Grace(Duration::from_hours(48));
    let said = |policy, hours: i64| {
        let desk = Desk::new()
            .expired(policy)
            .with("a.crl", revoking(&ca, &[]));
        let mut due = desk.lists(&[&ca]).due(before_end(hours));
        let problem = due.pop().expect("due").problem;
        assert!(
            problem
                .what
                .contains("a.crl\" holds the revocation list of \"CN=CA,O=")
        );
        assert!(
            problem
                .what
                .contains(&ListSpec::empty(now()).next_update.to_string())
        );
        assert!(problem.hint.contains("newest list"));
        (problem.what, problem.fails_check)
    };
    let refused = "whoever has to be checked by it is refused";
    for (policy, hours, part, fails_check) in [
        (
            ExpiredLists::Refuse,
            72,
            "in 72 hours; then whoever has to be",
            false,
        ),
        (ExpiredLists::Refuse, 24, refused, false),
        (ExpiredLists::Refuse, -1, refused, true),
        (grace, 24, "then it goes on to count until ", false),
        (grace, -1, "goes on to count until ", false),
        (grace, -49, "and its grace on ", true),
        (
            ExpiredLists::Ignore,
            24,
            "whoever is revoked later gets in",
            false,
        ),
        (
            ExpiredLists::Ignore,
            -1,
            "whoever was revoked since gets in",
            false,
        ),
    ] {
        let (what, fails) = said(policy, hours);
        assert!(
            what.contains(part) && fails == fails_check,
            "{hours}: {what}"
        );
    }
}

#[test]
fn an_old_list_beside_a_fresh_one_is_not_due() {
    let ca = authority("CA");
    let old = ListSpec {
        this_update: at(-9 * DAY),
        next_update: at(-2 * DAY),
        ..ListSpec::empty(now())
    };
    let both = format!("{}{}", list(&ca, &old), revoking(&ca, &[]));
    let lists = Desk::new().with("a.crl", both).lists(&[&ca]);
    assert_eq!(steps(&lists, now()), []);
}

#[test]
fn a_list_that_is_made_for_one_day_is_not_due_from_its_beginning_on() {
    let ca = authority("CA");
    let daily = ListSpec {
        next_update: at(22 * HOUR),
        ..ListSpec::empty(now())
    };
    let lists = Desk::new().with("a.crl", list(&ca, &daily)).lists(&[&ca]);
    assert_eq!(steps(&lists, at(0)), []);
    assert_eq!(steps(&lists, at(23 * HOUR)), [Step::Ended]);
}

#[test]
fn v2_what_is_due_is_said_when_it_is_loaded() {
    let ca = authority("CA");
    let desk = Desk::new().with("a.crl", revoking(&ca, &[]));
    let (lists, problems) = desk.load(&[&ca], before_end(-1));
    assert!(lists.is_some() && !problems.has_errors(), "{problems}");
    assert!(problems.as_checked().has_errors(), "{problems}");
    assert!(problems.to_string().contains("ended on "), "{problems}");
}
