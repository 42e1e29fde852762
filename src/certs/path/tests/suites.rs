//! Runs suites that others have written, from a file that is named in the environment.
//!
//! The suites are not part of this repository. Each is a list of cases in JSON: anchors and chain
//! in Base64, the leaf first, the time, the purpose, the host that was called if any, and whether
//! the chain is to be accepted.

use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::Value;

use super::*;

#[test]
#[ignore = "needs a file of cases: CRMGATE_SUITE=cases.json"]
fn a_suite_of_others_is_judged_as_it_expects() {
    let path = std::env::var("CRMGATE_SUITE").expect("CRMGATE_SUITE names a file");
    let text = std::fs::read_to_string(path).expect("the file can be read");
    let cases: Vec<Value> = serde_json::from_str(&text).expect("a list of cases");
    let mut wrong = Vec::new();
    for case in &cases {
        let (found, expected) = (judge(case), &case["expected"]);
        let is_right = match expected.as_str() {
            Some("PASS" | "SOFT_PASS") => found.is_ok(),
            Some("FAIL" | "SOFT_FAIL") => found.is_err(),
            _ => true,
        };
        if !is_right {
            let verdict = found.map_or_else(|why| why, |()| "accepted".to_owned());
            wrong.push(format!("{} ({expected}): {verdict}", case["id"]));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} cases are judged otherwise:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
}

fn judge(case: &Value) -> Result<(), String> {
    let list = |key: &str| -> Vec<CertificateDer<'static>> {
        let list = case[key].as_array().expect("a list");
        let each = list
            .iter()
            .map(|text| base64(text.as_str().expect("a text")));
        each.map(CertificateDer::from).collect()
    };
    let anchors = list("anchors")
        .iter()
        .map(Certificate::read)
        .collect::<Result<_, _>>();
    let anchors = Anchors::new(anchors.map_err(|malformed| format!("anchor: {malformed}"))?);
    let chain = list("chain");
    let (leaf, others) = chain.split_first().expect("a leaf");
    let question = Question {
        anchors: &anchors,
        purpose: match case["purpose"].as_str() {
            Some("client") => Purpose::Client,
            _ => Purpose::Server,
        },
        by_common_name: false,
        revocation: None,
        now: WallTime(case["time"].as_i64().expect("a time")),
    };
    let proven = question
        .prove(leaf, others)
        .map_err(|refusal| refusal.to_string())?;
    match case["host"].as_str() {
        None | Some("") => Ok(()),
        Some(host) => {
            let host =
                ServerName::try_from(host.to_owned()).map_err(|_odd| format!("host {host}"))?;
            let leaf = proven.path.first().expect("the leaf");
            if leaf.is_for_host(&host) {
                Ok(())
            } else {
                Err(format!("host {host:?}"))
            }
        }
    }
}

fn base64(text: &str) -> Vec<u8> {
    use rustls::pki_types::pem::PemObject as _;
    let pem = format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n");
    let der = CertificateDer::from_pem_slice(pem.as_bytes()).expect("Base64");
    der.to_vec()
}
