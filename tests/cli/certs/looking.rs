//! `certs inspect`.

use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::time::Instant;

use super::Desk;
use crate::support::free_address;

#[test]
fn a_file_is_shown_with_everything_that_decides_about_it() {
    let desk = Desk::with_pki();
    let words = [
        "inspect",
        "pki/gateway.pem",
        "--ca",
        "pki/company-ca.pem",
        "--servername",
        "gw.example.com",
    ];
    let done = desk.certs(&words).ends_with(0);
    for part in [
        "pki/gateway.pem: PEM, 1 certificate, 1 private key\n",
        "1  certificate: CN=gw.example.com\n",
        "names       DNS:gw.example.com, IP:127.0.0.1\n",
        "common name gw.example.com\n",
        "purposes    serverAuth, clientAuth\n",
        "key usage   digitalSignature\n",
        "key         P-256, its private key is here too\n",
        "signature   ecdsa-with-SHA256\n",
        " days left\n",
        "crmgate     accepts it\n",
        "STRUST and ICM want CommonCryptoLib 8.4.48 or newer",
        "as a server: accepted, leads to \"CN=Trial Company CA",
        "as a client: accepted, leads to ",
        "it is for the host \"gw.example.com\"\n",
    ] {
        assert!(done.out.contains(part), "{part}: {}", done.out);
    }
    let line = "x509 -in pki/gateway.crt -noout -serial";
    let serial = desk
        .openssl(line)
        .out
        .trim()
        .replace("serial=", "")
        .to_lowercase();
    assert!(
        done.out.contains(&format!("serial      {serial}\n")),
        "{serial}: {}",
        done.out
    );
    let line = "x509 -in pki/gateway.crt -noout -fingerprint -sha256";
    let digest = desk.openssl(line).out.to_lowercase().replace(':', "");
    let digest = digest
        .trim()
        .rsplit('=')
        .next()
        .expect("a digest")
        .to_owned();
    assert!(
        done.out.contains(&format!("sha256      {digest}\n")),
        "{digest}: {}",
        done.out
    );
}

#[test]
fn the_chain_alone_and_the_certificates_alone_can_be_had() {
    let desk = Desk::with_pki();
    let both = format!(
        "{}{}",
        desk.read("pki/company-ca.pem"),
        desk.read("pki/gateway.crt")
    );
    desk.write("both.pem", &both);
    let done = desk.certs(&["inspect", "both.pem", "--chain"]).ends_with(0);
    let expected =
        "both.pem: PEM, 2 certificates\n  chain  2 \"gw.example.com\" <- 1 \"Trial Company CA\"\n";
    assert_eq!(done.out, expected);
    let done = desk
        .certs(&["inspect", "both.pem", "--output", "pem"])
        .ends_with(0);
    desk.write("again.pem", &done.out);
    desk.openssl("verify -CAfile again.pem pki/gateway.crt")
        .ends_with(0);
}

#[test]
fn who_refuses_a_certificate_makes_the_command_fail() {
    let desk = Desk::with_pki();
    let line = "req -x509 -newkey rsa:1024 -sha1 -nodes -keyout w.key -out weak.pem -days 9 -subj /CN=weak";
    desk.openssl(line).ends_with(0);
    let done = desk.certs(&["inspect", "weak.pem"]).ends_with(1);
    assert!(
        done.out.contains("crmgate     refuses it\n"),
        "{}",
        done.out
    );
    let words = ["inspect", "pki/gateway.crt", "--ca", "weak.pem"];
    assert_eq!(desk.certs(&words).code, 1, "another authority");
    let words = [
        "inspect",
        "pki/gateway.crt",
        "--servername",
        "other.example.com",
    ];
    let done = desk.certs(&words).ends_with(1);
    assert!(
        done.out
            .contains("it is NOT for the host \"other.example.com\"\n"),
        "{}",
        done.out
    );
}

#[test]
fn a_directory_is_looked_through_and_what_is_no_certificate_is_passed_over() {
    let desk = Desk::with_pki();
    desk.write("pki/notes.txt", "hello");
    let done = desk
        .certs(&["inspect", "pki", "--output", "json"])
        .ends_with(0);
    let json = done.json();
    let whats = json["reports"].as_array().expect("reports").iter();
    let whats: Vec<&str> = whats
        .map(|one| one["what"].as_str().expect("a file"))
        .collect();
    assert!(
        whats.contains(&"pki/gateway.pem") && whats.contains(&"pki/side-a.key"),
        "{whats:?}"
    );
    assert!(
        done.err
            .contains("passed over: the file \"pki/notes.txt\" is text"),
        "{}",
        done.err
    );
    std::fs::create_dir(desk.path("empty")).expect("a folder");
    desk.certs(&["inspect", "empty"]).ends_with(65);
}

#[test]
fn keys_requests_and_lists_are_known_too() {
    let desk = Desk::with_pki();
    let done = desk.certs(&["inspect", "pki/gateway.key"]).ends_with(0);
    assert!(
        done.out
            .contains("a private key that belongs to none of the certificates here"),
        "{}",
        done.out
    );
    desk.openssl(
        "req -new -key pki/gateway.key -subj /CN=x -addext subjectAltName=DNS:x.example -out r.csr",
    )
    .ends_with(0);
    let done = desk.certs(&["inspect", "r.csr"]).ends_with(0);
    assert!(
        done.out
            .contains("request  CN=x\n    names       DNS:x.example\n"),
        "{}",
        done.out
    );
    desk.write("index", "");
    desk.write(
        "ca.cnf",
        "[ca]\ndefault_ca=c\n[c]\ndatabase=index\ndefault_md=sha256\n",
    );
    let line = "ca -config ca.cnf -gencrl -crldays 9 -cert pki/company-ca.pem -keyfile pki/company-ca.key -out ca.crl";
    desk.openssl(line).ends_with(0);
    let done = desk.certs(&["inspect", "ca.crl"]).ends_with(0);
    assert!(
        done.out
            .contains("revocation list of \"CN=Trial Company CA"),
        "{}",
        done.out
    );
    assert!(
        done.out.contains(" days left; it revokes 0 certificate(s)"),
        "{}",
        done.out
    );
    desk.openssl("crl -in ca.crl -outform DER -out ca.der")
        .ends_with(0);
    desk.certs(&["inspect", "ca.der"]).ends_with(0);
}

#[test]
fn what_cannot_be_looked_into_is_named_with_the_exit_code_for_it() {
    let desk = Desk::with_pki();
    desk.write("text", "hello");
    for (what, code, said) in [
        (
            "nowhere.pem",
            66,
            "there is no file or directory \"nowhere.pem\"",
        ),
        ("text", 65, "is text that holds no PEM block"),
        (
            "no-such-host.invalid:443",
            69,
            "\"no-such-host.invalid\" does not resolve",
        ),
    ] {
        let done = desk.certs(&["inspect", what]).ends_with(code);
        assert!(
            done.err.contains(said) && done.err.contains("\n  hint: "),
            "{done:?}"
        );
    }
}

/// OpenSSL's server, which demands a certificate of the company's CA; ends with the test.
struct Server(Child);

impl Server {
    fn start(desk: &Desk, at: SocketAddr, more: &[&str]) -> Self {
        let child = Command::new("openssl")
            .current_dir(desk.path(""))
            .args(["s_server", "-quiet", "-accept", &at.to_string()])
            .args(["-cert", "pki/gateway.crt", "-key", "pki/gateway.key"])
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let server = Self(child.expect("openssl runs"));
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(at).is_err() {
            assert!(Instant::now() < deadline, "it does not listen");
            std::thread::yield_now();
        }
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ended = self.0.kill();
        let _ended = self.0.wait();
    }
}

const DEMANDING: &[&str] = &[
    "-Verify",
    "2",
    "-verify_return_error",
    "-CAfile",
    "pki/company-ca.pem",
];

#[test]
fn a_server_is_shown_with_its_chain_and_what_it_asks_for() {
    let desk = Desk::with_pki();
    for version in ["-tls1_2", "-tls1_3"] {
        let at = free_address();
        let mut options = DEMANDING.to_vec();
        options.push(version);
        let _server = Server::start(&desk, at, &options);
        let at = at.to_string();
        let ca = ["--ca", "pki/company-ca.pem"];
        let done = desk
            .certs(&[&["inspect", &at][..], &ca].concat())
            .ends_with(0);
        assert!(
            done.out.contains(
                "asks for a client certificate of one of 1 CA(s):\n    CN=Trial Company CA"
            ),
            "{}",
            done.out
        );
        assert!(
            done.out
                .contains("ends the connection without a client certificate"),
            "{}",
            done.out
        );
        assert!(done.out.contains("as a server: accepted"), "{}", done.out);
        let own = ["--identity", "pki/sap-crm.pem"];
        let done = desk
            .certs(&[&["inspect", &at][..], &own].concat())
            .ends_with(0);
        assert!(
            done.out.contains("accepts the certificate of --identity\n"),
            "{}",
            done.out
        );
        let stranger = Desk::with_pki();
        std::fs::copy(stranger.path("pki/sap-crm.pem"), desk.path("stranger.pem")).expect("copied");
        let own = ["--identity", "stranger.pem"];
        let done = desk
            .certs(&[&["inspect", &at][..], &own].concat())
            .ends_with(1);
        assert!(
            done.out.contains("REFUSES the certificate of --identity"),
            "{}",
            done.out
        );
    }
}

#[test]
fn a_server_is_called_through_a_proxy_host_and_by_another_name() {
    let desk = Desk::with_pki();
    let at = free_address();
    let _server = Server::start(&desk, at, &[]);
    let at = at.to_string();
    let words = [
        "inspect",
        "gw.example.com:44300",
        "--via",
        &at,
        "--output",
        "json",
    ];
    let json = desk.certs(&words).ends_with(0).json();
    let report = &json["reports"][0];
    assert_eq!(report["what"], "gw.example.com:44300");
    assert_eq!(report["chains"][0]["host"]["matches"], true);
    assert_eq!(report["certificates"][0]["subject"], "CN=gw.example.com");
    let words = ["inspect", &at, "--servername", "other.example.com"];
    desk.certs(&words).ends_with(1);
    let words = [
        "inspect",
        &format!("https://{at}/"),
        "--servername",
        "gw.example.com",
    ];
    desk.certs(&words).ends_with(0);
}

#[test]
fn a_port_that_speaks_something_else_or_nothing_is_said_to() {
    let desk = Desk::empty();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let at = listener.local_addr().expect("bound").to_string();
    let done = desk
        .certs(&["inspect", &at, "--timeout", "1"])
        .ends_with(69);
    assert!(
        done.err.contains("did not shake hands within 1 s"),
        "{done:?}"
    );
    let held = free_address().to_string();
    let done = desk.certs(&["inspect", &held]).ends_with(69);
    assert!(done.err.contains("refused the connection"), "{done:?}");
}
