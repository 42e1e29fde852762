//! Chains that were made to be expensive.

use std::time::Duration;

use tokio::time::Instant;

use super::forge::*;
use super::*;
use crate::certs::signature::SignatureDefect;

/// Certificates of one name and many keys, each of which could have issued each.
fn tangle(count: usize) -> (CertificateDer<'static>, Vec<CertificateDer<'static>>) {
    let holders: Vec<_> = (0..count).map(|_| Holder::new("Root")).collect();
    let issue = |at: usize| holders[at].issue(&Draft::of_authority(&holders[(at + 1) % count]));
    let others = (0..count).map(issue).collect();
    (holders[0].issue(&Draft::of_leaf("gw.example")), others)
}

#[test]
fn a_tangle_of_certificates_is_given_up() {
    let root = Holder::new("Root");
    let (leaf, others) = tangle(40);
    let others: Vec<_> = others.iter().collect();
    assert_eq!(
        refused(&[&root.root()], &leaf, &others),
        "the certificate of \"CN=gw.example\" is not accepted: its chain has too many certificates \
         that could belong together"
    );
}

#[test]
fn forged_authorities_cost_a_few_signatures_however_many_there_are() {
    let (root, sub) = (Holder::new("Root"), Holder::new("Sub"));
    let forged = |_| {
        let draft = Draft::of_authority(&Holder::new("Sub"));
        root.issue(&Draft {
            is_forged: true,
            ..draft
        })
    };
    let others: Vec<_> = (0..30).map(forged).collect();
    let leaf = sub.issue(&Draft::of_leaf("gw.example"));
    let judge = |count: usize| {
        let others: Vec<_> = others.iter().take(count).collect();
        prove(&[&root.root()], &leaf, &others)
            .expect_err("refused")
            .reason
    };
    assert_eq!(judge(16), Reason::Signature(SignatureDefect::Wrong));
    assert_eq!(judge(17), Reason::TooManyPaths);
}

#[test]
fn a_ladder_without_end_costs_few_steps() {
    // Each rung has two certificates that fit, and none leads anywhere.
    let rungs: Vec<_> = (0..12)
        .map(|at| Holder::new(&format!("Rung {at}")))
        .collect();
    let mut others = Vec::new();
    for pair in rungs.windows(2) {
        for _ in 0..2 {
            let twin = Holder::new("unused").renamed(pair[0].name.clone());
            others.push(pair[1].issue(&Draft::of_authority(&twin)));
        }
    }
    let leaf = rungs[0].issue(&Draft::of_leaf("gw.example"));
    let root = Holder::new("Root");
    let outcome = prove(&[&root.root()], &leaf, &others.iter().collect::<Vec<_>>());
    let reason = outcome.expect_err("refused").reason;
    assert_eq!(reason, Reason::ChainTooLong { limit: 6 });
}

#[test]
fn names_without_number_are_compared_so_often_and_no_oftener() {
    let root = Holder::new("Root");
    let bases: Vec<_> = (0..1_000).map(|at| format!("h{at}.example.com")).collect();
    let excluded: Vec<_> = bases.iter().map(|base| (DNS, base.as_bytes())).collect();
    let root_der = root.issue(&Draft::of_authority(&root).with(constraints(&[], &excluded)));
    let names: Vec<_> = (0..1_000).map(|at| format!("h{at}.example.org")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let leaf = Draft::of_leaf("x").without(NAMES).with(hosts(&names));
    let outcome = prove(&[&root_der], &root.issue(&leaf), &[]);
    assert_eq!(outcome.expect_err("refused").reason, Reason::TooManyPaths);
    let few = Draft::of_leaf("x").without(NAMES).with(hosts(&names[..50]));
    assert!(prove(&[&root_der], &root.issue(&few), &[]).is_ok());
}

/// The time of one run, of the fastest of many.
fn fastest(mut run: impl FnMut()) -> Duration {
    let one = |_| {
        let begun = Instant::now();
        run();
        begun.elapsed()
    };
    (0..2_000).map(one).min().expect("some")
}

/// What a proof costs, ours and the library's.
fn compare(
    what: &str,
    root: &CertificateDer<'static>,
    leaf: &CertificateDer<'static>,
    others: &[CertificateDer<'static>],
) -> String {
    let anchors = Anchors::new(vec![Certificate::read(root).expect("an anchor")]);
    let question = Question {
        anchors: &anchors,
        purpose: Purpose::Client,
        by_common_name: false,
        revocation: None,
        now: NOW,
    };
    let ours = fastest(|| drop(question.prove(leaf, others)));
    let theirs = fastest(|| {
        drop(differential::oracle(
            std::slice::from_ref(root),
            leaf,
            others,
        ));
    });
    format!("{what}: {ours:?}, the library {theirs:?}\n")
}

#[test]
#[ignore = "measures, and judges nothing: run it alone, built for speed, with --nocapture"]
fn what_a_proof_costs() {
    let (tangled, tangle) = tangle(40);
    let mut lines = compare("a tangle", &Holder::new("Root").root(), &tangled, &tangle);
    for (kind, root, sub) in [
        ("P-256", Holder::new("Root"), Holder::new("Sub")),
        (
            "RSA-2048",
            Holder::with_rsa("Root"),
            Holder::with_rsa("Sub"),
        ),
    ] {
        let for_signer = |draft: Draft| {
            if kind == "P-256" {
                draft
            } else {
                draft.by_rsa()
            }
        };
        let root_der = root.issue(&for_signer(Draft::of_authority(&root)));
        let sub_der = root.issue(&for_signer(Draft::of_authority(&sub)));
        let leaf = |holder: &Holder| holder.issue(&for_signer(Draft::of_leaf("gw.example")));
        lines += &compare(&format!("{kind}, chain of 2"), &root_der, &leaf(&root), &[]);
        lines += &compare(
            &format!("{kind}, chain of 3"),
            &root_der,
            &leaf(&sub),
            &[sub_der],
        );
    }
    std::io::Write::write_all(&mut std::io::stderr(), lines.as_bytes()).expect("written");
}

#[test]
fn an_rsa_chain_is_proven_like_any_other() {
    let root = Holder::with_rsa("Root");
    let leaf = root.issue(&Draft::of_leaf("gw.example").by_rsa());
    let root = root.issue(&Draft::of_authority(&root).by_rsa());
    assert!(prove(&[&root], &leaf, &[]).is_ok());
}
