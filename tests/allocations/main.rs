//! What a kept request asks of the heap. Counted by the allocator itself, so no clock decides.
//!
//! Over plain connections that is nothing. With TLS it is one block for each record, which rustls
//! makes: it encrypts what is written into a buffer of its own, and copies what it has decrypted
//! into another. An access line is copied into a buffer that stays.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says no with a panic"
)]

#[path = "../support/mod.rs"]
mod support;

mod counted;

use std::ops::RangeInclusive;

use crmgate::model::Side;
use crmgate::simulate::{Deployment, Party};

use counted::Counted;
use support::otlp::OtlpCollector;
use support::pair::Legs;
use support::raw::Door;
use support::recorder::{FINE, Recorder, Step, always};
use support::{World, free_address};

/// Enough that what happens once, such as a list that grows, stays far below one for each request.
const REQUESTS: u64 = 1_000;

/// After so many the gateway has all the memory that it needs for the next one.
const WARM_UP: u64 = 100;

/// A gateway as it will be, and the far end that answers behind it.
struct Scene {
    world: World,
    deployment: Deployment,
    door: Door,
    far_end: Recorder,
    is_logged: bool,
}

impl Scene {
    /// Requests of SAP CRM to a side.
    async fn requests(legs: Legs) -> Self {
        let world = World::new();
        let tls = legs == Legs::Tls;
        let side = world.pki.peer(Party::Side(Side::A));
        let far_end = Recorder::fine(tls.then_some(&side)).await;
        let crm = || world.pki.peer(Party::Crm).client().expect("a client");
        let door = Door {
            addr: free_address(),
            tls: tls.then(|| crm().into()),
        };
        let deployment = empty(&world, legs).requests(door.addr, &far_end.endpoint(), None);
        Self {
            world,
            deployment,
            door,
            far_end,
            is_logged: false,
        }
    }

    /// Events of a connector, whose own leg is plain, to SAP CRM.
    async fn events(legs: Legs) -> Self {
        let world = World::new();
        let crm = world.pki.peer(Party::Crm);
        let far_end = Recorder::fine((legs == Legs::Tls).then_some(&crm)).await;
        let door = Door {
            addr: free_address(),
            tls: None,
        };
        let deployment = empty(&world, legs).events(door.addr, &far_end.endpoint());
        Self {
            world,
            deployment,
            door,
            far_end,
            is_logged: false,
        }
    }

    /// The same with another value of a key of the SAP system.
    fn with(mut self, section: &str, key: &str, value: &str) -> Self {
        self.deployment.system.set(section, key, value);
        self
    }

    /// The same with access lines.
    fn logged(mut self) -> Self {
        self.deployment.gateway.set("Log", "Access", "yes");
        self.is_logged = true;
        self
    }

    /// The same with every trace recorded and sent there.
    fn recorded(mut self, collector: &OtlpCollector) -> Self {
        let endpoint = format!("http://{}", collector.addr);
        self.deployment.gateway.set("Traces", "Endpoint", endpoint);
        self
    }

    /// The same with a far end that answers like this, one write for each piece.
    fn answered(self, pieces: &[&str]) -> Self {
        let steps = pieces.iter().copied().map(Step::send).collect();
        self.far_end.answer(always(steps));
        self
    }

    /// One caller asks again and again, with one write for each piece of its request. Judges how
    /// often the gateway allocates for each.
    async fn judge(self, request: &[&str], each: RangeInclusive<u64>) {
        let mut gateway = Counted::serve(&self.world, &self.deployment).await;
        let mut caller = self.door.open().await;
        let mut before = 0;
        for number in 0..WARM_UP + REQUESTS {
            if number == WARM_UP {
                before = gateway.allocations();
            }
            for piece in request {
                caller.send(piece.as_bytes()).await.expect("sent");
            }
            let answer = caller.answer().await.expect("an answer");
            assert_eq!(answer.status(), 200);
        }
        let made = gateway.allocations() - before;
        assert_eq!(self.far_end.connections(), 1, "nothing was dialled anew");
        let lines = u64::from(self.is_logged) * (WARM_UP + REQUESTS);
        gateway.until_logged(lines).await;
        let few = REQUESTS / 10;
        let allowed = (each.start() * REQUESTS).saturating_sub(few)..=each.end() * REQUESTS + few;
        assert!(
            allowed.contains(&made),
            "{made} allocations for {REQUESTS} requests, and not {each:?} for each"
        );
    }
}

/// A gateway without access lines that serves nobody yet.
fn empty(world: &World, legs: Legs) -> Deployment {
    let mut deployment = match legs {
        Legs::Plain => world.plain_deployment(),
        Legs::TlsToGateway | Legs::Tls => world.deployment(),
    };
    deployment.gateway.set("Log", "Access", "no");
    deployment
}

/// The head of a POST that keeps its connection.
fn head(target: &str, host: &str, version: &str, framing: &str) -> String {
    format!(
        "POST {target} HTTP/{version}\r\nHost: {host}\r\nContent-Type: text/xml; charset=utf-8\r\n\
         Connection: keep-alive\r\nSOAPAction: \"urn:ici#dial\"\r\n{framing}\r\n\r\n"
    )
}

/// A SOAP message of usual length, with the field that says it.
fn message() -> (String, String) {
    let body = format!("<s:Body><dial>{}</dial></s:Body>", "x".repeat(1_500));
    (format!("Content-Length: {}", body.len()), body)
}

/// A request as SAP CRM sends it.
fn request(version: &str) -> String {
    let (length, body) = message();
    head("/ici", "gateway", version, &length) + &body
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_request_allocates_nothing() {
    for version in ["1.0", "1.1"] {
        let scene = Scene::requests(Legs::Plain).await;
        scene.judge(&[&request(version)], 0..=0).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_request_that_names_its_caller_to_the_side_allocates_nothing() {
    let scene = Scene::requests(Legs::Plain).await;
    let scene = scene.with("Requests", "ForwardedFor", "yes");
    scene.judge(&[&request("1.1")], 0..=0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_request_and_its_answer_in_pieces_allocate_nothing() {
    let (length, body) = message();
    let scene = Scene::requests(Legs::Plain).await;
    let (answer_head, answer_body) = FINE.split_at(FINE.len() - 4);
    let scene = scene.answered(&[answer_head, answer_body]);
    let pieces = [&*head("/ici", "gateway", "1.1", &length), &*body];
    scene.judge(&pieces, 0..=0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_request_and_its_answer_in_chunks_allocate_nothing() {
    let chunks = "4\r\nfine\r\n0\r\n\r\n";
    let chunked = head("/ici", "gateway", "1.1", "Transfer-Encoding: chunked") + chunks;
    let answer = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}");
    for (dechunk, asked) in [("no", &chunked), ("yes", &chunked), ("no", &request("1.0"))] {
        let scene = Scene::requests(Legs::Plain).await.answered(&[&answer]);
        let scene = scene.with("Requests", "Dechunk", dechunk);
        scene.judge(&[asked], 0..=0).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_event_allocates_nothing() {
    let scene = Scene::events(Legs::Plain).await;
    scene.judge(&[&request("1.1")], 0..=0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_event_that_names_its_target_allocates_nothing() {
    let scene = Scene::events(Legs::Plain).await;
    let (length, body) = message();
    let host = scene.far_end.endpoint().target.to_string();
    let event = head(&format!("http://{host}/ici"), &host, "1.1", &length) + &body;
    scene.judge(&[&event], 0..=0).await;
}

/// A record is read and one is written, on each of two legs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_request_over_tls_allocates_once_for_each_record() {
    for mode in ["terminate", "relay"] {
        let scene = Scene::requests(Legs::Tls).await;
        let scene = scene.with("Requests", "Mode", mode);
        scene.judge(&[&request("1.1")], 4..=4).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_event_towards_tls_allocates_once_for_each_record() {
    let scene = Scene::events(Legs::Tls).await;
    scene.judge(&[&request("1.1")], 2..=2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_access_line_allocates_nothing() {
    let scene = Scene::requests(Legs::Plain).await;
    scene.logged().judge(&[&request("1.1")], 0..=0).await;
    let scene = Scene::requests(Legs::Tls).await;
    scene.logged().judge(&[&request("1.1")], 4..=4).await;
    let scene = Scene::events(Legs::Tls).await;
    scene.logged().judge(&[&request("1.1")], 2..=2).await;
}

/// The trace itself, for as long as its exchange lasts; its two spans are written into memory that
/// stays. What is posted now and then by another thread is little beside a thousand requests.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_request_that_is_recorded_allocates_once() {
    let collector = OtlpCollector::start(None).await;
    let scene = Scene::requests(Legs::Plain).await.recorded(&collector);
    scene.judge(&[&request("1.1")], 1..=1).await;
}
