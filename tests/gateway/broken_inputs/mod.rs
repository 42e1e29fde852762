//! Every input that can be broken, broken: what runs goes on, the reason is said in the same words
//! by `check`, at a start and by a reload, and the next good reload works.

mod accepted;
mod certificates;
mod ground;
mod lists;
mod settings;

use ground::{Case, Ground};

/// Breaks one thing after the other under a running gateway.
async fn refused(cases: &[Case]) {
    refused_on(Ground::new().await, cases).await;
}

async fn refused_on(mut ground: Ground, cases: &[Case]) {
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
async fn f2_no_broken_certificate_file_is_taken_by_check_run_or_reload() {
    refused(certificates::OF_OUR_OWN).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f2_no_broken_key_file_is_taken_by_check_run_or_reload() {
    refused(certificates::KEYS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f1_no_broken_file_of_authorities_is_taken_by_check_run_or_reload() {
    refused(certificates::AUTHORITIES).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f1_no_broken_list_is_taken_by_check_run_or_reload_and_who_is_revoked_stays_out() {
    refused_on(Ground::with_list().await, lists::LISTS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f2_no_wrong_setting_is_taken_by_check_run_or_reload() {
    refused(settings::VALUES).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f2_no_broken_ini_file_is_taken_by_check_run_or_reload() {
    refused(settings::FILES).await;
}

/// An ini file and a certificate that are broken at once, and what is said of the certificate.
const TWO_AT_ONCE: &[(Case, &str)] = &[
    (
        Case {
            name: "a wrong time-out and another key's certificate",
            spoil: |ground| {
                ground.set("Requests", "ConnectTimeout", "never");
                ground.put("gateway.crt", ground.issue(|_| ()).certificate_pem);
            },
            said: "ConnectTimeout",
        },
        "belongs to none of the certificates",
    ),
    (
        Case {
            name: "a side that is none and text in place of a certificate",
            spoil: |ground| {
                ground.set("Requests", "SideA", "somewhere");
                ground.put("gateway.crt", "This is the certificate.\n");
            },
            said: "SideA",
        },
        "is text that holds no PEM block",
    ),
    (
        Case {
            name: "a wrong number of threads and text in place of an authority",
            spoil: |ground| {
                ground.set_gateway("Runtime", "Threads", "many");
                ground.put("company-ca.pem", "This is the authority.\n");
            },
            said: "Threads",
        },
        "is text that holds no PEM block",
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mistake_in_an_ini_file_hides_none_in_a_certificate() {
    for (of_ini, of_certificate) in TWO_AT_ONCE {
        let (name, spoil) = (of_ini.name, of_ini.spoil);
        let both = [of_ini.said, of_certificate];
        refused(&both.map(|said| Case { name, spoil, said })).await;
    }
}

#[test]
fn more_than_eighty_inputs_are_broken() {
    let all = [
        certificates::OF_OUR_OWN,
        certificates::KEYS,
        certificates::AUTHORITIES,
        lists::LISTS,
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
