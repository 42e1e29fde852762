//! What it costs the gateway to judge a client again whenever it resumes a session.
//!
//! Processor time of the gateway's own process for a connection with one request, by what its
//! handshake was: full; resumed, with the client's chain judged in this process before; resumed, with
//! the chain judged anew, as after a reload. A request on a kept connection is what all have in
//! common. It ends with 0 if judging anew costs less than 0.3 of a full handshake.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::unchecked_time_subtraction,
    clippy::print_stdout,
    clippy::print_stderr,
    unreachable_pub,
    reason = "it tries the gateway as the system tests do"
)]

use std::process::ExitCode;

#[cfg(target_os = "linux")]
#[path = "../../tests/support/mod.rs"]
mod support;

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    eprintln!("the processor time of another process is read on Linux only");
    ExitCode::FAILURE
}

#[cfg(target_os = "linux")]
#[tokio::main]
async fn main() -> ExitCode {
    measured::run().await
}

#[cfg(target_os = "linux")]
mod measured {
    use std::net::SocketAddr;
    use std::process::ExitCode;
    use std::sync::Arc;
    use std::time::Duration;

    use crmgate::certs::issue::{LeafSpec, ListSpec};
    use crmgate::simulate::{Party, PeerTls, TlsRange};
    use rustls::ClientConfig;
    use rustls::client::Resumption;

    use crate::support::raw::Raw;
    use crate::support::recorder::Recorder;
    use crate::support::{Daemon, World, free_address};

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: gw\r\n\r\n";

    /// What judging a client again may cost at most, of a full handshake.
    const LIMIT: f64 = 0.3;

    struct Ground {
        world: World,
        daemon: Daemon,
        at: SocketAddr,
        /// How often the lists were written.
        number: u64,
        _side: Recorder,
    }

    /// Rounds that the clients are tried in.
    const ROUNDS: usize = 5;

    /// Processor time of the gateway.
    #[derive(Default)]
    struct Costs {
        kept: Duration,
        full: Duration,
        known: Duration,
        anew: Duration,
    }

    impl Ground {
        async fn new() -> Self {
            let world = World::new();
            let side = Recorder::fine(None).await;
            let at = free_address();
            let mut deployment = world.deployment().requests(at, &side.endpoint(), None);
            let ssl = deployment.ssl.as_mut().expect("TLS");
            ssl.set("SSL_SERVER", "CRL_FILE", "./ssl/lists.pem");
            deployment.gateway.set("Log", "Access", "no");
            deployment.write(world.path()).expect("files");
            let mut ground = Self {
                daemon: {
                    publish(&world, 1);
                    Daemon::serving(world.path()).await
                },
                world,
                at,
                number: 1,
                _side: side,
            };
            ground.reload().await;
            ground
        }

        /// Puts another list in force, so that every client has to be judged anew.
        async fn reload(&mut self) {
            self.number += 1;
            publish(&self.world, self.number);
            self.daemon.signal("HUP");
            let before = usize::try_from(self.number - 2).expect("few");
            self.daemon.until_said_again("reloaded", before).await;
        }

        fn clients(&self, count: usize, range: TlsRange) -> Vec<Arc<ClientConfig>> {
            let now = self.world.clock.now();
            let authority = self.world.pki.authority(Party::Crm);
            let client = |number| {
                let name = format!("client-{number}");
                let issued = authority.issue(&LeafSpec::for_name(&name, now));
                let issued = issued.expect("issued");
                let peer = PeerTls::new(&issued, authority.der(), &[authority.der()]);
                Arc::new(peer.speaking(range).client().expect("a client"))
            };
            (0..count).map(client).collect()
        }

        /// Every client connects, asks once and closes. Says what it cost the gateway.
        async fn everybody(&self, clients: &[Arc<ClientConfig>], resumed: bool) -> Duration {
            let begun = self.daemon.processor_time();
            for client in clients {
                let mut line = Raw::tls(self.at, client).await.expect("let in");
                assert_eq!(line.resumed, resumed);
                ask(&mut line).await;
            }
            self.daemon.processor_time() - begun
        }

        /// A part of the clients at a time, so that what else the machine does falls on all alike.
        async fn costs(&mut self, count: usize, range: TlsRange) -> Costs {
            let mut all = Costs::default();
            for _ in 0..ROUNDS {
                let round = self.round(count / ROUNDS, range).await;
                all.kept += round.kept;
                all.full += round.full;
                all.known += round.known;
                all.anew += round.anew;
            }
            all
        }

        async fn round(&mut self, count: usize, range: TlsRange) -> Costs {
            let clients = self.clients(count, range);
            let fresh = |client: &Arc<ClientConfig>| {
                let mut config = ClientConfig::clone(client);
                config.resumption = Resumption::disabled();
                Arc::new(config)
            };
            let fresh: Vec<_> = clients.iter().map(fresh).collect();
            let mut line = Raw::tls(self.at, &fresh[0]).await.expect("let in");
            let begun = self.daemon.processor_time();
            for _ in 0..count {
                ask(&mut line).await;
            }
            let kept = self.daemon.processor_time() - begun;
            drop(line);
            self.everybody(&clients, false).await;
            let known = self.everybody(&clients, true).await;
            self.reload().await;
            let anew = self.everybody(&clients, true).await;
            self.reload().await;
            let full = self.everybody(&fresh, false).await;
            Costs {
                kept,
                full,
                known,
                anew,
            }
        }
    }

    async fn ask(line: &mut Raw) {
        line.send(REQUEST).await.expect("sent");
        line.answer().await.expect("an answer");
    }

    fn publish(world: &World, number: u64) {
        let spec = ListSpec {
            number,
            ..ListSpec::empty(world.clock.now())
        };
        let list = world.pki.authority(Party::Crm).revocation_list(&spec);
        let pem = list.expect("a list").pem;
        world.pki.write("lists.pem", &pem).expect("a file");
    }

    pub async fn run() -> ExitCode {
        // Too few to be judged by.
        let is_trial = std::env::args().any(|argument| argument == "quick");
        let count = if is_trial { 100 } else { 2_000 };
        let mut ground = Ground::new().await;
        println!("P-256, {count} clients, processor time of the gateway for each connection:\n");
        println!(
            "| | kept request | full | resumed, chain known | resumed, chain judged anew | judging anew, of a full handshake |"
        );
        println!("|---|---|---|---|---|---|");
        let mut holds = true;
        for (name, range) in [("TLS 1.2", TlsRange::Only12), ("TLS 1.3", TlsRange::Only13)] {
            let Costs {
                kept,
                full,
                known,
                anew,
            } = ground.costs(count, range).await;
            let each = |spent: Duration| spent.as_secs_f64() * 1e6 / count as f64;
            let [kept, full, known, anew] = [kept, full, known, anew].map(each);
            let share = (anew - known) / (full - kept);
            holds &= is_trial || share < LIMIT;
            println!(
                "| {name} | {kept:.0} µs | {full:.0} µs | {known:.0} µs | {anew:.0} µs | {share:.2} |"
            );
        }
        if holds {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}
