"""A remote PowerShell server that is signed in to as IIS is: NTLM, SPNEGO and Kerberos by pyspnego (Kerberos: MIT's own
library), message encryption over http, channel binding and client certificates over https. Behind the sign-in stands the
interop server built on psrpcore.

Prints one line of JSON ({"http", "https", "certificates", "ca", "client", "client_key"}: three ports and paths) once it listens,
and ends when its standard input does. The address says how it misbehaves (/PowerShell/WORD/):

negotiate, ntlm, basic  offers that scheme alone
bound-elsewhere         expects the binding of another certificate (https)
echo                    answers each envelope with an empty one, for long conversations
forget                  401 to the third request, once; forget-all: 401 to every request from the third on
tampered                changes a byte of the third sealed answer; cut: leaves the last byte of it out
replayed                says the second sealed answer again in place of the third
unsealed                says the third answer in clear
no-proof                lets Kerberos in without proving itself; changed-proof, cut-proof: with a broken proof
"""

import argparse
import base64
import collections
import hashlib
import http.server
import json
import os
import pathlib
import socket
import ssl
import sys
import tempfile
import threading
import xml.etree.ElementTree as ElementTree

from certificates import certificates, client_certificate
from exchange_cmdlets import Exchange
from wsman_service import ADDRESSING, Service, local, soap

OFFERS = {"negotiate": ["Negotiate"], "ntlm": ["NTLM"], "basic": ['Basic realm="cas01"']}
SPNEGO_OID = bytes.fromhex("06062b0601050502")
WORDS = {"kerberos": "application/HTTP-Kerberos-session-encrypted"}
SPNEGO_WORD = "application/HTTP-SPNEGO-session-encrypted"
BOUNDARY = b"--Encrypted Boundary"


def protocol(token):
    """Which mechanism a first token is of: raw NTLM, SPNEGO, or Kerberos in its own frame."""
    if token.startswith(b"NTLMSSP\0"):
        return "ntlm"
    return "negotiate" if SPNEGO_OID in token[:16] else "kerberos"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self):
        super().setup()
        self.context, self.scheme, self.answers = None, None, []

    def log_message(self, *_):
        pass

    def do_POST(self):
        self.word = self.path.split("?")[0].strip("/").rpartition("/")[2].lower()
        data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.server.kind == "certificates":
            return self.serve(data)
        if self.context is None or not self.context.complete:
            return self.sign_in(data)
        seen = self.server.seen
        seen[self.word] += 1
        if (self.word == "forget" and seen[self.word] == 3) or (self.word == "forget-all" and seen[self.word] >= 3):
            self.context = None
            return self.reply(401, b"", self.offers())
        return self.serve(data)

    def offers(self):
        schemes = OFFERS.get(self.word, ["Negotiate", "Kerberos", "NTLM"])
        return [("WWW-Authenticate", scheme) for scheme in schemes]

    def binding(self):
        from spnego.channel_bindings import GssChannelBindings

        if self.server.kind != "https":
            return None
        der = b"another certificate" if self.word == "bound-elsewhere" else self.server.leaf
        return GssChannelBindings(application_data=b"tls-server-end-point:" + hashlib.sha256(der).digest())

    def sign_in(self, data):
        import spnego

        scheme, _, text = self.headers.get("Authorization", "").partition(" ")
        # The body comes only once the connection is signed in: a sealed one could not be read, a plain one would be shown.
        if data or not text:
            return self.reply(401, b"", self.offers())
        token = base64.b64decode(text)
        try:
            if self.context is None:
                name = protocol(token)
                # MIT refuses the flag with which the client's library says that it binds nothing it can check.
                binding = None if name == "kerberos" else self.binding()
                self.context = spnego.server(hostname="localhost", service="HTTP", protocol=name, channel_bindings=binding)
                self.scheme = scheme
            answer = self.context.step(token)
        except Exception as error:
            print(f"{scheme}: {error!r}", file=sys.stderr, flush=True)
            self.context = None
            return self.reply(401, b"", self.offers())
        if self.word == "no-proof":
            answer = None
        elif answer and self.word == "changed-proof":
            answer = answer[:-1] + bytes([answer[-1] ^ 1])
        elif answer and self.word == "cut-proof":
            answer = answer[:-8]
        said = [("WWW-Authenticate", f"{scheme} {base64.b64encode(answer).decode()}")] if answer else []
        return self.reply(200 if self.context.complete else 401, b"", said)

    def serve(self, data):
        is_sealed = self.server.kind == "http"
        envelope = self.open(data) if is_sealed else data
        if self.word == "echo":
            message = ElementTree.fromstring(envelope)
            status, body, extra = 200, soap("echo", local(message, f"{{{ADDRESSING}}}MessageID").text, ""), {}
        else:
            try:
                status, body, extra = self.server.service.respond(envelope, self.headers.get("Cookie", ""))
            except ConnectionAbortedError:
                self.close_connection = True
                return self.connection.shutdown(socket.SHUT_RDWR)
        kind = "application/soap+xml;charset=UTF-8"
        if is_sealed and not (self.word == "unsealed" and len(self.answers) == 2):
            kind, body = self.seal(body)
        self.answers.append(body)
        return self.reply(status, body, [*extra.items(), ("X-FEServer", "CAS01")], kind)

    def open(self, data):
        kind = self.headers["Content-Type"]
        word = WORDS.get(self.scheme.lower(), SPNEGO_WORD)
        if kind != f'multipart/encrypted;protocol="{word}";boundary="Encrypted Boundary"':
            raise ValueError(f"not sealed: {kind}")
        _, head, part, end = data.split(BOUNDARY, 3) if data.count(BOUNDARY) == 3 else (None, None, None, None)
        if end != b"--\r\n" or f"\tContent-Type: {word}\r\n".encode() not in head:
            raise ValueError("the frame is broken")
        part = part.removeprefix(b"\r\n\tContent-Type: application/octet-stream\r\n")
        length = int.from_bytes(part[:4], "little")
        plain = self.context.unwrap_winrm(part[4 : 4 + length], part[4 + length :])
        if f";Length={len(plain)}\r\n".encode() not in head:
            raise ValueError("the length is wrong")
        return plain

    def seal(self, body):
        word = WORDS.get(self.scheme.lower(), SPNEGO_WORD)
        sealed = self.context.wrap_winrm(body)
        data = sealed.data
        if len(self.answers) == 2 and self.word == "tampered":
            data = data[:100] + bytes([data[100] ^ 1]) + data[101:]
        elif len(self.answers) == 2 and self.word == "cut":
            data = data[:-1]
        kind = f'multipart/encrypted;protocol="{word}";boundary="Encrypted Boundary"'
        if len(self.answers) == 2 and self.word == "replayed":
            return kind, self.answers[1]
        # As Exchange 2010 and 2013 write it, with a space, to every other request.
        boundary = BOUNDARY if len(self.answers) % 2 else b"-- Encrypted Boundary"
        head = f"\tContent-Type: {word}\r\n\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length="
        return kind, b"".join(
            [
                boundary + b"\r\n" + head.encode() + str(len(body) + sealed.padding_length).encode() + b"\r\n",
                boundary + b"\r\n\tContent-Type: application/octet-stream\r\n",
                len(sealed.header).to_bytes(4, "little") + sealed.header + data,
                boundary + b"--\r\n",
            ]
        )

    def reply(self, status, body, extra, kind="text/plain"):
        headers = [("Content-Type", kind), ("Content-Length", len(body)), *extra]
        lines = [f"HTTP/1.1 {status} Answer", *(f"{name}: {value}" for name, value in headers), "", ""]
        self.connection.sendall("\r\n".join(lines).encode() + body)


class Listener(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, kind, service, leaf=None, tls=None):
        super().__init__(("127.0.0.1", 0), Handler)
        self.kind, self.service, self.leaf, self.tls = kind, service, leaf, tls
        self.seen = collections.Counter()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def finish_request(self, request, client_address):
        try:
            if self.tls is None:
                return super().finish_request(request, client_address)
            with self.tls.wrap_socket(request, server_side=True) as secure:
                super().finish_request(secure, client_address)
        except (OSError, ssl.SSLError) as error:
            print(repr(error), file=sys.stderr, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--devices", type=int, default=20)
    parser.add_argument("--accounts", help="file of NTLM accounts: DOMAIN:NAME:PASSWORD a line")
    parser.add_argument("--krb5", type=pathlib.Path, help="folder with krb5.conf and http.keytab; else no Kerberos")
    arguments = parser.parse_args()
    if arguments.accounts:
        os.environ["NTLM_USER_FILE"] = arguments.accounts
    if arguments.krb5:
        os.environ["KRB5_CONFIG"] = str(arguments.krb5 / "krb5.conf")
        os.environ["KRB5_KTNAME"] = str(arguments.krb5 / "http.keytab")
        # Its memory of tickets would lie outside the test's folder.
        os.environ["KRB5RCACHENAME"] = "none:"

    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        authority, certificate, key = certificates(folder)
        client, client_key = client_certificate(folder, "svc-exgate")
        leaf = ssl.PEM_cert_to_DER_cert(certificate.read_text())
        service = Service(Exchange(arguments.devices))
        plain = Listener("http", service)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate, key)
        secure = Listener("https", service, leaf, tls)
        both = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        both.load_cert_chain(certificate, key)
        both.load_verify_locations(client)
        both.verify_mode = ssl.CERT_REQUIRED
        mutual = Listener("certificates", service, leaf, both)
        ready = {
            "http": plain.server_address[1],
            "https": secure.server_address[1],
            "certificates": mutual.server_address[1],
            "ca": str(authority),
            "client": str(client),
            "client_key": str(client_key),
        }
        print(json.dumps(ready), flush=True)
        sys.stdin.buffer.read()


if __name__ == "__main__":
    main()
