use super::*;
use proptest::prelude::*;

fn reported(outcome: Outcome) -> Ending {
    Ending::Reported {
        code: "GW-502-NO-ANSWER".to_owned(),
        outcome,
    }
}

#[test]
fn a_message_that_was_done_once_and_answered_is_clean() {
    let ledger = Ledger::new();
    let id = ledger.sent();
    assert!(!ledger.tally().is_clean(), "still in flight");
    ledger.executed(id);
    ledger.ended(id, Ending::Answered);
    let tally = ledger.tally();
    assert!(tally.is_clean());
    assert_eq!((tally.sent, tally.executions, tally.answered), (1, 1, 1));
}

#[test]
fn a_message_without_answer_and_report_is_lost_and_says_why() {
    let ledger = Ledger::new();
    let id = ledger.sent();
    ledger.ended(id, Ending::Broken("connection reset".to_owned()));
    let tally = ledger.tally();
    assert_eq!(tally.lost, [id]);
    assert_eq!(tally.reasons, ["message 0: connection reset"]);
    assert!(!tally.is_clean());
}

#[test]
fn a_second_execution_is_found_even_after_the_answer() {
    let ledger = Ledger::new();
    let (early, late) = (ledger.sent(), ledger.sent());
    ledger.executed(early);
    ledger.executed(early);
    ledger.ended(early, Ending::Answered);
    ledger.executed(late);
    ledger.ended(late, Ending::Answered);
    ledger.executed(late);
    assert_eq!(ledger.tally().duplicated, [early, late]);
}

#[test]
fn a_reported_message_is_not_lost_but_a_wrong_report_shows() {
    let ledger = Ledger::new();
    let honest = ledger.sent();
    ledger.executed(honest);
    ledger.ended(honest, reported(Outcome::SentNoAnswer));
    assert!(ledger.tally().is_clean());
    let wrong = ledger.sent();
    ledger.executed(wrong);
    ledger.ended(wrong, reported(Outcome::NotSent));
    let tally = ledger.tally();
    assert_eq!((tally.misreported, tally.reported_in_all()), (1, 2));
    assert_eq!(tally.codes.get("GW-502-NO-ANSWER"), Some(&2));
    assert!(!tally.is_clean());
}

#[test]
fn a_message_that_was_carried_out_cannot_have_been_sent_in_part() {
    let ledger = Ledger::new();
    let half = ledger.sent();
    ledger.ended(half, reported(Outcome::PartlySent));
    assert!(ledger.tally().is_clean());
    let whole = ledger.sent();
    ledger.executed(whole);
    ledger.ended(whole, reported(Outcome::PartlySent));
    assert_eq!(ledger.tally().misreported, 1);
    assert!(!ledger.tally().is_clean());
}

#[test]
fn an_answer_to_what_nobody_has_done_is_not_clean() {
    let ledger = Ledger::new();
    let id = ledger.sent();
    ledger.ended(id, Ending::Answered);
    assert_eq!(ledger.tally().invented, 1);
    assert!(!ledger.tally().is_clean());
}

#[test]
fn what_was_never_sent_is_counted_apart() {
    let ledger = Ledger::new();
    ledger.executed(MessageId(7));
    assert_eq!(ledger.tally().unknown, 1);
}

#[tokio::test(start_paused = true)]
async fn the_gap_is_the_longest_time_between_two_answers_around_the_kill() {
    let ledger = Ledger::new();
    let answer = |after: u64| {
        let ledger = ledger.clone();
        async move {
            let id = ledger.sent();
            ledger.executed(id);
            tokio::time::advance(Duration::from_millis(after)).await;
            ledger.ended(id, Ending::Answered);
        }
    };
    answer(900).await;
    tokio::time::advance(Duration::from_millis(20)).await;
    ledger.watch_gap();
    answer(300).await;
    answer(100).await;
    assert_eq!(ledger.gap(), Some(Duration::from_millis(320)));
    tokio::time::advance(Duration::from_millis(500)).await;
    assert_eq!(
        ledger.end_gap(),
        Some(Duration::from_millis(500)),
        "nothing came since"
    );
    assert_eq!(ledger.gap(), None);
}

proptest! {
    #[test]
    fn every_message_is_counted_under_exactly_one_ending(
        endings in prop::collection::vec(0_u8..5, 0..200),
    ) {
        let ledger = Ledger::new();
        for ending in endings {
            let id = ledger.sent();
            if ending != 3 {
                ledger.executed(id);
            }
            match ending {
                0 => ledger.ended(id, Ending::Answered),
                1 => ledger.ended(id, Ending::Faulted),
                2 => ledger.ended(id, reported(Outcome::SentNoAnswer)),
                3 => ledger.ended(id, Ending::Broken(String::new())),
                _ => {}
            }
        }
        let tally = ledger.tally();
        let lost = u64::try_from(tally.lost.len()).expect("small");
        let ended = tally.answered + tally.faulted + tally.reported_in_all() + lost;
        prop_assert_eq!(ended + tally.in_flight, tally.sent);
    }
}
