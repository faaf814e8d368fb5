"""A web server of Python's own that sends everybody on, or answers nothing but 404, and tells who came.

Prints {"port", "ca"} once it listens, then {"path", "authorization"} for each request, and ends when its standard input does.
"""

import argparse
import http.server
import json
import pathlib
import ssl
import sys
import tempfile
import threading

from certificates import certificates


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--to", help="where to; PORT stands for its own port")
    arguments.add_argument("--status", type=int, default=302)
    options = arguments.parse_args()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            authorization = self.headers.get("Authorization", "")
            print(json.dumps({"path": self.path, "authorization": authorization}), flush=True)
            self.send_response(options.status if options.to else 404)
            if options.to:
                self.send_header("Location", options.to.replace("PORT", str(self.server.server_port)))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    with tempfile.TemporaryDirectory() as folder:
        ca, certificate, key = certificates(pathlib.Path(folder))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(json.dumps({"port": server.server_port, "ca": ca.read_text()}), flush=True)
        sys.stdin.read()
        server.shutdown()


if __name__ == "__main__":
    main()
