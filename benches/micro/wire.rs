//! HTTP on the wire: reading a head, writing it anew, taking a chunked body apart.

use std::net::IpAddr;

use crmgate::http::{Chunk, ChunkDecoder, HeadLimits, RequestHead, RequestRewrite};
use divan::Bencher;
use divan::counter::BytesCount;

/// What SAP's client sends.
const HEAD: &[u8] = b"POST /sap/bc/srt/rfc/sap/crm_ic_connector?sap-client=100 HTTP/1.0\r\n\
Host: gateway.example.com:8443\r\n\
Content-Type: text/xml; charset=utf-8\r\n\
Content-Length: 1500\r\n\
SOAPAction: \"http://sap.com/ici/user/setCurrentWorkmode\"\r\n\
User-Agent: SAP NetWeaver Application Server (1.0;753)\r\n\
Accept-Encoding: gzip\r\n\
sap-passport: 2A54482A0300E60000736170\r\n\
\r\n";

const LIMITS: HeadLimits = HeadLimits {
    max_size: 64 * 1024,
    max_fields: 100,
};

#[divan::bench]
fn read_the_head_of_a_request(bencher: Bencher<'_, '_>) {
    let mut head = RequestHead::default();
    bencher
        .counter(BytesCount::of_slice(HEAD))
        .bench_local(|| head.take(divan::black_box(HEAD), LIMITS));
}

#[divan::bench]
fn write_it_anew(bencher: Bencher<'_, '_>) {
    let mut head = RequestHead::default();
    head.take(HEAD, LIMITS).expect("a good head");
    let rewrite = RequestRewrite {
        host_if_missing: "connector-a:8080",
        forwarded_for: Some(IpAddr::from([192, 0, 2, 7])),
        client_protocol: Some("https"),
        ..RequestRewrite::default()
    };
    let mut out = Vec::with_capacity(4096);
    bencher.counter(BytesCount::of_slice(HEAD)).bench_local(|| {
        out.clear();
        head.write_to(&mut out, divan::black_box(&rewrite));
        out.len()
    });
}

/// Bodies of 16 KiB in chunks of these sizes.
#[divan::bench(args = [64, 1024, 16 * 1024])]
fn take_a_chunked_body_apart(bencher: Bencher<'_, '_>, size: usize) {
    let mut body = Vec::new();
    for _ in 0..16 * 1024 / size {
        body.extend(format!("{size:x}\r\n").into_bytes());
        body.extend(std::iter::repeat_n(b'x', size));
        body.extend(b"\r\n");
    }
    body.extend(b"0\r\n\r\n");
    bencher
        .counter(BytesCount::of_slice(&body))
        .bench_local(|| {
            let mut decoder = ChunkDecoder::new();
            let mut rest = divan::black_box(body.as_slice());
            let mut length = 0;
            loop {
                match decoder.next(&mut rest).expect("good chunks") {
                    Chunk::Data(data) => length += data.len(),
                    Chunk::More | Chunk::End => break length,
                }
            }
        });
}
