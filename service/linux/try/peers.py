"""The two peers of a gateway: the connector behind it, and SAP CRM's event receiver, which asks for a
certificate.

peers.py CONNECTOR_PORT CRM_PORT CRM_PEM CA_PEM
"""

import http.server
import ssl
import sys
import threading
import time


class Peer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if b"slow" in body:
            time.sleep(8)
        answer = self.server.says + b" had " + body
        self.send_response(200)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def serve(port, says, context=None):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Peer)
    server.says = says
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever).start()


connector, crm, pem, ca = sys.argv[1:]
tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=ca)
tls.verify_mode = ssl.CERT_REQUIRED
tls.load_cert_chain(pem)
serve(int(connector), b"the connector")
serve(int(crm), b"SAP CRM", tls)
