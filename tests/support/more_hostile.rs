//! The refusal corpus: requests that two servers could read in two ways, and odd ones that every
//! server reads in the same way.
//!
//! Plain data. Every text is complete: a gateway that waits for more of it has misread it.

/// A request that has to be refused.
#[derive(Debug, Clone, Copy)]
pub struct Hostile {
    /// What is wrong with it.
    pub what: &'static str,
    /// The bytes.
    pub text: &'static [u8],
    /// The status of the refusal.
    pub status: u16,
}

const fn bad(what: &'static str, text: &'static [u8]) -> Hostile {
    Hostile {
        what,
        text,
        status: 400,
    }
}

/// What would be taken for a second request if the first one's length were misread.
pub const SMUGGLED: &str = "/smuggled";

/// Heads that are refused before a side is asked for anything.
pub const HOSTILE_HEADS: &[Hostile] = &[
    // Two lengths, or none that can be trusted.
    bad("length and chunked", b"POST /ici HTTP/1.1\r\nHost: gw\r\nContent-Length: 40\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: gw\r\n\r\n"),
    bad("chunked and length", b"POST /ici HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"),
    bad("length twice, equal", b"POST /ici HTTP/1.1\r\nHost: gw\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nab"),
    bad("length twice, different", b"POST /ici HTTP/1.1\r\nHost: gw\r\nContent-Length: 0\r\nContent-Length: 38\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: gw\r\n\r\nabc"),
    bad("length as a list", b"POST /ici HTTP/1.1\r\nHost: gw\r\nContent-Length: 2, 2\r\n\r\nab"),
    bad("length with a plus", b"POST /ici HTTP/1.1\r\nHost: gw\r\nContent-Length: +2\r\n\r\nab"),
    bad("negative length", b"POST /ici HTTP/1.1\r\nHost: gw\r\nContent-Length: -1\r\n\r\n"),
    bad("length in hexadecimal", b"POST /ici HTTP/1.1\r\nHost: gw\r\nContent-Length: 0x2\r\n\r\nab"),
    bad("two numbers as length", b"POST /ici HTTP/1.1\r\nHost: gw\r\nContent-Length: 2 2\r\n\r\nab"),
    bad("empty length", b"POST /ici HTTP/1.1\r\nHost: gw\r\nContent-Length:\r\n\r\nab"),
    bad("length with a fraction", b"POST /ici HTTP/1.1\r\nHost: gw\r\nContent-Length: 2.0\r\n\r\nab"),
    bad("length with a parameter", b"POST /ici HTTP/1.1\r\nHost: gw\r\nContent-Length: 2;x\r\n\r\nab"),
    bad("length beyond any integer", b"POST /ici HTTP/1.1\r\nHost: gw\r\nContent-Length: 184467440737095516180\r\n\r\n"),
    bad("length in words", b"POST /ici HTTP/1.1\r\nHost: gw\r\nContent-Length: two\r\n\r\nab"),
    // Transfer codings.
    bad("chunked as a list", b"POST /ici HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
    bad("chunked twice", b"POST /ici HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    bad("chunked and another coding", b"POST /ici HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n"),
    bad("gzip, then chunked", b"POST /ici HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    bad("identity", b"POST /ici HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: identity\r\n\r\n"),
    bad("identity, then chunked", b"POST /ici HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n"),
    bad("an unknown coding", b"POST /ici HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: cow\r\n\r\n"),
    bad("a coding that only ends with chunked", b"POST /ici HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
    bad("chunked behind a comma", b"POST /ici HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n"),
    bad("chunked with a parameter", b"POST /ici HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n"),
    bad("chunked in quotes", b"POST /ici HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n"),
    bad("chunked behind a vertical tab", b"POST /ici HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n"),
    bad("chunked behind a form feed", b"POST /ici HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: \x0cchunked\r\n\r\n0\r\n\r\n"),
    bad("an empty coding", b"POST /ici HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding:\r\nContent-Length: 2\r\n\r\nab"),
    bad("chunked with HTTP/1.0", b"POST /ici HTTP/1.0\r\nHost: gw\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    bad("chunked with HTTP/1.0 and keep-alive", b"POST /ici HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"),
    // Look-alikes of framing fields.
    bad("Transfer_Encoding", b"POST /ici HTTP/1.1\r\nHost: gw\r\nTransfer_Encoding: chunked\r\n\r\n0\r\n\r\n"),
    bad("Transfer_Encoding beside a length", b"POST /ici HTTP/1.1\r\nHost: gw\r\nContent-Length: 5\r\nTransfer_Encoding: chunked\r\n\r\n0\r\n\r\n"),
    bad("Content_Length beside a length", b"POST /ici HTTP/1.1\r\nHost: gw\r\nContent-Length: 2\r\nContent_Length: 0\r\n\r\nab"),
    bad("blank between Transfer-Encoding and its colon", b"POST /ici HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n"),
    bad("blank between Content-Length and its colon", b"POST /ici HTTP/1.1\r\nHost: gw\r\nContent-Length : 2\r\n\r\nab"),
    bad("tab between a name and its colon", b"POST /ici HTTP/1.1\r\nHost: gw\r\nContent-Length\t: 2\r\n\r\nab"),
    // Lines and fields.
    bad("a continued line", b"POST /ici HTTP/1.1\r\nHost: gw\r\nX-A: b\r\n c\r\nContent-Length: 0\r\n\r\n"),
    bad("a coding on a continued line", b"POST /ici HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n"),
    bad("a first field that is a continued line", b"GET /ici HTTP/1.1\r\n Host: gw\r\nHost: gw\r\n\r\n"),
    bad("a blank in a name", b"GET /ici HTTP/1.1\r\nHost: gw\r\nX A: b\r\n\r\n"),
    bad("an empty name", b"GET /ici HTTP/1.1\r\nHost: gw\r\n: b\r\n\r\n"),
    bad("no colon", b"GET /ici HTTP/1.1\r\nHost: gw\r\nContent-Length\r\n\r\n"),
    bad("NUL in a value", b"GET /ici HTTP/1.1\r\nHost: gw\r\nX-A: b\0c\r\n\r\n"),
    bad("NUL in a name", b"GET /ici HTTP/1.1\r\nHost: gw\r\nX\0A: b\r\n\r\n"),
    bad("a control character in a name", b"GET /ici HTTP/1.1\r\nHost: gw\r\nX\x01A: b\r\n\r\n"),
    bad("a control character in a value", b"GET /ici HTTP/1.1\r\nHost: gw\r\nX-A: b\x07c\r\n\r\n"),
    bad("DEL in a value", b"GET /ici HTTP/1.1\r\nHost: gw\r\nX-A: b\x7fc\r\n\r\n"),
    bad("a name beyond ASCII", b"GET /ici HTTP/1.1\r\nHost: gw\r\nX-\xe4: b\r\n\r\n"),
    bad("a bracket in a name", b"GET /ici HTTP/1.1\r\nHost: gw\r\nX(A): b\r\n\r\n"),
    bad("a comma in a name", b"GET /ici HTTP/1.1\r\nHost: gw\r\nX,A: b\r\n\r\n"),
    bad("bare line feeds", b"GET /ici HTTP/1.1\nHost: gw\n\n"),
    bad("one bare line feed", b"GET /ici HTTP/1.1\r\nHost: gw\nX-A: b\r\n\r\n"),
    bad("a bare line feed at the end", b"GET /ici HTTP/1.1\r\nHost: gw\r\n\n"),
    bad("a bare carriage return in a value", b"GET /ici HTTP/1.1\r\nHost: gw\r\nX-A: b\rTransfer-Encoding: chunked\r\n\r\n"),
    bad("a carriage return too many", b"GET /ici HTTP/1.1\r\nHost: gw\r\r\n\r\n"),
    // Request lines.
    bad("two blanks behind the method", b"GET  /ici HTTP/1.1\r\nHost: gw\r\n\r\n"),
    bad("two blanks in front of the version", b"GET /ici  HTTP/1.1\r\nHost: gw\r\n\r\n"),
    bad("tabs in the request line", b"GET\t/ici\tHTTP/1.1\r\nHost: gw\r\n\r\n"),
    bad("a blank in front of the method", b" GET /ici HTTP/1.1\r\nHost: gw\r\n\r\n"),
    bad("a blank behind the version", b"GET /ici HTTP/1.1 \r\nHost: gw\r\n\r\n"),
    bad("a blank in the target", b"GET /a b HTTP/1.1\r\nHost: gw\r\n\r\n"),
    bad("two empty lines in front", b"\r\n\r\nGET /ici HTTP/1.1\r\nHost: gw\r\n\r\n"),
    bad("a line feed in front", b"\nGET /ici HTTP/1.1\r\nHost: gw\r\n\r\n"),
    bad("no version", b"GET /ici\r\n\r\n"),
    bad("HTTP/0.9 by name", b"GET /ici HTTP/0.9\r\n\r\n"),
    bad("HTTP/1.2", b"GET /ici HTTP/1.2\r\nHost: gw\r\n\r\n"),
    bad("HTTP/2.0", b"GET /ici HTTP/2.0\r\nHost: gw\r\n\r\n"),
    bad("the version in lower case", b"GET /ici http/1.1\r\nHost: gw\r\n\r\n"),
    bad("the version with a zero", b"GET /ici HTTP/01.1\r\nHost: gw\r\n\r\n"),
    bad("another protocol's version", b"GET /ici ICAP/1.1\r\nHost: gw\r\n\r\n"),
    bad("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    bad("a bracket in the method", b"PO(ST /ici HTTP/1.1\r\nHost: gw\r\nContent-Length: 0\r\n\r\n"),
    bad("a NUL in the method", b"PO\0ST /ici HTTP/1.1\r\nHost: gw\r\nContent-Length: 0\r\n\r\n"),
    bad("TLS where HTTP is spoken", b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00\r\n\r\n"),
    bad("no request at all", b"{\"a\":1}\r\n\r\n"),
    bad("a header of a proxy protocol", b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\nGET /ici HTTP/1.1\r\nHost: gw\r\n\r\n"),
    // Methods and targets.
    bad("CONNECT", b"CONNECT gw:443 HTTP/1.1\r\nHost: gw:443\r\n\r\n"),
    bad("connect in lower case", b"connect gw:443 HTTP/1.1\r\nHost: gw:443\r\n\r\n"),
    bad("TRACE", b"TRACE /ici HTTP/1.1\r\nHost: gw\r\n\r\n"),
    bad("a target without slash", b"GET ici HTTP/1.1\r\nHost: gw\r\n\r\n"),
    bad("a star for another method than OPTIONS", b"POST * HTTP/1.1\r\nHost: gw\r\nContent-Length: 0\r\n\r\n"),
    bad("a fragment", b"GET /ici#part HTTP/1.1\r\nHost: gw\r\n\r\n"),
    bad("a backslash in the target", b"GET /ici\\..\\x HTTP/1.1\r\nHost: gw\r\n\r\n"),
    bad("a target beyond ASCII", b"GET /ici/\xe4 HTTP/1.1\r\nHost: gw\r\n\r\n"),
    bad("a NUL in the target", b"GET /ici\0/smuggled HTTP/1.1\r\nHost: gw\r\n\r\n"),
    bad("an angle bracket in the target", b"GET /ici<x> HTTP/1.1\r\nHost: gw\r\n\r\n"),
    bad("another scheme", b"GET ftp://gw/ici HTTP/1.1\r\nHost: gw\r\n\r\n"),
    bad("a user in the target", b"GET http://me@gw/ici HTTP/1.1\r\nHost: gw\r\n\r\n"),
    bad("a target without host", b"GET http:///ici HTTP/1.1\r\nHost: gw\r\n\r\n"),
    bad("a target that names another host", b"GET http://other/ici HTTP/1.1\r\nHost: gw\r\n\r\n"),
    bad("a target that names another port", b"GET http://gw:81/ici HTTP/1.1\r\nHost: gw:82\r\n\r\n"),
    // Host.
    bad("no Host", b"GET /ici HTTP/1.1\r\nX-A: b\r\n\r\n"),
    bad("an empty Host", b"GET /ici HTTP/1.1\r\nHost:\r\n\r\n"),
    bad("two Hosts", b"GET /ici HTTP/1.1\r\nHost: gw\r\nHost: other\r\n\r\n"),
    bad("the same Host twice in two spellings", b"GET /ici HTTP/1.1\r\nhost: gw\r\nHOST: gw\r\n\r\n"),
    bad("two Hosts with HTTP/1.0", b"GET /ici HTTP/1.0\r\nHost: gw\r\nHost: other\r\n\r\n"),
    bad("a list in Host", b"GET /ici HTTP/1.1\r\nHost: gw, other\r\n\r\n"),
    bad("a blank in Host", b"GET /ici HTTP/1.1\r\nHost: gw other\r\n\r\n"),
    bad("a user in Host", b"GET /ici HTTP/1.1\r\nHost: me@gw\r\n\r\n"),
    bad("a path in Host", b"GET /ici HTTP/1.1\r\nHost: gw/other\r\n\r\n"),
    bad("no number as port", b"GET /ici HTTP/1.1\r\nHost: gw:http\r\n\r\n"),
    bad("a port beyond any", b"GET /ici HTTP/1.1\r\nHost: gw:65536\r\n\r\n"),
    // Other protocols, and what Connection must not take away.
    bad("an upgrade to WebSocket", b"GET /ici HTTP/1.1\r\nHost: gw\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"),
    bad("an upgrade with a second request behind it", b"POST /ici HTTP/1.1\r\nHost: gw\r\nUpgrade: x\r\nContent-Length: 0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: gw\r\n\r\n"),
    bad("an upgrade to HTTP/2", b"GET /ici HTTP/1.1\r\nHost: gw\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"),
    bad("Connection names Content-Length", b"POST /ici HTTP/1.1\r\nHost: gw\r\nConnection: content-length\r\nContent-Length: 36\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: gw\r\n\r\n"),
    bad("Connection names Transfer-Encoding", b"POST /ici HTTP/1.1\r\nHost: gw\r\nConnection: close, transfer-encoding\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    bad("Connection names Host", b"GET /ici HTTP/1.1\r\nHost: gw\r\nConnection: host\r\n\r\n"),
    bad("Connection names SOAPAction", b"POST /ici HTTP/1.1\r\nHost: gw\r\nConnection: soapaction\r\nSOAPAction: \"dial\"\r\nContent-Length: 0\r\n\r\n"),
    bad("Connection names far too many", b"GET /ici HTTP/1.1\r\nHost: gw\r\nConnection: a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s,t,u,v,w,x,y,z,aa,bb,cc,dd,ee,ff,gg,hh,ii,jj\r\n\r\n"),
    Hostile { what: "an unknown expectation", text: b"POST /ici HTTP/1.1\r\nHost: gw\r\nExpect: 200-ok\r\nContent-Length: 0\r\n\r\n", status: 417 },
    Hostile { what: "two expectations", text: b"POST /ici HTTP/1.1\r\nHost: gw\r\nExpect: 100-continue, x\r\nContent-Length: 0\r\n\r\n", status: 417 },
];

/// Chunked bodies that are refused. Their heads are in order, so a side may have seen one; it never
/// sees a complete request.
pub const HOSTILE_BODIES: &[(&str, &[u8])] = &[
    ("no size", b"\r\nab\r\n0\r\n\r\n"),
    ("a size that is none", b"zz\r\nab\r\n0\r\n\r\n"),
    ("a negative size", b"-2\r\nab\r\n0\r\n\r\n"),
    ("a size with a plus", b"+2\r\nab\r\n0\r\n\r\n"),
    ("a size with 0x", b"0x2\r\nab\r\n0\r\n\r\n"),
    ("a size with an underscore", b"1_0\r\nab\r\n0\r\n\r\n"),
    ("a blank in front of the size", b" 2\r\nab\r\n0\r\n\r\n"),
    ("a blank behind the size", b"2 \r\nab\r\n0\r\n\r\n"),
    (
        "a size beyond any integer",
        b"10000000000000002\r\nab\r\n0\r\n\r\n",
    ),
    (
        "a size in more digits than any needs",
        b"00000000000000000000000000000002\r\nab\r\n0\r\n\r\n",
    ),
    ("a bare line feed behind the size", b"2\nab\r\n0\r\n\r\n"),
    ("a bare line feed behind the data", b"2\r\nab\n0\r\n\r\n"),
    (
        "a carriage return alone behind the size",
        b"2\rxab\r\n0\r\n\r\n",
    ),
    ("more data than the size says", b"2\r\nabc\r\n0\r\n\r\n"),
    (
        "two bytes between data and next size",
        b"2\r\nabXX0\r\n\r\n",
    ),
    (
        "a bare line feed in an extension",
        b"2;a\nb\r\nab\r\n0\r\n\r\n",
    ),
    ("a NUL in an extension", b"2;a\0b\r\nab\r\n0\r\n\r\n"),
    (
        "a bare carriage return in an extension",
        b"2;a\rb\r\nab\r\n0\r\n\r\n",
    ),
    (
        "a bare line feed behind the last size",
        b"2\r\nab\r\n0\n\r\n",
    ),
    ("a bare line feed at the end", b"2\r\nab\r\n0\r\n\n"),
    ("a NUL in a trailer", b"2\r\nab\r\n0\r\nX: a\0b\r\n\r\n"),
    (
        "a request in place of a size",
        b"GET /smuggled HTTP/1.1\r\nHost: gw\r\n\r\n",
    ),
];

/// The head in front of a hostile body.
pub const CHUNKED_HEAD: &[u8] =
    b"POST /ici HTTP/1.1\r\nHost: gw\r\nContent-Type: text/xml\r\nTransfer-Encoding: chunked\r\n\r\n";

/// A request that is odd and means one thing only.
#[derive(Debug, Clone, Copy)]
pub struct Legal {
    /// What is odd about it.
    pub what: &'static str,
    /// The bytes.
    pub text: &'static [u8],
    /// Its body as a side has to get it.
    pub body: &'static [u8],
}

const fn good(what: &'static str, text: &'static [u8], body: &'static [u8]) -> Legal {
    Legal { what, text, body }
}

/// Requests that have to pass.
pub const LEGAL: &[Legal] = &[
    good("names in lower case", b"POST /ici HTTP/1.1\r\nhost: gw\r\ncontent-length: 2\r\n\r\nab", b"ab"),
    good("names in upper case", b"POST /ici HTTP/1.1\r\nHOST: gw\r\nCONTENT-LENGTH: 2\r\n\r\nab", b"ab"),
    good("no blanks behind colons", b"POST /ici HTTP/1.1\r\nHost:gw\r\nContent-Length:2\r\n\r\nab", b"ab"),
    good("blanks and tabs around values", b"POST /ici HTTP/1.1\r\nHost: \t gw \t\r\nContent-Length: \t 2 \t \r\n\r\nab", b"ab"),
    good("a length with zeros in front", b"POST /ici HTTP/1.1\r\nHost: gw\r\nContent-Length: 002\r\n\r\nab", b"ab"),
    good("a length of 0", b"POST /ici HTTP/1.1\r\nHost: gw\r\nContent-Length: 0\r\n\r\n", b""),
    good("a POST without length", b"POST /ici HTTP/1.1\r\nHost: gw\r\n\r\n", b""),
    good("a GET with a body", b"GET /ici HTTP/1.1\r\nHost: gw\r\nContent-Length: 2\r\n\r\nab", b"ab"),
    good("HTTP/1.0 without Host", b"POST /ici HTTP/1.0\r\nContent-Length: 2\r\n\r\nab", b"ab"),
    good("HTTP/1.0 with Host and keep-alive", b"POST /ici HTTP/1.0\r\nHost: gw\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nab", b"ab"),
    good("HTTP/1.0 with an expectation that it does not know", b"POST /ici HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nab", b"ab"),
    good("Connection: close", b"POST /ici HTTP/1.1\r\nHost: gw\r\nConnection: close\r\nContent-Length: 2\r\n\r\nab", b"ab"),
    good("Connection with empty elements", b"POST /ici HTTP/1.1\r\nHost: gw\r\nConnection: , keep-alive ,\r\nContent-Length: 2\r\n\r\nab", b"ab"),
    good("Connection names a field of this hop", b"POST /ici HTTP/1.1\r\nHost: gw\r\nConnection: keep-alive, x-hop\r\nX-Hop: 1\r\nContent-Length: 2\r\n\r\nab", b"ab"),
    good("Keep-Alive with parameters", b"POST /ici HTTP/1.1\r\nHost: gw\r\nKeep-Alive: timeout=5, max=100\r\nContent-Length: 2\r\n\r\nab", b"ab"),
    good("TE: trailers", b"POST /ici HTTP/1.1\r\nHost: gw\r\nTE: trailers\r\nConnection: TE\r\nContent-Length: 2\r\n\r\nab", b"ab"),
    good("chunked", b"POST /ici HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n", b"ab"),
    good("chunked in capitals", b"POST /ici HTTP/1.1\r\nHost: gw\r\nTRANSFER-ENCODING: CHUNKED\r\n\r\n2\r\nab\r\n0\r\n\r\n", b"ab"),
    good("chunked with blanks around", b"POST /ici HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: \tchunked \r\n\r\n2\r\nab\r\n0\r\n\r\n", b"ab"),
    good("several chunks", b"POST /ici HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n", b"ab"),
    good("a size in capitals", b"POST /ici HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked\r\n\r\nA\r\n0123456789\r\n0\r\n\r\n", b"0123456789"),
    good("a size in small letters", b"POST /ici HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n0\r\n\r\n", b"0123456789"),
    good("a size with zeros in front", b"POST /ici HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked\r\n\r\n0002\r\nab\r\n0000\r\n\r\n", b"ab"),
    good("an extension", b"POST /ici HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\nab\r\n0;c\r\n\r\n", b"ab"),
    good("a quoted extension", b"POST /ici HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked\r\n\r\n2;a=\"b c\"\r\nab\r\n0\r\n\r\n", b"ab"),
    good("trailers", b"POST /ici HTTP/1.1\r\nHost: gw\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nX-Sum: 1\r\n\r\n", b"ab"),
    good("an empty chunked body", b"POST /ici HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b""),
    good("chunks that look like requests", b"POST /ici HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nGET / HTTP/1.1\r\n\r\n0\r\n\r\n", b"GET / HTTP/1.1\r\n"),
    good("an empty line in front", b"\r\nPOST /ici HTTP/1.1\r\nHost: gw\r\nContent-Length: 2\r\n\r\nab", b"ab"),
    good("Expect: 100-Continue in another case", b"POST /ici HTTP/1.1\r\nHost: gw\r\nExpect: 100-CONTINUE\r\nContent-Length: 2\r\n\r\nab", b"ab"),
    good("OPTIONS *", b"OPTIONS * HTTP/1.1\r\nHost: gw\r\n\r\n", b""),
    good("DELETE", b"DELETE /ici HTTP/1.1\r\nHost: gw\r\n\r\n", b""),
    good("an unknown method", b"M-SEARCH /ici HTTP/1.1\r\nHost: gw\r\n\r\n", b""),
    good("a method in small letters", b"post /ici HTTP/1.1\r\nHost: gw\r\nContent-Length: 2\r\n\r\nab", b"ab"),
    good("a path with dots and double slashes", b"GET //a/./b/..//c HTTP/1.1\r\nHost: gw\r\n\r\n", b""),
    good("a path with escapes", b"GET /a%2Fb%00%0d%0a?c=%23 HTTP/1.1\r\nHost: gw\r\n\r\n", b""),
    good("a path with every legal sign", b"GET /a-._~!$&'()*+,;=:@/?a=/?[] HTTP/1.1\r\nHost: gw\r\n\r\n", b""),
    good("a Host with port", b"GET /ici HTTP/1.1\r\nHost: gw:8443\r\n\r\n", b""),
    good("a Host of IPv6", b"GET /ici HTTP/1.1\r\nHost: [2001:db8::1]:8443\r\n\r\n", b""),
    good("a Host with an underscore", b"GET /ici HTTP/1.1\r\nHost: sap_gw.example\r\n\r\n", b""),
    good("an absolute target", b"GET http://gw/ici HTTP/1.1\r\nHost: gw\r\n\r\n", b""),
    good("an absolute target with the default port", b"GET http://gw:80/ici HTTP/1.1\r\nHost: gw\r\n\r\n", b""),
    good("an absolute target in capitals", b"GET HTTP://GW/ici HTTP/1.1\r\nHost: gw\r\n\r\n", b""),
    good("an absolute target without path", b"GET http://gw HTTP/1.1\r\nHost: gw\r\n\r\n", b""),
    good("an absolute target with HTTP/1.0 and no Host", b"GET http://gw/ici HTTP/1.0\r\n\r\n", b""),
    good("an empty value", b"GET /ici HTTP/1.1\r\nHost: gw\r\nX-Empty:\r\n\r\n", b""),
    good("a value beyond ASCII", b"GET /ici HTTP/1.1\r\nHost: gw\r\nX-A: M\xfcller\r\n\r\n", b""),
    good("a tab within a value", b"GET /ici HTTP/1.1\r\nHost: gw\r\nX-A: b\tc\r\n\r\n", b""),
    good("a name with every legal sign", b"GET /ici HTTP/1.1\r\nHost: gw\r\n!#$%&'*+-.^_`|~9: b\r\n\r\n", b""),
    good("an ordinary field twice", b"GET /ici HTTP/1.1\r\nHost: gw\r\nCookie: a=1\r\nCookie: b=2\r\n\r\n", b""),
    good("a name that only begins like a length", b"POST /ici HTTP/1.1\r\nHost: gw\r\nContent-Lengths: 9\r\nContent-Length: 2\r\n\r\nab", b"ab"),
    good("an empty SOAPAction", b"POST /ici HTTP/1.1\r\nHost: gw\r\nContent-Type: text/xml\r\nSOAPAction: \"\"\r\nContent-Length: 2\r\n\r\nab", b"ab"),
    good("a SOAPAction without quotes", b"POST /ici HTTP/1.1\r\nHost: gw\r\nContent-Type: text/xml\r\nSOAPAction: urn:dial\r\nContent-Length: 2\r\n\r\nab", b"ab"),
    good("SOAP 1.2", b"POST /ici HTTP/1.1\r\nHost: gw\r\nContent-Type: application/soap+xml; action=\"urn:dial\"\r\nContent-Length: 2\r\n\r\nab", b"ab"),
    good("a body that is a request", b"POST /ici HTTP/1.1\r\nHost: gw\r\nContent-Length: 16\r\n\r\nGET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\n"),
    good("a body of control characters", b"POST /ici HTTP/1.1\r\nHost: gw\r\nContent-Length: 4\r\n\r\n\0\r\n\xff", b"\0\r\n\xff"),
];
