"""A server that means ill, for one client at a time or many: the path of the address chooses the attack, which begins at the
first request, while the runspace opens, or in the output of the first cmdlet that lists devices. Knows just enough of the wire,
from the documents, to be let so far.

Prints one line of JSON ({"port", "ca", "attacks"}) once it listens, and a line ({"attack", "mebibytes"}) for every eight
mebibytes of output without end; ends when its standard input does.
"""

import base64
import itertools
import json
import pathlib
import re
import socket
import ssl
import struct
import sys
import tempfile
import threading
import time
import uuid

from certificates import certificates

ADDRESSING = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
SHELL = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
MEBIBYTE = 1 << 20
# A second for the kernel's buffers, and no storm.
TRICKLE_SECONDS = 0.05


class Over(Exception):
    """The connection is to be closed."""


# --- what a server says


def envelope(body, relates_to, header=""):
    relation = f"<a:RelatesTo>{relates_to}</a:RelatesTo>" if relates_to else ""
    return (
        f'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="{ADDRESSING}" xmlns:rsp="{SHELL}">'
        f"<s:Header>{header}{relation}</s:Header><s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


def created(shell_id="S"):
    return f"<rsp:Shell><rsp:ShellId>{shell_id}</rsp:ShellId></rsp:Shell>"


def received(data, command=None):
    named = f' CommandId="{command}"' if command else ""
    return f'<rsp:ReceiveResponse><rsp:Stream Name="stdout"{named}>{base64.b64encode(data).decode()}</rsp:Stream></rsp:ReceiveResponse>'


def fault(code, subcode, text):
    return (
        f"<s:Fault><s:Code><s:Value>s:Receiver</s:Value><s:Subcode><s:Value>{subcode}</s:Value></s:Subcode></s:Code>"
        f'<s:Reason><s:Text>{text}</s:Text></s:Reason><s:Detail><f:WSManFault xmlns:f="f" Code="{code}"/></s:Detail></s:Fault>'
    )


def fragment(number, place, flags, data):
    return struct.pack(">QQBI", number, place, flags, len(data)) + data


OBJECTS = itertools.count(1000)


def message(kind, body, pool=uuid.UUID(int=0), pipeline=uuid.UUID(int=0)):
    data = struct.pack("<II", 1, kind) + pool.bytes_le + pipeline.bytes_le + body.encode()
    return fragment(next(OBJECTS), 0, 3, data)


def opened():
    capability = "".join(
        f'<Version N="{name}">{version}</Version>'
        for name, version in (("protocolversion", "2.3"), ("PSVersion", "2.0"), ("SerializationVersion", "1.1.0.1"))
    )
    return (
        message(0x00010002, f'<Obj RefId="0"><MS>{capability}</MS></Obj>')
        + message(0x00021009, '<Obj RefId="0"><MS><Nil N="ApplicationPrivateData"/></MS></Obj>')
        + message(0x00021005, '<Obj RefId="0"><MS><I32 N="RunspaceState">2</I32></MS></Obj>')
    )


def completed(pipeline):
    return message(0x00041006, '<Obj RefId="0"><MS><I32 N="PipelineState">4</I32></MS></Obj>', pipeline=pipeline)


# --- one request, and how it is answered


class Request:
    def __init__(self, connection, path, data):
        self.connection, self.path, self.text = connection, path, data.decode()
        self.id = re.search(r"MessageID>([^<]+)<", self.text)[1]
        self.action = re.search(r"Action[^>]*>([^<]+)<", self.text)[1].rsplit("/", 1)[-1]
        command = re.search(r'CommandId="([0-9A-Fa-f-]+)"', self.text)
        self.command = command and uuid.UUID(command[1])

    def answer(self, body, status=200):
        data = body if isinstance(body, bytes) else envelope(body, self.id)
        head = f"HTTP/1.1 {status} A\r\nContent-Type: application/soap+xml;charset=UTF-8\r\nContent-Length: {len(data)}\r\n\r\n"
        self.connection.sendall(head.encode() + data)

    def raw(self, data):
        self.connection.sendall(data)

    def endless(self, head, pieces, pause=0.0):
        self.raw(head)
        for piece in pieces:
            self.raw(piece)
            time.sleep(pause)
        raise Over()

    def commanded(self):
        """The usual answer to anything that is not a Receive."""
        if self.action == "Create":
            return self.answer(created())
        if self.action == "Command":
            return self.answer(f"<rsp:CommandResponse><rsp:CommandId>{self.command}</rsp:CommandId></rsp:CommandResponse>")
        if self.action in ("Send", "Signal"):
            return self.answer(f"<rsp:{self.action}Response/>")
        return self.answer("")


OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/soap+xml;charset=UTF-8\r\n"


def chunks(data):
    return itertools.repeat(f"{len(data):x}\r\n".encode() + data + b"\r\n")


# Attacks on the first request: what it is answered with.
FIRST = {
    "doctype": lambda it: it.answer(b'<!DOCTYPE a [<!ENTITY b "b">]>' + envelope(created("&b;"), it.id)),
    "instruction": lambda it: it.answer(b"<?xml-stylesheet href='x'?>" + envelope(created(), it.id)),
    "entity": lambda it: it.answer(envelope(created("&bomb;"), it.id)),
    "deep": lambda it: it.answer(envelope("<a>" * 100_000, it.id)),
    "attributes": lambda it: it.answer(envelope("<a " + " ".join(f'b{n}=""' for n in range(100_000)) + "/>", it.id)),
    "value": lambda it: it.answer(created("x" * MEBIBYTE)),
    "fault-text": lambda it: it.answer(fault(1, "w:InternalError", "x" * MEBIBYTE), 500),
    "not-utf8": lambda it: it.answer(b"\xff\xfe" * 100),
    "not-soap": lambda it: it.answer(b"<html><body>Sign in</body></html>"),
    "unrelated": lambda it: it.answer(envelope(created(), "uuid:00000000-0000-4000-8000-000000000000")),
    "relates-to-nothing": lambda it: it.answer(envelope(created(), None)),
    "other-answer": lambda it: it.answer("<rsp:SignalResponse/>"),
    "announced-body": lambda it: it.endless(OK + b"Content-Length: 68719476736\r\n\r\n", chunks(b"x" * 65536)),
    "endless-body": lambda it: it.endless(OK + b"Transfer-Encoding: chunked\r\n\r\n", chunks(b"x" * 65536)),
    "endless-headers": lambda it: it.endless(OK, (f"X-{n}: {'x' * 1000}\r\n".encode() for n in itertools.count())),
    "endless-interim": lambda it: it.endless(b"", itertools.repeat(b"HTTP/1.1 100 Continue\r\n\r\n"), 0.001),
    "trickle": lambda it: it.endless(OK + b"Content-Length: 100000\r\n\r\n", itertools.repeat(b" "), TRICKLE_SECONDS),
    "trickled-head": lambda it: it.endless(b"HTTP/1.1 200 OK\r\nX: ", itertools.repeat(b"x"), TRICKLE_SECONDS),
    "silence": lambda it: it.endless(b"", itertools.repeat(b""), TRICKLE_SECONDS),
    "garbage": lambda it: it.endless(b"\x16\x03\x01 not http\r\n\r\n", []),
}


def one_object(it, size):
    """One message that never ends, in fragments of a size, as many as fit into an answer."""
    counter = it.connection.counter
    pieces = [fragment(1, next(counter), 0, b"x" * size) for _ in range(max(1, 1_000_000 // (size + 21)))]
    if it.connection.first:
        it.connection.first = False
        pieces[0] = fragment(1, 0, 1, pieces[0][21:])
    it.answer(received(b"".join(pieces)))


def timed_out(it):
    it.answer(fault(2150858793, "w:TimedOut", "t"), 500)


# Attacks while the runspace opens: what each Receive is answered with.
OPENING = {
    "endless-object": lambda it: one_object(it, 30_000),
    "endless-empty-fragments": lambda it: one_object(it, 0),
    "many-objects": lambda it: it.answer(received(b"".join(fragment(n, 0, 1, b"x") for n in range(100)))),
    "lost-fragment": lambda it: it.answer(received(fragment(1, 0, 1, b"x") + fragment(1, 2, 2, b"x"))),
    "cut-fragment": lambda it: it.answer(received(fragment(1, 0, 3, b"x" * 100)[:50])),
    "short-message": lambda it: it.answer(received(fragment(1, 0, 3, b"x"))),
    "wrong-way": lambda it: it.answer(received(fragment(1, 0, 3, b"\2\0\0\0" + b"\0" * 36))),
    "not-base64": lambda it: it.answer(received(b"").replace("></rsp:Stream>", ">!</rsp:Stream>")),
    "many-streams": lambda it: it.answer(f"<rsp:ReceiveResponse>{'<rsp:Stream Name=~~/>'.replace('~', chr(34)) * 100_000}</rsp:ReceiveResponse>"),
    "version": lambda it: it.answer(received(opened().replace(b"2.3", b"9.9"))),
    "deep-body": lambda it: it.answer(received(message(0x00021005, "<Obj><LST>" * 1_000))),
    "values": lambda it: it.answer(received(message(0x00021009, f"<Obj><LST>{'<Nil/>' * 300_000}</LST></Obj>"))),
    "references": lambda it: it.answer(received(message(0x00021009, billion()))),
    "chatter": lambda it: it.answer(received(message(0x00021008, "<S>x</S>") * 1_000)),
    "hurried-polls": timed_out,
    "hurried-silence": lambda it: it.answer("<rsp:ReceiveResponse/>"),
}


def billion():
    """Lists of lists by reference: small to write, a billion to walk."""
    lists = "".join(
        f'<Obj RefId="{n}"><LST><Ref RefId="{n - 1}"/><Ref RefId="{n - 1}"/></LST></Obj>' for n in range(1, 60)
    )
    return f'<Obj><LST><Obj RefId="0"/>{lists}</LST></Obj>'


def row(inside):
    return f'<Obj RefId="0"><TN RefId="0"><T>Device</T></TN><ToString>d</ToString><Props>{inside}</Props></Obj>'


def listed(it, bodies):
    data = b"".join(message(0x00041004, body, pipeline=it.command) for body in bodies)
    it.answer(received(data + completed(it.command), it.command))


def flood(it, body, count, kind):
    """The same output for ever, rendered once; tells how much went out."""
    connection = it.connection
    if connection.flood is None:
        data = b"".join(message(kind, body, pipeline=it.command) for _ in range(count))
        connection.flood, connection.sent = received(data, it.command), 0
    it.answer(connection.flood)
    before, connection.sent = connection.sent, connection.sent + len(connection.flood)
    if before // (MEBIBYTE * 8) != connection.sent // (MEBIBYTE * 8):
        print(json.dumps({"attack": it.path, "mebibytes": connection.sent // MEBIBYTE}), flush=True)


BLOB = base64.b64encode(b"\0\1\0\0\0\xff\xff\xff\xff" + b"\1" * 3_000).decode()
WARNING = f'<Obj RefId="0"><MS><S N="InformationalRecord_Message">{"w" * 1_000}</S></MS></Obj>'
PROGRESS = f'<Obj RefId="0"><MS><S N="Activity">{"p" * 1_000}</S><I32 N="ActivityId">0</I32></MS></Obj>'
ERROR = f'<Obj RefId="0"><MS><Obj N="Exception" RefId="1"><Props><S N="Message">{"e" * 900_000}</S></Props></Obj></MS></Obj>'
DEVICE = row(f'<S N="DeviceId">D</S><S N="FriendlyName">{"f" * 3_000}</S>')

# Attacks in the output of a listing.
OUTPUT = {
    "blob-row": lambda it: listed(it, [row(f'<BA N="SerializationData">{BLOB}</BA><BA N="FriendlyName">{BLOB}</BA><S N="DeviceId">D</S>')]),
    "deep-row": lambda it: listed(it, [row("<Obj><LST>" * 100)]),
    "doctype-row": lambda it: listed(it, ["<!DOCTYPE a>" + row("")]),
    "long-row": lambda it: listed(it, [row(f'<S N="FriendlyName">{"x" * (MEBIBYTE + 1)}</S>')]),
    "wide-row": lambda it: listed(it, [row(f"<S N='DeviceId' {' '.join(f'a{n}=~~'.replace('~', chr(34)) for n in range(100))}/>")]),
    "after-the-end": lambda it: it.answer(received(completed(it.command) + completed(it.command), it.command)),
    "other-pipeline": lambda it: it.answer(received(completed(uuid.UUID(int=9)), it.command)),
    "large-errors": lambda it: flood(it, ERROR, 5, 0x00041005),
    "endless-warnings": lambda it: flood(it, WARNING, 2_000, 0x00041009),
    "endless-progress": lambda it: flood(it, PROGRESS, 2_000, 0x00041010),
    "endless-rows": lambda it: flood(it, DEVICE, 1_000, 0x00041004),
    "endless-empty-rows": lambda it: flood(it, row(""), 20_000, 0x00041004),
}


def serve(connection):
    connection.counter, connection.first, pool_is_open, output = itertools.count(), True, False, set()
    stream = connection.makefile("rb")
    while line := stream.readline():
        path = line.split()[1].decode().split("?")[0].strip("/")
        length = 0
        while (header := stream.readline()).strip():
            name, _, value = header.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        it = Request(connection, path, stream.read(length))
        if path in FIRST:
            FIRST[path](it)
        elif it.action == "Receive" and path in OPENING:
            OPENING[path](it)
        elif it.action == "Receive" and it.command is None:
            timed_out(it) if pool_is_open else it.answer(received(opened()))
            pool_is_open = True
        elif it.action == "Receive" and it.command in output:
            OUTPUT[path](it)
        elif it.action == "Receive":
            it.answer(received(completed(it.command), it.command))
        else:
            if it.action == "Command" and is_listing(it.text):
                output.add(it.command)
            it.commanded()


def is_listing(text):
    arguments = re.search(r"Arguments>([^<]+)<", text)[1]
    return b">Get-MobileDevice<" in base64.b64decode(arguments)


class Connection(ssl.SSLSocket):
    """A connection that remembers what it has said."""

    counter, first, flood, sent = None, True, None, 0


def accept(listener, context):
    while True:
        plain, _ = listener.accept()
        threading.Thread(target=talk, args=(plain, context), daemon=True).start()


def talk(plain, context):
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        with context.wrap_socket(plain, server_side=True) as connection:
            serve(connection)
    except (OSError, Over):
        pass


def main():
    with tempfile.TemporaryDirectory() as temporary:
        authority, certificate, key = certificates(pathlib.Path(temporary))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.sslsocket_class = Connection
        context.load_cert_chain(certificate, key)
        listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=accept, args=(listener, context), daemon=True).start()
        attacks = {"first": list(FIRST), "opening": list(OPENING), "output": list(OUTPUT)}
        print(json.dumps({"port": listener.getsockname()[1], "ca": str(authority), "attacks": attacks}), flush=True)
        sys.stdin.buffer.read()


if __name__ == "__main__":
    main()
