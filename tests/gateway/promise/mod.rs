//! The promise of this program, tried at random: nobody is served whom a fresh handshake would refuse
//! at that moment, and whoever would be let in is served. While things change, requests are under way:
//! none of them is lost, and whom the change is not about notices nothing.

mod traffic;

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crmgate::certs::issue::{Authority, Issued, LeafSpec, ListSpec};
use crmgate::gateway::Gateway;
use crmgate::model::WallTime;
use crmgate::simulate::{Party, PeerTls, TlsRange};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rustls::ClientConfig;
use rustls::client::Resumption;

use self::traffic::{Held, Traffic};
use crate::support::host::private;
use crate::support::raw::Raw;
use crate::support::recorder::Recorder;
use crate::support::{World, free_address, started, trials};

/// What an operator or time does.
#[derive(Debug, Clone)]
enum Step {
    /// Believes these authorities.
    Believe([bool; 2]),
    /// Withdraws these clients, by lists of their authorities.
    Withdraw([bool; CLIENTS]),
    /// Denies these clients by rule.
    Deny([bool; CLIENTS]),
    /// Lets so many hours pass, or goes back.
    Hours(i64),
    /// Ends the gateway and starts it again.
    Restart,
}

const CLIENTS: usize = 4;

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => any::<[bool; 2]>().prop_map(Step::Believe),
        3 => any::<[bool; CLIENTS]>().prop_map(Step::Withdraw),
        2 => any::<[bool; CLIENTS]>().prop_map(Step::Deny),
        2 => prop_oneof![1..9_i64, -6..0_i64].prop_map(Step::Hours),
        1 => Just(Step::Restart),
    ]
}

/// How the clients of a trial keep their sessions, and what becomes of the inside of TLS.
#[derive(Debug, Clone, Copy)]
struct Habit {
    range: TlsRange,
    tickets: bool,
    mode: &'static str,
}

fn habit() -> impl Strategy<Value = Habit> {
    let range = prop_oneof![Just(TlsRange::Only12), Just(TlsRange::Only13)];
    // Whoever is sent away where bytes are relayed is given half a second.
    let mode = prop_oneof![3 => Just("terminate"), 1 => Just("relay")];
    (range, any::<bool>(), mode).prop_map(|(range, tickets, mode)| Habit {
        range,
        tickets,
        mode,
    })
}

struct Client {
    authority: usize,
    name: String,
    issued: Issued,
    from: WallTime,
    until: WallTime,
    /// Keeps its sessions.
    resuming: Arc<ClientConfig>,
    /// Keeps none.
    fresh: Arc<ClientConfig>,
    /// Opened earlier and kept.
    open: Option<Raw>,
}

/// What holds, as far as the operator and the clock are concerned.
#[derive(Debug, Clone)]
struct Law {
    believed: [bool; 2],
    withdrawn: [bool; CLIENTS],
    denied: [bool; CLIENTS],
    /// When the lists end.
    lists_until: WallTime,
}

impl Law {
    fn admits(&self, number: usize, client: &Client, now: WallTime) -> bool {
        let in_time = client.from <= now && now <= client.until && now <= self.lists_until;
        let trusted = self.believed[client.authority] && !self.withdrawn[number];
        in_time && trusted && !self.denied[number]
    }
}

struct Trial {
    world: World,
    side: Recorder,
    listen: SocketAddr,
    authorities: [Authority; 2],
    clients: Vec<Client>,
    law: Law,
    habit: Habit,
    number: u64,
    gateway: Option<Gateway>,
}

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: gw\r\n\r\n";
const HOUR: i64 = 3_600;

/// Clocks move by whole hours. What ends at a half is not decided by a second that passes meanwhile.
const HALF: i64 = HOUR / 2;

impl Trial {
    async fn begin(habit: Habit) -> Self {
        let world = World::new();
        let now = world.clock.now();
        let authority = |name| Authority::new(name, now).expect("an authority");
        let authorities = [authority("Old CA"), authority("New CA")];
        let clients = (0..CLIENTS).map(|number| {
            let which = number % 2;
            let name = format!("client-{number}");
            let mut leaf = LeafSpec::for_name(&name, now);
            leaf.not_before = WallTime(now.0 - 8 * HOUR - HALF);
            let hours = if number < 2 { 1_000 } else { 10 };
            leaf.not_after = WallTime(now.0 + hours * HOUR + HALF);
            let issued = authorities[which].issue(&leaf).expect("issued");
            let company = world.pki.authority(Party::Gateway).der();
            let peer = PeerTls::new(&issued, authorities[which].der(), &[company]);
            let config = peer.speaking(habit.range).client().expect("a client");
            let mut fresh = config.clone();
            fresh.resumption = Resumption::disabled();
            Client {
                authority: which,
                name,
                from: leaf.not_before,
                until: leaf.not_after,
                issued,
                resuming: Arc::new(config),
                fresh: Arc::new(fresh),
                open: None,
            }
        });
        let clients = clients.collect();
        let secret = world.path().join("ssl/tickets.secret");
        private(&secret, "q0m5vGZyJx8rC1nT4bWkL7sHdF2uPaE9iOYQ6tNVh3M=\n");
        let mut trial = Self {
            side: Recorder::fine(None).await,
            listen: free_address(),
            law: Law {
                believed: [true; 2],
                withdrawn: [false; CLIENTS],
                denied: [false; CLIENTS],
                lists_until: WallTime(now.0 + 20 * HOUR + HALF),
            },
            authorities,
            clients,
            habit,
            number: 0,
            gateway: None,
            world,
        };
        trial.write();
        trial.gateway = Some(started(trial.world.path(), &trial.world.clock).await);
        trial
    }

    /// Puts what holds into the files.
    fn write(&mut self) {
        self.number += 1;
        let now = self.world.clock.now();
        let mut bundle = self.world.pki.authority(Party::Gateway).pem();
        let mut lists = String::new();
        for (which, authority) in self.authorities.iter().enumerate() {
            if self.law.believed[which] {
                bundle.push_str(&authority.pem());
            }
            let withdrawn = self.clients.iter().zip(self.law.withdrawn);
            let withdrawn = withdrawn.filter(|(client, out)| *out && client.authority == which);
            let spec = ListSpec {
                // Clocks go back in here, and a list is not from the future.
                this_update: WallTime(now.0 - 1_000 * HOUR),
                next_update: self.law.lists_until,
                number: self.number,
                revoked: withdrawn
                    .map(|(client, _)| client.issued.der.clone())
                    .collect(),
            };
            let list = authority.revocation_list(&spec).expect("a list");
            lists.push_str(&list.pem);
        }
        self.world
            .pki
            .write("company-ca.pem", &bundle)
            .expect("a file");
        self.world.pki.write("lists.pem", &lists).expect("a file");
        let side = self.side.endpoint();
        let mut deployment = self.world.deployment().requests(self.listen, &side, None);
        deployment.system.set("Requests", "Mode", self.habit.mode);
        let ssl = deployment.ssl.as_mut().expect("TLS");
        ssl.set("SSL_SERVER", "CRL_FILE", "./ssl/lists.pem");
        // Authorities go although their clients are at work: that is what is tried.
        ssl.set("SSL_SERVER", "CA_DROP_GUARD", 0);
        ssl.set(
            "SSL_SERVER",
            "SESSION_TICKETS",
            if self.habit.tickets { "yes" } else { "no" },
        );
        for (number, client) in self.clients.iter().enumerate() {
            if self.law.denied[number] {
                let rule = format!("cn={}", client.name);
                deployment
                    .system
                    .set("Requests", &format!("DenyClient{}", number + 1), rule);
            }
        }
        let ini = &mut deployment.gateway;
        ini.set("Sessions", "TicketSecretFile", "./ssl/tickets.secret");
        deployment.write(self.world.path()).expect("ini files");
    }

    /// Ends the gateway, which waits for the requests that are under way, and starts it again.
    async fn restart(&mut self, held: Held) -> Result<(), String> {
        let mut gateway = self.gateway.take().expect("it runs");
        let drain = gateway.drain(Duration::from_secs(5), std::future::pending());
        let answers = async {
            held.release();
            held.end().await.map(drop)
        };
        let (drained, answered) = tokio::join!(drain, answers);
        answered?;
        if !drained.cut.is_empty() {
            return Err(format!("cut: {:?}", drained.cut));
        }
        self.gateway = Some(started(self.world.path(), &self.world.clock).await);
        Ok(())
    }

    async fn reload(&mut self) {
        self.write();
        let gateway = self.gateway.as_mut().expect("it runs");
        let done = gateway.reload().await;
        done.unwrap_or_else(|problems| panic!("refused:\n{problems}"));
    }

    /// Who is to be served now.
    fn admitted(&self) -> [bool; CLIENTS] {
        let now = self.world.clock.now();
        std::array::from_fn(|number| self.law.admits(number, &self.clients[number], now))
    }

    /// Takes a step, while every open connection waits for an answer and new ones are opened.
    async fn take(&mut self, step: &Step) -> Result<(), String> {
        let before = self.admitted();
        let open = self.clients.iter_mut().enumerate();
        let open = open.filter_map(|(number, client)| Some((number, client.open.take()?)));
        let held = Held::begin(&self.side, open.collect()).await;
        if let Step::Restart = step {
            return self.restart(held).await;
        }
        let everybody = self.clients.iter();
        let everybody = everybody.map(|client| Arc::clone(&client.resuming));
        let traffic = Traffic::begin(self.listen, everybody);
        match step {
            Step::Believe(believed) => self.law.believed = *believed,
            Step::Withdraw(withdrawn) => self.law.withdrawn = *withdrawn,
            Step::Deny(denied) => self.law.denied = *denied,
            Step::Hours(hours) => self.world.clock.shift(hours * HOUR),
            Step::Restart => {}
        }
        if !matches!(step, Step::Hours(_)) {
            self.reload().await;
        }
        let after = self.admitted();
        traffic.end(before, after).await?;
        held.release();
        for (number, line) in held.end().await? {
            self.clients[number].open = Some(line);
        }
        Ok(())
    }

    /// Everybody calls: on the connection that is open, with a session, and without one.
    /// Returns how many of those who may resumed a session.
    async fn everybody_calls(&mut self) -> Result<(usize, usize), String> {
        let (mut admitted, mut resumed) = (0, 0);
        let all = self.admitted();
        for (client, expected) in self.clients.iter_mut().zip(all) {
            let verdict = |how: &str, served: bool| {
                if served == expected {
                    Ok(())
                } else {
                    Err(format!("{} {how}: served {served}", client.name))
                }
            };
            if let Some(line) = client.open.take() {
                let (kept, served) = asks_until_settled(line, expected).await;
                verdict("on its open connection", served)?;
                client.open = kept;
            }
            for (how, config) in [
                ("with its session", &client.resuming),
                ("anew", &client.fresh),
            ] {
                let line = Raw::tls(self.listen, config).await;
                let served = match line {
                    Ok(mut line) => is_served(&mut line).await.then_some(line),
                    Err(_refused) => None,
                };
                verdict(how, served.is_some())?;
                resumed += usize::from(served.as_ref().is_some_and(|line| line.resumed));
                client.open = client.open.take().or(served);
            }
            admitted += usize::from(expected);
        }
        Ok((admitted, resumed))
    }
}

async fn is_served(line: &mut Raw) -> bool {
    if line.send(REQUEST).await.is_err() {
        return false;
    }
    line.answer()
        .await
        .is_ok_and(|answer| answer.status() == 200)
}

/// A connection that is to end has two seconds for it; one that is to stay serves at once.
async fn asks_until_settled(mut line: Raw, expected: bool) -> (Option<Raw>, bool) {
    if !expected {
        let out = tokio::time::timeout(Duration::from_secs(2), line.rest()).await;
        return (None, out.is_err());
    }
    let served = is_served(&mut line).await;
    (Some(line), served)
}

#[test]
fn nobody_is_served_whom_a_fresh_handshake_would_refuse_at_that_moment() {
    let mut runner = TestRunner::new(Config {
        cases: trials(25, 400),
        max_shrink_iters: 20,
        ..Config::default()
    });
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let sequence = (habit(), proptest::collection::vec(step(), 1..8));
    let tried = runner.run(&sequence, |(habit, steps)| {
        let outcome = runtime.block_on(async {
            let mut trial = Trial::begin(habit).await;
            let mut history = String::new();
            trial.everybody_calls().await?;
            for step in &steps {
                let _infallible = write!(history, "{step:?}; ");
                let wrong = match trial.take(step).await {
                    Ok(()) => trial.everybody_calls().await.err(),
                    Err(wrong) => Some(wrong),
                };
                if let Some(wrong) = wrong {
                    let figures = trial.gateway.as_ref().map(Gateway::figures);
                    return Err(format!("{wrong} after {history}\n{figures:?}"));
                }
            }
            let (admitted, resumed) = trial.everybody_calls().await?;
            if admitted != resumed {
                return Err(format!("{resumed} of {admitted} resumed after {history}"));
            }
            Ok(())
        });
        outcome.map_err(TestCaseError::fail)
    });
    tried.unwrap_or_else(|wrong| panic!("{wrong}"));
}
