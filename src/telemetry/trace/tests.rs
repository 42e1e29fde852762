use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::model::{
    Clock, ConnectionId, ExchangeId, Fingerprint, Generation, HostPort, Outcome, Principal,
    SampleRatio, Side, SystemName,
};
use crate::telemetry::otlp::{Seen, read};
use crate::telemetry::{AccessLine, Counters, Flow, TlsLeg};

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// A thread that records.
struct Thread {
    tracer: Rc<Tracer>,
    queue: SpanQueue,
    counters: Arc<Counters>,
}

impl Thread {
    fn with(ratio: &str) -> Self {
        let (queue, counters) = (SpanQueue::default(), Arc::<Counters>::default());
        let ratio = SampleRatio::parse(ratio).expect("a ratio");
        let tracer = Tracer::new(queue.clone(), ratio, &Clock::system(), &counters);
        Self {
            tracer: Rc::new(tracer),
            queue,
            counters,
        }
    }

    fn begin(&self, traceparent: Option<&str>, state: &[&str]) -> Option<Box<Trace>> {
        let state = state.iter().map(|part| part.as_bytes());
        self.tracer.begin(traceparent.map(str::as_bytes), state)
    }

    /// What is in the queue, as a collector reads it.
    fn spans(&self) -> Vec<Seen> {
        let resource = Resource {
            service: "test".to_owned(),
            host: None,
        };
        let batch = self.queue.take().unwrap_or_default();
        let spans = read(&request(&resource, &batch));
        assert_eq!(spans.len() as u64, batch.spans);
        spans
    }
}

fn system() -> SystemName {
    "SAP1".parse().expect("a name")
}

fn line<'a>(system: &'a SystemName, principal: Option<&'a Principal>) -> AccessLine<'a> {
    AccessLine {
        flow: Flow::Request,
        id: ExchangeId {
            connection: ConnectionId::of_thread(1, 7),
            number: 3,
        },
        system,
        listener: "10.0.0.1:8443".parse().expect("an address"),
        peer: "[::ffff:10.0.0.9]:50123".parse().expect("an address"),
        principal,
        tls: principal.map(|_| TlsLeg {
            version: "TLSv1.3",
            resumed: true,
        }),
        method: Some(b"POST"),
        target: Some(b"/ici/phone?session=secret"),
        operation: Some(b"dial"),
        side: Some(Side::B),
        upstream: None,
        upstream_reused: false,
        tries: 2,
        outcome: Outcome::Answered,
        status: Some(200),
        code: None,
        request_bytes: 812,
        response_bytes: 1_944,
        took: Duration::from_micros(12_345),
        generation: Generation(4),
    }
}

fn tried<'a>(system: &'a SystemName, target: &'a HostPort) -> Tried<'a> {
    Tried {
        system,
        side: Some(Side::A),
        target,
        method: b"POST",
        path: b"/ici/phone?session=secret",
        operation: Some(b"dial"),
        number: 1,
        reused: true,
        outcome: Outcome::Answered,
        status: Some(200),
        failure: None,
        request_bytes: 812,
        response_bytes: 1_944,
    }
}

fn wanted(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let each = pairs.iter();
    each.map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

#[test]
fn the_span_of_an_exchange_tells_what_the_access_line_tells_but_no_query() {
    let (thread, system) = (Thread::with("0"), system());
    let principal = Principal {
        subject: "CN=crm".to_owned(),
        issuer: "CN=Company CA".to_owned(),
        serial: "0a1b".to_owned(),
        fingerprint: Fingerprint([0xab; 32]),
    };
    let trace = thread.begin(Some(PARENT), &["a=1", "b=2"]);
    let trace = trace.expect("the caller wants it");
    trace.served(&line(&system, Some(&principal)), "1.0");
    let [span] = &thread.spans()[..] else {
        panic!("one span")
    };
    assert_eq!(span.trace, "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(span.parent, "b7ad6b7169203331");
    assert_eq!(span.state, "a=1,b=2");
    assert_eq!((span.name.as_str(), span.kind), ("POST dial", 2));
    assert_eq!(span.flags, 0x301, "of a parent elsewhere, and sampled");
    assert_eq!((span.status, span.why.as_str()), (0, ""));
    assert_eq!(span.ended - span.began, 12_345_000);
    let expected = wanted(&[
        ("http.request.method", "POST"),
        ("url.scheme", "https"),
        ("url.path", "/ici/phone"),
        ("http.response.status_code", "200"),
        ("network.protocol.version", "1.0"),
        ("client.address", "10.0.0.9"),
        ("client.port", "50123"),
        ("server.address", "10.0.0.1"),
        ("server.port", "8443"),
        ("http.request.body.size", "812"),
        ("http.response.body.size", "1944"),
        ("tls.protocol.name", "tls"),
        ("tls.protocol.version", "1.3"),
        ("tls.resumed", "true"),
        ("tls.client.subject", "CN=crm"),
        ("tls.client.issuer", "CN=Company CA"),
        ("tls.client.hash.sha256", &"AB".repeat(32)),
        ("crmgate.system", "SAP1"),
        ("crmgate.side", "B"),
        ("crmgate.route", "request"),
        ("crmgate.soap.action", "dial"),
        ("crmgate.exchange.id", "1000000000007.3"),
        ("crmgate.tries", "2"),
        ("crmgate.outcome", "answered"),
        ("crmgate.generation", "4"),
    ]);
    assert_eq!(span.attributes, expected);
}

#[test]
fn a_try_is_a_child_of_its_exchange_and_tells_whom_it_reached() {
    let (thread, system) = (Thread::with("1"), system());
    let target: HostPort = "side-a.example:8443".parse().expect("a target");
    let mut trace = thread.begin(None, &["lost=1"]).expect("all are recorded");
    trace.attempt();
    trace.reached(Reached {
        peer: "10.0.0.5:8443".parse().expect("an address"),
        tls: Some("TLSv1.2"),
    });
    let passed_on = trace.passed_on();
    trace.tried(&tried(&system, &target), true);
    trace.served(&line(&system, None), "1.1");
    let [client, server] = &thread.spans()[..] else {
        panic!("two spans")
    };
    assert!(passed_on.begins_here);
    let told = format!("00-{}-{}-03", server.trace, client.id);
    assert_eq!(passed_on.parent.to_string(), told);
    assert_eq!((client.parent.as_str(), client.kind), (&*server.id, 3));
    assert_eq!(
        (client.trace.as_str(), client.flags),
        (&*server.trace, 0x103)
    );
    assert_eq!((server.parent.as_str(), server.flags), ("", 0x103));
    assert_eq!((server.state.as_str(), client.state.as_str()), ("", ""));
    assert!(client.began >= server.began && client.ended >= client.began);
    let expected = wanted(&[
        ("http.request.method", "POST"),
        ("url.full", "https://side-a.example:8443/ici/phone"),
        ("server.address", "side-a.example"),
        ("server.port", "8443"),
        ("network.peer.address", "10.0.0.5"),
        ("network.peer.port", "8443"),
        ("tls.protocol.name", "tls"),
        ("tls.protocol.version", "1.2"),
        ("network.protocol.version", "1.1"),
        ("http.response.status_code", "200"),
        ("http.request.body.size", "812"),
        ("http.response.body.size", "1944"),
        ("crmgate.system", "SAP1"),
        ("crmgate.side", "A"),
        ("crmgate.soap.action", "dial"),
        ("crmgate.reused", "true"),
        ("crmgate.outcome", "answered"),
    ]);
    assert_eq!(client.attributes, expected);
}

#[test]
fn the_caller_decides_and_where_he_says_nothing_the_ratio_does() {
    let not_sampled = PARENT.replace("-01", "-00");
    for (ratio, traceparent, is_recorded) in [
        ("0", Some(PARENT), true),
        ("1", Some(PARENT), true),
        ("1", Some(not_sampled.as_str()), false),
        ("0", Some(not_sampled.as_str()), false),
        ("1", None, true),
        ("0", None, false),
        ("1", Some("not one"), true),
        ("0", Some("not one"), false),
    ] {
        let thread = Thread::with(ratio);
        let recorded = thread.begin(traceparent, &[]).is_some();
        assert_eq!(recorded, is_recorded, "{ratio} {traceparent:?}");
    }
    let thread = Thread::with("0.25");
    let recorded = (0..4_000).filter(|_| thread.begin(None, &[]).is_some());
    let recorded = recorded.count();
    assert!((800..1_200).contains(&recorded), "{recorded} of 4,000");
}

#[test]
fn an_exchange_has_failed_where_the_conventions_say_so() {
    let (thread, system) = (Thread::with("1"), system());
    for (status, code, outcome, error) in [
        (Some(200), None, Outcome::Answered, ""),
        (Some(404), None, Outcome::Answered, ""),
        (Some(413), Some("GW-413-BODY"), Outcome::NotSent, ""),
        (Some(500), None, Outcome::Answered, "500"),
        (
            Some(500),
            Some("GW-503-UNREACHABLE"),
            Outcome::NotSent,
            "GW-503-UNREACHABLE",
        ),
        (
            Some(200),
            Some("GW-502-TRUNCATED"),
            Outcome::Answered,
            "GW-502-TRUNCATED",
        ),
        (None, None, Outcome::NotSent, "_OTHER"),
    ] {
        let ended = AccessLine {
            outcome,
            status,
            code,
            ..line(&system, None)
        };
        let trace = thread.begin(None, &[]).expect("all are recorded");
        trace.served(&ended, "1.1");
        let [span] = &thread.spans()[..] else {
            panic!("one span")
        };
        assert_eq!(span.get("error.type"), error, "{status:?} {code:?}");
        assert_eq!(span.status, if error.is_empty() { 0 } else { 2 });
        assert_eq!(span.get("crmgate.code"), code.unwrap_or_default());
    }
}

#[test]
fn a_try_has_failed_without_a_good_answer_and_says_why() {
    let (thread, system) = (Thread::with("1"), system());
    let target: HostPort = "10.0.0.5:80".parse().expect("a target");
    let unreachable = || Some(("GW-503-UNREACHABLE", "nobody listens".to_owned()));
    for (number, status, failure, error, why) in [
        (1, Some(301), None, "", ""),
        (1, Some(404), None, "404", ""),
        (
            2,
            None,
            unreachable(),
            "GW-503-UNREACHABLE",
            "nobody listens",
        ),
    ] {
        let mut trace = thread.begin(None, &[]).expect("all are recorded");
        trace.attempt();
        let ended = Tried {
            number,
            status,
            failure,
            ..tried(&system, &target)
        };
        trace.tried(&ended, false);
        let [span] = &thread.spans()[..] else {
            panic!("one span")
        };
        assert_eq!((span.get("error.type"), span.why.as_str()), (error, why));
        assert_eq!(span.status, if error.is_empty() { 0 } else { 2 });
        let again = if number > 1 { "1" } else { "" };
        assert_eq!(span.get("http.request.resend_count"), again);
        assert_eq!(span.get("url.full"), "http://10.0.0.5:80/ici/phone");
        assert_eq!(span.get("network.peer.address"), "", "nobody was reached");
    }
}

#[test]
fn names_are_few_whatever_callers_write() {
    let (thread, system) = (Thread::with("1"), system());
    let mut names = std::collections::HashSet::new();
    for number in 0..200 {
        let operation = format!("operation{number}");
        let ended = AccessLine {
            operation: Some(operation.as_bytes()),
            method: Some(b"BREW"),
            ..line(&system, None)
        };
        let trace = thread.begin(None, &[]).expect("all are recorded");
        trace.served(&ended, "1.1");
        for span in thread.spans() {
            assert_eq!(span.get("http.request.method"), "_OTHER");
            assert_eq!(span.get("http.request.method_original"), "BREW");
            names.insert(span.name);
        }
    }
    assert_eq!(names.len(), crate::telemetry::MOST_OPERATIONS + 1);
    assert!(names.contains("HTTP operation0") && names.contains("HTTP _other"));
    let ended = AccessLine {
        operation: None,
        ..line(&system, None)
    };
    thread.begin(None, &[]).expect("all").served(&ended, "1.1");
    assert_eq!(thread.spans()[0].name, "POST");
}

#[test]
fn a_path_is_told_without_host_and_query() {
    let (thread, system) = (Thread::with("1"), system());
    for (target, path) in [
        ("/", "/"),
        ("*", "*"),
        ("/a?b=/c", "/a"),
        ("http://crm:44300/sap/bc?x", "/sap/bc"),
        ("http://crm:44300", "/"),
        ("/go/http://elsewhere/x", "/go/http://elsewhere/x"),
        ("/\u{fffd}", "/\u{fffd}"),
    ] {
        let ended = AccessLine {
            target: Some(target.as_bytes()),
            ..line(&system, None)
        };
        thread.begin(None, &[]).expect("all").served(&ended, "1.1");
        assert_eq!(thread.spans()[0].get("url.path"), path);
    }
}

#[test]
fn what_cannot_be_told_as_it_is_is_not_told() {
    let (thread, system) = (Thread::with("1"), system());
    let long = format!("a={}", "x".repeat(600));
    let ended = AccessLine {
        listener: "0.0.0.0:8443".parse().expect("an address"),
        ..line(&system, None)
    };
    let trace = thread.begin(Some(PARENT), &[&long]).expect("all");
    trace.served(&ended, "1.1");
    let [span] = &thread.spans()[..] else {
        panic!("one span")
    };
    assert_eq!((span.state.as_str(), span.get("server.address")), ("", ""));
    assert_eq!(span.get("server.port"), "8443");
}

#[test]
fn a_span_that_finds_no_room_is_counted() {
    let (thread, system) = (Thread::with("1"), system());
    let large = vec![b'x'; 4 * 1024 * 1024 / 8];
    while thread.queue.push(&large) {}
    thread
        .begin(None, &[])
        .expect("all")
        .served(&line(&system, None), "1.1");
    assert_eq!(thread.counters.trace_spans_dropped.value(), 1);
}

#[test]
fn who_sends_stands_around_the_spans() {
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
    use prost::Message as _;
    let resource = Resource {
        service: "gate".to_owned(),
        host: Some("gw1".to_owned()),
    };
    let bytes = request(&resource, &Batch::default());
    let request = ExportTraceServiceRequest::decode(&*bytes).expect("OTLP");
    let spans = &request.resource_spans[0];
    let own = format!("{:?}", spans.resource);
    for part in [
        "service.name",
        "gate",
        "service.version",
        "host.name",
        "gw1",
    ] {
        assert!(own.contains(&format!("\"{part}\"")), "{own}");
    }
    let scope = spans.scope_spans[0].scope.as_ref().expect("a scope");
    assert_eq!(scope.name, "crmgate");
    assert!(spans.scope_spans[0].spans.is_empty());
}
