//! Clients of whom a responder is asked, with the responder of OpenSSL.

use std::fmt::Write as _;
use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use crmgate::certs::CertificateFacts;
use crmgate::certs::issue::{Authority, Issued, LeafSpec, ListSpec};
use crmgate::gateway::Gateway;
use crmgate::simulate::{Deployment, Party, PeerTls, TlsRange};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rustls::ClientConfig;
use rustls::client::Resumption;
use tokio::runtime::Runtime;
use tokio::time::timeout;

use crate::support::host::private;
use crate::support::raw::Raw;
use crate::support::recorder::Recorder;
use crate::support::{World, free_address, started, trials, until};

const REQUEST: &[u8] =
    b"POST / HTTP/1.1\r\nHost: gw\r\nContent-Type: text/xml\r\nContent-Length: 4\r\n\r\n<a/>";

/// `openssl ocsp`.
struct Responder(Child);

impl Responder {
    async fn start(folder: &Path, at: SocketAddr) -> Self {
        let mut command = Command::new("openssl");
        command
            .current_dir(folder)
            .args(["ocsp", "-index", "index.txt"]);
        command.args(["-CA", "ca.pem", "-rsigner", "responder.pem", "-ndays", "1"]);
        command.args(["-port", &at.port().to_string()]);
        let log = folder.join("responder.log");
        let said = File::create(&log).expect("a file");
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let process = command.stderr(said).spawn().expect("openssl");
        let mut responder = Self(process);
        // A connection without a request, made to see whether somebody listens, would hang it.
        let listens = || {
            let said = std::fs::read_to_string(&log).expect("what it says");
            let ended = responder.0.try_wait().expect("a child");
            assert_eq!(ended, None, "the responder has ended: {said}");
            said.contains("waiting")
        };
        until("the responder listens", listens).await;
        responder
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        let _ended_already = self.0.kill();
        let _reaped = self.0.wait();
    }
}

struct Stage {
    world: World,
    responder: Option<Responder>,
    at: SocketAddr,
    gateway: Gateway,
    side: Recorder,
    listen: SocketAddr,
    clients: [(Issued, Arc<ClientConfig>); 2],
    issuer: Authority,
    /// The responder's own certificate.
    signer: Issued,
}

impl Stage {
    async fn set(keys: impl FnOnce(&mut Deployment)) -> Self {
        let world = World::new();
        let now = world.clock.now();
        let issuer = Authority::new("Issuing CA", now).expect("an authority");
        let company = world.pki.authority(Party::Gateway);
        let client = |name: &str, range| {
            let issued = issuer
                .issue(&LeafSpec::for_name(name, now))
                .expect("issued");
            let peer = PeerTls::new(&issued, issuer.der(), &[company.der()]).speaking(range);
            (issued, Arc::new(peer.client().expect("a client")))
        };
        let clients = [
            client("first", TlsRange::Only12),
            client("second", TlsRange::Only13),
        ];
        let both = format!("{}{}", company.pem(), issuer.pem());
        world.pki.write("company-ca.pem", &both).expect("a file");
        let mut spec = LeafSpec::for_name("responder", now);
        spec.ocsp_signing = true;
        let signer = issuer.issue(&spec).expect("issued");
        let folder = world.path();
        std::fs::write(folder.join("ca.pem"), issuer.pem()).expect("written");
        private(&folder.join("responder.pem"), &signer.combined_pem());
        let side = Recorder::fine(None).await;
        let (listen, at) = (free_address(), free_address());
        let mut deployment = world.deployment().requests(listen, &side.endpoint(), None);
        let ssl = deployment.ssl.as_mut().expect("TLS");
        ssl.set("SSL_SERVER", "OCSP_RESPONDER", format!("http://{at}/"));
        keys(&mut deployment);
        let gateway = world.serve(&deployment).await;
        let mut stage = Self {
            responder: None,
            at,
            gateway,
            side,
            listen,
            clients,
            issuer,
            signer,
            world,
        };
        stage.withdraw([false; 2]).await;
        stage
    }

    /// What the responder knows from now on.
    async fn withdraw(&mut self, withdrawn: [bool; 2]) {
        let mut index = String::new();
        for ((issued, _), withdrawn) in self.clients.iter().zip(withdrawn) {
            let facts = CertificateFacts::of(&issued.der).expect("a certificate");
            let serial = facts.serial.to_uppercase();
            let line = if withdrawn {
                format!(
                    "R\t491231235959Z\t260101000000Z,keyCompromise\t{serial}\tunknown\t/CN={serial}"
                )
            } else {
                format!("V\t491231235959Z\t\t{serial}\tunknown\t/CN={serial}")
            };
            let _infallible = writeln!(index, "{line}");
        }
        let folder = self.world.path();
        std::fs::write(folder.join("index.txt"), index).expect("written");
        // It looks at its file too late for the next question.
        drop(self.responder.take());
        self.responder = Some(Responder::start(folder, self.at).await);
    }

    /// Another authority, which makes another acceptor.
    async fn believe_one_more(&mut self) {
        let now = self.world.clock.now();
        let more = Authority::new("Another CA", now).expect("an authority");
        let file = self.world.pki.folder().join("company-ca.pem");
        let believed = std::fs::read_to_string(file).expect("there");
        let all = format!("{believed}{}", more.pem());
        let written = self.world.pki.write("company-ca.pem", &all);
        written.expect("a file");
        self.gateway.reload().await.expect("a reload");
    }

    async fn ask(&self, number: usize) -> (Raw, Option<u16>) {
        let opened = Raw::tls(self.listen, &self.clients[number].1).await;
        let mut line = opened.expect("a handshake");
        let status = asks(&mut line).await;
        (line, status)
    }
}

/// The status of the answer, if there is one.
async fn asks(line: &mut Raw) -> Option<u16> {
    line.send(REQUEST).await.ok()?;
    let answer = line.answer().await.ok()?;
    Some(answer.status())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_the_responder_names_withdrawn_is_told_so_anew_and_with_its_session() {
    let mut stage = Stage::set(|_| {}).await;
    for number in 0..2 {
        let (_line, status) = stage.ask(number).await;
        assert_eq!(status, Some(200));
        let (line, status) = stage.ask(number).await;
        assert_eq!((status, line.resumed), (Some(200), true));
    }
    stage.withdraw([true, true]).await;
    // Ten minutes is how long an answer is good.
    stage.world.clock.shift(601);
    let served = stage.side.requests().len();
    for number in 0..2 {
        let mut line = stage.ask(number).await;
        assert_eq!(line.1, Some(403), "{number}");
        line.0.rest().await;
        let (line, status) = stage.ask(number).await;
        assert_eq!((status, line.resumed), (Some(403), false));
    }
    assert_eq!(stage.side.requests().len(), served, "nothing was sent on");
    assert_eq!(stage.gateway.figures().clients_withdrawn, 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connected_client_that_is_withdrawn_is_sent_away_and_the_other_one_stays() {
    for mode in ["terminate", "relay"] {
        let mut stage = Stage::set(|deployment| {
            deployment.system.set("Requests", "Mode", mode);
        })
        .await;
        let (mut outcast, status) = stage.ask(0).await;
        assert_eq!(status, Some(200));
        let (mut other, status) = stage.ask(1).await;
        assert_eq!(status, Some(200));
        stage.withdraw([true, false]).await;
        stage.world.clock.shift(601);
        let out = timeout(Duration::from_secs(3), outcast.rest()).await;
        assert!(out.expect("closed in time").0.is_empty());
        assert_eq!(asks(&mut other).await, Some(200));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_responder_new_clients_are_refused_or_served_as_it_is_written() {
    for (word, expected) in [("refuse", 403), ("serve", 200)] {
        let mut stage = Stage::set(|deployment| {
            let ssl = deployment.ssl.as_mut().expect("TLS");
            ssl.set("SSL_SERVER", "OCSP_UNANSWERED", word);
        })
        .await;
        let (mut known, status) = stage.ask(0).await;
        assert_eq!(status, Some(200));
        drop(stage.responder.take());
        assert_eq!(stage.ask(1).await.1, Some(expected), "{word}");
        assert_eq!(asks(&mut known).await, Some(200), "an answer is there");
        stage.world.clock.shift(601);
        assert_eq!(stage.ask(0).await.1, Some(200), "it still holds");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_responder_whose_own_certificate_is_revoked_is_not_believed_any_more() {
    let mut stage = Stage::set(|_| {}).await;
    let (mut line, status) = stage.ask(0).await;
    assert_eq!(status, Some(200));
    let spec = ListSpec::revoking(&[&stage.signer], stage.world.clock.now());
    let list = stage.issuer.revocation_list(&spec).expect("a list");
    let written = stage.world.pki.write("issuing.crl", &list.pem);
    written.expect("a file");
    let ini = stage.world.path().join("ssl.ini");
    let before = std::fs::read_to_string(&ini).expect("there");
    let after = before.replace("[SSL_SERVER]", "[SSL_SERVER]\nCRL_FILE=./ssl/issuing.crl");
    std::fs::write(&ini, after).expect("written");
    let done = stage.gateway.reload().await;
    done.unwrap_or_else(|problems| panic!("refused:\n{problems}"));
    let out = timeout(Duration::from_secs(3), line.rest()).await;
    assert!(out.expect("closed in time").0.is_empty());
    assert_eq!(stage.ask(1).await.1, Some(403));
    assert_eq!(stage.gateway.figures().clients_unconfirmed, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_answer_of_another_authority_is_not_believed() {
    let mut stage = Stage::set(|_| {}).await;
    let now = stage.world.clock.now();
    // Of the same name, so that only its key tells that it is another one.
    let other = Authority::new("Issuing CA", now).expect("an authority");
    let mut spec = LeafSpec::for_name("responder", now);
    spec.ocsp_signing = true;
    let signer = other.issue(&spec).expect("issued");
    drop(stage.responder.take());
    let folder = stage.world.path();
    private(&folder.join("responder.pem"), &signer.combined_pem());
    stage.responder = Some(Responder::start(folder, stage.at).await);
    assert_eq!(stage.ask(0).await.1, Some(403));
    assert_eq!(stage.gateway.figures().clients_unconfirmed, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_responder_has_said_counts_over_a_reload_while_it_is_away() {
    let mut stage = Stage::set(|deployment| {
        let ssl = deployment.ssl.as_mut().expect("TLS");
        ssl.set("SSL_SERVER", "OCSP_UNANSWERED", "serve");
    })
    .await;
    stage.withdraw([true, false]).await;
    assert_eq!(stage.ask(0).await.1, Some(403));
    let (mut known, status) = stage.ask(1).await;
    assert_eq!(status, Some(200));
    drop(stage.responder.take());
    stage.believe_one_more().await;
    assert_eq!(stage.ask(0).await.1, Some(403), "withdrawn is for good");
    assert_eq!(asks(&mut known).await, Some(200));
    assert_eq!(stage.gateway.figures().clients_sent_away, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn o2_a_client_that_is_withdrawn_keeps_no_authority_in_use() {
    for was_served in [false, true] {
        let mut stage = Stage::set(|_| {}).await;
        if was_served {
            assert_eq!(stage.ask(0).await.1, Some(200));
        }
        stage.withdraw([true, false]).await;
        stage.world.clock.shift(601);
        let (mut line, status) = stage.ask(0).await;
        assert_eq!(status, Some(403));
        line.rest().await;
        let company = stage.world.pki.authority(Party::Gateway).pem();
        let written = stage.world.pki.write("company-ca.pem", &company);
        written.expect("a file");
        let done = stage.gateway.reload().await;
        done.unwrap_or_else(|problems| panic!("{was_served}: refused:\n{problems}"));
    }
}

/// What happens at the responder or at the gateway.
#[derive(Debug, Clone)]
enum Event {
    /// The responder calls these clients withdrawn, and the others good.
    Withdraw([bool; 2]),
    /// The responder is away.
    Away,
    /// The gateway reads other authorities.
    Reload,
    /// The gateway ends and starts again, and knows nothing.
    Restart,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => any::<[bool; 2]>().prop_map(Event::Withdraw),
        2 => Just(Event::Away),
        1 => Just(Event::Reload),
        1 => Just(Event::Restart),
    ]
}

/// A stage on which the responder is asked about everybody after each event.
struct Course {
    stage: Stage,
    /// What is done with clients of whom nothing is known while the responder is away.
    serves_unasked: bool,
    withdrawn: [bool; 2],
    /// What the gateway was told last.
    told: [Option<bool>; 2],
    open: [Option<Raw>; 2],
}

impl Course {
    async fn begin(mode: &str, serves_unasked: bool) -> Self {
        let stage = Stage::set(|deployment| {
            deployment.system.set("Requests", "Mode", mode);
            let word = if serves_unasked { "serve" } else { "refuse" };
            let ssl = deployment.ssl.as_mut().expect("TLS");
            ssl.set("SSL_SERVER", "OCSP_UNANSWERED", word);
            // What is tried here is not about authorities that leave.
            ssl.set("SSL_SERVER", "CA_DROP_GUARD", "0");
        });
        Self {
            stage: stage.await,
            serves_unasked,
            withdrawn: [false; 2],
            told: [None; 2],
            open: [None, None],
        }
    }

    async fn take(&mut self, event: &Event) {
        let stage = &mut self.stage;
        match event {
            Event::Withdraw(withdrawn) => {
                self.withdrawn = *withdrawn;
                stage.withdraw(*withdrawn).await;
            }
            Event::Away => drop(stage.responder.take()),
            Event::Reload => stage.believe_one_more().await,
            Event::Restart => {
                self.open = [None, None];
                let limit = Duration::from_secs(5);
                let drained = stage.gateway.drain(limit, std::future::pending()).await;
                assert!(drained.cut.is_empty(), "{drained:?}");
                stage.gateway = started(stage.world.path(), &stage.world.clock).await;
                self.told = [None; 2];
            }
        }
        // No answer is good for so long without asking again.
        stage.world.clock.shift(601);
    }

    /// Everybody calls: on the connection that is open, with a session and anew.
    async fn everybody_calls(&mut self) -> Result<(), String> {
        for number in 0..2 {
            if self.stage.responder.is_some() {
                self.told[number] = Some(!self.withdrawn[number]);
            }
            let expected = self.told[number].unwrap_or(self.serves_unasked);
            let verdict = |how: &str, is_served: bool| {
                let wrong = format!("client {number} {how}: served {is_served}");
                (is_served == expected).then_some(()).ok_or(wrong)
            };
            if let Some(mut line) = self.open[number].take() {
                let stays = if expected {
                    asks(&mut line).await == Some(200)
                } else {
                    timeout(Duration::from_secs(3), line.rest()).await.is_err()
                };
                verdict("on its open connection", stays)?;
                self.open[number] = expected.then_some(line);
            }
            let resuming = Arc::clone(&self.stage.clients[number].1);
            let mut fresh = ClientConfig::clone(&resuming);
            fresh.resumption = Resumption::disabled();
            for (how, config) in [("with its session", resuming), ("anew", Arc::new(fresh))] {
                // Where bytes are relayed, who is refused is reset, maybe before he is through.
                let mut line = Raw::tls(self.stage.listen, &config).await.ok();
                let is_served = match &mut line {
                    Some(line) => asks(line).await == Some(200),
                    None => false,
                };
                verdict(how, is_served)?;
                let kept = &mut self.open[number];
                *kept = kept.take().or_else(|| line.filter(|_| is_served));
            }
        }
        Ok(())
    }
}

#[test]
fn whatever_a_responder_says_and_whenever_it_is_away_nobody_is_served_of_whom_it_said_no() {
    let mut runner = TestRunner::new(Config {
        cases: trials(6, 200),
        max_shrink_iters: 20,
        failure_persistence: None,
        ..Config::default()
    });
    let runtime = Runtime::new().expect("a runtime");
    let mode = prop_oneof![Just("terminate"), Just("relay")];
    let course = (
        mode,
        any::<bool>(),
        proptest::collection::vec(event(), 1..10),
    );
    let tried = runner.run(&course, |(mode, serves_unasked, events)| {
        let outcome = runtime.block_on(async {
            let mut course = Course::begin(mode, serves_unasked).await;
            course.everybody_calls().await?;
            for event in &events {
                course.take(event).await;
                course.everybody_calls().await?;
            }
            Ok(())
        });
        outcome.map_err(|wrong: String| TestCaseError::fail(wrong))
    });
    tried.unwrap_or_else(|wrong| panic!("{wrong}"));
}
