//! The path validation suite of NIST, as far as it needs no revocation list.

use std::collections::HashMap;

use rustls::pki_types::pem::PemObject as _;

use super::forge::prove_as;
use super::*;

const CERTIFICATES: &str = include_str!("../../../../tests/pkits/certificates.pem");
const CASES: &str = include_str!("../../../../tests/pkits/cases.txt");

/// 2012-06-01, when all of its certificates are in date that are to be.
const THEN: WallTime = WallTime(1_338_508_800);

/// Where we decide otherwise than the suite, and why.
const OTHERWISE: &[(&str, &str)] = &[
    (
        "ValidDSASignaturesTest4",
        "its key is of a kind that is not accepted",
    ),
    (
        "ValidDSAParameterInheritanceTest5",
        "its key is of a kind that is not accepted",
    ),
    (
        "ValidpathLenConstraintTest8",
        "one of an authority, shown as a host's or a client's",
    ),
    (
        "ValidpathLenConstraintTest14",
        "one of an authority, shown as a host's or a client's",
    ),
];

fn certificates() -> HashMap<&'static str, CertificateDer<'static>> {
    let blocks = CERTIFICATES.split_inclusive("-----END CERTIFICATE-----\n");
    let read = |block: &'static str| {
        let (name, pem) = block.split_once('\n').expect("a name in the line before");
        (
            name,
            CertificateDer::from_pem_slice(pem.as_bytes()).expect("PEM"),
        )
    };
    blocks.map(read).collect()
}

#[test]
fn the_cases_of_pkits_are_judged_as_it_expects_but_for_four() {
    let certificates = certificates();
    let anchor = &certificates["TrustAnchorRootCertificate"];
    let mut wrong = Vec::new();
    let mut count = 0;
    for case in CASES.lines() {
        let mut words = case.split(' ');
        let (name, expected) = (
            words.next().expect("a name"),
            words.next().expect("a verdict"),
        );
        let chain: Vec<_> = words.map(|label| &certificates[label]).collect();
        let (leaf, others) = chain.split_first().expect("a leaf");
        let verdict = prove_as(Purpose::Client, &[anchor], leaf, others, THEN);
        let otherwise = OTHERWISE.iter().find(|(one, _)| *one == name);
        let is_right = match (&verdict, expected, otherwise) {
            (Ok(_), "accept", None) | (Err(_), "refuse", None) => true,
            (Err(refusal), "accept", Some((_, why))) => refusal.to_string().contains(why),
            _ => false,
        };
        if !is_right {
            wrong.push(format!(
                "{name} is to {expected}: {:?}",
                verdict.map(|proven| proven.until)
            ));
        }
        count += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(count, 134);
}
