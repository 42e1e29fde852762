use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio::time::Instant;

use super::*;
use crate::certs::issue::{Authority, LeafSpec};
use crate::certs::testdata;
use crate::config::problem::{Place, Problems};
use crate::config::settings::{FileRef, TraceSettings, WebhookUrl};
use crate::model::{
    Clock, ConnectionId, ExchangeId, Generation, HostPort, Outcome, SampleRatio, Scheme, Secret,
    SystemName,
};
use crate::net::DialError;
use crate::telemetry::otlp::{Order, OtlpCollector};
use crate::telemetry::trace::{SpanQueue, Tracer};
use crate::telemetry::{AccessLine, Counters, Flow};

/// Nothing is waited for that a test does not ask for.
const QUICK: Pace = Pace {
    gather: Duration::from_millis(1),
    first: Duration::from_millis(1),
    longest: Duration::from_millis(2),
    give_up: Duration::from_mins(5),
    say: Duration::ZERO,
    last: SOON,
};

/// Long enough for a loaded machine.
const SOON: Duration = Duration::from_secs(20);

/// What records, and who is told.
struct Scene {
    tracer: Rc<Tracer>,
    queue: SpanQueue,
    counters: Arc<Counters>,
}

impl Scene {
    fn new() -> Self {
        let (queue, counters) = (SpanQueue::default(), Arc::<Counters>::default());
        let (all, clock) = (SampleRatio::ALL, Clock::system());
        Self {
            tracer: Rc::new(Tracer::new(queue.clone(), all, &clock, &counters)),
            queue,
            counters,
        }
    }

    /// One exchange comes to its end.
    fn exchange(&self) {
        let system: SystemName = "SAP1".parse().expect("a name");
        let trace = self.tracer.begin(None, std::iter::empty());
        let line = AccessLine {
            flow: Flow::Request,
            id: ExchangeId {
                connection: ConnectionId(1),
                number: 1,
            },
            system: &system,
            listener: ([127, 0, 0, 1], 8443).into(),
            peer: ([127, 0, 0, 1], 50_000).into(),
            principal: None,
            tls: None,
            method: Some(b"POST"),
            target: Some(b"/ici"),
            operation: None,
            side: None,
            upstream: None,
            upstream_reused: false,
            tries: 0,
            outcome: Outcome::Answered,
            status: Some(200),
            code: None,
            request_bytes: 0,
            response_bytes: 0,
            took: Duration::from_millis(1),
            generation: Generation::FIRST,
        };
        trace.expect("all are recorded").served(&line, "1.1");
    }

    fn export(&self, collector: &Arc<Collector>, pace: Pace) -> Exporter {
        let started = Exporter::start(&self.queue, collector, &self.counters, pace);
        started.expect("a thread")
    }

    /// Sent, refused, not delivered.
    fn counted(&self) -> [u64; 3] {
        let own = &self.counters;
        [
            own.trace_spans_sent.value(),
            own.trace_spans_refused.value(),
            own.trace_spans_undelivered.value(),
        ]
    }
}

fn settings(scheme: Scheme, target: HostPort) -> TraceSettings {
    TraceSettings {
        endpoint: WebhookUrl {
            scheme,
            target,
            path: Secret::new("/v1/traces".to_owned()),
        },
        ratio: SampleRatio::ALL,
        service: "gate".to_owned(),
        ca: None,
        headers: None,
        timeout: Duration::from_secs(5),
        place: Place::default(),
    }
}

fn plain(to: &OtlpCollector) -> TraceSettings {
    settings(Scheme::Http, HostPort::from_addr(to.addr))
}

fn built(settings: &TraceSettings) -> Arc<Collector> {
    let (collector, problems) = Collector::build(settings, &Clock::system());
    assert!(problems.is_empty(), "{problems}");
    Arc::new(collector.expect("a collector"))
}

async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + SOON;
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn spans_are_posted_as_otlp_wants_them_over_one_connection() {
    let (scene, far_end) = (Scene::new(), OtlpCollector::start(None).await);
    let exporter = scene.export(&built(&plain(&far_end)), QUICK);
    for number in 1..=2 {
        scene.exchange();
        until("it has come", || far_end.spans().len() == number).await;
    }
    let post = &far_end.posts()[0];
    assert_eq!(post.path, "POST /v1/traces");
    assert_eq!(post.field("content-type"), Some("application/x-protobuf"));
    assert_eq!(post.resource()["service.name"], "gate");
    assert!(!post.resource()["host.name"].is_empty());
    assert_eq!(far_end.connections(), 1);
    exporter.finish(SOON).await;
    assert_eq!(scene.counted(), [2, 0, 0]);
}

#[tokio::test]
async fn a_collector_that_is_busy_is_left_alone_for_as_long_as_it_asks_and_then_tried_again() {
    let (scene, far_end) = (Scene::new(), OtlpCollector::start(None).await);
    far_end.order(&[
        Order::Busy(429, "1"),
        Order::Status(503),
        Order::Status(502),
        Order::Status(504),
    ]);
    let exporter = scene.export(&built(&plain(&far_end)), QUICK);
    let began = Instant::now();
    scene.exchange();
    until("it is taken", || far_end.spans().len() == 1).await;
    assert!(began.elapsed() >= Duration::from_secs(1));
    assert_eq!(far_end.posts().len(), 5);
    exporter.finish(SOON).await;
    assert_eq!(scene.counted(), [1, 0, 0]);
}

#[tokio::test]
async fn how_long_a_collector_wants_to_be_left_alone_is_a_number_or_a_date() {
    let far_end = OtlpCollector::start(None).await;
    let collector = built(&plain(&far_end));
    let batch = crate::telemetry::trace::Batch::default();
    let mut kept = None;
    for (said, seconds) in [
        ("7", Some(7)),
        ("Sun, 06 Nov 1994 08:49:37 GMT", Some(0)),
        ("soon", None),
        ("-1", None),
    ] {
        far_end.order(&[Order::Busy(429, said)]);
        let error = collector.post(&mut kept, &batch).await;
        let asked = error.expect_err("busy").retry_after();
        assert_eq!(asked, seconds.map(Duration::from_secs), "{said}");
    }
    assert_eq!(far_end.connections(), 1, "a refusal ends no connection");
}

#[tokio::test]
async fn what_a_collector_does_not_want_is_not_posted_again() {
    let (scene, far_end) = (Scene::new(), OtlpCollector::start(None).await);
    far_end.order(&[Order::Status(400), Order::Partly(1)]);
    let exporter = scene.export(&built(&plain(&far_end)), QUICK);
    scene.exchange();
    until("it was refused", || scene.counted() == [0, 1, 0]).await;
    scene.exchange();
    until("it was refused, too", || scene.counted() == [0, 2, 0]).await;
    scene.exchange();
    until("the next one is taken", || scene.counted() == [1, 2, 0]).await;
    assert_eq!(far_end.posts().len(), 3);
    exporter.finish(SOON).await;
}

#[tokio::test]
async fn a_collector_that_hangs_is_given_up_in_time_and_asked_again() {
    let (scene, far_end) = (Scene::new(), OtlpCollector::start(None).await);
    far_end.order(&[Order::Hang]);
    let settings = TraceSettings {
        timeout: Duration::from_millis(50),
        ..plain(&far_end)
    };
    let exporter = scene.export(&built(&settings), QUICK);
    scene.exchange();
    until("it is taken", || far_end.spans().len() == 1).await;
    assert_eq!(
        far_end.connections(),
        2,
        "the silent one is no good any more"
    );
    exporter.finish(SOON).await;
}

#[tokio::test]
async fn a_collector_that_comes_later_gets_what_has_waited() {
    let scene = Scene::new();
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let addr = free.local_addr().expect("bound");
    drop(free);
    let settings = settings(Scheme::Http, HostPort::from_addr(addr));
    let exporter = scene.export(&built(&settings), QUICK);
    scene.exchange();
    let far_end = OtlpCollector::at(addr, None).await;
    until("it has come", || far_end.spans().len() == 1).await;
    exporter.finish(SOON).await;
    assert_eq!(scene.counted(), [1, 0, 0]);
}

#[tokio::test]
async fn spans_that_nobody_takes_for_long_are_counted_and_not_kept() {
    let (scene, far_end) = (Scene::new(), OtlpCollector::start(None).await);
    far_end.order(&[Order::Status(503)]);
    let pace = Pace {
        give_up: Duration::ZERO,
        ..QUICK
    };
    let exporter = scene.export(&built(&plain(&far_end)), pace);
    scene.exchange();
    until("it is given up", || scene.counted() == [0, 0, 1]).await;
    scene.exchange();
    until("the next one is taken", || scene.counted() == [1, 0, 1]).await;
    exporter.finish(SOON).await;
}

#[tokio::test]
async fn another_collector_gets_what_the_one_before_has_not_taken() {
    let (scene, before) = (Scene::new(), OtlpCollector::start(None).await);
    before.order(&[Order::Busy(503, "60")]);
    let exporter = scene.export(&built(&plain(&before)), QUICK);
    scene.exchange();
    until("it was posted", || before.posts().len() == 1).await;
    let after = OtlpCollector::start(None).await;
    exporter.follow(&built(&plain(&after)));
    until("it has come", || after.spans().len() == 1).await;
    assert_eq!(before.posts().len(), 1);
    exporter.finish(SOON).await;
    assert_eq!(scene.counted(), [1, 0, 0]);
}

#[tokio::test]
async fn what_is_left_is_sent_at_the_end_without_waiting_for_more() {
    for is_waited_for in [true, false] {
        let (scene, far_end) = (Scene::new(), OtlpCollector::start(None).await);
        let pace = Pace {
            gather: Duration::from_hours(1),
            ..QUICK
        };
        let exporter = scene.export(&built(&plain(&far_end)), pace);
        scene.exchange();
        if is_waited_for {
            exporter.finish(SOON).await;
            assert_eq!(far_end.spans().len(), 1);
        } else {
            exporter.leave();
            until("it has come", || far_end.spans().len() == 1).await;
        }
    }
}

#[tokio::test]
async fn the_end_waits_for_no_collector_that_hangs() {
    let (scene, far_end) = (Scene::new(), OtlpCollector::start(None).await);
    far_end.order(&[Order::Hang]);
    let pace = Pace {
        last: Duration::from_millis(50),
        ..QUICK
    };
    let exporter = scene.export(&built(&plain(&far_end)), pace);
    scene.exchange();
    until("it was posted", || far_end.posts().len() == 1).await;
    scene.exchange();
    let began = Instant::now();
    exporter.finish(SOON).await;
    assert!(began.elapsed() < Duration::from_secs(5), "less than a post");
    assert_eq!(scene.counted(), [0, 0, 2]);
}

/// An authority in a file, and a collector for which it vouches.
async fn of_authority(dir: &Path) -> (FileRef, OtlpCollector) {
    let now = Clock::system().now();
    let authority = Authority::new("Collector CA", now).expect("a CA");
    let own = authority.issue(&LeafSpec::for_name("127.0.0.1", now));
    let own = own.expect("issued");
    let key = PrivatePkcs8KeyDer::from(own.key_der.clone());
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![own.der.clone()], key.into());
    let far_end = OtlpCollector::start(Some(config.expect("a pair"))).await;
    let file = testdata::file(dir, "collector-ca.pem", authority.pem());
    (file, far_end)
}

#[tokio::test]
async fn over_tls_only_a_collector_is_told_for_which_the_authority_vouches() {
    let dir = tempfile::tempdir().expect("a folder");
    let (good, far_end) = of_authority(dir.path()).await;
    let https = TraceSettings {
        ca: Some(good),
        ..settings(Scheme::Https, HostPort::from_addr(far_end.addr))
    };
    let batch = crate::telemetry::trace::Batch::default();
    let taken = built(&https).post(&mut None, &batch).await;
    assert_eq!(taken.expect("taken").rejected, None);
    let other_dir = tempfile::tempdir().expect("a folder");
    let (other, _elsewhere) = of_authority(other_dir.path()).await;
    let refused = TraceSettings {
        ca: Some(other),
        ..https
    };
    let error = built(&refused).post(&mut None, &batch).await;
    let error = error.expect_err("a stranger");
    assert!(
        error.may_pass() && error.hint().contains("CaFile"),
        "{error}"
    );
    assert_eq!(far_end.posts().len(), 1);
}

fn with_fields(dir: &Path, text: &str) -> (TraceSettings, FileRef) {
    let file = testdata::file(dir, "otlp.headers", text);
    let target = "127.0.0.1:4318".parse().expect("a target");
    let settings = TraceSettings {
        headers: Some(file.clone()),
        ..settings(Scheme::Http, target)
    };
    (settings, file)
}

#[tokio::test]
async fn fields_of_a_file_go_with_each_post_and_are_shown_to_nobody_else() {
    let dir = tempfile::tempdir().expect("a folder");
    let far_end = OtlpCollector::start(None).await;
    let text = "# for the collector\n\nAuthorization: Bearer s3cret\nX-Scope-OrgID:  desk \n";
    let (settings, _) = with_fields(dir.path(), text);
    let settings = TraceSettings {
        endpoint: plain(&far_end).endpoint,
        ..settings
    };
    let collector = built(&settings);
    let batch = crate::telemetry::trace::Batch::default();
    collector.post(&mut None, &batch).await.expect("taken");
    let post = &far_end.posts()[0];
    assert_eq!(post.field("authorization"), Some("Bearer s3cret"));
    assert_eq!(post.field("x-scope-orgid"), Some("desk"));
    let shown = format!("{collector:?}{}", collector.shown());
    assert!(
        !shown.contains("s3cret") && !shown.contains("desk"),
        "{shown}"
    );
}

#[test]
fn a_line_that_is_no_field_is_told_by_its_number_and_not_repeated() {
    for (line, what) in [
        ("s3cret", "is no name: value"),
        ("s3 cret: x", "a name that no field can have"),
        (": s3cret", "a name that no field can have"),
        ("X-Key: s3cr\u{e9}t\u{7f}", "a value that no field can have"),
        (
            "Content-Type: s3cret",
            "sets a field that the gateway sets itself",
        ),
        ("HOST: s3cret", "sets a field that the gateway sets itself"),
    ] {
        let dir = tempfile::tempdir().expect("a folder");
        let text = format!("X-Good: yes\n{line}\n");
        let (settings, file) = with_fields(dir.path(), &text);
        let (collector, problems): (_, Problems) = Collector::build(&settings, &Clock::system());
        assert!(collector.is_none(), "{line}");
        let said = problems.to_string();
        let at = format!("{}:2", file.path.display());
        assert!(said.contains(what) && said.contains(&at), "{said}");
        assert!(!said.contains("cret"), "{said}");
    }
}

#[test]
fn without_an_authority_there_is_nobody_to_post_to() {
    let dir = tempfile::tempdir().expect("a folder");
    let target = "otlp.example:4318".parse().expect("a target");
    let settings = TraceSettings {
        ca: Some(testdata::file(dir.path(), "ca.pem", "nothing")),
        ..settings(Scheme::Https, target)
    };
    let (collector, problems) = Collector::build(&settings, &Clock::system());
    assert!(collector.is_none() && problems.has_errors(), "{problems}");
}

#[test]
fn why_spans_were_not_taken_is_said_with_what_to_do_and_whether_it_may_pass() {
    let refused = DialError::Refused {
        address: ([127, 0, 0, 1], 4318).into(),
    };
    let status = |status| NotTaken::Status {
        status,
        retry_after: None,
    };
    for (error, text, hint, may_pass) in [
        (
            NotTaken::Dial(refused),
            "127.0.0.1:4318 refused the connection",
            "nothing listens there",
            true,
        ),
        (
            NotTaken::TimedOut(Duration::from_secs(10)),
            "the collector did not answer within 10 s",
            "the address of Endpoint",
            true,
        ),
        (
            status(401),
            "the collector answered with HTTP status 401",
            "HeadersFile",
            false,
        ),
        (
            status(404),
            "the collector answered with HTTP status 404",
            "/v1/traces",
            false,
        ),
        (
            status(429),
            "the collector answered with HTTP status 429",
            "lower SampleRatio",
            true,
        ),
        (
            status(500),
            "the collector answered with HTTP status 500",
            "whether it is in order",
            false,
        ),
        (
            NotTaken::Request,
            "the post to the collector could not be written",
            "correct Endpoint",
            false,
        ),
    ] {
        assert_eq!(error.to_string(), text);
        assert!(error.hint().contains(hint), "{}", error.hint());
        assert_eq!(error.may_pass(), may_pass, "{text}");
    }
}

#[tokio::test]
async fn what_speaks_no_http_is_told_so() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
    let listener = listener.expect("a port");
    let target = HostPort::from_addr(listener.local_addr().expect("bound"));
    let collector = built(&settings(Scheme::Http, target));
    let batch = crate::telemetry::trace::Batch::default();
    let mut kept = None;
    let far_end = async {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let mut part = [0; 4096];
        let count = stream.read(&mut part).await.expect("readable");
        assert!(count > 0);
        stream
            .write_all(b"220 mail.example\r\n")
            .await
            .expect("said");
    };
    let (posted, ()) = tokio::join!(collector.post(&mut kept, &batch), far_end);
    let error = posted.expect_err("no HTTP");
    let text = error.to_string();
    assert!(
        text.starts_with("the collector does not speak HTTP: "),
        "{text}"
    );
    assert!(error.may_pass() && kept.is_none());
}
