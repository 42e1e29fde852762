//! The path validation suite of NIST, as far as its verdict rests on a revocation list.

use std::collections::HashMap;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};

use super::*;
use crate::certs::path::{Anchors, Purpose, Question};

const CERTIFICATES: [&str; 2] = [
    include_str!("../../../../tests/pkits/certificates.pem"),
    include_str!("../../../../tests/pkits/list_certificates.pem"),
];
const LISTS: &str = include_str!("../../../../tests/pkits/lists.pem");
const CASES: &str = include_str!("../../../../tests/pkits/list_cases.txt");

/// 2012-06-01, when all of its certificates are in date that are to be.
const THEN: WallTime = WallTime(1_338_508_800);

/// Where we decide otherwise than the suite, and why.
const OTHERWISE: &[(&str, &str)] = &[
    // These name a distribution point by the end of a name only.
    ("ValiddistributionPointTest4", "no revocation list"),
    ("ValiddistributionPointTest5", "no revocation list"),
    ("ValiddistributionPointTest7", "no revocation list"),
    (
        "ValidonlyContainsCACertsCRLTest13",
        "one of an authority, shown as a host's or a client's",
    ),
];

/// PEM blocks of a kind by the names in the lines before them.
fn blocks(text: &'static str, end: &str) -> HashMap<&'static str, &'static str> {
    let blocks = text.split_inclusive(end);
    let named = blocks.map(|block| block.split_once('\n').expect("a name"));
    named.collect()
}

fn certificates() -> HashMap<&'static str, CertificateDer<'static>> {
    let end = "-----END CERTIFICATE-----\n";
    let all = CERTIFICATES.into_iter().flat_map(|text| blocks(text, end));
    let read = |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes()).expect("PEM");
    all.map(|(name, pem)| (name, read(pem))).collect()
}

/// Lists that cannot be gone by would keep a gateway from starting; here they are missing.
fn lists(names: &str) -> RevocationLists {
    let desk = Desk::new().coverage(ListCoverage::Chain);
    let all = blocks(LISTS, "-----END X509 CRL-----\n");
    let is_usable = |pem: &&&str| {
        let der = CertificateRevocationListDer::from_pem_slice(pem.as_bytes()).expect("PEM");
        parse::parse(&der).is_ok()
    };
    let usable: String = names
        .split_whitespace()
        .filter_map(|name| all.get(name).filter(is_usable).copied())
        .collect();
    let end = "-----END CERTIFICATE-----\n";
    let ca = blocks(CERTIFICATES[0], end)["TrustAnchorRootCertificate"];
    let ca = testdata::file(desk.dir.path(), ".ca.pem", ca);
    let (trust, problems) = TrustStore::load(&ca, THEN);
    let trust = trust.unwrap_or_else(|| panic!("{problems}"));
    let desk = desk.with("a.crl", usable);
    let (lists, problems) = RevocationLists::load(&desk.settings, &trust, &[], THEN);
    lists.unwrap_or_else(|| panic!("{names}: {problems}"))
}

#[test]
fn the_cases_of_pkits_about_lists_are_judged_as_it_expects_but_for_four() {
    let certificates = certificates();
    let anchor = &certificates["TrustAnchorRootCertificate"];
    let anchor = Certificate::read(anchor).expect("a certificate");
    let anchors = Anchors::new(vec![anchor]);
    let mut wrong = Vec::new();
    for case in CASES.lines() {
        let (case, lists_at_hand) = case.split_once(" | ").expect("two parts");
        let mut words = case.split(' ');
        let (name, expected) = (
            words.next().expect("a name"),
            words.next().expect("a verdict"),
        );
        let chain: Vec<_> = words.map(|label| certificates[label].clone()).collect();
        let (leaf, others) = chain.split_first().expect("a leaf");
        let lists = lists(lists_at_hand);
        let question = Question {
            anchors: &anchors,
            purpose: Purpose::Client,
            by_common_name: false,
            revocation: Some(&lists),
            now: THEN,
        };
        let verdict = question.prove(leaf, others);
        let otherwise = OTHERWISE.iter().find(|(one, _)| *one == name);
        let is_right = match (&verdict, expected, otherwise) {
            (Ok(_), "accept", None) | (Err(_), "refuse", None) => true,
            (Err(refusal), "accept", Some((_, why))) => refusal.to_string().contains(why),
            _ => false,
        };
        if !is_right {
            let until = verdict.map(|proven| proven.until);
            wrong.push(format!("{name} is to {expected}: {until:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(CASES.lines().count(), 48);
}
