use proptest::prelude::*;

use super::*;
use crate::certs::issue::ListSpec;
use crate::certs::testdata::{self, file};

fn read(content: impl AsRef<[u8]>) -> Result<PemFile, Problems> {
    let dir = tempfile::tempdir().expect("a folder");
    PemFile::read(&file(dir.path(), "x.pem", content))
}

/// What is wrong with a file of this name, and what to do.
fn refused(name: &str, content: impl AsRef<[u8]>) -> (String, String) {
    let dir = tempfile::tempdir().expect("a folder");
    let problem = only(PemFile::read(&file(dir.path(), name, content)));
    let folder = format!("{}{}", dir.path().display(), std::path::MAIN_SEPARATOR);
    (
        problem.what.replace(&folder, ""),
        problem.hint.replace(&folder, ""),
    )
}

fn only(result: Result<PemFile, Problems>) -> Problem {
    let problems = result.expect_err("refused");
    problems.iter().next().expect("a problem").clone()
}

fn labels(pem: &PemFile) -> Vec<&'static str> {
    pem.items
        .iter()
        .map(|item| match item.content {
            PemContent::Certificate(_) => "certificate",
            PemContent::Key(_) => "key",
            PemContent::EncryptedKey(_) => "encrypted",
            PemContent::RevocationList(_) => "crl",
            PemContent::Foreign(_) => "foreign",
        })
        .collect()
}

/// The body of a PEM block as bytes.
fn der(pem: &str) -> Vec<u8> {
    use pkcs8::der::SecretDocument;
    let (_label, document) = SecretDocument::from_pem(pem).expect("PEM");
    document.as_bytes().to_vec()
}

fn combined() -> String {
    format!("{}{}", testdata::CERTIFICATE, testdata::PKCS8_KEY)
}

#[test]
fn a_byte_order_mark_crlf_a_preamble_and_indents_change_nothing() {
    let plain = combined();
    let texts = [
        plain.clone(),
        format!("\u{feff}{plain}"),
        plain.replace('\n', "\r\n"),
        plain.replace('\n', "\r"),
        format!("Certificate:\n    Data: Zürich\n{plain}"),
        plain.replace('\n', "\n  "),
    ];
    for text in texts {
        assert_eq!(
            labels(&read(&text).expect("readable")),
            ["certificate", "key"]
        );
    }
    let windows_1252 = [b"# Z\xfcrich\r\n".as_slice(), plain.as_bytes()].concat();
    assert_eq!(
        labels(&read(windows_1252).expect("readable")),
        ["certificate", "key"]
    );
}

#[test]
fn an_item_knows_the_line_it_begins_in() {
    let pem = read(format!("# one\n# two\n{}", testdata::CERTIFICATE)).expect("readable");
    assert_eq!(pem.items.first().map(|item| item.line), Some(3));
}

#[test]
fn every_kind_of_key_is_told_apart() {
    let text = [
        testdata::SEC1_KEY,
        testdata::PKCS8_KEY,
        testdata::AES_KEY,
        testdata::LEGACY_KEY,
        "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n",
    ]
    .concat();
    assert_eq!(
        labels(&read(text).expect("readable")),
        ["key", "key", "encrypted", "foreign"]
    );
}

#[test]
fn a_der_certificate_is_named_with_the_command_that_converts_it() {
    let (what, hint) = refused("ca.cer", der(testdata::CERTIFICATE));
    assert_eq!(
        what,
        "the file \"ca.cer\" is a certificate in DER, not in PEM"
    );
    assert_eq!(
        hint,
        "convert it: crmgate certs convert \"ca.cer\" --to pem --out \"ca.cer.pem\", and name the new file"
    );
}

#[test]
fn a_pair_in_der_is_converted_to_two_files() {
    let (_what, certificate) = refused("gw.crt", der(testdata::CERTIFICATE));
    let (_what, key) = refused("gw.key", der(testdata::PKCS8_KEY));
    assert!(
        certificate.contains("--out \"gw.crt.pem\","),
        "{certificate}"
    );
    assert!(key.contains("--out \"gw.key.pem\","), "{key}");
}

#[test]
fn a_conversion_never_writes_over_the_file_it_reads() {
    let (_what, hint) = refused("ca.pem", der(testdata::CERTIFICATE));
    assert!(
        hint.contains("convert \"ca.pem\" --to pem --out \"ca-converted.pem\""),
        "{hint}"
    );
}

#[test]
fn containers_and_keys_in_der_are_told_apart() {
    let pfx = b"\x30\x82\x04\x3c\x02\x01\x03\x30\x82\x03\xf2\x06\x09";
    let key = "is a private key in DER";
    for (content, is, asks) in [
        (der(testdata::PKCS7), "is a PKCS#7 container in DER", false),
        (pfx.to_vec(), "is a PKCS#12 container", true),
        (der(testdata::PKCS8_KEY), key, false),
        (der(testdata::SEC1_KEY), key, false),
        (der(testdata::RSA1024_KEY), key, false),
        (
            der(testdata::AES_KEY),
            "is an encrypted private key in DER",
            true,
        ),
    ] {
        let (what, hint) = refused("x.bin", content);
        assert!(what.contains(is), "{what}");
        let command = "crmgate certs convert \"x.bin\" --to pem --out \"x.bin.pem\"";
        assert!(hint.contains(command), "{what}: {hint}");
        assert_eq!(hint.contains("--passphrase-file"), asks, "{what}: {hint}");
    }
}

#[test]
fn a_revocation_list_in_der_is_told_from_a_certificate() {
    let ca = testdata::authority("CA");
    let list = ca.revocation_list(&ListSpec::empty(testdata::now()));
    let (what, hint) = refused("x.crl", &list.expect("a list").der);
    assert!(what.contains("is a revocation list in DER"), "{what}");
    assert!(hint.contains("name it with CRL_FILE"), "{hint}");
    let (what, _) = refused("x.crt", ca.der());
    assert!(what.contains("is a certificate in DER"), "{what}");
}

#[test]
fn files_without_any_block_are_named() {
    let utf_16: Vec<u8> = combined()
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let body = testdata::CERTIFICATE
        .lines()
        .nth(1)
        .expect("a line")
        .to_owned();
    for (content, word) in [
        (Vec::new(), "is empty"),
        (b"\xef\xbb\xbf \r\n".to_vec(), "is empty"),
        ([b"\xff\xfe".to_vec(), utf_16.clone()].concat(), "UTF-16"),
        (utf_16, "UTF-16"),
        (b"see attachment".to_vec(), "holds no PEM block"),
        (body.into_bytes(), "without its BEGIN and END"),
        (vec![0x89, 0x50, 0x4e, 0x47, 0, 1, 2, 3], "neither PEM"),
    ] {
        let (what, _hint) = refused("x.txt", content);
        assert!(what.contains(word), "{what}");
    }
}

#[test]
fn a_block_that_was_cut_or_edited_is_named_with_its_line() {
    let cut = testdata::CERTIFICATE.replace("-----END CERTIFICATE-----\n", "");
    let edited = testdata::CERTIFICATE.replacen("MII", "M*I", 1);
    let (what, _) = refused("x.pem", format!("\n{cut}"));
    assert!(
        what.contains("no END for the \"CERTIFICATE\" that begins in line 2"),
        "{what}"
    );
    let (what, _) = refused("x.pem", format!("{cut}{}", testdata::CERTIFICATE));
    assert!(what.contains("that begins in line 1"), "{what}");
    let (what, _) = refused("x.pem", edited);
    assert!(
        what.contains("in line 1 that is not valid base64"),
        "{what}"
    );
    let (what, _) = refused("x.pem", "-----END CERTIFICATE-----\n");
    assert!(what.contains("without a BEGIN"), "{what}");
}

#[test]
fn other_labels_are_kept_as_what_they_are() {
    for (label, foreign) in [
        ("PKCS7", Foreign::PemPkcs7),
        ("TRUSTED CERTIFICATE", Foreign::TrustedCertificate),
        ("CERTIFICATE REQUEST", Foreign::Request),
        ("PUBLIC KEY", Foreign::PublicKey),
        (
            "OPENSSH PRIVATE KEY",
            Foreign::OtherLabel("OPENSSH PRIVATE KEY".to_owned()),
        ),
    ] {
        let pem = read(format!(
            "-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n"
        ));
        assert_eq!(pem.expect("readable").foreign().next(), Some(&foreign));
    }
}

#[test]
fn a_folder_a_missing_file_and_a_huge_file_are_refused() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut folder = file(dir.path(), "x", "");
    let problem = |file: &FileRef| only(PemFile::read(file)).what;
    folder.path = dir.path().to_owned();
    assert!(problem(&folder).contains("not a regular file"));
    folder.path = dir.path().join("absent.pem");
    assert!(problem(&folder).contains("cannot be read"));
    let huge = vec![b'\n'; usize::try_from(MAX_FILE).expect("fits") + 1];
    assert!(problem(&file(dir.path(), "huge", huge)).contains("larger than"));
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in any::<Vec<u8>>()) {
        prop_assert!(read(&bytes).is_ok_and(|pem| !pem.items.is_empty()) || read(&bytes).is_err());
    }

    #[test]
    fn no_damage_to_a_file_makes_the_reader_panic(at in 0_usize..800, byte in any::<u8>(), cut in 0_usize..800) {
        let mut bytes = combined().into_bytes();
        if let Some(target) = bytes.get_mut(at) {
            *target = byte;
        }
        bytes.truncate(cut);
        let _either = read(&bytes).is_ok();
    }

    #[test]
    fn no_der_makes_the_sniffer_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
        let der = [vec![0x30], bytes].concat();
        let _kind = Foreign::sniff(&der);
    }
}
