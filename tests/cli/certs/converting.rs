//! `certs convert`.

use super::Desk;

/// A desk with a passphrase in `pass`.
fn desk() -> Desk {
    let desk = Desk::with_pki();
    desk.write("pass", "open-sesame\n");
    desk
}

/// The certificates, one fingerprint each, of PEM.
fn fingerprint(desk: &Desk, file: &str) -> String {
    let line = format!("x509 -in {file} -noout -fingerprint -sha256");
    desk.openssl(&line).ends_with(0).out
}

#[test]
fn a_pfx_of_old_and_of_new_windows_becomes_a_pem_file_that_the_daemon_reads() {
    for (name, options) in [
        (
            "rc2",
            "-legacy -certpbe PBE-SHA1-RC2-40 -keypbe PBE-SHA1-3DES -macalg sha1",
        ),
        (
            "des3",
            "-legacy -certpbe PBE-SHA1-3DES -keypbe PBE-SHA1-3DES -macalg sha1",
        ),
        (
            "aes",
            "-certpbe AES-256-CBC -keypbe AES-256-CBC -macalg sha256",
        ),
    ] {
        let desk = desk();
        let line = format!(
            "pkcs12 -export {options} -in pki/gateway.pem -certfile pki/company-ca.pem -out {name}.pfx \
             -passout pass:open-sesame"
        );
        desk.openssl(&line).ends_with(0);
        let pfx = format!("{name}.pfx");
        let words = [
            "convert",
            &pfx,
            "--to",
            "pem",
            "--out",
            "gw.pem",
            "--passphrase-file",
            "pass",
        ];
        desk.certs(&words).ends_with(0);
        assert_eq!(desk.mode("gw.pem"), 0o600);
        assert_eq!(
            fingerprint(&desk, "gw.pem"),
            fingerprint(&desk, "pki/gateway.crt")
        );
        // The root is left out, and the key belongs to the certificate.
        assert_eq!(desk.read("gw.pem").matches("BEGIN CERTIFICATE").count(), 1);
        let key = desk.openssl("pkey -in gw.pem -pubout").ends_with(0).out;
        assert_eq!(key, desk.openssl("pkey -in pki/gateway.key -pubout").out);
        let done = desk
            .certs(&["inspect", "gw.pem", "--output", "json"])
            .ends_with(0);
        let first = &done.json()["reports"][0]["certificates"][0];
        assert_eq!(first["has_private_key"], true);
    }
}

#[test]
fn the_passphrase_comes_from_a_file_or_the_environment_and_a_wrong_one_is_said_to_be() {
    let desk = desk();
    let line = "pkcs12 -export -in pki/gateway.pem -out gw.pfx -passout pass:open-sesame";
    desk.openssl(line).ends_with(0);
    let words = ["convert", "gw.pfx", "--to", "pem", "--out", "gw.pem"];
    let done = desk.certs(&words).ends_with(65);
    assert!(
        done.err
            .contains("\"gw.pfx\" cannot be opened: it is encrypted, and there is no passphrase"),
        "{done:?}"
    );
    assert!(done.err.contains("--passphrase-file"), "{done:?}");
    desk.write("wrong", "sesame");
    let mut with_file = words.to_vec();
    with_file.extend(["--passphrase-file", "wrong"]);
    let done = desk.certs(&with_file).ends_with(65);
    assert!(
        done.err.contains("it is locked with another passphrase"),
        "{done:?}"
    );
    assert!(!desk.path("gw.pem").exists());
    let mut command = crate::crmgate();
    command
        .current_dir(desk.path(""))
        .env("CRMGATE_PASSPHRASE", "open-sesame");
    let output = command
        .arg("certs")
        .args(words)
        .output()
        .expect("the binary");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_pfx_of_ours_is_opened_by_openssl_with_key_and_chain() {
    for (legacy, cipher) in [(false, "AES-256-CBC"), (true, "3-KeyTripleDES-CBC")] {
        let desk = desk();
        let mut words = vec![
            "convert",
            "pki/gateway.pem",
            "--add",
            "pki/company-ca.pem",
            "--to",
            "pfx",
            "--out",
            "gw.pfx",
            "--out-passphrase-file",
            "pass",
        ];
        if legacy {
            words.push("--legacy");
        }
        desk.certs(&words).ends_with(0);
        assert_eq!(desk.mode("gw.pfx"), 0o600);
        let line = "pkcs12 -legacy -in gw.pfx -passin pass:open-sesame -noenc -info -out all.pem";
        let done = desk.openssl(line).ends_with(0);
        assert!(done.err.contains(cipher), "{done:?}");
        assert_eq!(
            fingerprint(&desk, "all.pem"),
            fingerprint(&desk, "pki/gateway.crt")
        );
        assert_eq!(desk.read("all.pem").matches("BEGIN CERTIFICATE").count(), 2);
        let key = desk.openssl("pkey -in all.pem -pubout").ends_with(0).out;
        assert_eq!(key, desk.openssl("pkey -in pki/gateway.key -pubout").out);
        desk.openssl("pkcs12 -legacy -in gw.pfx -passin pass:other -noout")
            .ends_with(1);
    }
}

#[test]
fn certificates_go_into_der_and_p7b_and_come_back() {
    let desk = desk();
    desk.certs(&[
        "convert",
        "pki/company-ca.pem",
        "--to",
        "der",
        "--out",
        "ca.der",
    ])
    .ends_with(0);
    desk.openssl("x509 -inform DER -in ca.der -noout")
        .ends_with(0);
    desk.certs(&["convert", "ca.der", "--to", "pem", "--out", "ca.pem"])
        .ends_with(0);
    assert_eq!(
        fingerprint(&desk, "ca.pem"),
        fingerprint(&desk, "pki/company-ca.pem")
    );
    let words = [
        "convert",
        "pki/gateway.crt",
        "--add",
        "ca.der",
        "--to",
        "p7b",
        "--out",
        "both.p7b",
    ];
    desk.certs(&words).ends_with(0);
    let printed = desk
        .openssl("pkcs7 -in both.p7b -print_certs -noout")
        .ends_with(0)
        .out;
    assert_eq!(printed.matches("subject=").count(), 2, "{printed}");
    let line = "crl2pkcs7 -nocrl -certfile pki/gateway.crt -certfile pki/company-ca.pem -outform DER -out in.p7b";
    desk.openssl(line).ends_with(0);
    desk.certs(&["convert", "in.p7b", "--to", "pem", "--out", "both.pem"])
        .ends_with(0);
    assert_eq!(
        desk.read("both.pem").matches("BEGIN CERTIFICATE").count(),
        2
    );
    assert_eq!(desk.mode("both.pem"), 0o644);
}

#[test]
fn strust_gets_each_certificate_the_chain_and_a_pfx_with_the_place_of_each() {
    let desk = desk();
    let done = desk.certs(&[
        "convert",
        "pki/gateway.pem",
        "--add",
        "pki/company-ca.pem",
        "--to",
        "strust",
        "--out",
        "for-sap",
        "--out-passphrase-file",
        "pass",
    ]);
    let done = done.ends_with(0);
    assert_eq!(
        desk.names("for-sap"),
        [
            "gateway-1.cer",
            "gateway-chain.p7b",
            "gateway.cer",
            "gateway.pfx"
        ]
    );
    assert!(
        desk.read("for-sap/gateway-1.cer")
            .starts_with("-----BEGIN CERTIFICATE-----\n")
    );
    assert!(
        done.out
            .contains("a root: into the certificate list of SSL client"),
        "{}",
        done.out
    );
    assert!(done.out.contains("sapgenpse import_p12"), "{}", done.out);
    desk.openssl("pkcs7 -in for-sap/gateway-chain.p7b -noout")
        .ends_with(0);
    assert_eq!(desk.mode("for-sap/gateway.pfx"), 0o600);
}

#[test]
fn nothing_is_overwritten_unasked() {
    let desk = desk();
    desk.write("out.pem", "mine");
    let words = [
        "convert",
        "pki/gateway.pem",
        "--to",
        "pem",
        "--out",
        "out.pem",
    ];
    let done = desk.certs(&words).ends_with(73);
    assert!(
        done.err
            .contains("the file \"out.pem\" is there already\n  hint: "),
        "{done:?}"
    );
    assert_eq!(desk.read("out.pem"), "mine");
    let mut forced = words.to_vec();
    forced.push("--force");
    desk.certs(&forced).ends_with(0);
    assert_eq!(
        desk.mode("out.pem"),
        0o600,
        "although the former one was readable for all"
    );
}

#[test]
fn a_key_is_locked_where_a_passphrase_is_given_for_it() {
    let desk = desk();
    let words = [
        "convert",
        "pki/gateway.pem",
        "--to",
        "pem",
        "--out",
        "locked.pem",
        "--out-passphrase-file",
        "pass",
    ];
    desk.certs(&words).ends_with(0);
    assert!(
        desk.read("locked.pem")
            .contains("BEGIN ENCRYPTED PRIVATE KEY")
    );
    let key = desk
        .openssl("pkey -in locked.pem -passin file:pass -pubout")
        .ends_with(0)
        .out;
    assert_eq!(key, desk.openssl("pkey -in pki/gateway.key -pubout").out);
}

#[test]
fn what_cannot_be_converted_is_said_with_what_helps() {
    let desk = desk();
    desk.openssl("rand -out noise 600").ends_with(0);
    desk.write("text", "hello\n");
    for (words, code, said) in [
        (
            vec!["convert", "text", "--to", "pem"],
            65,
            "is text that holds no PEM block",
        ),
        (
            vec!["convert", "nowhere", "--to", "pem"],
            66,
            "\"nowhere\" cannot be read",
        ),
        (
            vec!["convert", "pki/company-ca.pem", "--to", "pfx"],
            65,
            "holds no private key\n  hint: add the file with the key with --add",
        ),
        (
            vec![
                "convert",
                "pki/gateway.crt",
                "--add",
                "pki/side-a.key",
                "--to",
                "pem",
            ],
            65,
            "the private key in \"pki/gateway.crt\" belongs to none of the certificates",
        ),
        (
            vec!["convert", "pki/gateway.pem", "--to", "pfx"],
            2,
            "there is no passphrase to lock \"out\" with\n  hint: name a file with --out-passphrase-file",
        ),
        (
            vec!["convert", "pki/gateway.key", "--to", "der"],
            65,
            "the file \"pki/gateway.key\" holds no certificate",
        ),
    ] {
        let mut all = words.clone();
        all.extend(["--out", "out"]);
        let done = desk.certs(&all).ends_with(code);
        assert!(done.err.contains(said), "{said}: {done:?}");
        assert!(!desk.path("out").exists());
    }
}

/// The command that a hint names, as its words.
fn named_command(said: &str) -> Vec<String> {
    let (_, rest) = said
        .split_once("convert it: crmgate certs ")
        .expect("a hint");
    let (command, _) = rest.split_once(", and name").expect("its end");
    let words = command.split(' ').map(|word| word.trim_matches('"'));
    words.map(str::to_owned).collect()
}

#[test]
fn the_command_that_check_names_makes_of_each_other_form_a_file_that_it_accepts() {
    for (form, make) in [
        (
            "ca.cer",
            "x509 -in pki/company-ca.pem -outform DER -out conf/ca.cer",
        ),
        (
            "ca.p7b",
            "crl2pkcs7 -nocrl -certfile pki/company-ca.pem -outform DER -out conf/ca.p7b",
        ),
        (
            "ca-pem.p7b",
            "crl2pkcs7 -nocrl -certfile pki/company-ca.pem -out conf/ca-pem.p7b",
        ),
    ] {
        let desk = Desk::with_configuration();
        desk.openssl(make).ends_with(0);
        let ini = desk.read("conf/ssl.ini");
        desk.write("conf/ssl.ini", &ini.replace("../pki/company-ca.pem", form));
        let refused = desk.crmgate(&["check", "--config", "conf"]).ends_with(1);
        let command = named_command(&format!("{}{}", refused.out, refused.err));
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        desk.certs(&words).ends_with(0);
        let ini = desk.read("conf/ssl.ini");
        desk.write(
            "conf/ssl.ini",
            &ini.replace(&format!("CA_FILE={form}"), &format!("CA_FILE={form}.pem")),
        );
        desk.crmgate(&["check", "--config", "conf"]).ends_with(0);
    }
}

#[test]
fn the_command_that_check_names_for_a_pfx_makes_certificate_and_key_of_it() {
    let desk = Desk::with_configuration();
    desk.write("pass", "open-sesame\n");
    desk.openssl("pkcs12 -export -in pki/gateway.pem -out conf/gw.pfx -passout pass:open-sesame")
        .ends_with(0);
    let ini = desk.read("conf/ssl.ini");
    desk.write("conf/ssl.ini", &ini.replace("gw.pem", "gw.pfx"));
    let refused = desk.crmgate(&["check", "--config", "conf"]).ends_with(1);
    let mut command = named_command(&format!("{}{}", refused.out, refused.err));
    command.extend(["--passphrase-file", "pass"].map(str::to_owned));
    let words: Vec<&str> = command.iter().map(String::as_str).collect();
    desk.certs(&words).ends_with(0);
    desk.write("conf/ssl.ini", &ini.replace("gw.pem", "gw.pfx.pem"));
    desk.crmgate(&["check", "--config", "conf"]).ends_with(0);
}
