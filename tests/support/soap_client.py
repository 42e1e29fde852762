"""A SOAP client out of the standard library: python3 soap_client.py HOST PORT CA CERTIFICATE."""

import http.client
import socket
import ssl
import sys

host, port, authority, certificate = sys.argv[1:]
BODY = (
    '<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/">'
    "<s:Body><getStatus>%s</getStatus></s:Body></s:Envelope>"
)
HEADERS = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '""'}


def context(version):
    made = ssl.create_default_context(cafile=authority)
    made.load_cert_chain(certificate)
    made.minimum_version = made.maximum_version = version
    return made


def say(*words):
    print(*words, flush=True)


for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
    tls = context(version)
    kept = http.client.HTTPSConnection(host, int(port), context=tls, timeout=20)
    for turn in ("one", "two"):
        body = BODY % turn
        kept.request("POST", "/ici", body.encode(), HEADERS)
        answer = kept.getresponse()
        say(version.name, "length", answer.status, answer.read().decode() == body)
    pieces = ((BODY % "pieces").encode()[at : at + 7] for at in range(0, 200, 7))
    kept.request("POST", "/ici", pieces, HEADERS, encode_chunked=True)
    answer = kept.getresponse()
    say(version.name, "chunked", answer.status, answer.read() == (BODY % "pieces").encode())
    session = kept.sock.session
    kept.close()
    plain = socket.create_connection((host, int(port)), 20)
    again = tls.wrap_socket(plain, server_hostname=host, session=session)
    again.sendall(b"POST /ici HTTP/1.0\r\nContent-Length: 2\r\n\r\nok")
    answer = http.client.HTTPResponse(again)
    answer.begin()
    say(version.name, "resumed", again.session_reused, answer.status, answer.read() == b"ok")
