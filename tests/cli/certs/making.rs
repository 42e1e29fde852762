//! `certs init` and `certs csr`.

use super::Desk;

#[test]
fn init_makes_certificates_that_openssl_accepts_for_both_roles() {
    for options in [
        &[][..],
        &["--separate-cas"],
        &["--key", "ec", "--layout", "pair"],
    ] {
        let desk = Desk::empty();
        let mut words = vec!["init", "pki", "--gateway", "gw.example.com,10.0.0.5"];
        words.extend(options);
        desk.certs(&words).ends_with(0);
        let crm_ca = if options.contains(&"--separate-cas") {
            "crm-ca"
        } else {
            "company-ca"
        };
        for (who, ca) in [
            ("gateway", "company-ca"),
            ("side-a", "company-ca"),
            ("side-b", "company-ca"),
            ("sap-crm", crm_ca),
        ] {
            for purpose in ["sslserver", "sslclient"] {
                let line = format!(
                    "verify -x509_strict -purpose {purpose} -CAfile pki/{ca}.pem pki/{who}.crt"
                );
                let done = desk.openssl(&line);
                assert!(done.out.ends_with(": OK\n"), "{done:?}");
            }
            let line = format!("x509 -in pki/{who}.crt -noout -pubkey");
            let of_certificate = desk.openssl(&line).ends_with(0).out;
            let of_key = desk.openssl(&format!("pkey -in pki/{who}.key -pubout"));
            assert_eq!(of_certificate, of_key.ends_with(0).out, "{who}");
        }
        let line =
            "verify -verify_hostname gw.example.com -CAfile pki/company-ca.pem pki/gateway.crt";
        desk.openssl(line).ends_with(0);
        let line = "verify -verify_ip 10.0.0.5 -CAfile pki/company-ca.pem pki/gateway.crt";
        desk.openssl(line).ends_with(0);
        let line = "verify -purpose sslclient -CAfile pki/company-ca.pem pki/admin.crt";
        desk.openssl(line).ends_with(0);
        let line = "pkcs12 -legacy -in pki/for-sap/sap-crm.pfx -passin pass:changeit -noout";
        desk.openssl(line).ends_with(0);
        let line = "x509 -in pki/for-sap/company-ca.cer -noout -ext basicConstraints";
        assert!(desk.openssl(line).out.contains("CA:TRUE"));
    }
}

#[test]
fn keys_of_a_trial_are_readable_for_their_account_alone() {
    let desk = Desk::with_pki();
    for name in desk.names("pki") {
        let path = format!("pki/{name}");
        let is_secret = desk.path(&path).is_file() && desk.read(&path).contains("PRIVATE KEY");
        if is_secret {
            assert_eq!(desk.mode(&path), 0o600, "{name}");
        }
    }
    assert_eq!(desk.mode("pki/for-sap/sap-crm.pfx"), 0o600);
    assert_eq!(desk.mode("pki/company-ca.pem"), 0o644);
}

#[test]
fn init_names_the_file_that_is_there_already_and_writes_nothing() {
    let desk = Desk::empty();
    std::fs::create_dir(desk.path("pki")).expect("a folder");
    desk.write("pki/side-b.key", "mine");
    let done = desk.certs(&["init", "pki", "--key", "ec"]).ends_with(73);
    assert!(
        done.err
            .contains("the file \"pki/side-b.key\" is there already\n  hint: nothing was written"),
        "{done:?}"
    );
    assert_eq!(desk.names("pki"), ["side-b.key"]);
    assert_eq!(desk.read("pki/side-b.key"), "mine");
}

#[test]
fn the_lines_that_init_prints_make_a_configuration_that_check_accepts() {
    for layout in [0, 1] {
        let desk = Desk::empty();
        let done = desk.certs(&["init", "pki", "--key", "ec", "--separate-cas", "--json"]);
        let json = done.ends_with(0).json();
        let lines = json["ini"][layout].as_array().expect("lines");
        let lines = lines.iter().map(|line| line.as_str().expect("a line"));
        let lines: Vec<&str> = lines.collect();
        std::fs::create_dir(desk.path("conf")).expect("a folder");
        let text = format!("[SSL_SERVER_CLIENT]\n{}\n", lines.join("\n"));
        desk.write("conf/ssl.ini", &text);
        desk.write(
            "conf/CRMConnectorSAP_SAP1.ini",
            "[Config]\nTpiDllParameter=SSL\n[Requests]\nListen=127.0.0.1:8443\n\
             SideA=https://localhost:8444\n",
        );
        let check = desk.crmgate(&["check", "--config", "conf", "--deny-warnings"]);
        check.ends_with(0);
    }
}

#[test]
fn init_says_what_goes_into_which_pse_and_until_when_it_lasts() {
    let desk = Desk::empty();
    let done = desk
        .certs(&["init", "pki", "--key", "ec", "--days", "10"])
        .ends_with(0);
    for part in [
        "pki/for-sap/company-ca.cer\n",
        "SSL client SSL Client (Standard): certificate list",
        "sapgenpse import_p12",
        "The certificates end on ",
        "CA_FILE=",
        "openssl x509 -req -in REQUEST -CA ",
    ] {
        assert!(done.out.contains(part), "{part}: {}", done.out);
    }
    let line = "x509 -in pki/gateway.crt -noout -checkend";
    desk.openssl(&format!("{line} 777600")).ends_with(0);
    desk.openssl(&format!("{line} 864060")).ends_with(1);
}

#[test]
fn a_name_that_no_certificate_can_hold_is_refused() {
    let desk = Desk::empty();
    let done = desk.certs(&["init", "pki", "--key", "ec", "--crm", "größe.example"]);
    assert!(done.err.contains("punycode"), "{done:?}");
    done.ends_with(2);
    assert!(!desk.path("pki").exists());
}

#[test]
fn a_request_is_signed_by_its_key_and_asks_for_what_was_given() {
    let desk = Desk::empty();
    for kind in ["rsa", "ec"] {
        let (key, out) = (format!("{kind}.key"), format!("{kind}.csr"));
        desk.certs(&[
            "csr",
            "--new-key",
            kind,
            "--key",
            &key,
            "--subject",
            "CN=gw.example.com,OU=IT,OU=Net,O=Müller \\, Söhne,C=CH",
            "--san",
            "gw.example.com,10.0.0.5,uri:urn:x,email:it@example.com",
            "--out",
            &out,
        ])
        .ends_with(0);
        assert_eq!(desk.mode(&key), 0o600);
        let done = desk.openssl(&format!(
            "req -in {out} -verify -noout -text -nameopt RFC2253,utf8,-esc_msb"
        ));
        assert!(done.err.contains("verify OK"), "{done:?}");
        for part in [
            "CN=gw.example.com,OU=IT,OU=Net,O=Müller \\, Söhne,C=CH",
            "DNS:gw.example.com, IP Address:10.0.0.5, URI:urn:x, email:it@example.com",
            "TLS Web Server Authentication, TLS Web Client Authentication",
        ] {
            assert!(done.out.contains(part), "{part}: {}", done.out);
        }
    }
}

#[test]
fn a_request_like_a_certificate_has_its_subject_and_names_byte_by_byte() {
    let desk = Desk::empty();
    // Two of one kind, in the order in which a generator would mix them up, and a T61 string.
    let line = "req -x509 -newkey rsa:2048 -nodes -keyout old.key -out old.pem -days 9 -subj \
                /DC=com/DC=example/O=Example/OU=A/OU=B/CN=gw.example.com -addext \
                subjectAltName=DNS:gw.example.com,otherName:1.3.6.1.4.1.311.20.2.3;UTF8:gw@example.com";
    desk.openssl(line).ends_with(0);
    let words = [
        "csr", "--key", "old.key", "--like", "old.pem", "--out", "new.csr",
    ];
    desk.certs(&words).ends_with(0);
    desk.openssl("req -in new.csr -verify -noout").ends_with(0);
    let of_old = desk.openssl("x509 -in old.pem -noout -subject -ext subjectAltName");
    let of_new = desk.openssl("req -in new.csr -noout -subject").out;
    assert!(of_old.out.starts_with(&of_new), "{} {of_new}", of_old.out);
    let text = desk.openssl("req -in new.csr -noout -text").out;
    assert!(
        text.contains("othername: UPN::gw@example.com") || text.contains("othername:"),
        "{text}"
    );
}

#[test]
fn csr_takes_a_host_in_the_common_name_for_a_name_and_overwrites_nothing() {
    let desk = Desk::with_pki();
    let words = [
        "csr",
        "--key",
        "pki/gateway.key",
        "--subject",
        "CN=a.example.com",
        "--out",
        "a.csr",
    ];
    let done = desk.certs(&words).ends_with(0);
    assert!(
        done.out.contains("names    DNS:a.example.com"),
        "{}",
        done.out
    );
    let done = desk.certs(&words).ends_with(73);
    assert!(done.err.contains("add --force"), "{done:?}");
    let mut forced = words.to_vec();
    forced.push("--force");
    desk.certs(&forced).ends_with(0);
}

#[test]
fn what_is_wrong_with_a_request_is_said_with_what_to_write() {
    let desk = Desk::with_pki();
    for (words, code, said) in [
        (
            ["--key", "pki/gateway.key", "--subject", "gw.example.com"],
            2,
            "the subject \"gw.example.com\" is not understood: a part of it",
        ),
        (
            ["--key", "pki/company-ca.pem", "--subject", "CN=x"],
            65,
            "the file \"pki/company-ca.pem\" holds no private key\n  hint: name the file with the key, or add --new-key",
        ),
        (
            ["--key", "nowhere.key", "--subject", "CN=x"],
            66,
            "the file \"nowhere.key\" cannot be read",
        ),
        (
            ["--key", "pki/gateway.key", "--subject", "CN=x"],
            2,
            "\"no name\" is no alternative name",
        ),
    ] {
        let mut all = vec!["csr", "--out", "x.csr"];
        all.extend(words);
        if said.contains("no name") {
            all.extend(["--san", "no name"]);
        }
        let done = desk.certs(&all).ends_with(code);
        assert!(done.err.contains(said), "{done:?}");
        assert!(!desk.path("x.csr").exists());
    }
}
