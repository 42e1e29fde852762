//! What fuzzing starts from: the corpus of requests, answers, chunked bodies and configurations, and
//! files of certificates and keys.
//!
//! `super::corpus` and `super::more_hostile` are those of the tests, `super::containers` lies beside. The same seeds are what the unit
//! tests of the product try, as they are and as mutants.

use std::fs;
use std::path::Path;

use super::containers;
use super::corpus::{GOOD, HOSTILE};
use super::more_hostile::{BODIES, HEADS};

/// The seeds of each target, by its name. `root` is where the repository lies: configurations are read
/// from its golden cases.
pub fn all(root: &Path) -> [(&'static str, Vec<Vec<u8>>); 6] {
    [
        ("request_head", heads()),
        ("answer_head", answers()),
        ("chunked", bodies()),
        ("differential", requests()),
        ("ini", inis(root)),
        ("containers", containers::seeds()),
    ]
}

/// Whole requests: hostile ones and good ones.
pub fn requests() -> Vec<Vec<u8>> {
    let hostile = HOSTILE.iter().chain(HEADS).chain(BODIES);
    let hostile = hostile.map(|(_, bytes)| bytes.to_vec());
    let good = GOOD.iter().map(|(_, bytes, _)| bytes.to_vec());
    hostile.chain(good).collect()
}

/// The heads of the requests.
fn heads() -> Vec<Vec<u8>> {
    let mut heads: Vec<_> = requests().iter().map(|one| parted(one).0).collect();
    heads.sort();
    heads.dedup();
    heads
}

/// Chunked bodies: those of the requests.
pub fn bodies() -> Vec<Vec<u8>> {
    let mut bodies: Vec<_> = requests()
        .iter()
        .map(|request| parted(request))
        .filter(|(head, _)| head.to_ascii_lowercase().ends_with(b"chunked\r\n\r\n"))
        .map(|(_, body)| body)
        .filter(|body| !body.is_empty())
        .collect();
    bodies.push(b"a;x=\"y\"\r\n0123456789\r\n00\r\nA: b\r\nC:\r\n\r\nGET /".to_vec());
    bodies.push(b"1\r\n\r\n\r\n0\r\n\r\n".to_vec());
    bodies.sort();
    bodies.dedup();
    bodies
}

/// Head and body, parted behind the first empty line.
fn parted(request: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let end = request.windows(4).position(|part| part == b"\r\n\r\n");
    let end = end.map_or(request.len(), |at| at + 4);
    let (head, body) = request.split_at(end);
    (head.to_vec(), body.to_vec())
}

/// The heads of answers, good ones first.
pub fn answers() -> Vec<Vec<u8>> {
    [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nServer: x\r\n\r\n",
        "HTTP/1.1 500 Internal Server Error\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.0 200\r\nConnection: keep-alive, X\r\nX: y\r\n\r\n",
        "HTTP/1.0 200 OK\r\n\r\n",
        "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\nConnection: close\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
        "HTTP/1.1 302 Found\r\nLocation: http://a/\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent_Length: 5\r\nConnection: Content-Length\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nTrailer: X\r\nKeep-Alive: timeout=5\r\n\r\n",
        "HTTP/1.1 999 \r\n\r\n",
        "HTTP/2.0 200 OK\r\n\r\n",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into()
}

/// Configurations, each as the target takes it: three files, parted by a line of dashes.
pub fn inis(root: &Path) -> Vec<Vec<u8>> {
    let folder = root.join("tests/config/cases");
    let mut cases: Vec<_> = fs::read_dir(folder)
        .expect("the golden cases")
        .map(|entry| entry.expect("a case").path())
        .collect();
    cases.sort();
    let cases = cases
        .iter()
        .map(|path| ini(&fs::read_to_string(path).expect("a case")));
    cases
        .chain(ODD_INIS.map(|text| text.as_bytes().to_vec()))
        .collect()
}

/// The files of one golden case.
fn ini(case: &str) -> Vec<u8> {
    let (mut connector, mut ssl, mut gateway) = (String::new(), String::new(), String::new());
    let mut name = "";
    for line in case.lines().take_while(|line| *line != "===") {
        if let Some(header) = line.strip_prefix("--- ") {
            name = header;
        } else if line == "+++ tls" {
            ssl.push_str(SSL);
        } else {
            let file = match name.split_whitespace().next() {
                Some("ssl.ini") => &mut ssl,
                Some("crmgate.ini") => &mut gateway,
                Some(other) if other.starts_with("CRMConnectorSAP_") => &mut connector,
                Some(_) | None => continue,
            };
            file.push_str(line);
            file.push('\n');
        }
    }
    [connector, ssl, gateway].join("\n---\n").into_bytes()
}

/// What `+++ tls` stands for in a golden case.
const SSL: &str = "[SSL]\nMETHOD=0\n[SSL_SERVER_CLIENT]\nCA_FILE=./ssl/company-ca.pem\n\
                   PEM_FILE=./ssl/side-a.pem\n";

/// Line ends, marks and comments that the golden cases hold in words only.
const ODD_INIS: [&str; 2] = [
    "[Config]\r\nTpiDllParameter=SSL PROXY=10.0.0.5:44300\r\n[Requests]\r\n\
     Listen=127.0.0.1:8443\r\nSideA=http://127.0.0.1:8080\r\n\n---\n\
     [SSL]\nMETHOD=0\n[SSL_SERVER_CLIENT]\nCA_FILE=./ca.pem\nPEM_FILE=.\\a.pem\n\n---\n\
     [Admin]\nListen=127.0.0.1:9440\n[Log]\nFormat=text\n",
    "\u{feff}[Config]\nTpiDllParameter=\n[StaticRoutes]\n44300=crm.example.com ; why\n",
];
