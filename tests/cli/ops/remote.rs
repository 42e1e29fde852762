//! A gateway on another machine, over TLS with client certificates.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use crmgate::certs::issue::{Authority, LeafSpec};
use crmgate::simulate::Party;

use super::{Said, Stage};
use crate::crmgate;
use crate::support::host::private;

/// A gateway that others can reach, with certificates for those who do.
struct Remote {
    stage: Stage,
    url: String,
    ca: PathBuf,
}

impl Remote {
    async fn new() -> Self {
        let stage = Stage::with(|world, deployment| {
            let port = crate::support::free_address().port();
            let everywhere = SocketAddr::from(([0, 0, 0, 0], port));
            deployment
                .gateway
                .set("Admin", "Listen", everywhere)
                .set("Admin", "AllowReader1", "cn=reader")
                .set("Admin", "AllowOperator1", "cn=operator");
            let authority = world.pki.authority(Party::Gateway);
            for name in ["reader", "operator", "stranger"] {
                let spec = LeafSpec::for_name(name, world.clock.now());
                let issued = authority.issue(&spec).expect("a certificate");
                private(
                    &world.path().join(format!("{name}.pem")),
                    &issued.combined_pem(),
                );
            }
            std::fs::write(world.path().join("port"), port.to_string()).expect("written");
        })
        .await;
        let port = std::fs::read_to_string(stage.world.path().join("port")).expect("written");
        let ca = stage.world.pki.folder().join("company-ca.pem");
        Self {
            url: format!("https://127.0.0.1:{port}"),
            ca,
            stage,
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.stage.world.path().join(name)
    }

    fn says(&self, who: &str, line: &[&str]) -> Said {
        self.says_with(&self.file(&format!("{who}.pem")), &self.ca, line)
    }

    fn says_with(&self, pem: &Path, ca: &Path, line: &[&str]) -> Said {
        let mut command: Command = crmgate();
        command.args(line).args(["--url", &self.url]);
        command.arg("--pem").arg(pem).arg("--ca").arg(ca);
        Said::of(&mut command)
    }

    fn active(&self) -> String {
        let said = self.says("reader", &["status", "--output", "json"]);
        let active = said.json()["systems"][0]["sides"]["active"].clone();
        active.as_str().expect("a side").to_owned()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_may_look_and_an_operator_may_change() {
    let mut remote = Remote::new().await;
    remote
        .says("reader", &["status"])
        .is(0, &["serving", &format!("at {}/", remote.url)]);
    remote
        .says("reader", &["top", "--once"])
        .is(0, &["serving"]);
    remote.says("reader", &["switch", "B"]).is(
        77,
        &[
            "this needs the role operator, and you are reader",
            "AllowOperator",
        ],
    );
    assert_eq!(remote.active(), "A");
    remote
        .says("operator", &["switch", "B", "--reason", "test"])
        .is(0, &["switched to side B"]);
    assert_eq!(remote.active(), "B");
    remote
        .stage
        .daemon
        .until_said("who=CN=operator role=operator")
        .await;
    let console = remote.says("operator", &["console"]);
    assert_eq!(
        (console.code, console.out),
        (0, format!("{}/\n", remote.url))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_no_rule_names_ends_with_77() {
    let remote = Remote::new().await;
    let said = remote.says("stranger", &["status"]);
    said.is(77, &["the certificate of \"CN=stranger", "AllowReader"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_of_another_authority_ends_with_77_and_says_who_refused_whom() {
    let remote = Remote::new().await;
    let now = remote.stage.world.clock.now();
    let other = Authority::new("Other CA", now).expect("an authority");
    let issued = other
        .issue(&LeafSpec::for_name("operator", now))
        .expect("a certificate");
    private(&remote.file("other.pem"), &issued.combined_pem());
    let said = remote.says("other", &["status"]);
    said.is(
        77,
        &[
            "crmgate: no TLS connection to 127.0.0.1:",
            "refused",
            "\n  hint: ",
        ],
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_whose_authority_is_not_believed_ends_with_69() {
    let remote = Remote::new().await;
    let other = Authority::new("Other CA", remote.stage.world.clock.now()).expect("an authority");
    std::fs::write(remote.file("other-ca.pem"), other.pem()).expect("written");
    let said = remote.says_with(
        &remote.file("reader.pem"),
        &remote.file("other-ca.pem"),
        &["status"],
    );
    said.is(69, &["no TLS connection to 127.0.0.1:", "\n  hint: "]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_are_of_no_use_end_with_66_and_are_named_with_their_option() {
    let remote = Remote::new().await;
    let said = remote.says("nobody", &["status"]);
    said.is(66, &["nobody.pem (--pem)", "hint: "]);
    let said = remote.says_with(
        &remote.file("reader.pem"),
        &remote.file("port"),
        &["status"],
    );
    said.is(66, &["port (--ca)"]);
}
