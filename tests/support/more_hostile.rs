//! More hostile requests than the corpus holds: attacks with a second request behind the first, and
//! what only few servers take.

/// Requests that are refused before a side is asked for anything.
pub const HEADS: &[(&str, &[u8])] = &[
    ("length and chunked", b"POST /ici HTTP/1.1\r\nHost: gw\r\nContent-Length: 40\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: gw\r\n\r\n"),
    ("length twice, different", b"POST /ici HTTP/1.1\r\nHost: gw\r\nContent-Length: 0\r\nContent-Length: 38\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: gw\r\n\r\nabc"),
    ("two numbers as length", b"POST /ici HTTP/1.1\r\nHost: gw\r\nContent-Length: 2 2\r\n\r\nab"),
    ("length with a fraction", b"POST /ici HTTP/1.1\r\nHost: gw\r\nContent-Length: 2.0\r\n\r\nab"),
    ("length with a parameter", b"POST /ici HTTP/1.1\r\nHost: gw\r\nContent-Length: 2;x\r\n\r\nab"),
    ("length in words", b"POST /ici HTTP/1.1\r\nHost: gw\r\nContent-Length: two\r\n\r\nab"),
    ("chunked and another coding", b"POST /ici HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n"),
    ("identity", b"POST /ici HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: identity\r\n\r\n"),
    ("an unknown coding", b"POST /ici HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: cow\r\n\r\n"),
    ("chunked behind a vertical tab", b"POST /ici HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n"),
    ("chunked behind a form feed", b"POST /ici HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: \x0cchunked\r\n\r\n0\r\n\r\n"),
    ("chunked with HTTP/1.0 and keep-alive", b"POST /ici HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"),
    ("a control character in a name", b"GET /ici HTTP/1.1\r\nHost: gw\r\nX\x01A: b\r\n\r\n"),
    ("a comma in a name", b"GET /ici HTTP/1.1\r\nHost: gw\r\nX,A: b\r\n\r\n"),
    ("two blanks in front of the version", b"GET /ici  HTTP/1.1\r\nHost: gw\r\n\r\n"),
    ("a blank behind the version", b"GET /ici HTTP/1.1 \r\nHost: gw\r\n\r\n"),
    ("a line feed in front", b"\nGET /ici HTTP/1.1\r\nHost: gw\r\n\r\n"),
    ("HTTP/2.0", b"GET /ici HTTP/2.0\r\nHost: gw\r\n\r\n"),
    ("the version with a zero", b"GET /ici HTTP/01.1\r\nHost: gw\r\n\r\n"),
    ("another protocol's version", b"GET /ici ICAP/1.1\r\nHost: gw\r\n\r\n"),
    ("a bracket in the method", b"PO(ST /ici HTTP/1.1\r\nHost: gw\r\nContent-Length: 0\r\n\r\n"),
    ("no request at all", b"{\"a\":1}\r\n\r\n"),
    ("a header of a proxy protocol", b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\nGET /ici HTTP/1.1\r\nHost: gw\r\n\r\n"),
    ("a star for another method than OPTIONS", b"POST * HTTP/1.1\r\nHost: gw\r\nContent-Length: 0\r\n\r\n"),
    ("a NUL in the target", b"GET /ici\0/smuggled HTTP/1.1\r\nHost: gw\r\n\r\n"),
    ("a port beyond any", b"GET /ici HTTP/1.1\r\nHost: gw:65536\r\n\r\n"),
    ("an upgrade with a second request behind it", b"POST /ici HTTP/1.1\r\nHost: gw\r\nUpgrade: x\r\nContent-Length: 0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: gw\r\n\r\n"),
    ("an upgrade to HTTP/2", b"GET /ici HTTP/1.1\r\nHost: gw\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"),
    ("Connection names Content-Length", b"POST /ici HTTP/1.1\r\nHost: gw\r\nConnection: content-length\r\nContent-Length: 36\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: gw\r\n\r\n"),
    ("Connection names far too many", b"GET /ici HTTP/1.1\r\nHost: gw\r\nConnection: a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s,t,u,v,w,x,y,z,aa,bb,cc,dd,ee,ff,gg,hh,ii,jj\r\n\r\n"),
];

/// Chunked bodies that are refused. Their heads are in order, so a side may have seen one.
pub const BODIES: &[(&str, &[u8])] = &[
    ("a size that is none", b"POST /ici HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n0\r\n\r\n"),
    ("a negative size", b"POST /ici HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked\r\n\r\n-2\r\nab\r\n0\r\n\r\n"),
    ("a size with an underscore", b"POST /ici HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked\r\n\r\n1_0\r\nab\r\n0\r\n\r\n"),
    ("a blank in front of the size", b"POST /ici HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked\r\n\r\n 2\r\nab\r\n0\r\n\r\n"),
    ("a size in more digits than any needs", b"POST /ici HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked\r\n\r\n00000000000000000000000000000002\r\nab\r\n0\r\n\r\n"),
    ("a carriage return alone behind the size", b"POST /ici HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked\r\n\r\n2\rxab\r\n0\r\n\r\n"),
    ("two bytes between data and next size", b"POST /ici HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabXX0\r\n\r\n"),
    ("a bare carriage return in an extension", b"POST /ici HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked\r\n\r\n2;a\rb\r\nab\r\n0\r\n\r\n"),
    ("a bare line feed behind the last size", b"POST /ici HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\n\r\n"),
    ("a bare line feed at the end", b"POST /ici HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\n"),
    ("a NUL in a trailer", b"POST /ici HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nX: a\0b\r\n\r\n"),
    ("a request in place of a size", b"POST /ici HTTP/1.1\r\nHost: gw\r\nTransfer-Encoding: chunked\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: gw\r\n\r\n"),
];
