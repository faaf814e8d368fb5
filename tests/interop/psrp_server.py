"""A remote PowerShell server for exgate's client, built on psrpcore, so that a mistake shared by exgate's own client and
simulator shows here. This file is its transport: TLS and Basic.

Prints one line of JSON ({"port", "ca", "account", "password"}) once it listens, and ends when its standard input does.
Get-MobileDevice answers are rendered before that line, so that the client is what a run measures.

Get-MobileDevice                       every device
Get-MobileDevice -ResultSize 10        ten devices and the warning that there are more
Get-MobileDevice -Identity <Guid>      one device; an unknown identity is an error record, beside a pipeline that completes
Get-MobileDevice -Mailbox endless      one device every 50 ms until stopped
Get-MobileDevice -Mailbox quiet        one device after three polls without output
Get-MobileDevice -Mailbox prompting    a question to a person, which has to end in a stop
Get-MobileDevice -Mailbox gone         the shell disappears
Get-MobileDevice -Mailbox throttled    an OverBudgetException that names its wait
Set-/Get-CASMailbox                    the personal lists, edited by @{Add;Remove} and read back
Set-CASMailbox -Identity lost          takes effect, and the connection breaks instead of an answer
anything it does not know              a terminating CommandNotFoundException
"""

import argparse
import base64
import hmac
import http.server
import json
import pathlib
import socket
import ssl
import sys
import tempfile
import threading

from certificates import certificates
from clixml_values import containers, describe, primitives
from exchange_cmdlets import Exchange
from wire_cmdlets import Wire
from wsman_service import Service


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def do_POST(self):
        listener = self.server
        data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        pair = base64.b64encode(f"{listener.account}:{listener.password}".encode()).decode()
        if not hmac.compare_digest(self.headers.get("Authorization", ""), f"Basic {pair}"):
            return self.reply(401, b"", {"WWW-Authenticate": 'Basic realm="cas01"'})
        try:
            return self.reply(*listener.service.respond(data, self.headers.get("Cookie", "")))
        except ConnectionAbortedError as broken:
            self.close_connection = True
            if broken.args:
                self.reply(*broken.args, half=True)
            return self.connection.shutdown(socket.SHUT_RDWR)

    def reply(self, status, body, extra, half=False):
        headers = {
            "Content-Type": "application/soap+xml;charset=UTF-8",
            "Content-Length": len(body),
            "X-FEServer": "CAS01",
            **extra,
        }
        lines = [f"HTTP/1.1 {status} Answer", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        self.connection.sendall("\r\n".join(lines).encode() + (body[: len(body) // 2] if half else body))


class Listener(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def get_request(self):
        connection, address = super().get_request()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection, address

    def finish_request(self, request, client_address):
        # The handshake belongs to the connection's own thread: a silent client must not block the others.
        try:
            with self.tls.wrap_socket(request, server_side=True) as secure:
                super().finish_request(secure, client_address)
        except (OSError, ssl.SSLError):
            pass

    def handle_error(self, request, client_address):
        if not isinstance(sys.exception() if sys.version_info >= (3, 11) else sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--devices", type=int, default=100)
    parser.add_argument("--account", default="EXAMPLE\\svc-exgate")
    parser.add_argument("--password", default="interop only")
    parser.add_argument("--poll", type=float, default=20.0, help="how long a Receive waits, in seconds, at most")
    parser.add_argument("--fragment", type=int, default=32768, help="how many bytes a fragment has, at most")
    parser.add_argument("--envelope", type=int, default=512000, help="how many bytes an answer has, at most")
    parser.add_argument("--wire", action="store_true", help="the cases of wire_cmdlets.py too; the first line tells every value")
    parser.add_argument("--folder", type=pathlib.Path, help="where the certificates go; else a temporary folder")
    arguments = parser.parse_args()

    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or pathlib.Path(temporary)
        authority, certificate, key = certificates(folder)
        listener = Listener(("127.0.0.1", 0), Handler)
        listener.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        listener.tls.load_cert_chain(certificate, key)
        listener.account, listener.password = arguments.account, arguments.password
        cmdlets = (Wire if arguments.wire else Exchange)(arguments.devices)
        listener.service = Service(cmdlets, arguments.poll, arguments.fragment, arguments.envelope)
        threading.Thread(target=listener.serve_forever, daemon=True).start()
        ready = {
            "port": listener.server_address[1],
            "ca": str(authority),
            "account": arguments.account,
            "password": arguments.password,
        }
        if arguments.wire:
            ready["values"] = [[name, describe(value)] for name, value in {**primitives(), **containers()}.items()]
        print(json.dumps(ready), flush=True)
        sys.stdin.buffer.read()
        listener.shutdown()


if __name__ == "__main__":
    main()
