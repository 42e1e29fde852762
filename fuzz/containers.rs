//! Files of certificates and keys in whatever form: what has to hold of any bytes, and what fuzzing
//! starts from.
//!
//! `super::crmgate` is the product: the fuzz target sees it as a crate, its own unit tests as itself.

use std::collections::HashSet;
use std::path::Path;

use super::crmgate::certs::container::{
    Contents, Der, Label, Unread, armoured, key_as_pkcs8, named, write_pkcs7,
};
use super::crmgate::certs::fitness;
use super::crmgate::certs::inspect::{CertificateFacts, RequestFacts};
use super::crmgate::certs::issue::{Authority, LeafSpec, ListSpec};
use super::crmgate::certs::path::Certificate;
use super::crmgate::model::{Secret, WallTime};

/// A file is refused with a word on what to do, or what it holds can be written and read again.
pub fn containers(data: &[u8]) {
    let file = named(Path::new("file"));
    for is_given in [false, true] {
        let passphrase = is_given.then(|| Secret::new(PASSPHRASE.to_vec()));
        match Contents::of(&file, data, passphrase.as_ref()) {
            Ok(contents) => judge(&contents),
            Err(Unread::Locked) => assert!(!is_given, "a passphrase was given"),
            Err(Unread::OtherPassphrase) => assert!(is_given, "no passphrase was given"),
            Err(Unread::Unfit(problems)) => {
                assert!(problems.has_errors());
                let mut all = problems.iter();
                assert!(all.all(|one| !one.what.is_empty() && !one.hint.is_empty()));
            }
        }
    }
}

fn judge(contents: &Contents) {
    let now = WallTime(1_800_000_000);
    let mut placed = HashSet::new();
    for chain in contents.chains(now) {
        assert!(!chain.is_empty());
        for place in chain {
            assert!(place < contents.certificates.len());
            placed.insert(place);
        }
    }
    for (place, der) in contents.certificates.iter().enumerate() {
        let facts = CertificateFacts::of(der);
        if let Ok(facts) = facts {
            // Each is the end of a chain, or above one that is.
            assert!(placed.contains(&place) || contents.certificates.len() > 1);
            let _said = fitness::judge(der, &facts, now);
            assert!(!facts.subject.contains(['\n', '\r']), "{}", facts.subject);
        }
    }
    for request in &contents.requests {
        let _refused_or_not = RequestFacts::of(request);
    }
    written_again(&contents.certificates);
    for key in &contents.keys {
        let Some(plain) = key_as_pkcs8(key) else {
            continue;
        };
        let text = armoured(Label::Key, plain.secret_pkcs8_der());
        let again = read(text.as_bytes());
        assert_eq!(again.keys.len(), 1);
        for key in &again.keys {
            assert_eq!(key.secret_der(), plain.secret_pkcs8_der());
        }
    }
}

/// Whatever was read comes back out of a P7B and out of PEM.
fn written_again(certificates: &[Der]) {
    // Bytes of PEM may be of any kind; a bag holds what is strictly a certificate.
    let is_whole = |der: &&Der| CertificateFacts::of(der).is_ok() && Certificate::read(der).is_ok();
    let known: Vec<Der> = certificates.iter().filter(is_whole).cloned().collect();
    let bag = write_pkcs7(&known);
    let text: String = known
        .iter()
        .map(|der| armoured(Label::Certificate, der))
        .collect();
    let bags = [bag.clone(), armoured(Label::Pkcs7, &bag).into_bytes()];
    for bytes in bags {
        assert_eq!(read(&bytes).certificates, known);
    }
    if !known.is_empty() {
        assert_eq!(read(text.as_bytes()).certificates, known);
    }
}

fn read(bytes: &[u8]) -> Contents {
    let read = Contents::of(&named(Path::new("again")), bytes, None);
    read.expect("what we write can be read")
}

/// What opens the seeds that are locked.
const PASSPHRASE: &[u8] = b"crmgate";

/// One file of each form, and mixtures.
pub fn seeds() -> Vec<Vec<u8>> {
    let now = WallTime(1_800_000_000);
    let ca = Authority::new("CA", now).expect("an authority");
    let between = ca.intermediate("Between").expect("an authority");
    let spec = LeafSpec::for_name("gw.example.com", now);
    let own = between.issue(&spec).expect("a certificate");
    let list = ca.revocation_list(&ListSpec::empty(now)).expect("a list");
    let chain = [own.der.clone(), between.der().clone(), ca.der().clone()];
    let bag = write_pkcs7(&chain);
    let bare: String = own
        .certificate_pem
        .lines()
        .filter(|line| !line.starts_with('-'))
        .collect();
    let mixed = [own.combined_pem(), list.pem.clone(), ca.pem()].concat();
    let mut seeds = vec![
        own.der.to_vec(),
        own.key_der.clone(),
        list.der.to_vec(),
        bag.clone(),
        armoured(Label::Pkcs7, &bag).into_bytes(),
        bare.into_bytes(),
        mixed.replace('\n', "\r\n").into_bytes(),
        format!("\u{feff}subject=CN=x\n{mixed}").into_bytes(),
        b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n".to_vec(),
        Vec::new(),
    ];
    for line in include_str!("containers.txt").lines() {
        let Some((name, digits)) = line.split_once(' ').filter(|_| !line.starts_with('#')) else {
            continue;
        };
        let bytes = bytes_of(digits);
        let label = match name {
            "locked.der" | "scrypt.der" => Some(Label::EncryptedKey),
            "csr.der" => Some(Label::Request),
            _ => None,
        };
        seeds.extend(label.map(|label| armoured(label, &bytes).into_bytes()));
        seeds.push(bytes);
    }
    seeds
}

fn bytes_of(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks(2);
    let pairs = pairs.map(|pair| std::str::from_utf8(pair).expect("ASCII"));
    pairs
        .map(|pair| u8::from_str_radix(pair, 16).expect("two digits"))
        .collect()
}
