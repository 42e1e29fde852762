//! `certs sign`, judged by OpenSSL and by the daemon.

use super::Desk;

/// A desk with a PKI and a request in `x.csr` of the key in `x.key`.
fn desk() -> Desk {
    let desk = Desk::with_configuration();
    let words = [
        "csr",
        "--new-key",
        "ec",
        "--key",
        "x.key",
        "--subject",
        "CN=gw.example.com,O=Example",
        "--san",
        "gw.example.com,10.0.0.5",
        "--out",
        "x.csr",
    ];
    desk.certs(&words).ends_with(0);
    desk
}

fn sign<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let words = [
        "sign",
        "--ca",
        "pki/company-ca.pem",
        "--csr",
        "x.csr",
        "--out",
        "x.crt",
    ];
    words.into_iter().chain(more.iter().copied()).collect()
}

#[test]
fn a_request_becomes_a_certificate_that_openssl_accepts_for_what_it_is_for_alone() {
    for (purpose, good) in [
        ("both", &["sslserver", "sslclient"][..]),
        ("server", &["sslserver"]),
        ("client", &["sslclient"]),
    ] {
        let desk = desk();
        desk.certs(&sign(&["--purpose", purpose])).ends_with(0);
        for asked in ["sslserver", "sslclient"] {
            let line =
                format!("verify -x509_strict -purpose {asked} -CAfile pki/company-ca.pem x.crt");
            let is_good = desk.openssl(&line).code == 0;
            assert_eq!(is_good, good.contains(&asked), "{purpose}: {asked}");
        }
        let line = "verify -verify_ip 10.0.0.5 -CAfile pki/company-ca.pem x.crt";
        desk.openssl(line).ends_with(0);
        let of_certificate = desk
            .openssl("x509 -in x.crt -noout -pubkey")
            .ends_with(0)
            .out;
        let of_key = desk.openssl("pkey -in x.key -pubout").ends_with(0).out;
        assert_eq!(of_certificate, of_key);
    }
}

#[test]
fn the_daemon_takes_what_was_signed() {
    let desk = desk();
    desk.certs(&sign(&[])).ends_with(0);
    let pem = format!("{}{}", desk.read("x.crt"), desk.read("x.key"));
    desk.write("conf/gw.pem", &pem);
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(desk.path("conf/gw.pem"), mode).expect("the file is ours");
    let done = desk.crmgate(&["check", "--config", "conf"]).ends_with(0);
    assert!(
        done.out.contains("CN=gw.example.com,O=Example") || done.err.is_empty(),
        "{done:?}"
    );
}

#[test]
fn what_a_request_of_openssl_asks_for_beyond_its_names_is_not_granted() {
    let desk = desk();
    let line = "req -new -key x.key -subj /CN=gw.example.com -out x.csr -addext basicConstraints=CA:TRUE \
                -addext keyUsage=keyCertSign -addext extendedKeyUsage=codeSigning \
                -addext subjectAltName=DNS:gw.example.com,RID:1.2.3";
    desk.openssl(line).ends_with(0);
    let done = desk.certs(&sign(&[])).ends_with(0);
    assert!(done.out.contains("left out other:"), "{done:?}");
    let text = desk.openssl("x509 -in x.crt -noout -text").ends_with(0).out;
    for absent in [
        "CA:TRUE",
        "Certificate Sign",
        "Code Signing",
        "Registered ID",
    ] {
        assert!(!text.contains(absent), "{absent}: {text}");
    }
    assert!(
        text.contains("CA:FALSE") && text.contains("DNS:gw.example.com"),
        "{text}"
    );
}

#[test]
fn a_file_that_is_there_is_never_replaced_and_a_refusal_writes_none() {
    let desk = desk();
    desk.write("x.crt", "mine\n");
    let refused = desk.certs(&sign(&[])).ends_with(73);
    assert!(refused.err.contains("is there already"), "{refused:?}");
    assert_eq!(desk.read("x.crt"), "mine\n");
    std::fs::remove_file(desk.path("x.crt")).expect("ours");
    let line = "req -x509 -new -key pki/company-ca.key -subj /CN=Short -days 30 -out pki/short.pem";
    desk.openssl(line).ends_with(0);
    for (more, said) in [
        (
            &["--ca", "pki/short.pem", "--ca-key", "pki/company-ca.key"][..],
            "would end after the authority \"CN=Short\"",
        ),
        (
            &["--ca-key", "x.key"],
            "the private key is not that of the authority",
        ),
        (&["--csr", "x.key"], "holds 0 certificate requests"),
    ] {
        let mut words = sign(&[]);
        for pair in more.chunks(2) {
            if let Some(at) = words.iter().position(|word| *word == pair[0]) {
                words[at + 1] = pair[1];
            } else {
                words.extend(pair);
            }
        }
        let refused = desk.certs(&words).ends_with(65);
        assert!(refused.err.contains(said), "{refused:?}");
        assert!(refused.err.contains("hint: "), "{refused:?}");
        assert!(!desk.path("x.crt").exists(), "{said}");
    }
}
