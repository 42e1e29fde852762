//! `certs renew`, `certs list` and `certs watch`.

use crmgate::model::{Clock, WallTime};

use super::Desk;

/// Renews everything, however long it lasts.
const ALL: &[&str] = &["renew", "--config", "conf", "--within", "4000"];

fn with(words: &[&'static str], more: &[&'static str]) -> Vec<&'static str> {
    [words, more].concat()
}

fn fingerprint(desk: &Desk, file: &str) -> String {
    let line = format!("x509 -in {file} -noout -fingerprint -sha256");
    desk.openssl(&line).ends_with(0).out
}

/// What stands in `conf/` beside the ini files.
fn files(desk: &Desk) -> Vec<String> {
    let mut names = desk.names("conf");
    names.retain(|name| !name.to_ascii_lowercase().ends_with(".ini"));
    names
}

#[test]
fn a_dry_run_says_what_would_be_done_and_writes_nothing() {
    let desk = Desk::with_configuration();
    let done = desk.certs(&with(ALL, &["--dry-run"])).ends_with(1);
    for part in [
        "renew \"CN=gw.example.com\" (serial ",
        "used by  SAP1 listening, by conf/ssl.ini:3 [SSL_SERVER_CLIENT] PEM_FILE\n",
        "used by  SAP1 dialling, by ",
        "ask for it by ",
        "ask for  subject CN=gw.example.com\n",
        "names DNS:gw.example.com, IP:127.0.0.1\n",
        "serverAuth and clientAuth, P-256\n",
        "makes    conf/gw.pem.next.key and conf/gw.pem.next.csr\n",
        "import   nothing, if \"CN=Trial Company CA,O=crmgate throw-away PKI\" signs it again",
        "NEXT_FROM",
    ] {
        assert!(done.out.contains(part), "{part}: {}", done.out);
    }
    assert_eq!(files(&desk), ["gw.pem"]);
    let json = desk
        .certs(&with(ALL, &["--dry-run", "--output", "json"]))
        .ends_with(1)
        .json();
    assert_eq!(
        json["renewals"][0]["waiting_request"],
        "conf/gw.pem.next.csr"
    );
    let done = desk
        .certs(&["renew", "--config", "conf", "--dry-run"])
        .ends_with(0);
    assert!(
        done.out
            .contains("none of the 1 certificate(s) ends within 60 days"),
        "{}",
        done.out
    );
}

#[test]
fn a_request_is_signed_by_openssl_and_its_answer_installed_with_the_former_one_kept() {
    let desk = Desk::with_configuration();
    let before = fingerprint(&desk, "conf/gw.pem");
    desk.certs(ALL).ends_with(0);
    assert_eq!(
        files(&desk),
        ["gw.pem", "gw.pem.next.csr", "gw.pem.next.key"]
    );
    assert_eq!(desk.mode("conf/gw.pem.next.key"), 0o600);
    assert_eq!(
        fingerprint(&desk, "conf/gw.pem"),
        before,
        "nothing is replaced yet"
    );
    let again = desk.certs(ALL).ends_with(73);
    assert!(
        again.err.contains("its request waits for an answer"),
        "{again:?}"
    );
    desk.openssl("req -in conf/gw.pem.next.csr -verify -noout")
        .ends_with(0);
    desk.sign("conf/gw.pem.next.csr", 700, "answer.pem");
    let done = desk
        .certs(&["renew", "--config", "conf", "--install", "answer.pem"])
        .ends_with(0);
    assert!(
        done.out
            .contains("installed \"CN=gw.example.com\" (serial "),
        "{}",
        done.out
    );
    assert_eq!(
        fingerprint(&desk, "conf/gw.pem"),
        fingerprint(&desk, "answer.pem")
    );
    assert_eq!(desk.mode("conf/gw.pem"), 0o600);
    let files = files(&desk);
    assert_eq!(files.len(), 2, "{files:?}");
    assert!(files[1].starts_with("gw.pem.bak-20"), "{files:?}");
    let kept = format!("conf/{}", files[1]);
    assert_eq!(fingerprint(&desk, &kept), before);
    assert_eq!(desk.mode(&kept), 0o600);
    desk.crmgate(&["check", "--config", "conf", "--deny-warnings"])
        .ends_with(0);
    let again = desk
        .certs(&["renew", "--config", "conf", "--install", "answer.pem"])
        .ends_with(65);
    assert!(again.err.contains("is in use already"), "{again:?}");
}

#[test]
fn a_pair_of_files_and_a_locked_key_are_renewed_as_they_are() {
    let desk = Desk::with_configuration();
    desk.write("conf/pass", "open-sesame\n");
    let line =
        "pkcs8 -topk8 -v2 aes-256-cbc -in pki/gateway.key -out conf/gw.key -passout file:conf/pass";
    desk.openssl(line).ends_with(0);
    std::fs::copy(desk.path("pki/gateway.crt"), desk.path("conf/gw.crt")).expect("copied");
    desk.write(
        "conf/ssl.ini",
        "[SSL_SERVER_CLIENT]\nCA_FILE=../pki/company-ca.pem\nCRT_FILE=gw.crt\nKEY_FILE=gw.key\n\
         KEY_PASSPHRASE_FILE=pass\n",
    );
    desk.certs(&with(ALL, &["--key", "rsa"])).ends_with(0);
    assert!(
        desk.read("conf/gw.crt.next.key")
            .contains("BEGIN ENCRYPTED PRIVATE KEY")
    );
    desk.sign("conf/gw.crt.next.csr", 700, "answer.pem");
    desk.openssl(
        "crl2pkcs7 -nocrl -certfile answer.pem -certfile pki/company-ca.pem -out answer.p7b",
    );
    desk.certs(&["renew", "--config", "conf", "--install", "answer.p7b"])
        .ends_with(0);
    assert_eq!(
        desk.read("conf/gw.crt")
            .matches("BEGIN CERTIFICATE")
            .count(),
        1
    );
    let key = desk
        .openssl("pkey -in conf/gw.key -passin file:conf/pass -pubout")
        .ends_with(0)
        .out;
    assert_eq!(key, desk.openssl("x509 -in conf/gw.crt -noout -pubkey").out);
    desk.crmgate(&["check", "--config", "conf"]).ends_with(0);
}

#[test]
fn an_answer_of_other_names_or_of_another_key_or_without_its_chain_is_not_installed() {
    let desk = Desk::with_configuration();
    desk.certs(ALL).ends_with(0);
    let before = desk.read("conf/gw.pem");
    let refused = |answer: &str, said: &str| {
        let done = desk
            .certs(&["renew", "--config", "conf", "--install", answer])
            .ends_with(65);
        assert!(done.err.contains(said), "{said}: {done:?}");
        assert!(done.err.contains("\n  hint: "), "{done:?}");
        assert_eq!(desk.read("conf/gw.pem"), before);
    };
    // The authority has put other names into it.
    desk.write("names", "subjectAltName=DNS:other.example.com\n");
    let line = "x509 -req -in conf/gw.pem.next.csr -CA pki/company-ca.pem -CAkey pki/company-ca.key \
                -days 9 -extfile names -out bare.pem";
    desk.openssl(line).ends_with(0);
    refused(
        "bare.pem",
        "it lacks the alternative name DNS:gw.example.com of the present certificate",
    );
    // It has signed for somebody else.
    refused(
        "pki/side-a.crt",
        "belongs to none of the keys that wait or are in use",
    );
    refused("conf/gw.pem.next.csr", "it holds no certificate");
    // Its own issuer is nowhere to be found.
    let line =
        "req -x509 -newkey rsa:2048 -nodes -keyout sub.key -out sub.pem -days 99 -subj /CN=Unseen";
    desk.openssl(line).ends_with(0);
    let line = "x509 -req -in conf/gw.pem.next.csr -CA sub.pem -CAkey sub.key -copy_extensions copy \
                -days 9 -out cut.pem";
    desk.openssl(line).ends_with(0);
    refused(
        "cut.pem",
        "the certificate of its issuer \"CN=Unseen\" is missing",
    );
    // It is over already.
    let line = "x509 -req -in conf/gw.pem.next.csr -CA pki/company-ca.pem -CAkey pki/company-ca.key \
                -copy_extensions copy -days -1 -out over.pem";
    desk.openssl(line).ends_with(0);
    refused("over.pem", "the daemon would not take it");
    desk.certs(&[
        "renew",
        "--config",
        "conf",
        "--install",
        "bare.pem",
        "--other-names",
    ])
    .ends_with(0);
}

#[test]
fn the_list_shows_everything_that_is_used_with_the_line_that_names_it() {
    let desk = Desk::with_configuration();
    let done = desk.certs(&["--config", "conf"]).ends_with(0);
    for part in [
        "own  ",
        "authority  ",
        "CN=gw.example.com",
        "SAP1 listening, by conf/ssl.ini:3 [SSL_SERVER_CLIENT] PEM_FILE\n",
        "SAP1 dialling, by conf/ssl.ini:2 [SSL_SERVER_CLIENT] CA_FILE\n",
        "names DNS:gw.example.com, IP:127.0.0.1\n",
    ] {
        assert!(done.out.contains(part), "{part}: {}", done.out);
    }
    assert_eq!(desk.certs(&["list", "--config", "conf"]).out, done.out);
    let json = desk
        .certs(&["list", "--config", "conf", "--output", "json"])
        .ends_with(0)
        .json();
    let parts = json["entries"].as_array().expect("entries").iter();
    let parts: Vec<&str> = parts
        .map(|one| one["part"].as_str().expect("a part"))
        .collect();
    assert_eq!(parts, ["own", "authority"]);
    assert_eq!(json["entries"][0]["uses"][0]["line"], 3);
    desk.certs(&["--config", "nowhere"]).ends_with(66);
    desk.write("conf/ssl.ini", "[SSL]\nMETHOD=9\n");
    desk.certs(&["--config", "conf"]).ends_with(78);
}

/// Puts a certificate that ends in so many days in the place of the gateway's.
fn ends_in(desk: &Desk, days: i32) {
    let request = [
        "csr",
        "--key",
        "pki/gateway.key",
        "--like",
        "pki/gateway.crt",
        "--out",
        "r.csr",
        "--force",
    ];
    desk.certs(&request).ends_with(0);
    let now = Clock::system().now();
    let end = WallTime(now.0 + i64::from(days) * 86_400 + 1_800).to_string();
    let digits: String = end.chars().filter(char::is_ascii_alphanumeric).collect();
    let digits = digits.replace('T', "");
    std::fs::write(desk.path("index"), "").expect("written");
    desk.write(
        "ca.cnf",
        "[ca]\ndefault_ca=c\n[c]\ndatabase=index\nnew_certs_dir=.\ndefault_md=sha256\npolicy=p\n\
         rand_serial=yes\ncopy_extensions=copy\nunique_subject=no\n[p]\ncommonName=supplied\n",
    );
    desk.openssl_with(&[
        "ca",
        "-config",
        "ca.cnf",
        "-batch",
        "-notext",
        "-in",
        "r.csr",
        "-cert",
        "pki/company-ca.pem",
        "-keyfile",
        "pki/company-ca.key",
        "-startdate",
        "20200101000000Z",
        "-enddate",
        &digits,
        "-out",
        "short.pem",
    ])
    .ends_with(0);
    let text = format!("{}{}", desk.read("short.pem"), desk.read("pki/gateway.key"));
    desk.write("conf/gw.pem", &text);
}

#[test]
fn watch_says_what_has_reached_a_step_and_what_has_ended() {
    for (days, code, said) in [
        (61, 0, "nothing ends within 60 days\n"),
        (59, 1, "ends within 60 days: own \"CN=gw.example.com\", "),
        (13, 1, "ends within 14 days: own \"CN=gw.example.com\", "),
        (0, 1, "ends within 1 days: own \"CN=gw.example.com\", "),
        (-2, 1, "HAS ENDED: own \"CN=gw.example.com\", "),
    ] {
        let desk = Desk::with_configuration();
        ends_in(&desk, days);
        let done = desk
            .certs(&["watch", "--config", "conf", "--once"])
            .ends_with(code);
        assert!(done.out.contains(said), "{days}: {done:?}");
        let list = desk.certs(&["list", "--config", "conf"]);
        assert_eq!(list.code, i32::from(days < 0), "{list:?}");
    }
}

#[test]
fn monitoring_gets_one_line_and_the_codes_of_its_plug_ins() {
    let desk = Desk::with_configuration();
    for (days, code, word) in [
        (100, 0, "OK"),
        (20, 1, "WARNING"),
        (3, 2, "CRITICAL"),
        (-1, 2, "CRITICAL"),
    ] {
        ends_in(&desk, days);
        let done = desk
            .certs(&["watch", "--config", "conf", "--nagios"])
            .ends_with(code);
        let start =
            format!("CRMGATE CERTS {word} - own \"CN=gw.example.com\" in conf/gw.pem ends in ");
        assert!(
            done.out.starts_with(&start) && done.out.lines().count() == 1,
            "{done:?}"
        );
        assert!(
            done.out.contains(&format!("| days_left={days};30;7")),
            "{done:?}"
        );
    }
    let done = desk
        .certs(&["watch", "--config", "nowhere", "--nagios"])
        .ends_with(3);
    assert!(done.out.starts_with("CRMGATE CERTS UNKNOWN - "), "{done:?}");
}
