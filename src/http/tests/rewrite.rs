use std::net::IpAddr;

use super::*;
use crate::telemetry::trace::TraceParent;

fn good(head: &str) -> RequestHead {
    let limits = HeadLimits {
        max_size: 8192,
        max_fields: 100,
    };
    let mut request = RequestHead::default();
    request.take(head.as_bytes(), limits).expect(head);
    request
}

fn written(head: &str, rewrite: &RequestRewrite<'_>) -> String {
    let mut out = Vec::new();
    good(head).write_to(&mut out, rewrite);
    String::from_utf8(out).expect("text")
}

#[test]
fn a_head_goes_on_with_its_fields_as_they_came() {
    let head = "POST /ici?x=y HTTP/1.1\r\nhOST: side\r\nX-Odd:   spaced \t\r\nSOAPAction:\"a\"\r\n\
                X-Odd: \r\nContent-Length: 4\r\n\r\n";
    assert_eq!(
        written(head, &RequestRewrite::default()),
        "POST /ici?x=y HTTP/1.1\r\nhOST: side\r\nX-Odd: spaced\r\nSOAPAction: \"a\"\r\n\
         X-Odd: \r\nContent-Length: 4\r\n\r\n"
    );
}

#[test]
fn what_is_for_this_hop_only_does_not_go_on() {
    let head = "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, X-Mine, x_yours\r\n\
                Keep-Alive: 5\r\nx-mine: 1\r\nX-Yours: 2\r\nX-Kept: 3\r\nTE: trailers\r\n\
                Trailer: x\r\nProxy-Authorization: Basic x\r\nProxy-Connection: close\r\n\
                Expect: 100-continue\r\n\r\n";
    assert_eq!(
        written(head, &RequestRewrite::default()),
        "GET / HTTP/1.1\r\nHost: a\r\nX-Kept: 3\r\n\r\n"
    );
}

#[test]
fn an_http_1_0_request_goes_on_as_1_1_with_the_host_of_the_side() {
    let rewrite = RequestRewrite {
        host_if_missing: "side-a:8080",
        ..RequestRewrite::default()
    };
    assert_eq!(
        written("GET / HTTP/1.0\r\nX: y\r\n\r\n", &rewrite),
        "GET / HTTP/1.1\r\nHost: side-a:8080\r\nX: y\r\n\r\n"
    );
    assert_eq!(
        written("GET / HTTP/1.0\r\nHost: mine\r\n\r\n", &rewrite),
        "GET / HTTP/1.1\r\nHost: mine\r\n\r\n"
    );
}

#[test]
fn the_forward_proxy_form_goes_on_as_a_path() {
    for (target, path) in [
        ("http://crm", "/"),
        ("http://crm/", "/"),
        ("HTTP://crm/a/b?c", "/a/b?c"),
        ("https://crm?c", "/?c"),
        ("http://crm//a", "//a"),
    ] {
        let rewrite = RequestRewrite {
            host: Some("crm:44300"),
            ..RequestRewrite::default()
        };
        let head = format!("GET {target} HTTP/1.1\r\nHost: crm\r\n\r\n");
        assert_eq!(
            written(&head, &rewrite),
            format!("GET {path} HTTP/1.1\r\nHost: crm:44300\r\n\r\n")
        );
        assert_eq!(good(&head).authority(), Some(&b"crm"[..]));
        let port = if target.starts_with("https") { 443 } else { 80 };
        assert_eq!(good(&head).default_port(), Some(port));
    }
}

#[test]
fn a_collected_body_goes_on_with_its_length() {
    let rewrite = RequestRewrite {
        collected_length: Some(42),
        forwarded_for: Some(IpAddr::from([10, 1, 2, 3])),
        client_protocol: Some("https"),
        ..RequestRewrite::default()
    };
    let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nX: y\r\n\r\n";
    assert_eq!(
        written(head, &rewrite),
        "POST / HTTP/1.1\r\nHost: a\r\nX: y\r\nContent-Length: 42\r\n\
         X-Forwarded-For: 10.1.2.3\r\nClientProtocol: https\r\n\r\n"
    );
}

#[test]
fn what_is_said_of_a_trace_goes_on_unless_there_is_something_of_ours_to_say() {
    let head = "GET / HTTP/1.1\r\nHost: a\r\nTraceParent: odd\r\ntracestate: a=1\r\nX: y\r\n\r\n";
    assert_eq!(written(head, &RequestRewrite::default()), head);
    let ours = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    for (begins_here, state) in [(false, "tracestate: a=1\r\n"), (true, "")] {
        let rewrite = RequestRewrite {
            trace: Some(PassedOn {
                parent: TraceParent::read(ours.as_bytes()).expect("well formed"),
                begins_here,
            }),
            ..RequestRewrite::default()
        };
        assert_eq!(
            written(head, &rewrite),
            format!("GET / HTTP/1.1\r\nHost: a\r\n{state}X: y\r\ntraceparent: {ours}\r\n\r\n")
        );
    }
    let request = good(head);
    assert_eq!(request.traceparent(), Some(&b"odd"[..]));
    assert_eq!(request.tracestate().collect::<Vec<_>>(), [b"a=1"]);
    let twice = good("GET / HTTP/1.1\r\nHost: a\r\ntraceparent: a\r\nTraceparent: a\r\n\r\n");
    assert_eq!(twice.traceparent(), None, "it could be either");
}

/// I1: what only the gateway may say about the caller.
const CLAIMS: &[&str] = &[
    "SSL_CLIENT_CERT",
    "SSL_CLIENT_CERT_CHAIN_1",
    "SSL_CIPHER_SUITE",
    "SSL_CIPHER_USEKEYSIZE",
    "SSL_CLIENT_S_DN",
    "X-SSL-Client-Verify",
    "X-TLS-Version",
    "Client-Cert",
    "Client-Cert-Chain",
    "X-Client-Cert",
    "X-Client-DN",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Forwarded-Port",
    "X-Forwarded-Client-Cert",
    "X-Forwarded-Tls-Client-Cert",
    "X-Amzn-Mtls-Clientcert",
    "X-ARR-ClientCert",
    "X-Real-IP",
    "X-Remote-User",
    "Remote-User",
    "Forwarded",
    "Via",
    "ClientProtocol",
    "Client-Protocol",
    "Front-End-Https",
    "L5d-Client-Id",
];

fn spellings(name: &str) -> Vec<String> {
    vec![
        name.to_owned(),
        name.to_ascii_lowercase(),
        name.to_ascii_uppercase(),
        name.replace('-', "_"),
        name.replace('_', "-"),
        name.replace('-', "_").to_ascii_lowercase(),
        name.replace('_', "-").to_ascii_lowercase(),
        name.chars()
            .enumerate()
            .map(|(at, c)| match (c, at % 2) {
                ('-', _) => '_',
                ('_', _) => '-',
                (c, 0) => c.to_ascii_lowercase(),
                (c, _) => c.to_ascii_uppercase(),
            })
            .collect(),
    ]
}

#[test]
fn a_claim_about_the_caller_never_goes_on_in_any_spelling() {
    for name in CLAIMS.iter().flat_map(|name| spellings(name)) {
        let head =
            format!("GET / HTTP/1.1\r\nHost: a\r\n{name}: forged\r\n{name}: again\r\nX: y\r\n\r\n");
        assert_eq!(
            written(&head, &RequestRewrite::default()),
            "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n",
            "{name}"
        );
    }
}

#[test]
fn to_name_a_claim_in_connection_neither_saves_it_nor_takes_away_ours() {
    for name in CLAIMS.iter().flat_map(|name| spellings(name)) {
        let head = format!(
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: {name}, ClientProtocol\r\n{name}: forged\r\n\r\n"
        );
        let rewrite = RequestRewrite {
            client_protocol: Some("https"),
            forwarded_for: Some(IpAddr::from([10, 1, 2, 3])),
            ..RequestRewrite::default()
        };
        assert_eq!(
            written(&head, &rewrite),
            "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 10.1.2.3\r\nClientProtocol: https\r\n\r\n",
            "{name}"
        );
    }
}
