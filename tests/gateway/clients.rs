//! Clients of others: curl, OpenSSL's own, and a SOAP client of Python's standard library.

use std::path::PathBuf;
use std::sync::Arc;

use crmgate::gateway::Gateway;
use crmgate::simulate::Port;

use crate::support::message::Message;
use crate::support::recorder::{Recorder, Script, Step};
use crate::support::tool::{Done, run};
use crate::support::{World, until};

/// A gateway with TLS in front of a side that answers with what it got.
struct Scene {
    world: World,
    side: Recorder,
    port: Port,
    gateway: Gateway,
}

fn echo() -> Script {
    Arc::new(|request: &Message| {
        let length = request.body.len();
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: {length}\r\n\r\n"
        );
        vec![Step::Send([head.as_bytes(), &request.body].concat())]
    })
}

impl Scene {
    async fn set() -> Self {
        let world = World::new();
        let side = Recorder::start(None, echo()).await;
        let port = Port::reserve().expect("a port");
        let deployment = world
            .deployment()
            .requests(port.addr(), &side.endpoint(), None);
        let gateway = world.serve(&deployment).await;
        Self {
            world,
            side,
            port,
            gateway,
        }
    }

    /// The CA that clients believe, and the file with their certificate and key.
    fn files(&self) -> (PathBuf, PathBuf) {
        let folder = self.world.pki.folder();
        (folder.join("company-ca.pem"), folder.join("sap-crm.pem"))
    }

    fn url(&self) -> String {
        format!("https://{}/ici", self.port.addr())
    }

    async fn curl(&self, more: &[&str]) -> Done {
        let (authority, certificate) = self.files();
        let (authority, certificate) = (
            authority.display().to_string(),
            certificate.display().to_string(),
        );
        let mut arguments = vec!["--silent", "--show-error", "--verbose", "--max-time", "25"];
        arguments.extend([
            "--noproxy",
            "*",
            "--cacert",
            &authority,
            "--cert",
            &certificate,
        ]);
        arguments.extend(more);
        run("curl", arguments, b"").await
    }

    /// A file to send.
    fn file(&self, bytes: &[u8]) -> String {
        let path = self.world.path().join("body");
        std::fs::write(&path, bytes).expect("a file");
        format!("@{}", path.display())
    }

    async fn s_client(&self, more: &[&str]) -> Done {
        let (authority, certificate) = self.files();
        let (authority, certificate) = (
            authority.display().to_string(),
            certificate.display().to_string(),
        );
        let address = self.port.addr().to_string();
        let mut arguments = vec!["s_client", "-connect", &address, "-CAfile", &authority];
        arguments.extend(["-verify_return_error", "-ign_eof"]);
        arguments.extend(["-cert", &certificate, "-key", &certificate]);
        arguments.extend(more);
        let request = "POST /ici HTTP/1.1\r\nHost: gw\r\nConnection: close\r\n\
                       Content-Type: text/xml\r\nContent-Length: 9\r\n\r\n<status/>";
        run("openssl", arguments, request.as_bytes()).await
    }
}

/// A body of two megabytes that no two parts of are the same.
fn two_megabytes() -> Vec<u8> {
    (0_u32..500_000).flat_map(u32::to_le_bytes).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn curl_gets_its_answer_over_every_version_of_http_1_and_of_tls() {
    let scene = Scene::set().await;
    for http in ["--http1.0", "--http1.1"] {
        for tls in [
            ["--tlsv1.2", "--tls-max", "1.2"],
            ["--tlsv1.3", "--tls-max", "1.3"],
        ] {
            let done = scene
                .curl(&[
                    http,
                    tls[0],
                    tls[1],
                    tls[2],
                    "--data",
                    "<status/>",
                    &scene.url(),
                ])
                .await;
            assert_eq!(done.said(), "<status/>", "{}", done.err);
            let status_line = format!("< HTTP/{} 200", http.trim_start_matches("--http"));
            assert!(done.err.contains(&status_line), "{}", done.err);
        }
    }
    assert_eq!(scene.side.requests().len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn curl_of_http_1_0_is_never_answered_in_chunks_and_keeps_its_connection_if_it_asks() {
    let scene = Scene::set().await;
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfine\r\n0\r\n\r\n";
    let script: Script = Arc::new(move |_| vec![Step::send(chunked)]);
    scene.side.answer(script);
    let (url, keep) = (scene.url(), "Connection: keep-alive");
    let done = scene
        .curl(&[
            "--http1.0",
            "-H",
            keep,
            "-w",
            "[%{num_connects}]",
            &url,
            &url,
        ])
        .await;
    assert_eq!(done.said(), "fine[1]fine[0]", "{}", done.err);
    let answers = done.err.to_ascii_lowercase();
    assert!(!answers.contains("transfer-encoding"), "{answers}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn curl_uploads_two_megabytes_with_a_length_in_chunks_and_behind_a_100_continue() {
    let scene = Scene::set().await;
    let body = two_megabytes();
    let file = scene.file(&body);
    for header in [
        "X-Plain: 1",
        "Transfer-Encoding: chunked",
        "Expect: 100-continue",
    ] {
        let done = scene
            .curl(&[
                "--http1.1",
                "-H",
                header,
                "--data-binary",
                &file,
                &scene.url(),
            ])
            .await;
        assert!(done.success, "{header}: {}", done.err);
        assert!(done.out == body, "{header}: {} bytes", done.out.len());
        let asked = done.err.contains("> Expect: 100-continue");
        assert_eq!(
            asked,
            done.err.contains("< HTTP/1.1 100 "),
            "{header}: {}",
            done.err
        );
        assert!(asked || header != "Expect: 100-continue", "{}", done.err);
    }
    let arrived = scene.side.requests();
    assert!(arrived.iter().all(|request| request.body == body));
    assert!(
        arrived
            .iter()
            .all(|request| request.value("expect").is_none())
    );
    let coding = |at: usize| arrived[at].value("transfer-encoding");
    assert_eq!(
        [coding(0), coding(1), coding(2)],
        [None, Some("chunked"), None]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn curl_resumes_its_session_on_a_second_connection() {
    let scene = Scene::set().await;
    let url = scene.url();
    for tls in ["1.2", "1.3"] {
        let before = scene.gateway.figures().handshakes_inbound_resumed;
        let done = scene
            .curl(&[
                "--tls-max",
                tls,
                "-H",
                "Connection: close",
                "--data",
                "a",
                &url,
                &url,
                &url,
            ])
            .await;
        assert_eq!(done.said(), "aaa");
        let resumed = scene.gateway.figures().handshakes_inbound_resumed - before;
        assert_eq!(resumed, 2, "TLS {tls}: {}", done.err);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn curl_without_a_certificate_is_not_let_in() {
    let scene = Scene::set().await;
    let authority = scene.files().0.display().to_string();
    let url = scene.url();
    let arguments = [
        "--silent",
        "--show-error",
        "--max-time",
        "25",
        "--noproxy",
        "*",
        "--cacert",
        &authority,
        &url,
    ];
    for tls in ["1.2", "1.3"] {
        let done = run("curl", arguments.iter().chain(&["--tls-max", tls]), b"").await;
        assert!(!done.success, "{done:?}");
    }
    let refused = || scene.gateway.figures().handshakes_inbound_failed == 2;
    until("both refusals are counted", refused).await;
    assert_eq!(scene.side.bytes(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openssl_resumes_a_session_that_it_saved_in_either_version_of_tls() {
    let scene = Scene::set().await;
    let session = scene.world.path().join("session").display().to_string();
    for (version, name) in [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")] {
        let first = scene
            .s_client(&[version, "-sess_out", &session])
            .await
            .said();
        assert!(first.contains(&format!("New, {name}")), "{first}");
        assert!(
            first.contains("HTTP/1.1 200 OK") && first.contains("<status/>"),
            "{first}"
        );
        let second = scene
            .s_client(&[version, "-sess_in", &session])
            .await
            .said();
        assert!(second.contains(&format!("Reused, {name}")), "{second}");
        assert!(
            second.contains("HTTP/1.1 200 OK") && second.contains("<status/>"),
            "{second}"
        );
    }
    let figures = scene.gateway.figures();
    assert_eq!(
        (
            figures.handshakes_inbound_full,
            figures.handshakes_inbound_resumed
        ),
        (2, 2)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openssl_is_served_whatever_name_and_protocol_it_offers() {
    let scene = Scene::set().await;
    let offers: [&[&str]; 5] = [
        &["-noservername"],
        &["-servername", "some.other.name"],
        &["-alpn", "http/1.0"],
        &["-alpn", "http/1.1"],
        &["-alpn", "http/1.1,http/1.0"],
    ];
    for version in ["-tls1_2", "-tls1_3"] {
        for offer in offers {
            let arguments = [offer, &[version]].concat();
            let said = scene.s_client(&arguments).await.said();
            assert!(said.contains("HTTP/1.1 200 OK"), "{arguments:?}: {said}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openssl_is_told_which_authorities_may_have_issued_its_certificate() {
    let scene = Scene::set().await;
    let said = scene.s_client(&["-tls1_3"]).await.said();
    let (_, named) = said
        .split_once("Acceptable client certificate CA names")
        .expect("a list of authorities");
    let list: Vec<&str> = named.lines().skip(1).take(2).collect();
    assert!(list[0].contains("Company CA"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_soap_client_of_python_gets_its_answers_and_resumes_its_sessions() {
    let scene = Scene::set().await;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/soap_client.py");
    let (authority, certificate) = scene.files();
    let (ip, port) = (
        scene.port.addr().ip().to_string(),
        scene.port.addr().port().to_string(),
    );
    let arguments = [
        script.to_owned(),
        ip,
        port,
        authority.display().to_string(),
        certificate.display().to_string(),
    ];
    let said = run("python3", arguments, b"").await.said();
    let mut expected = Vec::new();
    for version in ["TLSv1_2", "TLSv1_3"] {
        expected.push(format!("{version} length 200 True"));
        expected.push(format!("{version} length 200 True"));
        expected.push(format!("{version} chunked 200 True"));
        expected.push(format!("{version} resumed True 200 True"));
    }
    assert_eq!(said.lines().collect::<Vec<_>>(), expected);
}
