//! Every input that can be broken, broken: what runs goes on, the reason is said in the same words
//! by `check`, at a start and by a reload, and the next good reload works.

mod accepted;
mod certificates;
mod ground;
mod settings;

use ground::{Case, Ground};

/// Breaks one thing after the other under a running gateway.
async fn refused(cases: &[Case]) {
    let mut ground = Ground::new().await;
    let mut mistakes = Vec::new();
    for case in cases {
        (case.spoil)(&ground);
        mistakes.extend(ground.is_refused(case).await);
        ground.restore();
        mistakes.extend(ground.is_accepted(case.name).await);
    }
    let count = mistakes.len();
    assert!(
        mistakes.is_empty(),
        "{count} mistakes:\n{}",
        mistakes.join("\n")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_broken_certificate_file_is_taken_by_check_run_or_reload() {
    refused(certificates::OF_OUR_OWN).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_broken_key_file_is_taken_by_check_run_or_reload() {
    refused(certificates::KEYS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_broken_file_of_authorities_is_taken_by_check_run_or_reload() {
    refused(certificates::AUTHORITIES).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_wrong_setting_is_taken_by_check_run_or_reload() {
    refused(settings::VALUES).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_broken_ini_file_is_taken_by_check_run_or_reload() {
    refused(settings::FILES).await;
}

#[test]
fn more_than_eighty_inputs_are_broken() {
    let all = [
        certificates::OF_OUR_OWN,
        certificates::KEYS,
        certificates::AUTHORITIES,
        settings::VALUES,
        settings::FILES,
    ];
    assert!(all.iter().map(|cases| cases.len()).sum::<usize>() > 80);
}

/// What looks odd and is in order is taken by all three, with a word where one is due.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_looks_odd_and_is_in_order_is_taken_by_check_run_and_reload() {
    let mut ground = Ground::new().await;
    let mut mistakes = Vec::new();
    for case in accepted::ODD {
        (case.spoil)(&ground);
        mistakes.extend(ground.is_accepted(case.name).await);
        mistakes.extend(ground.is_said_by_check(case));
        ground.restore();
    }
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
}
